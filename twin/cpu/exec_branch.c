/* Branches, and the IT instruction. Targets of direct branches stand decoded in
 * imm. */
#include "exec.h"

uint32_t exec_b(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)next;
    c->s.cycles += 2;
    return op->imm;
}

uint32_t exec_b_cond(struct cpu *c, const struct op *op, uint32_t next)
{
    if (!cond_holds(c, op->n)) {
        return next;
    }
    c->s.cycles += 2;
    return op->imm;
}

uint32_t exec_bl(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.r[REG_LR] = next | 1;
    c->s.cycles += 2;
    return op->imm;
}

uint32_t exec_bx(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)next;
    return branch_exchange(c, c->s.r[op->m]);
}

/* BLX never returns from an exception: an EXC_RETURN value is a plain target
 * here. */
uint32_t exec_blx(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t target = c->s.r[op->m];
    c->s.r[REG_LR] = next | 1;
    c->s.cycles += 2;
    if (!(target & 1)) {
        c->s.thumb = false;
        core_attention(c);
    }
    return target & ~1u;
}

/* CBZ, CBNZ (OP_ALT). */
uint32_t exec_cbz(struct cpu *c, const struct op *op, uint32_t next)
{
    if ((c->s.r[op->n] != 0) != (bool)(op->x & OP_ALT)) {
        return next;
    }
    c->s.cycles += 2;
    return op->imm;
}

/* TBB, TBH (OP_ALT): n = REG_ZERO with the address in imm when the base is the
 * PC. */
uint32_t exec_tbb(struct cpu *c, const struct op *op, uint32_t next)
{
    const uint32_t base = c->s.r[op->n] + op->imm;
    const uint32_t index = c->s.r[op->m];
    uint32_t halfwords;
    const bool ok = op->x & OP_ALT ? mem_load(c, base + 2 * index, 2, &halfwords)
                                   : mem_load(c, base + index, 1, &halfwords);
    if (!ok) {
        return core_aborted(c);
    }
    c->s.cycles += 3;
    return next + 2 * halfwords;
}

/* ADD PC, PC, Rm: imm is what PC reads as. */
uint32_t exec_add_pc(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)next;
    c->s.cycles += 2;
    return (op->imm + c->s.r[op->m]) & ~1u;
}

uint32_t exec_mov_pc(struct cpu *c, const struct op *op, uint32_t next)
{
    (void)next;
    c->s.cycles += 2;
    return c->s.r[op->m] & ~1u;
}

uint32_t exec_it(struct cpu *c, const struct op *op, uint32_t next)
{
    c->s.it = op->imm;
    return next;
}
