/* CHECK: get the image, once, and look at it in full before anything is erased. */
#include <string.h>

#include "gateway_priv.h"

enum { TELL_EVERY_BYTES = 16384 };

/* Bytes of a reply: staged if there is a store, and looked at. */
static enum fota_err take(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct gateway *g = ctx;
    const size_t skipped = gateway_skip(off, n_bytes, g->check.off);
    bytes += skipped;
    n_bytes -= skipped;
    if (gateway_is_late(g)) {
        return E_TIMEOUT;
    }
    if (n_bytes > g->check.total_bytes - g->check.off) {
        return E_IMAGE_TRAILING;
    }
    gateway_stage_append(g, g->check.off, bytes, n_bytes);
    enum fota_err err = gateway_image_take(&g->check, bytes, n_bytes);
    bool is_news = g->check.off - g->told_bytes >= TELL_EVERY_BYTES || g->check.off == g->check.total_bytes;
    if (!err && is_news && g->is_staged) {
        g->told_bytes = g->check.off;
        gateway_tell_file(g, GATEWAY_EVENT_FETCHED, FOTA_OK, g->check.off, g->check.total_bytes);
    }
    return err;
}

/* What came, or what was staged, is not the file: away with it. */
static enum gateway_input damaged(struct gateway *g, enum fota_err reason)
{
    const uint32_t got_bytes = g->check.off;
    memcpy(g->damage.sha256, g->check.file_sha256, sizeof g->damage.sha256);
    gateway_stage_drop(g);
    gateway_forget_check(g);
    g->blob_etag[0] = '\0';
    return gateway_damaged(g, reason, got_bytes, g->check.total_bytes);
}

static enum gateway_input finish(struct gateway *g)
{
    const uint8_t *const *points = gateway_image_keys(&g->config.keys);
    struct image_policy policy = {.base = gateway_place(g)->base,
                                  .slot_bytes = gateway_place(g)->n_bytes,
                                  .ram_bytes = g->board->ram.n_bytes,
                                  .ccm_bytes = g->board->ccm.n_bytes,
                                  .security_floor = g->target.boot.security_floor,
                                  .hw_id = g->config.identity.hw,
                                  .keys = {points[IMAGE_KEY_ACTIVE], points[IMAGE_KEY_NEXT]}};
    if (g->target.boot.flags & BOOT_FLAG_KEY_REVOKED) { /* this board believes the next key only */
        policy.revoked_key = policy.keys[IMAGE_KEY_ACTIVE];
        policy.keys[IMAGE_KEY_ACTIVE] = NULL;
    }
    enum fota_err err = gateway_image_finish(&g->check, &policy, gateway_slot_image(g)->sha256);
    if (err == E_UPDATE_DAMAGED) {
        return damaged(g, err);
    }
    if (err) { /* these very bytes were signed */
        gateway_stage_drop(g);
        return gateway_refuse(g, err);
    }
    g->is_checked = true;
    g->damage_ms = 0;
    g->errors_in_row = 0;
    gateway_tell_file(g, GATEWAY_EVENT_CHECKED, FOTA_OK, 0, g->check.total_bytes);
    return GATEWAY_ON_ACCEPTED;
}

/* Look at what is staged already. */
static enum gateway_input read_staged(struct gateway *g)
{
    uint32_t left_bytes = g->config.range_bytes;
    while (left_bytes > 0 && g->check.off < g->n_staged_bytes) {
        uint32_t n = g->n_staged_bytes - g->check.off;
        n = n < sizeof g->scratch ? n : (uint32_t)sizeof g->scratch;
        n = n < left_bytes ? n : left_bytes;
        enum fota_err err = stage_read(g->ports.stage, g->shelf, g->check.off, g->scratch, n);
        if (err) {
            gateway_tell(g, GATEWAY_EVENT_STORE, err, 0);
            return damaged(g, E_UPDATE_DAMAGED);
        }
        err = gateway_image_take(&g->check, g->scratch, n);
        if (err) {
            return damaged(g, err);
        }
        left_bytes -= n;
    }
    return GATEWAY_ON_MORE;
}

static enum gateway_input fetch_rest(struct gateway *g)
{
    const struct s3_taker taker = {.take = take, .ctx = g};
    const uint32_t off = g->check.off;
    enum fota_err err = gateway_get_image(g, off, g->check.total_bytes - off, &taker);
    bool is_short = err == E_S3_RANGE || (err == E_HTTP_LENGTH && g->reply.body_bytes > 0);
    if (err == E_IMAGE_TRAILING || is_short) { /* no end, or an end too early */
        return damaged(g, is_short ? E_HTTP_LENGTH : err);
    }
    if (err) {
        return gateway_get_failed(g, err);
    }
    return g->check.off == g->check.total_bytes ? GATEWAY_ON_MORE : gateway_request_again(g, E_NET_CUT);
}

enum gateway_input gateway_do_check(struct gateway *g)
{
    const uint32_t total_bytes = gateway_slot_image(g)->n_bytes;
    if (g->is_checked) {
        return GATEWAY_ON_ACCEPTED;
    }
    if (total_bytes > gateway_place(g)->n_bytes) {
        return gateway_refuse(g, E_IMAGE_SIZE);
    }
    if (!g->is_check_begun) {
        gateway_image_init(&g->check, total_bytes);
        gateway_stage_find(g);
        g->is_check_begun = true;
        g->told_bytes = 0;
    }
    if (g->is_staged && g->check.off < g->n_staged_bytes) {
        return read_staged(g);
    }
    return g->check.off < total_bytes ? fetch_rest(g) : finish(g);
}
