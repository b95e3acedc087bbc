/**
 * A core with small memories and a simple device, driven from outside: registers are set and read through
 * cpu_reg, system registers through a guest's STR and LDR (core_poke, core_peek), instructions come as
 * halfwords.
 *
 * Every exception's vector points at a handler of its own that is one BX LR, so that the PC and IPSR tell
 * which one runs. The main program is a field of NOPs that ends in a branch back to its start.
 */
#ifndef TEST_CORE_H
#define TEST_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"

enum {
    FLASH_BYTES = 64 * 1024,
    SRAM_BYTES = 64 * 1024,
    CCM_BYTES = 4 * 1024,
    MAIN = 0x08000400,     /* reset vector */
    HANDLERS = 0x08001000, /* HANDLER_BYTES for each exception */
    HANDLER_BYTES = 16,
    ASIDE = 0x0800F000, /* core_poke and core_peek execute here */
    DATA = 0x20000000,
    RAM_VECTORS = 0x20000400,
    RAM_CODE = 0x20001000,
    PROCESS_STACK = 0x20008000,
    MAIN_STACK = 0x2000C000,
    DEVICE = 0x40000000, /* DEVICE_BYTES of plain registers */
    DEVICE_BYTES = 64,
    NOWHERE = 0x48000000 /* bus errors */
};

/* cpu_reg numbers */
enum { SP = 13, LR = 14, PC = 15, XPSR = 16, MSP, PSP, PRIMASK, BASEPRI, FAULTMASK, CONTROL, FPSCR, S0 = 32 };

enum { HARDFAULT = 3, MEMMANAGE = 4, BUSFAULT = 5, USAGEFAULT = 6, SVCALL = 11, DEBUGMON = 12 };
enum { NMI = 2, PENDSV = 14, SYSTICK = 15, IRQ0 = 16, EXCEPTIONS = IRQ0 + CPU_IRQS };

#define XPSR_T 0x01000000u

/* System control space */
#define SCS        0xE000E000u
#define SYST_CSR   (SCS + 0x010)
#define SYST_RVR   (SCS + 0x014)
#define SYST_CVR   (SCS + 0x018)
#define SYST_CALIB (SCS + 0x01C)
#define NVIC_ISER  (SCS + 0x100)
#define NVIC_ICER  (SCS + 0x180)
#define NVIC_ISPR  (SCS + 0x200)
#define NVIC_ICPR  (SCS + 0x280)
#define NVIC_IABR  (SCS + 0x300)
#define NVIC_IPR   (SCS + 0x400)
#define CPUID      (SCS + 0xD00)
#define ICSR       (SCS + 0xD04)
#define VTOR       (SCS + 0xD08)
#define AIRCR      (SCS + 0xD0C)
#define SCR        (SCS + 0xD10)
#define CCR        (SCS + 0xD14)
#define SHPR1      (SCS + 0xD18)
#define SHPR2      (SCS + 0xD1C)
#define SHPR3      (SCS + 0xD20)
#define SHCSR      (SCS + 0xD24)
#define CFSR       (SCS + 0xD28)
#define HFSR       (SCS + 0xD2C)
#define DFSR       (SCS + 0xD30)
#define MMFAR      (SCS + 0xD34)
#define BFAR       (SCS + 0xD38)
#define CPACR      (SCS + 0xD88)
#define MPU_TYPE   (SCS + 0xD90)
#define MPU_CTRL   (SCS + 0xD94)
#define MPU_RNR    (SCS + 0xD98)
#define MPU_RBAR   (SCS + 0xD9C)
#define MPU_RASR   (SCS + 0xDA0)
#define DEMCR      (SCS + 0xDFC)
#define STIR       (SCS + 0xF00)
#define DWT_CTRL   0xE0001000u
#define DWT_CYCCNT 0xE0001004u

#define SHCSR_FAULTS 0x00070000u
#define HFSR_FORCED  0x40000000u

struct test_core {
    struct cpu *cpu;
    uint8_t flash[FLASH_BYTES];
    uint8_t sram[SRAM_BYTES];
    uint8_t ccm[CCM_BYTES];
    uint32_t device[DEVICE_BYTES / 4];
    unsigned device_reads;
    unsigned device_writes;
    uint32_t device_pc; /* of the last access */
    bool stop_on_write;
    /* What wait_flash does: let this many cycles pass, then open the flash or give up. */
    uint64_t wait_cycles;
    bool wait_opens;
    unsigned waits;
    unsigned flash_loads;
    char violation[128];
};

/** cmocka's set-up and tear-down: *state is a struct test_core after cpu_reset. */
int core_open(void **state);
int core_close(void **state);

void core_code(struct test_core *r, uint32_t addr, const uint16_t *halfwords, size_t n);
/** Write code; the core forgets what stood there. */
#define CODE(r, addr, ...)                                                                                   \
    core_code(r, addr, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

uint32_t core_handler(unsigned exception);
void core_set_word(struct test_core *r, uint32_t addr, uint32_t value);
uint32_t core_word(const struct test_core *r, uint32_t addr);

/** One instruction or one exception entry. */
enum cpu_stop core_step(struct test_core *r);
void core_steps(struct test_core *r, unsigned n);
/** Run to the instruction at `addr`; fails when it is not reached within 100,000 cycles. */
void core_run_to(struct test_core *r, uint32_t addr);
/** Exception numbers in the order in which the next `n` steps run them: "0 21 14 0". */
const char *core_trace(struct test_core *r, unsigned n);

/** A guest's word store or load, beside what the guest does; interrupts are masked meanwhile. */
void core_poke(struct test_core *r, uint32_t addr, uint32_t value);
uint32_t core_peek(struct test_core *r, uint32_t addr);

uint32_t core_reg(const struct test_core *r, unsigned n);
void core_set(struct test_core *r, unsigned n, uint32_t value);
unsigned core_ipsr(const struct test_core *r);
/** Enable an interrupt and give it a priority (0x00..0xF0). */
void core_enable(struct test_core *r, unsigned irq, unsigned priority);
/** A pulse on the line. */
void core_raise(struct test_core *r, unsigned irq);
/** CPACR: full access. */
void core_enable_fpu(struct test_core *r);

#endif
