/**
 * The board of the brick stories, without a chip: the target's boot core (lib/journal, lib/slots, lib/update as they ship)
 * on a fake flash with the sectors of the chip, cut as the story wants. RAM is garbage at each boot.
 */
#ifndef BRICKS_FAKE_BOARD_H
#define BRICKS_FAKE_BOARD_H

#include "boot_fixture.h"

enum { V1 = 0x01000000, V2 = 0x02000000, V3 = 0x03000000, NO_SECTOR = 0xFFFFFFFF };

struct fake_board {
    struct fixture fix;
    struct update u;
    struct slots_decision choice; /* of the last boot */
    struct image_result images[2];
    uint64_t seed;
    bool has_failed_run; /* what ended before the next boot was a failed run of a trial */
    uint32_t n_crashes;  /* what the bootloader has counted, for the next boots */
};

/** 1.0.0, 2.0.0 (longer, higher counter) and 3.0.0: signed once. */
const struct fixture_release *board_release(uint32_t version);

/** Image of a release in a slot, the rest of the flash blank, never started. */
void board_factory(struct fake_board *d, uint32_t version, enum slot slot);

/** 1.0.0 in A, started and confirmed. */
void board_confirmed(struct fake_board *d);

/** As above, and another release installed in the other slot, started and confirmed. */
void board_updated(struct fake_board *d, uint32_t version);

void board_copy(struct fake_board *to, const struct fake_board *from);

/**
 * Power up and boot.
 * @return false: power failed, or it stays in the loader
 */
bool board_boot(struct fake_board *d);

/** Version that runs; 0 the loader. */
uint32_t board_runs(const struct fake_board *d);

/**
 * The gateway's part: begin, erase and program, finish, activate.
 * @return the first error
 */
FOTA_MUST_CHECK
enum fota_err board_install(struct fake_board *d, const struct fixture_release *release);

/**
 * Erase and program one image in an open session, without finish.
 * @return the first error
 */
FOTA_MUST_CHECK
enum fota_err board_stream(struct fake_board *d, const struct fixture_release *release,
                           const struct update_target *target);

/** Flash operations begun since the last boot. */
uint32_t board_ops(const struct fake_board *d);

/**
 * Fails the test unless the board is well, whatever was done to it: it boots an image that is `a` or `b`,
 * byte for byte and verified, boots it again, and installs and confirms `next` after that.
 *
 * @param where  names the cut in the message
 */
void board_must_be_well(struct fake_board *d, uint32_t a, uint32_t b, uint32_t next, const char *where);

/** What is done with power on, and cut at each operation. */
typedef void (*board_step)(struct fake_board *d);

/**
 * From `start`: boot, `step`, with power failing at each operation in every way, then the board must be
 * well.
 *
 * @param boots_first  the cut may not be in the boot; else it may
 */
void board_cut_everywhere(const struct fake_board *start, board_step step, bool boots_first, uint32_t a,
                          uint32_t b, uint32_t next);

#endif
