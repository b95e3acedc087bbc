/**
 * The hash as it runs, for crypto_sha256_block (crypto/crypto.h): sha256_block.c is portable, sha256_m4.S
 * does the same for Cortex-M4 and knows these offsets. CMake takes one of them.
 */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "crypto/crypto.h"

enum { SHA256_STATE_WORDS = 8 };

struct sha256 {
    uint32_t h[SHA256_STATE_WORDS];
    uint32_t n_bytes;
    uint8_t block[CRYPTO_SHA256_BLOCK_BYTES]; /* the last n_bytes % 64 bytes */
};

#endif
