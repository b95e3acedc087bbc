#include "gateway/gateway.h"

#include <string.h>

#include "base/bytes.h"
#include "gateway_delay.h"
#include "gateway_priv.h"

enum {
    BACKOFF_MIN_MS = 30000,
    BACKOFF_MAX_MS = 21600000,
    DENIED_MIN_MS = 3600000,
    RETRY_MIN_MS = 1000,
    RANGE_BYTES = 65536,
    TRIAL_POLL_MS = 500
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static bool is_name(const char *name, size_t max_bytes)
{
    return name && name[0] != '\0' && strlen(name) <= max_bytes;
}

/* Power returns to a whole street at once: no two devices may draw the same numbers. */
static uint32_t seed_of(const struct gateway_identity *id)
{
    struct crypto_sha256 hash;
    uint8_t digest[CRYPTO_SHA256_BYTES];
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, id->product, strlen(id->product) + 1U);
    crypto_sha256_update(&hash, id->device, strlen(id->device));
    crypto_sha256_final(&hash, digest);
    return bytes_load_be32(digest);
}

enum fota_err gateway_init(struct gateway *g, const struct gateway_config *config,
                           const struct gateway_ports *ports)
{
    const struct gateway_identity *id = &config->identity;
    if (!is_name(id->product, STATEMENT_NAME_MAX_BYTES) || !is_name(id->hw, RELEASE_HW_MAX_BYTES) ||
        !is_name(id->channel, STATEMENT_NAME_MAX_BYTES) || !is_name(id->device, STATEMENT_NAME_MAX_BYTES) ||
        config->range_bytes % LINK_BLOCK_MAX_BYTES != 0 || !config->keys.channel[0] ||
        !config->keys.release[0] || config->window.from_h > 23 || config->window.to_h > 23 ||
        !board_layout_find(id->hw)) {
        return E_ARG;
    }
    memset(g, 0, sizeof *g);
    g->board = board_layout_find(id->hw);
    g->config = *config;
    g->ports = *ports;
    g->state = GATEWAY_BOOT;
    g->config.backoff_min_ms = or_default(config->backoff_min_ms, BACKOFF_MIN_MS);
    g->config.backoff_max_ms = or_default(config->backoff_max_ms, BACKOFF_MAX_MS);
    g->config.denied_min_ms = or_default(config->denied_min_ms, DENIED_MIN_MS);
    g->config.retry_min_ms = or_default(config->retry_min_ms, RETRY_MIN_MS);
    g->config.range_bytes = or_default(config->range_bytes, RANGE_BYTES);
    g->config.trial_poll_ms = or_default(config->trial_poll_ms, TRIAL_POLL_MS);
    gateway_random_init(&g->random, config->seed ^ seed_of(id));
    gateway_record_init(&g->record);
    return FOTA_OK;
}

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
        if (next == GATEWAY_WAIT) {
            gateway_watch(g);
        }
        const struct gateway_event event = {.kind = GATEWAY_EVENT_STATE, .slot = g->slot};
        gateway_emit(g, &event);
    }
    return FOTA_OK;
}
