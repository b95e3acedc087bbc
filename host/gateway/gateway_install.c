/* CHECK, FETCH, HANDOVER, ACTIVATE: from the object in S3 to a trial. */
#include <string.h>

#include "format/boot_record.h"
#include "gateway_priv.h"

enum {
    DOWNLOAD_BUDGET_FACTOR = 4, /* one check, one stream, and as much again for cuts */
    LATER_MS = 1000,
    BLOCK_MIN_BYTES = 64,
    REPEATS_BAD = 2, /* commands repeated for one block: the wires do not carry this size */
    TRIAL_RUNS = 3,
    TRIAL_EXTRA_MS = 60000
};

static uint32_t slot_base(enum slot slot)
{
    static const uint32_t base[] = {
        [SLOT_A] = FLASH_SLOT_A_BASE, [SLOT_B] = FLASH_SLOT_B_BASE, [SLOT_LOADER] = FLASH_LOADER_BASE};
    return base[slot];
}

static uint32_t slot_bytes(enum slot slot)
{
    return slot == SLOT_LOADER ? FLASH_LOADER_BYTES : FLASH_SLOT_BYTES;
}

/** What a failed GET of the image means. */
static enum gateway_input download_failed(struct gateway *g, enum fota_err err)
{
    if (gateway_is_final(err)) {
        return gateway_refuse(g, err);
    }
    if (err == E_S3_PRECONDITION) {
        g->is_checked = false;
        g->is_check_begun = false;
        return GATEWAY_ON_MOVED;
    }
    if (err == E_S3_NO_KEY || err == E_S3_CREDENTIALS || err == E_S3_NO_BUCKET) {
        return gateway_fail(g, err, g->config.denied_min_ms);
    }
    if (g->downloaded_bytes > (uint64_t)gateway_slot_image(g)->n_bytes * DOWNLOAD_BUDGET_FACTOR) {
        return gateway_refuse(g, E_UPDATE_GAVE_UP);
    }
    return gateway_try_again(g, err);
}

/* --- CHECK ------------------------------------------------------------------------------------------- */

static enum fota_err take_for_check(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    (void)off; /* s3_get accepts only the range that was asked for */
    struct gateway *g = ctx;
    return gateway_image_take(&g->check, bytes, n_bytes);
}

static enum fota_err get_image(struct gateway *g, uint32_t off, uint32_t n_bytes,
                               const struct s3_taker *taker)
{
    char key[RELEASE_BLOB_MAX_BYTES + 1];
    struct s3_get_options options = {0};
    gateway_blob_key(g, key);
    if (n_bytes > 0) {
        options.if_match = g->blob_etag;
        options.range_off = off;
        options.range_bytes = n_bytes;
    }
    enum fota_err err = s3_get(g->ports.s3, key, &options, clock_utc_s(g->ports.clock), taker, &g->reply);
    if (n_bytes == 0) {
        memcpy(g->blob_etag, g->reply.etag, sizeof g->blob_etag);
    }
    g->downloaded_bytes += g->reply.body_bytes;
    return err;
}

static enum fota_err finish_check(struct gateway *g)
{
    const uint8_t *const *points = gateway_image_keys(&g->config.keys);
    struct image_policy policy = {.base = slot_base(g->slot),
                                  .slot_bytes = slot_bytes(g->slot),
                                  .security_floor = g->target.boot.security_floor,
                                  .hw_id = g->config.identity.hw,
                                  .keys = {points[IMAGE_KEY_ACTIVE], points[IMAGE_KEY_NEXT]}};
    if (g->target.boot.flags & BOOT_FLAG_KEY_REVOKED) { /* this board believes the next key only */
        policy.revoked_key = policy.keys[IMAGE_KEY_ACTIVE];
        policy.keys[IMAGE_KEY_ACTIVE] = NULL;
    }
    return gateway_image_finish(&g->check, &policy, gateway_slot_image(g)->sha256);
}

