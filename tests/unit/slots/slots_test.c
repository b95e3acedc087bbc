/* The boot decision as a table, and exhaustively: every record and every pair of verifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "slots/slots.h"

enum { KNOWN = 0, OTHER = 1 }; /* digest of a valid image: the record's, or another */

static const uint8_t DIGEST[2][2][BOOT_RECORD_DIGEST_BYTES] = {{{0xA1, 0xA2, 0xA3, 0xA4}, {0xA9}},
                                                               {{0xB1, 0xB2, 0xB3, 0xB4}, {0xB9}}};

enum { MANY = 8 /* starts left, in the middle of a trial */ };

static struct boot_record record_with(uint8_t active, uint8_t state_a, uint8_t state_b, uint8_t tries,
                                      uint8_t starts)
{
    struct boot_record record = {
        .active = active, .state = {state_a, state_b}, .tries = tries, .starts = starts};
    memcpy(record.digest[0], DIGEST[0][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    memcpy(record.digest[1], DIGEST[1][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    return record;
}

static struct boot_record record_of(uint8_t active, uint8_t state_a, uint8_t state_b, uint8_t tries)
{
    return record_with(active, state_a, state_b, tries, MANY);
}

/* What verification of a slot will find when it is asked for. */
struct truth {
    enum slots_check check;
    enum fota_err reason;
    uint32_t version;
    int digest;
};

static const struct truth GOOD = {SLOTS_VALID, FOTA_OK, 0x02000000, KNOWN};
static const struct truth NEWER = {SLOTS_VALID, FOTA_OK, 0x03000000, KNOWN};
static const struct truth STRANGE = {SLOTS_VALID, FOTA_OK, 0x02000000, OTHER};
static const struct truth ROTTEN = {SLOTS_INVALID, E_IMAGE_HASH, 0, KNOWN};

struct world {
    struct boot_record record;
    struct slots_facts facts;
    struct truth truth[2];
    bool wants_watchdog; /* both images */
    uint32_t n_writes;
    uint32_t n_runs_counted;
};

static void tell(struct world *w, enum slot slot)
{
    struct slots_image *image = &w->facts.image[slot];
    image->check = w->truth[slot].check;
    image->reason = w->truth[slot].reason;
    image->version = w->truth[slot].version;
    image->wants_watchdog = w->wants_watchdog;
    memcpy(image->digest, DIGEST[slot][w->truth[slot].digest], BOOT_RECORD_DIGEST_BYTES);
}

/* Ask until BOOT or LOADER, as update_choose does. */
static struct slots_decision run(struct world *w)
{
    struct slots_decision d = {0};
    for (uint32_t step = 0; step < SLOTS_STEPS_MAX; step++) {
        slots_decide(&w->record, &w->facts, &d);
        if (d.action == SLOTS_VERIFY) {
            assert_int_equal(w->facts.image[d.slot].check, SLOTS_UNKNOWN); /* never asked twice */
            tell(w, d.slot);
        } else if (d.action == SLOTS_WRITE) {
            assert_true(w->facts.can_write);
            w->record = d.record;
            w->facts.is_run_counted = w->facts.is_run_counted || d.counts_run;
            w->n_runs_counted += d.counts_run;
            w->n_writes++;
        } else {
            return d;
        }
    }
    fail_msg("no end after %d steps", SLOTS_STEPS_MAX);
    return d;
}

static struct world world_of(struct boot_record record, struct truth a, struct truth b)
{
    return (struct world){.record = record, .facts = {.can_write = true}, .truth = {a, b}};
}

enum { EMPTY, RECEIVING, PENDING, TRIAL, CONFIRMED, REJECTED, RESORT };

/* How a boot ends. */
enum end { BOOT_A, BOOT_B, TRIAL_A, TRIAL_B, NO_IMAGE, BEFORE_TRY };

static bool is_end(const struct slots_decision *d, enum end end)
{
    if (end == NO_IMAGE) {
        return d->action == SLOTS_LOADER && d->stay == BOOT_STAY_NO_IMAGE && d->reason != FOTA_OK;
    }
    if (end == BEFORE_TRY) {
        return d->action == SLOTS_LOADER && d->stay == BOOT_STAY_BEFORE_TRY;
    }
    bool is_trial = end == TRIAL_A || end == TRIAL_B;
    return d->action == SLOTS_BOOT && d->slot == (end == BOOT_A || end == TRIAL_A ? SLOT_A : SLOT_B) &&
           d->is_trial == is_trial && d->with_watchdog == is_trial;
}

/* clang-format off */
static const struct row {
    const char *what;
    uint8_t active, state[2], tries, starts;
    bool is_failed;
    const struct truth *a, *b;
    enum end end;
    uint8_t active_after, state_after[2], tries_after, starts_after;
    uint16_t reason_after;
} ROWS[] = {
    {"confirmed image boots", SLOT_A, {CONFIRMED, EMPTY}, 0, 0, false, &GOOD, &ROTTEN,
     BOOT_A, SLOT_A, {CONFIRMED, EMPTY}, 0, 0, 0},
    {"half-received image is ignored", SLOT_A, {CONFIRMED, RECEIVING}, 0, 0, false, &GOOD, &GOOD,
     BOOT_A, SLOT_A, {CONFIRMED, RECEIVING}, 0, 0, 0},
    {"pending image waits", SLOT_A, {CONFIRMED, PENDING}, 0, 0, false, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, PENDING}, 0, 0, 0},
    {"trial goes first", SLOT_A, {CONFIRMED, TRIAL}, 3, 16, false, &GOOD, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 3, 15, 0},
    {"reset before its first start is not its fault", SLOT_A, {CONFIRMED, TRIAL}, 3, 16, true, &GOOD, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 3, 15, 0},
    {"failed run costs one", SLOT_A, {CONFIRMED, TRIAL}, 3, 15, true, &GOOD, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 2, 14, 0},
    {"run that the supply ended costs a start only", SLOT_A, {CONFIRMED, TRIAL}, 1, 9, false, &GOOD, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 1, 8, 0},
    {"third failed run: rejected", SLOT_A, {CONFIRMED, TRIAL}, 1, MANY, true, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"last start", SLOT_A, {CONFIRMED, TRIAL}, 3, 1, false, &GOOD, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 3, 0, 0},
    {"sixteen starts: rejected", SLOT_A, {CONFIRMED, TRIAL}, 3, 0, false, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, E_SLOT_STARTS_SPENT},
    {"both spent: the runs tell more", SLOT_A, {CONFIRMED, TRIAL}, 1, 0, true, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"record without runs is spent", SLOT_A, {CONFIRMED, TRIAL}, 0, MANY, false, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"spent, and the confirmed image has decayed: last resort", SLOT_A, {CONFIRMED, TRIAL}, 1, MANY, true, &ROTTEN, &NEWER,
     BEFORE_TRY, SLOT_A, {CONFIRMED, RESORT}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"it waits while the confirmed image reads well", SLOT_A, {CONFIRMED, RESORT}, 0, 0, false, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, RESORT}, 0, 0, 0},
    {"rotten trial is forgotten, not rejected", SLOT_A, {CONFIRMED, TRIAL}, 3, MANY, false, &GOOD, &ROTTEN,
     BOOT_A, SLOT_A, {CONFIRMED, EMPTY}, 0, 0, E_IMAGE_HASH},
    {"trial of other content is forgotten", SLOT_A, {CONFIRMED, TRIAL}, 3, MANY, false, &GOOD, &STRANGE,
     BOOT_A, SLOT_A, {CONFIRMED, EMPTY}, 0, 0, E_UPDATE_DIGEST},
    {"rejected image is not booted", SLOT_A, {CONFIRMED, REJECTED}, 0, 0, false, &GOOD, &NEWER,
     BOOT_A, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, 0},
    {"rotten active falls back to the confirmed other", SLOT_B, {CONFIRMED, CONFIRMED}, 0, 0, false, &GOOD, &ROTTEN,
     BOOT_A, SLOT_A, {CONFIRMED, EMPTY}, 0, 0, E_SLOT_FELL_BACK},
    {"rotten active never falls back to a rejected one", SLOT_A, {CONFIRMED, REJECTED}, 0, 0, false, &ROTTEN, &GOOD,
     NO_IMAGE, SLOT_A, {CONFIRMED, REJECTED}, 0, 0, 0},
    {"nor to a half-received one", SLOT_A, {CONFIRMED, RECEIVING}, 0, 0, false, &ROTTEN, &GOOD,
     NO_IMAGE, SLOT_A, {CONFIRMED, RECEIVING}, 0, 0, 0},
    {"nor to a pending one", SLOT_A, {CONFIRMED, PENDING}, 0, 0, false, &ROTTEN, &GOOD,
     NO_IMAGE, SLOT_A, {CONFIRMED, PENDING}, 0, 0, 0},
    {"nor to one that nothing is known about", SLOT_A, {CONFIRMED, EMPTY}, 0, 0, false, &ROTTEN, &GOOD,
     NO_IMAGE, SLOT_A, {CONFIRMED, EMPTY}, 0, 0, 0},
    {"rotten active with a trial: trial", SLOT_A, {CONFIRMED, TRIAL}, 2, MANY, true, &ROTTEN, &NEWER,
     TRIAL_B, SLOT_A, {CONFIRMED, TRIAL}, 1, MANY - 1, 0},
    {"both confirmed rotten: loader, record kept", SLOT_A, {CONFIRMED, CONFIRMED}, 0, 0, false, &ROTTEN, &ROTTEN,
     NO_IMAGE, SLOT_A, {CONFIRMED, CONFIRMED}, 0, 0, 0},
    {"other content in the active slot gets a trial", SLOT_A, {CONFIRMED, REJECTED}, 0, 0, false, &STRANGE, &GOOD,
     TRIAL_A, SLOT_NONE, {TRIAL, REJECTED}, 3, 15, E_UPDATE_DIGEST},
    {"new board: image gets a trial", SLOT_NONE, {EMPTY, EMPTY}, 0, 0, false, &GOOD, &ROTTEN,
     TRIAL_A, SLOT_NONE, {TRIAL, EMPTY}, 3, 15, 0},
    {"new board whose image failed three times: last resort", SLOT_NONE, {TRIAL, EMPTY}, 1, MANY, true, &GOOD, &ROTTEN,
     BEFORE_TRY, SLOT_NONE, {RESORT, EMPTY}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"or started sixteen times", SLOT_NONE, {EMPTY, TRIAL}, 3, 0, false, &ROTTEN, &GOOD,
     BEFORE_TRY, SLOT_NONE, {EMPTY, RESORT}, 0, 0, E_SLOT_STARTS_SPENT},
    {"last resort: the loader first, nothing written", SLOT_NONE, {RESORT, EMPTY}, 0, 0, true, &GOOD, &ROTTEN,
     BEFORE_TRY, SLOT_NONE, {RESORT, EMPTY}, 0, 0, 0},
    {"rotten last resort: loader, record kept", SLOT_NONE, {RESORT, REJECTED}, 0, 0, false, &ROTTEN, &GOOD,
     NO_IMAGE, SLOT_NONE, {RESORT, REJECTED}, 0, 0, 0},
    {"other content in its slot gets a trial", SLOT_NONE, {RESORT, EMPTY}, 0, 0, false, &STRANGE, &ROTTEN,
     TRIAL_A, SLOT_NONE, {TRIAL, EMPTY}, 3, 15, E_UPDATE_DIGEST},
    {"update beside a last resort fails: rejected, back to it", SLOT_NONE, {RESORT, TRIAL}, 1, MANY, true, &GOOD, &NEWER,
     BEFORE_TRY, SLOT_NONE, {RESORT, REJECTED}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"and the last resort has decayed: another last resort", SLOT_NONE, {RESORT, TRIAL}, 1, MANY, true, &ROTTEN, &NEWER,
     BEFORE_TRY, SLOT_NONE, {RESORT, RESORT}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"image that came by itself is tried before the last resort", SLOT_NONE, {RESORT, EMPTY}, 0, 0, false, &GOOD, &NEWER,
     TRIAL_B, SLOT_NONE, {RESORT, TRIAL}, 3, 15, 0},
    {"half-received update leaves the last resort", SLOT_NONE, {RESORT, RECEIVING}, 0, 0, false, &GOOD, &NEWER,
     BEFORE_TRY, SLOT_NONE, {RESORT, RECEIVING}, 0, 0, 0},
    {"nothing confirmed: higher version first", SLOT_NONE, {EMPTY, EMPTY}, 0, 0, false, &GOOD, &NEWER,
     TRIAL_B, SLOT_NONE, {EMPTY, TRIAL}, 3, 15, 0},
    {"then the other", SLOT_NONE, {EMPTY, TRIAL}, 1, MANY, true, &GOOD, &NEWER,
     TRIAL_A, SLOT_NONE, {TRIAL, REJECTED}, 3, 15, E_SLOT_TRIALS_SPENT},
    {"and that is the last resort", SLOT_NONE, {TRIAL, REJECTED}, 1, MANY, true, &GOOD, &NEWER,
     BEFORE_TRY, SLOT_NONE, {RESORT, REJECTED}, 0, 0, E_SLOT_TRIALS_SPENT},
    {"active without a confirmed state counts as none", SLOT_A, {EMPTY, EMPTY}, 0, 0, false, &GOOD, &ROTTEN,
     TRIAL_A, SLOT_A, {TRIAL, EMPTY}, 3, 15, 0},
};
/* clang-format on */

static void table_of_decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *r = &ROWS[i];
        struct world w =
            world_of(record_with(r->active, r->state[0], r->state[1], r->tries, r->starts), *r->a, *r->b);
        w.facts.is_run_failed = r->is_failed;
        struct slots_decision d = run(&w);
        bool is_right = is_end(&d, r->end) && w.record.active == r->active_after &&
                        w.record.state[0] == r->state_after[0] && w.record.state[1] == r->state_after[1] &&
                        w.record.tries == r->tries_after && w.record.starts == r->starts_after &&
                        w.record.last_reason == r->reason_after;
        if (!is_right) {
            fail_msg(
                "%s: action %x slot %d stay %d, record active %d states %d %d tries %d starts %d reason %x",
                r->what, (unsigned)d.action, (int)d.slot, (int)d.stay, w.record.active, w.record.state[0],
                w.record.state[1], w.record.tries, w.record.starts, w.record.last_reason);
        }
    }
}

