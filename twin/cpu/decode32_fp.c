/* Decoder: coprocessor space. Coprocessors 10 and 11 are the FPU (ARMv7-M ARM
 * A6.4 to A6.7), the others do not exist. */
#include "decode.h"

static void set(struct op *op, op_fn *fn, unsigned d, unsigned n, unsigned m, uint32_t imm)
{
    op->fn = fn;
    op->d = (uint8_t)d;
    op->n = (uint8_t)n;
    op->m = (uint8_t)m;
    op->imm = imm;
}

static unsigned s_d(uint32_t hw1, uint32_t hw2)
{
    return bits(hw2, 12, 4) << 1 | (hw1 >> 6 & 1);
}

static unsigned s_n(uint32_t hw1, uint32_t hw2)
{
    return (hw1 & 15) << 1 | (hw2 >> 7 & 1);
}

static unsigned s_m(uint32_t hw2)
{
    return (hw2 & 15) << 1 | (hw2 >> 5 & 1);
}

/* VFPExpandImm */
static uint32_t expand(uint32_t imm8)
{
    const uint32_t b = imm8 >> 6 & 1;
    return (imm8 & 0x80) << 24 | (b ? 0x1Fu << 25 : 1u << 30) | (imm8 & 0x3F) << 19;
}

static void decode_convert_fixed(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned n_bits = hw2 & 0x80 ? 32 : 16;
    const unsigned imm5 = (hw2 & 15) << 1 | (hw2 >> 5 & 1);
    const unsigned d = s_d(hw1, hw2);
    if (imm5 > n_bits) {
        decode_unpredictable(op);
        return;
    }
    set(op, hw1 & 4 ? exec_vcvt_to_fixed : exec_vcvt_from_fixed, d, 0, d,
        (n_bits - imm5) | n_bits << 8 | (hw1 & 1 ? 0 : 1u << 16));
}

static void decode_other(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned opc2 = hw1 & 15;
    const bool high = hw2 & 0x80;
    const unsigned d = s_d(hw1, hw2);
    const unsigned m = s_m(hw2);
    if (!(hw2 & 0x40)) {
        set(op, hw2 & 0xA0 ? exec_undefined : exec_vmov_imm, d, 0, 0, expand((hw1 & 15) << 4 | (hw2 & 15)));
        return;
    }
    switch (opc2) {
    case 0:
        set(op, high ? exec_vabs : exec_vmov, d, 0, m, 0);
        break;
    case 1:
        set(op, high ? exec_vsqrt : exec_vneg, d, 0, m, 0);
        break;
    case 2:
    case 3:
        set(op, exec_vcvt_half, d, 0, m, (high ? 1 : 0) | (opc2 & 1) << 1);
        break;
    case 4:
    case 5:
        set(op, exec_vcmp, d, 0, m, opc2 & 1);
        op->x |= high ? OP_ALT : 0;
        break;
    case 8:
        set(op, exec_vcvt_from_int, d, 0, m, high ? 1u << 16 : 0);
        break;
    case 12:
    case 13:
        set(op, exec_vcvt_to_int, d, 0, m, (opc2 & 1) << 16 | (high ? 1u << 17 : 0));
        break;
    case 10:
    case 11:
    case 14:
    case 15:
        decode_convert_fixed(hw1, hw2, op);
        break;
    default:
        decode_undefined(op);
        break;
    }
}

static void decode_arithmetic(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned kind = bits(hw1, 4, 2) | (hw1 >> 5 & 4);
    const bool second = hw2 & 0x40;
    op_fn *fn = NULL;
    uint32_t imm = 0;
    switch (kind) {
    case 0: /* VMLA, VMLS */
        fn = exec_vmla;
        imm = second;
        break;
    case 1: /* VNMLS, VNMLA */
        fn = exec_vmla;
        imm = 2 | second;
        break;
    case 2:
        fn = second ? exec_vnmul : exec_vmul;
        break;
    case 3:
        fn = second ? exec_vsub : exec_vadd;
        break;
    case 4:
        fn = second ? NULL : exec_vdiv;
        break;
    case 5: /* VFNMS, VFNMA */
        fn = exec_vfma;
        imm = 2 | second;
        break;
    case 6: /* VFMA, VFMS */
        fn = exec_vfma;
        imm = second;
        break;
    default:
        decode_other(hw1, hw2, op);
        return;
    }
    set(op, fn ? fn : exec_undefined, s_d(hw1, hw2), s_n(hw1, hw2), s_m(hw2), imm);
}

