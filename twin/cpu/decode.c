/*
 * Decoder, 16-bit encodings (ARMv7-M ARM A5.2) and what both widths share. The
 * 32-bit ones are in decode32*.c.
 *
 * Everything that depends on the address alone is worked out here: PC-relative
 * operands become absolute numbers with base register REG_ZERO, branch targets
 * become addresses.
 */
#include "decode.h"

enum { COND_ALWAYS = 14 };

static void set_imm(struct op *op, op_fn *fn, unsigned d, unsigned n, uint32_t imm, unsigned x)
{
    op->fn = fn;
    op->d = (uint8_t)d;
    op->n = (uint8_t)n;
    op->imm = imm;
    op->x = (uint8_t)(op->x | x);
}

static void set_reg(struct op *op, op_fn *fn, unsigned d, unsigned n, unsigned m, unsigned x)
{
    set_imm(op, fn, d, n, 0, x);
    op->m = (uint8_t)m;
}

enum { FLAGS = OP_S | OP_S_NOT_IN_IT };

/* Shift by immediate, add, subtract, move and compare: 00xxxx. */
static void decode_basic(uint32_t hw, struct op *op)
{
    static op_fn *const imm8[] = {exec_mov_imm, exec_cmp_imm, exec_add_imm, exec_sub_imm};
    const unsigned low = hw & 7;
    const unsigned mid = bits(hw, 3, 3);
    const unsigned kind = bits(hw, 11, 3);
    if (kind < 3) {
        unsigned amount = bits(hw, 6, 5);
        if (amount == 0 && kind == SHIFT_LSL) {
            set_reg(op, exec_mov_reg, low, REG_ZERO, mid, FLAGS);
            return;
        }
        amount = amount ? amount : 32;
        set_reg(op, exec_mov_shift, low, REG_ZERO, mid, FLAGS);
        op->imm = kind << 8 | amount;
    } else if (kind == 3) {
        const bool is_sub = hw & 0x200;
        if (hw & 0x400) {
            set_imm(op, is_sub ? exec_sub_imm : exec_add_imm, low, mid, bits(hw, 6, 3), FLAGS);
        } else {
            set_reg(op, is_sub ? exec_sub_reg : exec_add_reg, low, mid, bits(hw, 6, 3), FLAGS);
        }
    } else {
        const unsigned d = bits(hw, 8, 3);
        set_imm(op, imm8[kind - 4], d, kind == 4 ? REG_ZERO : d, hw & 0xFF, FLAGS);
    }
}

/* Data processing on two low registers: 010000. */
static void decode_two_registers(uint32_t hw, struct op *op)
{
    static op_fn *const fn[16] = {exec_and_reg,      exec_eor_reg, exec_shift_by_reg, exec_shift_by_reg,
                                  exec_shift_by_reg, exec_adc_reg, exec_sbc_reg,      exec_shift_by_reg,
                                  exec_tst_reg,      exec_rsb_imm, exec_cmp_reg,      exec_cmn_reg,
                                  exec_orr_reg,      exec_muls,    exec_bic_reg,      exec_mvn_reg};
    static const uint8_t shift[16] = {[2] = SHIFT_LSL, [3] = SHIFT_LSR, [4] = SHIFT_ASR, [7] = SHIFT_ROR};
    const unsigned kind = bits(hw, 6, 4);
    const unsigned d = hw & 7;
    const unsigned m = bits(hw, 3, 3);
    set_reg(op, fn[kind], d, d, m, FLAGS);
    op->imm = shift[kind];
    if (kind == 9) { /* RSB Rd, Rn, #0 */
        op->n = (uint8_t)m;
    }
}

/* High registers and branch-exchange: 010001. */
static void decode_high_registers(uint32_t pc, uint32_t hw, struct op *op)
{
    const unsigned d = (hw & 7) | (hw >> 4 & 8);
    const unsigned m = bits(hw, 3, 4);
    switch (bits(hw, 8, 2)) {
    case 0:
        if (d == REG_PC) {
            set_reg(op, exec_add_pc, 0, 0, m, 0);
            op->imm = pc + 4;
        } else if (m == REG_PC) {
            set_imm(op, exec_add_imm, d, d, pc + 4, 0);
        } else {
            set_reg(op, exec_add_reg, d, d, m, 0);
        }
        break;
    case 1:
        set_reg(op, exec_cmp_reg, 0, d, m, 0);
        if (d == REG_PC || m == REG_PC || (d < 8 && m < 8)) {
            decode_unpredictable(op);
        }
        break;
    case 2:
        if (d == REG_PC) {
            set_reg(op, exec_mov_pc, 0, 0, m, 0);
        } else if (m == REG_PC) {
            set_imm(op, exec_mov_imm, d, REG_ZERO, pc + 4, 0);
        } else {
            set_reg(op, exec_mov_reg, d, REG_ZERO, m, 0);
        }
        break;
    default:
        set_reg(op, hw & 0x80 ? exec_blx : exec_bx, 0, 0, m, 0);
        if ((hw & 7) || m == REG_PC) {
            decode_unpredictable(op);
        }
        break;
    }
}

