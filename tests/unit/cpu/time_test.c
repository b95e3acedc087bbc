/* SysTick, DWT, sleep and events, bit-band (ARMv7-M ARM B3.3, B1.5.17 to B1.5.19, C1.8, PM0214 2.2.5). */
#include "test_core.h"

enum { WFI = 0xBF30, WFE = 0xBF20, SEV = 0xBF40, NOP = 0xBF00, BX_LR = 0x4770 };
enum { ENABLE = 1, TICKINT = 2, CORE_CLOCK = 4, COUNTFLAG = 1 << 16 };

/* --- SysTick ----------------------------------------------------------------------------------------- */

/* Start at an exact cycle: the STR itself ends at the returned one. */
static uint64_t start_systick(struct test_core *r, uint32_t reload, uint32_t csr)
{
    core_poke(r, SYST_RVR, reload);
    core_poke(r, SYST_CVR, 0);
    core_poke(r, SYST_CSR, csr);
    return cpu_cycles(r->cpu);
}

static void systick_interrupts_every_reload_plus_one_cycles(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 999, ENABLE | TICKINT | CORE_CLOCK);
    const uint64_t first = cpu_next_systick(r->cpu);
    for (unsigned i = 0; i < 20; i++) {
        const uint64_t due = cpu_next_systick(r->cpu);
        assert_int_equal(due, first + 1000 * i);
        core_run_to(r, core_handler(SYSTICK));
        const uint64_t entered = cpu_cycles(r->cpu);
        assert_true(entered >= due && entered < due + 20); /* entry, and at most one instruction before */
        core_step(r);
    }
}

static void the_counter_counts_down_one_a_cycle_and_wraps(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 49, ENABLE | CORE_CLOCK);
    uint64_t then = cpu_cycles(r->cpu);
    uint32_t before = core_peek(r, SYST_CVR);
    uint64_t at = cpu_cycles(r->cpu);
    for (unsigned i = 0; i < 200; i++) {
        core_step(r);
        const uint32_t now = core_peek(r, SYST_CVR);
        const uint64_t passed = cpu_cycles(r->cpu) - at;
        assert_int_equal((before + 50 - now) % 50, passed % 50);
        assert_true(now <= 49);
        before = now;
        at = cpu_cycles(r->cpu);
    }
    assert_true(at > then);
}

static void countflag_tells_once_of_a_wrap(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 99, ENABLE | CORE_CLOCK);
    assert_int_equal(core_peek(r, SYST_CSR), ENABLE | CORE_CLOCK);
    core_steps(r, 110);
    assert_int_equal(core_peek(r, SYST_CSR), ENABLE | CORE_CLOCK | COUNTFLAG);
    assert_int_equal(core_peek(r, SYST_CSR), ENABLE | CORE_CLOCK);
    core_steps(r, 110);
    core_poke(r, SYST_CVR, 5); /* any write clears the counter and the flag */
    assert_true(core_peek(r, SYST_CVR) > 90);
    assert_int_equal(core_peek(r, SYST_CSR), ENABLE | CORE_CLOCK);
    assert_string_equal(core_trace(r, 300), "0"); /* and no TICKINT, no exception */
}

static void writing_the_counter_starts_a_whole_period_and_pends_nothing(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 999, ENABLE | TICKINT | CORE_CLOCK);
    core_steps(r, 500);
    core_poke(r, SYST_CVR, 0);
    const uint64_t due = cpu_next_systick(r->cpu);
    assert_true(due - cpu_cycles(r->cpu) >= 998 && due - cpu_cycles(r->cpu) <= 1000);
    assert_string_equal(core_trace(r, 900), "0");
    assert_string_equal(core_trace(r, 200), "0 15 0");
}

static void the_external_clock_is_an_eighth(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 99, ENABLE | TICKINT);
    core_run_to(r, core_handler(SYSTICK));
    const uint64_t first = cpu_next_systick(r->cpu);
    core_run_to(r, MAIN + 2 * 20);
    core_run_to(r, core_handler(SYSTICK));
    assert_int_equal(cpu_next_systick(r->cpu) - first, 800);
    const uint32_t now = core_peek(r, SYST_CVR);
    cpu_set_cycles(r->cpu, cpu_cycles(r->cpu) + 80 - 3);
    const uint32_t later = core_peek(r, SYST_CVR);
    assert_true(now - later >= 9 && now - later <= 11);
}

