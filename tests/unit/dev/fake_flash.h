/**
 * A stand-in for the FLASH interface and the main flash, for the ROM loader's tests: keys, PG/SER/MER/STRT,
 * BSY for a fixed time, AND-programming. A store or an erase that real flash would refuse is counted and does
 * nothing.
 */
#ifndef FAKE_FLASH_H
#define FAKE_FLASH_H

#include "bus/dev.h"

enum { FAKE_FLASH_BASE = 0x08000000, FAKE_FLASH_BYTES = 0x100000 };

struct fake_flash {
    struct dev registers, memory, system;
    struct chip *chip;
    uint8_t bytes[FAKE_FLASH_BYTES];
    uint32_t cr, optcr, keys, optkeys;
    uint64_t busy_until_ps;
    unsigned refused, programs, erases, mass_erases, option_writes;
    unsigned last_unit_bytes;
    uint64_t program_ps, erase_ps;
};

/** All FF; 16 us to program, 1 s to erase; RDP level 0, nothing write-protected. */
struct fake_flash *fake_flash_attach(struct chip *chip);

#endif
