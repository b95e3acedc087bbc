/* BOOT, POLL, VERIFY, DECIDE: from the object in S3 to a decision that is saved together with its ETag. */
#include <string.h>

#include "gateway_delay.h"
#include "gateway_priv.h"

enum { FULL_GET_EVERY = 24 /* heals a cache that answers 304 for ever */ };

static bool is_in_trial(const struct boot_info *target)
{
    return target->slot_state[SLOT_A] == SLOT_STATE_TRIAL || target->slot_state[SLOT_B] == SLOT_STATE_TRIAL;
}

enum gateway_input gateway_do_boot(struct gateway *g)
{
    enum fota_err err = gateway_record_load(g->ports.store, g->scratch, &g->record);
    if (err && err != E_NOT_FOUND) {
        gateway_tell(g, GATEWAY_EVENT_STORE, err, 0);
    }
    g->stated_at_ms = clock_now_ms(g->ports.clock);
    err = gateway_load_offer(g);
    if (err) {
        g->record.etag[0] = '\0'; /* nothing verified to go with it: read the object again */
    } else {
        g->record.trusted_time_s = g->offer.channel.issued_s;
    }
    gateway_pause(g, gateway_delay_first(&g->random, g->config.poll_ms ? g->config.poll_ms : UINT32_MAX));
    err = gateway_ask_target(g);
    if (err) {
        gateway_tell(g, GATEWAY_EVENT_FAILED, err, 0);
        return GATEWAY_ON_FAILED;
    }
    if (g->record.is_in_trial || is_in_trial(&g->target.boot)) {
        g->due_ms = 0; /* never install over the last good slot: first see how it ends */
        return GATEWAY_ON_IN_TRIAL;
    }
    return GATEWAY_ON_READY;
}

/* --- POLL -------------------------------------------------------------------------------------------- */

/* v1/channels/<product>/<hw>/<channel>.fc; the names were checked by gateway_init. */
static void channel_key(const struct gateway_identity *id, char key[GATEWAY_KEY_MAX_BYTES])
{
    const char *const parts[] = {"v1/channels/", id->product, "/", id->hw, "/", id->channel, ".fc"};
    size_t n = 0;
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t n_part = strlen(parts[i]);
        memcpy(key + n, parts[i], n_part);
        n += n_part;
    }
    key[n] = '\0';
}

static bool is_denied(enum fota_err err)
{
    return err == E_S3_CREDENTIALS || err == E_S3_NO_KEY || err == E_S3_NO_BUCKET;
}

static enum gateway_input poll_failed(struct gateway *g, enum fota_err err)
{
    if (err == E_NO_SPACE) { /* larger than a channel object can be: it is none */
        return gateway_damaged(g, E_STATEMENT_SIZE, (uint32_t)g->reply.body_bytes, 0);
    }
    return gateway_fail_request(g, err, is_denied(err) ? g->config.denied_min_ms : g->config.backoff_min_ms);
}

enum gateway_input gateway_do_poll(struct gateway *g)
{
    char key[GATEWAY_KEY_MAX_BYTES];
    struct s3_buffer body = {.at = g->scratch, .cap_bytes = STATEMENT_MAX_BYTES};
    const struct s3_taker taker = s3_buffer_taker(&body);
    struct s3_get_options options = {0};
    channel_key(&g->config.identity, key);
    bool is_conditional = g->record.etag[0] != '\0' && ++g->polls % FULL_GET_EVERY != 0;
    options.if_none_match = is_conditional ? g->record.etag : NULL;
    enum fota_err err = s3_get(g->ports.s3, key, &options, clock_utc_s(g->ports.clock), &taker, &g->reply);
    if (err) {
        return poll_failed(g, err);
    }
    g->etag[0] = '\0';
    if (g->reply.status == 304) {
        gateway_tell(g, GATEWAY_EVENT_QUIET, FOTA_OK, 0);
        return GATEWAY_ON_QUIET;
    }
    memcpy(g->etag, g->reply.etag, sizeof g->reply.etag);
    g->n_scratch_bytes = (uint32_t)body.n_bytes;
    gateway_tell(g, GATEWAY_EVENT_CHANGED, FOTA_OK, g->n_scratch_bytes);
    return GATEWAY_ON_CHANGED;
}

/* --- VERIFY ------------------------------------------------------------------------------------------ */

/* The object becomes the record's, in memory only: it is saved with the decision. */
static enum fota_err adopt(struct gateway *g, const struct gateway_offer *offer)
{
    struct gateway_record *r = &g->record;
    if (memcmp(r->channel_sha256, offer->sha256, sizeof r->channel_sha256) != 0) {
        g->loader_told = FOTA_OK; /* a new object: what it says is told anew */
        g->stated_at_ms = clock_now_ms(g->ports.clock);
    }
    /* Of the highest number, not the latest date ever seen: a wrong one is over with the next statement. */
    r->trusted_time_s = offer->channel.issued_s;
    memcpy(r->channel, g->scratch, g->n_scratch_bytes);
    r->n_channel_bytes = (uint16_t)g->n_scratch_bytes;
    r->channel_seq = offer->channel.seq;
    memcpy(r->channel_sha256, offer->sha256, sizeof r->channel_sha256);
    g->is_dirty = true;
    g->has_offer = false;
    return gateway_load_offer(g); /* spans must point into the record */
}

/* Of the release in the channel object, whatever its slot will be. */
static void tell_release(struct gateway *g, enum gateway_event_kind kind, uint32_t done)
{
    const struct gateway_event event = {.kind = kind, .version = g->offer.release.version, .done = done};
    gateway_emit(g, &event);
}

