/**
 * What a flash operation leaves behind when power or a reset takes it apart.
 *
 * The axioms are those of Cypress KBA218817 as this project uses them: a completed program on a blank cell is
 * solid (F1); a cut program leaves anything between old and new, "old" and "new" included (F2); a cut erase
 * leaves each word old, blank, zero or garbage (F6), for an erase begins by programming all cells to zero.
 * Pure functions of the operation and a seed: the same cut leaves the same bytes.
 */
#ifndef DEV_FLASH_FAULTS_H
#define DEV_FLASH_FAULTS_H

#include <stddef.h>
#include <stdint.h>

enum flash_outcome {
    FLASH_OUTCOME_BY_SEED,  /* an unplanned reset: the seed chooses among those below */
    FLASH_OUTCOME_BEFORE,   /* nothing happened yet */
    FLASH_OUTCOME_BLANK,    /* program: reads as before; erase: reads as blank */
    FLASH_OUTCOME_GARBAGE,  /* program: some of the zeros; erase: words old, blank, zero or garbage */
    FLASH_OUTCOME_COMPLETE, /* reads as if complete */
    FLASH_OUTCOME_FRONT,    /* erase: the first part of the sector blank, the rest old; program: as garbage */
    /* Erases only, phase by phase; of a program, garbage. First all cells are programmed to zero ... */
    FLASH_OUTCOME_ZEROING,    /* each zero-to-be may still be what it was */
    FLASH_OUTCOME_ZERO_FRONT, /* the first part zero, the rest old */
    FLASH_OUTCOME_ZERO,       /* all zero */
    /* ... then they are erased. */
    FLASH_OUTCOME_RISING,  /* any bits */
    FLASH_OUTCOME_RISEN,   /* blank but for a bit in some words */
    FLASH_OUTCOME_BACK,    /* the last part blank, the first old */
    FLASH_OUTCOME_STRIPES, /* rows old and blank in turn */
    FLASH_OUTCOME_ONE_OLD, /* blank but for one old word */
    FLASH_OUTCOME_ONE_ZERO /* blank but for one word of zero */
};

/** SplitMix64: next number of the sequence that starts at *state. */
uint64_t flash_random(uint64_t *state);

/** The bytes that a cut program of `n_bytes` (1..8) leaves: `cell` holds the old bytes and gets the result.
 */
void flash_tear_program(uint8_t *cell, const uint8_t *wanted, size_t n_bytes, enum flash_outcome outcome,
                        uint64_t seed);

/** The bytes that a cut erase of `n_bytes` (multiple of 4) leaves. */
void flash_tear_erase(uint8_t *bytes, size_t n_bytes, enum flash_outcome outcome, uint64_t seed);

#endif