/* Every row that ends before a try ends with the image once the loader has waited, and without a record. */
static void request_to_try_starts_the_last_resort_and_writes_nothing_more(void **state)
{
    (void)state;
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *r = &ROWS[i];
        if (r->end != BEFORE_TRY) {
            continue;
        }
        struct world w =
            world_of(record_with(r->active, r->state_after[0], r->state_after[1], 0, 0), *r->a, *r->b);
        w.facts.request = BOOT_REQUEST_TRY;
        w.facts.can_write = false;
        struct slots_decision d = run(&w);
        enum slot resort = r->state_after[0] == RESORT && r->a != &ROTTEN ? SLOT_A : SLOT_B;
        assert_true(is_end(&d, resort == SLOT_A ? TRIAL_A : TRIAL_B));
        n++;
    }
    assert_true(n >= 7);
}

static void image_under_rejection_gets_no_trial_by_itself(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_NONE, EMPTY, EMPTY, 0), GOOD, NEWER);
    memcpy(w.record.rejected[0][SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    struct slots_decision d = run(&w);
    assert_true(is_end(&d, TRIAL_A));
    /* And a trial has no way back to it. */
    w = world_of(record_with(SLOT_NONE, TRIAL, EMPTY, 1, MANY), GOOD, NEWER);
    memcpy(w.record.rejected[0][SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    w.facts.is_run_failed = true;
    d = run(&w);
    assert_true(is_end(&d, BEFORE_TRY));
    assert_int_equal(w.record.state[SLOT_A], RESORT);
}

static void confirmed_image_that_asks_for_the_watchdog_gets_it(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        struct world w = world_of(record_of(SLOT_A, CONFIRMED, CONFIRMED, 0), GOOD, ROTTEN);
        w.wants_watchdog = asks != 0;
        struct slots_decision d = run(&w);
        assert_int_equal(d.with_watchdog, asks);
        w = world_of(record_of(SLOT_B, CONFIRMED, CONFIRMED, 0), GOOD, ROTTEN); /* the fallback too */
        w.wants_watchdog = asks != 0;
        d = run(&w);
        assert_int_equal(d.slot, SLOT_A);
        assert_int_equal(d.with_watchdog, asks);
    }
}

static void lost_journal_tries_the_higher_version_and_writes_first(void **state)
{
    (void)state;
    const struct boot_record nothing = {.active = SLOT_NONE, .security_floor = 3};
    struct world w = world_of(nothing, GOOD, NEWER);
    struct slots_decision d = run(&w);
    assert_int_equal(d.action, SLOTS_BOOT);
    assert_int_equal(d.slot, SLOT_B);
    assert_int_equal(w.n_writes, 1);
    assert_int_equal(w.record.security_floor, 3); /* of one-time memory: not lost with the journal */
    w = world_of(nothing, ROTTEN, ROTTEN);
    d = run(&w);
    assert_int_equal(d.action, SLOTS_LOADER);
    assert_int_equal(w.n_writes, 0);
}

static void asked_for_loader_decides_nothing_else(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_A, CONFIRMED, TRIAL, 3), GOOD, GOOD);
    w.facts.request = BOOT_REQUEST_LOADER;
    struct slots_decision d = run(&w);
    assert_int_equal(d.action, SLOTS_LOADER);
    assert_int_equal(d.stay, BOOT_STAY_REQUESTED);
    assert_int_equal(d.reason, FOTA_OK);
    assert_int_equal(w.n_writes, 0);
}

