/**
 * The proof of the journal: every flash state that any sequence of cuts can reach, on sectors of a few
 * records, with the shipping journal code (docs/POWERCUT.md, fixpoint).
 */
#ifndef POWERCUT_FIXPOINT_H
#define POWERCUT_FIXPOINT_H

#include <stdbool.h>
#include <stdint.h>

enum { FIXPOINT_ID_BYTES = 1024 };

struct fixpoint_config {
    uint32_t n_slots;   /* records of each sector, 4..8 */
    uint32_t n_writes;  /* writes of a session, and records reserved before them; ≤ n_slots - 3 */
    uint32_t cuts_max;  /* B: sessions cut between two completed writes */
    bool loses_sectors; /* loss of either sector is in the fault set */
    bool fails; /* one operation may fail: a dip, a worn cell, a worn sector; and there is a spare place */
    uint32_t fault_cuts_max; /* sessions that were cut before it, at most */
    uint32_t states_max;     /* stop there; 0: no limit */
    bool stops_at_first;     /* violation */
};

struct fixpoint_result {
    uint32_t n_states;
    uint64_t n_runs; /* sessions: ended by a cut, or not */
    uint64_t n_cuts;
    uint64_t n_faults; /* sessions in which an operation failed */
    uint32_t n_violations;
    uint32_t ops_max;    /* in one session */
    uint32_t erases_max; /* in one session */
    bool is_complete;    /* the fixpoint was reached */
    char check[16];      /* of the first violation: J1, J2, J3 ... */
    char text[96];
    char id[FIXPOINT_ID_BYTES]; /* how to get there */
};

/** Explore until no new state appears. */
void fixpoint_explore(const struct fixpoint_config *config, struct fixpoint_result *out);

/** Run the sessions of an id that fixpoint_explore printed, telling each. False: not such an id, or nothing
 * breaks. */
bool fixpoint_replay(const struct fixpoint_config *config, const char *id);

#endif