static void decode_transfer(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const bool to_core = hw1 & 0x10;
    const unsigned kind = bits(hw1, 5, 3);
    const unsigned t = hw2 >> 12;
    const bool is_double = hw2 & 0x100;
    if (!is_double && kind == 0) {
        set(op, exec_vmov_core, s_n(hw1, hw2), 0, t, 0);
    } else if (is_double && (kind & 6) == 0 && !(hw2 & 0x60)) {
        /* VMOV to or from one half of a D register. */
        set(op, exec_vmov_core, ((hw2 >> 3 & 16) | (hw1 & 15)) << 1 | (kind & 1), 0, t, 0);
        op->fn = hw2 & 0x80 ? exec_undefined : op->fn;
    } else if (!is_double && kind == 7 && (hw1 & 15) == 1) {
        set(op, to_core ? exec_vmrs : exec_vmsr, t, 0, 0, 0);
    } else {
        decode_undefined(op);
    }
    op->x = (uint8_t)(op->x | (to_core ? OP_ALT : 0));
}

static void decode_pair(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const bool is_double = hw2 & 0x100;
    const unsigned d = is_double ? (hw2 & 15) << 1 : s_m(hw2);
    set(op, exec_vmov_pair, d, hw1 & 15, hw2 >> 12, 0);
    op->x = (uint8_t)(op->x | (hw1 & 0x10 ? OP_ALT : 0));
    if ((hw2 & 0xD0) != 0x10 || (is_double && (hw2 & 0x20))) {
        decode_undefined(op);
    } else if (d == 31) {
        decode_unpredictable(op);
    }
}

static void decode_memory(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const bool is_double = hw2 & 0x100;
    const bool is_load = hw1 & 0x10;
    const bool is_pre = hw1 & 0x100;
    const bool is_up = hw1 & 0x80;
    const bool writes_back = hw1 & 0x20;
    const unsigned n = hw1 & 15;
    const uint32_t imm8 = hw2 & 0xFF;
    const unsigned d = is_double ? (hw1 >> 2 & 16 ? 32u : 0) + (bits(hw2, 12, 4) << 1) : s_d(hw1, hw2);
    op_fn *fn = is_load ? exec_vldm : exec_vstm;
    unsigned count = is_double ? imm8 & ~1u : imm8;
    if (is_pre && !writes_back) { /* VLDR, VSTR */
        count = is_double ? 2 : 1;
        const uint32_t off = is_up ? imm8 * 4 : 0u - imm8 * 4;
        if (n == REG_PC && is_load) {
            set(op, fn, d, REG_ZERO, count, (pc & ~3u) + 4 + off);
        } else {
            set(op, n == REG_PC ? exec_unpredictable : fn, d, n, count, off);
        }
    } else if (is_pre == is_up) {
        decode_undefined(op);
        return;
    } else {
        set(op, fn, d, n, count, is_pre ? 0u - imm8 * 4 : 0);
        op->x = (uint8_t)(op->x | (is_pre ? OP_ALT : 0) | (writes_back ? OP_WRITEBACK : 0));
        /* FLDMX and FSTMX: an odd count moves the base one word further. */
        op->x = (uint8_t)(op->x | (is_double && (imm8 & 1) ? OP_POST : 0));
    }
    if (count == 0 || d + count > 32 || op->n == REG_PC) {
        decode_unpredictable(op);
    }
}

void decode32_fp(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned coprocessor = bits(hw2, 8, 4);
    if ((coprocessor & 0xE) != 10) {
        op->fn = exec_no_coprocessor;
    } else if (hw1 & 0x1000) {
        decode_undefined(op); /* 1111 11..: CDP2 and kin, Advanced SIMD */
    } else if ((hw1 & 0x300) == 0x200) {
        if (hw2 & 0x10) {
            decode_transfer(hw1, hw2, op);
        } else if (hw2 & 0x100) {
            decode_undefined(op); /* double precision */
        } else {
            decode_arithmetic(hw1, hw2, op);
        }
    } else if ((hw1 & 0x3E0) == 0x040) {
        decode_pair(hw1, hw2, op);
    } else if (hw1 & 0x200) {
        decode_undefined(op);
    } else {
        decode_memory(pc, hw1, hw2, op);
    }
}
