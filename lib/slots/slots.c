#include "slots/slots.h"

#include <string.h>

#include "base/attr.h"

static void verify(struct slots_decision *out, uint32_t slot)
{
    out->action = SLOTS_VERIFY;
    out->slot = (enum slot)slot;
}

static void boot(struct slots_decision *out, uint32_t slot, bool is_trial)
{
    out->action = SLOTS_BOOT;
    out->slot = (enum slot)slot;
    out->is_trial = is_trial;
}

static void stay(struct slots_decision *out, enum fota_err reason)
{
    out->action = SLOTS_LOADER;
    out->slot = SLOT_NONE;
    out->reason = reason;
}

/* The image in the slot is authentic and the very one the record speaks of. */
static bool is_known(const struct slots_facts *facts, const struct boot_record *record, uint32_t slot)
{
    return facts->image[slot].check == SLOTS_VALID &&
           memcmp(facts->image[slot].digest, record->digest[slot], BOOT_RECORD_DIGEST_BYTES) == 0;
}

/* Why the record's image does not boot. */
static enum fota_err reason_of(const struct slots_image *image)
{
    return image->check == SLOTS_INVALID ? image->reason : E_UPDATE_DIGEST;
}

FOTA_NOINLINE static void forget(struct boot_record *record, uint32_t slot, enum fota_err reason)
{
    record->state[slot] = SLOT_STATE_EMPTY;
    memset(record->digest[slot], 0, BOOT_RECORD_DIGEST_BYTES);
    record->last_reason = (uint16_t)reason;
}

/* Never to run or to be received again, until another image is confirmed. */
static void reject(struct boot_record *record, uint32_t slot, enum fota_err reason)
{
    record->state[slot] = SLOT_STATE_REJECTED;
    memset(record->rejected, 0, sizeof record->rejected);
    memcpy(record->rejected[slot], record->digest[slot], BOOT_RECORD_DIGEST_BYTES);
    record->last_reason = (uint16_t)reason;
}

/* A trial takes precedence over the confirmed image until its runs are spent. */
static void decide_trial(const struct slots_facts *facts, uint32_t slot, struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    bool is_bootable = is_known(facts, record, slot);
    if (is_bootable && facts->is_run_counted) {
        boot(out, slot, true);
        return;
    }
    if (record->tries != 0 && facts->image[slot].check == SLOTS_UNKNOWN) {
        verify(out, slot);
        return;
    }
    out->action = SLOTS_WRITE;
    if (record->tries == 0) {
        reject(record, slot, E_SLOT_TRIALS_SPENT);
    } else if (is_bootable) {
        record->tries--;
        out->counts_run = true;
    } else {
        /* Verified when it was received, so this is decay and not a bad release: it may be sent again. */
        forget(record, slot, reason_of(&facts->image[slot]));
        record->tries = 0;
    }
}

/* No image is known to be confirmed: new board, or both journals lost (rule R11). Try the higher version that
 * nothing is known about; never a rejected or half-received one. */
static void decide_unknown(const struct slots_facts *facts, struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    uint32_t best = SLOT_NONE;
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        const struct slots_image *image = &facts->image[slot];
        if (record->state[slot] != SLOT_STATE_EMPTY) {
            continue;
        }
        if (image->check == SLOTS_UNKNOWN) {
            verify(out, slot);
            return;
        }
        if (image->check == SLOTS_VALID &&
            (best == SLOT_NONE || image->version > facts->image[best].version)) {
            best = slot;
        }
    }
    if (best == SLOT_NONE || !facts->can_write) {
        stay(out, E_SLOT_NOT_BOOTABLE);
        return;
    }
    out->action = SLOTS_WRITE;
    out->counts_run = true;
    record->state[best] = SLOT_STATE_TRIAL;
    record->tries = BOOT_TRIAL_RUNS - 1;
    memcpy(record->digest[best], facts->image[best].digest, BOOT_RECORD_DIGEST_BYTES);
}

static void decide_confirmed(const struct slots_facts *facts, struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    uint32_t slot = record->active;
    uint32_t other = 1 - slot;
    bool is_other_confirmed = record->state[other] == SLOT_STATE_CONFIRMED;
    bool can_take_over =
        is_other_confirmed && (facts->image[other].check == SLOTS_UNKNOWN || is_known(facts, record, other));
    bool is_crash_loop = can_take_over && facts->can_write && facts->n_crashes >= SLOTS_CRASHES_MAX;
    if (!is_crash_loop && facts->image[slot].check == SLOTS_UNKNOWN) {
        verify(out, slot);
        return;
    }
    if (!is_crash_loop && is_known(facts, record, slot)) {
        boot(out, slot, false);
        return;
    }
    enum fota_err reason = reason_of(&facts->image[slot]);
    if (can_take_over && facts->image[other].check == SLOTS_UNKNOWN) {
        verify(out, other);
    } else if (can_take_over) {
        /* Recorded first, so that a slot that reads well only now and then does not alternate with the other,
         * and an image that crashes is fallen back from once: it is not confirmed any more. */
        if (is_crash_loop) {
            reject(record, slot, E_SLOT_CRASH_LOOP);
        } else {
            forget(record, slot, E_SLOT_FELL_BACK);
        }
        record->active = (uint8_t)other;
        out->action = SLOTS_WRITE;
        if (!facts->can_write) {
            boot(out, other, false);
        }
    } else if (reason == E_UPDATE_DIGEST && facts->can_write) {
        /* Authentic, but not what was confirmed: put there past the updater (debugger, ROM loader). Nothing
         * is known. */
        forget(record, slot, reason);
        record->active = SLOT_NONE;
        out->action = SLOTS_WRITE;
    } else {
        stay(out, reason);
    }
}

FOTA_NOINLINE void slots_decide(const struct boot_record *record, const struct slots_facts *facts,
                                struct slots_decision *out)
{
    memset(out, 0, sizeof *out);
    out->slot = SLOT_NONE;
    out->record = *record;
    if (facts->wants_loader) {
        stay(out, FOTA_OK);
        return;
    }
    for (uint32_t slot = SLOT_A; slot <= SLOT_B && facts->can_write; slot++) {
        if (out->record.state[slot] == SLOT_STATE_TRIAL) {
            decide_trial(facts, slot, out);
            return;
        }
    }
    if (out->record.active <= SLOT_B && out->record.state[out->record.active] == SLOT_STATE_CONFIRMED) {
        decide_confirmed(facts, out);
    } else {
        decide_unknown(facts, out);
    }
}
