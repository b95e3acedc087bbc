/**
 * port/http.h on esp_http_client in native mode.
 *
 * A connection is kept only if the last reply was read to its end; anything else ends in a new client, because bytes that came
 * with the headers stay in the old one and would be taken for the next reply (measured on v5.1.7 to v6.0.2). A dead kept connection
 * shows as a failure of the headers and is tried once more. Redirects are never followed. GET only: a PUT is E_UNSUPPORTED, for
 * this gateway only reads its bucket.
 *
 * Time: a wait inside esp_http_client is at most IDF_HTTP_WAIT_MS (headers) or IDF_HTTP_SLICE_MS (body), and after each the
 * request's own limits count. A name server that does not answer, and headers that come byte by byte, can hold it longer: the
 * library has no bound for them.
 */
#ifndef IDF_HTTP_H
#define IDF_HTTP_H

#include <stdbool.h>

#include "idf_fetch.h"
#include "idf_log.h"
#include "port/http.h"

enum {
    IDF_HTTP_TOTAL_MS = 60000, /* defaults of struct http_limits */
    IDF_HTTP_IDLE_MS = 20000,
    IDF_HTTP_HEADER_BYTES = 16384,
    IDF_HTTP_WAIT_MS = 10000,
    IDF_HTTP_SLICE_MS = 250,
    IDF_HTTP_RX_BYTES = 1024,
    IDF_HTTP_TX_MIN_BYTES = 1024
};

struct esp_http_client;

/** Opened by idf_http_open; its content is its own. */
struct idf_http {
    struct http http;               /* first member */
    struct esp_http_client *client; /* NULL: none */
    int tx_bytes;                   /* its buffer for what is sent */
    bool is_clean;                  /* its last reply was read to the end */
    const char *ca_pem;
    bool is_watched;
    const struct idf_log *log;
    struct idf_fetch *fetch;      /* its task, if there is one, does the requests */
    const struct http_sink *sink; /* of the request under way */
    uint32_t header_max_bytes, header_bytes;
    int piece_bytes; /* of a read: what a slow server can fill in a moment */
    uint8_t body[IDF_HTTP_RX_BYTES];
};

/**
 * @param ca_pem      root certificate as PEM text, which must outlive it; NULL: ESP-IDF's bundle
 * @param fetch       must outlive it
 * @param is_watched  take the task off the task watchdog during a request
 */
void idf_http_open(struct idf_http *http, const char *ca_pem, bool is_watched, struct idf_fetch *fetch,
                   const struct idf_log *log);

/** End the connection and free the client. */
void idf_http_close(struct idf_http *http);

#endif
