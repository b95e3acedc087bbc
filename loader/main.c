/*
 * The loader: the smallest application there is. Sector 1 holds it; the root verifies and starts it when
 * nothing else can run or a boot request asks for it. It answers a host on SPI1 (docs/spec/link.md) until the
 * board is updated, and has nothing but the agent and the boot services to do it with.
 *
 * Everything that goes wrong ends in a reset: the root decides again.
 */
#include <stdbool.h>

#include "agent/agent.h"
#include "f407/clock.h"
#include "f407/reset.h"
#include "stm32f407xx.h"

enum {
    PRIORITY_SPI = 0,
    PRIORITY_TICK = 1,   /* time goes on while the flash is busy */
    PRIORITY_MASKED = 2, /* nothing: both handlers run from RAM */
    HOST_MAX_MS = 10000, /* how long a loader that need not stay waits for a host (base/slot.h, boot_stay) */
    TICKS_PER_S = 1000
};

static struct loader {
    struct agent agent;
    volatile uint32_t now_ms;
} loader;

/* In RAM, because the loader must answer and keep its time while a sector is erased (RM0090 3.6). */
static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];

void SysTick_Handler(void);
AGENT_RAM_CODE void SPI1_IRQHandler(void);
AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void);

AGENT_RAM_CODE void SysTick_Handler(void)
{
    loader.now_ms++;
}

AGENT_RAM_CODE void SPI1_IRQHandler(void)
{
    agent_irq(&loader.agent);
}

AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void)
{
    agent_irq(&loader.agent);
}

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return loader.now_ms;
}

static void start_time(void)
{
    /* A supply that is too weak for the fast clock leaves 16 MHz. The tick is computed from the clock that
     * it really is, so that waits keep their length. */
    uint32_t core_hz = clock_init() ? CLOCK_HCLK_HZ : CLOCK_HSI_HZ;
    SysTick->LOAD = core_hz / TICKS_PER_S - 1;
    SysTick->VAL = 0;
    SysTick->CTRL = SysTick_CTRL_CLKSOURCE_Msk | SysTick_CTRL_TICKINT_Msk | SysTick_CTRL_ENABLE_Msk;
    /* The link comes first: a tick that is late by some microseconds harms nobody, an echo that is missed
     * costs a transfer. */
    NVIC_SetPriority(SysTick_IRQn, PRIORITY_TICK);
}

static enum fota_err start_agent(struct boot_info *info)
{
    /* Nobody has to be asked whether the loader may erase or reset, and no trial is confirmed here: so
     * those fields stay empty. */
    const struct agent_config config = {
        .now_ms = now_ms, .masked_priority = PRIORITY_MASKED, .spi_priority = PRIORITY_SPI};
    enum fota_err err = agent_init(&loader.agent, &config);
    return err ? err : agent_info(&loader.agent, info);
}

/* An image may be bootable, and no host has come, or the one that came is gone (LINK_GONE_MS). */
static bool is_done(const struct boot_info *info)
{
    return info->stay != BOOT_STAY_NO_IMAGE && loader.now_ms > HOST_MAX_MS && !agent_has_host(&loader.agent);
}

int main(void)
{
    struct boot_info info;
    agent_vectors_to_ram(vectors);
    start_time();
    /* Without the root's services nothing can be received. The next boot may find them; nothing is written
     * here that repeated resets could wear out. */
    if (start_agent(&info) != FOTA_OK) {
        reset_chip();
    }
    while (!is_done(&info)) {
        agent_poll(&loader.agent);
    }
    /* The root waited for this: no host has come, so it may now run the image whose trial failed. */
    if (info.stay == BOOT_STAY_BEFORE_TRY) {
        reset_leave_request(BOOT_REQUEST_TRY);
    }
    reset_chip();
}
