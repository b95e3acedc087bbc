/* The run loop: who moves time, and what the board does between two steps of the core. */
#include "board.h"

#define STEP_MAX_PS 1000000000ULL

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Reset requests, power cuts, the ROM's Go, strict mode. @return true: the run ends with *stop */
static bool attend(struct twin *t, enum twin_stop *stop)
{
    enum chip_reset_cause cause;
    uint32_t vectors;
    bool end = false;
    if (chip_take_power_cut(t->chip)) {
        board_power_off(t);
        *stop = TWIN_STOP_POWER;
        end = true;
    } else if (chip_take_reset(t->chip, &cause)) {
        if (t->s.mode != BOARD_OFF) {
            board_reset(t, cause);
        }
    } else if (chip_take_rom_go(t->chip, &vectors)) {
        board_rom_go(t, vectors);
    }
    if (chip_take_strict_stop(t->chip)) {
        *stop = TWIN_STOP_VIOLATION;
        end = true;
    }
    return end;
}

/* Nothing pending in the core: jump to the next thing that can happen. */
static void sleep_on(struct twin *t, uint64_t limit)
{
    uint64_t wake = least(limit, cpu_next_systick(t->cpu));
    if (wake > cpu_cycles(t->cpu)) {
        cpu_set_cycles(t->cpu, wake);
    }
}

/* Take the core over the instruction at the breakpoint, so that a run can go on from there. */
static enum cpu_stop step_off_breakpoint(struct twin *t)
{
    t->at_breakpoint = false;
    cpu_set_breakpoint(t->cpu, 0);
    enum cpu_stop why = cpu_run(t->cpu, cpu_cycles(t->cpu) + 1);
    cpu_set_breakpoint(t->cpu, t->breakpoint);
    return why;
}

static enum cpu_stop run_core(struct twin *t, uint64_t limit)
{
    t->in_core = true;
    enum cpu_stop why = t->at_breakpoint ? step_off_breakpoint(t) : cpu_run(t->cpu, limit);
    t->in_core = false;
    return why;
}

/* The flash is busy and the core wants it: time passes, events fire, no interrupt is taken. */
static void step_stall(struct twin *t)
{
    (void)board_pass_until(t, least(chip_next_event_ps(t->chip), t->target_ps));
    t->s.stalled = !chip_flash_is_open(t->chip);
}

/* What the core's reason to stop means for the board. */
static void follow(struct twin *t, enum cpu_stop why)
{
    if (why == CPU_STOP_SLEEP) {
        sleep_on(t, board_cycles_at(t, least(chip_next_event_ps(t->chip), t->target_ps)));
    } else if (why == CPU_STOP_RESET) {
        chip_request_reset(t->chip, CHIP_RESET_SOFTWARE);
    } else if (why == CPU_STOP_LOCKUP) {
        t->s.mode = BOARD_LOCKUP;
    } else if (why == CPU_STOP_BREAKPOINT) {
        t->at_breakpoint = true;
    }
}

/* One step of the core, up to the next event. @return true: breakpoint */
static bool step_core(struct twin *t)
{
    uint64_t until_ps = least(chip_next_event_ps(t->chip), t->target_ps);
    uint64_t limit = board_cycles_at(t, until_ps);
    enum cpu_stop why = CPU_STOP_LIMIT;
    if (t->is_stepping) {
        limit = least(limit, cpu_cycles(t->cpu) + 1);
    }
    if (limit > cpu_cycles(t->cpu)) {
        why = run_core(t, limit);
        follow(t, why);
    }
    if (!chip_wants_attention(t->chip)) {
        /* The last instruction may have run past the end of this run; what is due after the end waits. */
        (void)chip_advance(t->chip, least(board_ps_at(t, cpu_cycles(t->cpu)), t->target_ps));
    }
    return why == CPU_STOP_BREAKPOINT;
}

/* The core stands: only events and time. */
static void step_without_core(struct twin *t)
{
    (void)chip_advance(t->chip, least(chip_next_event_ps(t->chip), t->target_ps));
}

