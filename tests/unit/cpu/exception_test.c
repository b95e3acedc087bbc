/* Exceptions: frames, returns, priorities, masks, the NVIC (ARMv7-M ARM B1.5, B3.4). */
#include "test_core.h"

enum { SVC_5 = 0xDF05, CPSID_I = 0xB672, CPSIE_I = 0xB662, CPSID_F = 0xB671, CPSIE_F = 0xB661 };
enum { XPSR_ALIGNED = 1 << 9 };

static const uint8_t stacked[6] = {0, 1, 2, 3, 12, LR};

static void set_recognisable_registers(struct test_core *r)
{
    for (unsigned i = 0; i < 13; i++) {
        core_set(r, i, 0x1110 + i);
    }
    core_set(r, LR, 0x08000ABD);
    core_set(r, XPSR, 0xA80F0000 | XPSR_T); /* N, C, Q, GE */
}

static void check_frame(struct test_core *r, uint32_t frame, uint32_t xpsr)
{
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(core_word(r, frame + 4 * i), i < 5 ? 0x1110u + stacked[i] : 0x08000ABDu);
    }
    assert_int_equal(core_word(r, frame + 0x18), MAIN);
    assert_int_equal(core_word(r, frame + 0x1C), xpsr);
}

static void check_recognisable_registers(struct test_core *r)
{
    for (unsigned i = 0; i < 13; i++) {
        assert_int_equal(core_reg(r, i), 0x1110 + i);
    }
    assert_int_equal(core_reg(r, LR), 0x08000ABD);
    assert_int_equal(core_reg(r, XPSR), 0xA80F0000 | XPSR_T);
    assert_int_equal(core_reg(r, PC), MAIN);
}

static void spoil_stacked_registers(struct test_core *r)
{
    for (unsigned i = 0; i < 5; i++) {
        core_set(r, stacked[i], 0xBAD);
    }
}

static void entry_pushes_the_frame_and_the_return_pops_it(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    set_recognisable_registers(r);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_reg(r, PC), core_handler(IRQ0 + 5));
    assert_int_equal(core_ipsr(r), IRQ0 + 5);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFF9);
    assert_int_equal(core_reg(r, SP), MAIN_STACK - 0x20);
    check_frame(r, MAIN_STACK - 0x20, 0xA80F0000 | XPSR_T);
    spoil_stacked_registers(r);
    core_step(r); /* bx lr */
    check_recognisable_registers(r);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
}

static void a_thread_on_the_process_stack_keeps_its_own_stack(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    core_set(r, PSP, PROCESS_STACK);
    core_set(r, CONTROL, 2);
    set_recognisable_registers(r);
    assert_int_equal(core_reg(r, SP), PROCESS_STACK);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFFD);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
    assert_int_equal(core_reg(r, PSP), PROCESS_STACK - 0x20);
    assert_int_equal(core_reg(r, CONTROL), 0);
    check_frame(r, PROCESS_STACK - 0x20, 0xA80F0000 | XPSR_T);
    core_step(r);
    check_recognisable_registers(r);
    assert_int_equal(core_reg(r, CONTROL), 2);
    assert_int_equal(core_reg(r, PSP), PROCESS_STACK);
    assert_int_equal(core_reg(r, MSP), MAIN_STACK);
}

static void stkalign_aligns_the_frame_and_bit_9_tells_the_return(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    for (unsigned stkalign = 0; stkalign < 2; stkalign++) {
        core_poke(r, CCR, stkalign ? 0x200 : 0);
        set_recognisable_registers(r);
        core_set(r, PC, MAIN);
        core_set(r, SP, MAIN_STACK - 4);
        core_raise(r, 5);
        core_step(r);
        const uint32_t frame = stkalign ? MAIN_STACK - 0x28 : MAIN_STACK - 0x24;
        assert_int_equal(core_reg(r, SP), frame);
        check_frame(r, frame, 0xA80F0000 | XPSR_T | (stkalign ? XPSR_ALIGNED : 0));
        core_step(r);
        check_recognisable_registers(r);
        assert_int_equal(core_reg(r, SP), MAIN_STACK - 4);
    }
}

