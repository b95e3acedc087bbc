/* The S3 client against a scripted transport: replies that real stores gave, and some that a broken one could
 * give. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "s3/s3.h"

enum { NOW_S = 1795507200, REPLIES_MAX = 4, BODY_BYTES = 64 };

/* One reply of the fake server. */
struct reply {
    unsigned status;
    const char *headers; /* `Name: value` lines */
    const char *body;
    size_t n_body;           /* 0: strlen(body) */
    enum fota_err net_error; /* the transport fails instead */
};

struct fake {
    struct http http;
    struct reply reply[REPLIES_MAX];
    size_t n_replies;
    size_t n_requests;
    char url[S3_URL_MAX_BYTES];
    char sent[4096]; /* header lines of the last request */
    struct http_limits limits;
    size_t n_body_bytes; /* handed over */
};

static void send_header(const struct http_sink *sink, const char *line, size_t n_line)
{
    const char *colon = memchr(line, ':', n_line);
    assert_non_null(colon);
    const size_t n_name = (size_t)(colon - line);
    sink->header(sink->ctx, line, n_name, colon + 2, n_line - n_name - 2);
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct fake *f = (struct fake *)(void *)http;
    assert_true(f->n_requests < f->n_replies);
    const struct reply *r = &f->reply[f->n_requests++];
    strcpy(f->url, request->url);
    f->limits = request->limits;
    f->sent[0] = '\0';
    for (size_t i = 0; i < request->n_headers; i++) {
        strcat(f->sent, request->header[i].name);
        strcat(f->sent, ": ");
        strcat(f->sent, request->header[i].value);
        strcat(f->sent, "\n");
    }
    if (r->net_error) {
        return r->net_error;
    }
    const char *line = r->headers;
    while (*line != '\0') {
        const size_t n_line = strcspn(line, "\n");
        send_header(sink, line, n_line);
        line += n_line + (line[n_line] == '\n' ? 1 : 0);
    }
    const size_t n_body = r->n_body != 0 ? r->n_body : strlen(r->body);
    for (size_t at = 0; at < n_body; at += 3) { /* in crumbs */
        enum fota_err err = sink->body(sink->ctx, r->status, (const uint8_t *)r->body + at,
                                       n_body - at < 3 ? n_body - at : 3);
        f->n_body_bytes += 3;
        if (err) {
            return err;
        }
    }
    *status = r->status;
    return FOTA_OK;
}

static const struct s3_config CONFIG = {.endpoint = "http://127.0.0.1:9000",
                                        .region = "us-east-1",
                                        .bucket = "bucket",
                                        .key_id = "ID",
                                        .secret = "secret"};

/* Client, server and buffer of one test. */
struct s3_setup {
    struct fake fake;
    struct s3 s3;
    uint8_t bytes[BODY_BYTES];
    struct s3_buffer buffer;
    struct s3_reply reply;
};

static void begin(struct s3_setup *b, const struct s3_config *config, const struct reply *reply,
                  size_t n_replies)
{
    static const struct http_ops ops = {.perform = perform};
    memset(b, 0, sizeof *b);
    b->fake.http.ops = &ops;
    memcpy(b->fake.reply, reply, n_replies * sizeof *reply);
    b->fake.n_replies = n_replies;
    b->buffer = (struct s3_buffer){b->bytes, sizeof b->bytes, 0};
    assert_int_equal(s3_init(&b->s3, &b->fake.http, config), FOTA_OK);
}

static enum fota_err get(struct s3_setup *b, const struct s3_get_options *options)
{
    const struct s3_taker taker = s3_buffer_taker(&b->buffer);
    return s3_get(&b->s3, "a b/c", options, NOW_S, &taker, &b->reply);
}

static enum fota_err get_once(struct s3_setup *b, const struct s3_get_options *options,
                              const struct reply *reply)
{
    begin(b, &CONFIG, reply, 1);
    return get(b, options);
}

