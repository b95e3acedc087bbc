/* What must never be seen, whatever happened to the power (site.h, docs/POWERCUT.md). */
#include <stdio.h>
#include <string.h>

#include "site_private.h"

enum { CUTS_TO_LOSE = 3, BOOT_ERASES_MAX = 4 };

static void forget_candidate(struct site_view *view)
{
    view->candidate = RELEASE_NONE;
    view->is_confirming = 0;
    view->is_rejected = 0;
    view->n_starts = 0;
    view->n_starts_max = 0;
    view->n_failed = 0;
    view->n_failed_max = 0;
}

static void note_rejected(struct site_view *view, uint8_t id)
{
    if (view->rejected[0] != id) {
        view->rejected[1] = view->rejected[0];
        view->rejected[0] = id;
    }
}

void oracle_note_confirmed(struct site *w, uint32_t id, uint32_t slot)
{
    struct site_view *view = &w->view;
    view->fallback = view->confirmed;
    view->confirmed = (uint8_t)id;
    view->confirmed_slot = (uint8_t)slot;
    forget_candidate(view);
    view->residents = 0;
    view->has_rotted = 0;
    memset(view->rejected, RELEASE_NONE, sizeof view->rejected);
    if (release_of((enum release_id)id)->revokes) {
        view->is_revoked = 1;
    }
}

void oracle_find_residents(struct site *w)
{
    w->view.residents = 0;
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        uint32_t id = site_identify(w, slot);
        bool may_run =
            id != RELEASE_NONE && (!w->view.is_revoked || release_of((enum release_id)id)->is_of_next_key);
        w->view.residents = (uint16_t)(w->view.residents | (may_run ? 1U << id : 0U));
    }
}

/* P19: only three failed runs or sixteen starts reject a release, and the reason tells which. */
static void check_rejection(struct site *w, const struct update *u)
{
    const struct site_view *view = &w->view;
    bool is_by_runs = view->n_failed_max >= BOOT_TRIAL_RUNS && u->record.last_reason == E_SLOT_TRIALS_SPENT;
    bool is_by_starts =
        view->n_starts_max >= BOOT_TRIAL_STARTS && u->record.last_reason == E_SLOT_STARTS_SPENT;
    if (!is_by_runs && !is_by_starts) {
        site_blame(w, "P19",
                   "a release is rejected that has neither failed three times nor started sixteen times");
    }
}

/* The candidate runs. */
static void check_candidate(struct site *w, const struct update *u, uint32_t id, uint32_t slot)
{
    struct site_view *view = &w->view;
    if (u->record.active == slot) {
        if (!view->is_confirming) {
            site_blame(w, "P15", "an image is confirmed that nobody confirmed");
        }
        oracle_note_confirmed(w, id, slot);
        return;
    }
    view->n_starts = (uint8_t)(view->n_starts + (view->n_starts < UINT8_MAX));
    view->n_starts_max = (uint8_t)(view->n_starts_max + (view->n_starts_max < UINT8_MAX));
    bool is_last_resort = u->record.state[slot] == SLOT_STATE_LAST_RESORT;
    if (view->is_rejected) {
        site_blame(w, "P10", "a rejected image boots");
    } else if (is_last_resort && view->confirmed != RELEASE_NONE) {
        site_blame(w, "P22", "an image is the last resort although another one is confirmed");
    } else if (!is_last_resort && (view->n_failed >= BOOT_TRIAL_RUNS || view->n_starts > BOOT_TRIAL_STARTS)) {
        site_blame(w, "P5",
                   "an image that was never confirmed runs after three failed runs or sixteen starts");
    }
}

/* The confirmed image was left for the one before it. */
static void note_fallback(struct site *w, uint32_t id, uint32_t slot)
{
    uint8_t left = w->view.confirmed;
    oracle_note_confirmed(w, id, slot);
    w->view.fallback = RELEASE_NONE;
    if (w->view.may_leave) {
        note_rejected(&w->view, left);
        w->view.may_leave = 0;
    }
}

/* The confirmed image runs. */
static void check_confirmed(struct site *w, const struct update *u, uint32_t id)
{
    struct site_view *view = &w->view;
    bool is_over =
        view->candidate != RELEASE_NONE && u->record.state[view->candidate_slot] == SLOT_STATE_REJECTED;
    if (is_over && !view->is_rejected) {
        check_rejection(w, u);
        view->is_rejected = 1;
        note_rejected(view, view->candidate);
    }
    bool is_crash_loop =
        id == view->crasher && view->fallback != RELEASE_NONE && u->reset.n_crashes >= SLOTS_CRASHES_MAX;
    if (is_crash_loop && site_is_dip(w) && w->has_failed_now) {
        w->waived[WAIVED_REFUSED]++; /* it is left as soon as that can be recorded */
    } else if (is_crash_loop) {
        site_blame(w, "P16", "an image that crashed five times in a row runs although there is another");
    }
}

