/**
 * port/http.h on libcurl. Used as a plain HTTP/1.1 transport: signing is host/s3's, because libcurl's own
 * SigV4 lacks S3's payload header in Debian 12's version.
 */
#ifndef POSIX_HTTP_CURL_H
#define POSIX_HTTP_CURL_H

#include <signal.h>

#include "port/http.h"

enum {
    /* Limits of a request that names none. */
    HTTP_CURL_TOTAL_MS = 100000,
    HTTP_CURL_IDLE_MS = 30000, /* slower than the next for so long: given up */
    HTTP_CURL_MIN_BYTES_S = 100,
    HTTP_CURL_HEADER_BYTES = 65536,
    HTTP_CURL_CONNECT_MS = 10000 /* names, connection and TLS, within the total */
};

/** Settings of a transport. Zero: as written in brackets. Strings are copied. */
struct http_curl_config {
    const char *ca_file; /* PEM file with the only CA certificates that are trusted [those of the system] */
    const char *proxy; /* for every request; "": none [http_proxy, https_proxy, all_proxy and no_proxy of the
                          environment] */
    const volatile sig_atomic_t *stop; /* not 0: the request under way is ended with E_NET_CUT [never] */
};

struct http_curl;

/**
 * Open a transport. Connections are kept alive between requests.
 *
 * @param config  NULL: all zero
 * @param out     http_curl_http(*out) goes to s3_init; close with http_curl_close
 * @return FOTA_OK · E_INTERNAL (libcurl or memory)
 */
FOTA_MUST_CHECK
enum fota_err http_curl_open(const struct http_curl_config *config, struct http_curl **out);

/** The seam of a transport. */
struct http *http_curl_http(struct http_curl *http);

/** What libcurl said about the last failure, for messages; "" if nothing. Valid until the next request. */
const char *http_curl_detail(const struct http_curl *http);

/** Close; NULL is allowed. */
void http_curl_close(struct http_curl *http);

#endif
