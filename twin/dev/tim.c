#include "dev/tim.h"

#include <string.h>

#include "regs.h"

enum tim_reg {
    CR1 = 0x00,
    CR2 = 0x04,
    SMCR = 0x08,
    DIER = 0x0C,
    SR = 0x10,
    EGR = 0x14,
    CCMR1 = 0x18,
    CCMR2 = 0x1C,
    CCER = 0x20,
    CNT = 0x24,
    PSC = 0x28,
    ARR = 0x2C,
    RCR = 0x30,
    CCR1 = 0x34,
    CCR4 = 0x40,
    BDTR = 0x44,
    DCR = 0x48,
    DMAR = 0x4C,
    OR = 0x50
};

enum tim_cr1 {
    CR1_CEN = 1 << 0,
    CR1_UDIS = 1 << 1,
    CR1_URS = 1 << 2,
    CR1_OPM = 1 << 3,
    CR1_DIR = 1 << 4,
    CR1_CMS = 3 << 5,
    CR1_ARPE = 1 << 7,
    CR1_ALL = 0x3FF
};

enum { UIE = 1, UIF = 1, UG = 1, SR_ALL = 0x1E7F, TIMERS = 14 };

struct tim_kind {
    const char *name;
    uint32_t base;
    unsigned irq; /* update interrupt, RM0090 table 62; several timers may share it */
    enum chip_clock clock;
    bool is_32_bit;
    bool has_repetition;
};

static const struct tim_kind kinds[TIMERS] = {
    {"TIM1", 0x40010000, 25, CHIP_TIMCLK2, false, true},
    {"TIM2", 0x40000000, 28, CHIP_TIMCLK1, true, false},
    {"TIM3", 0x40000400, 29, CHIP_TIMCLK1, false, false},
    {"TIM4", 0x40000800, 30, CHIP_TIMCLK1, false, false},
    {"TIM5", 0x40000C00, 50, CHIP_TIMCLK1, true, false},
    {"TIM6", 0x40001000, 54, CHIP_TIMCLK1, false, false},
    {"TIM7", 0x40001400, 55, CHIP_TIMCLK1, false, false},
    {"TIM8", 0x40010400, 44, CHIP_TIMCLK2, false, true},
    {"TIM9", 0x40014000, 24, CHIP_TIMCLK2, false, false},
    {"TIM10", 0x40014400, 25, CHIP_TIMCLK2, false, false},
    {"TIM11", 0x40014800, 26, CHIP_TIMCLK2, false, false},
    {"TIM12", 0x40001800, 43, CHIP_TIMCLK1, false, false},
    {"TIM13", 0x40001C00, 44, CHIP_TIMCLK1, false, false},
    {"TIM14", 0x40002000, 45, CHIP_TIMCLK1, false, false},
};

/* Time is counted from an anchor, so that rounding to picoseconds never adds up. */
struct tim_state {
    uint64_t anchor_ps;
    uint64_t done_ticks; /* timer clocks since the anchor that are already in cnt */
    uint32_t hz;         /* timer clock since the anchor */
    uint32_t cr1, dier, sr;
    uint32_t psc, psc_active; /* preload, and what counts now */
    uint32_t arr, arr_active;
    uint32_t rcr, repetitions;
    uint32_t cnt, psc_count;
    uint32_t ccr[4];
};

struct tims;

struct tim {
    struct dev dev;
    struct tim_state state;
    const struct tim_kind *kind;
    struct tims *all;
    unsigned event;
};

struct tims {
    struct tim tim[TIMERS];
};

static uint32_t counter_max(const struct tim *t)
{
    return t->kind->is_32_bit ? 0xFFFFFFFFU : 0xFFFFU;
}

static void update_irq(struct tim *t)
{
    bool level = false;
    for (unsigned i = 0; i < TIMERS; i++) {
        const struct tim *other = &t->all->tim[i];
        if (other->kind->irq == t->kind->irq) {
            level = level || (other->state.sr & other->state.dier & UIF);
        }
    }
    chip_irq(t->dev.chip, t->kind->irq, level);
}

static uint64_t ticks_at(const struct tim_state *s, uint64_t now_ps)
{
    return (uint64_t)((unsigned __int128)(now_ps - s->anchor_ps) * s->hz / 1000000000000ULL);
}

/* First picosecond at which `ticks` have passed. */
static uint64_t time_of(const struct tim_state *s, uint64_t ticks)
{
    return s->anchor_ps + (uint64_t)(((unsigned __int128)ticks * 1000000000000ULL + s->hz - 1U) / s->hz);
}

