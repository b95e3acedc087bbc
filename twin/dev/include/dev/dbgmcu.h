/**
 * DBGMCU (RM0090 38.16): identity of the chip; freeze and low-power debug bits are stored and have no effect,
 * since nothing ever halts the core for debugging. Cleared by power-on only.
 */
#ifndef DEV_DBGMCU_H
#define DEV_DBGMCU_H

#include "bus/dev.h"

/**
 * Put "DBGMCU" on the bus.
 * @param is_revision_a  IDCODE reads as on that revision, 0x20006411 (ES0182)
 */
void dbgmcu_attach(struct chip *chip, bool is_revision_a);

#endif
