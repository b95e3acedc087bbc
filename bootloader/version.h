/**
 * Version of the bootloader, and the board it is for. A release statement names the lowest version it needs.
 */
#ifndef BOOTLOADER_VERSION_H
#define BOOTLOADER_VERSION_H

#include "base/flash_map.h"
#include "fota_version.h"

/** The project's version in the packing that statements use: major, minor, patch in 8, 8 and 16 bits. */
enum { BOOTLOADER_VERSION = FOTA_VERSION_MAJOR << 24 | FOTA_VERSION_MINOR << 16 | FOTA_VERSION_PATCH };

/** Hardware id: the board's name, as in TLV 0xA0 of an image and in release statements. */
#define BOOT_HW_ID BOARD_NAME

#endif
