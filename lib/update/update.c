#include <string.h>

#include "base/attr.h"
#include "update_private.h"

enum { BOTH_DEAD = (1 << JOURNAL_MIRRORS) - 1 };

FOTA_NOINLINE struct boot_record *update_draft(struct update *u)
{
    u->draft = u->record;
    return &u->draft;
}

/* The record in RAM changes only after the one in flash: what the program believes is never ahead of what the
 * next boot will read. `frozen` is set when the journal has another format, which nothing may overwrite. */
enum fota_err update_commit(struct update *u, const struct boot_record *record)
{
    enum fota_err err = u->frozen ? u->frozen : journal_append(&u->journal, record);
    if (err == FOTA_OK) {
        u->record = *record;
    }
    return err;
}

/* The counter of the running image counts only if that image is confirmed. A trial may still fail, and then
 * the older image must be allowed to run. */
uint32_t update_floor(const struct update *u)
{
    bool is_confirmed_running = u->running != SLOT_NONE && u->running == u->record.active;
    uint32_t counter = is_confirmed_running ? u->running_counter : 0;
    return counter > u->record.security_floor ? counter : u->record.security_floor;
}

/* What an image in this slot must satisfy.
 *
 * A slot's image must have a security counter of at least `floor`, and the active key no longer counts once
 * it was revoked. The loader must always run, because without it no host reaches a board that has no image.
 * So its counter is not compared, and a loader that write protection keeps from being replaced stays valid
 * with the revoked key: refusing it would not make room for another. */
static void set_policy(const struct update *u, enum slot slot, uint32_t floor, struct image_policy *out)
{
    const struct update_config *config = config_of(u);
    bool is_loader = slot == SLOT_LOADER;
    bool is_revoked =
        (u->record.flags & BOOT_FLAG_KEY_REVOKED) != 0 && !(is_loader && update_is_loader_protected(u));
    *out = (struct image_policy){
        .base = is_loader ? config->loader.base : config->base[slot],
        .slot_bytes = is_loader ? config->loader.n_bytes : update_slot_bytes(u),
        .ram_bytes = RAM_BYTES,
        .ccm_bytes = CCM_BYTES,
        .security_floor = is_loader ? 0 : floor,
        .hw_id = config->hw_id,
        .keys = {is_revoked ? NULL : config->keys[IMAGE_KEY_ACTIVE], config->keys[IMAGE_KEY_NEXT]},
        .revoked_key = is_revoked ? config->keys[IMAGE_KEY_ACTIVE] : NULL,
        .hash = config->hash,
    };
}

static const uint8_t *bytes_of(const struct update *u, enum slot slot)
{
    return slot == SLOT_LOADER ? config_of(u)->loader.bytes : config_of(u)->slot[slot];
}

enum fota_err update_verify_slot(const struct update *u, enum slot slot, uint32_t floor,
                                 struct image_result *out)
{
    struct image_policy policy;
    set_policy(u, slot, floor, &policy);
    return image_verify_slot(bytes_of(u, slot), &policy, out);
}

enum fota_err update_verify_bytes(const struct update *u, enum slot slot, const uint8_t *bytes,
                                  uint32_t n_bytes, struct image_result *out)
{
    struct image_policy policy;
    set_policy(u, slot, 0, &policy);
    crypto_sha256_init(config_of(u)->hash);
    return image_verify(bytes, n_bytes, &policy, out);
}

enum crypto_verdict update_verify_again(const struct update *u, enum slot slot, const struct image *image)
{
    struct image_policy policy;
    set_policy(u, slot, u->record.security_floor, &policy);
    return image_verify_again(bytes_of(u, slot), &policy, image);
}

/*
 * The epoch: the security floor in one-time memory (RM0090 3.8), for a board that has lost its journal.
 *
 * Each step of the epoch is one byte of that memory which is no longer FF, so the epoch is the number of such
 * bytes. Bits there can only be cleared, so the epoch never goes down. If the power is cut while a word of
 * it is programmed, each of the four bytes may read FF or not: the board then has an epoch between the old one
 * and the new one. The tool that raises it programs the word again, and locks the chip only after it has read
 * back the whole epoch.
 *
 * `epoch` is NULL on a board without such memory: its epoch is 0.
 */
static uint32_t read_epoch(const uint8_t *epoch)
{
    uint32_t n_steps = 0;
    for (uint32_t i = 0; i < OTP_EPOCH_BYTES && epoch; i++) {
        n_steps += epoch[i] != 0xFF;
    }
    return n_steps;
}

