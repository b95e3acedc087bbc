#include "s3/s3.h"

#include <string.h>

#include "crypto/crypto.h"
#include "format/statement_write.h"
#include "s3/date.h"
#include "s3/uri.h"
#include "s3_error.h"

static const char EMPTY_SHA256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

enum { RANGE_MAX_BYTES = 64, CHECKSUM_MAX_BYTES = 45, ENDPOINT_MAX_BYTES = 128 };

/* One exchange: what is asked, and the reply while it arrives. */
struct exchange {
    struct s3 *s3;
    const struct s3_get_options *get; /* NULL for PUT */
    const struct s3_taker *taker;
    struct s3_reply *reply;
    const char *path; /* in s3->url */
    bool is_repeat;
    bool is_clock_set;
    const char *payload_sha256; /* hex */
    uint64_t time_s;            /* of the signature */
    char date[SIGV4_DATE_BYTES];
    uint64_t range_start; /* of Content-Range */
    bool has_range;
    uint64_t retry_at_s;    /* Retry-After as a time, 0 none */
    uint64_t n_other_bytes; /* of a body that nobody asked for */
    bool is_enough;         /* such a body was cut off */
    size_t n_header_bytes;
    void (*sent)(void *ctx, uint64_t sent_bytes);
    void *sent_ctx;
};

/* Headers of one request: those that SigV4 covers come first. */
struct headers {
    struct http_header line[HTTP_HEADERS_MAX];
    size_t n;
};

static enum fota_err buffer_take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct s3_buffer *b = ctx;
    (void)off;
    if (n_bytes > b->cap_bytes - b->n_bytes) {
        return E_NO_SPACE;
    }
    memcpy(b->at + b->n_bytes, bytes, n_bytes);
    b->n_bytes += n_bytes;
    return FOTA_OK;
}

struct s3_taker s3_buffer_taker(struct s3_buffer *buffer)
{
    return (struct s3_taker){buffer_take, buffer};
}

/* Host and port of the endpoint, as the Host header will say it: without the scheme's own port. */
static enum fota_err put_authority(struct uri_text *t, const char *endpoint)
{
    static const struct {
        const char *scheme;
        const char *port;
    } schemes[] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t n_scheme = strlen(schemes[i].scheme);
        if (strncmp(endpoint, schemes[i].scheme, n_scheme) != 0) {
            continue;
        }
        const char *at = endpoint + n_scheme;
        size_t n = strcspn(at, "/");
        if (n == 0 || (at[n] == '/' && at[n + 1] != '\0') || memchr(at, '@', n)) {
            return E_ARG;
        }
        const size_t n_port = strlen(schemes[i].port);
        if (n > n_port && memcmp(at + n - n_port, schemes[i].port, n_port) == 0) {
            n -= n_port;
        }
        uri_put_bytes(t, at, n);
        return t->is_full ? E_NO_SPACE : FOTA_OK;
    }
    return E_ARG;
}

/* Where the configuration says that the bucket is. */
static enum fota_err locate(struct s3 *s3)
{
    const struct s3_config *config = s3->config;
    struct uri_text host = uri_text_begin(s3->host, sizeof s3->host);
    s3->is_vhost = config->is_vhost;
    s3->region = config->region;
    if (config->is_vhost) {
        uri_put(&host, config->bucket);
        uri_put(&host, ".");
    }
    return put_authority(&host, config->endpoint);
}

enum fota_err s3_init(struct s3 *s3, struct http *http, const struct s3_config *config)
{
    if (config->bucket[0] == '\0' || config->region[0] == '\0') {
        return E_ARG;
    }
    memset(s3, 0, sizeof *s3);
    s3->http = http;
    s3->config = config;
    return locate(s3);
}

