/* The gateway of an ESP32: the portable core on the ports of this folder, with a task, a status and log lines around it. */
#include "fota_gateway/fota_gateway.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "esp_system.h"
#include "esp_task_wdt.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "idf_clock.h"
#include "idf_config.h"
#include "idf_fetch.h"
#include "idf_http.h"
#include "idf_listen.h"
#include "idf_ota.h"
#include "idf_say.h"
#include "idf_stage.h"
#include "idf_store.h"
#include "idf_wires.h"
#include "recover/recover.h"

enum { WAIT_MAX_MS = 1000, TRIAL_POLL_MS = 30000, PRIORITY = 5, MS_PER_S = 1000, MAGIC = 0x466F7461 };

/* What struct fota_gateway holds. */
struct inside {
    uint32_t magic; /* it was opened */
    struct fota_gateway_config config;
    struct idf_config made;
    struct idf_log log;
    struct idf_fetch fetch;
    struct idf_http http;
    struct idf_wires wires;
    struct idf_store store;
    struct idf_stage stage;
    struct clock clock;
    struct s3 s3;
    struct link_client link;
    struct gateway gateway;
    struct idf_ota ota;
    bool has_polled;        /* since idf_ota heard of it */
    uint64_t trial_poll_ms; /* this chip's application is on trial: the next poll */
    atomic_bool is_poll_wanted, is_stop_wanted;
    TaskHandle_t task; /* that runs it */
    StaticSemaphore_t lock_memory;
    SemaphoreHandle_t lock; /* of status, task and listener */
    struct idf_listener *listener;
    struct fota_gateway_status status;
};
_Static_assert(sizeof(struct inside) <= sizeof(struct fota_gateway), "enlarge FOTA_GATEWAY_BYTES");
_Static_assert(sizeof(StaticTask_t) <= FOTA_GATEWAY_TASK_BYTES, "enlarge FOTA_GATEWAY_TASK_BYTES");
_Static_assert((int)FOTA_GATEWAY_CONFIRMED == (int)GATEWAY_EVENT_CONFIRMED &&
                   (int)FOTA_GATEWAY_FAILED == (int)GATEWAY_EVENT_FAILED &&
                   (int)FOTA_GATEWAY_LADDER == (int)GATEWAY_EVENT_LADDER &&
                   (int)FOTA_GATEWAY_STORE == (int)GATEWAY_EVENT_STORE &&
                   (int)FOTA_GATEWAY_DAMAGED == (int)GATEWAY_EVENT_DAMAGED &&
                   (int)FOTA_GATEWAY_HELD == (int)GATEWAY_EVENT_HELD &&
                   (int)FOTA_GATEWAY_REBUILD == (int)GATEWAY_EVENT_REBUILD,
               "events have one number");
_Static_assert((int)FOTA_GATEWAY_NOW == (int)GATEWAY_CONSENT_NOW &&
                   (int)FOTA_GATEWAY_LATER == (int)GATEWAY_CONSENT_LATER &&
                   (int)FOTA_GATEWAY_NEVER == (int)GATEWAY_CONSENT_NO,
               "consent has one number");

static struct inside *in(struct fota_gateway *gateway)
{
    return (struct inside *)(void *)gateway->opaque;
}

static void lock(struct inside *g)
{
    (void)xSemaphoreTake(g->lock, portMAX_DELAY); /* for ever: it is held for a copy only */
}

static void unlock(struct inside *g)
{
    (void)xSemaphoreGive(g->lock);
}

/* --- what the core tells --------------------------------------------------------------------------------------------- */

static void note_event(struct inside *g, const struct gateway_event *e)
{
    struct fota_gateway_status *s = &g->status;
    lock(g);
    (void)strncpy(s->state, gateway_state_name(g->gateway.state), sizeof s->state - 1);
    s->version = e->version ? e->version : s->version;
    s->n_polls += e->kind == GATEWAY_EVENT_QUIET || e->kind == GATEWAY_EVENT_CHANGED;
    s->n_confirmed += e->kind == GATEWAY_EVENT_CONFIRMED;
    switch (e->kind) {
    case GATEWAY_EVENT_FAILED:
    case GATEWAY_EVENT_REFUSED:
    case GATEWAY_EVENT_ROLLED_BACK:
        s->last_reason = (int)e->reason;
        break;
    case GATEWAY_EVENT_QUIET:
    case GATEWAY_EVENT_CONFIRMED:
        s->last_reason = 0;
        break;
    case GATEWAY_EVENT_PROGRESS:
    case GATEWAY_EVENT_FETCHED:
    case GATEWAY_EVENT_BEGUN:
        s->done = e->done;
        s->total = e->total;
        break;
    default:
        break;
    }
    unlock(g);
}

