/* The seam of lib/crypto on BearSSL, compiled once for each of its P-256 that fit a Cortex-M4 (CURVE). */
#include <bearssl.h>

#include "crypto/crypto.h"

_Static_assert(sizeof(struct crypto_sha256) >= sizeof(br_sha256_context), "opaque state is too small");

void crypto_sha256_init(struct crypto_sha256 *ctx)
{
    br_sha256_init((br_sha256_context *)ctx);
}

void crypto_sha256_update(struct crypto_sha256 *ctx, const void *data, size_t n_bytes)
{
    br_sha256_update((br_sha256_context *)ctx, data, n_bytes);
}

void crypto_sha256_final(const struct crypto_sha256 *ctx, uint8_t out[CRYPTO_SHA256_BYTES])
{
    br_sha256_out((const br_sha256_context *)ctx, out);
}

enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    const br_ec_public_key key = {BR_EC_secp256r1, (unsigned char *)(uintptr_t)point, CRYPTO_POINT_BYTES};
    return br_ecdsa_i31_vrfy_asn1(&CURVE, hash, CRYPTO_SHA256_BYTES, &key, signature, n_bytes) == 1
               ? CRYPTO_ACCEPT
               : CRYPTO_REJECT;
}
