#include "idf_page.h"

#include <string.h>

#include "idf_clock.h"
#include "page/page_words.h"
#include "sdkconfig.h"

enum {
    MAGIC = 0x50616765,
    PORT = 80,
    /* Of lwIP's 10: three are the server's own, the gateway needs one or two, the application some. */
    SOCKETS = 4,
    HEADERS = 8, /* of a reply */
    HEAD_BYTES = 1024,
    STACK_BYTES = 4096,
    PRIORITY = 4, /* below the gateway's 5: a page that is loaded makes no gap in a frame */
    WAIT_S = 5
};
_Static_assert(sizeof(struct idf_page) <= sizeof(struct fota_gateway_page),
               "enlarge FOTA_GATEWAY_PAGE_BYTES");

static struct idf_page *in(struct fota_gateway_page *page)
{
    return (struct idf_page *)(void *)page->opaque;
}

static void lock(struct idf_page *p)
{
    (void)xSemaphoreTake(p->lock, portMAX_DELAY); /* for ever: it is held for a copy or a text only */
}

static void unlock(struct idf_page *p)
{
    (void)xSemaphoreGive(p->lock);
}

/* In the gateway's task. */
static void hear(struct idf_listener *self, const struct gateway *gateway, const struct gateway_event *event,
                 uint32_t wait_ms)
{
    struct idf_page *p = (struct idf_page *)(void *)self;
    lock(p);
    if (event) {
        page_model_hear(&p->model, event);
    } else {
        page_model_waits(&p->model, wait_ms);
    }
    page_model_look(&p->model, gateway);
    unlock(p);
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
                 {409, "409 Conflict"},
                 {411, "411 Length Required"},
                 {413, "413 Content Too Large"},
                 {431, "431 Request Header Fields Too Large"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].status == status) {
            return lines[i].line;
        }
    }
    return "500 Internal Server Error";
}

/* @param more  a header of this reply; name NULL: none */
static esp_err_t reply(httpd_req_t *r, unsigned status, const char *type, struct page_header more,
                       const void *bytes, size_t n_bytes)
{
    /* A file has its ETag, and is asked for each time; what /api says is never kept. */
    const bool is_file = more.name && strcmp(more.name, "ETag") == 0;
    esp_err_t err = httpd_resp_set_status(r, status_line(status));
    if (err == ESP_OK) {
        err = httpd_resp_set_type(r, type);
    }
    for (size_t i = 0; err == ESP_OK && i < page_n_headers; i++) {
        err = httpd_resp_set_hdr(r, page_headers[i].name, page_headers[i].value);
    }
    if (err == ESP_OK) {
        err = httpd_resp_set_hdr(r, "Cache-Control", is_file ? "no-cache" : "no-store");
    }
    if (err == ESP_OK && more.name) {
        err = httpd_resp_set_hdr(r, more.name, more.value);
    }
    return err == ESP_OK ? httpd_resp_send(r, bytes, (ssize_t)n_bytes) : err;
}

static esp_err_t send_words(struct idf_page *p, httpd_req_t *r, unsigned status, const char *words,
                            const char *allow)
{
    const struct page_header more = {allow           ? "Allow"
                                     : status == 401 ? "WWW-Authenticate"
                                                     : NULL,
                                     allow ? allow : "Bearer"};
    const size_t n = page_words(status, words, p->text);
    return reply(r, status, "application/json", more, p->text, n);
}

static esp_err_t send_text(struct idf_page *p, httpd_req_t *r, bool is_list)
{
    lock(p);
    const size_t n = is_list ? page_events_text(&p->model, p->text) : page_state_text(&p->model, p->text);
    unlock(p);
    return reply(r, 200, "application/json", (struct page_header){NULL, NULL}, p->text, n);
}

static esp_err_t send_file(httpd_req_t *r, const struct page_file *file, const char *known_etag)
{
    const bool is_known = known_etag && strcmp(known_etag, file->etag) == 0;
    const struct page_header etag = {"ETag", file->etag};
    return is_known ? reply(r, 304, file->type, etag, "", 0)
                    : reply(r, 200, file->type, etag, file->bytes, file->n_bytes);
}

