/* Loads and stores of the integer registers (ARMv7-M ARM A5.3.5 to A5.3.10). */
#include "exec.h"

/* LDM, LDRD, LDREX and their kin must be word aligned whatever CCR says
 * (A3.2.1). */
static bool is_misaligned(struct cpu *c, uint32_t addr, unsigned n_bytes)
{
    if ((addr & (n_bytes - 1)) == 0) {
        return false;
    }
    exc_fault(c, CFSR_UNALIGNED);
    return true;
}

struct kind {
    unsigned n_bytes;
    bool is_signed;
};

static inline uint32_t extended(struct kind kind, uint32_t v)
{
    if (!kind.is_signed) {
        return v;
    }
    return kind.n_bytes == 1 ? (uint32_t)(int8_t)v : (uint32_t)(int16_t)v;
}

/* Load into d; a word into the PC is a branch. */
static inline uint32_t load_into(struct cpu *c, unsigned d, uint32_t value, uint32_t next)
{
    if (d == REG_PC) {
        return branch_exchange(c, value);
    }
    c->s.r[d] = d == REG_SP ? value & ~3u : value;
    return next;
}

static inline uint32_t do_load(struct cpu *c, const struct op *op, struct kind kind, uint32_t addr,
                               uint32_t next)
{
    uint32_t v;
    if (!mem_load(c, addr, kind.n_bytes, &v)) {
        return core_aborted(c);
    }
    c->s.cycles++;
    return load_into(c, op->d, extended(kind, v), next);
}

/* Move the base; SP stays aligned (B1.4.7). */
static inline void write_back(struct cpu *c, unsigned n, uint32_t value)
{
    c->s.r[n] = n == REG_SP ? value & ~3u : value;
}

static inline uint32_t do_load_index(struct cpu *c, const struct op *op, struct kind kind, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    const uint32_t moved = base + op->imm;
    uint32_t v;
    if (!mem_load(c, op->x & OP_POST ? base : moved, kind.n_bytes, &v)) {
        return core_aborted(c);
    }
    c->s.cycles++;
    write_back(c, op->n, moved);
    return load_into(c, op->d, extended(kind, v), next);
}

static inline uint32_t do_store(struct cpu *c, const struct op *op, unsigned n_bytes, uint32_t addr,
                                uint32_t next)
{
    if (!mem_store(c, addr, n_bytes, c->s.r[op->d])) {
        return core_aborted(c);
    }
    c->s.cycles++;
    return next;
}

static inline uint32_t do_store_index(struct cpu *c, const struct op *op, unsigned n_bytes, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    const uint32_t moved = base + op->imm;
    if (!mem_store(c, op->x & OP_POST ? base : moved, n_bytes, c->s.r[op->d])) {
        return core_aborted(c);
    }
    c->s.cycles++;
    write_back(c, op->n, moved);
    return next;
}

static inline uint32_t addr_imm(const struct cpu *c, const struct op *op)
{
    return c->s.r[op->n] + op->imm;
}

static inline uint32_t addr_reg(const struct cpu *c, const struct op *op)
{
    return c->s.r[op->n] + (c->s.r[op->m] << op->imm);
}

/* Macros, because C has no other way to get specialised handlers out of one
 * definition. */
#define LOADS(name, n_bytes, is_signed)                                                                      \
    uint32_t exec_##name##_imm(struct cpu *c, const struct op *op, uint32_t next)                            \
    {                                                                                                        \
        return do_load(c, op, (struct kind){n_bytes, is_signed}, addr_imm(c, op), next);                     \
    }                                                                                                        \
    uint32_t exec_##name##_reg(struct cpu *c, const struct op *op, uint32_t next)                            \
    {                                                                                                        \
        return do_load(c, op, (struct kind){n_bytes, is_signed}, addr_reg(c, op), next);                     \
    }                                                                                                        \
    uint32_t exec_##name##_index(struct cpu *c, const struct op *op, uint32_t next)                          \
    {                                                                                                        \
        return do_load_index(c, op, (struct kind){n_bytes, is_signed}, next);                                \
    }
#define STORES(name, n_bytes)                                                                                \
    uint32_t exec_##name##_imm(struct cpu *c, const struct op *op, uint32_t next)                            \
    {                                                                                                        \
        return do_store(c, op, n_bytes, addr_imm(c, op), next);                                              \
    }                                                                                                        \
    uint32_t exec_##name##_reg(struct cpu *c, const struct op *op, uint32_t next)                            \
    {                                                                                                        \
        return do_store(c, op, n_bytes, addr_reg(c, op), next);                                              \
    }                                                                                                        \
    uint32_t exec_##name##_index(struct cpu *c, const struct op *op, uint32_t next)                          \
    {                                                                                                        \
        return do_store_index(c, op, n_bytes, next);                                                         \
    }