/* URL of an object. */
static enum fota_err make_url(struct exchange *x, const char *key)
{
    struct s3 *s3 = x->s3;
    struct uri_text url = uri_text_begin(s3->url, sizeof s3->url);
    uri_put(&url, strncmp(s3->config->endpoint, "https:", 6) == 0 ? "https://" : "http://");
    uri_put(&url, s3->host);
    const size_t n_origin = url.n_bytes;
    uri_put(&url, "/");
    if (!s3->is_vhost) {
        uri_put_encoded(&url, s3->config->bucket, false);
        uri_put(&url, "/");
    }
    if (s3->config->prefix && s3->config->prefix[0] != '\0') {
        uri_put_encoded(&url, s3->config->prefix, true);
        uri_put(&url, "/");
    }
    uri_put_encoded(&url, key, true);
    if (url.is_full) {
        return E_NO_SPACE;
    }
    x->path = s3->url + n_origin;
    return FOTA_OK;
}

static bool is_named(const char *name, size_t n_name, const char *wanted)
{
    for (size_t i = 0; i < n_name; i++) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (wanted[i] == '\0' || c != wanted[i]) {
            return false;
        }
    }
    return wanted[n_name] == '\0';
}

static void copy_text(char *out, size_t cap_bytes, const char *text, size_t n_bytes)
{
    struct uri_text t = uri_text_begin(out, cap_bytes);
    uri_put_bytes(&t, text, n_bytes);
}

/* Decimal digits at *at; moves it. False without a digit or beyond 18 of them. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
    const char *start = *at;
    uint64_t value = 0;
    while (*at != end && **at >= '0' && **at <= '9' && *at - start < 18) {
        value = value * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    *out = value;
    return *at != start;
}

/* `bytes 0-99/1000` */
static bool read_content_range(const char *value, size_t n_value, uint64_t *start, uint64_t *total)
{
    const char *at = value + 6;
    const char *end = value + n_value;
    uint64_t last = 0;
    if (n_value < 6 || memcmp(value, "bytes ", 6) != 0 || !take_number(&at, end, start) || at == end ||
        *at++ != '-' || !take_number(&at, end, &last) || at == end || *at++ != '/' ||
        !take_number(&at, end, total)) {
        return false;
    }
    return at == end && *start <= last && last < *total;
}

static struct http_limits limits_of(const struct s3 *s3)
{
    struct http_limits l = s3->config->limits;
    l.total_ms = l.total_ms != 0 ? l.total_ms : S3_TOTAL_MS;
    l.idle_ms = l.idle_ms != 0 ? l.idle_ms : S3_IDLE_MS;
    l.min_bytes_s = l.min_bytes_s != 0 ? l.min_bytes_s : S3_MIN_BYTES_S;
    l.header_bytes = l.header_bytes != 0 ? l.header_bytes : S3_HEADER_BYTES;
    return l;
}

/* Seconds, or a time (RFC 9110 10.2.3). */
static void take_retry_after(struct exchange *x, const char *value, size_t n_value)
{
    const char *at = value;
    uint64_t number = 0;
    if (take_number(&at, value + n_value, &number)) {
        x->reply->retry_after_s = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
    } else if (date_http(value, n_value, &x->retry_at_s) != FOTA_OK) {
        x->retry_at_s = 0;
    }
}

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    struct exchange *x = ctx;
    struct s3_reply *r = x->reply;
    const char *at = value;
    x->n_header_bytes += n_name + n_value + 4; /* colon, blank, line end */
    if (is_named(name, n_name, "etag")) {
        copy_text(r->etag, sizeof r->etag, value, n_value);
    } else if (is_named(name, n_name, "x-amz-bucket-region")) {
        copy_text(r->region, sizeof r->region, value, n_value);
    } else if (is_named(name, n_name, "content-range")) {
        x->has_range = read_content_range(value, n_value, &x->range_start, &r->total_bytes);
    } else if (is_named(name, n_name, "date")) {
        if (date_http(value, n_value, &r->server_time_s) != FOTA_OK) {
            r->server_time_s = 0;
        }
    } else if (is_named(name, n_name, "content-length")) {
        if (!take_number(&at, value + n_value, &r->length_bytes)) {
            r->length_bytes = 0;
        }
    } else if (is_named(name, n_name, "retry-after")) {
        take_retry_after(x, value, n_value);
    }
}

/* May the body of this reply be taken for the bytes that were asked for? */
static bool is_wanted_range(const struct exchange *x, unsigned status)
{
    const struct s3_get_options *g = x->get;
    if (g->range_bytes == 0) {
        return status == 200;
    }
    return status == 206 && x->has_range && x->range_start == g->range_off &&
           (g->if_match ? strcmp(x->reply->etag, g->if_match) == 0 : g->is_any_version);
}

