#include "posix/http_curl.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_FIRST_FINAL = 200,
    MS_PER_S = 1000,
    PIECE_BYTES = 1024 /* to the sink at a time: what is on its way to a staging store when power fails */
};

struct http_curl {
    struct http http;
    CURL *curl;
    char *ca_file;
    char *proxy; /* NULL: those of the environment */
    const volatile sig_atomic_t *stop;
    char detail[CURL_ERROR_SIZE];
};

/* One request in flight. */
struct flight {
    CURL *curl;
    const struct http_request *request;
    const struct http_sink *sink;
    size_t sent_bytes;
    enum fota_err err; /* what the sink returned, or which limit was reached */
    struct http_limits limits;
    size_t n_header_bytes;
    const volatile sig_atomic_t *stop;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static unsigned status_of(CURL *curl)
{
    long status = 0;
    return curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status > 0
               ? (unsigned)status
               : 0;
}

static size_t on_header(char *line, size_t unit, size_t n_bytes, void *ctx)
{
    struct flight *f = ctx;
    const size_t n_line = unit * n_bytes;
    f->n_header_bytes += n_line; /* of interim replies and trailers too */
    if (f->n_header_bytes > f->limits.header_bytes) {
        f->err = E_HTTP_LIMIT;
        return 0;
    }
    const char *colon = memchr(line, ':', n_line);
    if (!colon || status_of(f->curl) < STATUS_FIRST_FINAL) {
        return n_line;
    }
    const char *value = colon + 1;
    const char *end = line + n_line;
    while (value != end && is_blank(*value)) {
        value++;
    }
    while (end != value && is_blank(end[-1])) {
        end--;
    }
    f->sink->header(f->sink->ctx, line, (size_t)(colon - line), value, (size_t)(end - value));
    return n_line;
}

static size_t on_body(char *bytes, size_t unit, size_t n_bytes, void *ctx)
{
    struct flight *f = ctx;
    f->err = f->sink->body(f->sink->ctx, status_of(f->curl), (const uint8_t *)bytes, unit * n_bytes);
    return f->err ? CURL_WRITEFUNC_ERROR : unit * n_bytes;
}

static size_t on_read(char *out, size_t unit, size_t n_bytes, void *ctx)
{
    struct flight *f = ctx;
    const size_t left = f->request->n_body_bytes - f->sent_bytes;
    const size_t n = unit * n_bytes < left ? unit * n_bytes : left;
    if (n != 0) {
        memcpy(out, f->request->body + f->sent_bytes, n);
        f->sent_bytes += n;
    }
    if (f->sink->sent) {
        f->sink->sent(f->sink->ctx, f->sent_bytes);
    }
    return n;
}

/* libcurl rewinds an upload when it has to send it again on a fresh connection. */
static int on_seek(void *ctx, curl_off_t off, int origin)
{
    struct flight *f = ctx;
    if (origin != SEEK_SET || off < 0 || (uint64_t)off > f->request->n_body_bytes) {
        return CURL_SEEKFUNC_FAIL;
    }
    f->sent_bytes = (size_t)off;
    return CURL_SEEKFUNC_OK;
}

/* Called about once a second, and whenever bytes move. */
static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct flight *f = ctx;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (!f->stop || *f->stop == 0) {
        return 0;
    }
    f->err = E_NET_CUT;
    return 1;
}

static enum fota_err error_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return FOTA_OK;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return E_ARG;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return E_NET_DNS;
    case CURLE_COULDNT_CONNECT:
        return E_NET_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return E_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return E_NET_TLS;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return E_NET_CUT;
    case CURLE_OUT_OF_MEMORY:
        return E_INTERNAL;
    default:
        return E_HTTP_REPLY;
    }
}

