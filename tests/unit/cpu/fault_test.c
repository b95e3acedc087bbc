/* Faults: what raises them, what they record, escalation, lockup, reset (ARMv7-M ARM B1.5, B3.2). */
#include "test_core.h"

enum { SENTINEL = 0x5E5E };

/* One instruction that faults, with r0 as operand or address. */
struct faulty {
    const char *what;
    uint16_t code[2];
    uint32_t r0;
    uint32_t cfsr;
    unsigned exception; /* when the faults are enabled */
    uint32_t ccr;       /* CCR to set: 8 UNALIGN_TRP, 0x10 DIV_0_TRP */
    bool fpu_on;
};

enum { UNALIGN_TRP = 0x208, DIV_0_TRP = 0x210 };
enum {
    IACCVIOL = 1,
    IBUSERR = 0x100,
    PRECISERR = 0x8200, /* with BFARVALID */
    UNSTKERR = 0x800,
    STKERR = 0x1000,
    UNDEFINSTR = 0x10000,
    INVSTATE = 0x20000,
    INVPC = 0x40000,
    NOCP = 0x80000,
    UNALIGNED = 0x1000000,
    DIVBYZERO = 0x2000000
};

static bool refuse_read(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    (void)value;
    return false;
}

static bool refuse_write(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    (void)value;
    return false;
}

static const struct faulty faults[] = {
    {"udf", {0xDE00}, 0, UNDEFINSTR, USAGEFAULT, 0, false},
    {"udf.w", {0xF7F0, 0xA000}, 0, UNDEFINSTR, USAGEFAULT, 0, false},
    {"a reserved encoding", {0xE800, 0x0000}, 0, UNDEFINSTR, USAGEFAULT, 0, false},
    {"udiv by 0, trapped", {0xFBB1, 0xF2F0}, 0, DIVBYZERO, USAGEFAULT, DIV_0_TRP, false},
    {"sdiv by 0, trapped", {0xFB91, 0xF2F0}, 0, DIVBYZERO, USAGEFAULT, DIV_0_TRP, false},
    {"ldr, trapped", {0x6801}, DATA + 2, UNALIGNED, USAGEFAULT, UNALIGN_TRP, false},
    {"ldrh, trapped", {0x8801}, DATA + 1, UNALIGNED, USAGEFAULT, UNALIGN_TRP, false},
    {"str, trapped", {0x6001}, DATA + 1, UNALIGNED, USAGEFAULT, UNALIGN_TRP, false},
    {"ldrd r1, r2, [r0], #8", {0xE8F0, 0x1202}, DATA + 2, UNALIGNED, USAGEFAULT, 0, false},
    {"strd r1, r2, [r0], #8", {0xE8E0, 0x1202}, DATA + 1, UNALIGNED, USAGEFAULT, 0, false},
    {"ldm r0!, {r1, r2}", {0xC806}, DATA + 2, UNALIGNED, USAGEFAULT, 0, false},
    {"stm r0!, {r1, r2}", {0xC006}, DATA + 3, UNALIGNED, USAGEFAULT, 0, false},
    {"ldrex r1, [r0]", {0xE850, 0x1F00}, DATA + 2, UNALIGNED, USAGEFAULT, 0, false},
    {"ldrexh r1, [r0]", {0xE8D0, 0x1F5F}, DATA + 1, UNALIGNED, USAGEFAULT, 0, false},
    {"strex r3, r1, [r0]", {0xE840, 0x1300}, DATA + 2, UNALIGNED, USAGEFAULT, 0, false},
    {"vldr s0, [r0]", {0xED90, 0x0A00}, DATA + 2, UNALIGNED, USAGEFAULT, 0, true},
    {"ldr of a device, unaligned", {0x6801}, DEVICE + 2, UNALIGNED, USAGEFAULT, 0, false},
    {"vmov.f32 s0, s0 with CPACR off", {0xEEB0, 0x0A40}, 0, NOCP, USAGEFAULT, 0, false},
    {"mrc p15", {0xEE10, 0x1F10}, 0, NOCP, USAGEFAULT, 0, true},
    {"ldr from nowhere", {0x6801}, NOWHERE, PRECISERR, BUSFAULT, 0, false},
    {"str to nowhere", {0x6001}, NOWHERE, PRECISERR, BUSFAULT, 0, false},
    {"ldrb after the RAM", {0x7801}, DATA + SRAM_BYTES, PRECISERR, BUSFAULT, 0, false},
    {"ldr r1, [r0], #4", {0xF850, 0x1B04}, NOWHERE, PRECISERR, BUSFAULT, 0, false},
    {"str r1, [r0, #4]!", {0xF840, 0x1F04}, NOWHERE - 4, PRECISERR, BUSFAULT, 0, false},
    {"ldm r0!, {r1, r2}", {0xC806}, NOWHERE, PRECISERR, BUSFAULT, 0, false},
};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };

