/* FLASH: RM0090 chapter 3 (STM32F405/407). Registers, and who may begin an operation; flash_op.c carries it out. */
#include "dev/flash_if.h"

#include "flash_op.h"
#include "flash_regs.h"
#include "regs.h"

#include <string.h>

/* --- programming --- */

static bool refuse(struct flash_if *f, uint32_t flags, uint32_t addr, const char *why)
{
    flash_op_raise(f, flags);
    chip_violation(f->dev.chip, "FLASH: store to 0x%08X: %s", (unsigned)addr, why);
    return true;
}

static uint32_t little(const uint8_t *p, unsigned n_bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        value |= (uint32_t)p[i] << (8 * i);
    }
    return value;
}

/*
 * What the store makes of the cells. RM0090 3.6.4 allows a second program without an erase that only clears bits: in the one-time
 * area, which cannot be erased, this is how it grows. In the array it is a violation all the same, unless the value is zero: after a
 * cut the cells may be half programmed, and axiom F3 of docs/POWERCUT.md does not count on a second program then.
 */
static void check_cell(struct flash_if *f, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    uint32_t found = little(flash_op_bytes_at(f, addr), n_bytes);
    bool is_blank = found == UINT32_MAX >> (32 - 8 * n_bytes);
    if (value == 0) {
        return;
    }
    if (value & ~found) {
        chip_violation(
            f->dev.chip,
            "FLASH: value 0x%X programmed at 0x%08X, which is not blank and reads 0x%X: the result is "
            "the AND, and writing 1 needs an erase (RM0090 3.6.4)",
            (unsigned)value, (unsigned)addr, (unsigned)found);
    } else if (addr < OTP_BASE && !is_blank) {
        chip_violation(
            f->dev.chip,
            "FLASH: non-zero value 0x%X programmed at 0x%08X, which is not blank: RM0090 3.6.4 allows "
            "it, but after a cut it proves nothing (axiom F3)",
            (unsigned)value, (unsigned)addr);
    } else if (addr < OTP_BASE && flash_cells_any_suspect(f->cells, addr - ARRAY_BASE, n_bytes)) {
        chip_violation(
            f->dev.chip,
            "FLASH: non-zero value 0x%X programmed at 0x%08X, which reads blank but was not erased to "
            "the end or programmed to the end: the result proves nothing (axiom F3)",
            (unsigned)value, (unsigned)addr);
    }
}

/* The common checks of a store, in the order the flags would come. @return true: go on and program */
static bool may_program(struct flash_if *f, uint32_t addr, unsigned n_bytes)
{
    if (!(f->s.v.cr & CR_PG)) {
        const char *why = f->s.v.cr & CR_LOCK ? "program without unlock, FLASH_CR.LOCK=1 (RM0090 3.5.1)"
                                              : "program with FLASH_CR.PG=0 (RM0090 3.6.4)";
        return !refuse(f, SR_PGSERR | SR_PGPERR, addr, why);
    }
    if (f->s.v.cr & (CR_SER | CR_MER)) {
        return !refuse(f, SR_PGSERR, addr, "PG together with SER or MER (RM0090 3.9.8)");
    }
    if (n_bytes != 1U << flash_op_psize(f)) {
        return !refuse(f, SR_PGPERR, addr, "access width is not PSIZE (RM0090 3.6.2)");
    }
    if (addr % n_bytes) {
        return !refuse(f, SR_PGPERR, addr, "not aligned to its width (RM0090 3.6.4)");
    }
    return true;
}

static bool store_array(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    struct flash_if *f = ctx;
    if (!flash_op_wait(f) || !may_program(f, addr, n_bytes)) {
        return true;
    }
    if (flash_op_is_protected(f, flash_if_sector(addr - ARRAY_BASE))) {
        return refuse(f, SR_WRPERR, addr, "the sector is write-protected (RM0090 3.7.4)");
    }
    check_cell(f, addr, n_bytes, value);
    struct flash_op op = {.kind = OP_PROGRAM, .addr = addr, .n_bytes = n_bytes};
    for (unsigned i = 0; i < n_bytes; i++) {
        op.value[i] = (uint8_t)(value >> (8 * i));
    }
    flash_op_begin(f, &op);
    return true;
}

