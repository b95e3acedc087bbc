/* FETCH: stream the checked image into the target, from the staging store or in ranges from the network. */
#include <string.h>

#include "gateway_priv.h"

enum {
    BLOCK_MIN_BYTES = 64,
    REPEATS_BAD = 2 /* commands repeated for one block: the wires do not carry this size */
};

/* What a failed link command means while a session is open or wanted. */
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

/* BEGIN; a session of another release, or of a loader, is closed first. */
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

/* The target goes where we expect it to go, or we do not send. */
static bool is_expected(const struct gateway *g)
{
    const struct link_session *s = &g->session;
    bool is_word = s->resume_off % 4U == 0 || s->resume_off == s->image_bytes;
    return s->slot == (uint8_t)g->slot && s->base == gateway_place(g)->base &&
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
    g->is_touched = true;
    g->n_scratch_bytes = 0;
    g->sent_off = g->session.resume_off;
    if (g->block_bytes == 0 || g->block_bytes > block_max_bytes(g)) {
        g->block_bytes = block_max_bytes(g);
    }
    g->hashed_off = 0;
    crypto_sha256_init(&g->stream_hash);
    g->is_attempt_counted = g->session.resume_off == 0;
    if (g->is_attempt_counted) {
        gateway_count_attempt(g);
        gateway_save(g);
    }
    gateway_tell_file(g, GATEWAY_EVENT_BEGUN, FOTA_OK, g->session.resume_off, g->session.image_bytes);
    return GATEWAY_ON_MORE;
}

/* At a bit error rate of 1e-4, a block of 4,096 bytes arrives whole once in 27 times, one of 256 four times
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

/* Send what is in the block buffer. @return FOTA_OK · E_UPDATE_OFFSET (the target wants another offset) ·
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
    g->is_attempt_counted = false; /* a block went out: the attempt counts */
    bool is_in_order = progress.accepted_off == g->sent_off + n;
    if (is_in_order && g->hashed_off == g->sent_off) {
        crypto_sha256_update(&g->stream_hash, g->scratch, n);
        g->hashed_off += n;
    }
    g->sent_off = progress.accepted_off;
    g->errors_in_row = 0;
    g->backoff_ms = 0;
    gateway_tell_file(g, GATEWAY_EVENT_PROGRESS, FOTA_OK, progress.flashed_off, g->session.image_bytes);
    return is_in_order ? FOTA_OK : E_UPDATE_OFFSET;
}

static uint32_t min_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How long the block is that begins at sent_off. */
static uint32_t block_bytes(const struct gateway *g)
{
    return min_of(link_client_block_bytes(g->ports.link, g->sent_off, g->block_bytes),
                  g->session.image_bytes - g->sent_off);
}

/* Bytes of a reply into blocks: no buffer but one block, so the network waits for the flash. What does not
 * fill a block stays for the next reply. */
static enum fota_err take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct gateway *g = ctx;
    const size_t skipped = gateway_skip(off, n_bytes, g->sent_off + g->n_scratch_bytes);
    bytes += skipped;
    n_bytes -= skipped;
    while (n_bytes > 0) {
        const uint32_t wanted_bytes = block_bytes(g);
        if (wanted_bytes <= g->n_scratch_bytes) {
            return wanted_bytes == 0 ? E_IMAGE_TRAILING : send_block(g); /* noise made blocks shorter */
        }
        size_t n = wanted_bytes - g->n_scratch_bytes;
        n = n_bytes < n ? n_bytes : n;
        memcpy(g->scratch + g->n_scratch_bytes, bytes, n);
        g->n_scratch_bytes += (uint32_t)n;
        bytes += n;
        n_bytes -= n;
        if (g->n_scratch_bytes == wanted_bytes) {
            enum fota_err err = send_block(g);
            if (err) {
                return err;
            }
        }
    }
    return gateway_is_late(g) ? E_TIMEOUT : FOTA_OK;
}

