/*
 * The core against libunicorn, one random instruction at a time.
 *
 * Every encoding of the table in encodings.c is generated with random operands; both machines start from the
 * same random registers, flags, S registers, FPSCR and memory, execute it, and must agree in r0..r14, PC,
 * xPSR (with IT and GE), S registers, FPSCR and every byte of RAM. Then the same inside an IT block.
 *
 * The oracle: libunicorn 2.0.1 (QEMU 5.0) opened as a real Cortex-M4: UC_MODE_MCLASS would force an M33, so
 * it is opened as plain Thumb and the model is chosen afterwards. Each case is followed by BKPT, which both
 * stop at; the flash is full of BKPTs, so that a branch stops at its target. What the oracle is known to do
 * otherwise than the architecture is kept out of the cases, at the places marked "oracle:".
 *
 * Usage: oracle_test [seed [cases per encoding]]
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "encodings.h"

enum {
    FLASH_BYTES = 256 * 1024,
    RAM_BYTES = 16 * 1024,
    CODE_OFF = 128 * 1024, /* cases stand around the middle: table branches go 128 KB ahead */
    CODE_WINDOW = 4096,
    CODE_MAX_BYTES = 16,
    RAM_MIDDLE = CPU_SRAM_BASE + RAM_BYTES / 2,
    BKPT = 0xBE00,
    PER_ENCODING = 1200, /* of these most are compared, some fault on both */
    PLANTED_PER_ENCODING = 20,
    CASES_PER_ENGINE =
        250000, /* oracle: dropped translations are not freed; after some millions it crashes */
    MIN_PER_ENCODING = 100,
    SHOWN_MISMATCHES = 12
};
static uint64_t seed = 0x5EED0F0A12345678;
static unsigned per_encoding = PER_ENCODING;

enum { REG_SP = 13, REG_LR = 14, REG_PC = 15, REG_XPSR = 16, REG_FPSCR = 17, REG_S0 = 18, IMAGE_REGS = 50 };
#define XPSR_COMPARED 0xFF0FFC00u /* N Z C V Q IT T GE IT */
#define XPSR_WRITTEN  0xF80F0000u /* N Z C V Q GE */
#define XPSR_T        0x01000000u
#define FPSCR_RMODE   0x00C00000u

/* What is set before and compared after a case. */
struct image {
    uint32_t r[IMAGE_REGS];
};

enum outcome { DONE, FAULT };

/* Exception numbers of QEMU's target/arm. */
enum { PREFETCH_ABORT = 3, BREAKPOINT = 7, NO_INTERRUPT = 255 };

/* What a case consists of. */
struct test_case {
    struct instruction insn;
    uint32_t pc;
    uint16_t code[CODE_MAX_BYTES / 2];
    unsigned n_halfwords;
    unsigned n_instructions;
    struct image before;
};

/* A bug planted after our core's step, to prove that the comparison sees it. */
struct sabotage {
    const char *encoding; /* NULL: none */
    unsigned reg;         /* IMAGE_REGS: a byte of RAM */
    uint32_t flip;
};

struct tally {
    unsigned compared;
    unsigned faulted; /* both raised a fault */
    unsigned misaligned;
    unsigned skipped;
    unsigned mismatches;
    unsigned planted;
    unsigned violations;
    unsigned per_encoding[512];
};

struct two_cores {
    struct cpu *cpu;
    uc_engine *uc;
    uc_context *clean;
    uint8_t *flash;
    uint8_t ours_ram[RAM_BYTES];
    uint8_t *oracle_ram;
    void *clean_state;
    uint32_t interrupt; /* what the oracle's hooks saw */
    uint32_t unmapped;
    unsigned violations;
    struct random random;
    struct sabotage sabotage;
    struct tally tally;
};

/* BKPTs, whose number differs from halfword to halfword: a wrong address of a literal shows. */
static void fill_flash(struct two_cores *b)
{
    struct random r = {seed};
    for (unsigned i = 0; i < FLASH_BYTES; i += 2) {
        b->flash[i] = (uint8_t)random_u32(&r);
        b->flash[i + 1] = BKPT >> 8;
    }
}

/* --- our machine ------------------------------------------------------------------------------------- */

static bool no_bus_read(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t *value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    (void)value;
    return false;
}

static bool no_bus_write(void *ctx, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    (void)ctx;
    (void)addr;
    (void)n_bytes;
    (void)value;
    return false;
}

