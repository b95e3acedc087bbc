#include "cheap_signature.h"

#include <stdbool.h>
#include <string.h>

void cheap_tag(const uint8_t *point, const uint8_t *hash, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, point, CRYPTO_POINT_BYTES);
    crypto_sha256_update(&ctx, hash, CRYPTO_SHA256_BYTES);
    crypto_sha256_final(&ctx, out);
}

/* Not memcmp: libFuzzer watches it, and would learn what is wanted. */
static uint32_t differences(const uint8_t *a, const uint8_t *b, size_t n_bytes)
{
    uint32_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        n |= (uint32_t)(a[i] ^ b[i]);
    }
    return n;
}

enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    uint8_t wanted[CRYPTO_SHA256_BYTES];
    cheap_tag(point, hash, wanted);
    bool is_good = n_bytes == sizeof wanted && differences(signature, wanted, sizeof wanted) == 0;
    return is_good ? CRYPTO_ACCEPT : CRYPTO_REJECT;
}

const uint8_t *cheap_point(uint32_t key)
{
    static uint8_t points[CHEAP_KEYS][CRYPTO_POINT_BYTES];
    memset(points[key], (int)key + 4, CRYPTO_POINT_BYTES);
    return points[key];
}

enum fota_err cheap_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes)
{
    cheap_tag(cheap_point(*(const uint32_t *)ctx), hash, der);
    *n_bytes = CRYPTO_SHA256_BYTES;
    return FOTA_OK;
}
