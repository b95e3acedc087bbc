/* Lives: boot, application, gateway (site.h). */
#include <stdio.h>
#include <string.h>

#include "base/flash_map.h"
#include "site_private.h"

enum { NWRP_BIT = 16, CHUNK_WORDS = 1024, QUIET_BOOTS_MAX = 8, BOOT_ERASES_MAX = 4, BOOT_OPS_EXTRA = 400 };

void site_blame(struct site *w, const char *check, const char *text)
{
    if (!w->check) {
        w->check = check;
        w->text = text;
    }
}

void site_tell(const struct site *w, const char *what, const char *detail)
{
    if (w->is_traced && !w->is_quiet) {
        (void)printf("    life %u: %s %s\n", (unsigned)w->n_lives, what, detail);
    }
}

static bool has_offer(const struct site *w)
{
    return w->view.offer < SITE_OFFERS && w->scenario->offer[w->view.offer] != RELEASE_NONE;
}

bool site_is_done(const struct site *w)
{
    bool has_loader = w->scenario->loader == LOADER_NONE || w->view.loader == w->scenario->loader;
    return !has_offer(w) && (has_loader || w->view.has_given_up);
}

bool site_is_slot_worn(const struct site *w)
{
    return (chip_worn_mask(w->chip) & 0x3FU << CHIP_SLOT_A) != 0;
}

bool site_is_journal_worn(const struct site *w)
{
    return (chip_worn_mask(w->chip) & (1U << CHIP_J0 | 1U << CHIP_J1)) != 0;
}

bool site_is_dip(const struct site *w)
{
    return w->fault == CHIP_DIP || w->fault == CHIP_DIP_LONG;
}

/* The file's digest, for the chip keeps that of each whole block; its first bytes first, since most files differ
 * there. */
static bool has_file(const void *at, const uint8_t *bytes, uint32_t n_bytes,
                     const uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    if (n_bytes == 0 || memcmp(at, bytes, IMAGE_HEADER_BYTES) != 0) { /* RELEASE_NONE stands nowhere */
        return false;
    }
    uint8_t digest[CRYPTO_SHA256_BYTES];
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, at, n_bytes);
    crypto_sha256_final(&ctx, digest);
    return memcmp(digest, sha256, sizeof digest) == 0;
}

bool site_is_intact(const struct site *w, uint32_t slot, uint32_t id)
{
    const struct release_files *release = release_of((enum release_id)id);
    return has_file(w->config.slot[slot], release->bytes[slot], release->n_bytes[slot],
                    release->sha256[slot]);
}

uint32_t site_identify(const struct site *w, uint32_t slot)
{
    for (uint32_t id = RELEASE_V1; id < RELEASES; id++) {
        if (site_is_intact(w, slot, id)) {
            return id;
        }
    }
    return RELEASE_NONE;
}

uint32_t site_identify_loader(const struct site *w)
{
    for (uint32_t id = LOADER_OLD; id < LOADERS; id++) {
        const struct loader_files *loader = loader_of((enum loader_id)id);
        if (has_file(chip_at(w->chip, FLASH_LOADER_BASE), loader->bytes, loader->n_bytes, loader->sha256)) {
            return id;
        }
    }
    return LOADER_NONE;
}

/* What RAM says to the next boot; nothing after a loss of power. */
static struct update_reset reset_of(const struct site *w)
{
    if (w->is_quiet) {
        return (struct update_reset){.cause = RESET_POWER_ON};
    }
    return (struct update_reset){.cause = (enum reset_cause)w->view.cause,
                                 .is_run_failed = w->view.has_failed != 0,
                                 .n_crashes = w->view.n_crashes};
}

static void lose_ram(struct site_view *view)
{
    view->cause = RESET_POWER_ON;
    view->has_failed = 0;
    view->is_try = 0;
    view->n_crashes = 0;
}

void site_note_cut(struct site *w)
{
    struct site_view *view = &w->view;
    /* What the boot has counted before the cut, nobody saw. */
    view->n_starts_max = (uint8_t)(view->n_starts_max + (view->n_starts_max < UINT8_MAX));
    view->n_failed_max = (uint8_t)(view->n_failed_max + view->has_failed);
    view->n_last_resort = 0; /* there may be something to mend first */
    lose_ram(view);
}