static void a_reload_value_of_zero_stops_the_counter_and_a_later_one_starts_it(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 0, ENABLE | TICKINT | CORE_CLOCK);
    assert_int_equal(cpu_next_systick(r->cpu), UINT64_MAX);
    assert_string_equal(core_trace(r, 100), "0");
    assert_int_equal(core_peek(r, SYST_CVR), 0);
    core_poke(r, SYST_RVR, 49);
    assert_true(cpu_next_systick(r->cpu) - cpu_cycles(r->cpu) <= 50);
    assert_string_equal(core_trace(r, 60), "0 15 0");
    core_poke(r, SYST_RVR, 0);
    assert_string_equal(core_trace(r, 100), "0 15 0"); /* the period under way ends, none follows */
}

static void a_new_reload_value_counts_from_the_next_wrap(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 999, ENABLE | TICKINT | CORE_CLOCK);
    const uint64_t first = cpu_next_systick(r->cpu);
    core_poke(r, SYST_RVR, 99);
    assert_int_equal(cpu_next_systick(r->cpu), first);
    core_run_to(r, core_handler(SYSTICK));
    assert_int_equal(cpu_next_systick(r->cpu), first + 100);
}

static void a_stopped_counter_keeps_its_value_and_goes_on(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 999, ENABLE | CORE_CLOCK);
    core_steps(r, 300);
    core_poke(r, SYST_CSR, CORE_CLOCK);
    const uint32_t value = core_peek(r, SYST_CVR);
    assert_true(value > 600 && value < 710);
    core_steps(r, 100);
    assert_int_equal(core_peek(r, SYST_CVR), value);
    core_poke(r, SYST_CSR, ENABLE | CORE_CLOCK);
    core_steps(r, 10);
    assert_true(value - core_peek(r, SYST_CVR) < 20);
}

static void ticks_missed_while_masked_pend_once(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 99, ENABLE | TICKINT | CORE_CLOCK);
    core_set(r, PRIMASK, 1);
    cpu_set_cycles(r->cpu, cpu_cycles(r->cpu) + 5000);
    core_step(r);
    core_set(r, PRIMASK, 0);
    assert_string_equal(core_trace(r, 30), "0 15 0");
}

static void systick_registers_hold_24_bits(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SYST_RVR, 0xFFFFFFFF);
    assert_int_equal(core_peek(r, SYST_RVR), 0xFFFFFF);
    assert_int_equal(core_peek(r, SYST_CALIB), 0x40000000 + 18750); /* RM0090 12.1.1 */
}

/* --- DWT --------------------------------------------------------------------------------------------- */

static void cyccnt_counts_cycles_while_enabled(void **state)
{
    struct test_core *r = *state;
    core_poke(r, DEMCR, 1u << 24);
    core_poke(r, DWT_CYCCNT, 0);
    core_steps(r, 50);
    assert_int_equal(core_peek(r, DWT_CYCCNT), 0);
    core_poke(r, DWT_CTRL, 1);
    const uint32_t from = core_peek(r, DWT_CYCCNT);
    const uint64_t cycles = cpu_cycles(r->cpu);
    core_steps(r, 100);
    cpu_set_cycles(r->cpu, cpu_cycles(r->cpu) + 1000);
    const uint32_t counted = core_peek(r, DWT_CYCCNT) - from;
    assert_int_equal(counted, cpu_cycles(r->cpu) - cycles);
    core_poke(r, DWT_CYCCNT, 0xFFFFFFF0);
    core_steps(r, 50);
    assert_true(core_peek(r, DWT_CYCCNT) < 100); /* wraps */
    core_poke(r, DWT_CTRL, 0);
    const uint32_t stopped = core_peek(r, DWT_CYCCNT);
    core_steps(r, 50);
    assert_int_equal(core_peek(r, DWT_CYCCNT), stopped);
}

/* --- sleep and events -------------------------------------------------------------------------------- */

