/**
 * What the parts of the bench share: a programmed board, signed images of any size, and the table of figures.
 *
 * Everything is measured in the twin's virtual time with the datasheet's typical flash times, so a run on any
 * machine gives the same figures; only twin_mips depends on the machine.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "release/key.h"
#include "twin/twin.h"

enum { IMAGE_MAX_BYTES = 0x60000, CONSOLE_BYTES = 1 << 16, CONFIRM_MS = 10000 };

/** End the program with a sentence. */
FOTA_NORETURN FOTA_PRINTF(1, 2) void bench_fail(const char *fmt, ...);

/* --- figures (figures.c) ----------------------------------------------------------------------------- */

/** Add a figure: a flat JSON key, its value, and a line for the table. */
void figure_add(const char *key, double value, unsigned decimals, const char *text);

/** Add a line of text to the table. */
FOTA_PRINTF(1, 2) void figure_text(const char *fmt, ...);

/** Keep all figures in build/bench.json. */
void figures_write(void);

/* --- board (board.c) --------------------------------------------------------------------------------- */

/** A signed image. */
struct bench_image {
    uint32_t n_bytes;
    uint8_t bytes[IMAGE_MAX_BYTES];
};

/** Demo application `version` for `slot` ('a' or 'b'), filled up so that the signed image has about
 * `n_bytes`; 0: as it is. */
void board_make_image(const char *version, char slot, uint32_t n_bytes, struct bench_image *out);

/**
 * Release statement for a pair of images, as `fota publish` writes it.
 * @return its length
 */
uint32_t board_make_statement(uint32_t version, const struct bench_image *a, const struct bench_image *b,
                              char *out, uint32_t cap_bytes);

struct board {
    struct twin *twin;
    struct twin_link wires;
    struct link_client link;
    char console[CONSOLE_BYTES];
    uint32_t n_console;
};

/** Bootloader in sector 0 and, unless NULL, an image in slot A; power is on, no time has passed. */
void board_open(struct board *b, const struct bench_image *slot_a, uint32_t spi_hz);
void board_close(struct board *b);
/** As board_open, with the journal of a board that has run and confirmed `slot_a`, which is damaged now: the
 * bootloader's loader answers. */
void board_open_damaged(struct board *b, const struct bench_image *slot_a, uint32_t spi_hz);
void board_run_us(struct board *b, uint64_t us);
/** Run until the console shows `text` after what it showed before. Fails after `max_ms`. */
void board_wait(struct board *b, const char *text, uint32_t max_ms);
/** Number after the last `text` on the console. */
double board_number(struct board *b, const char *text);
/** Nothing the firmware did broke a rule of the reference manual. */
void board_check(const struct board *b);

/* --- measurements ------------------------------------------------------------------------------------ */

void update_measure(void); /* update.c */
void boot_measure(void);   /* boot.c */
void noise_measure(void);  /* noise.c */
void fuzz_measure(void);   /* fuzz.c */
void rom_measure(void);    /* rom.c */
void crypto_measure(void); /* crypto.c */
void cuts_measure(void);   /* cuts.c */
void sizes_measure(void);  /* sizes.c */
void echo_measure(void);   /* echo.c */

#endif
