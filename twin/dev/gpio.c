#include "dev/gpio.h"

#include "regs.h"

enum gpio_reg {
    MODER = 0x00,
    OTYPER = 0x04,
    OSPEEDR = 0x08,
    PUPDR = 0x0C,
    IDR = 0x10,
    ODR = 0x14,
    BSRR = 0x18,
    LCKR = 0x1C,
    AFRL = 0x20,
    AFRH = 0x24
};

enum { PORTS = 9, PINS = 16, PORT_STRIDE = 0x400, LCKK = 1 << 16 };
enum gpio_mode { MODE_INPUT, MODE_OUTPUT, MODE_ALTERNATE, MODE_ANALOG };

struct gpio_state {
    uint32_t moder, otyper, ospeedr, pupdr, odr, afr[2];
    uint32_t lock_mask; /* pins of the lock sequence under way, or locked */
    uint32_t lock_step; /* writes of the sequence done: 0..3; 4: locked until reset */
    uint32_t driven;    /* pins that this port drives now */
    uint32_t level;     /* and their levels */
};

struct gpio {
    struct dev dev;
    struct gpio_state state;
    char port;
};

static enum gpio_mode pin_mode(uint32_t moder, unsigned pin)
{
    return (enum gpio_mode)((moder >> (2U * pin)) & 3U);
}

static unsigned pin_function(const uint32_t afr[2], unsigned pin)
{
    return (afr[pin / 8U] >> (4U * (pin % 8U))) & 15U;
}

/* An open-drain output that is high lets go of the pin. */
static void apply_output(struct gpio *g, unsigned pin)
{
    struct gpio_state *s = &g->state;
    uint32_t bit = 1U << pin;
    bool level = (s->odr & bit) != 0;
    bool drives = pin_mode(s->moder, pin) == MODE_OUTPUT && !((s->otyper & bit) && level);
    bool drove = (s->driven & bit) != 0;

    if (drives && (!drove || level != ((s->level & bit) != 0))) {
        s->driven |= bit;
        s->level = level ? s->level | bit : s->level & ~bit;
        chip_pin_drive(g->dev.chip, g->port, pin, level);
    } else if (!drives && drove) {
        s->driven &= ~bit;
        chip_pin_release(g->dev.chip, g->port, pin);
    }
}

static void apply(struct gpio *g)
{
    for (unsigned pin = 0; pin < PINS; pin++) {
        chip_set_pin_function(g->dev.chip, g->port, pin, pin_mode(g->state.moder, pin) == MODE_ALTERNATE,
                              pin_function(g->state.afr, pin));
        apply_output(g, pin);
    }
}

static void apply_outputs(struct gpio *g)
{
    for (unsigned pin = 0; pin < PINS; pin++) {
        apply_output(g, pin);
    }
}

static uint32_t read_idr(const struct gpio *g)
{
    uint32_t idr = 0;
    for (unsigned pin = 0; pin < PINS; pin++) {
        if (pin_mode(g->state.moder, pin) != MODE_ANALOG && chip_pin_level(g->dev.chip, g->port, pin)) {
            idr |= 1U << pin;
        }
    }
    return idr;
}

static uint32_t read_lckr(struct gpio *g)
{
    struct gpio_state *s = &g->state;
    if (s->lock_step == 3) {
        s->lock_step = 4; /* the read that completes the sequence (RM0090 8.4.8) */
    }
    return s->lock_mask | (s->lock_step == 4 ? (uint32_t)LCKK : 0U);
}

static bool gpio_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct gpio *g = (struct gpio *)dev;
    const struct gpio_state *s = &g->state;
    uint32_t reg = 0;
    switch (off & ~3U) {
    case MODER:
        reg = s->moder;
        break;
    case OTYPER:
        reg = s->otyper;
        break;
    case OSPEEDR:
        reg = s->ospeedr;
        break;
    case PUPDR:
        reg = s->pupdr;
        break;
    case IDR:
        reg = read_idr(g);
        break;
    case ODR:
        reg = s->odr;
        break;
    case BSRR:
        break; /* write-only, reads 0 */
    case LCKR:
        reg = read_lckr(g);
        break;
    case AFRL:
        reg = s->afr[0];
        break;
    case AFRH:
        reg = s->afr[1];
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    *value = regs_extract(reg, off, n_bytes);
    return true;
}

/* Mask of the register fields, `bits` wide each, that belong to locked pins (`first` pin in the lowest
 * field). */
static uint32_t locked_fields(const struct gpio_state *s, unsigned bits, unsigned first)
{
    uint32_t mask = 0;
    if (s->lock_step < 4) {
        return 0;
    }
    for (unsigned i = 0; i < 32U / bits && first + i < PINS; i++) {
        if (s->lock_mask & (1U << (first + i))) {
            mask |= ((1U << bits) - 1U) << (bits * i);
        }
    }
    return mask;
}

static void write_config(struct gpio *g, uint32_t *reg, uint32_t value, uint32_t locked)
{
    if ((*reg ^ value) & locked) {
        chip_violation(g->dev.chip, "%s: configuration of a locked pin changed (RM0090 8.3.6)", g->dev.name);
    }
    *reg = (*reg & locked) | (value & ~locked);
    apply(g);
}

