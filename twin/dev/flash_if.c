/* FLASH: RM0090 chapter 3 (STM32F405/407). */
#include "dev/flash_if.h"

#include "flash_regs.h"
#include "flash_times.h"
#include "regs.h"

#include <string.h>

enum op_kind { OP_NONE, OP_PROGRAM, OP_ERASE, OP_MASS_ERASE, OP_OPTIONS };

/** The operation under way. */
struct flash_op {
    uint32_t kind;
    uint32_t addr;
    uint32_t n_bytes;
    uint32_t sector;
    uint8_t value[8];
    uint64_t end_ps;
    uint64_t number;
};

struct flash_plan {
    uint64_t op; /* 0: free */
    struct flash_cut_pair cut;
};

/** Lost by reset. */
struct flash_volatile {
    uint32_t acr;
    uint32_t sr;
    uint32_t cr;
    uint32_t optcr;
    uint32_t key_step; /* 0, 1: first key seen; 2: locked until reset */
    uint32_t optkey_step;
    bool is_planned; /* the cut under way: */
    struct flash_cut_pair cut;
    uint32_t dcache_used;  /* 1: DCEN was on since the cache was reset */
    uint32_t dcache_stale; /* bit n: sector n was erased meanwhile */
    struct flash_op op;
};

struct flash_state {
    struct flash_volatile v;
    uint32_t options; /* non-volatile, as OPTCR without its lock bits */
    uint8_t otp[FLASH_IF_OTP_BYTES];
    uint8_t option_bytes[OPTION_BYTES];
    struct flash_plan plan[FLASH_IF_MAX_PLANS];
    struct flash_if_stats stats;
};

struct flash_if {
    struct dev dev;
    struct flash_state s;
    struct flash_if_config config;
    struct flash_cells *cells;
    uint8_t *array;
    unsigned done_event;
    unsigned cut_event;
};

static unsigned psize(const struct flash_if *f)
{
    return (f->s.v.cr >> 8) & 3;
}

static uint64_t op_us(const struct flash_if *f, const struct flash_op *op)
{
    if (f->config.hasty_timing) {
        return op->kind == OP_PROGRAM ? 4 : 100;
    }
    switch (op->kind) {
    case OP_PROGRAM:
        return flash_times_program_us(f->config.maximum_timing);
    case OP_ERASE:
        return flash_times_erase_us(op->n_bytes, psize(f), f->config.maximum_timing);
    case OP_MASS_ERASE:
        return flash_times_erase_us(FLASH_IF_BYTES, psize(f), f->config.maximum_timing);
    default:
        return OPTIONS_US;
    }
}

/* --- flags --- */

static void update_irq(struct flash_if *f)
{
    uint32_t sr = f->s.v.sr;
    uint32_t cr = f->s.v.cr;
    chip_irq(f->dev.chip, IRQ_FLASH,
             ((sr & SR_EOP) && (cr & CR_EOPIE)) || ((sr & SR_OPERR) && (cr & CR_ERRIE)));
}

/** OPERR comes with the error only if its interrupt is enabled (RM0090 3.9.7). */
static void raise(struct flash_if *f, uint32_t flags)
{
    f->s.v.sr |= flags | (f->s.v.cr & CR_ERRIE ? SR_OPERR : 0);
    update_irq(f);
}

static bool is_write_protected(const struct flash_if *f, unsigned sector)
{
    return !((f->s.options >> (16 + sector)) & 1U);
}

/** The option bytes as memory shows them (RM0090 table 14): RDP and user at +0, nWRP at +8. */
static void set_options(struct flash_if *f, uint32_t optcr)
{
    uint8_t *b = f->s.option_bytes;
    f->s.options = optcr & OPTCR_LEGAL & ~3U;
    memset(b, 0xFF, sizeof f->s.option_bytes);
    b[0] = (uint8_t)((optcr & 0xECU) | 0x13U);
    b[1] = (uint8_t)(optcr >> 8);
    b[8] = (uint8_t)(optcr >> 16);
    b[9] = (uint8_t)(0xF0U | ((optcr >> 24) & 0x0FU));
}

/* --- start and end of an operation --- */

static uint8_t *bytes_at(struct flash_if *f, uint32_t addr)
{
    return addr >= OTP_BASE ? f->s.otp + (addr - OTP_BASE) : f->array + (addr - ARRAY_BASE);
}

static struct flash_plan *plan_for(struct flash_if *f, uint64_t op)
{
    for (size_t i = 0; i < FLASH_IF_MAX_PLANS; i++) {
        if (f->s.plan[i].op == op) {
            return &f->s.plan[i];
        }
    }
    return NULL;
}

static enum flash_cut cut_of(const struct flash_cut_pair *cut, const struct flash_op *op)
{
    return op->kind == OP_PROGRAM ? cut->program : cut->erase;
}

