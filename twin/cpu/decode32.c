/* Decoder, 32-bit encodings (ARMv7-M ARM A5.3), but for multiply and DSP
 * (decode32_dsp.c) and the FPU (decode32_fp.c). */
#include "decode.h"

/* Set by every decoder below; what a decoder does not set is 0. */
static void set(struct op *op, op_fn *fn, unsigned d, unsigned n, unsigned m, uint32_t imm)
{
    op->fn = fn;
    op->d = (uint8_t)d;
    op->n = (uint8_t)n;
    op->m = (uint8_t)m;
    op->imm = imm;
}

/* --- loads and stores of several registers ----------------------------------------------------------- */

static void decode_multiple(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned n = hw1 & 15;
    const bool is_load = hw1 & 0x10;
    const bool counts_down = bits(hw1, 7, 2) == 2;
    const bool writes_back = hw1 & 0x20;
    set(op, is_load ? exec_ldm : exec_stm, 0, n, (unsigned)__builtin_popcount(hw2), hw2);
    op->x = (uint8_t)(op->x | (counts_down ? OP_ALT : 0) | (writes_back ? OP_WRITEBACK : 0));
    if (bits(hw1, 7, 2) == 0 || bits(hw1, 7, 2) == 3) {
        decode_undefined(op);
    } else if (op->m < 2 || n == REG_PC || (hw2 & 0x2000) || (!is_load && (hw2 & 0x8000)) ||
               (is_load && (hw2 >> 14) == 3) || (writes_back && (hw2 >> n & 1))) {
        decode_unpredictable(op);
    }
}

static void decode_exclusive_or_table(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    static const uint8_t size[4] = {1, 2, 0, 0};
    const unsigned n = hw1 & 15;
    const unsigned t = hw2 >> 12;
    const unsigned kind = bits(hw2, 4, 4);
    const bool is_load = hw1 & 0x10;
    if (!(hw1 & 0x80)) { /* LDREX, STREX: word with offset */
        const uint32_t off = (hw2 & 0xFF) * 4;
        if (is_load) {
            set(op, exec_ldrex, t, n, 4, off);
        } else {
            set(op, exec_strex, bits(hw2, 8, 4), n, 4 << 4 | t, off);
        }
    } else if (is_load && kind < 2) {
        set(op, exec_tbb, 0, n == REG_PC ? REG_ZERO : n, hw2 & 15, n == REG_PC ? pc + 4 : 0);
        op->x |= kind ? OP_ALT : 0;
    } else if ((kind & 0xE) == 4) {
        const unsigned n_bytes = size[kind & 1];
        if (is_load) {
            set(op, exec_ldrex, t, n, n_bytes, 0);
        } else {
            set(op, exec_strex, hw2 & 15, n, n_bytes << 4 | t, 0);
        }
    } else {
        decode_undefined(op);
    }
}

static void decode_dual(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned n = hw1 & 15;
    const bool is_load = hw1 & 0x10;
    const bool is_pre = hw1 & 0x100;
    const bool writes_back = hw1 & 0x20;
    const uint32_t off = hw1 & 0x80 ? (hw2 & 0xFF) * 4 : 0u - (hw2 & 0xFF) * 4;
    if (n == REG_PC) {
        set(op, is_load ? exec_ldrd : exec_unpredictable, hw2 >> 12, REG_ZERO, bits(hw2, 8, 4),
            (pc & ~3u) + 4 + off);
    } else {
        set(op, is_load ? exec_ldrd : exec_strd, hw2 >> 12, n, bits(hw2, 8, 4), off);
        op->x = (uint8_t)(op->x | (is_pre ? 0 : OP_POST) | (writes_back ? OP_WRITEBACK : 0));
    }
}

static void decode_dual_exclusive_table(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    if (hw1 & 0x120) { /* P or W */
        decode_dual(pc, hw1, hw2, op);
    } else {
        decode_exclusive_or_table(pc, hw1, hw2, op);
    }
}

/* --- data processing --------------------------------------------------------------------------------- */

enum { ALU_OPS = 16, FORM_IMM = 0, FORM_REG = 1, FORM_SHIFT = 2 };

/* By hw1 bits 8..5. */
static op_fn *const alu[ALU_OPS][3] = {
    [0] = {exec_and_imm, exec_and_reg, exec_and_shift},  [1] = {exec_bic_imm, exec_bic_reg, exec_bic_shift},
    [2] = {exec_orr_imm, exec_orr_reg, exec_orr_shift},  [3] = {exec_orn_imm, exec_orn_reg, exec_orn_shift},
    [4] = {exec_eor_imm, exec_eor_reg, exec_eor_shift},  [8] = {exec_add_imm, exec_add_reg, exec_add_shift},
    [10] = {exec_adc_imm, exec_adc_reg, exec_adc_shift}, [11] = {exec_sbc_imm, exec_sbc_reg, exec_sbc_shift},
    [13] = {exec_sub_imm, exec_sub_reg, exec_sub_shift}, [14] = {exec_rsb_imm, exec_rsb_reg, exec_rsb_shift}};
