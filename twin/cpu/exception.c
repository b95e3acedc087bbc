/* Exceptions: entry, return, escalation (ARMv7-M ARM B1.5). Their state is in exc_state.c. */
#include "core.h"

enum {
    FRAME_BYTES = 0x20,
    FP_FRAME_BYTES = 0x68,
    XPSR_ALIGNED = 1 << 9,
    ENTRY_CYCLES = 12,
    EXIT_CYCLES = 10,
    FP_CYCLES = 17
};
enum { PRIORITY_HARD = -1 };

/* --- entry ------------------------------------------------------------------------------------------- */

static bool write_words(struct cpu *c, uint32_t addr, const uint32_t *words, unsigned n, enum mem_result *bad)
{
    for (unsigned i = 0; i < n; i++) {
        const enum mem_result result = mem_write_word(c, addr + 4 * i, words[i]);
        if (result != MEM_OK) {
            *bad = result;
            return false;
        }
    }
    return true;
}

/* The frame of `exception` could not be written: a derived fault becomes pending, the entry goes on (B1.5.6).
 * The entry of HardFault or NMI derives none above itself. */
static void stacking_failed(struct cpu *c, unsigned exception, enum mem_result bad)
{
    const unsigned fault = bad == MEM_PROTECTED ? EXC_MEM : EXC_BUS;
    c->s.cfsr |= bad == MEM_PROTECTED ? CFSR_MSTKERR : CFSR_STKERR;
    if (exc_is_enabled(c, fault)) {
        exc_set_pending(c, fault);
    } else if (exception != EXC_HARD && exception != EXC_NMI) {
        c->s.hfsr |= HFSR_FORCED;
        exc_set_pending(c, EXC_HARD);
    }
}

static void push_frame(struct cpu *c, unsigned exception)
{
    struct core_state *s = &c->s;
    const bool with_fp = s->control & CONTROL_FPCA;
    const uint32_t unaligned = s->r[REG_SP] - (with_fp ? FP_FRAME_BYTES : FRAME_BYTES);
    const bool aligned = (s->ccr & CCR_STKALIGN || with_fp) && (unaligned & 4);
    const uint32_t sp = aligned ? unaligned & ~4u : unaligned;
    const uint32_t basic[8] = {
        s->r[0],  s->r[1],      s->r[2],      s->r[3],
        s->r[12], s->r[REG_LR], s->r[REG_PC], exc_xpsr(c) | (aligned ? XPSR_ALIGNED : 0)};
    enum mem_result bad = MEM_OK;
    bool ok = write_words(c, sp, basic, 8, &bad);
    if (ok && with_fp) {
        ok = write_words(c, sp + FRAME_BYTES, s->fp, 16, &bad) &&
             write_words(c, sp + 0x60, &s->fpscr, 1, &bad);
    }
    s->r[REG_SP] = sp;
    if (!ok) {
        stacking_failed(c, exception, bad);
    }
}

/* Where `exception` begins. One whose vector cannot be read becomes a HardFault (B1.5.6); if that has none
 * either, the core locks up: MEM_ERROR. */
static enum mem_result read_vector(struct cpu *c, unsigned *exception, uint32_t *vector)
{
    enum mem_result result = mem_read_word(c, c->s.vtor + 4 * *exception, true, vector);
    if (result != MEM_OK && result != MEM_RESTART) {
        c->s.hfsr |= HFSR_VECTTBL;
        const bool is_last = *exception == EXC_HARD || *exception == EXC_NMI;
        *exception = EXC_HARD;
        result = is_last ? result : mem_read_word(c, c->s.vtor + 4 * EXC_HARD, true, vector);
        c->s.lockup = result != MEM_OK && result != MEM_RESTART;
    }
    return result;
}

