/*
 * The local page of the ESP32: its own source on the stand-in of esp_http_server, over real sockets. Each address, each refusal,
 * and its bounds; an update is seen on it, "check now" polls, and no client holds the gateway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fota_gateway/fota_gateway_page.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "page/page_files.h"
#include "page_client.h"
#include "rig.h"
#include "target_fake.h"

#define TOKEN "correct-horse-battery-staple"
#define AUTH  "Authorization: Bearer " TOKEN "\r\n"
#define ACT   "Fota-Page: 1\r\n"

enum { UPDATE_MAX_S = 300, VERSION_1 = 1 << 24, VERSION_2 = 2 << 24, SOCKETS = 4 };

static struct rig rig;
static struct target_fake target;
static struct test_release factory, update;
static struct test_loader loader;
static struct fota_gateway_page page;
static struct page_reply reply;

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_1, 1);
    test_release_make(&spec, &factory);
    spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_2, 2);
    test_release_make(&spec, &update);
    const struct test_loader_spec loader_spec = {.key = &rig.image_key, .version = VERSION_1};
    test_loader_make(&loader_spec, &loader);
    rig_set_up(&rig, none);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static int start_page(const char *token)
{
    const struct fota_gateway_page_config config = {.token = token};
    return fota_gateway_page_start(&page, &rig.gateway, &config);
}

/* A board that runs 1.0.0, a store with 1.0.0, and a gateway that has looked at both. */
static int plug_in(void **state)
{
    (void)state;
    target_fake_init(&target, rig.image_key.point);
    target_fake_loader(&target, loader.image, loader.n_image);
    target_fake_factory(&target, factory.image[0], factory.n_image[0]);
    stand_in_new(&(struct stand_in_config){
        .board = &target.io, .nss = 5, .nrst = 26, .boot0 = 25, .utc_s = TEST_NOW_S});
    memset(rig.n_heard, 0, sizeof rig.n_heard);
    memset(&page, 0, sizeof page);
    rig_publish(&rig, &factory);
    rig_start(&rig);
    assert_int_equal(start_page(TOKEN), 0);
    assert_true(rig_wait(&rig, FOTA_GATEWAY_NOTHING, UPDATE_MAX_S));
    vTaskDelay(configTICK_RATE_HZ);
    return 0;
}

static int pull_out(void **state)
{
    (void)state;
    if (stand_in_page_port() != 0) {
        assert_int_equal(fota_gateway_page_stop(&page), 0);
    }
    rig_stop(&rig);
    assert_string_equal(stand_in_fault(), "");
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
    return 0;
}

static void has(const char *words)
{
    if (!strstr(reply.body, words)) {
        fail_msg("no \"%s\" in: %.600s", words, reply.body);
    }
}

static void want(unsigned status, const char *words)
{
    if (reply.status != status) {
        fail_msg("want status %u, got %u: %.300s", status, reply.status, reply.text);
    }
    has(words);
}

static void header_is(const char *name, const char *value)
{
    char text[256];
    assert_string_equal(page_client_header(&reply, name, text), value);
}

static void has_every_header(void)
{
    char text[256];
    for (size_t i = 0; i < page_n_headers; i++) {
        header_is(page_headers[i].name, page_headers[i].value);
    }
    assert_string_equal(page_client_header(&reply, "Set-Cookie", text), "");
    assert_string_equal(page_client_header(&reply, "Access-Control-Allow-Origin", text), "");
}

/* --- what is served --- */

static void the_files_are_those_of_linux_and_are_public(void **state)
{
    (void)state;
    for (size_t i = 0; i < page_n_files; i++) {
        const struct page_file *file = &page_files[i];
        char known[128];
        page_client_ask("GET", file->path, "", &reply);
        want(200, "");
        assert_int_equal(reply.n_body, file->n_bytes);
        assert_memory_equal(reply.body, file->bytes, file->n_bytes);
        header_is("Content-Type", file->type);
        header_is("ETag", file->etag);
        header_is("Cache-Control", "no-cache");
        has_every_header();
        (void)snprintf(known, sizeof known, "If-None-Match: %s\r\n", file->etag);
        page_client_ask("GET", file->path, known, &reply);
        want(304, "");
        assert_int_equal(reply.n_body, 0);
    }
    page_client_ask("GET", "/?what=ever", "", &reply);
    want(200, "<!doctype html>");
}

