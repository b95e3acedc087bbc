/* HANDOVER, ACTIVATE: the target verifies its flash, and starts a trial when it may restart. */
#include <string.h>

#include "format/boot_record.h"
#include "gateway_delay.h"
#include "gateway_priv.h"

enum { LATER_MS = 1000, HELD_MAX_MS = 3600000, TRIAL_RUNS = 3, TRIAL_EXTRA_MS = 60000 };

/*
 * The release would end the key of the loader in sector 1, so the target refused it: remember that, so that
 * it is not sent again in vain, and install the loader that the channel names, if it helps.
 */
static enum gateway_input loader_first(struct gateway *g)
{
    const struct gateway_facts facts = gateway_facts(g);
    enum fota_err reason = FOTA_OK;
    if (!gateway_loader_is_due(&facts, &reason)) {
        return gateway_refuse(g, E_UPDATE_LOADER_KEY);
    }
    gateway_record_reject(&g->record, g->offer.images, E_UPDATE_LOADER_KEY, g->offer.channel.retry);
    gateway_save(g);
    return GATEWAY_ON_LOADER;
}

/* The target verified bytes that may not be the file: sent in parts, by several gateways or from several
 * replies. Only if the file itself is bad does its refusal say something about the release. */
static bool is_about_release(const struct gateway *g, enum fota_err err)
{
    return gateway_is_final(err) && (g->is_staged || gateway_is_stream_whole(g));
}

enum gateway_input gateway_do_handover(struct gateway *g)
{
    struct link_progress progress;
    enum fota_err err = link_client_finish(g->ports.link, g->session.session_id, &progress);
    if (err == E_UPDATE_LOADER_KEY && g->slot != SLOT_LOADER) {
        return loader_first(g);
    }
    if (is_about_release(g, err)) {
        return gateway_refuse(g, err);
    }
    if (err && !link_client_is_transport(err) && err != E_UPDATE_BUSY) {
        /* What is in its flash is not what was checked. It begins at 0, and so does the check. */
        gateway_forget_check(g);
        return gateway_fail(g, err, g->config.backoff_min_ms);
    }
    if (err) {
        return gateway_fail(g, err, g->config.retry_min_ms);
    }
    if (g->slot == SLOT_LOADER) {
        return gateway_end_loader(g);
    }
    gateway_tell_file(g, GATEWAY_EVENT_VERIFIED, FOTA_OK, 0, 0);
    return GATEWAY_ON_ACCEPTED;
}

/* Remember the trial before it starts: a gateway that resets now must follow it, not install over it. It stays noted while
 * the application is asked again and again, so that this does not wear out the store. */
static void note_trial(struct gateway *g)
{
    struct gateway_record *r = &g->record;
    const bool is_noted = r->is_in_trial;
    r->is_in_trial = true;
    r->trial_slot = (uint8_t)g->slot;
    r->trial_version = g->offer.release.version;
    r->trial_retry = g->offer.channel.retry;
    memcpy(r->trial_hash, gateway_slot_image(g)->hash, sizeof r->trial_hash);
    if (!is_noted) {
        gateway_save(g);
    }
    g->tries_seen = UINT8_MAX;
    g->trial_until_ms = clock_now_ms(g->ports.clock) +
                        (uint64_t)g->offer.release.confirm_within_s * 1000U * TRIAL_RUNS + TRIAL_EXTRA_MS;
}

/* It does not start. */
static void forget_trial(struct gateway *g)
{
    if (g->record.is_in_trial) {
        g->record.is_in_trial = false;
        gateway_save(g);
    }
}

/* Not now: look again in a while, and at the channel in between, which may have changed its mind. */
static enum gateway_input hold(struct gateway *g, enum fota_err reason, uint32_t wait_ms)
{
    uint64_t now_ms = clock_now_ms(g->ports.clock);
    if (g->held_until_ms == 0) {
        gateway_pause_quiet(g);
        g->held_until_ms = g->due_ms < now_ms + HELD_MAX_MS ? g->due_ms : now_ms + HELD_MAX_MS;
    }
    if (reason != g->held_told) {
        g->held_told = reason;
        gateway_tell_file(g, GATEWAY_EVENT_HELD, reason, wait_ms, 0);
    }
    if (now_ms >= g->held_until_ms) {
        g->held_until_ms = 0;
        g->due_ms = 0;
        forget_trial(g);
        return GATEWAY_ON_NOTHING;
    }
    gateway_pause(g, wait_ms < g->held_until_ms - now_ms ? wait_ms : (uint32_t)(g->held_until_ms - now_ms));
    return GATEWAY_ON_MORE;
}

/* The owner's hours, the release's hours, then whoever knows what the application does. */
static enum gateway_consent consent(struct gateway *g, enum fota_err *reason, uint32_t *wait_ms)
{
    const struct gateway_observer *o = &g->ports.observer;
    uint32_t wait_s = 0;
    *reason = gateway_when(&g->config.window, &g->offer.release.activate, gateway_clock_s(g), &wait_s);
    *wait_ms = wait_s ? wait_s * 1000U : LATER_MS;
    if (*reason) {
        return GATEWAY_CONSENT_LATER;
    }
    *reason = E_UPDATE_BUSY;
    return o->may_activate ? o->may_activate(o->ctx, g->offer.release.version) : GATEWAY_CONSENT_NOW;
}

static enum gateway_input start_trial(struct gateway *g)
{
    struct link_progress progress;
    note_trial(g);
    enum fota_err err = link_client_activate(g->ports.link, g->session.session_id, &progress);
    if (err == E_UPDATE_BUSY) { /* the application must not be interrupted; the session stays open */
        return hold(g, err, LATER_MS);
    }
    g->held_until_ms = 0;
    g->held_told = FOTA_OK;
    g->has_session = false;
    g->is_held = g->is_held && err; /* it resets itself */
    if (err && !link_client_is_transport(err)) {
        forget_trial(g);
        return gateway_is_final(err) ? gateway_refuse(g, err) : gateway_fail(g, err, g->config.retry_min_ms);
    }
    /* A lost reply leaves open whether the target restarts: the trial's INFO will tell. */
    gateway_tell_file(g, GATEWAY_EVENT_ACTIVATED, err, 0, 0);
    gateway_pause(g, g->config.trial_poll_ms);
    return GATEWAY_ON_DONE;
}

enum gateway_input gateway_do_activate(struct gateway *g)
{
    enum fota_err reason = FOTA_OK;
    uint32_t wait_ms = 0;
    enum gateway_consent answer = consent(g, &reason, &wait_ms);
    if (answer == GATEWAY_CONSENT_LATER) {
        return hold(g, reason, wait_ms);
    }
    if (answer == GATEWAY_CONSENT_NOW) {
        return start_trial(g);
    }
    g->held_until_ms = 0;
    g->held_told = FOTA_OK;
    forget_trial(g);
    return gateway_refuse(g, E_UPDATE_BUSY);
}