static void without_a_journal_to_write_no_trial_starts_but_a_confirmed_image_does(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_A, CONFIRMED, TRIAL, 3), GOOD, GOOD);
    w.facts.can_write = false;
    struct slots_decision d = run(&w);
    assert_int_equal(d.action, SLOTS_BOOT);
    assert_int_equal(d.slot, SLOT_A);
    w = world_of(record_of(SLOT_B, CONFIRMED, CONFIRMED, 0), GOOD, ROTTEN);
    w.facts.can_write = false;
    d = run(&w);
    assert_int_equal(d.action, SLOTS_BOOT);
    assert_int_equal(d.slot, SLOT_A);
    w = world_of(record_of(SLOT_NONE, EMPTY, EMPTY, 0), GOOD, GOOD);
    w.facts.can_write = false;
    d = run(&w);
    assert_int_equal(d.action, SLOTS_LOADER);
}

static void crash_loop_falls_back_once_to_the_other_confirmed_image(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_B, CONFIRMED, CONFIRMED, 0), GOOD, NEWER);
    w.facts.n_crashes = SLOTS_CRASHES_MAX - 1;
    struct slots_decision d = run(&w);
    assert_int_equal(d.slot, SLOT_B);
    assert_int_equal(w.n_writes, 0);

    w = world_of(record_of(SLOT_B, CONFIRMED, CONFIRMED, 0), GOOD, NEWER);
    w.facts.n_crashes = SLOTS_CRASHES_MAX;
    d = run(&w);
    assert_int_equal(d.action, SLOTS_BOOT);
    assert_int_equal(d.slot, SLOT_A);
    assert_false(d.is_trial);
    assert_int_equal(w.n_writes, 1);
    assert_int_equal(w.record.active, SLOT_A);
    assert_int_equal(w.record.state[SLOT_B], REJECTED);
    assert_memory_equal(w.record.rejected[0][SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    assert_int_equal(w.record.last_reason, E_SLOT_CRASH_LOOP);

    /* The other one crashes too: there is nothing to go back to, however often. */
    struct world again = world_of(w.record, GOOD, NEWER);
    again.facts.n_crashes = UINT32_MAX;
    d = run(&again);
    assert_int_equal(d.action, SLOTS_BOOT);
    assert_int_equal(d.slot, SLOT_A);
    assert_int_equal(again.n_writes, 0);
}

static void crash_loop_without_a_good_way_back_changes_nothing(void **state)
{
    (void)state;
    static const uint8_t OTHERS[] = {EMPTY, RECEIVING, PENDING, REJECTED};
    for (size_t i = 0; i < sizeof OTHERS; i++) {
        struct world w = world_of(record_of(SLOT_A, CONFIRMED, OTHERS[i], 0), GOOD, NEWER);
        w.facts.n_crashes = SLOTS_CRASHES_MAX;
        struct slots_decision d = run(&w);
        assert_int_equal(d.action, SLOTS_BOOT);
        assert_int_equal(d.slot, SLOT_A);
        assert_int_equal(w.n_writes, 0);
    }
    const struct truth NO_WAY[] = {ROTTEN, STRANGE};
    for (size_t i = 0; i < 2; i++) {
        struct world w = world_of(record_of(SLOT_A, CONFIRMED, CONFIRMED, 0), GOOD, NO_WAY[i]);
        w.facts.n_crashes = SLOTS_CRASHES_MAX;
        struct slots_decision d = run(&w);
        assert_int_equal(d.slot, SLOT_A);
        assert_int_equal(w.n_writes, 0);
    }
    struct world w = world_of(record_of(SLOT_A, CONFIRMED, CONFIRMED, 0), GOOD, NEWER);
    w.facts.n_crashes = SLOTS_CRASHES_MAX;
    w.facts.can_write = false; /* nothing could be remembered, so nothing is decided anew */
    struct slots_decision d = run(&w);
    assert_int_equal(d.slot, SLOT_A);
}

/* The slot holds the image that the record speaks of. */
static bool holds_known(const struct world *w, uint32_t slot)
{
    return w->truth[slot].check == SLOTS_VALID && w->truth[slot].digest == KNOWN;
}

static bool is_under_rejection(const struct world *w, uint32_t slot)
{
    const uint8_t *digest = DIGEST[slot][w->truth[slot].digest];
    return memcmp(w->record.rejected[0][slot], digest, BOOT_RECORD_DIGEST_BYTES) == 0 ||
           memcmp(w->record.rejected[1][slot], digest, BOOT_RECORD_DIGEST_BYTES) == 0;
}

static bool has_good_confirmed(const struct world *w)
{
    return w->record.active <= SLOT_B && w->record.state[w->record.active] == CONFIRMED &&
           holds_known(w, w->record.active);
}

/* Before the boot: an image that must not be given up, whatever else is wrong. */
static bool has_image_to_run(const struct world *w)
{
    bool is_active_confirmed = w->record.active <= SLOT_B && w->record.state[w->record.active] == CONFIRMED;
    bool is_found = has_good_confirmed(w);
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        uint8_t state = w->record.state[slot];
        is_found = is_found || (state == RESORT && holds_known(w, slot)) ||
                   (state == TRIAL && holds_known(w, slot) && w->facts.can_write) ||
                   (state == EMPTY && !is_active_confirmed && w->truth[slot].check == SLOTS_VALID &&
                    !is_under_rejection(w, slot) && w->facts.can_write);
    }
    return is_found;
}