static void check_fp_frame(struct test_core *r, uint32_t frame)
{
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(core_word(r, frame + 0x20 + 4 * i), 0x3F800000 + i);
    }
    assert_int_equal(core_word(r, frame + 0x60), 0x60C00010);
}

static void a_floating_point_context_is_stacked_and_restored(void **state)
{
    struct test_core *r = *state;
    core_enable_fpu(r);
    core_enable(r, 5, 0);
    CODE(r, MAIN - 4, 0xEEB0, 0x0A40 /* vmov.f32 s0, s0 */);
    core_set(r, PC, MAIN - 4);
    assert_int_equal(core_reg(r, CONTROL), 0);
    core_step(r);
    assert_int_equal(core_reg(r, CONTROL), 4); /* FPCA */
    for (unsigned i = 0; i < 32; i++) {
        core_set(r, S0 + i, 0x3F800000 + i);
    }
    core_set(r, FPSCR, 0x60C00010);
    set_recognisable_registers(r);
    core_set(r, SP, MAIN_STACK - 4);
    core_raise(r, 5);
    core_step(r);
    const uint32_t frame = MAIN_STACK - 0x70; /* 0x68 bytes, aligned */
    assert_int_equal(core_reg(r, SP), frame);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFE9);
    assert_int_equal(core_reg(r, CONTROL), 0);
    check_frame(r, frame, 0xA80F0000 | XPSR_T | XPSR_ALIGNED);
    check_fp_frame(r, frame);
    for (unsigned i = 0; i < 16; i++) { /* the handler's own use; S16 up are the callee's to keep */
        core_set(r, S0 + i, 0xBAD);
    }
    core_set(r, FPSCR, 0);
    core_step(r);
    check_recognisable_registers(r);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(core_reg(r, S0 + i), 0x3F800000 + i);
    }
    assert_int_equal(core_reg(r, FPSCR), 0x60C00010);
    assert_int_equal(core_reg(r, CONTROL), 4);
    assert_int_equal(core_reg(r, SP), MAIN_STACK - 4);
}

static void every_exc_return_value_leads_back_to_where_it_came_from(void **state)
{
    static const struct {
        uint32_t control;
        bool in_handler;
        uint32_t exc_return;
    } forms[] = {{0, false, 0xFFFFFFF9}, {2, false, 0xFFFFFFFD}, {0, true, 0xFFFFFFF1},
                 {4, false, 0xFFFFFFE9}, {6, false, 0xFFFFFFED}, {4, true, 0xFFFFFFE1}};
    struct test_core *r = *state;
    core_enable_fpu(r);
    core_enable(r, 5, 0x00);
    core_enable(r, 6, 0x80);
    CODE(r, core_handler(IRQ0 + 6), 0xBF00, 0x4770);
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        core_set(r, PC, MAIN);
        core_set(r, PSP, PROCESS_STACK);
        core_set(r, CONTROL, 0);
        core_set(r, SP, MAIN_STACK);
        if (forms[i].in_handler) {
            core_raise(r, 6);
            core_step(r);
        }
        core_set(r, CONTROL, forms[i].control);
        const uint32_t sp = core_reg(r, SP);
        const uint32_t pc = core_reg(r, PC);
        const unsigned ipsr = core_ipsr(r);
        core_raise(r, 5);
        core_step(r);
        assert_int_equal(core_ipsr(r), IRQ0 + 5);
        assert_int_equal(core_reg(r, LR), forms[i].exc_return);
        core_step(r);
        assert_int_equal(core_ipsr(r), ipsr);
        assert_int_equal(core_reg(r, PC), pc);
        assert_int_equal(core_reg(r, SP), sp);
        assert_int_equal(core_reg(r, CONTROL), forms[i].control);
        if (forms[i].in_handler) {
            core_set(r, CONTROL, 0);
            core_steps(r, 2);
        }
        assert_int_equal(core_ipsr(r), 0);
    }
}

