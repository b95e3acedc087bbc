/**
 * What every flash behind port/flash.h must do, as cases that run on any of them: the fake on the host, the
 * chip of the sweeps, and the driver of the real chip, where this file is compiled for ARM and runs in the
 * twin.
 */
#ifndef FLASH_CONTRACT_H
#define FLASH_CONTRACT_H

#include <stdbool.h>

#include "port/flash.h"

struct flash_contract_env;

/** What can be done to the world around a flash, and seen of it. A function that is NULL: not here, and the
 * promises about it are not asked. */
struct flash_contract_world {
    /** Write-protect a sector, or not. */
    void (*protect)(const struct flash_contract_env *env, uint32_t sector, bool on);
    /** Supply too low for x32, or good. */
    void (*starve)(const struct flash_contract_env *env, bool on);
    /** From now on operations in the sector change nothing, or work. */
    void (*wear_out)(const struct flash_contract_env *env, uint32_t sector, bool on);
    /** Is the flash locked against stray stores? */
    bool (*is_locked)(const struct flash_contract_env *env);
    /** Time, in us. */
    uint32_t (*now_us)(const struct flash_contract_env *env);
    /** The word as a plain load sees it, through whatever caches there are. */
    uint32_t (*load)(const struct flash_contract_env *env, uint32_t addr);
};

/** A flash and where it may be worked on. */
struct flash_contract_env {
    struct flash *flash;
    uint32_t sector; /* an open sector: every case erases it first */
    uint32_t base;   /* its bus address */
    uint32_t n_words;
    uint32_t closed_sector; /* a sector this flash was not opened for */
    uint32_t closed_base;
    const struct flash_contract_world *world;
    void *ctx;
};

/** One promise. `run` returns NULL, or what was broken. */
struct flash_contract_case {
    const char *name;
    const char *(*run)(const struct flash_contract_env *env);
};

/** All promises; the last has name NULL. */
extern const struct flash_contract_case FLASH_CONTRACT[];

#endif