/* RM0090 8.4.8: 1, 0, 1 to LCKK with the same pins, then a read. Anything else starts over. */
static void write_lckr(struct gpio *g, uint32_t value)
{
    struct gpio_state *s = &g->state;
    regs_reserved(&g->dev, "LCKR", value, 0x1FFFF);
    if (s->lock_step == 4) {
        return;
    }
    uint32_t pins = value & 0xFFFFU;
    bool key = (value & LCKK) != 0;
    bool wanted = s->lock_step != 1;
    if (s->lock_step == 3 || key != wanted || (s->lock_step > 0 && pins != s->lock_mask)) {
        s->lock_step = 0;
    }
    if (s->lock_step > 0 || key) {
        s->lock_step++;
    }
    s->lock_mask = pins;
}

static void write_bsrr(struct gpio *g, uint32_t value)
{
    struct gpio_state *s = &g->state;
    s->odr = (s->odr & ~(value >> 16)) | (value & 0xFFFFU); /* set wins over reset */
    apply_outputs(g);
}

static void write_reg(struct gpio *g, uint32_t reg, uint32_t value)
{
    struct gpio_state *s = &g->state;
    switch (reg) {
    case MODER:
        write_config(g, &s->moder, value, locked_fields(s, 2, 0));
        break;
    case OTYPER:
        regs_reserved(&g->dev, "OTYPER", value, 0xFFFF);
        write_config(g, &s->otyper, value & 0xFFFFU, locked_fields(s, 1, 0));
        break;
    case OSPEEDR:
        write_config(g, &s->ospeedr, value, locked_fields(s, 2, 0));
        break;
    case PUPDR:
        write_config(g, &s->pupdr, value, locked_fields(s, 2, 0));
        break;
    case IDR:
        regs_read_only(&g->dev, "IDR");
        break;
    case ODR:
        regs_reserved(&g->dev, "ODR", value, 0xFFFF);
        s->odr = value & 0xFFFFU;
        apply_outputs(g);
        break;
    case BSRR:
        write_bsrr(g, value);
        break;
    case LCKR:
        write_lckr(g, value);
        break;
    case AFRL:
        write_config(g, &s->afr[0], value, locked_fields(s, 4, 0));
        break;
    case AFRH:
        write_config(g, &s->afr[1], value, locked_fields(s, 4, 8));
        break;
    default:
        regs_hole(&g->dev, reg);
        break;
    }
}

static bool gpio_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct gpio *g = (struct gpio *)dev;
    const struct gpio_state *s = &g->state;
    uint32_t reg = off & ~3U;
    uint32_t old = 0; /* what the bytes outside a narrow write keep */
    switch (reg) {
    case MODER:
        old = s->moder;
        break;
    case OTYPER:
        old = s->otyper;
        break;
    case OSPEEDR:
        old = s->ospeedr;
        break;
    case PUPDR:
        old = s->pupdr;
        break;
    case ODR:
        old = s->odr;
        break;
    case AFRL:
        old = s->afr[0];
        break;
    case AFRH:
        old = s->afr[1];
        break;
    case LCKR:
        if (n_bytes != 4) {
            chip_violation(dev->chip, "%s: LCKR takes words only (RM0090 8.4.8)", dev->name);
        }
        break;
    default:
        break;
    }
    write_reg(g, reg, regs_merge(old, off, n_bytes, value));
    return true;
}

/* Reset values (RM0090 8.4): the debug port's pins PA13..15, PB3 and PB4 wake up as alternate functions. */
static void gpio_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct gpio *g = (struct gpio *)dev;
    struct gpio_state *s = &g->state;
    uint32_t driven = s->driven;
    uint32_t level = s->level;
    *s = (struct gpio_state){.driven = driven, .level = level};
    if (g->port == 'A') {
        s->moder = 0xA8000000;
        s->ospeedr = 0x0C000000;
        s->pupdr = 0x64000000;
    } else if (g->port == 'B') {
        s->moder = 0x00000280;
        s->ospeedr = 0x000000C0;
        s->pupdr = 0x00000100;
    }
    apply(g);
}

static const struct dev_ops gpio_ops = {.read = gpio_read, .write = gpio_write, .reset = gpio_reset};

void gpio_attach(struct chip *chip)
{
    static const char *const names[PORTS] = {"GPIOA", "GPIOB", "GPIOC", "GPIOD", "GPIOE",
                                             "GPIOF", "GPIOG", "GPIOH", "GPIOI"};
    for (unsigned i = 0; i < PORTS; i++) {
        struct gpio *g = chip_alloc(chip, sizeof *g);
        g->port = (char)('A' + (char)i);
        g->dev = (struct dev){.ops = &gpio_ops,
                              .name = names[i],
                              .base = 0x40020000U + PORT_STRIDE * i,
                              .n_bytes = PORT_STRIDE,
                              .chip = chip,
                              .state = &g->state,
                              .state_bytes = sizeof g->state};
        chip_add_dev(chip, &g->dev);
    }
}
