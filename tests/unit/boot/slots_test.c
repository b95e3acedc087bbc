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

static struct boot_record record_of(uint8_t active, uint8_t state_a, uint8_t state_b, uint8_t tries)
{
    struct boot_record record = {.active = active, .state = {state_a, state_b}, .tries = tries};
    memcpy(record.digest[0], DIGEST[0][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    memcpy(record.digest[1], DIGEST[1][KNOWN], BOOT_RECORD_DIGEST_BYTES);
    return record;
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
    uint32_t n_writes;
    uint32_t n_runs_counted;
};

static void tell(struct world *w, enum slot slot)
{
    struct slots_image *image = &w->facts.image[slot];
    image->check = w->truth[slot].check;
    image->reason = w->truth[slot].reason;
    image->version = w->truth[slot].version;
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

enum { EMPTY, RECEIVING, PENDING, TRIAL, CONFIRMED, REJECTED };

static void table_of_decisions(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct boot_record record;
        struct truth a;
        struct truth b;
        enum slot boots; /* SLOT_NONE: loader */
        bool is_trial;
        uint8_t active_after;
        uint8_t state_after[2];
        uint8_t tries_after;
        uint16_t reason_after;
    } ROWS[] = {
        {"confirmed image boots",
         record_of(SLOT_A, CONFIRMED, EMPTY, 0),
         GOOD,
         ROTTEN,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, EMPTY},
         0,
         0},
        {"half-received image is ignored",
         record_of(SLOT_A, CONFIRMED, RECEIVING, 0),
         GOOD,
         GOOD,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, RECEIVING},
         0,
         0},
        {"pending image waits",
         record_of(SLOT_A, CONFIRMED, PENDING, 0),
         GOOD,
         NEWER,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, PENDING},
         0,
         0},
        {"trial goes first",
         record_of(SLOT_A, CONFIRMED, TRIAL, 3),
         GOOD,
         NEWER,
         SLOT_B,
         true,
         SLOT_A,
         {CONFIRMED, TRIAL},
         2,
         0},
        {"last trial run",
         record_of(SLOT_A, CONFIRMED, TRIAL, 1),
         GOOD,
         NEWER,
         SLOT_B,
         true,
         SLOT_A,
         {CONFIRMED, TRIAL},
         0,
         0},
        {"spent trial is rejected",
         record_of(SLOT_A, CONFIRMED, TRIAL, 0),
         GOOD,
         NEWER,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, REJECTED},
         0,
         E_SLOT_TRIALS_SPENT},
        {"rotten trial is forgotten, not rejected",
         record_of(SLOT_A, CONFIRMED, TRIAL, 3),
         GOOD,
         ROTTEN,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, EMPTY},
         0,
         E_IMAGE_HASH},
        {"trial of other content is forgotten",
         record_of(SLOT_A, CONFIRMED, TRIAL, 3),
         GOOD,
         STRANGE,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, EMPTY},
         0,
         E_UPDATE_DIGEST},
        {"rejected image is not booted",
         record_of(SLOT_A, CONFIRMED, REJECTED, 0),
         GOOD,
         NEWER,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, REJECTED},
         0,
         0},
        {"rotten active falls back to the confirmed other",
         record_of(SLOT_B, CONFIRMED, CONFIRMED, 0),
         GOOD,
         ROTTEN,
         SLOT_A,
         false,
         SLOT_A,
         {CONFIRMED, EMPTY},
         0,
         E_SLOT_FELL_BACK},
        {"rotten active never falls back to a rejected one",
         record_of(SLOT_A, CONFIRMED, REJECTED, 0),
         ROTTEN,
         GOOD,
         SLOT_NONE,
         false,
         SLOT_A,
         {CONFIRMED, REJECTED},
         0,
         0},
        {"nor to a half-received one",
         record_of(SLOT_A, CONFIRMED, RECEIVING, 0),
         ROTTEN,
         GOOD,
         SLOT_NONE,
         false,
         SLOT_A,
         {CONFIRMED, RECEIVING},
         0,
         0},
        {"nor to a pending one",
         record_of(SLOT_A, CONFIRMED, PENDING, 0),
         ROTTEN,
         GOOD,
         SLOT_NONE,
         false,
         SLOT_A,
         {CONFIRMED, PENDING},
         0,
         0},
        {"rotten active with a trial: trial",
         record_of(SLOT_A, CONFIRMED, TRIAL, 2),
         ROTTEN,
         NEWER,
         SLOT_B,
         true,
         SLOT_A,
         {CONFIRMED, TRIAL},
         1,
         0},
        {"both confirmed rotten: loader, record kept",
         record_of(SLOT_A, CONFIRMED, CONFIRMED, 0),
         ROTTEN,
         ROTTEN,
         SLOT_NONE,
         false,
         SLOT_A,
         {CONFIRMED, CONFIRMED},
         0,
         0},
        {"other content in the active slot gets a trial",
         record_of(SLOT_A, CONFIRMED, REJECTED, 0),
         STRANGE,
         GOOD,
         SLOT_A,
         true,
         SLOT_NONE,
         {TRIAL, REJECTED},
         2,
         E_UPDATE_DIGEST},
        {"new board: image gets a trial",
         record_of(SLOT_NONE, EMPTY, EMPTY, 0),
         GOOD,
         ROTTEN,
         SLOT_A,
         true,
         SLOT_NONE,
         {TRIAL, EMPTY},
         2,
         0},
        {"nothing confirmed: higher version first",
         record_of(SLOT_NONE, EMPTY, EMPTY, 0),
         GOOD,
         NEWER,
         SLOT_B,
         true,
         SLOT_NONE,
         {EMPTY, TRIAL},
         2,
         0},
        {"then the other",
         record_of(SLOT_NONE, EMPTY, TRIAL, 0),
         GOOD,
         NEWER,
         SLOT_A,
         true,
         SLOT_NONE,
         {TRIAL, REJECTED},
         2,
         E_SLOT_TRIALS_SPENT},
        {"then the loader",
         record_of(SLOT_NONE, TRIAL, REJECTED, 0),
         GOOD,
         NEWER,
         SLOT_NONE,
         false,
         SLOT_NONE,
         {REJECTED, REJECTED},
         0,
         E_SLOT_TRIALS_SPENT},
        {"active without a confirmed state counts as none",
         record_of(SLOT_A, EMPTY, EMPTY, 0),
         GOOD,
         ROTTEN,
         SLOT_A,
         true,
         SLOT_A,
         {TRIAL, EMPTY},
         2,
         0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct world w = world_of(ROWS[i].record, ROWS[i].a, ROWS[i].b);
        struct slots_decision d = run(&w);
        bool is_right =
            (ROWS[i].boots == SLOT_NONE
                 ? d.action == SLOTS_LOADER && d.reason != FOTA_OK
                 : d.action == SLOTS_BOOT && d.slot == ROWS[i].boots && d.is_trial == ROWS[i].is_trial) &&
            w.record.active == ROWS[i].active_after && w.record.state[0] == ROWS[i].state_after[0] &&
            w.record.state[1] == ROWS[i].state_after[1] && w.record.tries == ROWS[i].tries_after &&
            w.record.last_reason == ROWS[i].reason_after;
        if (!is_right) {
            fail_msg("%s: action %x slot %d, record active %d states %d %d tries %d reason %x", ROWS[i].what,
                     (unsigned)d.action, (int)d.slot, w.record.active, w.record.state[0], w.record.state[1],
                     w.record.tries, w.record.last_reason);
        }
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
    w.facts.wants_loader = true;
    struct slots_decision d = run(&w);
    assert_int_equal(d.action, SLOTS_LOADER);
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
    assert_memory_equal(w.record.rejected[SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
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

/* The promises of slots.h, over every record and every truth. NULL: kept. */
static const char *promises(const struct world *before, const struct world *after,
                            const struct slots_decision *d)
{
    if (d->action == SLOTS_LOADER) {
        bool is_active_good = before->record.active <= SLOT_B &&
                              before->record.state[before->record.active] == CONFIRMED &&
                              before->truth[before->record.active].check == SLOTS_VALID &&
                              before->truth[before->record.active].digest == KNOWN;
        return is_active_good && !before->facts.wants_loader ? "loader although the confirmed image is good"
                                                             : NULL;
    }
    if (d->action != SLOTS_BOOT || d->slot > SLOT_B) {
        return "neither boots nor stays";
    }
    if (after->truth[d->slot].check != SLOTS_VALID || after->facts.image[d->slot].check != SLOTS_VALID) {
        return "boots what was not verified";
    }
    if (memcmp(after->record.digest[d->slot], after->facts.image[d->slot].digest, BOOT_RECORD_DIGEST_BYTES) !=
        0) {
        return "boots a digest that the record does not hold";
    }
    uint8_t known = after->record.state[d->slot];
    if (known != (d->is_trial ? TRIAL : CONFIRMED)) {
        return "boots what is neither on trial nor confirmed";
    }
    if (before->record.state[d->slot] == REJECTED) {
        return "boots a rejected image";
    }
    if (before->record.state[d->slot] == CONFIRMED && !d->is_trial && d->slot != before->record.active &&
        before->truth[before->record.active].check == SLOTS_VALID &&
        before->truth[before->record.active].digest == KNOWN &&
        (before->facts.n_crashes < SLOTS_CRASHES_MAX || after->record.last_reason != E_SLOT_CRASH_LOOP)) {
        return "leaves a good confirmed image that did not crash";
    }
    if (d->is_trial != (after->n_runs_counted == 1)) {
        return "a trial run is counted not exactly once";
    }
    if (d->is_trial && after->record.tries >= BOOT_TRIAL_RUNS && before->record.tries <= BOOT_TRIAL_RUNS) {
        return "a trial has more runs than allowed";
    }
    return NULL;
}

static const char *check_all(bool plants_bug)
{
    static const struct truth TRUTHS[] = {{SLOTS_VALID, FOTA_OK, 1, KNOWN},
                                          {SLOTS_VALID, FOTA_OK, 2, OTHER},
                                          {SLOTS_INVALID, E_IMAGE_HASH, 0, KNOWN}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < 256U * 8 * 8 * 5 * 9 * 8; i++) {
        uint32_t rest = i;
        struct boot_record record = record_of((uint8_t)(rest % 4), 0, 0, 0); /* 3 is out of range */
        rest /= 4;
        record.state[0] = (uint8_t)(rest % 7); /* 6 is out of range */
        rest /= 7;
        record.state[1] = (uint8_t)(rest % 7);
        rest /= 7;
        record.tries = (uint8_t)(rest % 5);
        rest /= 5;
        struct world w = world_of(record, TRUTHS[rest % 3], TRUTHS[rest / 3 % 3]);
        rest /= 9;
        w.facts.n_crashes = (rest & 1) != 0 ? SLOTS_CRASHES_MAX : 0;
        w.facts.wants_loader = (rest & 2) != 0;
        w.facts.can_write = (rest & 4) != 0;
        if (rest >= 8) {
            break;
        }
        struct world before = w;
        struct slots_decision d = run(&w);
        if (plants_bug && d.action == SLOTS_LOADER && w.truth[0].check == SLOTS_VALID) {
            tell(&w, SLOT_A); /* "boot any signed image rather than none" */
            d.action = SLOTS_BOOT;
            d.slot = SLOT_A;
        }
        const char *broken = promises(&before, &w, &d);
        if (broken != NULL) {
            return broken;
        }
        n++;
    }
    print_message("%u combinations of record and facts\n", (unsigned)n);
    return NULL;
}

static void every_record_with_every_verification_keeps_the_promises(void **state)
{
    (void)state;
    const char *broken = check_all(false);
    if (broken != NULL) {
        fail_msg("%s", broken);
    }
}

static void promises_catch_booting_any_signed_image(void **state)
{
    (void)state;
    assert_non_null(check_all(true));
}

static void rejected_digest_is_remembered(void **state)
{
    (void)state;
    struct world w = world_of(record_of(SLOT_A, CONFIRMED, TRIAL, 0), GOOD, NEWER);
    (void)run(&w);
    assert_memory_equal(w.record.rejected[SLOT_B], DIGEST[SLOT_B][KNOWN], BOOT_RECORD_DIGEST_BYTES);
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
        cmocka_unit_test(lost_journal_tries_the_higher_version_and_writes_first),
        cmocka_unit_test(asked_for_loader_decides_nothing_else),
        cmocka_unit_test(without_a_journal_to_write_no_trial_starts_but_a_confirmed_image_does),
        cmocka_unit_test(crash_loop_falls_back_once_to_the_other_confirmed_image),
        cmocka_unit_test(crash_loop_without_a_good_way_back_changes_nothing),
        cmocka_unit_test(every_record_with_every_verification_keeps_the_promises),
        cmocka_unit_test(promises_catch_booting_any_signed_image),
        cmocka_unit_test(rejected_digest_is_remembered),
        cmocka_unit_test(actions_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
