/* What the actions of the states share: telling, pausing, failing, remembering. Calls no action. */
#include <string.h>

#include "gateway_delay.h"
#include "gateway_priv.h"

enum { ERRORS_IN_ROW_MAX = 20, POLL_DEFAULT_S = 3600, POLL_MIN_S = 30, POLL_MAX_S = 604800 };

void gateway_forget_check(struct gateway *g)
{
    g->is_checked = false;
    g->is_check_begun = false;
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

/* Say that it failed, and how long the pause is that was just set. */
static void tell_failure(struct gateway *g, enum fota_err reason, unsigned status)
{
    uint64_t now_ms = clock_now_ms(g->ports.clock);
    const struct gateway_event event = {.kind = GATEWAY_EVENT_FAILED,
                                        .reason = reason,
                                        .done = g->due_ms > now_ms ? (uint32_t)(g->due_ms - now_ms) : 0,
                                        .slot = g->slot,
                                        .status = (uint16_t)status,
                                        .is_erased = g->is_touched};
    gateway_emit(g, &event);
}

/* Retry-After of the last reply, in ms, within what is reasonable. */
static uint32_t asked_ms(const struct gateway *g)
{
    uint64_t ms = (uint64_t)g->reply.retry_after_s * 1000U;
    return ms < g->config.backoff_max_ms ? (uint32_t)ms : g->config.backoff_max_ms;
}

static enum gateway_input fail(struct gateway *g, enum fota_err reason, uint32_t min_ms, uint32_t least_ms,
                               unsigned status)
{
    g->backoff_ms = gateway_delay_backoff(&g->random, min_ms, g->config.backoff_max_ms, g->backoff_ms);
    g->errors_in_row = 0;
    g->has_session = false;
    if (g->slot == SLOT_LOADER) { /* a loader that does not get in never slows down the polls for releases */
        gateway_pause_quiet(g);
    } else {
        gateway_pause(g, g->backoff_ms);
    }
    if (least_ms > 0 && g->due_ms < clock_now_ms(g->ports.clock) + least_ms) { /* but the server may */
        gateway_pause(g, least_ms);
    }
    tell_failure(g, reason, status);
    return GATEWAY_ON_FAILED;
}

enum gateway_input gateway_fail(struct gateway *g, enum fota_err reason, uint32_t min_ms)
{
    return fail(g, reason, min_ms, 0, 0);
}

enum gateway_input gateway_fail_request(struct gateway *g, enum fota_err reason, uint32_t min_ms)
{
    return fail(g, reason, min_ms, asked_ms(g), g->reply.status);
}

/* A short pause that grows with the errors in a row. */
static uint32_t short_pause_ms(struct gateway *g)
{
    return gateway_delay_backoff(&g->random, g->config.retry_min_ms, g->config.backoff_min_ms,
                                 g->config.retry_min_ms * g->errors_in_row);
}

enum gateway_input gateway_try_again(struct gateway *g, enum fota_err reason)
{
    if (++g->errors_in_row > ERRORS_IN_ROW_MAX) {
        gateway_count_attempt(g); /* a few of these, and DECIDE gives it up */
        gateway_save(g);
        return gateway_fail(g, reason, g->config.backoff_min_ms);
    }
    gateway_pause(g, short_pause_ms(g));
    tell_failure(g, reason, 0);
    return GATEWAY_ON_MORE;
}

enum gateway_input gateway_request_again(struct gateway *g, enum fota_err reason)
{
    if (++g->errors_in_row > ERRORS_IN_ROW_MAX) {
        return gateway_fail_request(g, reason, g->config.backoff_min_ms);
    }
    uint32_t wait_ms = short_pause_ms(g);
    gateway_pause(g, wait_ms < asked_ms(g) ? asked_ms(g) : wait_ms);
    tell_failure(g, reason, g->reply.status);
    return GATEWAY_ON_MORE;
}

void gateway_tell_damage(struct gateway *g, enum fota_err reason, uint32_t got_bytes, uint32_t total_bytes)
{
    g->damage.reason = reason;
    g->damage.got_bytes = got_bytes;
    const struct gateway_event event = {.kind = GATEWAY_EVENT_DAMAGED,
                                        .reason = reason,
                                        .version = total_bytes ? gateway_version(g) : 0,
                                        .slot = g->slot,
                                        .done = got_bytes,
                                        .total = total_bytes,
                                        .status = (uint16_t)g->reply.status};
    gateway_emit(g, &event);
}

enum gateway_input gateway_damaged(struct gateway *g, enum fota_err reason, uint32_t got_bytes,
                                   uint32_t total_bytes)
{
    gateway_tell_damage(g, reason, got_bytes, total_bytes);
    /* Bytes that arrive end a back-off, and damage consists of such bytes: so it has a pause of its own. */
    g->backoff_ms = g->damage_ms;
    enum gateway_input input = gateway_fail_request(g, reason, g->config.backoff_min_ms);
    g->damage_ms = g->backoff_ms;
    return input;
}

void gateway_leave_loader(struct gateway *g, enum fota_err reason, uint32_t version)
{
    if (reason == g->loader_told) {
        return;
    }
    g->loader_told = reason;
    const struct gateway_event event = {
        .kind = GATEWAY_EVENT_LOADER_LEFT, .reason = reason, .version = version, .slot = SLOT_LOADER};
    gateway_emit(g, &event);
}

struct gateway_loader_memory *gateway_remembered_loader(struct gateway *g)
{
    struct gateway_loader_memory *m = &g->record.loader;
    const struct channel *c = &g->offer.channel;
    const uint8_t *running =
        g->target.boot.slot_hash[g->target.boot.running_slot == SLOT_B ? SLOT_B : SLOT_A];
    if (memcmp(m->sha256, c->loader_sha256, sizeof m->sha256) != 0 || c->retry > m->retry ||
        memcmp(m->running, running, sizeof m->running) != 0) {
        memset(m, 0, sizeof *m);
        memcpy(m->sha256, c->loader_sha256, sizeof m->sha256);
        memcpy(m->running, running, sizeof m->running);
        m->retry = c->retry;
        g->is_dirty = true;
    }
    return m;
}

enum gateway_input gateway_refuse_loader(struct gateway *g, enum fota_err reason)
{
    gateway_remembered_loader(g)->reason = (uint16_t)reason;
    gateway_save(g);
    gateway_leave_loader(g, reason, g->loader_version);
    return GATEWAY_ON_REFUSED;
}

enum gateway_input gateway_refuse(struct gateway *g, enum fota_err reason)
{
    g->outcome = reason;
    gateway_forget_check(g);
    g->has_session = false;
    if (g->slot == SLOT_LOADER) {
        return gateway_refuse_loader(g, reason);
    }
    gateway_record_reject(&g->record, g->offer.images, (uint16_t)reason, g->offer.channel.retry);
    gateway_save(g);
    const struct gateway_event event = {.kind = GATEWAY_EVENT_REFUSED,
                                        .reason = reason,
                                        .version = gateway_version(g),
                                        .slot = g->slot,
                                        .is_erased = g->is_touched};
    gateway_emit(g, &event);
    return GATEWAY_ON_REFUSED;
}

bool gateway_is_final(enum fota_err reason)
{
    static const uint16_t final[] = {E_IMAGE_KEY,     E_IMAGE_HARDWARE,   E_IMAGE_COUNTER,
                                     E_IMAGE_SLOT,    E_IMAGE_REVOKED,    E_IMAGE_REVOKES,
                                     E_SLOT_REJECTED, E_LOADER_PROTECTED, E_LOADER_MEMORY};
    for (unsigned i = 0; i < sizeof final / sizeof final[0]; i++) {
        if (reason == (enum fota_err) final[i]) {
            return true;
        }
    }
    return (unsigned)reason >> 8 == (unsigned)E_STATEMENT_SYNTAX >> 8;
}

void gateway_save(struct gateway *g)
{
    enum fota_err err = gateway_record_save(g->ports.store, g->scratch, &g->record);
    g->is_dirty = err != FOTA_OK;
    if (err) {
        gateway_tell(g, GATEWAY_EVENT_STORE, err, 0);
    }
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
        gateway_forget_check(g);
        g->is_stage_bad = false;
        g->ignores_ranges = false;
        g->blob_etag[0] = '\0';
        g->damage_ms = 0;
        g->is_touched = false;
    }
    if (slot != SLOT_LOADER && g->target.boot.slot_state[slot] == SLOT_STATE_RECEIVING) {
        g->is_touched = true; /* an earlier install, of whatever, got so far */
    }
}

const struct board_area *gateway_place(const struct gateway *g)
{
    return board_place(g->board, g->slot);
}

uint32_t gateway_version(const struct gateway *g)
{
    return g->slot == SLOT_LOADER ? g->loader_version : g->offer.release.version;
}

void gateway_tell_file(struct gateway *g, enum gateway_event_kind kind, enum fota_err reason, uint32_t done,
                       uint32_t total)
{
    const struct gateway_event event = {.kind = kind,
                                        .reason = reason,
                                        .version = gateway_version(g),
                                        .slot = g->slot,
                                        .done = done,
                                        .total = total};
    gateway_emit(g, &event);
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
