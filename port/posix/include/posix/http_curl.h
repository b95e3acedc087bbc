/**
 * port/http.h on libcurl. Used as a plain HTTP/1.1 transport: signing is host/s3's, because libcurl's own
 * SigV4 lacks S3's payload header in Debian 12's version.
 */
#ifndef POSIX_HTTP_CURL_H
#define POSIX_HTTP_CURL_H

#include "port/http.h"

enum {
    HTTP_CURL_CONNECT_TIMEOUT_S = 10,
    HTTP_CURL_STALL_TIMEOUT_S = 30, /* slower than the next for this long: given up */
    HTTP_CURL_STALL_BYTES_A_SECOND = 100
};

struct http_curl;

/**
 * Open a transport. Connections are kept alive between requests.
 *
 * @param ca_file  PEM file with the only CA certificates that are trusted; NULL: the system's
 * @param out      `&(*out)->http` goes to s3_init; close with http_curl_close
 * @return FOTA_OK · E_INTERNAL (libcurl or memory)
 */
FOTA_MUST_CHECK
enum fota_err http_curl_open(const char *ca_file, struct http_curl **out);

/** The seam of a transport. */
struct http *http_curl_http(struct http_curl *http);

/** What libcurl said about the last failure, for messages; "" if nothing. Valid until the next request. */
const char *http_curl_detail(const struct http_curl *http);

/** Close; NULL is allowed. */
void http_curl_close(struct http_curl *http);

#endif