static const char *promises_of_loader(const struct world *before, const struct world *after,
                                      const struct slots_decision *d)
{
    if ((before->facts.request == BOOT_REQUEST_LOADER) != (d->stay == BOOT_STAY_REQUESTED)) {
        return "loader for another reason than the request";
    }
    if (d->stay == BOOT_STAY_REQUESTED) {
        return after->n_writes != 0 ? "a request for the loader writes" : NULL;
    }
    if (has_good_confirmed(before)) {
        return "loader although the confirmed image is good";
    }
    if (d->stay == BOOT_STAY_NO_IMAGE && has_image_to_run(before)) {
        return "gives up an image that can run";
    }
    return d->stay == BOOT_STAY_BEFORE_TRY && before->facts.request == BOOT_REQUEST_TRY
               ? "waits again although the loader has waited"
               : NULL;
}

static const char *promises_of_trial(const struct world *before, const struct world *after, uint32_t slot)
{
    const struct boot_record *was = &before->record;
    const struct boot_record *is = &after->record;
    if (is->state[slot] == RESORT) {
        return after->n_runs_counted != 0 ? "a run of the last resort is counted" : NULL;
    }
    if (is->state[slot] != TRIAL || after->n_runs_counted != 1) {
        return "a trial's start is counted not exactly once";
    }
    bool is_new = was->state[slot] != TRIAL || was->state[1 - slot] == TRIAL || !holds_known(before, slot);
    uint32_t n_failed = before->facts.is_run_failed && was->starts < BOOT_TRIAL_STARTS;
    if (is_new ? is->starts >= BOOT_TRIAL_STARTS || is->tries > BOOT_TRIAL_RUNS
               : is->starts + 1 != was->starts || is->tries + n_failed != was->tries) {
        return "a trial has more runs or starts than allowed";
    }
    return is->tries == 0 ? "a trial runs that has no run left" : NULL;
}