static void a_poll_is_one_signed_request(void **state)
{
    (void)state;
    struct s3_setup b;
    const struct s3_get_options options = {.if_none_match = "\"e1\""};
    const struct reply news = {200, "ETag: \"e2\"\nDate: Tue, 24 Nov 2026 08:00:00 GMT", "hello", 0, FOTA_OK};
    assert_int_equal(get_once(&b, &options, &news), FOTA_OK);
    assert_string_equal(b.fake.url, "http://127.0.0.1:9000/bucket/a%20b/c");
    assert_non_null(strstr(b.fake.sent, "if-none-match: \"e1\"\n"));
    assert_non_null(strstr(b.fake.sent, "x-amz-date: 20261124T080000Z\n"));
    assert_non_null(strstr(
        b.fake.sent, "authorization: AWS4-HMAC-SHA256 Credential=ID/20261124/us-east-1/s3/aws4_request, "
                     "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="));
    assert_int_equal(b.reply.status, 200);
    assert_string_equal(b.reply.etag, "\"e2\"");
    assert_int_equal(b.reply.server_time_s, NOW_S);
    assert_int_equal(b.reply.total_bytes, 5);
    assert_memory_equal(b.bytes, "hello", 5);
    const struct reply quiet = {304, "", "", 0, FOTA_OK}; /* some stores send no ETag with it */
    assert_int_equal(get_once(&b, &options, &quiet), FOTA_OK);
    assert_int_equal(b.reply.status, 304);
    assert_int_equal(b.buffer.n_bytes, 0);
    /* Nobody asked for a 304 here. */
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &quiet), E_HTTP_STATUS);
}

static void session_token_and_vhost_are_signed(void **state)
{
    (void)state;
    struct s3_setup b;
    const struct s3_config config = {.endpoint = "https://s3.eu-central-1.amazonaws.com:443",
                                     .region = "eu-central-1",
                                     .bucket = "bucket",
                                     .key_id = "ID",
                                     .secret = "secret",
                                     .token = "token",
                                     .is_vhost = true};
    const struct reply ok = {200, "", "", 0, FOTA_OK};
    begin(&b, &config, &ok, 1);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_string_equal(b.fake.url, "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/c");
    assert_non_null(strstr(b.fake.sent, "x-amz-security-token: token\n"));
    assert_non_null(
        strstr(b.fake.sent, "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "));
}

static void a_prefix_stands_between_bucket_and_key(void **state)
{
    (void)state;
    struct s3_setup b;
    struct s3_config config = CONFIG;
    const struct reply ok = {200, "", "", 0, FOTA_OK};
    config.prefix = "fleet a/eu";
    begin(&b, &config, &ok, 1);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_string_equal(b.fake.url, "http://127.0.0.1:9000/bucket/fleet%20a/eu/a%20b/c");
    config.is_vhost = true;
    begin(&b, &config, &ok, 1);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_string_equal(b.fake.url, "http://bucket.127.0.0.1:9000/fleet%20a/eu/a%20b/c");
    config.prefix = "";
    begin(&b, &config, &ok, 1);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_string_equal(b.fake.url, "http://bucket.127.0.0.1:9000/a%20b/c");
}