void site_boot(struct site *w, struct update *u, struct slots_decision *decision,
               struct image_result images[2])
{
    const struct update_reset reset = reset_of(w);
    w->was_flaky = chip_is_flaky(w->chip);
    memset(u, 0xA5, sizeof *u);
    memset(decision, 0xA5, sizeof *decision);
    memset(images, 0xA5, 2 * sizeof images[0]);
    enum fota_err err = update_open(u, &w->config, &reset);
    if (err && site_is_dip(w) && w->has_failed_now) {
        w->waived[WAIVED_REFUSED]++; /* nothing could be repaired: the boot goes on without writing */
    } else if (err) {
        site_blame(w, "P1", "update_open failed with power on");
        return;
    }
    if (u->journal.newest[0] == 0 &&
        (w->view.confirmed != RELEASE_NONE || w->view.candidate != RELEASE_NONE) && !w->is_quiet) {
        oracle_note_lost_journal(w);
    }
    w->view.may_leave = w->view.may_leave || (!w->is_quiet && reset.n_crashes >= SLOTS_CRASHES_MAX);
    update_choose(u, w->view.is_try && !w->is_quiet ? BOOT_REQUEST_TRY : BOOT_REQUEST_NONE, decision, images);
    const struct chip *chip = w->chip;
    uint32_t ops_bound =
        2U * (w->config.journal[0].n_records + w->config.journal[1].n_records) + BOOT_OPS_EXTRA;
    if (chip->n_ops > ops_bound || chip->n_erases > BOOT_ERASES_MAX) {
        site_blame(w, "P11", "a boot took more operations than it may");
    }
    w->boot_ops_max = chip->n_ops > w->boot_ops_max ? chip->n_ops : w->boot_ops_max;
    w->boot_erases_max = chip->n_erases > w->boot_erases_max ? chip->n_erases : w->boot_erases_max;
}

/* --- the gateway --- */

static enum fota_err erase(struct update *u, uint32_t sector)
{
    uint32_t n = 0;
    enum fota_err err = FOTA_OK;
    do {
        err = update_erase(u, sector);
    } while (site_is_busy(u, err, &n));
    return err;
}

static enum fota_err program(struct update *u, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    uint32_t n = 0;
    enum fota_err err = FOTA_OK;
    do {
        err = update_program(u, addr, words, n_words);
    } while (site_is_busy(u, err, &n));
    return err;
}

static enum fota_err call(struct update *u, enum fota_err (*function)(struct update *u))
{
    uint32_t n = 0;
    enum fota_err err = FOTA_OK;
    do {
        err = function(u);
    } while (site_is_busy(u, err, &n));
    return err;
}

static enum fota_err open_session(struct update *u, const uint8_t *text, size_t n_text,
                                  struct update_target *target)
{
    uint32_t n = 0;
    enum fota_err err = FOTA_OK;
    do {
        err = update_begin(u, text, (uint32_t)n_text, target);
    } while (site_is_busy(u, err, &n));
    return err;
}

static uint32_t offered(const struct site *w)
{
    return w->scenario->offer[w->view.offer];
}

static bool is_plain(const struct site *w)
{
    return w->scenario->manner == MANNER_PLAIN || w->scenario->manner == MANNER_FINISHES;
}

/* A wrong byte is on its way until the target has refused it as often as it is to. */
static bool is_corrupt(const struct site *w)
{
    return (w->scenario->manner == MANNER_CORRUPTS && !w->view.has_aborted) ||
           (w->scenario->manner == MANNER_FINISHES && w->view.n_finishes < SITE_FINISHES);
}

/* Stream the image from `off` on, erasing each sector before its
 * first word. False: did not get to the end. */
