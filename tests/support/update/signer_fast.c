/* lib/crypto's seam with BearSSL's hash and a signature that costs nothing (cheap_signature.h). It stands in
 * for lib/crypto, which is then not linked. */
#include <bearssl.h>
#include <string.h>

#include "boot_fixture.h"
#include "cheap_signature.h"

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

const uint8_t *fixture_point(uint32_t key)
{
    return cheap_point(key);
}

enum fota_err fixture_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes)
{
    return cheap_sign(ctx, hash, der, n_bytes);
}
