#include "soak_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_BYTES = 64, /* of a write that power fails in, each piece arrives or not */
    CALL_WRITES = 3,  /* of a call that writes, which power may fail in */
    OFF_MS = 100,     /* without power */
    REQUEST_MS = 20,  /* what a request takes in virtual time */
    VERSION_1 = 0x01000000
};

static uint32_t draw(struct soak_site *w, uint32_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return (uint32_t)((uint64_t)w->random * below >> 32);
}

/* --- points ------------------------------------------------------------------------------------------ */

/* Another call to a port. True: it is the last one, or there is no process any more to make it. */
static bool is_over(struct soak_site *w)
{
    if (w->is_ended) {
        return true;
    }
    w->n_points++;
    w->is_ended = w->n_points == w->end_at;
    return w->is_ended;
}

static struct soak_site *of_http(struct http *http)
{
    return (struct soak_site *)(void *)((uint8_t *)http - offsetof(struct soak_site, http));
}

/* A process that ended receives nothing more. */
static enum fota_err on_body(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct soak_site *w = ctx;
    enum fota_err err = w->is_ended ? E_NET_CUT : w->sink->body(w->sink->ctx, status, bytes, n_bytes);
    return w->is_ended ? E_NET_CUT : err;
}

static void on_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    const struct soak_site *w = ctx;
    w->sink->header(w->sink->ctx, name, n_name, value, n_value);
}

/* Planted: every header but the one that makes a poll quiet. */
static size_t without_condition(const struct http_request *request,
                                struct http_header headers[HTTP_HEADERS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strcmp(request->header[i].name, "if-none-match") != 0) {
            headers[n++] = request->header[i];
        }
    }
    return n;
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    struct soak_site *w = of_http(http);
    if (is_over(w)) {
        return E_NET_CUT;
    }
    target_fake_run_ms(&w->target, REQUEST_MS);
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_request asked = *request;
    if (w->plant == PLANT_LOUD) {
        asked.n_headers = without_condition(request, headers);
        asked.header = headers;
    }
    const struct http_sink between = {.header = on_header, .body = on_body, .ctx = w};
    w->sink = sink;
    enum fota_err err = http_perform(&w->network.http, &asked, &between, status);
    return w->is_ended ? E_NET_CUT : err;
}

static struct soak_site *of_store(struct store *store)
{
    return (struct soak_site *)(void *)((uint8_t *)store - offsetof(struct soak_site, store));
}

static enum fota_err load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    struct soak_site *w = of_store(store);
    if (is_over(w)) {
        return E_IO;
    }
    if (!w->cell[cell].is_there) {
        return E_NOT_FOUND;
    }
    memcpy(bytes, w->cell[cell].bytes, n_bytes);
    return FOTA_OK;
}

static enum fota_err save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    struct soak_site *w = of_store(store);
    if (w->is_ended) {
        return E_IO;
    }
    bool is_torn = is_over(w);
    if (++w->n_writes == w->tear_at) {
        is_torn = true;
        w->is_ended = true;
        w->end = SOAK_DARK;
    }
    if (is_torn && w->end == SOAK_KILLED && draw(w, 2) == 0) {
        return E_IO; /* killed before the write */
    }
    w->cell[cell].is_there = true;
    for (size_t at = 0; at < n_bytes; at += PIECE_BYTES) {
        size_t n = n_bytes - at < PIECE_BYTES ? n_bytes - at : PIECE_BYTES;
        if (!is_torn || w->end == SOAK_KILLED || draw(w, 2) == 0) {
            memcpy(w->cell[cell].bytes + at, bytes + at, n);
        }
    }
    return is_torn ? E_IO : FOTA_OK;
}

/* --- the staging store ------------------------------------------------------------------------------- */

static struct soak_site *of_stage(struct stage *stage)
{
    return (struct soak_site *)(void *)((uint8_t *)stage - offsetof(struct soak_site, stage));
}

/* Power fails in the `write`-th write of the medium from now on; 0 never. */
static void arm(struct soak_site *w, uint32_t write)
{
    w->n_calls_before = w->folder ? forgetful_disk_calls() : 0;
    if (w->folder) {
        forgetful_disk_cut_at(write, w->random);
    } else {
        stage_fake_cut_at(&w->shelves, write, w->random);
    }
}

static bool is_medium_cut(const struct soak_site *w)
{
    return w->folder ? forgetful_disk_is_cut() : w->shelves.is_cut;
}

/* A call that writes: true if it is to be made. At the gateway's end it is made in part, or not at all. */
static bool may_write(struct soak_site *w)
{
    if (w->is_ended) {
        return false;
    }
    if (is_over(w)) {
        arm(w, 1 + draw(w, CALL_WRITES));
        return draw(w, 2) == 0;
    }
    arm(w, w->tear_at > w->n_writes ? w->tear_at - w->n_writes : 0);
    return true;
}

