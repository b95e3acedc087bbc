/* TRIAL, CONFIRMED, ROLLED_BACK: the target's own word decides. */
#include <string.h>

#include "gateway_priv.h"

enum { TRIAL_UNKNOWN_MAX_MS = 600000 };

/* A trial that this gateway does not remember starting: it lost
 * its record, or another gateway started it. */
static void adopt_trial(struct gateway *g)
{
    struct gateway_record *r = &g->record;
    const struct boot_info *t = &g->target.boot;
    r->is_in_trial = true;
    r->trial_slot = t->slot_state[SLOT_B] == SLOT_STATE_TRIAL ? SLOT_B : SLOT_A;
    r->trial_version = t->slot_version[r->trial_slot];
    r->trial_retry = g->has_offer ? g->offer.channel.retry : 0;
    memcpy(r->trial_hash, t->slot_hash[r->trial_slot], sizeof r->trial_hash);
    memset(r->images, 0, sizeof r->images);
    if (g->has_offer &&
        memcmp(g->offer.release.image[r->trial_slot].hash, r->trial_hash, sizeof r->trial_hash) == 0) {
        memcpy(r->images, g->offer.images, sizeof r->images);
    }
    gateway_save(g);
}

static void end_trial(struct gateway *g)
{
    g->record.is_in_trial = false;
    g->record.attempts = 0;
    g->trial_until_ms = 0;
    g->is_trial_overdue = false;
    g->is_touched = false;
    gateway_forget_check(g);
    g->slot = (enum slot)g->record.trial_slot;
}

static void tell_trial(struct gateway *g, enum gateway_event_kind kind, enum fota_err reason, uint32_t done)
{
    const struct gateway_event event = {.kind = kind,
                                        .reason = reason,
                                        .version = g->record.trial_version,
                                        .slot = (enum slot)g->record.trial_slot,
                                        .done = done};
    gateway_emit(g, &event);
}

/* The trial goes on: say so when a run was spent. */
static enum gateway_input still_trying(struct gateway *g)
{
    uint8_t tries_left = g->target.boot.tries_left;
    if (tries_left != g->tries_seen) {
        g->tries_seen = tries_left;
        tell_trial(g, GATEWAY_EVENT_TRIAL, FOTA_OK, tries_left);
    }
    return GATEWAY_ON_MORE;
}

static enum gateway_input judge(struct gateway *g)
{
    const struct gateway_record *r = &g->record;
    const struct boot_info *t = &g->target.boot;
    unsigned slot = r->trial_slot == SLOT_B ? SLOT_B : SLOT_A;
    bool is_same = memcmp(t->slot_hash[slot], r->trial_hash, sizeof r->trial_hash) == 0;
    if (is_same && t->slot_state[slot] == SLOT_STATE_CONFIRMED) {
        return GATEWAY_ON_CONFIRM;
    }
    /* Of last resort: the target goes on trying the only image it
     * has, and takes another release meanwhile. */
    if (is_same &&
        (t->slot_state[slot] == SLOT_STATE_REJECTED || t->slot_state[slot] == SLOT_STATE_LAST_RESORT)) {
        return GATEWAY_ON_ROLLBACK;
    }
    if (is_same && t->slot_state[slot] == SLOT_STATE_TRIAL) {
        return still_trying(g);
    }
    return GATEWAY_ON_NOTHING; /* still pending, or another image by now: decide anew */
}

enum gateway_input gateway_do_trial(struct gateway *g)
{
    uint64_t now_ms = clock_now_ms(g->ports.clock);
    if (g->trial_until_ms == 0) { /* this gateway was reset since ACTIVATE */
        g->trial_until_ms = now_ms + TRIAL_UNKNOWN_MAX_MS;
        g->tries_seen = UINT8_MAX;
    }
    enum fota_err err = gateway_ask_target(g); /* it may be restarting just now */
    enum gateway_input input = GATEWAY_ON_MORE;
    if (!err) {
        if (!g->record.is_in_trial) {
            adopt_trial(g);
        }
        input = judge(g);
    }
    if (input == GATEWAY_ON_MORE && now_ms > g->trial_until_ms) {
        g->trial_until_ms = 0;
        g->is_trial_overdue = true;
        return gateway_fail(g, err ? err : E_TIMEOUT, g->config.backoff_min_ms);
    }
    if (input == GATEWAY_ON_MORE) {
        gateway_pause(g, g->config.trial_poll_ms);
    }
    if (input == GATEWAY_ON_NOTHING) {
        g->record.is_in_trial = false;
        g->trial_until_ms = 0;
        gateway_save(g);
        gateway_pause(g, g->config.retry_min_ms);
    }
    return input;
}

enum gateway_input gateway_do_confirmed(struct gateway *g)
{
    gateway_stage_keep(g);
    end_trial(g);
    gateway_record_absolve(
        &g->record); /* as the target does: it proved itself, and what was before is over */
    gateway_save(g);
    g->outcome = FOTA_OK;
    tell_trial(g, GATEWAY_EVENT_CONFIRMED, FOTA_OK, 0);
    return GATEWAY_ON_DONE;
}

static bool is_known(const uint8_t images[CRYPTO_SHA256_BYTES])
{
    static const uint8_t none[CRYPTO_SHA256_BYTES] = {0};
    return memcmp(images, none, sizeof none) != 0;
}

static uint16_t end_reason(const struct gateway *g)
{
    const struct boot_info *t = &g->target.boot;
    if (t->slot_state[g->record.trial_slot == SLOT_B ? SLOT_B : SLOT_A] == SLOT_STATE_LAST_RESORT) {
        return E_SLOT_LAST_RESORT;
    }
    return t->last_reason ? t->last_reason : (uint16_t)E_SLOT_TRIALS_SPENT;
}

enum gateway_input gateway_do_rolled_back(struct gateway *g)
{
    uint16_t reason = end_reason(g);
    end_trial(g);
    if (is_known(g->record.images)) {
        gateway_record_reject(&g->record, g->record.images, reason, g->record.trial_retry);
    }
    gateway_save(g);
    g->outcome = (enum fota_err)reason;
    tell_trial(g, GATEWAY_EVENT_ROLLED_BACK, g->outcome, 0);
    return GATEWAY_ON_DONE;
}
