/**
 * Replay ids of power cuts, printed with whatever a cut breaks and taken back by the program that printed it:
 *
 *   pc/<scenario>/<op>/<outcome>[+<op>/<outcome>...]
 *
 * `op` counts flash operations (erases and programmed words), from 1: from the start of the scenario, then
 * from the last cut on. `outcome` is what the cut leaves, by the fault model (flash_model.h). `flaky2`:
 * flaky, with other readings. `-upset` after it: the cut has upset the whole sector too (axiom F8).
 *
 * Instead of an outcome, how the operation fails with power on: dip, dip-long (the supply is too low for it,
 * or for all until somebody has noticed), worn-cell, worn-sector. Sweeps of the host only.
 */
#ifndef SUPPORT_PC_ID_H
#define SUPPORT_PC_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash_model/flash_model.h"

enum { PC_CUTS_MAX = 6, PC_SCENARIO_BYTES = 32, PC_ID_BYTES = 256, PC_WHY_BYTES = 400 };

/** Power fails in the operation, or stays and the operation fails. */
enum pc_fault { PC_CUT, PC_DIP, PC_DIP_LONG, PC_WORN_CELL, PC_WORN_SECTOR, PC_FAULTS };

/** One cut, or one operation that fails. */
struct pc_cut {
    uint32_t op;
    enum flash_cut outcome; /* PC_CUT */
    bool is_second_draw;    /* FLASH_CUT_FLAKY with other readings */
    bool is_upset;          /* with axiom F8 */
    enum pc_fault fault;
};

struct pc_id {
    char scenario[PC_SCENARIO_BYTES];
    uint32_t n_cuts; /* ≥ 1 */
    struct pc_cut cut[PC_CUTS_MAX];
};

/** Name of an outcome in ids. */
const char *pc_outcome_name(enum flash_cut outcome);

/** @return false: not an id, `out` is untouched and `why` says what is wrong with it */
bool pc_id_parse(const char *text, struct pc_id *out, char why[PC_WHY_BYTES]);

/** Write the id; cut off at the end of `out`. */
void pc_id_print(const struct pc_id *id, char out[PC_ID_BYTES]);

#endif
