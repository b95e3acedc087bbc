/* Trials, the last resort, and what a rejection is, with the code that ships. Decisions one by one:
 * slots_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "update_steps.h"

static void image_that_never_confirms_has_three_failed_runs(void **state)
{
    (void)state;
    install(&v2);
    boots(SLOT_B, true);
    for (int failed = 1; failed < BOOT_TRIAL_RUNS; failed++) {
        boot_after_failed_run();
        assert_int_equal(u.running, SLOT_B);
        assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS - failed);
    }
    boot_after_failed_run();
    assert_int_equal(u.running, SLOT_A);
    struct boot_info info;
    update_info(&u, &info);
    assert_int_equal(info.slot_state[1], SLOT_STATE_REJECTED);
    assert_int_equal(info.last_reason, E_SLOT_TRIALS_SPENT);
}

static void power_failures_and_the_pin_spend_no_run_but_sixteen_starts_are_the_bound(void **state)
{
    (void)state;
    static const enum reset_cause CAUSES[] = {RESET_POWER_ON, RESET_BROWN_OUT, RESET_PIN};
    install(&v2);
    for (uint32_t start = 1; start <= BOOT_TRIAL_STARTS; start++) {
        next_reset.cause = CAUSES[start % 3];
        boots(SLOT_B, true);
        assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
        assert_int_equal(u.record.starts, BOOT_TRIAL_STARTS - start);
    }
    boots(SLOT_A, false);
    assert_int_equal(u.record.last_reason, E_SLOT_STARTS_SPENT);
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_REJECTED);
}

static void run_that_failed_before_the_first_start_is_not_the_new_images(void **state)
{
    (void)state;
    /* The application that installs it was a trial itself a moment ago, and resets the chip. */
    install(&v2);
    next_reset.is_run_failed = true;
    boots(SLOT_B, true);
    assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
}

static void new_board_with(const struct fixture_release *release, enum slot slot)
{
    fixture_init(&fix);
    fixture_factory(&fix, release, slot);
}

static void spend_the_only_image(enum slot slot)
{
    boots(slot, true);
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(u.record.state[slot], SLOT_STATE_LAST_RESORT);
}

static void only_image_is_never_rejected_and_runs_again_and_again_without_a_record(void **state)
{
    (void)state;
    for (enum slot slot = SLOT_A; slot <= SLOT_B; slot++) {
        new_board_with(&v1, slot);
        spend_the_only_image(slot);
        assert_int_equal(u.record.last_reason, E_SLOT_TRIALS_SPENT);
        boot();
        uint32_t seq = u.record.seq;
        for (int night = 0; night < 500; night++) {
            next_reset.is_run_failed = true; /* of the last resort */
            boot();
            assert_int_equal(decision.action, SLOTS_LOADER);
            assert_int_equal(decision.stay, BOOT_STAY_BEFORE_TRY);
            assert_int_equal(u.record.last_reason, E_SLOT_TRIALS_SPENT);
            next_request = BOOT_REQUEST_TRY;
            boots(slot, true);
            assert_true(decision.with_watchdog);
            assert_int_equal(fix.fake.n_ops, 0);
        }
        assert_int_equal(u.record.seq, seq);
        assert_int_equal(update_confirm(&u), FOTA_OK); /* one day it is well */
        boots(slot, false);
    }
}

static void only_image_of_a_board_with_sixteen_short_power_ups_still_runs(void **state)
{
    (void)state;
    new_board_with(&v1, SLOT_A);
    for (int start = 0; start < BOOT_TRIAL_STARTS; start++) {
        next_reset.cause = RESET_POWER_ON;
        boots(SLOT_A, true);
    }
    boot();
    assert_int_equal(u.record.state[SLOT_A], SLOT_STATE_LAST_RESORT);
    assert_int_equal(u.record.last_reason, E_SLOT_STARTS_SPENT);
    next_request = BOOT_REQUEST_TRY;
    boots(SLOT_A, true);
}

