/*
 * The agent as one task among others, under a cooperative scheduler. README.md says what runs at which
 * priority, how the tick survives flash work, and what changes under FreeRTOS.
 */
#include "agent/agent.h"
#include "f407/clock.h"
#include "scheduler.h"
#include "stm32f407xx.h"

enum {
    PRIORITY_TICK = 0,   /* the tick, and interrupts that must never wait: handlers in RAM */
    PRIORITY_SPI = 1,    /* the agent's handlers, in RAM */
    PRIORITY_MASKED = 2, /* all other interrupts: they wait while the flash is busy */
    TICKS_PER_S = 1000,
    BLINK_MS = 500,
    HEALTH_MS = 100,
    HEALTHY_BLINKS = 3, /* the health check asks whether the other task really runs */
    CONFIRM_WITHIN_MS = 5000,
    WELL_MS = 600000, /* ten minutes: the second sign of health (agent_confirm) */
    LED_PIN = 12
};

static struct app {
    struct agent agent;
    volatile uint32_t ticks;
    uint32_t n_blinks;
    bool is_well;
} app;

static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];

void SysTick_Handler(void);
AGENT_RAM_CODE void SPI1_IRQHandler(void);
AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void);

/* Only counts: the scheduler itself is in flash and looks at the count when the flash is free again. */
AGENT_RAM_CODE void SysTick_Handler(void)
{
    app.ticks++;
}

AGENT_RAM_CODE void SPI1_IRQHandler(void)
{
    agent_irq(&app.agent);
}

AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void)
{
    agent_irq(&app.agent);
}

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return app.ticks;
}

static void run_blink(void *ctx)
{
    (void)ctx;
    GPIOD->ODR ^= 1U << LED_PIN;
    app.n_blinks++;
}

static void run_health(void *ctx)
{
    (void)ctx;
    if (agent_is_on_trial(&app.agent) && app.n_blinks >= HEALTHY_BLINKS) {
        (void)!agent_confirm(&app.agent); /* an error: still on trial, so this is tried again */
    }
    if (!app.is_well && app.ticks >= WELL_MS) {
        app.is_well = agent_confirm(&app.agent) == FOTA_OK;
    }
}

/* Last in the table: if another task takes all the time, the watchdog is not fed and the chip is reset. */
static void run_agent(void *ctx)
{
    (void)ctx;
    agent_poll(&app.agent);
}

static void start_board(void)
{
    uint32_t core_hz = clock_init() ? CLOCK_HCLK_HZ : CLOCK_HSI_HZ;
    SysTick->LOAD = core_hz / TICKS_PER_S - 1U;
    SysTick->VAL = 0;
    NVIC_SetPriority(SysTick_IRQn, PRIORITY_TICK);
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    RCC->AHB1ENR |= RCC_AHB1ENR_GPIODEN;
    (void)RCC->AHB1ENR; /* the clock needs two cycles (ES0182) */
    GPIOD->MODER |= 1U << (2 * LED_PIN);
}

int main(void)
{
    static struct task tasks[] = {{.run = run_blink, .period_ms = BLINK_MS},
                                  {.run = run_health, .period_ms = HEALTH_MS},
                                  {.run = run_agent}};
    const struct agent_config config = {.now_ms = now_ms,
                                        .masked_priority = PRIORITY_MASKED,
                                        .spi_priority = PRIORITY_SPI,
                                        .confirm_within_ms = CONFIRM_WITHIN_MS};
    agent_vectors_to_ram(vectors);
    start_board();
    if (agent_init(&app.agent, &config) != FOTA_OK) {
        NVIC_SystemReset(); /* the root decides what runs next */
    }
    for (;;) {
        scheduler_step(tasks, sizeof tasks / sizeof tasks[0], app.ticks);
    }
}
