/**
 * A board for tests of the bootloader's ELF on the twin: images signed well or badly, the journal as a
 * factory writes it, and what an application reports (guest/boot_app.c).
 */
#ifndef BOOT_RIG_H
#define BOOT_RIG_H

#include "base/flash_map.h"
#include "format/image_build.h"
#include "guest/boot_app.h"
#include "release/key.h"
#include "twin/twin.h"

enum {
    PAYLOAD_MAX_BYTES = 4096,
    IMAGE_MAX_BYTES = PAYLOAD_MAX_BYTES + IMAGE_OVERHEAD_MAX_BYTES,
    STEP_MS = 10,
    BOOT_MAX_MS = 3000,
    LOADER_MAX_MS = 2000, /* from reset to the first answer on the wires */
    STACK_BYTES = 4096,   /* boot.ld */
    STACK_PAINT = 0x57ACC0DE,
    BOOT_CONFIRMED_MAX_MS = 500, /* from power-on to the application */
    FLIP_STRIDE = 3,
    LOW_SUPPLY_MV = 2500, /* below what x32 needs, above power-down reset */
    FLOOR = 5,
    COUNTER = 7
};

/** Key of the bootloader, read by read_inputs. */
extern struct key image_key;

/** An image file. */
struct test_image {
    uint32_t n_bytes;
    uint8_t bytes[IMAGE_MAX_BYTES];
};

/** What is special about an image; zero fields are the good values. */
struct plan {
    enum slot linked_for; /* where it is linked, not where it goes; SLOT_LOADER: sector 1 */
    uint32_t mode;
    uint32_t counter;
    const char *hw;
    const struct key *key;
    uint32_t stack;    /* initial stack pointer */
    uint8_t run_flags; /* IMAGE_RUN_* */
};

/** A signed image by this plan. */
void make_image(const struct plan *plan, struct test_image *out);

/** Fails the test if the firmware did what the reference manual forbids. */
void assert_no_violation(const struct twin *t);

/** Time passes; the board must neither lock up nor violate anything. */
void run_ms(struct twin *t, uint32_t ms);

/** Root and loader and nothing else, on a board of this kind, strict; off. */
struct twin *make_board_with(const struct twin_config *config);

/** The same with this supply. */
struct twin *make_board_at(uint64_t seed, uint32_t vdd_mv);

/** The same at 3.3 V. */
struct twin *make_board(uint64_t seed);

/** This image in sector 1. */
void store_loader(struct twin *t, const struct test_image *image);

/** Sector 1 blank: a board without a loader. */
void erase_loader(struct twin *t);

/** The image in its slot, the rest of the slot blank. */
void store_image(struct twin *t, enum slot slot, const struct test_image *image);

/** What the application in RAM has reported, or garbage. */
struct boot_app_report report_of(const struct twin *t);

/** Power off and on, and run until an application has reported. */
struct boot_app_report boot(struct twin *t);

/** Change the journal: slot B becomes a trial of an unknown image, the floor is FLOOR. */
void journal_says_b_is_on_trial(struct twin *t);

/** The same with this image, known by its digest. */
void put_on_trial(struct twin *t, const struct test_image *image);

/** Slot A's image is confirmed, by its hash; power is off. */
void put_confirmed(struct twin *t, const struct test_image *image);

/** Both images are confirmed, B is the active one. */
void journal_says_both_are_confirmed(struct twin *t);

/** A board whose application in slot A has confirmed itself; power is off. */
struct twin *confirmed_board(void);

/**
 * Sync as AN4286 does, until the first ACK.
 * @return milliseconds from now
 */
uint32_t wait_for_loader(struct twin *t, uint32_t max_ms);

/** A word of J1's newest record, as a cut leaves it. */
void tear_the_newest_record(struct twin *t);

/** Group set-up: key and applications. */
int read_inputs(void **state);

/** Group tear-down. */
int forget_inputs(void **state);

#endif
