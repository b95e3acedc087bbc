/**
 * The fault model of flash cells without ECC, axioms F1 to F9 of docs/POWERCUT.md. A cell is one 32-bit word.
 *
 * What is behind the reading of a word is one of three: BLANK (erased to the end, trusted), SOLID (programmed
 * to the end on a blank cell, or with 0 on any), SUSPECT (anything else: some operation on it was cut, or it
 * was programmed while suspect). A suspect cell reads as its last look says, or, if it is flaky, as something
 * else after each power-up or reset; it never changes between two of those, for code that reads twice must
 * not be saved by luck.
 *
 * A cell that is torn again keeps its last two values and, if an erase was ever among the causes, may read as
 * anything. tests/powercut/cells.h has the full union over any number of cuts.
 *
 * Pure functions; all chance comes from the seed. Shared by the twin's FLASH, the fake flash of the host
 * tests and the chip of the sweeps; it includes no header of any of them.
 */
#ifndef FLASH_MODEL_FLASH_MODEL_H
#define FLASH_MODEL_FLASH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define FLASH_WORD_BLANK 0xFFFFFFFFU

enum flash_kind { FLASH_CELL_BLANK = 0, FLASH_CELL_SOLID = 1, FLASH_CELL_SUSPECT = 2 };

/** What is behind the reading of one word. The zeroed struct is a blank cell. */
struct flash_cell {
    uint32_t old;    /* SUSPECT: reading before the operation */
    uint32_t target; /* SUSPECT: what the operation was going to leave */
    uint8_t kind;    /* enum flash_kind */
    bool is_flaky;   /* SUSPECT: drawn anew at each boot */
    bool is_erase;   /* SUSPECT by an erase: may read as anything, 0 included (pre-programming) */
    uint8_t keeps;   /* flaky: boots for which it still reads as it did */
};

/** How the operation that power failed in left its cells. */
enum flash_cut {
    FLASH_CUT_BEFORE,   /* nothing happened (F7) */
    FLASH_CUT_OLD,      /* reads as before, but is suspect: a program that looks blank, an erase not begun */
    FLASH_CUT_GARBAGE,  /* program: some of the zeros; erase: any bits */
    FLASH_CUT_COMPLETE, /* reads as if it had completed, but is suspect */
    FLASH_CUT_FLAKY,    /* any of these, drawn anew for each cell at each boot */
    FLASH_CUT_FADES,    /* reads as if it had completed for one boot, flickers from then on */
    FLASH_CUT_FADES_LATE, /* the same for three boots */
    FLASH_CUTS_OF_PROGRAM,
    /* Erases only; of a program, as garbage. */
    FLASH_CUT_MIXED = FLASH_CUTS_OF_PROGRAM, /* words old, blank, zero or any bits */
    /* By phase: first all cells are programmed to zero ... */
    FLASH_CUT_ZEROING,    /* each zero-to-be may still be what it was */
    FLASH_CUT_ZERO_FRONT, /* the first part zero, the rest old */
    FLASH_CUT_ZERO,       /* all zero */
    /* ... then they are erased. */
    FLASH_CUT_RISEN,    /* blank but for a bit in some words */
    FLASH_CUT_FRONT,    /* the first part blank, the rest old */
    FLASH_CUT_BACK,     /* the last part blank, the first old */
    FLASH_CUT_HALF,     /* every other word blank, the rest old */
    FLASH_CUT_STRIPES,  /* rows of 512 bytes blank and old in turn */
    FLASH_CUT_ONE_OLD,  /* blank but for one old word */
    FLASH_CUT_ONE_ZERO, /* blank but for one word of zero */
    FLASH_CUTS
};

/** How a sector is worn out (F9). Ends with no operation, reset or loss of power. */
enum flash_wear {
    FLASH_WEAR_NONE,
    FLASH_WEAR_ERRORS, /* erases and programs report an error and change nothing */
    FLASH_WEAR_STUCK,  /* one word keeps a zero bit: operations end well, what they leave does not verify */
    FLASH_WEAR_DEAF    /* operations end well and change nothing */
};

/** Seed of a sequence for flash_draw; never 0. */
uint64_t flash_seed(uint64_t seed);

/** Next number of the sequence; the same on every machine. */
uint32_t flash_draw(uint64_t *random);

/* --- operations that completed --- */

/**
 * Program `value` over a word that reads `reading`: F1, F3, F4.
 * @return its reading from now on
 */
uint32_t flash_cell_program(struct flash_cell *cell, uint32_t reading, uint32_t value);

/** True if a non-zero program of the cell proves something: it was erased to the end and not used since. */
static inline bool flash_cell_is_usable(const struct flash_cell *cell)
{
    return cell->kind == FLASH_CELL_BLANK;
}

/* --- operations that power failed in --- */

/** One cut operation on `n_words` words in a row: 1 for a program. Begin, then one call a word, ascending. */
struct flash_cut_work {
    enum flash_cut cut;
    bool is_erase;
    uint32_t at; /* the place that the pattern speaks of */
    uint64_t random;
};

/** @param seed  decides garbage, places and the first reading of what is flaky */
void flash_cut_begin(struct flash_cut_work *work, enum flash_cut cut, bool is_erase, uint32_t n_words,
                     uint64_t seed);

/**
 * What the cut left of word `i`: F2, F6, F7.
 *
 * @param reading  its reading before
 * @param value  the program's value, unused of an erase
 * @return its reading from now on
 */
uint32_t flash_cut_word(struct flash_cut_work *work, uint32_t i, uint32_t reading, uint32_t value,
                        struct flash_cell *cell);

/**
 * A cut program upset another word of its sector (F8).
 * @return the word's reading from now on
 */
uint32_t flash_cell_disturb(struct flash_cell *cell, uint32_t reading, uint64_t *random);

/**
 * Power is back, or a reset is over: draw a flaky cell anew.
 * @return its reading until the next boot
 */
uint32_t flash_cell_boot(struct flash_cell *cell, uint32_t reading, uint64_t *random);

/* --- what is allowed --- */

/** Is this one of the values that the cell, which reads `reading` now, may read as after a boot? */
bool flash_cell_may_read(const struct flash_cell *cell, uint32_t reading, uint32_t value);

/* --- wear --- */

/** The word of a worn sector that keeps a zero bit, and that bit, by sector number (FLASH_WEAR_STUCK). */
uint32_t flash_stuck_word(uint32_t sector, uint32_t n_words);
uint32_t flash_stuck_bit(uint32_t sector);

#endif
