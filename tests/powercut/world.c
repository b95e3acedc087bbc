#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "cheap_signature.h"
#include "crypto_model.h"

enum { CHUNK_WORDS = 1024, CUTS_TO_LOSE = 3, QUIET_BOOTS_MAX = 8 };

void world_blame(struct world *w, const char *check, const char *text)
{
    if (w->check == NULL) {
        w->check = check;
        w->text = text;
    }
}

static void tell(const struct world *w, const char *what, const char *detail)
{
    if (w->is_traced && !w->is_quiet) {
        (void)printf("    life %u: %s %s\n", (unsigned)w->n_lives, what, detail);
    }
}

bool world_is_done(const struct world *w)
{
    return w->view.offer == WORLD_OFFERS || w->scenario->offer[w->view.offer] == RELEASE_NONE;
}

static bool is_slot_worn(const struct world *w)
{
    return (chip_worn_mask(w->chip) & 0x3FU << CHIP_SLOT_A) != 0;
}

static bool is_journal_worn(const struct world *w)
{
    return (chip_worn_mask(w->chip) & (1U << CHIP_J0 | 1U << CHIP_J1)) != 0;
}

static bool is_dip(const struct world *w)
{
    return w->fault == CHIP_DIP || w->fault == CHIP_DIP_LONG;
}

/* Is exactly this release in the slot? By the digest of what is in flash now. */
static bool is_intact(const struct world *w, uint32_t slot, uint32_t id)
{
    const struct release_files *release = release_of((enum release_id)id);
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, w->config.slot[slot], release->n_bytes[slot]);
    crypto_sha256_final(&ctx, digest);
    return memcmp(digest, release->sha256[slot], sizeof digest) == 0;
}

static uint32_t identify(const struct world *w, uint32_t slot)
{
    for (uint32_t id = RELEASE_V1; id < RELEASES; id++) {
        if (is_intact(w, slot, id)) {
            return id;
        }
    }
    return RELEASE_NONE;
}

static void note_confirmed(struct world *w, uint32_t id, uint32_t slot)
{
    struct world_view *view = &w->view;
    view->fallback = view->confirmed;
    view->confirmed = (uint8_t)id;
    view->confirmed_slot = (uint8_t)slot;
    view->candidate = RELEASE_NONE;
    view->is_confirming = 0;
    view->is_rejected = 0;
    view->n_runs = 0;
    view->residents = 0;
    view->has_rotted = 0;
    view->rejected = RELEASE_NONE;
}

/* The candidate runs. */
static void check_candidate(struct world *w, const struct update *u, uint32_t id, uint32_t slot)
{
    struct world_view *view = &w->view;
    if (u->record.active == slot) {
        if (!view->is_confirming) {
            world_blame(w, "P15", "an image is confirmed that nobody confirmed");
        }
        note_confirmed(w, id, slot);
        return;
    }
    view->n_runs++;
    if (view->is_rejected) {
        world_blame(w, "P10", "a rejected image boots");
    } else if (view->n_runs > BOOT_TRIAL_RUNS) {
        world_blame(w, "P5", "an image that was never confirmed runs more than three times");
    }
}

/* The confirmed image was left for the one before it. */
static void note_fallback(struct world *w, uint32_t id, uint32_t slot)
{
    uint8_t left = w->view.confirmed;
    note_confirmed(w, id, slot);
    w->view.fallback = RELEASE_NONE;
    if (w->view.may_leave) {
        w->view.rejected = left;
        w->view.may_leave = 0;
    }
}

/* The confirmed image runs. */
static void check_confirmed(struct world *w, const struct update *u, uint32_t id)
{
    struct world_view *view = &w->view;
    bool is_over =
        view->candidate != RELEASE_NONE && u->record.state[view->candidate_slot] == SLOT_STATE_REJECTED;
    view->is_rejected = view->is_rejected || is_over;
    view->rejected = is_over ? view->candidate : view->rejected;
    if (id == view->crasher && view->fallback != RELEASE_NONE && u->n_crashes >= SLOTS_CRASHES_MAX) {
        world_blame(w, "P16", "an image that crashed five times in a row runs although there is another");
    }
}