static void on_violation(void *ctx, const char *text)
{
    (void)text;
    ((struct two_cores *)ctx)->violations++;
}

static unsigned our_reg(unsigned i)
{
    return i < REG_XPSR ? i : i == REG_XPSR ? 16 : i == REG_FPSCR ? 23 : 32 + i - REG_S0;
}

/* CPACR is a guest's to write: MOVW r0, MOVT r0 (0xE000ED88); MOV r1; STR. */
static void enable_fpu(struct two_cores *b)
{
    static const uint16_t code[] = {0xF64E,          0x5088, /* movw r0, #0xED88 */
                                    0xF2CE,          0x0000, /* movt r0, #0xE000 */
                                    0xF44F,          0x0170, /* mov  r1, #0xF00000 */
                                    0x6001 | 1 << 0,         /* str  r1, [r0] */
                                    0xBE00};
    memcpy(b->flash + CODE_OFF, code, sizeof code);
    cpu_set_reg(b->cpu, REG_PC, CPU_FLASH_BASE + CODE_OFF);
    cpu_set_reg(b->cpu, 16, XPSR_T);
    cpu_set_breakpoint(b->cpu, CPU_FLASH_BASE + CODE_OFF + sizeof code - 2);
    assert_int_equal(cpu_run(b->cpu, UINT64_MAX), CPU_STOP_BREAKPOINT);
    cpu_set_breakpoint(b->cpu, 0);
    cpu_set_reg(b->cpu, 22, 4); /* FPCA: the context exists, FPSCR is not reset by its first use */
}

static void open_ours(struct two_cores *b)
{
    const struct cpu_bus bus = {.read = no_bus_read, .write = no_bus_write};
    size_t n_bytes;
    b->cpu = cpu_create(&bus, b->flash, FLASH_BYTES, b->ours_ram, RAM_BYTES, NULL, 0);
    assert_non_null(b->cpu);
    cpu_reset(b->cpu);
    cpu_on_violation(b->cpu, on_violation, b);
    enable_fpu(b);
    const void *state = cpu_state(b->cpu, &n_bytes);
    b->clean_state = malloc(n_bytes);
    assert_non_null(b->clean_state);
    memcpy(b->clean_state, state, n_bytes);
}

static enum outcome run_ours(struct two_cores *b, const struct test_case *t, struct image *after)
{
    size_t n_bytes;
    void *state = cpu_state(b->cpu, &n_bytes);
    memcpy(state, b->clean_state, n_bytes);
    cpu_state_restored(b->cpu);
    cpu_code_changed(b->cpu, t->pc, CODE_MAX_BYTES);
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        cpu_set_reg(b->cpu, our_reg(i), t->before.r[i]);
    }
    const uint64_t end = cpu_instructions(b->cpu) + t->n_instructions;
    enum cpu_stop why = CPU_STOP_LIMIT;
    while (cpu_instructions(b->cpu) < end && why == CPU_STOP_LIMIT) {
        why = cpu_run(b->cpu, cpu_cycles(b->cpu) + 1); /* at least one instruction, and not a second one */
    }
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        after->r[i] = cpu_reg(b->cpu, our_reg(i));
    }
    return why == CPU_STOP_LIMIT ? DONE : FAULT; /* without vectors a fault is a lockup */
}

/* --- the oracle -------------------------------------------------------------------------------------- */

static void on_interrupt(uc_engine *uc, uint32_t number, void *ctx)
{
    ((struct two_cores *)ctx)->interrupt = number;
    uc_emu_stop(uc);
}

static int oracle_reg(unsigned i)
{
    static const int low[18] = {
        UC_ARM_REG_R0,  UC_ARM_REG_R1,  UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4,   UC_ARM_REG_R5,
        UC_ARM_REG_R6,  UC_ARM_REG_R7,  UC_ARM_REG_R8,  UC_ARM_REG_R9,  UC_ARM_REG_R10,  UC_ARM_REG_R11,
        UC_ARM_REG_R12, UC_ARM_REG_R13, UC_ARM_REG_R14, UC_ARM_REG_R15, UC_ARM_REG_XPSR, UC_ARM_REG_FPSCR};
    return i < REG_S0 ? low[i] : UC_ARM_REG_S0 + (int)(i - REG_S0);
}

