/**
 * System clock of root and loader: the board's PLL (160 MHz on f407-disco) from the internal oscillator, so
 * that neither depends on a board's crystal; supply supervision.
 */
#ifndef F407_CLOCK_H
#define F407_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flash_map.h"

/** Journal rule R10: 10,000 erases last longer than three years of brown-outs at this rate. */
enum { CLOCK_SETTLE_MS = 30000, CLOCK_SETTLE_MAX_MS = 600000 };

enum { CLOCK_HCLK_HZ = BOARD_HCLK_HZ, CLOCK_HSI_HZ = BOARD_HSI_HZ };

/**
 * From the reset state to CLOCK_HCLK_HZ, 7 wait states (good from 2.1 V, RM0090 table 10), prefetch and both
 * caches on (RM0090 3.5.1, 7.3). Supply before speed: nothing of it below the level that the flash needs
 * (f407/supply.h). On revision A of the chip the prefetch buffer stays off (ES0182).
 *
 * Takes:      ≤ 5 ms
 * @return false: the supply is too low or the PLL does not lock, the chip stays at 16 MHz
 */
bool clock_init(void);

/**
 * Back to the reset state: internal oscillator, no PLL, no wait states, caches off and empty. Takes ≤ 1 ms.
 */
void clock_reset(void);

/**
 * Wait until the supply has been good for CLOCK_SETTLE_MS without a break, or CLOCK_SETTLE_MAX_MS in all: by
 * the voltage detector, at the level that the flash needs, looked at every 10 ms. The core sleeps in between,
 * on the internal oscillator, which is the least it can take from a weak supply. Then as clock_init. Masks
 * interrupts (PRIMASK) and leaves them masked; none is in use before the jump, which unmasks.
 */
void clock_settle(void);

/**
 * Sleep, on the internal oscillator, and stay there. Masks interrupts and leaves them masked.
 * @param n_ms rounded up to 10
 */
void clock_sleep(uint32_t n_ms);

#endif