/* A verified image is about to run: may it? */
static void check_boot(struct world *w, const struct update *u, uint32_t slot)
{
    struct world_view *view = &w->view;
    uint32_t id = identify(w, slot);
    bool is_unsettled = view->confirmed == RELEASE_NONE && (view->residents >> id & 1) != 0;
    if (id == RELEASE_NONE) {
        world_blame(w, "P2", "boots bytes that are no release");
    } else if (release_of((enum release_id)id)->counter < view->floor) {
        world_blame(w, "P6", "boots an image below the security floor");
    } else if (id == view->confirmed) {
        check_confirmed(w, u, id);
    } else if (id == view->candidate) {
        check_candidate(w, u, id, slot);
    } else if (is_unsettled) {
        view->candidate = (uint8_t)id;
        view->candidate_slot = (uint8_t)slot;
        view->n_runs = 0;
        check_candidate(w, u, id, slot);
    } else if (id == view->fallback && (view->has_rotted || view->may_leave)) {
        note_fallback(w, id, slot);
    } else if (id == view->fallback) {
        world_blame(w, "P16", "an image is left that has not crashed five times in a row");
    } else {
        world_blame(w, "P10", "boots an image that is neither confirmed nor on trial");
    }
}

static void check_decision(struct world *w, const struct update *u, const struct slots_decision *decision,
                           const struct image_result images[2])
{
    struct world_view *view = &w->view;
    const char *const must_boot = "no image boots although a confirmed one is whole";
    if (u->record.security_floor < view->floor) {
        world_blame(w, "P6", "the security floor went down");
    }
    view->floor = u->record.security_floor;
    if (decision->action == SLOTS_BOOT) {
        if (decision->slot > SLOT_B || images[decision->slot].verdict != CRYPTO_ACCEPT) {
            world_blame(w, "P2", "boots a slot that was not verified in this boot");
            return;
        }
        check_boot(w, u, decision->slot);
    } else if (view->confirmed != RELEASE_NONE && !view->has_rotted) {
        world_blame(w, "P1", must_boot);
    } else if (view->has_rotted && view->fallback != RELEASE_NONE) {
        world_blame(w, "P1", must_boot);
    } else if (view->confirmed == RELEASE_NONE && view->residents != 0 && view->n_runs < BOOT_TRIAL_RUNS &&
               w->n_cuts < BOOT_TRIAL_RUNS) { /* each cut may cost a trial run */
        world_blame(w, "P1", "no image boots although a whole one has not been tried");
    }
}

/* The journal is gone. That takes three torn operations with no completed write between them (rule R11): then
 * every whole image may be tried again, and the floor is forgotten. */
static void note_lost_journal(struct world *w)
{
    struct world_view *view = &w->view;
    if (w->n_cuts < CUTS_TO_LOSE) {
        world_blame(w, "P7", "the journal is lost after less than three cuts");
    }
    w->waived[WAIVED_FLOOR] += view->floor != 0;
    uint8_t has_aborted = view->has_aborted;
    uint8_t offer = view->offer;
    *view = (struct world_view){.has_aborted = has_aborted, .offer = offer};
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        uint32_t id = identify(w, slot);
        view->residents = (uint8_t)(view->residents | (id != RELEASE_NONE ? 1U << id : 0U));
    }
}

/* Boot on new RAM. */
static void boot(struct world *w, struct update *u, struct slots_decision *decision,
                 struct image_result images[2])
{
    memset(u, 0xA5, sizeof *u);
    memset(decision, 0xA5, sizeof *decision);
    memset(images, 0xA5, 2 * sizeof images[0]);
    enum fota_err err = update_open(u, &w->config, RESET_POWER_ON);
    if (err && is_dip(w) && w->has_failed_now) {
        w->waived[WAIVED_REFUSED]++; /* nothing could be repaired: the boot goes on without writing */
    } else if (err) {
        world_blame(w, "P1", "update_open failed with power on");
        return;
    }
    if (!u->journal.has_state && (w->view.confirmed != RELEASE_NONE || w->view.candidate != RELEASE_NONE) &&
        !w->is_quiet) {
        note_lost_journal(w);
    }
    if (!w->is_quiet) { /* a look ahead is a loss of power: RAM knows of no crashes */
        u->n_crashes = w->view.n_crashes;
        w->view.may_leave = w->view.may_leave || u->n_crashes >= SLOTS_CRASHES_MAX;
    }
    update_choose(u, false, decision, images);
    const struct chip *chip = w->chip;
    uint32_t ops_bound = 2U * (w->config.journal[0].n_records + w->config.journal[1].n_records) + 400;
    if (chip->n_ops > ops_bound || chip->n_erases > 4) {
        world_blame(w, "P11", "a boot took more operations than it may");
    }
    w->boot_ops_max = chip->n_ops > w->boot_ops_max ? chip->n_ops : w->boot_ops_max;
    w->boot_erases_max = chip->n_erases > w->boot_erases_max ? chip->n_erases : w->boot_erases_max;
}

