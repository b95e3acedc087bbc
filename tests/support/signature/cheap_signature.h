/**
 * A signature that costs a hash: SHA-256(point, hash), by whichever crypto_sha256 the program has. Stands in
 * for lib/crypto's crypto_p256_verify in sweeps and fuzzers that verify some 100,000 times. Anyone can make
 * it: for tests that ask what happens after a verdict, not whether it is right.
 */
#ifndef CHEAP_SIGNATURE_H
#define CHEAP_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

enum { CHEAP_KEYS = 3 };

/** The signature of a hash by whoever has this point: CRYPTO_SHA256_BYTES. */
void cheap_tag(const uint8_t *point, const uint8_t *hash, uint8_t out[CRYPTO_SHA256_BYTES]);

/**
 * Public point of a test key.
 * @param key  below CHEAP_KEYS
 */
const uint8_t *cheap_point(uint32_t key);

/** For struct image_signer: `ctx` is a uint32_t, the key. */
enum fota_err cheap_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes);

#endif
