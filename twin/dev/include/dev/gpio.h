/**
 * GPIO ports A..I (RM0090 chapter 8): modes, outputs, alternate functions, bit set/reset, configuration lock.
 *
 * Pull-ups and pull-downs are stored but do not move a pin: an input shows what the outside drives.
 */
#ifndef DEV_GPIO_H
#define DEV_GPIO_H

#include "bus/dev.h"

/** Put "GPIOA".."GPIOI" on the bus. Pins take their reset functions at ops->reset. */
void gpio_attach(struct chip *chip);

#endif
