#include "dev/exti.h"

#include "regs.h"

enum exti_reg { IMR = 0x00, EMR = 0x04, RTSR = 0x08, FTSR = 0x0C, SWIER = 0x10, PR = 0x14 };

enum { LINES = 23, LINE_MASK = (1 << LINES) - 1, PIN_LINES = 16, EXTI_BASE = 0x40013C00 };

struct exti_state {
    uint32_t imr, rtsr, ftsr, swier, pr;
    uint32_t internal; /* levels of lines 16..22 */
};

struct exti {
    struct dev dev;
    struct exti_state state;
};

/* Lines of each interrupt of RM0090 table 62. */
static const struct {
    uint32_t lines;
    unsigned irq;
} vectors[] = {
    {1U << 0, 6},     {1U << 1, 7},      {1U << 2, 8},  {1U << 3, 9},   {1U << 4, 10},
    {0x1FU << 5, 23}, {0x3FU << 10, 40}, {1U << 16, 1}, {1U << 17, 41}, {1U << 18, 42},
    {1U << 19, 62},   {1U << 20, 76},    {1U << 21, 2}, {1U << 22, 3},
};

static void update(struct exti *e)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        chip_irq(e->dev.chip, vectors[i].irq, (e->state.pr & e->state.imr & vectors[i].lines) != 0);
    }
}

static void edge(struct exti *e, unsigned line, bool rising)
{
    uint32_t trigger = rising ? e->state.rtsr : e->state.ftsr;
    if (trigger & (1U << line)) {
        e->state.pr |= 1U << line;
        update(e);
    }
}

static void on_pin(void *ctx, char port, unsigned pin, bool level)
{
    struct exti *e = ctx;
    if (pin < PIN_LINES && chip_exti_port(e->dev.chip, pin) == port) {
        edge(e, pin, level);
    }
}

void exti_internal_line(struct dev *exti, enum exti_line line, bool level)
{
    struct exti *e = (struct exti *)exti;
    uint32_t bit = (unsigned)line < LINES ? 1U << line : 0;
    bool was = (e->state.internal & bit) != 0;
    if (!bit || (unsigned)line < PIN_LINES || was == level) {
        return;
    }
    e->state.internal ^= bit;
    edge(e, line, level);
}

static bool exti_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    const struct exti_state *s = &((struct exti *)dev)->state;
    uint32_t reg = 0;
    switch (off & ~3U) {
    case IMR:
        reg = s->imr;
        break;
    case EMR:
        break;
    case RTSR:
        reg = s->rtsr;
        break;
    case FTSR:
        reg = s->ftsr;
        break;
    case SWIER:
        reg = s->swier;
        break;
    case PR:
        reg = s->pr;
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    *value = regs_extract(reg, off, n_bytes);
    return true;
}

/* RM0090 12.3.5: a 0 to 1 step of a bit pends the line if IMR lets it through; clearing PR clears the bit. */
static void write_swier(struct exti_state *s, uint32_t value)
{
    s->pr |= value & ~s->swier & s->imr;
    s->swier |= value;
}

static bool exti_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct exti *e = (struct exti *)dev;
    struct exti_state *s = &e->state;
    if (n_bytes != 4) {
        chip_violation(dev->chip, "EXTI: %u-byte write, words only (RM0090 12.3)", n_bytes);
        return true;
    }
    regs_reserved(dev, "an EXTI register", value, LINE_MASK);
    value &= LINE_MASK;
    switch (off) {
    case IMR:
        s->imr = value;
        break;
    case EMR:
        regs_unmodelled(dev, "event mode (EMR)", value);
        break;
    case RTSR:
        s->rtsr = value;
        break;
    case FTSR:
        s->ftsr = value;
        break;
    case SWIER:
        write_swier(s, value);
        break;
    case PR:
        s->pr &= ~value;
        s->swier &= ~value;
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    update(e);
    return true;
}

static void exti_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct exti *e = (struct exti *)dev;
    uint32_t internal = e->state.internal;
    e->state = (struct exti_state){.internal = internal};
    update(e);
}

static const struct dev_ops exti_ops = {.read = exti_read, .write = exti_write, .reset = exti_reset};

struct dev *exti_attach(struct chip *chip)
{
    struct exti *e = chip_alloc(chip, sizeof *e);
    e->dev = (struct dev){.ops = &exti_ops,
                          .name = "EXTI",
                          .base = EXTI_BASE,
                          .n_bytes = 0x400,
                          .chip = chip,
                          .state = &e->state,
                          .state_bytes = sizeof e->state};
    chip_add_dev(chip, &e->dev);
    chip_on_pin(chip, on_pin, e);
    return &e->dev;
}
