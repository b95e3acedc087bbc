#include "idf_http.h"

#include <inttypes.h>
#include <string.h>

#include "esp_crt_bundle.h"
#include "esp_http_client.h"
#include "esp_idf_version.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "esp_tls_errors.h"
#include "sdkconfig.h"

enum {
    US_PER_MS = 1000,
    PIECE_MIN_BYTES = 16,
    PIECE_FIRST_BYTES = 128,
    LINE_EXTRA_BYTES = 64,
    QUICK_MS = 100,
    SECTOR_BYTES = 4096
};

/* One request: its limits, in the clock of this chip. */
struct flight {
    struct idf_http *h;
    const struct http_request *request;
    int64_t start_ms;
    int64_t total_ms, idle_ms;
    int64_t window_ms; /* since when window_bytes are counted */
    uint64_t window_bytes;
    uint64_t n_body;
    uint32_t min_bytes_s;
    bool is_reused;  /* over a connection that was there */
    unsigned status; /* of a complete reply */
};

static struct idf_http *of(struct http *http)
{
    return (struct idf_http *)(void *)http; /* first member */
}

static int64_t now_ms(void)
{
    return esp_timer_get_time() / US_PER_MS;
}

static int64_t left_ms(const struct flight *f)
{
    return f->start_ms + f->total_ms - now_ms();
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- the client ---------------------------------------------------------------------------------------------- */

static esp_err_t on_event(esp_http_client_event_t *event)
{
    struct idf_http *h = event->user_data;
    if (event->event_id != HTTP_EVENT_ON_HEADER || !h->sink || !event->header_key || !event->header_value) {
        return ESP_OK;
    }
    const size_t n_key = strlen(event->header_key);
    const size_t n_value = strlen(event->header_value);
    h->header_bytes += (uint32_t)(n_key + n_value) + (uint32_t)sizeof ": \r\n" - 1U;
    if (h->header_bytes <= h->header_max_bytes) {
        h->sink->header(h->sink->ctx, event->header_key, n_key, event->header_value, n_value);
    }
    return ESP_OK;
}

static void drop_client(struct idf_http *h)
{
    if (h->client) {
        const esp_err_t err = esp_http_client_cleanup(h->client);
        (void)err; /* nothing is left to clean */
    }
    h->client = NULL;
    h->is_clean = false;
}

/* The client's buffer must hold the request line and each header line; a header too long would never be sent, without an error. */
static int tx_bytes_of(const struct http_request *r)
{
    size_t most = strlen(r->url);
    for (size_t i = 0; i < r->n_headers; i++) {
        const size_t n = strlen(r->header[i].name) + strlen(r->header[i].value);
        most = n > most ? n : most;
    }
    most = 2U * most +
           LINE_EXTRA_BYTES; /* line and User-Agent, or line and first header, may stand in it together */
    return most > IDF_HTTP_TX_MIN_BYTES ? (int)most : (int)IDF_HTTP_TX_MIN_BYTES;
}

static bool is_https(const char *url)
{
    return strncmp(url, "https:", sizeof "https:" - 1) == 0;
}

static enum fota_err make_client(struct idf_http *h, const struct http_request *r)
{
    esp_http_client_config_t config;
    memset(&config, 0, sizeof config);
    config.url = r->url;
    config.user_agent = "fota";
    config.method = HTTP_METHOD_GET;
    config.timeout_ms = IDF_HTTP_WAIT_MS;
    config.disable_auto_redirect = true;
    config.event_handler = on_event;
    config.user_data = h;
    config.buffer_size = IDF_HTTP_RX_BYTES;
    config.buffer_size_tx = h->tx_bytes = tx_bytes_of(r);
    if (is_https(r->url)) {
        config.cert_pem = h->ca_pem;
#ifdef CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
        config.crt_bundle_attach = h->ca_pem ? NULL : esp_crt_bundle_attach;
#endif
    }
    h->client = esp_http_client_init(&config);
    if (!h->client) {
        idf_log(h->log, 'E', "no client for %s: this is no URL, or memory is short", r->url);
        return E_ARG;
    }
    return FOTA_OK;
}

static enum fota_err set_headers(struct idf_http *h, const struct http_request *r)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (esp_http_client_set_header(h->client, r->header[i].name, r->header[i].value) != ESP_OK) {
            return E_INTERNAL; /* no memory */
        }
    }
    return FOTA_OK;
}

/* Headers stay in a client: they are this request's only. */
static void delete_headers(struct idf_http *h, const struct http_request *r)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        const esp_err_t err = esp_http_client_delete_header(h->client, r->header[i].name);
        (void)err; /* it was not there */
    }
}

