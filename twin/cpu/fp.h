/** FPv4-SP arithmetic on bit patterns, with FPSCR (ARMv7-M ARM A2.5). Pure but
 * for the host's rounding mode. */
#ifndef CPU_FP_H
#define CPU_FP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FPSCR_IOC = 1 << 0,
    FPSCR_DZC = 1 << 1,
    FPSCR_OFC = 1 << 2,
    FPSCR_UFC = 1 << 3,
    FPSCR_IXC = 1 << 4,
    FPSCR_IDC = 1 << 7,
    FPSCR_FZ = 1 << 24,
    FPSCR_DN = 1 << 25,
    FPSCR_AHP = 1 << 26
};

uint32_t fp_add(uint32_t a, uint32_t b, uint32_t *fpscr);
uint32_t fp_sub(uint32_t a, uint32_t b, uint32_t *fpscr);
uint32_t fp_mul(uint32_t a, uint32_t b, uint32_t *fpscr);
uint32_t fp_div(uint32_t a, uint32_t b, uint32_t *fpscr);
uint32_t fp_sqrt(uint32_t a, uint32_t *fpscr);
/** addend + a * b with one rounding. */
uint32_t fp_mul_add(uint32_t addend, uint32_t a, uint32_t b, uint32_t *fpscr);
/**
 * NZCV in bits 28..31.
 * @param signals  a quiet NaN is invalid too (VCMPE)
 */
uint32_t fp_compare(uint32_t a, uint32_t b, bool signals, uint32_t *fpscr);
/** To an integer of n_bits with `fraction` bits after the point; saturates. */
uint32_t fp_to_fixed(uint32_t a, unsigned n_bits, unsigned fraction, bool is_signed, bool to_zero,
                     uint32_t *fpscr);
uint32_t fp_from_fixed(uint32_t v, unsigned n_bits, unsigned fraction, bool is_signed, bool to_nearest,
                       uint32_t *fpscr);
uint32_t fp_from_half(uint32_t half, uint32_t *fpscr);
uint32_t fp_to_half(uint32_t a, uint32_t *fpscr);

#endif
