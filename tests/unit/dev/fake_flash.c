#include "fake_flash.h"

#include <string.h>

#include "fake_chip.h"

enum {
    KEYR = 0x04,
    OPTKEYR = 0x08,
    SR = 0x0C,
    CR = 0x10,
    OPTCR = 0x14,
    CR_PG = 1 << 0,
    CR_SER = 1 << 1,
    CR_MER = 1 << 2,
    CR_STRT = 1 << 16,
    SR_BSY = 1 << 16,
    OPTCR_OPTLOCK = 1,
    OPTCR_OPTSTRT = 2,
    VERSION_OFF = 0x77DE /* AN2606: bootloader identity */
};
static const uint32_t cr_lock = 0x80000000U;

static struct fake_flash *of(struct dev *dev)
{
    return dev->state;
}

static bool is_busy(const struct fake_flash *f)
{
    return chip_now_ps(f->chip) < f->busy_until_ps;
}

static void erase(struct fake_flash *f)
{
    static const uint32_t start[13] = {0x00000, 0x04000, 0x08000, 0x0C000, 0x10000, 0x20000, 0x40000,
                                       0x60000, 0x80000, 0xA0000, 0xC0000, 0xE0000, 0x100000};
    unsigned sector = (f->cr >> 3) & 15U;
    if (f->cr & CR_MER) {
        memset(f->bytes, 0xFF, sizeof f->bytes);
        f->mass_erases++;
    } else if ((f->cr & CR_SER) && sector < 12) {
        memset(&f->bytes[start[sector]], 0xFF, start[sector + 1] - start[sector]);
        f->erases++;
    } else {
        f->refused++;
        return;
    }
    f->busy_until_ps = chip_now_ps(f->chip) + f->erase_ps;
}

static void write_cr(struct fake_flash *f, uint32_t value)
{
    if ((f->cr & cr_lock) || is_busy(f)) {
        f->refused++;
        return;
    }
    f->cr = value & ~(uint32_t)CR_STRT;
    if (value & CR_STRT) {
        erase(f);
    }
}

static void write_optcr(struct fake_flash *f, uint32_t value)
{
    if ((f->optcr & OPTCR_OPTLOCK) || is_busy(f)) {
        f->refused++;
        return;
    }
    f->optcr = value & ~(uint32_t)OPTCR_OPTSTRT;
    if (value & OPTCR_OPTSTRT) {
        f->option_writes++;
        f->busy_until_ps = chip_now_ps(f->chip) + f->erase_ps;
    }
}

static bool register_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct fake_flash *f = of(dev);
    *value = off == SR      ? (is_busy(f) ? (uint32_t)SR_BSY : 0U)
             : off == CR    ? f->cr
             : off == OPTCR ? f->optcr
                            : 0U;
    return n_bytes == 4;
}

static bool register_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct fake_flash *f = of(dev);
    if (off == KEYR) {
        f->keys = f->keys == 1 && value == 0xCDEF89AB ? 2 : value == 0x45670123;
        f->cr = f->keys == 2 ? f->cr & ~cr_lock : f->cr;
    } else if (off == OPTKEYR) {
        f->optkeys = f->optkeys == 1 && value == 0x4C5D6E7F ? 2 : value == 0x08192A3B;
        f->optcr = f->optkeys == 2 ? f->optcr & ~(uint32_t)OPTCR_OPTLOCK : f->optcr;
    } else if (off == CR) {
        write_cr(f, value);
    } else if (off == OPTCR) {
        write_optcr(f, value);
    }
    return n_bytes == 4;
}

static bool memory_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        *value |= (uint32_t)of(dev)->bytes[off + i] << (8U * i);
    }
    return true;
}

static bool memory_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct fake_flash *f = of(dev);
    bool allowed = !(f->cr & cr_lock) && (f->cr & CR_PG) && 1U << (f->cr >> 8 & 3U) == n_bytes &&
                   !is_busy(f) && off % n_bytes == 0;
    if (!allowed) {
        f->refused++;
        return true;
    }
    for (unsigned i = 0; i < n_bytes; i++) {
        f->bytes[off + i] &= (uint8_t)(value >> (8U * i));
    }
    f->programs++;
    f->last_unit_bytes = n_bytes;
    f->busy_until_ps = chip_now_ps(f->chip) + f->program_ps;
    return true;
}

static bool system_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    (void)dev;
    *value = off == VERSION_OFF ? 0x91 : 0;
    return n_bytes == 1;
}

static bool system_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    (void)dev;
    (void)off;
    (void)n_bytes;
    (void)value;
    return false;
}

static void no_reset(struct dev *dev, enum dev_reset kind)
{
    (void)dev;
    (void)kind;
}

static const struct dev_ops register_ops = {
    .read = register_read, .write = register_write, .reset = no_reset};
static const struct dev_ops memory_ops = {.read = memory_read, .write = memory_write, .reset = no_reset};
static const struct dev_ops system_ops = {.read = system_read, .write = system_write, .reset = no_reset};

struct fake_flash *fake_flash_attach(struct chip *chip)
{
    struct fake_flash *f = chip_alloc(chip, sizeof *f);
    f->chip = chip;
    f->cr = cr_lock;
    f->optcr = 0x0FFFAAED;
    f->program_ps = 16 * FAKE_US;
    f->erase_ps = 1000 * FAKE_MS;
    memset(f->bytes, 0xFF, sizeof f->bytes);
    f->registers = (struct dev){.ops = &register_ops, .name = "FLASH", .base = 0x40023C00, .n_bytes = 0x18};
    f->memory = (struct dev){.ops = &memory_ops, .name = "flash", .base = FAKE_FLASH_BASE};
    f->memory.n_bytes = FAKE_FLASH_BYTES;
    f->system =
        (struct dev){.ops = &system_ops, .name = "system memory", .base = 0x1FFF0000, .n_bytes = 0x7A10};
    f->registers.state = f;
    f->memory.state = f;
    f->system.state = f;
    chip_add_dev(chip, &f->registers);
    chip_add_dev(chip, &f->memory);
    chip_add_dev(chip, &f->system);
    return f;
}
