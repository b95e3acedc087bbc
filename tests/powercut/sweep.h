/**
 * Cutting a scenario at every operation in every way, and again in what follows. Replay ids:
 * pc_id.h.
 */
#ifndef POWERCUT_SWEEP_H
#define POWERCUT_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "pc_id.h"
#include "site.h"

/** Which operations are cut. */
enum sweep_ops {
    SWEEP_ALL,
    SWEEP_INTERESTING /* the journal's, erases, first and last word of each 4 KB chunk and of the image */
};

struct sweep_config {
    const struct site_scenario *scenario;
    uint32_t depth;       /* cuts one after the other */
    enum sweep_ops first; /* operations for the first cut, and for the later ones */
    enum sweep_ops later;
    uint32_t first_op; /* the first cut is in first_op..last_op; last_op 0: any */
    uint32_t last_op;
    uint32_t stride; /* the first cut at every `stride`-th of these operations; 0: at all */
    uint32_t
        later_blocks; /* later cuts in every so many 4 KB of a slot's sectors, and in the first and last; 0: in
                              each */
    bool is_upsetting; /* each cut program upsets its whole sector (axiom F8) */
};

struct sweep_result {
    uint64_t n_sessions; /* cuts that were made: each is followed by boots and an update to the end */
    uint64_t n_states;   /* of them, those that left a state not seen before */
    uint64_t
        n_covered; /* sessions that begin in a state whose sessions had been run already: not in n_sessions */
    uint32_t n_bricks; /* anything broken */
    uint32_t n_ops;    /* of the run without cuts */
    uint32_t n_lives;
    uint32_t normal_boot_ops;
    uint32_t boot_ops_max;
    uint32_t boot_erases_max;
    uint64_t waived[WAIVERS]; /* where the oracle let something pass, and how often */
    char check[8];            /* of the first that broke */
    char text[96];
    char id[PC_ID_BYTES];
};

/** All of it. Stops at the first brick. */
void sweep_run(const struct sweep_config *config, struct sweep_result *out);

/**
 * Each operation of `ops` fails with power on, in each of the ways from..to (PC_DIP to PC_WORN_SECTOR), and
 * everything goes on to the end. A dip can only come to the first operation of a call. `stride` as above.
 */
void sweep_faults(const struct sweep_config *config, enum pc_fault from, enum pc_fault to,
                  struct sweep_result *out);

/** One run with the cuts of an id, on every operation where they say. Traced: tells what happens. */
void sweep_path(const struct site_scenario *scenario, const struct pc_id *id, bool is_traced,
                struct sweep_result *out);

/** `n_runs` runs with 3 to 5 cuts at random interesting operations. */
void sweep_random(const struct site_scenario *scenario, uint64_t seed, uint32_t n_runs,
                  struct sweep_result *out);

#endif
