/*
 * The host's IEEE arithmetic does the work; what ARM does its own way is put
 * right here: NaN selection, default NaN, flush to zero, tininess before
 * rounding. Compiled with -frounding-math.
 */
#include "fp.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

enum { SIGN = (int)0x80000000u, QUIET = 0x00400000, DEFAULT_NAN = 0x7FC00000, INFINITE = 0x7F800000 };

static float as_float(uint32_t v)
{
    float f;
    memcpy(&f, &v, sizeof f);
    return f;
}

static uint32_t as_bits(float f)
{
    uint32_t v;
    memcpy(&v, &f, sizeof v);
    return v;
}

static bool is_nan(uint32_t v)
{
    return (v & 0x7FFFFFFF) > INFINITE;
}

static bool is_signalling(uint32_t v)
{
    return is_nan(v) && !(v & QUIET);
}

static bool is_inf(uint32_t v)
{
    return (v & 0x7FFFFFFF) == INFINITE;
}

static bool is_zero(uint32_t v)
{
    return (v & 0x7FFFFFFF) == 0;
}

static bool is_denormal(uint32_t v)
{
    return (v & 0x7F800000) == 0 && (v & 0x007FFFFF) != 0;
}

static uint32_t flush_input(uint32_t v, uint32_t *fpscr)
{
    if ((*fpscr & FPSCR_FZ) && is_denormal(v)) {
        *fpscr |= FPSCR_IDC;
        return v & (uint32_t)SIGN;
    }
    return v;
}

/* FPProcessNaNs: the first signalling operand, else the first quiet one.
 * @return false: no NaN among them */
static bool pick_nan(const uint32_t *v, unsigned n, uint32_t *fpscr, uint32_t *out)
{
    const uint32_t *chosen = NULL;
    for (unsigned i = 0; i < n && !chosen; i++) {
        chosen = is_signalling(v[i]) ? &v[i] : NULL;
    }
    if (chosen) {
        *fpscr |= FPSCR_IOC;
    }
    for (unsigned i = 0; i < n && !chosen; i++) {
        chosen = is_nan(v[i]) ? &v[i] : NULL;
    }
    if (chosen) {
        *out = *fpscr & FPSCR_DN ? DEFAULT_NAN : *chosen | QUIET;
    }
    return chosen;
}

static uint32_t invalid(uint32_t *fpscr)
{
    *fpscr |= FPSCR_IOC;
    return DEFAULT_NAN;
}

static void begin(const uint32_t *fpscr)
{
    static const int mode[4] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    (void)feclearexcept(FE_ALL_EXCEPT);
    (void)fesetround(mode[*fpscr >> 22 & 3]);
}

/* Collect the host's exceptions. `wide` is the result before rounding, precise
 * enough to see on which side of the smallest normal number it lies. */
static uint32_t end(float result, double wide, uint32_t *fpscr)
{
    const int raised = fetestexcept(FE_ALL_EXCEPT);
    uint32_t v = as_bits(result);
    (void)fesetround(FE_TONEAREST);
    const bool is_tiny = wide != 0.0 && fabs(wide) < 0x1p-126;
    if ((*fpscr & FPSCR_FZ) && is_tiny) {
        *fpscr |= FPSCR_UFC;
        return v & (uint32_t)SIGN;
    }
    *fpscr |= (raised & FE_INVALID ? FPSCR_IOC : 0) | (raised & FE_DIVBYZERO ? FPSCR_DZC : 0) |
              (raised & FE_OVERFLOW ? FPSCR_OFC : 0) | (raised & FE_INEXACT ? FPSCR_IXC : 0) |
              (is_tiny && (raised & FE_INEXACT) ? FPSCR_UFC : 0);
    return is_nan(v) ? DEFAULT_NAN : v;
}

uint32_t fp_add(uint32_t a, uint32_t b, uint32_t *fpscr)
{
    uint32_t v[2] = {flush_input(a, fpscr), flush_input(b, fpscr)};
    uint32_t nan;
    if (pick_nan(v, 2, fpscr, &nan)) {
        return nan;
    }
    const volatile float x = as_float(v[0]);
    const volatile float y = as_float(v[1]);
    const double wide = (double)x + (double)y;
    begin(fpscr);
    const volatile float r = x + y;
    return end(r, wide, fpscr);
}

