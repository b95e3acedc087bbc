/* Running: a closed flash, code that changes, snapshots, breakpoints and stops (cpu.h). */
#include "test_core.h"

#include <stdlib.h>

enum { NOP = 0xBF00, BX_LR = 0x4770, LDR = 0x6801 /* ldr r1, [r0] */, STR = 0x6001 /* str r1, [r0] */ };
enum { TABLE = 0x08002000 /* data in flash */ };

/* --- flash closed ------------------------------------------------------------------------------------ */

static void expect_same_registers(const struct test_core *a, const struct test_core *b)
{
    for (unsigned i = 0; i <= FPSCR; i++) {
        assert_int_equal(core_reg(a, i), core_reg(b, i));
    }
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(core_reg(a, S0 + i), core_reg(b, S0 + i));
    }
    assert_memory_equal(a->sram, b->sram, SRAM_BYTES);
    assert_int_equal(cpu_instructions(a->cpu), cpu_instructions(b->cpu));
}

static void a_fetch_from_closed_flash_waits_and_then_goes_on(void **state)
{
    struct test_core *r = *state;
    core_steps(r, 3);
    const uint64_t before = cpu_cycles(r->cpu);
    cpu_flash_open(r->cpu, false);
    r->wait_cycles = 1000;
    r->wait_opens = true;
    core_step(r);
    assert_int_equal(r->waits, 1);
    assert_in_range(cpu_cycles(r->cpu) - before, 1000, 1002);
    core_steps(r, 2);
    assert_int_equal(r->waits, 1);
}

/* An instruction in RAM that loads from flash at r0 (r4: the flash, too; r5: an index). */
struct flash_reader {
    const char *what;
    uint16_t code[3];
};

static const struct flash_reader readers[] = {
    {"ldr", {0x6801}},
    {"ldrsb.w", {0xF990, 0x1000}},
    {"ldr post-indexed", {0xF850, 0x1B04}},
    {"ldr pre-indexed", {0xF850, 0x1F04}},
    {"ldr reg", {0x5941}},
    {"ldrd with write-back", {0xE8F0, 0x1202}},
    {"ldm with write-back", {0xC80E}},
    {"ldm with the base in the list", {0xC80F}},
    {"ldmdb", {0xE930, 0x000E}},
    {"ldrex", {0xE850, 0x1F00}},
    {"ldrt", {0xF850, 0x1E00}},
    {"tbb", {0xE8D0, 0xF005}},
    {"tbh", {0xE8D0, 0xF015}},
    {"vldr", {0xED90, 0x0A00}},
    {"vldm with write-back", {0xECB0, 0x0A04}},
    {"ldr pc", {0xF8D0, 0xF000}},
    {"it eq, ldr", {0xBF08, 0x6801}},
    {"bit-wide neighbours: unaligned ldr", {0xF8D0, 0x1001}},
};

static void prepare_reader(struct test_core *r, const struct flash_reader *reader)
{
    core_enable_fpu(r);
    core_set(r, CONTROL, 4);
    CODE(r, RAM_CODE, reader->code[0], reader->code[1], reader->code[2], NOP, NOP);
    for (unsigned i = 0; i < 16; i++) { /* also addresses of RAM code */
        core_set_word(r, TABLE + 4 * i, (RAM_CODE + 0x10) | 1);
    }
    core_set(r, 0, TABLE + 8);
    core_set(r, 5, 4);
    core_set(r, XPSR, 0x40000000 | XPSR_T);
    core_set(r, PC, RAM_CODE);
}

static void a_load_that_cannot_wait_is_undone_and_done_again(void **state)
{
    for (unsigned i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        void *calm_state;
        core_open(state);
        core_open(&calm_state);
        struct test_core *r = *state;
        struct test_core *calm = calm_state;
        const bool in_it = readers[i].code[0] == 0xBF08;
        prepare_reader(r, &readers[i]);
        prepare_reader(calm, &readers[i]);
        if (in_it) {
            core_step(r);
            core_step(calm);
        }
        cpu_flash_open(r->cpu, false);
        r->wait_cycles = 50;
        for (unsigned k = 1; k <= 3; k++) {
            assert_int_equal(core_step(r), CPU_STOP_REQUEST);
            assert_int_equal(r->waits, k);
            expect_same_registers(r, calm);
        }
        r->wait_opens = true;
        core_step(r);
        core_step(calm);
        if (core_reg(r, PC) == RAM_CODE) {
            fail_msg("%s did not run", readers[i].what);
        }
        expect_same_registers(r, calm);
        core_close(&calm_state);
        core_close(state);
    }
}

