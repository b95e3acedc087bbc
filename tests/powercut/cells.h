/**
 * A journal's flash as sets: what each part of each record may read as, by the fault model of
 * docs/POWERCUT.md (axioms F1 to F7). Reading a part whose last operation was cut is a choice that the
 * explorer makes; a session is run again for every choice. Implements port/flash.h for the shipping journal
 * code.
 *
 * A record of 16 words is five cells: word 0 · words 1..11 and 13 · word 12 (first checksum) · D1 · D2. Words
 * that share a cell are programmed one after the other with nothing else in between that could tell them
 * apart: a record without D1 does not count, however much of its body is there, so "one of these words is
 * torn" reads like "the cell is torn".
 */
#ifndef POWERCUT_CELLS_H
#define POWERCUT_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

enum { CELL_HEAD, CELL_BODY, CELL_CRC, CELL_D1, CELL_D2, CELLS, CELLS_SLOTS_MAX = 8 };

/** J0, J1, one spare place. */
enum { CELLS_SPARE = JOURNAL_MIRRORS, CELLS_PLACES };

/** How the flash itself may fail, once. A cell and a sector fail for a reason of their own; the supply
 * refuses before anything has begun. */
enum cells_fault { CELLS_SOUND, CELLS_DIP, CELLS_LOW, CELLS_WORN_CELL, CELLS_WORN_SECTOR, CELLS_FAULTS };

/** What a cell may read as; CELL_SUSPECT: its last operation was cut. Trusted blank is CELL_BLANK alone. */
enum {
    CELL_BLANK = 1,
    CELL_ZERO = 2,
    CELL_GARBAGE = 4,
    CELL_CONTENT = 8, /* what was programmed; for the marks that is CELL_ZERO */
    CELL_READINGS = 15,
    CELL_SUSPECT = 16
};

/** One record. `seq` and `value` are what it was programmed with: number and state. 0: nothing that can
 * count. */
struct cells_record {
    uint8_t seq;
    uint8_t value;
    uint8_t dead; /* the sectors that it calls dead */
    uint8_t cell[CELLS];
};

/** All that survives a reset, and what the outside has seen. */
struct cells_state {
    struct cells_record record[CELLS_PLACES][CELLS_SLOTS_MAX];
    uint8_t acted;   /* newest state that was acted upon; 0: none */
    uint8_t written; /* newest state that was handed to journal_append */
    uint8_t cuts;    /* sessions cut since the last completed write */
    uint8_t lost;    /* a sector was lost since then, or an operation failed */
    uint8_t worn;    /* mask of places that refuse every operation */
    uint8_t faults;  /* faults so far */
    uint8_t reserved[2];
    uint32_t passed; /* mask of states that were written but not found when another was acted upon later */
};

/** Ways that the flash can end an operation. */
enum cells_cut { CELLS_BEFORE, CELLS_TORN };

/** Called before each operation: `n_ops` begun so far, with the state as it is. */
struct cells_observer {
    void (*before_op)(void *ctx);
    void (*broke)(void *ctx, const char *check, const char *text);
    void *ctx;
};

enum { CELLS_CHOICES_MAX = 40 };

/** A chip in one powered session. */
struct cells_flash {
    struct flash flash; /* first member */
    uint32_t n_slots;
    struct cells_state state;
    uint8_t drawn[CELLS_PLACES][CELLS_SLOTS_MAX][CELLS]; /* readings in this session; 0: not drawn yet */
    uint8_t choice[CELLS_CHOICES_MAX];                   /* script: which reading is drawn at each draw */
    uint8_t n_options[CELLS_CHOICES_MAX];
    uint32_t n_choices; /* length of the script */
    uint32_t n_drawn;   /* draws made */
    uint32_t n_ops;     /* operations begun */
    uint32_t n_erases;
    uint32_t fault_at; /* operation that fails; 0: none */
    enum cells_fault fault;
    bool has_failed;                 /* it has, in this session */
    uint32_t n_erased[CELLS_PLACES]; /* the last erase of each place in this session: its number */
    struct cells_observer observer;
    /* the operation that is about to happen */
    uint32_t area;
    uint32_t slot;
    uint32_t cell; /* CELLS: the erase of the whole sector */
    uint8_t target;
};

/** The two sectors as the journal wants them, each of `n_slots` records, and a spare place if wanted. */
void cells_areas(struct journal_area areas[JOURNAL_AREAS], uint32_t n_slots, bool has_spare);

/** Records of a place. */
uint32_t cells_slots(uint32_t n_slots, uint32_t area);

/** State number `value` as a record, and as the words that the journal programs for it with number `seq`. */
void cells_record_of(uint32_t value, struct boot_record *out);

/** Power up with `state`; the choices of `flash` are kept. */
void cells_boot(struct cells_flash *flash, const struct cells_state *state, uint32_t n_slots);

/**
 * A choice between `n_options` that the explorer tries one after the other: which reading, how many writes.
 */
uint32_t cells_choose(struct cells_flash *flash, uint32_t n_options);

/** What is uncertain in a sector may be drawn again in this session. */
void cells_redraw(struct cells_flash *flash, uint32_t area);

/** The state if power fails in the operation that is about to happen. */
void cells_cut(const struct cells_flash *flash, enum cells_cut how, struct cells_state *out);

/** A sector's content is gone: reads as `reading` everywhere, nothing to be trusted (axiom F9). */
void cells_lose(struct cells_state *state, uint32_t n_slots, uint32_t area, uint8_t reading);

/** The representative of all states that no journal can tell apart: numbers shifted, states renumbered in
 * order, what can never count again forgotten. */
void cells_canonical(struct cells_state *state, uint32_t n_slots);

#endif