uint32_t fp_sub(uint32_t a, uint32_t b, uint32_t *fpscr)
{
    uint32_t v[2] = {flush_input(a, fpscr), flush_input(b, fpscr)};
    uint32_t nan;
    if (pick_nan(v, 2, fpscr, &nan)) {
        return nan;
    }
    return fp_add(v[0], v[1] ^ (uint32_t)SIGN, fpscr);
}

uint32_t fp_mul(uint32_t a, uint32_t b, uint32_t *fpscr)
{
    uint32_t v[2] = {flush_input(a, fpscr), flush_input(b, fpscr)};
    uint32_t nan;
    if (pick_nan(v, 2, fpscr, &nan)) {
        return nan;
    }
    const volatile float x = as_float(v[0]);
    const volatile float y = as_float(v[1]);
    const double wide = (double)x * (double)y;
    begin(fpscr);
    const volatile float r = x * y;
    return end(r, wide, fpscr);
}

uint32_t fp_div(uint32_t a, uint32_t b, uint32_t *fpscr)
{
    uint32_t v[2] = {flush_input(a, fpscr), flush_input(b, fpscr)};
    uint32_t nan;
    if (pick_nan(v, 2, fpscr, &nan)) {
        return nan;
    }
    const volatile float x = as_float(v[0]);
    const volatile float y = as_float(v[1]);
    const double wide = is_zero(v[1]) ? 0.0 : (double)x / (double)y;
    begin(fpscr);
    const volatile float r = x / y;
    return end(r, wide, fpscr);
}

uint32_t fp_sqrt(uint32_t a, uint32_t *fpscr)
{
    const uint32_t v = flush_input(a, fpscr);
    uint32_t nan;
    if (pick_nan(&v, 1, fpscr, &nan)) {
        return nan;
    }
    if (!is_zero(v) && (v & (uint32_t)SIGN)) {
        return invalid(fpscr);
    }
    begin(fpscr);
    const volatile float x = as_float(v);
    const volatile float r = sqrtf(x);
    return end(r, 1.0, fpscr);
}

uint32_t fp_mul_add(uint32_t addend, uint32_t a, uint32_t b, uint32_t *fpscr)
{
    uint32_t v[3] = {flush_input(addend, fpscr), flush_input(a, fpscr), flush_input(b, fpscr)};
    const bool inf_by_zero = (is_inf(v[1]) && is_zero(v[2])) || (is_zero(v[1]) && is_inf(v[2]));
    uint32_t nan;
    const bool has_nan = pick_nan(v, 3, fpscr, &nan);
    if (inf_by_zero && is_nan(v[0]) && (v[0] & QUIET)) {
        return invalid(fpscr);
    }
    if (has_nan) {
        return nan;
    }
    const volatile float x = as_float(v[1]);
    const volatile float y = as_float(v[2]);
    const volatile float z = as_float(v[0]);
    /* The product is exact in double, the sum is cut: it lies below the smallest normal number exactly if the
     * unrounded one does. */
    (void)fesetround(FE_TOWARDZERO);
    const volatile double wide = (double)x * (double)y + (double)z;
    begin(fpscr);
    const volatile float r = fmaf(x, y, z);
    return end(r, wide, fpscr);
}

uint32_t fp_compare(uint32_t a, uint32_t b, bool signals, uint32_t *fpscr)
{
    const uint32_t x = flush_input(a, fpscr);
    const uint32_t y = flush_input(b, fpscr);
    if (is_nan(x) || is_nan(y)) {
        if (signals || is_signalling(x) || is_signalling(y)) {
            *fpscr |= FPSCR_IOC;
        }
        return 0x30000000;
    }
    const float fx = as_float(x);
    const float fy = as_float(y);
    return fx == fy ? 0x60000000 : fx < fy ? 0x80000000u : 0x20000000;
}

uint32_t fp_to_fixed(uint32_t a, unsigned n_bits, unsigned fraction, bool is_signed, bool to_zero,
                     uint32_t *fpscr)
{
    const uint32_t v = flush_input(a, fpscr);
    const double low = is_signed ? -ldexp(1.0, (int)n_bits - 1) : 0.0;
    const double high = ldexp(1.0, (int)n_bits - (is_signed ? 1 : 0)) - 1.0;
    if (is_nan(v)) {
        *fpscr |= FPSCR_IOC;
        return 0;
    }
    const double x = ldexp((double)as_float(v), (int)fraction); /* exact */
    begin(fpscr);
    const volatile double vx = x;
    const double r = to_zero ? trunc(vx) : nearbyint(vx);
    (void)fesetround(FE_TONEAREST);
    if (r < low || r > high) {
        *fpscr |= FPSCR_IOC;
        return (uint32_t)(int64_t)(r < low ? low : high);
    }
    *fpscr |= r != x ? FPSCR_IXC : 0;
    return (uint32_t)(int64_t)r;
}

