/**
 * PWR, power control (RM0090 chapter 5, STM32F405/407): regulator voltage scale, backup-domain write
 * protection, programmable voltage detector. Stop and Standby: asking for them is a violation.
 */
#ifndef DEV_PWR_H
#define DEV_PWR_H

#include "bus/dev.h"

/** Put "PWR" on the bus. */
void pwr_attach(struct chip *chip);

#endif
