/* SYSCFG: RM0090 chapter 9. */
#include "dev/syscfg.h"

#include "regs.h"

enum { MEMRMP = 0x00, PMC = 0x04, EXTICR1 = 0x08, EXTICR4 = 0x14, CMPCR = 0x20, WINDOW = 0x400, REGS = 9 };
enum { MEM_MODE_FSMC = 2, CMPCR_READY = 1 << 8, PORTS = 9 };

struct syscfg_state {
    uint32_t reg[REGS];
};

struct syscfg {
    struct dev dev;
    struct syscfg_state s;
};

static bool is_register(uint32_t off)
{
    return off <= EXTICR4 || off == CMPCR;
}

static bool syscfg_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct syscfg *c = (struct syscfg *)dev;
    uint32_t word = off & ~3U;
    if (!is_register(word)) {
        regs_hole(dev, off);
        return true;
    }
    uint32_t v = c->s.reg[word / 4];
    *value = regs_extract(word == CMPCR && (v & 1) ? v | CMPCR_READY : v, off, n_bytes);
    return true;
}

static void set_ports(struct syscfg *c, uint32_t word, uint32_t value)
{
    unsigned first = (word - EXTICR1); /* four lines a register */
    for (unsigned i = 0; i < 4; i++) {
        unsigned port = (value >> (4 * i)) & 15;
        if (port >= PORTS) {
            chip_violation(c->dev.chip, "SYSCFG: EXTI line %u from port number %u, which is not there",
                           first + i, port);
            continue;
        }
        chip_set_exti_port(c->dev.chip, first + i, (char)('A' + port));
    }
}

static bool syscfg_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct syscfg *c = (struct syscfg *)dev;
    uint32_t word = off & ~3U;
    if (!is_register(word)) {
        regs_hole(dev, off);
        return true;
    }
    value = regs_merge(c->s.reg[word / 4], off, n_bytes, value);
    c->s.reg[word / 4] = value;
    if (word == MEMRMP) {
        regs_reserved(dev, "MEMRMP", value, 3);
        regs_unmodelled(dev, "FSMC at address 0", (value & 3) == MEM_MODE_FSMC);
        chip_set_alias(dev->chip, value & 3);
    } else if (word == PMC) {
        regs_reserved(dev, "PMC", value, 1U << 23);
    } else if (word == CMPCR) {
        regs_reserved(dev, "CMPCR", value & ~(uint32_t)CMPCR_READY, 1);
    } else {
        regs_reserved(dev, "EXTICR", value, 0xFFFF);
        set_ports(c, word, value);
    }
    return true;
}

/* MEMRMP follows BOOT0, which the board samples after this reset and sets by chip_set_alias. */
static void syscfg_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    ((struct syscfg *)dev)->s = (struct syscfg_state){0};
    set_ports((struct syscfg *)dev, EXTICR1, 0);
    set_ports((struct syscfg *)dev, EXTICR1 + 4, 0);
    set_ports((struct syscfg *)dev, EXTICR1 + 8, 0);
    set_ports((struct syscfg *)dev, EXTICR4, 0);
}

static const struct dev_ops ops = {.read = syscfg_read, .write = syscfg_write, .reset = syscfg_reset};

void syscfg_attach(struct chip *chip)
{
    struct syscfg *c = chip_alloc(chip, sizeof *c);
    c->dev = (struct dev){.ops = &ops,
                          .name = "SYSCFG",
                          .base = 0x40013800,
                          .n_bytes = WINDOW,
                          .state = &c->s,
                          .state_bytes = sizeof c->s};
    chip_add_dev(chip, &c->dev);
}
