/**
 * Arithmetic on numbers of 256 bits, limbs of 32 bits, least significant first: what p256.c spends its time
 * in. number.c is portable; number_m4.S does the same for Cortex-M4. CMake takes one of them.
 *
 * `out` may be any of the inputs. Nothing here is constant-time.
 */
#ifndef CRYPTO_NUMBER_H
#define CRYPTO_NUMBER_H

#include <stdint.h>

enum { NUMBER_LIMBS = 8 };

typedef uint32_t number[NUMBER_LIMBS];

/**
 * out = a + b mod 2^256.
 * @return the carry, 0 or 1
 */
uint32_t number_add(number out, const number a, const number b);

/**
 * out = a - b mod 2^256.
 * @return the borrow, 0 or 1
 */
uint32_t number_subtract(number out, const number a, const number b);

/** out = a * b / 2^256 mod p, p being the field's prime of P-256 (Montgomery). For a, b < p; out < p. */
void number_multiply(number out, const number a, const number b);

#endif