static void tell_listener(struct inside *g, const struct gateway_event *e, uint32_t wait_ms)
{
    lock(g);
    if (g->listener) {
        g->listener->hear(g->listener, &g->gateway, e, wait_ms);
    }
    unlock(g);
}

static void on_event(void *ctx, const struct gateway_event *e)
{
    struct inside *g = ctx;
    const struct fota_gateway_event event = {.kind = (int)e->kind,
                                             .reason = (int)e->reason,
                                             .version = e->version,
                                             .slot = (uint8_t)e->slot,
                                             .http_status = e->status,
                                             .done = e->done,
                                             .total = e->total};
    if (e->kind == GATEWAY_EVENT_STORE && e->reason == E_UNSUPPORTED) {
        return; /* a partition for one image keeps none: that was said at the start */
    }
    note_event(g, e);
    tell_listener(g, e, 0);
    if (e->kind == GATEWAY_EVENT_QUIET || e->kind == GATEWAY_EVENT_STATEMENT) {
        g->has_polled = true;
    }
    idf_say_event(&g->log, e);
    if (g->config.on_event) {
        g->config.on_event(g->config.ctx, &event);
    }
}

static enum gateway_consent may_activate(void *ctx, uint32_t version)
{
    const struct inside *g = ctx;
    return (enum gateway_consent)g->config.may_activate(g->config.ctx, version);
}

static void on_recover(void *ctx, const struct recover_event *e)
{
    const struct inside *g = ctx;
    if (e->kind == RECOVER_EVENT_STEP) {
        idf_log(&g->log, 'I', "rebuilds the board: %s", recover_step_name(e->step));
    }
}

