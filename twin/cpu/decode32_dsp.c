/* Decoder: data processing by register, multiply, divide and the DSP extension
 * (ARMv7-M ARM A5.3.12 to A5.3.17). */
#include "decode.h"

static void set(struct op *op, op_fn *fn, unsigned d, unsigned n, unsigned m, uint32_t imm)
{
    op->fn = fn;
    op->d = (uint8_t)d;
    op->n = (uint8_t)n;
    op->m = (uint8_t)m;
    op->imm = imm;
}

static void decode_misc(uint32_t hw1, uint32_t hw2, struct op *op)
{
    static op_fn *const fn[4][4] = {
        {exec_saturating_add, exec_saturating_add, exec_saturating_add, exec_saturating_add},
        {exec_rev, exec_rev16, exec_rbit, exec_revsh},
        {exec_sel, NULL, NULL, NULL},
        {exec_clz, NULL, NULL, NULL}};
    const unsigned kind = bits(hw2, 4, 2);
    op_fn *f = fn[bits(hw1, 4, 2)][kind];
    set(op, f ? f : exec_undefined, bits(hw2, 8, 4), hw1 & 15, hw2 & 15, kind);
}

static void decode_register(uint32_t hw1, uint32_t hw2, struct op *op)
{
    static const uint8_t extend_kind[6] = {0, 0, 1, 1, 2, 2};
    const unsigned n = hw1 & 15;
    const unsigned d = bits(hw2, 8, 4);
    const unsigned m = hw2 & 15;
    const unsigned op1 = bits(hw1, 4, 4);
    const unsigned op2 = bits(hw2, 4, 4);
    if (bits(hw2, 12, 4) != 15) {
        decode_undefined(op);
    } else if (op1 < 8 && op2 == 0) {
        set(op, exec_shift_by_reg, d, n, m, op1 >> 1);
        op->x = (uint8_t)(op->x | (op1 & 1 ? OP_S : 0));
    } else if (op1 < 6 && op2 >= 8) {
        set(op, exec_extend, d, n == REG_PC ? REG_ZERO : n, m,
            (op2 & 3) * 8 | (uint32_t)extend_kind[op1] << 8);
        op->x = (uint8_t)(op->x | (op1 & 1 ? OP_ALT : 0));
    } else if (op1 >= 8 && op2 < 8 && (op1 & 3) != 3 && (op2 & 3) != 3) {
        set(op, exec_parallel, d, n, m, (op1 & 7) | (op2 & 7) << 4);
    } else if (op1 >= 8 && op1 < 12 && op2 >= 8 && op2 < 12) {
        decode_misc(hw1, hw2, op);
    } else {
        decode_undefined(op);
    }
}

static void decode_multiply(uint32_t hw1, uint32_t hw2, struct op *op)
{
    static op_fn *const fn[8] = {exec_mla,   exec_smla_half, exec_smlad, exec_smlaw,
                                 exec_smlsd, exec_smmla,     exec_smmls, exec_usad8};
    const unsigned kind = bits(hw1, 4, 3);
    const unsigned a = hw2 >> 12;
    const uint32_t accumulator = a == REG_PC ? REG_ZERO : a;
    const unsigned op2 = bits(hw2, 4, 2);
    set(op, fn[kind], bits(hw2, 8, 4), hw1 & 15, hw2 & 15, accumulator);
    if (hw2 & 0xC0) {
        decode_undefined(op);
        return;
    }
    switch (kind) {
    case 0:
        if (op2 > 1) {
            decode_undefined(op);
        } else if (op2 == 1) {
            op->fn = exec_mls;
            op->imm = a;
        } else if (a == REG_PC) {
            op->fn = exec_mul;
        }
        break;
    case 1:
        op->imm |= (op2 & 2 ? 0x100u : 0) | (op2 & 1 ? 0x200u : 0);
        op->fn = a == REG_PC ? exec_smul_half : exec_smla_half;
        break;
    case 3:
        op->imm |= op2 & 1 ? 0x200u : 0;
        op->fn = a == REG_PC ? exec_smulw : exec_smlaw;
        break;
    case 7:
        break;
    default:
        op->x = (uint8_t)(op->x | (op2 & 1 ? OP_ALT : 0));
        break;
    }
    if ((kind > 1 && op2 > 1) || (kind == 7 && op2)) {
        decode_undefined(op);
    } else if (kind == 6 && a == REG_PC) {
        decode_unpredictable(op);
    }
}

static void decode_long(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned op2 = bits(hw2, 4, 4);
    const unsigned kind = bits(hw1, 4, 3);
    op_fn *fn = NULL;
    uint32_t halves = 0;
    bool alternative = false;
    if (kind == 1 || kind == 3) { /* SDIV, UDIV */
        set(op, op2 == 15 ? kind == 1 ? exec_sdiv : exec_udiv : exec_undefined, bits(hw2, 8, 4), hw1 & 15,
            hw2 & 15, 0);
        return;
    }
    if (op2 == 0) {
        static op_fn *const plain[8] = {
            [0] = exec_smull, [2] = exec_umull, [4] = exec_smlal, [6] = exec_umlal};
        fn = plain[kind];
    } else if (kind == 6 && op2 == 6) {
        fn = exec_umaal;
    } else if (kind == 4 && op2 >= 8 && op2 < 12) {
        fn = exec_smlal_half;
        halves = (op2 & 2 ? 0x100u : 0) | (op2 & 1 ? 0x200u : 0);
    } else if ((kind == 4 || kind == 5) && op2 >= 12 && op2 < 14) {
        fn = kind == 4 ? exec_smlald : exec_smlsld;
        alternative = op2 & 1;
    }
    set(op, fn ? fn : exec_undefined, hw2 >> 12, hw1 & 15, hw2 & 15, bits(hw2, 8, 4) | halves);
    op->x |= alternative ? OP_ALT : 0;
}

void decode32_dsp(uint32_t hw1, uint32_t hw2, struct op *op)
{
    if (!(hw1 & 0x100)) {
        decode_register(hw1, hw2, op);
    } else if (!(hw1 & 0x80)) {
        decode_multiply(hw1, hw2, op);
    } else {
        decode_long(hw1, hw2, op);
    }
}
