/* The run loop and the face of the core (cpu.h). */
#include <stdlib.h>

#include "exec.h"

/* --- run loop ---------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool wakes(struct cpu *c)
{
    int group = 0;
    if (c->s.sleep == SLEEP_WFE && c->s.event) {
        c->s.event = false;
        return true;
    }
    /* WFI wakes for what would be taken if PRIMASK were clear (B1.5.19). */
    return exc_first_pending(c, &group) && group < exc_execution_priority(c, true);
}

static void stop_here(bool *is_stopped, enum cpu_stop *why, enum cpu_stop reason)
{
    *is_stopped = true;
    *why = reason;
}

/* Take one exception if one is due. @return true: look again before the next
 * instruction */
static bool take_exceptions(struct cpu *c)
{
    int group = 0;
    if (c->s.sync) {
        c->restart = !exc_take_sync(c);
        return true;
    }
    if (c->s.exc_return) {
        c->restart = !exc_return(c);
        return true;
    }
    const unsigned first = exc_first_pending(c, &group);
    if (first && group < exc_execution_priority(c, false)) {
        c->restart = !exc_take_pending(c, first);
        return true;
    }
    if (!c->s.thumb) {
        exc_fault(c, CFSR_INVSTATE);
        return true;
    }
    return false;
}

/* Everything that is looked at between two instructions, but only when
 * `deadline` says so. */
static bool attend(struct cpu *c, enum cpu_stop *why)
{
    bool is_stopped = false;
    for (bool again = true; again && !is_stopped;) {
        systick_update(c);
        again = false;
        if (c->restart || c->stop_request) {
            c->restart = false;
            c->stop_request = false;
            stop_here(&is_stopped, why, CPU_STOP_REQUEST);
        } else if (c->s.lockup) {
            stop_here(&is_stopped, why, CPU_STOP_LOCKUP);
        } else if (c->s.reset_request) {
            stop_here(&is_stopped, why, CPU_STOP_RESET);
        } else if (c->s.sleep && !wakes(c)) {
            stop_here(&is_stopped, why, CPU_STOP_SLEEP);
        } else {
            c->s.sleep = SLEEP_NONE;
            again = take_exceptions(c);
            if (!again && c->s.cycles >= c->limit) {
                stop_here(&is_stopped, why, CPU_STOP_LIMIT);
            }
        }
    }
    c->deadline = least(c->limit, systick_next_exception(c));
    return is_stopped;
}

static const struct op *fetch_fast(struct cpu *c, uint32_t pc)
{
    uint32_t off = pc - CPU_FLASH_BASE;
    const struct code_region *region = &c->flash_code;
    if (off >= c->flash_fetch) {
        off = pc - CPU_SRAM_BASE;
        region = &c->sram_code;
        if (off >= c->sram_fetch) {
            return fetch_checked(c, pc);
        }
    }
    const struct op *op = &region->ops[off >> 1];
    return op->fn ? op : fetch_decode(c, region, off);
}

/* One instruction inside an IT block: condition, no flags from 16-bit forms,
 * and the state moves on if it completed. */
static uint32_t execute_in_it(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t it = c->s.it;
    struct op plain = *op;
    uint32_t target = next;
    if (plain.x & OP_S_NOT_IN_IT) {
        plain.x &= (uint8_t)~OP_S;
    }
    if (cond_holds(c, it >> 4) || plain.fn == exec_bkpt) {
        target = plain.fn(c, &plain, next);
        if ((c->s.sync && c->s.sync != EXC_SVC) || c->restart) {
            return target;
        }
    }
    c->s.it = it & 7 ? (it & 0xE0) | (it << 1 & 0x1F) : 0;
    return target;
}

