#include "release/key.h"

#include <bearssl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/image.h"
#include "release/file.h"

enum {
    SPKI_PREFIX_BYTES = 26,
    SPKI_BYTES = SPKI_PREFIX_BYTES + CRYPTO_POINT_BYTES,
    DER_MAX_BYTES = 512,
    PATH_BYTES = 4096
};

/* SubjectPublicKeyInfo (RFC 5480) of an uncompressed P-256 point: everything before the point. */
static const uint8_t SPKI_PREFIX[SPKI_PREFIX_BYTES] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                                       0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                       0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

const uint8_t *key_id(const struct key *key)
{
    return key->spki_sha256;
}

void key_forget(struct key *key)
{
    volatile uint8_t *p = (volatile uint8_t *)key;
    for (size_t i = 0; i < sizeof *key; i++) {
        p[i] = 0;
    }
}

static br_ec_private_key private_of(const struct key *key, uint8_t copy[KEY_SECRET_BYTES])
{
    memcpy(copy, key->secret, KEY_SECRET_BYTES);
    return (br_ec_private_key){BR_EC_secp256r1, copy, KEY_SECRET_BYTES};
}

/* Fill point and hash from the secret. */
static enum fota_err derive_public(struct key *key)
{
    uint8_t secret[KEY_SECRET_BYTES];
    uint8_t buffer[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_public_key pub;
    const br_ec_private_key sk = private_of(key, secret);
    if (br_ec_compute_pub(br_ec_get_default(), &pub, buffer, &sk) != CRYPTO_POINT_BYTES) {
        return E_CRYPTO_KEY;
    }
    memcpy(key->point, pub.q, sizeof key->point);
    image_keyhash(key->point, key->spki_sha256);
    return FOTA_OK;
}

enum fota_err key_generate(struct key *out)
{
    const char *source = NULL;
    br_prng_seeder seeder = br_prng_seeder_system(&source);
    br_hmac_drbg_context rng;
    br_hmac_drbg_init(&rng, &br_sha256_vtable, NULL, 0);
    if (!seeder || !seeder(&rng.vtable)) {
        return E_INTERNAL;
    }
    uint8_t buffer[BR_EC_KBUF_PRIV_MAX_SIZE];
    br_ec_private_key sk;
    memset(out, 0, sizeof *out);
    if (br_ec_keygen(&rng.vtable, br_ec_get_default(), &sk, buffer, BR_EC_secp256r1) != KEY_SECRET_BYTES) {
        return E_INTERNAL;
    }
    memcpy(out->secret, sk.x, sizeof out->secret);
    out->has_secret = true;
    return derive_public(out);
}

/* `<folder>/<name><suffix>` */
static enum fota_err join(const char *folder, const char *name, const char *suffix, char out[PATH_BYTES])
{
    const int n = snprintf(out, PATH_BYTES, "%s/%s%s", folder, name, suffix);
    if (n < 0 || n >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    return FOTA_OK;
}

/* PEM text of `der` into a fresh file. */
static enum fota_err write_pem(const char *path, const char *banner, const uint8_t *der, size_t n_der,
                               unsigned mode)
{
    char pem[2 * DER_MAX_BYTES];
    if (br_pem_encode(NULL, NULL, n_der, banner, 0) >= sizeof pem) {
        return E_INTERNAL;
    }
    const size_t n_pem = br_pem_encode(pem, der, n_der, banner, 0);
    return file_create(path, pem, n_pem, mode);
}

enum fota_err key_write_pair(const struct key *key, const char *folder, const char *name)
{
    if (!key->has_secret) {
        return E_ARG;
    }
    uint8_t secret[KEY_SECRET_BYTES];
    uint8_t point[CRYPTO_POINT_BYTES];
    uint8_t der[DER_MAX_BYTES];
    uint8_t spki[SPKI_BYTES];
    memcpy(point, key->point, sizeof point);
    const br_ec_private_key sk = private_of(key, secret);
    const br_ec_public_key pk = {BR_EC_secp256r1, point, sizeof point};
    if (br_encode_ec_pkcs8_der(NULL, &sk, &pk) > sizeof der) {
        return E_INTERNAL;
    }
    const size_t n_der = br_encode_ec_pkcs8_der(der, &sk, &pk);
    memcpy(spki, SPKI_PREFIX, SPKI_PREFIX_BYTES);
    memcpy(spki + SPKI_PREFIX_BYTES, key->point, sizeof key->point);
    char public_path[PATH_BYTES];
    char private_path[PATH_BYTES];
    enum fota_err err = join(folder, name, ".pub.pem", public_path);
    if (!err) {
        err = join(folder, name, ".pem", private_path);
    }
    if (!err) {
        err = write_pem(public_path, "PUBLIC KEY", spki, sizeof spki, 0644);
    }
    if (err) {
        return err;
    }
    err = write_pem(private_path, "PRIVATE KEY", der, n_der, 0600);
    if (err) { /* no half pair: take the public file back */
        const int saved = errno;
        (void)remove(public_path);
        errno = saved;
    }
    return err;
}

/* Collects the DER bytes that BearSSL's PEM decoder hands out. */
struct collector {
    uint8_t der[DER_MAX_BYTES];
    size_t n_bytes;
    bool is_full;
};

static void collect(void *ctx, const void *bytes, size_t n_bytes)
{
    struct collector *c = ctx;
    if (n_bytes > sizeof c->der - c->n_bytes) {
        c->is_full = true;
        return;
    }
    memcpy(c->der + c->n_bytes, bytes, n_bytes);
    c->n_bytes += n_bytes;
}

/* DER of the first PEM object whose banner ends with `banner` ("EC PRIVATE KEY" counts as "PRIVATE KEY"). */
static enum fota_err find_pem(const uint8_t *text, size_t n_text, const char *banner, struct collector *out)
{
    br_pem_decoder_context pem;
    br_pem_decoder_init(&pem);
    const size_t n_banner = strlen(banner);
    bool is_wanted = false;
    for (size_t i = 0; i < n_text;) {
        i += br_pem_decoder_push(&pem, text + i, n_text - i);
        const char *name = br_pem_decoder_name(&pem);
        const size_t n_name = strlen(name);
        switch (br_pem_decoder_event(&pem)) {
        case BR_PEM_BEGIN_OBJ:
            is_wanted = n_name >= n_banner && strcmp(name + n_name - n_banner, banner) == 0;
            *out = (struct collector){.n_bytes = 0};
            br_pem_decoder_setdest(&pem, is_wanted ? collect : NULL, out);
            break;
        case BR_PEM_END_OBJ:
            if (is_wanted) {
                return out->is_full ? E_KEY_FILE : FOTA_OK;
            }
            break;
        case BR_PEM_ERROR:
            return E_KEY_FILE;
        default:
            break;
        }
    }
    return E_KEY_FILE;
}

static enum fota_err read_pem(const char *path, const char *banner, struct collector *out, unsigned *mode)
{
    uint8_t *text = NULL;
    size_t n_text = 0;
    enum fota_err err = file_read(path, KEY_FILE_MAX_BYTES, &text, &n_text, mode);
    if (err) {
        return err == E_NO_SPACE ? E_KEY_FILE : err;
    }
    err = find_pem(text, n_text, banner, out);
    memset(text, 0, n_text);
    free(text);
    return err;
}

enum fota_err key_read_private(const char *path, struct key *out)
{
    struct collector pem;
    unsigned mode = 0;
    enum fota_err err = read_pem(path, "PRIVATE KEY", &pem, &mode);
    if (err) {
        return err;
    }
    if ((mode & 077) != 0) {
        return E_KEY_MODE;
    }
    br_skey_decoder_context decoder;
    br_skey_decoder_init(&decoder);
    br_skey_decoder_push(&decoder, pem.der, pem.n_bytes);
    const br_ec_private_key *sk = br_skey_decoder_get_ec(&decoder);
    if (br_skey_decoder_last_error(&decoder) != 0) {
        return E_KEY_FILE;
    }
    if (!sk || sk->curve != BR_EC_secp256r1 || sk->xlen > KEY_SECRET_BYTES) {
        return E_CRYPTO_KEY;
    }
    struct key key = {.has_secret = true};
    memcpy(key.secret + KEY_SECRET_BYTES - sk->xlen, sk->x, sk->xlen);
    err = derive_public(&key);
    if (!err) {
        *out = key;
    }
    key_forget(&key);
    memset(&pem, 0, sizeof pem);
    return err;
}

enum fota_err key_read_public(const char *path, struct key *out)
{
    struct collector pem;
    enum fota_err err = read_pem(path, "PUBLIC KEY", &pem, NULL);
    if (err) {
        return err;
    }
    if (pem.n_bytes != SPKI_BYTES || memcmp(pem.der, SPKI_PREFIX, SPKI_PREFIX_BYTES) != 0) {
        return E_CRYPTO_KEY;
    }
    struct key key = {.has_secret = false};
    memcpy(key.point, pem.der + SPKI_PREFIX_BYTES, sizeof key.point);
    image_keyhash(key.point, key.spki_sha256);
    *out = key;
    return FOTA_OK;
}

enum fota_err key_sign(const struct key *key, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der,
                       size_t *n_bytes)
{
    if (!key->has_secret || *n_bytes < CRYPTO_SIGNATURE_MAX_BYTES) {
        return E_ARG;
    }
    uint8_t secret[KEY_SECRET_BYTES];
    const br_ec_private_key sk = private_of(key, secret);
    const size_t n = br_ecdsa_i31_sign_asn1(br_ec_get_default(), &br_sha256_vtable, hash, &sk, der);
    if (n == 0) {
        return E_INTERNAL;
    }
    *n_bytes = n;
    return FOTA_OK;
}

static enum fota_err sign_image(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der,
                                size_t *n_bytes)
{
    return key_sign(ctx, hash, der, n_bytes);
}

struct image_signer key_image_signer(const struct key *key)
{
    struct image_signer signer = {.sign = sign_image, .ctx = (void *)(uintptr_t)key};
    memcpy(signer.point, key->point, sizeof signer.point);
    return signer;
}
