/* What is known of exceptions without touching memory: priorities, what is pending, active and enabled, and the
 * program status (ARMv7-M ARM B1.5). Memory and system registers use this to raise faults; entry and return, which
 * use memory, are in exception.c. */
#include "core.h"

enum { SHCSR_MEM = 1 << 16, SHCSR_BUS = 1 << 17, SHCSR_USAGE = 1 << 18 };
enum { PRIORITY_HARD = -1, PRIORITY_NMI = -2 };

/* --- priorities -------------------------------------------------------------------------------------- */

/* The part of an 8-bit priority that decides about preemption. */
static int group_of(const struct cpu *c, unsigned priority)
{
    return (int)(priority & (0xFFu << (c->s.prigroup + 1)) & 0xFF);
}

static int exception_priority(const struct cpu *c, unsigned exception)
{
    return exception == EXC_NMI    ? PRIORITY_NMI
           : exception == EXC_HARD ? PRIORITY_HARD
                                   : c->s.priority[exception];
}

int exc_group_priority(const struct cpu *c, unsigned exception)
{
    const int priority = exception_priority(c, exception);
    return priority < 0 ? priority : group_of(c, (unsigned)priority);
}

int exc_execution_priority(const struct cpu *c, bool ignore_primask)
{
    int best = PRIORITY_NONE;
    for (uint32_t active = c->s.sys_active; active; active &= active - 1) {
        const int p = exc_group_priority(c, (unsigned)__builtin_ctz(active));
        best = p < best ? p : best;
    }
    for (unsigned w = 0; w < IRQ_WORDS; w++) {
        for (uint32_t active = c->s.irq_active[w]; active; active &= active - 1) {
            const int p = exc_group_priority(c, EXC_IRQ0 + 32 * w + (unsigned)__builtin_ctz(active));
            best = p < best ? p : best;
        }
    }
    if (c->s.basepri) {
        const int p = group_of(c, c->s.basepri);
        best = p < best ? p : best;
    }
    if (c->s.primask && !ignore_primask && best > 0) {
        best = 0;
    }
    if (c->s.faultmask && best > PRIORITY_HARD) {
        best = PRIORITY_HARD;
    }
    return best;
}

unsigned exc_first_pending(const struct cpu *c, int *group)
{
    unsigned first = 0;
    int best = PRIORITY_NONE;
    for (uint32_t pending = c->s.sys_pending; pending; pending &= pending - 1) {
        const unsigned exception = (unsigned)__builtin_ctz(pending);
        const int p = exception_priority(c, exception);
        if (p < best) {
            best = p;
            first = exception;
        }
    }
    for (unsigned w = 0; w < IRQ_WORDS; w++) {
        for (uint32_t pending = c->s.irq_pending[w] & c->s.irq_enabled[w]; pending; pending &= pending - 1) {
            const unsigned exception = EXC_IRQ0 + 32 * w + (unsigned)__builtin_ctz(pending);
            if (exception_priority(c, exception) < best) {
                best = exception_priority(c, exception);
                first = exception;
            }
        }
    }
    if (first) {
        *group = exc_group_priority(c, first);
    }
    return first;
}

void exc_set_pending(struct cpu *c, unsigned exception)
{
    uint32_t *word =
        exception < EXC_IRQ0 ? &c->s.sys_pending : &c->s.irq_pending[(exception - EXC_IRQ0) / 32];
    const uint32_t bit = 1u << (exception < EXC_IRQ0 ? exception : (exception - EXC_IRQ0) % 32);
    if (!(*word & bit) && (c->s.scr & SCR_SEVONPEND)) {
        c->s.event = true; /* on entering the pending state (B1.5.18) */
    }
    *word |= bit;
    core_attention(c);
}

void exc_clear_pending(struct cpu *c, unsigned exception)
{
    if (exception < EXC_IRQ0) {
        c->s.sys_pending &= ~(1u << exception);
    } else {
        c->s.irq_pending[(exception - EXC_IRQ0) / 32] &= ~(1u << (exception - EXC_IRQ0) % 32);
    }
}