/* One-time area: a lock byte of 00 closes its block (RM0090 3.8). */
static bool store_otp(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    struct flash_if *f = ctx;
    if (!flash_op_wait(f) || !may_program(f, addr, n_bytes)) {
        return true;
    }
    uint32_t block = (addr - OTP_BASE) / OTP_BLOCK_BYTES;
    if (block < OTP_BLOCKS && f->s.otp[OTP_BLOCKS * OTP_BLOCK_BYTES + block] == 0) {
        return refuse(f, SR_WRPERR, addr, "the one-time block is locked (RM0090 3.8)");
    }
    check_cell(f, addr, n_bytes, value);
    struct flash_op op = {.kind = OP_PROGRAM, .addr = addr, .n_bytes = n_bytes};
    for (unsigned i = 0; i < n_bytes; i++) {
        op.value[i] = (uint8_t)(value >> (8 * i));
    }
    flash_op_begin(f, &op);
    return true;
}

/* --- registers --- */

/* RM0090 table 10: HCLK per wait state, by supply. */
static void check_latency(void *ctx)
{
    struct flash_if *f = ctx;
    uint32_t vdd_mv = chip_vdd_mv(f->dev.chip);
    uint32_t step_hz = vdd_mv >= 2700   ? 30000000
                       : vdd_mv >= 2400 ? 24000000
                       : vdd_mv >= 2100 ? 22000000
                                        : 20000000;
    uint32_t hclk_hz = chip_clock_hz(f->dev.chip, CHIP_HCLK);
    uint32_t latency = f->s.v.acr & 7;
    if (hclk_hz > (latency + 1) * step_hz) {
        chip_violation(f->dev.chip,
                       "FLASH: %u wait states at HCLK %u Hz and %u mV are too few (RM0090 table 10)",
                       (unsigned)latency, (unsigned)hclk_hz, (unsigned)vdd_mv);
    }
}

static void write_acr(struct flash_if *f, uint32_t value)
{
    struct chip *chip = f->dev.chip;
    uint32_t old = f->s.v.acr;
    regs_reserved(&f->dev, "ACR", value, ACR_LEGAL);
    if ((value & ACR_ICRST) && ((old | value) & ACR_ICEN)) {
        chip_violation(chip, "FLASH: ACR.ICRST written while the instruction cache is on (RM0090 3.9.3)");
    }
    if ((value & ACR_DCRST) && ((old | value) & ACR_DCEN)) {
        chip_violation(chip, "FLASH: ACR.DCRST written while the data cache is on (RM0090 3.9.3)");
    }
    if ((value & ACR_PRFTEN) && chip_vdd_mv(chip) < 2100) {
        chip_violation(chip, "FLASH: prefetch on below 2.1 V (RM0090 3.5.2)");
    }
    if ((value & ACR_PRFTEN) && f->config.is_revision_a) {
        chip_violation(chip, "FLASH: prefetch on in silicon of revision A (ES0182)");
    }
    f->s.v.acr = value & ACR_LEGAL;
    if ((value & ACR_DCRST) && !((old | value) & ACR_DCEN)) {
        f->s.v.dcache_used = 0;
        f->s.v.dcache_stale = 0;
    }
    if (value & ACR_DCEN) {
        f->s.v.dcache_used = 1;
    }
    flash_op_watch_dcache(f);
    check_latency(f);
}

/* Two keys in order; anything else is a bus error and locks until reset (RM0090 3.5.1). */
static bool write_key(struct flash_if *f, uint32_t *step, uint32_t key, const uint32_t keys[2],
                      const char *reg)
{
    if (*step < 2 && key == keys[*step]) {
        *step += 1;
        return true;
    }
    *step = 3;
    chip_violation(f->dev.chip, "FLASH: wrong key 0x%08X in %s: bus error, locked until reset (RM0090 3.5.1)",
                   (unsigned)key, reg);
    return false;
}