/* Power goes and comes back right after the decision: the next boot decides the same, although flaky cells
 * read differently. */
static void check_second_boot(struct world *w, const struct update *u, const struct slots_decision *first)
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
    boot(w, &u2, &second, images);
    bool is_last_run = first->action == SLOTS_BOOT && first->is_trial && u->record.tries == 0;
    bool is_same = second.action == first->action && second.slot == first->slot;
    w->waived[WAIVED_RUN] += !is_same && is_last_run;
    if (w->check == NULL && !is_same && !is_last_run) {
        world_blame(w, "S4", "a second boot decides otherwise");
    } else if (w->check == NULL && !has_written && !is_flaky && w->chip->n_ops != 0 && !first->is_trial) {
        world_blame(w, "S4", "a second boot has to write what the first one had not");
    }
    w->is_quiet = false;
    chip_undo(w->chip, mark);
    w->chip->observer = observer;
    w->chip->n_ops = n_ops;
    w->chip->n_erases = n_erases;
}

/* A call failed with power on. Only because of the operation that failed, and of a dip once: P20. */
static void check_refusal(struct world *w, enum fota_err err, const char *text)
{
    bool is_by_dip = is_dip(w) && w->has_failed_now;
    tell(w, text, fota_err_name(err));
    if (is_by_dip || is_slot_worn(w)) {
        w->waived[WAIVED_REFUSED]++;
        w->has_failed_now = false;
        chip_supply_is_back(w->chip);
    } else {
        world_blame(w, is_dip(w) ? "P20" : "P4", text);
    }
}

/* P17: "done" is said only when both mirrors hold it. */
static bool is_done_in_both(struct world *w, const struct update *u, enum fota_err err, const char *text)
{
    if (err) {
        check_refusal(w, err, text);
        return false;
    }
    if (journal_sound_mask(&u->journal) == 3) {
        return true;
    }
    if (is_journal_worn(w) || is_dip(w) || w->is_upset) {
        w->waived[WAIVED_MIRROR]++;
    } else {
        world_blame(w, "P17", "success was told before both mirrors held it");
    }
    return true;
}

/* Stream the image from `off` on, erasing each sector before its first word. False: did not get to the end.
 */
static bool stream(struct world *w, struct update *u, const struct update_target *target, uint32_t off,
                   uint32_t end)
{
    const struct release_files *release = release_of((enum release_id)w->scenario->offer[w->view.offer]);
    w->last_word = (release->n_bytes[target->slot] + 3) / 4 - 1;
    for (; off < end; off += 4 * CHUNK_WORDS) {
        uint32_t words[CHUNK_WORDS];
        uint32_t n_bytes = end - off < sizeof words ? end - off : (uint32_t)sizeof words;
        memset(words, 0xFF, sizeof words);
        memcpy(words, release->bytes[target->slot] + off, n_bytes);
        words[CHUNK_WORDS / 2] ^= w->scenario->manner == MANNER_CORRUPTS && !w->view.has_aborted ? 0x100 : 0;
        if (off % FLASH_SLOT_SECTOR_BYTES == 0) {
            enum fota_err err =
                update_erase(u, w->config.first_sector[target->slot] + off / FLASH_SLOT_SECTOR_BYTES);
            if (!is_done_in_both(w, u, err, "update_erase failed with power on")) {
                return false;
            }
            w->is_known = !w->is_quiet && w->is_seen != NULL && w->is_seen(w->ctx, u);
        }
        if (w->is_known || w->check != NULL) {
            return false;
        }
        enum fota_err err = update_program(u, target->base + off, words, (n_bytes + 3) / 4);
        if (!is_done_in_both(w, u, err, "update_program failed with power on")) {
            return false;
        }
    }
    return true;
}