/* The promises of slots.h, over every record and every truth. NULL: kept. */
static const char *promises(const struct world *before, const struct world *after,
                            const struct slots_decision *d)
{
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        bool is_rejected_now =
            after->record.state[slot] == REJECTED && before->record.state[slot] != REJECTED;
        bool runs_other = (d->action == SLOTS_BOOT && d->slot == 1 - slot) ||
                          (d->action == SLOTS_LOADER && d->stay == BOOT_STAY_BEFORE_TRY);
        if (is_rejected_now && !runs_other) {
            return "rejects the only image";
        }
    }
    if (d->action == SLOTS_LOADER) {
        return promises_of_loader(before, after, d);
    }
    if (d->action != SLOTS_BOOT || d->slot > SLOT_B) {
        return "neither boots nor starts the loader";
    }
    if (after->truth[d->slot].check != SLOTS_VALID || after->facts.image[d->slot].check != SLOTS_VALID) {
        return "boots what was not verified";
    }
    if (memcmp(after->record.digest[d->slot], after->facts.image[d->slot].digest, BOOT_RECORD_DIGEST_BYTES) !=
        0) {
        return "boots a digest that the record does not hold";
    }
    if (before->record.state[d->slot] == REJECTED ||
        (before->record.state[d->slot] == EMPTY && is_under_rejection(before, d->slot))) {
        return "boots a rejected image";
    }
    if (d->slot != before->record.active && has_good_confirmed(before) && !d->is_trial &&
        (before->facts.n_crashes < SLOTS_CRASHES_MAX || after->record.last_reason != E_SLOT_CRASH_LOOP)) {
        return "leaves a good confirmed image that did not crash";
    }
    if (d->with_watchdog != (d->is_trial || before->wants_watchdog)) {
        return "the watchdog is not as asked";
    }
    if (d->is_trial) {
        return promises_of_trial(before, after, d->slot);
    }
    return after->record.state[d->slot] == CONFIRMED ? NULL : "boots what is neither on trial nor confirmed";
}

