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
#include "small_app.h"
#include "twin/twin.h"

enum { WATCHDOG_MAX_MS = 10000 /* 8.2 s at the LSI's nominal speed (f407/iwdg.h), and a boot */ };

static uint32_t word_of(const struct twin_board *b, uint32_t addr)
{
    uint32_t word = 0;
    assert_true(twin_peek(b->twin, addr, &word, sizeof word));
    return word;
}

static void a_board_without_an_image_is_answered_by_its_loader(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(3, 0);
    twin_set_power(b->twin, true);
    printf("no image: the loader answers after %u ms\n",
           (unsigned)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS));
    small_board_close(b);
}

static void without_a_loader_the_root_resets_again_and_again_and_leaves_the_reason_in_ram(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(4, 0);
    twin_board_store(b, SLOT_LOADER, NULL, 0);
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 500);
    assert_int_equal(word_of(b, RAM_REASON_ADDR), E_IMAGE_BLANK);
    twin_board_run_ms(b, 10000);
    assert_in_range(twin_stats(b->twin)->resets_software, 8, 11);
    assert_int_equal(twin_stats(b->twin)->flash_ops, 0); /* and it wears nothing */
    assert_int_equal(word_of(b, RAM_REASON_ADDR), E_IMAGE_BLANK);
    small_board_close(b);
}

/* --- the watchdog ------------------------------------------------------------------------------------ */

static void a_loader_that_hangs_is_reset_and_counts_for_nothing(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(5, 0);
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_LOADER, .mode = BOOT_APP_HANGS}, &image);
    small_board_store(b, SLOT_LOADER, &image);
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 2 * WATCHDOG_MAX_MS);
    struct boot_app_report report = small_board_report(b);
    assert_true(twin_stats(b->twin)->resets_iwdg >= 2);
    assert_true(report.runs >= 2);
    assert_int_equal(report.base, FLASH_LOADER_BASE);
    assert_int_equal(report.info.running_slot, SLOT_NONE);
    assert_int_equal(report.info.stay, BOOT_STAY_NO_IMAGE);
    assert_int_equal(report.info.n_crashes, 0);
    assert_int_equal(twin_stats(b->twin)->flash_ops, 0);
    small_board_close(b);
}

static void hang_confirmed(uint8_t run_flags, bool is_reset)
{
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(
        &(struct small_plan){.linked_for = SLOT_A, .mode = BOOT_APP_HANGS, .run_flags = run_flags}, &image);
    small_board_confirm_a(b, &image);
    struct boot_app_report report = small_board_boot(b);
    assert_int_equal(report.info.slot_state[SLOT_A], SLOT_STATE_CONFIRMED);
    assert_int_equal(report.info.n_crashes, 0);
    twin_board_run_ms(b, WATCHDOG_MAX_MS);
    report = small_board_report(b);
    assert_int_equal(twin_stats(b->twin)->resets_iwdg > 0, is_reset);
    assert_int_equal(report.info.n_crashes > 0, is_reset);
    small_board_close(b);
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
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_A, .mode = BOOT_APP_ASKS_FOR_LOADER}, &image);
    small_board_confirm_a(b, &image);
    (void)small_board_boot(b);
    twin_board_run_ms(b, 9000);
    assert_int_equal(small_board_report(b).runs, 1); /* the loader waits for a host */
    twin_board_run_ms(b, 2000);
    assert_int_equal(small_board_report(b).runs, 2); /* none came */
    assert_int_equal(small_board_report(b).info.n_crashes, 0);
    (void)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS);
    twin_board_run_ms(b, 12000);
    assert_int_equal(small_board_report(b).runs, 2); /* a host talks: it stays */
    small_board_close(b);
}

static void without_a_loader_a_request_for_it_boots_the_application(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_A, .mode = BOOT_APP_ASKS_FOR_LOADER}, &image);
    small_board_confirm_a(b, &image);
    twin_board_store(b, SLOT_LOADER, NULL, 0);
    (void)small_board_boot(b);
    twin_board_run_ms(b, 1000);
    assert_true(small_board_report(b).runs >= 2);
    small_board_close(b);
}

/* --- before the supply is trusted -------------------------------------------------------------------- */

static void at_a_low_supply_the_root_stays_at_16_mhz(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(7, SMALL_LOW_SUPPLY_MV);
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 10);
    uint64_t before = twin_stats(b->twin)->cycles;
    twin_board_run_ms(b, 10);
    assert_in_range(twin_stats(b->twin)->cycles - before, 100000, 10 * 16000 + 1000);
    small_board_close(b);
    b = small_board_open_at(7, 0);
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 10);
    before = twin_stats(b->twin)->cycles;
    twin_board_run_ms(b, 10);
    assert_true(twin_stats(b->twin)->cycles - before > 10 * 150000);
    small_board_close(b);
}

/* The twin calls prefetch on that silicon a violation, and run_ms fails on any. */
static void on_revision_a_the_prefetch_buffer_stays_off(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open(&(struct twin_config){.silicon = TWIN_SILICON_A, .seed = 8});
    twin_set_power(b->twin, true);
    (void)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS);
    small_board_close(b);
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
