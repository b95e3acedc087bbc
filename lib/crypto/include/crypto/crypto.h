/**
 * SHA-256 and ECDSA P-256 verification (docs/adr/0009, 0010, 0012). Another
 * implementation replaces the sources of lib/crypto and nothing else.
 *
 * No heap, no state; a hash context belongs to the caller.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    CRYPTO_SHA256_BYTES = 32,
    CRYPTO_SHA256_BLOCK_BYTES = 64,
    CRYPTO_POINT_BYTES = 65,         /* 04 || X || Y, SEC 1 2.3.3, uncompressed */
    CRYPTO_SIGNATURE_MIN_BYTES = 8,  /* DER: two integers of one byte */
    CRYPTO_SIGNATURE_MAX_BYTES = 72, /* DER: two integers of 33 bytes */
    CRYPTO_SHA256_STATE_WORDS = 14
};

/**
 * Verdict on a signature. Two far-apart patterns (31 bits differ) instead of 0 and 1, so that a glitch
 * does not turn one into the other; compare with CRYPTO_ACCEPT, never with "not CRYPTO_REJECT".
 */
enum crypto_verdict { CRYPTO_ACCEPT = 0x35C9A63A, CRYPTO_REJECT = 0x4A3659C5 };

/** A running hash. Opaque; may be copied to branch (hash of a prefix). */
struct __attribute__((may_alias)) crypto_sha256 {
    uint64_t state[CRYPTO_SHA256_STATE_WORDS];
};

/** Start a hash, of fewer than 2^32 bytes. */
void crypto_sha256_init(struct crypto_sha256 *ctx);

/** Add bytes. Takes about 28 instructions a byte on the target: 0.08 s for a full slot at 168 MHz. */
void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes);

/**
 * Add one block of CRYPTO_SHA256_BLOCK_BYTES, aligned to a word, to a hash that has taken whole blocks only.
 * On the target it runs from RAM and touches nothing else, so that it may run while the flash is busy (as the
 * overlapped work of flash_program, port/flash.h). Takes about 1,760 instructions: 13.4 us at 168 MHz,
 * less than the 16 us that a word typically takes (DS8626 table 40). 296 bytes of stack.
 */
void crypto_sha256_block(void *ctx, const void *block);

/** How many bytes were added so far. */
uint32_t crypto_sha256_length(const struct crypto_sha256 *ctx);

/** Hash of everything added so far; `ctx` stays usable. */
void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES]);

/**
 * Verify an ECDSA signature on P-256 over a SHA-256 value (FIPS 186-4).
 *
 * The signature must be strict DER: SEQUENCE of two positive, minimally encoded INTEGERs, nothing after
 * them, both in 1..n-1. The point must be on the curve.
 *
 * @param point      public key, uncompressed
 * @param hash       the full 32 bytes; a shorter hash cannot be expressed
 * @param signature  untrusted
 * @param n_bytes  any
 * Takes:      about 1.6 M instructions on the target (13 ms at 168 MHz), 1.1 KB of stack
 * @return CRYPTO_ACCEPT or CRYPTO_REJECT
 */
FOTA_MUST_CHECK
enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes);

#endif
