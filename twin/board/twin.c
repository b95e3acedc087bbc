/* The twin as its users see it: creation, pins of information, debugger's view. */
#include "board.h"

#include "dev/flash_if.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the core asks --- */

static bool core_read(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    struct twin *t = ctx;
    board_sync(t);
    return chip_core_read(t->chip, addr, n_bytes, value);
}

static bool core_write(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    struct twin *t = ctx;
    board_sync(t);
    if (addr < t->part->flash_bytes && t->s.mem_mode == 0) {
        addr += FLASH_BASE; /* the alias at 0 is the same array */
    } else if (addr < SRAM_BYTES && t->s.mem_mode == 3) {
        addr += SRAM_BASE;
    }
    return chip_core_write(t->chip, addr, n_bytes, value);
}

/* The core leaves cpu_run; the run loop lets time pass until the flash is free and then starts the
 * instruction again. So a run that ends inside a stall is the same run as one that does not. */
static bool core_waits_for_flash(void *ctx)
{
    ((struct twin *)ctx)->s.stalled = 1;
    return false;
}

static void core_loads_flash(void *ctx, uint32_t addr, unsigned n_bytes)
{
    struct twin *t = ctx;
    (void)n_bytes;
    board_sync(t);
    chip_flash_loaded(t->chip, addr);
}

static void core_violates(void *ctx, const char *text)
{
    struct twin *t = ctx;
    board_sync(t);
    chip_violation(t->chip, "%s", text);
}

/* --- what the chip asks --- */

static void set_irq(void *ctx, unsigned irq, bool level)
{
    cpu_set_irq(((struct twin *)ctx)->cpu, irq, level);
}

static void open_flash(void *ctx, bool open)
{
    struct twin *t = ctx;
    cpu_flash_open(t->cpu, open);
    board_show_wires(t);
}

static void watch_flash(void *ctx, bool on)
{
    cpu_watch_flash(((struct twin *)ctx)->cpu, on);
}

static void code_changed(void *ctx, uint32_t addr, size_t n_bytes)
{
    cpu_code_changed(((struct twin *)ctx)->cpu, addr, n_bytes);
}

static void set_alias(void *ctx, unsigned mem_mode)
{
    struct twin *t = ctx;
    t->s.mem_mode = mem_mode;
    board_apply_alias(t);
}

static void event_moved(void *ctx, uint64_t time_ps)
{
    struct twin *t = ctx;
    if (t->in_core) {
        cpu_limit_at_most(t->cpu, board_cycles_at(t, time_ps));
    }
}

static void clocks_changed(void *ctx, uint32_t hclk_hz)
{
    struct twin *t = ctx;
    board_rebase(t, hclk_hz);
    uint64_t next_ps = chip_next_event_ps(t->chip);
    event_moved(t, next_ps < t->target_ps ? next_ps : t->target_ps);
}

static void stop_core(void *ctx)
{
    struct twin *t = ctx;
    if (t->in_core) {
        cpu_request_stop(t->cpu);
    }
}

static uint32_t core_pc(void *ctx)
{
    return cpu_reg(((struct twin *)ctx)->cpu, 15);
}

static bool stall_until(void *ctx, uint64_t time_ps)
{
    struct twin *t = ctx;
    return t->s.mode == BOARD_RUNNING ? board_pass_until(t, time_ps) : chip_advance(t->chip, time_ps);
}

static uint8_t spi_byte(void *ctx, uint8_t mosi, uint64_t byte_ps, unsigned mode)
{
    return board_master_byte(ctx, mosi, byte_ps, mode);
}

static void pin_changed(void *ctx, char port, unsigned pin, bool level)
{
    (void)port;
    (void)pin;
    (void)level;
    board_show_pins(ctx);
}

/* --- life --- */

