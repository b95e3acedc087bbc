/**
 * What is behind the words of the flash array: which are erased to the end, which are solid, which some cut
 * operation left suspect, which sectors are worn out. The rules are those of flash_model.h; here they meet
 * bytes of the array and operations of the FLASH interface. All of it is plain state and goes into snapshots.
 */
#ifndef DEV_FLASH_FAULTS_H
#define DEV_FLASH_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "flash_model/flash_model.h"

enum { FLASH_CELLS_WORDS = 0x40000, FLASH_CELLS_SECTORS = 12 };

/** The array, and what is known of each of its words. Zeroed: blank, nothing worn. */
struct flash_cells {
    uint32_t old[FLASH_CELLS_WORDS];    /* as struct flash_cell */
    uint32_t target[FLASH_CELLS_WORDS]; /* as struct flash_cell */
    uint8_t kind[FLASH_CELLS_WORDS];    /* the rest of struct flash_cell, packed */
    uint8_t wear[FLASH_CELLS_SECTORS];  /* enum flash_wear */
    uint32_t n_suspect;
    uint32_t n_flaky;
    uint32_t n_boots;
    bool is_disturbing; /* F8: a program that is cut or fails upsets its sector */
};

/** What a cut leaves, of a program and of an erase: whichever the operation is. */
struct flash_cut_pair {
    enum flash_cut program, erase;
};

/** A reset that nobody planned: the seed chooses. */
struct flash_cut_pair flash_cut_by_seed(uint64_t *seed);

/** SplitMix64: next number of the sequence that starts at *state. Not of cells: RAM, identity. */
uint64_t flash_random(uint64_t *state);

/** The cell of word `w`. */
struct flash_cell flash_cells_at(const struct flash_cells *cells, uint32_t w);

/** A factory programmer wrote the bytes at off..off+n-1: blank or solid, whatever was there. */
void flash_cells_store(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes);

/** A program of `n_bytes` (1..8, in one aligned double word) completed. Changes the array. */
void flash_cells_program(struct flash_cells *cells, uint8_t *array, uint32_t off, const uint8_t *value,
                         uint32_t n_bytes);

/**
 * A program ended and the bytes do not read as `value`, or the supply was too low for it (`is_weak`): its
 * sector is upset as by a cut one (F8), if that was asked for (is_disturbing).
 * @return did it fail?
 */
bool flash_cells_disturb_after_failure(struct flash_cells *cells, uint8_t *array, uint32_t off,
                                       const uint8_t *value, uint32_t n_bytes, bool is_weak, uint64_t seed);

/** An erase of whole sectors completed. Changes the array. */
void flash_cells_erase(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes);

/** A program was cut; all of its sector may be upset. */
void flash_cells_cut_program(struct flash_cells *cells, uint8_t *array, uint32_t off, const uint8_t *value,
                             uint32_t n_bytes, enum flash_cut cut, uint64_t seed);

/** A program of bytes that have no cells (the one-time area) was cut: they keep the reading that it left. */
void flash_tear_bytes(uint8_t *bytes, const uint8_t *value, uint32_t n_bytes, enum flash_cut cut,
                      uint64_t seed);

/** An erase of whole sectors was cut. */
void flash_cells_cut_erase(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes,
                           enum flash_cut cut, uint64_t seed);

/**
 * The core starts after a reset: what is flaky reads anew.
 * @return words that read otherwise than before
 */
uint32_t flash_cells_boot(struct flash_cells *cells, uint8_t *array, uint64_t seed);

/** From now on the sector is worn out; FLASH_WEAR_STUCK shows at once. */
void flash_cells_wear(struct flash_cells *cells, uint8_t *array, uint32_t sector, enum flash_wear wear);

/** True if a non-zero program of any word in off..off+n-1 would prove nothing: its last operation was cut. */
bool flash_cells_any_suspect(const struct flash_cells *cells, uint32_t off, uint32_t n_bytes);

/** Hash of all that is behind suspect words; 0 if there are none. */
uint64_t flash_cells_hash(const struct flash_cells *cells);

#endif