/** When the supply goes: at once, in the middle, or when nothing is left to see. */
static void schedule_cut(struct flash_if *f, struct flash_plan *plan, uint64_t now_ps)
{
    uint64_t whole_ps = f->s.v.op.end_ps - now_ps;
    enum flash_cut cut = cut_of(&plan->cut, &f->s.v.op);
    bool is_late = cut == FLASH_CUT_COMPLETE || cut == FLASH_CUT_FADES || cut == FLASH_CUT_FADES_LATE;
    uint64_t after_ps = cut == FLASH_CUT_BEFORE ? 0 : is_late ? whole_ps - whole_ps / 100 : whole_ps / 2;
    f->s.v.is_planned = true;
    f->s.v.cut = plan->cut;
    plan->op = 0;
    chip_event_at(f->dev.chip, f->cut_event, now_ps + after_ps);
}

static void check_supply(struct flash_if *f)
{
    uint32_t vdd_mv = chip_vdd_mv(f->dev.chip);
    if (vdd_mv < flash_times_supply_min_mv(psize(f))) {
        chip_violation(f->dev.chip,
                       "FLASH: PSIZE=x%u at %u mV needs %u mV; the value may not last (RM0090 3.6.2)",
                       8U << psize(f), (unsigned)vdd_mv, (unsigned)flash_times_supply_min_mv(psize(f)));
    }
    if (psize(f) == 3) {
        chip_violation(f->dev.chip,
                       "FLASH: PSIZE=x64 needs an external VPP, which the board lacks (RM0090 3.6.2)");
    }
    if (chip_clock_hz(f->dev.chip, CHIP_HCLK) < 1000000) {
        chip_violation(f->dev.chip, "FLASH: operation with HCLK below 1 MHz (RM0090 3.6)");
    }
    if (f->s.v.sr & SR_ERRORS) {
        chip_violation(f->dev.chip,
                       "FLASH: operation begun with error flags 0x%02X still set in SR (RM0090 3.6.4)",
                       (unsigned)(f->s.v.sr & SR_ERRORS));
    }
}

static void begin(struct flash_if *f, const struct flash_op *op)
{
    struct chip *chip = f->dev.chip;
    uint64_t now_ps = chip_now_ps(chip);
    check_supply(f);
    f->s.v.op = *op;
    f->s.v.op.number = ++f->s.stats.ops;
    f->s.v.op.end_ps = now_ps + op_us(f, op) * PS_PER_US;
    f->s.v.sr |= SR_BSY;
    f->s.v.is_planned = false;
    if (op->kind == OP_PROGRAM) {
        f->s.stats.programs++;
        if (op->addr - ARRAY_BASE < FLASH_IF_BYTES) {
            f->s.stats.programs_in[flash_if_sector(op->addr - ARRAY_BASE)]++;
        }
    } else if (op->kind == OP_ERASE) {
        f->s.stats.erases[op->sector]++;
    } else if (op->kind == OP_MASS_ERASE) {
        for (unsigned i = 0; i < FLASH_IF_SECTORS; i++) {
            f->s.stats.erases[i]++;
        }
    }
    f->s.stats.busy_ps += f->s.v.op.end_ps - now_ps;
    chip_flash_open(chip, false);
    chip_event_at(chip, f->done_event, f->s.v.op.end_ps);
    struct flash_plan *plan = plan_for(f, f->s.v.op.number);
    if (plan) {
        schedule_cut(f, plan, now_ps);
    }
}

/* --- data cache --- */

static void watch_dcache(struct flash_if *f)
{
    chip_watch_flash(f->dev.chip, (f->s.v.acr & ACR_DCEN) && f->s.v.dcache_stale);
}

/** A load while the cache is on and a sector was erased under it (RM0090 3.5.3): the first in each such
 * sector counts. */
static void flash_loaded(void *ctx, uint32_t addr)
{
    struct flash_if *f = ctx;
    uint32_t bit = 1U << flash_if_sector(addr - ARRAY_BASE);
    if (f->s.v.dcache_stale & bit) {
        chip_violation(
            f->dev.chip,
            "FLASH: load from 0x%08X, erased while the data cache was in use and not reset since: may "
            "be stale (RM0090 3.5.3)",
            (unsigned)addr);
        f->s.v.dcache_stale &= ~bit;
        watch_dcache(f);
    }
}

static void note_erased(struct flash_if *f, uint32_t off, uint32_t n_bytes)
{
    for (unsigned i = 0; f->s.v.dcache_used && i < FLASH_IF_SECTORS; i++) {
        if (flash_if_sector_off(i) >= off && flash_if_sector_off(i) < off + n_bytes) {
            f->s.v.dcache_stale |= 1U << i;
        }
    }
    watch_dcache(f);
}

