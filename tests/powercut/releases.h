/**
 * The releases that scenarios install: whole images of both slots and the signed statement, in the size of
 * the real slots.
 */
#ifndef POWERCUT_RELEASES_H
#define POWERCUT_RELEASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crypto.h"

/** Who is who. RELEASE_NONE: no release. */
enum release_id {
    RELEASE_NONE,
    RELEASE_V1,    /* from the factory, fills the slot */
    RELEASE_V2,    /* fills the slot, counter 2 */
    RELEASE_BAD,   /* small, signed, never confirms */
    RELEASE_V4,    /* small, counter 4 */
    RELEASE_V5,    /* small, counter 5 */
    RELEASE_SMALL, /* small, from the factory: so that V4 and V5 find a small image in the other slot */
    RELEASES
};

enum { RELEASE_TEXT_BYTES = 1280 };

struct release_files {
    uint32_t version; /* packed */
    uint32_t counter;
    uint32_t payload_bytes;
    bool confirms;
    uint32_t n_bytes[2];
    uint8_t *bytes[2];
    uint8_t sha256[2][CRYPTO_SHA256_BYTES];
    uint8_t text[RELEASE_TEXT_BYTES];
    size_t n_text;
};

/** Build all. Once, before anything else; ends the program if it cannot. */
void releases_make(void);

const struct release_files *release_of(enum release_id id);

#endif
