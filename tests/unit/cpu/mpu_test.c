/* The MPU (ARMv7-M ARM B3.5, PM0214 4.2). */
#include "test_core.h"

enum { LDR = 0x6801 /* ldr r1, [r0] */, STR = 0x6001, NOP = 0xBF00, NO_ACCESS = 0 };
enum { MPU_ON = 1, MPU_IN_HARDFAULT = 2, MPU_BACKGROUND = 4, XN = 1 };
enum { IACCVIOL = 0x01, DACCVIOL = 0x82, MSTKERR = 0x10, MUNSTKERR = 0x08 };
enum { FULL = 3, REGION_64K = 15, REGION_256 = 7, REGION_32 = 4, REGION_4G = 31 };

static void region(struct test_core *r, unsigned n, uint32_t base, unsigned size_field, unsigned ap,
                   unsigned xn, unsigned disabled_subregions)
{
    core_poke(r, MPU_RNR, n);
    core_poke(r, MPU_RBAR, base);
    core_poke(r, MPU_RASR, xn << 28 | ap << 24 | disabled_subregions << 8 | size_field << 1 | 1);
}

/* Flash and stacks for everybody; the rest as the test asks. */
static void common_regions(struct test_core *r)
{
    core_poke(r, SHCSR, SHCSR_FAULTS);
    region(r, 0, CPU_FLASH_BASE, REGION_64K, FULL, 0, 0);
    region(r, 1, MAIN_STACK - 0x1000, 11, FULL, XN, 0); /* 4 KB */
}

/* One access in thread mode. @return the exception it ended in; 0: none */
static unsigned try_access(struct test_core *r, uint16_t insn, uint32_t addr, bool privileged)
{
    CODE(r, MAIN, insn, NOP);
    core_set(r, PC, MAIN);
    core_set(r, SP, MAIN_STACK);
    core_set(r, 0, addr);
    core_set(r, CONTROL, privileged ? 0 : 1);
    core_step(r);
    const unsigned exception = core_ipsr(r);
    if (exception) {
        core_set_word(r, core_reg(r, SP) + 0x18, MAIN + 2);
        core_step(r);
    }
    core_set(r, CONTROL, 0);
    return exception;
}

static void access_permissions_are_those_of_the_table(void **state)
{
    /* AP: privileged read, privileged write, unprivileged read, unprivileged write (B3.5.4, table B3-15) */
    static const struct {
        unsigned ap;
        bool ok[4];
    } table[] = {{0, {0, 0, 0, 0}}, {1, {1, 1, 0, 0}}, {2, {1, 1, 1, 0}}, {3, {1, 1, 1, 1}},
                 {5, {1, 0, 0, 0}}, {6, {1, 0, 1, 0}}, {7, {1, 0, 1, 0}}};
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        region(r, 2, DATA, REGION_256, table[i].ap, XN, 0);
        for (unsigned k = 0; k < 4; k++) {
            const unsigned e = try_access(r, k & 1 ? STR : LDR, DATA + 0x40, k < 2);
            assert_int_equal(e, table[i].ok[k] ? 0 : MEMMANAGE);
            if (e) {
                assert_int_equal(core_peek(r, CFSR), DACCVIOL);
                assert_int_equal(core_peek(r, MMFAR), DATA + 0x40);
                core_poke(r, CFSR, 0xFF);
            }
        }
    }
}

static void a_region_ends_exactly_where_it_ends(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    region(r, 2, DATA + 0x100, REGION_32, FULL, XN, 0);
    assert_int_equal(try_access(r, LDR, DATA + 0x0FC, true), MEMMANAGE);
    assert_int_equal(try_access(r, LDR, DATA + 0x100, true), 0);
    assert_int_equal(try_access(r, STR, DATA + 0x11C, true), 0);
    assert_int_equal(try_access(r, STR, DATA + 0x120, true), MEMMANAGE);
}

