/*
 * The HTTP port on the stand-in of esp_http_client, whose behaviour was measured on the original, against the fault proxy. Each
 * row of the list is a trap: what the client does wrong, or what a server does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "idf_http.h"
#include "local_s3.h"
#include "stand_in.h"

enum { OBJECT_BYTES = 4096, BODY_MAX_BYTES = 16384, URL_BYTES = 128, LONG_BYTES = 3000 };

/* A rule for each path; a path without one is served as it should be. */
static const char *const RULES[] = {"cut 1000 path=/cut method=GET",
                                    "stall 1000 path=/stall method=GET",
                                    "drip 400 path=/drip method=GET",
                                    "stale path=/stale times=1 method=GET",
                                    "close path=/close method=GET",
                                    "redirect 307 path=/redirect method=GET",
                                    "status 404 path=/missing code=NoSuchKey bytes=3000 method=GET",
                                    "header-bytes 20000 path=/header method=GET",
                                    "drop path=/drop method=GET",
                                    NULL};

static struct local_s3 proxy;

static struct idf_http http;
static const struct idf_log QUIET;
static struct idf_fetch alone; /* no task */

/* What came. */
static struct {
    uint8_t body[BODY_MAX_BYTES];
    size_t n_body;
    char etag[96];
    size_t stop_at; /* the sink refuses after so many bytes; 0 never */
} got;

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    (void)ctx;
    if (n_name == 4 && strncasecmp(name, "etag", 4) == 0 && n_value < sizeof got.etag) {
        memcpy(got.etag, value, n_value);
        got.etag[n_value] = '\0';
    }
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    (void)status;
    if (n_bytes > BODY_MAX_BYTES - got.n_body) {
        return E_NO_SPACE;
    }
    memcpy(got.body + got.n_body, bytes, n_bytes);
    got.n_body += n_bytes;
    return got.stop_at && got.n_body >= got.stop_at ? E_STATE : FOTA_OK;
}

static enum fota_err ask(const char *path, const struct http_header *header, size_t n_headers,
                         const struct http_limits *limits, unsigned *status)
{
    char url[URL_BYTES + LONG_BYTES + 64];
    const struct http_sink sink = {.header = on_header, .body = on_body};
    (void)snprintf(url, sizeof url, "%s/releases%s", proxy.url, path);
    const struct http_request request = {.method = HTTP_VERB_GET,
                                         .url = url,
                                         .header = header,
                                         .n_headers = n_headers,
                                         .limits = limits ? *limits : (struct http_limits){.total_ms = 0}};
    got.n_body = 0;
    got.etag[0] = '\0';
    *status = 0;
    return http_perform(&http.http, &request, &sink, status);
}

static enum fota_err get(const char *path, unsigned *status)
{
    return ask(path, NULL, 0, NULL, status);
}

static uint8_t byte_at(size_t off)
{
    return (uint8_t)(off * 31U + (off >> 8));
}

static bool is_object(size_t off, size_t n_bytes)
{
    bool is = got.n_body == n_bytes;
    for (size_t i = 0; is && i < n_bytes; i++) {
        is = got.body[i] == byte_at(off + i);
    }
    return is;
}

static int start_proxy(void **state)
{
    static const char *const paths[] = {"good",  "cut",   "stall",    "drip",   "stale",
                                        "close", "other", "redirect", "header", "drop"};
    uint8_t bytes[OBJECT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = byte_at(i);
    }
    local_s3_start(&proxy, RULES);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        local_s3_put(&proxy, paths[i], bytes, sizeof bytes);
    }
    return 0;
}

static int stop_proxy(void **state)
{
    (void)state;
    local_s3_stop(&proxy);
    return 0;
}

static int open_http(void **state)
{
    (void)state;
    stand_in_new(&(struct stand_in_config){.is_network_real = true});
    idf_http_open(&http, NULL, true, &alone, &QUIET);
    memset(&got, 0, sizeof got);
    return 0;
}

