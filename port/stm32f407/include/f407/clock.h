/**
 * System clock of the bootloader: 168 MHz from the 8 MHz crystal of the Discovery board, or from the internal
 * oscillator if the crystal does not start; supply supervision; a coarse millisecond counter.
 */
#ifndef F407_CLOCK_H
#define F407_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/** Journal rule R10: 10,000 erases last longer than three years of brown-outs at this rate. */
enum { CLOCK_SETTLE_MS = 30000, CLOCK_SETTLE_MAX_MS = 600000 };

enum { CLOCK_HCLK_HZ = 168000000, CLOCK_HSE_HZ = 8000000, CLOCK_HSI_HZ = 16000000 };

/** What the PLL runs from. CLOCK_FROM_RESET: the PLL did not lock, the chip stays at 16 MHz. */
enum clock_source { CLOCK_FROM_HSE, CLOCK_FROM_HSI, CLOCK_FROM_RESET };

/** Milliseconds since clock_time_start, counted from SysTick by whoever asks. Zero-initialise. */
struct clock_time {
    uint32_t last;   /* SysTick value of the last look */
    uint32_t ticks;  /* not yet a whole millisecond */
    uint32_t now_ms; /* wraps at 2^32 */
};

/**
 * From the reset state to 168 MHz, 7 wait states (good from 2.1 V, RM0090 table 10), prefetch and both caches
 * on (RM0090 3.5.1, 7.3).
 *
 * Takes:      ≤ 3 ms with a crystal; 100 ms more if it does not start, then the internal oscillator is used
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

/** Start SysTick at HCLK/8, polled, no interrupt. */
void clock_time_start(struct clock_time *time);

/** Milliseconds since the start, if asked at least every 0.79 s (168 MHz); a longer silence loses multiples
 * of that. Erases do so, and time-outs then come late, never early. */
uint32_t clock_time_ms(struct clock_time *time);

#endif
