#include "sha1.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, ROUNDS = 80, WORDS = 16, STATE = 5 };

static uint32_t rotated(uint32_t x, unsigned n)
{
    return x << n | x >> (32U - n);
}

static uint32_t mixed(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    static const uint32_t k[] = {0x5A827999U, 0x6ED9EBA1U, 0x8F1BBCDCU, 0xCA62C1D6U};
    uint32_t f = round / 20U == 0   ? (b & c) | (~b & d)
                 : round / 20U == 2 ? (b & c) | (b & d) | (c & d)
                                    : b ^ c ^ d;
    return f + k[round / 20U];
}

static void add_block(uint32_t h[STATE], const uint8_t block[BLOCK_BYTES])
{
    uint32_t w[ROUNDS];
    uint32_t v[STATE];
    memcpy(v, h, sizeof v);
    for (unsigned i = 0; i < WORDS; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = WORDS; i < ROUNDS; i++) {
        w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t first = rotated(v[0], 5) + mixed(i, v[1], v[2], v[3]) + v[4] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotated(v[1], 30);
        v[1] = v[0];
        v[0] = first;
    }
    for (unsigned i = 0; i < STATE; i++) {
        h[i] += v[i];
    }
}

void sha1_hex(const char *text, char out[SHA1_HEX_BYTES])
{
    uint32_t h[STATE] = {0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U, 0xC3D2E1F0U};
    uint8_t block[BLOCK_BYTES];
    const size_t n_bytes = strlen(text);
    const uint64_t n_bits = (uint64_t)n_bytes * 8U;
    /* The text, a bit that is 1, zeros, and the number of bits in the last eight bytes of a block. */
    const size_t n_blocks = (n_bytes + 1 + LENGTH_BYTES + BLOCK_BYTES - 1) / BLOCK_BYTES;
    for (size_t i = 0; i < n_blocks; i++) {
        const size_t at = i * BLOCK_BYTES;
        const size_t n = at >= n_bytes ? 0 : n_bytes - at < BLOCK_BYTES ? n_bytes - at : BLOCK_BYTES;
        memset(block, 0, sizeof block);
        memcpy(block, text + (n ? at : 0), n);
        if (n < BLOCK_BYTES && at + n == n_bytes) {
            block[n] = 0x80;
        }
        for (unsigned k = 0; k < LENGTH_BYTES && i == n_blocks - 1; k++) {
            block[BLOCK_BYTES - 1 - k] = (uint8_t)(n_bits >> (8U * k));
        }
        add_block(h, block);
    }
    for (unsigned i = 0; i < STATE; i++) {
        (void)snprintf(out + 8U * i, SHA1_HEX_BYTES - 8U * i, "%08x", (unsigned)h[i]);
    }
}
