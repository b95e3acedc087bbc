#include "test_core.h"

#include <stdio.h>
#include <stdlib.h>

enum { NOP = 0xBF00, BX_LR = 0x4770, STR_R1_R0 = 0x6001, LDR_R1_R0 = 0x6801, MAIN_NOPS = 256 };

static bool is_device(uint32_t addr)
{
    return addr - DEVICE < DEVICE_BYTES;
}

static bool bus_read(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    struct test_core *r = ctx;
    if (!is_device(addr)) {
        return false;
    }
    r->device_reads++;
    r->device_pc = cpu_reg(r->cpu, PC);
    *value = 0;
    memcpy(value, (const uint8_t *)r->device + (addr - DEVICE), n_bytes);
    return true;
}

static bool bus_write(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    struct test_core *r = ctx;
    if (!is_device(addr)) {
        return false;
    }
    r->device_writes++;
    r->device_pc = cpu_reg(r->cpu, PC);
    memcpy((uint8_t *)r->device + (addr - DEVICE), &value, n_bytes);
    if (r->stop_on_write) {
        cpu_request_stop(r->cpu);
    }
    return true;
}

static bool wait_flash(void *ctx)
{
    struct test_core *r = ctx;
    r->waits++;
    cpu_set_cycles(r->cpu, cpu_cycles(r->cpu) + r->wait_cycles);
    if (r->wait_opens) {
        cpu_flash_open(r->cpu, true);
    }
    return r->wait_opens;
}

static void flash_load(void *ctx, uint32_t addr, unsigned n_bytes)
{
    (void)addr;
    (void)n_bytes;
    ((struct test_core *)ctx)->flash_loads++;
}

static void on_violation(void *ctx, const char *text)
{
    struct test_core *r = ctx;
    (void)snprintf(r->violation, sizeof r->violation, "%s", text);
}

uint32_t core_handler(unsigned exception)
{
    return HANDLERS + HANDLER_BYTES * exception;
}

static uint8_t *memory(struct test_core *r, uint32_t addr)
{
    return addr - CPU_FLASH_BASE < FLASH_BYTES ? r->flash + (addr - CPU_FLASH_BASE)
           : addr - CPU_SRAM_BASE < SRAM_BYTES ? r->sram + (addr - CPU_SRAM_BASE)
                                               : r->ccm + (addr - CPU_CCM_BASE) % CCM_BYTES;
}

void core_code(struct test_core *r, uint32_t addr, const uint16_t *halfwords, size_t n)
{
    memcpy(memory(r, addr), halfwords, 2 * n);
    cpu_code_changed(r->cpu, addr, 2 * n);
}

void core_set_word(struct test_core *r, uint32_t addr, uint32_t value)
{
    memcpy(memory(r, addr), &value, sizeof value);
}

uint32_t core_word(const struct test_core *r, uint32_t addr)
{
    uint32_t value;
    memcpy(&value, memory((struct test_core *)(uintptr_t)r, addr), sizeof value);
    return value;
}

static void write_program(struct test_core *r)
{
    core_set_word(r, CPU_FLASH_BASE, MAIN_STACK);
    core_set_word(r, CPU_FLASH_BASE + 4, MAIN | 1);
    for (unsigned e = 2; e < EXCEPTIONS; e++) {
        core_set_word(r, CPU_FLASH_BASE + 4 * e, core_handler(e) | 1);
        CODE(r, core_handler(e), BX_LR);
    }
    for (unsigned i = 0; i < MAIN_NOPS; i++) {
        CODE(r, MAIN + 2 * i, NOP);
    }
    CODE(r, MAIN + 2 * MAIN_NOPS, 0xE6FE /* b MAIN */);
    CODE(r, ASIDE, STR_R1_R0, LDR_R1_R0);
}