static void a_range_is_taken_only_as_asked(void **state)
{
    (void)state;
    static const struct {
        struct reply reply;
        enum fota_err wanted;
    } cases[] = {
        {{206, "ETag: \"e\"\nContent-Range: bytes 8-11/100", "wxyz", 0, FOTA_OK}, FOTA_OK},
        {{206, "ETag: \"e\"\nContent-Range: bytes 8-9/10", "wx", 0, FOTA_OK},
         FOTA_OK}, /* end of the object */
        {{200, "ETag: \"e\"", "the whole object", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"other\"\nContent-Range: bytes 8-11/100", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "Content-Range: bytes 8-11/100", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"e\"", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"e\"\nContent-Range: bytes 4-7/100", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"e\"\nContent-Range: bytes 8-11/11", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"e\"\nContent-Range: bytes 8-11/*", "wxyz", 0, FOTA_OK}, E_HTTP_REPLY},
        {{206, "ETag: \"e\"\nContent-Range: bytes 8-99/100", "wxyzw", 0, FOTA_OK},
         E_HTTP_REPLY}, /* more than asked */
        {{412, "", "<Error><Code>PreconditionFailed</Code></Error>", 0, FOTA_OK}, E_S3_PRECONDITION},
        {{416, "", "<Error><Code>InvalidRange</Code></Error>", 0, FOTA_OK}, E_S3_RANGE},
    };
    const struct s3_get_options options = {.if_match = "\"e\"", .range_off = 8, .range_bytes = 4};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3_setup b;
        const enum fota_err err = get_once(&b, &options, &cases[i].reply);
        if (err != cases[i].wanted) {
            fail_msg("case %zu: %s", i, fota_err_name(err));
        }
        assert_non_null(strstr(b.fake.sent, "range: bytes=8-11\n"));
        if (!err) {
            assert_int_equal(b.reply.total_bytes, i == 0 ? 100 : 10);
            assert_memory_equal(b.bytes, "wxyz", b.buffer.n_bytes);
        }
    }
    struct s3_setup b;
    const struct s3_get_options unsafe = {.range_off = 8, .range_bytes = 4};
    assert_int_equal(get_once(&b, &unsafe, &cases[0].reply),
                     E_ARG); /* a range without If-Match could mix versions */
}

static void every_refusal_has_its_own_error(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *headers;
        const char *body;
        enum fota_err wanted;
    } cases[] = {
        {403, "", "<Error><Code>SignatureDoesNotMatch</Code></Error>", E_S3_CREDENTIALS},
        {403, "", "<Error><Code>AccessDenied</Code></Error>", E_S3_CREDENTIALS},
        {403, "", "", E_S3_CREDENTIALS},
        {400, "", "<Error><Code>ExpiredToken</Code></Error>", E_S3_CREDENTIALS},
        {403, "", "<Error><Code>RequestTimeTooSkewed</Code></Error>", E_S3_CLOCK},
        {404, "", "<Error><Code>NoSuchBucket</Code></Error>", E_S3_NO_BUCKET},
        {404, "", "<Error><Code>NoSuchKey</Code></Error>", E_S3_NO_KEY},
        {404, "", "<html>not S3</html>", E_S3_NO_KEY},
        {409, "", "<Error><Code>ConditionalRequestConflict</Code></Error>", E_S3_PRECONDITION},
        {301, "", "<Error><Code>PermanentRedirect</Code></Error>", E_S3_REGION},
        {307, "", "<Error><Code>TemporaryRedirect</Code></Error>", E_S3_REGION},
        {503, "Retry-After: 7", "<Error><Code>SlowDown</Code></Error>", E_S3_THROTTLED},
        {429, "", "", E_S3_THROTTLED},
        {503, "", "<Error><Code>ServiceUnavailable</Code></Error>", E_S3_SERVER},
        {500, "", "<Error><Code>InternalError</Code></Error>", E_S3_SERVER},
        {501, "", "<Error><Code>NotImplemented</Code></Error>", E_UNSUPPORTED},
        {400, "", "<Error><Code>Unheard", E_HTTP_STATUS},
        {204, "", "", E_HTTP_STATUS},
        {206, "", "", E_HTTP_REPLY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3_setup b;
        const struct reply reply = {cases[i].status, cases[i].headers, cases[i].body, 0, FOTA_OK};
        const enum fota_err err = get_once(&b, &(struct s3_get_options){0}, &reply);
        if (err != cases[i].wanted) {
            fail_msg("case %zu: %s", i, fota_err_name(err));
        }
        assert_int_equal(b.fake.n_requests, 1); /* nothing is retried, no redirect without a word of S3 */
        if (cases[i].status == 503 && cases[i].headers[0] != '\0') {
            assert_int_equal(b.reply.retry_after_s, 7);
        }
    }
    struct s3_setup b;
    const struct reply down = {0, "", "", 0, E_NET_CONNECT};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &down), E_NET_CONNECT);
}

