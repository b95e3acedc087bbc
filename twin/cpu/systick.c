/* SysTick: a 24-bit down counter (ARMv7-M ARM B3.3). It is not stepped: the
 * next 1 -> 0 is an absolute cycle. */
#include "core.h"

enum { CSR = 0x10, RVR = 0x14, CVR = 0x18, CALIB = 0x1C };
enum { CSR_ENABLE = 1, CSR_TICKINT = 2, CSR_CLKSOURCE = 4, CSR_COUNTFLAG = 1 << 16 };
enum {
    EXTERNAL_DIVIDER = 8,
    CALIB_VALUE = 0x40000000 + 18750 /* RM0090 12.1.1 */
};

static uint32_t divider(const struct systick *t)
{
    return t->csr & CSR_CLKSOURCE ? 1 : EXTERNAL_DIVIDER;
}

static bool is_running(const struct systick *t)
{
    return (t->csr & CSR_ENABLE) && t->next_zero != UINT64_MAX;
}

static uint64_t period(const struct systick *t)
{
    return ((uint64_t)t->rvr + 1) * divider(t);
}

static uint32_t current(const struct cpu *c)
{
    const struct systick *t = &c->s.systick;
    if (!is_running(t)) {
        return t->cvr;
    }
    const uint64_t left = (t->next_zero - c->s.cycles + divider(t) - 1) / divider(t);
    return left > t->rvr ? 0 : (uint32_t)left;
}

/* Count on from `value`; 0 reloads with the next clock. */
static void start_from(struct cpu *c, uint32_t value)
{
    struct systick *t = &c->s.systick;
    t->cvr = value;
    if (t->rvr == 0 && value == 0) {
        t->next_zero = UINT64_MAX; /* a reload value of 0 keeps it at 0 */
    } else {
        t->next_zero = c->s.cycles + (value ? (uint64_t)value * divider(t) : period(t));
    }
}

void systick_update(struct cpu *c)
{
    struct systick *t = &c->s.systick;
    if (!is_running(t) || c->s.cycles < t->next_zero) {
        return;
    }
    t->csr |= CSR_COUNTFLAG;
    if (t->csr & CSR_TICKINT) {
        exc_set_pending(c, EXC_SYSTICK);
    }
    if (t->rvr == 0) {
        t->cvr = 0;
        t->next_zero = UINT64_MAX;
        return;
    }
    const uint64_t late = (c->s.cycles - t->next_zero) / period(t);
    t->next_zero += (late + 1) * period(t);
}

uint64_t systick_next_exception(const struct cpu *c)
{
    const struct systick *t = &c->s.systick;
    return is_running(t) && (t->csr & CSR_TICKINT) ? t->next_zero : UINT64_MAX;
}

uint32_t systick_read(struct cpu *c, uint32_t off)
{
    struct systick *t = &c->s.systick;
    uint32_t value = 0;
    systick_update(c);
    switch (off) {
    case CSR:
        value = t->csr;
        t->csr &= ~(uint32_t)CSR_COUNTFLAG;
        break;
    case RVR:
        value = t->rvr;
        break;
    case CVR:
        value = current(c);
        break;
    case CALIB:
        value = CALIB_VALUE;
        break;
    default:
        break;
    }
    return value;
}

static void write_csr(struct cpu *c, uint32_t value)
{
    struct systick *t = &c->s.systick;
    const uint32_t settings = CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE;
    const uint32_t now = current(c);
    t->csr = (t->csr & ~settings) | (value & settings);
    if (value & CSR_ENABLE) {
        start_from(c, now);
    } else {
        t->cvr = now;
        t->next_zero = UINT64_MAX;
    }
    core_attention(c); /* the next exception is at another time */
}

void systick_write(struct cpu *c, uint32_t off, uint32_t value)
{
    struct systick *t = &c->s.systick;
    systick_update(c);
    if (off == CSR) {
        write_csr(c, value);
    } else if (off == RVR) {
        t->rvr = value & 0xFFFFFF; /* counts from the next reload on */
        if ((t->csr & CSR_ENABLE) && !is_running(t) && t->rvr) {
            start_from(c, 0); /* a counter that stood at 0 has something to reload now */
            core_attention(c);
        }
    } else if (off == CVR) {
        t->csr &= ~(uint32_t)CSR_COUNTFLAG;
        t->cvr = 0;
        if (t->csr & CSR_ENABLE) {
            start_from(c, 0);
        }
        core_attention(c);
    }
}
