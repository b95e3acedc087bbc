/**
 * Version of the bootloader, and the board it is for. A release statement names the lowest version it needs.
 */
#ifndef BOOTLOADER_VERSION_H
#define BOOTLOADER_VERSION_H

#include "base/flash_map.h"

enum { BOOTLOADER_VERSION = 1 << 24 | 0 << 16 | 0 }; /* 1.0.0 */

/** Hardware id: the board's name, as in TLV 0xA0 of an image and in release statements. */
#define BOOT_HW_ID BOARD_NAME

#endif
