/* Loops that wait for a steady register: skipped rounds leave nothing that tells them from executed ones. Each loop runs on two
 * cores, one of which knows that the register is steady (cpu.h). */
#include "test_core.h"

enum { LOOP_HALFWORDS = 12, COUNT = 3000, BUSY = 0x10000, DONE = 5 };

struct loop {
    const char *what;
    uint16_t code[LOOP_HALFWORDS];
    bool is_skipped;
};

/* r1: the device, r2: a counter, r3: another. All end in a branch to itself. */
static const struct loop loops[] = {
    /* ldr r1, =DEVICE; ldr r0, [r1, #12]; tst r0, #BUSY; beq out; subs r2, #1; bne back: the root's */
    {"the root waits for the flash",
     {0x4903, 0x68C8, 0xF410, 0x3F80, 0xD001, 0x3A01, 0xD1F8, 0xE7FE, 0x0000, 0x4000},
     true},
    {"ldr r0; cmp r0, #5; bne", {0x68C8, 0x2805, 0xD1FC, 0xE7FE}, true},
    {"adds r2, #1 in it", {0x68C8, 0x3201, 0x2805, 0xD1FB, 0xE7FE}, false},
    {"subs r2, #1 twice", {0x68C8, 0x3A01, 0x3A01, 0xD1FB, 0xE7FE}, false},
    {"bne to an adds r3, #1 outside",
     {0x68C8, 0x2805, 0xD101, 0xD1FB, 0xE001, 0x3301, 0xE7F8, 0xE7FE},
     false},
    {"the value is counted down", {0x68CA, 0x3A01, 0xD1FC, 0xE7FE}, false},
    {"cmp r2, #100: the counter is looked at", {0x68C8, 0x2A64, 0xD001, 0x3A01, 0xD1FA, 0xE7FE}, false},
    {"an IT block", {0x68C8, 0x2805, 0xBF08, 0x2301, 0xD1FA, 0xE7FE}, false},
};
enum { N_LOOPS = sizeof loops / sizeof loops[0] };

struct pair {
    struct test_core *plain;
    struct test_core *steady;
};

static int open_pair(void **state)
{
    static struct pair pair;
    void *plain = NULL;
    void *steady = NULL;
    const int failed = core_open(&plain) + core_open_steady(&steady);
    pair = (struct pair){plain, steady};
    *state = &pair;
    return failed;
}

static int close_pair(void **state)
{
    struct pair *pair = *state;
    void *plain = pair->plain;
    void *steady = pair->steady;
    return core_close(&plain) + core_close(&steady);
}

static void start(struct test_core *r, const struct loop *loop, uint32_t count)
{
    core_code(r, RAM_CODE, loop->code, LOOP_HALFWORDS);
    core_set(r, 1, DEVICE);
    core_set(r, 2, count);
    core_set(r, 3, 0);
    core_set(r, PC, RAM_CODE);
    core_set(r, XPSR, XPSR_T);
    r->device[3] = BUSY;
    r->device_reads = 0;
}

static void expect_same(const struct pair *p, const char *what, unsigned step)
{
    for (unsigned i = 0; i <= FPSCR; i++) {
        if (core_reg(p->plain, i) != core_reg(p->steady, i)) {
            fail_msg("%s, step %u: register %u is %u, skipped %u", what, step, i,
                     (unsigned)core_reg(p->plain, i), (unsigned)core_reg(p->steady, i));
        }
    }
    assert_int_equal(cpu_cycles(p->plain->cpu), cpu_cycles(p->steady->cpu));
    assert_int_equal(cpu_instructions(p->plain->cpu), cpu_instructions(p->steady->cpu));
    assert_memory_equal(p->plain->sram, p->steady->sram, SRAM_BYTES);
}

/* Runs of many lengths, in which the register is changed and changed back, and at last says that all is done. */
static void run_both(const struct pair *p, const struct loop *loop, uint32_t count)
{
    static const unsigned lengths[] = {1, 2, 3, 5, 8, 13, 40, 100, 1000, 1, 7, 3000, 9999, 2, 20000, 64};
    enum { N = sizeof lengths / sizeof lengths[0] };
    start(p->plain, loop, count);
    start(p->steady, loop, count);
    for (unsigned i = 0; i < 3 * N; i++) {
        const uint64_t limit = cpu_cycles(p->plain->cpu) + lengths[i % N];
        const uint32_t value = i > 2 * N ? DONE : i % 5 == 4 ? BUSY | 1 : BUSY;
        p->plain->device[3] = p->steady->device[3] = value;
        assert_int_equal(cpu_run(p->plain->cpu, limit), cpu_run(p->steady->cpu, limit));
        expect_same(p, loop->what, i);
    }
}

static void a_skipped_loop_leaves_what_an_executed_one_does(void **state)
{
    const struct pair *p = *state;
    for (unsigned i = 0; i < N_LOOPS; i++) {
        run_both(p, &loops[i], COUNT);
        /* Nothing would be shown if nothing were skipped. */
        if (loops[i].is_skipped) {
            assert_in_range(p->steady->device_reads, 1, p->plain->device_reads / 2);
        } else {
            assert_int_equal(p->steady->device_reads, p->plain->device_reads);
        }
    }
}

static void a_counter_may_begin_anywhere(void **state)
{
    static const uint32_t counts[] = {0, 1,   2,          3,          4,          5,
                                      6, 100, 0x7FFFFFFF, 0x80000000, 0x80000005, 0xFFFFFFFF};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        run_both(*state, &loops[0], counts[i]);
    }
}

static void interrupts_come_when_they_are_due(void **state)
{
    const struct pair *p = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct test_core *r = i ? p->steady : p->plain;
        core_poke(r, SYST_RVR, 996);
        core_poke(r, SYST_CVR, 0);
        core_poke(r, SYST_CSR, 7);
    }
    for (unsigned i = 0; i < N_LOOPS; i++) {
        run_both(p, &loops[i], COUNT);
    }
}

static void a_breakpoint_in_a_loop_stops_every_round(void **state)
{
    const struct pair *p = *state;
    start(p->steady, &loops[0], COUNT);
    for (unsigned i = 0; i < 20; i++) {
        core_run_to(p->steady, RAM_CODE + 10); /* subs */
        assert_int_equal(core_reg(p->steady, 2), COUNT - i);
        core_steps(p->steady, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_skipped_loop_leaves_what_an_executed_one_does, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_counter_may_begin_anywhere, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(interrupts_come_when_they_are_due, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_breakpoint_in_a_loop_stops_every_round, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
