#include "local_s3.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/http_curl.h"

enum { ARGUMENTS_MAX = 2 * LOCAL_S3_RULES_MAX + 6 };

static void die(const char *what)
{
    (void)fprintf(stderr, "local_s3: %s\n", what);
    exit(2);
}

void local_s3_start(struct local_s3 *s3, const char *const *rules)
{
    const char *argv[ARGUMENTS_MAX] = {"python3", FOTA_SOURCE_DIR "/tests/fault_proxy/fault_proxy.py",
                                       "--memory"};
    char line[LOCAL_S3_URL_BYTES + 32] = "";
    size_t n = 3;
    int ends[2];
    for (size_t i = 0; i < LOCAL_S3_RULES_MAX && rules[i]; i++) {
        argv[n++] = "--rule";
        argv[n++] = rules[i];
    }
    if (pipe(ends) != 0) {
        die("no pipe");
    }
    s3->pid = fork();
    if (s3->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    if (!out || !fgets(line, sizeof line, out) || sscanf(line, "fault_proxy ready %127s", s3->url) != 1) {
        die("the fault proxy does not start");
    }
}

void local_s3_stop(struct local_s3 *s3)
{
    if (s3->pid > 0) {
        (void)kill(s3->pid, SIGTERM);
        (void)waitpid(s3->pid, NULL, 0);
    }
    s3->pid = 0;
}

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    (void)ctx;
    (void)name;
    (void)n_name;
    (void)value;
    (void)n_value;
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    (void)ctx;
    (void)status;
    (void)bytes;
    (void)n_bytes;
    return FOTA_OK;
}

void local_s3_put(const struct local_s3 *s3, const char *key, const void *bytes, size_t n_bytes)
{
    char url[LOCAL_S3_URL_BYTES + 256];
    struct http_curl *curl = NULL;
    unsigned status = 0;
    const struct http_sink sink = {.header = on_header, .body = on_body};
    (void)snprintf(url, sizeof url, "%s/releases/%s", s3->url, key);
    const struct http_request request = {
        .method = HTTP_VERB_PUT, .url = url, .body = bytes, .n_body_bytes = n_bytes};
    if (http_curl_open(NULL, &curl) || http_perform(http_curl_http(curl), &request, &sink, &status) ||
        status != 200) {
        die("an object cannot be stored");
    }
    http_curl_close(curl);
}