/* ExceptionTaken (B1.5.6): the context is on the stack already. */
static void start_handler(struct cpu *c, unsigned exception, uint32_t vector, uint32_t exc_return)
{
    struct core_state *s = &c->s;
    exc_set_active(c, exception, true);
    exc_set_mode(c, exception, s->control & ~(uint32_t)(CONTROL_SPSEL | CONTROL_FPCA));
    s->r[REG_LR] = exc_return;
    s->r[REG_PC] = vector & ~1u;
    s->thumb = vector & 1;
    s->it = 0;
    s->excl = false;
    s->event = true;
    s->sleep = SLEEP_NONE;
    s->cycles += ENTRY_CYCLES;
    core_attention(c);
}

/* Enter `exception`. @return false: a flash stall ended the run, nothing
 * happened */
static bool enter(struct cpu *c, unsigned exception)
{
    struct core_state *s = &c->s;
    uint32_t vector = 0;
    const enum mem_result result = read_vector(c, &exception, &vector);
    if (result != MEM_OK) {
        return result != MEM_RESTART;
    }
    const bool with_fp = s->control & CONTROL_FPCA;
    const bool from_psp = exc_uses_psp(s->ipsr, s->control);
    const uint32_t exc_return =
        0xFFFFFFE1u | (with_fp ? 0 : 0x10) | (s->ipsr == 0 ? 8 : 0) | (from_psp ? 4 : 0);
    exc_clear_pending(c,
                      exception); /* first: a frame that fails may make this very exception pending again */
    push_frame(c, exception);
    start_handler(c, exception, vector, exc_return);
    s->cycles += with_fp ? FP_CYCLES : 0;
    return true;
}

/* What a synchronous exception is taken as: itself, or HardFault if it is disabled or its priority does not
 * suffice (B1.5.10). 0: the core locks up instead. */
static unsigned escalate(struct cpu *c, unsigned exception)
{
    const int now = exc_execution_priority(c, false);
    if (exception != EXC_HARD && (!exc_is_enabled(c, exception) || exc_group_priority(c, exception) >= now)) {
        c->s.hfsr |= exception == EXC_DEBUG ? HFSR_DEBUGEVT : HFSR_FORCED;
        exception = EXC_HARD;
    }
    if (exception == EXC_HARD && now <= PRIORITY_HARD) {
        c->s.lockup = true;
        return 0;
    }
    return exception;
}

bool exc_take_sync(struct cpu *c)
{
    const unsigned exception = escalate(c, c->s.sync);
    if (exception && !enter(c, exception)) {
        return false;
    }
    c->s.sync = 0;
    return true;
}

bool exc_take_pending(struct cpu *c, unsigned exception)
{
    return enter(c, exception);
}

/* --- return ------------------------------------------------------------------------------------------ */

/* Is EXC_RETURN impossible here (B1.5.8)? */
static bool is_bad_return(const struct cpu *c, uint32_t value)
{
    const bool to_thread = value & 8;
    if ((value & 0x0FFFFFE0u) != 0x0FFFFFE0u || (value & 3) != 1 || (!to_thread && (value & 4))) {
        return true;
    }
    if (!exc_is_active(c, c->s.ipsr)) {
        return true;
    }
    const bool nested = exc_count_active(c) > 1;
    return to_thread ? nested && !(c->s.ccr & CCR_NONBASETHRDENA) : !nested;
}

static void deactivate(struct cpu *c)
{
    const unsigned exception = c->s.ipsr;
    exc_set_active(c, exception, false);
    if (exception != EXC_NMI) {
        c->s.faultmask = 0;
    }
    nvic_repend(c, exception);
}

static bool read_words(struct cpu *c, uint32_t addr, uint32_t *words, unsigned n, enum mem_result *bad)
{
    for (unsigned i = 0; i < n; i++) {
        *bad = mem_read_word(c, addr + 4 * i, false, &words[i]);
        if (*bad != MEM_OK) {
            return false;
        }
    }
    return true;
}