static void prepare(struct test_core *r, const struct faulty *f)
{
    CODE(r, MAIN, f->code[0], f->code[1], 0xBF00);
    core_poke(r, CCR, f->ccr ? f->ccr : 0x200);
    core_poke(r, CPACR, f->fpu_on ? 0x00F00000 : 0);
    core_poke(r, CFSR, 0xFFFFFFFF);
    core_poke(r, HFSR, 0xFFFFFFFF);
    core_set(r, PC, MAIN);
    core_set(r, SP, MAIN_STACK);
    core_set(r, CONTROL, 0);
    for (unsigned i = 0; i < 13; i++) {
        core_set(r, i, SENTINEL + i);
    }
    core_set(r, 0, f->r0);
}

static void check_nothing_changed(struct test_core *r, const struct faulty *f)
{
    const uint32_t frame = core_reg(r, SP);
    assert_int_equal(core_word(r, frame + 0x18), MAIN); /* the faulting instruction itself */
    assert_int_equal(core_word(r, frame), f->r0);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(core_word(r, frame + 4 * i), SENTINEL + i);
    }
}

static void disabled_faults_become_hardfaults_that_tell_why(void **state)
{
    for (unsigned i = 0; i < N_FAULTS; i++) {
        struct test_core *r = *state;
        prepare(r, &faults[i]);
        core_step(r);
        if (core_ipsr(r) != HARDFAULT) {
            fail_msg("%s: exception %u", faults[i].what, core_ipsr(r));
        }
        check_nothing_changed(r, &faults[i]);
        assert_int_equal(core_peek(r, CFSR), faults[i].cfsr);
        assert_int_equal(core_peek(r, HFSR), HFSR_FORCED);
        core_step(r); /* back; the same again */
        assert_int_equal(core_reg(r, PC), MAIN);
    }
}

static void enabled_faults_reach_their_own_handlers(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    for (unsigned i = 0; i < N_FAULTS; i++) {
        prepare(r, &faults[i]);
        core_step(r);
        if (core_ipsr(r) != faults[i].exception) {
            fail_msg("%s: exception %u", faults[i].what, core_ipsr(r));
        }
        check_nothing_changed(r, &faults[i]);
        assert_int_equal(core_peek(r, CFSR), faults[i].cfsr);
        assert_int_equal(core_peek(r, HFSR), 0);
        core_step(r);
        assert_int_equal(core_ipsr(r), 0);
    }
}

static void a_repaired_fault_goes_on_where_it_was(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    CODE(r, MAIN, 0xE8F0, 0x1202 /* ldrd r1, r2, [r0], #8 */);
    core_set_word(r, DATA + 8, 111);
    core_set_word(r, DATA + 12, 222);
    core_set(r, 0, DATA + 6);
    core_step(r);
    assert_int_equal(core_ipsr(r), USAGEFAULT);
    core_set_word(r, core_reg(r, SP), DATA + 8); /* r0 in the frame */
    core_steps(r, 2);
    assert_int_equal(core_reg(r, 1), 111);
    assert_int_equal(core_reg(r, 2), 222);
    assert_int_equal(core_reg(r, 0), DATA + 16);
}

