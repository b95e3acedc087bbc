/**
 * DBGMCU (RM0090 38.16): identity of the chip; freeze and low-power debug bits are stored and have no effect,
 * since nothing ever halts the core for debugging. Cleared by power-on only.
 */
#ifndef DEV_DBGMCU_H
#define DEV_DBGMCU_H

#include "bus/dev.h"

/** Put "DBGMCU" on the bus. */
void dbgmcu_attach(struct chip *chip);

#endif