static bool write_keyr(struct flash_if *f, uint32_t key)
{
    static const uint32_t keys[2] = {0x45670123U, 0xCDEF89ABU};
    if (!(f->s.v.cr & CR_LOCK)) {
        chip_violation(f->dev.chip, "FLASH: KEYR written although CR is unlocked (RM0090 3.5.1)");
        return true;
    }
    if (!write_key(f, &f->s.v.key_step, key, keys, "KEYR")) {
        return false;
    }
    if (f->s.v.key_step == 2) {
        f->s.v.key_step = 0;
        f->s.v.cr &= ~CR_LOCK;
    }
    return true;
}

static bool write_optkeyr(struct flash_if *f, uint32_t key)
{
    static const uint32_t keys[2] = {0x08192A3BU, 0x4C5D6E7FU};
    if (!write_key(f, &f->s.v.optkey_step, key, keys, "OPTKEYR")) {
        return false;
    }
    if (f->s.v.optkey_step == 2) {
        f->s.v.optkey_step = 0;
        f->s.v.optcr &= ~(uint32_t)OPTCR_LOCK;
    }
    return true;
}

static void write_sr(struct flash_if *f, uint32_t value)
{
    regs_reserved(&f->dev, "SR", value & ~(uint32_t)SR_BSY, SR_FLAGS);
    f->s.v.sr &= ~(value & SR_FLAGS);
    flash_op_update_irq(f);
}

static void start_erase(struct flash_if *f)
{
    uint32_t cr = f->s.v.cr;
    unsigned sector = (cr >> 3) & 15;
    if (cr & CR_MER) {
        if ((f->s.options & OPTCR_NWRP) != OPTCR_NWRP) {
            (void)refuse(f, SR_WRPERR, ARRAY_BASE,
                         "mass erase while a sector is write-protected (RM0090 3.7.4)");
            return;
        }
        struct flash_op op = {
            .kind = OP_MASS_ERASE, .addr = ARRAY_BASE, .n_bytes = flash_if_sector_off(f->config.n_sectors)};
        flash_op_begin(f, &op);
        return;
    }
    if (sector >= f->config.n_sectors) {
        chip_violation(f->dev.chip, "FLASH: erase of sector %u, the last is %u (RM0090 3.9.8)", sector,
                       (unsigned)f->config.n_sectors - 1);
        return;
    }
    uint32_t addr = ARRAY_BASE + flash_if_sector_off(sector);
    if (flash_op_is_protected(f, sector)) {
        (void)refuse(f, SR_WRPERR, addr, "erase of a write-protected sector (RM0090 3.7.4)");
        return;
    }
    struct flash_op op = {.kind = OP_ERASE,
                          .addr = addr,
                          .sector = sector,
                          .n_bytes = flash_if_sector_off(sector + 1) - flash_if_sector_off(sector)};
    flash_op_begin(f, &op);
}

static void write_cr(struct flash_if *f, uint32_t value)
{
    struct chip *chip = f->dev.chip;
    if (f->s.v.cr & CR_LOCK) {
        if (value != f->s.v.cr) {
            chip_violation(chip, "FLASH: CR written while LOCK=1: no effect (RM0090 3.5.1)");
        }
        return;
    }
    regs_reserved(&f->dev, "CR", value, CR_LEGAL);
    f->s.v.cr = value & CR_LEGAL;
    flash_op_update_irq(f);
    if (!(value & CR_STRT)) {
        return;
    }
    f->s.v.cr &= ~(uint32_t)CR_STRT;
    if (!(value & (CR_SER | CR_MER)) || (value & CR_PG)) {
        chip_violation(chip, "FLASH: CR.STRT with SER=MER=0 or with PG: unpredictable (RM0090 3.9.8)");
        return;
    }
    if ((value & (CR_SER | CR_MER)) == (CR_SER | CR_MER)) {
        chip_violation(chip, "FLASH: CR.STRT with SER and MER: this erases everything (RM0090 3.6.3)");
    }
    start_erase(f);
    if (f->s.v.sr & SR_BSY) {
        f->s.v.cr |= CR_STRT; /* stands until the end of the operation */
    }
}

