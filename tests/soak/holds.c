/* How long can a hostile server hold one request? Each row in a process of its own, all at the same time. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/http_curl.h"
#include "process.h"
#include "release_maker.h"
#include "s3/s3.h"
#include "soak.h"

enum { OBJECT_BYTES = 400000, GIVEN_UP_S = 170, RULES = 13 };

#define HOLD_MAX_S 120.0
#define KEY        "v1/blobs/x.bin"

static const char *const ROWS[RULES] = {
    "endless 500 method=GET",
    "endless 500 rate=2000 method=GET",
    "endless 200 method=GET",
    "endless 404 rate=150 method=GET",
    "endless-headers method=GET",
    "endless-headers rate=2000 method=GET",
    "header-bytes 1048576 method=GET",
    "drip 90 method=GET",
    "drip 150 method=GET",
    "drip 2000 method=GET",
    "stall 0 method=GET",
    "stall 5000 method=GET",
    "redirect 307 method=GET",
};

static enum fota_err forget(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    (void)off;
    (void)bytes;
    (void)n_bytes;
    return FOTA_OK;
}

/* One GET of the object. In a process of its own. */
static int get(const char *ca_file, const char *url)
{
    static uint8_t object[OBJECT_BYTES];
    const struct s3_config config = {.endpoint = url, .region = "test-1", .bucket = "releases"};
    const struct s3_get_options get_options = {0};
    const struct s3_put_options put_options = {.body = object, .n_bytes = sizeof object};
    const struct s3_taker taker = {.take = forget};
    struct s3_reply reply;
    struct http_curl *curl = NULL;
    struct s3 s3;
    if (http_curl_open(&(struct http_curl_config){.ca_file = ca_file}, &curl) ||
        s3_init(&s3, http_curl_http(curl), &config) || s3_put(&s3, KEY, &put_options, TEST_NOW_S, &reply)) {
        return 2;
    }
    enum fota_err err = s3_get(&s3, KEY, &get_options, TEST_NOW_S, &taker, &reply);
    http_curl_close(curl);
    return err ? 1 : 0;
}

static pid_t start_get(const char *ca_file, const char *url)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(2);
        }
        _exit(get(ca_file, url));
    }
    return pid;
}

struct hold {
    struct proxy proxy;
    pid_t pid;
    double seconds;
    int code; /* -1: it was given up */
};

/* Wait for all; what is still held after GIVEN_UP_S is killed. */
static void wait_all(struct hold hold[RULES], double start_s)
{
    uint32_t n_left = RULES;
    while (n_left > 0) {
        const double now_s = process_now_s() - start_s;
        for (size_t i = 0; i < RULES; i++) {
            struct hold *h = &hold[i];
            int status = 0;
            if (h->pid > 0 && waitpid(h->pid, &status, WNOHANG) == h->pid) {
                h->seconds = now_s;
                h->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
                h->pid = 0;
                n_left--;
            } else if (h->pid > 0 && now_s > GIVEN_UP_S) {
                (void)kill(h->pid, SIGKILL);
            }
        }
        (void)usleep(10000);
    }
}

void soak_holds(struct soak *s)
{
    struct hold hold[RULES];
    char folder[PROCESS_PATH_BYTES], ca_file[PROCESS_PATH_BYTES + 16];
    double longest_s = 0;
    memset(hold, 0, sizeof hold);
    if (!process_folder(folder)) {
        soak_check(s, false, "a certificate is made");
        return;
    }
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.crt", folder);
    bool is_ready = true;
    for (size_t i = 0; i < RULES; i++) {
        const char *const rules[PROCESS_RULES_MAX] = {ROWS[i], NULL};
        is_ready = is_ready && proxy_start(&hold[i].proxy, folder, rules, s->seed);
    }
    soak_check(s, is_ready, "the fault proxies start");
    const double start_s = process_now_s();
    for (size_t i = 0; i < RULES && is_ready; i++) {
        hold[i].pid = start_get(ca_file, hold[i].proxy.url);
    }
    if (is_ready) {
        wait_all(hold, start_s);
    }
    for (size_t i = 0; i < RULES; i++) {
        proxy_stop(&hold[i].proxy);
        (void)printf("held for %6.1f s%s by: %s\n", hold[i].seconds,
                     hold[i].code < 0 ? ", until killed," : "", ROWS[i]);
        longest_s = hold[i].seconds > longest_s ? hold[i].seconds : longest_s;
        soak_check(
            s, hold[i].code == 1 || strncmp(ROWS[i], "header", 6) == 0 || strncmp(ROWS[i], "drip", 4) == 0,
            "the request fails with a reason");
    }
    process_folder_remove(folder);
    soak_figure(s, "longest_request_s", longest_s);
    soak_check(s, longest_s <= HOLD_MAX_S, "no server holds a request for longer than 120 s");
}