static void untrapped_division_by_zero_is_zero_and_unaligned_words_are_whole(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xFBB1, 0xF2F0 /* udiv r2, r1, r0 */, 0x6819 /* ldr r1, [r3] */,
         0x6059 /* str r1, [r3, #4] */);
    core_set(r, 0, 0);
    core_set(r, 1, 77);
    core_set(r, 2, 99);
    core_set(r, 3, DATA + 1);
    core_set_word(r, DATA, 0x44332211);
    core_set_word(r, DATA + 4, 0x88776655);
    core_steps(r, 3);
    assert_int_equal(core_reg(r, 2), 0);
    assert_int_equal(core_reg(r, 1), 0x55443322);
    assert_int_equal(core_word(r, DATA + 4), 0x44332255);
    assert_int_equal(core_word(r, DATA + 8), 0x00000055);
}

static void bus_faults_name_the_address(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xC806 /* ldm r0!, {r1, r2} */);
    core_set(r, 0, DATA + SRAM_BYTES - 4);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, BFAR), DATA + SRAM_BYTES);
    core_poke(r, CFSR, 0x8000);
    assert_int_equal(core_peek(r, CFSR), 0x0200); /* write one to clear */
}

static void even_targets_are_invstate_at_the_target(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0x4700 /* bx r0 */);
    core_set(r, 0, MAIN + 0x20);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, CFSR), INVSTATE);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN + 0x20);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x1C) & XPSR_T, 0);
}

static void code_is_fetched_only_from_where_code_can_be(void **state)
{
    static const struct {
        uint32_t addr;
        uint32_t cfsr;
    } places[] = {{DEVICE, IACCVIOL},
                  {NOWHERE, IACCVIOL},
                  {0xE000E000, IACCVIOL},
                  {0xA0000000, IACCVIOL},
                  {0xDFFFFFFC, IACCVIOL},
                  {0x60000000, IBUSERR},
                  {0x10000000, IBUSERR} /* CCM: data only */,
                  {CPU_FLASH_BASE + FLASH_BYTES, IBUSERR}};
    struct test_core *r = *state;
    CODE(r, MAIN, 0x4700 /* bx r0 */);
    core_poke(r, SHCSR, SHCSR_FAULTS);
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        core_poke(r, CFSR, 0xFFFFFFFF);
        core_set(r, PC, MAIN);
        core_set(r, SP, MAIN_STACK);
        core_set(r, 0, places[i].addr | 1);
        core_steps(r, 2);
        assert_int_equal(core_ipsr(r), places[i].cfsr == IACCVIOL ? MEMMANAGE : BUSFAULT);
        assert_int_equal(core_peek(r, CFSR), places[i].cfsr);
        assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), places[i].addr);
        core_set_word(r, core_reg(r, SP) + 0x18, MAIN);
        core_step(r);
        assert_int_equal(core_ipsr(r), 0);
    }
}

static void a_fault_of_too_low_priority_escalates(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    core_poke(r, SHPR1, 0x00800000); /* UsageFault 0x80 */
    core_enable(r, 5, 0x80);
    CODE(r, core_handler(IRQ0 + 5), 0xDE00);
    core_raise(r, 5);
    core_steps(r, 2);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, HFSR), HFSR_FORCED);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFF1);
}

static void a_fault_preempts_what_has_less_priority(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    core_poke(r, SHPR1, 0x00700000);
    core_enable(r, 5, 0x80);
    CODE(r, core_handler(IRQ0 + 5), 0xDE00);
    core_raise(r, 5);
    core_steps(r, 2);
    assert_int_equal(core_ipsr(r), USAGEFAULT);
    assert_int_equal(core_peek(r, SHCSR), SHCSR_FAULTS | 8); /* USGFAULTACT */
}

