#include "crypto/crypto.h"

#include <bearssl.h>
#include <stdbool.h>

enum { SCALAR_BYTES = 32, DER_SEQUENCE = 0x30, DER_INTEGER = 0x02 };

_Static_assert(sizeof(struct crypto_sha256) >= sizeof(br_sha256_context), "opaque state is too small");
_Static_assert(CRYPTO_SHA256_BYTES == br_sha256_SIZE, "one hash, one size");

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

/* One DER INTEGER at the front of `p`: positive, not zero, minimal (X.690 8.3.2), at most 32 bytes of value.
 * Returns how many bytes it takes, 0 if it is anything else. BearSSL's own reader is more lenient. */
static size_t take_scalar(const uint8_t *p, size_t n_bytes, uint8_t out[SCALAR_BYTES])
{
    if (n_bytes < 3 || p[0] != DER_INTEGER) {
        return 0;
    }
    size_t skip = p[2] == 0;
    size_t value_bytes = (size_t)p[1] - skip;
    if (p[1] <= skip || value_bytes > SCALAR_BYTES || 2 + (size_t)p[1] > n_bytes) {
        return 0;
    }
    const uint8_t *value = p + 2 + skip;
    if ((value[0] >= 0x80) != (skip == 1)) {
        return 0;
    }
    for (size_t i = 0; i < SCALAR_BYTES; i++) {
        size_t pad = SCALAR_BYTES - value_bytes;
        out[i] = i < pad ? 0 : value[i - pad];
    }
    return 2 + (size_t)p[1];
}

static bool raw_of_der(const uint8_t *der, size_t n_bytes, uint8_t raw[2 * SCALAR_BYTES])
{
    if (n_bytes < CRYPTO_SIGNATURE_MIN_BYTES || n_bytes > CRYPTO_SIGNATURE_MAX_BYTES ||
        der[0] != DER_SEQUENCE || der[1] != n_bytes - 2) {
        return false;
    }
    size_t r_bytes = take_scalar(der + 2, n_bytes - 2, raw);
    if (r_bytes == 0) {
        return false;
    }
    size_t left = n_bytes - 2 - r_bytes;
    return left != 0 && take_scalar(der + 2 + r_bytes, left, raw + SCALAR_BYTES) == left;
}

enum crypto_verdict crypto_p256_verify(const uint8_t point[CRYPTO_POINT_BYTES],
                                       const uint8_t hash[CRYPTO_SHA256_BYTES], const uint8_t *signature,
                                       size_t n_bytes)
{
    uint8_t raw[2 * SCALAR_BYTES];
    if (!raw_of_der(signature, n_bytes, raw)) {
        return CRYPTO_REJECT;
    }
    /* BearSSL takes the point without writing to it (bearssl_ec.h), its type only lacks the const. */
    br_ec_public_key key = {
        .curve = BR_EC_secp256r1, .q = (unsigned char *)(uintptr_t)point, .qlen = CRYPTO_POINT_BYTES};
    uint32_t is_good =
        br_ecdsa_i31_vrfy_raw(&br_ec_prime_i31, hash, CRYPTO_SHA256_BYTES, &key, raw, sizeof raw);
    return is_good == 1 ? CRYPTO_ACCEPT : CRYPTO_REJECT;
}
