/* SHA-256 (FIPS 180-4), small: rounds are a loop, the message schedule a ring of 16 words. */
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, ROUNDS = 64 };

struct sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    uint8_t block[BLOCK_BYTES]; /* the last n_bytes % 64 bytes */
};

_Static_assert(sizeof(struct crypto_sha256) >= sizeof(struct sha256), "opaque state is too small");

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

static void hash_block(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
    for (size_t i = 0; i < ROUNDS; i++) {
        uint32_t word;
        if (i < 16) {
            word = bytes_load_be32(block + 4 * i);
        } else {
            uint32_t w15 = w[(i + 1) % 16];
            uint32_t w2 = w[(i + 14) % 16];
            word = w[i % 16] + (rotate(w15, 7) ^ rotate(w15, 18) ^ w15 >> 3) + w[(i + 9) % 16] +
                   (rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10);
        }
        w[i % 16] = word;
        uint32_t t1 =
            last + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + K[i] + word;
        uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
        last = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    h[5] += f;
    h[6] += g;
    h[7] += last;
}

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    struct sha256 *s = (struct sha256 *)ctx;
    memcpy(s->h, START, sizeof s->h);
    s->n_bytes = 0;
}

void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes)
{
    struct sha256 *s = (struct sha256 *)ctx;
    const uint8_t *p = data;
    while (n_bytes > 0) {
        size_t used = s->n_bytes % BLOCK_BYTES;
        size_t n = BLOCK_BYTES - used;
        if (n > n_bytes) {
            n = n_bytes;
        }
        memcpy(s->block + used, p, n);
        s->n_bytes += n;
        if (used + n == BLOCK_BYTES) {
            hash_block(s->h, s->block);
        }
        p += n;
        n_bytes -= n;
    }
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 end = *ctx;
    struct sha256 *s = (struct sha256 *)&end;
    uint8_t pad[BLOCK_BYTES + LENGTH_BYTES] = {0x80};
    uint64_t n_bits = 8 * s->n_bytes;
    size_t pad_bytes = BLOCK_BYTES - (s->n_bytes + LENGTH_BYTES) % BLOCK_BYTES;
    bytes_store_be32(pad + pad_bytes, (uint32_t)(n_bits >> 32));
    bytes_store_be32(pad + pad_bytes + 4, (uint32_t)n_bits);
    crypto_sha256_update(&end, pad, pad_bytes + LENGTH_BYTES);
    for (size_t i = 0; i < 8; i++) {
        bytes_store_be32(out + 4 * i, s->h[i]);
    }
}