static void wfi_sleeps_until_an_interrupt_and_returns_after_itself(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, MAIN, WFI, NOP);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    const uint64_t asleep = cpu_cycles(r->cpu);
    assert_int_equal(cpu_run(r->cpu, asleep + 1000), CPU_STOP_SLEEP); /* still */
    cpu_set_cycles(r->cpu, asleep + 1000);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_ipsr(r), IRQ0 + 5);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN + 2);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
}

static void wfi_under_primask_wakes_and_goes_straight_on(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, MAIN, WFI, NOP);
    core_set(r, PRIMASK, 1);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_ipsr(r), 0);
    assert_int_equal(core_reg(r, PC), MAIN + 4);
    core_set(r, PRIMASK, 0);
    core_step(r);
    assert_int_equal(core_ipsr(r), IRQ0 + 5);
}

static void wfi_sleeps_through_what_basepri_or_the_nvic_holds_back(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0x80);
    CODE(r, MAIN, WFI, NOP);
    core_set(r, BASEPRI, 0x80);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    core_raise(r, 5); /* not above BASEPRI */
    core_raise(r, 6); /* not enabled */
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    cpu_send_event(r->cpu); /* WFI knows no events */
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    core_set(r, BASEPRI, 0);
    core_step(r);
    assert_int_equal(core_ipsr(r), IRQ0 + 5);
}

static void systick_wakes_a_sleeper_at_its_time(void **state)
{
    struct test_core *r = *state;
    (void)start_systick(r, 9999, ENABLE | TICKINT | CORE_CLOCK);
    CODE(r, MAIN, WFI, NOP);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 20000), CPU_STOP_SLEEP);
    const uint64_t due = cpu_next_systick(r->cpu);
    cpu_set_cycles(r->cpu, due - 1);
    assert_int_equal(cpu_run(r->cpu, due - 1), CPU_STOP_SLEEP);
    cpu_set_cycles(r->cpu, due);
    assert_int_equal(cpu_run(r->cpu, due + 1), CPU_STOP_LIMIT);
    assert_int_equal(core_ipsr(r), SYSTICK);
}

static void sev_and_an_external_event_wake_wfe_and_are_remembered(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, SEV, WFE, WFE, NOP);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    assert_int_equal(core_reg(r, PC), MAIN + 6); /* the first WFE took the event, the second sleeps */
    cpu_send_event(r->cpu);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN + 8);
    core_set(r, PC, MAIN + 4);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP); /* once only */
}

static void an_exception_is_an_event(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, MAIN, NOP, WFE, NOP);
    core_raise(r, 5);
    core_steps(r, 2);
    core_steps(r, 3); /* no sleep */
    assert_int_equal(core_reg(r, PC), MAIN + 6);
}

static void sevonpend_wakes_for_a_disabled_interrupt_without_taking_it(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, WFE, NOP, WFE, NOP);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    core_raise(r, 5);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    cpu_send_event(r->cpu);
    core_step(r);
    core_poke(r, SCR, 0x10);
    core_raise(r, 6);
    core_step(r); /* remembered: WFE does not sleep */
    assert_int_equal(core_reg(r, PC), MAIN + 6);
    assert_int_equal(core_ipsr(r), 0);
    core_set(r, PC, MAIN);
    core_raise(r, 6); /* pending already: no event */
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    cpu_send_event(r->cpu);
    core_step(r);
    core_poke(r, NVIC_ISPR, 1 << 7); /* software may pend, too */
    core_set(r, PC, MAIN);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
    assert_int_equal(core_step(r), CPU_STOP_LIMIT);
}

static void sleeponexit_sleeps_instead_of_returning_to_the_thread(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    core_enable(r, 6, 0);
    core_poke(r, SCR, 2);
    core_raise(r, 5);
    core_raise(r, 6);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_SLEEP);
    assert_int_equal(core_reg(r, PC), MAIN); /* not one instruction of the thread */
    CODE(r, core_handler(IRQ0 + 5), 0x6001 /* str r1, [r0]: the handler wants the thread to run */, BX_LR);
    core_set(r, 0, SCR);
    core_set(r, 1, 0);
    core_raise(r, 5);
    core_steps(r, 4);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
}