static void disabled_subregions_leave_the_region(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    region(r, 2, DATA, REGION_256, FULL, XN, 0xA4); /* 2, 5 and 7 of eight times 32 bytes */
    for (unsigned i = 0; i < 8; i++) {
        const bool is_off = 0xA4 >> i & 1;
        assert_int_equal(try_access(r, LDR, DATA + 32 * i, true), is_off ? MEMMANAGE : 0);
        assert_int_equal(try_access(r, LDR, DATA + 32 * i + 28, true), is_off ? MEMMANAGE : 0);
    }
}

static void of_overlapping_regions_the_highest_number_counts(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    region(r, 3, DATA, REGION_64K, FULL, XN, 0);
    region(r, 7, DATA + 0x400, REGION_256, 5, XN, 0); /* read-only window */
    core_poke(r, MPU_CTRL, MPU_ON);
    assert_int_equal(try_access(r, STR, DATA + 0x3FC, true), 0);
    assert_int_equal(try_access(r, STR, DATA + 0x400, true), MEMMANAGE);
    assert_int_equal(try_access(r, LDR, DATA + 0x400, true), 0);
    region(r, 2, DATA + 0x400, REGION_256, FULL, XN, 0); /* a lower number changes nothing */
    assert_int_equal(try_access(r, STR, DATA + 0x400, true), MEMMANAGE);
}

static void the_background_map_is_for_privileged_code_only(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON | MPU_BACKGROUND);
    assert_int_equal(try_access(r, LDR, DATA, true), 0);
    assert_int_equal(try_access(r, LDR, DATA, false), MEMMANAGE);
    core_poke(r, MPU_CTRL, MPU_ON);
    assert_int_equal(try_access(r, LDR, DATA, true), MEMMANAGE);
    core_poke(r, MPU_CTRL, 0);
    assert_int_equal(try_access(r, LDR, DATA, false), 0);
}

static void execute_never_and_unmapped_code_are_iaccviol_at_the_target(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    CODE(r, RAM_CODE, 0x4770 /* bx lr */);
    for (unsigned xn = 0; xn < 3; xn++) {
        if (xn < 2) {
            region(r, 2, RAM_CODE, REGION_256, FULL, xn, 0);
        } else {
            core_poke(r, MPU_RASR, 0);
        }
        core_poke(r, CFSR, 0xFF);
        CODE(r, MAIN, 0x4780 /* blx r0 */, NOP);
        core_set(r, PC, MAIN);
        core_set(r, SP, MAIN_STACK);
        core_set(r, 0, RAM_CODE | 1);
        core_steps(r, 2);
        if (xn == 0) {
            assert_int_equal(core_reg(r, PC), MAIN + 2);
        } else {
            assert_int_equal(core_ipsr(r), MEMMANAGE);
            assert_int_equal(core_peek(r, CFSR), IACCVIOL);
            assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), RAM_CODE);
            core_set_word(r, core_reg(r, SP) + 0x18, MAIN);
            core_step(r);
        }
    }
}

static void code_cached_before_is_refused_after_the_mpu_goes_on(void **state)
{
    struct test_core *r = *state;
    CODE(r, RAM_CODE, NOP, NOP, NOP, NOP);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 3);
    core_poke(r, SHCSR, SHCSR_FAULTS);
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    core_set(r, PC, RAM_CODE);
    core_step(r);
    assert_int_equal(core_ipsr(r), MEMMANAGE);
}

static void unprivileged_loads_of_privileged_code_are_checked_as_such(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    region(r, 2, DATA, REGION_256, 1, XN, 0); /* privileged only */
    core_poke(r, MPU_CTRL, MPU_ON);
    CODE(r, MAIN, 0x6801 /* ldr r1, [r0] */, 0xF850, 0x1E00 /* ldrt r1, [r0] */);
    core_set(r, 0, DATA);
    core_step(r);
    assert_int_equal(core_ipsr(r), 0);
    core_step(r);
    assert_int_equal(core_ipsr(r), MEMMANAGE);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN + 2);
}