/* Nothing is confirmed, and an image that stands there is tried. */
static void check_resident(struct site *w, const struct update *u, uint32_t id, uint32_t slot)
{
    struct site_view *view = &w->view;
    if (view->candidate != RELEASE_NONE) { /* another one before it */
        check_rejection(w, u);
        view->residents = (uint16_t)(view->residents & ~(1U << view->candidate));
        note_rejected(view, view->candidate);
        forget_candidate(view);
    }
    view->candidate = (uint8_t)id;
    view->candidate_slot = (uint8_t)slot;
    check_candidate(w, u, id, slot);
}

/* A verified image is about to run: may it? */
static void check_boot(struct site *w, const struct update *u, uint32_t slot)
{
    struct site_view *view = &w->view;
    uint32_t id = site_identify(w, slot);
    const struct release_files *release = release_of((enum release_id)id);
    bool is_unsettled = view->confirmed == RELEASE_NONE && (view->residents >> id & 1) != 0;
    if (id == RELEASE_NONE) {
        site_blame(w, "P2", "boots bytes that are no release");
    } else if (release->counter < view->floor) {
        site_blame(w, "P6", "boots an image below the security floor");
    } else if (view->is_revoked && !release->is_of_next_key) {
        site_blame(w, "P23", "boots an image of a key that was ended");
    } else if (id == view->confirmed) {
        check_confirmed(w, u, id);
    } else if (id == view->candidate) {
        check_candidate(w, u, id, slot);
    } else if (is_unsettled) {
        check_resident(w, u, id, slot);
    } else if (id == view->fallback && (view->has_rotted || view->may_leave)) {
        note_fallback(w, id, slot);
    } else if (id == view->fallback) {
        site_blame(w, "P16", "an image is left that has not crashed five times in a row");
    } else {
        site_blame(w, "P10", "boots an image that is neither confirmed nor on trial");
    }
}

/* An image that may run is whole in a slot, and nothing is confirmed. */
static bool has_resident(const struct site *w)
{
    uint32_t may_run = w->view.residents | (w->view.is_rejected ? 0 : 1U << w->view.candidate);
    bool is_any = false;
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        uint32_t id = site_identify(w, slot);
        is_any = is_any || (id != RELEASE_NONE && (may_run >> id & 1) != 0);
    }
    return is_any;
}

/* The loader starts: may it? */
static void check_loader_start(struct site *w, const struct slots_decision *decision)
{
    const struct site_view *view = &w->view;
    bool has_confirmed = view->confirmed != RELEASE_NONE && !view->has_rotted;
    bool has_fallback = view->has_rotted && view->fallback != RELEASE_NONE;
    if (has_confirmed || has_fallback) {
        site_blame(w, "P1", "no image boots although a confirmed one is whole");
    } else if (view->confirmed == RELEASE_NONE && decision->stay != BOOT_STAY_BEFORE_TRY && has_resident(w)) {
        if (site_is_dip(w) && w->has_failed_now) {
            w->waived[WAIVED_REFUSED]++; /* a trial cannot begin without a record */
        } else {
            site_blame(w, "P22", "the only image is given up");
        }
    } else if (decision->stay == BOOT_STAY_BEFORE_TRY && view->is_try) {
        site_blame(w, "P22", "the image of last resort is not tried after the loader has waited");
    }
}

void oracle_check_decision(struct site *w, const struct update *u, const struct slots_decision *decision,
                           const struct image_result images[2])
{
    struct site_view *view = &w->view;
    if (u->record.security_floor < view->floor) {
        site_blame(w, "P6", "the security floor went down");
    }
    view->floor = u->record.security_floor;
    bool is_last_resort =
        decision->stay == BOOT_STAY_BEFORE_TRY ||
        (decision->action == SLOTS_BOOT && u->record.state[decision->slot] == SLOT_STATE_LAST_RESORT);
    if (view->n_last_resort >= 2 && is_last_resort && w->chip->n_ops != 0 && !w->was_flaky) {
        site_blame(w, "P14", "a boot of the last resort wrote to flash");
    }
    if (decision->action != SLOTS_BOOT) {
        check_loader_start(w, decision);
    } else if (decision->slot > SLOT_B || images[decision->slot].verdict != CRYPTO_ACCEPT) {
        site_blame(w, "P2", "boots a slot that was not verified in this boot");
    } else {
        check_boot(w, u, decision->slot);
    }
    /* The second one may have to make room, once: it cannot know which record is the first free one. */
    view->n_last_resort = (uint8_t)(is_last_resort ? view->n_last_resort + (view->n_last_resort < 2) : 0);
}

