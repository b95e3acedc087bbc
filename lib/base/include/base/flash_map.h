/**
 * The memory map of the target. The numbers of the board and its part come from board/board.h, which
 * tools/board.py makes of boards/<name>/board.json (-DFOTA_BOARD=name; f407-disco unless told otherwise).
 * What stands here is the same on every board with the flash controller of the STM32F4 (RM0090 3.9).
 *
 * For the firmware, its linker scripts and their tests. lib/link, host/ and cli/ work with any board: they
 * take struct board_layout (base/board_layout.h). Macros, not enums: the linker scripts pass through the
 * preprocessor.
 *
 *   FLASH_MAP_*, FLASH_SECTORS   main flash of the part and the number of its sectors
 *   FLASH_BOOT_*                 the root: write-protected at the factory, never written in the field
 *   FLASH_LOADER_*               the loader, an image like those of the slots; written by one boot service
 * only FLASH_J0_*, FLASH_J1_*       the journal and its mirror FLASH_SLOT_*                 slots A and B,
 * alike but for their place; all sectors of one size FLASH_NEVER_WRITTEN          mask of the root's sector
 * and the application's own: the updater never touches them RAM_*, CCM_*                 SRAM1 and SRAM2, and
 * CCM, which DMA cannot reach BOARD_*                      name (the hardware id), clock, option bytes that
 * the board wishes for
 */
#ifndef BASE_FLASH_MAP_H
#define BASE_FLASH_MAP_H

#include "board/board.h"

/* Boot services table (boot_services.h): fixed address, after the 16 vectors of the core. The root enables no
 * interrupt, so it needs no more of them. */
#define FLASH_SERVICES_ADDR 0x08000040

/* An image starts with MCUboot's header in an area of its own; the vector table follows (VTOR needs 512). */
#define FLASH_IMAGE_HEADER_AREA_BYTES 0x200

/* One-time memory (RM0090 2.3, 3.9.7), block 0: the security epoch, one more for each byte that is not 0xFF.
 * Never written in the field. */
#define OTP_EPOCH_BASE  0x1FFF7800
#define OTP_EPOCH_BYTES 32

/* The ROM loader overwrites the first 12 KB of SRAM (AN2606): nothing that must survive a reset lives there.
 */
#define RAM_ROM_LOADER_BYTES 0x3000

/* The last 4 KB of SRAM (RAM_SERVICES_*) belong to the boot services while an application runs: their code
 * that must run from RAM, their state, and what the bootloader tells the application. An application must not
 * place data there; RAM_APP_* is what it has.
 *
 * The last 20 bytes of the services' RAM (RAM_RETAINED_*) survive every reset but a loss of power: number of
 * crashes, whom the root started last, why nothing could be started, and a boot request (enum boot_request of
 * base/slot.h) with its complement, little-endian. Whoever reaches RAM may leave a request, a host by ST's
 * ROM loader too; it is read once. */

#endif