static void a_return_by_pop_and_by_load_works_as_by_bx(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, core_handler(IRQ0 + 5), 0xB510 /* push {r4, lr} */, 0xBD10 /* pop {r4, pc} */);
    core_raise(r, 5);
    core_steps(r, 3);
    assert_int_equal(core_ipsr(r), 0);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
    CODE(r, core_handler(IRQ0 + 5), 0xB500 /* push {lr} */, 0xF85D, 0xFB04 /* ldr pc, [sp], #4 */);
    core_raise(r, 5);
    core_steps(r, 3);
    assert_int_equal(core_ipsr(r), 0);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
}

static void higher_priority_preempts_and_equal_waits(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 1, 0x40);
    core_enable(r, 2, 0x30);
    core_enable(r, 3, 0x40);
    CODE(r, core_handler(IRQ0 + 1), 0xBF00, 0xBF00, 0xBF00, 0xBF00, 0x4770);
    core_raise(r, 1);
    core_steps(r, 2);
    core_raise(r, 3);
    core_raise(r, 2);
    assert_string_equal(core_trace(r, 12), "17 18 17 19 0");
}

static void subpriority_orders_but_does_not_preempt(void **state)
{
    struct test_core *r = *state;
    core_poke(r, AIRCR, 0x05FA0500); /* PRIGROUP 5: two bits group, two bits sub */
    core_enable(r, 1, 0x50);
    core_enable(r, 2, 0x40); /* same group */
    core_enable(r, 3, 0x60); /* same group */
    CODE(r, core_handler(IRQ0 + 1), 0xBF00, 0xBF00, 0xBF00, 0x4770);
    core_raise(r, 1);
    core_steps(r, 2);
    core_raise(r, 3);
    core_raise(r, 2);
    assert_string_equal(core_trace(r, 12), "17 18 19 0");
    core_poke(r, AIRCR, 0x05FA0300); /* all four bits group */
    core_raise(r, 1);
    core_steps(r, 2);
    core_raise(r, 3);
    core_raise(r, 2);
    assert_string_equal(core_trace(r, 12), "17 18 17 19 0");
}

static void pending_exceptions_chain_by_priority_then_by_number(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 3, 0x20);
    core_enable(r, 7, 0x20);
    core_enable(r, 40, 0x10);
    core_enable(r, 81, 0x20);
    core_set(r, PRIMASK, 1);
    core_raise(r, 81);
    core_raise(r, 7);
    core_raise(r, 40);
    core_raise(r, 3);
    core_set(r, PRIMASK, 0);
    assert_string_equal(core_trace(r, 10), "0 56 19 23 97 0");
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
}

static void pendsv_follows_systick(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHPR3, 0xE0F00000); /* SysTick 0xE0, PendSV 0xF0 */
    CODE(r, core_handler(SYSTICK), 0x6001 /* str r1, [r0]: ICSR.PENDSVSET */, 0xBF00, 0x4770);
    core_set(r, 0, ICSR);
    core_set(r, 1, 1u << 28);
    core_poke(r, ICSR, 1u << 26); /* PENDSTSET */
    assert_string_equal(core_trace(r, 10), "0 15 14 0");
    core_poke(r, SHPR3, 0xF0E00000); /* the other way round PendSV preempts */
    core_poke(r, ICSR, 1u << 26);
    assert_string_equal(core_trace(r, 10), "0 15 14 15 0");
    core_poke(r, SHPR3, 0xF0F00000); /* equal: the lower number first */
    CODE(r, core_handler(SYSTICK), 0x4770);
    core_poke(r, ICSR, 1u << 28 | 1u << 26);
    assert_string_equal(core_trace(r, 10), "0 14 15 0");
}

static void primask_holds_all_but_nmi_and_hardfault(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 1, 0);
    CODE(r, MAIN, CPSID_I, 0xBF00, CPSIE_I, 0xBF00);
    core_step(r);
    core_raise(r, 1);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN + 4);
    cpu_set_nmi(r->cpu);
    core_step(r);
    assert_int_equal(core_ipsr(r), NMI);
    core_steps(r, 2); /* back; then CPSIE, and the interrupt is taken before the next instruction */
    assert_int_equal(core_ipsr(r), IRQ0 + 1);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN + 6);
    assert_int_equal(core_reg(r, PRIMASK), 0);
}