/* A bucket in the US, asked for in Frankfurt. */
static const struct s3_config AWS = {.endpoint = "https://s3.eu-central-1.amazonaws.com",
                                     .region = "eu-central-1",
                                     .bucket = "bucket",
                                     .key_id = "ID",
                                     .secret = "secret",
                                     .token = "token",
                                     .is_vhost = true};

#define MOVED_TO(host) "<Error><Code>PermanentRedirect</Code><Endpoint>" host "</Endpoint></Error>"

static void a_bucket_in_another_region_is_found_and_the_request_signed_anew(void **state)
{
    (void)state;
    static const struct {
        struct reply reply;
        const char *url;
    } cases[] = {
        {{301, "x-amz-bucket-region: us-west-2", MOVED_TO("bucket.s3.us-west-2.amazonaws.com"), 0, FOTA_OK},
         "https://bucket.s3.us-west-2.amazonaws.com/a%20b/c"},
        {{307, "Location: http://evil.example/\nx-amz-bucket-region: us-west-2",
          MOVED_TO("s3.us-west-2.amazonaws.com"), 0, FOTA_OK},
         "https://s3.us-west-2.amazonaws.com/bucket/a%20b/c"},
        {{400, "", "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>", 0,
          FOTA_OK},
         "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3_setup b;
        const struct reply ok = {200, "", "body", 0, FOTA_OK};
        const struct reply script[] = {cases[i].reply, ok, ok, cases[i].reply};
        begin(&b, &AWS, script, 4);
        assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
        assert_string_equal(b.fake.url, cases[i].url);
        assert_non_null(strstr(b.fake.sent, "/us-west-2/s3/aws4_request"));
        assert_int_equal(b.fake.limits.total_ms, S3_TOTAL_MS / S3_REPEAT_PART);
        assert_int_equal(b.buffer.n_bytes, 4);                           /* of the second reply only */
        assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK); /* remembered: one request */
        assert_int_equal(b.fake.n_requests, 3);
        assert_int_equal(b.fake.limits.total_ms, S3_TOTAL_MS);
    }
}

static void no_other_host_gets_a_request(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        MOVED_TO("evil.example"),
        MOVED_TO("bucket.s3.amazonaws.com.evil.example"),
        MOVED_TO("evilamazonaws.com"),
        MOVED_TO("user@s3.amazonaws.com"),
        MOVED_TO("evil.example/s3.amazonaws.com"),
        MOVED_TO("evil.example:443#.amazonaws.com"),
        MOVED_TO("EVIL.amazonaws.com"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct s3_setup b;
        const struct reply moved = {307, "Location: http://evil.example/", bodies[i], 0, FOTA_OK};
        begin(&b, &AWS, &moved, 1);
        assert_int_equal(get(&b, &(struct s3_get_options){0}), E_S3_REGION);
        assert_int_equal(b.fake.n_requests, 1);
    }
    struct s3_setup b; /* and a store of one's own sends nobody to AWS, nor to a neighbour */
    const struct reply moved = {301, "", MOVED_TO("bucket.s3.amazonaws.com"), 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &moved), E_S3_REGION);
    const struct reply neighbour = {301, "", MOVED_TO("127.0.0.2:9000"), 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &neighbour), E_S3_REGION);
}