static void bad_exc_return_values_are_invpc_without_a_second_frame(void **state)
{
    static const uint32_t bad[] = {0xFFFFFFF0, 0xFFFFFFF3, 0xFFFFFFF5, 0xFFFFFFFB, 0xFFFFFFFF,
                                   0xF0000001, 0xFFFFFF01, 0xFFFFFFF1 /* no handler to go back to */};
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    core_enable(r, 5, 0x80);
    CODE(r, core_handler(IRQ0 + 5), 0x4700 /* bx r0 */);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        core_poke(r, CFSR, 0xFFFFFFFF);
        core_raise(r, 5);
        core_step(r);
        core_set(r, 0, bad[i]);
        core_step(r);
        assert_int_equal(core_ipsr(r), USAGEFAULT);
        assert_int_equal(core_peek(r, CFSR), INVPC);
        assert_int_equal(core_reg(r, LR), bad[i]);
        assert_int_equal(core_reg(r, SP), MAIN_STACK - 0x20);
        assert_int_equal(core_peek(r, NVIC_IABR), 0); /* the handler is over nevertheless */
        core_set(r, LR, 0xFFFFFFF9);                  /* and the frame is good for this */
        core_step(r);
        assert_int_equal(core_ipsr(r), 0);
        assert_int_equal(core_reg(r, SP), MAIN_STACK);
    }
}

static void a_nested_handler_may_not_return_to_thread_unless_allowed(void **state)
{
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        struct test_core *r = *state;
        core_poke(r, SHCSR, SHCSR_FAULTS);
        core_poke(r, CCR, 0x200 | allowed); /* NONBASETHRDENA */
        core_enable(r, 5, 0x80);
        core_enable(r, 6, 0x40);
        CODE(r, core_handler(IRQ0 + 6), 0x4700 /* bx r0 */);
        core_raise(r, 5);
        core_step(r);
        core_raise(r, 6);
        core_step(r);
        assert_int_equal(core_ipsr(r), IRQ0 + 6);
        core_set_word(r, core_reg(r, SP) + 0x1C, XPSR_T); /* the frame is one of a thread */
        core_set(r, 0, 0xFFFFFFF9);
        core_step(r);
        assert_int_equal(core_ipsr(r), allowed ? 0 : USAGEFAULT);
        if (allowed) {
            break;
        }
        core_close(state);
        core_open(state);
    }
}

static void a_frame_of_the_wrong_mode_is_invpc(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    core_enable(r, 5, 0x80);
    core_raise(r, 5);
    core_step(r);
    core_set_word(r, core_reg(r, SP) + 0x1C, XPSR_T | 20); /* a handler's xPSR on the way to the thread */
    core_step(r);
    assert_int_equal(core_ipsr(r), USAGEFAULT);
    assert_int_equal(core_peek(r, CFSR), INVPC);
}

static void a_stack_that_cannot_be_written_still_reaches_the_handler(void **state)
{
    struct test_core *r = *state;
    core_set(r, SP, NOWHERE);
    CODE(r, MAIN, 0xDF00 /* svc */);
    core_step(r);
    /* The SVC's frame failed; its derived fault is taken before the SVC's first instruction. */
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, CFSR) & STKERR, STKERR);
    assert_int_equal(core_peek(r, HFSR) & HFSR_FORCED, HFSR_FORCED);
    assert_int_equal(core_peek(r, ICSR) >> 12 & 0x3FF, 0); /* and does not pend itself again */
}

static void a_stack_that_cannot_be_read_faults_at_the_return(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    core_enable(r, 5, 0x80);
    core_raise(r, 5);
    core_step(r);
    core_set(r, SP, NOWHERE);
    core_step(r);
    assert_int_equal(core_ipsr(r), BUSFAULT);
    assert_int_equal(core_peek(r, CFSR), UNSTKERR);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFF9);
    assert_int_equal(core_reg(r, SP), NOWHERE);
}

