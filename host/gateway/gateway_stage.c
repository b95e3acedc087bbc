/* The staging store as the states use it. A store that fails is told and left out: two passes then. */
#include <assert.h>
#include <string.h>

#include "gateway_priv.h"

enum { NOTE_ETAG_BYTES = 128 };

/* Note of an item: its ETag, padded with NUL, then the release statement it belongs to. */
static_assert(NOTE_ETAG_BYTES + STATEMENT_RELEASE_MAX_BYTES <= STAGE_NOTE_MAX_BYTES, "the note fits");
static_assert(NOTE_ETAG_BYTES + STATEMENT_RELEASE_MAX_BYTES <= GATEWAY_SCRATCH_BYTES,
              "it is made in scratch");
static_assert((int)S3_ETAG_MAX_BYTES <= (int)NOTE_ETAG_BYTES, "an ETag fits");

struct stage *gateway_stage(const struct gateway *g)
{
    return g->slot == SLOT_LOADER || g->is_stage_bad ? NULL : g->ports.stage;
}

static void tell_bad(struct gateway *g, enum fota_err err, enum slot slot)
{
    const struct gateway_event event = {.kind = GATEWAY_EVENT_STORE, .reason = err, .slot = slot};
    gateway_emit(g, &event);
}

static void give_up_stage(struct gateway *g, enum fota_err err)
{
    g->is_stage_bad = true;
    g->is_staged = false;
    tell_bad(g, err, g->slot);
}

static bool is_wanted(const struct gateway *g, const struct stage_item *item)
{
    const struct release_image *image = gateway_slot_image(g);
    return item->total_bytes == image->n_bytes &&
           memcmp(item->digest, image->sha256, STAGE_DIGEST_BYTES) == 0;
}

static void read_etag(struct gateway *g, const struct stage_item *item)
{
    g->blob_etag[0] = '\0';
    if (item->n_note_bytes >= NOTE_ETAG_BYTES &&
        stage_note(g->ports.stage, g->shelf, (uint8_t *)g->blob_etag, sizeof g->blob_etag) == FOTA_OK) {
        if (!gateway_is_etag(g->blob_etag, sizeof g->blob_etag)) {
            g->blob_etag[0] = '\0';
        }
    }
}

void gateway_stage_find(struct gateway *g)
{
    static const enum stage_shelf shelves[] = {STAGE_SLOT_A, STAGE_SLOT_B, STAGE_INCOMING};
    struct stage *stage = gateway_stage(g);
    g->is_staged = false;
    g->n_staged_bytes = 0;
    for (unsigned i = 0; stage && !g->is_staged && i < sizeof shelves / sizeof shelves[0]; i++) {
        struct stage_item item;
        if (stage_look(stage, shelves[i], &item) != FOTA_OK || !is_wanted(g, &item) ||
            (shelves[i] != STAGE_INCOMING && item.n_bytes != item.total_bytes)) {
            continue;
        }
        g->is_staged = true;
        g->shelf = shelves[i];
        g->n_staged_bytes = item.n_bytes;
        read_etag(g, &item);
    }
}

/* Begin the item, or give it the ETag that is known by now. */
static enum fota_err begin(struct gateway *g)
{
    const struct release_image *image = gateway_slot_image(g);
    const struct statement_span *text = &g->offer.release_text;
    struct stage_item item = {.total_bytes = image->n_bytes,
                              .n_note_bytes = NOTE_ETAG_BYTES + (uint32_t)text->n_bytes};
    memcpy(item.digest, image->sha256, sizeof item.digest);
    memset(g->scratch, 0, NOTE_ETAG_BYTES);
    memcpy(g->scratch, g->blob_etag, sizeof g->blob_etag);
    memcpy(g->scratch + NOTE_ETAG_BYTES, text->at, text->n_bytes);
    g->shelf = STAGE_INCOMING;
    return stage_begin(g->ports.stage, &item, g->scratch);
}

void gateway_stage_append(struct gateway *g, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct stage *stage = gateway_stage(g);
    if (!stage) {
        return;
    }
    enum fota_err err = FOTA_OK;
    bool is_other_version = g->reply.etag[0] != '\0' && strcmp(g->reply.etag, g->blob_etag) != 0;
    if (is_other_version) {
        memcpy(g->blob_etag, g->reply.etag, sizeof g->blob_etag);
    }
    if (!g->is_staged || is_other_version) {
        err = begin(g);
    }
    if (!err) {
        g->is_staged = true;
        err = stage_append(stage, off, bytes, n_bytes);
    }
    if (err) {
        give_up_stage(g, err);
        return;
    }
    g->n_staged_bytes = off + (uint32_t)n_bytes;
}

void gateway_stage_drop(struct gateway *g)
{
    struct stage *stage = gateway_stage(g);
    if (!stage || !g->is_staged) {
        return;
    }
    g->is_staged = false;
    g->n_staged_bytes = 0;
    enum fota_err err = stage_drop(stage, g->shelf);
    if (err) {
        give_up_stage(g, err);
    }
}

/* Is this the image that was just confirmed? */
static bool is_confirmed(const struct gateway *g, const struct stage_item *item, enum slot slot)
{
    const struct release_image *image = &g->offer.release.image[slot];
    return g->has_offer && memcmp(image->hash, g->record.trial_hash, sizeof g->record.trial_hash) == 0 &&
           memcmp(image->sha256, item->digest, sizeof item->digest) == 0;
}

void gateway_stage_keep(struct gateway *g)
{
    struct stage_item item;
    struct stage *stage = g->ports.stage;
    enum slot slot = g->record.trial_slot == SLOT_B ? SLOT_B : SLOT_A;
    if (!stage || stage_look(stage, STAGE_INCOMING, &item) != FOTA_OK || !is_confirmed(g, &item, slot) ||
        item.n_bytes != item.total_bytes) {
        return;
    }
    enum fota_err err = stage_keep(stage, slot == SLOT_B ? STAGE_SLOT_B : STAGE_SLOT_A);
    if (err) {
        tell_bad(g, err, slot);
    }
    g->is_staged = false;
}
