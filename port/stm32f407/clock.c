#include "f407/clock.h"

#include "base/attr.h"
#include "f407/supply.h"
#include "stm32f407xx.h"

/* Bounds of the waits, in loops of at least 5 cycles. */
enum {
    HSI_LOOPS_PER_MS = CLOCK_HSI_HZ / 5 / 1000,
    HSE_START_MAX_LOOPS =
        100 * HSI_LOOPS_PER_MS,             /* a crystal takes 2 ms (DS8626 table 32); 100 is ST's limit */
    HSI_START_MAX_LOOPS = HSI_LOOPS_PER_MS, /* 4 us (DS8626 table 34) */
    PLL_LOCK_MAX_LOOPS = HSI_LOOPS_PER_MS,  /* 300 us (DS8626 table 36) */
    SWITCH_MAX_LOOPS = HSI_LOOPS_PER_MS,
    LOOK_MS = 10
};

/* VCO input 2 MHz (RM0090 7.3.2: less jitter), VCO 336 MHz, SYSCLK /2, 48 MHz /7. */
#define PLL_COMMON (168U << RCC_PLLCFGR_PLLN_Pos | 7U << RCC_PLLCFGR_PLLQ_Pos)
#define PLL_FROM_HSE                                                                                         \
    (PLL_COMMON | RCC_PLLCFGR_PLLSRC_HSE | (uint32_t)(CLOCK_HSE_HZ / 2000000) << RCC_PLLCFGR_PLLM_Pos)
#define PLL_FROM_HSI (PLL_COMMON | (uint32_t)(CLOCK_HSI_HZ / 2000000) << RCC_PLLCFGR_PLLM_Pos)

/* Values after reset: RM0090 7.3.2, 7.3.1. */
#define PLLCFGR_RESET 0x24003010U

#define ACR_CACHES (FLASH_ACR_ICEN | FLASH_ACR_DCEN)

/* DBGMCU_IDCODE of revision A, whose prefetch buffer must stay off (ES0182; it shows another device code than
 * the later revisions). */
#define IDCODE_REVISION_A 0x20006411U

FOTA_NOINLINE static bool wait_for(const volatile uint32_t *reg, uint32_t mask, uint32_t value,
                                   uint32_t max_loops)
{
    for (uint32_t i = 0; i < max_loops; i++) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

static enum clock_source start_oscillator(void)
{
    RCC->CR |= RCC_CR_HSEON;
    if (wait_for(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY, HSE_START_MAX_LOOPS)) {
        RCC->PLLCFGR = PLL_FROM_HSE;
        return CLOCK_FROM_HSE;
    }
    RCC->CR &= ~RCC_CR_HSEON;
    RCC->PLLCFGR = PLL_FROM_HSI;
    return CLOCK_FROM_HSI;
}

enum clock_source clock_init(void)
{
    if (!supply_is_good()) {
        return CLOCK_FROM_RESET;
    }
    enum clock_source source = start_oscillator();
    RCC->CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY, PLL_LOCK_MAX_LOOPS)) {
        return CLOCK_FROM_RESET;
    }
    /* Wait states before the faster clock, and read back that they are taken (RM0090 3.5.1). Five are enough
     * above 2.7 V; seven are down to 2.1 V (table 10), and a weak supply is when a wrong fetch would hurt
     * most. */
    FLASH->ACR =
        FLASH_ACR_LATENCY_7WS | ACR_CACHES | (DBGMCU->IDCODE == IDCODE_REVISION_A ? 0 : FLASH_ACR_PRFTEN);
    (void)FLASH->ACR;
    /* APB1 42 MHz, APB2 84 MHz: their limits (DS8626 table 14). */
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2 | RCC_CFGR_SW_PLL;
    if (!wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL, SWITCH_MAX_LOOPS)) {
        return CLOCK_FROM_RESET;
    }
    return source;
}

void clock_reset(void)
{
    SysTick->CTRL = 0;
    SysTick->LOAD = 0;
    SysTick->VAL = 0;
    RCC->CR |= RCC_CR_HSION;
    (void)wait_for(&RCC->CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY, HSI_START_MAX_LOOPS);
    RCC->CFGR = 0;
    (void)wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_HSI, SWITCH_MAX_LOOPS);
    RCC->CR &= ~(RCC_CR_PLLON | RCC_CR_HSEON);
    (void)wait_for(&RCC->CR, RCC_CR_PLLRDY, 0, PLL_LOCK_MAX_LOOPS);
    RCC->PLLCFGR = PLLCFGR_RESET;
    /* The slower clock first, then fewer wait states; caches can only be emptied while they are off. */
    FLASH->ACR = 0;
    FLASH->ACR = FLASH_ACR_ICRST | FLASH_ACR_DCRST;
    FLASH->ACR = 0;
    (void)FLASH->ACR;
}

/* From here on time passes in steps of LOOK_MS, asleep. */
static void start_sleeping(void)
{
    clock_reset();
    SysTick->LOAD = LOOK_MS * (CLOCK_HSI_HZ / 8 / 1000) - 1;
    SysTick->CTRL = SysTick_CTRL_ENABLE_Msk | SysTick_CTRL_TICKINT_Msk;
    __disable_irq(); /* a pending tick wakes the core all the same (PM0214 2.5.3), and nothing has to handle
                        it */
}

static void sleep_a_step(void)
{
    __WFI();
    SCB->ICSR = SCB_ICSR_PENDSTCLR_Msk;
}

void clock_settle(void)
{
    uint32_t good_ms = 0;
    start_sleeping();
    for (uint32_t ms = 0; ms < CLOCK_SETTLE_MAX_MS && good_ms < CLOCK_SETTLE_MS; ms += LOOK_MS) {
        sleep_a_step();
        good_ms = supply_is_good() ? good_ms + LOOK_MS : 0;
    }
    (void)clock_init();
}

void clock_sleep(uint32_t n_ms)
{
    start_sleeping();
    for (uint32_t ms = 0; ms < n_ms; ms += LOOK_MS) {
        sleep_a_step();
    }
}
