/* Test keys and signatures by BearSSL: fixed private keys, deterministic signatures (RFC 6979). */
#include <bearssl.h>
#include <string.h>

#include "boot_fixture.h"

static void private_key(uint32_t key, unsigned char x[32])
{
    memset(x, 0x5A, 32);
    x[31] = (unsigned char)(key + 1);
}

const uint8_t *fixture_point(uint32_t key)
{
    static uint8_t points[FIX_KEYS][CRYPTO_POINT_BYTES];
    if (points[key][0] == 0) {
        unsigned char x[32];
        private_key(key, x);
        br_ec_private_key sk = {BR_EC_secp256r1, x, sizeof x};
        br_ec_public_key pk;
        br_ec_compute_pub(&br_ec_p256_m31, &pk, points[key], &sk);
    }
    return points[key];
}

enum fota_err fixture_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes)
{
    unsigned char x[32];
    private_key(*(const uint32_t *)ctx, x);
    br_ec_private_key sk = {BR_EC_secp256r1, x, sizeof x};
    *n_bytes = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, hash, &sk, der);
    return *n_bytes == 0 ? E_INTERNAL : FOTA_OK;
}
