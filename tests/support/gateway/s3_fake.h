/**
 * S3 in memory behind port/http.h: GET with If-None-Match, Range and If-Match, as S3 answers them, and faults
 * on request. Signatures are not checked.
 */
#ifndef S3_FAKE_H
#define S3_FAKE_H

#include <stdbool.h>

#include "port/http.h"

enum {
    S3_FAKE_OBJECTS_MAX = 16,
    S3_FAKE_KEY_MAX_BYTES = 160,
    S3_FAKE_PUTS_MAX = 64,
    S3_FAKE_PUT_MAX_BYTES = 512
};

struct s3_fake_object {
    char key[S3_FAKE_KEY_MAX_BYTES];
    const uint8_t *bytes; /* the test's */
    size_t n_bytes;
    unsigned etag;
};

/** What was written into the bucket "reports": each write, in order. */
struct s3_fake_written {
    char key[S3_FAKE_KEY_MAX_BYTES];
    char body[S3_FAKE_PUT_MAX_BYTES + 1];
    bool must_not_exist;
};

/** Read the counters; set the faults. */
struct s3_fake {
    struct http http; /* first member */
    struct s3_fake_object object[S3_FAKE_OBJECTS_MAX];
    size_t n_objects;
    unsigned n_puts; /* gives each version of an object its own ETag */
    unsigned n_gets;
    unsigned n_quiet;  /* 304 */
    unsigned n_ranges; /* 206 */
    uint64_t n_body_bytes;
    unsigned fail_next;     /* so many of the next requests ... */
    unsigned fail_status;   /* ... get this status; 0: the connection fails */
    size_t cut_after_bytes; /* the next body ends after so many bytes; 0 never */
    unsigned blob_status;   /* each request for an image gets this status; 0: no */
    bool ignores_ranges;    /* answers 200 to a Range */
    size_t chunk_bytes;     /* bodies arrive in pieces of this size; 0: 1,000 */
    size_t cut_every_bytes; /* every body of an image ends after so many bytes; 0 never */
    bool is_endless;        /* bodies of images never end */
    bool hides_length;      /* no Content-Length */
    unsigned retry_after_s; /* failures say so; 0 nothing */
    /* In percent of the requests, by `seed`: */
    unsigned fail_pct;   /* 503 */
    unsigned flip_pct;   /* one bit of the body is wrong */
    unsigned portal_pct; /* 200 with a login page */
    uint32_t seed;
    uint64_t n_blob_bytes; /* of bodies of images, 200 and 206 */
    bool is_blob;          /* the request under way is for one */
    struct s3_fake_written written[S3_FAKE_PUTS_MAX];
    size_t n_written;
    unsigned n_put_requests;
    unsigned put_status;    /* every write gets this status; 0: it is done */
    bool loses_put_reply;   /* the next write is done, and its reply is lost */
    bool has_no_conditions; /* 501 to a write with a condition */
};

/** Empty bucket "releases" at http://s3.test, and "reports" for writes. */
void s3_fake_init(struct s3_fake *fake);

/** Create or replace an object. `bytes` must outlive the fake. A replaced object has another ETag, even if
 * equal. */
void s3_fake_put(struct s3_fake *fake, const char *key, const void *bytes, size_t n_bytes);

#endif
