/**
 * Verifying an image file as the bootloader would, with a sentence for every way it can fail. Shared by
 * inspect and publish.
 */
#ifndef CLI_IMAGE_CHECK_H
#define CLI_IMAGE_CHECK_H

#include "base/board_layout.h"
#include "cli.h"
#include "format/image.h"
#include "release/key.h"

/** Security counters from here on are warned about. A counter grows by one for each release that must not be
 * taken back, so 65,536 is more than a product ever needs; numbers above it are versions or dates in
 * disguise: `auto` of imgtool makes 65,536 of version 0.1.0 and 16,777,216 of 1.0.0. A board that confirmed
 * one never goes below it again. */
enum { IMAGE_COUNTER_WARN = 65536 };

/** Where an image belongs; 0: whatever the image says. */
enum image_place { IMAGE_ANYWHERE = 0, IMAGE_PLACE_A = 'a', IMAGE_PLACE_B = 'b', IMAGE_PLACE_LOADER = 'l' };

/** What an image file must satisfy. */
struct image_check {
    const struct key *key[IMAGE_KEYS]; /* NULL: none; without any the signature is not checked */
    const char *hw;                    /* NULL: whatever the image says */
    enum image_place place;
    uint32_t counter_min;
};

/** What an image file says, once it passed. */
struct image_facts {
    struct image_result result;
    enum image_place place; /* never 0 */
    char hw[IMAGE_HW_ID_MAX_BYTES + 1];
    const struct board_layout *board; /* with that id; BOARD_OWN if there is none, and then it is refused */
    bool is_verified;                 /* the signature was checked with a key */
    const struct key *key;            /* that made it, NULL if not checked */
};

/**
 * Check an image file. On failure a sentence was printed that names the file, what is wrong and what to do.
 * @return CLI_OK · CLI_REFUSED
 */
FOTA_MUST_CHECK
enum cli_exit image_check(struct cli *cli, const char *path, const uint8_t *bytes, size_t n_bytes,
                          const struct image_check *wanted, struct image_facts *out);

/**
 * Place of --slot `text`: a, b or loader.
 * @return 0 if it is none of these
 */
enum image_place image_place_of(const char *text);

/** "slot a", "slot b" or "the loader". Never NULL. */
const char *image_place_text(enum image_place place);

/** A place on a board; slot A for 0. */
const struct board_area *image_place_area(const struct board_layout *board, enum image_place place);

/**
 * Warn for a security counter that leaves no room.
 * @return true if a sentence was printed
 */
bool image_warn_counter(struct cli *cli, const char *path, uint32_t security_counter);

/** Advice for a refused statement, one sentence's end; never NULL. */
const char *statement_advice(enum fota_err err);

#endif
