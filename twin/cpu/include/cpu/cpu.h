/**
 * ARMv7E-M core (Cortex-M4F): instructions, exceptions, NVIC, SysTick, SCB, FPU, DWT cycle counter, bit-band.
 *
 * The core knows memory as four plain arrays (flash, SRAM, CCM, and the alias at 0) and hands every other
 * address to the bus. It counts cycles; the board turns cycles into time. Interrupts are taken at any
 * instruction boundary; the PC seen by a bus access or a fault is exact. Instruction and exception semantics:
 * ARMv7-M ARM (DDI 0403E), PM0214.
 *
 * Cycle counts are an estimate (1 per instruction, 1 more per data access, 2 per taken branch, 2..12 per
 * divide, 12 per exception entry, 10 per exit): good to about 30 %. No test may depend on them.
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CPU_IRQS = 82, /* RM0090 table 62 */
    CPU_FLASH_BASE = 0x08000000,
    CPU_SRAM_BASE = 0x20000000,
    CPU_CCM_BASE = 0x10000000
};

/** Why cpu_run came back. */
enum cpu_stop {
    CPU_STOP_LIMIT,      /* cycles reached `limit` */
    CPU_STOP_SLEEP,      /* WFI/WFE and nothing pending; cycles may be moved on by the caller */
    CPU_STOP_REQUEST,    /* cpu_stop() was called from a bus callback */
    CPU_STOP_RESET,      /* AIRCR.SYSRESETREQ was written */
    CPU_STOP_BREAKPOINT, /* about to execute the instruction at the breakpoint */
    CPU_STOP_LOCKUP      /* fault while in HardFault or NMI */
};

/** What the core asks of the rest of the chip. All are called with `cycles` and r15 exact. */
struct cpu_bus {
    void *ctx;
    /**
     * Read 1, 2 or 4 bytes outside flash/SRAM/CCM/PPB.
     * @return false: bus error (precise BusFault)
     */
    bool (*read)(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value);
    /**
     * Write; also called for stores to the flash range.
     * @return false: bus error
     */
    bool (*write)(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value);
    /**
     * A fetch or load hit the flash while it is closed (cpu_flash_open(false)): let time pass until it is
     * free. The callback moves `cpu->cycles` on and handles every event on the way. While it lasts the core
     * takes no interrupt.
     * @return false: the run ends inside the stall (time is up, reset, power loss). Leave cpu_run with
     *         CPU_STOP_REQUEST as if the instruction, or the exception entry whose vector was wanted, had not
     *         begun: no register, stack or memory changed; the next cpu_run starts it again and calls
     *         wait_flash again.
     */
    bool (*wait_flash)(void *ctx);
    /** A load from flash, told beforehand, while cpu_watch_flash stands; may be NULL. */
    void (*flash_load)(void *ctx, uint32_t addr, unsigned n_bytes);
    /**
     * A register whose value changes only by events (the `limit` of cpu_run) and by writes, and that a read does not change; 0: none.
     * A loop that only waits for it is not executed round by round: the state is the same, the host's time is saved.
     */
    uint32_t steady;
};

struct cpu; /* one object; see cpu_create */

/**
 * @param flash 1 MB,
 * @param sram 128 KB,
 * @param ccm 64 KB: owned by the caller, live as long as the core
 */
struct cpu *cpu_create(const struct cpu_bus *bus, uint8_t *flash, size_t flash_bytes, uint8_t *sram,
                       size_t sram_bytes, uint8_t *ccm, size_t ccm_bytes);
void cpu_destroy(struct cpu *cpu);

/** Reset the core: registers, NVIC, SCB, SysTick; then load MSP and PC from address 0 (the alias, see
 * cpu_set_alias). `cycles` goes on counting. */
void cpu_reset(struct cpu *cpu);

/**
 * What stands at address 0: `bytes` may be flash, SRAM or another array (system memory); NULL: bus errors.
 */
void cpu_set_alias(struct cpu *cpu, const uint8_t *bytes, size_t n_bytes);

/** Run until `limit` cycles or another reason. */
enum cpu_stop cpu_run(struct cpu *cpu, uint64_t limit);
/** Ask cpu_run to come back after the current instruction. For use inside bus callbacks. */
void cpu_request_stop(struct cpu *cpu);
/** Lower the limit of the cpu_run under way (an event was scheduled earlier). Never raises it. */
void cpu_limit_at_most(struct cpu *cpu, uint64_t limit);

/** Cycles since creation; resets do not touch them. */
uint64_t cpu_cycles(const struct cpu *cpu);
/** Move on, never back: sleep, flash stall. */
void cpu_set_cycles(struct cpu *cpu, uint64_t cycles);
uint64_t cpu_instructions(const struct cpu *cpu);
/** Absolute cycle of the next SysTick exception, UINT64_MAX if none: the board must not sleep past it. */
uint64_t cpu_next_systick(const struct cpu *cpu);

/** Level of an interrupt line; rising makes it pending, level-held lines pend again after the handler
 * returns. */
void cpu_set_irq(struct cpu *cpu, unsigned irq, bool level);
void cpu_set_nmi(struct cpu *cpu);
/** Event input (EXTI event mode), wakes WFE. */
void cpu_send_event(struct cpu *cpu);

/** Flash open for reads, or closed because it is busy (then fetches and loads call wait_flash). */
void cpu_flash_open(struct cpu *cpu, bool open);
/** Tell the bus of each load from flash (not of fetches), or no longer. Slows loads down: for the moments
 * when something depends on them, as stale lines in the data cache do. Not part of the state. */
void cpu_watch_flash(struct cpu *cpu, bool on);
/**
 * Bytes changed without a store of the core (DMA, flash programming, factory loading): drop decoded instructions.
 */
void cpu_code_changed(struct cpu *cpu, uint32_t addr, size_t n_bytes);

/** Stop before the instruction at `addr`; 0 removes it. */
void cpu_set_breakpoint(struct cpu *cpu, uint32_t addr);

/** r0..r15; 16 = xPSR, 17 = MSP, 18 = PSP, 19 = PRIMASK, 20 = BASEPRI, 21 = FAULTMASK, 22 = CONTROL, 23 =
 * FPSCR, 32..63 = s0..s31. For debuggers and tests. */
uint32_t cpu_reg(const struct cpu *cpu, unsigned n);
void cpu_set_reg(struct cpu *cpu, unsigned n, uint32_t value);

/** State that a snapshot must hold: one plain block without pointers. The decode cache is not part of it. */
void *cpu_state(struct cpu *cpu, size_t *n_bytes);
/** After a snapshot was copied into cpu_state: forget decoded code in the ranges that changed. */
void cpu_state_restored(struct cpu *cpu);

/** Guest errors that the core itself sees (UNPREDICTABLE forms, reserved SCB bits): called with a text, may
 * be NULL. */
void cpu_on_violation(struct cpu *cpu, void (*fn)(void *ctx, const char *text), void *ctx);

#endif
