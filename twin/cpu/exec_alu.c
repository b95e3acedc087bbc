/* Data processing: logic, add and subtract, shifts, moves, bit fields (ARMv7-M
 * ARM A7.7). */
#include "exec.h"

/* Second operand with the carry that a logical instruction would set. */
struct operand {
    uint32_t value;
    uint32_t carry;
};

static inline bool sets_flags(const struct op *op)
{
    return op->x & OP_S;
}

static struct operand shifted(uint32_t value, unsigned type, unsigned amount, uint32_t carry)
{
    if (type == SHIFT_RRX) {
        return (struct operand){carry << 31 | value >> 1, value & 1};
    }
    if (amount == 0) {
        return (struct operand){value, carry};
    }
    struct operand o = {0, 0};
    switch (type) {
    case SHIFT_LSL:
        o.value = amount < 32 ? value << amount : 0;
        o.carry = amount <= 32 ? value >> (32 - amount) & 1 : 0;
        break;
    case SHIFT_LSR:
        o.value = amount < 32 ? value >> amount : 0;
        o.carry = amount <= 32 ? value >> (amount - 1) & 1 : 0;
        break;
    case SHIFT_ASR:
        amount = amount < 32 ? amount : 32;
        o.value = (uint32_t)((int64_t)(int32_t)value >> amount);
        o.carry = (uint32_t)((int64_t)(int32_t)value >> (amount - 1)) & 1;
        break;
    default:
        o.value = rotate_right(value, amount);
        o.carry = o.value >> 31;
        break;
    }
    return o;
}

static inline struct operand operand_imm(const struct cpu *c, const struct op *op)
{
    return (struct operand){op->imm, op->x & OP_CARRY ? op->imm >> 31 : c->s.cf};
}

static inline struct operand operand_reg(const struct cpu *c, const struct op *op)
{
    return (struct operand){c->s.r[op->m], c->s.cf};
}

static inline struct operand operand_shift(const struct cpu *c, const struct op *op)
{
    return shifted(c->s.r[op->m], op->imm >> 8, op->imm & 0xFF, c->s.cf);
}

static inline void logic_flags(struct cpu *c, uint32_t result, struct operand b)
{
    set_nz(c, result);
    c->s.cf = b.carry;
}

static inline void logic_result(struct cpu *c, const struct op *op, uint32_t result, struct operand b)
{
    c->s.r[op->d] = result;
    if (sets_flags(op)) {
        logic_flags(c, result, b);
    }
}

static inline void alu_and(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, c->s.r[op->n] & b.value, b);
}

static inline void alu_bic(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, c->s.r[op->n] & ~b.value, b);
}

static inline void alu_orr(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, c->s.r[op->n] | b.value, b);
}

static inline void alu_orn(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, c->s.r[op->n] | ~b.value, b);
}

static inline void alu_eor(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, c->s.r[op->n] ^ b.value, b);
}

static inline void alu_mov(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, b.value, b);
}

static inline void alu_mvn(struct cpu *c, const struct op *op, struct operand b)
{
    logic_result(c, op, ~b.value, b);
}

static inline void alu_tst(struct cpu *c, const struct op *op, struct operand b)
{
    logic_flags(c, c->s.r[op->n] & b.value, b);
}

static inline void alu_teq(struct cpu *c, const struct op *op, struct operand b)
{
    logic_flags(c, c->s.r[op->n] ^ b.value, b);
}

static inline void alu_add(struct cpu *c, const struct op *op, struct operand b)
{
    c->s.r[op->d] = add_with_carry(c, c->s.r[op->n], b.value, 0, sets_flags(op));
}

static inline void alu_adc(struct cpu *c, const struct op *op, struct operand b)
{
    c->s.r[op->d] = add_with_carry(c, c->s.r[op->n], b.value, c->s.cf, sets_flags(op));
}

static inline void alu_sub(struct cpu *c, const struct op *op, struct operand b)
{
    c->s.r[op->d] = add_with_carry(c, c->s.r[op->n], ~b.value, 1, sets_flags(op));
}

static inline void alu_sbc(struct cpu *c, const struct op *op, struct operand b)
{
    c->s.r[op->d] = add_with_carry(c, c->s.r[op->n], ~b.value, c->s.cf, sets_flags(op));
}

static inline void alu_rsb(struct cpu *c, const struct op *op, struct operand b)
{
    c->s.r[op->d] = add_with_carry(c, ~c->s.r[op->n], b.value, 1, sets_flags(op));
}