static bool stream(struct site *w, struct update *u, const struct update_target *target, uint32_t off,
                   uint32_t end)
{
    const struct release_files *release = release_of((enum release_id)offered(w));
    w->last_word = (release->n_bytes[target->slot] + 3) / 4 - 1;
    for (; off < end; off += 4 * CHUNK_WORDS) {
        uint32_t words[CHUNK_WORDS];
        uint32_t n_bytes = end - off < sizeof words ? end - off : (uint32_t)sizeof words;
        memset(words, 0xFF, sizeof words);
        memcpy(words, release->bytes[target->slot] + off, n_bytes);
        words[CHUNK_WORDS / 2] ^= is_corrupt(w) ? 0x100 : 0;
        if (off % FLASH_SLOT_SECTOR_BYTES == 0) {
            enum fota_err err =
                erase(u, w->config.first_sector[target->slot] + off / FLASH_SLOT_SECTOR_BYTES);
            if (!oracle_is_done(w, u, err, "update_erase failed with power on")) {
                return false;
            }
            w->is_known = !w->is_quiet && w->is_seen && w->is_seen(w->ctx, u);
        }
        if (w->is_known || w->check) {
            return false;
        }
        enum fota_err err = program(u, target->base + off, words, (n_bytes + 3) / 4);
        if (!oracle_is_done(w, u, err, "update_program failed with power on")) {
            return false;
        }
    }
    return true;
}

static bool was_rejected(const struct site_view *view, uint32_t id)
{
    return view->rejected[0] == id || view->rejected[1] == id;
}

/* A release that the target does not want: may it say so? */
static void check_no(struct site *w, enum fota_err err, uint32_t id)
{
    const struct site_view *view = &w->view;
    const char *const text = fota_err_name(err);
    site_tell(w, "the release is refused:", text);
    if (err == E_SLOT_REJECTED && !was_rejected(view, id)) {
        site_blame(w, "P19", "a release is refused as rejected that was not seen rejected");
    }
    if (err == E_STATEMENT_REVOKED &&
        (!view->is_revoked || release_of((enum release_id)id)->is_of_next_key)) {
        site_blame(w, "P23", "a key is refused that was not ended");
    }
}

static bool begin(struct site *w, struct update *u, struct update_target *target)
{
    uint32_t id = offered(w);
    const struct release_files *release = release_of((enum release_id)id);
    struct site_view *view = &w->view;
    uint32_t n_ops = w->chip->n_ops;
    bool is_described = !is_plain(w);
    if (view->confirmed != RELEASE_NONE && !view->has_rotted) {
        view->fallback = RELEASE_NONE; /* its slot goes */
    }
    enum fota_err err =
        open_session(u, is_described ? release->text : NULL, is_described ? release->n_text : 0, target);
    bool is_by_flash =
        site_is_slot_worn(w) || site_is_journal_worn(w) || (site_is_dip(w) && w->has_failed_now);
    if (err != FOTA_OK && w->chip->n_ops != n_ops && !is_by_flash) {
        site_blame(w, "P9", "something was written for a release that was refused");
    }
    if (err == E_SLOT_REJECTED || err == E_STATEMENT_REVOKED) {
        check_no(w, err, id);
        view->offer++;
        return false;
    }
    if (is_described && err == FOTA_OK && was_rejected(view, id)) {
        site_blame(w, "P10", "a rejected release is accepted again");
    }
    if (is_described && err == FOTA_OK && view->is_revoked && !release->is_of_next_key) {
        site_blame(w, "P23", "a release of a key that was ended is accepted");
    }
    return oracle_is_done(w, u, err, "update_begin failed with power on");
}

/* A wrong image, finished again and again: it is refused each time, and the journal does not fill up. */
static bool finish_in_vain(struct site *w, struct update *u)
{
    struct site_view *view = &w->view;
    bool goes_on = true;
    while (view->n_finishes < SITE_FINISHES && goes_on && !w->check) {
        enum fota_err err = call(u, update_finish);
        view->n_finishes++;
        if (err != E_IMAGE_HASH) {
            (void)oracle_is_done(w, u, err, "update_finish does not say what is wrong with the image");
            goes_on = err != E_JOURNAL_FULL;
        }
    }
    return goes_on;
}

static void note_activated(struct site *w, uint32_t id, uint32_t slot)
{
    struct site_view *view = &w->view;
    view->candidate = (uint8_t)id;
    view->candidate_slot = (uint8_t)slot;
    view->is_rejected = 0;
    view->is_confirming = 0;
    view->n_starts = 0;
    view->n_starts_max = 0;
    view->n_failed = 0;
    view->n_failed_max = 0;
    view->n_dark = 0;
}