static void pop_registers(struct cpu *c, const uint32_t frame[8])
{
    struct core_state *s = &c->s;
    for (unsigned i = 0; i < 4; i++) {
        s->r[i] = frame[i];
    }
    s->r[12] = frame[4];
    s->r[REG_LR] = frame[5];
    s->r[REG_PC] = frame[6] & ~1u;
    exc_set_apsr(c, frame[7]);
    exc_set_ge(c, frame[7]);
    s->thumb = frame[7] >> 24 & 1;
    s->it = (frame[7] >> 25 & 3) | (frame[7] >> 10 & 0x3F) << 2;
}

/* A return that fails is a fault taken in its place: the frame stays where it is, LR holds the EXC_RETURN
 * (B1.5.8). @return false: a flash stall ended the run, the return begins anew */
static bool return_failed(struct cpu *c, uint32_t value, uint32_t cfsr_bits)
{
    uint32_t vector = 0;
    c->s.cfsr |= cfsr_bits;
    unsigned exception = escalate(c, exc_fault_of(cfsr_bits));
    if (!exception) {
        return true;
    }
    const enum mem_result result = read_vector(c, &exception, &vector);
    if (result == MEM_OK) {
        exc_clear_pending(c, exception);
        start_handler(c, exception, vector, value);
    }
    return result != MEM_RESTART;
}

static bool bad_return(struct cpu *c, uint32_t value)
{
    deactivate(c);
    if (!return_failed(c, value, CFSR_INVPC)) {
        c->s.exc_return = value;
        return false;
    }
    return true;
}

bool exc_return(struct cpu *c)
{
    struct core_state *s = &c->s;
    const uint32_t value = s->exc_return;
    s->exc_return = 0;
    if (is_bad_return(c, value)) {
        return bad_return(c, value);
    }
    const bool to_thread = value & 8;
    const bool with_fp = !(value & 0x10);
    const uint32_t old_ipsr = s->ipsr;
    const uint32_t old_control = s->control;
    const uint32_t control = (s->control & CONTROL_NPRIV) | (value & 4 ? CONTROL_SPSEL : 0);
    deactivate(c);
    exc_set_mode(c, to_thread ? 0 : old_ipsr, to_thread ? control : s->control);
    const uint32_t sp = s->r[REG_SP];
    uint32_t frame[8];
    uint32_t fp[17] = {0};
    enum mem_result bad = MEM_OK;
    if (!read_words(c, sp, frame, 8, &bad) || (with_fp && !read_words(c, sp + FRAME_BYTES, fp, 17, &bad))) {
        exc_set_mode(c, old_ipsr, old_control);
        if (!return_failed(c, value, bad == MEM_PROTECTED ? CFSR_MUNSTKERR : CFSR_UNSTKERR)) {
            exc_set_active(c, old_ipsr, true);
            s->exc_return = value;
            return false;
        }
        return true;
    }
    s->r[REG_SP] = (sp + (with_fp ? FP_FRAME_BYTES : FRAME_BYTES)) | (frame[7] & XPSR_ALIGNED ? 4 : 0);
    pop_registers(c, frame);
    exc_set_mode(c, to_thread ? 0 : frame[7] & 0x1FF,
                 (s->control & ~(uint32_t)CONTROL_FPCA) | (with_fp ? CONTROL_FPCA : 0));
    if (with_fp) {
        memcpy(s->fp, fp, 16 * sizeof fp[0]);
        s->fpscr = fp[16];
    }
    s->excl = false;
    s->event = true;
    s->cycles += with_fp ? EXIT_CYCLES + (uint32_t)FP_CYCLES : EXIT_CYCLES;
    if (to_thread != (s->ipsr == 0) || (to_thread && (frame[7] & 0x1FF))) {
        exc_fault(c, CFSR_INVPC);
    } else if (to_thread && (s->scr & SCR_SLEEPONEXIT)) {
        s->sleep = SLEEP_WFI;
    }
    core_attention(c);
    return true;
}
