/**
 * Boot services of this bootloader (boot_services.h): the table, and the state it works on.
 *
 * The state lives in the services' RAM from the reset on; the bootloader itself works on the same struct
 * update, so a service continues where the boot left off. Between calls a checksum covers it: an
 * application that wrote over it gets E_INTERNAL from every service but loses nothing else; the next reset
 * starts from flash.
 */
#ifndef BOOTLOADER_SERVICES_H
#define BOOTLOADER_SERVICES_H

#include "update/update.h"

/** This board: map, keys, hardware id, version. */
extern const struct update_config BOARD;

/**
 * Open the flash, bring the RAM code to its place.
 * @return the state, to be opened by update_open
 */
struct update *services_open(void);

/** Close the state for the application; call once, right before the jump. */
void services_store_checksum(void);

#endif