/* Does the reply say that the object has another length than it must have? */
static bool is_other_length(const struct exchange *x, unsigned status)
{
    const uint64_t said = status == 206 ? x->reply->total_bytes : x->reply->length_bytes;
    return x->get->total_bytes != 0 && said != 0 && said != x->get->total_bytes;
}

/* A body that nobody asked for: of an error, its start is kept. */
static enum fota_err take_other(struct exchange *x, const uint8_t *bytes, size_t n_bytes)
{
    const size_t room = sizeof x->s3->error_body - x->s3->n_error_body;
    const size_t n = n_bytes < room ? n_bytes : room; /* the code stands at the front */
    memcpy(x->s3->error_body + x->s3->n_error_body, bytes, n);
    x->s3->n_error_body += n;
    x->n_other_bytes += n_bytes;
    x->is_enough = x->n_other_bytes > S3_ERROR_BODY_READ_BYTES;
    return x->is_enough ? E_HTTP_LIMIT : FOTA_OK;
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct exchange *x = ctx;
    x->reply->status = status;
    if (x->n_header_bytes > limits_of(x->s3).header_bytes) {
        return E_HTTP_LIMIT;
    }
    if (status >= 300 || !x->get) {
        return take_other(x, bytes, n_bytes);
    }
    if (is_wanted_range(x, status) && is_other_length(x, status)) {
        return E_HTTP_LENGTH;
    }
    if (!is_wanted_range(x, status) ||
        (x->get->range_bytes != 0 && x->reply->body_bytes + n_bytes > x->get->range_bytes)) {
        return E_HTTP_REPLY;
    }
    enum fota_err err =
        x->taker->take(x->taker->ctx, x->get->range_off + x->reply->body_bytes, bytes, n_bytes);
    x->reply->body_bytes += n_bytes;
    return err;
}

static void on_sent(void *ctx, uint64_t sent_bytes)
{
    struct exchange *x = ctx;
    if (x->sent) {
        x->sent(x->sent_ctx, sent_bytes);
    }
}

static enum fota_err add(struct headers *h, const char *name, const char *value)
{
    if (!value) {
        return FOTA_OK;
    }
    if (h->n == HTTP_HEADERS_MAX) {
        return E_INTERNAL;
    }
    h->line[h->n++] = (struct http_header){name, value};
    return FOTA_OK;
}

/* Sign `h` (which holds everything but host, date and token) and append what the signature needs. */
static enum fota_err sign(struct exchange *x, struct headers *h)
{
    const struct s3_config *config = x->s3->config;
    if (!config->key_id) {
        return FOTA_OK;
    }
    sigv4_date(x->time_s, x->date);
    if (add(h, "x-amz-content-sha256", x->payload_sha256) || add(h, "x-amz-date", x->date) ||
        add(h, "x-amz-security-token", config->token)) {
        return E_INTERNAL;
    }
    /* S3 wants the host and all x-amz-* covered; proxies may touch the rest. */
    struct sigv4_header covered[SIGV4_HEADERS_MAX] = {{"host", x->s3->host}};
    size_t n = 1;
    for (size_t i = 0; i < h->n; i++) {
        if (strncmp(h->line[i].name, "x-amz-", 6) == 0) {
            covered[n++] = (struct sigv4_header){h->line[i].name, h->line[i].value};
        }
    }
    const struct sigv4_key key = {.id = config->key_id, .secret = config->secret, .region = x->s3->region};
    const struct sigv4_request r = {
        .method = !x->get ? "PUT" : "GET",
        .path = x->path,
        .query = "",
        .header = covered,
        .n_headers = n,
        .payload_sha256 = x->payload_sha256,
        .time_s = x->time_s,
    };
    enum fota_err err = sigv4_authorization(&key, &r, x->s3->authorization, sizeof x->s3->authorization);
    return err ? err : add(h, "authorization", x->s3->authorization);
}