/* Half of it, then another one. */
static bool give_up_half_way(struct site *w, struct update *u, struct update_target *target, uint32_t end)
{
    if (!stream(w, u, target, target->resume_off, end / 2) ||
        !oracle_is_done(w, u, call(u, update_abort), "update_abort failed with power on")) {
        return false;
    }
    w->view.has_aborted = 1;
    return begin(w, u, target);
}

/* Offer, stream, finish, activate. */
static void serve(struct site *w, struct update *u)
{
    struct update_target target;
    struct site_view *view = &w->view;
    /* In a life whose session is open, as after a dip, the same release is asked for again. */
    if (w->scenario->manner == MANNER_FICKLE && view->offer == 0 && u->session == UPDATE_CLOSED) {
        view->offer = view->has_aborted;
        view->has_aborted = 1;
    }
    uint32_t id = offered(w);
    if (!begin(w, u, &target)) {
        return;
    }
    if (view->confirmed == RELEASE_NONE) { /* what stood in the slot goes */
        uint32_t gone = site_identify(w, target.slot);
        view->residents =
            (uint16_t)(site_is_intact(w, 1 - target.slot, gone) ? view->residents
                                                                : view->residents & ~(1U << gone));
    }
    uint32_t end = release_of((enum release_id)id)->n_bytes[target.slot];
    if (w->scenario->manner == MANNER_ABORTS && !view->has_aborted && !give_up_half_way(w, u, &target, end)) {
        return;
    }
    if (w->scenario->manner == MANNER_FINISHES && view->n_finishes < SITE_FINISHES) {
        if (!stream(w, u, &target, 0, end) || !finish_in_vain(w, u)) {
            return;
        }
    }
    if (w->check || !stream(w, u, &target, target.resume_off, end)) {
        return;
    }
    enum fota_err err = call(u, update_finish);
    if (w->scenario->manner == MANNER_CORRUPTS && !view->has_aborted && err == E_IMAGE_HASH) {
        view->has_aborted = 1;
        return; /* the next life sends it again */
    }
    if (!oracle_is_done(w, u, err, "update_finish failed with power on")) {
        return;
    }
    if (!site_is_intact(w, target.slot, id)) {
        site_blame(w, "P17", "update_finish took what is not the release");
    }
    if (w->stops_pending) {
        return;
    }
    note_activated(w, id, target.slot);
    (void)oracle_is_done(w, u, call(u, update_activate), "update_activate failed with power on");
    view->cause = RESET_SOFTWARE;
    site_tell(w, "activated", "");
}

/* While an image is on trial, and over write protection, a loader session does not begin. */
static void check_loader_not_now(struct site *w, struct update *u)
{
    const struct loader_files *loader = loader_of(LOADER_NEW);
    struct update_target target;
    uint32_t n_ops = w->chip->n_ops;
    enum fota_err err = open_session(u, loader->text, loader->n_text, &target);
    bool is_protected = (w->option_word >> (NWRP_BIT + FLASH_LOADER_SECTOR) & 1) == 0;
    enum fota_err expected = is_protected ? E_LOADER_PROTECTED : E_LOADER_NOT_NOW;
    bool is_refused = err == expected || (err == E_STATEMENT_REVOKED && w->view.is_revoked);
    if (!is_refused || w->chip->n_ops != n_ops) {
        site_blame(w, "P21", "a loader session begins in a trial, or over write protection");
    }
}

/* A loader with one wrong byte is refused before anything is written. */
static void check_wrong_loader(struct site *w, struct update *u, const struct loader_files *loader)
{
    static uint32_t wrong[FLASH_LOADER_BYTES / 4];
    uint32_t n_ops = w->chip->n_ops;
    memcpy(wrong, loader->bytes, loader->n_bytes);
    wrong[loader->n_bytes / 8] ^= 1;
    u->n_erases_allowed = 1;
    enum fota_err err = update_loader_install(u, wrong, loader->n_bytes);
    if (err == FOTA_OK || w->chip->n_ops != n_ops) {
        site_blame(w, "P9", "a loader with a wrong byte is written");
    }
    u->n_erases_allowed = 0;
}