static void write_optcr(struct flash_if *f, uint32_t value)
{
    struct chip *chip = f->dev.chip;
    if (f->s.v.optcr & OPTCR_LOCK) {
        chip_violation(chip, "FLASH: OPTCR written while OPTLOCK=1: no effect (RM0090 3.7.2)");
        return;
    }
    regs_reserved(&f->dev, "OPTCR", value, OPTCR_LEGAL);
    f->s.v.optcr = value & OPTCR_LEGAL & ~(uint32_t)OPTCR_STRT;
    if (!(value & OPTCR_STRT)) {
        return;
    }
    if (((f->s.options >> 8) & 0xFF) == RDP_LEVEL_2) {
        chip_violation(chip,
                       "FLASH: option bytes started at RDP level 2: they are fixed for ever (RM0090 3.7.3)");
        return;
    }
    struct flash_op op = {.kind = OP_OPTIONS};
    flash_op_begin(f, &op);
    f->s.v.optcr |= OPTCR_STRT;
}

/* --- bus --- */

static bool flash_read(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t *value)
{
    struct flash_if *f = (struct flash_if *)dev;
    const struct flash_volatile *v = &f->s.v;
    const uint32_t reg[] = {v->acr, 0, 0, v->sr, v->cr, v->optcr};
    if (off / 4 >= sizeof reg / sizeof reg[0]) {
        regs_hole(dev, off);
        return true;
    }
    *value = regs_extract(reg[off / 4], off, n_bytes);
    return true;
}

static bool flash_write(struct dev *dev, uint32_t off, unsigned n_bytes, uint32_t value)
{
    struct flash_if *f = (struct flash_if *)dev;
    uint32_t word = off & ~3U;
    switch (word) {
    case ACR:
        write_acr(f, regs_merge(f->s.v.acr, off, n_bytes, value));
        break;
    case KEYR:
        return write_keyr(f, value);
    case OPTKEYR:
        return write_optkeyr(f, value);
    case SR:
        write_sr(f, regs_merge(0, off, n_bytes, value));
        break;
    case CR:
        if (flash_op_wait(f)) {
            write_cr(f, regs_merge(f->s.v.cr, off, n_bytes, value));
        }
        break;
    case OPTCR:
        if (flash_op_wait(f)) {
            write_optcr(f, regs_merge(f->s.v.optcr, off, n_bytes, value));
        }
        break;
    default:
        regs_hole(dev, off);
        break;
    }
    return true;
}

static void flash_reset(struct dev *dev, enum dev_reset kind)
{
    (void)kind;
    struct flash_if *f = (struct flash_if *)dev;
    flash_op_tear(f);
    chip_event_cancel(dev->chip, f->done_event);
    chip_event_cancel(dev->chip, f->cut_event);
    memset(&f->s.v, 0, sizeof f->s.v);
    f->s.v.cr = CR_LOCK;
    f->s.v.optcr = f->s.options | OPTCR_LOCK;
    chip_set_options(dev->chip, f->s.v.optcr);
    chip_flash_open(dev->chip, true);
    chip_watch_flash(dev->chip, false);
}

static const struct dev_ops ops = {.read = flash_read, .write = flash_write, .reset = flash_reset};