/* An address that nothing is mapped at: remember it, and let the access fail. */
static bool on_unmapped(uc_engine *uc, uc_mem_type type, uint64_t addr, int n_bytes, int64_t value, void *ctx)
{
    (void)uc;
    (void)type;
    (void)n_bytes;
    (void)value;
    ((struct two_cores *)ctx)->unmapped = (uint32_t)addr;
    return false;
}

/* oracle: it has no bit-band alias and no private peripherals, our core has. */
static bool only_ours_has(uint32_t addr)
{
    return (addr >= 0x22000000 && addr < 0x24000000) || (addr >= 0xE0000000 && addr < 0xE0100000);
}

static void must(uc_err err)
{
    if (err) {
        fail_msg("libunicorn: %s", uc_strerror(err));
    }
}

static void open_oracle(struct two_cores *b)
{
    uc_hook hook;
    uc_hook unmapped;
    must(uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &b->uc));
    must(uc_ctl_set_cpu_model(b->uc, UC_CPU_ARM_CORTEX_M4));
    must(uc_mem_map_ptr(b->uc, CPU_FLASH_BASE, FLASH_BYTES, UC_PROT_ALL, b->flash));
    must(uc_mem_protect(b->uc, CPU_FLASH_BASE, FLASH_BYTES, UC_PROT_READ | UC_PROT_EXEC));
    must(uc_mem_map_ptr(b->uc, CPU_SRAM_BASE, RAM_BYTES, UC_PROT_READ | UC_PROT_WRITE, b->oracle_ram));
    must(uc_hook_add(b->uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, b, 1, 0));
    must(uc_hook_add(b->uc, &unmapped, UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED,
                     (void *)on_unmapped, b, 1, 0));
    must(uc_context_alloc(b->uc, &b->clean));
    /* One floating-point instruction, so that the context exists here as well. */
    static const uint16_t vmov[] = {0xEEB0, 0x0A40, BKPT}; /* vmov.f32 s0, s0 */
    memcpy(b->flash + CODE_OFF, vmov, sizeof vmov);
    must(uc_emu_start(b->uc, (CPU_FLASH_BASE + CODE_OFF) | 1, 0, 0, 0));
    must(uc_context_save(b->uc, b->clean));
    fill_flash(b);
    must(uc_ctl_remove_cache(b->uc, (uint64_t)CPU_FLASH_BASE + CODE_OFF,
                             (uint64_t)CPU_FLASH_BASE + CODE_OFF + sizeof vmov));
}

static void close_oracle(struct two_cores *b)
{
    must(uc_context_free(b->clean));
    must(uc_close(b->uc));
}

static enum outcome run_oracle(struct two_cores *b, const struct test_case *t, struct image *after)
{
    must(uc_context_restore(b->uc, b->clean));
    must(uc_ctl_remove_cache(b->uc, (uint64_t)t->pc, (uint64_t)t->pc + CODE_MAX_BYTES));
    int ids[IMAGE_REGS];
    void *values[IMAGE_REGS];
    struct image in = t->before;
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        ids[i] = oracle_reg(i);
        values[i] = &in.r[i];
    }
    ids[REG_PC] = UC_ARM_REG_R12; /* uc_emu_start sets it */
    values[REG_PC] = &in.r[12];
    ids[REG_XPSR] = UC_ARM_REG_APSR_NZCVQG;
    must(uc_reg_write_batch(b->uc, ids, values, IMAGE_REGS));
    b->interrupt = NO_INTERRUPT;
    b->unmapped = 0;
    const uc_err err = uc_emu_start(b->uc, t->pc | 1, 0, 0, 0);
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        ids[i] = oracle_reg(i);
        values[i] = &after->r[i];
    }
    must(uc_reg_read_batch(b->uc, ids, values, IMAGE_REGS));
    /* No code at the target: the step itself is complete. A prefetch abort is how the oracle refuses the
     * execute-never regions of the address map. */
    const bool at_target = err == UC_ERR_FETCH_UNMAPPED || err == UC_ERR_FETCH_PROT ||
                           (err == UC_ERR_OK && b->interrupt == PREFETCH_ABORT);
    const bool is_thumb = after->r[REG_XPSR] & XPSR_T; /* else INVSTATE at the target */
    return is_thumb && (at_target || (err == UC_ERR_OK && b->interrupt == BREAKPOINT)) ? DONE : FAULT;
}

/* --- cases ------------------------------------------------------------------------------------------- */