static void svc_under_primask_is_a_hardfault(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, CPSID_I, SVC_5);
    core_steps(r, 2);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, HFSR), HFSR_FORCED);
    assert_int_equal(core_peek(r, CFSR), 0);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN + 4);
}

static void basepri_holds_its_level_and_below(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 1, 0x40);
    core_enable(r, 2, 0x50);
    core_enable(r, 3, 0x30);
    CODE(r, MAIN, 0xF380, 0x8811 /* msr basepri, r0 */, 0xF381, 0x8812 /* msr basepri_max, r1 */, 0xF382,
         0x8812 /* msr basepri_max, r2 */);
    core_set(r, 0, 0x4F); /* low bits are not there */
    core_set(r, 1, 0x50); /* BASEPRI_MAX only makes it stricter */
    core_set(r, 2, 0x20);
    core_step(r);
    assert_int_equal(core_reg(r, BASEPRI), 0x40);
    core_raise(r, 1);
    core_raise(r, 2);
    core_raise(r, 3);
    assert_string_equal(core_trace(r, 2), "0 19 0");
    core_step(r);
    assert_int_equal(core_reg(r, BASEPRI), 0x40);
    core_step(r);
    assert_int_equal(core_reg(r, BASEPRI), 0x20);
    core_raise(r, 3);
    assert_string_equal(core_trace(r, 3), "0");
    core_set(r, BASEPRI, 0);
    assert_string_equal(core_trace(r, 6), "0 19 17 18 0");
}

static void faultmask_leaves_nmi_only_and_ends_with_a_return(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 1, 0);
    CODE(r, MAIN, CPSID_F, 0xBF00, CPSIE_F, 0xBF00);
    core_step(r);
    assert_int_equal(core_reg(r, FAULTMASK), 1);
    core_raise(r, 1);
    cpu_set_nmi(r->cpu);
    assert_string_equal(core_trace(r, 2), "0 2 0");
    assert_int_equal(core_reg(r, FAULTMASK), 1); /* the return from NMI keeps it */
    assert_string_equal(core_trace(r, 2), "0 17");
    core_step(r);
    /* In a handler it ends with the handler. */
    CODE(r, core_handler(IRQ0 + 1), CPSID_F, 0xBF00, 0x4770);
    core_raise(r, 1);
    core_steps(r, 3);
    assert_int_equal(core_reg(r, FAULTMASK), 1);
    core_step(r);
    assert_int_equal(core_ipsr(r), 0);
    assert_int_equal(core_reg(r, FAULTMASK), 0);
}

static void faultmask_cannot_be_set_in_nmi_but_cleared_by_msr(void **state)
{
    struct test_core *r = *state;
    CODE(r, core_handler(NMI), CPSID_F, 0x4770);
    cpu_set_nmi(r->cpu);
    core_steps(r, 2);
    assert_int_equal(core_ipsr(r), NMI);
    assert_int_equal(core_reg(r, FAULTMASK), 0);
    core_step(r);
    CODE(r, MAIN, CPSID_F, 0xF380, 0x8813 /* msr faultmask, r0 */);
    core_set(r, 0, 0);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, FAULTMASK), 0);
}

static void svc_returns_after_itself_and_shows_its_number(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, SVC_5, 0xBF00);
    core_step(r);
    assert_int_equal(core_ipsr(r), SVCALL);
    const uint32_t pc = core_word(r, core_reg(r, SP) + 0x18);
    assert_int_equal(pc, MAIN + 2);
    assert_int_equal(core_word(r, (pc - 2) & ~3u) & 0xFFFF, SVC_5);
    core_step(r);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
}