void exc_set_active(struct cpu *c, unsigned exception, bool active)
{
    uint32_t *word = exception < EXC_IRQ0 ? &c->s.sys_active : &c->s.irq_active[(exception - EXC_IRQ0) / 32];
    const uint32_t bit = 1u << (exception < EXC_IRQ0 ? exception : (exception - EXC_IRQ0) % 32);
    *word = active ? *word | bit : *word & ~bit;
}

bool exc_is_active(const struct cpu *c, unsigned exception)
{
    if (exception < EXC_IRQ0) {
        return c->s.sys_active >> exception & 1;
    }
    return exception < EXC_COUNT &&
           (c->s.irq_active[(exception - EXC_IRQ0) / 32] >> (exception - EXC_IRQ0) % 32 & 1);
}

unsigned exc_count_active(const struct cpu *c)
{
    unsigned n = (unsigned)__builtin_popcount(c->s.sys_active);
    for (unsigned w = 0; w < IRQ_WORDS; w++) {
        n += (unsigned)__builtin_popcount(c->s.irq_active[w]);
    }
    return n;
}

/* --- raising ----------------------------------------------------------------------------------------- */

void exc_raise(struct cpu *c, unsigned exception)
{
    c->s.sync = exception;
    core_attention(c);
}

unsigned exc_fault_of(uint32_t cfsr_bits)
{
    return cfsr_bits & 0xFF ? EXC_MEM : cfsr_bits & 0xFF00 ? EXC_BUS : EXC_USAGE;
}

void exc_fault(struct cpu *c, uint32_t cfsr_bits)
{
    c->s.cfsr |= cfsr_bits;
    exc_raise(c, exc_fault_of(cfsr_bits));
}

bool exc_is_enabled(const struct cpu *c, unsigned exception)
{
    switch (exception) {
    case EXC_MEM:
        return c->s.shcsr & SHCSR_MEM;
    case EXC_BUS:
        return c->s.shcsr & SHCSR_BUS;
    case EXC_USAGE:
        return c->s.shcsr & SHCSR_USAGE;
    case EXC_DEBUG:
        return c->s.demcr & 1u << 16;
    default:
        return true;
    }
}

/* --- state ------------------------------------------------------------------------------------------- */

uint32_t exc_xpsr(const struct cpu *c)
{
    const struct core_state *s = &c->s;
    const uint32_t it = (s->it & 3) << 25 | (s->it >> 2) << 10;
    return (s->nf & 0x80000000u) | (s->zf == 0 ? 1u << 30 : 0) | s->cf << 29 | s->vf << 28 | s->qf << 27 |
           (s->thumb ? 1u << 24 : 0) | s->ge << 16 | it | s->ipsr;
}

void exc_set_apsr(struct cpu *c, uint32_t value)
{
    c->s.nf = value;
    c->s.zf = value & 1u << 30 ? 0 : 1;
    c->s.cf = value >> 29 & 1;
    c->s.vf = value >> 28 & 1;
    c->s.qf = value >> 27 & 1;
}

void exc_set_ge(struct cpu *c, uint32_t value)
{
    c->s.ge = value >> 16 & 15;
}

bool exc_uses_psp(uint32_t ipsr, uint32_t control)
{
    return ipsr == 0 && (control & CONTROL_SPSEL);
}

void exc_set_mode(struct cpu *c, uint32_t ipsr, uint32_t control)
{
    if (exc_uses_psp(c->s.ipsr, c->s.control) != exc_uses_psp(ipsr, control)) {
        const uint32_t other = c->s.banked_sp;
        c->s.banked_sp = c->s.r[REG_SP];
        c->s.r[REG_SP] = other;
    }
    c->s.ipsr = ipsr;
    c->s.control = control;
    core_refresh(c);
}