/* Nobody hears the answer of a call in which the process ended. */
static enum fota_err heard(struct soak_site *w, enum fota_err err)
{
    w->n_writes += w->folder ? forgetful_disk_calls() - w->n_calls_before : w->shelves.n_writes;
    if (is_medium_cut(w) && !w->is_ended) {
        w->is_ended = true;
        w->end = SOAK_DARK;
    }
    return w->is_ended ? E_IO : err;
}

static enum fota_err look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    struct soak_site *w = of_stage(stage);
    return is_over(w) ? E_IO : stage_look(w->medium, shelf, out);
}

static enum fota_err note(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes, size_t n_bytes)
{
    struct soak_site *w = of_stage(stage);
    return is_over(w) ? E_IO : stage_note(w->medium, shelf, bytes, n_bytes);
}

static enum fota_err begin(struct stage *stage, const struct stage_item *item, const uint8_t *text)
{
    struct soak_site *w = of_stage(stage);
    return may_write(w) ? heard(w, stage_begin(w->medium, item, text)) : E_IO;
}

static enum fota_err append(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct soak_site *w = of_stage(stage);
    return may_write(w) ? heard(w, stage_append(w->medium, off, bytes, n_bytes)) : E_IO;
}

static enum fota_err read_bytes(struct stage *stage, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                                size_t n_bytes)
{
    struct soak_site *w = of_stage(stage);
    return is_over(w) ? E_IO : stage_read(w->medium, shelf, off, bytes, n_bytes);
}

static enum fota_err keep(struct stage *stage, enum stage_shelf shelf)
{
    struct soak_site *w = of_stage(stage);
    return may_write(w) ? heard(w, stage_keep(w->medium, shelf)) : E_IO;
}

static enum fota_err drop(struct stage *stage, enum stage_shelf shelf)
{
    struct soak_site *w = of_stage(stage);
    return may_write(w) ? heard(w, stage_drop(w->medium, shelf)) : E_IO;
}

static void open_stage(struct soak_site *w)
{
    static const struct stage_ops ops = {.look = look,
                                         .note = note,
                                         .begin = begin,
                                         .append = append,
                                         .read = read_bytes,
                                         .keep = keep,
                                         .drop = drop};
    w->stage.ops = &ops;
    stage_fake_init(&w->shelves, w->shelf_memory, TEST_IMAGE_MAX_BYTES);
    w->medium = &w->shelves.stage;
    if (w->folder) {
        forgetful_disk_init(w->folder, false);
        w->medium = &w->files.stage;
    }
}

/* What the next process finds. */
static void open_stage_again(struct soak_site *w)
{
    if (w->folder && w->end == SOAK_DARK) {
        forgetful_disk_power_up(w->random);
    } else if (w->end == SOAK_DARK) {
        stage_fake_power_up(&w->shelves, w->random);
    } else { /* what was written stays, also the part of the last call */
        arm(w, 0);
        w->shelves.is_cut = false;
    }
    if (w->folder && stage_file_open(&w->files, w->folder, &FORGETFUL_DISK)) {
        abort();
    }
    if (w->plant == PLANT_FORGETS && w->folder) {
        forgetful_disk_clear();
    }
}

/* --- the wires, and the target's supply -------------------------------------------------------------- */

static struct soak_site *of_io(struct link_io *io)
{
    return (struct soak_site *)(void *)((uint8_t *)io - offsetof(struct soak_site, io));
}

