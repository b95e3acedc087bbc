/**
 * Inside of struct cpu; for the files of twin/cpu only.
 *
 * An instruction is decoded once into a struct op and executed by calling
 * op->fn. A handler gets the address of the following instruction and returns
 * the address to go on at; it returns c->s.r[15], its own address, when it
 * could not complete (fault, or a flash stall that ends the run), and has then
 * changed nothing.
 */
#ifndef CPU_CORE_H
#define CPU_CORE_H

#include <string.h>

#include "cpu/cpu.h"

enum { REG_SP = 13, REG_LR = 14, REG_PC = 15, REG_ZERO = 16, CORE_REGS = 17 };

enum {
    EXC_NMI = 2,
    EXC_HARD = 3,
    EXC_MEM = 4,
    EXC_BUS = 5,
    EXC_USAGE = 6,
    EXC_SVC = 11,
    EXC_DEBUG = 12,
    EXC_PENDSV = 14,
    EXC_SYSTICK = 15,
    EXC_IRQ0 = 16,
    EXC_COUNT = EXC_IRQ0 + CPU_IRQS
};

enum { IRQ_WORDS = 3, MPU_REGIONS = 8, CODE_PAGE_SHIFT = 10, PRIORITY_NONE = 256 };

/* CFSR (ARMv7-M ARM B3.2.15) */
enum {
    CFSR_IACCVIOL = 1u << 0,
    CFSR_DACCVIOL = 1u << 1,
    CFSR_MUNSTKERR = 1u << 3,
    CFSR_MSTKERR = 1u << 4,
    CFSR_MMARVALID = 1u << 7,
    CFSR_IBUSERR = 1u << 8,
    CFSR_PRECISERR = 1u << 9,
    CFSR_UNSTKERR = 1u << 11,
    CFSR_STKERR = 1u << 12,
    CFSR_BFARVALID = 1u << 15,
    CFSR_UNDEFINSTR = 1u << 16,
    CFSR_INVSTATE = 1u << 17,
    CFSR_INVPC = 1u << 18,
    CFSR_NOCP = 1u << 19,
    CFSR_UNALIGNED = 1u << 24,
    CFSR_DIVBYZERO = 1u << 25
};

enum { HFSR_VECTTBL = 1u << 1, HFSR_FORCED = 1u << 30 };
#define HFSR_DEBUGEVT 0x80000000u

enum {
    CCR_NONBASETHRDENA = 1u << 0,
    CCR_USERSETMPEND = 1u << 1,
    CCR_UNALIGN_TRP = 1u << 3,
    CCR_DIV_0_TRP = 1u << 4,
    CCR_BFHFNMIGN = 1u << 8,
    CCR_STKALIGN = 1u << 9
};

enum { CONTROL_NPRIV = 1, CONTROL_SPSEL = 2, CONTROL_FPCA = 4 };
enum { SCR_SLEEPONEXIT = 2, SCR_SEVONPEND = 16 };
enum { SLEEP_NONE, SLEEP_WFI, SLEEP_WFE };

struct op;
typedef uint32_t op_fn(struct cpu *c, const struct op *op, uint32_t next);

/** One decoded instruction; fn == NULL: not decoded. What imm, d, n, m mean is
 * up to the handler. */
struct op {
    op_fn *fn;
    uint32_t imm;
    uint8_t d;
    uint8_t n;
    uint8_t m;
    uint8_t x; /* OP_ bits */
};

enum {
    OP_S = 0x01,     /* sets flags */
    OP_16BIT = 0x02, /* OP_16BIT and OP_32BIT are also the length in bytes */
    OP_32BIT = 0x04,
    OP_LENGTH = 0x06,
    OP_CARRY = 0x08, /* logical immediate: carry becomes bit 31 of imm */
    OP_S_NOT_IN_IT = 0x10,
    OP_POST = 0x20, /* the address is the base itself; the base moves afterwards */
    OP_WRITEBACK = 0x40,
    OP_ALT = 0x80 /* variant bit of the handler: rounding, exchange, high half,
                     64-bit... */
};

enum { SHIFT_LSL, SHIFT_LSR, SHIFT_ASR, SHIFT_ROR, SHIFT_RRX };

struct systick {
    uint32_t csr;
    uint32_t rvr;
    uint32_t cvr; /* while stopped */
    uint32_t reserved;
    uint64_t next_zero; /* while running: absolute cycle of the next 1 -> 0 */
};

struct mpu {
    uint32_t ctrl;
    uint32_t rnr;
    uint32_t rbar[MPU_REGIONS];
    uint32_t rasr[MPU_REGIONS];
};