static enum twin_stop time_is_up(const struct twin *t)
{
    return t->s.mode == BOARD_OFF      ? TWIN_STOP_POWER
           : t->s.mode == BOARD_LOCKUP ? TWIN_STOP_LOCKUP
                                       : TWIN_STOP_TIME;
}

enum twin_stop board_run_until_ps(struct twin *t, uint64_t target_ps)
{
    enum twin_stop stop = TWIN_STOP_TIME;
    t->target_ps = target_ps;
    for (;;) {
        if (chip_wants_attention(t->chip) && attend(t, &stop)) {
            return stop;
        }
        if (chip_wants_attention(t->chip)) {
            continue;
        }
        bool is_stepped = t->is_stepping && cpu_instructions(t->cpu) != t->step_from;
        if (is_stepped || chip_now_ps(t->chip) >= target_ps) {
            return time_is_up(t);
        }
        if (t->s.mode != BOARD_RUNNING) {
            step_without_core(t);
        } else if (t->s.stalled) {
            step_stall(t);
        } else if (step_core(t)) {
            return TWIN_STOP_BREAKPOINT;
        }
    }
}

enum twin_stop twin_run_until(struct twin *t, uint64_t time_ns)
{
    return board_run_until_ps(t, time_ns > UINT64_MAX / 1000 ? UINT64_MAX : time_ns * 1000);
}

void twin_set_breakpoint(struct twin *t, uint32_t addr)
{
    t->breakpoint = addr & ~1U;
    t->at_breakpoint = false;
    cpu_set_breakpoint(t->cpu, t->breakpoint);
}

enum twin_stop twin_step(struct twin *t)
{
    enum twin_stop stop;
    cpu_set_breakpoint(t->cpu, 0);
    t->at_breakpoint = false;
    t->is_stepping = true;
    t->step_from = cpu_instructions(t->cpu);
    stop = board_run_until_ps(t, chip_now_ps(t->chip) + STEP_MAX_PS);
    t->is_stepping = false;
    cpu_set_breakpoint(t->cpu, t->breakpoint);
    return stop;
}

/* --- SPI --- */

static bool ends_transfer(enum twin_stop stop)
{
    return stop == TWIN_STOP_VIOLATION || stop == TWIN_STOP_BREAKPOINT;
}

/* One byte on the wires and the gap after it; *at_ps moves on. Without supply MISO floats high. */
static enum twin_stop spi_byte(struct twin *t, uint8_t mosi, uint8_t *miso, uint64_t *at_ps, uint64_t byte_ps,
                               uint64_t gap_ps)
{
    *miso = t->s.mode == BOARD_OFF ? 0xFF : chip_spi_begin(t->chip);
    board_show_byte(t, byte_ps, mosi, *miso);
    *at_ps += byte_ps;
    enum twin_stop stop = board_run_until_ps(t, *at_ps);
    if (t->s.mode != BOARD_OFF) {
        chip_spi_end(t->chip, mosi);
    }
    t->s.spi_bytes++;
    if (ends_transfer(stop)) {
        return stop;
    }
    *at_ps += gap_ps;
    return board_run_until_ps(t, *at_ps); /* without gap: what the byte's end asked for */
}

enum twin_stop twin_spi_transfer(struct twin *t, const uint8_t *mosi, uint8_t *miso, size_t n_bytes,
                                 uint32_t hz, uint32_t gap_ns)
{
    uint64_t byte_ps = 8000000000000ULL / (hz ? hz : 1);
    uint64_t at_ps = chip_now_ps(t->chip);
    enum twin_stop stop = time_is_up(t);
    for (size_t i = 0; i < n_bytes && !ends_transfer(stop); i++) {
        uint8_t answer;
        stop = spi_byte(t, mosi ? mosi[i] : 0, &answer, &at_ps, byte_ps, gap_ns * 1000ULL);
        if (miso) {
            miso[i] = answer;
        }
    }
    return stop;
}