static enum fota_err prepare(struct flight *f)
{
    struct idf_http *h = f->h;
    const struct http_request *r = f->request;
    if (h->client && (!h->is_clean || tx_bytes_of(r) > h->tx_bytes)) {
        drop_client(h);
    }
    f->is_reused = h->client;
    enum fota_err err = FOTA_OK;
    if (!h->client) {
        err = make_client(h, r);
    } else if (esp_http_client_set_url(h->client, r->url) != ESP_OK) {
        err = E_ARG;
    }
    h->is_clean = false; /* until the reply was read to its end */
    return err ? err : set_headers(h, r);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

/* Why a connection was not made. Before v5.3 the client does not say. */
static enum fota_err connect_error(const struct flight *f, esp_err_t err)
{
    esp_err_t reason = err;
    int tls_code = 0, tls_flags = 0;
    if (err == ESP_ERR_HTTP_INVALID_TRANSPORT) {
        return E_ARG;
    }
    if (err != ESP_ERR_HTTP_CONNECT) {
        return E_NET_CUT;
    }
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 3, 0)
    reason = esp_http_client_get_and_clear_last_tls_error(f->h->client, &tls_code, &tls_flags);
#endif
    idf_log(f->h->log, 'W', "no connection for %s: %s (0x%x, mbedTLS 0x%x, flags 0x%x)", f->request->url,
            esp_err_to_name(reason), (unsigned)reason, (unsigned)tls_code, (unsigned)tls_flags);
    if (reason == ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME) {
        return E_NET_DNS;
    }
    return reason == ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED ? E_NET_TLS : E_NET_CONNECT;
}

static enum fota_err cut_or_timeout(int64_t got)
{
    return got == -ESP_ERR_HTTP_EAGAIN ? E_TIMEOUT : E_NET_CUT;
}

/* --- a request --------------------------------------------------------------------------------------------------- */

static enum fota_err set_wait(const struct flight *f, int64_t most_ms)
{
    const int64_t ms = least(least(most_ms, f->idle_ms), left_ms(f));
    if (ms <= 0) {
        return E_TIMEOUT;
    }
    return esp_http_client_set_timeout_ms(f->h->client, (int)ms) == ESP_OK ? FOTA_OK : E_INTERNAL;
}

/* Request out, headers in. */
static enum fota_err exchange_heads(struct flight *f)
{
    struct idf_http *h = f->h;
    h->header_bytes = 0;
    enum fota_err err = set_wait(f, IDF_HTTP_WAIT_MS);
    if (err) {
        return err;
    }
    const esp_err_t opened = esp_http_client_open(h->client, 0);
    if (opened != ESP_OK) {
        return connect_error(f, opened);
    }
    err = set_wait(f, IDF_HTTP_WAIT_MS);
    if (err) {
        return err;
    }
    const int64_t length = esp_http_client_fetch_headers(h->client);
    if (length < 0) {
        return cut_or_timeout(length);
    }
    return h->header_bytes > h->header_max_bytes ? E_HTTP_LIMIT : FOTA_OK;
}

/* One read takes as many bytes as fit, however long that lasts; so small pieces from a slow server, large ones from a quick one. */
static void fit_piece(struct idf_http *h, int64_t took_ms)
{
    if (took_ms < QUICK_MS && h->piece_bytes < IDF_HTTP_RX_BYTES) {
        h->piece_bytes *= 2;
    } else if (took_ms > 2 * QUICK_MS && h->piece_bytes > PIECE_MIN_BYTES) {
        h->piece_bytes /= 2;
    }
}

/* Slower than the least rate for as long as the request allows? */
static bool is_too_slow(struct flight *f, int n_bytes)
{
    const int64_t window_ms = now_ms() - f->window_ms;
    f->window_bytes += n_bytes > 0 ? (uint64_t)n_bytes : 0;
    if (window_ms < f->idle_ms) {
        return false;
    }
    const bool is_slow = f->window_bytes * US_PER_MS < (uint64_t)f->min_bytes_s * (uint64_t)window_ms;
    f->window_ms += window_ms;
    f->window_bytes = 0;
    return is_slow;
}