/* The same with Rd = PC and S: comparison only. */
static op_fn *const compare[ALU_OPS][3] = {[0] = {exec_tst_imm, exec_tst_reg, exec_tst_shift},
                                           [4] = {exec_teq_imm, exec_teq_reg, exec_teq_shift},
                                           [8] = {exec_cmn_imm, exec_cmn_reg, exec_cmn_shift},
                                           [13] = {exec_cmp_imm, exec_cmp_reg, exec_cmp_shift}};
/* The same with Rn = PC: moves. */
static op_fn *const move[ALU_OPS][3] = {
    [2] = {exec_mov_imm, exec_mov_reg, exec_mov_shift}, [3] = {exec_mvn_imm, exec_mvn_reg, exec_mvn_shift}};

static void set_alu(uint32_t hw1, uint32_t hw2, unsigned form, struct op *op)
{
    const unsigned kind = bits(hw1, 5, 4);
    const unsigned d = bits(hw2, 8, 4);
    const bool sets = hw1 & 0x10;
    op->d = (uint8_t)d;
    op->n = (uint8_t)(hw1 & 15);
    op->x |= sets ? OP_S : 0;
    op->fn = alu[kind][form];
    if (d == REG_PC && sets && compare[kind][form]) {
        op->fn = compare[kind][form];
    } else if (op->n == REG_PC && move[kind][form]) {
        op->fn = move[kind][form];
        op->n = REG_ZERO;
    }
    if (!op->fn) {
        decode_undefined(op);
    } else if ((d == REG_PC && op->fn == alu[kind][form]) || op->n == REG_PC) {
        decode_unpredictable(op);
    }
}

static void decode_shifted_register(uint32_t hw1, uint32_t hw2, struct op *op)
{
    unsigned type = bits(hw2, 4, 2);
    unsigned amount = bits(hw2, 12, 3) << 2 | bits(hw2, 6, 2);
    if (bits(hw1, 5, 4) == 6) { /* PKH */
        amount = type == SHIFT_ASR && amount == 0 ? 32 : amount;
        set(op, hw1 & 0x10 || type & 1 ? exec_undefined : exec_pkh, bits(hw2, 8, 4), hw1 & 15, hw2 & 15,
            type << 8 | amount);
        op->x |= type == SHIFT_ASR ? OP_ALT : 0;
        return;
    }
    if (amount == 0 && type == SHIFT_ROR) {
        type = SHIFT_RRX;
    } else if (amount == 0 && type != SHIFT_LSL) {
        amount = 32;
    }
    op->m = (uint8_t)(hw2 & 15);
    op->imm = type << 8 | amount;
    set_alu(hw1, hw2, type == SHIFT_LSL && amount == 0 ? FORM_REG : FORM_SHIFT, op);
}

/* ThumbExpandImm (A5.3.2). */
static uint32_t expand_imm(uint32_t imm12, bool *rotated)
{
    const uint32_t byte = imm12 & 0xFF;
    *rotated = false;
    switch (imm12 >> 8) {
    case 0:
        return byte;
    case 1:
        return byte << 16 | byte;
    case 2:
        return byte << 24 | byte << 8;
    case 3:
        return byte * 0x01010101u;
    default:
        *rotated = true;
        return rotate_right(byte | 0x80, imm12 >> 7);
    }
}

static uint32_t imm12_of(uint32_t hw1, uint32_t hw2)
{
    return (hw1 & 0x400) << 1 | bits(hw2, 12, 3) << 8 | (hw2 & 0xFF);
}

static void decode_modified_immediate(uint32_t hw1, uint32_t hw2, struct op *op)
{
    bool rotated;
    op->imm = expand_imm(imm12_of(hw1, hw2), &rotated);
    op->x |= rotated ? OP_CARRY : 0;
    set_alu(hw1, hw2, FORM_IMM, op);
}

static void decode_saturate(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const bool is_unsigned = hw1 & 0x80;
    const unsigned amount = bits(hw2, 12, 3) << 2 | bits(hw2, 6, 2);
    const unsigned width = (hw2 & 31) + (is_unsigned ? 0 : 1);
    const bool is_asr = hw1 & 0x20;
    op_fn *fn = is_unsigned ? exec_usat : exec_ssat;
    if (is_asr && amount == 0) {
        fn = is_unsigned ? exec_usat16 : exec_ssat16;
    }
    set(op, fn, bits(hw2, 8, 4), hw1 & 15, width, (is_asr ? SHIFT_ASR << 8 : 0) | amount);
}

