#include <string.h>

#include "base/bytes.h"
#include "gateway/gateway_offer.h"

enum {
    ATTEMPTS_MAX = 5,
    HASH_BYTES = 8,
    PERCENT = 100,
    OPTION_NWRP1 = 1 << 17 /* FLASH_OPTCR nWRP of sector 1 (RM0090 3.9.10): 0 is write-protected */
};

enum slot gateway_inactive_slot(const struct boot_info *target)
{
    if (target->inactive_slot < SLOT_NONE) {
        return (enum slot)target->inactive_slot;
    }
    uint8_t busy = target->running_slot < SLOT_NONE ? target->running_slot : target->active_slot;
    return busy == SLOT_A ? SLOT_B : SLOT_A;
}

/* The start of an image hash as INFO has it; zero is "unknown", never a match. */
static bool is_hash(const uint8_t known[HASH_BYTES], const uint8_t *hash)
{
    static const uint8_t none[HASH_BYTES] = {0};
    return memcmp(known, none, sizeof none) != 0 && memcmp(known, hash, HASH_BYTES) == 0;
}

static bool is_image_of(const struct gateway_offer *offer, const struct boot_info *target, enum slot slot)
{
    return is_hash(target->slot_hash[slot], offer->release.image[slot].hash);
}

static bool is_running(const struct gateway_offer *offer, const struct boot_info *target)
{
    return target->running_slot < SLOT_NONE && is_image_of(offer, target, (enum slot)target->running_slot);
}

/* The target's own word: it names the release by both images, so it does not matter which slot is free. */
static enum fota_err target_objection(const struct gateway_facts *f)
{
    for (enum slot slot = SLOT_A; slot <= SLOT_B; slot++) {
        if (is_hash(f->target->rejected_hash[slot], f->offer->release.image[slot].hash)) {
            return E_SLOT_REJECTED;
        }
        if (f->target->slot_state[slot] == SLOT_STATE_LAST_RESORT && is_image_of(f->offer, f->target, slot)) {
            return E_SLOT_LAST_RESORT;
        }
    }
    return FOTA_OK;
}

/* @param needs_retry  the operator asked for another try, and the target does not know it yet */
static enum fota_err check_rejected(const struct gateway_facts *f, bool *needs_retry)
{
    const struct gateway_rejected *known = gateway_record_rejected(f->record, f->offer->images);
    const uint32_t retry = f->offer->channel.retry;
    const enum fota_err objection = target_objection(f);
    *needs_retry = (known || objection) && retry > f->target->retry;
    if (known && retry <= known->retry) {
        return known->reason == E_UPDATE_LOADER_KEY ? E_UPDATE_LOADER_KEY : E_SLOT_REJECTED;
    }
    return *needs_retry ? FOTA_OK : objection;
}

static enum fota_err check_attempts(const struct gateway_facts *f)
{
    const struct gateway_record *r = f->record;
    bool is_counted = memcmp(r->images, f->offer->images, CRYPTO_SHA256_BYTES) == 0 &&
                      f->offer->channel.retry <= r->attempts_retry;
    return is_counted && r->attempts >= ATTEMPTS_MAX ? E_UPDATE_GAVE_UP : FOTA_OK;
}

/* Share of the fleet, in parts of 2^32, whose turn has come. Without a usable clock the maximum alone
 * decides. */
static uint64_t rollout_share(const struct channel *c, uint64_t now_s)
{
    uint64_t whole = (uint64_t)1 << 32;
    uint64_t share = whole * c->rollout_max_pct / PERCENT;
    if (now_s == 0 || c->rollout_ramp_s == 0) {
        return now_s != 0 && now_s < c->rollout_start_s ? 0 : share;
    }
    if (now_s <= c->rollout_start_s) {
        return 0;
    }
    uint64_t since_s = now_s - c->rollout_start_s;
    uint64_t ramped = since_s >= c->rollout_ramp_s ? whole : whole * since_s / c->rollout_ramp_s;
    return ramped < share ? ramped : share;
}

/* The device's place, salted by the release, so that the first ones are others each time. */
static bool is_its_turn(const struct gateway_facts *f)
{
    struct crypto_sha256 hash;
    uint8_t place[CRYPTO_SHA256_BYTES];
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, f->identity->device, strlen(f->identity->device));
    crypto_sha256_update(&hash, f->offer->channel.release_sha256, CRYPTO_SHA256_BYTES);
    crypto_sha256_final(&hash, place);
    return bytes_load_be32(place) < rollout_share(&f->offer->channel, f->now_s);
}