/* Turn a complete reply into our result. */
static enum fota_err judge(struct exchange *x, unsigned status)
{
    struct s3_reply *r = x->reply;
    r->status = status;
    if (x->n_header_bytes > limits_of(x->s3).header_bytes) {
        return E_HTTP_LIMIT;
    }
    if (x->retry_at_s != 0) {
        const uint64_t now_s = r->server_time_s != 0 ? r->server_time_s : x->time_s;
        const uint64_t wait_s = x->retry_at_s > now_s ? x->retry_at_s - now_s : 0;
        r->retry_after_s = wait_s > UINT32_MAX ? UINT32_MAX : (uint32_t)wait_s;
    }
    if (status == 304 && x->get && x->get->if_none_match) {
        return FOTA_OK;
    }
    if (status == 200 || status == 206) {
        if (!x->get) {
            return FOTA_OK;
        }
        if (!is_wanted_range(x, status)) {
            return E_HTTP_REPLY;
        }
        const uint64_t said = status == 206 ? r->total_bytes : r->body_bytes;
        if (x->get->total_bytes != 0 && said != x->get->total_bytes) {
            return E_HTTP_LENGTH;
        }
        r->total_bytes = said;
        return FOTA_OK;
    }
    const char *xml = x->s3->error_body;
    s3_error_element(xml, x->s3->n_error_body, "Code", r->code, sizeof r->code);
    if (r->region[0] == '\0') {
        s3_error_element(xml, x->s3->n_error_body, "Region", r->region, sizeof r->region);
    }
    return s3_error_of(status, r->code);
}

/* One signed request and its reply. */
static enum fota_err exchange_once(struct exchange *x, struct http_request request,
                                   const struct headers *base, uint64_t now_s)
{
    struct headers h = *base;
    x->time_s = (uint64_t)((int64_t)now_s + x->s3->clock_offset_s);
    memset(x->reply, 0, sizeof *x->reply);
    x->has_range = false;
    x->is_enough = false;
    x->n_other_bytes = 0;
    x->n_header_bytes = 0;
    x->retry_at_s = 0;
    x->s3->n_error_body = 0;
    enum fota_err err = sign(x, &h);
    if (err) {
        return err;
    }
    request.header = h.line;
    request.n_headers = h.n;
    request.limits = limits_of(x->s3);
    request.limits.total_ms /= x->is_repeat ? S3_REPEAT_PART : 1U;
    request.limits.total_ms += (uint32_t)request.n_body_bytes;
    const struct http_sink sink = {on_header, on_body, on_sent, x};
    unsigned status = 0;
    err = http_perform(x->s3->http, &request, &sink, &status);
    if (err == E_HTTP_LIMIT && x->is_enough) {
        return judge(x, x->reply->status); /* an endless error is the error that its status says */
    }
    return err ? err : judge(x, status);
}

/* A name of lower-case letters, digits, hyphens and dots: no port, no path, no user. */
static bool is_name(const char *text)
{
    const char *at = text;
    while ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-' || *at == '.') {
        at++;
    }
    return at != text && *at == '\0';
}

static bool is_aws(const char *host)
{
    static const char family[] = ".amazonaws.com";
    const size_t n = strlen(host);
    return n >= sizeof family && strcmp(host + n - (sizeof family - 1), family) == 0;
}

/* Where S3 says that the bucket is, if that is of the configured host's family. */
static bool take_redirect(struct exchange *x)
{
    struct s3 *s3 = x->s3;
    const char *bucket = s3->config->bucket;
    const size_t n_bucket = strlen(bucket);
    char host[ENDPOINT_MAX_BYTES];
    s3_error_element(s3->error_body, s3->n_error_body, "Endpoint", host, sizeof host);
    if (is_name(x->reply->region)) {
        memcpy(s3->region_named, x->reply->region, sizeof s3->region_named);
        s3->region = s3->region_named;
    }
    if (host[0] == '\0') {
        return s3->region == s3->region_named;
    }
    if (strcmp(host, s3->host) != 0) {
        if (!is_name(host) || !is_aws(host) || !is_aws(s3->host)) {
            return false;
        }
        memcpy(s3->host, host, sizeof host);
        s3->is_vhost = strncmp(host, bucket, n_bucket) == 0 && host[n_bucket] == '.';
    }
    return true;
}

