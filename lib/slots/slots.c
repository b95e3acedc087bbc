#include "slots/slots.h"

#include <string.h>

#include "base/attr.h"

/* The caller must verify this slot and ask again. A slot is verified only if its image may matter, because a
 * verification takes up to 150 ms of the boot. */
static void verify(struct slots_decision *out, uint32_t slot)
{
    out->action = SLOTS_VERIFY;
    out->slot = (enum slot)slot;
}

/* A trial always runs with the watchdog: an image that hangs must come back to us without help. A confirmed
 * image gets it if its run flags ask for it. Once started, only a reset stops it (RM0090 21.3). */
static void boot(const struct slots_facts *facts, uint32_t slot, bool is_trial, struct slots_decision *out)
{
    out->action = SLOTS_BOOT;
    out->slot = (enum slot)slot;
    out->is_trial = is_trial;
    out->with_watchdog = is_trial || facts->image[slot].wants_watchdog;
}

/* `stay` tells the loader why it runs: so it knows whether to wait for a host for ever or only for a while. */
static void start_loader(struct slots_decision *out, enum boot_stay stay, enum fota_err reason)
{
    out->action = SLOTS_LOADER;
    out->slot = SLOT_NONE;
    out->stay = stay;
    out->reason = reason;
}

static bool is_same(const uint8_t a[BOOT_RECORD_DIGEST_BYTES], const uint8_t b[BOOT_RECORD_DIGEST_BYTES])
{
    return memcmp(a, b, BOOT_RECORD_DIGEST_BYTES) == 0;
}

/* The image in the slot is authentic and the very one the record speaks of. */
static bool is_known(const struct slots_facts *facts, const struct boot_record *record, uint32_t slot)
{
    return facts->image[slot].check == SLOTS_VALID &&
           is_same(facts->image[slot].digest, record->digest[slot]);
}

/* The image in the slot is authentic, and nothing speaks against a trial of it. */
static bool is_worth_a_trial(const struct slots_facts *facts, const struct boot_record *record, uint32_t slot)
{
    return facts->image[slot].check == SLOTS_VALID &&
           !is_same(facts->image[slot].digest, record->rejected[slot]);
}

/* Does the record name a confirmed image? Both fields must agree: a record whose fields contradict each other
 * is read as "nothing is confirmed", which never starts an image without a trial. */
static bool has_confirmed(const struct boot_record *record)
{
    return record->active <= SLOT_B && record->state[record->active] == SLOT_STATE_CONFIRMED;
}

/* Why the record's image does not boot. */
FOTA_NOINLINE static enum fota_err reason_of(const struct slots_image *image)
{
    return image->check == SLOTS_INVALID ? image->reason : E_UPDATE_DIGEST;
}

/* The image in the slot is no trial any more, or not confirmed any more. */
FOTA_NOINLINE static void leave(struct boot_record *record, uint32_t slot, enum slot_state state,
                                enum fota_err reason)
{
    record->state[slot] = (uint8_t)state;
    record->tries = 0;
    record->starts = 0;
    record->last_reason = (uint16_t)reason;
}

/* The image is damaged, but nothing was wrong with its release: the slot counts as empty, and the same release
 * may be received again. Compare reject(). */
FOTA_NOINLINE static void forget(struct boot_record *record, uint32_t slot, enum fota_err reason)
{
    leave(record, slot, SLOT_STATE_EMPTY, reason);
    memset(record->digest[slot], 0, BOOT_RECORD_DIGEST_BYTES);
}

/* The release itself failed: it never runs and is not received again until another image is confirmed or the
 * operator asks for a retry. A release has one image for each slot, so both hashes are remembered. Without
 * that, the same release would be received again for the other slot, fail again, and so on for ever. */
static void reject(struct boot_record *record, uint32_t slot, enum fota_err reason)
{
    leave(record, slot, SLOT_STATE_REJECTED, reason);
    memcpy(record->rejected[slot], record->digest[slot], BOOT_RECORD_DIGEST_BYTES);
    memcpy(record->rejected[1 - slot], record->counterpart, BOOT_RECORD_DIGEST_BYTES);
}

/* By the record alone: could the slot's image boot if there were no trial in the other one? An empty slot
 * could: with the other one on trial, nothing is confirmed then. */
static bool may_take_over(const struct boot_record *record, uint32_t slot)
{
    uint8_t state = record->state[slot];
    return state == SLOT_STATE_LAST_RESORT || state == SLOT_STATE_EMPTY ||
           (state == SLOT_STATE_CONFIRMED && record->active == slot);
}

/* The trial has used up what it had. The only image is never rejected: it is the last resort then. */
static void decide_spent(const struct slots_facts *facts, uint32_t slot, enum fota_err reason,
                         struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    uint32_t other = 1 - slot;
    bool can_take_over = may_take_over(record, other);
    if (can_take_over && facts->image[other].check == SLOTS_UNKNOWN) {
        verify(out, other);
        return;
    }
    can_take_over =
        can_take_over && (record->state[other] == SLOT_STATE_EMPTY ? is_worth_a_trial(facts, record, other)
                                                                   : is_known(facts, record, other));
    out->action = SLOTS_WRITE;
    if (can_take_over) {
        reject(record, slot, reason);
    } else {
        leave(record, slot, SLOT_STATE_LAST_RESORT, reason);
    }
}

