/**
 * Boards that run the application of one page (boot_app.c): images of it, signed well or badly, and what it reports in
 * RAM. For tests of the root and of the loader. Tests end with a failed assertion of cmocka.
 */
#ifndef SMALL_APP_H
#define SMALL_APP_H

#include "base/flash_map.h"
#include "boot_app.h"
#include "format/image_build.h"
#include "release/key.h"
#include "twin_board.h"

enum {
    SMALL_APP_MAX_BYTES = 4096,
    SMALL_IMAGE_MAX_BYTES = SMALL_APP_MAX_BYTES + IMAGE_OVERHEAD_MAX_BYTES,
    SMALL_STEP_MS = 10,
    SMALL_BOOT_MAX_MS = 3000,
    SMALL_LOADER_MAX_MS = 2000, /* from reset to the first answer on the wires */
    SMALL_LOW_SUPPLY_MV = 2500, /* below what x32 needs, above power-down reset */
    SMALL_FLOOR = 5,
    SMALL_COUNTER = 7
};

/** An image file. */
struct small_image {
    uint32_t n_bytes;
    uint8_t bytes[SMALL_IMAGE_MAX_BYTES];
};

/** What is special about an image; zero fields are the good values. */
struct small_plan {
    enum slot linked_for;  /* where it is linked, not where it goes; SLOT_LOADER: the loader's sector */
    uint32_t mode;         /* BOOT_APP_*; 0: BOOT_APP_HANGS */
    uint32_t counter;      /* 0: SMALL_COUNTER */
    const char *hw;        /* NULL: BOARD_NAME */
    const struct key *key; /* NULL: the development key */
    uint32_t stack;        /* initial stack pointer */
    uint8_t run_flags;     /* IMAGE_RUN_* */
};

/** The application in this mode, filled up to `n_bytes` with bytes that are no pattern; 0: the code alone. To be freed. */
uint8_t *small_app_code(enum slot linked_for, uint32_t mode, uint32_t *n_bytes);

/** The development key, whose public half is in the root. */
const struct key *small_key(void);

/** A signed image by this plan. */
void small_image_make(const struct small_plan *plan, struct small_image *out);

/**
 * Image whose code, from the reset handler to its end, is one endless loop: wherever the core gets into it, it stays.
 */
void small_image_make_trap(enum slot slot, const struct key *key, struct small_image *out);

/** Root and loader and nothing else, on a chip of this kind, strict; off. To be closed with small_board_close. */
struct twin_board *small_board_open(const struct twin_config *config);

/** The same at this supply (0: 3.3 V), with flash of typical speed. */
struct twin_board *small_board_open_at(uint64_t seed, uint32_t vdd_mv);

/** A board whose application in slot A has confirmed itself; power is off. */
struct twin_board *small_board_open_confirmed(void);

void small_board_close(struct twin_board *b);

/** The image in its slot, the rest blank. */
void small_board_store(struct twin_board *b, enum slot slot, const struct small_image *image);

/** What the application in RAM has reported, or garbage. */
struct boot_app_report small_board_report(const struct twin_board *b);

/** Power off and on, and run until an application has reported. */
struct boot_app_report small_board_boot(struct twin_board *b);

/**
 * Sync as AN4286 does, until the first ACK.
 * @return milliseconds from now
 */
uint32_t small_board_wait_for_loader(struct twin_board *b, uint32_t max_ms);

/** The journal, past the firmware: slot B becomes a trial of an unknown image, the floor is SMALL_FLOOR. */
void small_board_try_b(struct twin_board *b);

/** The same with this image in slot B, known by its digest. */
void small_board_try_image(struct twin_board *b, const struct small_image *image);

/** Slot A's image is confirmed, by its hash; power is off. */
void small_board_confirm_a(struct twin_board *b, const struct small_image *image);

/** Both images are confirmed, B is the active one. */
void small_board_confirm_both(struct twin_board *b);

#endif
