/**
 * Flash on the host with the fault model of flash_model.h: cells that are cut in the middle of an operation
 * may read as anything, and as something else at the next boot. Implements port/flash.h; for tests only.
 *
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

#include "flash_model/flash_model.h"
#include "port/flash.h"

/** One sector of the fake chip. */
struct flash_fake_sector {
    uint32_t number;
    uint32_t addr; /* bus address */
    uint32_t n_words;
    bool is_open; /* may be erased and programmed */
    bool is_worn; /* for ever, as `wear` of the chip says (axiom F9) */
    uint32_t n_erases;
};

/** A chip. Arrays belong to the caller: `words` and `cells` hold one entry for each word of all sectors, in
 * order. */
struct flash_fake {
    struct flash flash; /* first member: this is a struct flash */
    struct flash_fake_sector *sectors;
    uint32_t n_sectors;
    uint32_t *words;
    struct flash_cell *cells;
    uint32_t n_words;
    enum flash_wear wear;       /* how worn sectors fail; FLASH_WEAR_ERRORS at first */
    bool is_disturbing;         /* a cut program upsets its whole sector (axiom F8); false at first */
    bool is_supply_low;         /* operations are refused */
    uint32_t protected_sectors; /* bit n: sector number n is write-protected */
    uint32_t n_ops;             /* operations begun since power-up */
    uint32_t cut_at;            /* 1..: operation that power fails in; 0 none */
    enum flash_cut outcome;
    bool is_cut;
    uint32_t n_suspect_programs; /* non-zero programs on words that were not trusted to be blank: a bug of the
                                    caller */
    uint64_t random;
};

/** Blank chip. Sum of sectors[].n_words words in the arrays; sectors are in ascending order of address. */
void flash_fake_init(struct flash_fake *fake, struct flash_fake_sector *sectors, uint32_t n_sectors,
                     uint32_t *words, struct flash_cell *cells);

/** Let power fail in the `op`-th operation from now on, 1..; 0: never. */
void flash_fake_cut_at(struct flash_fake *fake, uint32_t op, enum flash_cut outcome);

/** Power is back: no cut is planned, operations count from 0, flaky words are drawn anew from `seed`. */
void flash_fake_power_up(struct flash_fake *fake, uint64_t seed);

/** The state of `from` in the arrays of `to`: chips of the same sectors. */
void flash_fake_copy(struct flash_fake *to, const struct flash_fake *from);

/** The sector's content is lost: every word reads as random bits and is suspect (axiom F9). */
void flash_fake_lose_sector(struct flash_fake *fake, uint32_t number, uint64_t seed);

/**
 * Put bytes where they are as if they had been there from the factory. `addr` and `n_bytes` multiples of 4.
 */
void flash_fake_load(struct flash_fake *fake, uint32_t addr, const void *bytes, uint32_t n_bytes);

/** The word at a bus address, for plain reading; NULL outside the chip. */
uint32_t *flash_fake_at(struct flash_fake *fake, uint32_t addr);

#endif