static bool check_config(const struct twin_config *c, char *why, size_t why_bytes)
{
    if (c->lsi_hz && (c->lsi_hz < 17000 || c->lsi_hz > 47000)) {
        (void)snprintf(why, why_bytes, "lsi_hz is %u; give 17000 to 47000, or 0 for 32000",
                       (unsigned)c->lsi_hz);
        return false;
    }
    if (c->vdd_mv && (c->vdd_mv < 1800 || c->vdd_mv > 3600)) {
        (void)snprintf(why, why_bytes, "vdd_mv is %u; give 1800 to 3600, or 0 for 3300", (unsigned)c->vdd_mv);
        return false;
    }
    if ((unsigned)c->flash_timing > TWIN_FLASH_HASTY || (unsigned)c->rom > TWIN_ROM_V9_1_EARLY ||
        (unsigned)c->silicon > TWIN_SILICON_A) {
        (void)snprintf(why, why_bytes, "flash_timing, rom or silicon is not one of the values in twin.h");
        return false;
    }
    const struct twin_part *part = twin_part_find(c->part);
    if (!part || part->sram_bytes != SRAM_BYTES || part->ccm_bytes != CCM_BYTES) {
        (void)snprintf(why, why_bytes,
                       "part is %s, which the twin cannot be; its parts are in twin/board/part.c",
                       c->part ? c->part : "none");
        return false;
    }
    return true;
}

static struct cpu *make_core(struct twin *t)
{
    const struct cpu_bus bus = {.ctx = t,
                                .read = core_read,
                                .write = core_write,
                                .wait_flash = core_waits_for_flash,
                                .flash_load = core_loads_flash,
                                .steady = FLASH_SR};
    struct cpu *cpu =
        cpu_create(&bus, t->flash, t->part->flash_bytes, t->sram, SRAM_BYTES, t->ccm, CCM_BYTES);
    if (cpu) {
        cpu_on_violation(cpu, core_violates, t);
    }
    return cpu;
}

static void make_chip(struct twin *t)
{
    const struct chip_host host = {.irq = set_irq,
                                   .flash_open = open_flash,
                                   .watch_flash = watch_flash,
                                   .code_changed = code_changed,
                                   .set_alias = set_alias,
                                   .event_moved = event_moved,
                                   .clocks_changed = clocks_changed,
                                   .stop = stop_core,
                                   .pc = core_pc,
                                   .stall_until = stall_until,
                                   .spi_byte = spi_byte};
    t->chip = chip_create(&host, t);
    chip_set_strict(t->chip, t->config.strict);
    chip_set_vdd_mv(t->chip, t->config.vdd_mv ? t->config.vdd_mv : 3300);
    chip_set_lsi_hz(t->chip, t->config.lsi_hz ? t->config.lsi_hz : 32000);
    board_rebase(t, chip_clock_hz(t->chip, CHIP_HCLK));
    board_add_events(t);
    f407_build(t);
    chip_on_pin(t->chip, pin_changed, t);
    chip_add_state(t->chip, "board", &t->s, sizeof t->s);
    size_t n_bytes = 0;
    void *core = cpu_state(t->cpu, &n_bytes);
    chip_add_state(t->chip, "core", core, n_bytes);
}

struct twin *twin_create(const struct twin_config *config, char *why, size_t why_bytes)
{
    if (!check_config(config, why, why_bytes)) {
        return NULL;
    }
    struct twin *t = calloc(1, sizeof *t);
    if (!t) {
        (void)snprintf(why, why_bytes, "out of memory");
        return NULL;
    }
    t->config = *config;
    t->part = twin_part_find(config->part);
    t->cpu = make_core(t);
    if (!t->cpu) {
        (void)snprintf(why, why_bytes, "out of memory");
        free(t);
        return NULL;
    }
    t->s.nrst = 1;
    t->s.mode = BOARD_OFF;
    make_chip(t);
    board_apply_alias(t);
    return t;
}

void twin_destroy(struct twin *t)
{
    if (!t) {
        return;
    }
    chip_destroy(t->chip);
    cpu_destroy(t->cpu);
    free(t);
}

/* --- factory --- */

bool twin_flash_store(struct twin *t, uint32_t addr, const void *bytes, size_t n_bytes)
{
    if (addr - OTP_BASE < FLASH_IF_OTP_BYTES && n_bytes <= FLASH_IF_OTP_BYTES - (addr - OTP_BASE)) {
        flash_if_store_otp(t->flash_dev, addr - OTP_BASE, bytes, (uint32_t)n_bytes);
        return true;
    }
    if (addr < FLASH_BASE || addr - FLASH_BASE > t->part->flash_bytes ||
        n_bytes > t->part->flash_bytes - (addr - FLASH_BASE)) {
        return false;
    }
    flash_if_store(t->flash_dev, addr - FLASH_BASE, bytes, (uint32_t)n_bytes);
    cpu_code_changed(t->cpu, addr, n_bytes);
    return true;
}