/*
 * Both journals are lost, and with them the flag that the active key was revoked (docs/spec/boot.md).
 *
 * What revoked it was an image, signed by the next key, that names the key it ends in a TLV. If such an image is still
 * in a slot and verifies, revoke the active key again. Its counter is not compared (floor 0): an old image of
 * the next key is as good a proof as a new one. Otherwise a thief with the stolen key only needed to destroy
 * the journals to have his images accepted again.
 */
static void revoke_again(struct update *u)
{
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        struct image_result found;
        const uint8_t *bytes = config_of(u)->slot[slot];
        if (image_parse(bytes, update_slot_bytes(u), &found.image) != FOTA_OK ||
            found.image.revokes_off == 0) {
            continue;
        }
        crypto_sha256_init(config_of(u)->hash);
        if (update_verify_slot(u, (enum slot)slot, 0, &found) == FOTA_OK && found.verdict == CRYPTO_ACCEPT) {
            u->record.flags |= BOOT_FLAG_KEY_REVOKED;
        }
    }
}

FOTA_NOINLINE enum fota_err update_open(struct update *u, const struct update_config *config,
                                        const struct update_reset *reset)
{
    memset(u, 0, sizeof *u);
    u->config = config;
    config->flash->overlap = crypto_sha256_block;
    u->reset = *reset;
    u->running = SLOT_NONE;
    u->record.active = SLOT_NONE;
    u->n_erases_allowed = UINT32_MAX;
    /* RAM outlives a reset. Also done before each verification:
     * leaving out one of the two changes nothing. */
    crypto_sha256_init(config->hash);
    enum fota_err err = journal_load(&u->journal, config->flash, config->journal, &u->record);
    if (err == E_JOURNAL_DEGRADED) {
        /* Rule R10. A supply that comes and goes is what tore the record, and each repair costs erases. */
        if (reset->cause <= RESET_BROWN_OUT && config->settle) {
            config->settle();
        }
        err = journal_repair(&u->journal);
    }
    if (err == E_JOURNAL_FORMAT) {
        u->frozen = err;
    }
    if (err == E_JOURNAL_LOST) {
        revoke_again(u);
    }
    /* The floor of the record is normally the higher one; the epoch counts when the record was lost. */
    uint32_t epoch = read_epoch(config->epoch);
    if (u->record.security_floor < epoch) {
        u->record.security_floor = epoch;
    }
    if (err == E_JOURNAL_LOST || err == E_JOURNAL_DEGRADED) {
        return FOTA_OK;
    }
    if (err) {
        u->record.last_reason = (uint16_t)err;
    }
    return err;
}

/* Tell the decision what verification found. Only an image with an ACCEPT is valid: the error code alone is
 * not enough, because one skipped instruction may turn it into FOTA_OK. */
static void learn(struct slots_image *fact, enum fota_err err, const struct image_result *result)
{
    fact->check = err == FOTA_OK && result->verdict == CRYPTO_ACCEPT ? SLOTS_VALID : SLOTS_INVALID;
    fact->reason = err;
    fact->version = result->image.version_packed;
    fact->wants_watchdog = (result->image.run_flags & IMAGE_RUN_WATCHDOG) != 0;
    memcpy(fact->digest, result->image_hash, BOOT_RECORD_DIGEST_BYTES);
}

/* Remember which image is about to run. update_confirm later confirms this image, by its hash, and not
 * whatever is in the slot by then. */
static void note_running(struct update *u, enum slot slot, const struct image_result *result)
{
    u->running = slot;
    u->running_counter = result->image.security_counter;
    u->running_revokes = result->image.revokes_off != 0;
    memcpy(u->running_digest, result->image_hash, BOOT_RECORD_DIGEST_BYTES);
}

enum fota_err update_take_erase(struct update *u)
{
    if (u->n_erases_allowed == 0) {
        return E_UPDATE_BUSY;
    }
    u->n_erases_allowed--;
    return FOTA_OK;
}

/* One step towards room. With both sectors dead nothing is erased, and no permission is used up: who had to
 * wait for one would wait for ever. */
static enum fota_err reserve(struct update *u, uint32_t n_records, uint32_t spare)
{
    if (journal_dead_mask(&u->journal) == BOTH_DEAD) {
        return journal_reserve(&u->journal, n_records, spare);
    }
    enum fota_err err = update_take_erase(u);
    if (err == FOTA_OK) {
        err = journal_reserve(&u->journal, n_records, spare);
        u->n_erases_allowed += err == E_JOURNAL_FULL || err == E_FLASH_SUPPLY; /* nothing was erased */
    }
    return err;
}

