/**
 * S3 as publisher and gateway need it: conditional GET and PUT of one object, signed by ourselves.
 *
 * Works on an HTTP transport (port/http.h); no heap, no clock of its own. One struct s3 serves one request at
 * a time. Back-off is the caller's. Two refusals are answered by one more request each, at most S3_REPEATS_MAX in a
 * row and each within a tenth of the total time: a refusal for the clock, with the server's time (when
 * config.trusts_server_clock); and S3's word that the bucket is in another region (301, 307, 400), with that region and
 * its endpoint, signed anew. The endpoint must be of the configured host's family: the same host, or both under
 * amazonaws.com. No other host ever gets a request, and the scheme is always that of the configuration. What Location
 * says is not read. Region and endpoint are remembered until a request fails.
 */
#ifndef S3_S3_H
#define S3_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "port/http.h"
#include "s3/sigv4.h"

enum {
    S3_ETAG_MAX_BYTES = 80, /* with quotes and NUL */
    S3_CODE_MAX_BYTES = 48, /* `<Code>` of an error, and NUL */
    S3_REGION_MAX_BYTES = 32,
    S3_URL_MAX_BYTES = 1024,
    S3_ERROR_BODY_MAX_BYTES = 1024,   /* of an error, kept: the code stands at the front */
    S3_ERROR_BODY_READ_BYTES = 16384, /* of an error, read: the rest is cut off, the status counts */
    /* Limits of a request if s3_config names none. */
    S3_TOTAL_MS = 100000,
    S3_IDLE_MS = 30000,
    S3_MIN_BYTES_S = 100,
    S3_HEADER_BYTES = 16384,
    S3_REPEATS_MAX = 2,
    S3_REPEAT_PART = 10 /* a repeated request gets this part of the total time */
};

/** Where and as whom. NUL-terminated strings that outlive the struct s3. */
struct s3_config {
    const char *endpoint; /* `https://s3.eu-central-1.amazonaws.com` or `http://127.0.0.1:9000`, no path */
    const char *region;   /* e.g. `us-east-1` */
    const char *bucket;
    const char *
        prefix; /* folder in the bucket that all keys are under, no slash at its ends: `fleet/eu`; NULL or "": none */
    const char *key_id; /* NULL: requests are not signed (public bucket) */
    const char *secret;
    const char *token;        /* session token or NULL */
    bool is_vhost;            /* bucket in the host name (AWS) instead of the path */
    bool trusts_server_clock; /* on RequestTimeTooSkewed sign once more with the server's time */
    struct http_limits
        limits; /* zero fields: those above; a PUT gets one ms more for each byte of its body */
};

/** What a reply said. Strings are "" when absent. */
struct s3_reply {
    unsigned status;                  /* also of a reply that was cut; 0: none came */
    char etag[S3_ETAG_MAX_BYTES];     /* opaque, quotes included: store and send it back as it is */
    char code[S3_CODE_MAX_BYTES];     /* S3's error code, e.g. `NoSuchBucket` */
    char region[S3_REGION_MAX_BYTES]; /* where the bucket is, with E_S3_REGION */
    uint64_t total_bytes;   /* size of the object: of Content-Range (206), else of the body received */
    uint64_t body_bytes;    /* bytes given to the taker */
    uint64_t server_time_s; /* Date of the reply, 0 unknown */
    uint64_t length_bytes;  /* Content-Length, 0 none */
    uint32_t retry_after_s; /* Retry-After in seconds, also if the server named a time; 0 none */
};

/**
 * Receives the object's bytes in order. `off` counts from the first byte of the object.
 * @return FOTA_OK; anything else ends the transfer and becomes the result
 */
struct s3_taker {
    enum fota_err (*take)(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes);
    void *ctx;
};

/** A taker that fills a buffer; more bytes than fit give E_NO_SPACE. */
struct s3_buffer {
    uint8_t *at;
    size_t cap_bytes;
    size_t n_bytes;
};