static uint64_t ticks_to_wrap(const struct tim *t)
{
    const struct tim_state *s = &t->state;
    uint64_t top = s->cnt <= s->arr_active ? s->arr_active : counter_max(t);
    return (top - s->cnt) * (s->psc_active + 1ULL) + (s->psc_active + 1ULL - s->psc_count);
}

/* Update event (RM0090 18.3.2): preload registers take effect. */
static void update_event(struct tim_state *s, bool sets_flag)
{
    if (s->cr1 & CR1_UDIS) {
        return;
    }
    s->arr_active = s->arr;
    s->psc_active = s->psc;
    s->repetitions = s->rcr;
    if (sets_flag) {
        s->sr |= UIF;
    }
}

static void overflow(struct tim_state *s)
{
    if (s->repetitions > 0) {
        s->repetitions--;
        return;
    }
    update_event(s, true);
    if ((s->cr1 & CR1_OPM) && !(s->cr1 & CR1_UDIS)) {
        s->cr1 &= ~(uint32_t)CR1_CEN;
    }
}

static void advance(struct tim *t, uint64_t ticks)
{
    struct tim_state *s = &t->state;
    while (ticks > 0 && (s->cr1 & CR1_CEN) && s->arr_active != 0) { /* ARR = 0 blocks the counter */
        uint64_t to_wrap = ticks_to_wrap(t);
        if (ticks < to_wrap) {
            uint64_t sub = s->psc_count + ticks;
            s->cnt += (uint32_t)(sub / (s->psc_active + 1ULL));
            s->psc_count = (uint32_t)(sub % (s->psc_active + 1ULL));
            return;
        }
        bool is_overflow = s->cnt <= s->arr_active;
        ticks -= to_wrap;
        s->cnt = 0;
        s->psc_count = 0;
        if (is_overflow) {
            overflow(s);
        }
        uint64_t period = (s->arr_active + 1ULL) * (s->psc_active + 1ULL);
        if ((s->cr1 & CR1_CEN) && s->rcr == 0 && s->repetitions == 0) {
            ticks %= period; /* whole periods change nothing more */
        }
    }
}

static void sync(struct tim *t)
{
    struct tim_state *s = &t->state;
    if (!(s->cr1 & CR1_CEN) || s->hz == 0) {
        return;
    }
    uint64_t ticks = ticks_at(s, chip_now_ps(t->dev.chip));
    uint64_t new_ticks = ticks - s->done_ticks;
    s->done_ticks = ticks;
    advance(t, new_ticks);
}

static void set_anchor(struct tim *t)
{
    t->state.anchor_ps = chip_now_ps(t->dev.chip);
    t->state.done_ticks = 0;
    t->state.hz = chip_clock_hz(t->dev.chip, t->kind->clock);
}

/* Only an interrupt needs an event; flags and counter are worked out when somebody looks. */
static void arm(struct tim *t)
{
    const struct tim_state *s = &t->state;
    bool wanted = (s->cr1 & CR1_CEN) && !(s->cr1 & CR1_UDIS) && (s->dier & UIE) && !(s->sr & UIF) &&
                  s->arr_active != 0 && s->hz != 0;
    if (wanted) {
        chip_event_at(t->dev.chip, t->event, time_of(s, s->done_ticks + ticks_to_wrap(t)));
    } else {
        chip_event_cancel(t->dev.chip, t->event);
    }
}

static void on_event(void *ctx)
{
    struct tim *t = ctx;
    sync(t);
    update_irq(t);
    arm(t);
}

static void on_clock_change(void *ctx)
{
    struct tims *all = ctx;
    for (unsigned i = 0; i < TIMERS; i++) {
        struct tim *t = &all->tim[i];
        sync(t); /* still at the old rate */
        set_anchor(t);
        update_irq(t);
        arm(t);
    }
}

static bool tim_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct tim *t = (struct tim *)dev;
    const struct tim_state *s = &t->state;
    uint32_t reg = 0;
    sync(t);
    switch (off & ~3U) {
    case CR1:
        reg = s->cr1;
        break;
    case DIER:
        reg = s->dier;
        break;
    case SR:
        reg = s->sr;
        break;
    case CNT:
        reg = s->cnt;
        break;
    case PSC:
        reg = s->psc;
        break;
    case ARR:
        reg = s->arr;
        break;
    case RCR:
        reg = s->rcr;
        break;
    case CR2:
    case SMCR:
    case EGR:
    case CCMR1:
    case CCMR2:
    case CCER:
    case BDTR:
    case DCR:
    case DMAR:
    case OR:
        break;
    default:
        if (off < CCR1 || off > OR) {
            regs_hole(dev, off);
            break;
        }
        reg = s->ccr[((off & ~3U) - CCR1) / 4U];
        break;
    }
    update_irq(t);
    arm(t);
    *value = regs_extract(reg, off, n_bytes);
    return true;
}

