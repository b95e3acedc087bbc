/*
 * Updates over bad wires: the real firmware below, the real gateway above, noise by seed in between. What
 * must hold whatever the noise does: nothing is installed but what was signed, no byte changes outside slot B
 * and the journal, no byte is acknowledged that is not the image's; and what fails, fails with a reason and
 * is cured by clean wires. `fota-noise` runs the same with as many seeds as one likes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "noisy_update.h"

enum {
    PAYLOAD_BYTES = 5 * 1024,
    MAX_MS = 60000,
    DEAF_MAX_MS = 4500,
    NO_CRC_MAX_MS = 2500,
    REPEATS_MAX = 400
};

static struct loader_board boards[LOADER_KINDS];

static int open_boards(void **state)
{
    (void)state;
    loader_board_open_all(boards, TWIN_FLASH_TYPICAL, PAYLOAD_BYTES);
    return 0;
}

static int close_boards(void **state)
{
    (void)state;
    loader_board_close_all(boards);
    return 0;
}

static void print(const char *what, const struct noise_plan *plan, const struct noise_result *r)
{
    const struct noise_counts *n = &r->noise;
    printf(
        "%s, seed %llu: %llu ms, %u repeats; flips %u bursts %u lost %u doubled %u slips %u stuck %u resets "
        "%u; last failure %s\n",
        what, (unsigned long long)plan->seed, (unsigned long long)r->ms, (unsigned)r->repeats,
        (unsigned)n->flips, (unsigned)n->bursts, (unsigned)n->lost, (unsigned)n->doubled, (unsigned)n->slips,
        (unsigned)n->stuck, (unsigned)n->deaths, fota_err_name(r->reason));
}

static void assert_harmless(const struct noise_result *r)
{
    assert_false(r->is_corrupt);
    assert_int_equal(r->n_outside, 0);
    assert_int_equal(r->n_unnoticed, 0);
}

static unsigned n_events(const struct noise_counts *n)
{
    return n->flips + n->bursts + n->lost + n->doubled + n->slips + n->stuck + n->deaths;
}

/* Updates of both boards complete with `n_seeds` seeds each, and there was noise in them. */
static void assert_complete(const char *what, struct noise_plan plan, unsigned n_seeds)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 2 * n_seeds; i++) {
        struct noise_result r;
        plan.seed = 100 + i;
        noise_update(&boards[i % 2], &plan, MAX_MS, false, &r);
        print(what, &plan, &r);
        assert_harmless(&r);
        assert_true(r.is_complete);
        assert_in_range(r.repeats, 0, REPEATS_MAX);
        n += n_events(&r.noise);
    }
    assert_true(n > 0);
}

static void bit_errors_cost_time_but_never_an_update(void **state)
{
    (void)state;
    assert_complete("bit errors 1e-4", (struct noise_plan){.flip_ppb = 100000}, 2);
    assert_complete("bit errors 1e-5", (struct noise_plan){.flip_ppb = 10000}, 1);
    assert_complete("bit errors 1e-6", (struct noise_plan){.flip_ppb = 1000}, 1);
}

static void bursts_cost_time_but_never_an_update(void **state)
{
    (void)state;
    assert_complete("bursts", (struct noise_plan){.burst_ppb = 500000, .burst_max_bits = 64}, 1);
}

static void lost_and_doubled_bytes_cost_time_but_never_an_update(void **state)
{
    (void)state;
    assert_complete("lost and doubled", (struct noise_plan){.lost_ppb = 200000, .doubled_ppb = 200000}, 1);
}

static void a_slipped_bit_counter_is_found_and_cured(void **state)
{
    (void)state;
    assert_complete("slipped", (struct noise_plan){.slip_ppb = 60000}, 2);
}

static void wires_that_stick_for_a_while_delay_an_update(void **state)
{
    (void)state;
    assert_complete("stuck", (struct noise_plan){.stuck_ppb = 200000, .stuck_max_ms = 200}, 1);
}

static void a_master_that_is_reset_at_any_byte_goes_on_where_the_flash_is(void **state)
{
    (void)state;
    assert_complete("master resets", (struct noise_plan){.dead_ppb = 150000}, 2);
}

/* Wires that never come back: the gateway gives up in bounded time, says why, and nothing has changed. */
static void wires_that_stay_dead_end_in_a_reason_and_clean_ones_cure_it(void **state)
{
    (void)state;
    struct noise_result r;
    const struct noise_plan plan = {.seed = 5, .stuck_ppb = 1000000000, .stuck_max_ms = 1};
    noise_update(&boards[0], &plan, DEAF_MAX_MS, false, &r);
    print("dead wires", &plan, &r);
    assert_harmless(&r);
    assert_false(r.is_complete);
    assert_true(r.reason == E_LINK_NO_LOADER || r.reason == E_LINK_ROM_SILENT);
    assert_int_equal(twin_board_erases(&boards[0].base, SLOT_B), 0);
    assert_true(noise_recovers(&boards[0]));
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    static struct noise_result first, second;
    const struct noise_plan plan = {.seed = 77, .flip_ppb = 50000, .lost_ppb = 20000};
    noise_update(&boards[0], &plan, MAX_MS, false, &first);
    noise_update(&boards[0], &plan, MAX_MS, false, &second);
    assert_int_equal(first.ms, second.ms);
    assert_int_equal(first.repeats, second.repeats);
    assert_memory_equal(&first.noise, &second.noise, sizeof first.noise);
}

/* The checker proves itself: a loader that does not check the CRC
 * of its blocks acknowledges damaged bytes. */
static void a_loader_that_does_not_check_its_blocks_is_found(void **state)
{
    (void)state;
    unsigned n_found = 0;
    for (uint64_t seed = 1; seed <= 3 && n_found == 0; seed++) {
        struct noise_result r;
        const struct noise_plan plan = {.seed = seed, .flip_ppb = 30000};
        noise_update(&boards[0], &plan, NO_CRC_MAX_MS, true, &r);
        print("no CRC", &plan, &r);
        assert_false(r.is_corrupt); /* the signature still stands between it and a corrupt install */
        n_found += r.n_unnoticed > 0;
    }
    assert_true(n_found > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_errors_cost_time_but_never_an_update),
        cmocka_unit_test(bursts_cost_time_but_never_an_update),
        cmocka_unit_test(lost_and_doubled_bytes_cost_time_but_never_an_update),
        cmocka_unit_test(a_slipped_bit_counter_is_found_and_cured),
        cmocka_unit_test(wires_that_stick_for_a_while_delay_an_update),
        cmocka_unit_test(a_master_that_is_reset_at_any_byte_goes_on_where_the_flash_is),
        cmocka_unit_test(wires_that_stay_dead_end_in_a_reason_and_clean_ones_cure_it),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(a_loader_that_does_not_check_its_blocks_is_found),
    };
    return cmocka_run_group_tests(tests, open_boards, close_boards);
}