/* A night of power-ups and failed runs after it: nothing more is written once there is only a last resort. */
static const char *promise_of_the_night(const struct world *after, const struct slots_decision *d)
{
    bool is_resort = (d->action == SLOTS_LOADER && d->stay == BOOT_STAY_BEFORE_TRY) ||
                     (d->action == SLOTS_BOOT && after->record.state[d->slot] == RESORT);
    if (!is_resort) {
        return NULL;
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct world w = world_of(after->record, after->truth[0], after->truth[1]);
        w.facts.is_run_failed = true;
        w.facts.can_write = after->facts.can_write;
        w.facts.n_crashes = SLOTS_CRASHES_MAX;
        w.facts.request = i == 0 ? BOOT_REQUEST_NONE : BOOT_REQUEST_TRY;
        struct slots_decision again = run(&w);
        bool is_same = i == 0 ? again.action == SLOTS_LOADER && again.stay == BOOT_STAY_BEFORE_TRY
                              : again.action == SLOTS_BOOT && again.is_trial;
        if (w.n_writes != 0 || !is_same) {
            return "a last resort wears the journal, or is given up";
        }
    }
    return NULL;
}

enum bug { NO_BUG, BOOTS_ANY_SIGNED, REJECTS_THE_ONLY_IMAGE, GIVES_UP_THE_LAST_RESORT, BUGS };

