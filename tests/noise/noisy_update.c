#include "noisy_update.h"

#include <string.h>

#include "gateway/gateway.h"
#include "mender.h"
#include "port_twin/twin_clock.h"
#include "ram_store.h"
#include "s3_fake.h"

enum { SLICE_MS = 20, POLL_MS = 1000, RETRY_MS = 50, BACKOFF_MAX_MS = 1000, CLEAN_MAX_MS = 60000 };

/* One update under way. */
struct run {
    struct loader_board *board;
    struct mender wires; /* a plain twin_link, unless the bug is planted */
    struct noisy_link noisy;
    struct twin_clock clock;
    struct link_client link;
    struct s3_fake server;
    struct s3_config s3_config;
    struct s3 s3;
    struct ram_store store;
    struct gateway gateway;
    struct noise_result *result;
    uint32_t wait_ms; /* until the gateway's next step */
};

/* --- the gateway ------------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct run *r = ctx;
    struct noise_result *out = r->result;
    if (event->kind == GATEWAY_EVENT_FAILED || event->kind == GATEWAY_EVENT_REFUSED) {
        out->reason = event->reason;
    }
    if (event->kind == GATEWAY_EVENT_PROGRESS) {
        uint32_t n_wrong = loader_board_wrong(r->board, event->done);
        out->n_unnoticed = n_wrong > out->n_unnoticed ? n_wrong : out->n_unnoticed;
        if (out->block_min_bytes == 0 || r->gateway.block_bytes < out->block_min_bytes) {
            out->block_min_bytes = r->gateway.block_bytes;
        }
    }
}

static void start_gateway(struct run *r)
{
    const struct gateway_config config = {
        .keys = {.channel = {demo_channel_key()->point}, .release = {demo_image_key()->point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "noise"},
        .poll_ms = POLL_MS,
        .backoff_min_ms = RETRY_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .retry_min_ms = RETRY_MS,
        .range_bytes = 8192,
        .seed = 1};
    const struct gateway_ports ports = {.s3 = &r->s3,
                                        .link = &r->link,
                                        .store = &r->store.store,
                                        .clock = &r->clock.clock,
                                        .observer = {.on_event = on_event, .ctx = r}};
    r->result->repeats += r->link.stats.repeats;
    r->noisy.is_dead = false;
    r->wait_ms = 0;
    link_client_init(&r->link, &r->noisy.io, NULL);
    if (s3_init(&r->s3, &r->server.http, &r->s3_config) || gateway_init(&r->gateway, &config, &ports)) {
        twin_board_die("gateway", "does not start");
    }
}

static void publish(struct run *r)
{
    const struct test_release *update = &r->board->update;
    s3_fake_init(&r->server);
    r->s3_config = (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&r->server, update->blob[slot], update->image[slot], update->n_image[slot]);
    }
    s3_fake_put(&r->server, "v1/channels/demo/f407-disco/stable.fc", update->channel, update->n_channel);
}

static void open_run(struct run *r, struct loader_board *board, const struct noise_plan *plan, bool mends_crc,
                     struct noise_result *out)
{
    memset(r, 0, sizeof *r);
    memset(out, 0, sizeof *out);
    r->board = board;
    r->result = out;
    ram_store_init(&r->store);
    if (mends_crc) {
        mender_init(&r->wires, board->base.twin);
    } else {
        twin_link_init(&r->wires.wires, board->base.twin);
    }
    noisy_link_init(&r->noisy, &r->wires.wires, plan);
    twin_clock_init(&r->clock, board->base.twin, TEST_NOW_S);
    publish(r);
    start_gateway(r);
}

/* --- what the board shows ---------------------------------------------------------------------------- */

/* --- running ----------------------------------------------------------------------------------------- */

static void step(struct run *r)
{
    if (r->noisy.is_dead) {
        r->result->restarts++;
        start_gateway(r);
    }
    if (r->wait_ms == 0 && gateway_step(&r->gateway, &r->wait_ms) != FOTA_OK) {
        twin_board_die("gateway_step", "failed");
    }
    uint32_t ms = r->wait_ms < SLICE_MS ? r->wait_ms : SLICE_MS;
    twin_board_run_ms(&r->board->base, ms);
    r->wait_ms -= ms;
}

static void finish(struct run *r, uint64_t start_ns)
{
    struct noise_result *out = r->result;
    uint32_t n_wrong = loader_board_wrong(r->board, r->board->update.n_image[1]);
    bool has_run = loader_board_is_updated(r->board);
    out->is_complete = has_run && n_wrong == 0;
    out->is_corrupt = has_run && n_wrong > 0;
    out->n_outside = loader_board_outside(r->board);
    out->repeats += r->link.stats.repeats;
    out->ms = (twin_now_ns(r->board->base.twin) - start_ns) / 1000000U;
    out->noise = r->noisy.counts;
    out->wire_bytes = r->noisy.counts.bytes;
}

static void drive(struct loader_board *board, const struct noise_plan *plan, uint32_t max_ms, bool mends_crc,
                  struct noise_result *out)
{
    static struct run r;
    uint64_t start_ns = twin_now_ns(board->base.twin);
    open_run(&r, board, plan, mends_crc, out);
    while (!loader_board_is_updated(board) &&
           twin_now_ns(board->base.twin) - start_ns < (uint64_t)max_ms * 1000000U) {
        step(&r);
    }
    finish(&r, start_ns);
}

void noise_update(struct loader_board *board, const struct noise_plan *plan, uint32_t max_ms, bool mends_crc,
                  struct noise_result *out)
{
    loader_board_restore(board);
    drive(board, plan, max_ms, mends_crc, out);
}

bool noise_recovers(struct loader_board *board)
{
    static const struct noise_plan clean = {.seed = 1};
    struct noise_result result;
    drive(board, &clean, CLEAN_MAX_MS, false, &result);
    return result.is_complete && result.n_outside == 0;
}
