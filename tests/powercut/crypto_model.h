/**
 * lib/crypto's seam for sweeps: a hash and a signature that are functions of the bytes like the real ones,
 * but that know the blocks of a chip whose digest has not changed since. A slot of 384 KB then costs
 * microseconds. Stands in for lib/crypto, which is not linked.
 */
#ifndef POWERCUT_CRYPTO_MODEL_H
#define POWERCUT_CRYPTO_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "chip.h"
#include "crypto/crypto.h"

enum { MODEL_KEY_A = 0, MODEL_KEY_B = 1, MODEL_KEY_X = 2, MODEL_KEYS = 3 };

/** Blocks of this chip are looked up from now on; NULL: none. */
void crypto_model_use(struct chip *chip);

/** Public point of a test key. A and B are in the bootloader. */
const uint8_t *crypto_model_point(uint32_t key);

/** For struct image_signer: `ctx` is a uint32_t, the key. */
enum fota_err crypto_model_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der,
                                size_t *n_bytes);

#endif