static void a_fetch_that_cannot_wait_leaves_everything_as_it_was(void **state)
{
    struct test_core *r = *state;
    void *calm;
    core_open(&calm);
    cpu_flash_open(r->cpu, false);
    r->wait_cycles = 77;
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    expect_same_registers(r, calm);
    cpu_flash_open(r->cpu, true);
    core_step(r);
    core_step(calm);
    expect_same_registers(r, calm);
    assert_int_equal(r->waits, 2);
    core_close(&calm);
}

static void an_entry_whose_vector_cannot_be_read_has_not_begun(void **state)
{
    struct test_core *r = *state;
    void *calm_state;
    core_open(&calm_state);
    struct test_core *calm = calm_state;
    struct test_core *both[] = {r, calm};
    for (unsigned i = 0; i < 2; i++) {
        core_enable(both[i], 5, 0);
        CODE(both[i], RAM_CODE, NOP, NOP, 0xDF01 /* svc */, NOP);
        core_set(both[i], PC, RAM_CODE);
        core_step(both[i]);
        core_raise(both[i], 5);
    }
    cpu_flash_open(r->cpu, false);
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    expect_same_registers(r, calm);
    r->wait_opens = true;
    r->wait_cycles = 10;
    core_step(r);
    core_step(calm);
    assert_int_equal(core_ipsr(r), IRQ0 + 5);
    expect_same_registers(r, calm);
    core_steps(r, 2); /* back, nop */
    core_steps(calm, 2);
    /* The same for a synchronous exception: the SVC is done, its entry is not. */
    cpu_flash_open(r->cpu, false);
    r->wait_opens = false;
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    assert_int_equal(core_reg(r, PC), RAM_CODE + 6);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    r->wait_opens = true;
    (void)core_step(r);
    core_step(calm);
    assert_int_equal(core_ipsr(r), SVCALL);
    expect_same_registers(r, calm);
    core_close(&calm_state);
}

static void a_waiting_core_takes_no_interrupt_wherever_its_handler_lives(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, RAM_CODE, BX_LR);
    core_set_word(r, RAM_VECTORS + 4 * (IRQ0 + 5), RAM_CODE | 1);
    core_poke(r, VTOR, RAM_VECTORS);
    cpu_flash_open(r->cpu, false);
    r->wait_cycles = 100;
    assert_int_equal(core_step(r), CPU_STOP_REQUEST); /* waits for its fetch */
    r->wait_opens = true;
    /* Between two runs the interrupt is taken: the board holds the core inside the wait, not outside. */
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_reg(r, PC), RAM_CODE);
    assert_int_equal(r->waits, 1);
}

static void ram_code_with_ram_vectors_does_not_notice_a_closed_flash(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, RAM_CODE, 0x3101 /* adds r1, #1 */, 0xE7FD /* b RAM_CODE */);
    CODE(r, RAM_CODE + 0x100, 0x3401 /* adds r4, #1 */, BX_LR);
    core_set_word(r, RAM_VECTORS + 4 * (IRQ0 + 5), (RAM_CODE + 0x100) | 1);
    core_set_word(r, RAM_VECTORS + 4 * SYSTICK, (RAM_CODE + 0x100) | 1);
    core_poke(r, VTOR, RAM_VECTORS);
    core_poke(r, SYST_RVR, 499);
    core_poke(r, SYST_CVR, 0);
    core_poke(r, SYST_CSR, 7);
    core_set(r, 4, 0);
    core_set(r, PC, RAM_CODE);
    cpu_flash_open(r->cpu, false);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_LIMIT);
        core_raise(r, 5);
    }
    assert_int_equal(r->waits, 0);
    assert_in_range(core_reg(r, 4), 295, 305); /* 200 ticks, 100 interrupts */
}

