/* Updates of the twin, which is a process of its own, by a gateway that is another, through real sockets, TLS and
 * the fault proxy. In some of them the gateway's process is killed three times. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake/stage_fake.h"
#include "gateway/gateway.h"
#include "loader_board.h"
#include "port_twin/twin_link.h"
#include "posix/http_curl.h"
#include "posix/store_file.h"
#include "process.h"
#include "soak.h"
#include "wire.h"

enum {
    PAYLOAD_BYTES = 20000,
    SLICE_MS = 20,
    VIRTUAL_MAX_MS = 600000,
    KILLS = 3,
    CONNECT_MAX_S = 60,
    IMAGE = 1 /* slot B: the board runs from A */
};

/* What the processes share. */
struct shared {
    struct stage_fake shelves; /* outlives a gateway's process, as files do */
    uint8_t shelf_memory[STAGE_SHELVES * TEST_IMAGE_MAX_BYTES];
    uint64_t image_bytes;
    uint32_t n_refused;
    enum fota_err reason;
};

struct real {
    struct loader_board board;
    struct shared *shared;
    char folder[PROCESS_PATH_BYTES];
    char socket[WIRE_PATH_BYTES];
    char state[WIRE_PATH_BYTES];
    char ca_file[WIRE_PATH_BYTES];
    pid_t board_pid;
    struct proxy proxy;
    uint32_t random;
    double longest_s; /* wall time of an update without a kill */
};

/* Counts body bytes of images on their way to the core. */
struct counting {
    struct http http; /* first member */
    struct http *inner;
    const struct http_sink *sink;
    uint64_t *image_bytes;
    bool is_image;
};

static const char *const CLEAN[] = {NULL};
static const char *const REFUSING[] = {"status 503 share=0.3 method=GET", NULL};
static const char *const CUTTING[] = {"cut 3000 method=GET", NULL};
static const char *const FLIPPING[] = {"flip share=0.05 method=GET", NULL};
static const char *const PORTAL[] = {"portal share=0.5 method=GET", NULL};
static const char *const ALL[] = {"status 503 share=0.3 method=GET", "portal share=0.5 method=GET",
                                  "cut 3000 method=GET", "flip share=0.05 method=GET", NULL};
static const struct {
    const char *name;
    const char *const *rules;
    bool is_killed;
} RUNS[] = {{"clean", CLEAN, false},
            {"30 % 5xx", REFUSING, false},
            {"cut every 3,000", CUTTING, false},
            {"flipped bits", FLIPPING, false},
            {"captive portal", PORTAL, false},
            {"all at once", ALL, false},
            {"clean, killed thrice", CLEAN, true},
            {"cut, killed thrice", CUTTING, true}};

/* --- the board's process ----------------------------------------------------------------------------- */

static void restore(void *ctx)
{
    loader_board_restore(ctx);
}

static bool is_updated(void *ctx, uint32_t *n_wrong)
{
    struct loader_board *board = ctx;
    *n_wrong = loader_board_wrong(board, board->update.n_image[IMAGE]) + loader_board_outside(board);
    return loader_board_is_updated(board);
}

static bool start_board(struct real *r)
{
    const pid_t parent = getpid();
    r->board_pid = fork();
    if (r->board_pid != 0) {
        return r->board_pid > 0;
    }
    struct twin_link wires;
    twin_link_init(&wires, r->board.base.twin);
    const struct wire_board board = {
        .io = &wires.io, .restore = restore, .is_updated = is_updated, .ctx = &r->board};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(1);
    }
    _exit(wire_serve(r->socket, &board) ? 0 : 1);
}

/* The board's process listens a moment after it was started, and after a gateway was killed. */
static bool connect_board(const struct real *r, struct wire *w)
{
    const double until_s = process_now_s() + CONNECT_MAX_S;
    while (!wire_connect(w, r->socket, TEST_NOW_S)) {
        if (process_now_s() > until_s) {
            return false;
        }
        (void)usleep(1000);
    }
    return true;
}

/* --- the gateway's process --------------------------------------------------------------------------- */

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    const struct counting *c = ctx;
    c->sink->header(c->sink->ctx, name, n_name, value, n_value);
}

