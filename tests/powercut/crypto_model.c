#include "crypto_model.h"

#include <string.h>

#include "base/bytes.h"

enum { BLOCK_BYTES = 4 * CHIP_BLOCK_WORDS };

/* A running hash: over whole blocks by their digests, and the block that is not complete yet. */
struct model {
    uint64_t sum[2];
    uint64_t n_bytes;
    uint64_t part[2]; /* of the incomplete block */
    uint64_t word;    /* of the incomplete word */
};

_Static_assert(sizeof(struct model) <= sizeof(struct crypto_sha256), "fits the opaque state");

static struct chip *chip_in_use;

void crypto_model_use(struct chip *chip)
{
    chip_in_use = chip;
}

static uint64_t mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    return x;
}

/* The same steps as chip_digest_words, word by word. */
static void start_block(struct model *m)
{
    m->part[0] = 0x243F6A8885A308D3ULL;
    m->part[1] = 0x13198A2E03707344ULL;
    m->word = 0;
}

static void add_word(struct model *m, uint64_t word)
{
    m->part[0] = (m->part[0] ^ word) * 0x9E3779B97F4A7C15ULL;
    m->part[0] ^= m->part[0] >> 29;
    m->part[1] = (m->part[1] + word) * 0xC2B2AE3D27D4EB4FULL;
    m->part[1] ^= m->part[1] >> 31;
}

static void add_digest(struct model *m, const uint64_t digest[2])
{
    m->sum[0] = mix64(m->sum[0] ^ digest[0]) + digest[1];
    m->sum[1] = mix64(m->sum[1] + digest[1]) ^ m->sum[0];
}

static void end_block(struct model *m)
{
    uint64_t digest[2] = {mix64(m->part[0]), mix64(m->part[1] ^ m->part[0])};
    add_digest(m, digest);
    start_block(m);
}

static void load(const struct crypto_sha256 *ctx, struct model *m)
{
    memcpy(m, ctx, sizeof *m);
}

static void store(struct crypto_sha256 *ctx, const struct model *m)
{
    memcpy(ctx, m, sizeof *m);
}

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    struct model m = {.sum = {1, 2}};
    start_block(&m);
    memset(ctx, 0, sizeof *ctx);
    store(ctx, &m);
}

static void add_byte(struct model *m, uint8_t byte)
{
    uint64_t at = m->n_bytes++ % 8;
    m->word |= (uint64_t)byte << 8 * at;
    if (at == 7) {
        add_word(m, m->word);
        m->word = 0;
    }
    if (m->n_bytes % BLOCK_BYTES == 0) {
        end_block(m);
    }
}

void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    struct model m;
    load(ctx, &m);
    while (n_bytes > 0) {
        uint64_t digest[2];
        if (m.n_bytes % BLOCK_BYTES == 0 && n_bytes >= BLOCK_BYTES) {
            if (!chip_in_use || !chip_block_digest(chip_in_use, p, digest)) {
                chip_digest_words(p, digest);
            }
            add_digest(&m, digest);
            m.n_bytes += BLOCK_BYTES;
            p += BLOCK_BYTES;
            n_bytes -= BLOCK_BYTES;
        } else if (m.n_bytes % 8 == 0 && n_bytes >= 8 && (m.n_bytes + 8) % BLOCK_BYTES != 0) {
            uint64_t word;
            memcpy(&word, p, sizeof word);
            add_word(&m, word);
            m.n_bytes += 8;
            p += 8;
            n_bytes -= 8;
        } else {
            add_byte(&m, *p++);
            n_bytes--;
        }
    }
    store(ctx, &m);
}

void crypto_sha256_block(void *ctx, const void *block)
{
    crypto_sha256_update(ctx, block, CRYPTO_SHA256_BLOCK_BYTES);
}

uint32_t crypto_sha256_length(const struct crypto_sha256 *ctx)
{
    struct model m;
    load(ctx, &m);
    return (uint32_t)m.n_bytes;
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct model m;
    load(ctx, &m);
    uint64_t h[4] = {m.sum[0] ^ m.n_bytes, m.sum[1] ^ m.word, m.part[0], m.part[1]};
    for (uint64_t round = 0; round < 8; round++) {
        h[round % 4] = mix64(h[round % 4] + h[(round + 1) % 4] + round);
    }
    memcpy(out, h, CRYPTO_SHA256_BYTES);
}

static bool all_equal(const uint8_t *p, size_t n_bytes, uint8_t value)
{
    return n_bytes == 0 || (p[0] == value && memcmp(p, p + 1, n_bytes - 1) == 0);
}

/* The linker sends bytes_all_equal here (--wrap): the same answer, but not byte by byte over a whole slot. What the
 * chip knows to be blank is not read again. */
bool __wrap_bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value);
bool __wrap_bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value)
{
    while (value == 0xFF && chip_in_use && n_bytes > 0) {
        size_t to_next;
        size_t n = chip_known_blank_bytes(chip_in_use, p, &to_next);
        bool is_known = n > 0;
        n = is_known ? n : to_next;
        n = n < n_bytes ? n : n_bytes;
        if (!is_known && !all_equal(p, n, value)) {
            return false;
        }
        p += n;
        n_bytes -= n;
    }
    return all_equal(p, n_bytes, value);
}