static void a_vector_that_cannot_be_read_is_a_hardfault(void **state)
{
    struct test_core *r = *state;
    /* VTOR moves in steps of 512 bytes: the RAM ends inside a table only for a core that has little of it. */
    const struct cpu_bus none = {.ctx = r, .read = refuse_read, .write = refuse_write};
    struct cpu *small = cpu_create(&none, r->flash, FLASH_BYTES, r->sram, 1024 + 64, NULL, 0);
    struct cpu *whole = r->cpu;
    r->cpu = small;
    cpu_set_alias(small, r->flash, FLASH_BYTES);
    cpu_reset(small);
    core_set(r, SP, DATA + 512);
    core_enable(r, 5, 0);
    core_set_word(r, DATA + 1024 + 4 * HARDFAULT, core_handler(HARDFAULT) | 1);
    core_poke(r, VTOR, DATA + 1024);
    core_raise(r, 5);
    core_step(r);
    assert_int_equal(core_reg(r, PC), core_handler(HARDFAULT));
    assert_int_equal(core_peek(r, HFSR), 2); /* VECTTBL */
    cpu_destroy(small);
    r->cpu = whole;
}

static void without_any_vector_the_core_locks_up(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0);
    core_poke(r, VTOR, 0x30000000);
    core_raise(r, 5);
    assert_int_equal(core_step(r), CPU_STOP_LOCKUP);
    assert_int_equal(core_step(r), CPU_STOP_LOCKUP);
}

static void faults_in_hardfault_nmi_or_under_faultmask_lock_up(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xDE00);
    CODE(r, core_handler(HARDFAULT), 0xDE00);
    core_step(r);
    assert_int_equal(core_step(r), CPU_STOP_LOCKUP);
    core_close(state);
    core_open(state);
    r = *state;
    CODE(r, core_handler(NMI), 0xDF00 /* svc */);
    cpu_set_nmi(r->cpu);
    core_step(r);
    assert_int_equal(core_step(r), CPU_STOP_LOCKUP);
    core_close(state);
    core_open(state);
    r = *state;
    CODE(r, MAIN, 0xDE00);
    core_set(r, FAULTMASK, 1);
    assert_int_equal(core_step(r), CPU_STOP_LOCKUP);
    cpu_reset(r->cpu); /* the way out */
    CODE(r, MAIN, 0xBF00);
    assert_int_equal(core_step(r), CPU_STOP_LIMIT);
    assert_int_equal(core_reg(r, PC), MAIN + 2);
}

static void bfhfnmign_lets_a_hardfault_handler_probe(void **state)
{
    struct test_core *r = *state;
    core_poke(r, CCR, 0x300);
    CODE(r, MAIN, 0xDE00);
    CODE(r, core_handler(HARDFAULT), 0x6801 /* ldr r1, [r0] */, 0x6001 /* str r1, [r0] */, 0x4770);
    core_set(r, 0, NOWHERE);
    core_steps(r, 3);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_reg(r, PC), core_handler(HARDFAULT) + 4);
}

static void bkpt_without_a_debugger(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xBE00);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, HFSR), 0x80000000); /* DEBUGEVT */
    assert_int_equal(core_peek(r, DFSR), 2);          /* BKPT */
    core_step(r);
    core_poke(r, DEMCR, 1u << 16); /* MON_EN */
    core_step(r);
    assert_int_equal(core_ipsr(r), DEBUGMON);
    assert_int_equal(core_word(r, core_reg(r, SP) + 0x18), MAIN);
}

static void private_peripherals_are_closed_to_unprivileged_code(void **state)
{
    struct test_core *r = *state;
    core_poke(r, SHCSR, SHCSR_FAULTS);
    CODE(r, MAIN, 0x6801 /* ldr r1, [r0] */);
    core_set(r, 0, CPUID);
    core_set(r, CONTROL, 1);
    core_step(r);
    assert_int_equal(core_ipsr(r), BUSFAULT);
    assert_int_equal(core_peek(r, BFAR), CPUID);
}

