/**
 * Channel statement: which release a channel offers, to whom, and until when. Signed by the online channel
 * key; the release statement stands inside it after a blank line, with its own signature. At most 2,048
 * bytes; it is the one mutable object a gateway polls. Bytes and meaning of every key:
 * docs/spec/statement.md.
 */
#ifndef FORMAT_CHANNEL_STATEMENT_H
#define FORMAT_CHANNEL_STATEMENT_H

#include "format/release_statement.h"

/** Keys in the order of the text; index into statement.field. */
enum channel_field {
    CHANNEL_FORMAT,
    CHANNEL_PRODUCT,
    CHANNEL_HW,
    CHANNEL_NAME,
    CHANNEL_SEQ,
    CHANNEL_ISSUED,
    CHANNEL_EXPIRES,
    CHANNEL_ROOT,
    CHANNEL_ROLLOUT,
    CHANNEL_HALT,
    CHANNEL_RETRY,
    CHANNEL_LOADER,
    CHANNEL_POLL,
    CHANNEL_RELEASE_SHA256,
    CHANNEL_FIELDS
};

/** Times are seconds since 1970-01-01T00:00:00Z. */
struct channel {
    struct statement_span product;
    struct statement_span hw;
    struct statement_span name; /* e.g. `stable` */
    uint32_t seq;               /* grows with every publication */
    uint64_t issued_s;
    uint64_t expires_s; /* after it no install starts; what runs keeps running */
    uint32_t root;      /* number of the key set the signatures belong to */
    uint64_t rollout_start_s;
    uint32_t rollout_ramp_s;    /* 0: at once */
    uint8_t rollout_max_pct;    /* 0..100 */
    bool is_halted;             /* no new downloads or activations */
    uint32_t retry;             /* raised by the operator: try a failed image again */
    bool has_loader;            /* the channel names a loader statement */
    uint8_t loader_sha256[32];  /* of that statement, its signatures included; only with has_loader */
    uint32_t poll_s;            /* 30..604800 */
    uint8_t release_sha256[32]; /* of the inner statement, its signatures included */
};

/**
 * Take a channel statement and where its release statement stands apart.
 *
 * @param text     untrusted
 * @param n_bytes  1..STATEMENT_MAX_BYTES
 * @param release  the inner text: from after the blank line to the end, 1..STATEMENT_RELEASE_MAX_BYTES. Give
 * it to release_parse() and compare its SHA-256 with channel.release_sha256
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_FORMAT (not format 2)
 */
FOTA_MUST_CHECK
enum fota_err channel_parse(const uint8_t *text, size_t n_bytes, struct statement *out,
                            struct statement_span *release);

/**
 * All values, each checked for its range.
 * @return FOTA_OK · E_STATEMENT_SYNTAX; out is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err channel_read(const struct statement *s, struct channel *out);

/**
 * Write the text up to where the signatures go. After them follow "\n" and the release statement.
 *
 * @param out  at least STATEMENT_MAX_BYTES
 * @param n_bytes  bytes written, no NUL
 * @return FOTA_OK · E_STATEMENT_SIZE · E_ARG (a value that channel_read would refuse)
 */
FOTA_MUST_CHECK
enum fota_err channel_print(const struct channel *c, char *out, size_t *n_bytes);

/**
 * `YYYY-MM-DDThh:mm:ssZ`, years 1970..9999, as seconds since 1970.
 * @return FOTA_OK · E_STATEMENT_SYNTAX
 */
FOTA_MUST_CHECK
enum fota_err statement_time(const struct statement_span *value, uint64_t *out_s);

#endif
