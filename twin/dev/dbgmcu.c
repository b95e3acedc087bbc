/* DBGMCU: RM0090 38.16. */
#include "dev/dbgmcu.h"

#include "regs.h"

enum { IDCODE = 0x00, CR = 0x04, APB1_FZ = 0x08, APB2_FZ = 0x0C, WINDOW = 0x400 };

#define IDCODE_LATER 0x10076413U /* device 0x413, revision 0x1007 */
#define IDCODE_A     0x20006411U /* the device number of another chip: an erratum of revision A (ES0182) */

struct dbgmcu_state {
    uint32_t reg[4];
};

struct dbgmcu {
    struct dev dev;
    struct dbgmcu_state s;
    uint32_t idcode;
};

static bool dbgmcu_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct dbgmcu *d = (struct dbgmcu *)dev;
    if (off > APB2_FZ + 3) {
        regs_hole(dev, off);
        return true;
    }
    uint32_t v = off / 4 == IDCODE ? d->idcode : d->s.reg[off / 4];
    *value = regs_extract(v, off, n_bytes);
    return true;
}

static bool dbgmcu_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    static const uint32_t legal[4] = {0, 0x000000E7, 0x06E01DFF, 0x00070003};
    static const char *const name[4] = {"IDCODE", "CR", "APB1_FZ", "APB2_FZ"};
    struct dbgmcu *d = (struct dbgmcu *)dev;
    if (off > APB2_FZ + 3) {
        regs_hole(dev, off);
        return true;
    }
    if (off / 4 == IDCODE) {
        regs_read_only(dev, "IDCODE");
        return true;
    }
    uint32_t *reg = &d->s.reg[off / 4];
    *reg = regs_merge(*reg, off, n_bytes, value);
    regs_reserved(dev, name[off / 4], *reg, legal[off / 4]);
    return true;
}

static void dbgmcu_reset(struct dev *dev, enum dev_reset kind)
{
    if (kind == DEV_RESET_POWER) {
        ((struct dbgmcu *)dev)->s = (struct dbgmcu_state){0};
    }
}

static const struct dev_ops ops = {.read = dbgmcu_read, .write = dbgmcu_write, .reset = dbgmcu_reset};

void dbgmcu_attach(struct chip *chip, bool is_revision_a)
{
    struct dbgmcu *d = chip_alloc(chip, sizeof *d);
    d->idcode = is_revision_a ? IDCODE_A : IDCODE_LATER;
    d->dev = (struct dev){.ops = &ops,
                          .name = "DBGMCU",
                          .base = 0xE0042000,
                          .n_bytes = WINDOW,
                          .state = &d->s,
                          .state_bytes = sizeof d->s};
    chip_add_dev(chip, &d->dev);
}
