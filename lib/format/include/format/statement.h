/**
 * Statements: signed text that says what a release is (release_statement.h), what a loader is
 * (loader_statement.h) and which of them a channel offers (channel_statement.h). This header holds what they
 * share: lines, values and signatures. Bytes: docs/spec/statement.md.
 *
 * A statement is lines `key=value\n` of printable ASCII in a fixed order, each key once. Keys that begin with
 * `x-` may follow the last known one, in ascending order; any other unknown key is refused. Then one to three
 * lines `sig=<key id>:<base64 of a DER ECDSA P-256 signature>`. Signed are all bytes before the first `sig=`,
 * as they are; nothing is canonicalised.
 *
 * Runs on the host and in the bootloader: no heap, no stdio, no state. Parsing never reads past `n_bytes`, is
 * linear in it, and every value that a struct holds points into the caller's text, which must outlive the
 * struct.
 */
#ifndef FORMAT_STATEMENT_H
#define FORMAT_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    STATEMENT_MAX_BYTES = 2048,         /* a channel statement with the release statement inside */
    STATEMENT_RELEASE_MAX_BYTES = 1280, /* a release or a loader statement */
    STATEMENT_FIELDS_MAX = 19,
    STATEMENT_NAME_MAX_BYTES = 32, /* product, hw, channel */
    STATEMENT_SIGS_MAX = 3,
    STATEMENT_KEY_ID_BYTES = 8, /* first bytes of SHA-256(SubjectPublicKeyInfo); 16 hex digits in the text */
    STATEMENT_DER_MAX_BYTES = 72
};

/** A piece of the caller's text; not NUL-terminated. `n_bytes` is at least 1 in a parsed statement. */
struct statement_span {
    const char *at;
    size_t n_bytes;
};

/** A statement taken apart. `field[i]` is the value of the i-th key of the list it was parsed with. */
struct statement {
    struct statement_span field[STATEMENT_FIELDS_MAX];
    struct statement_span sig[STATEMENT_SIGS_MAX];
    size_t n_sigs;
    size_t signed_bytes; /* from the start of the text to the first `sig=` */
    size_t n_bytes;      /* to the end of the last `sig=` line */
};

/**
 * Decide about one signature of a statement.
 *
 * @param key_id   which key signed, as the statement says
 * @param text     signed bytes
 * @param n_bytes  their number
 * @param der      DER signature, at most STATEMENT_DER_MAX_BYTES
 * @return FOTA_OK (verifies) · E_STATEMENT_KEY (no such key here) · any other error (known key, but does not
 *         verify)
 */
struct statement_verifier {
    enum fota_err (*check)(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES], const uint8_t *text,
                           size_t n_bytes, const uint8_t *der, size_t n_der_bytes);
    void *ctx;
};

/**
 * Take a statement apart by a list of keys.
 *
 * @param keys     the format, one digit; then the keys in order, each ended by NUL, the list by an empty key;
 * 1..STATEMENT_FIELDS_MAX of them, all required. The value of the first key must be the format
 * @param text     untrusted bytes
 * @param n_bytes  0..STATEMENT_MAX_BYTES
 * @param out      undefined on failure. Bytes may follow out->n_bytes: the caller decides about them
 * Takes:      one pass over the text. Signatures are not looked at: statement_verify().
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_FORMAT (the first line has the right
 *         key and another format: older or newer than this code; the rest was not looked at)
 */
FOTA_MUST_CHECK
enum fota_err statement_parse(const char *keys, const uint8_t *text, size_t n_bytes, struct statement *out);

/**
 * Verify the signatures: one of a known key is enough, a malformed one spoils the statement.
 *
 * @param text  the bytes `s` was parsed from
 * @return FOTA_OK · E_STATEMENT_SYNTAX (signature line malformed) · E_STATEMENT_KEY (no known key signed) ·
 *         what v->check said of the last known key (E_STATEMENT_SIGNATURE, E_STATEMENT_REVOKED), if no
 *         signature verifies
 */
FOTA_MUST_CHECK
enum fota_err statement_verify(const struct statement *s, const uint8_t *text,
                               const struct statement_verifier *v);

/**
 * Key id and DER bytes of a signature line.
 *
 * @param sig      value of a `sig=` line
 * @param n_der    bytes written to der, 8..STATEMENT_DER_MAX_BYTES
 * @return FOTA_OK · E_STATEMENT_SYNTAX; outputs are undefined then
 */
FOTA_MUST_CHECK
enum fota_err statement_sig_decode(const struct statement_span *sig, uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                   uint8_t der[STATEMENT_DER_MAX_BYTES], size_t *n_der);

/** True if the value is exactly the NUL-terminated `text`. */
bool statement_is(const struct statement_span *value, const char *text);

/**
 * Decimal number 0..4294967295 without sign or leading zeros.
 * @return FOTA_OK · E_STATEMENT_SYNTAX
 */
FOTA_MUST_CHECK
enum fota_err statement_u32(const struct statement_span *value, uint32_t *out);

/** Version `major.minor.revision` (0..255, 0..255, 0..65535) as major << 24 | minor << 16 | revision.
 *  @return FOTA_OK · E_STATEMENT_SYNTAX */
FOTA_MUST_CHECK
enum fota_err statement_version(const struct statement_span *value, uint32_t *out);

/**
 * Exactly 2 * n_bytes lower-case hex digits.
 * @return FOTA_OK · E_STATEMENT_SYNTAX; `out` is undefined then
 */
FOTA_MUST_CHECK
enum fota_err statement_hex(const struct statement_span *value, uint8_t *out, size_t n_bytes);

#endif