enum fota_err update_make_room(struct update *u, uint32_t n_records, uint32_t spare)
{
    enum fota_err err = u->frozen;
    for (uint32_t i = 0;
         i < JOURNAL_RESERVE_CALLS && err == FOTA_OK && !journal_has_room(&u->journal, n_records); i++) {
        err = reserve(u, n_records, spare);
    }
    return err;
}

enum fota_err update_record(struct update *u, const struct boot_record *record)
{
    /* Other errors show themselves in the append, if they are in its way. */
    enum fota_err err = update_make_room(u, 1, JOURNAL_NO_SPARE);
    return err == E_UPDATE_BUSY ? err : update_commit(u, record);
}

/* At a boot: a failure shows itself in the next append; a full journal without mirror stays readable. */
static void have_room(struct update *u)
{
    enum fota_err err = update_make_room(u, JOURNAL_FREE_AT_JUMP, JOURNAL_NO_SPARE);
    (void)err;
}

/* slots_decide is a pure function: it says what it wants to know or to have written, this loop does that and
 * asks again. Each verification and each write changes the facts, so the loop ends; SLOTS_STEPS_MAX bounds it
 * all the same. If a record cannot be written, the decision is made again with can_write false: no trial
 * starts that was not counted, because an image that hangs would otherwise be started for ever. */
void update_choose(struct update *u, enum boot_request request, struct slots_decision *out,
                   struct image_result images[2])
{
    struct slots_facts facts = {.request = request,
                                .is_run_failed = u->reset.is_run_failed,
                                .can_write = u->frozen == FOTA_OK,
                                .n_crashes = u->reset.n_crashes};
    memset(images, 0, 2 * sizeof images[0]);
    for (uint32_t step = 0; step < SLOTS_STEPS_MAX; step++) {
        slots_decide(&u->record, &facts, out);
        if (out->action == SLOTS_VERIFY) {
            struct image_result *result = &images[out->slot];
            crypto_sha256_init(config_of(u)->hash); /* of every byte, whatever was hashed before */
            enum fota_err err = update_verify_slot(u, out->slot, u->record.security_floor, result);
            learn(&facts.image[out->slot], err, result);
        } else if (out->action == SLOTS_WRITE) {
            have_room(u);
            facts.can_write = update_commit(u, &out->record) == FOTA_OK;
            facts.is_run_counted = facts.can_write && out->counts_run;
        } else {
            break;
        }
    }
    if (out->action == SLOTS_BOOT) {
        have_room(u); /* not for the loader: a board that resets again and again must wear nothing */
        note_running(u, out->slot, &images[out->slot]);
        return;
    }
    out->action = SLOTS_LOADER;
    u->stay = out->stay;
    if (out->reason != FOTA_OK) {
        u->record.last_reason = (uint16_t)(u->frozen ? u->frozen : out->reason);
    }
}

enum fota_err update_confirm(struct update *u)
{
    if (u->running == SLOT_NONE) {
        return E_STATE;
    }
    uint32_t slot = u->running;
    struct boot_record *record = update_draft(u);
    uint8_t state = record->state[slot];
    bool is_candidate =
        state == SLOT_STATE_TRIAL || state == SLOT_STATE_CONFIRMED || state == SLOT_STATE_LAST_RESORT;
    if (!is_candidate || memcmp(record->digest[slot], u->running_digest, BOOT_RECORD_DIGEST_BYTES) != 0) {
        return E_STATE;
    }
    /* An image of the next key ends the active key at this moment and not before: until it is confirmed, the
     * board may have to go back to an image of the active key. */
    if (u->running_revokes) {
        record->flags |= BOOT_FLAG_KEY_REVOKED;
    }
    if (state == SLOT_STATE_CONFIRMED && record->active == slot && record->flags == u->record.flags) {
        return FOTA_OK;
    }
    record->active = (uint8_t)slot;
    record->state[slot] = SLOT_STATE_CONFIRMED;
    record->tries = 0;
    record->starts = 0;
    record->last_reason = FOTA_OK;
    /* Another image is confirmed: the rejected one may be offered again. */
    memset(record->rejected, 0, sizeof record->rejected);
    return update_record(u, record);
}
