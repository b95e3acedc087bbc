/**
 * The gateway's own microcontroller: an STM32F407 at 128 MHz, so that SCK can be exactly 8, 4 and 1 MHz. Time is
 * counted by SysTick; who waits sleeps until TIM7.
 */
#ifndef GUEST_CHIP_H
#define GUEST_CHIP_H

#include <stdint.h>

#include "port/clock.h"

enum { CHIP_HCLK_HZ = 128000000, CHIP_PCLK2_HZ = 64000000, CHIP_TIM7_HZ = 64000000 };

/** From reset to full speed, SysTick at 1 kHz. */
void chip_start(void);

/** Microseconds since chip_start. */
uint64_t chip_now_us(void);

/** Sleep, at least so long. */
void chip_sleep_us(uint32_t us);

/** port/clock.h on this chip, which has no calendar: the date is told once. */
struct chip_clock {
    struct clock clock;
    uint64_t utc_s; /* at chip_start */
};

void chip_clock_init(struct chip_clock *clock, uint64_t utc_s);

#endif
