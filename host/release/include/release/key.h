/**
 * P-256 keys in PEM files: made, read, and used for signing.
 *
 * A folder of keys holds pairs `<name>.pem` (private, PKCS#8, mode 0600) and `<name>.pub.pem`
 * (SubjectPublicKeyInfo). Both forms are what openssl and imgtool write and read; private keys in SEC 1 form
 * are read too.
 */
#ifndef RELEASE_KEY_H
#define RELEASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"
#include "format/image_build.h"
#include "format/statement.h"

enum { KEY_SECRET_BYTES = 32, KEY_FILE_MAX_BYTES = 8192 };

/** Names of the pairs in a folder of keys. */
/* image: signs images and release statements; its public half is in the bootloader. next: its successor, in
 * the bootloader from the first day, kept offline. release: signs release statements beside the image key,
 * for gateways and audit. channel: signs channel statements; the one key that is used online. */
#define KEY_IMAGE   "image-key"
#define KEY_NEXT    "next-key"
#define KEY_RELEASE "release-key"
#define KEY_CHANNEL "channel-key"

/** A key. Erase with key_forget() when it holds a secret. */
struct key {
    uint8_t point[CRYPTO_POINT_BYTES];
    uint8_t spki_sha256[CRYPTO_SHA256_BYTES]; /* as in image TLVs; the key id of statements is its front */
    bool has_secret;
    uint8_t secret[KEY_SECRET_BYTES];
};

/** Key id as statements write it: `key->spki_sha256`, first STATEMENT_KEY_ID_BYTES. */
const uint8_t *key_id(const struct key *key);

/**
 * A new random key.
 * @return FOTA_OK · E_INTERNAL (no random numbers from the system)
 */
FOTA_MUST_CHECK
enum fota_err key_generate(struct key *out);

/**
 * Write a pair. Neither file may exist; the private one is mode 0600 from its first moment on.
 *
 * @param folder  exists
 * @param name  without ".pem"
 * @return FOTA_OK · E_EXISTS · E_IO (errno says why)
 */
FOTA_MUST_CHECK
enum fota_err key_write_pair(const struct key *key, const char *folder, const char *name);

/**
 * Read a private key.
 * @return FOTA_OK · E_NOT_FOUND · E_KEY_MODE (group or others have any right on it) · E_KEY_FILE (no private
 * key in PEM) · E_CRYPTO_KEY (not P-256) · E_IO (errno says why)
 */
FOTA_MUST_CHECK
enum fota_err key_read_private(const char *path, struct key *out);

/**
 * Read a public key.
 * @return FOTA_OK · E_NOT_FOUND · E_KEY_FILE · E_CRYPTO_KEY · E_IO
 */
FOTA_MUST_CHECK
enum fota_err key_read_public(const char *path, struct key *out);

/**
 * Sign a SHA-256 value: ECDSA, nonce after RFC 6979 (the same input gives the same signature), DER.
 *
 * @param n_bytes  capacity in, at least CRYPTO_SIGNATURE_MAX_BYTES; length out
 * @return FOTA_OK · E_ARG (no secret, or capacity too small)
 */
FOTA_MUST_CHECK
enum fota_err key_sign(const struct key *key, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der,
                       size_t *n_bytes);

/** The key as image_build() wants it. `key` must outlive the result. */
struct image_signer key_image_signer(const struct key *key);

/** Overwrite a key in memory. */
void key_forget(struct key *key);

#endif
