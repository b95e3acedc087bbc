#include "idf_page.h"

#include <string.h>

#include "idf_clock.h"
#include "idf_serve.h"
#include "page/page_words.h"

enum { MAGIC = 0x50616765 };
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

static esp_err_t send_words(struct idf_page *p, httpd_req_t *r, unsigned status, const char *words,
                            const char *allow)
{
    const struct page_header more = {allow           ? "Allow"
                                     : status == 401 ? "WWW-Authenticate"
                                                     : NULL,
                                     allow ? allow : "Bearer"};
    const size_t n = page_words(status, words, p->text);
    return idf_serve(r, status, "application/json", more, p->text, n);
}

static esp_err_t send_text(struct idf_page *p, httpd_req_t *r, bool is_list)
{
    lock(p);
    const size_t n = is_list ? page_events_text(&p->model, p->text) : page_state_text(&p->model, p->text);
    unlock(p);
    return idf_serve(r, 200, "application/json", (struct page_header){NULL, NULL}, p->text, n);
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

static esp_err_t answer(struct idf_page *p, httpd_req_t *r, const struct page_answer *a,
                        const char *known_etag)
{
    switch (a->what) {
    case PAGE_FILE:
        return idf_serve_file(r, a->file, known_etag);
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
    struct idf_head h = {.request = r, .out = p->text, .n_left = sizeof p->text};
    const struct page_request q = {.method = r->method == HTTP_POST ? "POST" : "GET",
                                   .path = idf_head_path(&h),
                                   .host = idf_head_take(&h, "Host"),
                                   .origin = idf_head_take(&h, "Origin"),
                                   .fetch_site = idf_head_take(&h, "Sec-Fetch-Site"),
                                   .authorization = idf_head_take(&h, "Authorization"),
                                   .action = idf_head_take(&h, PAGE_ACTION_HEADER),
                                   .content_length = idf_head_take(&h, "Content-Length"),
                                   .is_chunked = (bool)idf_head_take(&h, "Transfer-Encoding")};
    const char *known_etag = idf_head_take(&h, "If-None-Match");
    page_guard(&p->policy, &q, &a);
    if (h.is_full) {
        a = (struct page_answer){.what = PAGE_REFUSED, .status = 431, .words = "The headers are too long."};
    }
    const esp_err_t err = answer(p, r, &a, known_etag);
    /* No request here has a body: where one comes, the connection ends before it is read. */
    return err == ESP_OK && r->content_len == 0 && !q.is_chunked ? ESP_OK : ESP_FAIL;
}

/* --- start and end --------------------------------------------------------------------------------------------------- */

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
    if (idf_serve_start(&p->server, config->port, on_request, p, config->log) != ESP_OK) {
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
