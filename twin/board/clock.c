/* Cycles of the core and virtual time. HCLK changes; at each change
 * time and cycles get a new common origin. */
#include "board.h"

#define PS_PER_S 1000000000000ULL

typedef unsigned __int128 u128;

uint64_t board_ps_at(const struct twin *t, uint64_t cycles)
{
    u128 ps = (u128)(cycles - t->s.base_cycles) * t->s.ps_per_cycle_q32 >> 32;
    return t->s.base_ps + (uint64_t)ps;
}

uint64_t board_cycles_at(const struct twin *t, uint64_t time_ps)
{
    if (time_ps <= t->s.base_ps) {
        return t->s.base_cycles;
    }
    if (time_ps - t->s.base_ps > 1000000ULL * PS_PER_S) {
        return UINT64_MAX; /* never: a million seconds away */
    }
    u128 q32 = (u128)(time_ps - t->s.base_ps) << 32;
    uint64_t cycles = t->s.base_cycles + (uint64_t)(q32 / t->s.ps_per_cycle_q32);
    while (board_ps_at(t, cycles) < time_ps) {
        cycles++;
    }
    return cycles;
}

void board_sync(struct twin *t)
{
    chip_set_now_ps(t->chip, board_ps_at(t, cpu_cycles(t->cpu)));
}

void board_rebase(struct twin *t, uint32_t hclk_hz)
{
    t->s.base_ps = chip_now_ps(t->chip);
    t->s.base_cycles = cpu_cycles(t->cpu);
    t->s.hclk_hz = hclk_hz;
    t->s.ps_per_cycle_q32 = (uint64_t)(((u128)PS_PER_S << 32) / hclk_hz);
}

bool board_pass_until(struct twin *t, uint64_t time_ps)
{
    while (chip_now_ps(t->chip) < time_ps) {
        uint64_t next_ps = chip_next_event_ps(t->chip);
        uint64_t step_ps = next_ps < time_ps ? next_ps : time_ps;
        uint64_t cycles = board_cycles_at(t, step_ps);
        if (cycles > cpu_cycles(t->cpu)) {
            cpu_set_cycles(t->cpu, cycles);
        }
        if (!chip_advance(t->chip, step_ps)) {
            return false;
        }
    }
    return true;
}