static int close_http(void **state)
{
    (void)state;
    idf_http_close(&http);
    assert_string_equal(stand_in_fault(), "");
    return 0;
}

/* After any end of a request, the next one must get its own bytes. */
static void next_is_clean(void)
{
    unsigned status = 0;
    assert_int_equal(get("/good", &status), FOTA_OK);
    assert_int_equal(status, 200);
    assert_true(is_object(0, OBJECT_BYTES));
}

static void a_connection_is_kept_while_replies_are_read_to_their_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        next_is_clean();
    }
    assert_int_equal(stand_in_stats()->http_connections, 1);
}

static void not_modified_has_no_body_and_is_no_failure(void **state)
{
    (void)state;
    unsigned status = 0;
    char etag[96];
    next_is_clean();
    (void)strcpy(etag, got.etag);
    assert_true(etag[0] == '"');
    const struct http_header header = {"if-none-match", etag};
    assert_int_equal(ask("/good", &header, 1, NULL, &status), FOTA_OK);
    assert_int_equal(status, 304);
    assert_int_equal(got.n_body, 0);
    next_is_clean(); /* the condition is not sent again */
    assert_int_equal(stand_in_stats()->http_connections, 1);
}

static void a_range_is_a_range_and_does_not_stay(void **state)
{
    (void)state;
    unsigned status = 0;
    const struct http_header header = {"range", "bytes=1000-1099"};
    assert_int_equal(ask("/good", &header, 1, NULL, &status), FOTA_OK);
    assert_int_equal(status, 206);
    assert_true(is_object(1000, 100));
    next_is_clean();
}

static void an_error_is_read_to_its_end(void **state)
{
    (void)state;
    unsigned status = 0;
    assert_int_equal(get("/missing", &status), FOTA_OK);
    assert_int_equal(status, 404);
    assert_true(got.n_body >= 3000);
    next_is_clean();
    assert_int_equal(stand_in_stats()->http_connections, 1);
}

/* The original asserts, or hands out the old bytes, if this client is used again. */
static void a_reply_that_nobody_wanted_to_the_end_costs_a_new_client(void **state)
{
    (void)state;
    unsigned status = 0;
    got.stop_at = 10;
    assert_int_equal(get("/missing", &status), E_STATE);
    got.stop_at = 0;
    next_is_clean();
    assert_int_equal(stand_in_stats()->http_connections, 2);
}

static void a_body_that_is_cut_is_no_success(void **state)
{
    (void)state;
    unsigned status = 0;
    assert_int_equal(get("/cut", &status), E_NET_CUT);
    assert_true(is_object(0, got.n_body) && got.n_body == 1000);
    assert_int_equal(get("/drop", &status), E_NET_CUT);
    next_is_clean();
}

static void silence_ends_with_the_idle_limit(void **state)
{
    (void)state;
    unsigned status = 0;
    const struct http_limits limits = {.total_ms = 60000, .idle_ms = 600, .min_bytes_s = 100};
    const uint64_t start_us = stand_in_now_us();
    assert_int_equal(ask("/stall", NULL, 0, &limits, &status), E_TIMEOUT);
    assert_true(stand_in_now_us() - start_us < 3000000);
    next_is_clean();
}

/* 400 bytes a second defeat every time-out inside the client. */
static void a_server_that_drips_is_ended_by_our_own_clock(void **state)
{
    (void)state;
    unsigned status = 0;
    const struct http_limits limits = {.total_ms = 3000, .idle_ms = 2000, .min_bytes_s = 1};
    const uint64_t start_us = stand_in_now_us();
    assert_int_equal(ask("/drip", NULL, 0, &limits, &status), E_TIMEOUT);
    assert_true(stand_in_now_us() - start_us < 6000000);
    next_is_clean();
}

static void a_kept_connection_that_the_server_closed_is_tried_once_more(void **state)
{
    (void)state;
    unsigned status = 0;
    assert_int_equal(get("/stale", &status), FOTA_OK);
    next_is_clean();
    assert_int_equal(get("/close", &status), FOTA_OK);
    next_is_clean();
    assert_true(stand_in_stats()->http_connections >= 2);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    unsigned status = 0;
    assert_int_equal(get("/redirect", &status), FOTA_OK);
    assert_int_equal(status, 307);
    next_is_clean();
}

