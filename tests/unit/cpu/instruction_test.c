/* Instructions where the oracle is no judge: it deviates from the
 * architecture there, or sees one step only. */
#include "test_core.h"

static void fixed_point_to_float_rounds_to_nearest_whatever_fpscr_says(void **state)
{
    static const struct {
        uint32_t fixed; /* one fraction bit */
        uint32_t single;
    } cases[] = {{0x01000001, 0x4B000000}, {0x01000003, 0x4B000002}, {0x02000003, 0x4B800001}}; /* A7.7.230 */
    struct test_core *r = *state;
    core_enable_fpu(r);
    core_set(r, CONTROL, 4);
    CODE(r, MAIN, 0xEEBB, 0x0AEF /* vcvt.f32.u32 s0, s0, #1 */);
    for (uint32_t mode = 0; mode < 4; mode++) {
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            core_set(r, PC, MAIN);
            core_set(r, FPSCR, mode << 22);
            core_set(r, S0, cases[i].fixed);
            core_step(r);
            assert_int_equal(core_reg(r, S0), cases[i].single);
            assert_int_equal(core_reg(r, FPSCR), mode << 22 | 0x10);
        }
    }
}

static void vcvt_rounds_to_zero_and_vcvtr_as_fpscr_says(void **state)
{
    static const uint32_t rounded[4] = {2, 3, 2, 2}; /* 2.5: nearest even, up, down, to zero */
    struct test_core *r = *state;
    core_enable_fpu(r);
    core_set(r, CONTROL, 4);
    CODE(r, MAIN, 0xEEFD, 0x0AC0 /* vcvt.s32.f32 s1, s0 */, 0xEEBD, 0x1A40 /* vcvtr.s32.f32 s2, s0 */);
    for (uint32_t mode = 0; mode < 4; mode++) {
        core_set(r, PC, MAIN);
        core_set(r, FPSCR, mode << 22);
        core_set(r, S0, 0x40200000);
        core_steps(r, 2);
        assert_int_equal(core_reg(r, S0 + 1), 2);
        assert_int_equal(core_reg(r, S0 + 2), rounded[mode]);
    }
}

static void q_of_a_dual_multiply_is_about_the_whole_sum(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xFB20, 0x2301 /* smlad r3, r0, r1, r2 */, 0xFB20, 0xF301 /* smuad r3, r0, r1 */);
    core_set(r, 0, 0x80008000);
    core_set(r, 1, 0x80008000);
    core_set(r, 2, 0xFFFFFFFF);
    core_step(r); /* 2^30 + 2^30 - 1 fits */
    assert_int_equal(core_reg(r, 3), 0x7FFFFFFF);
    assert_int_equal(core_reg(r, XPSR) >> 27 & 1, 0);
    core_step(r); /* 2^31 does not */
    assert_int_equal(core_reg(r, 3), 0x80000000);
    assert_int_equal(core_reg(r, XPSR) >> 27 & 1, 1);
}

static void the_stack_pointer_has_no_bits_0_and_1(void **state)
{
    static const uint16_t writers[][2] = {{0x4485 /* add sp, r0 */},
                                          {0x4685 /* mov sp, r0 */},
                                          {0xF8D1, 0xD000 /* ldr sp, [r1] */},
                                          {0xF85D, 0x2B07 /* ldr r2, [sp], #7 */},
                                          {0xF84D, 0x2D01 /* str r2, [sp, #-1]! */},
                                          {0xF10D, 0x0D05 /* add sp, sp, #5 */},
                                          {0xEBAD, 0x0D40 /* sub sp, sp, r0, lsl #1 */},
                                          {0xF380, 0x8808 /* msr msp, r0 */},
                                          {0x46FD /* mov sp, pc */}};
    struct test_core *r = *state;
    core_set_word(r, DATA, DATA + 0x203);
    for (unsigned i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        CODE(r, MAIN + 2, writers[i][0], writers[i][1]);
        core_set(r, PC, MAIN + 2);
        core_set(r, SP, MAIN_STACK);
        core_set(r, 0, 0x103);
        core_set(r, 1, DATA);
        core_step(r);
        assert_int_equal(core_ipsr(r), 0);
        assert_int_not_equal(core_reg(r, SP), MAIN_STACK);
        assert_int_equal(core_reg(r, SP) & 3, 0);
    }
}

