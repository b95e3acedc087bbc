#include "idf_serve.h"

#include <string.h>

#include "sdkconfig.h"

enum {
    PORT = 80,
    /* Of lwIP's 10: three are the server's own, the gateway needs one or two, the application some. */
    SOCKETS = 4,
    HEADERS = 8, /* of a reply */
    STACK_BYTES = 4096,
    PRIORITY = 4, /* below the gateway's 5: a page that is loaded makes no gap in a frame */
    WAIT_S = 5
};

/* --- requests -------------------------------------------------------------------------------------------------------- */

const char *idf_head_take(struct idf_head *h, const char *name)
{
    const size_t n = httpd_req_get_hdr_value_len(h->request, name);
    char *value = h->out;
    if (n == 0) {
        return NULL;
    }
    if (n >= h->n_left || httpd_req_get_hdr_value_str(h->request, name, value, n + 1U) != ESP_OK) {
        h->is_full = true;
        return NULL;
    }
    h->out += n + 1U;
    h->n_left -= n + 1U;
    return value;
}

const char *idf_head_path(struct idf_head *h)
{
    const size_t n = strcspn(h->request->uri, "?");
    char *path = h->out;
    if (n >= h->n_left) {
        h->is_full = true;
        return "";
    }
    memcpy(path, h->request->uri, n);
    path[n] = '\0';
    h->out += n + 1U;
    h->n_left -= n + 1U;
    return path;
}

/* --- replies --------------------------------------------------------------------------------------------------------- */

/* The server keeps the pointer until the reply is sent. */
static const char *status_line(unsigned status)
{
    static const struct {
        unsigned status;
        const char *line;
    } lines[] = {{200, "200 OK"},
                 {202, "202 Accepted"},
                 {304, "304 Not Modified"},
                 {400, "400 Bad Request"},
                 {401, "401 Unauthorized"},
                 {403, "403 Forbidden"},
                 {404, "404 Not Found"},
                 {405, "405 Method Not Allowed"},
                 {408, "408 Request Timeout"},
                 {409, "409 Conflict"},
                 {411, "411 Length Required"},
                 {413, "413 Content Too Large"},
                 {422, "422 Unprocessable Content"},
                 {431, "431 Request Header Fields Too Large"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].status == status) {
            return lines[i].line;
        }
    }
    return "500 Internal Server Error";
}

/* As for the page, but a form may be sent to this server, and says where it comes from: with "no-referrer" its Origin is "null". */
static const char *form_header(size_t i)
{
    if (strcmp(page_headers[i].name, "Content-Security-Policy") == 0) {
        return "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
               "frame-ancestors 'none'";
    }
    return strcmp(page_headers[i].name, "Referrer-Policy") == 0 ? "same-origin" : page_headers[i].value;
}

esp_err_t idf_serve_head(httpd_req_t *r, unsigned status, const char *type, struct page_header more,
                         bool is_form)
{
    /* A file has its ETag, and is asked for each time; the rest is never kept. */
    const bool is_file = more.name && strcmp(more.name, "ETag") == 0;
    esp_err_t err = httpd_resp_set_status(r, status_line(status));
    if (err == ESP_OK) {
        err = httpd_resp_set_type(r, type);
    }
    for (size_t i = 0; err == ESP_OK && i < page_n_headers; i++) {

        err = httpd_resp_set_hdr(r, page_headers[i].name, is_form ? form_header(i) : page_headers[i].value);
    }
    if (err == ESP_OK) {
        err = httpd_resp_set_hdr(r, "Cache-Control", is_file ? "no-cache" : "no-store");
    }
    return err == ESP_OK && more.name ? httpd_resp_set_hdr(r, more.name, more.value) : err;
}

esp_err_t idf_serve(httpd_req_t *r, unsigned status, const char *type, struct page_header more,
                    const void *bytes, size_t n_bytes)
{
    const esp_err_t err = idf_serve_head(r, status, type, more, false);
    return err == ESP_OK ? httpd_resp_send(r, bytes, (ssize_t)n_bytes) : err;
}

esp_err_t idf_serve_file(httpd_req_t *r, const struct page_file *file, const char *known_etag)
{
    const bool is_known = known_etag && strcmp(known_etag, file->etag) == 0;
    const struct page_header etag = {"ETag", file->etag};
    return is_known ? idf_serve(r, 304, file->type, etag, "", 0)
                    : idf_serve(r, 200, file->type, etag, file->bytes, file->n_bytes);
}

/* --- start ----------------------------------------------------------------------------------------------------------- */

/* Every path comes to one handler, which decides. */
static bool match_any(const char *pattern, const char *uri, size_t n_chars)
{
    (void)pattern;
    (void)uri;
    (void)n_chars;
    return true;
}

static esp_err_t start(httpd_handle_t *server, uint16_t port, esp_err_t (*handler)(httpd_req_t *r), void *ctx)
{
    static const httpd_method_t methods[] = {HTTP_GET, HTTP_POST};
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    config.task_priority = PRIORITY;
    config.stack_size = STACK_BYTES;
    config.server_port = port;
    config.max_open_sockets = SOCKETS;
    config.max_uri_handlers = sizeof methods / sizeof methods[0];
    config.max_resp_headers = HEADERS;
    config.lru_purge_enable = true; /* else idle connections of a browser keep the others out */
    config.recv_wait_timeout = WAIT_S;
    config.send_wait_timeout = WAIT_S;
    config.uri_match_fn = match_any;
    esp_err_t err = httpd_start(server, &config);
    for (size_t i = 0; err == ESP_OK && i < sizeof methods / sizeof methods[0]; i++) {
        const httpd_uri_t all = {.uri = "/*", .method = methods[i], .handler = handler, .user_ctx = ctx};
        err = httpd_register_uri_handler(*server, &all);
        if (err != ESP_OK) {
            (void)httpd_stop(*server); /* the first failure is the one to tell */
        }
    }
    return err;
}

esp_err_t idf_serve_start(httpd_handle_t *server, uint16_t port, esp_err_t (*handler)(httpd_req_t *r),
                          void *ctx, const struct idf_log *log)
{
    if (CONFIG_HTTPD_MAX_REQ_HDR_LEN < IDF_SERVE_HEAD_BYTES) {
        idf_log(log, 'W',
                "esp_http_server takes %d bytes of request headers, and browsers send more: set "
                "CONFIG_HTTPD_MAX_REQ_HDR_LEN=%d, or use the Arduino core 3.3",
                CONFIG_HTTPD_MAX_REQ_HDR_LEN, (int)IDF_SERVE_HEAD_BYTES);
    }
    port = port ? port : PORT;
    const esp_err_t err = start(server, port, handler, ctx);
    if (err != ESP_OK) {
        idf_log(log, 'E',
                "the page cannot be served at port %u: %s; it needs about 8 kB of heap and %d sockets of "
                "CONFIG_LWIP_MAX_SOCKETS, and the port for itself",
                port, esp_err_to_name(err), SOCKETS + 3);
    }
    return err;
}
