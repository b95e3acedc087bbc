/* SHA-256 (FIPS 180-4). Blocks are hashed by crypto_sha256_block: sha256_block.c, or sha256_m4.S on
 * Cortex-M4. */
#include "sha256.h"

#include <string.h>

#include "base/bytes.h"

enum { BLOCK_BYTES = CRYPTO_SHA256_BLOCK_BYTES, LENGTH_BYTES = 8 };

_Static_assert(sizeof(struct crypto_sha256) >= sizeof(struct sha256), "opaque state is too small");

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    static const uint32_t START[SHA256_STATE_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    struct sha256 *s = (struct sha256 *)ctx;
    bytes_copy(s->h, START, sizeof s->h);
    s->n_bytes = 0;
}

/* Whole blocks are hashed where they lie, and `p` is the only pointer to them: a skipped `p += BLOCK_BYTES`
 * hashes a block twice, but the next one too, so the message is longer and its digest another. With a second
 * pointer to the block, one skipped assignment hashed the block before in place of an altered one (fota-skip,
 * docs/POWERCUT.md). What is left is less than a block however the loop ended. */
void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes)
{
    struct sha256 *s = (struct sha256 *)ctx;
    const uint8_t *p = data;
    const uint8_t *end = p + n_bytes;
    size_t used = s->n_bytes % BLOCK_BYTES;
    if (used != 0 && n_bytes >= BLOCK_BYTES - used) {
        memcpy(s->block + used, p, BLOCK_BYTES - used);
        crypto_sha256_block(s, s->block);
        p += BLOCK_BYTES - used;
        used = 0;
    }
    while (used == 0 && (size_t)(end - p) >= BLOCK_BYTES) {
        crypto_sha256_block(s, p);
        p += BLOCK_BYTES;
    }
    size_t n = (size_t)(end - p) % BLOCK_BYTES;
    if (n > 0) {
        memcpy(s->block + used, p, n);
        s->n_bytes += (uint32_t)n;
    }
}

uint32_t crypto_sha256_length(const struct crypto_sha256 *ctx)
{
    return ((const struct sha256 *)ctx)->n_bytes;
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES])
{
    static const uint8_t PAD[2] = {0x80, 0x00};
    struct sha256 s;
    uint8_t length[LENGTH_BYTES];
    bytes_copy(&s, ctx, sizeof s);
    bytes_store_be32(length, s.n_bytes >> 29);
    bytes_store_be32(length + 4, s.n_bytes << 3);
    const uint8_t *pad = PAD;
    do {
        crypto_sha256_update((struct crypto_sha256 *)&s, pad, 1);
        pad = PAD + 1;
    } while (s.n_bytes % BLOCK_BYTES != BLOCK_BYTES - LENGTH_BYTES);
    crypto_sha256_update((struct crypto_sha256 *)&s, length, sizeof length);
    for (size_t i = 0; i < SHA256_STATE_WORDS; i++) {
        bytes_store_be32(out + 4 * i, s.h[i]);
    }
}
