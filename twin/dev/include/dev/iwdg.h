/**
 * IWDG, independent watchdog (RM0090 chapter 21): counts LSI cycles, never stops once started, survives
 * nothing but reset. PR and RLR reach the counter's domain five LSI cycles after the write, and only if LSI
 * runs.
 *
 * Not modelled: freezing by DBGMCU_APB1_FZ (there is no debug halt).
 */
#ifndef DEV_IWDG_H
#define DEV_IWDG_H

#include "bus/dev.h"

/** Put "IWDG" on the bus. Starts by itself at reset if the option bit WDG_SW is 0. */
void iwdg_attach(struct chip *chip);

#endif