static esp_err_t check_now(struct idf_page *p, httpd_req_t *r)
{
    lock(p);
    const bool is_idle = p->model.view.state == GATEWAY_WAIT;
    unlock(p);
    if (!is_idle) {
        return send_words(p, r, 409, page_says_busy, NULL);
    }
    p->poll_now(p->ctx);
    return send_words(p, r, 202, page_says_checking, NULL);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* Values of headers, one after the other. */
struct head {
    httpd_req_t *request;
    char *out;
    size_t n_left;
    bool is_full;
};

/* @return its value, NULL if it is absent, or there is no room */
static const char *take(struct head *h, const char *name)
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

static const char *take_path(struct head *h)
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

static esp_err_t answer(struct idf_page *p, httpd_req_t *r, const struct page_answer *a,
                        const char *known_etag)
{
    switch (a->what) {
    case PAGE_FILE:
        return send_file(r, a->file, known_etag);
    case PAGE_STATE:
    case PAGE_LIST:
        return send_text(p, r, a->what == PAGE_LIST);
    case PAGE_CHECK:
        return check_now(p, r);
    default: /* no stream and no upload here: the guard knows */
        return send_words(p, r, a->status, a->words, a->allow);
    }
}

static esp_err_t on_request(httpd_req_t *r)
{
    struct idf_page *p = r->user_ctx;
    struct page_answer a;
    struct head h = {.request = r, .out = p->text, .n_left = sizeof p->text};
    const struct page_request q = {.method = r->method == HTTP_POST ? "POST" : "GET",
                                   .path = take_path(&h),
                                   .host = take(&h, "Host"),
                                   .origin = take(&h, "Origin"),
                                   .fetch_site = take(&h, "Sec-Fetch-Site"),
                                   .authorization = take(&h, "Authorization"),
                                   .action = take(&h, PAGE_ACTION_HEADER),
                                   .content_length = take(&h, "Content-Length"),
                                   .is_chunked = (bool)take(&h, "Transfer-Encoding")};
    const char *known_etag = take(&h, "If-None-Match");
    page_guard(&p->policy, &q, &a);
    if (h.is_full) {
        a = (struct page_answer){.what = PAGE_REFUSED, .status = 431, .words = "The headers are too long."};
    }
    const esp_err_t err = answer(p, r, &a, known_etag);
    /* No request here has a body: where one comes, the connection ends before it is read. */
    return err == ESP_OK && r->content_len == 0 && !q.is_chunked ? ESP_OK : ESP_FAIL;
}

/* Every path comes to one handler: page_guard decides. */
static bool match_any(const char *pattern, const char *uri, size_t n_chars)
{
    (void)pattern;
    (void)uri;
    (void)n_chars;
    return true;
}

/* --- start and end --------------------------------------------------------------------------------------------------- */

static esp_err_t start_server(struct idf_page *p, uint16_t port)
{
    static const httpd_method_t methods[] = {HTTP_GET, HTTP_POST};
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    config.task_priority = PRIORITY;
    config.stack_size = STACK_BYTES;
    config.server_port = port ? port : PORT;
    config.max_open_sockets = SOCKETS;
    config.max_uri_handlers = sizeof methods / sizeof methods[0];
    config.max_resp_headers = HEADERS;
    config.lru_purge_enable = true; /* else idle connections of a browser keep the others out */
    config.recv_wait_timeout = WAIT_S;
    config.send_wait_timeout = WAIT_S;
    config.uri_match_fn = match_any;
    esp_err_t err = httpd_start(&p->server, &config);
    for (size_t i = 0; err == ESP_OK && i < sizeof methods / sizeof methods[0]; i++) {
        const httpd_uri_t all = {.uri = "/*", .method = methods[i], .handler = on_request, .user_ctx = p};
        err = httpd_register_uri_handler(p->server, &all);
        if (err != ESP_OK) {
            (void)httpd_stop(p->server); /* the first failure is the one to tell */
        }
    }
    return err;
}

static void warn_of_short_heads(const struct idf_log *log)
{
    if (CONFIG_HTTPD_MAX_REQ_HDR_LEN < HEAD_BYTES) {
        idf_log(log, 'W',
                "esp_http_server takes %d bytes of request headers, and browsers send more: set "
                "CONFIG_HTTPD_MAX_REQ_HDR_LEN=%d, or use the Arduino core 3.3",
                CONFIG_HTTPD_MAX_REQ_HDR_LEN, (int)HEAD_BYTES);
    }
}

enum fota_err idf_page_start(struct idf_page *p, const struct idf_page_config *config)
{
    if (!config->token || !page_token_is_fit(config->token)) {
        idf_log(config->log, 'E', "token of the page: %s; give %d to %d letters, digits, - . _ ~ + / =",
                config->token ? "it is too short, too long, or has a character that no header takes"
                              : "it is not set",
                (int)PAGE_TOKEN_MIN_CHARS, (int)PAGE_TOKEN_MAX_CHARS);
        return E_ARG;
    }
    *p = (struct idf_page){.listener = {.hear = hear},
                           .policy = {.token = config->token},
                           .log = config->log,
                           .poll_now = config->poll_now,
                           .ctx = config->ctx};
    p->lock = xSemaphoreCreateMutexStatic(&p->lock_memory);
    idf_clock_init(&p->clock);
    page_model_init(&p->model, &p->clock, false, 0);
    warn_of_short_heads(config->log);
    const esp_err_t err = start_server(p, config->port);
    if (err != ESP_OK) {
        idf_log(config->log, 'E',
                "the page cannot be served at port %u: %s; it needs about 8 kB of heap and %d sockets of "
                "CONFIG_LWIP_MAX_SOCKETS, and the port for itself",
                config->port ? config->port : (unsigned)PORT, esp_err_to_name(err), SOCKETS + 3);
        return E_IO;
    }
    p->magic = (uint32_t)MAGIC;
    return FOTA_OK;
}

void idf_page_stop(struct idf_page *p)
{
    if (httpd_stop(p->server) != ESP_OK) {
        idf_log(p->log, 'W', "the page's server was gone already");
    }
    p->magic = 0;
}

static void poll_now(void *ctx)
{
    fota_gateway_poll_now(ctx);
}

int fota_gateway_page_start(struct fota_gateway_page *page, struct fota_gateway *gateway,
                            const struct fota_gateway_page_config *config)
{
    struct idf_page *p = in(page);
    const struct idf_page_config own = {.token = config->token,
                                        .port = config->port,
                                        .poll_now = poll_now,
                                        .ctx = gateway,
                                        .log = idf_listen_log(gateway)};
    if (!own.log || p->magic == (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    enum fota_err err = idf_page_start(p, &own);
    if (err) {
        return (int)err;
    }
    p->gateway = gateway;
    err = idf_listen(gateway, &p->listener);
    if (err) {
        idf_page_stop(p);
    }
    return (int)err;
}

int fota_gateway_page_stop(struct fota_gateway_page *page)
{
    struct idf_page *p = in(page);
    if (p->magic != (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    idf_listen_no_more(p->gateway);
    idf_page_stop(p);
    return 0;
}