/** Everything that a snapshot holds. Plain data, no pointers. */
struct core_state {
    uint32_t r[CORE_REGS]; /* r[REG_ZERO] is always 0: base of literal loads */
    uint32_t nf;           /* bit 31 is N */
    uint32_t zf;           /* 0 if and only if Z is set */
    uint32_t cf;           /* 0, 1 */
    uint32_t vf;           /* 0, 1 */
    uint32_t qf;           /* 0, 1 */
    uint32_t ge;           /* 4 bits */
    uint32_t it;           /* ITSTATE */
    uint32_t ipsr;
    uint64_t cycles;
    uint64_t instructions;
    uint32_t banked_sp; /* of MSP and PSP the one that r[13] is not */
    uint32_t primask;
    uint32_t basepri;
    uint32_t faultmask;
    uint32_t control;
    uint32_t fpscr;
    uint32_t fp[32];

    uint32_t sync;       /* exception that the last instruction raised, 0: none */
    uint32_t exc_return; /* EXC_RETURN value on its way, 0: none */
    uint32_t excl_addr;
    bool excl;
    bool thumb;
    bool event;
    bool lockup;
    bool reset_request;
    bool flash_open;
    uint8_t sleep; /* SLEEP_ */
    uint8_t reserved[1];

    uint32_t sys_pending; /* bit n: exception n */
    uint32_t sys_active;
    uint32_t irq_enabled[IRQ_WORDS];
    uint32_t irq_pending[IRQ_WORDS];
    uint32_t irq_active[IRQ_WORDS];
    uint32_t irq_level[IRQ_WORDS];
    uint8_t priority[EXC_IRQ0 + 32 * IRQ_WORDS];

    uint32_t vtor;
    uint32_t prigroup;
    uint32_t scr;
    uint32_t ccr;
    uint32_t shcsr; /* enable bits 16..18 */
    uint32_t cfsr;
    uint32_t hfsr;
    uint32_t dfsr;
    uint32_t mmfar;
    uint32_t bfar;
    uint32_t cpacr;
    uint32_t actlr;
    uint32_t demcr;
    uint32_t fpccr;
    uint32_t fpcar;
    uint32_t fpdscr;
    uint32_t dwt_ctrl;
    uint32_t cyccnt; /* value minus (uint32_t)cycles while it runs, else the value */
    struct systick systick;
    struct mpu mpu;
};

/** A range that instructions can be fetched from. */
struct code_region {
    const uint8_t *bytes;
    struct op *ops; /* one per halfword, lazily touched */
    uint32_t base;
    uint32_t n_bytes;
    size_t n_ops;
};

/** The last read of the steady register, and the distance to the one before (poll.c). */
struct poll {
    uint32_t pc;
    uint32_t value;
    uint64_t cycles;
    uint64_t instructions;
    uint64_t round_cycles;
    uint64_t round_ops;
};

struct cpu {
    struct core_state s;

    /* The run under way. `deadline` is 0 when something wants to be looked at
     * before the next instruction. */
    uint64_t deadline;
    uint64_t limit;
    bool stop_request;
    bool restart;       /* the last instruction is to be undone: a flash stall ended the
                           run */
    bool flash_watched; /* loads from flash are told to the bus */
    bool unprivileged_access;
    uint32_t breakpoint; /* odd: none */

    /* Derived from the state (core_refresh): how far the fast paths may reach; 0
     * when each access is checked. */
    uint32_t sram_fast;
    uint32_t flash_fast;
    uint32_t sram_fetch;
    uint32_t flash_fetch;

    uint8_t *sram;
    uint8_t *flash;
    uint8_t *ccm;
    uint32_t sram_bytes;
    uint32_t flash_bytes;
    uint32_t ccm_bytes;
    struct code_region flash_code;
    struct code_region sram_code;
    struct code_region alias_code; /* bytes NULL: nothing at address 0 */
    uint8_t *sram_has_code;        /* per page of 1 << CODE_PAGE_SHIFT bytes */

    struct poll poll;
    /* poll_seen: memory.c calls it, and poll.c stands above memory.c. */
    void (*steady_seen)(struct cpu *c, uint32_t value);
    struct cpu_bus bus;
    void (*violation)(void *ctx, const char *text);
    void *violation_ctx;
};

/* --- core.c ---------------------------------------------------------------------------------------- */

/** Look at interrupts, stops and faults before the next instruction. */
static inline void core_attention(struct cpu *c)
{
    c->deadline = 0;
}

