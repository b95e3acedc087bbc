/* Timers, register by register (RM0090 17.4, 18.4, 20.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/tim.h"
#include "fake_chip.h"

enum {
    TIM1 = 0x40010000,
    TIM2 = 0x40000000,
    TIM3 = 0x40000400,
    TIM6 = 0x40001000,
    TIM10 = 0x40014400,
    TIM14 = 0x40002000,
    CR1 = 0x00,
    CR2 = 0x04,
    SMCR = 0x08,
    DIER = 0x0C,
    SR = 0x10,
    EGR = 0x14,
    CCER = 0x20,
    CNT = 0x24,
    PSC = 0x28,
    ARR = 0x2C,
    RCR = 0x30,
    CCR2 = 0x38,
    CEN = 1 << 0,
    UDIS = 1 << 1,
    URS = 1 << 2,
    OPM = 1 << 3,
    ARPE = 1 << 7,
    IRQ_TIM1_UP_TIM10 = 25,
    IRQ_TIM2 = 28,
    IRQ_TIM3 = 29,
    IRQ_TIM6 = 54,
    IRQ_TIM14 = 45
};

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    tim_attach(c);
    fake_reset(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    fake_chip_destroy(*state);
    return violations ? -1 : 0;
}

/* As HAL does: preload, UG to load it, flag away. */
static void prepare(struct chip *c, uint32_t tim, uint32_t psc, uint32_t arr)
{
    fake_write(c, tim + PSC, psc);
    fake_write(c, tim + ARR, arr);
    fake_write(c, tim + EGR, 1);
    fake_write(c, tim + SR, 0);
}

static void reset_values(void **state)
{
    struct chip *c = *state;
    assert_int_equal(fake_read(c, TIM2 + ARR), 0xFFFFFFFF);
    assert_int_equal(fake_read(c, TIM3 + ARR), 0xFFFF);
    assert_int_equal(fake_read(c, TIM3 + CR1) | fake_read(c, TIM3 + CNT) | fake_read(c, TIM3 + PSC), 0);
}

static void counter_runs_at_clock_over_prescaler_plus_one(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM2, 15, 0xFFFFFFFF); /* 1 MHz */
    fake_write(c, TIM2 + CR1, CEN);
    fake_run(c, 1234 * FAKE_US);
    assert_int_equal(fake_read(c, TIM2 + CNT), 1234);
    fake_run(c, FAKE_US - 1);
    assert_int_equal(fake_read(c, TIM2 + CNT), 1234);
    fake_run(c, 1);
    assert_int_equal(fake_read(c, TIM2 + CNT), 1235);
    fake_write(c, TIM2 + CR1, 0);
    fake_run(c, FAKE_MS);
    assert_int_equal(fake_read(c, TIM2 + CNT), 1235);
}

static void update_interrupt_comes_every_period_without_drift(void **state)
{
    struct chip *c = *state;
    fake_set_clock(c, CHIP_TIMCLK1, 84000000); /* a period is no whole number of ps */
    prepare(c, TIM3, 83, 999);                 /* 1 kHz */
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CR1, CEN);
    for (unsigned i = 0; i < 5000; i++) {
        fake_run(c, FAKE_MS - 1);
        assert_false(fake_irq(c, IRQ_TIM3));
        fake_run(c, 1);
        assert_true(fake_irq(c, IRQ_TIM3));
        assert_int_equal(fake_read(c, TIM3 + CNT), 0);
        fake_write(c, TIM3 + SR, ~1U);
        assert_false(fake_irq(c, IRQ_TIM3));
    }
}

static void flag_stands_without_interrupt_enable(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM6, 0, 15999);
    fake_write(c, TIM6 + CR1, CEN);
    fake_run(c, 10 * FAKE_MS + FAKE_US);
    assert_int_equal(fake_read(c, TIM6 + SR), 1);
    assert_int_equal(fake_read(c, TIM6 + CNT), 16);
    assert_false(fake_irq(c, IRQ_TIM6));
    fake_write(c, TIM6 + DIER, 1);
    assert_true(fake_irq(c, IRQ_TIM6));
}

static void prescaler_takes_effect_at_the_update_event(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 0, 159); /* 10 us */
    fake_write(c, TIM3 + CR1, CEN);
    fake_write(c, TIM3 + PSC, 15);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 0);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 10);
}

static void auto_reload_is_preloaded_with_arpe_only(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, CEN);
    fake_write(c, TIM3 + ARR, 49);
    fake_run(c, 51 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 1);
    fake_write(c, TIM3 + CR1, 0);
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, ARPE | CEN);
    fake_write(c, TIM3 + ARR, 49);
    fake_run(c, 60 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 60);
    fake_run(c, 91 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 1);
}

static void ug_restarts_the_counter_and_urs_keeps_the_flag_down(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, 30 * FAKE_US);
    fake_write(c, TIM3 + EGR, 1);
    assert_int_equal(fake_read(c, TIM3 + CNT), 0);
    assert_int_equal(fake_read(c, TIM3 + SR), 1);
    fake_write(c, TIM3 + SR, 0);
    fake_write(c, TIM3 + CR1, CEN | URS);
    fake_write(c, TIM3 + EGR, 1);
    assert_int_equal(fake_read(c, TIM3 + SR), 0);
    fake_run(c, 100 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + SR), 1); /* an overflow still sets it */
}

