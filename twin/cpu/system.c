/* The private peripheral bus: who answers where, and the System Control Block,
 * FPU control and DWT (ARMv7-M ARM B3.2, C1.8). Accesses narrower than a word
 * become word accesses under a mask. */
#include "core.h"

#define PPB_BASE 0xE0000000u

enum {
    DWT_BASE = 0x1000,
    DWT_CYCCNT = 0x1004,
    SCS_BASE = 0xE000,
    SCS_END = 0xF000,
    ICTR = 0x4,
    ACTLR = 0x8,
    SYSTICK_FIRST = 0x10,
    SYSTICK_LAST = 0x1C,
    NVIC_FIRST = 0x100,
    NVIC_END = 0x500,
    SCB_FIRST = 0xD00,
    MPU_FIRST = 0xD90,
    MPU_LAST = 0xDB8,
    STIR = 0xF00
};
/* SCB, offsets from 0xE000E000. */
enum {
    CPUID = 0xD00,
    ICSR = 0xD04,
    VTOR = 0xD08,
    AIRCR = 0xD0C,
    SCR = 0xD10,
    CCR = 0xD14,
    SHPR1 = 0xD18,
    SHPR3 = 0xD20,
    SHCSR = 0xD24,
    CFSR = 0xD28,
    HFSR = 0xD2C,
    DFSR = 0xD30,
    MMFAR = 0xD34,
    BFAR = 0xD38,
    AFSR = 0xD3C,
    CPACR = 0xD88,
    DEMCR = 0xDFC,
    FPCCR = 0xF34,
    FPCAR = 0xF38,
    FPDSCR = 0xF3C,
    MVFR0 = 0xF40,
    MVFR1 = 0xF44
};
enum { CPUID_M4 = 0x410FC241, MVFR0_M4 = 0x10110021, MVFR1_M4 = 0x11000011, CCR_BITS = 0x31B };
enum { SHCSR_ENABLES = 7 << 16, DWT_CYCCNTENA = 1, PRIORITY_MASK = 0xF0, ICSR_RETTOBASE = 1 << 11 };
enum { AIRCR_KEY = 0x05FA, AIRCR_KEY_READ = 0xFA05, SYSRESETREQ = 4, VECTCLRACTIVE = 2, SCR_BITS = 0x16 };
#define DWT_CTRL_FIXED 0x40000000u

/* --- SCB --------------------------------------------------------------------------------------------- */

static uint32_t icsr(const struct cpu *c)
{
    int group;
    const unsigned pending = exc_first_pending(c, &group);
    uint32_t irqs_pending = 0;
    for (unsigned w = 0; w < IRQ_WORDS; w++) {
        irqs_pending |= c->s.irq_pending[w];
    }
    const bool returns_to_base = exc_count_active(c) <= (c->s.ipsr ? 1u : 0u);
    return c->s.ipsr | pending << 12 | (irqs_pending ? 1u << 22 : 0) |
           (c->s.sys_pending >> EXC_SYSTICK & 1) << 26 | (c->s.sys_pending >> EXC_PENDSV & 1) << 28 |
           (c->s.sys_pending >> EXC_NMI & 1) << 31 | (returns_to_base ? ICSR_RETTOBASE : 0);
}

static uint32_t shcsr(const struct cpu *c)
{
    const uint32_t a = c->s.sys_active;
    const uint32_t p = c->s.sys_pending;
    return c->s.shcsr | (a >> EXC_MEM & 1) | (a >> EXC_BUS & 1) << 1 | (a >> EXC_USAGE & 1) << 3 |
           (a >> EXC_SVC & 1) << 7 | (a >> EXC_DEBUG & 1) << 8 | (a >> EXC_PENDSV & 1) << 10 |
           (a >> EXC_SYSTICK & 1) << 11 | (p >> EXC_USAGE & 1) << 12 | (p >> EXC_MEM & 1) << 13 |
           (p >> EXC_BUS & 1) << 14 | (p >> EXC_SVC & 1) << 15;
}

