/**
 * The memory map of the target: the one place that holds it. Linker scripts, firmware, host and documents
 * take it from here (docs/spec/flash-map.md is checked against this file).
 *
 * STM32F407VG, single bank, sector numbers of RM0090 3.3, table 5. Macros, not enums: the linker scripts
 * pass through the preprocessor.
 */
#ifndef BASE_FLASH_MAP_H
#define BASE_FLASH_MAP_H

#define FLASH_MAP_BASE  0x08000000
#define FLASH_MAP_BYTES 0x00100000
#define FLASH_SECTORS   12

/* Sector 0: the root. Write-protected at the factory, never written in the field. */
#define FLASH_BOOT_SECTOR 0
#define FLASH_BOOT_BASE   0x08000000
#define FLASH_BOOT_BYTES  0x00004000

/* Boot services table (boot_services.h): fixed address, after the 16 vectors of the core. The root enables no
 * interrupt, so it needs no more of them. */
#define FLASH_SERVICES_ADDR 0x08000040

/* Sector 1: the loader, an image like those of the slots. Written by one boot service only. */
#define FLASH_LOADER_SECTOR 1
#define FLASH_LOADER_BASE   0x08004000
#define FLASH_LOADER_BYTES  0x00004000

/* Sectors 2 and 4: the application's own data; the updater never touches them. */

/* Sector 3: journal mirror J1. Sector 11: journal J0 (magic, active slot, validity marker). */
#define FLASH_J0_SECTOR 11
#define FLASH_J0_BASE   0x080E0000
#define FLASH_J0_BYTES  0x00020000
#define FLASH_J1_SECTOR 3
#define FLASH_J1_BASE   0x0800C000
#define FLASH_J1_BYTES  0x00004000

/* Sectors 5-7: slot A. Sectors 8-10: slot B. Three sectors of 128 KB each. */
#define FLASH_SLOT_A_SECTOR     5
#define FLASH_SLOT_A_BASE       0x08020000
#define FLASH_SLOT_B_SECTOR     8
#define FLASH_SLOT_B_BASE       0x08080000
#define FLASH_SLOT_SECTORS      3
#define FLASH_SLOT_SECTOR_BYTES 0x00020000
#define FLASH_SLOT_BYTES        0x00060000

/* An image starts with MCUboot's header in an area of its own; the vector table follows (VTOR needs 512). */
#define FLASH_IMAGE_HEADER_AREA_BYTES 0x200

/* One-time memory (RM0090 3.8), block 0: the security epoch, one more for each byte that is not 0xFF.
 * Never written in the field. */
#define OTP_EPOCH_BASE  0x1FFF7800
#define OTP_EPOCH_BYTES 32

/* SRAM1+SRAM2 and CCM. The ROM loader overwrites the first 12 KB of SRAM (AN2606): nothing that must survive
 * a reset lives there. DMA cannot reach CCM. */
#define RAM_BASE             0x20000000
#define RAM_BYTES            0x00020000
#define RAM_ROM_LOADER_BYTES 0x3000
#define CCM_BASE             0x10000000
#define CCM_BYTES            0x00010000

/* The last 4 KB of SRAM belong to the boot services while an application runs: their code that must run from
 * RAM, their state, and what the bootloader tells the application. An application must not place data here.
 */
#define RAM_SERVICES_BASE  0x2001F000
#define RAM_SERVICES_BYTES 0x00001000
#define RAM_APP_BASE       0x20000000
#define RAM_APP_BYTES      0x0001F000

/* The last 20 bytes of the services' RAM survive every reset but a loss of power: number of crashes, whom the
 * root started last, why nothing could be started, and a boot request (enum boot_request of base/slot.h) with
 * its complement, little-endian. Whoever reaches RAM may leave a request, a host by ST's ROM loader too; it
 * is read once. */
#define RAM_RETAINED_BYTES 20
#define RAM_RETAINED_ADDR  0x2001FFEC
#define RAM_CRASHES_ADDR   0x2001FFEC
#define RAM_STARTED_ADDR   0x2001FFF0
#define RAM_REASON_ADDR    0x2001FFF4
#define RAM_REQUEST_ADDR   0x2001FFF8

#endif
