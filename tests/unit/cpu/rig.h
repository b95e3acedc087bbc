/**
 * A core with small memories and a simple device, driven from outside: registers are set and read through
 * cpu_reg, system registers through a guest's STR and LDR (rig_poke, rig_peek), instructions come as
 * halfwords.
 *
 * Every exception's vector points at a handler of its own that is one BX LR, so that the PC and IPSR tell
 * which one runs. The main program is a field of NOPs that ends in a branch back to its start.
 */
#ifndef RIG_H
#define RIG_H

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
    ASIDE = 0x0800F000, /* rig_poke and rig_peek execute here */
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

struct rig {
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

/** cmocka's set-up and tear-down: *state is a struct rig after cpu_reset. */
int rig_open(void **state);
/** The same, and the device's word DEVICE + 12 is a steady register (cpu.h). */
int rig_open_steady(void **state);
int rig_close(void **state);

void rig_code(struct rig *r, uint32_t addr, const uint16_t *halfwords, size_t n);
/** Write code; the core forgets what stood there. */
#define CODE(r, addr, ...)                                                                                   \
    rig_code(r, addr, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / 2)

uint32_t rig_handler(unsigned exception);
void rig_set_word(struct rig *r, uint32_t addr, uint32_t value);
uint32_t rig_word(const struct rig *r, uint32_t addr);

/** One instruction or one exception entry. */
enum cpu_stop rig_step(struct rig *r);
void rig_steps(struct rig *r, unsigned n);
/** Run to the instruction at `addr`; fails when it is not reached within 100,000 cycles. */
void rig_run_to(struct rig *r, uint32_t addr);
/** Exception numbers in the order in which the next `n` steps run them: "0 21 14 0". */
const char *rig_trace(struct rig *r, unsigned n);

/** A guest's word store or load, beside what the guest does; interrupts are masked meanwhile. */
void rig_poke(struct rig *r, uint32_t addr, uint32_t value);
uint32_t rig_peek(struct rig *r, uint32_t addr);

uint32_t rig_reg(const struct rig *r, unsigned n);
void rig_set(struct rig *r, unsigned n, uint32_t value);
unsigned rig_ipsr(const struct rig *r);
/** Enable an interrupt and give it a priority (0x00..0xF0). */
void rig_enable(struct rig *r, unsigned irq, unsigned priority);
/** A pulse on the line. */
void rig_raise(struct rig *r, unsigned irq);
/** CPACR: full access. */
void rig_enable_fpu(struct rig *r);

#endif