enum gateway_input gateway_do_check(struct gateway *g)
{
    const struct s3_taker taker = {.take = take_for_check, .ctx = g};
    uint32_t total_bytes = gateway_slot_image(g)->n_bytes;
    if (g->is_checked) {
        return GATEWAY_ON_ACCEPTED;
    }
    if (total_bytes > slot_bytes(g->slot)) {
        return gateway_refuse(g, E_IMAGE_SIZE);
    }
    if (!g->is_check_begun) {
        gateway_image_init(&g->check, total_bytes);
        g->is_check_begun = true;
    }
    /* A first GET tells the ETag; after a cut the rest comes by Range and If-Match. */
    uint32_t off = g->check.off;
    enum fota_err err = get_image(g, off, off > 0 ? total_bytes - off : 0, &taker);
    if (err == E_HTTP_REPLY) {
        g->is_check_begun = false; /* a store without ranges: from the start */
    }
    if (!err) {
        err = finish_check(g);
    }
    if (err) {
        return download_failed(g, err);
    }
    g->is_checked = true;
    g->errors_in_row = 0;
    gateway_emit(g, (struct gateway_event){
                        .kind = GATEWAY_EVENT_CHECKED, .version = gateway_version(g), .total = total_bytes});
    return GATEWAY_ON_ACCEPTED;
}

/* --- FETCH ------------------------------------------------------------------------------------------- */

/** What a failed link command means while a session is open or wanted. */
static enum gateway_input link_failed(struct gateway *g, enum fota_err err)
{
    g->has_session = false; /* BEGIN again: the target says where to go on */
    if (gateway_is_final(err) || (g->slot == SLOT_LOADER && err == E_UNSUPPORTED)) {
        return gateway_refuse(g, err);
    }
    if (err == E_LOADER_NOT_NOW) { /* the application changed meanwhile: decide anew */
        return gateway_fail(g, err, g->config.backoff_min_ms);
    }
    return gateway_try_again(g, err);
}

/** BEGIN; a session of another release, or of a loader, is closed first. */
static enum fota_err open_session(struct gateway *g)
{
    const bool is_loader = g->slot == SLOT_LOADER;
    const uint8_t *text = is_loader ? g->loader_text : (const uint8_t *)g->offer.release_text.at;
    const uint32_t n_text = is_loader ? g->n_loader_text : (uint32_t)g->offer.release_text.n_bytes;
    struct link_client *link = g->ports.link;
    enum fota_err err = gateway_ask_target(g); /* agent or loader, whichever answers by now */
    if (!err) {
        err = link_client_begin(link, text, n_text, &g->session);
    }
    if (err == E_UPDATE_SESSION) {
        struct link_progress progress;
        err = link_client_abort(link, g->target.boot.session_id, &progress);
        if (!err) {
            err = link_client_begin(link, text, n_text, &g->session);
        }
    }
    return err;
}

/** The target goes where we expect it to go, or we do not send. */
static bool is_expected(const struct gateway *g)
{
    const struct link_session *s = &g->session;
    bool is_word = s->resume_off % 4U == 0 || s->resume_off == s->image_bytes;
    return s->slot == (uint8_t)g->slot && s->base == slot_base(g->slot) &&
           s->image_bytes == gateway_slot_image(g)->n_bytes && s->resume_off <= s->image_bytes && is_word &&
           s->block_max_bytes > 0;
}

static uint32_t block_max_bytes(const struct gateway *g)
{
    uint32_t most = g->session.block_max_bytes;
    return most < sizeof g->scratch ? most : (uint32_t)sizeof g->scratch;
}

static enum gateway_input begin(struct gateway *g)
{
    enum fota_err err = open_session(g);
    if (!err && !is_expected(g)) {
        err = E_LINK_REPLY;
    }
    if (err) {
        return link_failed(g, err);
    }
    g->has_session = true;
    g->sent_off = g->session.resume_off;
    if (g->block_bytes == 0 || g->block_bytes > block_max_bytes(g)) {
        g->block_bytes = block_max_bytes(g);
    }
    g->hashed_off = 0;
    crypto_sha256_init(&g->stream_hash);
    if (g->session.resume_off == 0) {
        gateway_count_attempt(g);
        gateway_save(g);
    }
    gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_BEGUN,
                                           .version = gateway_version(g),
                                           .slot = g->slot,
                                           .done = g->session.resume_off,
                                           .total = g->session.image_bytes});
    return GATEWAY_ON_MORE;
}