static void state_and_events_are_told_with_the_token(void **state)
{
    (void)state;
    page_client_ask("GET", "/api/state", AUTH, &reply);
    want(200,
         "\"device\":\"240ac4000110\",\"product\":\"demo\",\"hw\":\"f407-disco\",\"channel\":\"stable\"");
    has("\"state\":\"WAIT\"");
    has("\"slots\":[{\"version\":\"1.0.0\",\"state\":\"confirmed\"}");
    has("\"stream\":false,\"upload\":0"); /* the page polls, and offers no upload */
    has("\"wait\":");
    header_is("Content-Type", "application/json");
    header_is("Cache-Control", "no-store");
    has_every_header();
    page_client_ask("GET", "/api/events", AUTH, &reply);
    want(200, "\"kind\":\"nothing\"");
    has_every_header();
}

/* --- who may do what --- */

static void each_refusal_has_a_status_and_words(void **state)
{
    static const struct {
        const char *method, *path, *headers;
        unsigned status;
        const char *words;
    } rows[] = {
        {"GET", "/api/state", "", 401, "A token is needed"},
        {"GET", "/api/events", "", 401, "A token is needed"},
        {"POST", "/api/check", ACT, 401, "A token is needed"},
        {"GET", "/api/state", "Authorization: Bearer correct-horse-battery-stapl\r\n", 401,
         "The token is wrong"},
        {"GET", "/api/state", "Authorization: Bearer " TOKEN "e\r\n", 401, "The token is wrong"},
        {"GET", "/api/state", "Authorization: Basic " TOKEN "\r\n", 401, "The token is wrong"},
        {"GET", "/api/check", AUTH ACT, 405, "This address is an action; use POST."},
        {"POST", "/api/state", AUTH ACT, 405, "This address is only read; use GET."},
        {"POST", "/", AUTH ACT, 405, "only read"},
        {"POST", "/api/check", AUTH, 403, "The header Fota-Page is missing"},
        {"POST", "/api/check", AUTH ACT "Origin: http://evil.example\r\n", 403, "comes from another site"},
        {"POST", "/api/check", AUTH ACT "Sec-Fetch-Site: cross-site\r\n", 403, "comes from another site"},
        {"GET", "/api/state", AUTH "Origin: null\r\n", 403, "comes from another site"},
        {"POST", "/api/check", AUTH ACT "Content-Length: 3\r\n", 413, "This action takes no body"},
        {"POST", "/api/check", AUTH ACT "Transfer-Encoding: chunked\r\n", 411, "length of the body"},
        {"GET", "/api/stream", AUTH, 404, "There is nothing at this address"},
        {"POST", "/api/install", AUTH ACT "Content-Length: 3\r\n", 404, "There is nothing at this address"},
        {"GET", "/nowhere", AUTH, 404, "There is nothing at this address"},
        {"GET", "/api/../api/state", "", 404, "There is nothing"},
    };
    (void)state;
    const unsigned n_polls = rig.n_heard[FOTA_GATEWAY_QUIET];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        page_client_ask(rows[i].method, rows[i].path, rows[i].headers, &reply);
        want(rows[i].status, rows[i].words);
        has("{\"ok\":false,\"text\":\"");
        has_every_header();
    }
    page_client_ask("GET", "/api/state", "", &reply);
    header_is("WWW-Authenticate", "Bearer");
    page_client_ask("GET", "/api/check", AUTH ACT, &reply);
    header_is("Allow", "POST");
    vTaskDelay(configTICK_RATE_HZ);
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_QUIET], n_polls); /* nothing of it acted */
}

/* esp_http_server answers these itself. */
static void other_methods_never_come_to_the_page(void **state)
{
    static const char *const methods[] = {"HEAD", "PUT", "DELETE"};
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        page_client_ask(methods[i], "/api/check", AUTH ACT, &reply);
        want(405, "");
        assert_true(reply.is_closed);
    }
    assert_int_equal(stand_in_stats()->page_requests, 0);
}