static void the_alias_at_zero_waits_with_the_flash(void **state)
{
    struct test_core *r = *state;
    core_set(r, PC, MAIN - CPU_FLASH_BASE);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN - CPU_FLASH_BASE + 2);
    cpu_flash_open(r->cpu, false);
    assert_int_equal(core_step(r), CPU_STOP_REQUEST);
    cpu_set_alias(r->cpu, r->sram, SRAM_BYTES); /* SYSCFG: RAM at 0 */
    CODE(r, DATA + 0x100, 0x2107 /* movs r1, #7 */);
    core_set(r, PC, 0x100);
    core_step(r);
    assert_int_equal(core_reg(r, 1), 7);
    cpu_set_alias(r->cpu, NULL, 0);
    core_set(r, 0, 0);
    cpu_flash_open(r->cpu, true);
    CODE(r, MAIN, LDR);
    core_set(r, PC, MAIN);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
}

static void loads_from_flash_are_told_while_watched(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, LDR, LDR, LDR);
    core_set(r, 0, TABLE);
    core_step(r);
    assert_int_equal(r->flash_loads, 0);
    cpu_watch_flash(r->cpu, true);
    core_step(r);
    assert_int_equal(r->flash_loads, 1);
    cpu_watch_flash(r->cpu, false);
    core_step(r);
    assert_int_equal(r->flash_loads, 1);
}

/* --- code that changes ------------------------------------------------------------------------------- */

static void code_that_rewrites_itself_runs_as_rewritten(void **state)
{
    struct test_core *r = *state;
    /* STRB, STRH, STR: r0 names one of the following halfwords, which ran before as something else */
    for (unsigned target = 1; target < 5; target++) {
        for (unsigned n_bytes = 1; n_bytes <= 4; n_bytes *= 2) {
            const uint16_t store = n_bytes == 1 ? 0x7001 : n_bytes == 2 ? 0x8001 : 0x6001;
            CODE(r, RAM_CODE, NOP, 0x2211 /* movs r2, #0x11 */, 0x2311 /* movs r3, #0x11 */,
                 0x2411 /* movs r4, #0x11 */, 0x2511, 0x2611, NOP);
            core_set(r, PC, RAM_CODE);
            core_steps(r, 6); /* all decoded */
            CODE(r, RAM_CODE, store);
            core_set(r, 0, RAM_CODE + 2 * target);
            const uint16_t patched = (uint16_t)(0x2000 + 0x100 * (target + 1) + 0x55);
            core_set(r, 1, patched | 0x26110000u);
            core_set(r, PC, RAM_CODE);
            core_steps(r, 1 + target);
            assert_int_equal(core_reg(r, target + 1), 0x55);
        }
    }
}

static void the_second_half_of_a_wide_instruction_can_be_rewritten(void **state)
{
    struct test_core *r = *state;
    CODE(r, RAM_CODE, NOP, 0xF240, 0x0211 /* movw r2, #0x11 */, NOP);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 2), 0x11);
    CODE(r, RAM_CODE, 0x8001 /* strh r1, [r0] */);
    core_set(r, 0, RAM_CODE + 4);
    core_set(r, 1, 0x0222);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 2), 0x22);
}

static void stm_push_and_bit_band_rewrite_code_as_well(void **state)
{
    struct test_core *r = *state;
    CODE(r, RAM_CODE, 0x2211, 0x2311);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 2);
    CODE(r, MAIN, 0xC006 /* stm r0!, {r1, r2} */);
    core_set(r, 0, RAM_CODE);
    core_set(r, 1, 0x23332222);
    core_set(r, PC, MAIN);
    core_step(r);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 2), 0x22);
    assert_int_equal(core_reg(r, 3), 0x33);
    core_poke(r, 0x22000000 + (RAM_CODE - DATA) * 32, 1); /* movs r2, #0x23 */
    core_set(r, PC, RAM_CODE);
    core_step(r);
    assert_int_equal(core_reg(r, 2), 0x23);
    CODE(r, MAIN, 0xB403 /* push {r0, r1} */);
    core_set(r, SP, RAM_CODE + 8);
    core_set(r, 0, 0x23552255);
    core_set(r, PC, MAIN);
    core_step(r);
    core_set(r, PC, RAM_CODE);
    core_step(r);
    assert_int_equal(core_reg(r, 2), 0x55);
}