static uint32_t random_word(struct random *r)
{
    static const uint32_t edge[] = {0,          1,          2,          0x7F,       0x80,       0xFF,
                                    0x100,      0x7FFF,     0x8000,     0xFFFF,     0x10000,    0x7FFFFFFF,
                                    0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF, 0x7FFF7FFF, 0x80008000,
                                    0xFFFF0000, 0x0000FFFF, 0x55555555, 0xAAAAAAAA, 0x80808080, 0x7F7F7F7F};
    switch (random_below(r, 4)) {
    case 0:
        return edge[random_below(r, sizeof edge / sizeof edge[0])];
    case 1:
        return random_below(r, 128);
    default:
        return random_u32(r);
    }
}

static uint32_t random_float(struct random *r)
{
    static const uint32_t edge[] = {
        0,          0x80000000, 0x3F800000, 0xBF800000, 0x7F800000,
        0xFF800000, /* 0, 1, infinity */
        0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFD54321, 0x7F800001,
        0xFFA12345,                                                 /* quiet and signalling NaN */
        0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00400000, /* denormal */
        0x00800000, 0x80800000, 0x00800001, 0x00FFFFFF, 0x7F7FFFFF,
        0xFF7FFFFF, /* smallest, greatest normal */
        0x4F000000, 0xCF000000, 0x4F800000, 0x4EFFFFFF, 0x3F000000,
        0xBF000000, /* 2^31, 2^32, 0.5 */
        0x3FC00000, 0x40200000, 0x477FE000, 0x477FF000, 0x47800000,
        0x38800000, /* halves; half precision */
        0x387FC000, 0x33800000, 0x33000000, 0x33000001, 0x47FFE000,
        0x47FFF000,
    };
    switch (random_below(r, 4)) {
    case 0:
    case 1:
        return edge[random_below(r, sizeof edge / sizeof edge[0])];
    case 2: /* of moderate size: sums and products that round */
        return (random_u32(r) & 0x80FFFFFF) | (0x38 + random_below(r, 12)) << 24;
    default:
        return random_u32(r);
    }
}

static uint32_t random_pointer(struct random *r)
{
    const uint32_t p = RAM_MIDDLE - 2048 + random_below(r, 4096);
    return random_below(r, 4) ? p & ~3u : p;
}

/* Rounding mode, DN, FZ, AHP and the sticky bits at random, half of the time all clear. */
static uint32_t random_fpscr(struct random *r)
{
    return random_below(r, 2) ? random_u32(r) & 0xF7C0009F : 0;
}

static void random_registers(struct test_case *t, struct random *r)
{
    const struct encoding *e = t->insn.encoding;
    for (unsigned i = 0; i < REG_PC; i++) {
        t->before.r[i] = random_below(r, 3) ? random_word(r) : random_pointer(r);
    }
    t->before.r[REG_SP] = random_pointer(r) & ~3u;
    const int base = encoding_register(e, t->insn.bits, 'n');
    const int index = encoding_register(e, t->insn.bits, 'm');
    if ((e->flags & ENC_MEMORY) && random_below(r, 16)) {
        if (index >= 0) {
            t->before.r[index] = random_below(r, 256);
        }
        if (base >= 0 && base != REG_SP) {
            t->before.r[base] = random_pointer(r);
        }
    } else if ((e->flags & ENC_BRANCH) && random_below(r, 8)) {
        for (unsigned i = 0; i < REG_PC; i++) {
            t->before.r[i] =
                i == REG_SP ? t->before.r[i] : (CPU_FLASH_BASE + random_below(r, FLASH_BYTES)) | 1;
        }
        if (index >= 0) {
            t->before.r[index] = random_below(r, 256);
        }
    }
    t->before.r[REG_PC] = t->pc;
    t->before.r[REG_XPSR] = (random_u32(r) & XPSR_WRITTEN) | XPSR_T;
    t->before.r[REG_FPSCR] = random_fpscr(r);
    if (strcmp(e->name, "vcvt from fixed") == 0) {
        /* oracle: rounds as FPSCR says; the architecture always to nearest (A7.7.230) */
        t->before.r[REG_FPSCR] &= ~FPSCR_RMODE;
    } else if (strcmp(e->name, "smlad") == 0 && t->before.r[base] == 0x80008000) {
        /* oracle: sets Q for a carry between the products that the addend takes back (A7.7.140: Q is about
         * the whole sum) */
        t->before.r[base] ^= 1;
    }
    for (unsigned i = REG_S0; i < IMAGE_REGS; i++) {
        t->before.r[i] = random_float(r);
    }
}

