#include "f407/clock.h"

#include "base/attr.h"
#include "f407/supply.h"
#include "stm32f407xx.h"

enum {
    /* Of each wait, in loops of at least 5 cycles: the PLL takes 300 us (DS8626 table 36), the oscillator 4
     * us (table 34), a switch some cycles. */
    MAX_LOOPS = CLOCK_HSI_HZ / 5 / 1000,
    LOOK_MS = 10
};

/* The board's factors. On f407-disco VCO input 2 MHz (RM0090 7.3.2: less jitter), VCO 320 MHz, SYSCLK /2,
 * 48 MHz domain /7. From the internal oscillator, which every board has: at its fastest, 4.5 % above nominal
 * (DS8626 table 34), 160 MHz become 167.2 MHz. */
#define PLLCFGR_FAST                                                                                         \
    ((uint32_t)BOARD_PLL_N << RCC_PLLCFGR_PLLN_Pos | (uint32_t)BOARD_PLL_Q << RCC_PLLCFGR_PLLQ_Pos |         \
     (uint32_t)BOARD_PLL_M << RCC_PLLCFGR_PLLM_Pos)
_Static_assert(CLOCK_HCLK_HZ == CLOCK_HSI_HZ / BOARD_PLL_M * BOARD_PLL_N / 2,
               "the PLL's factors give the clock");

/* Value after reset: RM0090 7.3.2. */
#define PLLCFGR_RESET 0x24003010U

/* Wait states before the faster clock. Five are enough above 2.7 V; seven are down to 2.1 V (RM0090 table
 * 10), and a weak supply is when a wrong fetch would hurt most. */
#define ACR_FAST (FLASH_ACR_LATENCY_7WS | FLASH_ACR_ICEN | FLASH_ACR_DCEN)

/* DBGMCU_IDCODE of revision A, whose prefetch buffer must stay off (ES0182; it shows another device code than
 * the later revisions). */
#define IDCODE_REVISION_A 0x20006411U

/* APB1 at a quarter, APB2 at half of the clock: within their limits (DS8626 table 14). */
#define CFGR_DIVIDED (RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2)

/* Wait for bits of a register, but not for ever: a clock that does not start must not stop the boot. */
FOTA_NOINLINE static bool wait_for(const volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < MAX_LOOPS; i++) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

/*
 * To 160 MHz, or stay at 16 MHz and say so. The order is the manual's: the wait states of the faster clock
 * and the dividers of the buses come first, so that no bus is too fast for a moment (RM0090 3.5.1, 7.2.6).
 *
 * With a weak supply the clock stays slow: flash reads at this clock need 2.7 V or more wait states, and a wrong
 * instruction here is worse than a slow boot.
 */
bool clock_init(void)
{
    if (!supply_is_good()) {
        return false;
    }
    RCC->PLLCFGR = PLLCFGR_FAST;
    RCC->CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return false;
    }
    FLASH->ACR = DBGMCU->IDCODE == IDCODE_REVISION_A ? ACR_FAST : ACR_FAST | FLASH_ACR_PRFTEN;
    (void)FLASH->ACR; /* read back that they are taken (RM0090 3.5.1) */
    /* Divided before the switch: at 160 MHz undivided buses would be too fast from the first cycle on. */
    RCC->CFGR = CFGR_DIVIDED;
    RCC->CFGR = CFGR_DIVIDED | RCC_CFGR_SW_PLL;
    return wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL);
}

void clock_reset(void)
{
    /* The tick counts cycles: stopped first, because its period would be wrong from the switch of the
     * clock on. */
    SysTick->CTRL = 0;
    SysTick->LOAD = 0;
    SysTick->VAL = 0;
    RCC->CFGR = 0; /* the internal oscillator never stopped: the PLL runs from it */
    (void)wait_for(&RCC->CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_HSI);
    RCC->CR &= ~RCC_CR_PLLON;
    (void)wait_for(&RCC->CR, RCC_CR_PLLRDY, 0);
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

/* Wait until the supply has been good for CLOCK_SETTLE_MS without a break (rule R10). A battery that recovers
 * as soon as the load is gone looks good for a moment; each repair of the journal would then wear a sector.
 * The wait is bounded: a board with a supply that never gets better must still boot. */
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
