/** What every page on esp_http_server needs: the server, headers of a request, replies with the headers of the page. */
#ifndef IDF_SERVE_H
#define IDF_SERVE_H

#include <stdbool.h>

#include "esp_http_server.h"
#include "idf_log.h"
#include "page/page_files.h"

/** Browsers send 500 to 700 bytes of headers. */
enum { IDF_SERVE_HEAD_BYTES = 1024 };

/** Values of a request's headers, one after the other. */
struct idf_head {
    httpd_req_t *request;
    char *out;
    size_t n_left;
    bool is_full; /* something did not fit */
};

/**
 * The value of a header.
 * @return NULL: it is absent, or did not fit
 */
const char *idf_head_take(struct idf_head *h, const char *name);

/** The path of a request, without its query. */
const char *idf_head_path(struct idf_head *h);

/**
 * Start a server whose every GET and POST comes to one handler.
 *
 * @param port  0: 80
 * @return ESP_OK, or what esp_http_server says; a line was logged then
 */
esp_err_t idf_serve_start(httpd_handle_t *server, uint16_t port, esp_err_t (*handler)(httpd_req_t *r),
                          void *ctx, const struct idf_log *log);

/**
 * Begin a reply: status, type, and the headers against framing, sniffing and keeping.
 *
 * @param more    one header of this reply; name NULL: none. A file has ETag here
 * @param is_form  a form that is sent to this server: the policies of the page forbid it, or make its Origin "null"
 */
esp_err_t idf_serve_head(httpd_req_t *r, unsigned status, const char *type, struct page_header more,
                         bool is_form);

/** A whole reply. */
esp_err_t idf_serve(httpd_req_t *r, unsigned status, const char *type, struct page_header more,
                    const void *bytes, size_t n_bytes);

/** A file of the page, or 304 if `known_etag` is its own. */
esp_err_t idf_serve_file(httpd_req_t *r, const struct page_file *file, const char *known_etag);

#endif