struct dev *flash_if_attach(struct chip *chip, uint8_t *array, const struct flash_if_config *config)
{
    struct flash_if *f = chip_alloc(chip, sizeof *f);
    f->config = *config;
    f->config.n_sectors = config->n_sectors ? config->n_sectors : FLASH_IF_SECTORS;
    f->array = array;
    f->cells = chip_alloc(chip, sizeof *f->cells);
    chip_add_state(chip, "flash cells", f->cells, sizeof *f->cells);
    memset(array, 0xFF, FLASH_IF_BYTES);
    memset(f->s.otp, 0xFF, sizeof f->s.otp);
    flash_op_set_options(f, FLASH_IF_OPTCR_FACTORY);
    f->s.v.cr = CR_LOCK;
    f->s.v.optcr = f->s.options | OPTCR_LOCK;
    f->dev = (struct dev){.ops = &ops,
                          .name = "FLASH",
                          .base = 0x40023C00,
                          .n_bytes = WINDOW,
                          .state = &f->s,
                          .state_bytes = sizeof f->s};
    chip_add_dev(chip, &f->dev);
    chip_add_memory(chip, &(struct chip_memory){.name = "flash array",
                                                .base = ARRAY_BASE,
                                                .bytes = array,
                                                .n_bytes = flash_if_sector_off(f->config.n_sectors),
                                                .store = store_array,
                                                .ctx = f});
    chip_add_memory(chip, &(struct chip_memory){.name = "one-time area",
                                                .base = OTP_BASE,
                                                .bytes = f->s.otp,
                                                .n_bytes = FLASH_IF_OTP_BYTES,
                                                .is_rom = true, /* already in this model's state */
                                                .store = store_otp,
                                                .ctx = f});
    chip_add_memory(chip, &(struct chip_memory){.name = "option bytes",
                                                .base = OPTIONS_BASE,
                                                .bytes = f->s.option_bytes,
                                                .n_bytes = OPTION_BYTES,
                                                .is_rom = true});
    f->done_event = chip_event_add(chip, "flash operation done", flash_op_done, f);
    f->cut_event = chip_event_add(chip, "planned power cut", flash_op_cut, f);
    chip_set_options(chip, f->s.v.optcr);
    chip_on_clock_change(chip, check_latency, f);
    chip_on_flash_load(chip, flash_op_loaded, f);
    return &f->dev;
}

/* --- the board's side --- */

const struct flash_if_stats *flash_if_stats(const struct dev *flash)
{
    return &((const struct flash_if *)flash)->s.stats;
}

bool flash_if_plan_cut(struct dev *flash, uint64_t op, struct flash_cut_pair cut)
{
    struct flash_if *f = (struct flash_if *)flash;
    struct flash_plan *room = flash_op_plan_for(f, 0);
    if (op <= f->s.stats.ops || !room) {
        return false;
    }
    *room = (struct flash_plan){op, cut};
    return true;
}

void flash_if_forget_plans(struct dev *flash)
{
    memset(((struct flash_if *)flash)->s.plan, 0, sizeof((struct flash_if *)flash)->s.plan);
}

void flash_if_set_options(struct dev *flash, uint32_t optcr)
{
    flash_op_set_options((struct flash_if *)flash, optcr);
}

uint32_t flash_if_options(const struct dev *flash)
{
    return ((const struct flash_if *)flash)->s.options;
}

struct flash_cells *flash_if_cells(struct dev *flash)
{
    return ((struct flash_if *)flash)->cells;
}

void flash_if_store(struct dev *flash, uint32_t off, const void *bytes, uint32_t n_bytes)
{
    struct flash_if *f = (struct flash_if *)flash;
    memcpy(f->array + off, bytes, n_bytes);
    flash_cells_store(f->cells, f->array, off, n_bytes);
}

void flash_if_store_otp(struct dev *flash, uint32_t off, const void *bytes, uint32_t n_bytes)
{
    memcpy(((struct flash_if *)flash)->s.otp + off, bytes, n_bytes);
}

void flash_if_boot(struct dev *flash)
{
    struct flash_if *f = (struct flash_if *)flash;
    if (flash_cells_boot(f->cells, f->array, f->config.seed) != 0) {
        chip_code_changed(f->dev.chip, ARRAY_BASE, FLASH_IF_BYTES);
    }
}

void flash_if_wear(struct dev *flash, unsigned sector, enum flash_wear wear)
{
    struct flash_if *f = (struct flash_if *)flash;
    flash_cells_wear(f->cells, f->array, sector, wear);
    flash_op_code_upset(f, flash_if_sector_off(sector));
}
