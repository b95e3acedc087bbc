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

#include "gateway/gateway.h"
#include "loader_board.h"
#include "port_twin/twin_link.h"
#include "posix/http_curl.h"
#include "posix/stage_file.h"
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
    char stage[WIRE_PATH_BYTES];
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

#define GET   " method=GET"
#define BLOBS " path=/v1/blobs/ method=GET"

/* Eight networks with many updates, then each row of the proxy that a gateway must live with, with one update. */
static const struct {
    const char *name;
    const char *rules[PROCESS_RULES_MAX];
    bool is_killed, is_one;
} RUNS[] = {
    {"clean", {NULL}, false, false},
    {"30 % 5xx", {"status 503 share=0.3" GET}, false, false},
    {"cut every 3,000", {"cut 3000" GET}, false, false},
    {"flipped bits", {"flip share=0.05" GET}, false, false},
    {"captive portal", {"portal share=0.5" GET}, false, false},
    {"all at once",
     {"status 503 share=0.3" GET, "portal share=0.5" GET, "cut 3000" GET, "flip share=0.05" GET},
     false,
     false},
    {"clean, killed thrice", {NULL}, true, false},
    {"cut, killed thrice", {"cut 3000" GET}, true, false},
    {"503 five times, Retry-After", {"status 503 times=5 retry-after=3" GET}, false, true},
    {"Retry-After as a date", {"status 429 times=1 retry-after=date+2" GET}, false, true},
    {"cut at 4 kB +- 1", {"cut 4096 spread=1" GET}, false, true},
    {"reset at 4 kB", {"reset 4096" GET}, false, true},
    {"200 to a range", {"whole" BLOBS, "cut 7000 times=2" BLOBS}, false, true},
    {"206 with another ETag", {"cut 7000 times=2" BLOBS, "etag first=2 times=1" BLOBS}, false, true},
    {"wrong Content-Range",
     {"cut 7000 times=2" BLOBS, "range-header 512 first=2 times=1" BLOBS},
     false,
     true},
    {"another range", {"cut 7000 times=2" BLOBS, "other-range 512 first=2 times=1" BLOBS}, false, true},
    {"412 in mid-file",
     {"cut 7000 times=1" BLOBS, "status 412 code=PreconditionFailed first=2 times=1" BLOBS},
     false,
     true},
    {"307 to nowhere", {"redirect 307 times=2" GET}, false, true},
    {"301", {"redirect 301 times=2" GET}, false, true},
    {"400, another region",
     {"status 400 code=AuthorizationHeaderMalformed region=test-1 times=2" GET},
     false,
     true},
    {"403 for missing", {"status 403 times=2" GET}, false, true},
    {"404", {"status 404 times=2" BLOBS}, false, true},
    {"Date 20 minutes off",
     {"date -1200" GET, "status 403 code=RequestTimeTooSkewed times=1" GET},
     false,
     true},
    {"no ETag, nor of a 304", {"no-etag" GET, "cut 7000 times=2" BLOBS}, false, true},
    {"304 with a body", {"body-of-304" GET, "status 503 times=1" BLOBS}, false, true},
    {"errors of 3 kB", {"status 500 bytes=3000 times=3" GET}, false, true},
    {"endless error", {"endless 500 times=2" GET}, false, true},
    {"endless headers", {"endless-headers times=1" GET}, false, true},
    {"slow, 8 kB a second", {"drip 8000" GET}, false, true},
    {"length too large", {"length +100 times=2" GET}, false, true},
    {"short body", {"short 100 times=2" GET}, false, true},
    {"conditions ignored", {"ignore-conditions" GET, "cut 7000 times=2" BLOBS}, false, true},
    {"dropped and stale", {"drop times=3" GET, "stale share=0.5" GET}, false, true},
    {"portal that redirects", {"portal-redirect times=3" GET}, false, true},
};

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

enum exit_code { UPDATED, NOT_UPDATED, TROUBLE, WRONG_BYTES };

/* Steps until the board is updated. */
static enum exit_code run_gateway(struct gateway *g, struct wire *w, const struct shared *shared)
{
    const uint64_t until_ms = clock_now_ms(&w->clock) + VIRTUAL_MAX_MS;
    uint32_t wait_ms = 0;
    while (clock_now_ms(&w->clock) < until_ms && shared->n_refused == 0) {
        bool is_done = false;
        uint32_t n_wrong = 0;
        if (wait_ms == 0 && gateway_step(g, &wait_ms) != FOTA_OK) {
            return TROUBLE;
        }
        uint32_t ms = wait_ms < SLICE_MS ? wait_ms : SLICE_MS;
        link_io_delay_us(&w->io, ms * 1000U);
        wait_ms -= ms;
        if (!wire_is_updated(w, &is_done, &n_wrong)) {
            return TROUBLE;
        }
        if (is_done) {
            return n_wrong == 0 ? UPDATED : WRONG_BYTES;
        }
    }
    return NOT_UPDATED;
}