void twin_set_options(struct twin *t, uint32_t optcr)
{
    flash_if_set_options(t->flash_dev, optcr);
}

uint32_t twin_options(const struct twin *t)
{
    return flash_if_options(t->flash_dev);
}

bool twin_plan_cut(struct twin *t, uint64_t op, enum twin_cut cut)
{
    static const struct flash_cut_pair CUT[TWIN_CUTS] = {
        [TWIN_CUT_BEFORE] = {FLASH_CUT_BEFORE, FLASH_CUT_BEFORE},
        [TWIN_CUT_BLANK] = {FLASH_CUT_OLD, FLASH_CUT_COMPLETE},
        [TWIN_CUT_GARBAGE] = {FLASH_CUT_GARBAGE, FLASH_CUT_MIXED},
        [TWIN_CUT_COMPLETE] = {FLASH_CUT_COMPLETE, FLASH_CUT_COMPLETE},
        [TWIN_CUT_FRONT] = {FLASH_CUT_GARBAGE, FLASH_CUT_FRONT},
        [TWIN_CUT_ZEROING] = {FLASH_CUT_GARBAGE, FLASH_CUT_ZEROING},
        [TWIN_CUT_ZERO_FRONT] = {FLASH_CUT_GARBAGE, FLASH_CUT_ZERO_FRONT},
        [TWIN_CUT_ZERO] = {FLASH_CUT_GARBAGE, FLASH_CUT_ZERO},
        [TWIN_CUT_RISING] = {FLASH_CUT_GARBAGE, FLASH_CUT_GARBAGE},
        [TWIN_CUT_RISEN] = {FLASH_CUT_GARBAGE, FLASH_CUT_RISEN},
        [TWIN_CUT_BACK] = {FLASH_CUT_GARBAGE, FLASH_CUT_BACK},
        [TWIN_CUT_STRIPES] = {FLASH_CUT_GARBAGE, FLASH_CUT_STRIPES},
        [TWIN_CUT_ONE_OLD] = {FLASH_CUT_GARBAGE, FLASH_CUT_ONE_OLD},
        [TWIN_CUT_ONE_ZERO] = {FLASH_CUT_GARBAGE, FLASH_CUT_ONE_ZERO},
        [TWIN_CUT_FLAKY] = {FLASH_CUT_FLAKY, FLASH_CUT_FLAKY},
        [TWIN_CUT_FADES] = {FLASH_CUT_FADES, FLASH_CUT_FADES},
        [TWIN_CUT_FADES_LATE] = {FLASH_CUT_FADES_LATE, FLASH_CUT_FADES_LATE},
        [TWIN_CUT_OLD] = {FLASH_CUT_OLD, FLASH_CUT_OLD},
        [TWIN_CUT_HALF] = {FLASH_CUT_GARBAGE, FLASH_CUT_HALF}};
    return (unsigned)cut < TWIN_CUTS && flash_if_plan_cut(t->flash_dev, op, CUT[cut]);
}

void twin_forget_cuts(struct twin *t)
{
    flash_if_forget_plans(t->flash_dev);
}

void twin_disturb(struct twin *t, bool on)
{
    flash_if_cells(t->flash_dev)->is_disturbing = on;
}

bool twin_wear_out(struct twin *t, unsigned sector, enum twin_wear wear)
{
    static const enum flash_wear WEAR[] = {[TWIN_WEAR_NONE] = FLASH_WEAR_NONE,
                                           [TWIN_WEAR_STUCK] = FLASH_WEAR_STUCK,
                                           [TWIN_WEAR_DEAF] = FLASH_WEAR_DEAF};
    if (sector >= t->part->n_sectors || (unsigned)wear >= sizeof WEAR / sizeof WEAR[0]) {
        return false;
    }
    flash_if_wear(t->flash_dev, sector, WEAR[wear]);
    return true;
}

uint64_t twin_cells_hash(const struct twin *t)
{
    return flash_cells_hash(flash_if_cells(t->flash_dev));
}

/* --- looking --- */

uint64_t twin_now_ns(const struct twin *t)
{
    return chip_now_ps(t->chip) / 1000;
}