/* Is it a statement at all, of a key that counts, with the release that it names? If not, it says nothing: a
 * login page, or damage. */
static bool is_unsigned(enum fota_err err)
{
    return err == E_STATEMENT_SYNTAX || err == E_STATEMENT_SIZE || err == E_STATEMENT_KEY ||
           err == E_STATEMENT_SIGNATURE || err == E_STATEMENT_FORMAT || err == E_STATEMENT_MISMATCH;
}

enum gateway_input gateway_do_verify(struct gateway *g)
{
    struct gateway_offer offer;
    enum fota_err err =
        gateway_offer_read(g->scratch, g->n_scratch_bytes, &g->config.keys, &g->config.identity, &offer);
    if (is_unsigned(err)) {
        g->slot = SLOT_A;
        return gateway_damaged(g, err, g->n_scratch_bytes, 0);
    }
    if (!err) {
        err = gateway_offer_check_order(&offer, &g->record);
    }
    if (!err) {
        err = adopt(g, &offer);
    }
    if (err) {
        g->outcome = err;
        g->is_object_bad = true;
        const struct gateway_event event = {
            .kind = GATEWAY_EVENT_REFUSED, .reason = err, .status = (uint16_t)g->reply.status};
        gateway_emit(g, &event);
        return GATEWAY_ON_REFUSED;
    }
    tell_release(g, GATEWAY_EVENT_STATEMENT, g->offer.channel.seq);
    return GATEWAY_ON_ACCEPTED;
}

/* --- DECIDE ------------------------------------------------------------------------------------------ */

/* The one place where an ETag becomes durable. */
static void save_decision(struct gateway *g)
{
    if (g->etag[0] != '\0' && strcmp(g->etag, g->record.etag) != 0) {
        memcpy(g->record.etag, g->etag, sizeof g->record.etag);
        g->is_dirty = true;
    }
    if (g->is_dirty) {
        gateway_save(g);
    }
}

/* Another release than the one attempts were counted for, or the
 * operator wants it tried again: count anew. */
static void turn_to_release(struct gateway *g, enum slot slot)
{
    struct gateway_record *r = &g->record;
    const uint32_t retry = g->offer.channel.retry;
    if (memcmp(r->images, g->offer.images, sizeof r->images) != 0 || retry > r->attempts_retry) {
        memcpy(r->images, g->offer.images, sizeof r->images);
        r->attempts = 0;
        r->attempts_retry = retry;
        g->is_dirty = true;
    }
    gateway_turn_to(g, slot);
}

/* The operator wants a release tried again that the target rejected: the target has to know it too. */
static enum fota_err tell_retry(struct gateway *g)
{
    struct link_progress progress;
    const uint32_t number = g->offer.channel.retry;
    enum fota_err err = link_client_retry(g->ports.link, number, &progress);
    if (!err) {
        g->target.boot.retry = number;
        tell_release(g, GATEWAY_EVENT_RETRY, number);
    }
    return err;
}

/* No release to install. @return GATEWAY_ON_LOADER · GATEWAY_ON_NOTHING */
static enum gateway_input decide_loader(struct gateway *g)
{
    const struct gateway_facts facts = gateway_facts(g);
    enum fota_err reason = FOTA_OK;
    if (gateway_loader_is_due(&facts, &reason)) {
        return GATEWAY_ON_LOADER;
    }
    if (reason) {
        gateway_leave_loader(g, reason, 0);
    }
    gateway_climbed_in_vain(g);
    gateway_pause_quiet(g);
    return GATEWAY_ON_NOTHING;
}

static enum gateway_input decide(struct gateway *g)
{
    const struct gateway_facts facts = gateway_facts(g);
    struct gateway_decision decision;
    gateway_decide(&facts, &decision);
    if (decision.needs_retry) {
        enum fota_err err = tell_retry(g);
        if (err) {
            return gateway_fail(g, err, g->config.backoff_min_ms);
        }
    }
    struct gateway_event event = {.kind = GATEWAY_EVENT_NOTHING,
                                  .reason = decision.reason,
                                  .version = g->offer.release.version,
                                  .slot = decision.slot,
                                  .total = g->offer.release.image[decision.slot].n_bytes};
    enum gateway_input input = decision.input;
    if (input == GATEWAY_ON_OFFER) {
        turn_to_release(g, decision.slot);
        event.kind = GATEWAY_EVENT_OFFER;
    }
    if (input == GATEWAY_ON_IN_TRIAL) {
        g->due_ms = 0;
    } else {
        gateway_emit(g, &event);
    }
    if (input == GATEWAY_ON_NOTHING) {
        input = decide_loader(g);
    }
    save_decision(g);
    return input;
}

enum gateway_input gateway_do_decide(struct gateway *g)
{
    g->slot = SLOT_A; /* nothing is chosen yet */
    enum fota_err err = gateway_load_offer(g);
    if (err) {
        g->record.etag[0] = '\0'; /* 304 without a statement to go with it */
        return gateway_fail(g, err, g->config.backoff_min_ms);
    }
    err = gateway_ask_target(g);
    if (err) {
        err = gateway_climb(g, err);
    }
    if (err) {
        return gateway_fail(g, err, g->config.backoff_min_ms);
    }
    if (g->record.is_in_trial) {
        save_decision(g);
        return GATEWAY_ON_IN_TRIAL;
    }
    return decide(g);
}
