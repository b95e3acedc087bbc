/**
 * What every flash behind port/flash.h must do, as cases that run on any of them: the fake on the host, the
 * driver of the chip in the twin.
 */
#ifndef FLASH_CONTRACT_H
#define FLASH_CONTRACT_H

#include "port/flash.h"

/** A flash and where it may be worked on. */
struct flash_contract_env {
    struct flash *flash;
    uint32_t sector; /* an open sector: every case erases it first */
    uint32_t base;   /* its bus address */
    uint32_t n_words;
    uint32_t closed_sector; /* a sector this flash was not opened for */
    uint32_t closed_base;
};

/** One promise. `run` returns NULL, or what was broken. */
struct flash_contract_case {
    const char *name;
    const char *(*run)(const struct flash_contract_env *env);
};

/** All promises; the last has name NULL. */
extern const struct flash_contract_case FLASH_CONTRACT[];

#endif