static void decode_bit_field(uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned low = bits(hw2, 12, 3) << 2 | bits(hw2, 6, 2);
    const unsigned last = hw2 & 31;
    const unsigned d = bits(hw2, 8, 4);
    const unsigned n = hw1 & 15;
    if (bits(hw1, 4, 5) == 0x16) {
        const uint32_t mask = last >= low ? 0xFFFFFFFFu >> (31 - last) & 0xFFFFFFFFu << low : 0;
        set(op, last >= low ? exec_bfi : exec_unpredictable, d, n == REG_PC ? REG_ZERO : n, low, mask);
    } else {
        set(op, low + last < 32 ? exec_bfx : exec_unpredictable, d, n, low, last + 1);
        op->x |= hw1 & 0x80 ? 0 : OP_ALT;
    }
}

static void decode_plain_immediate(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const unsigned n = hw1 & 15;
    const unsigned d = bits(hw2, 8, 4);
    const uint32_t imm12 = imm12_of(hw1, hw2);
    const uint32_t imm16 = (hw1 & 15) << 12 | imm12;
    const uint32_t aligned_pc = (pc & ~3u) + 4;
    switch (bits(hw1, 4, 5)) {
    case 0x00:
        set(op, n == REG_PC ? exec_mov_imm : exec_add_imm, d, n, 0, n == REG_PC ? aligned_pc + imm12 : imm12);
        break;
    case 0x04:
        set(op, exec_mov_imm, d, REG_ZERO, 0, imm16);
        break;
    case 0x0A:
        set(op, n == REG_PC ? exec_mov_imm : exec_sub_imm, d, n, 0, n == REG_PC ? aligned_pc - imm12 : imm12);
        break;
    case 0x0C:
        set(op, exec_movt, d, REG_ZERO, 0, imm16);
        break;
    case 0x10:
    case 0x12:
    case 0x18:
    case 0x1A:
        decode_saturate(hw1, hw2, op);
        break;
    case 0x14:
    case 0x16:
    case 0x1C:
        decode_bit_field(hw1, hw2, op);
        break;
    default:
        decode_undefined(op);
        break;
    }
}

/* --- branches and control ---------------------------------------------------------------------------- */

static void decode_control(uint32_t hw1, uint32_t hw2, struct op *op)
{
    switch (bits(hw1, 4, 7)) {
    case 0x38:
    case 0x39:
        set(op, exec_msr, 0, hw1 & 15, 0, hw2 & 0xFFF);
        break;
    case 0x3A:
        set(op, exec_nop, 0, 0, 0, 0);
        if ((hw2 & 0x7FF) >= 2 && (hw2 & 0x7FF) <= 4) {
            op->fn = (hw2 & 7) == 2 ? exec_wfe : (hw2 & 7) == 3 ? exec_wfi : exec_sev;
        }
        break;
    case 0x3B:
        /* CLREX; DSB, DMB and ISB need nothing: the core does one thing at a time. */
        set(op, bits(hw2, 4, 4) == 2 ? exec_clrex : exec_nop, 0, 0, 0, 0);
        if (bits(hw2, 4, 4) < 2 || bits(hw2, 4, 4) == 3 || bits(hw2, 4, 4) > 6) {
            decode_undefined(op);
        }
        break;
    case 0x3E:
    case 0x3F:
        set(op, exec_mrs, bits(hw2, 8, 4), 0, 0, hw2 & 0xFF);
        break;
    default:
        decode_undefined(op);
        break;
    }
}

static void decode_branch_or_control(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const uint32_t s = hw1 >> 10 & 1;
    const uint32_t j1 = hw2 >> 13 & 1;
    const uint32_t j2 = hw2 >> 11 & 1;
    if ((hw2 & 0x5000) == 0) {
        if (bits(hw1, 7, 3) == 7) {
            decode_control(hw1, hw2, op);
            return;
        }
        const uint32_t off = s << 20 | j2 << 19 | j1 << 18 | (hw1 & 0x3F) << 12 | (hw2 & 0x7FF) << 1;
        set(op, exec_b_cond, 0, bits(hw1, 6, 4), 0, pc + 4 + (uint32_t)((int32_t)(off << 11) >> 11));
        return;
    }
    const uint32_t i1 = (j1 ^ s) ^ 1;
    const uint32_t i2 = (j2 ^ s) ^ 1;
    const uint32_t off = s << 24 | i1 << 23 | i2 << 22 | (hw1 & 0x3FF) << 12 | (hw2 & 0x7FF) << 1;
    const uint32_t target = pc + 4 + (uint32_t)((int32_t)(off << 7) >> 7);
    if ((hw2 & 0x5000) == 0x1000) {
        set(op, exec_b, 0, 0, 0, target);
    } else if ((hw2 & 0x5000) == 0x5000) {
        set(op, exec_bl, 0, 0, 0, target);
    } else {
        decode_undefined(op); /* BLX to ARM state: the M profile has none */
    }
}