static void update_of_a_board_with_a_last_resort_leaves_it_alone(void **state)
{
    (void)state;
    for (enum slot slot = SLOT_A; slot <= SLOT_B; slot++) {
        struct update_target target;
        enum slot other = slot == SLOT_A ? SLOT_B : SLOT_A;
        new_board_with(&v1, slot);
        spend_the_only_image(slot);
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        assert_int_equal(target.slot, other);
        assert_int_equal(update_abort(&u), FOTA_OK);
        install(&v2);
        boots(other, true);
        for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
            boot_after_failed_run();
        }
        assert_int_equal(u.record.state[other], SLOT_STATE_REJECTED); /* there is something to fall back to */
        assert_int_equal(u.record.state[slot], SLOT_STATE_LAST_RESORT);
        assert_int_equal(decision.stay, BOOT_STAY_BEFORE_TRY);
        confirm_release(&v3, other);
    }
}

static void slot_of_a_waiting_trial_is_not_written_while_nothing_is_confirmed(void **state)
{
    (void)state;
    struct update_target target;
    new_board_with(&v1, SLOT_A);
    boots(SLOT_A, true);
    boot_into_loader();
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.slot, SLOT_B);
    stream(&v2, &target, 0, 64);
    boots(SLOT_A, true);
    assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
    assert_int_equal(u.record.starts, BOOT_TRIAL_STARTS - 2);
}

static void
release_activated_beside_a_waiting_trial_is_tried_first_and_the_other_is_the_way_back(void **state)
{
    (void)state;
    new_board_with(&v1, SLOT_A);
    boots(SLOT_A, true);
    boot_into_loader();
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(decision.stay, BOOT_STAY_BEFORE_TRY);
    next_request = BOOT_REQUEST_TRY;
    boots(SLOT_A, true);
}

static void another_image_in_the_slot_of_the_last_resort_gets_its_trial(void **state)
{
    (void)state;
    new_board_with(&v1, SLOT_A);
    spend_the_only_image(SLOT_A);
    fixture_factory(&fix, &v2, SLOT_A); /* past the updater: through the ROM */
    boots(SLOT_A, true);
    assert_int_equal(u.record.starts, BOOT_TRIAL_STARTS - 1);
}

static void trial_whose_fallback_has_decayed_is_not_rejected(void **state)
{
    (void)state;
    install(&v2);
    boots(SLOT_B, true);
    *flash_fake_at(&fix.fake, FLASH_SLOT_A_BASE + 0x210) ^= 1;
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_LAST_RESORT);
    next_request = BOOT_REQUEST_TRY;
    boots(SLOT_B, true);
    *flash_fake_at(&fix.fake, FLASH_SLOT_A_BASE + 0x210) ^= 1; /* it reads well again */
    boots(SLOT_A, false);
}

static void lost_journal_tries_both_images_and_rejects_only_one(void **state)
{
    (void)state;
    confirm_release(&v2, SLOT_B);
    lose_journals();
    boots(SLOT_B, true); /* the higher version first */
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(u.running, SLOT_A);
    assert_true(decision.is_trial);
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_REJECTED);
    assert_int_equal(u.record.state[SLOT_A], SLOT_STATE_LAST_RESORT);
}

static void rejected_release_is_not_taken_again_until_another_is_confirmed(void **state)
{
    (void)state;
    struct update_target target;
    reject_release(&v2, SLOT_B, SLOT_A);
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    install(&v3); /* takes over the slot: what was rejected must still be known */
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
}

/* Offered in turn, two bad releases would otherwise be tried in turn for ever. */
static void two_releases_that_failed_are_both_refused(void **state)
{
    (void)state;
    struct update_target target;
    reject_release(&v2, SLOT_B, SLOT_A);
    reject_release(&v3, SLOT_B, SLOT_A);
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    assert_int_equal(begin(&v3, &target), E_SLOT_REJECTED);
    /* The operator's number lifts both. */
    assert_int_equal(update_retry(&u, u.record.retry + 1), FOTA_OK);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(begin(&v3, &target), FOTA_OK);
}