static void put(struct test_case *t, uint32_t bits, bool is_wide)
{
    if (is_wide) {
        t->code[t->n_halfwords++] = (uint16_t)(bits >> 16);
    }
    t->code[t->n_halfwords++] = (uint16_t)bits;
    t->n_instructions++;
}

/* LDREX, LDREXB, LDREXH of the address that the STREX goes to. */
static void put_load_exclusive(struct test_case *t)
{
    const uint32_t bits = t->insn.bits;
    const uint32_t n = bits >> 16 & 15;
    const uint32_t scratch = n == 0 ? 1 : 0;
    if (encoding_has(t->insn.encoding, 'i')) {
        put(t, 0xE8500F00 | n << 16 | scratch << 12 | (bits & 0xFF), true);
    } else {
        put(t, 0xE8D00F0F | n << 16 | scratch << 12 | (bits & 0xF0), true);
    }
}

static uint32_t random_it(const struct encoding *e, struct random *r)
{
    uint32_t cond;
    uint32_t mask;
    do {
        cond = random_below(r, 15);
        /* oracle: it loses ITSTATE after an ISB, which ends its translation block */
        mask = e->flags & ENC_BRANCH || strcmp(e->name, "isb") == 0 ? 8 : 1 + random_below(r, 15);
    } while (cond == 14 && __builtin_popcount(mask) != 1);
    return 0xBF00 | cond << 4 | mask;
}

static void make_case(struct two_cores *b, const struct encoding *e, bool in_it, struct test_case *t)
{
    struct random *r = &b->random;
    memset(t, 0, sizeof *t);
    do {
        t->insn = instruction_random(e, r);
    } while (in_it && !instruction_allowed_in_it(&t->insn));
    t->pc = CPU_FLASH_BASE + CODE_OFF + 2 * random_below(r, CODE_WINDOW / 2);
    if ((e->flags & ENC_EXCLUSIVE) && random_below(r, 2)) {
        put_load_exclusive(t);
    }
    if (in_it) {
        put(t, random_it(e, r), false);
    }
    put(t, t->insn.bits, t->insn.is_wide);
    random_registers(t, r);
}

/* A taken branch back into the case itself would loop in the oracle; the bits are random, so the target is
 * known only after our step. */
static bool lands_in_itself(const struct test_case *t, const struct image *after)
{
    return after->r[REG_PC] - t->pc < 2 * t->n_halfwords;
}

/* Multiples, doubles and exclusives fault on misaligned addresses on hardware (A3.2.1); the oracle carries
 * on. */
static bool must_fault_by_alignment(const struct test_case *t)
{
    const int base = encoding_register(t->insn.encoding, t->insn.bits, 'n');
    if (!(t->insn.encoding->flags & ENC_MULTIPLE) || base < 0) {
        return false;
    }
    const char *name = t->insn.encoding->name;
    const bool is_exclusive = strstr(name, "rex");
    const char last = name[strlen(name) - 1];
    const uint32_t mask = is_exclusive && last == 'b' ? 0 : is_exclusive && last == 'h' ? 1 : 3;
    return t->before.r[base] & mask;
}

/* --- comparison -------------------------------------------------------------------------------------- */

static uint32_t compared_bits(unsigned reg)
{
    /* oracle: it keeps SP[1:0], which are always 0 (B1.4.7) */
    return reg == REG_XPSR ? XPSR_COMPARED : reg == REG_SP ? ~3u : 0xFFFFFFFF;
}

static const char *reg_name(unsigned i, char text[8])
{
    static const char *const named[] = {"sp", "lr", "pc", "xpsr", "fpscr"};
    if (i >= REG_SP && i < REG_S0) {
        return named[i - REG_SP];
    }
    (void)snprintf(text, 8, i < REG_SP ? "r%u" : "s%u", i < REG_SP ? i : i - REG_S0);
    return text;
}

static void show(const struct test_case *t, const struct image *ours, const struct image *oracle,
                 const char *what)
{
    char name[8];
    print_message("MISMATCH %-16s at %08" PRIX32 ":", t->insn.encoding->name, t->pc);
    for (unsigned i = 0; i < t->n_halfwords; i++) {
        print_message(" %04X", t->code[i]);
    }
    print_message("  %s\n", what);
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        const bool differs = (ours->r[i] ^ oracle->r[i]) & compared_bits(i);
        if (differs || i < REG_PC || i == REG_XPSR || i == REG_FPSCR) {
            print_message("  %s%-5s %08" PRIX32 " -> %08" PRIX32 " oracle %08" PRIX32, differs ? "*" : " ",
                          reg_name(i, name), t->before.r[i], ours->r[i], oracle->r[i]);
            print_message(differs || i % 2 ? "\n" : "");
        }
    }
    print_message("\n");
}

