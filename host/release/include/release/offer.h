/**
 * Signed texts of a release: written by the publisher, verified as a device verifies them.
 *
 * No heap, no I/O. Keys are release/key.h's.
 */
#ifndef RELEASE_OFFER_H
#define RELEASE_OFFER_H

#include "format/channel_statement.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "release/key.h"

enum { TRUST_KEYS_MAX = 4 };

/** Public keys that are believed. `accepted`: the one whose signature verified last, NULL if none did. */
struct trust {
    const struct key *key[TRUST_KEYS_MAX];
    size_t n_keys;
    const struct key *accepted;
};

/** Verifier of statement_verify() over these keys. `trust` must outlive it. */
struct statement_verifier trust_verifier(struct trust *trust);

/** A statement with its signatures. */
struct signed_text {
    char text[STATEMENT_MAX_BYTES];
    size_t n_bytes;
};

/**
 * Write and sign a release statement.
 *
 * @param signer     keys with secrets, in the order of the `sig=` lines
 * @param  n_signers  1..STATEMENT_SIGS_MAX
 * @return FOTA_OK · E_ARG (a value out of range) · E_STATEMENT_SIZE (notes too long for so many signatures)
 */
FOTA_MUST_CHECK
enum fota_err offer_write_release(const struct release *release, const struct key *const *signer,
                                  size_t n_signers, struct signed_text *out);

/**
 * Write and sign a loader statement.
 * @return FOTA_OK · E_ARG (a value out of range) · E_STATEMENT_SIZE
 */
FOTA_MUST_CHECK
enum fota_err offer_write_loader(const struct loader_release *loader, const struct key *signer,
                                 struct signed_text *out);

/**
 * Read a loader statement and verify its signature.
 *
 * @param hw  hardware it must be for; NULL: any
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_FORMAT · E_STATEMENT_KEY ·
 * E_STATEMENT_SIGNATURE · E_STATEMENT_PRODUCT; `out` is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err offer_read_loader(const uint8_t *text, size_t n_bytes, struct trust *trust, const char *hw,
                                struct loader_release *out);

/** SHA-256 of a text with its signatures: how a channel names release and loader. */
void offer_text_sha256(const struct signed_text *text, uint8_t out[CRYPTO_SHA256_BYTES]);

/**
 * Write and sign a channel statement around a release statement.
 *
 * @param channel  its release_sha256 is ignored and filled in
 * @return FOTA_OK · E_ARG · E_STATEMENT_SIZE
 */
FOTA_MUST_CHECK
enum fota_err offer_write_channel(const struct channel *channel, const struct key *signer,
                                  const struct signed_text *release, struct signed_text *out);

/** A verified channel object. Spans point into the text it was read from. */
struct offer {
    struct channel channel;
    struct release release;
    struct statement_span release_text; /* with its signatures */
};

/**
 * Read a release statement and verify its signature.
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_KEY · E_STATEMENT_SIGNATURE; `out` is
 * undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err offer_read_release(const uint8_t *text, size_t n_bytes, struct trust *trust,
                                 struct release *out);

/**
 * Read a whole channel object and verify it: form, channel signature, digest of the release inside, its
 * signature, and that both name the same product and hardware.
 * @return as offer_read_release · E_STATEMENT_MISMATCH · E_STATEMENT_PRODUCT
 */
FOTA_MUST_CHECK
enum fota_err offer_read(const uint8_t *text, size_t n_bytes, struct trust *channel_keys,
                         struct trust *release_keys, struct offer *out);

#endif