static void the_page_itself_may_act(void **state)
{
    (void)state;
    const unsigned n_polls = rig.n_heard[FOTA_GATEWAY_QUIET];
    page_client_ask("POST", "/api/check",
                    AUTH ACT
                    "Origin: http://192.168.4.1\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n",
                    &reply);
    want(202, "{\"ok\":true,\"text\":\"The gateway looks for updates now.\"}");
    has_every_header();
    vTaskDelay(configTICK_RATE_HZ * 5);
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_QUIET], n_polls + 1);
}

/* --- what is seen --- */

static void an_update_is_seen_while_it_happens(void **state)
{
    unsigned n_fetch = 0;
    bool is_refused = false;
    (void)state;
    rig_publish(&rig, &update);
    page_client_ask("POST", "/api/check", AUTH ACT, &reply);
    want(202, "");
    const uint64_t until_us = stand_in_now_us() + UPDATE_MAX_S * 1000000ULL;
    while (rig.n_heard[FOTA_GATEWAY_CONFIRMED] == 0 && stand_in_now_us() < until_us) {
        page_client_ask("GET", "/api/state", AUTH, &reply);
        want(200, "");
        if (strstr(reply.body, "\"state\":\"FETCH\"")) {
            n_fetch++;
            has("\"version\":\"2.0.0\",\"slot\":\"b\"");
        }
        if (!strstr(reply.body, "\"state\":\"WAIT\"") && !is_refused) {
            page_client_ask("POST", "/api/check", AUTH ACT, &reply);
            is_refused = reply.status == 409; /* it may have begun to wait meanwhile */
        }
    }
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_CONFIRMED], 1);
    assert_true(n_fetch > 0);
    assert_true(is_refused);
    page_client_ask("GET", "/api/events", AUTH, &reply);
    want(200, "\"kind\":\"confirmed\"");
    page_client_ask("GET", "/api/state", AUTH, &reply);
    want(200, "\"running\":\"b\"");
    has("{\"version\":\"2.0.0\",\"state\":\"confirmed\"}]");
    assert_int_equal(stand_in_stats()->page_slow, 0); /* no handler waited for the gateway */
}

static void a_failure_is_told_in_words(void **state)
{
    (void)state;
    local_s3_stop(&rig.s3);
    fota_gateway_poll_now(&rig.gateway);
    assert_true(rig_wait(&rig, FOTA_GATEWAY_FAILED, 300));
    page_client_ask("GET", "/api/events", AUTH, &reply);
    want(200, "\"kind\":\"failed\"");
    has("\"reason\":\"E_NET");
    page_client_ask("GET", "/api/state", AUTH, &reply);
    has("\"failures\":");
    static const char *const none[] = {NULL};
    local_s3_start(&rig.s3, none);
    rig.config.endpoint = rig.s3.url;
}

/* --- bounds --- */

static void long_headers_are_refused(void **state)
{
    char headers[2048] = AUTH "X: ";
    (void)state;
    memset(headers + strlen(headers), 'x', 900);
    strcat(headers, "\r\n");
    page_client_ask("GET", "/api/state", headers, &reply);
    want(200, "");
    memset(headers + strlen(headers) - 2, 'x', 100);
    strcat(headers, "\r\n");
    page_client_ask("GET", "/api/state", headers, &reply);
    want(431, "");
    memset(headers, 'p', 600);
    headers[0] = '/';
    headers[600] = '\0';
    page_client_ask("GET", headers, "", &reply);
    want(414, "");
}