static bool same_image(const struct image *a, const struct image *b)
{
    for (unsigned i = 0; i < IMAGE_REGS; i++) {
        if ((a->r[i] ^ b->r[i]) & compared_bits(i)) {
            return false;
        }
    }
    return true;
}

static void plant(struct two_cores *b, const struct encoding *e, struct image *ours)
{
    const struct sabotage *s = &b->sabotage;
    if (s->encoding && strcmp(s->encoding, e->name) == 0) {
        b->tally.planted++;
        if (s->reg < IMAGE_REGS) {
            ours->r[s->reg] ^= s->flip;
        } else {
            b->ours_ram[random_below(&b->random, RAM_BYTES)] ^= (uint8_t)s->flip;
        }
    }
}

static void mismatch(struct two_cores *b, const struct test_case *t, const struct image *ours,
                     const struct image *oracle, const char *what)
{
    b->tally.mismatches++;
    if (!b->sabotage.encoding && b->tally.mismatches <= SHOWN_MISMATCHES) {
        show(t, ours, oracle, what);
    }
}

static void judge(struct two_cores *b, const struct test_case *t, enum outcome our_outcome,
                  struct image *ours, enum outcome oracle_outcome, const struct image *oracle)
{
    const struct encoding *e = t->insn.encoding;
    if (our_outcome == FAULT && must_fault_by_alignment(t)) {
        b->tally.misaligned++;
    } else if (oracle_outcome == FAULT && only_ours_has(b->unmapped)) {
        b->tally.skipped++;
    } else if (our_outcome != oracle_outcome) {
        mismatch(b, t, ours, oracle, our_outcome == FAULT ? "only ours faults" : "only the oracle faults");
    } else if (our_outcome == FAULT) {
        b->tally.faulted++;
    } else {
        assert_int_equal(ours->r[REG_SP] & 3, 0);
        plant(b, e, ours);
        b->tally.compared++;
        b->tally.per_encoding[e - encodings]++;
        if (!same_image(ours, oracle)) {
            mismatch(b, t, ours, oracle, "registers");
        } else if (memcmp(b->ours_ram, b->oracle_ram, RAM_BYTES) != 0) {
            mismatch(b, t, ours, oracle, "memory");
        }
    }
    memcpy(b->ours_ram, b->oracle_ram, RAM_BYTES);
}

static void run_case(struct two_cores *b, const struct encoding *e, bool in_it)
{
    struct test_case t;
    struct image ours;
    struct image oracle;
    uint8_t saved[CODE_MAX_BYTES];
    make_case(b, e, in_it, &t);
    uint8_t *code = b->flash + (t.pc - CPU_FLASH_BASE);
    memcpy(saved, code, sizeof saved);
    memcpy(code, t.code, 2 * t.n_halfwords);
    const enum outcome our_outcome = run_ours(b, &t, &ours);
    if (our_outcome == DONE && lands_in_itself(&t, &ours)) {
        b->tally.skipped++;
        memcpy(b->ours_ram, b->oracle_ram, RAM_BYTES);
    } else {
        const enum outcome oracle_outcome = run_oracle(b, &t, &oracle);
        judge(b, &t, our_outcome, &ours, oracle_outcome, &oracle);
    }
    memcpy(code, saved, sizeof saved);
    must(uc_ctl_remove_cache(b->uc, (uint64_t)t.pc, (uint64_t)t.pc + CODE_MAX_BYTES));
}

static void run_cases(struct two_cores *b, unsigned rounds, bool in_it)
{
    memset(&b->tally, 0, sizeof b->tally);
    b->violations = 0;
    for (size_t i = 0; i < rounds * n_encodings; i++) {
        if (i % CASES_PER_ENGINE == CASES_PER_ENGINE - 1) {
            close_oracle(b);
            open_oracle(b);
        }
        const struct encoding *e = &encodings[i % n_encodings];
        if (!(in_it && (e->flags & ENC_NOT_IN_IT))) {
            run_case(b, e, in_it);
        }
    }
    b->tally.violations = b->violations;
}