static bool begin(struct world *w, struct update *u, struct update_target *target)
{
    const struct release_files *release = release_of((enum release_id)w->scenario->offer[w->view.offer]);
    uint32_t n_ops = w->chip->n_ops;
    bool is_plain = w->scenario->manner == MANNER_PLAIN;
    if (w->view.confirmed != RELEASE_NONE && !w->view.has_rotted) {
        w->view.fallback = RELEASE_NONE; /* its slot goes */
    }
    enum fota_err err =
        update_begin(u, is_plain ? NULL : release->text, is_plain ? 0 : (uint32_t)release->n_text, target);
    bool is_by_flash = is_slot_worn(w) || is_journal_worn(w) || (is_dip(w) && w->has_failed_now);
    if (err != FOTA_OK && w->chip->n_ops != n_ops && !is_by_flash) {
        world_blame(w, "P9", "something was written for a release that was refused");
    }
    if (err == E_SLOT_REJECTED) {
        /* Each cut may cost a trial run; three of them the image. */
        w->view.has_spent = release->confirms && w->n_cuts >= BOOT_TRIAL_RUNS;
        w->waived[WAIVED_REJECTED] += w->view.has_spent;
        tell(w, "the release is refused:", fota_err_name(err));
        w->view.offer++;
        return false;
    }
    if (!is_plain && w->view.rejected == w->scenario->offer[w->view.offer]) {
        world_blame(w, "P10", "a rejected release is accepted again");
    }
    return is_done_in_both(w, u, err, "update_begin failed with power on");
}

/* The gateway's part of a life: offer, stream, finish, activate. */
static void serve(struct world *w, struct update *u)
{
    struct update_target target;
    struct world_view *view = &w->view;
    uint32_t id = w->scenario->offer[view->offer];
    if (!begin(w, u, &target)) {
        return;
    }
    uint32_t end = release_of((enum release_id)id)->n_bytes[target.slot];
    if (w->scenario->manner == MANNER_ABORTS && !view->has_aborted) {
        if (!stream(w, u, &target, target.resume_off, end / 2) ||
            !is_done_in_both(w, u, update_abort(u), "update_abort failed with power on")) {
            return;
        }
        view->has_aborted = 1;
        if (!begin(w, u, &target)) {
            return;
        }
    }
    if (!stream(w, u, &target, target.resume_off, end)) {
        return;
    }
    enum fota_err err = update_finish(u);
    if (w->scenario->manner == MANNER_CORRUPTS && !view->has_aborted && err == E_IMAGE_HASH) {
        view->has_aborted = 1;
        return; /* the next life sends it again */
    }
    if (!is_done_in_both(w, u, err, "update_finish failed with power on")) {
        return;
    }
    if (!is_intact(w, target.slot, id)) {
        world_blame(w, "P17", "update_finish took what is not the release");
    }
    view->candidate = (uint8_t)id;
    view->candidate_slot = (uint8_t)target.slot;
    view->is_rejected = 0;
    view->is_confirming = 0;
    view->n_runs = 0;
    (void)is_done_in_both(w, u, update_activate(u), "update_activate failed with power on");
    tell(w, "activated", "");
}

/* With power on a failed call is made again in the same life: after a dip everything works (P20). A worn
 * sector of the slot goes on to refuse: the gateway gives up. */
static void serve_with_patience(struct world *w, struct update *u)
{
    uint64_t n_refused = w->waived[WAIVED_REFUSED];
    serve(w, u);
    bool is_refused = w->waived[WAIVED_REFUSED] != n_refused && w->check == NULL && !w->is_known;
    if (is_refused && is_slot_worn(w)) {
        w->view.has_given_up = 1;
        w->view.offer = WORLD_OFFERS;
    } else if (is_refused && !world_is_done(w)) {
        serve(w, u);
    }
}