LOADS(ldr, 4, false)
LOADS(ldrb, 1, false)
LOADS(ldrh, 2, false)
LOADS(ldrsb, 1, true)
LOADS(ldrsh, 2, true)
STORES(str, 4)
STORES(strb, 1)
STORES(strh, 2)

/* LDRT, STRT and kin: m bits 0..2 bytes, bit 3 signed, bit 4 store. Only the
 * MPU and the PPB see a difference. */
uint32_t exec_unprivileged(struct cpu *c, const struct op *op, uint32_t next)
{
    const struct kind kind = {op->m & 7, op->m & 8};
    c->unprivileged_access = true;
    core_refresh(c);
    next = op->m & 16 ? do_store(c, op, kind.n_bytes, addr_imm(c, op), next)
                      : do_load(c, op, kind, addr_imm(c, op), next);
    c->unprivileged_access = false;
    core_refresh(c);
    return next;
}

/* LDMIA, POP, LDMDB: imm is the list, m the number of registers, OP_ALT counts
 * down. */
uint32_t exec_ldm(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    uint32_t addr = op->x & OP_ALT ? base - 4u * op->m : base;
    if (is_misaligned(c, addr, 4)) {
        return core_aborted(c);
    }
    uint32_t value[16];
    for (unsigned i = 0; i < op->m; i++) {
        if (!mem_load(c, addr, 4, &value[i])) {
            return core_aborted(c);
        }
        addr += 4;
    }
    c->s.cycles += op->m;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = op->x & OP_ALT ? base - 4u * op->m : addr;
    }
    unsigned i = 0;
    for (uint32_t list = op->imm; list; list &= list - 1) {
        next = load_into(c, (unsigned)__builtin_ctz(list), value[i++], next);
    }
    return next;
}

uint32_t exec_stm(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t base = c->s.r[op->n];
    uint32_t addr = op->x & OP_ALT ? base - 4u * op->m : base;
    if (is_misaligned(c, addr, 4)) {
        return core_aborted(c);
    }
    for (uint32_t list = op->imm; list; list &= list - 1) {
        if (!mem_store(c, addr, 4, c->s.r[__builtin_ctz(list)])) {
            return core_aborted(c);
        }
        addr += 4;
    }
    c->s.cycles += op->m;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = op->x & OP_ALT ? base - 4u * op->m : addr;
    }
    return next;
}

/* d first word, m second. */
uint32_t exec_ldrd(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t moved = c->s.r[op->n] + op->imm;
    const uint32_t addr = op->x & OP_POST ? c->s.r[op->n] : moved;
    uint32_t first;
    uint32_t second;
    if (is_misaligned(c, addr, 4) || !mem_load(c, addr, 4, &first) || !mem_load(c, addr + 4, 4, &second)) {
        return core_aborted(c);
    }
    c->s.cycles += 2;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = moved;
    }
    c->s.r[op->d] = first;
    c->s.r[op->m] = second;
    return next;
}

uint32_t exec_strd(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t moved = c->s.r[op->n] + op->imm;
    const uint32_t addr = op->x & OP_POST ? c->s.r[op->n] : moved;
    if (is_misaligned(c, addr, 4) || !mem_store(c, addr, 4, c->s.r[op->d]) ||
        !mem_store(c, addr + 4, 4, c->s.r[op->m])) {
        return core_aborted(c);
    }
    c->s.cycles += 2;
    if (op->x & OP_WRITEBACK) {
        c->s.r[op->n] = moved;
    }
    return next;
}

/* LDREX, LDREXB, LDREXH: m is the size. The local monitor of the M4 has no
 * address tag. */
uint32_t exec_ldrex(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t addr = addr_imm(c, op);
    uint32_t v;
    if (is_misaligned(c, addr, op->m) || !mem_load(c, addr, op->m, &v)) {
        return core_aborted(c);
    }
    c->s.cycles++;
    c->s.excl = true;
    c->s.excl_addr = addr;
    c->s.r[op->d] = v;
    return next;
}

/* STREX and kin: d status, m bits 0..3 source, bits 4..6 size. */
uint32_t exec_strex(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t addr = addr_imm(c, op);
    const unsigned n_bytes = op->m >> 4;
    if (is_misaligned(c, addr, n_bytes)) {
        return core_aborted(c);
    }
    if (c->s.excl && !mem_store(c, addr, n_bytes, c->s.r[op->m & 15])) {
        return core_aborted(c);
    }
    c->s.cycles++;
    c->s.r[op->d] = c->s.excl ? 0 : 1;
    c->s.excl = false;
    return next;
}