static void flash_programmed_behind_the_core_is_executed_after_code_changed(void **state)
{
    struct test_core *r = *state;
    core_steps(r, 2);
    core_set_word(r, MAIN, 0x2107BF00);
    cpu_code_changed(r->cpu, MAIN + 2, 2);
    core_set(r, PC, MAIN);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 1), 7);
    core_set(r, PC, MAIN - CPU_FLASH_BASE); /* the alias shows the same, cached apart */
    core_steps(r, 2);
    core_set_word(r, MAIN, 0x2109BF00);
    cpu_code_changed(r->cpu, MAIN, 4);
    core_set(r, PC, MAIN - CPU_FLASH_BASE);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 1), 9);
}

static void dma_into_ram_code_is_executed_after_code_changed(void **state)
{
    struct test_core *r = *state;
    CODE(r, RAM_CODE, 0x2101, 0x2102);
    core_set(r, PC, RAM_CODE);
    core_steps(r, 2);
    core_set_word(r, RAM_CODE, 0x21042103);
    cpu_code_changed(r->cpu, DATA, SRAM_BYTES);
    core_set(r, PC, RAM_CODE);
    core_step(r);
    assert_int_equal(core_reg(r, 1), 3);
    core_step(r);
    assert_int_equal(core_reg(r, 1), 4);
}

static void an_instruction_over_a_page_border_follows_changes_of_both_halves(void **state)
{
    struct test_core *r = *state;
    const uint32_t border = RAM_CODE + 0x400;
    for (unsigned half = 0; half < 2; half++) {
        CODE(r, border - 2, 0xF240, 0x0111 /* movw r1, #0x11 */);
        core_set(r, PC, border - 2);
        core_step(r);
        assert_int_equal(core_reg(r, 1), 0x11);
        CODE(r, MAIN, 0x8001 /* strh r1, [r0] */);
        core_set(r, 0, half ? border : border - 2);
        core_set(r, 1, half ? 0x0122 : 0xF2C0 /* movt */);
        core_set(r, PC, MAIN);
        core_step(r);
        core_set(r, 1, 0);
        core_set(r, PC, border - 2);
        core_step(r);
        assert_int_equal(core_reg(r, 1), half ? 0x22 : 0x110000);
    }
}

/* --- snapshots, limits, stops ------------------------------------------------------------------------ */

/* A loop with interrupts, stores and SysTick; its state is registers and RAM. */
static void write_busy_program(struct test_core *r)
{
    core_enable_fpu(r);
    CODE(r, MAIN, 0x1840 /* adds r0, r0, r1 */, 0x4141 /* adcs r1, r0 */, 0xF84D,
         0x0D04 /* str r0, [sp, #-4]! */, 0xBF28 /* it cs */, 0x3301 /* add r3, #1 */, 0xBC04 /* pop {r2} */,
         0xFBB0, 0xF4F1 /* udiv r4, r0, r1 */, 0xEE00, 0x0A10 /* vmov s0, r0 */, 0xEE30,
         0x0A20 /* vadd s0, s0, s1 */, 0xE7F1 /* b MAIN */);
    CODE(r, core_handler(SYSTICK), 0x3501 /* adds r5, #1 */, 0xB500 /* push {lr} */, 0xEE30,
         0x1A20 /* vadd s2, s0, s1 */, 0xBD00 /* pop {pc} */);
    for (unsigned i = 0; i < 13; i++) {
        core_set(r, i, 0x85EBCA6B * (i + 3));
    }
    core_poke(r, SYST_RVR, 176);
    core_poke(r, SYST_CVR, 0);
    core_poke(r, SYST_CSR, 7);
    core_set(r, PC, MAIN);
}

static void split_runs_are_the_same_run(void **state)
{
    struct test_core *r = *state;
    void *whole_state;
    core_open(&whole_state);
    struct test_core *whole = whole_state;
    write_busy_program(r);
    write_busy_program(whole);
    const uint64_t end = cpu_cycles(r->cpu) + 20000;
    assert_int_equal(cpu_run(whole->cpu, end), CPU_STOP_LIMIT);
    uint64_t step = 1;
    while (cpu_cycles(r->cpu) < end) {
        const uint64_t to = cpu_cycles(r->cpu) + step;
        assert_int_equal(cpu_run(r->cpu, to < end ? to : end), CPU_STOP_LIMIT);
        step = step % 7 + 1;
    }
    expect_same_registers(r, whole);
    assert_int_equal(cpu_cycles(r->cpu), cpu_cycles(whole->cpu));
    core_close(&whole_state);
}

