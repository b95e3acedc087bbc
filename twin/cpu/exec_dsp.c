/* DSP extension: extension, parallel add and subtract, saturation (ARMv7-M ARM
 * A5.3.13 to A5.3.15). */
#include "exec.h"

static uint32_t sign_extend(uint32_t v, unsigned n_bits)
{
    return (uint32_t)((int32_t)(v << (32 - n_bits)) >> (32 - n_bits));
}

/* [S|U]XT[A][B|B16|H]: imm bits 0..4 rotation, bits 8..9 kind (0 half, 1 two
 * bytes, 2 byte), OP_ALT unsigned. */
uint32_t exec_extend(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t v = rotate_right(c->s.r[op->m], op->imm & 31);
    const uint32_t a = c->s.r[op->n];
    const bool is_unsigned = op->x & OP_ALT;
    uint32_t result;
    if (op->imm >> 8 == 0) {
        result = a + (is_unsigned ? v & 0xFFFF : sign_extend(v, 16));
    } else if (op->imm >> 8 == 2) {
        result = a + (is_unsigned ? v & 0xFF : sign_extend(v, 8));
    } else {
        const uint32_t low = is_unsigned ? v & 0xFF : (uint32_t)(int32_t)(int8_t)v;
        const uint32_t high = is_unsigned ? v >> 16 & 0xFF : (uint32_t)(int8_t)(v >> 16);
        result = ((a + low) & 0xFFFF) | ((a >> 16) + high) << 16;
    }
    c->s.r[op->d] = result;
    return next;
}

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Prefix of the parallel instructions, imm bits 4..6 as encoded. */
enum { PREFIX_S = 0, PREFIX_Q = 1, PREFIX_SH = 2, PREFIX_U = 4, PREFIX_UQ = 5, PREFIX_UH = 6 };

/* One lane; reports the GE bit that S and U forms set. */
static uint32_t lane(uint32_t a, uint32_t b, bool subtract, unsigned prefix, unsigned n_bits, bool *ge)
{
    const uint32_t mask = (1u << n_bits) - 1;
    const unsigned up = 32 - n_bits;
    int32_t x = (int32_t)(a & mask);
    int32_t y = (int32_t)(b & mask);
    if (prefix < PREFIX_U) {
        x = (int32_t)(a << up) >> up;
        y = (int32_t)(b << up) >> up;
    }
    int32_t r = subtract ? x - y : x + y;
    *ge = prefix == PREFIX_U && !subtract ? r > (int32_t)mask : r >= 0;
    if (prefix == PREFIX_Q) {
        r = clamp(r, -(int32_t)(mask / 2) - 1, (int32_t)(mask / 2));
    } else if (prefix == PREFIX_UQ) {
        r = clamp(r, 0, (int32_t)mask);
    } else if (prefix == PREFIX_SH || prefix == PREFIX_UH) {
        r >>= 1;
    }
    return (uint32_t)r & mask;
}

/* Operation, imm bits 0..2 as encoded. */
enum {
    PARALLEL_ADD8 = 0,
    PARALLEL_ADD16 = 1,
    PARALLEL_ASX = 2,
    PARALLEL_SUB8 = 4,
    PARALLEL_SUB16 = 5,
    PARALLEL_SAX = 6
};

static uint32_t parallel_bytes(const struct op *op, uint32_t a, uint32_t b, unsigned prefix,
                               uint32_t *ge_bits)
{
    uint32_t result = 0;
    for (unsigned i = 0; i < 4; i++) {
        bool ge;
        result |= lane(a >> 8 * i, b >> 8 * i, (op->imm & 7) == PARALLEL_SUB8, prefix, 8, &ge) << 8 * i;
        *ge_bits |= (uint32_t)ge << i;
    }
    return result;
}