static void rejection_names_the_release_in_both_slots(void **state)
{
    (void)state;
    struct update_target target;
    reject_release(&v2, SLOT_B, SLOT_A);
    assert_false(bytes_all_equal(u.record.rejected[0][SLOT_A], BOOT_RECORD_DIGEST_BYTES, 0));
    /* The slots change their parts without a confirm of another image. */
    struct boot_record record = u.record;
    fixture_factory(&fix, &v1, SLOT_B);
    record.active = SLOT_B;
    record.state[SLOT_B] = SLOT_STATE_EMPTY;
    record.state[SLOT_A] = SLOT_STATE_EMPTY;
    record.active = SLOT_NONE;
    assert_int_equal(journal_append(&u.journal, &record), FOTA_OK);
    boot_into_loader();
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    assert_int_equal(target.slot, SLOT_A);
    stream(&v2, &target, 0, v2.image[SLOT_A].n_bytes);
    assert_int_equal(update_finish(&u), E_SLOT_REJECTED);
}

static void rejected_image_does_not_come_back_through_a_session_without_statement(void **state)
{
    (void)state;
    struct update_target target;
    reject_release(&v2, SLOT_B, SLOT_A);
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    stream(&v2, &target, 0, v2.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), E_SLOT_REJECTED);
    assert_int_equal(update_activate(&u), E_STATE);
}

static void digest_that_begins_with_zeros_is_not_rejected_when_nothing_is(void **state)
{
    (void)state;
    static const uint8_t ZEROS[4] = {0};
    static struct fixture_release zeros;
    struct update_target target;
    zeros = (struct fixture_release){
        .version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 100, .digest_start = ZEROS};
    fixture_release(&zeros);
    assert_int_equal(begin(&zeros, &target), FOTA_OK);
    assert_int_equal(update_abort(&u), FOTA_OK);
    /* Nor is it when something else is that begins the same. */
    reject_release(&v2, SLOT_B, SLOT_A);
    memset(u.record.rejected[0][SLOT_A], 0, 4);
    memset(u.record.rejected[0][SLOT_B], 0, 4);
    assert_int_equal(begin(&zeros, &target), FOTA_OK);
}

/* The id is the start of a digest: 0 would be no session, and the one of a plain session is as good as any, for
 * the kind of a session stands in a field of its own. */
static void session_id_is_never_none_and_does_not_tell_the_kind(void **state)
{
    (void)state;
    static const uint8_t STARTS[2][4] = {{0, 0, 0, 0}, {0xA4, 0x28, 0x60, 0x00}};
    for (int i = 0; i < 2; i++) {
        static struct fixture_release odd;
        struct update_target target;
        odd = (struct fixture_release){
            .version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 100, .digest_start = STARTS[i]};
        fixture_release(&odd);
        assert_int_equal(begin(&odd, &target), FOTA_OK);
        uint32_t start_of_digest = bytes_load_be32(STARTS[i]);
        assert_int_equal(target.session_id, start_of_digest == 0 ? ~start_of_digest : start_of_digest);
        assert_true(target.image_bytes < FIX_SLOT_BYTES); /* it is a session with a statement */
        assert_int_equal(update_finish(&u), E_UPDATE_INCOMPLETE);
        assert_int_equal(update_abort(&u), FOTA_OK);
    }
}