static void a_held_line_pends_again_after_its_handler(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    cpu_set_irq(r->cpu, 5, true);
    assert_string_equal(core_trace(r, 10), "0 21"); /* one tail chain after the other */
    assert_int_equal(core_reg(r, SP), MAIN_STACK - 0x20);
    cpu_set_irq(r->cpu, 5, false);
    assert_string_equal(core_trace(r, 5), "21 0");
    /* A pulse while the handler runs is not lost. */
    CODE(r, core_handler(IRQ0 + 5), 0xBF00, 0xBF00, 0x4770);
    core_raise(r, 5);
    core_steps(r, 2);
    core_raise(r, 5);
    assert_int_equal(core_peek(r, NVIC_ISPR), 1 << 5);
    assert_int_equal(core_peek(r, NVIC_IABR), 1 << 5);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, PC), core_handler(IRQ0 + 5));
    assert_string_equal(core_trace(r, 3), "21 0");
}

static void pending_can_be_cleared_unless_the_line_is_held(void **state)
{
    struct test_core *r = *state;
    core_raise(r, 33);
    assert_int_equal(core_peek(r, NVIC_ISPR + 4), 2);
    core_poke(r, NVIC_ICPR + 4, 2);
    assert_int_equal(core_peek(r, NVIC_ISPR + 4), 0);
    cpu_set_irq(r->cpu, 33, true);
    core_poke(r, NVIC_ICPR + 4, 2);
    assert_int_equal(core_peek(r, NVIC_ISPR + 4), 2);
    cpu_set_irq(r->cpu, 33, false);
    core_poke(r, NVIC_ICPR + 4, 2);
    assert_int_equal(core_peek(r, NVIC_ISPR + 4), 0);
}

static void nvic_registers_hold_what_the_chip_has(void **state)
{
    struct test_core *r = *state;
    core_poke(r, NVIC_ISER + 8, 0xFFFFFFFF);
    assert_int_equal(core_peek(r, NVIC_ISER + 8), 0x3FFFF); /* 82 interrupts */
    core_poke(r, NVIC_ICER + 8, 0xFFFF);
    assert_int_equal(core_peek(r, NVIC_ICER + 8), 0x30000);
    core_poke(r, NVIC_IPR + 80, 0xFFFFFFFF);
    assert_int_equal(core_peek(r, NVIC_IPR + 80), 0x0000F0F0); /* 80, 81; four bits each */
    core_enable(r, 9, 0);
    core_poke(r, STIR, 9);
    assert_string_equal(core_trace(r, 2), "0 25 0");
    core_set(r, PRIMASK, 1);
    core_poke(r, NVIC_ISPR, 1 << 9);
    assert_int_equal(core_peek(r, ICSR) & 0x005FF800, 0x00400000 | (IRQ0 + 9) << 12 | 0x800);
    core_poke(r, ICSR, 1u << 28 | 1u << 26);
    assert_int_equal(core_peek(r, ICSR) & 0x14000000, 0x14000000);
    core_poke(r, ICSR, 1u << 27 | 1u << 25);
    assert_int_equal(core_peek(r, ICSR) & 0x14000000, 0);
}

static void rettobase_tells_whether_a_return_ends_in_the_thread(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0x40);
    core_enable(r, 6, 0x20);
    CODE(r, core_handler(IRQ0 + 5), 0xBF00, 0x4770);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_peek(r, ICSR) & 0x9FF, 0x800 | (IRQ0 + 5));
    core_raise(r, 6);
    core_step(r);
    assert_int_equal(core_peek(r, ICSR) & 0x9FF, IRQ0 + 6);
    core_step(r);
    assert_int_equal(core_peek(r, ICSR) & 0x9FF, 0x800 | (IRQ0 + 5));
}

static void vectors_come_from_where_vtor_points(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, RAM_CODE, 0x4770);
    core_set_word(r, RAM_VECTORS + 4 * (IRQ0 + 5), RAM_CODE | 1);
    core_poke(r, VTOR, RAM_VECTORS);
    assert_int_equal(core_peek(r, VTOR), RAM_VECTORS);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_reg(r, PC), RAM_CODE);
    core_step(r);
    assert_int_equal(core_ipsr(r), 0);
}

