/**
 * What both devices share: boards as they come to the fuzzer, and the way from a reset to the choice of an
 * image (bootloader/main.c).
 */
#ifndef FUZZ_BOOT_H
#define FUZZ_BOOT_H

#include "fuzz.h"
#include "services.h"

extern const struct boot_services boot_services;

/** Map the flash, make releases and the snapshots of boot_start; once. */
void boot_prepare(void);
/** Put the flash into one of DEVICE_STARTS states. */
const struct chip_snapshot *boot_start(unsigned start);
/** From the reset to the choice, with this boot request in RAM. Neither slot may be written meanwhile, nor
 * after it: chip_protect. */
struct update *boot_run(enum reset_cause cause, enum boot_request request);
/** A slot that is pending, on trial or confirmed holds a signed image. */
void boot_check(const struct update *update);

#endif