/* A line of any length: a session token has thousands of characters. */
static struct curl_slist *add_line(struct curl_slist *list, const char *name, const char *value)
{
    const size_t n = strlen(name) + strlen(value) + sizeof ": ";
    char *line = malloc(n);
    if (!line) {
        return NULL;
    }
    (void)snprintf(line, n, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(list, line);
    free(line);
    return longer;
}

/* Header list for libcurl; NULL if memory is short. Headers that libcurl would add by itself are switched off by an
 * empty value. */
static struct curl_slist *make_headers(const struct http_request *r)
{
    static const char *const silenced[] = {"Accept:", "Expect:"};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < r->n_headers + sizeof silenced / sizeof silenced[0]; i++) {
        struct curl_slist *longer = i < r->n_headers ? add_line(list, r->header[i].name, r->header[i].value)
                                                     : curl_slist_append(list, silenced[i - r->n_headers]);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static struct http_limits limits_of(const struct http_request *r)
{
    return (struct http_limits){.total_ms = or_default(r->limits.total_ms, HTTP_CURL_TOTAL_MS),
                                .idle_ms = or_default(r->limits.idle_ms, HTTP_CURL_IDLE_MS),
                                .min_bytes_s = or_default(r->limits.min_bytes_s, HTTP_CURL_MIN_BYTES_S),
                                .header_bytes = or_default(r->limits.header_bytes, HTTP_CURL_HEADER_BYTES)};
}

/* Each time-out of libcurl is in its own unit; whole seconds are rounded up. */
static bool set_limits(CURL *c, struct flight *f)
{
    const struct http_limits *l = &f->limits;
    const long connect_ms =
        l->total_ms < HTTP_CURL_CONNECT_MS ? (long)l->total_ms : (long)HTTP_CURL_CONNECT_MS;
    return curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)l->total_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)((l->idle_ms + MS_PER_S - 1) / MS_PER_S)) ==
               CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)l->min_bytes_s) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFODATA, f) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

static bool set_server(const struct http_curl *h)
{
    CURL *c = h->curl;
    bool is_set = !h->proxy || curl_easy_setopt(c, CURLOPT_PROXY, h->proxy) == CURLE_OK;
    if (is_set && h->ca_file) {
        is_set = curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file) == CURLE_OK &&
                 curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return is_set;
}

static bool set_options(struct http_curl *h, struct flight *f, struct curl_slist *headers)
{
    CURL *c = h->curl;
    curl_easy_reset(c); /* keeps connections */
    bool is_set = curl_easy_setopt(c, CURLOPT_URL, f->request->url) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_USERAGENT, "fota") == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)PIECE_BYTES) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->detail) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_HEADERDATA, f) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
                  curl_easy_setopt(c, CURLOPT_WRITEDATA, f) == CURLE_OK && set_limits(c, f) && set_server(h);
    if (is_set && f->request->method == HTTP_VERB_POST) {
        /* an upload under another name: what is sent, and how, is the same */
        is_set = curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "POST") == CURLE_OK;
    }
    if (is_set && f->request->method != HTTP_VERB_GET) {
        is_set =
            curl_easy_setopt(c, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)f->request->n_body_bytes) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_READDATA, f) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_SEEKDATA, f) == CURLE_OK;
    }
    return is_set;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct http_curl *h = (struct http_curl *)(void *)http; /* `http` is its first member */
    struct flight f = {
        .curl = h->curl, .request = request, .sink = sink, .limits = limits_of(request), .stop = h->stop};
    h->detail[0] = '\0';
    struct curl_slist *headers = make_headers(request);
    if (!headers) {
        return E_NO_SPACE;
    }
    enum fota_err err = E_INTERNAL;
    if (set_options(h, &f, headers)) {
        const CURLcode code = curl_easy_perform(h->curl);
        err = f.err ? f.err : error_of(code);
    }
    if (err == FOTA_OK) {
        *status = status_of(h->curl);
    }
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return err;
}

enum fota_err http_curl_open(const struct http_curl_config *config, struct http_curl **out)
{
    static const struct http_ops ops = {.perform = perform};
    static const struct http_curl_config none = {0};
    const struct http_curl_config *from = config ? config : &none;
    struct http_curl *h = calloc(1, sizeof *h);
    if (!h) {
        return E_INTERNAL;
    }
    h->http.ops = &ops;
    h->stop = from->stop;
    h->ca_file = from->ca_file ? strdup(from->ca_file) : NULL;
    h->proxy = from->proxy ? strdup(from->proxy) : NULL;
    h->curl = curl_easy_init();
    if (!h->curl || !h->ca_file != !from->ca_file || !h->proxy != !from->proxy) {
        http_curl_close(h);
        return E_INTERNAL;
    }
    *out = h;
    return FOTA_OK;
}

struct http *http_curl_http(struct http_curl *http)
{
    return &http->http;
}

const char *http_curl_detail(const struct http_curl *http)
{
    return http->detail;
}

void http_curl_close(struct http_curl *http)
{
    if (!http) {
        return;
    }
    curl_easy_cleanup(http->curl);
    free(http->ca_file);
    free(http->proxy);
    free(http);
}
