/**
 * Version of the bootloader, and the board it is for. A release statement names the lowest version it needs.
 */
#ifndef BOOTLOADER_VERSION_H
#define BOOTLOADER_VERSION_H

enum { BOOTLOADER_VERSION = 1 << 24 | 0 << 16 | 0 }; /* 1.0.0 */

/** Hardware id: 1 to 16 characters, as in TLV 0xA0 of an image and in release statements. */
#define BOOT_HW_ID "f407-disco"

#endif