/* The loader is offered to a running application, until INFO says that it is there. */
static void serve_loader(struct site *w, struct update *u)
{
    const struct loader_files *loader = loader_of((enum loader_id)w->scenario->loader);
    struct boot_info info;
    struct update_target target;
    update_info(u, &info);
    if (memcmp(info.loader_hash, loader->hash, sizeof info.loader_hash) == 0) {
        w->view.loader = w->scenario->loader;
        return;
    }
    enum fota_err err = open_session(u, loader->text, loader->n_text, &target);
    if (!oracle_is_done(w, u, err, "update_begin of the loader failed with power on")) {
        return;
    }
    check_wrong_loader(w, u, loader);
    uint32_t n = 0;
    w->view.loader = LOADER_NONE;
    w->may_write_loader = true;
    do {
        err = update_loader_install(u, (const uint32_t *)(const void *)loader->bytes, loader->n_bytes);
    } while (site_is_busy(u, err, &n));
    w->may_write_loader = false;
    if (!oracle_is_done(w, u, err, "update_loader_install failed with power on")) {
        return;
    }
    w->view.loader = w->scenario->loader;
    if (site_identify_loader(w) != w->scenario->loader) {
        site_blame(w, "P17", "update_loader_install says done, and sector 1 does not hold it");
    }
}

static void serve_what_is_wanted(struct site *w, struct update *u)
{
    if (has_offer(w)) {
        serve(w, u);
    } else {
        serve_loader(w, u);
    }
}

/* With power on a failed call is made again in the same life: after a dip everything works (P20). A worn
 * sector goes on to refuse: the gateway gives up. */
static void serve_with_patience(struct site *w, struct update *u)
{
    uint64_t n_refused = w->waived[WAIVED_REFUSED];
    serve_what_is_wanted(w, u);
    bool is_refused = w->waived[WAIVED_REFUSED] != n_refused && !w->check && !w->is_known;
    bool is_worn = site_is_slot_worn(w) || (chip_worn_mask(w->chip) >> CHIP_LOADER & 1) != 0;
    if (is_refused && is_worn) {
        w->view.has_given_up = 1;
        w->view.offer = SITE_OFFERS;
    } else if (is_refused && !site_is_done(w)) {
        serve_what_is_wanted(w, u);
    }
}

/* --- the application --- */

/* The image ends without having confirmed itself: by a watchdog, or with the supply. */
static void end_run(struct site *w, bool is_dark)
{
    lose_ram(&w->view);
    if (!is_dark) {
        w->view.cause = RESET_IWDG;
        w->view.has_failed = 1;
    }
}

/* Confirm, after a dip once more. */
static bool confirm(struct site *w, struct update *u)
{
    uint64_t n_refused = w->waived[WAIVED_REFUSED];
    u->n_erases_allowed = 0;
    if (!site_is_journal_worn(w) && !site_is_dip(w) && !w->is_upset && !journal_has_room(&u->journal, 1)) {
        site_blame(w, "P8", "an application runs, and its confirm would need an erase");
    }
    bool is_confirmed = oracle_is_done(w, u, call(u, update_confirm), "update_confirm failed with power on");
    if (w->waived[WAIVED_REFUSED] != n_refused) {
        is_confirmed = oracle_is_done(w, u, call(u, update_confirm), "update_confirm failed after a dip");
    }
    return is_confirmed;
}

/* Confirm, if it is one that does. True: it is confirmed, and goes on. */
static bool run_application(struct site *w, struct update *u, uint32_t slot)
{
    struct site_view *view = &w->view;
    uint32_t id = site_identify(w, slot);
    bool is_candidate = id == view->candidate;
    site_tell(w, "runs", is_candidate ? "the candidate" : "the confirmed image");
    if (id == view->crasher) {
        view->n_crashes++;
        view->cause = RESET_SOFTWARE;
        site_tell(w, "it crashes", "");
        return false;
    }
    view->n_crashes = 0; /* it is well, and says so */
    bool is_dark = is_candidate && view->offer == 0 && view->n_dark < w->scenario->n_dark;
    if (is_dark || !release_of((enum release_id)id)->confirms) {
        view->n_dark = (uint8_t)(view->n_dark + is_dark);
        end_run(w, is_dark || w->scenario->is_starved);
        return false;
    }
    if (is_candidate) {
        check_loader_not_now(w, u);
    }
    view->is_confirming = is_candidate;
    if (!confirm(w, u)) {
        return false;
    }
    if (is_candidate) {
        oracle_note_confirmed(w, id, slot);
    }
    if (has_offer(w) && id == offered(w)) {
        view->offer++;
        return false;
    }
    return true;
}