/** What a handler returns that could not complete. */
static inline uint32_t core_aborted(const struct cpu *c)
{
    return c->s.r[REG_PC];
}

/** Bring the derived fields in line with the state. */
void core_refresh(struct cpu *c);
void core_violation(struct cpu *c, const char *text);

/* --- decode.c ---------------------------------------------------------------------------------------- */

/** Decode the instruction at `pc`; `hw2` counts only for 32-bit encodings. */
void decode_op(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op);
static inline bool decode_is_32bit(uint32_t hw1)
{
    return hw1 >= 0xE800;
}

/* --- memory.c ---------------------------------------------------------------------------------------- */

/**
 * Wait while the flash is busy.
 * @return false: the run ends, the access has not happened
 */
bool mem_flash_ready(struct cpu *c);
/** Device memory and the system region of the default map (B3.1): no unaligned access, no execution. */
bool mem_is_device(uint32_t addr);
static inline bool mem_alias_is_flash(const struct cpu *c)
{
    return c->alias_code.bytes == c->flash;
}

bool mem_load_slow(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool mem_store_slow(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value);
void mem_code_written(struct cpu *c, uint32_t addr, uint32_t n_bytes);

enum mem_result { MEM_OK, MEM_ERROR, MEM_PROTECTED, MEM_RESTART };
/** Accesses of the exception machinery: no fault is raised, the caller judges.
 * Aligned words only. */
enum mem_result mem_read_word(struct cpu *c, uint32_t addr, bool is_vector, uint32_t *value);
enum mem_result mem_write_word(struct cpu *c, uint32_t addr, uint32_t value);

static inline bool mem_load(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    uint32_t off = addr - CPU_SRAM_BASE;
    const uint8_t *p;
    if (off < c->sram_fast) {
        p = c->sram + off;
    } else {
        off = addr - CPU_FLASH_BASE;
        if (off >= c->flash_fast) {
            return mem_load_slow(c, addr, n_bytes, value);
        }
        p = c->flash + off;
    }
    uint32_t v = 0;
    memcpy(&v, p, n_bytes);
    *value = v;
    return true;
}

static inline bool mem_store(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    const uint32_t off = addr - CPU_SRAM_BASE;
    if (off >= c->sram_fast) {
        return mem_store_slow(c, addr, n_bytes, value);
    }
    memcpy(c->sram + off, &value, n_bytes);
    if (c->sram_has_code[off >> CODE_PAGE_SHIFT] | c->sram_has_code[(off + 3) >> CODE_PAGE_SHIFT]) {
        mem_code_written(c, addr, n_bytes);
    }
    return true;
}

/* --- poll.c ------------------------------------------------------------------------------------------ */

/** The steady register was read as `value` by the instruction at the PC, and nothing was written yet: skip what a loop would do
 * until the next event, if it is one that only waits. */
void poll_seen(struct cpu *c, uint32_t value);

/* --- fetch.c ----------------------------------------------------------------------------------------- */

/** Decoded instruction at `pc` by the checked path. NULL: a fault is raised, or a stall took place. */
const struct op *fetch_checked(struct cpu *c, uint32_t pc);
struct op *fetch_decode(struct cpu *c, const struct code_region *region, uint32_t off);

/* --- exc_state.c ------------------------------------------------------------------------------------- */

/** Raise a synchronous exception; it is taken before the next instruction. */
void exc_raise(struct cpu *c, unsigned exception);
/** Set bits of CFSR and raise the fault that owns them. */
void exc_fault(struct cpu *c, uint32_t cfsr_bits);
/** The fault that owns bits of CFSR. */
unsigned exc_fault_of(uint32_t cfsr_bits);
/** Current execution priority, -2..PRIORITY_NONE. */
int exc_execution_priority(const struct cpu *c, bool ignore_primask);
/** Priority of an exception as far as it decides about preemption. */
int exc_group_priority(const struct cpu *c, unsigned exception);
/**
 * The pending and enabled exception that comes first.
 * @return 0: none
 */
unsigned exc_first_pending(const struct cpu *c, int *group_priority);
void exc_set_pending(struct cpu *c, unsigned exception);
void exc_clear_pending(struct cpu *c, unsigned exception);
void exc_set_active(struct cpu *c, unsigned exception, bool active);
bool exc_is_active(const struct cpu *c, unsigned exception);
unsigned exc_count_active(const struct cpu *c);
/** Is this fault, or the debug monitor, switched on? Others always are. */
bool exc_is_enabled(const struct cpu *c, unsigned exception);
/** Change IPSR and CONTROL together; moves the banked stack pointers. */
void exc_set_mode(struct cpu *c, uint32_t ipsr, uint32_t control);
bool exc_uses_psp(uint32_t ipsr, uint32_t control);
uint32_t exc_xpsr(const struct cpu *c);
/** N Z C V Q. */
void exc_set_apsr(struct cpu *c, uint32_t value);
void exc_set_ge(struct cpu *c, uint32_t value);

static inline bool exc_is_privileged(const struct cpu *c)
{
    return c->s.ipsr != 0 || !(c->s.control & CONTROL_NPRIV);
}

/* --- exception.c ------------------------------------------------------------------------------------- */

/**
 * Take what s.sync says.
 * @return false: a flash stall ended the run, nothing happened
 */
bool exc_take_sync(struct cpu *c);
bool exc_take_pending(struct cpu *c, unsigned exception);
/**
 * Carry out s.exc_return.
 * @return false: as above
 */
bool exc_return(struct cpu *c);

/* --- system.c (NVIC, SCB, DWT), systick.c, mpu.c ----------------------------------------------------- */

bool system_read(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value);
bool system_write(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value);

uint32_t nvic_read(const struct cpu *c, uint32_t off);
void nvic_write(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask);
void nvic_repend(struct cpu *c, unsigned exception);

uint32_t scb_read(struct cpu *c, uint32_t off);
void scb_write(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask);

uint32_t systick_read(struct cpu *c, uint32_t off);
void systick_write(struct cpu *c, uint32_t off, uint32_t value);
/** Let the counter catch up with `cycles`. */
void systick_update(struct cpu *c);
uint64_t systick_next_exception(const struct cpu *c);

enum mpu_access { MPU_READ, MPU_WRITE, MPU_EXECUTE };
uint32_t mpu_read(const struct cpu *c, uint32_t off);
void mpu_write(struct cpu *c, uint32_t off, uint32_t value);
bool mpu_allows(const struct cpu *c, uint32_t addr, enum mpu_access access, bool privileged);

/* --- flags ------------------------------------------------------------------------------------------- */

static inline void set_nz(struct cpu *c, uint32_t result)
{
    c->s.nf = result;
    c->s.zf = result;
}

static inline bool flag_n(const struct cpu *c)
{
    return c->s.nf >> 31;
}

static inline bool flag_z(const struct cpu *c)
{
    return c->s.zf == 0;
}

static inline bool cond_holds(const struct cpu *c, uint32_t cond)
{
    bool holds = true;
    switch (cond >> 1) {
    case 0:
        holds = flag_z(c);
        break;
    case 1:
        holds = c->s.cf;
        break;
    case 2:
        holds = flag_n(c);
        break;
    case 3:
        holds = c->s.vf;
        break;
    case 4:
        holds = c->s.cf && !flag_z(c);
        break;
    case 5:
        holds = flag_n(c) == (c->s.vf != 0);
        break;
    case 6:
        holds = flag_n(c) == (c->s.vf != 0) && !flag_z(c);
        break;
    default:
        return true;
    }
    return holds != (bool)(cond & 1);
}

/** Sum with carry in and, if `sets`, the four flags (AddWithCarry, ARMv7-M ARM
 * A2.2.1). */
static inline uint32_t add_with_carry(struct cpu *c, uint32_t a, uint32_t b, uint32_t carry, bool sets)
{
    const uint64_t wide = (uint64_t)a + b + carry;
    const uint32_t sum = (uint32_t)wide;
    if (sets) {
        set_nz(c, sum);
        c->s.cf = (uint32_t)(wide >> 32);
        c->s.vf = ((a ^ sum) & (b ^ sum)) >> 31;
    }
    return sum;
}

/** BXWritePC: bit 0 chooses the instruction set, 0xF... in handler mode is an
 * exception return. */
static inline uint32_t branch_exchange(struct cpu *c, uint32_t target)
{
    c->s.cycles += 2;
    if (target >= 0xF0000000 && c->s.ipsr != 0) {
        c->s.exc_return = target;
        core_attention(c);
    } else if (!(target & 1)) {
        c->s.thumb = false;
        core_attention(c);
    }
    return target & ~1u;
}

static inline uint32_t bits(uint32_t value, unsigned low, unsigned count)
{
    return value >> low & ((1u << count) - 1);
}

static inline uint32_t rotate_right(uint32_t value, unsigned by)
{
    by &= 31;
    return by ? value >> by | value << (32 - by) : value;
}

#endif
