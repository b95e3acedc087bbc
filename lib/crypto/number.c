#include "number.h"

/* A 64-bit sum of two limbs keeps its carry in the upper half. */
uint32_t number_add(number out, const number a, const number b)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < NUMBER_LIMBS; i++) {
        sum = (sum >> 32) + a[i] + b[i];
        out[i] = (uint32_t)sum;
    }
    return (uint32_t)(sum >> 32);
}

uint32_t number_subtract(number out, const number a, const number b)
{
    uint64_t difference = 0;
    for (unsigned i = 0; i < NUMBER_LIMBS; i++) {
        /* A difference below 0 wraps round to a number with the top bit set: that bit is the borrow. */
        difference = (uint64_t)a[i] - b[i] - (difference >> 63);
        out[i] = (uint32_t)difference;
    }
    return (uint32_t)(difference >> 63);
}

static const number P = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 1, 0xFFFFFFFF};

/* One row per limb of a: add the row's product, then the multiple of p that clears the lowest limb, and drop
 * that limb. As p = -1 mod 2^32, the multiple is that limb itself. */
void number_multiply(number out, const number a, const number b)
{
    uint32_t t[NUMBER_LIMBS + 1] = {0};
    for (unsigned i = 0; i < NUMBER_LIMBS; i++) {
        uint64_t sum = 0;
        uint64_t fold = 0;
        uint32_t factor = t[0] + a[i] * b[0];
        for (unsigned k = 0; k < NUMBER_LIMBS; k++) {
            sum = (uint64_t)a[i] * b[k] + t[k] + (sum >> 32);
            fold = (uint64_t)factor * P[k] + (uint32_t)sum + (fold >> 32);
            if (k > 0) {
                t[k - 1] = (uint32_t)fold;
            }
        }
        uint64_t top = (sum >> 32) + (fold >> 32) + t[NUMBER_LIMBS];
        t[NUMBER_LIMBS - 1] = (uint32_t)top;
        t[NUMBER_LIMBS] = (uint32_t)(top >> 32);
    }
    /* What is left is below 2p, so p is taken off once. If that borrowed from a limb that is not there,
     * the number was below p already, and p is added again. */
    if (t[NUMBER_LIMBS] < number_subtract(out, t, P)) {
        (void)number_add(out, out, P);
    }
}
