/* Root and loader on the twin: when the loader is started and how long it stays, what happens when there is
 * none, and what the root does before it trusts the supply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "boot_rig.h"
#include "twin/twin.h"

enum { WATCHDOG_MAX_MS = 10000 /* 8.2 s at the LSI's nominal speed (f407/iwdg.h), and a boot */ };

static uint32_t word_of(const struct twin *t, uint32_t addr)
{
    uint32_t word = 0;
    assert_true(twin_peek(t, addr, &word, sizeof word));
    return word;
}

static void a_board_without_an_image_is_answered_by_its_loader(void **state)
{
    (void)state;
    struct twin *t = make_board(3);
    twin_set_power(t, true);
    printf("no image: the loader answers after %u ms\n", (unsigned)wait_for_loader(t, LOADER_MAX_MS));
    twin_destroy(t);
}

static void without_a_loader_the_root_resets_again_and_again_and_leaves_the_reason_in_ram(void **state)
{
    (void)state;
    struct twin *t = make_board(4);
    erase_loader(t);
    twin_set_power(t, true);
    run_ms(t, 500);
    assert_int_equal(word_of(t, RAM_REASON_ADDR), E_IMAGE_BLANK);
    run_ms(t, 10000);
    assert_in_range(twin_stats(t)->resets_software, 8, 11);
    assert_int_equal(twin_stats(t)->flash_ops, 0); /* and it wears nothing */
    assert_int_equal(word_of(t, RAM_REASON_ADDR), E_IMAGE_BLANK);
    twin_destroy(t);
}

/* --- the watchdog ------------------------------------------------------------------------------------ */

static void a_loader_that_hangs_is_reset_and_counts_for_nothing(void **state)
{
    (void)state;
    struct twin *t = make_board(5);
    struct test_image image;
    make_image(&(struct plan){.linked_for = SLOT_LOADER, .mode = BOOT_APP_HANGS}, &image);
    store_loader(t, &image);
    twin_set_power(t, true);
    run_ms(t, 2 * WATCHDOG_MAX_MS);
    struct boot_app_report report = report_of(t);
    assert_true(twin_stats(t)->resets_iwdg >= 2);
    assert_true(report.runs >= 2);
    assert_int_equal(report.base, FLASH_LOADER_BASE);
    assert_int_equal(report.info.running_slot, SLOT_NONE);
    assert_int_equal(report.info.stay, BOOT_STAY_NO_IMAGE);
    assert_int_equal(report.info.n_crashes, 0);
    assert_int_equal(twin_stats(t)->flash_ops, 0);
    twin_destroy(t);
}

static void hang_confirmed(uint8_t run_flags, bool is_reset)
{
    struct twin *t = confirmed_board();
    struct test_image image;
    make_image(&(struct plan){.linked_for = SLOT_A, .mode = BOOT_APP_HANGS, .run_flags = run_flags}, &image);
    put_confirmed(t, &image);
    struct boot_app_report report = boot(t);
    assert_int_equal(report.info.slot_state[SLOT_A], SLOT_STATE_CONFIRMED);
    assert_int_equal(report.info.n_crashes, 0);
    run_ms(t, WATCHDOG_MAX_MS);
    report = report_of(t);
    assert_int_equal(twin_stats(t)->resets_iwdg > 0, is_reset);
    assert_int_equal(report.info.n_crashes > 0, is_reset);
    twin_destroy(t);
}

static void a_confirmed_image_runs_under_the_watchdog_if_it_says_so(void **state)
{
    (void)state;
    hang_confirmed(IMAGE_RUN_WATCHDOG, true);
    hang_confirmed(0, false);
}

/* --- requests ---------------------------------------------------------------------------------------- */

static void a_loader_that_was_asked_for_gives_the_board_back_after_ten_seconds(void **state)
{
    (void)state;
    struct twin *t = confirmed_board();
    struct test_image image;
    make_image(&(struct plan){.linked_for = SLOT_A, .mode = BOOT_APP_ASKS_FOR_LOADER}, &image);
    put_confirmed(t, &image);
    (void)boot(t);
    run_ms(t, 9000);
    assert_int_equal(report_of(t).runs, 1); /* the loader waits for a host */
    run_ms(t, 2000);
    assert_int_equal(report_of(t).runs, 2); /* none came */
    assert_int_equal(report_of(t).info.n_crashes, 0);
    (void)wait_for_loader(t, LOADER_MAX_MS);
    run_ms(t, 12000);
    assert_int_equal(report_of(t).runs, 2); /* a host talks: it stays */
    twin_destroy(t);
}

static void without_a_loader_a_request_for_it_boots_the_application(void **state)
{
    (void)state;
    struct twin *t = confirmed_board();
    struct test_image image;
    make_image(&(struct plan){.linked_for = SLOT_A, .mode = BOOT_APP_ASKS_FOR_LOADER}, &image);
    put_confirmed(t, &image);
    erase_loader(t);
    (void)boot(t);
    run_ms(t, 1000);
    assert_true(report_of(t).runs >= 2);
    twin_destroy(t);
}

/* --- before the supply is trusted -------------------------------------------------------------------- */

static void at_a_low_supply_the_root_stays_at_16_mhz(void **state)
{
    (void)state;
    struct twin *t = make_board_at(7, LOW_SUPPLY_MV);
    twin_set_power(t, true);
    run_ms(t, 10);
    uint64_t before = twin_stats(t)->cycles;
    run_ms(t, 10);
    assert_in_range(twin_stats(t)->cycles - before, 100000, 10 * 16000 + 1000);
    twin_destroy(t);
    t = make_board(7);
    twin_set_power(t, true);
    run_ms(t, 10);
    before = twin_stats(t)->cycles;
    run_ms(t, 10);
    assert_true(twin_stats(t)->cycles - before > 10 * 150000);
    twin_destroy(t);
}

/* The twin calls prefetch on that silicon a violation, and run_ms fails on any. */
static void on_revision_a_the_prefetch_buffer_stays_off(void **state)
{
    (void)state;
    struct twin *t = make_board_with(&(struct twin_config){.silicon = TWIN_SILICON_A, .seed = 8});
    twin_set_power(t, true);
    (void)wait_for_loader(t, LOADER_MAX_MS);
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_without_an_image_is_answered_by_its_loader),
        cmocka_unit_test(without_a_loader_the_root_resets_again_and_again_and_leaves_the_reason_in_ram),
        cmocka_unit_test(a_loader_that_hangs_is_reset_and_counts_for_nothing),
        cmocka_unit_test(a_confirmed_image_runs_under_the_watchdog_if_it_says_so),
        cmocka_unit_test(a_loader_that_was_asked_for_gives_the_board_back_after_ten_seconds),
        cmocka_unit_test(without_a_loader_a_request_for_it_boots_the_application),
        cmocka_unit_test(at_a_low_supply_the_root_stays_at_16_mhz),
        cmocka_unit_test(on_revision_a_the_prefetch_buffer_stays_off),
    };
    return cmocka_run_group_tests(tests, read_inputs, forget_inputs);
}