static void exclusive_stores_need_a_load_and_succeed_once(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xE8D0, 0x1F4F /* ldrexb r1, [r0] */, 0xE8C0, 0x2F43 /* strexb r3, r2, [r0] */, 0xE8C0,
         0x2F43 /* again */, 0xE8D0, 0x1F4F, 0xF3BF, 0x8F2F /* clrex */, 0xE840,
         0x2300 /* strex r3, r2, [r0] */);
    core_set(r, 0, DATA);
    core_set(r, 2, 0x22);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 3), 0);
    assert_int_equal(core_word(r, DATA), 0x22);
    core_set(r, 2, 0x33);
    core_step(r);
    assert_int_equal(core_reg(r, 3), 1);
    assert_int_equal(core_word(r, DATA), 0x22);
    core_steps(r, 3);
    assert_int_equal(core_reg(r, 3), 1);
    assert_int_equal(core_word(r, DATA), 0x22);
}

static void the_first_fp_instruction_takes_its_modes_from_fpdscr(void **state)
{
    struct test_core *r = *state;
    core_enable_fpu(r);
    core_poke(r, SCS + 0xF3C, 0x07C00000);
    core_set(r, FPSCR, 0x20000001);
    CODE(r, MAIN, 0xEEF1, 0x0A10 /* vmrs r0, fpscr */);
    core_step(r);
    assert_int_equal(core_reg(r, 0), 0x27C00001);
    assert_int_equal(core_reg(r, CONTROL), 4);
    core_poke(r, SCS + 0xF34, 0); /* FPCCR.ASPEN off: no context, so none is stacked */
    core_set(r, CONTROL, 0);
    core_set(r, PC, MAIN);
    core_step(r);
    assert_int_equal(core_reg(r, CONTROL), 0);
}

static void cpacr_can_keep_the_fpu_for_privileged_code(void **state)
{
    struct test_core *r = *state;
    core_poke(r, CPACR, 0x00500000);
    CODE(r, MAIN, 0xEEB0, 0x0A40, 0xEEB0, 0x0A40);
    core_step(r);
    assert_int_equal(core_ipsr(r), 0);
    core_set(r, CONTROL, 5);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, CFSR), 1u << 19); /* NOCP */
}

static void mrs_shows_each_part_of_the_status(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, core_handler(IRQ0 + 5), 0xF3EF, 0x8003 /* mrs r0, xpsr */, 0xF3EF, 0x8105 /* mrs r1, ipsr */,
         0xF3EF, 0x8200 /* mrs r2, apsr */, 0xF3EF, 0x8306 /* mrs r3, epsr */);
    core_set(r, XPSR, 0xF80F0000 | XPSR_T);
    core_raise(r, 5);
    core_steps(r, 5);
    assert_int_equal(core_reg(r, 0), 0xF80F0000 | (IRQ0 + 5));
    assert_int_equal(core_reg(r, 1), IRQ0 + 5);
    assert_int_equal(core_reg(r, 2), 0xF80F0000);
    assert_int_equal(core_reg(r, 3), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fixed_point_to_float_rounds_to_nearest_whatever_fpscr_says),
        T(vcvt_rounds_to_zero_and_vcvtr_as_fpscr_says),
        T(q_of_a_dual_multiply_is_about_the_whole_sum),
        T(the_stack_pointer_has_no_bits_0_and_1),
        T(exclusive_stores_need_a_load_and_succeed_once),
        T(the_first_fp_instruction_takes_its_modes_from_fpdscr),
        T(cpacr_can_keep_the_fpu_for_privileged_code),
        T(mrs_shows_each_part_of_the_status),
    };
    return cmocka_run_group_tests_name("core: instructions", tests, NULL, NULL);
}