uint32_t fp_from_fixed(uint32_t v, unsigned n_bits, unsigned fraction, bool is_signed, bool to_nearest,
                       uint32_t *fpscr)
{
    const unsigned up = 32 - n_bits;
    const double x = is_signed ? (double)((int32_t)(v << up) >> up) : (double)(v << up >> up);
    const double scaled = ldexp(x, -(int)fraction); /* exact */
    begin(fpscr);
    if (to_nearest) {
        (void)fesetround(FE_TONEAREST);
    }
    const volatile double wide = scaled;
    const volatile float r = (float)wide;
    return end(r, scaled, fpscr);
}

/* --- half precision ---------------------------------------------------------------------------------- */

uint32_t fp_from_half(uint32_t half, uint32_t *fpscr)
{
    const uint32_t sign = (half & 0x8000) << 16;
    const unsigned exponent = half >> 10 & 31;
    const uint32_t fraction = half & 0x3FF;
    if (exponent == 31 && !(*fpscr & FPSCR_AHP)) {
        if (fraction == 0) {
            return sign | INFINITE;
        }
        *fpscr |= fraction & 0x200 ? 0 : FPSCR_IOC;
        return *fpscr & FPSCR_DN ? DEFAULT_NAN : sign | INFINITE | QUIET | fraction << 13;
    }
    const float magnitude =
        exponent ? ldexpf((float)(fraction | 0x400), (int)exponent - 25) : ldexpf((float)fraction, -24);
    return sign | as_bits(magnitude);
}

/* Round |x| (exact in double) to a half by FPSCR's mode. */
static uint32_t round_to_half(double x, bool is_negative, uint32_t *fpscr)
{
    const bool alternative = *fpscr & FPSCR_AHP;
    int exponent;
    (void)frexp(x, &exponent);
    int scale = 11 - exponent;
    scale = scale > 24 ? 24 : scale;
    begin(fpscr);
    const volatile double scaled = is_negative ? -ldexp(x, scale) : ldexp(x, scale);
    const double r = fabs(nearbyint(scaled));
    (void)fesetround(FE_TONEAREST);
    const bool inexact = r != fabs(scaled);
    const double value = ldexp(r, -scale);
    const double limit = alternative ? 131008.0 : 65504.0;
    if (value > limit) {
        if (alternative) {
            *fpscr |= FPSCR_IOC;
            return 0x7FFF;
        }
        const unsigned mode = *fpscr >> 22 & 3;
        const bool to_inf = mode == 0 || (mode == 1 && !is_negative) || (mode == 2 && is_negative);
        *fpscr |= FPSCR_OFC | FPSCR_IXC;
        return to_inf ? 0x7C00 : 0x7BFF;
    }
    *fpscr |= inexact ? FPSCR_IXC : 0;
    *fpscr |= inexact && x < 0x1p-14 ? FPSCR_UFC : 0;
    if (value < 0x1p-14) {
        return (uint32_t)ldexp(value, 24);
    }
    (void)frexp(value, &exponent);
    return (uint32_t)(exponent + 14) << 10 | ((uint32_t)ldexp(value, 11 - exponent) & 0x3FF);
}

uint32_t fp_to_half(uint32_t a, uint32_t *fpscr)
{
    const uint32_t v = flush_input(a, fpscr);
    const uint32_t sign = v >> 16 & 0x8000;
    const bool alternative = *fpscr & FPSCR_AHP;
    if (is_nan(v)) {
        *fpscr |= is_signalling(v) || alternative ? FPSCR_IOC : 0;
        if (alternative) {
            return sign;
        }
        return *fpscr & FPSCR_DN ? 0x7E00 : sign | 0x7E00 | (v >> 13 & 0x1FF);
    }
    if (is_inf(v)) {
        *fpscr |= alternative ? FPSCR_IOC : 0;
        return sign | (alternative ? 0x7FFF : 0x7C00);
    }
    return sign | (is_zero(v) ? 0 : round_to_half(fabs((double)as_float(v)), sign != 0, fpscr));
}