/* --- loads and stores of one register ---------------------------------------------------------------- */

struct access {
    op_fn *imm, *index, *reg;
};

static const struct access *access_of(uint32_t hw1)
{
    static const struct access store[3] = {{exec_strb_imm, exec_strb_index, exec_strb_reg},
                                           {exec_strh_imm, exec_strh_index, exec_strh_reg},
                                           {exec_str_imm, exec_str_index, exec_str_reg}};
    static const struct access load[3] = {{exec_ldrb_imm, exec_ldrb_index, exec_ldrb_reg},
                                          {exec_ldrh_imm, exec_ldrh_index, exec_ldrh_reg},
                                          {exec_ldr_imm, exec_ldr_index, exec_ldr_reg}};
    static const struct access load_signed[2] = {{exec_ldrsb_imm, exec_ldrsb_index, exec_ldrsb_reg},
                                                 {exec_ldrsh_imm, exec_ldrsh_index, exec_ldrsh_reg}};
    const unsigned size = bits(hw1, 5, 2);
    const bool is_signed = hw1 & 0x100;
    const bool is_load = hw1 & 0x10;
    if (size == 3 || (is_signed && (!is_load || size == 2))) {
        return NULL;
    }
    return is_signed ? &load_signed[size] : is_load ? &load[size] : &store[size];
}

static void decode_single(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    const struct access *a = access_of(hw1);
    const unsigned n = hw1 & 15;
    const unsigned t = hw2 >> 12;
    const bool is_load = hw1 & 0x10;
    const unsigned size = bits(hw1, 5, 2);
    if (!a || (n == REG_PC && !is_load)) {
        decode_undefined(op);
        return;
    }
    if (n == REG_PC) {
        const uint32_t off = hw1 & 0x80 ? hw2 & 0xFFF : 0u - (hw2 & 0xFFF);
        set(op, a->imm, t, REG_ZERO, 0, (pc & ~3u) + 4 + off);
    } else if (hw1 & 0x80) {
        set(op, a->imm, t, n, 0, hw2 & 0xFFF);
    } else if (!(hw2 & 0x800)) {
        set(op, hw2 & 0x7C0 ? exec_undefined : a->reg, t, n, hw2 & 15, bits(hw2, 4, 2));
    } else {
        const uint32_t imm8 = hw2 & 0xFF;
        const uint32_t off = hw2 & 0x200 ? imm8 : 0u - imm8;
        const unsigned puw = bits(hw2, 8, 3);
        if (puw == 6) { /* LDRT and kin: m as exec_unprivileged wants it */
            set(op, exec_unprivileged, t, n, (1u << size) | (hw1 & 0x100 ? 8 : 0) | (is_load ? 0 : 16), imm8);
        } else if (puw == 4) {
            set(op, a->imm, t, n, 0, off);
        } else if (!(puw & 4) && !(puw & 1)) {
            decode_undefined(op);
            return;
        } else {
            set(op, a->index, t, n, 0, off);
            op->x |= puw & 4 ? 0 : OP_POST;
        }
    }
    if (is_load && t == REG_PC && size != 2) {
        /* PLD, PLI and unallocated memory hints do nothing; the write-back forms do
         * not exist. */
        op->fn = op->fn == a->index || op->fn == exec_unprivileged ? exec_unpredictable : exec_nop;
    } else if (!is_load && t == REG_PC) {
        decode_unpredictable(op);
    }
}

void decode32(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    switch (bits(hw1, 9, 4)) {
    case 0x4: /* 1110 100x */
        if (hw1 & 0x40) {
            decode_dual_exclusive_table(pc, hw1, hw2, op);
        } else {
            decode_multiple(hw1, hw2, op);
        }
        break;
    case 0x5: /* 1110 101x */
        decode_shifted_register(hw1, hw2, op);
        break;
    case 0x8: /* 1111 0x0x, 1111 0x1x */
    case 0x9:
    case 0xA:
    case 0xB:
        if (hw2 & 0x8000) {
            decode_branch_or_control(pc, hw1, hw2, op);
        } else if (hw1 & 0x200) {
            decode_plain_immediate(pc, hw1, hw2, op);
        } else {
            decode_modified_immediate(hw1, hw2, op);
        }
        break;
    case 0xC: /* 1111 100x */
        decode_single(pc, hw1, hw2, op);
        break;
    case 0xD: /* 1111 101x */
        decode32_dsp(hw1, hw2, op);
        break;
    default: /* x11x: coprocessors */
        decode32_fp(pc, hw1, hw2, op);
        break;
    }
}
