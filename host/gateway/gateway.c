#include "gateway/gateway.h"

#include <string.h>

#include "gateway_delay.h"
#include "gateway_priv.h"

enum {
    BACKOFF_MIN_MS = 30000,
    BACKOFF_MAX_MS = 21600000,
    DENIED_MIN_MS = 3600000,
    RETRY_MIN_MS = 1000,
    RANGE_BYTES = 65536,
    TRIAL_POLL_MS = 500,
    ERRORS_IN_ROW_MAX = 20,
    POLL_DEFAULT_S = 3600,
    POLL_MIN_S = 30,
    POLL_MAX_S = 604800
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static bool is_name(const char *name, size_t max_bytes)
{
    return name && name[0] != '\0' && strlen(name) <= max_bytes;
}

enum fota_err gateway_init(struct gateway *g, const struct gateway_config *config,
                           const struct gateway_ports *ports)
{
    const struct gateway_identity *id = &config->identity;
    if (!is_name(id->product, STATEMENT_NAME_MAX_BYTES) || !is_name(id->hw, RELEASE_HW_MAX_BYTES) ||
        !is_name(id->channel, STATEMENT_NAME_MAX_BYTES) || !is_name(id->device, STATEMENT_NAME_MAX_BYTES) ||
        config->range_bytes % LINK_BLOCK_MAX_BYTES != 0 || !config->keys.channel[0] ||
        !config->keys.release[0]) {
        return E_ARG;
    }
    memset(g, 0, sizeof *g);
    g->config = *config;
    g->ports = *ports;
    g->state = GATEWAY_BOOT;
    g->config.backoff_min_ms = or_default(config->backoff_min_ms, BACKOFF_MIN_MS);
    g->config.backoff_max_ms = or_default(config->backoff_max_ms, BACKOFF_MAX_MS);
    g->config.denied_min_ms = or_default(config->denied_min_ms, DENIED_MIN_MS);
    g->config.retry_min_ms = or_default(config->retry_min_ms, RETRY_MIN_MS);
    g->config.range_bytes = or_default(config->range_bytes, RANGE_BYTES);
    g->config.trial_poll_ms = or_default(config->trial_poll_ms, TRIAL_POLL_MS);
    gateway_random_init(&g->random, config->seed);
    gateway_record_init(&g->record);
    return FOTA_OK;
}

/* --- what the actions share -------------------------------------------------------------------------- */

void gateway_emit(struct gateway *g, struct gateway_event event)
{
    event.state = g->state;
    if (g->ports.observer.on_event) {
        g->ports.observer.on_event(g->ports.observer.ctx, &event);
    }
}

void gateway_pause(struct gateway *g, uint32_t ms)
{
    g->due_ms = clock_now_ms(g->ports.clock) + ms;
}

static uint32_t interval_ms(const struct gateway *g)
{
    if (g->config.poll_ms) {
        return g->config.poll_ms;
    }
    uint32_t poll_s = g->has_offer ? g->offer.channel.poll_s : POLL_DEFAULT_S;
    poll_s = poll_s < POLL_MIN_S ? POLL_MIN_S : poll_s;
    return (poll_s > POLL_MAX_S ? POLL_MAX_S : poll_s) * 1000U;
}

void gateway_pause_quiet(struct gateway *g)
{
    g->backoff_ms = 0;
    g->errors_in_row = 0;
    gateway_pause(g, gateway_delay_quiet(&g->random, interval_ms(g)));
}

enum gateway_input gateway_fail(struct gateway *g, enum fota_err reason, uint32_t min_ms)
{
    g->backoff_ms = gateway_delay_backoff(&g->random, min_ms, g->config.backoff_max_ms, g->backoff_ms);
    g->errors_in_row = 0;
    g->has_session = false;
    gateway_pause(g, g->backoff_ms);
    if (g->slot == SLOT_LOADER) { /* a loader that does not get in never slows down the polls for releases */
        gateway_pause_quiet(g);
    }
    gateway_emit(g,
                 (struct gateway_event){
                     .kind = GATEWAY_EVENT_FAILED, .reason = reason, .done = g->backoff_ms, .slot = g->slot});
    return GATEWAY_ON_FAILED;
}

enum gateway_input gateway_try_again(struct gateway *g, enum fota_err reason)
{
    if (++g->errors_in_row > ERRORS_IN_ROW_MAX) {
        gateway_count_attempt(g); /* a few of these, and DECIDE gives it up */
        gateway_save(g);
        return gateway_fail(g, reason, g->config.backoff_min_ms);
    }
    uint32_t wait_ms = gateway_delay_backoff(&g->random, g->config.retry_min_ms, g->config.backoff_min_ms,
                                             g->config.retry_min_ms * g->errors_in_row);
    gateway_pause(g, wait_ms);
    gateway_emit(g, (struct gateway_event){
                        .kind = GATEWAY_EVENT_FAILED, .reason = reason, .done = wait_ms, .slot = g->slot});
    return GATEWAY_ON_MORE;
}

enum gateway_input gateway_refuse(struct gateway *g, enum fota_err reason)
{
    g->outcome = reason;
    g->is_checked = false;
    g->is_check_begun = false;
    g->has_session = false;
    if (g->slot == SLOT_LOADER) {
        return gateway_refuse_loader(g, reason);
    }
    gateway_record_reject(&g->record, g->offer.images, (uint16_t)reason, g->offer.channel.retry);
    gateway_save(g);
    gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_REFUSED,
                                           .reason = reason,
                                           .version = gateway_version(g),
                                           .slot = g->slot});
    return GATEWAY_ON_REFUSED;
}

