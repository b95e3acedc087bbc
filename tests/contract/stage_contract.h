/**
 * What every staging store behind port/stage.h must do, as cases that run on any of them.
 */
#ifndef STAGE_CONTRACT_H
#define STAGE_CONTRACT_H

#include <stdbool.h>

#include "port/stage.h"

/** Stores under test need no more room on a shelf than this; larger ones say so in `shelf_bytes`. */
enum { STAGE_CONTRACT_SHELF_BYTES = 32768 };

struct stage_contract_env;

/** What can be done to the world around a store. A function that is NULL: not here, and the promises about it are
 * not asked. */
struct stage_contract_world {
    /** The process ends without a word and another one opens the store: env->stage is set anew. */
    void (*restart)(struct stage_contract_env *env);
    /** Power fails in the `write`-th write from now on, 1..; what of it arrives is drawn from `seed`. */
    void (*cut_at)(struct stage_contract_env *env, uint32_t write, uint32_t seed);
    /** Did that cut happen? */
    bool (*is_cut)(const struct stage_contract_env *env);
    /** Power is back, with any subset of the unsynced writes by `seed`: env->stage is set anew. */
    void (*power_up)(struct stage_contract_env *env, uint32_t seed);
};

/** An empty store. */
struct stage_contract_env {
    struct stage *stage;
    uint32_t shelf_bytes; /* a larger item is refused; at least STAGE_CONTRACT_SHELF_BYTES */
    const struct stage_contract_world *world;
    void *ctx;
};

/** One promise; the store is empty before. `run` returns NULL, or what was broken. */
struct stage_contract_case {
    const char *name;
    const char *(*run)(struct stage_contract_env *env);
};

/** All promises; the last has name NULL. */
extern const struct stage_contract_case STAGE_CONTRACT[];

#endif
