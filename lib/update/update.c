#include <string.h>

#include "base/attr.h"
#include "update_private.h"

enum fota_err update_commit(struct update *u, const struct boot_record *record)
{
    enum fota_err err = journal_append(&u->journal, record);
    if (err == FOTA_OK) {
        u->record = *record;
    }
    return err;
}

uint32_t update_floor(const struct update *u)
{
    bool is_confirmed_running = u->running != SLOT_NONE && u->running == u->record.active;
    uint32_t counter = is_confirmed_running ? u->running_counter : 0;
    return counter > u->record.security_floor ? counter : u->record.security_floor;
}

/* What an image in this slot must satisfy. */
static void set_policy(const struct update *u, enum slot slot, uint32_t floor, struct image_policy *out)
{
    *out = (struct image_policy){
        .base = u->config->base[slot],
        .slot_bytes = update_slot_bytes(u),
        .security_floor = floor,
        .hw_id = u->config->hw_id,
        .keys = {u->config->keys[0], u->config->keys[1]},
        .hash = u->config->hash,
    };
}

enum fota_err update_verify_slot(const struct update *u, enum slot slot, uint32_t floor,
                                 struct image_result *out)
{
    struct image_policy policy;
    set_policy(u, slot, floor, &policy);
    return image_verify_slot(u->config->slot[slot], &policy, out);
}

enum crypto_verdict update_vouch(const struct update *u, enum slot slot, const struct image *image)
{
    struct image_policy policy;
    set_policy(u, slot, u->record.security_floor, &policy);
    return image_vouch(u->config->slot[slot], &policy, image);
}

/* As many as there are bytes that have been touched: a program that was cut counts or does not, and neither
 * harms. */
static uint32_t read_epoch(const uint8_t *epoch)
{
    uint32_t n_steps = 0;
    for (uint32_t i = 0; i < OTP_EPOCH_BYTES && epoch != NULL; i++) {
        n_steps += epoch[i] != 0xFF;
    }
    return n_steps;
}

FOTA_NOINLINE enum fota_err update_open(struct update *u, const struct update_config *config,
                                        enum reset_cause cause)
{
    memset(u, 0, sizeof *u);
    u->config = config;
    config->flash->companion = crypto_sha256_block;
    u->cause = cause;
    u->running = SLOT_NONE;
    u->record.active = SLOT_NONE;
    /* RAM outlives a reset. Also done before each verification: leaving out one of the two changes nothing.
     */
    crypto_sha256_init(config->hash);
    enum fota_err err = journal_load(&u->journal, config->flash, config->journal, &u->record);
    if (err == E_JOURNAL_DEGRADED) {
        /* Rule R10. A supply that comes and goes is what tore the record, and each repair costs erases. */
        if (cause <= RESET_BROWN_OUT && config->settle != NULL) {
            config->settle();
        }
        err = journal_repair(&u->journal);
    }
    uint32_t epoch = read_epoch(config->epoch);
    if (u->record.security_floor < epoch) {
        u->record.security_floor = epoch;
    }
    return err == E_JOURNAL_LOST || err == E_JOURNAL_DEGRADED ? FOTA_OK : err;
}

static void learn(struct slots_image *fact, enum fota_err err, const struct image_result *result)
{
    fact->check = err == FOTA_OK && result->verdict == CRYPTO_ACCEPT ? SLOTS_VALID : SLOTS_INVALID;
    fact->reason = err;
    fact->version = result->image.version_packed;
    memcpy(fact->digest, result->file_sha256, BOOT_RECORD_DIGEST_BYTES);
}

static void note_running(struct update *u, enum slot slot, const struct image_result *result)
{
    u->running = slot;
    u->running_counter = result->image.security_counter;
    memcpy(u->running_digest, result->file_sha256, BOOT_RECORD_DIGEST_BYTES);
}

void update_make_room(struct update *u)
{
    /* A failure shows itself in the next append; an un-mirrored full journal stays readable as it is. */
    enum fota_err err = journal_reserve(&u->journal, JOURNAL_FREE_AT_JUMP);
    (void)err;
}

