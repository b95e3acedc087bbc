/**
 * Stands in for lib/crypto, which is not linked: a hash, and with cheap_signature.h a signature, that are
 * functions of the bytes like the real ones, so cheap that a fuzzer can afford millions, and so wide that it
 * does not hit them by chance.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

enum { MODEL_KEY_ACTIVE = 0, MODEL_KEY_NEXT = 1, MODEL_KEY_FOREIGN = 2, MODEL_KEYS = 3 };

/** Public points; the first two are in the bootloader. */
extern const uint8_t model_points[MODEL_KEYS][CRYPTO_POINT_BYTES];

/** For struct image_signer: `ctx` is a uint32_t, the key. */
enum fota_err model_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes);

#endif
