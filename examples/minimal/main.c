/*
 * The smallest application that can be updated: a blinking LED (PD12 of the STM32F4DISCOVERY) and the agent,
 * with nothing but ST's CMSIS headers. Each step that an update needs is marked with its number in README.md.
 */
#include "agent/agent.h"
#include "f407/clock.h"
#include "stm32f407xx.h"

enum {
    PRIORITY_TICK = 0,   /* time goes on while the flash is busy: the handler runs from RAM */
    PRIORITY_SPI = 1,    /* of the agent's handlers */
    PRIORITY_MASKED = 2, /* interrupts of this value and above wait while the flash is busy */
    TICKS_PER_S = 1000,
    BLINK_MS = 500,
    HEALTHY_MS = 1000,        /* a release that ran so long may stay */
    CONFIRM_WITHIN_MS = 3000, /* a release that does not say so by then is given up */
    WELL_MS = 600000,         /* ten minutes: the second sign of health (agent_confirm) */
    LED_PIN = 12
};

static struct agent agent; /* step 1: in SRAM */
static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];
static volatile uint32_t ticks;

void SysTick_Handler(void);
AGENT_RAM_CODE void SPI1_IRQHandler(void);
AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void);

/* Step 2: what must not wait for the flash runs from RAM. */
AGENT_RAM_CODE void SysTick_Handler(void)
{
    ticks++;
}

AGENT_RAM_CODE void SPI1_IRQHandler(void)
{
    agent_irq(&agent);
}

AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void)
{
    agent_irq(&agent);
}

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return ticks;
}

static void start_tick(void)
{
    uint32_t core_hz = clock_init() ? CLOCK_HCLK_HZ : CLOCK_HSI_HZ;
    SysTick->LOAD = core_hz / TICKS_PER_S - 1U;
    SysTick->VAL = 0;
    NVIC_SetPriority(SysTick_IRQn, PRIORITY_TICK);
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
}

static void start_led(void)
{
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIODEN;
    (void)RCC->AHB1ENR; /* the clock needs two cycles (ES0182) */
    GPIOD->MODER |= 1U << (2 * LED_PIN);
}

/* Step 3: the agent. may_erase and may_restart stay NULL: this application may stand still at any time. */
static enum fota_err start_agent(void)
{
    const struct agent_config config = {.now_ms = now_ms,
                                        .masked_priority = PRIORITY_MASKED,
                                        .spi_priority = PRIORITY_SPI,
                                        .confirm_within_ms = CONFIRM_WITHIN_MS};
    return agent_init(&agent, &config);
}

/* Step 5: a new release confirms itself, once it is sure that it works. Yours asks its sensors first. */
static void tell_health(uint32_t now)
{
    static bool is_well;
    if (agent_is_on_trial(&agent) && now >= HEALTHY_MS) {
        (void)!agent_confirm(&agent); /* an error: still on trial, so this is tried again */
    }
    if (!is_well && now >= WELL_MS) {
        is_well = agent_confirm(&agent) == FOTA_OK;
    }
}

int main(void)
{
    agent_vectors_to_ram(vectors); /* before any interrupt that must survive flash work */
    start_tick();
    start_led();
    if (start_agent() != FOTA_OK) {
        NVIC_SystemReset(); /* the root decides what runs next */
    }
    for (;;) {
        uint32_t now = ticks;
        agent_poll(&agent); /* step 4: moves the update on and feeds the watchdog */
        tell_health(now);
        GPIOD->BSRR = 1U << (now / BLINK_MS % 2U ? LED_PIN : LED_PIN + 16);
    }
}
