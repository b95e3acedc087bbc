/* IT blocks that are interrupted anywhere end as if nothing had happened (ARMv7-M ARM A7.3.2, B1.5.6). */
#include "test_core.h"

enum { ROUNDS = 300, IRQ = 7, END = MAIN + 46 };
#define XPSR_IT 0x0600FC00u

/* r0..r7 get mixed by three IT blocks of 16- and 32-bit
 * instructions with memory accesses; r12 counts down. */
static void write_program(struct test_core *r)
{
    CODE(r, MAIN, 0x1840 /* adds r0, r0, r1 */, 0xBF27 /* ittee cs */, 0x4151 /* adc r1, r2 */,
         0x4043 /* eor r3, r0 */, 0x1AC9 /* sub r1, r1, r3 */, 0x4302 /* orr r2, r0 */);
    CODE(r, MAIN + 12, 0xBF4C /* ite mi */, 0xF104, 0x0401 /* add.w r4, r4, #1 */, 0x3503 /* add r5, #3 */,
         0xBF1F /* itttt ne */, 0x3601 /* add r6, #1 */, 0x4046 /* eor r6, r0 */, 0xF8C8,
         0x6000 /* str.w r6, [r8] */, 0xF8D8, 0x7000 /* ldr.w r7, [r8] */);
    CODE(r, MAIN + 34, 0x19D2 /* adds r2, r2, r7 */, 0x0849 /* lsrs r1, r1, #1 */, 0x43C9 /* mvns r1, r1 */,
         0xF1BC, 0x0C01 /* subs.w r12, r12, #1 */, 0xD1E8 /* bne MAIN */, 0xBE00);
    /* The handler has flags and an IT block of its own. */
    const uint32_t handlers[] = {core_handler(SYSTICK), core_handler(IRQ0 + IRQ)};
    for (unsigned i = 0; i < 2; i++) {
        CODE(r, handlers[i], 0x3901 /* subs r1, #1 */, 0x4280 /* cmp r0, r0 */, 0xBF0C /* ite eq */,
             0x2200 /* mov r2, #0 */, 0x2201 /* mov r2, #1 */, 0x4770);
    }
    for (unsigned i = 0; i < 13; i++) {
        core_set(r, i, 0x9E3779B9u * (i + 1));
    }
    core_set(r, 8, DATA);
    core_set(r, 12, ROUNDS);
    core_set(r, PC, MAIN);
}

static void expect_same_end(struct test_core *r, struct test_core *calm)
{
    for (unsigned i = 0; i <= XPSR; i++) {
        assert_int_equal(core_reg(r, i), core_reg(calm, i));
    }
    assert_int_equal(core_word(r, DATA), core_word(calm, DATA));
}

static void run_calmly(void **state)
{
    assert_int_equal(core_open(state), 0);
    write_program(*state);
    core_run_to(*state, END);
}

static void under_any_systick_period_the_result_is_the_same(void **state)
{
    void *calm;
    run_calmly(&calm);
    unsigned interrupts = 0;
    for (uint32_t period = 50; period < 180; period++) {
        core_open(state);
        struct test_core *r = *state;
        write_program(r);
        core_poke(r, SYST_RVR, period);
        core_poke(r, SYST_CVR, 0);
        core_poke(r, SYST_CSR, 7);
        core_run_to(r, END);
        interrupts +=
            (unsigned)((cpu_instructions(r->cpu) - cpu_instructions(((struct test_core *)calm)->cpu)) / 6);
        expect_same_end(r, calm);
        core_close(state);
    }
    print_message("%u interrupts\n", interrupts);
    assert_true(interrupts > 10000);
    core_close(&calm);
}

static void one_interrupt_before_each_instruction_changes_nothing(void **state)
{
    void *calm;
    run_calmly(&calm);
    for (unsigned at = 0; at < 3 * 22; at++) { /* three rounds, every instruction */
        core_open(state);
        struct test_core *r = *state;
        core_enable(r, IRQ, 0);
        write_program(r);
        core_steps(r, at);
        const uint32_t pc = core_reg(r, PC);
        const uint32_t xpsr = core_reg(r, XPSR);
        core_raise(r, IRQ);
        core_step(r);
        assert_int_equal(core_ipsr(r), IRQ0 + IRQ);
        assert_int_equal(core_reg(r, XPSR) & XPSR_IT, 0); /* no IT state in the handler */
        const uint32_t frame = core_reg(r, SP);
        assert_int_equal(core_word(r, frame + 0x18), pc);
        assert_int_equal(core_word(r, frame + 0x1C), xpsr);
        core_run_to(r, END);
        expect_same_end(r, calm);
        core_close(state);
    }
    core_close(&calm);
}

static void a_fault_inside_a_block_can_be_repaired_and_repeated(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    CODE(r, MAIN, 0x4280 /* cmp r0, r0 */, 0xBF02 /* ittt eq */, 0x2103 /* mov r1, #3 */,
         0x6802 /* ldr r2, [r0] */, 0x2304 /* mov r3, #4 */, 0x2505 /* movs r5, #5 */);
    core_set(r, 0, NOWHERE);
    core_set_word(r, DATA, 0x1234);
    core_steps(r, 4);
    assert_int_equal(core_ipsr(r), BUSFAULT);
    const uint32_t frame = core_reg(r, SP);
    assert_int_equal(core_word(r, frame + 0x18), MAIN + 6);
    assert_int_equal(core_word(r, frame + 0x1C) & XPSR_IT, 0x400); /* EQ, two to go */
    core_set_word(r, frame, DATA);
    core_steps(r, 3);
    assert_int_equal(core_reg(r, 2), 0x1234);
    assert_int_equal(core_reg(r, 3), 4);
    assert_int_equal(core_reg(r, XPSR) & XPSR_IT, 0);
    core_step(r);
    assert_int_equal(core_reg(r, 5), 5);
}

static void sixteen_bit_instructions_set_no_flags_inside_and_all_outside(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xBF08 /* it eq */, 0x2100 /* mov r1, #0 */, 0x2201 /* movs r2, #1 */);
    core_set(r, XPSR, 0x70000000 | XPSR_T); /* Z, C, V */
    core_steps(r, 2);
    assert_int_equal(core_reg(r, XPSR) & 0xF0000000, 0x70000000);
    core_step(r);
    assert_int_equal(core_reg(r, XPSR) & 0xF0000000, 0x30000000);
}

static void an_undefined_instruction_whose_condition_fails_does_nothing(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xBF18 /* it ne */, 0xDE00 /* udf */, 0x2201);
    core_set(r, XPSR, 0x40000000 | XPSR_T);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, PC), MAIN + 4);
    core_set(r, PC, MAIN);
    core_set(r, XPSR, XPSR_T);
    core_steps(r, 2);
    assert_int_equal(core_ipsr(r), HARDFAULT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_any_systick_period_the_result_is_the_same),
        cmocka_unit_test(one_interrupt_before_each_instruction_changes_nothing),
        T(a_fault_inside_a_block_can_be_repaired_and_repeated),
        T(sixteen_bit_instructions_set_no_flags_inside_and_all_outside),
        T(an_undefined_instruction_whose_condition_fails_does_nothing),
    };
    return cmocka_run_group_tests_name("core: IT blocks", tests, NULL, NULL);
}
