/* A block of SHA-256 in portable C: for the host, and what sha256_m4.S is held against. Four rounds at a
 * time, because after four every variable is back in its place and none was moved; sums of rotations are
 * nested (FIPS 180-4 4.1.2 rotates by 2, 13 and 22: that is 9, then 11, then 2). */
#include "sha256.h"

enum { BLOCK_WORDS = 16, ROUNDS = 64 };

static const uint32_t K[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* Round i of four (6.2.2 step 3). The new a is left in d, the new e in h. `ab` becomes a ^ b, and `bc` has it
 * from the round before; it is used up. */
#define ROUND(i, a, b, c, d, e, f, g, h, ab, bc)                                                             \
    do {                                                                                                     \
        uint32_t t = h + w[i] + k[i] + (g ^ (e & (f ^ g))) + rotate(e ^ rotate(e ^ rotate(e, 14), 5), 6);    \
        (h) = (d) + t;                                                                                       \
        (ab) = (a) ^ (b);                                                                                    \
        (bc) = ((bc) & (ab)) ^ (b);                                                                          \
        (d) = t + (bc) + rotate(a ^ rotate(a ^ rotate(a, 9), 11), 2);                                        \
    } while (0)

void crypto_sha256_block(void *ctx, const void *data)
{
    struct sha256 *s = ctx;
    uint32_t *state = s->h;
    const uint8_t *block = data;
    s->n_bytes = (s->n_bytes | (CRYPTO_SHA256_BLOCK_BYTES - 1)) +
                 1; /* also of a block whose first bytes are counted already */
    uint32_t schedule[ROUNDS];
    uint32_t *w = schedule;
    do {
        *w++ = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
        block += 4;
    } while (w != schedule + BLOCK_WORDS);
    w = schedule;
    uint32_t w0 = w[0];
    do {
        uint32_t w2 = w[14];
        w0 += w[9];
        w0 += rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10;
        uint32_t w1 = *++w;
        w[15] = w0 + (rotate(w1, 7) ^ rotate(w1, 18) ^ w1 >> 3);
        w0 = w1;
    } while (w != schedule + 48);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    uint32_t ab;
    uint32_t bc = b ^ c;
    const uint32_t *k = K;
    w = schedule;
    do {
        ROUND(0, a, b, c, d, e, f, g, h, ab, bc);
        ROUND(1, d, a, b, c, h, e, f, g, bc, ab);
        ROUND(2, c, d, a, b, g, h, e, f, ab, bc);
        ROUND(3, b, c, d, a, f, g, h, e, bc, ab);
        k += 4;
        w += 4;
    } while (k != K + ROUNDS);
    const uint32_t change[SHA256_STATE_WORDS] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < SHA256_STATE_WORDS; i++) {
        state[i] += change[i];
    }
}
