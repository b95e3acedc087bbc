/* What a server may send to host/s3: status, header lines, body in pieces; the XML of errors among them.
 * First byte: the status. Second: bit 0 a range, bit 1 If-None-Match, bit 2 a PUT, the rest the size of pieces. Then
 * header lines: a byte that chooses a name (or takes it from the line), the line, '\n'. An empty line, the body. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "s3/s3.h"

enum {
    IS_RANGE = 1,
    IS_CONDITIONAL = 2,
    IS_PUT = 4,
    RANGE_OFF = 100,
    RANGE_BYTES = 64,
    OBJECT_MAX_BYTES = 512
};

#define ETAG "\"0123456789abcdef\""

const char *const device_name = "http";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const unsigned STATUSES[] = {200, 206, 304, 301, 302, 307, 400, 401, 403,
                                    404, 409, 412, 416, 429, 500, 501, 503};
static const char *const NAMES[] = {
    "ETag",           "content-range", "Date",    "Retry-After", "x-amz-bucket-region",
    "Content-Length", "Content-Type",  "Location"};

struct server {
    struct http http; /* first member */
    const uint8_t *bytes;
    size_t n_bytes;
    unsigned status;
    size_t piece_bytes;
};

struct taken {
    uint64_t next_off;
    uint64_t n_bytes;
};

static enum fota_err take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct taken *t = ctx;
    (void)bytes;
    if (off != t->next_off) {
        fuzz_fail("bytes out of order");
    }
    t->next_off += n_bytes;
    t->n_bytes += n_bytes;
    return t->n_bytes > OBJECT_MAX_BYTES ? E_NO_SPACE : FOTA_OK;
}

/* One header line. @return where the next one begins */
static size_t send_header(const struct server *s, size_t at, size_t end, const struct http_sink *sink)
{
    const char *line = (const char *)s->bytes + at + 1;
    size_t n_line = end - at - 1;
    unsigned which = s->bytes[at] % (sizeof NAMES / sizeof NAMES[0] + 1);
    if (which < sizeof NAMES / sizeof NAMES[0]) {
        sink->header(sink->ctx, NAMES[which], strlen(NAMES[which]), line, n_line);
    } else {
        const char *colon = memchr(line, ':', n_line);
        size_t n_name = colon ? (size_t)(colon - line) : n_line;
        sink->header(sink->ctx, line, n_name, line + n_name, n_line - n_name);
    }
    return end + 1;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct server *s = (struct server *)http;
    (void)request;
    size_t at = 0;
    while (at < s->n_bytes && s->bytes[at] != '\n') {
        const uint8_t *end = memchr(s->bytes + at, '\n', s->n_bytes - at);
        at = send_header(s, at, end ? (size_t)(end - s->bytes) : s->n_bytes, sink);
    }
    at = at < s->n_bytes ? at + 1 : s->n_bytes;
    *status = s->status;
    while (at < s->n_bytes) {
        size_t n = s->n_bytes - at < s->piece_bytes ? s->n_bytes - at : s->piece_bytes;
        uint8_t *piece = malloc(n); /* of its own size: one byte too far is seen */
        if (!piece) {
            abort();
        }
        memcpy(piece, s->bytes + at, n);
        enum fota_err err = sink->body(sink->ctx, s->status, piece, n);
        free(piece);
        if (err) {
            return err;
        }
        at += n;
    }
    return FOTA_OK;
}

static bool is_text(const char *text, size_t cap_bytes)
{
    return memchr(text, '\0', cap_bytes);
}

static void check(const struct s3_reply *r, const struct taken *t, enum fota_err err, bool is_range)
{
    if (!is_text(r->etag, sizeof r->etag) || !is_text(r->code, sizeof r->code) ||
        !is_text(r->region, sizeof r->region)) {
        fuzz_fail("a text of the reply does not end");
    }
    if (is_range && (t->n_bytes > RANGE_BYTES || (t->n_bytes > 0 && strcmp(r->etag, ETAG) != 0))) {
        fuzz_fail("bytes that were not asked for, or of another object");
    }
    if (!err && r->status != 200 && r->status != 206 && r->status != 304) {
        fuzz_fail("status %u is a success", r->status);
    }
    if (!err && is_range && r->status != 206 && r->status != 304) {
        fuzz_fail("a range is answered with %u", r->status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const struct http_ops ops = {.perform = perform};
    static const struct s3_config config = {
        .endpoint = "http://s3.test", .region = "test-1", .bucket = "releases", .key_id = NULL};
    static struct s3 s3;
    if (n_bytes < 2) {
        return 0;
    }
    struct server server = {.http = {.ops = &ops},
                            .bytes = bytes + 2,
                            .n_bytes = n_bytes - 2,
                            .status = STATUSES[bytes[0] % (sizeof STATUSES / sizeof STATUSES[0])],
                            .piece_bytes = 1U + (bytes[1] >> 3) * 37U};
    const bool is_range = (bytes[1] & IS_RANGE) != 0;
    struct taken taken = {.next_off = is_range ? RANGE_OFF : 0};
    const struct s3_taker taker = {.take = take, .ctx = &taken};
    const struct s3_get_options get = {.if_none_match = bytes[1] & IS_CONDITIONAL ? ETAG : NULL,
                                       .if_match = is_range ? ETAG : NULL,
                                       .range_off = is_range ? RANGE_OFF : 0,
                                       .range_bytes = is_range ? RANGE_BYTES : 0};
    const struct s3_put_options put = {.body = bytes, .n_bytes = 1};
    struct s3_reply reply;
    if (s3_init(&s3, &server.http, &config) != FOTA_OK) {
        fuzz_fail("no client");
    }
    if (bytes[1] & IS_PUT) {
        (void)s3_put(&s3, "v1/x", &put, 1700000000, &reply);
        return 0;
    }
    check(&reply, &taken, s3_get(&s3, "v1/x", &get, 1700000000, &taker, &reply), is_range);
    return 0;
}