bool gateway_is_final(enum fota_err reason)
{
    unsigned module = (unsigned)reason >> 8;
    return module == (unsigned)E_IMAGE_MAGIC >> 8 || module == (unsigned)E_STATEMENT_SYNTAX >> 8 ||
           reason == E_SLOT_REJECTED || reason == E_UPDATE_DIGEST || reason == E_LOADER_PROTECTED ||
           reason == E_LOADER_MEMORY;
}

void gateway_save(struct gateway *g)
{
    enum fota_err err = gateway_record_save(g->ports.store, g->scratch, &g->record);
    g->is_dirty = err != FOTA_OK;
    if (err) {
        gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_STORE, .reason = err});
    }
}

uint64_t gateway_now_s(struct gateway *g)
{
    uint64_t now_s = clock_utc_s(g->ports.clock);
    now_s = now_s < g->record.trusted_time_s ? g->record.trusted_time_s : now_s;
    return now_s < g->config.build_time_s ? g->config.build_time_s : now_s;
}

enum fota_err gateway_load_offer(struct gateway *g)
{
    if (g->has_offer) {
        return FOTA_OK;
    }
    if (g->record.n_channel_bytes == 0) {
        return E_NOT_FOUND;
    }
    enum fota_err err = gateway_offer_read(g->record.channel, g->record.n_channel_bytes, &g->config.keys,
                                           &g->config.identity, &g->offer);
    g->has_offer = err == FOTA_OK;
    return err;
}

enum fota_err gateway_ask_target(struct gateway *g)
{
    struct link_peer peer;
    enum fota_err err = link_client_detect(g->ports.link, &peer);
    if (err) {
        return err;
    }
    if (peer.kind == LINK_PEER_PLAIN) {
        return E_LINK_NO_VENDOR;
    }
    g->target = peer.info;
    return FOTA_OK;
}

struct gateway_facts gateway_facts(struct gateway *g)
{
    return (struct gateway_facts){.offer = &g->offer,
                                  .record = &g->record,
                                  .identity = &g->config.identity,
                                  .target = &g->target.boot,
                                  .is_agent = g->target.loader == LINK_LOADER_AGENT,
                                  .now_s = gateway_now_s(g)};
}

void gateway_count_attempt(struct gateway *g)
{
    uint32_t *attempts = g->slot == SLOT_LOADER ? &g->record.loader.attempts : &g->record.attempts;
    ++*attempts;
}

