/**
 * Timers 1..14 as up-counters (RM0090 chapters 17..20): prescaler, auto-reload with preload, update event and
 * interrupt, one-pulse mode, repetition counter of TIM1 and TIM8. Capture, compare, slave modes, triggers,
 * down and centre-aligned counting, DMA requests: a violation when switched on.
 */
#ifndef DEV_TIM_H
#define DEV_TIM_H

#include "bus/dev.h"

/**
 * Put "TIM1".."TIM14" on the bus. Timers that share an interrupt line (RM0090 table 62) share it here too.
 */
void tim_attach(struct chip *chip);

#endif
