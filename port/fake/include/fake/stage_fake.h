/**
 * port/stage.h in memory, with power cuts: for tests, and the plainest reading of the contract.
 *
 * Every call that writes is at least one write; an append is one for each STAGE_FAKE_WRITE_BYTES.
 * stage_fake_cut_at chooses the write that power fails in; from then on every call is E_IO until
 * stage_fake_power_up, which draws from its seed what the medium kept: of the unsynced bytes any number, of the
 * call under way all or nothing.
 */
#ifndef FAKE_STAGE_FAKE_H
#define FAKE_STAGE_FAKE_H

#include <stdbool.h>

#include "port/stage.h"

enum { STAGE_FAKE_WRITE_BYTES = 512 };

struct stage_fake_item {
    bool is_there;
    struct stage_item item;
    uint32_t n_durable_bytes;
    uint8_t note[STAGE_NOTE_MAX_BYTES];
    uint8_t *bytes; /* shelf_bytes of the caller's memory */
};

struct stage_fake {
    struct stage stage; /* first member */
    struct stage_fake_item shelf[STAGE_SHELVES];
    uint32_t shelf_bytes;
    uint32_t n_writes; /* since power-up */
    uint32_t cut_at;   /* 1..: write that power fails in; 0 none */
    bool is_cut;
    uint32_t random;
    uint64_t n_appended_bytes; /* since stage_fake_init */
};

/**
 * Empty store.
 * @param memory       STAGE_SHELVES * shelf_bytes bytes, the caller's; must outlive the store
 * @param shelf_bytes  largest item
 */
void stage_fake_init(struct stage_fake *fake, uint8_t *memory, uint32_t shelf_bytes);

/** Let power fail in the `write`-th write from now on, 1..; 0: never. What survives is drawn from `seed`. */
void stage_fake_cut_at(struct stage_fake *fake, uint32_t write, uint32_t seed);

/** Power is back: no cut is planned, writes count from 0. Without a cut before: a power failure between two
 * writes. */
void stage_fake_power_up(struct stage_fake *fake, uint32_t seed);

/** Damage a bit of what is stored, as a worn card does. */
void stage_fake_flip(struct stage_fake *fake, enum stage_shelf shelf, uint32_t off);

#endif