static void a_restored_snapshot_runs_the_same_again_here_and_elsewhere(void **state)
{
    struct test_core *r = *state;
    void *other_state;
    core_open(&other_state);
    struct test_core *other = other_state;
    write_busy_program(r);
    write_busy_program(other);
    size_t n_bytes;
    void *live = cpu_state(r->cpu, &n_bytes);
    void *saved = malloc(n_bytes);
    static uint8_t saved_sram[SRAM_BYTES];
    for (unsigned at = 0; at < 200; at++) { /* cuts in handlers, between IT and its instruction, anywhere */
        core_steps(r, 1 + at % 13);
        memcpy(saved, live, n_bytes);
        memcpy(saved_sram, r->sram, SRAM_BYTES);
        const uint64_t end = cpu_cycles(r->cpu) + 2000;
        (void)cpu_run(r->cpu, end);
        size_t same_bytes;
        memcpy(cpu_state(other->cpu, &same_bytes), saved, n_bytes);
        assert_int_equal(same_bytes, n_bytes);
        memcpy(other->sram, saved_sram, SRAM_BYTES);
        cpu_state_restored(other->cpu);
        (void)cpu_run(other->cpu, end);
        expect_same_registers(r, other);
        assert_int_equal(cpu_cycles(r->cpu), cpu_cycles(other->cpu));
        memcpy(live, saved, n_bytes);
        memcpy(r->sram, saved_sram, SRAM_BYTES);
        cpu_state_restored(r->cpu);
    }
    free(saved);
    core_close(&other_state);
}

static void a_breakpoint_stops_before_its_instruction(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0x2101, 0x2102, 0x2103);
    cpu_set_breakpoint(r->cpu, (MAIN + 2) | 1);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_BREAKPOINT);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
    assert_int_equal(core_reg(r, 1), 1);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_BREAKPOINT); /* still about to */
    cpu_set_breakpoint(r->cpu, 0);
    core_step(r);
    assert_int_equal(core_reg(r, 1), 2);
}

static void a_bus_callback_can_stop_the_run_after_its_instruction(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, STR, 0x2103);
    core_set(r, 0, DEVICE);
    core_set(r, 1, 1);
    r->stop_on_write = true;
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 1000), CPU_STOP_REQUEST);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
    assert_int_equal(r->device[0], 1);
    r->stop_on_write = false;
    core_step(r);
    assert_int_equal(core_reg(r, 1), 3);
}

static void the_run_ends_at_its_limit(void **state)
{
    struct test_core *r = *state;
    const uint64_t limit = cpu_cycles(r->cpu) + 1000;
    assert_int_equal(cpu_run(r->cpu, limit), CPU_STOP_LIMIT);
    assert_in_range(cpu_cycles(r->cpu), limit, limit + 2);
    cpu_set_cycles(r->cpu, 5); /* never back */
    assert_in_range(cpu_cycles(r->cpu), limit, limit + 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_fetch_from_closed_flash_waits_and_then_goes_on),
        cmocka_unit_test(a_load_that_cannot_wait_is_undone_and_done_again),
        T(a_fetch_that_cannot_wait_leaves_everything_as_it_was),
        T(an_entry_whose_vector_cannot_be_read_has_not_begun),
        T(a_waiting_core_takes_no_interrupt_wherever_its_handler_lives),
        T(ram_code_with_ram_vectors_does_not_notice_a_closed_flash),
        T(the_alias_at_zero_waits_with_the_flash),
        T(loads_from_flash_are_told_while_watched),
        T(code_that_rewrites_itself_runs_as_rewritten),
        T(the_second_half_of_a_wide_instruction_can_be_rewritten),
        T(stm_push_and_bit_band_rewrite_code_as_well),
        T(flash_programmed_behind_the_core_is_executed_after_code_changed),
        T(dma_into_ram_code_is_executed_after_code_changed),
        T(an_instruction_over_a_page_border_follows_changes_of_both_halves),
        T(split_runs_are_the_same_run),
        T(a_restored_snapshot_runs_the_same_again_here_and_elsewhere),
        T(a_breakpoint_stops_before_its_instruction),
        T(a_bus_callback_can_stop_the_run_after_its_instruction),
        T(the_run_ends_at_its_limit),
    };
    return cmocka_run_group_tests_name("core: running", tests, NULL, NULL);
}
