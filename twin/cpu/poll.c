/* Loops that only wait for a device register: what they do until the next event is known, so it is not executed again and again.
 * The erase of a sector takes a second, in which the root asks FLASH->SR eighteen million times.
 *
 * Nobody can tell: after a skip the core has the registers, flags, cycles and instructions that it would have had
 * (tests/unit/cpu/poll_test.c runs loops both ways). So only one form of loop is skipped, and everything else is executed:
 *
 *   first:  [ldr  rB, [pc, #...]]        the register's address, a constant beside the code
 *   poll:    ldr  rV, [rB, #...]         the register that the bus calls steady
 *           [tst, cmp rV, #...]  [b<cond> out]  [subs rN, #1]     in any number and order; one countdown at most
 *            b<cond> first               taken */
#include "exec.h"

enum { LOOP_OPS_MAX = 8, COUNT_MIN = 4 };

struct loop {
    uint32_t poll;
    unsigned value;   /* rV */
    unsigned base;    /* rB */
    unsigned counter; /* rN; REG_ZERO: none */
    bool is_counted;  /* in this round */
    unsigned n_ops;   /* executed in this round */
};

/* An instruction of flash or SRAM that has been executed before. NULL: none. */
static const struct op *op_at(const struct cpu *c, uint32_t pc)
{
    const struct code_region *const regions[] = {&c->flash_code, &c->sram_code};
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t off = pc - regions[i]->base;
        if (off < regions[i]->n_bytes && regions[i]->ops[off >> 1].fn) {
            return &regions[i]->ops[off >> 1];
        }
    }
    return NULL;
}

static bool is_countdown(struct loop *l, const struct op *op)
{
    const bool is_one = op->fn == exec_sub_imm && (op->x & OP_S) && op->d == op->n && op->imm == 1 &&
                        op->d < REG_SP && op->d != l->value && op->d != l->base && !l->is_counted &&
                        (l->counter == REG_ZERO || l->counter == op->d);
    if (is_one) {
        l->counter = op->d;
        l->is_counted = true;
    }
    return is_one;
}

static bool is_harmless(struct loop *l, const struct op *op)
{
    return op->fn == exec_b_cond ||
           ((op->fn == exec_tst_imm || op->fn == exec_cmp_imm) && op->n == l->value) || is_countdown(l, op);
}

/* The address may be loaded anew in each round. @return false: there is more before the load */
static bool runs_to_poll(struct cpu *c, struct loop *l, uint32_t first)
{
    const struct op *op = first == l->poll ? NULL : op_at(c, first);
    if (op && op->fn == exec_ldr_imm && op->n == REG_ZERO && op->d == l->base &&
        first + (op->x & OP_LENGTH) == l->poll) {
        l->n_ops++;
        c->s.cycles += 2; /* the instruction and its access */
        return true;
    }
    return first == l->poll;
}

/* Execute one round after the load, with the handlers themselves. @return false: the loop has another form, or ends */
static bool go_round(struct cpu *c, struct loop *l)
{
    const struct op *load = op_at(c, l->poll);
    uint32_t at = l->poll + (load->x & OP_LENGTH);
    l->n_ops = 1;
    l->is_counted = false;
    c->s.cycles += 2;
    while (l->n_ops < LOOP_OPS_MAX) {
        const struct op *op = op_at(c, at);
        if (!op || !is_harmless(l, op)) {
            return false;
        }
        const uint32_t next = at + (op->x & OP_LENGTH);
        c->s.cycles++;
        l->n_ops++;
        at = op->fn(c, op, next);
        if (at != next) {
            return at <= l->poll && runs_to_poll(c, l, at);
        }
    }
    return false;
}

/* Try two rounds: the second starts with the flags of the first, and so do all that follow. @return false: not such a loop */
static bool try_rounds(struct cpu *c, struct loop *l, uint32_t value)
{
    const struct op *load = op_at(c, l->poll);
    if (!load || load->fn != exec_ldr_imm || load->d >= REG_SP || load->d == load->n) {
        return false;
    }
    l->value = load->d;
    l->base = load->n;
    const struct core_state before = c->s;
    const uint64_t round_cycles = c->poll.round_cycles;
    bool is_same = true;
    c->s.r[l->value] = value;
    for (unsigned i = 0; i < 2 && is_same; i++) {
        const uint64_t start = c->s.cycles;
        is_same = go_round(c, l) && l->n_ops == c->poll.round_ops && c->s.cycles - start == round_cycles;
    }
    c->s = before;
    return is_same;
}

/* How often the loop can go round before something is due, or its counter needs a look. */
static uint64_t rounds_of(const struct cpu *c, const struct loop *l)
{
    const uint64_t rounds = (c->deadline - 1 - c->s.cycles) / c->poll.round_cycles;
    if (l->counter == REG_ZERO) {
        return rounds;
    }
    /* From 0x80000000 on the countdown leaves other flags. */
    const uint32_t count = c->s.r[l->counter];
    if (count <= COUNT_MIN || count >> 31) {
        return 0;
    }
    return rounds < count - COUNT_MIN ? rounds : count - COUNT_MIN;
}

static void skip(struct cpu *c, uint32_t value)
{
    struct loop l = {.poll = c->s.r[REG_PC], .counter = REG_ZERO};
    /* A breakpoint may stand in the loop; a watched flash is told of each load, and the constant may lie there. */
    if (!(c->breakpoint & 1) || c->flash_watched || c->s.it || c->s.cycles >= c->deadline ||
        !try_rounds(c, &l, value)) {
        return;
    }
    const uint64_t rounds = rounds_of(c, &l);
    if (rounds < 2) {
        return;
    }
    c->s.cycles += (rounds - 1) * c->poll.round_cycles;
    c->s.instructions += rounds * c->poll.round_ops;
    if (l.counter != REG_ZERO) {
        c->s.r[l.counter] -= (uint32_t)(rounds - 1);
    }
    /* The last round is executed: it leaves the flags. */
    c->s.r[l.value] = value;
    (void)go_round(c, &l);
}

void poll_seen(struct cpu *c, uint32_t value)
{
    struct poll *p = &c->poll;
    const uint64_t round_cycles = c->s.cycles - p->cycles;
    const uint64_t round_ops = c->s.instructions - p->instructions;
    const bool is_round = p->pc == c->s.r[REG_PC] && p->value == value && round_ops <= LOOP_OPS_MAX &&
                          round_cycles > 0 && round_cycles == p->round_cycles && round_ops == p->round_ops;
    if (is_round) {
        skip(c, value);
    }
    *p = (struct poll){.pc = c->s.r[REG_PC],
                       .value = value,
                       .cycles = c->s.cycles,
                       .instructions = c->s.instructions,
                       .round_cycles = round_cycles,
                       .round_ops = round_ops};
}
