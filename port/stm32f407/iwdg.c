#include "f407/iwdg.h"

#include <stdint.h>

#include "stm32f407xx.h"

/* Nominally 64 x 4096 cycles of 32 kHz are 8.2 s; the slowest and the fastest oscillator (17 and 47 kHz,
 * DS8626 table 35) make that 5.6 to 15.4 s. An erase of 128 KB takes 2 s at most, so it fits in. */
enum {
    KEY_FEED = 0xAAAA,
    KEY_UNLOCK = 0x5555,
    KEY_START = 0xCCCC,
    PRESCALER_64 = 4,
    RELOAD = 4095,
    /* PVU and RVU fall within 5 LSI cycles (RM0090 21.4.4): 300 us at 17 kHz; loops of at least 5 cycles. */
    UPDATE_MAX_LOOPS = 168000 / 5
};

void iwdg_start(void)
{
    /* KEY_START also starts the oscillator of the watchdog, without which the two registers would never
     * take their values. KEY_UNLOCK opens the registers until another key is written. */
    IWDG->KR = KEY_START;
    IWDG->KR = KEY_UNLOCK;
    IWDG->PR = PRESCALER_64;
    IWDG->RLR = RELOAD;
    /* If the flags stay, the period is shorter than asked for: the reset comes early, never too late. */
    for (uint32_t i = 0; i < UPDATE_MAX_LOOPS && IWDG->SR != 0; i++) {
    }
    IWDG->KR = KEY_FEED;
}

void iwdg_feed(void)
{
    IWDG->KR = KEY_FEED;
}