/* The application's part: confirm, if it is one that does. True: it is confirmed. */
static bool run_application(struct world *w, struct update *u, uint32_t slot)
{
    struct world_view *view = &w->view;
    uint32_t id = identify(w, slot);
    tell(w, "runs", id == view->candidate ? "the candidate" : "the confirmed image");
    if (id == view->crasher) {
        view->n_crashes++;
        tell(w, "it crashes", "");
        return false;
    }
    view->n_crashes = 0; /* it is well, and says so */
    if (!release_of((enum release_id)id)->confirms) {
        return false;
    }
    view->is_confirming = id == view->candidate;
    uint64_t n_refused = w->waived[WAIVED_REFUSED];
    bool is_confirmed = is_done_in_both(w, u, update_confirm(u), "update_confirm failed with power on");
    if (w->waived[WAIVED_REFUSED] != n_refused) { /* by a dip: once more */
        is_confirmed = is_done_in_both(w, u, update_confirm(u), "update_confirm failed after a dip");
    }
    if (!is_confirmed) {
        return false;
    }
    if (id == view->candidate) {
        note_confirmed(w, id, slot);
    }
    if (id == w->scenario->offer[view->offer]) {
        view->offer++;
        return false;
    }
    return true;
}

void world_live(struct world *w)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    w->n_lives++;
    w->has_failed_now = false;
    boot(w, &u, &decision, images);
    chip_supply_is_back(w->chip);
    if (w->check == NULL) {
        check_decision(w, &u, &decision, images);
    }
    if (w->check == NULL && w->n_lives == 1 && !w->is_quiet) {
        check_second_boot(w, &u, &decision);
    }
    if (w->check != NULL) {
        return;
    }
    bool goes_on = decision.action != SLOTS_BOOT || run_application(w, &u, decision.slot);
    if (goes_on && w->check == NULL && !world_is_done(w)) {
        serve_with_patience(w, &u);
    }
}

void world_check_end(struct world *w)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    uint32_t n_max = 2; /* the first one may have to make room in the journal */
    w->is_quiet = true;
    for (uint32_t i = 0; i < n_max; i++) {
        n_max = chip_is_flaky(w->chip) ? QUIET_BOOTS_MAX : n_max; /* what flickers only now is repaired now */
        chip_power_up(w->chip, 1 + i);
        boot(w, &u, &decision, images);
        if (i > 0 && w->chip->n_ops == 0) {
            break;
        }
    }
    w->is_quiet = false;
    if (w->check != NULL) {
        return;
    }
    bool is_as_before = w->view.has_spent || w->view.has_given_up;
    uint32_t wanted = is_as_before ? w->view.confirmed : w->scenario->ends_with;
    if (decision.action != SLOTS_BOOT || !is_intact(w, decision.slot, wanted)) {
        world_blame(w, "P4", "ended with the wrong image");
    }
    w->normal_boot_ops = w->chip->n_ops > w->normal_boot_ops ? w->chip->n_ops : w->normal_boot_ops;
    if (w->chip->n_ops != 0) {
        world_blame(w, "P14", "a boot with nothing to do wrote to flash");
    }
}

/* Lives with power until the offer is done; for setting a scene. */
static void set_scene(struct world *w, const struct world_scenario *scene)
{
    const struct world_scenario *kept = w->scenario;
    w->scenario = scene;
    w->view.offer = 0;
    for (uint32_t life = 0; life < WORLD_LIVES_MAX && !world_is_done(w) && w->check == NULL; life++) {
        w->n_lives = 1; /* no look at second boots */
        chip_power_up(w->chip, 1);
        world_live(w);
    }
    w->scenario = kept;
    w->view.offer = 0;
}

static void fill_journal(struct world *w, uint32_t n_fill)
{
    struct journal j;
    struct boot_record record;
    struct journal_area areas[JOURNAL_AREAS];
    memcpy(areas, w->config.journal, sizeof areas);
    for (uint32_t i = 0; i < n_fill; i++) {
        if (journal_load(&j, &w->chip->flash, areas, &record) != FOTA_OK || j.head[1].next >= n_fill) {
            return;
        }
        if (journal_append(&j, &record) != FOTA_OK) {
            return;
        }
    }
}

static void leave_pending(struct world *w, uint32_t id)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    struct update_target target;
    struct world_scenario scene = *w->scenario;
    scene.offer[0] = (uint8_t)id;
    w->scenario = &scene;
    boot(w, &u, &decision, images);
    if (begin(w, &u, &target) &&
        stream(w, &u, &target, 0, release_of((enum release_id)id)->n_bytes[target.slot])) {
        (void)is_done_in_both(w, &u, update_finish(&u), "update_finish failed in the prelude");
    }
}

