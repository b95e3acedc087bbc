/**
 * Every encoding of ARMv7E-M with FPv4-SP that a single-step comparison can use, as patterns; and a generator
 * of random instructions that are valid: neither UNDEFINED nor UNPREDICTABLE.
 *
 * A pattern has one character per bit, most significant first, blanks ignored. 0 and 1 are fixed. A letter is
 * a field; the same letter in two places is one field, its bits in order. What the letters promise:
 *
 *   a d h l m n t u   register, neither SP nor PC (ARMv7-M ARM A5.1.3 "BadReg")
 *   A D M N T         register, may be SP, not PC
 *   others            immediates, selectors, S registers: any value, unless the row's check says otherwise
 */
#ifndef ENCODINGS_H
#define ENCODINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ENC_MEMORY = 1,    /* goes to memory at n or N (plus m) */
    ENC_BRANCH = 2,    /* may write the PC: in an IT block only as its last instruction (A7.3.2) */
    ENC_NOT_IN_IT = 4, /* UNPREDICTABLE inside an IT block */
    ENC_EXCLUSIVE = 8, /* a store-exclusive: wants a load-exclusive before it */
    ENC_FP = 16,       /* uses S registers or FPSCR */
    ENC_MULTIPLE = 32  /* must be word aligned even with UNALIGN_TRP clear (A3.2.1) */
};

struct encoding {
    const char *name;
    const char *pattern;
    unsigned flags;
    const char *distinct; /* pairs of fields that must differ, "tn tu"; NULL: none */
    /* Further rules of this row. NULL: none */
    bool (*is_predictable)(const struct encoding *e, uint32_t insn);
};

/** An instruction: a 16-bit one stands in the low half. */
struct instruction {
    const struct encoding *encoding;
    uint32_t bits;
    bool is_wide;
};

extern const struct encoding encodings[];
extern const size_t n_encodings;

/** xorshift64*: reproducible everywhere. */
struct random {
    uint64_t state;
};
uint32_t random_u32(struct random *r);
/** 0..n-1 */
uint32_t random_below(struct random *r, uint32_t n);

bool encoding_has(const struct encoding *e, char letter);
/** Value of a field; 0 if the row has none of that name. */
uint32_t encoding_field(const struct encoding *e, uint32_t insn, char letter);
/** The register field that is `lower` or its upper-case form; -1: none. */
int encoding_register(const struct encoding *e, uint32_t insn, char lower);
bool encoding_matches(const struct encoding *e, uint32_t insn);

struct instruction instruction_random(const struct encoding *e, struct random *r);
/** May it stand in an IT block, at its end? MOVS (T2) is MOV with flags and may not (A7.7.76). */
bool instruction_allowed_in_it(const struct instruction *i);

#endif
