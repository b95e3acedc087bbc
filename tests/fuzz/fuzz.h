/**
 * What the targets of this folder share: failing, the chip's flash at its real address, the wires, releases,
 * and the device under test as the host sees it.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/flash_map.h"
#include "base/slot.h"

/** A promise is broken: say which, and abort; libFuzzer then keeps the input. */
FOTA_NORETURN FOTA_PRINTF(1, 2) void fuzz_fail(const char *fmt, ...);

/* --- chip.c: flash at 0x08000000, with a watch on what may be written -------------------------------- */

enum {
    CHIP_HOT_BYTES = 4096 /* of each sector: what a snapshot holds; the rest is blank in every snapshot */
};

/** What a board starts from: the first bytes of each sector. */
struct chip_snapshot {
    uint8_t hot[FLASH_SECTORS][CHIP_HOT_BYTES];
};

/** Map the flash; once. */
void chip_map(void);
/** Bytes of the flash at a bus address. */
uint8_t *chip_at(uint32_t addr);
void chip_save(struct chip_snapshot *out);
/** Back to a snapshot. */
void chip_restore(const struct chip_snapshot *from);
/** Neither of these slots may be erased or programmed from now on (SLOT_NONE: none), nor anything but the
 * other and the journal. */
void chip_protect(enum slot running, enum slot active);
/** Sectors that no code may ever change, and the protected slots, are as in the snapshot. */
void chip_check(const struct chip_snapshot *from);
/** True if the sector of this address was erased since chip_restore. */
bool chip_was_erased(uint32_t addr);
/** The n-th program from now on fails, 0: none. */
void chip_fail_program(unsigned n);
uint32_t chip_now_ms(void);
void chip_pass_us(uint32_t us);

/* --- wire.c: the SPI slave driver, and the host's end of its wires ----------------------------------- */

void wire_reset(void);
/** The host clocks bytes; `miso` gets what it reads, NULL drops it. */
void wire_clock(const uint8_t *mosi, uint8_t *miso, size_t n_bytes);

/* --- releases.c: what the publisher made ------------------------------------------------------------- */

enum {
    RELEASES = 6, /* 0: of the factory; 1, 2: newer; then RELEASE_OLD; 4: foreign hardware; 5: foreign key */
    RELEASE_OLD = 3, /* its security counter is below that of the factory's image */
    RELEASE_IMAGE_MAX_BYTES = 2048,
    RELEASE_TEXT_MAX_BYTES = 1280
};

struct fuzz_release {
    uint32_t n_image[2];
    uint8_t image[2][RELEASE_IMAGE_MAX_BYTES];
    size_t n_text;
    uint8_t text[RELEASE_TEXT_MAX_BYTES];
    size_t n_loader_text; /* statement of a loader by the same key, for the same board */
    uint8_t loader_text[RELEASE_TEXT_MAX_BYTES];
};

extern struct fuzz_release releases[RELEASES];

void releases_make(void);
/** True if the slot holds an image that a key of the bootloader signed for it. */
bool releases_hold(enum slot slot, const uint8_t *bytes);

/* --- host.c: a host that plays an input -------------------------------------------------------------- */

/** Play an input: frames by the grammar of README.md. Ends with a Get that must be answered. */
void host_play(const uint8_t *bytes, size_t n_bytes);

/* --- device_bootloader.c or device_agent.c ----------------------------------------------------------- */

/* Boards: A confirmed, B confirmed, A on its first run, B on trial with A active; 4 to 7 the same, and
 * something else in the other slot; no image at all; A active and damaged. The agent knows those that run an
 * application. */
enum { DEVICE_STARTS = 10, DEVICE_RUNNING_STARTS = 8, DEVICE_START_BLANK = 8, DEVICE_START_DAMAGED = 9 };

extern const char *const device_name;

/** Put the board into one of DEVICE_STARTS states and start it. */
void device_start(unsigned start);
/** Let the firmware take one turn of its loop; it may reset meanwhile. */
void device_turn(void);
/** Reset by NRST. */
void device_reset(void);
/** The application proves itself, or says "not now" n times. Nothing in the bootloader. */
void device_confirm(void);
void device_busy(unsigned n);
/** Promises that hold between any two commands. */
void device_check(void);
/** True while a confirmed application runs. */
bool device_runs_confirmed(void);
/** The slot a host may write now, SLOT_NONE: none. */
enum slot device_inactive(void);

#endif