static inline void alu_cmp(struct cpu *c, const struct op *op, struct operand b)
{
    (void)add_with_carry(c, c->s.r[op->n], ~b.value, 1, true);
}

static inline void alu_cmn(struct cpu *c, const struct op *op, struct operand b)
{
    (void)add_with_carry(c, c->s.r[op->n], b.value, 0, true);
}

/* A macro, because C has no other way to get three specialised handlers out of
 * one definition. */
#define FORM(name, form)                                                                                     \
    uint32_t exec_##name##_##form(struct cpu *c, const struct op *op, uint32_t next)                         \
    {                                                                                                        \
        alu_##name(c, op, operand_##form(c, op));                                                            \
        return next;                                                                                         \
    }
#define FORMS(name) FORM(name, imm) FORM(name, reg) FORM(name, shift)

FORMS(and)
FORMS(bic)
FORMS(orr)
FORMS(orn)
FORMS(eor)
FORMS(mov)
FORMS(mvn)
FORMS(tst)
FORMS(teq)
FORMS(add)
FORMS(adc)
FORMS(sub)
FORMS(sbc)
FORMS(rsb)
FORMS(cmp)
FORMS(cmn)

/* The same into SP, whose lowest two bits are always 0 (B1.4.7). */
#define FORM_INTO_SP(name, form)                                                                             \
    uint32_t exec_##name##_##form##_sp(struct cpu *c, const struct op *op, uint32_t next)                    \
    {                                                                                                        \
        alu_##name(c, op, operand_##form(c, op));                                                            \
        c->s.r[REG_SP] &= ~3u;                                                                               \
        return next;                                                                                         \
    }

FORM_INTO_SP(mov, reg)
FORM_INTO_SP(add, imm)
FORM_INTO_SP(add, reg)
FORM_INTO_SP(add, shift)
FORM_INTO_SP(sub, imm)
FORM_INTO_SP(sub, reg)
FORM_INTO_SP(sub, shift)

/* LSL, LSR, ASR, ROR by the low byte of m; imm is the type. */
uint32_t exec_shift_by_reg(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct operand o = shifted(c->s.r[op->n], op->imm, c->s.r[op->m] & 0xFF, c->s.cf);
    logic_result(c, op, o.value, o);
    return next;
}

uint32_t exec_movt(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (c->s.r[op->d] & 0xFFFF) | op->imm << 16;
    return next;
}

/* PKHBT, PKHTB (OP_ALT). */
uint32_t exec_pkh(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t b = operand_shift(c, op).value;
    const uint32_t a = c->s.r[op->n];
    c->s.r[op->d] = op->x & OP_ALT ? (a & 0xFFFF0000) | (b & 0xFFFF) : (b & 0xFFFF0000) | (a & 0xFFFF);
    return next;
}

/* BFI, BFC (n = REG_ZERO): imm is the mask, m the lowest bit. */
uint32_t exec_bfi(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (c->s.r[op->d] & ~op->imm) | (c->s.r[op->n] << op->m & op->imm);
    return next;
}

/* UBFX, SBFX (OP_ALT): m is the lowest bit, imm the width. */
uint32_t exec_bfx(struct cpu *c, const struct op *op, uint32_t next)
{
    const unsigned left = 32 - op->imm;
    const uint32_t top = c->s.r[op->n] >> op->m << left;
    c->s.r[op->d] = op->x & OP_ALT ? (uint32_t)((int32_t)top >> left) : top >> left;
    return next;
}

uint32_t exec_clz(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t v = c->s.r[op->m];
    c->s.r[op->d] = v ? (uint32_t)__builtin_clz(v) : 32;
    return next;
}

uint32_t exec_rev(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = __builtin_bswap32(c->s.r[op->m]);
    return next;
}

uint32_t exec_rev16(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = rotate_right(__builtin_bswap32(c->s.r[op->m]), 16);
    return next;
}

uint32_t exec_revsh(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)((int32_t)__builtin_bswap32(c->s.r[op->m]) >> 16);
    return next;
}

uint32_t exec_rbit(struct cpu *c, const struct op *op, uint32_t next)
{
    uint32_t v = __builtin_bswap32(c->s.r[op->m]);
    v = (v >> 4 & 0x0F0F0F0F) | (v & 0x0F0F0F0F) << 4;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    c->s.r[op->d] = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    return next;
}