static void a_fifth_connection_ends_the_one_that_was_idle_longest(void **state)
{
    int fd[SOCKETS + 1];
    (void)state;
    for (unsigned i = 0; i < SOCKETS; i++) {
        fd[i] = page_client_open();
        page_client_send(fd[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        page_client_read(fd[i], 30, &reply);
        want(200, "");
        assert_false(reply.is_closed); /* kept open for the next request */
    }
    fd[SOCKETS] = page_client_open();
    page_client_send(fd[SOCKETS], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    page_client_read(fd[SOCKETS], 30, &reply);
    want(200, "");
    page_client_read(fd[0], 1, &reply);
    assert_true(reply.is_closed);
    page_client_send(fd[1], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    page_client_read(fd[1], 30, &reply);
    want(200, "");
    for (unsigned i = 0; i <= SOCKETS; i++) {
        page_client_close(fd[i]);
    }
}

static void a_body_that_is_not_wanted_ends_the_connection(void **state)
{
    (void)state;
    page_client_ask("POST", "/api/install", AUTH ACT "Content-Length: 100000\r\n", &reply);
    want(404, "");
    assert_true(reply.is_closed);
    page_client_ask("GET", "/api/state", AUTH, &reply);
    want(200, "");
    assert_false(reply.is_closed);
}

/* One that sends half a request: the page waits for it 5 s, the gateway not at all. */
static void a_slow_client_holds_the_page_for_seconds_and_the_gateway_never(void **state)
{
    (void)state;
    const int slow = page_client_open();
    page_client_send(slow, "GET /api/state HTTP/1.1\r\nHo");
    vTaskDelay(configTICK_RATE_HZ / 10);
    const uint64_t before_us = stand_in_now_us();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_QUIET, 2));
    assert_true(stand_in_now_us() - before_us < 1000000);
    page_client_ask("GET", "/api/state", AUTH, &reply);
    want(200, "");
    assert_true(stand_in_now_us() - before_us < 7000000);
    page_client_close(slow);
}

/* --- start and end --- */

static void what_is_wrong_with_a_token_is_said(void **state)
{
    static const char *const bad[] = {NULL, "", "fifteen-letters", "sixteen letters!", "0123456789abcde\""};
    char long_token[200];
    (void)state;
    assert_int_equal(fota_gateway_page_stop(&page), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(start_page(bad[i]), E_ARG);
        assert_non_null(stand_in_logged(bad[i] ? "token of the page: it is too short"
                                               : "token of the page: it is not set"));
        assert_int_equal(stand_in_page_port(), 0);
    }
    memset(long_token, 'a', 129);
    long_token[129] = '\0';
    assert_int_equal(start_page(long_token), E_ARG);
    long_token[128] = '\0';
    assert_int_equal(start_page(long_token), 0);
}

static void a_page_starts_once_and_again_after_its_end(void **state)
{
    static struct fota_gateway_page other;
    static struct fota_gateway closed;
    const struct fota_gateway_page_config config = {.token = TOKEN};
    (void)state;
    assert_int_equal(start_page(TOKEN), E_STATE);
    assert_int_equal(fota_gateway_page_start(&other, &rig.gateway, &config), E_IO); /* the port is taken */
    assert_non_null(stand_in_logged("the page cannot be served at port 80"));
    assert_int_equal(fota_gateway_page_stop(&page), 0);
    assert_int_equal(fota_gateway_page_stop(&page), E_STATE);
    assert_int_equal(page_client_open(), -1);
    memset(&page, 0xA5, sizeof page);                    /* its memory may be used for something else */
    assert_true(rig_wait(&rig, FOTA_GATEWAY_QUIET, 10)); /* the gateway goes on, and tells nobody */
    assert_int_equal(fota_gateway_page_start(&other, &closed, &config), E_STATE);
    assert_int_equal(start_page(TOKEN), 0);
    vTaskDelay(configTICK_RATE_HZ * 2); /* it runs already: it is told within a second */
    page_client_ask("GET", "/api/state", AUTH, &reply);
    want(200, "\"version\":\"1.0.0\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_files_are_those_of_linux_and_are_public, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(state_and_events_are_told_with_the_token, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(each_refusal_has_a_status_and_words, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(other_methods_never_come_to_the_page, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(the_page_itself_may_act, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(an_update_is_seen_while_it_happens, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(a_failure_is_told_in_words, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(long_headers_are_refused, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(a_fifth_connection_ends_the_one_that_was_idle_longest, plug_in,
                                        pull_out),
        cmocka_unit_test_setup_teardown(a_body_that_is_not_wanted_ends_the_connection, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(a_slow_client_holds_the_page_for_seconds_and_the_gateway_never,
                                        plug_in, pull_out),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_a_token_is_said, plug_in, pull_out),
        cmocka_unit_test_setup_teardown(a_page_starts_once_and_again_after_its_end, plug_in, pull_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