static void hardfault_sees_no_mpu_unless_told_so(void **state)
{
    for (unsigned told = 0; told < 2; told++) {
        struct test_core *r = *state;
        region(r, 0, CPU_FLASH_BASE, REGION_64K, FULL, 0, 0);
        region(r, 1, MAIN_STACK - 0x1000, 11, FULL, XN, 0);
        core_poke(r, MPU_CTRL, MPU_ON | (told ? MPU_IN_HARDFAULT : 0));
        CODE(r, MAIN, 0xDE00);
        CODE(r, core_handler(HARDFAULT), LDR, 0x4770);
        core_set(r, 0, DATA);
        core_step(r);
        assert_int_equal(core_ipsr(r), HARDFAULT);
        assert_int_equal(core_step(r), told ? CPU_STOP_LOCKUP : CPU_STOP_LIMIT);
        core_close(state);
        core_open(state);
    }
}

static void a_protected_stack_is_mstkerr_or_munstkerr(void **state)
{
    struct test_core *r = *state;
    common_regions(r);
    core_poke(r, MPU_CTRL, MPU_ON);
    core_set(r, PSP, PROCESS_STACK); /* in no region */
    core_set(r, CONTROL, 2);
    CODE(r, MAIN, 0xDF00);
    core_step(r);
    assert_int_equal(core_ipsr(r), SVCALL); /* same priority: the derived fault waits for the SVC to end */
    assert_int_equal(core_peek(r, CFSR), MSTKERR);
    core_poke(r, CFSR, 0xFF);
    core_step(r); /* the return finds the same stack */
    assert_int_equal(core_ipsr(r), MEMMANAGE);
    assert_int_equal(core_peek(r, CFSR), MUNSTKERR);
}

static void mpu_registers_answer_as_documented(void **state)
{
    struct test_core *r = *state;
    core_poke(r, MPU_RNR, 2);
    core_poke(r, MPU_RBAR, 0x20000400 | 0x10 | 5); /* VALID and REGION choose region 5 */
    assert_int_equal(core_peek(r, MPU_RNR), 5);
    assert_int_equal(core_peek(r, MPU_RBAR), 0x20000405);
    core_poke(r, MPU_RASR + 4, 0x20000800 | 0x10 | 6); /* RBAR_A1 */
    assert_int_equal(core_peek(r, MPU_RNR), 6);
    core_poke(r, MPU_RASR + 8, 0x0300000F); /* RASR_A1 */
    assert_int_equal(core_peek(r, MPU_RASR), 0x0300000F);
    core_poke(r, MPU_RNR, 5);
    assert_int_equal(core_peek(r, MPU_RASR), 0);
}

static void a_region_of_four_gigabytes_covers_all(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    region(r, 0, 0, REGION_4G, FULL, 0, 0);
    region(r, 1, DATA, REGION_256, NO_ACCESS, 0, 0);
    core_poke(r, MPU_CTRL, MPU_ON);
    assert_int_equal(try_access(r, STR, DATA + 0x100, false), 0);
    assert_int_equal(try_access(r, STR, DEVICE, false), 0);
    assert_int_equal(try_access(r, STR, DATA, true), MEMMANAGE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(access_permissions_are_those_of_the_table),
        T(a_region_ends_exactly_where_it_ends),
        T(disabled_subregions_leave_the_region),
        T(of_overlapping_regions_the_highest_number_counts),
        T(the_background_map_is_for_privileged_code_only),
        T(execute_never_and_unmapped_code_are_iaccviol_at_the_target),
        T(code_cached_before_is_refused_after_the_mpu_goes_on),
        T(unprivileged_loads_of_privileged_code_are_checked_as_such),
        T(hardfault_sees_no_mpu_unless_told_so),
        T(a_protected_stack_is_mstkerr_or_munstkerr),
        T(mpu_registers_answer_as_documented),
        T(a_region_of_four_gigabytes_covers_all),
    };
    return cmocka_run_group_tests_name("core: MPU", tests, NULL, NULL);
}
