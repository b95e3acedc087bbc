/**
 * AWS Signature Version 4, for S3 and for services like STS: the Authorization header and presigned URLs.
 *
 * Streams the canonical request through SHA-256, so it needs no buffer for it, no heap and no state. Checked
 * against the five examples that AWS publishes for S3 (tests/unit/s3/sigv4_test.c).
 */
#ifndef S3_SIGV4_H
#define S3_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    SIGV4_HEADERS_MAX = 12,
    SIGV4_DATE_BYTES = 17,   /* `yyyymmddThhmmssZ` and NUL */
    SIGV4_SHA256_BYTES = 65, /* 64 hex digits and NUL */
    SIGV4_AUTHORIZATION_MAX_BYTES = 512,
    SIGV4_PRESIGN_EXPIRES_MAX_S = 604800
};

/** Who signs. All NUL-terminated. */
struct sigv4_key {
    const char *id;
    const char *secret;
    const char *region;
    const char *service; /* NULL: `s3` */
};

/** A header that is signed: lower-case name, value without surrounding blanks. */
struct sigv4_header {
    const char *name;
    const char *value;
};

/** What is signed. */
struct sigv4_request {
    const char *method;
    const char *path;                  /* URI-encoded once, begins with '/' */
    const char *query;                 /* URI-encoded, sorted by name, `a=b&c=`; "" for none */
    const struct sigv4_header *header; /* any order, `host` among them; names differ */
    size_t n_headers;                  /* 1..SIGV4_HEADERS_MAX */
    const char *payload_sha256;        /* hex, or `UNSIGNED-PAYLOAD` */
    uint64_t time_s; /* seconds since 1970; for presigning it is also the start of the validity */
};

/** Write `yyyymmddThhmmssZ` of a time in seconds since 1970 (before the year 10000). */
void sigv4_date(uint64_t time_s, char out[SIGV4_DATE_BYTES]);

/** Hex SHA-256 of a payload, as x-amz-content-sha256 wants it. */
void sigv4_payload_sha256(const uint8_t *bytes, size_t n_bytes, char out[SIGV4_SHA256_BYTES]);

/**
 * Value of the Authorization header.
 *
 * @param out  NUL-terminated; undefined on failure
 * @return FOTA_OK · E_ARG (no or too many headers) · E_NO_SPACE (does not fit cap_bytes; nothing is cut
 * short)
 */
FOTA_MUST_CHECK
enum fota_err sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *request, char *out,
                                  size_t cap_bytes);

/**
 * Query string of a presigned URL: everything after the `?`. `request->query` must be "" and its payload
 * hash `UNSIGNED-PAYLOAD`.
 *
 * @param expires_s  1..SIGV4_PRESIGN_EXPIRES_MAX_S
 * @param token      session token, NULL for none
 * @return FOTA_OK · E_ARG · E_NO_SPACE
 */
FOTA_MUST_CHECK
enum fota_err sigv4_presign(const struct sigv4_key *key, const struct sigv4_request *request,
                            uint32_t expires_s, const char *token, char *out, size_t cap_bytes);

#endif