/** The taker that fills `buffer`, which must outlive it. */
struct s3_taker s3_buffer_taker(struct s3_buffer *buffer);

/** A client. Fill by s3_init; treat as opaque. */
struct s3 {
    struct http *http;
    const struct s3_config *config;
    int64_t clock_offset_s; /* added to the caller's time when signing; learned from the server */
    const char *region;     /* of the configuration, or as the server says */
    char region_named[S3_REGION_MAX_BYTES];
    bool is_vhost; /* `host` begins with the bucket */
    char url[S3_URL_MAX_BYTES];
    char host[256];
    char authorization[SIGV4_AUTHORIZATION_MAX_BYTES];
    char error_body[S3_ERROR_BODY_MAX_BYTES];
    size_t n_error_body;
};

/**
 * @return FOTA_OK · E_ARG (endpoint is not http[s]://host[:port], or bucket or region is empty)
 */
FOTA_MUST_CHECK
enum fota_err s3_init(struct s3 *s3, struct http *http, const struct s3_config *config);

/** Conditions of a GET; zero-initialise. */
struct s3_get_options {
    const char *if_none_match; /* ETag; unchanged gives FOTA_OK with status 304 and no body */
    const char *if_match;      /* ETag; changed gives E_S3_PRECONDITION. Required with a range, but: */
    bool is_any_version;       /* a range of whatever is there now: the caller checks the whole by a digest */
    uint64_t range_off;
    uint64_t range_bytes; /* 0: the whole object */
    uint64_t total_bytes; /* the whole object must be so long; 0: any length */
};

/**
 * Read an object or a range of it.
 *
 * A range is accepted only as 206 with exactly the wanted start, a length within the wanted one, and the ETag
 * of if_match: stores exist that answer a stale If-Match or send the whole object (E_HTTP_REPLY). Where the
 * reply says that the object has another length than options->total_bytes, no byte is taken (E_HTTP_LENGTH).
 * No reply of any status holds the caller for longer than config.limits.total_ms and a tenth of it for each of
 * S3_REPEATS_MAX repeats: 120 s.
 *
 * @param key    object key below the prefix, not encoded
 * @param now_s  seconds since 1970, for the signature
 * @param reply  always filled as far as the exchange went
 * @return FOTA_OK (status 200, 206 or 304) · E_S3_* · E_NET_* · E_TIMEOUT · E_HTTP_STATUS · E_HTTP_REPLY ·
 *         E_HTTP_LENGTH · E_HTTP_LIMIT (headers) · E_UNSUPPORTED (501) · E_NO_SPACE (URL or headers of ours
 *         too long) · what the taker returned
 */
FOTA_MUST_CHECK
enum fota_err s3_get(struct s3 *s3, const char *key, const struct s3_get_options *options, uint64_t now_s,
                     const struct s3_taker *taker, struct s3_reply *reply);

/** What a PUT sends; zero-initialise. */
struct s3_put_options {
    const uint8_t *body;
    size_t n_bytes;
    const char *content_type;                     /* NULL: text/plain */
    const char *cache_control;                    /* NULL: none */
    const char *if_match;                         /* ETag: replace only that version */
    bool must_not_exist;                          /* If-None-Match: * */
    void (*sent)(void *ctx, uint64_t sent_bytes); /* progress, may be NULL */
    void *sent_ctx;
};

/**
 * Write an object. The body's SHA-256 is signed, and also sent as checksum for the server to verify.
 *
 * After E_S3_SERVER, E_NET_CUT or E_TIMEOUT the object may or may not be written: read it back.
 *
 * @return FOTA_OK · E_S3_PRECONDITION (exists, changed, or a concurrent write) · as s3_get
 */
FOTA_MUST_CHECK
enum fota_err s3_put(struct s3 *s3, const char *key, const struct s3_put_options *options, uint64_t now_s,
                     struct s3_reply *reply);

#endif
