/* lib/crypto's seam with a signature that costs nothing: SHA-256(point, hash). A sweep verifies some 100,000
 * times. It stands in for lib/crypto/crypto.c, which is then not linked. */
#include <bearssl.h>
#include <string.h>

#include "boot_fixture.h"

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    br_sha256_init((br_sha256_context *)ctx);
}

void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes)
{
    br_sha256_update((br_sha256_context *)ctx, data, n_bytes);
}

void crypto_sha256_block(void *ctx, const void *block)
{
    crypto_sha256_update(ctx, block, CRYPTO_SHA256_BLOCK_BYTES);
}

uint32_t crypto_sha256_length(const struct crypto_sha256 *ctx)
{
    return (uint32_t)((const br_sha256_context *)ctx)->count;
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES])
{
    br_sha256_out((const br_sha256_context *)ctx, out);
}

static void tag(const uint8_t *point, const uint8_t *hash, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, point, CRYPTO_POINT_BYTES);
    crypto_sha256_update(&ctx, hash, CRYPTO_SHA256_BYTES);
    crypto_sha256_final(&ctx, out);
}

enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    uint8_t wanted[CRYPTO_SHA256_BYTES];
    tag(point, hash, wanted);
    return n_bytes == sizeof wanted && memcmp(signature, wanted, sizeof wanted) == 0 ? CRYPTO_ACCEPT
                                                                                     : CRYPTO_REJECT;
}

const uint8_t *fixture_point(uint32_t key)
{
    static uint8_t points[FIX_KEYS][CRYPTO_POINT_BYTES];
    memset(points[key], (int)key + 4, CRYPTO_POINT_BYTES);
    return points[key];
}

enum fota_err fixture_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes)
{
    tag(fixture_point(*(const uint32_t *)ctx), hash, der);
    *n_bytes = CRYPTO_SHA256_BYTES;
    return FOTA_OK;
}