/* The loader answers: to a host, or it has waited for one in vain. */
static bool run_loader(struct site *w, const struct update *u, const struct slots_decision *decision)
{
    struct site_view *view = &w->view;
    bool is_before_try = decision->stay == BOOT_STAY_BEFORE_TRY;
    bool is_alone = is_before_try && view->n_alone < w->scenario->n_alone;
    /* A dip has put a trial off, and the other slot holds the last resort: there is no slot for a host. */
    bool has_no_slot = is_before_try && update_inactive_slot(u) == SLOT_NONE;
    if (is_alone || has_no_slot) {
        view->n_alone = (uint8_t)(view->n_alone + is_alone);
        view->is_try = 1;
        view->cause = RESET_SOFTWARE;
        return false;
    }
    return true;
}

/* The boot has read what RAM told it, and that is gone. */
static void note_booted(struct site_view *view)
{
    view->n_failed = (uint8_t)(view->n_failed + view->has_failed);
    view->n_failed_max = (uint8_t)(view->n_failed_max + view->has_failed);
    view->has_failed = 0;
}

void site_live(struct site *w)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    w->n_lives++;
    w->has_failed_now = false;
    w->was_alone = false;
    site_boot(w, &u, &decision, images);
    chip_supply_is_back(w->chip);
    note_booted(&w->view);
    if (!w->check) {
        oracle_check_decision(w, &u, &decision, images);
    }
    if (!w->check) {
        oracle_check_loader(w, &u);
    }
    if (!w->check && w->n_lives == 1 && !w->is_quiet) {
        oracle_check_second_boot(w, &u, &decision);
    }
    if (w->check) {
        return;
    }
    w->view.is_try = 0;
    w->view.cause = RESET_POWER_ON;
    u.n_erases_allowed = 0;
    bool goes_on =
        decision.action == SLOTS_BOOT ? run_application(w, &u, decision.slot) : run_loader(w, &u, &decision);
    if (goes_on && !w->check && !site_is_done(w)) {
        serve_with_patience(w, &u);
    }
}

void site_check_end(struct site *w)
{
    struct update u;
    struct slots_decision decision;
    struct image_result images[2];
    uint32_t n_max = 2; /* the first one may have to make room in the journal */
    w->is_quiet = true;
    for (uint32_t i = 0; i < n_max; i++) {
        n_max = chip_is_flaky(w->chip) ? QUIET_BOOTS_MAX : n_max; /* what flickers only now is repaired now */
        chip_power_up(w->chip, 1 + i);
        site_boot(w, &u, &decision, images);
        if (i > 0 && w->chip->n_ops == 0) {
            break;
        }
    }
    w->is_quiet = false;
    if (w->check) {
        return;
    }
    oracle_check_loader(w, &u);
    uint32_t wanted = w->view.has_given_up ? w->view.confirmed : w->scenario->ends_with;
    bool is_beyond_help = w->view.has_given_up && (w->view.has_rotted || wanted == RELEASE_NONE);
    if (!is_beyond_help && (decision.action != SLOTS_BOOT || !site_is_intact(w, decision.slot, wanted))) {
        site_blame(w, "P4", "ended with the wrong image");
    }
    if (w->scenario->loader != LOADER_NONE && !w->view.has_given_up &&
        site_identify_loader(w) != w->scenario->loader) {
        site_blame(w, "P21", "ended without the new loader");
    }
    w->normal_boot_ops = w->chip->n_ops > w->normal_boot_ops ? w->chip->n_ops : w->normal_boot_ops;
    if (w->chip->n_ops != 0) {
        site_blame(w, "P14", "a boot with nothing to do wrote to flash");
    }
}
