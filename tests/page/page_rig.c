/* The local page without a gateway: what it shows comes from standard input, what it is asked for goes to standard
 * output. For the tests in this folder, and for the pictures in docs/pictures.
 *
 *   page_rig ADDRESS:PORT UPLOAD_PATH [--token TOKEN] [--no-stream]
 *
 * Lines are those of rig_world.h. Each is answered by `ok`, when it can be seen. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "page_server/page_server.h"
#include "rig_world.h"

enum { TICK_MS = 1000 };

struct rig {
    struct clock clock; /* first member */
    struct rig_world world;
    struct page_model model;
    struct page_server server;
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
    return r->world.utc_s ? r->world.utc_s : (uint64_t)time(NULL);
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

static void hear(void *ctx, const struct gateway_event *e)
{
    struct rig *r = ctx;
    page_model_hear(&r->model, e);
}

static void waits(void *ctx, uint32_t wait_ms)
{
    struct rig *r = ctx;
    page_model_waits(&r->model, wait_ms);
}

static void show(struct rig *r)
{
    r->model.is_bundle = r->world.is_bundle;
    page_model_look(&r->model, &r->world.gateway);
    page_server_show(&r->server, &r->model);
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
    char line[RIG_LINE_BYTES];
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = r->pipe[0], .events = POLLIN}};
    for (;;) {
        show(r);
        int n = poll(fds, 2, TICK_MS);
        if (n > 0 && fds[1].revents) {
            tell_wanted(r);
        }
        if (n > 0 && fds[0].revents) {
            if (!fgets(line, sizeof line, stdin)) {
                return;
            }
            bool is_done = rig_world_obey(&r->world, line);
            show(r);
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
    r.clock.ops = &ops;
    r.world.hear = hear;
    r.world.waits = waits;
    r.world.ctx = &r;
    rig_world_init(&r.world);
    page_model_init(&r.model, &r.clock, has_stream, PAGE_BUNDLE_BYTES);
    if (page_server_start(&r.server, &config) != FOTA_OK) {
        (void)fprintf(stderr, "page_rig: %s\n", r.server.why);
        return 1;
    }
    show(&r); /* before anybody can ask */
    (void)printf("page at port %u\n", (unsigned)r.server.port);
    (void)fflush(stdout);
    serve(&r);
    page_server_stop(&r.server);
    return 0;
}