static void higher_retry_number_lifts_a_rejection_and_the_same_one_does_not(void **state)
{
    (void)state;
    struct update_target target;
    struct boot_info info;
    assert_int_equal(update_retry(&u, 3), FOTA_OK);
    reject_release(&v2, SLOT_B, SLOT_A);
    for (uint32_t number = 0; number <= 3; number++) {
        fix.fake.n_ops = 0;
        assert_int_equal(update_retry(&u, number), FOTA_OK);
        assert_int_equal(fix.fake.n_ops, 0);
        assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    }
    update_info(&u, &info);
    assert_int_equal(info.retry, 3);
    assert_false(bytes_all_equal(info.rejected_hash[SLOT_B], 8, 0));
    assert_int_equal(update_retry(&u, 4), FOTA_OK);
    boots(SLOT_A, false);
    update_info(&u, &info);
    assert_int_equal(info.retry, 4);
    assert_true(bytes_all_equal(info.rejected_hash[0], sizeof info.rejected_hash, 0));
    reject_release(&v2, SLOT_B, SLOT_A);
    assert_int_equal(update_retry(&u, 4), FOTA_OK);
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
}

static void crash_loop_of_a_confirmed_image_is_left_once_and_told(void **state)
{
    (void)state;
    struct boot_info info;
    struct update_target target;
    confirm_release(&v2, SLOT_B);
    for (uint32_t n = 1; n <= 2 * SLOTS_CRASHES_MAX; n++) {
        next_reset = (struct update_reset){.cause = RESET_IWDG, .n_crashes = n};
        boots(n < SLOTS_CRASHES_MAX ? SLOT_B : SLOT_A, false);
    }
    update_info(&u, &info);
    assert_int_equal(info.last_reason, E_SLOT_CRASH_LOOP);
    assert_int_equal(info.slot_state[SLOT_B], SLOT_STATE_REJECTED);
    assert_int_equal(info.active_slot, SLOT_A);
    assert_int_equal(info.n_crashes, 2 * SLOTS_CRASHES_MAX);
    assert_int_equal(update_confirm(&u), FOTA_OK); /* a sign of health does not bring it back */
    assert_int_equal(begin(&v2, &target), E_SLOT_REJECTED);
    install(&v3);
    boots(SLOT_B, true);
}

static void confirmed_image_runs_under_the_watchdog_if_it_says_so(void **state)
{
    (void)state;
    static struct fixture_release watched;
    watched = (struct fixture_release){
        .version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 100, .run_flags = IMAGE_RUN_WATCHDOG};
    fixture_release(&watched);
    assert_false(decision.with_watchdog); /* 1.0.0 says nothing */
    confirm_release(&watched, SLOT_B);
    assert_true(decision.with_watchdog);
    assert_false(decision.is_trial);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        T(image_that_never_confirms_has_three_failed_runs),
        T(power_failures_and_the_pin_spend_no_run_but_sixteen_starts_are_the_bound),
        T(run_that_failed_before_the_first_start_is_not_the_new_images),
        T(only_image_is_never_rejected_and_runs_again_and_again_without_a_record),
        T(only_image_of_a_board_with_sixteen_short_power_ups_still_runs),
        T(update_of_a_board_with_a_last_resort_leaves_it_alone),
        T(slot_of_a_waiting_trial_is_not_written_while_nothing_is_confirmed),
        T(release_activated_beside_a_waiting_trial_is_tried_first_and_the_other_is_the_way_back),
        T(another_image_in_the_slot_of_the_last_resort_gets_its_trial),
        T(trial_whose_fallback_has_decayed_is_not_rejected),
        T(lost_journal_tries_both_images_and_rejects_only_one),
        T(rejected_release_is_not_taken_again_until_another_is_confirmed),
        T(two_releases_that_failed_are_both_refused),
        T(rejection_names_the_release_in_both_slots),
        T(rejected_image_does_not_come_back_through_a_session_without_statement),
        T(digest_that_begins_with_zeros_is_not_rejected_when_nothing_is),
        T(session_id_is_never_none_and_does_not_tell_the_kind),
        T(higher_retry_number_lifts_a_rejection_and_the_same_one_does_not),
        T(crash_loop_of_a_confirmed_image_is_left_once_and_told),
        T(confirmed_image_runs_under_the_watchdog_if_it_says_so),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
