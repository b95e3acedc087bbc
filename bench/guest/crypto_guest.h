/**
 * What the host leaves in the twin's flash for crypto_guest.c, and what it gets back.
 *
 * The guest calls guest_mark with: 0 at the start; address of the payload's SHA-256; stack of that in bytes;
 * one enum crypto_verdict per signature; stack of these in bytes.
 */
#ifndef BENCH_CRYPTO_GUEST_H
#define BENCH_CRYPTO_GUEST_H

#include <stdint.h>

enum {
    GUEST_INPUT_ADDR = 0x08020000, /* a sector of 128 KB each */
    GUEST_PAYLOAD_ADDR = 0x08040000,
    GUEST_SIGNATURES_MAX = 16
};

struct guest_signature {
    uint8_t point[65];
    uint8_t hash[32];
    uint8_t n_bytes;
    uint8_t der[78];
};

struct guest_input {
    uint32_t payload_bytes;
    uint32_t n_signatures;
    struct guest_signature signature[GUEST_SIGNATURES_MAX];
};

#define GUEST_INPUT ((const struct guest_input *)GUEST_INPUT_ADDR)

#endif