int core_open(void **state)
{
    struct test_core *r = calloc(1, sizeof *r);
    if (!r) {
        return -1;
    }
    const struct cpu_bus bus = {
        .ctx = r, .read = bus_read, .write = bus_write, .wait_flash = wait_flash, .flash_load = flash_load};
    r->cpu = cpu_create(&bus, r->flash, FLASH_BYTES, r->sram, SRAM_BYTES, r->ccm, CCM_BYTES);
    cpu_on_violation(r->cpu, on_violation, r);
    write_program(r);
    cpu_set_alias(r->cpu, r->flash, FLASH_BYTES);
    cpu_reset(r->cpu);
    /* What start-up code does: the alias is for the reset vector only. */
    core_poke(r, VTOR, CPU_FLASH_BASE);
    *state = r;
    return 0;
}

int core_close(void **state)
{
    struct test_core *r = *state;
    cpu_destroy(r->cpu);
    free(r);
    return 0;
}

enum cpu_stop core_step(struct test_core *r)
{
    return cpu_run(r->cpu, cpu_cycles(r->cpu) + 1);
}

void core_steps(struct test_core *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(core_step(r), CPU_STOP_LIMIT);
    }
}

void core_run_to(struct test_core *r, uint32_t addr)
{
    cpu_set_breakpoint(r->cpu, addr);
    assert_int_equal(cpu_run(r->cpu, cpu_cycles(r->cpu) + 100000), CPU_STOP_BREAKPOINT);
    cpu_set_breakpoint(r->cpu, 0);
}

const char *core_trace(struct test_core *r, unsigned n)
{
    static char text[256];
    unsigned last = core_ipsr(r);
    int length = snprintf(text, sizeof text, "%u", last);
    for (unsigned i = 0; i < n; i++) {
        (void)core_step(r);
        if (core_ipsr(r) != last && length < 240) {
            last = core_ipsr(r);
            length += snprintf(text + length, sizeof text - (size_t)length, " %u", last);
        }
    }
    return text;
}

/* Execute one of the instructions at ASIDE with r0, r1. @return r1 */
static uint32_t aside(struct test_core *r, uint32_t pc, uint32_t r0, uint32_t r1)
{
    static const uint8_t saved_regs[] = {0, 1, PC, PRIMASK};
    uint32_t saved[sizeof saved_regs];
    for (unsigned i = 0; i < sizeof saved_regs; i++) {
        saved[i] = core_reg(r, saved_regs[i]);
    }
    core_set(r, 0, r0);
    core_set(r, 1, r1);
    core_set(r, PC, pc);
    core_set(r, PRIMASK, 1);
    (void)core_step(r);
    assert_int_equal(core_reg(r, PC), pc + 2); /* else it faulted */
    const uint32_t result = core_reg(r, 1);
    for (unsigned i = 0; i < sizeof saved_regs; i++) {
        core_set(r, saved_regs[i], saved[i]);
    }
    return result;
}

void core_poke(struct test_core *r, uint32_t addr, uint32_t value)
{
    (void)aside(r, ASIDE, addr, value);
}

uint32_t core_peek(struct test_core *r, uint32_t addr)
{
    return aside(r, ASIDE + 2, addr, 0);
}

uint32_t core_reg(const struct test_core *r, unsigned n)
{
    return cpu_reg(r->cpu, n);
}

void core_set(struct test_core *r, unsigned n, uint32_t value)
{
    cpu_set_reg(r->cpu, n, value);
}

unsigned core_ipsr(const struct test_core *r)
{
    return cpu_reg(r->cpu, XPSR) & 0x1FF;
}

void core_enable(struct test_core *r, unsigned irq, unsigned priority)
{
    const uint32_t ipr = NVIC_IPR + (irq & ~3u);
    const unsigned shift = 8 * (irq & 3);
    core_poke(r, ipr, (core_peek(r, ipr) & ~(0xFFu << shift)) | priority << shift);
    core_poke(r, NVIC_ISER + irq / 32 * 4, 1u << irq % 32);
}

void core_raise(struct test_core *r, unsigned irq)
{
    cpu_set_irq(r->cpu, irq, true);
    cpu_set_irq(r->cpu, irq, false);
}

void core_enable_fpu(struct test_core *r)
{
    core_poke(r, CPACR, 0x00F00000);
}