void oracle_note_lost_journal(struct site *w)
{
    struct site_view *view = &w->view;
    if (w->n_cuts < CUTS_TO_LOSE) {
        site_blame(w, "P7", "the journal is lost after less than three cuts");
    }
    w->waived[WAIVED_FLOOR] += view->floor != 0;
    *view = (struct site_view){.has_aborted = view->has_aborted,
                               .offer = view->offer,
                               .n_finishes = view->n_finishes,
                               .loader = view->loader};
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        view->is_revoked |= release_of((enum release_id)site_identify(w, slot))->revokes;
    }
    oracle_find_residents(w);
}

void oracle_check_second_boot(struct site *w, const struct update *u, const struct slots_decision *first)
{
    struct update u2;
    struct slots_decision second;
    struct image_result images[2];
    bool has_written = w->chip->n_ops != 0;
    bool is_flaky = chip_is_flaky(w->chip);
    struct chip_observer observer = w->chip->observer;
    uint32_t n_ops = w->chip->n_ops;
    uint32_t n_erases = w->chip->n_erases;
    size_t mark = chip_mark(w->chip);
    w->chip->observer.before_op = NULL;
    w->is_quiet = true;
    chip_power_up(w->chip, chip_hash(w->chip) + 77);
    site_boot(w, &u2, &second, images);
    bool is_trial = first->action == SLOTS_BOOT && first->is_trial;
    bool is_last_resort = is_trial && u->record.state[first->slot] == SLOT_STATE_LAST_RESORT;
    bool is_last_run = is_trial && u->record.starts == 0 && !is_last_resort;
    bool is_same = is_last_resort ? second.stay == BOOT_STAY_BEFORE_TRY
                                  : second.action == first->action && second.slot == first->slot;
    w->waived[WAIVED_RUN] += !is_same && is_last_run;
    if (!w->check && !is_same && !is_last_run) {
        site_blame(w, "S4", "a second boot decides otherwise");
    } else if (!w->check && !has_written && !is_flaky && w->chip->n_ops != 0 && !first->is_trial) {
        site_blame(w, "S4", "a second boot has to write what the first one had not");
    }
    w->is_quiet = false;
    chip_undo(w->chip, mark);
    w->chip->observer = observer;
    w->chip->n_ops = n_ops;
    w->chip->n_erases = n_erases;
}

void oracle_check_loader(struct site *w, struct update *u)
{
    static const uint8_t NONE[8] = {0};
    struct boot_info info;
    struct image_result result;
    uint32_t id = site_identify_loader(w);
    if (!w->config.loader.bytes) {
        return;
    }
    update_info(u, &info);
    bool is_told = memcmp(info.loader_hash, NONE, sizeof NONE) != 0;
    if (is_told &&
        (id == LOADER_NONE || memcmp(info.loader_hash, loader_of((enum loader_id)id)->hash, 8) != 0)) {
        site_blame(w, "P21", "INFO tells of a loader that sector 1 does not hold");
    } else if (update_verify_loader(u, &result) == FOTA_OK && id == LOADER_NONE) {
        site_blame(w, "P21", "a loader verifies that is not whole");
    } else if (w->view.loader != LOADER_NONE && !is_told) {
        site_blame(w, "P21", "a loader that was installed is gone");
    }
}

/* A call failed with power on. Only because of the operation that failed, and of a dip once: P20. */
static void check_refusal(struct site *w, enum fota_err err, const char *text)
{
    bool is_by_dip = site_is_dip(w) && w->has_failed_now;
    bool is_worn = site_is_slot_worn(w) || (chip_worn_mask(w->chip) >> CHIP_LOADER & 1) != 0;
    site_tell(w, text, fota_err_name(err));
    /* Without a mirror only an update that begins can make room. */
    bool is_alone = err == E_JOURNAL_FULL && (site_is_journal_worn(w) || w->is_upset) && !w->was_alone;
    w->was_alone = w->was_alone || is_alone;
    if (is_by_dip || is_worn || is_alone) {
        w->waived[WAIVED_REFUSED]++;
        w->has_failed_now = false;
        chip_supply_is_back(w->chip);
    } else {
        site_blame(w, site_is_dip(w) ? "P20" : "P4", text);
    }
}

bool oracle_is_done(struct site *w, const struct update *u, enum fota_err err, const char *text)
{
    if (err) {
        check_refusal(w, err, text);
        return false;
    }
    if (journal_sound_mask(&u->journal) == 3) {
        return true;
    }
    if (site_is_journal_worn(w) || site_is_dip(w) || w->is_upset) {
        w->waived[WAIVED_MIRROR]++;
    } else {
        site_blame(w, "P17", "success was told before both mirrors held it");
    }
    return true;
}
