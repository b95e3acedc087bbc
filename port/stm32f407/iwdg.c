#include "f407/iwdg.h"

#include <stdint.h>

#include "stm32f407xx.h"

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
