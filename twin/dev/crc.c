/* CRC: RM0090 chapter 4. */
#include "dev/crc.h"

#include "regs.h"

enum { DR = 0x00, IDR = 0x04, CR = 0x08, CR_RESET_BIT = 1, WINDOW = 0x400 };

#define POLYNOMIAL 0x04C11DB7U

struct crc_state {
    uint32_t dr;
    uint32_t idr;
};

struct crc {
    struct dev dev;
    struct crc_state s;
};

static uint32_t step(uint32_t crc, uint32_t word)
{
    crc ^= word;
    for (int i = 0; i < 32; i++) {
        crc = crc & 0x80000000U ? crc << 1 ^ POLYNOMIAL : crc << 1;
    }
    return crc;
}

static bool crc_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct crc *c = (struct crc *)dev;
    if (off > CR + 3) {
        regs_hole(dev, off);
        return true;
    }
    uint32_t v = off / 4 == DR ? c->s.dr : off / 4 == IDR / 4 ? c->s.idr : 0;
    *value = regs_extract(v, off, n_bytes);
    return true;
}

static bool crc_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct crc *c = (struct crc *)dev;
    if (off == DR && n_bytes == 4) {
        c->s.dr = step(c->s.dr, value);
    } else if (off / 4 == DR) {
        chip_violation(dev->chip, "CRC: DR written with %u bytes, only words count (RM0090 4.4.1)", n_bytes);
    } else if (off == IDR) {
        c->s.idr = value & 0xFF;
    } else if (off == CR) {
        regs_reserved(dev, "CR", value & regs_mask(n_bytes), CR_RESET_BIT);
        c->s.dr = value & CR_RESET_BIT ? 0xFFFFFFFFU : c->s.dr;
    } else {
        regs_hole(dev, off);
    }
    return true;
}

static void crc_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    ((struct crc *)dev)->s = (struct crc_state){.dr = 0xFFFFFFFFU};
}

static const struct dev_ops ops = {.read = crc_read, .write = crc_write, .reset = crc_reset};

void crc_attach(struct chip *chip)
{
    struct crc *c = chip_alloc(chip, sizeof *c);
    c->s.dr = 0xFFFFFFFFU;
    c->dev = (struct dev){.ops = &ops,
                          .name = "CRC",
                          .base = 0x40023000,
                          .n_bytes = WINDOW,
                          .state = &c->s,
                          .state_bytes = sizeof c->s};
    chip_add_dev(chip, &c->dev);
}
