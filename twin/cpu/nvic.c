/* NVIC registers (ARMv7-M ARM B3.4). Offsets are from 0xE000E000. */
#include "core.h"

enum {
    ISER = 0x100,
    ICER = 0x180,
    ISPR = 0x200,
    ICPR = 0x280,
    IABR = 0x300,
    IPR = 0x400,
    BANK_BYTES = 4 * IRQ_WORDS,
    PRIORITY_MASK = 0xF0 /* four bits (RM0090 12.1) */
};

static uint32_t implemented(unsigned word)
{
    const unsigned rest = CPU_IRQS - 32 * word;
    return rest >= 32 ? 0xFFFFFFFFu : (1u << rest) - 1;
}

static bool in_bank(uint32_t off, uint32_t bank)
{
    return off - bank < BANK_BYTES;
}

uint32_t nvic_read(const struct cpu *c, uint32_t off)
{
    const unsigned w = off >> 2 & 0x1F;
    if (in_bank(off, ISER) || in_bank(off, ICER)) {
        return c->s.irq_enabled[w];
    }
    if (in_bank(off, ISPR) || in_bank(off, ICPR)) {
        return c->s.irq_pending[w];
    }
    if (in_bank(off, IABR)) {
        return c->s.irq_active[w];
    }
    if (off >= IPR && off < IPR + 32 * IRQ_WORDS) {
        uint32_t value;
        memcpy(&value, &c->s.priority[EXC_IRQ0 + (off - IPR)], sizeof value);
        return value;
    }
    return 0;
}

static void write_priorities(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask)
{
    for (unsigned i = 0; i < 4; i++) {
        const unsigned irq = off - IPR + i;
        if ((mask >> 8 * i & 0xFF) && irq < CPU_IRQS) {
            c->s.priority[EXC_IRQ0 + irq] = (uint8_t)(value >> 8 * i & PRIORITY_MASK);
        }
    }
}

static void set_pending(struct cpu *c, unsigned w, uint32_t irqs)
{
    if ((irqs & ~c->s.irq_pending[w]) && (c->s.scr & SCR_SEVONPEND)) {
        c->s.event = true;
    }
    c->s.irq_pending[w] |= irqs;
}

void nvic_write(struct cpu *c, uint32_t off, uint32_t value, uint32_t mask)
{
    const unsigned w = off >> 2 & 0x1F;
    if (in_bank(off, ISER)) {
        c->s.irq_enabled[w] |= value & mask & implemented(w);
    } else if (in_bank(off, ICER)) {
        c->s.irq_enabled[w] &= ~(value & mask);
    } else if (in_bank(off, ISPR)) {
        set_pending(c, w, value & mask & implemented(w));
    } else if (in_bank(off, ICPR)) {
        /* A line that is held stays pending (B3.4.1); an active one pends again at
         * its return. */
        c->s.irq_pending[w] &= ~(value & mask) | (c->s.irq_level[w] & ~c->s.irq_active[w]);
    } else if (off >= IPR && off < IPR + 32 * IRQ_WORDS) {
        write_priorities(c, off, value, mask);
    }
    core_attention(c);
}

void nvic_repend(struct cpu *c, unsigned exception)
{
    if (exception < EXC_IRQ0) {
        return;
    }
    const unsigned irq = exception - EXC_IRQ0;
    if (c->s.irq_level[irq / 32] >> irq % 32 & 1) {
        exc_set_pending(c, exception);
    }
}

void cpu_set_irq(struct cpu *c, unsigned irq, bool level)
{
    if (irq >= CPU_IRQS) {
        return;
    }
    uint32_t *word = &c->s.irq_level[irq / 32];
    const uint32_t bit = 1u << irq % 32;
    const bool rises = level && !(*word & bit);
    *word = level ? *word | bit : *word & ~bit;
    if (rises) {
        exc_set_pending(c, EXC_IRQ0 + irq);
    }
}

void cpu_set_nmi(struct cpu *c)
{
    exc_set_pending(c, EXC_NMI);
}

void cpu_send_event(struct cpu *c)
{
    c->s.event = true;
    core_attention(c);
}