static void udis_stops_update_events(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CR1, CEN | UDIS);
    fake_run(c, 250 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + SR), 0);
    assert_int_equal(fake_read(c, TIM3 + CNT), 50);
    assert_false(fake_irq(c, IRQ_TIM3));
}

static void one_pulse_mode_stops_at_the_update(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM14, 15, 99);
    fake_write(c, TIM14 + DIER, 1);
    fake_write(c, TIM14 + CR1, CEN | OPM);
    fake_run(c, 500 * FAKE_US);
    assert_true(fake_irq(c, IRQ_TIM14));
    assert_int_equal(fake_read(c, TIM14 + CR1), OPM);
    assert_int_equal(fake_read(c, TIM14 + CNT), 0);
}

static void counter_above_arr_runs_to_its_end_without_update(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 0, 1000);
    fake_write(c, TIM3 + CNT, 0xFFF0);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, 2 * FAKE_US); /* 32 clocks */
    assert_int_equal(fake_read(c, TIM3 + CNT), 16);
    assert_int_equal(fake_read(c, TIM3 + SR), 0);
}

static void arr_zero_blocks_the_counter(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 0, 0);
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, FAKE_MS);
    assert_int_equal(fake_read(c, TIM3 + CNT), 0);
    assert_false(fake_irq(c, IRQ_TIM3));
}

static void clock_change_changes_the_rate_from_then_on(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM2, 0, 0xFFFFFFFF);
    fake_write(c, TIM2 + CR1, CEN);
    fake_run(c, FAKE_MS); /* 16,000 */
    fake_set_clock(c, CHIP_TIMCLK1, 84000000);
    fake_run(c, FAKE_MS); /* 84,000 */
    assert_int_equal(fake_read(c, TIM2 + CNT), 100000);
}

static void repetition_counter_of_tim1_skips_updates(void **state)
{
    struct chip *c = *state;
    fake_write(c, TIM1 + RCR, 2);
    prepare(c, TIM1, 15, 99);
    fake_write(c, TIM1 + DIER, 1);
    fake_write(c, TIM1 + CR1, CEN);
    fake_run(c, 299 * FAKE_US);
    assert_false(fake_irq(c, IRQ_TIM1_UP_TIM10));
    fake_run(c, FAKE_US);
    assert_true(fake_irq(c, IRQ_TIM1_UP_TIM10));
}

static void shared_interrupt_stays_while_either_timer_wants_it(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM1, 0, 15);
    prepare(c, TIM10, 0, 15);
    fake_write(c, TIM1 + DIER, 1);
    fake_write(c, TIM10 + DIER, 1);
    fake_write(c, TIM1 + CR1, CEN | OPM);
    fake_write(c, TIM10 + CR1, CEN);
    fake_write(c, TIM10 + CR1, 0);
    fake_write(c, TIM10 + CR1, CEN | URS);
    fake_run(c, FAKE_US);
    fake_write(c, TIM10 + CR1, 0);
    fake_write(c, TIM1 + SR, 0);
    assert_true(fake_irq(c, IRQ_TIM1_UP_TIM10));
    fake_write(c, TIM10 + SR, 0);
    assert_false(fake_irq(c, IRQ_TIM1_UP_TIM10));
}

static void what_is_not_modelled_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, TIM3 + CR1, 1U << 4);
    fake_expect_violation(c, "down");
    fake_write(c, TIM3 + CR2, 0x20);
    fake_expect_violation(c, "trigger output");
    fake_write(c, TIM3 + SMCR, 7);
    fake_expect_violation(c, "slave mode");
    fake_write(c, TIM3 + DIER, 2);
    fake_expect_violation(c, "other than update");
    fake_write(c, TIM3 + CCER, 1);
    fake_expect_violation(c, "compare");
    fake_write(c, TIM3 + RCR, 1);
    fake_expect_violation(c, "no register at offset 0x30");
    fake_write(c, TIM3 + EGR, 2);
    fake_expect_violation(c, "other than UG");
    fake_write_n(c, TIM3 + CR1, 1, 1);
    fake_expect_violation(c, "byte write");
    fake_write(c, TIM3 + CCR2, 0x1234); /* stored, compares nothing */
    assert_int_equal(fake_read(c, TIM3 + CCR2), 0x1234);
    fake_write_n(c, TIM3 + PSC, 2, 0xFFFF);
    assert_int_equal(fake_read_n(c, TIM3 + PSC, 2), 0xFFFF);
}

static void reset_stops_the_timer(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM2, 0, 15);
    fake_write(c, TIM2 + DIER, 1);
    fake_write(c, TIM2 + CR1, CEN);
    fake_run(c, FAKE_US);
    assert_true(fake_irq(c, IRQ_TIM2));
    fake_reset(c);
    assert_false(fake_irq(c, IRQ_TIM2));
    fake_run(c, FAKE_MS);
    assert_false(fake_irq(c, IRQ_TIM2));
    assert_int_equal(fake_read(c, TIM2 + CNT), 0);
}