/* Neither the wires nor the target: the request failed. */
static bool is_request_error(enum fota_err err)
{
    unsigned module = (unsigned)err >> 8;
    return module == (unsigned)E_NET_DNS >> 8 || err == E_TIMEOUT || err == E_NO_SPACE ||
           err == E_UNSUPPORTED;
}

/* Nothing was sent, for want of bytes: the install was not begun in vain. */
static void take_back_attempt(struct gateway *g)
{
    if (g->is_attempt_counted) {
        uint32_t *attempts = g->slot == SLOT_LOADER ? &g->record.loader.attempts : &g->record.attempts;
        --*attempts;
        g->is_attempt_counted = false;
        g->is_dirty = true;
    }
}

static enum gateway_input stream_from_network(struct gateway *g)
{
    const struct s3_taker taker = {.take = take, .ctx = g};
    const uint32_t off = g->sent_off + g->n_scratch_bytes;
    uint32_t n = g->session.image_bytes - off;
    n = g->ignores_ranges ? n : min_of(n, g->config.range_bytes);
    enum fota_err err = gateway_get_image(g, off, n, &taker);
    if (!err && g->sent_off + g->n_scratch_bytes == g->session.image_bytes) {
        err = send_block(g);
    }
    if (!err || err == E_UPDATE_OFFSET) {
        return GATEWAY_ON_MORE;
    }
    if (!is_request_error(err)) {
        g->n_scratch_bytes = 0;
        return link_failed(g, err);
    }
    take_back_attempt(g);
    return gateway_get_failed(g, err);
}

static enum gateway_input stream_from_stage(struct gateway *g)
{
    uint32_t left_bytes = min_of(g->session.image_bytes - g->sent_off, g->config.range_bytes);
    while (left_bytes > 0) {
        const uint32_t n = min_of(block_bytes(g), left_bytes);
        enum fota_err err = stage_read(g->ports.stage, g->shelf, g->sent_off, g->scratch, n);
        if (err) {
            gateway_tell(g, GATEWAY_EVENT_STORE, err, 0);
            gateway_stage_drop(g);
            gateway_forget_check(g);
            return gateway_fail(g, err, g->config.retry_min_ms);
        }
        g->n_scratch_bytes = n;
        err = send_block(g);
        if (err) {
            return err == E_UPDATE_OFFSET ? GATEWAY_ON_MORE : link_failed(g, err);
        }
        left_bytes -= n;
    }
    return GATEWAY_ON_MORE;
}

/* All was sent: was it what was checked? Only known if it went out in one piece; the target checks in any
 * case. */
static enum gateway_input end_of_stream(struct gateway *g)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    if (!gateway_is_stream_whole(g)) {
        return GATEWAY_ON_DONE;
    }
    crypto_sha256_final(&g->stream_hash, digest);
    if (memcmp(digest, gateway_slot_image(g)->sha256, sizeof digest) == 0) {
        return GATEWAY_ON_DONE;
    }
    struct link_progress progress;
    enum fota_err err = link_client_abort(g->ports.link, g->session.session_id, &progress);
    (void)err; /* if it is lost, the next BEGIN finds the session */
    memcpy(g->damage.sha256, digest, sizeof g->damage.sha256);
    gateway_stage_drop(g);
    gateway_forget_check(g);
    return gateway_damaged(g, E_UPDATE_DAMAGED, g->session.image_bytes, g->session.image_bytes);
}

bool gateway_is_stream_whole(const struct gateway *g)
{
    return g->hashed_off == g->session.image_bytes;
}

enum gateway_input gateway_do_fetch(struct gateway *g)
{
    if (!g->has_session) {
        return begin(g);
    }
    if (g->sent_off == g->session.image_bytes) {
        return end_of_stream(g);
    }
    return g->is_staged ? stream_from_stage(g) : stream_from_network(g);
}