static void redirects_in_a_circle_end_and_a_wrong_one_is_forgotten(void **state)
{
    (void)state;
    struct s3_setup b;
    const struct reply there = {301, "x-amz-bucket-region: us-west-2",
                                MOVED_TO("b.s3.us-west-2.amazonaws.com"), 0, FOTA_OK};
    const struct reply back = {301, "x-amz-bucket-region: eu-west-1",
                               MOVED_TO("b.s3.eu-west-1.amazonaws.com"), 0, FOTA_OK};
    const struct reply ok = {200, "", "", 0, FOTA_OK};
    const struct reply script[] = {there, back, there, ok};
    begin(&b, &AWS, script, 4);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), E_S3_REGION);
    assert_int_equal(b.fake.n_requests, 1 + S3_REPEATS_MAX);
    assert_string_equal(b.reply.region, "us-west-2"); /* for the message */
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_string_equal(b.fake.url, "https://bucket.s3.eu-central-1.amazonaws.com/a%20b/c");
    assert_non_null(strstr(b.fake.sent, "/eu-central-1/s3/aws4_request"));
}

static void long_error_bodies_and_long_headers_do_no_harm(void **state)
{
    (void)state;
    static char body[3 * S3_ERROR_BODY_MAX_BYTES];
    static char header[400] = "ETag: \"";
    memset(body, 'x', sizeof body - 1);
    memcpy(body, "<Error><Code>NoSuchBucket</Code>", 32);
    memset(header + 7, 'e', sizeof header - 8);
    struct s3_setup b;
    const struct reply reply = {404, header, body, sizeof body - 1, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &reply), E_S3_NO_BUCKET);
    assert_string_equal(b.reply.etag, ""); /* an ETag that does not fit is none: never a piece of one */
    memset(body, 'x', 64);
    memcpy(body, "<Code>", 6);
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &reply), E_S3_NO_KEY);
    assert_string_equal(b.reply.code, "");
    const struct reply big = {200, "", body, BODY_BYTES + 1, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &big), E_NO_SPACE);
}

static void an_object_of_another_length_gives_no_byte(void **state)
{
    (void)state;
    static const struct {
        struct reply reply;
        uint64_t range_off;
        enum fota_err wanted;
        size_t n_taken;
    } cases[] = {
        {{200, "Content-Length: 4", "wxyz", 0, FOTA_OK}, 0, FOTA_OK, 4},
        {{200, "", "wxyz", 0, FOTA_OK}, 0, FOTA_OK, 4}, /* a proxy that does not say the length */
        {{200, "Content-Length: 12", "a login page", 0, FOTA_OK}, 0, E_HTTP_LENGTH, 0},
        {{200, "", "wxy", 0, FOTA_OK}, 0, E_HTTP_LENGTH, 3},
        {{206, "ETag: \"e\"\nContent-Range: bytes 2-3/4", "yz", 0, FOTA_OK}, 2, FOTA_OK, 2},
        {{206, "ETag: \"e\"\nContent-Range: bytes 2-4/5", "yz!", 0, FOTA_OK}, 2, E_HTTP_LENGTH, 0},
        {{206, "Content-Range: bytes 1-2/4", "xy", 0, FOTA_OK}, 2, E_HTTP_REPLY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3_setup b;
        const struct s3_get_options options = {.is_any_version = true,
                                               .range_off = cases[i].range_off,
                                               .range_bytes = cases[i].range_off != 0 ? 2 : 0,
                                               .total_bytes = 4};
        const enum fota_err err = get_once(&b, &options, &cases[i].reply);
        if (err != cases[i].wanted || b.buffer.n_bytes != cases[i].n_taken) {
            fail_msg("case %zu: %s, %zu bytes", i, fota_err_name(err), b.buffer.n_bytes);
        }
        assert_int_equal(b.reply.status, cases[i].reply.status);
    }
}

static void endless_replies_are_cut_off(void **state)
{
    (void)state;
    static char body[20 * S3_ERROR_BODY_READ_BYTES];
    static char header[S3_HEADER_BYTES + 100];
    struct s3_setup b;
    memset(body, 'x', sizeof body - 1);
    const struct reply error = {503, "Retry-After: 7", body, 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &error), E_S3_SERVER);
    assert_int_equal(b.reply.status, 503);
    assert_int_equal(b.reply.retry_after_s, 7);
    assert_true(b.fake.n_body_bytes <= S3_ERROR_BODY_READ_BYTES + 3);
    memcpy(header, "X: ", 3);
    memset(header + 3, 'h', sizeof header - 4);
    const struct reply long_header = {200, header, "", 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &long_header), E_HTTP_LIMIT);
    const struct reply with_body = {200, header, body, 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &with_body), E_HTTP_LIMIT);
    assert_int_equal(b.buffer.n_bytes, 0);
    begin(&b, &CONFIG, &(struct reply){200, "", body, 0, FOTA_OK}, 1);
    const struct s3_put_options put = {.body = (const uint8_t *)"hello", .n_bytes = 5};
    assert_int_equal(s3_put(&b.s3, "key", &put, NOW_S, &b.reply), FOTA_OK); /* it is written */
    assert_true(b.fake.n_body_bytes <= S3_ERROR_BODY_READ_BYTES + 3);
}

