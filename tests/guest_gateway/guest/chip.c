#include "chip.h"

#include <stdbool.h>

#include "stm32f407xx.h"

enum {
    TICK_HZ = 1000,
    US_PER_TICK = 1000,
    SLEEP_MAX_US = 60000,
    SLEEP_MIN_US = 2,
    CYCLES_PER_US = CHIP_HCLK_HZ / 1000000
};

/* HSE 8 MHz / 8 * 256 / 2 = 128 MHz; the 48 MHz domain is not used, /6 keeps it below its limit (RM0090 7.3.2). */
#define PLLCFGR_128                                                                                          \
    (8U << RCC_PLLCFGR_PLLM_Pos | 256U << RCC_PLLCFGR_PLLN_Pos | RCC_PLLCFGR_PLLSRC_HSE |                    \
     6U << RCC_PLLCFGR_PLLQ_Pos)

static volatile uint32_t ticks;
static volatile bool is_woken;

void chip_on_tick(void);
void chip_on_tim7(void);

void chip_on_tick(void)
{
    ticks = ticks + 1;
}

void chip_on_tim7(void)
{
    TIM7->SR = 0;
    is_woken = true;
    __DSB(); /* before the return: erratum 838869 of the core (ES0182 2.1.3) */
}

/* Four wait states up to 150 MHz (RM0090 table 10), and the dividers of the buses, come before the speed. A crystal
 * that does not start leaves this program here: it has no world without one. */
static void start_clocks(void)
{
    RCC->CR |= RCC_CR_HSEON;
    while (!(RCC->CR & RCC_CR_HSERDY)) {
    }
    RCC->PLLCFGR = PLLCFGR_128;
    RCC->CR |= RCC_CR_PLLON;
    while (!(RCC->CR & RCC_CR_PLLRDY)) {
    }
    FLASH->ACR = FLASH_ACR_LATENCY_4WS | FLASH_ACR_ICEN | FLASH_ACR_DCEN | FLASH_ACR_PRFTEN;
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2 | RCC_CFGR_SW_PLL;
    while ((RCC->CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
}

/* One pulse, and an event only when it is over (RM0090 20.4.1: OPM, URS). */
static void start_tim7(void)
{
    RCC->APB1ENR |= RCC_APB1ENR_TIM7EN;
    (void)RCC->APB1ENR;
    TIM7->CR1 = TIM_CR1_OPM | TIM_CR1_URS;
    TIM7->PSC = CHIP_TIM7_HZ / 1000000 - 1;
    TIM7->DIER = TIM_DIER_UIE;
    NVIC_EnableIRQ(TIM7_IRQn);
}

void chip_start(void)
{
    start_clocks();
    SysTick->LOAD = CHIP_HCLK_HZ / TICK_HZ - 1;
    SysTick->VAL = 0;
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    start_tim7();
}

uint64_t chip_now_us(void)
{
    uint32_t before;
    uint32_t left;
    do {
        before = ticks;
        left = SysTick->VAL;
    } while (before != ticks); /* the tick is served before the second look */
    return (uint64_t)before * US_PER_TICK + (SysTick->LOAD - left) / CYCLES_PER_US;
}

static void sleep_once(uint32_t us)
{
    is_woken = false;
    TIM7->ARR = us - 1;
    TIM7->EGR = TIM_EGR_UG; /* the prescaler begins anew */
    TIM7->CR1 |= TIM_CR1_CEN;
    while (!is_woken) {
        __disable_irq(); /* between the look and the sleep nothing may wake it in vain */
        if (!is_woken) {
            __WFI(); /* a pending interrupt ends it (PM0214 2.5.3) */
        }
        __enable_irq();
    }
}

void chip_sleep_us(uint32_t us)
{
    while (us > 0) {
        const uint32_t step = us < SLEEP_MAX_US ? us : SLEEP_MAX_US;
        sleep_once(step < SLEEP_MIN_US ? SLEEP_MIN_US : step);
        us -= step;
    }
}

/* --- port/clock.h --- */

static uint64_t now_ms(struct clock *clock)
{
    (void)clock;
    return chip_now_us() / 1000U;
}

static uint64_t utc_s(struct clock *clock)
{
    return ((const struct chip_clock *)clock)->utc_s + chip_now_us() / 1000000U;
}

void chip_clock_init(struct chip_clock *clock, uint64_t start_utc_s)
{
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    *clock = (struct chip_clock){.clock = {.ops = &ops}, .utc_s = start_utc_s};
}
