/**
 * Flash on the host with the fault model of docs/spec/journal.md: cells that are cut in the middle of an
 * operation may read as anything, and as something else at the next boot. Implements port/flash.h; for tests
 * only.
 *
 * A word is in one of three kinds: blank and trusted, solid (completed operation), suspect (cut operation).
 * Words are readable through plain memory as well, as slots are on the target.
 *
 * Operations are counted: each erase is one, each programmed word is one. flash_fake_cut_at chooses the
 * operation that power fails in and how it looks afterwards; from then on every call fails until
 * flash_fake_power_up. A harness forgets everything else a reset forgets (no longjmp: code returns by its own
 * error paths).
 */
#ifndef FAKE_FLASH_FAKE_H
#define FAKE_FLASH_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "port/flash.h"

/** How the operation that power failed in left its cells (axioms F2, F6). */
enum flash_fake_outcome {
    FLASH_FAKE_BEFORE,   /* nothing happened (F7) */
    FLASH_FAKE_TORN_OLD, /* reads as before, but is suspect: a program that looks blank, an erase not begun */
    FLASH_FAKE_TORN_GARBAGE, /* reads as something between before and after; an erase may even set blank words
                              */
    FLASH_FAKE_TORN_COMPLETE, /* reads as if it had completed, but is suspect */
    FLASH_FAKE_FLAKY,         /* any of these, drawn anew for each cell at each power-up */
    FLASH_FAKE_OUTCOMES
};

enum flash_fake_kind { FLASH_FAKE_BLANK = 0, FLASH_FAKE_SOLID = 1, FLASH_FAKE_SUSPECT = 2 };

/** What is behind the reading of one word. */
struct flash_fake_cell {
    uint32_t old;    /* SUSPECT: value before the cut operation */
    uint32_t target; /* SUSPECT: value the operation was going to leave */
    uint8_t kind;    /* enum flash_fake_kind */
    uint8_t is_flaky;
    uint8_t is_erase; /* SUSPECT by an erase: may read 0 too (pre-programming) */
};

/** One sector of the fake chip. */
struct flash_fake_sector {
    uint32_t number;
    uint32_t addr; /* bus address */
    uint32_t n_words;
    bool is_open; /* may be erased and programmed */
    bool is_worn; /* erase and program report errors (axiom F9) */
    uint32_t n_erases;
};

/** A chip. Arrays belong to the caller: `words` and `cells` hold one entry for each word of all sectors, in
 * order. */
struct flash_fake {
    struct flash flash; /* first member: this is a struct flash */
    struct flash_fake_sector *sectors;
    uint32_t n_sectors;
    uint32_t *words;
    struct flash_fake_cell *cells;
    uint32_t n_words;
    uint32_t n_ops;  /* operations begun since power-up */
    uint32_t cut_at; /* 1..: operation that power fails in; 0 none */
    enum flash_fake_outcome outcome;
    bool is_cut;
    uint32_t n_suspect_programs; /* non-zero programs on words that were not trusted to be blank: a bug of the
                                    caller */
    uint64_t random;
};

/** Blank chip. Sum of sectors[].n_words words in the arrays; sectors are in ascending order of address. */
void flash_fake_init(struct flash_fake *fake, struct flash_fake_sector *sectors, uint32_t n_sectors,
                     uint32_t *words, struct flash_fake_cell *cells);

/** Let power fail in the `op`-th operation from now on, 1..; 0: never. */
void flash_fake_cut_at(struct flash_fake *fake, uint32_t op, enum flash_fake_outcome outcome);

/** Power is back: no cut is planned, operations count from 0, flaky words are drawn anew from `seed`. */
void flash_fake_power_up(struct flash_fake *fake, uint64_t seed);

/** The state of `from` in the arrays of `to`: chips of the same sectors. */
void flash_fake_copy(struct flash_fake *to, const struct flash_fake *from);

/** The sector's content is lost: every word reads as random bits and is suspect (axiom F9). */
void flash_fake_lose_sector(struct flash_fake *fake, uint32_t number, uint64_t seed);

/** Put bytes where they are as if they had been there from the factory. `addr` and `n_bytes` multiples of 4.
 */
void flash_fake_load(struct flash_fake *fake, uint32_t addr, const void *bytes, uint32_t n_bytes);

/** The word at a bus address, for plain reading; NULL outside the chip. */
uint32_t *flash_fake_at(struct flash_fake *fake, uint32_t addr);

#endif
