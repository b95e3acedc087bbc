/**
 * One HTTP/1.1 request at a time, as host/s3 needs it. Implemented by port/posix (libcurl) and port/esp_idf.
 *
 * The implementation adds no header but Host, Content-Length, User-Agent and Connection, follows no redirect,
 * retries nothing, decodes no content coding, and ends every request within its limits, whatever the server
 * does. The caller owns every buffer. The size of a body has no limit here: the sink ends it.
 */
#ifndef PORT_HTTP_H
#define PORT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct http;

/** Not http_method and HTTP_GET: those names are in ESP-IDF's http_parser.h. */
enum http_verb { HTTP_VERB_GET, HTTP_VERB_PUT, HTTP_VERB_POST };

enum { HTTP_HEADERS_MAX = 12 };

/** A header line to send. */
struct http_header {
    const char *name; /* without the colon */
    const char *value;
};

/** Receives a reply while it arrives. */
struct http_sink {
    /**
     * A header line of the final reply.
     * @param name   as the server sent it, any case, not NUL-terminated
     * @param value  without surrounding blanks
     */
    void (*header)(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value);
    /**
     * Some bytes of the body.
     * @param status  HTTP status of the reply
     * @return FOTA_OK to go on; anything else ends the transfer and becomes the result of http_perform
     */
    enum fota_err (*body)(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes);
    /** `sent_bytes` of the request's body are on their way. May be NULL. */
    void (*sent)(void *ctx, uint64_t sent_bytes);
    void *ctx;
};

/** How long and how much. Each of them ends the request; 0: the implementation's own limit, never none. */
struct http_limits {
    uint32_t total_ms;     /* from the call to its return, names and connection included: E_TIMEOUT */
    uint32_t idle_ms;      /* slower than min_bytes_s for so long: E_TIMEOUT */
    uint32_t min_bytes_s;  /* least rate of either direction */
    uint32_t header_bytes; /* all header lines of the reply together: E_HTTP_LIMIT */
};

struct http_request {
    enum http_verb method;
    const char *url; /* http:// or https://, NUL-terminated, already encoded */
    const struct http_header *header;
    size_t n_headers;    /* 0..HTTP_HEADERS_MAX */
    const uint8_t *body; /* not with HTTP_VERB_GET; NULL for an empty body */
    size_t n_body_bytes;
    struct http_limits limits;
};

struct http_ops {
    enum fota_err (*perform)(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status);
};

/** Embed as first member of the concrete port. */
struct http {
    const struct http_ops *ops;
};

/**
 * Send a request and receive its reply.
 *
 * @param status  HTTP status of a complete reply, 200..599; any status is success here
 * Takes:         request->limits.total_ms at most
 * @return FOTA_OK · E_NET_DNS · E_NET_CONNECT · E_NET_TLS · E_NET_CUT · E_TIMEOUT · E_HTTP_REPLY ·
 * E_HTTP_LIMIT · E_ARG (malformed URL) · E_NO_SPACE · E_UNSUPPORTED (a POST, by port/esp_idf) · what sink->body
 * returned
 */
FOTA_MUST_CHECK
static inline enum fota_err http_perform(struct http *http, const struct http_request *request,
                                         const struct http_sink *sink, unsigned *status)
{
    return http->ops->perform(http, request, sink, status);
}

#endif
