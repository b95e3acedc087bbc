/* Operations of FLASH: how long they take, what they do at their end, and what is left of one that is cut. */
#include "flash_op.h"

#include <string.h>

#include "flash_regs.h"
#include "flash_times.h"
#include "regs.h"

unsigned flash_op_psize(const struct flash_if *f)
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
        return flash_times_erase_us(op->n_bytes, flash_op_psize(f), f->config.maximum_timing);
    case OP_MASS_ERASE:
        return flash_times_erase_us(FLASH_IF_BYTES, flash_op_psize(f), f->config.maximum_timing);
    default:
        return OPTIONS_US;
    }
}

/* --- flags and option bytes ----------------------------------------------------------------------- */

void flash_op_update_irq(struct flash_if *f)
{
    uint32_t sr = f->s.v.sr;
    uint32_t cr = f->s.v.cr;
    chip_irq(f->dev.chip, IRQ_FLASH,
             ((sr & SR_EOP) && (cr & CR_EOPIE)) || ((sr & SR_OPERR) && (cr & CR_ERRIE)));
}

/* OPERR comes with the error only if its interrupt is enabled (RM0090 3.9.7). */
void flash_op_raise(struct flash_if *f, uint32_t flags)
{
    f->s.v.sr |= flags | (f->s.v.cr & CR_ERRIE ? SR_OPERR : 0);
    flash_op_update_irq(f);
}

bool flash_op_is_protected(const struct flash_if *f, unsigned sector)
{
    return !((f->s.options >> (16 + sector)) & 1U);
}

/* The option bytes as memory shows them (RM0090 table 14): RDP and user at +0, nWRP at +8. */
void flash_op_set_options(struct flash_if *f, uint32_t optcr)
{
    uint8_t *b = f->s.option_bytes;
    f->s.options = optcr & OPTCR_LEGAL & ~3U;
    memset(b, 0xFF, sizeof f->s.option_bytes);
    b[0] = (uint8_t)((optcr & 0xECU) | 0x13U);
    b[1] = (uint8_t)(optcr >> 8);
    b[8] = (uint8_t)(optcr >> 16);
    b[9] = (uint8_t)(0xF0U | ((optcr >> 24) & 0x0FU));
}

/* --- start and end of an operation ------------------------------------------------------------------- */

uint8_t *flash_op_bytes_at(struct flash_if *f, uint32_t addr)
{
    return addr >= OTP_BASE ? f->s.otp + (addr - OTP_BASE) : f->array + (addr - ARRAY_BASE);
}

struct flash_plan *flash_op_plan_for(struct flash_if *f, uint64_t op)
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

/* When the supply goes: at once, in the middle, or when nothing is left to see. */
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
    if (vdd_mv < flash_times_supply_min_mv(flash_op_psize(f))) {
        chip_violation(f->dev.chip,
                       "FLASH: PSIZE=x%u at %u mV needs %u mV; the value may not last (RM0090 3.6.2)",
                       8U << flash_op_psize(f), (unsigned)vdd_mv,
                       (unsigned)flash_times_supply_min_mv(flash_op_psize(f)));
    }
    if (flash_op_psize(f) == 3) {
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

void flash_op_begin(struct flash_if *f, const struct flash_op *op)
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
        for (unsigned i = 0; i < f->config.n_sectors; i++) {
            f->s.stats.erases[i]++;
        }
    }
    f->s.stats.busy_ps += f->s.v.op.end_ps - now_ps;
    chip_flash_open(chip, false);
    chip_event_at(chip, f->done_event, f->s.v.op.end_ps);
    struct flash_plan *plan = flash_op_plan_for(f, f->s.v.op.number);
    if (plan) {
        schedule_cut(f, plan, now_ps);
    }
}

/* --- data cache --- */

void flash_op_watch_dcache(struct flash_if *f)
{
    chip_watch_flash(f->dev.chip, (f->s.v.acr & ACR_DCEN) && f->s.v.dcache_stale);
}

/* A load while the cache is on and a sector was erased under it (RM0090 3.5.3): the first in each such
 * sector counts. */
void flash_op_loaded(void *ctx, uint32_t addr)
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
        flash_op_watch_dcache(f);
    }
}

static void note_erased(struct flash_if *f, uint32_t off, uint32_t n_bytes)
{
    for (unsigned i = 0; f->s.v.dcache_used && i < FLASH_IF_SECTORS; i++) {
        if (flash_if_sector_off(i) >= off && flash_if_sector_off(i) < off + n_bytes) {
            f->s.v.dcache_stale |= 1U << i;
        }
    }
    flash_op_watch_dcache(f);
}

static void erase_bytes(struct flash_if *f, uint32_t off, uint32_t n_bytes)
{
    flash_cells_erase(f->cells, f->array, off, n_bytes);
    note_erased(f, off, n_bytes);
    chip_code_changed(f->dev.chip, ARRAY_BASE + off, n_bytes);
}

/* Words of the sector read otherwise than before. */
void flash_op_code_upset(struct flash_if *f, uint32_t off)
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
    flash_op_set_options(f, wanted);
    f->s.v.optcr &= ~(uint32_t)OPTCR_STRT;
}

static void program_done(struct flash_if *f, const struct flash_op *op)
{
    if (op->addr < OTP_BASE) {
        uint32_t off = op->addr - ARRAY_BASE;
        bool is_weak = chip_vdd_mv(f->dev.chip) < flash_times_supply_min_mv(flash_op_psize(f));
        flash_cells_program(f->cells, f->array, off, op->value, op->n_bytes);
        if (flash_cells_disturb_after_failure(f->cells, f->array, off, op->value, op->n_bytes, is_weak,
                                              f->config.seed ^ op->number)) {
            flash_op_code_upset(f, off);
        }
    } else {
        for (uint32_t i = 0; i < op->n_bytes; i++) {
            flash_op_bytes_at(f, op->addr)[i] &= op->value[i];
        }
    }
    chip_code_changed(f->dev.chip, op->addr, op->n_bytes);
}

void flash_op_done(void *ctx)
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
    flash_op_update_irq(f);
}

void flash_op_cut(void *ctx)
{
    struct flash_if *f = ctx;
    chip_cut_power(f->dev.chip);
}

/* Reset or power loss: leave of the operation under way what the plan or the seed says. */
void flash_op_tear(struct flash_if *f)
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
        flash_op_code_upset(f, op.addr - ARRAY_BASE);
    } else {
        flash_tear_bytes(flash_op_bytes_at(f, op.addr), op.value, op.n_bytes, cut, seed);
    }
    if (op.kind != OP_OPTIONS) {
        chip_code_changed(f->dev.chip, op.addr, op.n_bytes);
    }
    f->s.stats.torn++;
    uint64_t now_ps = chip_now_ps(f->dev.chip);
    f->s.stats.busy_ps -= op.end_ps > now_ps ? op.end_ps - now_ps : 0;
}

/* Whoever writes to the array or CR while BSY waits on the AHB
 * (RM0090 3.5.1). @return false: drop the write */
bool flash_op_wait(struct flash_if *f)
{
    return !(f->s.v.sr & SR_BSY) || chip_stall_until(f->dev.chip, f->s.v.op.end_ps);
}