static void every_request_has_limits(void **state)
{
    (void)state;
    struct s3_setup b;
    const struct reply ok = {200, "", "", 0, FOTA_OK};
    assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &ok), FOTA_OK);
    assert_int_equal(b.fake.limits.total_ms, S3_TOTAL_MS);
    assert_int_equal(b.fake.limits.idle_ms, S3_IDLE_MS);
    assert_int_equal(b.fake.limits.min_bytes_s, S3_MIN_BYTES_S);
    assert_int_equal(b.fake.limits.header_bytes, S3_HEADER_BYTES);
    struct s3_config config = CONFIG;
    config.limits.total_ms = 5000;
    begin(&b, &config, &ok, 1);
    const struct s3_put_options put = {.body = (const uint8_t *)"hello", .n_bytes = 5};
    assert_int_equal(s3_put(&b.s3, "key", &put, NOW_S, &b.reply), FOTA_OK);
    assert_int_equal(b.fake.limits.total_ms, 5005);
}

static void retry_after_may_be_seconds_or_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        uint32_t wanted_s;
    } cases[] = {
        {"Retry-After: 120", 120},
        {"Date: Tue, 24 Nov 2026 20:00:00 GMT\nRetry-After: Tue, 24 Nov 2026 20:01:30 GMT", 90},
        {"Retry-After: Tue, 24 Nov 2026 20:01:30 GMT\nDate: Tue, 24 Nov 2026 20:00:00 GMT", 90},
        {"Retry-After: Tue, 24 Nov 2026 08:01:00 GMT", 60}, /* against our own clock */
        {"Date: Tue, 24 Nov 2026 20:00:00 GMT\nRetry-After: Tue, 24 Nov 2026 19:00:00 GMT", 0},
        {"Retry-After: 99999999999", UINT32_MAX},
        {"Retry-After: soon", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct s3_setup b;
        const struct reply reply = {503, cases[i].headers, "", 0, FOTA_OK};
        assert_int_equal(get_once(&b, &(struct s3_get_options){0}, &reply), E_S3_SERVER);
        if (b.reply.retry_after_s != cases[i].wanted_s) {
            fail_msg("%s: %" PRIu32, cases[i].headers, b.reply.retry_after_s);
        }
    }
}

static void a_wrong_clock_is_corrected_once_if_allowed(void **state)
{
    (void)state;
    struct s3_setup b;
    struct s3_config trusting = CONFIG;
    trusting.trusts_server_clock = true;
    const struct reply replies[3] = {{403, "Date: Tue, 24 Nov 2026 10:00:00 GMT",
                                      "<Error><Code>RequestTimeTooSkewed</Code></Error>", 0, FOTA_OK},
                                     {200, "", "hello", 0, FOTA_OK},
                                     {200, "", "", 0, FOTA_OK}};
    begin(&b, &trusting, replies, 3);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK);
    assert_int_equal(b.fake.n_requests, 2);
    assert_non_null(strstr(b.fake.sent, "x-amz-date: 20261124T100000Z\n"));
    assert_int_equal(get(&b, &(struct s3_get_options){0}), FOTA_OK); /* and is remembered */
    assert_non_null(strstr(b.fake.sent, "x-amz-date: 20261124T100000Z\n"));
    const struct reply stubborn[2] = {replies[0], replies[0]};
    begin(&b, &trusting, stubborn, 2);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), E_S3_CLOCK); /* twice, not for ever */
    assert_int_equal(b.fake.n_requests, 2);
    begin(&b, &CONFIG, stubborn, 2);
    assert_int_equal(get(&b, &(struct s3_get_options){0}), E_S3_CLOCK);
    assert_int_equal(b.fake.n_requests, 1);
    assert_int_equal(b.reply.server_time_s, NOW_S + 7200);
}

