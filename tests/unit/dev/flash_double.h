/**
 * A stand-in for the FLASH interface and the main flash, for the ROM loader's tests: keys, PG/SER/MER/STRT,
 * BSY for a fixed time, AND-programming. A store or an erase that real flash would refuse is counted and does
 * nothing.
 */
#ifndef FLASH_DOUBLE_H
#define FLASH_DOUBLE_H

#include "bus/dev.h"

enum { FLASH_DOUBLE_BASE = 0x08000000, FLASH_DOUBLE_BYTES = 0x100000 };

struct flash_double {
    struct dev registers, memory, system;
    struct chip *chip;
    uint8_t bytes[FLASH_DOUBLE_BYTES];
    uint32_t cr, optcr, keys, optkeys;
    uint64_t busy_until_ps;
    unsigned refused, programs, erases, mass_erases, option_writes;
    unsigned last_unit_bytes;
    uint64_t program_ps, erase_ps;
};

/** All FF; 16 us to program, 1 s to erase; RDP level 0, nothing write-protected. */
struct flash_double *flash_double_attach(struct chip *chip);

#endif