static void headers_without_end_are_refused(void **state)
{
    (void)state;
    unsigned status = 0;
    const struct http_limits limits = {.header_bytes = 4096};
    assert_int_equal(ask("/header", NULL, 0, &limits, &status), E_HTTP_LIMIT);
    next_is_clean();
}

/* With the client's own buffer of 512 bytes, the header would never be sent, and the request never answered. */
static void a_session_token_and_a_presigned_url_fit_the_buffer(void **state)
{
    (void)state;
    static char token[LONG_BYTES + 1], path[LONG_BYTES + 16];
    unsigned status = 0;
    memset(token, 'T', LONG_BYTES);
    const struct http_header header = {"x-amz-security-token", token};
    next_is_clean(); /* the client that is there is too small */
    assert_int_equal(ask("/good", &header, 1, NULL, &status), FOTA_OK);
    assert_true(is_object(0, OBJECT_BYTES));
    (void)snprintf(path, sizeof path, "/good?X=%s", token);
    path[1400] = '\0';
    assert_int_equal(get(path, &status), FOTA_OK);
    next_is_clean();
}

/* ESP-IDF's function that sends a body is none of those that were checked, and this gateway only reads. */
static void a_put_is_not_supported_and_sends_nothing(void **state)
{
    (void)state;
    char url[URL_BYTES + 64];
    unsigned status = 0;
    const struct http_sink sink = {.header = on_header, .body = on_body};
    (void)snprintf(url, sizeof url, "%s/releases/put", proxy.url);
    const struct http_request request = {
        .method = HTTP_VERB_PUT, .url = url, .body = (const uint8_t *)"report", .n_body_bytes = 6};
    const uint64_t before = stand_in_stats()->http_requests;
    assert_int_equal(http_perform(&http.http, &request, &sink, &status), E_UNSUPPORTED);
    assert_int_equal(stand_in_stats()->http_requests, before);
    next_is_clean();
}

static void no_connection_says_which_part_of_it_failed(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum fota_err err;
    } rows[] = {{"http://127.0.0.1:1/x", E_NET_CONNECT},
                {"http://no.such.host.invalid/x", E_NET_DNS},
                {"https://127.0.0.1:1/x", E_NET_TLS},
                {"no url", E_ARG}};
    const struct http_sink sink = {.header = on_header, .body = on_body};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned status = 0;
        const struct http_request request = {.url = rows[i].url};
        assert_int_equal(http_perform(&http.http, &request, &sink, &status), rows[i].err);
    }
    next_is_clean();
}

int main(void)
{
#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, open_http, close_http)
    const struct CMUnitTest tests[] = {
        HTTP_TEST(a_connection_is_kept_while_replies_are_read_to_their_end),
        HTTP_TEST(not_modified_has_no_body_and_is_no_failure),
        HTTP_TEST(a_range_is_a_range_and_does_not_stay),
        HTTP_TEST(an_error_is_read_to_its_end),
        HTTP_TEST(a_reply_that_nobody_wanted_to_the_end_costs_a_new_client),
        HTTP_TEST(a_body_that_is_cut_is_no_success),
        HTTP_TEST(silence_ends_with_the_idle_limit),
        HTTP_TEST(a_server_that_drips_is_ended_by_our_own_clock),
        HTTP_TEST(a_kept_connection_that_the_server_closed_is_tried_once_more),
        HTTP_TEST(a_redirect_is_not_followed),
        HTTP_TEST(headers_without_end_are_refused),
        HTTP_TEST(a_session_token_and_a_presigned_url_fit_the_buffer),
        HTTP_TEST(a_put_is_not_supported_and_sends_nothing),
        HTTP_TEST(no_connection_says_which_part_of_it_failed),
    };
    return cmocka_run_group_tests(tests, start_proxy, stop_proxy);
}
