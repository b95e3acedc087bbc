/**
 * Start-up of the bootloader: vector table, RAM, main(). No C library.
 *
 * Only the 16 vectors of the core exist: the bootloader enables no interrupt. Every fault resets the chip;
 * the boot decision counts that (docs/spec/boot.md).
 */
#ifndef F407_STARTUP_H
#define F407_STARTUP_H

#include "base/attr.h"

/** First instruction after reset: paints the stack (STARTUP_PAINT), clears .bss, calls main(). */
FOTA_NORETURN void reset_handler(void);

/** Stack words that were never used hold this, for the painted-stack test. */
enum { STARTUP_PAINT = 0x57ACC0DE };

/** The bootloader. Never returns. */
int main(void);

#endif