/* --- bit-band ---------------------------------------------------------------------------------------- */

static void bit_band_words_are_single_bits_of_the_ram(void **state)
{
    struct test_core *r = *state;
    for (unsigned bit = 0; bit < 32; bit++) {
        const uint32_t alias = 0x22000000 + (0x124 * 32) + bit * 4;
        core_set_word(r, DATA + 0x124, 0);
        core_poke(r, alias, 0xFFFFFFFF);
        assert_int_equal(core_word(r, DATA + 0x124), 1u << bit);
        assert_int_equal(core_peek(r, alias), 1);
        core_set_word(r, DATA + 0x124, 0xFFFFFFFF);
        core_poke(r, alias, 0xFFFFFFFE); /* only bit 0 counts */
        assert_int_equal(core_word(r, DATA + 0x124), ~(1u << bit));
        assert_int_equal(core_peek(r, alias), 0);
    }
}

static void bit_band_of_a_peripheral_reads_then_writes_the_register(void **state)
{
    struct test_core *r = *state;
    r->device[2] = 0x100;
    core_poke(r, 0x42000000 + 8 * 32 + 3 * 4, 1);
    assert_int_equal(r->device[2], 0x108);
    assert_int_equal(r->device_reads, 1);
    assert_int_equal(r->device_writes, 1);
    assert_int_equal(core_peek(r, 0x42000000 + 8 * 32 + 8 * 4), 1);
}

static void a_device_sees_the_exact_pc_of_an_access(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, NOP, NOP, 0x6801 /* ldr r1, [r0] */, 0x6001 /* str r1, [r0] */);
    core_set(r, 0, DEVICE + 4);
    core_steps(r, 3);
    assert_int_equal(r->device_pc, MAIN + 4);
    core_step(r);
    assert_int_equal(r->device_pc, MAIN + 6);
}

static void identification_registers_are_those_of_a_cortex_m4(void **state)
{
    struct test_core *r = *state;
    assert_int_equal(core_peek(r, CPUID), 0x410FC241);
    assert_int_equal(core_peek(r, MPU_TYPE), 0x800);
    assert_int_equal(core_peek(r, SCS + 4), 2); /* ICTR: 65..96 interrupts */
    assert_int_equal(core_peek(r, SCS + 0xF40), 0x10110021);
    assert_int_equal(core_peek(r, SCS + 0xF44), 0x11000011);
    core_poke(r, CPACR, 0xFFFFFFFF);
    assert_int_equal(core_peek(r, CPACR), 0x00F00000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(systick_interrupts_every_reload_plus_one_cycles),
        T(the_counter_counts_down_one_a_cycle_and_wraps),
        T(countflag_tells_once_of_a_wrap),
        T(writing_the_counter_starts_a_whole_period_and_pends_nothing),
        T(the_external_clock_is_an_eighth),
        T(a_reload_value_of_zero_stops_the_counter_and_a_later_one_starts_it),
        T(a_new_reload_value_counts_from_the_next_wrap),
        T(a_stopped_counter_keeps_its_value_and_goes_on),
        T(ticks_missed_while_masked_pend_once),
        T(systick_registers_hold_24_bits),
        T(cyccnt_counts_cycles_while_enabled),
        T(wfi_sleeps_until_an_interrupt_and_returns_after_itself),
        T(wfi_under_primask_wakes_and_goes_straight_on),
        T(wfi_sleeps_through_what_basepri_or_the_nvic_holds_back),
        T(systick_wakes_a_sleeper_at_its_time),
        T(sev_and_an_external_event_wake_wfe_and_are_remembered),
        T(an_exception_is_an_event),
        T(sevonpend_wakes_for_a_disabled_interrupt_without_taking_it),
        T(sleeponexit_sleeps_instead_of_returning_to_the_thread),
        T(bit_band_words_are_single_bits_of_the_ram),
        T(bit_band_of_a_peripheral_reads_then_writes_the_register),
        T(a_device_sees_the_exact_pc_of_an_access),
        T(identification_registers_are_those_of_a_cortex_m4),
    };
    return cmocka_run_group_tests_name("core: time, sleep, bit-band", tests, NULL, NULL);
}