static void sysresetreq_stops_the_run_and_reset_starts_anew(void **state)
{
    struct test_core *r = *state;
    core_enable(r, 5, 0x40);
    core_raise(r, 6);
    CODE(r, MAIN, 0x6001 /* str r1, [r0] */);
    core_set(r, 0, AIRCR);
    core_set(r, 1, 0x05FA0004);
    assert_int_equal(core_step(r), CPU_STOP_RESET);
    const uint64_t cycles = cpu_cycles(r->cpu);
    cpu_reset(r->cpu);
    assert_int_equal(cpu_cycles(r->cpu), cycles);
    assert_int_equal(core_reg(r, PC), MAIN);
    assert_int_equal(core_reg(r, SP), MAIN_STACK);
    assert_int_equal(core_reg(r, LR), 0xFFFFFFFF);
    assert_int_equal(core_reg(r, CONTROL), 0);
    CODE(r, MAIN, 0xBF00);
    assert_int_equal(core_peek(r, NVIC_ISER), 0);
    assert_int_equal(core_peek(r, NVIC_ISPR), 0);
    assert_int_equal(core_peek(r, VTOR), 0);
    assert_int_equal(core_peek(r, CCR), 0x200);
    assert_int_equal(core_peek(r, AIRCR), 0xFA050000);
}

static void aircr_without_its_key_is_ignored_and_told(void **state)
{
    struct test_core *r = *state;
    core_poke(r, AIRCR, 0x12340004);
    assert_int_equal(core_step(r), CPU_STOP_LIMIT);
    assert_non_null(strstr(r->violation, "AIRCR"));
}

static void an_unpredictable_form_is_told(void **state)
{
    struct test_core *r = *state;
    CODE(r, MAIN, 0xE8A0, 0x0001 /* stmia.w r0!, {r0}: one register, and the base */);
    core_step(r);
    assert_non_null(strstr(r->violation, "UNPREDICTABLE"));
    assert_int_equal(core_ipsr(r), HARDFAULT);
}

static void a_reset_vector_without_thumb_bit_faults(void **state)
{
    struct test_core *r = *state;
    core_set_word(r, CPU_FLASH_BASE + 4, MAIN);
    cpu_reset(r->cpu);
    core_step(r);
    assert_int_equal(core_ipsr(r), HARDFAULT);
    assert_int_equal(core_peek(r, CFSR), INVSTATE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, core_open, core_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(disabled_faults_become_hardfaults_that_tell_why),
        T(enabled_faults_reach_their_own_handlers),
        T(a_repaired_fault_goes_on_where_it_was),
        T(untrapped_division_by_zero_is_zero_and_unaligned_words_are_whole),
        T(bus_faults_name_the_address),
        T(even_targets_are_invstate_at_the_target),
        T(code_is_fetched_only_from_where_code_can_be),
        T(a_fault_of_too_low_priority_escalates),
        T(a_fault_preempts_what_has_less_priority),
        T(bad_exc_return_values_are_invpc_without_a_second_frame),
        T(a_nested_handler_may_not_return_to_thread_unless_allowed),
        T(a_frame_of_the_wrong_mode_is_invpc),
        T(a_stack_that_cannot_be_written_still_reaches_the_handler),
        T(a_stack_that_cannot_be_read_faults_at_the_return),
        T(a_vector_that_cannot_be_read_is_a_hardfault),
        T(without_any_vector_the_core_locks_up),
        T(faults_in_hardfault_nmi_or_under_faultmask_lock_up),
        T(bfhfnmign_lets_a_hardfault_handler_probe),
        T(bkpt_without_a_debugger),
        T(private_peripherals_are_closed_to_unprivileged_code),
        T(sysresetreq_stops_the_run_and_reset_starts_anew),
        T(aircr_without_its_key_is_ignored_and_told),
        T(an_unpredictable_form_is_told),
        T(a_reset_vector_without_thumb_bit_faults),
    };
    return cmocka_run_group_tests_name("core: faults", tests, NULL, NULL);
}