static void strike(struct world *w, enum world_mishap mishap)
{
    uint32_t slot = w->view.confirmed_slot;
    if (mishap == MISHAP_ROT_ACTIVE) {
        chip_flip(w->chip, w->config.base[slot] + 0x1000, 0x00010000);
        w->view.has_rotted = 1;
        if (w->scenario->start == START_REJECTED) {
            w->view.fallback = RELEASE_NONE;
        }
    } else if (mishap == MISHAP_LOST_BOTH) {
        w->waived[WAIVED_FLOOR] += w->view.floor != 0;
        w->view.residents = (uint8_t)(1U << w->view.confirmed | 1U << w->view.fallback);
        w->view.confirmed = RELEASE_NONE;
        w->view.fallback = RELEASE_NONE;
        w->view.floor = 0;
    } else if (mishap == MISHAP_CRASHES) {
        w->view.crasher = w->view.confirmed;
    } else if (mishap == MISHAP_WORN_SLOT) {
        w->chip->sector[slot == 0 ? CHIP_SLOT_B + 2 : CHIP_SLOT_A + 2].is_worn = true;
    }
    if (mishap == MISHAP_LOST_BOTH || mishap == MISHAP_LOST_J0) {
        chip_lose(w->chip, CHIP_J0, 5);
    }
    if (mishap == MISHAP_LOST_BOTH || mishap == MISHAP_LOST_J1) {
        chip_lose(w->chip, CHIP_J1, 6);
    }
}

static void on_broken(void *ctx, const char *check, const char *text)
{
    world_blame(ctx, check, text);
}

static void configure(struct world *w)
{
    w->config = (struct update_config){
        .flash = &w->chip->flash,
        .journal = {{FLASH_J0_BASE, FLASH_J0_SECTOR, w->scenario->n_j0},
                    {FLASH_J1_BASE, FLASH_J1_SECTOR, w->scenario->n_j1}},
        .slot = {(const uint8_t *)chip_at(w->chip, FLASH_SLOT_A_BASE),
                 (const uint8_t *)chip_at(w->chip, FLASH_SLOT_B_BASE)},
        .base = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE},
        .first_sector = {FLASH_SLOT_A_SECTOR, FLASH_SLOT_B_SECTOR},
        .sector_bytes = FLASH_SLOT_SECTOR_BYTES,
        .n_sectors = FLASH_SLOT_SECTORS,
        .bootloader_version = 0x01000000,
        .hw_id = WORLD_HW,
        .keys = {cheap_point(MODEL_KEY_A), cheap_point(MODEL_KEY_B)},
        .hash = &w->hash,
    };
}

void world_open(struct world *w, const struct world_scenario *scenario)
{
    memset(w, 0, sizeof *w);
    w->scenario = scenario;
    w->chip = chip_new();
    crypto_model_use(w->chip);
    configure(w);
    w->chip->observer.broke = on_broken;
    w->chip->observer.ctx = w;
    const struct release_files *factory = release_of(scenario->factory);
    chip_load(w->chip, FLASH_SLOT_A_BASE, factory->bytes[0], (factory->n_bytes[0] + 3) / 4 * 4);
    w->view.residents = (uint8_t)(1U << scenario->factory);
    struct world_scenario scene = *scenario;
    scene.mishap = MISHAP_NONE;
    scene.manner = MANNER_VENDOR;
    memset(scene.offer, 0, sizeof scene.offer);
    scene.offer[0] = (uint8_t)scenario->factory;
    if (scenario->start != START_FACTORY) {
        set_scene(w, &scene);
    }
    if (scenario->start == START_SECOND || scenario->start == START_REJECTED) {
        scene.offer[0] = (uint8_t)scenario->second;
        set_scene(w, &scene);
    } else if (scenario->start == START_PENDING) {
        leave_pending(w, (uint32_t)scenario->second);
        w->scenario = scenario;
    }
    fill_journal(w, scenario->n_fill);
    strike(w, scenario->mishap);
    if (w->check != NULL) {
        (void)printf("BROKEN %s: %s, before the first cut\n  replay: powercut pc/%s/0/before\n", w->check,
                     w->text, scenario->name);
        exit(1);
    }
    w->view.offer = 0;
    w->n_lives = 0;
    w->chip->n_log = 0;
}

void world_close(struct world *w)
{
    crypto_model_use(NULL);
    chip_free(w->chip);
    w->chip = NULL;
}
