/* Reset, supply, and what the chip starts with (RM0090 chapters 2.4 and 7.1; DS8626 tables 19 and 51). */
#include "board.h"

#include "dev/flash_if.h"

#include <string.h>

enum { NRST_FILTER_NS = 100, INTERNAL_PULSE_US = 20, SUPPLY_SETTLES_US = 1500, START_HSI_CYCLES = 4 };
enum { POWER_DOWN_MV = 1680 }; /* DS8626 table 19 */
enum { HSI_HZ = 16000000, RDP_LEVEL_2 = 0xCC, MEM_FLASH = 0, MEM_SYSTEM = 1, MEM_SRAM = 3 };

#define PS_PER_US 1000000ULL

/* --- what stands at address 0 --- */

void board_apply_alias(struct twin *t)
{
    if (t->s.mem_mode == MEM_SYSTEM) {
        cpu_set_alias(t->cpu, t->system_memory, SYSTEM_MEMORY_BYTES);
    } else if (t->s.mem_mode == MEM_SRAM) {
        cpu_set_alias(t->cpu, t->sram, SRAM_BYTES);
    } else {
        cpu_set_alias(t->cpu, t->flash, t->part->flash_bytes);
    }
}

/* --- start --- */

static void release(struct twin *t, uint32_t hold)
{
    t->s.hold &= ~hold;
    board_show_wires(t);
    if (t->s.mode == BOARD_HELD && t->s.hold == 0) {
        t->s.mode = BOARD_STARTING;
        uint64_t cycles_ps = START_HSI_CYCLES * (1000000ULL * PS_PER_US / HSI_HZ);
        chip_event_at(t->chip, t->start_event, chip_now_ps(t->chip) + cycles_ps);
    }
}

/* BOOT0 is sampled on the fourth SYSCLK edge after reset; BOOT1 is pin B2 (RM0090 table 2). */
static void start(void *ctx)
{
    struct twin *t = ctx;
    flash_if_boot(t->flash_dev);
    bool rdp_level_2 = ((chip_options(t->chip) >> 8) & 0xFF) == RDP_LEVEL_2;
    bool boot1 = chip_pin_level(t->chip, 'B', 2);
    t->s.mem_mode = !t->s.boot0 || rdp_level_2 ? MEM_FLASH : boot1 ? MEM_SRAM : MEM_SYSTEM;
    board_apply_alias(t);
    board_rebase(t, chip_clock_hz(t->chip, CHIP_HCLK));
    if (t->s.mem_mode == MEM_SYSTEM) {
        t->s.mode = BOARD_ROM;
        chip_rom_start(t->chip);
        return;
    }
    t->s.mode = BOARD_RUNNING;
    cpu_reset(t->cpu);
}

void board_rom_go(struct twin *t, uint32_t vectors)
{
    const uint8_t *p = chip_memory_at(t->chip, vectors, 8);
    uint32_t word[2] = {0, 0};
    for (unsigned i = 0; p && i < 8; i++) {
        word[i / 4] |= (uint32_t)p[i] << (8 * (i % 4));
    }
    chip_rom_stop(t->chip);
    board_rebase(t, chip_clock_hz(t->chip, CHIP_HCLK));
    t->s.mode = BOARD_RUNNING;
    cpu_reset(t->cpu);
    cpu_set_reg(t->cpu, 13, word[0]);
    cpu_set_reg(t->cpu, 15, word[1]);
}

/* --- reset --- */

static void count(struct twin *t, enum chip_reset_cause cause)
{
    t->s.resets_pin += cause == CHIP_RESET_PIN;
    t->s.resets_software += cause == CHIP_RESET_SOFTWARE;
    t->s.resets_iwdg += cause == CHIP_RESET_IWDG;
}

void board_reset(struct twin *t, enum chip_reset_cause cause)
{
    count(t, cause);
    chip_event_cancel(t->chip, t->start_event);
    chip_reset(t->chip, DEV_RESET_SYSTEM, cause);
    t->s.mode = BOARD_HELD;
    t->s.stalled = 0;
    board_show_pins(t); /* a reset lets go of all of them */
    if (cause != CHIP_RESET_PIN && cause != CHIP_RESET_BROWN_OUT) {
        t->s.hold |= HOLD_INTERNAL;
        chip_event_at(t->chip, t->release_event, chip_now_ps(t->chip) + INTERNAL_PULSE_US * PS_PER_US);
    }
    release(t, 0);
}

static void nrst_recognised(void *ctx)
{
    struct twin *t = ctx;
    t->s.hold |= HOLD_NRST;
    if (t->s.mode != BOARD_OFF) {
        chip_request_reset(t->chip, CHIP_RESET_PIN);
    }
}

static void pulse_over(void *ctx)
{
    release(ctx, HOLD_INTERNAL);
}