/* Is one more request worth it, with what the server said? */
static bool may_repeat(struct exchange *x, enum fota_err err, uint64_t now_s)
{
    const uint64_t server_time_s = x->reply->server_time_s;
    if (err == E_S3_CLOCK && x->s3->config->trusts_server_clock && server_time_s != 0 && !x->is_clock_set) {
        x->s3->clock_offset_s = (int64_t)server_time_s - (int64_t)now_s;
        x->is_clock_set = true;
        return true;
    }
    return err == E_S3_REGION && take_redirect(x);
}

static enum fota_err exchange(struct exchange *x, struct http_request request, const struct headers *base,
                              const char *key, uint64_t now_s)
{
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i <= S3_REPEATS_MAX; i++) {
        x->is_repeat = i > 0;
        err = make_url(x, key);
        if (err) {
            return err;
        }
        request.url = x->s3->url;
        err = exchange_once(x, request, base, now_s);
        if (i == S3_REPEATS_MAX || !may_repeat(x, err, now_s)) {
            break;
        }
    }
    /* What a redirect said is forgotten with the next failure, so that a wrong one can only delay. */
    enum fota_err located = err ? locate(x->s3) : FOTA_OK;
    return err ? err : located;
}

enum fota_err s3_get(struct s3 *s3, const char *key, const struct s3_get_options *options, uint64_t now_s,
                     const struct s3_taker *taker, struct s3_reply *reply)
{
    char range[RANGE_MAX_BYTES];
    struct headers h = {.n = 0};
    memset(reply, 0, sizeof *reply);
    if (options->range_bytes != 0) {
        if (!options->if_match && !options->is_any_version) {
            return E_ARG;
        }
        struct uri_text t = uri_text_begin(range, sizeof range);
        uri_put(&t, "bytes=");
        uri_put_number(&t, options->range_off);
        uri_put(&t, "-");
        uri_put_number(&t, options->range_off + options->range_bytes - 1);
    }
    if (add(&h, "if-none-match", options->if_none_match) || add(&h, "if-match", options->if_match) ||
        add(&h, "range", options->range_bytes != 0 ? range : NULL)) {
        return E_INTERNAL;
    }
    struct exchange x = {
        .s3 = s3, .get = options, .taker = taker, .reply = reply, .payload_sha256 = EMPTY_SHA256};
    const struct http_request request = {.method = HTTP_VERB_GET};
    return exchange(&x, request, &h, key, now_s);
}

enum fota_err s3_put(struct s3 *s3, const char *key, const struct s3_put_options *options, uint64_t now_s,
                     struct s3_reply *reply)
{
    struct headers h = {.n = 0};
    uint8_t hash[CRYPTO_SHA256_BYTES];
    char hex[SIGV4_SHA256_BYTES];
    char checksum[CHECKSUM_MAX_BYTES];
    struct crypto_sha256 sha;
    crypto_sha256_init(&sha);
    crypto_sha256_update(&sha, options->body, options->n_bytes);
    crypto_sha256_final(&sha, hash);
    struct statement_text t = {hex, sizeof hex - 1, 0, false};
    statement_put_hex(&t, hash, sizeof hash);
    hex[t.n_bytes] = '\0';
    t = (struct statement_text){checksum, sizeof checksum - 1, 0, false};
    statement_put_base64(&t, hash, sizeof hash);
    checksum[t.n_bytes] = '\0';
    memset(reply, 0, sizeof *reply);
    if (add(&h, "content-type", options->content_type ? options->content_type : "text/plain") ||
        add(&h, "cache-control", options->cache_control) || add(&h, "if-match", options->if_match) ||
        add(&h, "if-none-match", options->must_not_exist ? "*" : NULL) ||
        add(&h, "x-amz-checksum-sha256", checksum)) {
        return E_INTERNAL;
    }
    struct exchange x = {.s3 = s3,
                         .reply = reply,
                         .sent = options->sent,
                         .sent_ctx = options->sent_ctx,
                         .payload_sha256 = hex};
    const struct http_request request = {
        .method = HTTP_VERB_PUT, .body = options->body, .n_body_bytes = options->n_bytes};
    return exchange(&x, request, &h, key, now_s);
}