void gateway_turn_to(struct gateway *g, enum slot slot)
{
    g->slot = slot;
    g->has_session = false;
    g->errors_in_row = 0;
    const uint8_t *sha256 = gateway_slot_image(g)->sha256;
    if (slot != g->checked_slot || memcmp(g->checked_sha256, sha256, sizeof g->checked_sha256) != 0) {
        memcpy(g->checked_sha256, sha256, sizeof g->checked_sha256);
        g->checked_slot = slot;
        g->is_checked = false;
        g->is_check_begun = false;
        g->downloaded_bytes = 0;
    }
}

uint32_t gateway_version(const struct gateway *g)
{
    return g->slot == SLOT_LOADER ? g->loader_version : g->offer.release.version;
}

const struct release_image *gateway_slot_image(const struct gateway *g)
{
    if (g->slot == SLOT_LOADER) {
        return &g->loader_image;
    }
    return &g->offer.release.image[g->slot == SLOT_B ? SLOT_B : SLOT_A];
}

void gateway_blob_key(const struct gateway *g, char key[RELEASE_BLOB_MAX_BYTES + 1])
{
    const struct statement_span *blob = &gateway_slot_image(g)->blob;
    size_t n = blob->n_bytes < RELEASE_BLOB_MAX_BYTES ? blob->n_bytes : RELEASE_BLOB_MAX_BYTES;
    memcpy(key, blob->at, n);
    key[n] = '\0';
}

/* --- the driver -------------------------------------------------------------------------------------- */

enum gateway_input gateway_do_wait(struct gateway *g)
{
    (void)g; /* gateway_step let the time pass */
    return GATEWAY_ON_TIMER;
}

enum gateway_input gateway_do_report(struct gateway *g)
{
    if (g->is_object_bad) {
        /* It keeps no ETag and will be read in full each time, so not too often. */
        g->backoff_ms = gateway_delay_backoff(&g->random, g->config.backoff_min_ms, g->config.backoff_max_ms,
                                              g->backoff_ms);
        gateway_pause(g, g->backoff_ms);
    } else {
        gateway_pause_quiet(g);
    }
    g->is_object_bad = false;
    g->outcome = FOTA_OK;
    return GATEWAY_ON_DONE;
}

enum fota_err gateway_step(struct gateway *g, uint32_t *wait_ms)
{
    static enum gateway_input (*const actions[GATEWAY_STATES])(struct gateway * g) = {
        [GATEWAY_BOOT] = gateway_do_boot,
        [GATEWAY_WAIT] = gateway_do_wait,
        [GATEWAY_POLL] = gateway_do_poll,
        [GATEWAY_VERIFY] = gateway_do_verify,
        [GATEWAY_DECIDE] = gateway_do_decide,
        [GATEWAY_LOADER] = gateway_do_loader,
        [GATEWAY_CHECK] = gateway_do_check,
        [GATEWAY_FETCH] = gateway_do_fetch,
        [GATEWAY_HANDOVER] = gateway_do_handover,
        [GATEWAY_ACTIVATE] = gateway_do_activate,
        [GATEWAY_TRIAL] = gateway_do_trial,
        [GATEWAY_CONFIRMED] = gateway_do_confirmed,
        [GATEWAY_ROLLED_BACK] = gateway_do_rolled_back,
        [GATEWAY_REPORT] = gateway_do_report};
    uint64_t now_ms = clock_now_ms(g->ports.clock);
    *wait_ms = 0;
    if (now_ms < g->due_ms) {
        *wait_ms = (uint32_t)(g->due_ms - now_ms);
        return FOTA_OK;
    }
    enum gateway_state next = g->state;
    enum fota_err err = gateway_fsm_next(g->state, actions[g->state](g), &next);
    if (err) {
        return err;
    }
    if (next != g->state) {
        g->state = next;
        if (next == GATEWAY_WAIT || next == GATEWAY_TRIAL) {
            gateway_release(g);
        }
        gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_STATE, .slot = g->slot});
    }
    return FOTA_OK;
}