/** At a bit error rate of 1e-4, a block of 4,096 bytes arrives whole once in 27 times, one of 256 four times
 * in five. */
static void fit_block(struct gateway *g, uint32_t n_repeats)
{
    uint32_t most = block_max_bytes(g);
    if (n_repeats >= REPEATS_BAD && g->block_bytes / 2U >= BLOCK_MIN_BYTES) {
        g->block_bytes /= 2U;
    } else if (n_repeats == 0) {
        g->block_bytes = g->block_bytes < most / 2U ? g->block_bytes * 2U : most;
    }
}

/** Send what is in the block buffer. @return FOTA_OK · E_UPDATE_OFFSET (the target wants another offset) ·
 * link errors */
static enum fota_err send_block(struct gateway *g)
{
    struct link_progress progress;
    uint32_t n = g->n_scratch_bytes;
    if (n == 0) {
        return FOTA_OK;
    }
    g->n_scratch_bytes = 0;
    uint32_t repeats_before = g->ports.link->stats.repeats;
    enum fota_err err =
        link_client_block(g->ports.link, g->session.session_id, g->sent_off, g->scratch, n, &progress);
    fit_block(g, g->ports.link->stats.repeats - repeats_before);
    if (err) {
        return err;
    }
    if (progress.accepted_off > g->session.image_bytes || progress.flashed_off > progress.accepted_off) {
        return E_LINK_REPLY;
    }
    bool is_in_order = progress.accepted_off == g->sent_off + n;
    if (is_in_order && g->hashed_off == g->sent_off) {
        crypto_sha256_update(&g->stream_hash, g->scratch, n);
        g->hashed_off += n;
    }
    g->sent_off = progress.accepted_off;
    g->errors_in_row = 0;
    g->backoff_ms = 0;
    gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_PROGRESS,
                                           .version = gateway_version(g),
                                           .slot = g->slot,
                                           .done = progress.flashed_off,
                                           .total = g->session.image_bytes});
    return is_in_order ? FOTA_OK : E_UPDATE_OFFSET;
}

/** Bytes of a range into blocks: no buffer but one block, so the network waits for the flash. */
static enum fota_err take_for_stream(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    (void)off;
    struct gateway *g = ctx;
    while (n_bytes > 0) {
        uint32_t block_bytes = link_client_block_bytes(g->sent_off, g->block_bytes);
        size_t n = block_bytes - g->n_scratch_bytes;
        n = n_bytes < n ? n_bytes : n;
        memcpy(g->scratch + g->n_scratch_bytes, bytes, n);
        g->n_scratch_bytes += (uint32_t)n;
        bytes += n;
        n_bytes -= n;
        if (g->n_scratch_bytes == block_bytes) {
            enum fota_err err = send_block(g);
            if (err) {
                return err;
            }
        }
    }
    return FOTA_OK;
}

static bool is_download_error(enum fota_err err)
{
    unsigned module = (unsigned)err >> 8;
    return module == (unsigned)E_NET_DNS >> 8 || err == E_TIMEOUT;
}

/** All was sent: was it what was announced? Only known if it went out in one piece; the target checks in any
 * case. */
static enum gateway_input end_of_stream(struct gateway *g)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    if (g->hashed_off != g->session.image_bytes) {
        return GATEWAY_ON_DONE;
    }
    crypto_sha256_final(&g->stream_hash, digest);
    if (memcmp(digest, gateway_slot_image(g)->sha256, sizeof digest) == 0) {
        return GATEWAY_ON_DONE;
    }
    struct link_progress progress;
    g->is_checked = false;
    enum fota_err err = link_client_abort(g->ports.link, g->session.session_id, &progress);
    return link_failed(g, err ? err : E_STATEMENT_MISMATCH);
}