enum cpu_stop cpu_run(struct cpu *c, uint64_t limit)
{
    enum cpu_stop why = CPU_STOP_LIMIT;
    c->limit = limit;
    core_attention(c);
    for (;;) {
        if (c->s.cycles >= c->deadline && attend(c, &why)) {
            return why;
        }
        const uint32_t pc = c->s.r[REG_PC];
        if (pc == c->breakpoint) {
            return CPU_STOP_BREAKPOINT;
        }
        const struct op *op = fetch_fast(c, pc);
        if (!op) {
            continue;
        }
        const uint32_t next = pc + (op->x & OP_LENGTH);
        c->s.cycles++;
        c->s.instructions++;
        c->s.r[REG_PC] = c->s.it ? execute_in_it(c, op, next) : op->fn(c, op, next);
        if (c->restart) {
            c->s.cycles--;
            c->s.instructions--;
        }
    }
}

/* --- face -------------------------------------------------------------------------------------------- */

static bool make_region(struct code_region *region, const uint8_t *bytes, uint32_t base, size_t n_bytes)
{
    region->bytes = bytes;
    region->base = base;
    region->n_bytes = (uint32_t)n_bytes;
    region->n_ops = n_bytes / 2 + 1;
    region->ops = calloc(region->n_ops, sizeof *region->ops);
    return region->ops;
}

struct cpu *cpu_create(const struct cpu_bus *bus, uint8_t *flash, size_t flash_bytes, uint8_t *sram,
                       size_t sram_bytes, uint8_t *ccm, size_t ccm_bytes)
{
    struct cpu *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->bus = *bus;
    c->steady_seen = poll_seen;
    c->flash = flash;
    c->flash_bytes = (uint32_t)flash_bytes;
    c->sram = sram;
    c->sram_bytes = (uint32_t)sram_bytes;
    c->ccm = ccm;
    c->ccm_bytes = (uint32_t)ccm_bytes;
    c->breakpoint = 1;
    c->s.flash_open = true;
    c->sram_has_code = calloc((sram_bytes >> CODE_PAGE_SHIFT) + 2, 1);
    const bool ok = make_region(&c->flash_code, flash, CPU_FLASH_BASE, flash_bytes) &&
                    make_region(&c->sram_code, sram, CPU_SRAM_BASE, sram_bytes);
    if (!ok || !c->sram_has_code) {
        cpu_destroy(c);
        return NULL;
    }
    core_refresh(c);
    return c;
}

void cpu_destroy(struct cpu *c)
{
    if (c) {
        free(c->flash_code.ops);
        free(c->sram_code.ops);
        free(c->alias_code.ops);
        free(c->sram_has_code);
        free(c);
    }
}

void cpu_reset(struct cpu *c)
{
    const uint64_t cycles = c->s.cycles;
    const uint64_t instructions = c->s.instructions;
    const bool flash_open = c->s.flash_open;
    uint32_t level[IRQ_WORDS];
    uint32_t vector[2] = {0, 0};
    memcpy(level, c->s.irq_level, sizeof level);
    memset(&c->s, 0, sizeof c->s);
    memcpy(c->s.irq_level, level, sizeof level);
    c->s.cycles = cycles;
    c->s.instructions = instructions;
    c->s.flash_open = flash_open;
    c->s.zf = 1;
    c->s.r[REG_LR] = 0xFFFFFFFF;
    c->s.ccr = CCR_STKALIGN;
    c->s.fpccr = 0xC0000000;
    c->s.systick.next_zero = UINT64_MAX;
    c->stop_request = false;
    c->restart = false;
    memset(&c->poll, 0, sizeof c->poll);
    core_refresh(c);
    if (c->alias_code.bytes && c->alias_code.n_bytes >= sizeof vector) {
        memcpy(vector, c->alias_code.bytes, sizeof vector);
    }
    c->s.r[REG_SP] = vector[0] & ~3u;
    c->s.r[REG_PC] = vector[1] & ~1u;
    c->s.thumb = vector[1] & 1;
    core_attention(c);
}

void cpu_request_stop(struct cpu *c)
{
    c->stop_request = true;
    core_attention(c);
}

