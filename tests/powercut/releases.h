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
    RELEASE_WORSE, /* another one */
    RELEASE_V4,    /* small, counter 4 */
    RELEASE_V5,    /* small, counter 5 */
    RELEASE_SMALL, /* small, from the factory: so that V4 and V5 find a small image in the other slot */
    RELEASE_NEXT,  /* small, signed by the next key, ends the active one, counter 6 */
    RELEASE_AFTER, /* small, signed by the next key, counter 7 */
    RELEASE_LATE,  /* small, signed by the active key, counter 6, a higher version than RELEASE_NEXT */
    RELEASES
};

enum { RELEASE_TEXT_BYTES = 1280 };

struct release_files {
    uint32_t version; /* packed */
    uint32_t counter;
    uint32_t payload_bytes;
    bool confirms;
    bool is_of_next_key;
    bool revokes; /* the active key */
    uint32_t n_bytes[2];
    uint8_t *bytes[2];
    uint8_t sha256[2][CRYPTO_SHA256_BYTES];
    uint8_t hash[2][CRYPTO_SHA256_BYTES]; /* image hash */
    uint8_t text[RELEASE_TEXT_BYTES];
    size_t n_text;
};

/** Loaders for sector 1. */
enum loader_id { LOADER_NONE, LOADER_OLD, LOADER_NEW, LOADERS };

struct loader_files {
    uint32_t version;
    uint32_t n_bytes;
    uint8_t *bytes; /* aligned for words */
    uint8_t sha256[CRYPTO_SHA256_BYTES];
    uint8_t hash[CRYPTO_SHA256_BYTES];
    uint8_t text[RELEASE_TEXT_BYTES];
    size_t n_text;
};

const struct loader_files *loader_of(enum loader_id id);

/** Build all. Once, before anything else; ends the program if it cannot. */
void releases_make(void);

const struct release_files *release_of(enum release_id id);

#endif