static void an_exception_clears_the_exclusive_monitor(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    CODE(r, MAIN, 0xE850, 0x1F00 /* ldrex r1, [r0] */, 0xE840, 0x2300 /* strex r3, r2, [r0] */);
    core_set(r, 0, DATA);
    core_set(r, 2, 0x1234);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 3), 0);
    assert_int_equal(core_word(r, DATA), 0x1234);
    core_set(r, PC, MAIN);
    core_set(r, 2, 0x5678);
    core_step(r);
    core_raise(r, 5);
    core_steps(r, 3); /* in, out, strex */
    assert_int_equal(core_reg(r, PC), MAIN + 8);
    assert_int_equal(core_reg(r, 3), 1);
    assert_int_equal(core_word(r, DATA), 0x1234);
    CODE(r, core_handler(IRQ0 + 5), 0xE840, 0x2300); /* nor may the handler complete what the thread began */
    core_set(r, PC, MAIN);
    core_set(r, 3, 0);
    core_step(r);
    core_raise(r, 5);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 3), 1);
    assert_int_equal(core_word(r, DATA), 0x1234);
}

static void unprivileged_code_cannot_change_masks_or_gain_privilege(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, CPSID_I, 0xF380, 0x8811 /* msr basepri, r0 */, 0xF381, 0x8814 /* msr control, r1 */, 0xF3EF,
         0x8214 /* mrs r2, control */, 0xF3EF, 0x8308 /* mrs r3, msp */, SVC_5);
    core_set(r, 0, 0x40);
    core_set(r, 1, 0);
    core_set(r, 3, 0xBAD);
    core_set(r, CONTROL, 1);
    core_steps(r, 5);
    assert_int_equal(core_reg(r, PRIMASK), 0);
    assert_int_equal(core_reg(r, BASEPRI), 0);
    assert_int_equal(core_reg(r, 2), 1);
    assert_int_equal(core_reg(r, 3), 0);
    core_step(r);
    assert_int_equal(core_ipsr(r), SVCALL); /* handlers are privileged */
    core_poke(r, VTOR, CPU_FLASH_BASE);
    core_step(r);
    assert_int_equal(core_reg(r, CONTROL), 1);
}

static void msr_control_switches_the_stack_in_thread_mode(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xF380, 0x8809 /* msr psp, r0 */, 0xF381, 0x8814 /* msr control, r1 */, 0xF3EF,
         0x8208 /* mrs r2, msp */);
    core_set(r, 0, PROCESS_STACK + 2);
    core_set(r, 1, 2);
    core_steps(r, 2);
    assert_int_equal(core_reg(r, SP), PROCESS_STACK);
    core_step(r);
    assert_int_equal(core_reg(r, 2), MAIN_STACK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entry_pushes_the_frame_and_the_return_pops_it),
        T(a_thread_on_the_process_stack_keeps_its_own_stack),
        T(stkalign_aligns_the_frame_and_bit_9_tells_the_return),
        T(a_floating_point_context_is_stacked_and_restored),
        T(every_exc_return_value_leads_back_to_where_it_came_from),
        T(a_return_by_pop_and_by_load_works_as_by_bx),
        T(higher_priority_preempts_and_equal_waits),
        T(subpriority_orders_but_does_not_preempt),
        T(pending_exceptions_chain_by_priority_then_by_number),
        T(pendsv_follows_systick),
        T(primask_holds_all_but_nmi_and_hardfault),
        T(svc_under_primask_is_a_hardfault),
        T(basepri_holds_its_level_and_below),
        T(faultmask_leaves_nmi_only_and_ends_with_a_return),
        T(faultmask_cannot_be_set_in_nmi_but_cleared_by_msr),
        T(svc_returns_after_itself_and_shows_its_number),
        T(a_held_line_pends_again_after_its_handler),
        T(pending_can_be_cleared_unless_the_line_is_held),
        T(nvic_registers_hold_what_the_chip_has),
        T(rettobase_tells_whether_a_return_ends_in_the_thread),
        T(vectors_come_from_where_vtor_points),
        T(an_exception_clears_the_exclusive_monitor),
        T(unprivileged_code_cannot_change_masks_or_gain_privilege),
        T(msr_control_switches_the_stack_in_thread_mode),
    };
    return cmocka_run_group_tests_name("core: exceptions", tests, NULL, NULL);
}
