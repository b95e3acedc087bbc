/* Multiply, multiply-accumulate and divide, with the DSP extension's forms
 * (ARMv7-M ARM A5.3.16, A5.3.17). */
#include "exec.h"

static int32_t low_half(uint32_t v)
{
    return (int16_t)v;
}

static int32_t high_half(uint32_t v)
{
    return (int32_t)v >> 16;
}

static void set_q_if(struct cpu *c, bool overflow)
{
    c->s.qf |= overflow;
}

/* d = low word of `sum`; Q if it does not fit (no saturation). */
static uint32_t accumulate(struct cpu *c, const struct op *op, int64_t sum, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)(uint64_t)sum;
    set_q_if(c, sum != (int32_t)sum);
    return next;
}

static int64_t accumulator(const struct cpu *c, const struct op *op)
{
    return (int32_t)c->s.r[op->imm & 31];
}

uint32_t exec_mul(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = c->s.r[op->n] * c->s.r[op->m];
    return next;
}

uint32_t exec_muls(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t product = c->s.r[op->n] * c->s.r[op->m];
    c->s.r[op->d] = product;
    if (op->x & OP_S) {
        set_nz(c, product);
    }
    return next;
}

uint32_t exec_mla(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = c->s.r[op->imm & 31] + c->s.r[op->n] * c->s.r[op->m];
    return next;
}

uint32_t exec_mls(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = c->s.r[op->imm & 31] - c->s.r[op->n] * c->s.r[op->m];
    return next;
}

/* Long forms: d is the low word, imm names the register of the high word. */
static uint32_t write_long(struct cpu *c, const struct op *op, uint64_t value, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)value;
    c->s.r[op->imm & 31] = (uint32_t)(value >> 32);
    return next;
}

static uint64_t read_long(const struct cpu *c, const struct op *op)
{
    return (uint64_t)c->s.r[op->imm & 31] << 32 | c->s.r[op->d];
}

static uint64_t signed_product(const struct cpu *c, const struct op *op)
{
    return (uint64_t)((int64_t)(int32_t)c->s.r[op->n] * (int32_t)c->s.r[op->m]);
}

uint32_t exec_smull(struct cpu *c, const struct op *op, uint32_t next)
{
    return write_long(c, op, signed_product(c, op), next);
}

uint32_t exec_umull(struct cpu *c, const struct op *op, uint32_t next)
{
    return write_long(c, op, (uint64_t)c->s.r[op->n] * c->s.r[op->m], next);
}

uint32_t exec_smlal(struct cpu *c, const struct op *op, uint32_t next)
{
    return write_long(c, op, read_long(c, op) + signed_product(c, op), next);
}

uint32_t exec_umlal(struct cpu *c, const struct op *op, uint32_t next)
{
    return write_long(c, op, read_long(c, op) + (uint64_t)c->s.r[op->n] * c->s.r[op->m], next);
}

uint32_t exec_umaal(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint64_t product = (uint64_t)c->s.r[op->n] * c->s.r[op->m];
    return write_long(c, op, product + c->s.r[op->d] + c->s.r[op->imm & 31], next);
}

/* Division by zero: 0, or UsageFault when CCR.DIV_0_TRP is set. @return true:
 * trapped */
static bool division_traps(struct cpu *c, uint32_t divisor)
{
    if (divisor != 0 || !(c->s.ccr & CCR_DIV_0_TRP)) {
        return false;
    }
    exc_fault(c, CFSR_DIVBYZERO);
    return true;
}

/* 2 to 12 cycles, fewer the closer the operands are in size. */
static uint32_t divide_cycles(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0 || b > a) {
        return 1;
    }
    return 2 + (uint32_t)(__builtin_clz(b) - __builtin_clz(a)) / 4;
}

uint32_t exec_udiv(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t a = c->s.r[op->n];
    const uint32_t b = c->s.r[op->m];
    if (division_traps(c, b)) {
        return core_aborted(c);
    }
    c->s.r[op->d] = b ? a / b : 0;
    c->s.cycles += divide_cycles(a, b);
    return next;
}