static void erase_bytes(struct flash_if *f, uint32_t off, uint32_t n_bytes)
{
    flash_cells_erase(f->cells, f->array, off, n_bytes);
    note_erased(f, off, n_bytes);
    chip_code_changed(f->dev.chip, ARRAY_BASE + off, n_bytes);
}

/** Words of the sector read otherwise than before. */
static void code_upset(struct flash_if *f, uint32_t off)
{
    unsigned sector = flash_if_sector(off);
    uint32_t first = flash_if_sector_off(sector);
    chip_code_changed(f->dev.chip, ARRAY_BASE + first, flash_if_sector_off(sector + 1) - first);
}

static void options_done(struct flash_if *f)
{
    uint32_t wanted = f->s.v.optcr & OPTCR_LEGAL & ~3U;
    bool was_level_1 = ((f->s.options >> 8) & 0xFF) != RDP_LEVEL_0;
    if (was_level_1 && ((wanted >> 8) & 0xFF) == RDP_LEVEL_0) {
        erase_bytes(f, 0, FLASH_IF_BYTES); /* RM0090 3.7.3: level 1 to 0 erases the memory */
    }
    set_options(f, wanted);
    f->s.v.optcr &= ~(uint32_t)OPTCR_STRT;
}

static void program_done(struct flash_if *f, const struct flash_op *op)
{
    if (op->addr < OTP_BASE) {
        uint32_t off = op->addr - ARRAY_BASE;
        bool is_weak = chip_vdd_mv(f->dev.chip) < flash_times_supply_min_mv(psize(f));
        flash_cells_program(f->cells, f->array, off, op->value, op->n_bytes);
        if (flash_cells_disturb_after_failure(f->cells, f->array, off, op->value, op->n_bytes, is_weak,
                                              f->config.seed ^ op->number)) {
            code_upset(f, off);
        }
    } else {
        for (uint32_t i = 0; i < op->n_bytes; i++) {
            bytes_at(f, op->addr)[i] &= op->value[i];
        }
    }
    chip_code_changed(f->dev.chip, op->addr, op->n_bytes);
}

static void operation_done(void *ctx)
{
    struct flash_if *f = ctx;
    struct flash_op op = f->s.v.op;
    switch (op.kind) {
    case OP_PROGRAM:
        program_done(f, &op);
        break;
    case OP_ERASE:
    case OP_MASS_ERASE:
        erase_bytes(f, op.addr - ARRAY_BASE, op.n_bytes);
        break;
    default:
        options_done(f);
        break;
    }
    f->s.v.op = (struct flash_op){0};
    f->s.v.sr &= ~(uint32_t)SR_BSY;
    f->s.v.cr &= ~(uint32_t)CR_STRT;
    if (f->s.v.cr & CR_EOPIE) {
        f->s.v.sr |= SR_EOP;
    }
    chip_flash_open(f->dev.chip, true);
    update_irq(f);
}

static void planned_cut(void *ctx)
{
    struct flash_if *f = ctx;
    chip_cut_power(f->dev.chip);
}

/** Reset or power loss: leave of the operation under way what the plan or the seed says. */
static void tear(struct flash_if *f)
{
    struct flash_op op = f->s.v.op;
    if (op.kind == OP_NONE) {
        return;
    }
    uint64_t seed = f->config.seed ^ (op.number * 0xD1B54A32D192ED03U);
    struct flash_cut_pair cuts = f->s.v.is_planned ? f->s.v.cut : flash_cut_by_seed(&seed);
    enum flash_cut cut = cut_of(&cuts, &op);
    if (op.kind == OP_OPTIONS) {
        f->s.options =
            OPTCR_ALL_ONES; /* erased before it was programmed: RDP level 1, BOR off (RM0090 3.7.2) */
    } else if (op.kind != OP_PROGRAM) {
        flash_cells_cut_erase(f->cells, f->array, op.addr - ARRAY_BASE, op.n_bytes, cut, seed);
    } else if (op.addr < OTP_BASE) {
        flash_cells_cut_program(f->cells, f->array, op.addr - ARRAY_BASE, op.value, op.n_bytes, cut, seed);
        code_upset(f, op.addr - ARRAY_BASE);
    } else {
        flash_tear_bytes(bytes_at(f, op.addr), op.value, op.n_bytes, cut, seed);
    }
    if (op.kind != OP_OPTIONS) {
        chip_code_changed(f->dev.chip, op.addr, op.n_bytes);
    }
    f->s.stats.torn++;
    uint64_t now_ps = chip_now_ps(f->dev.chip);
    f->s.stats.busy_ps -= op.end_ps > now_ps ? op.end_ps - now_ps : 0;
}

/** Whoever writes to the array or CR while BSY waits on the AHB
 * (RM0090 3.5.1). @return false: drop the write */