static void a_write_carries_its_condition_and_two_digests(void **state)
{
    (void)state;
    struct s3_setup b;
    const struct reply ok = {200, "ETag: \"new\"", "", 0, FOTA_OK};
    struct s3_put_options options = {.body = (const uint8_t *)"hello", .n_bytes = 5, .must_not_exist = true};
    begin(&b, &CONFIG, &ok, 1);
    assert_int_equal(s3_put(&b.s3, "k", &options, NOW_S, &b.reply), FOTA_OK);
    assert_non_null(strstr(b.fake.sent, "if-none-match: *\n"));
    assert_non_null(
        strstr(b.fake.sent,
               "x-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"));
    assert_non_null(
        strstr(b.fake.sent, "x-amz-checksum-sha256: LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\n"));
    assert_string_equal(b.reply.etag, "\"new\"");
    options = (struct s3_put_options){.body = (const uint8_t *)"hello", .n_bytes = 5, .if_match = "\"old\""};
    const struct reply lost = {412, "", "<Error><Code>PreconditionFailed</Code></Error>", 0, FOTA_OK};
    begin(&b, &CONFIG, &lost, 1);
    assert_int_equal(s3_put(&b.s3, "k", &options, NOW_S, &b.reply), E_S3_PRECONDITION);
    assert_non_null(strstr(b.fake.sent, "if-match: \"old\"\n"));
}

static void an_endpoint_is_a_scheme_and_a_host(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "127.0.0.1:9000",
                                      "ftp://host",
                                      "http://",
                                      "http:///path",
                                      "http://host/path",
                                      "http://user@host"};
    struct s3_setup b;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct s3_config config = CONFIG;
        config.endpoint = bad[i];
        if (s3_init(&b.s3, &b.fake.http, &config) == FOTA_OK) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    struct s3_config config = CONFIG;
    config.endpoint = "http://host/";
    assert_int_equal(s3_init(&b.s3, &b.fake.http, &config), FOTA_OK);
    config.bucket = "";
    assert_int_equal(s3_init(&b.s3, &b.fake.http, &config), E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_poll_is_one_signed_request),
        cmocka_unit_test(session_token_and_vhost_are_signed),
        cmocka_unit_test(a_prefix_stands_between_bucket_and_key),
        cmocka_unit_test(a_range_is_taken_only_as_asked),
        cmocka_unit_test(every_refusal_has_its_own_error),
        cmocka_unit_test(a_bucket_in_another_region_is_found_and_the_request_signed_anew),
        cmocka_unit_test(no_other_host_gets_a_request),
        cmocka_unit_test(redirects_in_a_circle_end_and_a_wrong_one_is_forgotten),
        cmocka_unit_test(long_error_bodies_and_long_headers_do_no_harm),
        cmocka_unit_test(an_object_of_another_length_gives_no_byte),
        cmocka_unit_test(endless_replies_are_cut_off),
        cmocka_unit_test(every_request_has_limits),
        cmocka_unit_test(retry_after_may_be_seconds_or_a_time),
        cmocka_unit_test(a_wrong_clock_is_corrected_once_if_allowed),
        cmocka_unit_test(a_write_carries_its_condition_and_two_digests),
        cmocka_unit_test(an_endpoint_is_a_scheme_and_a_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
