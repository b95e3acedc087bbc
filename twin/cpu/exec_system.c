/* Hints, exceptions by instruction, special registers (ARMv7-M ARM A7.7, B5.2). */
#include "exec.h"

enum {
    SYSM_XPSR_LAST = 7,
    SYSM_MSP = 8,
    SYSM_PSP = 9,
    SYSM_PRIMASK = 16,
    SYSM_BASEPRI = 17,
    SYSM_BASEPRI_MAX = 18,
    SYSM_FAULTMASK = 19,
    SYSM_CONTROL = 20,
    BASEPRI_MASK = 0xF0
};

uint32_t exec_nop(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)c;
    (void)op;
    return next;
}

uint32_t exec_wfi(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    c->s.sleep = SLEEP_WFI;
    core_attention(c);
    return next;
}

uint32_t exec_wfe(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    if (c->s.event) {
        c->s.event = false;
    } else {
        c->s.sleep = SLEEP_WFE;
        core_attention(c);
    }
    return next;
}

uint32_t exec_sev(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    c->s.event = true;
    return next;
}

/* The return address is the next instruction, so the exception is raised as if
 * by that one. */
uint32_t exec_svc(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    exc_raise(c, EXC_SVC);
    return next;
}

uint32_t exec_bkpt(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    (void)next;
    c->s.dfsr |= 2;
    exc_raise(c, EXC_DEBUG);
    return core_aborted(c);
}

uint32_t exec_clrex(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    c->s.excl = false;
    return next;
}

uint32_t exec_undefined(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    (void)next;
    exc_fault(c, CFSR_UNDEFINSTR);
    return core_aborted(c);
}

uint32_t exec_unpredictable(struct cpu *c, const struct op *op, uint32_t next)
{
    core_violation(c, "core: UNPREDICTABLE instruction, taken as undefined");
    return exec_undefined(c, op, next);
}

uint32_t exec_no_coprocessor(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)op;
    (void)next;
    exc_fault(c, CFSR_NOCP);
    return core_aborted(c);
}

static bool sp_is_psp(const struct cpu *c)
{
    return c->s.ipsr == 0 && (c->s.control & CONTROL_SPSEL);
}

static uint32_t *stack_pointer(struct cpu *c, bool psp)
{
    return sp_is_psp(c) == psp ? &c->s.r[REG_SP] : &c->s.banked_sp;
}

uint32_t exec_mrs(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t sysm = op->imm;
    const bool privileged = exc_is_privileged(c);
    uint32_t value = 0;
    if (sysm <= SYSM_XPSR_LAST) {
        /* bit 0: IPSR, bit 1: EPSR (reads as 0), bit 2 clear: APSR */
        value = (sysm & 1 && privileged ? c->s.ipsr : 0) | (sysm & 4 ? 0 : exc_xpsr(c) & 0xF80F0000);
    } else if (sysm == SYSM_CONTROL) {
        value = c->s.control;
    } else if (privileged) {
        switch (sysm) {
        case SYSM_MSP:
        case SYSM_PSP:
            value = *stack_pointer(c, sysm == SYSM_PSP);
            break;
        case SYSM_PRIMASK:
            value = c->s.primask;
            break;
        case SYSM_BASEPRI:
        case SYSM_BASEPRI_MAX:
            value = c->s.basepri;
            break;
        case SYSM_FAULTMASK:
            value = c->s.faultmask;
            break;
        default:
            break;
        }
    }
    c->s.r[op->d] = value;
    return next;
}

/* Setting it is ignored in NMI and HardFault, clearing it never is (B1.4.3, B5.2.1). */
static void set_faultmask(struct cpu *c, bool on)
{
    if (!on || exc_execution_priority(c, true) > -1) {
        c->s.faultmask = on;
    }
}

static void write_control(struct cpu *c, uint32_t value)
{
    uint32_t control = value & (CONTROL_NPRIV | CONTROL_FPCA);
    /* SPSEL can only be changed in thread mode (B1.4.4). */
    control |= c->s.ipsr == 0 ? value & CONTROL_SPSEL : c->s.control & CONTROL_SPSEL;
    exc_set_mode(c, c->s.ipsr, control);
}

static void write_privileged(struct cpu *c, uint32_t sysm, uint32_t value)
{
    const uint32_t basepri = value & BASEPRI_MASK;
    switch (sysm) {
    case SYSM_MSP:
    case SYSM_PSP:
        *stack_pointer(c, sysm == SYSM_PSP) = value & ~3u;
        break;
    case SYSM_PRIMASK:
        c->s.primask = value & 1;
        break;
    case SYSM_BASEPRI:
        c->s.basepri = basepri;
        break;
    case SYSM_BASEPRI_MAX:
        if (basepri && (c->s.basepri == 0 || basepri < c->s.basepri)) {
            c->s.basepri = basepri;
        }
        break;
    case SYSM_FAULTMASK:
        set_faultmask(c, value & 1);
        break;
    case SYSM_CONTROL:
        write_control(c, value);
        break;
    default:
        break;
    }
}

/* imm bits 0..7 SYSm, bits 10..11 the mask (GE, NZCVQ). */
uint32_t exec_msr(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t value = c->s.r[op->n];
    const uint32_t sysm = op->imm & 0xFF;
    if (sysm <= SYSM_XPSR_LAST) {
        if (!(sysm & 4)) {
            if (op->imm & 0x800) {
                exc_set_apsr(c, value);
            }
            if (op->imm & 0x400) {
                exc_set_ge(c, value);
            }
        }
    } else if (exc_is_privileged(c)) {
        write_privileged(c, sysm, value);
    }
    core_attention(c);
    return next;
}

/* CPSIE, CPSID (imm bit 4): bit 1 PRIMASK, bit 0 FAULTMASK. */
uint32_t exec_cps(struct cpu *c, const struct op *op, uint32_t next)
{
    if (exc_is_privileged(c)) {
        const uint32_t on = op->imm >> 4 & 1;
        if (op->imm & 2) {
            c->s.primask = on;
        }
        if (op->imm & 1) {
            set_faultmask(c, on);
        }
    }
    core_attention(c);
    return next;
}
