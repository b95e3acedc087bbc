/* LOADER: the loader that the channel names, for sector 1 of the target. What follows (CHECK, FETCH,
 * HANDOVER) is the same code as for a release, with g->slot SLOT_LOADER. */
#include <string.h>

#include "gateway_priv.h"

/* v1/loaders/<sha256 of the statement>.fm */
static void loader_key(const struct gateway *g, char key[GATEWAY_KEY_MAX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    static const char folder[] = "v1/loaders/";
    const uint8_t *sha256 = g->offer.channel.loader_sha256;
    size_t n = sizeof folder - 1;
    memcpy(key, folder, n);
    for (unsigned i = 0; i < CRYPTO_SHA256_BYTES; i++) {
        key[n++] = digits[sha256[i] >> 4];
        key[n++] = digits[sha256[i] & 15];
    }
    memcpy(key + n, ".fm", sizeof ".fm");
}

static enum fota_err get_statement(struct gateway *g)
{
    char key[GATEWAY_KEY_MAX_BYTES];
    struct s3_buffer body = {.at = g->loader_text, .cap_bytes = sizeof g->loader_text};
    const struct s3_taker taker = s3_buffer_taker(&body);
    const struct s3_get_options options = {0};
    loader_key(g, key);
    enum fota_err err = s3_get(g->ports.s3, key, &options, clock_utc_s(g->ports.clock), &taker, &g->reply);
    g->n_loader_text = (uint16_t)body.n_bytes;
    return err;
}

/* What the target would say of a statement that verifies. */
static enum fota_err check_fit(const struct gateway *g, const struct loader_release *loader)
{
    const struct boot_info *t = &g->target.boot;
    if (loader->security_counter < t->security_floor) {
        return E_STATEMENT_COUNTER;
    }
    return t->bootloader_version < loader->boot_min ? E_STATEMENT_PRECURSOR : FOTA_OK;
}

/* The statement's version is in loader_version already. */
static enum gateway_input take_up(struct gateway *g, const struct loader_release *loader)
{
    g->loader_image.n_bytes = loader->image_bytes;
    memcpy(g->loader_image.sha256, loader->sha256, sizeof g->loader_image.sha256);
    memcpy(g->loader_image.hash, loader->hash, sizeof g->loader_image.hash);
    g->loader_image.blob = loader->blob;
    gateway_turn_to(g, SLOT_LOADER);
    gateway_tell_file(g, GATEWAY_EVENT_OFFER, FOTA_OK, 0, loader->image_bytes);
    return GATEWAY_ON_ACCEPTED;
}

enum gateway_input gateway_do_loader(struct gateway *g)
{
    struct loader_release loader;
    struct gateway_loader_memory *m = gateway_remembered_loader(g);
    g->slot = SLOT_LOADER;
    g->loader_version = 0;
    enum fota_err err = get_statement(g);
    if (err && err != E_NO_SPACE) {
        return gateway_fail_request(g, err, g->config.backoff_min_ms);
    }
    if (!err) {
        err = gateway_loader_read(g->loader_text, g->n_loader_text, &g->config.keys, &g->config.identity,
                                  g->offer.channel.loader_sha256, &loader);
    }
    if (err == E_NO_SPACE || err == E_STATEMENT_MISMATCH) { /* not the one that the channel names */
        return gateway_damaged(g, E_STATEMENT_MISMATCH, g->n_loader_text, 0);
    }
    if (err) {
        return gateway_refuse(g, err);
    }
    g->loader_version = loader.version;
    if (memcmp(m->hash, loader.hash, sizeof m->hash) != 0) {
        memcpy(m->hash, loader.hash, sizeof m->hash);
        g->is_dirty = true;
    }
    if (g->is_dirty) {
        gateway_save(g);
    }
    if (memcmp(m->hash, g->target.boot.loader_hash, sizeof m->hash) == 0) {
        gateway_pause_quiet(g); /* it is there: from now on a look at INFO is enough */
        return GATEWAY_ON_NOTHING;
    }
    err = check_fit(g, &loader);
    return err ? gateway_refuse(g, err) : take_up(g, &loader);
}

enum gateway_input gateway_end_loader(struct gateway *g)
{
    struct link_progress progress;
    /* Nothing restarts: this only closes the session. If the answer is lost, the next BEGIN closes it. */
    enum fota_err err = link_client_activate(g->ports.link, g->session.session_id, &progress);
    (void)err;
    g->has_session = false;
    g->errors_in_row = 0;
    g->backoff_ms = 0;
    if (gateway_record_forget(&g->record, E_UPDATE_LOADER_KEY)) {
        gateway_save(g);
    }
    gateway_tell_file(g, GATEWAY_EVENT_LOADER, FOTA_OK, 0, 0);
    return GATEWAY_ON_DONE;
}
