/* FPU: data processing, register transfers, loads and stores (ARMv7-M ARM A6,
 * A7.7). d, n, m are S registers. */
#include "exec.h"
#include "fp.h"

#define FP_SIGN 0x80000000u

enum { FPCCR_ASPEN_SHIFT = 31, FPDSCR_MASK = 0x07C00000 };

/* Access by CPACR, and the floating-point context comes into being
 * (ExecuteFPCheck). @return false: a fault was raised */
static bool fp_ready(struct cpu *c)
{
    const uint32_t access = c->s.cpacr >> 20 & 3;
    if (access == 0 || access == 2 || (access == 1 && !exc_is_privileged(c))) {
        exc_fault(c, CFSR_NOCP);
        return false;
    }
    if (!(c->s.control & CONTROL_FPCA) && c->s.fpccr >> FPCCR_ASPEN_SHIFT) {
        c->s.fpscr = (c->s.fpscr & ~(uint32_t)FPDSCR_MASK) | (c->s.fpdscr & FPDSCR_MASK);
        c->s.control |= CONTROL_FPCA;
    }
    return true;
}

static uint32_t finish(struct cpu *c, const struct op *op, uint32_t value, uint32_t next)
{
    c->s.fp[op->d] = value;
    return next;
}

/* A macro, because C has no other way to get one guarded handler out of each
 * expression. */
#define FP_OP(name, expression)                                                                              \
    uint32_t exec_##name(struct cpu *c, const struct op *op, uint32_t next)                                  \
    {                                                                                                        \
        if (!fp_ready(c)) {                                                                                  \
            return core_aborted(c);                                                                          \
        }                                                                                                    \
        const uint32_t n = c->s.fp[op->n & 31];                                                              \
        const uint32_t m = c->s.fp[op->m & 31];                                                              \
        uint32_t *fpscr = &c->s.fpscr;                                                                       \
        (void)n;                                                                                             \
        (void)m;                                                                                             \
        (void)fpscr;                                                                                         \
        return finish(c, op, expression, next);                                                              \
    }

FP_OP(vadd, fp_add(n, m, fpscr))
FP_OP(vsub, fp_sub(n, m, fpscr))
FP_OP(vmul, fp_mul(n, m, fpscr))
FP_OP(vnmul, fp_mul(n, m, fpscr) ^ FP_SIGN)
FP_OP(vabs, m & ~FP_SIGN)
FP_OP(vneg, m ^ FP_SIGN)
FP_OP(vmov, m)
FP_OP(vmov_imm, op->imm)

/* Division and root are the slow ones: 14 cycles (Cortex-M4 TRM 7.2.3). */
static uint32_t divide(struct cpu *c, uint32_t n, uint32_t m)
{
    c->s.cycles += 13;
    return fp_div(n, m, &c->s.fpscr);
}

static uint32_t root(struct cpu *c, uint32_t m)
{
    c->s.cycles += 13;
    return fp_sqrt(m, &c->s.fpscr);
}

FP_OP(vdiv, divide(c, n, m))
FP_OP(vsqrt, root(c, m))

/* VMLA, VMLS, VNMLA, VNMLS: imm bit 0 negates the product, bit 1 the
 * accumulator. */
static uint32_t chained(struct cpu *c, const struct op *op, uint32_t n, uint32_t m)
{
    const uint32_t product = fp_mul(n, m, &c->s.fpscr) ^ (op->imm & 1 ? FP_SIGN : 0);
    c->s.cycles += 2;
    return fp_add(c->s.fp[op->d] ^ (op->imm & 2 ? FP_SIGN : 0), product, &c->s.fpscr);
}

/* VFMA and kin: the same bits, one rounding; the product is negated through n. */
static uint32_t fused(struct cpu *c, const struct op *op, uint32_t n, uint32_t m)
{
    c->s.cycles += 2;
    return fp_mul_add(c->s.fp[op->d] ^ (op->imm & 2 ? FP_SIGN : 0), n ^ (op->imm & 1 ? FP_SIGN : 0), m,
                      &c->s.fpscr);
}

FP_OP(vmla, chained(c, op, n, m))
FP_OP(vfma, fused(c, op, n, m))

/* VCMP, VCMPE (OP_ALT): d against m, or against 0 (imm). */
uint32_t exec_vcmp(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    const uint32_t right = op->imm ? 0 : c->s.fp[op->m];
    const uint32_t flags = fp_compare(c->s.fp[op->d], right, op->x & OP_ALT, &c->s.fpscr);
    c->s.fpscr = (c->s.fpscr & 0x0FFFFFFF) | flags;
    return next;
}

/* Conversions: imm bits 0..7 fraction bits, 8..15 size, bit 16 signed, bit 17
 * round to zero. */