static bool wait_until_free(struct flash_if *f)
{
    return !(f->s.v.sr & SR_BSY) || chip_stall_until(f->dev.chip, f->s.v.op.end_ps);
}

/* --- programming --- */

static bool refuse(struct flash_if *f, uint32_t flags, uint32_t addr, const char *why)
{
    raise(f, flags);
    chip_violation(f->dev.chip, "FLASH: store to 0x%08X: %s", (unsigned)addr, why);
    return true;
}

static bool is_blank(const uint8_t *p, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        if (p[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static void check_cell(struct flash_if *f, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    if (value != 0 && !is_blank(bytes_at(f, addr), n_bytes)) {
        chip_violation(
            f->dev.chip,
            "FLASH: non-zero value 0x%X programmed at 0x%08X, which is not blank: the result is the AND and "
            "proves nothing (RM0090 3.6.4)",
            (unsigned)value, (unsigned)addr);
    } else if (value != 0 && addr < OTP_BASE &&
               flash_cells_any_suspect(f->cells, addr - ARRAY_BASE, n_bytes)) {
        chip_violation(
            f->dev.chip,
            "FLASH: non-zero value 0x%X programmed at 0x%08X, which reads blank but was not erased to "
            "the end or programmed to the end: the result proves nothing (axiom F3)",
            (unsigned)value, (unsigned)addr);
    }
}

/** The common checks of a store, in the order the flags would come. @return true: go on and program */
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
    if (n_bytes != 1U << psize(f)) {
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
    if (!wait_until_free(f) || !may_program(f, addr, n_bytes)) {
        return true;
    }
    if (is_write_protected(f, flash_if_sector(addr - ARRAY_BASE))) {
        return refuse(f, SR_WRPERR, addr, "the sector is write-protected (RM0090 3.7.4)");
    }
    check_cell(f, addr, n_bytes, value);
    struct flash_op op = {.kind = OP_PROGRAM, .addr = addr, .n_bytes = n_bytes};
    for (unsigned i = 0; i < n_bytes; i++) {
        op.value[i] = (uint8_t)(value >> (8 * i));
    }
    begin(f, &op);
    return true;
}

/** One-time area: a lock byte of 00 closes its block (RM0090 3.8). */
static bool store_otp(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    struct flash_if *f = ctx;
    if (!wait_until_free(f) || !may_program(f, addr, n_bytes)) {
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
    begin(f, &op);
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
    watch_dcache(f);
    check_latency(f);
}

/** Two keys in order; anything else is a bus error and locks until reset (RM0090 3.5.1). */
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
    update_irq(f);
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
        struct flash_op op = {.kind = OP_MASS_ERASE, .addr = ARRAY_BASE, .n_bytes = FLASH_IF_BYTES};
        begin(f, &op);
        return;
    }
    if (sector >= FLASH_IF_SECTORS) {
        chip_violation(f->dev.chip, "FLASH: erase of sector %u, the last is 11 (RM0090 3.9.8)", sector);
        return;
    }
    uint32_t addr = ARRAY_BASE + flash_if_sector_off(sector);
    if (is_write_protected(f, sector)) {
        (void)refuse(f, SR_WRPERR, addr, "erase of a write-protected sector (RM0090 3.7.4)");
        return;
    }
    struct flash_op op = {.kind = OP_ERASE,
                          .addr = addr,
                          .sector = sector,
                          .n_bytes = flash_if_sector_off(sector + 1) - flash_if_sector_off(sector)};
    begin(f, &op);
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
    update_irq(f);
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
    begin(f, &op);
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
        if (wait_until_free(f)) {
            write_cr(f, regs_merge(f->s.v.cr, off, n_bytes, value));
        }
        break;
    case OPTCR:
        if (wait_until_free(f)) {
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
    tear(f);
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
    f->array = array;
    f->cells = chip_alloc(chip, sizeof *f->cells);
    chip_add_state(chip, "flash cells", f->cells, sizeof *f->cells);
    memset(array, 0xFF, FLASH_IF_BYTES);
    memset(f->s.otp, 0xFF, sizeof f->s.otp);
    set_options(f, FLASH_IF_OPTCR_FACTORY);
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
                                                .n_bytes = FLASH_IF_BYTES,
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
    f->done_event = chip_event_add(chip, "flash operation done", operation_done, f);
    f->cut_event = chip_event_add(chip, "planned power cut", planned_cut, f);
    chip_set_options(chip, f->s.v.optcr);
    chip_on_clock_change(chip, check_latency, f);
    chip_on_flash_load(chip, flash_loaded, f);
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
    struct flash_plan *room = plan_for(f, 0);
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
    set_options((struct flash_if *)flash, optcr);
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
    code_upset(f, flash_if_sector_off(sector));
}