/* Registers that are a plain word of the state. NULL: none. */
static uint32_t *plain_register(struct cpu *c, uint32_t off)
{
    struct core_state *s = &c->s;
    switch (off) {
    case ACTLR:
        return &s->actlr;
    case VTOR:
        return &s->vtor;
    case SCR:
        return &s->scr;
    case CCR:
        return &s->ccr;
    case MMFAR:
        return &s->mmfar;
    case BFAR:
        return &s->bfar;
    case CPACR:
        return &s->cpacr;
    case DEMCR:
        return &s->demcr;
    case FPCCR:
        return &s->fpccr;
    case FPCAR:
        return &s->fpcar;
    case FPDSCR:
        return &s->fpdscr;
    default:
        return NULL;
    }
}

static uint32_t writable_bits(uint32_t off)
{
    switch (off) {
    case VTOR:
        return 0x3FFFFE00; /* PM0214 4.4.4: 512-byte steps are what 98 vectors need
                            */
    case SCR:
        return SCR_BITS;
    case CCR:
        return CCR_BITS;
    case CPACR:
        return 0x00F00000;
    case FPCCR:
        return 0xC0000000;
    case FPCAR:
        return 0xFFFFFFF8;
    case FPDSCR:
        return 0x07C00000;
    case DEMCR:
        return 0x010F07F1;
    case ACTLR:
        return 0x307;
    default:
        return 0xFFFFFFFF;
    }
}

uint32_t scb_read(struct cpu *c, uint32_t off)
{
    const uint32_t *plain = plain_register(c, off);
    if (plain) {
        return *plain;
    }
    switch (off) {
    case CPUID:
        return CPUID_M4;
    case ICTR:
        return IRQ_WORDS - 1;
    case ICSR:
        systick_update(c);
        return icsr(c);
    case AIRCR:
        return (uint32_t)AIRCR_KEY_READ << 16 | c->s.prigroup << 8;
    case SHCSR:
        return shcsr(c);
    case CFSR:
        return c->s.cfsr;
    case HFSR:
        return c->s.hfsr;
    case DFSR:
        return c->s.dfsr;
    case MVFR0:
        return MVFR0_M4;
    case MVFR1:
        return MVFR1_M4;
    default:
        break;
    }
    if (off >= SHPR1 && off <= SHPR3 + 3) {
        uint32_t value;
        memcpy(&value, &c->s.priority[EXC_MEM + (off - SHPR1)], sizeof value);
        return value;
    }
    return 0;
}

static void write_icsr(struct cpu *c, uint32_t value)
{
    if (value & 1u << 31) {
        exc_set_pending(c, EXC_NMI);
    }
    if (value & 1u << 28) {
        exc_set_pending(c, EXC_PENDSV);
    }
    if (value & 1u << 27) {
        c->s.sys_pending &= ~(1u << EXC_PENDSV);
    }
    if (value & 1u << 26) {
        exc_set_pending(c, EXC_SYSTICK);
    }
    if (value & 1u << 25) {
        systick_update(c);
        c->s.sys_pending &= ~(1u << EXC_SYSTICK);
    }
}

static void write_aircr(struct cpu *c, uint32_t value)
{
    if (value >> 16 != AIRCR_KEY) {
        core_violation(c, "SCB: AIRCR written without its key, ignored (PM0214 4.4.5)");
        return;
    }
    c->s.prigroup = value >> 8 & 7;
    if (value & SYSRESETREQ) {
        c->s.reset_request = true;
    }
    if (value & VECTCLRACTIVE) {
        core_violation(c, "SCB: AIRCR.VECTCLRACTIVE is for debuggers (PM0214 4.4.5)");
    }
}

static void write_priorities(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask)
{
    for (unsigned i = 0; i < 4; i++) {
        if (mask >> 8 * i & 0xFF) {
            c->s.priority[EXC_MEM + (off - SHPR1) + i] = (uint8_t)(value >> 8 * i & PRIORITY_MASK);
        }
    }
}