static void registers_keep_what_is_written(void **state)
{
    struct chip *c = *state;
    fake_write(c, TIM3 + CR1, ARPE | OPM | URS);
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CNT, 0x1234);
    fake_write(c, TIM3 + PSC, 0x2345);
    fake_write(c, TIM3 + ARR, 0x3456);
    fake_write(c, TIM1 + RCR, 0x45);
    assert_int_equal(fake_read(c, TIM3 + CR1), ARPE | OPM | URS);
    assert_int_equal(fake_read(c, TIM3 + DIER), 1);
    assert_int_equal(fake_read(c, TIM3 + CNT), 0x1234);
    assert_int_equal(fake_read(c, TIM3 + PSC), 0x2345);
    assert_int_equal(fake_read(c, TIM3 + ARR), 0x3456);
    assert_int_equal(fake_read(c, TIM1 + RCR), 0x45);
    fake_write(c, TIM3 + DIER, 0);
    assert_int_equal(fake_read(c, TIM3 + DIER), 0);
    fake_write(c, TIM3 + CR1, 1U << 10);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, TIM1 + RCR, 0x100);
    fake_expect_violation(c, "reserved bits");
    (void)fake_read(c, TIM3 + 0x54);
    fake_expect_violation(c, "no register");
    fake_write(c, TIM3 + 0x54, 0);
    fake_expect_violation(c, "no register");
}

static void arpe_off_makes_a_waiting_reload_value_count_at_once(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, ARPE | CEN);
    fake_write(c, TIM3 + ARR, 49);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, 51 * FAKE_US);
    assert_int_equal(fake_read(c, TIM3 + CNT), 1);
}

static void writing_cr1_while_running_keeps_the_phase(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, CEN);
    for (unsigned i = 0; i < 100; i++) {
        fake_run(c, FAKE_US / 2);
        fake_write(c, TIM3 + CR1, CEN);
    }
    assert_int_equal(fake_read(c, TIM3 + CNT), 50);
}

static void ug_restarts_the_prescaler_too(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, FAKE_US - FAKE_US / 8); /* 14 of 16 clocks */
    fake_write(c, TIM3 + EGR, 1);
    fake_run(c, FAKE_US / 2);
    assert_int_equal(fake_read(c, TIM3 + CNT), 0);
    fake_run(c, FAKE_US / 2);
    assert_int_equal(fake_read(c, TIM3 + CNT), 1);
}

static void unread_flag_does_not_stop_later_interrupts(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CR1, CEN);
    fake_run(c, 250 * FAKE_US); /* two updates, seen as one */
    fake_write(c, TIM3 + SR, 0);
    fake_run(c, 49 * FAKE_US);
    assert_false(fake_irq(c, IRQ_TIM3));
    fake_run(c, FAKE_US);
    assert_true(fake_irq(c, IRQ_TIM3));
}

static void switching_the_interrupt_off_cancels_it(void **state)
{
    struct chip *c = *state;
    prepare(c, TIM3, 15, 99);
    fake_write(c, TIM3 + DIER, 1);
    fake_write(c, TIM3 + CR1, CEN);
    fake_write(c, TIM3 + DIER, 0);
    fake_run(c, 150 * FAKE_US);
    assert_false(fake_irq(c, IRQ_TIM3));
    assert_int_equal(fake_read(c, TIM3 + SR), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(counter_runs_at_clock_over_prescaler_plus_one, setup, teardown),
        cmocka_unit_test_setup_teardown(update_interrupt_comes_every_period_without_drift, setup, teardown),
        cmocka_unit_test_setup_teardown(flag_stands_without_interrupt_enable, setup, teardown),
        cmocka_unit_test_setup_teardown(prescaler_takes_effect_at_the_update_event, setup, teardown),
        cmocka_unit_test_setup_teardown(auto_reload_is_preloaded_with_arpe_only, setup, teardown),
        cmocka_unit_test_setup_teardown(ug_restarts_the_counter_and_urs_keeps_the_flag_down, setup, teardown),
        cmocka_unit_test_setup_teardown(udis_stops_update_events, setup, teardown),
        cmocka_unit_test_setup_teardown(one_pulse_mode_stops_at_the_update, setup, teardown),
        cmocka_unit_test_setup_teardown(counter_above_arr_runs_to_its_end_without_update, setup, teardown),
        cmocka_unit_test_setup_teardown(arr_zero_blocks_the_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(clock_change_changes_the_rate_from_then_on, setup, teardown),
        cmocka_unit_test_setup_teardown(repetition_counter_of_tim1_skips_updates, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_interrupt_stays_while_either_timer_wants_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_modelled_is_a_violation, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_stops_the_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(arpe_off_makes_a_waiting_reload_value_count_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(writing_cr1_while_running_keeps_the_phase, setup, teardown),
        cmocka_unit_test_setup_teardown(ug_restarts_the_prescaler_too, setup, teardown),
        cmocka_unit_test_setup_teardown(unread_flag_does_not_stop_later_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(switching_the_interrupt_off_cancels_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
