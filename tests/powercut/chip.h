/**
 * The flash of a whole STM32F407 for sweeps of millions of cuts: the fault model of flash_model.h as the fake
 * flash has it (a test runs both against each other), with what a sweep needs besides: going back to any
 * earlier moment in time that depends on what changed since, a hash of the whole state that is always up to
 * date, and a call before each operation.
 *
 * Sectors 1 (loader), 3 (J1), 5 to 10 (slots A and B) and 11 (J0) have cells. Any operation elsewhere is
 * reported and refused.
 */
#ifndef POWERCUT_CHIP_H
#define POWERCUT_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash_model/flash_model.h"
#include "port/flash.h"

enum {
    CHIP_SECTORS = 9, /* J1, A, A, A, B, B, B, J0, loader */
    CHIP_J1 = 0,
    CHIP_SLOT_A = 1,
    CHIP_SLOT_B = 4,
    CHIP_J0 = 7,
    CHIP_LOADER = 8,
    CHIP_SLOT_WORDS = 3 * 32768,
    CHIP_WORDS = 4096 + 2 * CHIP_SLOT_WORDS + 32768 + 4096,
    CHIP_BLOCK_WORDS = 1024, /* a 4 KB chunk of an image */
    CHIP_BLOCKS = CHIP_WORDS / CHIP_BLOCK_WORDS
};

/** How an operation fails although power stays (axiom F9; a dip is a supply below what x32 needs). */
enum chip_fault {
    CHIP_WORKS,
    CHIP_DIP,         /* the driver refuses this call before it begins */
    CHIP_DIP_LONG,    /* and every other one, until chip_supply_is_back or the next power-up */
    CHIP_WORN_CELL,   /* program: the word stays as it is, for good; erase: a bit stays 0, for good */
    CHIP_WORN_SECTOR, /* erases and programs of the sector report errors and change nothing, for good */
    CHIP_FAULTS
};

/** Kinds of operation. */
enum chip_op { CHIP_PROGRAM, CHIP_ERASE };

/** What is about to happen, for the observer. */
struct chip_event {
    enum chip_op op;
    uint32_t sector; /* CHIP_J1 ... */
    uint32_t word;   /* index in the sector; CHIP_PROGRAM */
    uint32_t value;
    bool is_first; /* operation of its call: the only one that a dip can refuse, for the driver looks once */
};

/** Called before each operation, and instead of one that is not allowed. `before_op` may call chip_fail. */
struct chip_observer {
    void (*before_op)(void *ctx, const struct chip_event *event);
    void (*broke)(void *ctx, const char *check, const char *text);
    void *ctx;
};

/** Kind of a cell. A flaky one keeps its reading for as many power-ups as its count says. */
enum {
    CHIP_KIND_BLANK = 0,
    CHIP_KIND_SOLID = 1,
    CHIP_KIND_SUSPECT = 2,
    CHIP_IS_FLAKY = 4,
    CHIP_IS_ERASED = 8,
    CHIP_ONE_POWER_UP = 16,
    CHIP_POWER_UPS = 0x70
};

struct chip_sector {
    uint32_t number;
    uint32_t addr;
    uint32_t first; /* index of its first word in the arrays */
    uint32_t n_words;
    uint32_t n_touched; /* words from here on were not touched since the last erase */
    uint32_t n_suspect;
    uint32_t n_flaky;
    uint32_t n_erases;  /* completed or torn; not part of the state that the hash is of */
    bool is_worn;       /* erase and program report errors (axiom F9) */
    bool is_deaf;       /* `worn_word` keeps its reading */
    uint32_t worn_word; /* index in the sector + 1; 0: none */
    uint32_t stuck;     /* bits of worn_word that no erase brings back */
    uint64_t sum;       /* of the hashes of its words; 0 when blank */
};

/** The chip. Large: never on the stack. */
struct chip {
    struct flash flash; /* first member */
    struct chip_sector sector[CHIP_SECTORS];
    struct chip_observer observer;
    enum chip_fault fault; /* of the operation that is about to begin */
    bool is_low;           /* the supply is too low for any operation */
    uint32_t n_erases;     /* since chip_power_up */
    uint32_t n_ops;        /* since chip_power_up */
    uint32_t words[CHIP_WORDS];
    uint8_t kind[CHIP_WORDS];
    uint32_t old[CHIP_WORDS];    /* SUSPECT: before the cut operation */
    uint32_t target[CHIP_WORDS]; /* SUSPECT: what it was going to leave */
    bool is_block_known[CHIP_BLOCKS];
    uint64_t block[CHIP_BLOCKS][2];
    uint8_t *log; /* undo log */
    size_t n_log;
    size_t n_room;
};

/** A blank chip; the journal sectors use their first `n_j0` and `n_j1` records, J0 last. */
struct chip *chip_new(void);
void chip_free(struct chip *chip);

/** Now; chip_undo goes back to it. Marks nest. */
size_t chip_mark(const struct chip *chip);
void chip_undo(struct chip *chip, size_t mark);

/** Leave what the cut operation `event` leaves. `seed` decides garbage and the first reading of what is
 * flaky. */
void chip_tear(struct chip *chip, const struct chip_event *event, enum flash_cut outcome, uint64_t seed);

/** The cut program `event` has upset every other word of its sector too (axiom F8). After chip_tear. */
void chip_upset(struct chip *chip, const struct chip_event *event, uint64_t seed);

/** From an observer: the operation it was called for fails in this way. */
void chip_fail(struct chip *chip, enum chip_fault fault);

/** The end of a long dip. */
void chip_supply_is_back(struct chip *chip);

/** Bit s: a cell or all of sector s (CHIP_J1 ...) is worn. */
uint32_t chip_worn_mask(const struct chip *chip);

/** Power is back: what is flaky is drawn anew. */
void chip_power_up(struct chip *chip, uint64_t seed);

/** Hash of all cells: words, kinds, and what suspect cells may read as. */
uint64_t chip_hash(const struct chip *chip);

/** True if any cell is flaky. */
bool chip_is_flaky(const struct chip *chip);

/** Put bytes there as if from the factory. `addr` and `n_bytes` multiples of 4. */
void chip_load(struct chip *chip, uint32_t addr, const void *bytes, uint32_t n_bytes);

/** Every word of the sector reads as random bits and is suspect (axiom F9). */
void chip_lose(struct chip *chip, uint32_t sector, uint64_t seed);

/** Change one word past all rules: decay at rest. */
void chip_flip(struct chip *chip, uint32_t addr, uint32_t xor_mask);

/** The word at an address, for plain reading; NULL where there are no cells. */
const uint32_t *chip_at(const struct chip *chip, uint32_t addr);

/** 128-bit digest of a block of CHIP_BLOCK_WORDS of this chip, kept until a word of it changes. False: `p` is
 * not the start of such a block. */
bool chip_block_digest(struct chip *chip, const void *p, uint64_t out[2]);

/** Bytes from `p` on that are known to be blank without reading them: to the end of its sector, if no cell was
 * touched from there on since its last erase; a block whose digest is that of a blank block; else 0, and the next
 * place to ask for is `to_next` bytes further (SIZE_MAX: `p` is outside this chip's cells). */
size_t chip_known_blank_bytes(struct chip *chip, const void *p, size_t *to_next);

/** Digest of any block of 4 KB, by the same function. */
void chip_digest_words(const void *p, uint64_t out[2]);

#endif
