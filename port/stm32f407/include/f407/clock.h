/**
 * System clock of root and loader: 168 MHz from the 8 MHz crystal of the Discovery board, or from the
 * internal oscillator if the crystal does not start; supply supervision.
 */
#ifndef F407_CLOCK_H
#define F407_CLOCK_H

#include <stdint.h>

/** Journal rule R10: 10,000 erases last longer than three years of brown-outs at this rate. */
enum { CLOCK_SETTLE_MS = 30000, CLOCK_SETTLE_MAX_MS = 600000 };

enum { CLOCK_HCLK_HZ = 168000000, CLOCK_HSE_HZ = 8000000, CLOCK_HSI_HZ = 16000000 };

/** What the PLL runs from. CLOCK_FROM_RESET: the supply is too low or the PLL did not lock, the chip stays at
 * 16 MHz. */
enum clock_source { CLOCK_FROM_HSE, CLOCK_FROM_HSI, CLOCK_FROM_RESET };

/**
 * From the reset state to 168 MHz, 7 wait states (good from 2.1 V, RM0090 table 10), prefetch and both caches
 * on (RM0090 3.5.1, 7.3). Supply before speed: nothing of it below the level that the flash needs
 * (f407/supply.h). On revision A of the chip the prefetch buffer stays off (ES0182).
 *
 * Takes:      ≤ 6 ms with a crystal; 100 ms more if it does not start, then the internal oscillator is used
 * @return which clock feeds the PLL
 */
enum clock_source clock_init(void);

/** Back to the reset state: internal oscillator, no PLL, no wait states, caches off and empty. Takes ≤ 1 ms.
 */
void clock_reset(void);

/**
 * Wait until the supply has been good for CLOCK_SETTLE_MS without a break, or CLOCK_SETTLE_MAX_MS in all: by
 * the voltage detector, at the level that the flash needs, looked at every 10 ms. The core sleeps in between,
 * on the internal oscillator, which is the least it can take from a weak supply. Then as clock_init. Masks
 * interrupts (PRIMASK) and leaves them masked; none is in use before the jump, which unmasks.
 */
void clock_settle(void);

/** Sleep, on the internal oscillator, and stay there. Masks interrupts and leaves them masked. @param n_ms
 * rounded up to 10 */
void clock_sleep(uint32_t n_ms);

#endif