uint32_t exec_sdiv(struct cpu *c, const struct op *op, uint32_t next)
{
    const int64_t a = (int32_t)c->s.r[op->n];
    const int64_t b = (int32_t)c->s.r[op->m];
    if (division_traps(c, (uint32_t)b)) {
        return core_aborted(c);
    }
    c->s.r[op->d] = b ? (uint32_t)(uint64_t)(a / b) : 0;
    c->s.cycles += divide_cycles((uint32_t)(a < 0 ? -a : a), (uint32_t)(b < 0 ? -b : b));
    return next;
}

/* Half-word forms: imm bit 8 picks the top half of n, bit 9 the top half of m. */
static int32_t half_n(const struct cpu *c, const struct op *op)
{
    return op->imm & 0x100 ? high_half(c->s.r[op->n]) : low_half(c->s.r[op->n]);
}

static int32_t half_m(const struct cpu *c, const struct op *op)
{
    return op->imm & 0x200 ? high_half(c->s.r[op->m]) : low_half(c->s.r[op->m]);
}

uint32_t exec_smla_half(struct cpu *c, const struct op *op, uint32_t next)
{
    return accumulate(c, op, (int64_t)half_n(c, op) * half_m(c, op) + accumulator(c, op), next);
}

uint32_t exec_smul_half(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)(half_n(c, op) * half_m(c, op));
    return next;
}

static int64_t word_by_half(const struct cpu *c, const struct op *op)
{
    return (int64_t)(int32_t)c->s.r[op->n] * half_m(c, op) >> 16;
}

uint32_t exec_smlaw(struct cpu *c, const struct op *op, uint32_t next)
{
    return accumulate(c, op, word_by_half(c, op) + accumulator(c, op), next);
}

uint32_t exec_smulw(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)(uint64_t)word_by_half(c, op);
    return next;
}

/* Dual forms: OP_ALT exchanges the halves of m; imm is the accumulator
 * (REG_ZERO: none). */
struct products {
    int64_t low;
    int64_t high;
};

static struct products dual_products(const struct cpu *c, const struct op *op)
{
    const uint32_t n = c->s.r[op->n];
    const uint32_t m = op->x & OP_ALT ? rotate_right(c->s.r[op->m], 16) : c->s.r[op->m];
    return (struct products){low_half(n) * low_half(m), (int64_t)high_half(n) * high_half(m)};
}

uint32_t exec_smlad(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct products p = dual_products(c, op);
    return accumulate(c, op, p.low + p.high + accumulator(c, op), next);
}

uint32_t exec_smlsd(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct products p = dual_products(c, op);
    return accumulate(c, op, p.low - p.high + accumulator(c, op), next);
}

uint32_t exec_smlald(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct products p = dual_products(c, op);
    return write_long(c, op, read_long(c, op) + (uint64_t)p.low + (uint64_t)p.high, next);
}

uint32_t exec_smlsld(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct products p = dual_products(c, op);
    return write_long(c, op, read_long(c, op) + (uint64_t)p.low - (uint64_t)p.high, next);
}

uint32_t exec_smlal_half(struct cpu *c, const struct op *op, uint32_t next)
{
    const int64_t product = (int64_t)half_n(c, op) * half_m(c, op);
    return write_long(c, op, read_long(c, op) + (uint64_t)product, next);
}

/* Most significant word; OP_ALT rounds. */
static uint32_t high_word(const struct op *op, uint64_t value)
{
    return (uint32_t)((op->x & OP_ALT ? value + 0x80000000u : value) >> 32);
}

uint32_t exec_smmla(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = high_word(op, ((uint64_t)c->s.r[op->imm & 31] << 32) + signed_product(c, op));
    return next;
}

uint32_t exec_smmls(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = high_word(op, ((uint64_t)c->s.r[op->imm & 31] << 32) - signed_product(c, op));
    return next;
}

/* USAD8 (imm = REG_ZERO), USADA8. */
uint32_t exec_usad8(struct cpu *c, const struct op *op, uint32_t next)
{
    uint32_t sum = c->s.r[op->imm & 31];
    for (unsigned i = 0; i < 32; i += 8) {
        const int32_t diff = (int32_t)(c->s.r[op->n] >> i & 0xFF) - (int32_t)(c->s.r[op->m] >> i & 0xFF);
        sum += (uint32_t)(diff < 0 ? -diff : diff);
    }
    c->s.r[op->d] = sum;
    return next;
}