/* Power went in a flash operation: the chip is dark at once, and starts anew a little later. */
static void watch_supply(struct soak_site *w)
{
    struct target_fake *t = &w->target;
    while (t->flash.is_cut) {
        t->is_dead = true;
        target_fake_run_ms(t, OFF_MS);
        flash_fake_power_up(&t->flash, 1U + draw(w, UINT32_MAX));
        t->is_dead = false;
        target_fake_boot(t, RESET_POWER_ON);
    }
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct soak_site *w = of_io(io);
    if (w->is_ended) {
        return E_IO;
    }
    size_t n = is_over(w) ? draw(w, (uint32_t)n_bytes + 1) : n_bytes;
    for (size_t i = 0; i < n; i++) {
        enum fota_err err =
            link_io_transfer(&w->target.io, mosi ? mosi + i : NULL, miso ? miso + i : NULL, 1);
        if (err) {
            return err;
        }
        watch_supply(w);
    }
    return w->is_ended ? E_IO : FOTA_OK;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    struct soak_site *w = of_io(io);
    return is_over(w) ? E_IO : link_io_select(&w->target.io, selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    struct soak_site *w = of_io(io);
    enum fota_err err = is_over(w) ? E_IO : link_io_set_nrst(&w->target.io, low);
    watch_supply(w);
    return err;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    struct soak_site *w = of_io(io);
    return is_over(w) ? E_IO : link_io_set_boot0(&w->target.io, high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(&of_io(io)->target.io, hz, byte_gap_us);
}

static void delay_us(struct link_io *io, uint32_t us)
{
    struct soak_site *w = of_io(io);
    while (us > 0) {
        uint32_t n = us < 1000 ? us : 1000;
        link_io_delay_us(&w->target.io, n);
        watch_supply(w);
        us -= n;
    }
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(&of_io(io)->target.io);
}

/* --- the gateway ------------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct soak_site *w = ctx;
    if (w->is_ended) {
        return; /* nobody hears what a dead process says */
    }
    w->n_confirmed += event->kind == GATEWAY_EVENT_CONFIRMED;
    w->n_quiet += event->kind == GATEWAY_EVENT_QUIET;
    w->n_rolled_back += event->kind == GATEWAY_EVENT_ROLLED_BACK;
    w->n_failed += event->kind == GATEWAY_EVENT_FAILED;
    if (event->kind == GATEWAY_EVENT_REFUSED) {
        w->n_refused++;
        w->refused_reason = event->reason;
    }
}

static void start_gateway(struct soak_site *w)
{
    const struct gateway_config config = {
        .keys = {.channel = {w->channel_key.point}, .release = {w->release_key.point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "soak"},
        .poll_ms = 30000,
        .backoff_min_ms = 5000,
        .backoff_max_ms = 60000,
        .denied_min_ms = 60000,
        .retry_min_ms = 200,
        .seed = 1U + draw(w, UINT32_MAX - 1)};
    const struct gateway_ports ports = {.s3 = &w->s3,
                                        .link = &w->link,
                                        .store = &w->store,
                                        .clock = &w->target.clock,
                                        .stage = w->plant == PLANT_NO_STAGE ? NULL : &w->stage,
                                        .observer = {.on_event = on_event, .ctx = w}};
    link_client_init(&w->link, &w->io, NULL);
    if (s3_init(&w->s3, &w->http, &w->s3_config) || gateway_init(&w->gateway, &config, &ports)) {
        abort();
    }
}

/* Power went for the target as well, in whatever it was doing. */
static void restart_target(struct soak_site *w)
{
    struct target_fake *t = &w->target;
    w->is_target_dark = false;
    t->is_dead = true;
    target_fake_run_ms(t, OFF_MS);
    t->is_dead = false;
    target_fake_boot(t, RESET_POWER_ON);
}

/* A process that ends lets go of its lines: NSS high, NRST released, BOOT0 low. */
static void start_again(struct soak_site *w)
{
    w->is_ended = false;
    w->end_at = 0;
    w->tear_at = 0;
    w->n_ends++;
    open_stage_again(w);
    if (link_io_select(&w->target.io, false) || link_io_set_nrst(&w->target.io, false) ||
        link_io_set_boot0(&w->target.io, false)) {
        abort();
    }
    if (w->is_target_dark) {
        restart_target(w);
    }
    target_fake_run_ms(&w->target, draw(w, 3000));
    watch_supply(w);
    start_gateway(w);
}

void soak_open(struct soak_site *w, const struct soak_spec *spec)
{
    static const struct http_ops http_ops = {.perform = perform};
    static const struct store_ops store_ops = {.load = load, .save = save};
    static const struct link_io_ops io_ops = {.transfer = transfer,
                                              .select = select_target,
                                              .set_nrst = set_nrst,
                                              .set_boot0 = set_boot0,
                                              .set_clock = set_clock,
                                              .delay_us = delay_us,
                                              .now_us = now_us};
    static struct test_loader loader;
    memset(w, 0, sizeof *w);
    w->random = spec->seed * 2654435761U | 1U;
    w->plant = spec->plant;
    w->folder = spec->folder;
    w->end = SOAK_KILLED;
    w->http.ops = &http_ops;
    w->store.ops = &store_ops;
    w->io.ops = &io_ops;
    open_stage(w);
    open_stage_again(w);
    test_key_make(&w->release_key, 1);
    test_key_make(&w->channel_key, 2);
    const struct test_loader_spec loader_spec = {.key = &w->release_key, .version = VERSION_1};
    test_loader_make(&loader_spec, &loader);
    struct test_spec factory = test_spec(&w->release_key, &w->channel_key, VERSION_1, 1);
    test_release_make(&factory, &w->release);
    target_fake_init(&w->target, w->release_key.point);
    w->target.utc_back_s = spec->clock_back_s;
    target_fake_loader(&w->target, loader.image, loader.n_image);
    target_fake_factory(&w->target, w->release.image[0], w->release.n_image[0]);
    s3_fake_init(&w->server);
    fault_http_init(&w->network, &w->server.http, &spec->plan, spec->seed * 40503U | 1U);
    w->s3_config = (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    start_gateway(w);
}

void soak_publish(struct soak_site *w)
{
    soak_publish_ahead(w, 0);
}

void soak_publish_ahead(struct soak_site *w, uint64_t ahead_s)
{
    w->n_published++;
    struct test_spec spec =
        test_spec(&w->release_key, &w->channel_key, VERSION_1 | w->n_published << 8, w->n_published + 1);
    spec.payload_bytes = SOAK_PAYLOAD_MIN_BYTES + w->n_published * 7919U % SOAK_PAYLOAD_SPAN_BYTES;
    spec.issued_s += ahead_s;
    spec.expires_s += ahead_s;
    test_release_make(&spec, &w->release);
    w->target.bad_version = w->plant == PLANT_NEVER_CONFIRMS ? w->release.version : 0;
    w->server.n_objects = 0; /* the objects of the release before */
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&w->server, w->release.blob[slot], w->release.image[slot], w->release.n_image[slot]);
    }
    s3_fake_put(&w->server, "v1/channels/demo/f407-disco/stable.fc", w->release.channel,
                w->release.n_channel);
    w->n_confirmed = w->n_refused = w->n_rolled_back = w->n_failed = w->n_quiet = 0;
    w->refused_reason = FOTA_OK;
}