uint32_t exec_parallel(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t a = c->s.r[op->n];
    uint32_t b = c->s.r[op->m];
    const unsigned kind = op->imm & 7;
    const unsigned prefix = op->imm >> 4;
    uint32_t ge_bits = 0;
    uint32_t result;
    if (kind == PARALLEL_ADD8 || kind == PARALLEL_SUB8) {
        result = parallel_bytes(op, a, b, prefix, &ge_bits);
    } else {
        const bool exchange = kind == PARALLEL_ASX || kind == PARALLEL_SAX;
        b = exchange ? rotate_right(b, 16) : b;
        bool ge_low;
        bool ge_high;
        result = lane(a, b, kind == PARALLEL_SUB16 || kind == PARALLEL_ASX, prefix, 16, &ge_low);
        result |= lane(a >> 16, b >> 16, kind == PARALLEL_SUB16 || kind == PARALLEL_SAX, prefix, 16, &ge_high)
                  << 16;
        ge_bits = (ge_low ? 3u : 0) | (ge_high ? 12u : 0);
    }
    c->s.r[op->d] = result;
    if (prefix == PREFIX_S || prefix == PREFIX_U) {
        c->s.ge = ge_bits;
    }
    return next;
}

uint32_t exec_sel(struct cpu *c, const struct op *op, uint32_t next)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < 4; i++) {
        mask |= c->s.ge >> i & 1 ? 0xFFu << 8 * i : 0;
    }
    c->s.r[op->d] = (c->s.r[op->n] & mask) | (c->s.r[op->m] & ~mask);
    return next;
}

static int32_t saturate_signed(struct cpu *c, int64_t v, unsigned n_bits)
{
    const int64_t high = ((int64_t)1 << (n_bits - 1)) - 1;
    const int64_t low = -high - 1;
    if (v >= low && v <= high) {
        return (int32_t)v;
    }
    c->s.qf = 1;
    return (int32_t)(v < low ? low : high);
}

static uint32_t saturate_unsigned(struct cpu *c, int64_t v, unsigned n_bits)
{
    const int64_t high = ((int64_t)1 << n_bits) - 1;
    if (v >= 0 && v <= high) {
        return (uint32_t)v;
    }
    c->s.qf = 1;
    return v < 0 ? 0 : (uint32_t)high;
}

/* QADD, QDADD, QSUB, QDSUB: imm bit 0 doubles n, bit 1 subtracts. */
uint32_t exec_saturating_add(struct cpu *c, const struct op *op, uint32_t next)
{
    int64_t n = (int32_t)c->s.r[op->n];
    if (op->imm & 1) {
        n = saturate_signed(c, 2 * n, 32);
    }
    const int64_t m = (int32_t)c->s.r[op->m];
    c->s.r[op->d] = (uint32_t)saturate_signed(c, op->imm & 2 ? m - n : m + n, 32);
    return next;
}

/* SSAT, USAT: m is the width, imm the shift of n (bits 0..7) with its type
 * (bits 8..). */
static int64_t saturation_operand(const struct cpu *c, const struct op *op)
{
    const uint32_t v = c->s.r[op->n];
    const unsigned amount = op->imm & 0xFF;
    return op->imm >> 8 == SHIFT_ASR ? (int32_t)v >> (amount < 31 ? amount : 31) : (int32_t)(v << amount);
}

uint32_t exec_ssat(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = (uint32_t)saturate_signed(c, saturation_operand(c, op), op->m);
    return next;
}

uint32_t exec_usat(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[op->d] = saturate_unsigned(c, saturation_operand(c, op), op->m);
    return next;
}

uint32_t exec_ssat16(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t v = c->s.r[op->n];
    const uint32_t low = (uint32_t)saturate_signed(c, (int16_t)v, op->m) & 0xFFFF;
    c->s.r[op->d] = low | (uint32_t)saturate_signed(c, (int32_t)v >> 16, op->m) << 16;
    return next;
}

uint32_t exec_usat16(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t v = c->s.r[op->n];
    const uint32_t low = saturate_unsigned(c, (int16_t)v, op->m);
    c->s.r[op->d] = low | saturate_unsigned(c, (int32_t)v >> 16, op->m) << 16;
    return next;
}