/*
 * A trial takes precedence over the confirmed image until it has used up its failed runs or its starts.
 *
 * Two numbers count down. `tries` counts runs that the image itself ended badly (watchdog, fault, reset by
 * software). `starts` counts every start: an image may also never confirm because the power is switched off
 * each time before it could, or because it overloads the supply, and that must end as well. The start is
 * written before the image runs; what is only counted afterwards is not counted if the image hangs.
 */
static void decide_trial(const struct slots_facts *facts, uint32_t slot, struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    bool is_bootable = is_known(facts, record, slot);
    if (is_bootable && facts->is_run_counted) {
        boot(facts, slot, true, out);
        return;
    }
    /* Before its first start no run can have failed: the reset ended what ran before it. */
    bool is_run_failed = facts->is_run_failed && record->starts < BOOT_TRIAL_STARTS;
    /* The failed run is taken off `tries` together with the next start, in one record. So compare with what
     * would be left after it. */
    if (record->tries <= (uint32_t)is_run_failed) {
        decide_spent(facts, slot, E_SLOT_TRIALS_SPENT, out);
    } else if (record->starts == 0) {
        decide_spent(facts, slot, E_SLOT_STARTS_SPENT, out);
    } else if (facts->image[slot].check == SLOTS_UNKNOWN) {
        verify(out, slot);
    } else if (is_bootable) {
        out->action = SLOTS_WRITE;
        out->counts_run = true;
        record->tries = (uint8_t)(record->tries - is_run_failed);
        record->starts--;
    } else {
        /* Verified when it was received, so this is decay and not a bad release: it may be sent again. */
        out->action = SLOTS_WRITE;
        forget(record, slot, reason_of(&facts->image[slot]));
    }
}

/* Nothing else can boot: an image whose trial is spent, if there is one. Without the request TRY the loader
 * comes first, so that a host can reach the board. Nothing is written, however often it runs. */
static void decide_last_resort(const struct slots_facts *facts, enum fota_err reason,
                               struct slots_decision *out)
{
    struct boot_record *record = &out->record;
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        if (record->state[slot] != SLOT_STATE_LAST_RESORT) {
            continue;
        }
        if (facts->image[slot].check == SLOTS_UNKNOWN) {
            verify(out, slot);
            return;
        }
        if (is_known(facts, record, slot)) {
            start_loader(out, BOOT_STAY_BEFORE_TRY, FOTA_OK);
            if (facts->request == BOOT_REQUEST_TRY) {
                boot(facts, slot, true, out);
            }
            return;
        }
        reason = reason_of(&facts->image[slot]);
        if (reason == E_UPDATE_DIGEST && facts->can_write) {
            forget(record, slot, reason); /* another image, put there past the updater: nothing is known */
            out->action = SLOTS_WRITE;
            return;
        }
    }
    start_loader(out, BOOT_STAY_NO_IMAGE, reason);
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
        if (is_worth_a_trial(facts, record, slot) &&
            (best == SLOT_NONE || image->version > facts->image[best].version)) {
            best = slot;
        }
    }
    if (best == SLOT_NONE || !facts->can_write) {
        decide_last_resort(facts, E_SLOT_NOT_BOOTABLE, out);
        return;
    }
    out->action = SLOTS_WRITE;
    out->counts_run = true;
    record->state[best] = SLOT_STATE_TRIAL;
    record->tries = BOOT_TRIAL_RUNS;
    record->starts = BOOT_TRIAL_STARTS - 1;
    memcpy(record->digest[best], facts->image[best].digest, BOOT_RECORD_DIGEST_BYTES);
    memset(record->counterpart, 0, BOOT_RECORD_DIGEST_BYTES);
}

/*
 * The normal boot: start the confirmed image if it verifies and is the one that was confirmed.
 *
 * There are two reasons to go to the image in the other slot, and both need that image to be confirmed as
 * well: this one no longer verifies, or it crashed SLOTS_CRASHES_MAX times in a row. A crash loop counts only
 * if the change can be written, since otherwise each boot would decide by a number in RAM that the next power
 * loss clears.
 */
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
        boot(facts, slot, false, out);
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
            boot(facts, other, false, out);
        }
    } else if (reason == E_UPDATE_DIGEST && facts->can_write) {
        /* Authentic, but not what was confirmed: put there past the updater (debugger, ROM loader). Nothing
         * is known. */
        forget(record, slot, reason);
        record->active = SLOT_NONE;
        out->action = SLOTS_WRITE;
    } else {
        decide_last_resort(facts, reason, out);
    }
}

/* Order of precedence: a request for the loader, then a trial, then the confirmed image, then images about
 * which nothing is known. A trial needs a journal that can be written, because its starts must be counted;
 * without one the confirmed image runs. */
FOTA_NOINLINE void slots_decide(const struct boot_record *record, const struct slots_facts *facts,
                                struct slots_decision *out)
{
    memset(out, 0, sizeof *out);
    out->slot = SLOT_NONE;
    out->record = *record;
    if (facts->request == BOOT_REQUEST_LOADER) {
        start_loader(out, BOOT_STAY_REQUESTED, FOTA_OK);
        return;
    }
    for (uint32_t slot = SLOT_A; slot <= SLOT_B && facts->can_write; slot++) {
        if (out->record.state[slot] == SLOT_STATE_TRIAL) {
            decide_trial(facts, slot, out);
            return;
        }
    }
    if (has_confirmed(&out->record)) {
        decide_confirmed(facts, out);
    } else {
        decide_unknown(facts, out);
    }
}