enum gateway_input gateway_do_fetch(struct gateway *g)
{
    const struct s3_taker taker = {.take = take_for_stream, .ctx = g};
    if (!g->has_session) {
        return begin(g);
    }
    uint32_t left_bytes = g->session.image_bytes - g->sent_off;
    if (left_bytes == 0) {
        return end_of_stream(g);
    }
    uint32_t n = left_bytes < g->config.range_bytes ? left_bytes : g->config.range_bytes;
    g->n_scratch_bytes = 0;
    enum fota_err err = get_image(g, g->sent_off, n, &taker);
    if (!err) {
        err = send_block(g);
    }
    if (!err || err == E_UPDATE_OFFSET) {
        return GATEWAY_ON_MORE;
    }
    return is_download_error(err) ? download_failed(g, err) : link_failed(g, err);
}

/* --- HANDOVER, ACTIVATE ------------------------------------------------------------------------------ */

/**
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

enum gateway_input gateway_do_handover(struct gateway *g)
{
    struct link_progress progress;
    enum fota_err err = link_client_finish(g->ports.link, g->session.session_id, &progress);
    if (err == E_UPDATE_LOADER_KEY && g->slot != SLOT_LOADER) {
        return loader_first(g);
    }
    if (gateway_is_final(err)) {
        return gateway_refuse(g, err);
    }
    if (err) {
        return gateway_fail(g, err, g->config.retry_min_ms);
    }
    if (g->slot == SLOT_LOADER) {
        return gateway_end_loader(g);
    }
    gateway_emit(g, (struct gateway_event){
                        .kind = GATEWAY_EVENT_VERIFIED, .version = gateway_version(g), .slot = g->slot});
    return GATEWAY_ON_ACCEPTED;
}

/** Remember the trial before it starts: a gateway that resets now must follow it, not install over it. */
static void note_trial(struct gateway *g)
{
    struct gateway_record *r = &g->record;
    r->is_in_trial = true;
    r->trial_slot = (uint8_t)g->slot;
    r->trial_version = g->offer.release.version;
    r->trial_retry = g->offer.channel.retry;
    memcpy(r->trial_hash, gateway_slot_image(g)->hash, sizeof r->trial_hash);
    gateway_save(g);
    g->tries_seen = UINT8_MAX;
    g->trial_until_ms = clock_now_ms(g->ports.clock) +
                        (uint64_t)g->offer.release.confirm_within_s * 1000U * TRIAL_RUNS + TRIAL_EXTRA_MS;
}

enum gateway_input gateway_do_activate(struct gateway *g)
{
    const struct gateway_observer *o = &g->ports.observer;
    enum gateway_consent consent =
        o->may_activate ? o->may_activate(o->ctx, g->offer.release.version) : GATEWAY_CONSENT_NOW;
    if (consent == GATEWAY_CONSENT_LATER) {
        gateway_pause(g, LATER_MS);
        return GATEWAY_ON_MORE;
    }
    if (consent == GATEWAY_CONSENT_NO) {
        return gateway_refuse(g, E_UPDATE_BUSY);
    }
    struct link_progress progress;
    note_trial(g);
    enum fota_err err = link_client_activate(g->ports.link, g->session.session_id, &progress);
    g->has_session = false;
    g->is_held = g->is_held && err; /* it resets itself */
    if (err && !link_client_is_transport(err)) {
        g->record.is_in_trial = false;
        gateway_save(g);
        return gateway_is_final(err) ? gateway_refuse(g, err) : gateway_fail(g, err, g->config.retry_min_ms);
    }
    /* A lost reply leaves open whether the target restarts: the trial's INFO will tell. */
    gateway_emit(g, (struct gateway_event){.kind = GATEWAY_EVENT_ACTIVATED,
                                           .reason = err,
                                           .version = gateway_version(g),
                                           .slot = g->slot});
    gateway_pause(g, g->config.trial_poll_ms);
    return GATEWAY_ON_DONE;
}