static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    const struct counting *c = ctx;
    *c->image_bytes += c->is_image && (status == 200 || status == 206) ? n_bytes : 0;
    return c->sink->body(c->sink->ctx, status, bytes, n_bytes);
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct counting *c = (struct counting *)http;
    const struct http_sink between = {.header = on_header, .body = on_body, .ctx = c};
    c->sink = sink;
    c->is_image = strstr(request->url, "/v1/blobs/");
    return http_perform(c->inner, request, &between, status);
}

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct shared *s = ctx;
    if (event->kind == GATEWAY_EVENT_REFUSED) {
        s->n_refused++;
        s->reason = event->reason;
    }
}

/* Steps until the board is updated. @return exit code: 0 updated, 1 refused or not in time, 2 trouble */
static int run_gateway(struct gateway *g, struct wire *w, const struct shared *shared)
{
    const uint64_t until_ms = clock_now_ms(&w->clock) + VIRTUAL_MAX_MS;
    uint32_t wait_ms = 0;
    while (clock_now_ms(&w->clock) < until_ms && shared->n_refused == 0) {
        bool is_done = false;
        uint32_t n_wrong = 0;
        if (wait_ms == 0 && gateway_step(g, &wait_ms) != FOTA_OK) {
            return 2;
        }
        uint32_t ms = wait_ms < SLICE_MS ? wait_ms : SLICE_MS;
        link_io_delay_us(&w->io, ms * 1000U);
        wait_ms -= ms;
        if (!wire_is_updated(w, &is_done, &n_wrong)) {
            return 2;
        }
        if (is_done) {
            return n_wrong == 0 ? 0 : 2;
        }
    }
    return 1;
}