static enum fota_err read_piece(struct flight *f, unsigned status, bool *is_end)
{
    struct idf_http *h = f->h;
    const int64_t before_ms = now_ms();
    /* No piece crosses a sector of the staging partition: what power takes from one is not fetched for the next, too. */
    const int room = SECTOR_BYTES - (int)(f->n_body % SECTOR_BYTES);
    const int n =
        esp_http_client_read(h->client, (char *)h->body, h->piece_bytes < room ? h->piece_bytes : room);
    const bool is_silence =
        n == -ESP_ERR_HTTP_EAGAIN; /* for a slice: another one, while the request's limits allow */
    if (n < 0 && !is_silence) {
        return E_NET_CUT;
    }
    fit_piece(h, now_ms() - before_ms);
    if (is_too_slow(f, n)) {
        return E_TIMEOUT;
    }
    *is_end = n == 0;
    f->n_body += n > 0 ? (uint64_t)n : 0;
    if (n > 0 && h->fetch->task) {
        return idf_fetch_put(h->fetch, status, h->body, (size_t)n);
    }
    return n > 0 ? h->sink->body(h->sink->ctx, status, h->body, (size_t)n) : FOTA_OK;
}

static enum fota_err read_body(struct flight *f, unsigned status)
{
    struct idf_http *h = f->h;
    bool is_end = false;
    enum fota_err err = FOTA_OK;
    h->piece_bytes = PIECE_FIRST_BYTES;
    f->window_ms = now_ms();
    while (!err && !is_end) {
        err = set_wait(f, IDF_HTTP_SLICE_MS);
        if (!err) {
            err = read_piece(f, status, &is_end);
        }
    }
    if (!err && !esp_http_client_is_complete_data_received(h->client)) {
        err = E_NET_CUT;
    }
    h->is_clean = err == FOTA_OK;
    return err;
}

static enum fota_err exchange(struct flight *f)
{
    enum fota_err err = prepare(f);
    if (!err) {
        err = exchange_heads(f);
    }
    if (err && f->is_reused && (err == E_NET_CUT || err == E_TIMEOUT) && left_ms(f) > 0) {
        drop_client(f->h); /* the server closed a connection that was kept: once more over a new one */
        err = prepare(f);
        if (!err) {
            err = exchange_heads(f);
        }
    }
    if (err) {
        return err;
    }
    const int code = esp_http_client_get_status_code(f->h->client);
    if (code < 200 || code > 599) {
        return E_HTTP_REPLY;
    }
    err = read_body(f, (unsigned)code);
    if (!err) {
        f->status = (unsigned)code;
    }
    return err;
}

/* One request with what belongs to its end, in the task that the client belongs to. */
static enum fota_err run(void *ctx)
{
    struct flight *f = ctx;
    const enum fota_err err = exchange(f);
    f->h->sink = NULL;
    if (f->h->is_clean) {
        delete_headers(f->h, f->request);
    } else {
        drop_client(f->h);
    }
    return err;
}

static enum fota_err end(void *ctx)
{
    drop_client(ctx);
    return FOTA_OK;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct idf_http *h = of(http);
    const struct http_limits *l = &request->limits;
    struct flight f = {.h = h,
                       .request = request,
                       .start_ms = now_ms(),
                       .total_ms = l->total_ms ? (int64_t)l->total_ms : IDF_HTTP_TOTAL_MS,
                       .idle_ms = l->idle_ms ? (int64_t)l->idle_ms : IDF_HTTP_IDLE_MS,
                       .min_bytes_s = l->min_bytes_s ? l->min_bytes_s : 1};
    if (request->method == HTTP_VERB_POST) {
        return E_UNSUPPORTED; /* nothing on the ESP32 needs one */
    }
    if (request->n_headers > HTTP_HEADERS_MAX) {
        return E_NO_SPACE;
    }
    if (request->method != HTTP_VERB_GET) {
        return E_UNSUPPORTED; /* a gateway on an ESP32 only reads */
    }
    h->sink = sink;
    h->header_max_bytes = l->header_bytes ? l->header_bytes : IDF_HTTP_HEADER_BYTES;
    const bool was_watched = h->is_watched && esp_task_wdt_delete(NULL) == ESP_OK;
    const enum fota_err err = h->fetch->task ? idf_fetch_run(h->fetch, run, &f, sink) : run(&f);
    if (!err) {
        *status = f.status;
    }
    if (was_watched && esp_task_wdt_add(NULL) != ESP_OK) {
        idf_log(h->log, 'W', "the task watchdog does not take this task back");
    }
    return err;
}

void idf_http_open(struct idf_http *http, const char *ca_pem, bool is_watched, struct idf_fetch *fetch,
                   const struct idf_log *log)
{
    static const struct http_ops ops = {.perform = perform};
    *http = (struct idf_http){
        .http = {.ops = &ops}, .ca_pem = ca_pem, .is_watched = is_watched, .fetch = fetch, .log = log};
}

void idf_http_close(struct idf_http *http)
{
    const enum fota_err err = http->fetch->task ? idf_fetch_run(http->fetch, end, http, NULL) : end(http);
    (void)err; /* nothing is left to end */
}
