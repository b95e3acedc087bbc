/**
 * lib/crypto's seam for sweeps: a hash that is a function of the bytes like the real one, but that knows the
 * blocks of a chip whose digest has not changed since. A slot of 384 KB then costs microseconds. Stands in
 * for lib/crypto, which is not linked.
 */
#ifndef POWERCUT_CRYPTO_MODEL_H
#define POWERCUT_CRYPTO_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "chip.h"
#include "crypto/crypto.h"

/** Keys of cheap_signature.h; A and B are in the bootloader. */
enum { MODEL_KEY_A = 0, MODEL_KEY_B = 1, MODEL_KEY_X = 2 };

/** Blocks of this chip are looked up from now on; NULL: none. */
void crypto_model_use(struct chip *chip);

#endif