static enum fota_err check_fit(const struct gateway_facts *f)
{
    const struct release *r = &f->offer->release;
    const struct boot_info *t = f->target;
    if (strncmp(t->hw_id, f->identity->hw, BOOT_HW_ID_MAX_BYTES) != 0) {
        return E_STATEMENT_PRODUCT;
    }
    if (r->security_counter < t->security_floor) {
        return E_STATEMENT_COUNTER;
    }
    uint32_t running = t->running_slot < SLOT_NONE ? t->slot_version[t->running_slot] : r->from_min;
    bool is_too_old = t->bootloader_version < r->boot_min || running < r->from_min;
    return is_too_old ? E_STATEMENT_PRECURSOR : FOTA_OK;
}

/* What the channel says about time and fleet; the same for a release and for a loader. */
static enum fota_err check_terms(const struct gateway_facts *f)
{
    const struct channel *c = &f->offer->channel;
    if (f->now_s > c->expires_s) {
        return E_STATEMENT_EXPIRED;
    }
    if (c->is_halted) {
        return E_STATEMENT_HALTED;
    }
    return is_its_turn(f) ? FOTA_OK : E_STATEMENT_ROLLOUT;
}

static enum fota_err objection(const struct gateway_facts *f, bool *needs_retry)
{
    enum fota_err err = check_fit(f);
    if (!err) {
        err = check_rejected(f, needs_retry);
    }
    if (!err) {
        err = check_attempts(f);
    }
    return err ? err : check_terms(f);
}

static bool is_trial_running(const struct boot_info *target)
{
    return target->slot_state[SLOT_A] == SLOT_STATE_TRIAL || target->slot_state[SLOT_B] == SLOT_STATE_TRIAL;
}

void gateway_decide(const struct gateway_facts *f, struct gateway_decision *out)
{
    *out = (struct gateway_decision){
        .input = GATEWAY_ON_NOTHING, .reason = FOTA_OK, .slot = gateway_inactive_slot(f->target)};
    if (is_trial_running(f->target)) {
        out->input = GATEWAY_ON_IN_TRIAL;
        return;
    }
    if (is_running(f->offer, f->target)) {
        return;
    }
    bool needs_retry = false;
    out->reason = objection(f, &needs_retry);
    if (!out->reason) {
        out->input = GATEWAY_ON_OFFER;
        out->needs_retry = needs_retry;
    }
}

/* Only a confirmed application may replace what saves it. */
static bool is_confirmed_running(const struct gateway_facts *f)
{
    const struct boot_info *t = f->target;
    return f->is_agent && t->running_slot < SLOT_NONE && t->running_slot == t->active_slot &&
           t->slot_state[t->running_slot] == SLOT_STATE_CONFIRMED;
}

/* What was remembered about this loader; a raised `retry` or another application asks anew. */
static enum fota_err remembered(const struct gateway_facts *f)
{
    const struct gateway_loader_memory *m = &f->record->loader;
    if (memcmp(m->sha256, f->offer->channel.loader_sha256, sizeof m->sha256) != 0 ||
        f->offer->channel.retry > m->retry ||
        memcmp(m->running, f->target->slot_hash[f->target->running_slot], sizeof m->running) != 0) {
        return FOTA_OK;
    }
    return m->attempts >= ATTEMPTS_MAX && !m->reason ? E_UPDATE_GAVE_UP : (enum fota_err)m->reason;
}

bool gateway_loader_is_due(const struct gateway_facts *f, enum fota_err *reason)
{
    const struct gateway_loader_memory *m = &f->record->loader;
    const struct channel *c = &f->offer->channel;
    *reason = FOTA_OK;
    if (!c->has_loader || (memcmp(m->sha256, c->loader_sha256, sizeof m->sha256) == 0 &&
                           is_hash(f->target->loader_hash, m->hash))) {
        return false;
    }
    if (strncmp(f->target->hw_id, f->identity->hw, BOOT_HW_ID_MAX_BYTES) != 0) {
        *reason = E_STATEMENT_PRODUCT;
    } else if (!is_confirmed_running(f)) {
        *reason = E_LOADER_NOT_NOW;
    } else if ((f->target->option_bytes & OPTION_NWRP1) == 0) {
        *reason = E_LOADER_PROTECTED;
    } else {
        *reason = remembered(f);
    }
    if (!*reason) {
        *reason = check_terms(f);
    }
    return !*reason;
}