FP_OP(vcvt_to_int, fp_to_fixed(m, 32, 0, op->imm >> 16 & 1, op->imm >> 17 & 1, fpscr))
FP_OP(vcvt_from_int, fp_from_fixed(m, 32, 0, op->imm >> 16 & 1, false, fpscr))
FP_OP(vcvt_from_fixed, fp_from_fixed(m, op->imm >> 8 & 0xFF, op->imm & 0xFF, op->imm >> 16 & 1, true, fpscr))

static uint32_t to_fixed(struct cpu *c, const struct op *op, uint32_t m)
{
    const unsigned n_bits = op->imm >> 8 & 0xFF;
    const bool is_signed = op->imm >> 16 & 1;
    const uint32_t v = fp_to_fixed(m, n_bits, op->imm & 0xFF, is_signed, true, &c->s.fpscr);
    return is_signed && n_bits == 16 ? (uint32_t)(int16_t)v : v;
}

FP_OP(vcvt_to_fixed, to_fixed(c, op, m))

/* VCVTB, VCVTT: imm bit 0 top half, bit 1 to half precision. */
uint32_t exec_vcvt_half(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    const unsigned shift = op->imm & 1 ? 16 : 0;
    if (op->imm & 2) {
        const uint32_t half = fp_to_half(c->s.fp[op->m], &c->s.fpscr);
        c->s.fp[op->d] = (c->s.fp[op->d] & ~(0xFFFFu << shift)) | half << shift;
    } else {
        c->s.fp[op->d] = fp_from_half(c->s.fp[op->m] >> shift & 0xFFFF, &c->s.fpscr);
    }
    return next;
}

/* --- memory: n base register, d first S register, m how many, imm offset of the first byte ----------- */

static bool is_misaligned(struct cpu *c, uint32_t addr)
{
    if ((addr & 3) == 0) {
        return false;
    }
    exc_fault(c, CFSR_UNALIGNED);
    return true;
}

/* VLDR, VLDM, VPOP: OP_ALT counts down with write-back, OP_WRITEBACK alone
 * counts up. */
uint32_t exec_vldm(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    const uint32_t addr = base + op->imm;
    uint32_t value[32];
    if (!fp_ready(c) || is_misaligned(c, addr)) {
        return core_aborted(c);
    }
    for (unsigned i = 0; i < op->m; i++) {
        if (!mem_load(c, addr + 4 * i, 4, &value[i])) {
            return core_aborted(c);
        }
    }
    memcpy(&c->s.fp[op->d], value, 4u * op->m);
    c->s.cycles += op->m;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = op->x & OP_ALT ? addr : base + 4u * op->m + (op->x & OP_POST ? 4 : 0);
    }
    return next;
}

uint32_t exec_vstm(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    const uint32_t addr = base + op->imm;
    if (!fp_ready(c) || is_misaligned(c, addr)) {
        return core_aborted(c);
    }
    for (unsigned i = 0; i < op->m; i++) {
        if (!mem_store(c, addr + 4 * i, 4, c->s.fp[op->d + i])) {
            return core_aborted(c);
        }
    }
    c->s.cycles += op->m;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = op->x & OP_ALT ? addr : base + 4u * op->m + (op->x & OP_POST ? 4 : 0);
    }
    return next;
}

/* --- transfers --------------------------------------------------------------------------------------- */

/* VMOV Sd, Rm; OP_ALT: VMOV Rm, Sd. */
uint32_t exec_vmov_core(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    if (op->x & OP_ALT) {
        c->s.r[op->m] = c->s.fp[op->d];
    } else {
        c->s.fp[op->d] = c->s.r[op->m];
    }
    return next;
}

/* VMOV of two: S registers d and d + 1, core registers m and n; OP_ALT to the
 * core. */
uint32_t exec_vmov_pair(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    if (op->x & OP_ALT) {
        c->s.r[op->m] = c->s.fp[op->d];
        c->s.r[op->n] = c->s.fp[op->d + 1];
    } else {
        c->s.fp[op->d] = c->s.r[op->m];
        c->s.fp[op->d + 1] = c->s.r[op->n];
    }
    return next;
}

/* VMRS Rd, FPSCR; d = PC: the flags. */
uint32_t exec_vmrs(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    if (op->d == REG_PC) {
        const uint32_t q = c->s.qf;
        exc_set_apsr(c, c->s.fpscr);
        c->s.qf = q;
    } else {
        c->s.r[op->d] = c->s.fpscr;
    }
    return next;
}

uint32_t exec_vmsr(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!fp_ready(c)) {
        return core_aborted(c);
    }
    c->s.fpscr = c->s.r[op->d] & 0xF7C0009F;
    return next;
}