static enum exit_code gateway_process(const struct real *r)
{
    static struct gateway g;
    static const struct http_ops ops = {.perform = perform};
    struct wire wires;
    struct link_client link;
    struct store_file store;
    struct stage_file stage;
    struct s3 s3;
    struct http_curl *curl = NULL;
    const struct s3_config s3_config = {.endpoint = r->proxy.url, .region = "test-1", .bucket = "releases"};
    const struct gateway_config config = {
        .keys = {.channel = {demo_channel_key()->point}, .release = {demo_image_key()->point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "soak"},
        .poll_ms = 1000,
        .backoff_min_ms = 500,
        .backoff_max_ms = 5000,
        .denied_min_ms = 2000,
        .retry_min_ms = 50,
        .seed = r->random | 1U};
    if (!connect_board(r, &wires) || stage_file_open(&stage, r->stage, NULL) ||
        http_curl_open(&(struct http_curl_config){.ca_file = r->ca_file}, &curl)) {
        return TROUBLE;
    }
    struct counting http = {
        .http = {.ops = &ops}, .inner = http_curl_http(curl), .image_bytes = &r->shared->image_bytes};
    const struct gateway_ports ports = {.s3 = &s3,
                                        .link = &link,
                                        .store = &store.store,
                                        .clock = &wires.clock,
                                        .stage = &stage.stage,
                                        .observer = {.on_event = on_event, .ctx = r->shared}};
    store_file_init(&store, r->state);
    link_client_init(&link, &wires.io, NULL);
    enum exit_code code = s3_init(&s3, &http.http, &s3_config) || gateway_init(&g, &config, &ports)
                              ? TROUBLE
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
            _exit(TROUBLE);
        }
        _exit((int)gateway_process(r));
    }
    if (pid < 0) {
        return TROUBLE;
    }
    if (kill_after_s > 0) {
        (void)usleep((useconds_t)(kill_after_s * 1e6));
        (void)kill(pid, SIGKILL);
    }
    if (waitpid(pid, &status, 0) != pid) {
        return TROUBLE;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The board from the factory, and a gateway that knows nothing. */
static bool start_anew(const struct real *r)
{
    struct wire w;
    struct stage_file stage;
    if (!connect_board(r, &w) || !wire_restore(&w) || stage_file_open(&stage, r->stage, NULL)) {
        return false;
    }
    wire_hang_up(&w);
    (void)unlink(r->state);
    bool is_empty = true;
    for (unsigned shelf = 0; shelf < STAGE_SHELVES; shelf++) {
        is_empty = stage_drop(&stage.stage, (enum stage_shelf)shelf) == FOTA_OK && is_empty;
    }
    return is_empty;
}

/* @return exit code of the last process */
static int update(struct real *r, bool is_killed)
{
    if (!start_anew(r)) {
        return TROUBLE;
    }
    r->shared->n_refused = 0;
    const double start_s = process_now_s();
    int code = -1;
    for (unsigned i = 0; i < KILLS && is_killed && code == -1; i++) {
        code = one_process(r, r->longest_s * (1 + draw(r, 1000)) / 1000.0);
    }
    code = code == -1 ? one_process(r, 0) : code;
    const double s = process_now_s() - start_s;
    r->longest_s = !is_killed && r->longest_s <= 0 ? s : r->longest_s; /* of the first, on a clean network */
    return r->shared->n_refused > 0 ? NOT_UPDATED : code;
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
    (void)snprintf(r->stage, sizeof r->stage, "%s/stage", r->folder);
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

struct tally {
    uint32_t n_runs, n_ok, n_wrong;
    uint64_t refetched_max; /* of updates without damage on the way */
};

static void run(struct soak *s, struct real *r, size_t which, struct tally *t)
{
    const uint32_t n_runs = RUNS[which].is_one ? 1 : s->n_real;
    uint32_t n_ok = 0;
    if (!proxy_start(&r->proxy, r->folder, RUNS[which].rules, s->seed) || !publish(r)) {
        soak_check(s, false, "the fault proxy starts and takes the release");
        return;
    }
    if (RUNS[which].is_killed && r->longest_s <= 0 && update(r, false) != UPDATED) {
        soak_check(s, false, "an update takes a time that is known");
        proxy_stop(&r->proxy);
        return;
    }
    r->shared->image_bytes = 0;
    for (uint32_t i = 0; i < n_runs; i++) {
        const uint64_t before = r->shared->image_bytes;
        const int code = update(r, RUNS[which].is_killed);
        const uint64_t fetched = r->shared->image_bytes - before, size = r->board.update.n_image[IMAGE];
        const uint64_t again = RUNS[which].is_killed && fetched > size ? fetched - size : 0;
        n_ok += code == UPDATED;
        t->n_wrong += code == WRONG_BYTES;
        t->refetched_max = again > t->refetched_max ? again : t->refetched_max;
    }
    proxy_stop(&r->proxy);
    t->n_runs += n_runs;
    t->n_ok += n_ok;
    (void)printf("%-32s %4u/%-4u %26.3f  %s\n", RUNS[which].name, (unsigned)n_ok, (unsigned)n_runs,
                 (double)r->shared->image_bytes / ((double)r->board.update.n_image[IMAGE] * n_runs),
                 r->shared->n_refused ? fota_err_text(r->shared->reason) : "");
}

static void run_all(struct soak *s, bool is_one, struct tally *t)
{
    static struct real r;
    *t = (struct tally){0};
    if (!open_real(&r, s->seed)) {
        soak_check(s, false, "the twin's process starts");
        return;
    }
    for (size_t i = 0; i < sizeof RUNS / sizeof RUNS[0]; i++) {
        if (RUNS[i].is_one == is_one && (s->run == 0 || s->run == i + 1)) {
            run(s, &r, i, t);
        }
    }
    close_real(&r);
}

void soak_real(struct soak *s)
{
    struct tally t;
    (void)printf("the twin, in a process of its own, by TLS\n");
    run_all(s, false, &t);
    soak_figure(s, "twin_updates_ok", t.n_ok);
    soak_figure(s, "twin_updates_wrong", t.n_wrong);
    soak_figure(s, "twin_refetched_bytes_max", (double)t.refetched_max);
}

void soak_rows(struct soak *s)
{
    struct tally t;
    (void)printf("rows of the fault proxy, an update of the twin through each\n");
    run_all(s, true, &t);
    soak_figure(s, "proxy_rows", t.n_runs);
    soak_figure(s, "proxy_rows_not_ok", t.n_runs - t.n_ok);
}