/* Load and store of one register: 0101, 011x, 100x, and the literal 01001. */
static void decode_load_store(uint32_t pc, uint32_t hw, struct op *op)
{
    static op_fn *const by_reg[8] = {exec_str_reg, exec_strh_reg, exec_strb_reg, exec_ldrsb_reg,
                                     exec_ldr_reg, exec_ldrh_reg, exec_ldrb_reg, exec_ldrsh_reg};
    const unsigned low = hw & 7;
    const unsigned mid = bits(hw, 3, 3);
    const unsigned d8 = bits(hw, 8, 3);
    const uint32_t imm5 = bits(hw, 6, 5);
    const bool is_load = hw & 0x800;
    switch (hw >> 12) {
    case 4:
        set_imm(op, exec_ldr_imm, d8, REG_ZERO, (pc & ~3u) + 4 + (hw & 0xFF) * 4, 0);
        break;
    case 5:
        set_reg(op, by_reg[bits(hw, 9, 3)], low, mid, bits(hw, 6, 3), 0);
        break;
    case 6:
        set_imm(op, is_load ? exec_ldr_imm : exec_str_imm, low, mid, imm5 * 4, 0);
        break;
    case 7:
        set_imm(op, is_load ? exec_ldrb_imm : exec_strb_imm, low, mid, imm5, 0);
        break;
    case 8:
        set_imm(op, is_load ? exec_ldrh_imm : exec_strh_imm, low, mid, imm5 * 2, 0);
        break;
    default:
        set_imm(op, is_load ? exec_ldr_imm : exec_str_imm, d8, REG_SP, (hw & 0xFF) * 4, 0);
        break;
    }
}

static void set_multiple(struct op *op, op_fn *fn, unsigned n, uint32_t list, unsigned x)
{
    set_imm(op, fn, 0, n, list, x);
    op->m = (uint8_t)__builtin_popcount(list);
    if (list == 0) {
        decode_unpredictable(op);
    }
}

static void decode_hint_or_it(uint32_t hw, struct op *op)
{
    static op_fn *const hint[] = {exec_nop, exec_nop, exec_wfe, exec_wfi, exec_sev};
    const unsigned kind = bits(hw, 4, 4);
    if (hw & 15) {
        set_imm(op, exec_it, 0, 0, hw & 0xFF, 0);
        if (kind == 15 || (kind == COND_ALWAYS && __builtin_popcount(hw & 15) != 1)) {
            decode_unpredictable(op);
        }
    } else {
        op->fn = kind < sizeof hint / sizeof hint[0] ? hint[kind] : exec_nop;
    }
}

static void decode_extend_or_reverse(uint32_t hw, struct op *op)
{
    static op_fn *const rev[4] = {exec_rev, exec_rev16, exec_undefined, exec_revsh};
    const unsigned kind = bits(hw, 6, 2);
    const unsigned d = hw & 7;
    const unsigned m = bits(hw, 3, 3);
    if (hw & 0x800) {
        set_reg(op, rev[kind], d, REG_ZERO, m, 0);
    } else {
        set_reg(op, exec_extend, d, REG_ZERO, m, kind & 2 ? OP_ALT : 0);
        op->imm = kind & 1 ? 2 << 8 : 0;
    }
}

