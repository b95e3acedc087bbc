/**
 * SYSCFG, system configuration (RM0090 chapter 9, STM32F405/407): memory at address 0, EXTI port selection.
 * Ethernet interface selection is stored; the compensation cell is always ready.
 */
#ifndef DEV_SYSCFG_H
#define DEV_SYSCFG_H

#include "bus/dev.h"

/** Put "SYSCFG" on the bus. */
void syscfg_attach(struct chip *chip);

#endif