void update_choose(struct update *u, bool wants_loader, struct slots_decision *out,
                   struct image_result images[2])
{
    struct slots_facts facts = {.wants_loader = wants_loader, .can_write = true, .n_crashes = u->n_crashes};
    memset(images, 0, 2 * sizeof images[0]);
    for (uint32_t step = 0; step < SLOTS_STEPS_MAX; step++) {
        slots_decide(&u->record, &facts, out);
        if (out->action == SLOTS_VERIFY) {
            struct image_result *result = &images[out->slot];
            crypto_sha256_init(u->config->hash); /* of every byte, whatever was hashed before */
            enum fota_err err = update_verify_slot(u, out->slot, u->record.security_floor, result);
            learn(&facts.image[out->slot], err, result);
        } else if (out->action == SLOTS_WRITE) {
            update_make_room(u);
            facts.can_write = update_commit(u, &out->record) == FOTA_OK;
            facts.is_run_counted = facts.can_write && out->counts_run;
        } else {
            break;
        }
    }
    if (out->action == SLOTS_BOOT) {
        update_make_room(u);
        note_running(u, out->slot, &images[out->slot]);
        return;
    }
    out->action = SLOTS_LOADER;
    if (out->reason != FOTA_OK) {
        u->record.last_reason = (uint16_t)out->reason;
    }
}

void update_info(const struct update *u, struct boot_info *out)
{
    const struct boot_record *record = &u->record;
    memset(out, 0, sizeof *out);
    out->bootloader_version = u->config->bootloader_version;
    out->running_slot = (uint8_t)u->running;
    out->active_slot = record->active;
    out->tries_left = record->tries;
    out->reset_cause = (uint8_t)u->cause;
    out->journal_ok = (uint8_t)journal_sound_mask(&u->journal);
    out->security_floor = update_floor(u);
    memcpy(out->slot_state, record->state, sizeof out->slot_state);
    out->inactive_slot = (uint8_t)update_inactive_slot(u);
    out->starts_left = record->starts;
    out->flags = record->flags;
    out->retry = record->retry;
    memcpy(out->slot_hash, record->digest, sizeof out->slot_hash);
    memcpy(out->rejected_hash, record->rejected, sizeof out->rejected_hash);
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        struct image image;
        bool has_image = record->state[slot] > SLOT_STATE_RECEIVING &&
                         image_parse(u->config->slot[slot], update_slot_bytes(u), &image) == FOTA_OK;
        out->slot_version[slot] = has_image ? image.version_packed : 0;
    }
    out->last_reason = record->last_reason;
    out->session_state = (uint16_t)u->session;
    out->session_id = u->session_id;
    out->session_flashed = u->session_flashed < u->session_bytes ? u->session_flashed : u->session_bytes;
    for (uint32_t i = 0; i < BOOT_HW_ID_MAX_BYTES && u->config->hw_id[i] != '\0'; i++) {
        out->hw_id[i] = u->config->hw_id[i];
    }
}

enum fota_err update_confirm(struct update *u)
{
    if (u->running == SLOT_NONE) {
        return E_STATE;
    }
    uint32_t slot = u->running;
    struct boot_record record = u->record;
    bool is_candidate = record.state[slot] == SLOT_STATE_TRIAL || record.state[slot] == SLOT_STATE_CONFIRMED;
    if (!is_candidate || memcmp(record.digest[slot], u->running_digest, BOOT_RECORD_DIGEST_BYTES) != 0) {
        return E_STATE;
    }
    if (record.state[slot] == SLOT_STATE_CONFIRMED && record.active == slot) {
        return FOTA_OK;
    }
    record.active = (uint8_t)slot;
    record.state[slot] = SLOT_STATE_CONFIRMED;
    record.tries = 0;
    record.last_reason = FOTA_OK;
    memset(record.rejected, 0,
           sizeof record.rejected); /* another image is confirmed: the rejected one may be offered again */
    return update_commit(u, &record);
}