void scb_write(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask)
{
    uint32_t *plain = plain_register(c, off);
    if (plain) {
        const uint32_t bits_written = writable_bits(off) & mask;
        *plain = (*plain & ~bits_written) | (value & bits_written);
        core_refresh(c);
    } else if (off >= SHPR1 && off <= SHPR3 + 3) {
        write_priorities(c, off, value, mask);
    } else if (off == ICSR) {
        write_icsr(c, value & mask);
    } else if (off == AIRCR) {
        write_aircr(c, value & mask);
    } else if (off == SHCSR) {
        c->s.shcsr = (c->s.shcsr & ~(mask & SHCSR_ENABLES)) | (value & mask & SHCSR_ENABLES);
    } else if (off == CFSR) {
        c->s.cfsr &= ~(value & mask);
    } else if (off == HFSR) {
        c->s.hfsr &= ~(value & mask);
    } else if (off == DFSR) {
        c->s.dfsr &= ~(value & mask);
    } else if (off == STIR && (value & 0x1FF) < CPU_IRQS) {
        exc_set_pending(c, EXC_IRQ0 + (value & 0x1FF));
    }
    core_attention(c);
}

/* --- DWT --------------------------------------------------------------------------------------------- */

static uint32_t dwt_read(const struct cpu *c, uint32_t off)
{
    if (off == DWT_BASE) {
        return c->s.dwt_ctrl | DWT_CTRL_FIXED;
    }
    if (off == DWT_CYCCNT) {
        return c->s.dwt_ctrl & DWT_CYCCNTENA ? c->s.cyccnt + (uint32_t)c->s.cycles : c->s.cyccnt;
    }
    return 0;
}

static void dwt_write(struct cpu *c, uint32_t off, uint32_t value)
{
    const uint32_t now = dwt_read(c, DWT_CYCCNT);
    if (off == DWT_BASE) {
        c->s.dwt_ctrl = value & DWT_CYCCNTENA;
        c->s.cyccnt = value & DWT_CYCCNTENA ? now - (uint32_t)c->s.cycles : now;
    } else if (off == DWT_CYCCNT) {
        c->s.cyccnt = c->s.dwt_ctrl & DWT_CYCCNTENA ? value - (uint32_t)c->s.cycles : value;
    }
}

/* --- dispatch ---------------------------------------------------------------------------------------- */

static bool is_systick(uint32_t scs_off)
{
    return scs_off >= SYSTICK_FIRST && scs_off <= SYSTICK_LAST;
}

static bool is_mpu(uint32_t scs_off)
{
    return scs_off >= MPU_FIRST && scs_off <= MPU_LAST;
}

static bool is_nvic(uint32_t scs_off)
{
    return scs_off >= NVIC_FIRST && scs_off < NVIC_END;
}

static uint32_t read_word(struct cpu *c, uint32_t off)
{
    if (off < SCS_BASE || off >= SCS_END) {
        return off >= DWT_BASE && off < DWT_BASE + 0x1000 ? dwt_read(c, off) : 0;
    }
    off -= SCS_BASE;
    if (is_systick(off)) {
        return systick_read(c, off);
    }
    if (is_nvic(off)) {
        return nvic_read(c, off);
    }
    return is_mpu(off) ? mpu_read(c, off - MPU_FIRST) : scb_read(c, off);
}

static void write_word(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask)
{
    if (off < SCS_BASE || off >= SCS_END) {
        if (off >= DWT_BASE && off < DWT_BASE + 0x1000) {
            dwt_write(c, off, value);
        }
        return;
    }
    off -= SCS_BASE;
    if (is_systick(off)) {
        systick_write(c, off, value);
    } else if (is_nvic(off)) {
        nvic_write(c, off, value, mask);
    } else if (is_mpu(off)) {
        mpu_write(c, off - MPU_FIRST, value);
    } else {
        scb_write(c, off, value, mask);
    }
}

bool system_read(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    const unsigned shift = 8 * (addr & 3);
    const uint32_t word = read_word(c, (addr & ~3u) - PPB_BASE) >> shift;
    *value = n_bytes == 4 ? word : word & ((1u << 8 * n_bytes) - 1);
    return true;
}

bool system_write(struct cpu *c, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    const unsigned shift = 8 * (addr & 3);
    const uint32_t mask = n_bytes == 4 ? 0xFFFFFFFFu : ((1u << 8 * n_bytes) - 1) << shift;
    write_word(c, (addr & ~3u) - PPB_BASE, value << shift, mask);
    return true;
}