static void supply_settled(void *ctx)
{
    release(ctx, HOLD_SUPPLY);
}

void board_add_events(struct twin *t)
{
    t->nrst_event = chip_event_add(t->chip, "NRST recognised", nrst_recognised, t);
    t->release_event = chip_event_add(t->chip, "end of internal reset pulse", pulse_over, t);
    t->supply_event = chip_event_add(t->chip, "reset temporisation over", supply_settled, t);
    t->start_event = chip_event_add(t->chip, "start after reset", start, t);
}

/* --- supply --- */

/* RAM after power-on reads as anything: by seed and number of the power-on. */
static void scramble(uint8_t *bytes, size_t n_bytes, uint64_t seed)
{
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t r = flash_random(&seed);
        memcpy(bytes + i, &r, 8);
    }
}

static void scramble_ram(struct twin *t)
{
    uint64_t seed = t->config.seed * 0x9E3779B97F4A7C15ULL + t->s.power_ons;
    scramble(t->sram, SRAM_BYTES, seed);
    scramble(t->ccm, CCM_BYTES, ~seed);
    cpu_code_changed(t->cpu, SRAM_BASE, SRAM_BYTES);
    cpu_code_changed(t->cpu, CCM_BASE, CCM_BYTES);
}

/* BOR level against the supply, falling, typical (DS8626 table 19). */
static uint32_t brown_out_mv(const struct twin *t)
{
    static const uint16_t mv[4] = {2810, 2500, 2190, POWER_DOWN_MV};
    return mv[(chip_options(t->chip) >> 2) & 3];
}

void board_power_off(struct twin *t)
{
    if (t->s.mode == BOARD_OFF) {
        return;
    }
    chip_reset(t->chip, DEV_RESET_POWER, CHIP_RESET_POWER);
    chip_event_cancel(t->chip, t->start_event);
    chip_event_cancel(t->chip, t->release_event);
    chip_event_cancel(t->chip, t->supply_event);
    t->s.mode = BOARD_OFF;
    t->s.stalled = 0;
    board_show_pins(t);
    board_show_wires(t);
}

static void power_on(struct twin *t)
{
    if (t->s.mode != BOARD_OFF || chip_vdd_mv(t->chip) < POWER_DOWN_MV) {
        return;
    }
    t->s.power_ons++;
    scramble_ram(t);
    chip_reset(t->chip, DEV_RESET_POWER, CHIP_RESET_POWER);
    t->s.mode = BOARD_HELD;
    t->s.hold = (t->s.hold & HOLD_NRST) | HOLD_SUPPLY;
    if (chip_vdd_mv(t->chip) < brown_out_mv(t)) {
        t->s.hold |= HOLD_BROWN_OUT;
    }
    board_show_wires(t);
    chip_event_at(t->chip, t->supply_event, chip_now_ps(t->chip) + SUPPLY_SETTLES_US * PS_PER_US);
}

void twin_set_power(struct twin *t, bool on)
{
    if (on) {
        power_on(t);
    } else {
        board_power_off(t);
    }
}

void twin_set_supply(struct twin *t, uint32_t vdd_mv)
{
    chip_set_vdd_mv(t->chip, vdd_mv);
    if (t->s.mode == BOARD_OFF) {
        return;
    }
    if (vdd_mv < POWER_DOWN_MV) {
        board_power_off(t);
    } else if (vdd_mv < brown_out_mv(t)) {
        if (!(t->s.hold & HOLD_BROWN_OUT)) {
            t->s.hold |= HOLD_BROWN_OUT;
            board_reset(t, CHIP_RESET_BROWN_OUT);
        }
    } else {
        release(t, HOLD_BROWN_OUT);
    }
}

/* --- pins --- */

static void set_nrst(struct twin *t, bool level)
{
    if (level == (t->s.nrst != 0)) {
        return;
    }
    t->s.nrst = level;
    if (!level) {
        chip_event_at(t->chip, t->nrst_event, chip_now_ps(t->chip) + NRST_FILTER_NS * 1000ULL);
        board_show_wires(t);
        return;
    }
    chip_event_cancel(t->chip, t->nrst_event);
    release(t, HOLD_NRST);
}

void twin_set_pin(struct twin *t, enum twin_pin pin, bool level)
{
    switch (pin) {
    case TWIN_PIN_NRST:
        set_nrst(t, level);
        break;
    case TWIN_PIN_BOOT0:
        t->s.boot0 = level;
        break;
    case TWIN_PIN_NSS:
        chip_pin_outside(t->chip, 'A', 4, level);
        break;
    case TWIN_PIN_USER_BUTTON:
        chip_pin_outside(t->chip, 'A', 0, level);
        break;
    }
    board_show_wires(t);
}
