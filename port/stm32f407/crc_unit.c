/*
 * CRC-32 by the chip's CRC unit (RM0090 chapter 4): the polynomial is the right one, but the unit shifts to
 * the left and takes words, so words are turned round on the way in and the result on the way out. The
 * initial value of 0xFFFFFFFF stands for the complement of the first four bytes, wherever in the words they
 * are: bytes that do not fill a word come first, after ones that cancel the initial value.
 */
#include <string.h>

#include "base/crc.h"
#include "stm32f407xx.h"

enum { WORD_BYTES = 4 };

static uint32_t load(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word); /* one load, aligned or not */
    return word;
}

/* Of fewer than four bytes, the first load takes some that lie after them, and shifts them out. */
uint32_t crc32_run(const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    const uint8_t *end = p + n_bytes;
    const uint32_t n_bits = 8 * (n_bytes % WORD_BYTES);
    uint32_t complement = 0;
    RCC->AHB1ENR |= RCC_AHB1ENR_CRCEN;
    (void)RCC->AHB1ENR; /* ES0182 2.1.13: a peripheral answers two cycles after its clock */
    CRC->CR = CRC_CR_RESET;
    if (n_bits != 0) {
        complement = UINT32_MAX >> n_bits;
        CRC->DR = __RBIT(load(p) << (32 - n_bits) | complement);
        p += n_bytes % WORD_BYTES;
    }
    for (; p != end; p += WORD_BYTES) {
        CRC->DR = __RBIT(load(p) ^ complement);
        complement = 0;
    }
    return ~(__RBIT(CRC->DR) ^ complement); /* not 0 only if there were fewer than four */
}
