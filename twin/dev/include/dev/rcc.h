/**
 * RCC, reset and clock control (RM0090 chapter 7, STM32F405/407): oscillators with start-up times, main PLL,
 * bus prescalers, clock gates, peripheral resets, reset flags. 8 MHz crystal on HSE, none on LSE (Discovery
 * board).
 *
 * Not modelled: clock interrupts, clock security system, PLLI2S, MCO outputs (stored, no effect).
 */
#ifndef DEV_RCC_H
#define DEV_RCC_H

#include "bus/dev.h"

enum {
    RCC_HSI_HZ = 16000000,
    RCC_HSE_HZ = 8000000,
    RCC_HSI_START_US = 3,    /* DS8626 table 34: 2.2 typ, 4 max */
    RCC_HSE_START_US = 2000, /* DS8626 table 31: 2 ms typ */
    RCC_PLL_LOCK_US = 200,   /* DS8626 table 36: 75..300 by VCO */
    RCC_LSI_START_US = 40    /* DS8626 table 35: 40 max */
};

/** Put "RCC" on the bus; it sets the chip's clocks, gates and resets from then on. */
void rcc_attach(struct chip *chip);

#endif