static int gateway_process(const struct real *r)
{
    static struct gateway g;
    static const struct http_ops ops = {.perform = perform};
    struct wire wires;
    struct link_client link;
    struct store_file store;
    struct s3 s3;
    struct http_curl *curl = NULL;
    const struct s3_config s3_config = {.endpoint = r->proxy.url, .region = "test-1", .bucket = "releases"};
    const struct gateway_config config = {
        .keys = {.channel = {demo_channel_key()->point}, .release = {demo_image_key()->point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "soak"},
        .poll_ms = 1000,
        .backoff_min_ms = 500,
        .backoff_max_ms = 5000,
        .retry_min_ms = 50,
        .seed = r->random | 1U};
    if (!connect_board(r, &wires) ||
        http_curl_open(&(struct http_curl_config){.ca_file = r->ca_file}, &curl)) {
        return 2;
    }
    struct counting http = {
        .http = {.ops = &ops}, .inner = http_curl_http(curl), .image_bytes = &r->shared->image_bytes};
    const struct gateway_ports ports = {.s3 = &s3,
                                        .link = &link,
                                        .store = &store.store,
                                        .clock = &wires.clock,
                                        .stage = &r->shared->shelves.stage,
                                        .observer = {.on_event = on_event, .ctx = r->shared}};
    store_file_init(&store, r->state);
    link_client_init(&link, &wires.io, NULL);
    int code = s3_init(&s3, &http.http, &s3_config) || gateway_init(&g, &config, &ports)
                   ? 2
                   : run_gateway(&g, &wires, r->shared);
    http_curl_close(curl);
    wire_hang_up(&wires);
    return code;
}

/* --- an update --------------------------------------------------------------------------------------- */

static uint32_t draw(struct real *r, uint32_t below)
{
    r->random = r->random * 1664525U + 1013904223U;
    return (uint32_t)((uint64_t)r->random * below >> 32);
}

/* One process of the gateway; killed after `kill_after_s` if that is not 0. @return its exit code, -1 killed */
static int one_process(struct real *r, double kill_after_s)
{
    int status = 0;
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(2);
        }
        _exit(gateway_process(r));
    }
    if (pid < 0) {
        return 2;
    }
    if (kill_after_s > 0) {
        (void)usleep((useconds_t)(kill_after_s * 1e6));
        (void)kill(pid, SIGKILL);
    }
    if (waitpid(pid, &status, 0) != pid) {
        return 2;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool update(struct real *r, bool is_killed)
{
    struct wire w;
    if (!connect_board(r, &w) || !wire_restore(&w)) {
        return false;
    }
    wire_hang_up(&w);
    (void)unlink(r->state);
    r->shared->n_refused = 0;
    stage_fake_init(&r->shared->shelves, r->shared->shelf_memory, TEST_IMAGE_MAX_BYTES);
    const double start_s = process_now_s();
    int code = -1;
    for (unsigned i = 0; i < KILLS && is_killed && code == -1; i++) {
        code = one_process(r, r->longest_s * (1 + draw(r, 1000)) / 1000.0);
    }
    code = code == -1 ? one_process(r, 0) : code;
    const double s = process_now_s() - start_s;
    r->longest_s = !is_killed && s > r->longest_s ? s : r->longest_s;
    return code == 0 && r->shared->n_refused == 0;
}

static bool put(struct s3 *s3, const char *key, const void *bytes, size_t n_bytes)
{
    struct s3_reply reply;
    const struct s3_put_options options = {.body = bytes, .n_bytes = n_bytes};
    return s3_put(s3, key, &options, TEST_NOW_S, &reply) == FOTA_OK;
}

static bool publish(const struct real *r)
{
    const struct test_release *release = &r->board.update;
    const struct s3_config config = {.endpoint = r->proxy.url, .region = "test-1", .bucket = "releases"};
    struct http_curl *curl = NULL;
    struct s3 s3;
    if (http_curl_open(&(struct http_curl_config){.ca_file = r->ca_file}, &curl)) {
        return false;
    }
    bool is_put = s3_init(&s3, http_curl_http(curl), &config) == FOTA_OK;
    for (unsigned slot = 0; slot < 2; slot++) {
        is_put = is_put && put(&s3, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    is_put =
        is_put && put(&s3, "v1/channels/demo/f407-disco/stable.fc", release->channel, release->n_channel);
    http_curl_close(curl);
    return is_put;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool open_real(struct real *r, uint32_t seed)
{
    const struct loader_config config = {
        .kind = LOADER_AGENT, .timing = TWIN_FLASH_TYPICAL, .payload_bytes = PAYLOAD_BYTES};
    memset(r, 0, sizeof *r);
    r->random = seed;
    r->shared = mmap(NULL, sizeof *r->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED || !process_folder(r->folder)) {
        return false;
    }
    (void)snprintf(r->socket, sizeof r->socket, "%s/wires", r->folder);
    (void)snprintf(r->state, sizeof r->state, "%s/state", r->folder);
    (void)snprintf(r->ca_file, sizeof r->ca_file, "%s/ca.crt", r->folder);
    loader_board_open(&r->board, &config);
    return start_board(r);
}

static void close_real(struct real *r)
{
    struct wire w;
    if (connect_board(r, &w)) {
        wire_stop(&w);
        wire_hang_up(&w);
    }
    (void)waitpid(r->board_pid, NULL, 0);
    loader_board_close(&r->board);
    process_folder_remove(r->folder);
}

static uint32_t run(struct soak *s, struct real *r, size_t which)
{
    uint32_t n_ok = 0;
    r->shared->image_bytes = 0;
    if (!proxy_start(&r->proxy, r->folder, RUNS[which].rules, s->seed) || !publish(r)) {
        soak_check(s, false, "the fault proxy starts and takes the release");
        return 0;
    }
    for (uint32_t i = 0; i < s->n_real; i++) {
        n_ok += update(r, RUNS[which].is_killed);
    }
    proxy_stop(&r->proxy);
    (void)printf("%-32s %4u/%-4u %26.3f  %s\n", RUNS[which].name, (unsigned)n_ok, (unsigned)s->n_real,
                 (double)r->shared->image_bytes / ((double)r->board.update.n_image[IMAGE] * s->n_real),
                 r->shared->n_refused ? fota_err_text(r->shared->reason) : "");
    return n_ok;
}

void soak_real(struct soak *s)
{
    static struct real r;
    uint32_t n_ok = 0, n_killed_ok = 0;
    uint32_t n_runs = sizeof RUNS / sizeof RUNS[0];
    if (!open_real(&r, s->seed)) {
        soak_check(s, false, "the twin's process starts");
        return;
    }
    const double start_s = process_now_s();
    (void)printf("the twin, in a process of its own, by TLS\n");
    for (size_t i = 0; i < n_runs; i++) {
        uint32_t n = run(s, &r, i);
        n_ok += n;
        n_killed_ok += RUNS[i].is_killed ? n : 0;
    }
    close_real(&r);
    soak_figure(s, "twin_updates_ok", n_ok);
    soak_figure(s, "twin_updates_wanted", (double)n_runs * s->n_real);
    soak_figure(s, "twin_killed_ok", n_killed_ok);
    soak_figure(s, "twin_update_longest_s", r.longest_s);
    soak_check(s, n_ok == n_runs * s->n_real, "every update of the twin is confirmed, with no byte wrong");
    (void)printf("the twin took %.0f s\n", process_now_s() - start_s);
}
