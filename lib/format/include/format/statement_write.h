/**
 * Writing statements: a bounded text buffer and signature lines. Host side; the target only reads.
 */
#ifndef FORMAT_STATEMENT_WRITE_H
#define FORMAT_STATEMENT_WRITE_H

#include "format/statement.h"

enum { STATEMENT_SIG_LINE_MAX_BYTES = 4 + 16 + 1 + 96 + 1 };

/** Text being written. Set at, cap_bytes; n_bytes 0, is_full false. What does not fit sets is_full and is
 * left out. */
struct statement_text {
    char *at;
    size_t cap_bytes;
    size_t n_bytes;
    bool is_full;
};

/** Bytes as they are; a NUL-terminated string; a decimal number. */
void statement_put(struct statement_text *t, const char *bytes, size_t n_bytes);
void statement_put_string(struct statement_text *t, const char *string);
void statement_put_u32(struct statement_text *t, uint32_t value);

/** `n_digits` digits with leading zeros. */
void statement_put_digits(struct statement_text *t, uint32_t value, unsigned n_digits);

/** Lower-case hex; `major.minor.revision` of a packed version. */
void statement_put_hex(struct statement_text *t, const uint8_t *bytes, size_t n_bytes);
void statement_put_version(struct statement_text *t, uint32_t version);

/** Seconds since 1970, before the year 10000, as `YYYY-MM-DDThh:mm:ssZ`. */
void statement_put_time(struct statement_text *t, uint64_t time_s);

/** Base64 with padding (RFC 4648 4). */
void statement_put_base64(struct statement_text *t, const uint8_t *bytes, size_t n_bytes);

/**
 * Append `sig=<key id>:<base64>\n`.
 * @return FOTA_OK · E_STATEMENT_SIZE (does not fit; text unchanged) · E_ARG (der too long)
 */
FOTA_MUST_CHECK
enum fota_err statement_put_sig(struct statement_text *t, const uint8_t key_id[STATEMENT_KEY_ID_BYTES],
                                const uint8_t *der, size_t n_der_bytes);

#endif
