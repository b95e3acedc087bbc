/* The transport keeps its limits, whatever the server does. The server is a child process on the loopback. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/http_curl.h"

enum behaviour { MUTE, ENDLESS_HEADERS, COUNT_HEADERS, ENDLESS_BODY, INTERIM };

static pid_t server;
static char url[64];

static void answer(int fd, enum behaviour behaviour)
{
    static char in[32768];
    size_t n = 0;
    while (n < sizeof in - 1 && !(n >= 4 && memcmp(in + n - 4, "\r\n\r\n", 4) == 0)) {
        ssize_t got = read(fd, in + n, sizeof in - 1 - n);
        if (got <= 0) {
            return;
        }
        n += (size_t)got;
    }
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nX-Count: %zu\r\nContent-Length: 0\r\n\r\n", n);
    const char *text = behaviour == COUNT_HEADERS     ? head
                       : behaviour == ENDLESS_HEADERS ? "HTTP/1.1 200 OK\r\n"
                       : behaviour == ENDLESS_BODY    ? "HTTP/1.1 500 No\r\n\r\n"
                       : behaviour == INTERIM         ? "HTTP/1.1 103 Early Hints\r\n\r\n"
                                                      : "";
    bool goes_on = send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
    while (goes_on && (behaviour == ENDLESS_HEADERS || behaviour == ENDLESS_BODY || behaviour == INTERIM)) {
        text = behaviour == INTERIM ? "HTTP/1.1 103 Early Hints\r\nX: 123456789\r\n\r\n" : "X: 123456789\r\n";
        goes_on = send(fd, text, strlen(text), MSG_NOSIGNAL) > 0;
    }
    (void)read(fd, in, 1); /* until the client gives up */
}

static void start(enum behaviour behaviour)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
                listen(listener, 4) == 0 && getsockname(listener, (struct sockaddr *)&at, &n) == 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", (unsigned)ntohs(at.sin_port));
    server = fork();
    if (server == 0) {
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            answer(fd, behaviour);
            (void)close(fd);
        }
    }
    (void)close(listener);
}

static int tear_down(void **state)
{
    (void)state;
    int status = 0;
    return kill(server, SIGKILL) == 0 && waitpid(server, &status, 0) == server ? 0 : -1;
}

static unsigned count;

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    (void)ctx;
    (void)n_value;
    if (n_name == 7 && memcmp(name, "X-Count", 7) == 0) {
        count = (unsigned)strtoul(value, NULL, 10);
    }
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    (void)status;
    (void)bytes;
    (void)n_bytes;
    return FOTA_OK;
}

static enum fota_err get(const struct http_curl_config *config, struct http_limits limits, const char *header)
{
    struct http_curl *http = NULL;
    const struct http_header line = {"X-Amz-Security-Token", header};
    const struct http_request request = {
        .method = HTTP_VERB_GET, .url = url, .header = &line, .n_headers = header ? 1 : 0, .limits = limits};
    const struct http_sink sink = {.header = on_header, .body = on_body};
    unsigned status = 0;
    assert_int_equal(http_curl_open(config, &http), FOTA_OK);
    enum fota_err err = http_perform(http_curl_http(http), &request, &sink, &status);
    http_curl_close(http);
    return err;
}

static void a_server_that_says_nothing_holds_it_for_the_total_time_only(void **state)
{
    (void)state;
    start(MUTE);
    assert_int_equal(get(NULL, (struct http_limits){.total_ms = 300}, NULL), E_TIMEOUT);
}

static void a_server_without_an_end_holds_it_for_the_total_time_only(void **state)
{
    (void)state;
    start(ENDLESS_BODY);
    assert_int_equal(get(NULL, (struct http_limits){.total_ms = 300}, NULL), E_TIMEOUT);
}

static void a_slow_server_is_given_up_after_the_idle_time(void **state)
{
    (void)state;
    start(MUTE);
    assert_int_equal(get(NULL, (struct http_limits){.total_ms = 3600000, .idle_ms = 1000}, NULL), E_TIMEOUT);
}

static void endless_headers_are_cut_off(void **state)
{
    (void)state;
    start(ENDLESS_HEADERS);
    assert_int_equal(get(NULL, (struct http_limits){.header_bytes = 10000}, NULL), E_HTTP_LIMIT);
}

static void headers_of_interim_replies_count_too(void **state)
{
    (void)state;
    start(INTERIM);
    assert_int_equal(get(NULL, (struct http_limits){.header_bytes = 10000}, NULL), E_HTTP_LIMIT);
}

static void a_token_of_4_kb_is_sent_whole(void **state)
{
    (void)state;
    static char token[4097];
    memset(token, 't', sizeof token - 1);
    start(COUNT_HEADERS);
    count = 0;
    assert_int_equal(get(NULL, (struct http_limits){0}, token), FOTA_OK);
    assert_true(count > 4096);
}

static void a_request_to_stop_ends_a_request(void **state)
{
    (void)state;
    static volatile sig_atomic_t stop = 1;
    const struct http_curl_config config = {.stop = &stop};
    start(MUTE);
    assert_int_equal(get(&config, (struct http_limits){0}, NULL), E_NET_CUT);
}

static void the_proxy_is_asked_and_an_empty_one_is_none(void **state)
{
    (void)state;
    const struct http_curl_config none = {.proxy = ""};
    struct http_curl_config proxy = {0};
    char ours[64];
    start(COUNT_HEADERS);
    (void)snprintf(ours, sizeof ours, "%s", url);
    ours[strlen(ours) - 2] = '\0'; /* without the path */
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(get(NULL, (struct http_limits){0}, NULL), E_NET_CONNECT);
    assert_int_equal(get(&none, (struct http_limits){0}, NULL), FOTA_OK);
    assert_int_equal(unsetenv("http_proxy"), 0);
    proxy.proxy = ours;
    count = 0;
    (void)snprintf(url, sizeof url, "http://s3.invalid/x");
    assert_int_equal(get(&proxy, (struct http_limits){0}, NULL), FOTA_OK);
    assert_true(count > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_says_nothing_holds_it_for_the_total_time_only),
        TEST(a_server_without_an_end_holds_it_for_the_total_time_only),
        TEST(a_slow_server_is_given_up_after_the_idle_time),
        TEST(endless_headers_are_cut_off),
        TEST(headers_of_interim_replies_count_too),
        TEST(a_token_of_4_kb_is_sent_whole),
        TEST(a_request_to_stop_ends_a_request),
        TEST(the_proxy_is_asked_and_an_empty_one_is_none),
    };
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unsetenv(names[i]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
