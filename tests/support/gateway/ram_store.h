/** A gateway's record in RAM: survives the gateway's resets, and can tear a save. */
#ifndef RAM_STORE_H
#define RAM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "port/store.h"

struct ram_store {
    struct store store; /* first member */
    bool has_cell[STORE_CELLS];
    uint8_t cell[STORE_CELLS][STORE_CELL_BYTES];
    unsigned n_saves;
    unsigned cut_at_save; /* this save is torn in the middle and fails; 0 never */
};

/** Empty, and never torn. */
void ram_store_init(struct ram_store *s);

#endif
