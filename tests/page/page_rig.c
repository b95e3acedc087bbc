/* The local page without a gateway: what it shows comes from standard input, what it is asked for goes to standard
 * output. For the tests in this folder, and for the pictures in docs/pictures.
 *
 *   page_rig ADDRESS:PORT UPLOAD_PATH [--token TOKEN] [--no-stream]
 *
 * Lines: state NAME · target RUNNING VERSION_A STATE_A VERSION_B STATE_B TRIES (RUNNING a, b or -; versions and states as
 * numbers) · event KIND VERSION SLOT REASON DONE TOTAL (all numbers) · wait MS · names DEVICE PRODUCT HW CHANNEL ·
 * time SECONDS · bundle 0|1 · stale 0|1. Each is answered by `ok`, when it can be seen. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "page_server/page_server.h"

enum { LINE_BYTES = 256, NAME_BYTES = 33, TICK_MS = 1000, LINE_NUMBERS = 6 };

struct rig {
    struct clock clock; /* first member */
    uint64_t utc_s;     /* 0: that of this machine */
    struct gateway gateway;
    struct page_model model;
    struct page_server server;
    char names[4][NAME_BYTES];
    int pipe[2]; /* the server's thread writes, the rig reads */
};

static uint64_t now_ms(struct clock *clock)
{
    struct timespec t = {0};
    (void)clock;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

static uint64_t utc_s(struct clock *clock)
{
    const struct rig *r = (const struct rig *)(void *)clock;
    return r->utc_s ? r->utc_s : (uint64_t)time(NULL);
}

static const char *refuse_bundle(void *ctx, int fd)
{
    char start[4] = "";
    (void)ctx;
    return pread(fd, start, sizeof start, 0) > 0 && memcmp(start, "v1/", 3) == 0 ? NULL
                                                                                 : "This is no bundle.";
}

static void wake(void *ctx)
{
    const struct rig *r = ctx;
    if (write(r->pipe[1], "!", 1) != 1) {
        abort();
    }
}

static bool hear(struct rig *r, const uint32_t n[LINE_NUMBERS])
{
    const struct gateway_event e = {.kind = (enum gateway_event_kind)n[0],
                                    .state = r->gateway.state,
                                    .version = n[1],
                                    .slot = (enum slot)n[2],
                                    .reason = (enum fota_err)n[3],
                                    .done = n[4],
                                    .total = n[5]};
    page_model_hear(&r->model, &e);
    return true;
}

static bool enter(struct rig *r, const char *name)
{
    for (unsigned i = 0; i < GATEWAY_STATES; i++) {
        if (strcmp(gateway_state_name((enum gateway_state)i), name) == 0) {
            r->gateway.state = (enum gateway_state)i;
            page_model_hear(&r->model,
                            &(struct gateway_event){.kind = GATEWAY_EVENT_STATE, .state = r->gateway.state});
            return true;
        }
    }
    return false;
}

static bool set_target(struct rig *r, const char *line)
{
    struct boot_info *b = &r->gateway.target.boot;
    unsigned state[2];
    unsigned tries = 0;
    char running = 0;
    int n = sscanf(line, "target %c %u %u %u %u %u", &running, &b->slot_version[0], &state[0],
                   &b->slot_version[1], &state[1], &tries);
    b->slot_state[0] = (uint8_t)state[0];
    b->slot_state[1] = (uint8_t)state[1];
    b->tries_left = (uint8_t)tries;
    b->running_slot = running == 'a' ? SLOT_A : running == 'b' ? SLOT_B : SLOT_NONE;
    b->bootloader_version = b->loader_version = 1U << 24;
    (void)snprintf(b->hw_id, sizeof b->hw_id, "f407");
    return n == 6;
}

static bool obey(struct rig *r, const char *line)
{
    char word[LINE_BYTES];
    uint32_t n[LINE_NUMBERS] = {0};
    if (sscanf(line, "state %255s", word) == 1) {
        return enter(r, word);
    }
    if (strncmp(line, "target ", 7) == 0) {
        return set_target(r, line);
    }
    if (sscanf(line, "event %u %u %u %u %u %u", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) == 6) {
        return hear(r, n);
    }
    if (sscanf(line, "wait %u", &n[0]) == 1) {
        page_model_waits(&r->model, n[0]);
        return true;
    }
    if (sscanf(line, "time %u", &n[0]) == 1) {
        r->utc_s = n[0];
        return true;
    }
    if (sscanf(line, "bundle %u", &n[0]) == 1) {
        r->model.is_bundle = n[0] != 0;
        return true;
    }
    if (sscanf(line, "stale %u", &n[0]) == 1) {
        r->gateway.is_stale = n[0] != 0;
        return true;
    }
    return sscanf(line, "names %32s %32s %32s %32s", r->names[0], r->names[1], r->names[2], r->names[3]) == 4;
}

static void tell_wanted(struct rig *r)
{
    char bytes[16];
    struct stat st = {0};
    (void)!read(r->pipe[0], bytes, sizeof bytes);
    struct page_wanted wanted = page_server_take(&r->server);
    if (wanted.is_check) {
        (void)printf("asked check\n");
    }
    if (wanted.bundle >= 0) {
        (void)fstat(wanted.bundle, &st);
        (void)printf("asked install %lld\n", (long long)st.st_size);
        (void)close(wanted.bundle);
    }
    (void)fflush(stdout);
}

/* Until standard input ends. */
static void serve(struct rig *r)
{
    char line[LINE_BYTES];
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = r->pipe[0], .events = POLLIN}};
    for (;;) {
        page_server_show(&r->server, &r->model);
        int n = poll(fds, 2, TICK_MS);
        if (n > 0 && fds[1].revents) {
            tell_wanted(r);
        }
        if (n > 0 && fds[0].revents) {
            if (!fgets(line, sizeof line, stdin)) {
                return;
            }
            bool is_done = obey(r, line);
            page_server_show(&r->server, &r->model);
            (void)printf(is_done ? "ok\n" : "what? %s", line);
            (void)fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    static struct rig r;
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    struct page_server_config config = {.refuse_bundle = refuse_bundle, .wake = wake, .ctx = &r};
    bool has_stream = true;
    if (argc < 3 || page_address_read(argv[1], &config.address) || pipe(r.pipe) != 0) {
        (void)fprintf(stderr, "usage: page_rig ADDRESS:PORT UPLOAD_PATH [--token TOKEN] [--no-stream]\n");
        return 2;
    }
    config.upload = argv[2];
    for (int i = 3; i < argc; i++) {
        has_stream = has_stream && strcmp(argv[i], "--no-stream") != 0;
        config.token = strcmp(argv[i], "--token") == 0 && i + 1 < argc ? argv[i + 1] : config.token;
    }
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what is left */
    (void)obey(&r, "names desk demo f407-disco stable");
    r.clock.ops = &ops;
    r.gateway.state = GATEWAY_WAIT;
    r.gateway.config.identity = (struct gateway_identity){
        .device = r.names[0], .product = r.names[1], .hw = r.names[2], .channel = r.names[3]};
    page_model_init(&r.model, &r.gateway, &r.clock, has_stream, PAGE_BUNDLE_BYTES);
    if (page_server_start(&r.server, &config) != FOTA_OK) {
        (void)fprintf(stderr, "page_rig: %s\n", r.server.why);
        return 1;
    }
    page_server_show(&r.server, &r.model); /* before anybody can ask */
    (void)printf("page at port %u\n", (unsigned)r.server.port);
    (void)fflush(stdout);
    serve(&r);
    page_server_stop(&r.server);
    return 0;
}