static void plant(enum bug bug, struct world *w, struct slots_decision *d)
{
    bool is_waiting = d->action == SLOTS_LOADER && d->stay == BOOT_STAY_BEFORE_TRY;
    if (bug == BOOTS_ANY_SIGNED && d->action == SLOTS_LOADER && w->truth[0].check == SLOTS_VALID) {
        tell(w, SLOT_A);
        d->action = SLOTS_BOOT;
        d->slot = SLOT_A;
    } else if (bug == REJECTS_THE_ONLY_IMAGE && is_waiting && w->n_writes != 0) {
        uint32_t slot = w->record.state[SLOT_A] == RESORT ? SLOT_A : SLOT_B;
        w->record.state[slot] = REJECTED;
        d->stay = BOOT_STAY_NO_IMAGE;
    } else if (bug == GIVES_UP_THE_LAST_RESORT && is_waiting) {
        d->stay = BOOT_STAY_NO_IMAGE;
    }
}

static uint32_t take(uint32_t *rest, uint32_t n)
{
    uint32_t value = *rest % n;
    *rest /= n;
    return value;
}

/* The world of a number; false when there are no more. */
static bool enumerate(uint32_t i, struct world *w)
{
    static const struct truth TRUTHS[] = {{SLOTS_VALID, FOTA_OK, 1, KNOWN},
                                          {SLOTS_VALID, FOTA_OK, 2, OTHER},
                                          {SLOTS_INVALID, E_IMAGE_HASH, 0, KNOWN}};
    static const uint8_t STARTS[] = {0, 1, MANY, BOOT_TRIAL_STARTS};
    static const enum boot_request REQUESTS[] = {BOOT_REQUEST_NONE, BOOT_REQUEST_LOADER, BOOT_REQUEST_TRY,
                                                 BOOT_REQUEST_FAULT};
    uint32_t rest = i;
    struct boot_record record = record_of(SLOT_NONE, 0, 0, 0);
    record.active = (uint8_t)take(&rest, 4);   /* 3 is out of range */
    record.state[0] = (uint8_t)take(&rest, 8); /* 7 is out of range */
    record.state[1] = (uint8_t)take(&rest, 8);
    record.tries = (uint8_t)take(&rest, BOOT_TRIAL_RUNS + 1);
    record.starts = STARTS[take(&rest, 4)];
    uint32_t a = take(&rest, 3);
    uint32_t b = take(&rest, 3);
    uint32_t rejected = take(&rest, 3); /* none, the image in A, the image in B */
    if (rejected != 0) {
        uint32_t slot = rejected - 1;
        memcpy(record.rejected[i % BOOT_RECORD_REJECTED][slot], DIGEST[slot][KNOWN],
               BOOT_RECORD_DIGEST_BYTES);
    }
    *w = world_of(record, TRUTHS[a], TRUTHS[b]);
    w->facts.n_crashes = take(&rest, 2) != 0 ? SLOTS_CRASHES_MAX : 0;
    w->facts.request = REQUESTS[take(&rest, 4)];
    w->facts.can_write = take(&rest, 2) != 0;
    w->facts.is_run_failed = take(&rest, 2) != 0;
    w->wants_watchdog = i % 5 == 0;
    return rest == 0;
}