size_t twin_console_read(struct twin *t, char *out, size_t n_bytes)
{
    return chip_console_drain(t->chip, out, n_bytes);
}

void twin_console_write(struct twin *t, const char *bytes, size_t n_bytes)
{
    chip_console_type(t->chip, bytes, n_bytes);
}

bool twin_gpio_level(const struct twin *t, char port, unsigned pin)
{
    bool level = false;
    bool known = port >= 'A' && port <= 'I' && pin < 16;
    return known && chip_pin_driven(t->chip, port, pin, &level) && level;
}

bool twin_peek(const struct twin *t, uint32_t addr, void *bytes, size_t n_bytes)
{
    const uint8_t *p = chip_memory_at(t->chip, addr, n_bytes);
    if (!p) {
        return false;
    }
    memcpy(bytes, p, n_bytes);
    return true;
}

uint32_t twin_reg(const struct twin *t, unsigned n)
{
    return n <= 16 ? cpu_reg(t->cpu, n) : 0;
}

void twin_set_reg(struct twin *t, unsigned n, uint32_t value)
{
    if (n <= 16) {
        cpu_set_reg(t->cpu, n, value);
        t->at_breakpoint = false;
    }
}

void twin_skip_instruction(struct twin *t)
{
    uint32_t pc = cpu_reg(t->cpu, 15);
    uint32_t psr = cpu_reg(t->cpu, 16);
    const uint8_t *code = chip_memory_at(t->chip, pc, 2);
    uint32_t it = (psr >> 25 & 3) | (psr >> 10 & 0x3F) << 2; /* PM0214 2.1.3: EPSR */
    bool is_wide = code && code[1] >> 3 >= 0x1D;             /* PM0214 3.3: first halfword 0b111xx, xx != 0 */
    it = it & 7 ? (it & 0xE0) | (it << 1 & 0x1F) : 0;
    psr = (psr & ~0x0600FC00U) | (it & 3) << 25 | (it >> 2) << 10;
    cpu_set_reg(t->cpu, 16, psr);
    cpu_set_reg(t->cpu, 15, pc + (is_wide ? 4 : 2));
    t->at_breakpoint = false;
}

bool twin_debug_read(struct twin *t, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    return t->s.mode != BOARD_OFF && chip_bus_read(t->chip, addr, n_bytes, value);
}

bool twin_debug_write(struct twin *t, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    return t->s.mode != BOARD_OFF && chip_bus_write(t->chip, addr, n_bytes, value);
}

const struct twin_stats *twin_stats(const struct twin *t)
{
    /* A view, brought up to date on demand; no part of the board's state. */
    struct twin_stats *s = &((struct twin *)(uintptr_t)t)->stats;
    const struct flash_if_stats *f = flash_if_stats(t->flash_dev);
    s->instructions = cpu_instructions(t->cpu);
    s->cycles = cpu_cycles(t->cpu);
    s->flash_busy_ns = f->busy_ps / 1000;
    s->flash_programs = f->programs;
    memcpy(s->flash_programs_in, f->programs_in, sizeof s->flash_programs_in);
    memcpy(s->flash_erases, f->erases, sizeof s->flash_erases);
    s->flash_ops = f->ops;
    s->flash_torn = f->torn;
    s->flash_suspect_words = flash_if_cells(t->flash_dev)->n_suspect;
    s->flash_flaky_words = flash_if_cells(t->flash_dev)->n_flaky;
    s->spi_bytes = t->s.spi_bytes;
    s->resets_pin = t->s.resets_pin;
    s->resets_software = t->s.resets_software;
    s->resets_iwdg = t->s.resets_iwdg;
    s->resets_power = t->s.power_ons;
    s->violations = chip_violations(t->chip);
    return s;
}

size_t twin_violation(const struct twin *t, size_t i, struct twin_violation *out)
{
    const struct chip_violation_record *r = chip_violation_at(t->chip, i);
    if (r && out) {
        out->time_ns = r->time_ns;
        out->pc = r->pc;
        memcpy(out->text, r->text, sizeof out->text);
    }
    uint64_t count = chip_violations(t->chip);
    return (size_t)(count < CHIP_VIOLATIONS_KEPT ? count : CHIP_VIOLATIONS_KEPT);
}
