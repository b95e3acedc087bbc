/**
 * Replay ids of power cuts, printed with whatever a cut breaks and taken back by the program that printed it:
 *
 *   pc/<scenario>/<op>/<outcome>[+<op>/<outcome>...]
 *
 * `op` counts flash operations (erases and programmed words), from 1: from the start of the scenario, then
 * from the last cut on. `outcome` is what the cut leaves, by the fault model (flash_model.h). `flaky2`:
 * flaky, with other readings.
 */
#ifndef SUPPORT_PC_ID_H
#define SUPPORT_PC_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash_model/flash_model.h"

enum { PC_CUTS_MAX = 6, PC_SCENARIO_BYTES = 32, PC_ID_BYTES = 256, PC_WHY_BYTES = 400 };

/** One cut. */
struct pc_cut {
    uint32_t op;
    enum flash_cut outcome;
    bool is_second_draw; /* FLASH_CUT_FLAKY with other readings */
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