/* --- tests ------------------------------------------------------------------------------------------- */

static int open_bench(void **state)
{
    struct two_cores *b = calloc(1, sizeof *b);
    b->random.state = seed;
    b->flash = aligned_alloc(4096, FLASH_BYTES);
    b->oracle_ram = aligned_alloc(4096, RAM_BYTES);
    for (unsigned i = 0; i < RAM_BYTES; i += 4) { /* a third are addresses of code, for loads of the PC */
        uint32_t word = random_word(&b->random);
        word =
            random_below(&b->random, 3) ? word : (CPU_FLASH_BASE + random_below(&b->random, FLASH_BYTES)) | 1;
        memcpy(b->oracle_ram + i, &word, 4);
    }
    memcpy(b->ours_ram, b->oracle_ram, RAM_BYTES);
    open_ours(b);
    open_oracle(b);
    *state = b;
    return 0;
}

static int close_bench(void **state)
{
    struct two_cores *b = *state;
    close_oracle(b);
    cpu_destroy(b->cpu);
    free(b->clean_state);
    free(b->flash);
    free(b->oracle_ram);
    free(b);
    return 0;
}

static void print_tally(const struct tally *t, const char *title)
{
    print_message("%s, seed 0x%" PRIx64 ": %u compared, %u faulted on both, %u misaligned, %u skipped, "
                  "%u mismatches\n",
                  title, seed, t->compared, t->faulted, t->misaligned, t->skipped, t->mismatches);
}

static void assert_clean(const struct tally *t, bool in_it)
{
    assert_int_equal(t->mismatches, 0);
    assert_int_equal(t->violations, 0); /* nothing valid is called UNPREDICTABLE */
    assert_true(t->compared >= 200000);
    for (size_t i = 0; i < n_encodings; i++) {
        if (t->per_encoding[i] < MIN_PER_ENCODING && !(in_it && (encodings[i].flags & ENC_NOT_IN_IT))) {
            fail_msg("%s was compared only %u times", encodings[i].name, t->per_encoding[i]);
        }
    }
}

static void random_instructions_do_what_the_oracle_does(void **state)
{
    struct two_cores *b = *state;
    run_cases(b, per_encoding, false);
    print_tally(&b->tally, "plain");
    assert_clean(&b->tally, false);
}

static void random_instructions_in_it_blocks_do_what_the_oracle_does(void **state)
{
    struct two_cores *b = *state;
    run_cases(b, per_encoding, true);
    print_tally(&b->tally, "in IT blocks");
    assert_clean(&b->tally, true);
}

static void planted_bugs_are_reported_every_time(void **state)
{
    static const struct sabotage planted[] = {
        {"adcs", REG_XPSR, 1u << 29},      /* carry */
        {"parallel", REG_XPSR, 1u << 16},  /* GE */
        {"qadd qsub", REG_XPSR, 1u << 27}, /* Q */
        {"it", REG_XPSR, 1u << 10},        /* ITSTATE */
        {"umaal", 7, 1},                   /* a register, lowest bit */
        {"bl", REG_LR, 1},                 /* return address without its Thumb bit */
        {"push", REG_SP, 4},               /* stack pointer one word off */
        {"b cond", REG_PC, 2},             /* branch one halfword off */
        {"vadd", REG_S0 + 31, 1},          /* one unit in the last place */
        {"vmul", REG_FPSCR, 1u << 3},      /* underflow */
        {"str imm12", IMAGE_REGS, 0x80},   /* a bit of memory */
    };
    struct two_cores *b = *state;
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        b->sabotage = planted[i];
        run_cases(b, PLANTED_PER_ENCODING, false);
        print_message("planted in %s: %u times, %u mismatches\n", planted[i].encoding, b->tally.planted,
                      b->tally.mismatches);
        assert_true(b->tally.planted > 0);
        assert_int_equal(b->tally.mismatches, b->tally.planted);
    }
    b->sabotage = (struct sabotage){NULL, 0, 0};
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0) | 1;
    }
    if (argc > 2) {
        per_encoding = (unsigned)strtoul(argv[2], NULL, 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_instructions_do_what_the_oracle_does),
        cmocka_unit_test(random_instructions_in_it_blocks_do_what_the_oracle_does),
        cmocka_unit_test(planted_bugs_are_reported_every_time),
    };
    return cmocka_run_group_tests_name("core against libunicorn", tests, open_bench, close_bench);
}