static const char *check_all(enum bug bug)
{
    struct world w;
    uint32_t n = 0;
    for (; enumerate(n, &w); n++) {
        struct world before = w;
        struct slots_decision d = run(&w);
        plant(bug, &w, &d);
        const char *broken = promises(&before, &w, &d);
        if (!broken) {
            broken = promise_of_the_night(&w, &d);
        }
        if (broken) {
            return broken;
        }
    }
    print_message("%u combinations of record and facts\n", (unsigned)n);
    return NULL;
}

static void every_record_with_every_verification_keeps_the_promises(void **state)
{
    (void)state;
    const char *broken = check_all(NO_BUG);
    if (broken) {
        fail_msg("%s", broken);
    }
}

static void promises_catch_planted_bugs(void **state)
{
    (void)state;
    for (enum bug bug = BOOTS_ANY_SIGNED; bug < BUGS; bug++) {
        assert_non_null(check_all(bug));
    }
}

static void rejected_release_is_remembered_with_both_its_images(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_A, CONFIRMED, TRIAL, 0), GOOD, NEWER);
    memset(w.record.counterpart, 0xC7, sizeof w.record.counterpart);
    (void)run(&w);
    assert_memory_equal(w.record.rejected[0][SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    assert_memory_equal(w.record.rejected[0][SLOT_A], w.record.counterpart, BOOT_RECORD_DIGEST_BYTES);
    /* Of an image that came by itself only one is known. */
    w = world_of(record_of(SLOT_NONE, EMPTY, EMPTY, 0), GOOD, ROTTEN);
    memset(w.record.counterpart, 0xC7, sizeof w.record.counterpart);
    (void)run(&w);
    assert_int_equal(w.record.counterpart[0], 0);
}

static void actions_are_far_apart(void **state)
{
    (void)state;
    static const unsigned ACTIONS[] = {SLOTS_VERIFY, SLOTS_WRITE, SLOTS_BOOT, SLOTS_LOADER, 0, 0xFFFFFFFF};
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(__builtin_popcount(ACTIONS[i] ^ ACTIONS[k]) >= 6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_decisions),
        cmocka_unit_test(request_to_try_starts_the_last_resort_and_writes_nothing_more),
        cmocka_unit_test(image_under_rejection_gets_no_trial_by_itself),
        cmocka_unit_test(confirmed_image_that_asks_for_the_watchdog_gets_it),
        cmocka_unit_test(lost_journal_tries_the_higher_version_and_writes_first),
        cmocka_unit_test(asked_for_loader_decides_nothing_else),
        cmocka_unit_test(without_a_journal_to_write_no_trial_starts_but_a_confirmed_image_does),
        cmocka_unit_test(crash_loop_falls_back_once_to_the_other_confirmed_image),
        cmocka_unit_test(crash_loop_without_a_good_way_back_changes_nothing),
        cmocka_unit_test(every_record_with_every_verification_keeps_the_promises),
        cmocka_unit_test(promises_catch_planted_bugs),
        cmocka_unit_test(rejected_release_is_remembered_with_both_its_images),
        cmocka_unit_test(actions_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
