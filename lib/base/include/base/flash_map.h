/**
 * The memory map of the board that firmware is built for. Its numbers come from board/board.h, which
 * tools/board.py makes of boards/NAME/board.json (-DFOTA_BOARD=NAME; f407-disco unless told otherwise).
 *
 * For the firmware, its linker scripts and their tests. lib/link, lib/format, host/ and cli/ work with any
 * board: they take struct board_layout (base/board_layout.h). Macros, not enums: the linker scripts pass
 * through the preprocessor.
 *
 *   FLASH_MAP_*, FLASH_SECTORS  main flash of the part, and the number of its sectors
 *   FLASH_BOOT_*                the root: write-protected at the factory, never written in the field
 *   FLASH_LOADER_*              the loader, an image like those of the slots; one boot service writes it
 *   FLASH_J0_*, FLASH_J1_*      the journal and its mirror
 *   FLASH_SLOT_*                slots A and B, alike but for their place; all sectors of one size
 *   FLASH_NEVER_WRITTEN         sectors that the updater never touches (one bit each): the root's, and the
 *                               application's own
 *   RAM_*, CCM_*                SRAM1 with SRAM2; CCM, which DMA cannot reach
 *   RAM_SERVICES_*              the last 4 KB of SRAM, which belong to the boot services while an application
 *                               runs: their code that must run from RAM, their state, and what the bootloader
 *                               tells the application. An application has RAM_APP_* and places nothing there
 *   RAM_RETAINED_*              the last 20 bytes of these survive every reset but a loss of power: number of
 *                               crashes, whom the root started last, why nothing could be started, and a boot
 *                               request (enum boot_request of base/slot.h) with its complement, little-endian.
 *                               Whoever reaches RAM may leave a request, a host by ST's ROM loader too; it is
 *                               read once
 *   BOARD_SPI_*                 port, first pin (NSS, SCK, MISO, MOSI follow each other) and clock gate of the link
 *   BOARD_LED_*, BOARD_CONSOLE_*  the same of the demo application's pins
 *   BOARD_*                     name (the hardware id), part, pins, clock, the option bytes that the board
 *                               should have
 *
 * What is the same on every board stands in base/flash_chip.h.
 */
#ifndef BASE_FLASH_MAP_H
#define BASE_FLASH_MAP_H

#include "base/flash_chip.h"
#include "board/board.h"

#endif
