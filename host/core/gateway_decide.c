#include <string.h>

#include "base/bytes.h"
#include "gateway/gateway_offer.h"

enum { ATTEMPTS_MAX = 5, DIGEST_BYTES = 8, PERCENT = 100 };

enum slot gateway_inactive_slot(const struct boot_info *target)
{
    if (target->running_slot < SLOT_NONE) {
        return target->running_slot == SLOT_A ? SLOT_B : SLOT_A;
    }
    if (target->active_slot < SLOT_NONE) {
        return target->active_slot == SLOT_A ? SLOT_B : SLOT_A;
    }
    /* Nothing runs and nothing was ever confirmed: where something was received, else A. */
    uint8_t state_b = target->slot_state[SLOT_B];
    return state_b == SLOT_STATE_RECEIVING || state_b == SLOT_STATE_PENDING ? SLOT_B : SLOT_A;
}

static bool is_image_of(const struct gateway_offer *offer, const struct boot_info *target, enum slot slot)
{
    return memcmp(offer->release.image[slot].sha256, target->slot_hash[slot], DIGEST_BYTES) == 0;
}

static bool is_running(const struct gateway_offer *offer, const struct boot_info *target)
{
    return target->running_slot < SLOT_NONE && is_image_of(offer, target, (enum slot)target->running_slot);
}

/** The target's word, for a gateway that lost its own record. */
static bool has_target_rejected(const struct gateway_offer *offer, const struct boot_info *target)
{
    enum slot slot = gateway_inactive_slot(target);
    return target->slot_state[slot] == SLOT_STATE_REJECTED && is_image_of(offer, target, slot);
}

static enum fota_err check_rejected(const struct gateway_facts *f)
{
    const struct gateway_rejected *known = gateway_record_rejected(f->record, f->offer->images);
    uint32_t retry = f->offer->channel.retry;
    if (known) {
        return retry > known->retry ? FOTA_OK : E_SLOT_REJECTED;
    }
    return has_target_rejected(f->offer, f->target) && retry == 0 ? E_SLOT_REJECTED : FOTA_OK;
}

static enum fota_err check_attempts(const struct gateway_facts *f)
{
    bool is_counted = memcmp(f->record->images, f->offer->images, CRYPTO_SHA256_BYTES) == 0;
    return is_counted && f->record->attempts >= ATTEMPTS_MAX ? E_UPDATE_GAVE_UP : FOTA_OK;
}

/** Share of the fleet, in parts of 2^32, whose turn has come. Without a usable clock the maximum alone
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

/** The device's place, salted by the release, so that the first ones are others each time. */
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

static enum fota_err objection(const struct gateway_facts *f)
{
    const struct channel *c = &f->offer->channel;
    enum fota_err err = check_fit(f);
    if (!err) {
        err = check_rejected(f);
    }
    if (!err) {
        err = check_attempts(f);
    }
    if (err) {
        return err;
    }
    if (f->now_s > c->expires_s) {
        return E_STATEMENT_EXPIRED;
    }
    if (c->is_halted) {
        return E_STATEMENT_HALTED;
    }
    return is_its_turn(f) ? FOTA_OK : E_STATEMENT_ROLLOUT;
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
    out->reason = objection(f);
    if (!out->reason) {
        out->input = GATEWAY_ON_OFFER;
    }
}