void soak_tear_at(struct soak_site *w, uint32_t write)
{
    w->n_writes = 0;
    w->tear_at = write;
}

void soak_end_at(struct soak_site *w, uint32_t point, enum soak_end end)
{
    w->n_points = 0;
    w->end_at = point;
    w->end = end == SOAK_KILLED ? SOAK_KILLED : SOAK_DARK;
    w->is_target_dark = end == SOAK_ALL_DARK;
}

void soak_cut_target_at(struct soak_site *w, uint32_t op, enum flash_cut outcome)
{
    flash_fake_cut_at(&w->target.flash, op, outcome);
}

/* --- an update, and what came of it ------------------------------------------------------------------ */

static uint32_t slot_base(enum slot slot)
{
    return slot == SLOT_B ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE;
}

static const uint8_t *slot_bytes(struct soak_site *w, enum slot slot)
{
    return (const uint8_t *)flash_fake_at(&w->target.flash, slot_base(slot));
}

static bool holds_release(struct soak_site *w, enum slot slot)
{
    return memcmp(slot_bytes(w, slot), w->release.image[slot], w->release.n_image[slot]) == 0;
}

static bool is_installed(struct soak_site *w)
{
    const struct target_fake *t = &w->target;
    return t->running_version == w->release.version && !t->is_trial && t->running < SLOT_NONE &&
           holds_release(w, t->running);
}

void soak_step(struct soak_site *w, uint64_t until_ms)
{
    uint32_t wait_ms = 0;
    enum fota_err err = gateway_step(&w->gateway, &wait_ms);
    if (w->is_ended) {
        start_again(w);
        return;
    }
    if (err) {
        (void)fprintf(stderr, "soak: gateway_step in %s: %s\n", gateway_state_name(w->gateway.state),
                      fota_err_name(err));
        abort();
    }
    uint64_t now = clock_now_ms(&w->target.clock);
    uint64_t left_ms = until_ms > now ? until_ms - now : 0;
    delay_us(&w->io, (uint32_t)(wait_ms < left_ms ? wait_ms : left_ms) * 1000U);
}

bool soak_update(struct soak_site *w, uint64_t max_ms)
{
    uint64_t until_ms = clock_now_ms(&w->target.clock) + max_ms;
    bool is_told = false;
    while (!is_told && clock_now_ms(&w->target.clock) < until_ms) {
        soak_step(w, until_ms);
        /* A gateway that was ended after the confirm hears nothing of it: what counts is the target. */
        is_told = w->n_confirmed > 0 || (w->n_ends > 0 && is_installed(w)) ||
                  (w->n_refused + w->n_rolled_back > 0 && w->gateway.state == GATEWAY_WAIT);
    }
    const bool is_ok = is_installed(w) && w->n_refused == 0;
    if (is_ok && w->plant == PLANT_WRONG_BYTE) {
        *flash_fake_at(&w->target.flash, slot_base(w->target.running)) ^= 1U;
    }
    return is_ok;
}

uint32_t soak_image_bytes(const struct soak_site *w)
{
    return w->release.n_image[w->target.running == SLOT_B ? SLOT_B : SLOT_A];
}

bool soak_is_corrupt(struct soak_site *w)
{
    const struct target_fake *t = &w->target;
    return t->running < SLOT_NONE && t->running_version == w->release.version &&
           !holds_release(w, t->running);
}