void cpu_limit_at_most(struct cpu *c, uint64_t limit)
{
    c->limit = least(c->limit, limit);
    c->deadline = least(c->deadline, limit);
}

uint64_t cpu_cycles(const struct cpu *c)
{
    return c->s.cycles;
}

void cpu_set_cycles(struct cpu *c, uint64_t cycles)
{
    if (cycles > c->s.cycles) {
        c->s.cycles = cycles;
    }
}

uint64_t cpu_instructions(const struct cpu *c)
{
    return c->s.instructions;
}

uint64_t cpu_next_systick(const struct cpu *c)
{
    return systick_next_exception(c);
}

void cpu_flash_open(struct cpu *c, bool open)
{
    c->s.flash_open = open;
    core_refresh(c);
}

void cpu_watch_flash(struct cpu *c, bool on)
{
    c->flash_watched = on;
    core_refresh(c);
}

void cpu_set_breakpoint(struct cpu *c, uint32_t addr)
{
    c->breakpoint = addr ? addr & ~1u : 1;
}

static uint32_t stack_of(const struct cpu *c, bool psp)
{
    const bool uses_psp = c->s.ipsr == 0 && (c->s.control & CONTROL_SPSEL);
    return uses_psp == psp ? c->s.r[REG_SP] : c->s.banked_sp;
}

uint32_t cpu_reg(const struct cpu *c, unsigned n)
{
    if (n < 16) {
        return c->s.r[n];
    }
    if (n >= 32 && n < 64) {
        return c->s.fp[n - 32];
    }
    switch (n) {
    case 16:
        return exc_xpsr(c);
    case 17:
    case 18:
        return stack_of(c, n == 18);
    case 19:
        return c->s.primask;
    case 20:
        return c->s.basepri;
    case 21:
        return c->s.faultmask;
    case 22:
        return c->s.control;
    case 23:
        return c->s.fpscr;
    default:
        return 0;
    }
}

static void set_special(struct cpu *c, unsigned n, uint32_t value)
{
    const bool uses_psp = c->s.ipsr == 0 && (c->s.control & CONTROL_SPSEL);
    switch (n) {
    case 16:
        exc_set_apsr(c, value);
        exc_set_ge(c, value);
        c->s.thumb = value >> 24 & 1;
        c->s.it = (value >> 25 & 3) | (value >> 10 & 0x3F) << 2;
        exc_set_mode(c, value & 0x1FF, c->s.control);
        break;
    case 17:
    case 18:
        *(uses_psp == (n == 18) ? &c->s.r[REG_SP] : &c->s.banked_sp) = value & ~3u;
        break;
    case 19:
        c->s.primask = value & 1;
        break;
    case 20:
        c->s.basepri = value & 0xF0;
        break;
    case 21:
        c->s.faultmask = value & 1;
        break;
    case 22:
        exc_set_mode(c, c->s.ipsr, value & 7);
        break;
    case 23:
        c->s.fpscr = value & 0xF7C0009F;
        break;
    default:
        break;
    }
}

void cpu_set_reg(struct cpu *c, unsigned n, uint32_t value)
{
    if (n == REG_PC) {
        c->s.r[n] = value & ~1u;
    } else if (n < 16) {
        c->s.r[n] = n == REG_SP ? value & ~3u : value;
    } else if (n >= 32 && n < 64) {
        c->s.fp[n - 32] = value;
    } else {
        set_special(c, n, value);
    }
    core_attention(c);
}

void *cpu_state(struct cpu *c, size_t *n_bytes)
{
    *n_bytes = sizeof c->s;
    return &c->s;
}

void cpu_state_restored(struct cpu *c)
{
    c->restart = false;
    c->stop_request = false;
    memset(&c->poll, 0, sizeof c->poll);
    core_refresh(c);
    core_attention(c);
}

void cpu_on_violation(struct cpu *c, void (*fn)(void *ctx, const char *text), void *ctx)
{
    c->violation = fn;
    c->violation_ctx = ctx;
}