/* Miscellaneous: 1011. */
static void decode_misc(uint32_t pc, uint32_t hw, struct op *op)
{
    const uint32_t list = hw & 0xFF;
    switch (bits(hw, 8, 4)) {
    case 0x0:
        set_imm(op, hw & 0x80 ? exec_sub_imm : exec_add_imm, REG_SP, REG_SP, (hw & 0x7F) * 4, 0);
        break;
    case 0x1:
    case 0x3:
    case 0x9:
    case 0xB:
        set_imm(op, exec_cbz, 0, hw & 7, pc + 4 + (bits(hw, 3, 5) << 1) + (hw & 0x200 ? 64 : 0),
                hw & 0x800 ? OP_ALT : 0);
        break;
    case 0x2:
    case 0xA:
        decode_extend_or_reverse(hw, op);
        break;
    case 0x4:
    case 0x5:
        set_multiple(op, exec_stm, REG_SP, list | (hw & 0x100) << 6, OP_WRITEBACK | OP_ALT);
        break;
    case 0x6:
        if ((hw & 0xE8) == 0x60) {
            set_imm(op, exec_cps, 0, 0, hw & 0x13, 0);
        } else {
            decode_undefined(op);
        }
        break;
    case 0xC:
    case 0xD:
        set_multiple(op, exec_ldm, REG_SP, list | (hw & 0x100) << 7, OP_WRITEBACK);
        break;
    case 0xE:
        set_imm(op, exec_bkpt, 0, 0, list, 0);
        break;
    case 0xF:
        decode_hint_or_it(hw, op);
        break;
    default:
        decode_undefined(op);
        break;
    }
}

/* Conditional branch, UDF and SVC: 1101. */
static void decode_branch(uint32_t pc, uint32_t hw, struct op *op)
{
    const unsigned cond = bits(hw, 8, 4);
    if (cond == 14) {
        decode_undefined(op);
    } else if (cond == 15) {
        set_imm(op, exec_svc, 0, 0, hw & 0xFF, 0);
    } else {
        set_imm(op, exec_b_cond, 0, cond, pc + 4 + (uint32_t)((int32_t)(int8_t)hw * 2), 0);
    }
}

static void decode16(uint32_t pc, uint32_t hw, struct op *op)
{
    const unsigned d8 = bits(hw, 8, 3);
    switch (hw >> 12) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3:
        decode_basic(hw, op);
        break;
    case 0x4:
        if (hw & 0x800) {
            decode_load_store(pc, hw, op);
        } else if (hw & 0x400) {
            decode_high_registers(pc, hw, op);
        } else {
            decode_two_registers(hw, op);
        }
        break;
    case 0xA:
        if (hw & 0x800) {
            set_imm(op, exec_add_imm, d8, REG_SP, (hw & 0xFF) * 4, 0);
        } else {
            set_imm(op, exec_mov_imm, d8, REG_ZERO, (pc & ~3u) + 4 + (hw & 0xFF) * 4, 0);
        }
        break;
    case 0xB:
        decode_misc(pc, hw, op);
        break;
    case 0xC:
        if (hw & 0x800) {
            set_multiple(op, exec_ldm, d8, hw & 0xFF, hw & 1u << d8 ? 0 : OP_WRITEBACK);
        } else {
            set_multiple(op, exec_stm, d8, hw & 0xFF, OP_WRITEBACK);
        }
        break;
    case 0xD:
        decode_branch(pc, hw, op);
        break;
    case 0xE:
        set_imm(op, exec_b, 0, 0, pc + 4 + (uint32_t)((int32_t)(hw << 21) >> 20), 0);
        break;
    default:
        decode_load_store(pc, hw, op);
        break;
    }
}

/* Instructions that may write SP have a form of their own for it; all others with SP as destination are
 * UNPREDICTABLE, or loads, which look at the register anyway. */
static void keep_sp_aligned(struct op *op)
{
    static op_fn *const form[][2] = {{exec_mov_reg, exec_mov_reg_sp},     {exec_add_imm, exec_add_imm_sp},
                                     {exec_add_reg, exec_add_reg_sp},     {exec_sub_imm, exec_sub_imm_sp},
                                     {exec_add_shift, exec_add_shift_sp}, {exec_sub_reg, exec_sub_reg_sp},
                                     {exec_sub_shift, exec_sub_shift_sp}};
    if (op->fn == exec_mov_imm) { /* MOV SP, PC */
        op->imm &= ~3u;
    }
    for (unsigned i = 0; i < sizeof form / sizeof form[0]; i++) {
        if (op->fn == form[i][0]) {
            op->fn = form[i][1];
            return;
        }
    }
}

void decode_op(uint32_t pc, uint32_t hw1, uint32_t hw2, struct op *op)
{
    memset(op, 0, sizeof *op);
    op->n = REG_ZERO;
    if (decode_is_32bit(hw1)) {
        op->x = OP_32BIT;
        decode32(pc, hw1, hw2, op);
    } else {
        op->x = OP_16BIT;
        decode16(pc, hw1, op);
    }
    if (op->d == REG_SP) {
        keep_sp_aligned(op);
    }
}
