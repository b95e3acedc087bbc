/**
 * How the ROM loader works the FLASH registers: as any program on the chip, through the bus. No result is
 * looked at, as the loader does not (AN4286 2.7: a failed write is acknowledged).
 */
#ifndef DEV_ROM_FLASH_H
#define DEV_ROM_FLASH_H

#include "bus/dev.h"

enum rom_optcr {
    ROM_OPTCR_RDP = 0xFF << 8,
    ROM_OPTCR_RDP_LEVEL_0 = 0xAA << 8,
    ROM_OPTCR_RDP_LEVEL_1 = 0x55 << 8,
    ROM_OPTCR_NWRP_SHIFT = 16,
    ROM_OPTCR_NWRP = 0xFFF << 16
};

/** Unlock FLASH_CR. */
void rom_flash_open(struct chip *chip);
/** PG, SER and the like off. The loader leaves the flash unlocked. */
void rom_flash_close(struct chip *chip);
bool rom_flash_is_busy(struct chip *chip);
bool rom_flash_is_protected(struct chip *chip); /* RDP level 1 or 2 */
uint32_t rom_flash_optcr(struct chip *chip);

/* Each starts one operation; the flash must not be busy. `psize`: 0 x8, 1 x16, 2 x32. */
void rom_flash_program(struct chip *chip, uint32_t psize, uint32_t addr, uint32_t value);
void rom_flash_erase(struct chip *chip, uint32_t psize, uint32_t sector);
void rom_flash_mass_erase(struct chip *chip, uint32_t psize);
void rom_flash_options(struct chip *chip, uint32_t optcr);

#endif