static enum fota_err rebuild(void *ctx)
{
    struct inside *g = ctx;
    const struct fota_gateway_kit *kit = g->config.kit;
    const struct recover_parts parts = {.bootloader = kit->root,
                                        .n_bootloader = (uint32_t)kit->n_root,
                                        .loader = kit->loader,
                                        .n_loader = (uint32_t)kit->n_loader,
                                        .image = kit->image,
                                        .n_image = (uint32_t)kit->n_image};
    const struct recover_config config = {.on_event = on_recover, .ctx = g};
    struct recover_plan plan;
    struct recover_result result;
    enum fota_err err = recover_plan_make(&parts, &plan, NULL);
    if (!err) {
        err = recover_run(&g->link, &plan, &config, &result);
    }
    if (err) {
        idf_log(&g->log, 'E', "the board cannot be rebuilt: %s", fota_err_text(err));
    }
    return err;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static enum fota_err open_memory(struct inside *g)
{
    const struct fota_gateway_config *c = &g->config;
    const enum fota_err err = idf_store_open(&g->store, c->nvs_namespace, &g->log);
    return err || !c->stage_label ? err
                                  : idf_stage_open(&g->stage, c->stage_label, c->stage_image_bytes, &g->log);
}

static enum fota_err open_network(struct inside *g)
{
    const struct fota_gateway_config *c = &g->config;
    idf_http_open(&g->http, c->ca_pem, c->is_watched, &g->fetch, &g->log);
    const enum fota_err err = s3_init(&g->s3, &g->http.http, &g->made.s3);
    if (err) {
        idf_log(&g->log, 'E',
                "endpoint \"%s\" is none: give https://host or http://host:port, without a path",
                c->endpoint);
    }
    return err;
}

static enum fota_err open_core(struct inside *g)
{
    const struct fota_gateway_config *c = &g->config;
    const struct link_client_config link = {.clock_hz = c->clock_hz, .safe_gap_us = c->byte_gap_us};
    const struct gateway_ports ports = {
        .s3 = &g->s3,
        .link = &g->link,
        .store = &g->store.store,
        .clock = &g->clock,
        .observer = {.on_event = on_event, .may_activate = c->may_activate ? may_activate : NULL, .ctx = g},
        .stage = c->stage_label ? &g->stage.stage : NULL,
        .rebuild = c->kit ? rebuild : NULL,
        .rebuild_ctx = g};
    enum fota_err err = idf_wires_open(&g->wires, c, &g->log);
    if (!err) {
        link_client_init(&g->link, &g->wires.io, &link);
        err = gateway_init(&g->gateway, &g->made.gateway, &ports);
    }
    return err;
}

int fota_gateway_open(struct fota_gateway *gateway, const struct fota_gateway_config *config)
{
    struct inside *g = in(gateway);
    memset(gateway, 0, sizeof *gateway);
    g->config = *config;
    g->log = (struct idf_log){.on_line = config->on_log, .ctx = config->ctx};
    g->lock = xSemaphoreCreateMutexStatic(&g->lock_memory);
    idf_clock_init(&g->clock);
    enum fota_err err = idf_config_check(&g->config, &g->made, &g->log);
    if (!err) {
        err = open_memory(g);
    }
    if (!err) {
        err = open_network(g);
    }
    if (!err) {
        err = idf_ota_open(&g->ota, &g->config, &g->made.gateway, &g->s3, &g->clock, &g->log);
    }
    if (!err) {
        err = open_core(g); /* pins move from here on */
    }
    if (!err) {
        err = idf_fetch_open(&g->fetch, config->fetcher);
    }
    g->magic = err ? 0 : (uint32_t)MAGIC;
    if (!err) {
        idf_log(&g->log, 'I', "gateway of %s: %s for %s, channel %s, %s", g->made.gateway.identity.device,
                config->product, config->hw, config->channel,
                config->stage_label ? "images are staged" : "no staging partition: each image is read twice");
    }
    return (int)err;
}

/* --- running ------------------------------------------------------------------------------------------------------------ */

/* The last thing before this chip restarts on purpose. */
static void let_go(struct inside *g)
{
    gateway_stop(&g->gateway);
    idf_http_close(&g->http);
}

/* This chip's own update only while the gateway waits, so that it never meets the target's. */
static enum fota_err step(struct inside *g, uint32_t *wait_ms)
{
    if (!g->ota.is_settled || (g->gateway.state == GATEWAY_WAIT && idf_ota_is_due(&g->ota))) {
        *wait_ms = 0;
        /* The core's buffer is free while it waits. */
        if (idf_ota_step(&g->ota, g->gateway.scratch)) {
            let_go(g);
            esp_restart();
        }
        return FOTA_OK;
    }
    const bool is_trial = g->ota.is_pending && g->gateway.state == GATEWAY_WAIT;
    if (is_trial && clock_now_ms(&g->clock) >= g->trial_poll_ms) {
        /* The trial has an end, so it does not wait for the jitter of a start, nor for a long back-off. */
        g->trial_poll_ms = clock_now_ms(&g->clock) + TRIAL_POLL_MS;
        gateway_poll_now(&g->gateway);
    }
    const enum fota_err err = gateway_step(&g->gateway, wait_ms);
    if (g->has_polled) {
        g->has_polled = false;
        idf_ota_polled(&g->ota);
    }
    const bool is_waiting = g->gateway.state == GATEWAY_WAIT;
    const uint32_t most_ms = is_waiting && g->ota.is_pending ? (uint32_t)WAIT_MAX_MS : UINT32_MAX;
    const uint32_t own_ms = is_waiting ? idf_ota_wait_ms(&g->ota) : UINT32_MAX;
    *wait_ms = own_ms < *wait_ms ? own_ms : *wait_ms;
    *wait_ms = most_ms < *wait_ms ? most_ms : *wait_ms;
    return err;
}

int fota_gateway_step(struct fota_gateway *gateway, uint32_t *wait_ms)
{
    struct inside *g = in(gateway);
    *wait_ms = WAIT_MAX_MS;
    if (g->magic != (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    if (atomic_exchange(&g->is_poll_wanted, false)) {
        gateway_poll_now(&g->gateway);
    }
    if (idf_ota_is_overdue(&g->ota)) {
        let_go(g);
        idf_ota_go_back(&g->ota); /* returns if there is no way back */
    }
    const enum fota_err err = step(g, wait_ms);
    tell_listener(g, NULL, *wait_ms);
    return (int)err;
}

/* In pieces, so that a tick counter never overflows and the watchdog hears of it. */
static void wait(struct inside *g, uint32_t ms)
{
    while (ms > 0 && !atomic_load(&g->is_poll_wanted) && !atomic_load(&g->is_stop_wanted)) {
        const uint32_t part = ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
        (void)ulTaskNotifyTake(pdTRUE, (TickType_t)((part * configTICK_RATE_HZ + MS_PER_S - 1U) / MS_PER_S));
        if (g->config.is_watched) {
            const esp_err_t err = esp_task_wdt_reset();
            (void)err; /* the task is not watched after all */
        }
        ms -= part;
        tell_listener(g, NULL, ms);
    }
}

enum fota_err idf_listen(struct fota_gateway *gateway, struct idf_listener *listener)
{
    struct inside *g = in(gateway);
    if (g->magic != (uint32_t)MAGIC) {
        return E_STATE;
    }
    lock(g);
    const bool is_free = !g->listener;
    g->listener = is_free ? listener : g->listener;
    if (is_free && !g->task) {
        listener->hear(listener, &g->gateway, NULL, 0);
    }
    unlock(g);
    return is_free ? FOTA_OK : E_STATE;
}

void idf_listen_no_more(struct fota_gateway *gateway)
{
    struct inside *g = in(gateway);
    lock(g);
    g->listener = NULL;
    unlock(g);
}

const struct idf_log *idf_listen_log(struct fota_gateway *gateway)
{
    const struct inside *g = in(gateway);
    return g->magic == (uint32_t)MAGIC ? &g->log : NULL;
}

static void set_task(struct inside *g, TaskHandle_t task)
{
    lock(g);
    g->task = task;
    unlock(g);
}

static void begin_watch(struct inside *g)
{
    if (g->config.is_watched && esp_task_wdt_add(NULL) != ESP_OK) {
        idf_log(&g->log, 'W',
                "the task watchdog does not watch this task: it is off (CONFIG_ESP_TASK_WDT_INIT), or does "
                "so already");
    }
}

int fota_gateway_run(struct fota_gateway *gateway)
{
    struct inside *g = in(gateway);
    if (g->magic != (uint32_t)MAGIC) {
        return (int)E_STATE;
    }
    int err = 0;
    set_task(g, xTaskGetCurrentTaskHandle());
    begin_watch(g);
    while (!err && !atomic_load(&g->is_stop_wanted)) {
        uint32_t wait_ms = 0;
        err = fota_gateway_step(gateway, &wait_ms);
        const uint32_t n_free = (uint32_t)uxTaskGetStackHighWaterMark(NULL);
        lock(g);
        g->status.stack_free_bytes = n_free;
        unlock(g);
        if (!err) {
            wait(g, wait_ms);
        }
    }
    idf_ota_close(&g->ota);
    let_go(g);
    idf_fetch_close(&g->fetch);
    if (g->config.is_watched && esp_task_wdt_delete(NULL) != ESP_OK) {
        idf_log(&g->log, 'W', "the task watchdog does not let this task go");
    }
    set_task(g, NULL);
    idf_log(&g->log, err ? 'E' : 'I', "gateway ends: %s",
            err ? fota_err_text((enum fota_err)err) : "it was asked to");
    return err;
}

static void task_main(void *gateway)
{
    const int err = fota_gateway_run(gateway);
    (void)err;         /* it was logged */
    vTaskDelete(NULL); /* a task must not return */
}

int fota_gateway_start(struct fota_gateway *gateway, struct fota_gateway_task *task)
{
    const TaskHandle_t handle =
        xTaskCreateStatic(task_main, "fota", FOTA_GATEWAY_STACK_BYTES, gateway, PRIORITY,
                          (StackType_t *)(void *)task->stack, (StaticTask_t *)(void *)task->control);
    return handle ? 0 : (int)E_INTERNAL;
}

static void wake(struct inside *g)
{
    lock(g);
    if (g->task) {
        (void)xTaskNotifyGive(g->task); /* never fails */
    }
    unlock(g);
}

void fota_gateway_poll_now(struct fota_gateway *gateway)
{
    atomic_store(&in(gateway)->is_poll_wanted, true);
    wake(in(gateway));
}

void fota_gateway_stop(struct fota_gateway *gateway)
{
    atomic_store(&in(gateway)->is_stop_wanted, true);
    wake(in(gateway));
}

void fota_gateway_get_status(struct fota_gateway *gateway, struct fota_gateway_status *out)
{
    struct inside *g = in(gateway);
    lock(g);
    *out = g->status;
    unlock(g);
}

const char *fota_gateway_reason_text(int reason)
{
    return fota_err_text((enum fota_err)reason);
}