static void write_cr1(struct tim *t, uint32_t value)
{
    struct tim_state *s = &t->state;
    regs_reserved(&t->dev, "CR1", value, CR1_ALL);
    regs_unmodelled(&t->dev, "down or centre-aligned counting (CR1)", value & (CR1_DIR | CR1_CMS));
    if ((value & CR1_CEN) && !(s->cr1 & CR1_CEN)) {
        set_anchor(t);
    }
    s->cr1 = value & CR1_ALL;
    if (!(s->cr1 & CR1_ARPE)) {
        s->arr_active = s->arr;
    }
}

static void write_egr(struct tim *t, uint32_t value)
{
    struct tim_state *s = &t->state;
    regs_unmodelled(&t->dev, "event generation other than UG", value & ~(uint32_t)UG);
    if (value & UG) {
        s->cnt = 0;
        s->psc_count = 0;
        update_event(s, !(s->cr1 & CR1_URS));
    }
}

static void write_arr(struct tim *t, uint32_t value)
{
    struct tim_state *s = &t->state;
    s->arr = value & counter_max(t);
    if (!(s->cr1 & CR1_ARPE)) {
        s->arr_active = s->arr;
    }
}

static void write_rcr(struct tim *t, uint32_t value)
{
    if (!t->kind->has_repetition) {
        regs_hole(&t->dev, RCR);
        return;
    }
    regs_reserved(&t->dev, "RCR", value, 0xFF);
    t->state.rcr = value & 0xFFU;
}

static void write_reg(struct tim *t, uint32_t reg, uint32_t value)
{
    struct tim_state *s = &t->state;
    switch (reg) {
    case CR1:
        write_cr1(t, value);
        break;
    case CR2:
        regs_unmodelled(&t->dev, "trigger output (CR2)", value);
        break;
    case SMCR:
        regs_unmodelled(&t->dev, "slave mode (SMCR)", value);
        break;
    case DIER:
        regs_unmodelled(&t->dev, "an interrupt or DMA request other than update (DIER)",
                        value & ~(uint32_t)UIE);
        s->dier = value & UIE;
        break;
    case SR:
        s->sr &= value | ~(uint32_t)SR_ALL; /* cleared by writing 0 */
        break;
    case EGR:
        write_egr(t, value);
        break;
    case CNT:
        s->cnt = value & counter_max(t);
        break;
    case PSC:
        regs_reserved(&t->dev, "PSC", value, 0xFFFF);
        s->psc = value & 0xFFFFU;
        break;
    case ARR:
        write_arr(t, value);
        break;
    case RCR:
        write_rcr(t, value);
        break;
    case CCMR1:
    case CCMR2:
    case CCER:
    case BDTR:
    case DCR:
    case DMAR:
    case OR:
        regs_unmodelled(&t->dev, "capture, compare, break or DMA burst", value);
        break;
    default:
        if (reg < CCR1 || reg > CCR4) {
            regs_hole(&t->dev, reg);
            break;
        }
        s->ccr[(reg - CCR1) / 4U] = value & counter_max(t);
        break;
    }
}

static bool tim_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct tim *t = (struct tim *)dev;
    if (n_bytes == 1) {
        chip_violation(dev->chip, "%s: byte write at offset 0x%02X (RM0090 18.4: half-words or words)",
                       dev->name, (unsigned)off);
        return true;
    }
    sync(t);
    write_reg(t, off & ~3U, regs_merge(0, off, n_bytes, value));
    update_irq(t);
    arm(t);
    return true;
}

static void reset_state(struct tim *t)
{
    memset(&t->state, 0, sizeof t->state);
    t->state.arr = counter_max(t);
    t->state.arr_active = counter_max(t);
}

static void tim_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct tim *t = (struct tim *)dev;
    reset_state(t);
    chip_event_cancel(dev->chip, t->event);
    update_irq(t);
}

static const struct dev_ops tim_ops = {.read = tim_read, .write = tim_write, .reset = tim_reset};

void tim_attach(struct chip *chip)
{
    struct tims *all = chip_alloc(chip, sizeof *all);
    for (unsigned i = 0; i < TIMERS; i++) {
        all->tim[i].kind = &kinds[i];
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        struct tim *t = &all->tim[i];
        t->all = all;
        t->dev = (struct dev){.ops = &tim_ops,
                              .name = kinds[i].name,
                              .base = kinds[i].base,
                              .n_bytes = 0x400,
                              .chip = chip,
                              .state = &t->state,
                              .state_bytes = sizeof t->state};
        reset_state(t);
        t->event = chip_event_add(chip, kinds[i].name, on_event, t);
        chip_add_dev(chip, &t->dev);
    }
    chip_on_clock_change(chip, on_clock_change, all);
}
