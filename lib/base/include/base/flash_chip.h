/**
 * Addresses that are the same on every board with the flash controller of the STM32F4 (RM0090 3.9): fixed by the
 * chip, or agreed upon for good between root, images and hosts. Macros: the linker scripts read them too.
 */
#ifndef BASE_FLASH_CHIP_H
#define BASE_FLASH_CHIP_H

/* Main flash, and its first sector, which holds the root (RM0090 table 5). Code that works with any board needs no
 * more than these; where the rest begins is the board's. */
#define FLASH_MAP_BASE       0x08000000
#define FLASH_SECTOR_0_BYTES 0x4000

/* SRAM1 and SRAM2 begin here, and CCM here, on each part that has them (RM0090 2.3); how much is there is the
 * part's. */
#define RAM_BASE 0x20000000
#define CCM_BASE 0x10000000

/* Boot services table (boot_services.h): fixed address, after the 16 vectors of the core. The root enables no
 * interrupt, so it needs no more of them. */
#define FLASH_SERVICES_ADDR 0x08000040

/* An image starts with MCUboot's header in an area of its own; the vector table follows (VTOR needs 512). */
#define FLASH_IMAGE_HEADER_AREA_BYTES 0x200

/* One-time memory (RM0090 3.8), block 0: the security epoch, one more for each byte that is not 0xFF.
 * Never written in the field. */
#define OTP_EPOCH_BASE  0x1FFF7800
#define OTP_EPOCH_BYTES 32

/* The ROM loader overwrites the first 12 KB of SRAM (AN2606): nothing that must survive a reset lives there. */
#define RAM_ROM_LOADER_BYTES 0x3000

#endif
