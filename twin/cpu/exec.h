/** The handlers that decoded instructions point to, by file. Operands: see
 * decode*.c. */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include "core.h"

/* exec_alu.c: `_imm` imm; `_reg` m; `_shift` m shifted, imm = SHIFT_ << 8 |
 * amount */
op_fn exec_and_imm, exec_and_reg, exec_and_shift, exec_bic_imm, exec_bic_reg, exec_bic_shift;
op_fn exec_orr_imm, exec_orr_reg, exec_orr_shift, exec_orn_imm, exec_orn_reg, exec_orn_shift;
op_fn exec_eor_imm, exec_eor_reg, exec_eor_shift, exec_tst_imm, exec_tst_reg, exec_tst_shift;
op_fn exec_teq_imm, exec_teq_reg, exec_teq_shift, exec_mov_imm, exec_mov_reg, exec_mov_shift;
op_fn exec_mvn_imm, exec_mvn_reg, exec_mvn_shift, exec_add_imm, exec_add_reg, exec_add_shift;
op_fn exec_adc_imm, exec_adc_reg, exec_adc_shift, exec_sub_imm, exec_sub_reg, exec_sub_shift;
op_fn exec_sbc_imm, exec_sbc_reg, exec_sbc_shift, exec_rsb_imm, exec_rsb_reg, exec_rsb_shift;
op_fn exec_cmp_imm, exec_cmp_reg, exec_cmp_shift, exec_cmn_imm, exec_cmn_reg, exec_cmn_shift;
op_fn exec_mov_reg_sp, exec_add_imm_sp, exec_add_reg_sp, exec_add_shift_sp;
op_fn exec_sub_imm_sp, exec_sub_reg_sp, exec_sub_shift_sp;
op_fn exec_shift_by_reg, exec_movt, exec_pkh;
op_fn exec_bfi, exec_bfx, exec_clz, exec_rbit, exec_rev, exec_rev16, exec_revsh;

/* exec_mul.c: d, n, m; accumulator or second destination in imm */
op_fn exec_mul, exec_muls, exec_mla, exec_mls, exec_smull, exec_umull, exec_smlal, exec_umlal, exec_umaal;
op_fn exec_sdiv, exec_udiv;
op_fn exec_smla_half, exec_smul_half, exec_smlaw, exec_smulw, exec_smlad, exec_smlsd, exec_smmla, exec_smmls;
op_fn exec_smlal_half, exec_smlald, exec_smlsld, exec_usad8;

/* exec_dsp.c */
op_fn exec_extend, exec_parallel, exec_sel, exec_saturating_add, exec_ssat, exec_usat, exec_ssat16,
    exec_usat16;

/* exec_branch.c */
op_fn exec_b, exec_b_cond, exec_bl, exec_bx, exec_blx, exec_cbz, exec_tbb, exec_add_pc, exec_mov_pc, exec_it;

/* exec_system.c */
op_fn exec_nop, exec_wfi, exec_wfe, exec_sev, exec_svc, exec_bkpt, exec_mrs, exec_msr, exec_cps, exec_clrex;
op_fn exec_undefined, exec_unpredictable, exec_no_coprocessor;

/* exec_mem.c: `_imm` n + imm; `_index` with OP_POST/OP_WRITEBACK; `_reg` n + (m
 * << imm) */
op_fn exec_ldr_imm, exec_ldr_index, exec_ldr_reg, exec_ldrb_imm, exec_ldrb_index, exec_ldrb_reg;
op_fn exec_ldrh_imm, exec_ldrh_index, exec_ldrh_reg, exec_ldrsb_imm, exec_ldrsb_index, exec_ldrsb_reg;
op_fn exec_ldrsh_imm, exec_ldrsh_index, exec_ldrsh_reg, exec_str_imm, exec_str_index, exec_str_reg;
op_fn exec_strb_imm, exec_strb_index, exec_strb_reg, exec_strh_imm, exec_strh_index, exec_strh_reg;
op_fn exec_unprivileged;
op_fn exec_ldm, exec_stm, exec_ldrd, exec_strd, exec_ldrex, exec_strex;

/* exec_fp.c, exec_fp_mem.c: S registers in d, n, m */
op_fn exec_vadd, exec_vsub, exec_vmul, exec_vnmul, exec_vdiv, exec_vmla, exec_vfma, exec_vabs, exec_vneg;
op_fn exec_vsqrt, exec_vcmp, exec_vmov, exec_vmov_imm, exec_vcvt_to_int, exec_vcvt_from_int,
    exec_vcvt_to_fixed;
op_fn exec_vcvt_from_fixed, exec_vcvt_half;
op_fn exec_vldm, exec_vstm, exec_vmov_core, exec_vmov_pair, exec_vmrs, exec_vmsr;

#endif
