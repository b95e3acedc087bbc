/*
 * Demo application: a 1 kHz control loop, a blinking LED and a console on ST's HAL, and the agent that
 * updates it while it runs. What an application must do for its updates is in this file, in main():
 * permissions, health check, confirm.
 */
#include <stdbool.h>
#include <string.h>

#include "agent/agent.h"
#include "base/flash_map.h"
#include "console.h"
#include "control_loop.h"
#include "stm32f4xx_hal.h"

enum {
    PRIORITY_SPI = 1,    /* TIM2 has 0: the control loop comes first */
    PRIORITY_MASKED = 2, /* what waits while the flash is busy, HAL's tick among it */
    CONFIRM_WITHIN_MS = 3000,
    HEALTHY_TICKS = 1000,
    WELL_TICKS = 600000, /* after ten minutes: what came before was no crash loop (docs/spec/boot.md) */
    REPORT_TICKS = 1000,
    BLINK_TICKS = 500,
    REVISION_A = 0x2000 /* as its DBGMCU_IDCODE shows it; its prefetch buffer must stay off (ES0182) */
};

/* The application's state. Handlers reach it by name; ST's start-up code gives them no argument. */
static struct app {
    struct agent agent;
    struct console console;
    struct control_loop loop;
    uint32_t next_report_ticks;
    uint32_t next_blink_ticks;
    bool has_agent;
    bool is_judged; /* the health check has spoken */
    bool is_well;   /* the sign of health has been given */
} app;

static AGENT_RAM_VECTORS uint32_t vectors[AGENT_VECTORS];

/* Lent to the agent: a new loader is received here before the old one is erased. */
static uint32_t loader_memory[FLASH_LOADER_BYTES / sizeof(uint32_t)];

void SysTick_Handler(void);
AGENT_RAM_CODE void TIM2_IRQHandler(void);
AGENT_RAM_CODE void SPI1_IRQHandler(void);
AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void);

void SysTick_Handler(void)
{
    HAL_IncTick();
}

AGENT_RAM_CODE void TIM2_IRQHandler(void)
{
    control_loop_tick(&app.loop);
}

AGENT_RAM_CODE void SPI1_IRQHandler(void)
{
    agent_irq(&app.agent);
}

AGENT_RAM_CODE void DMA2_Stream3_IRQHandler(void)
{
    agent_irq(&app.agent);
}

/* The voltage detector (RM0090 5.2.2) has its say before anything runs fast. */
static bool is_supply_good(void)
{
    PWR_PVDTypeDef detector = {.PVDLevel = PWR_PVDLEVEL_5, .Mode = PWR_PVD_MODE_NORMAL};
    __HAL_RCC_PWR_CLK_ENABLE();
    HAL_PWR_ConfigPVD(&detector);
    HAL_PWR_EnablePVD();
    HAL_Delay(1);
    return __HAL_PWR_GET_FLAG(PWR_FLAG_PVDO) == 0U;
}

/* 168 MHz from the 8 MHz crystal: VCO 336 MHz, APB1 42 MHz, APB2 84 MHz. @return false: the supply is too
 * low, or the crystal does not start */
static bool set_clocks(void)
{
    RCC_OscInitTypeDef oscillator = {.OscillatorType = RCC_OSCILLATORTYPE_HSE,
                                     .HSEState = RCC_HSE_ON,
                                     .PLL = {.PLLState = RCC_PLL_ON,
                                             .PLLSource = RCC_PLLSOURCE_HSE,
                                             .PLLM = 8,
                                             .PLLN = 336,
                                             .PLLP = RCC_PLLP_DIV2,
                                             .PLLQ = 7}};
    RCC_ClkInitTypeDef clocks = {.ClockType = RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_HCLK |
                                              RCC_CLOCKTYPE_PCLK1 | RCC_CLOCKTYPE_PCLK2,
                                 .SYSCLKSource = RCC_SYSCLKSOURCE_PLLCLK,
                                 .AHBCLKDivider = RCC_SYSCLK_DIV1,
                                 .APB1CLKDivider = RCC_HCLK_DIV4,
                                 .APB2CLKDivider = RCC_HCLK_DIV2};
    if (!is_supply_good()) {
        return false;
    }
    __HAL_PWR_VOLTAGESCALING_CONFIG(PWR_REGULATOR_VOLTAGE_SCALE1);
    if (HAL_RCC_OscConfig(&oscillator) != HAL_OK || HAL_RCC_ClockConfig(&clocks, FLASH_LATENCY_5) != HAL_OK) {
        return false;
    }
    /* ST's HAL does not know which revision it runs on, so this is the application's own decision. */
    if (HAL_GetREVID() != REVISION_A) {
        __HAL_FLASH_PREFETCH_BUFFER_ENABLE();
    }
    return true;
}

static void init_led(void)
{
    GPIO_InitTypeDef pin = {.Pin = 1U << BOARD_LED_PIN,
                            .Mode = GPIO_MODE_OUTPUT_PP,
                            .Pull = GPIO_NOPULL,
                            .Speed = GPIO_SPEED_FREQ_LOW};
    SET_BIT(RCC->AHB1ENR, BOARD_LED_CLOCK);
    (void)READ_BIT(RCC->AHB1ENR, BOARD_LED_CLOCK); /* ES0182: a delay after enabling a peripheral clock */
    HAL_GPIO_Init(BOARD_LED_PORT, &pin);
}

/* The control loop is the clock: it goes on while the flash is busy, HAL's tick does not. */
static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return app.loop.ticks;
}

/* An application that drives a machine would say yes here only when the machine stands still. */
static bool may_stand_still(void *ctx)
{
    (void)ctx;
    return control_loop_is_steady(&app.loop);
}

#ifdef FOTA_DEMO_BUSY_TICKS
/* A machine in the middle of a piece of work: a restart waits until it is done. */
static bool is_work_done(void *ctx)
{
    (void)ctx;
    return app.loop.ticks >= FOTA_DEMO_BUSY_TICKS;
}
#define MAY_RESTART is_work_done
#else
#define MAY_RESTART NULL /* at any time */
#endif

/* In the order of enum slot, enum slot_state and enum reset_cause (base/slot.h and
 * update/boot_services.h). */
static const char *const slot_names[] = {"A", "B", "none"};
static const char *const state_names[] = {"empty",     "receiving", "pending",    "trial",
                                          "confirmed", "rejected",  "last resort"};
static const char *const cause_names[] = {"power-on", "brown-out",       "pin",      "software",
                                          "watchdog", "window-watchdog", "low-power"};

/* The numbers come from the root, which may be newer than this program and know more of them. */
static const char *name_of(const char *const *names, size_t n_names, size_t i)
{
    return i < n_names ? names[i] : "unknown";
}

#define NAME_OF(names, i) name_of(names, sizeof(names) / sizeof(names)[0], i)

static void print_version(struct console *console, uint32_t version)
{
    console_number(console, version >> 24);
    console_text(console, ".");
    console_number(console, version >> 16 & 0xFFU);
    console_text(console, ".");
    console_number(console, version & 0xFFFFU);
}

static void print_slot(struct console *console, const struct boot_info *info, size_t slot)
{
    console_text(console, "app: slot ");
    console_text(console, NAME_OF(slot_names, slot));
    console_text(console, " ");
    console_text(console, NAME_OF(state_names, info->slot_state[slot]));
    console_text(console, " version ");
    print_version(console, info->slot_version[slot]);
    console_text(console, "\r\n");
}

static void print_start(struct console *console, const struct boot_info *info)
{
    size_t running = info->running_slot;
    console_text(console, "app: version " FOTA_APP_VERSION " slot ");
    console_text(console, NAME_OF(slot_names, running));
    console_text(console, " ");
    console_text(console, running < SLOT_NONE ? NAME_OF(state_names, info->slot_state[running]) : "unknown");
    if (info->tries_left > 0 || agent_is_on_trial(&app.agent)) {
        console_text(console, " ");
        console_number(console, info->tries_left);
        console_text(console, " left");
    }
    console_text(console, "\r\napp: reset by ");
    console_text(console, NAME_OF(cause_names, info->reset_cause));
    console_text(console, ", root ");
    print_version(console, info->bootloader_version);
    console_text(console, ", security floor ");
    console_number(console, info->security_floor);
    console_text(console, ", last reason ");
    console_text(console, fota_err_name((enum fota_err)info->last_reason));
    console_text(console, "\r\n");
    print_slot(console, info, SLOT_A);
    print_slot(console, info, SLOT_B);
}

/* An application without agent still works: on a board that was flashed with a debugger there is no root, and
 * that must not stop the machine. It says so on the console and cannot be updated. */
static void start_agent(void)
{
    struct boot_info info;
    struct agent_config config = {.may_erase = may_stand_still,
                                  .may_restart = MAY_RESTART,
                                  .now_ms = now_ms,
                                  .loader_memory = (uint8_t *)loader_memory,
                                  .loader_memory_bytes = sizeof loader_memory,
                                  .masked_priority = PRIORITY_MASKED,
                                  .spi_priority = PRIORITY_SPI,
                                  .confirm_within_ms = CONFIRM_WITHIN_MS};
    enum fota_err err = agent_init(&app.agent, &config);
    if (!err) {
        err = agent_info(&app.agent, &info);
    }
    if (err) {
        console_text(&app.console, "app: version " FOTA_APP_VERSION " without agent: ");
        console_text(&app.console, fota_err_text(err));
        console_text(&app.console, "\r\n");
        return;
    }
    app.has_agent = true;
    print_start(&app.console, &info);
}

/* What "healthy" means is the application's own affair; here it is a control loop that missed no cycle. A
 * real one also checks its sensors and its network before it says yes: after that there is no way back by
 * itself. */
static bool is_healthy(void)
{
#ifdef FOTA_DEMO_NEVER_CONFIRMS
    return false; /* a release whose self-test fails in the field */
#else
    return app.loop.missed == 0;
#endif
}

/* Judge once, after HEALTHY_TICKS. An image that is not confirmed simply goes on: the agent resets the
 * chip after confirm_within_ms, and the root falls back when the trial has used up its runs. */
static void check_health(void)
{
    if (app.is_judged || !app.has_agent || app.loop.ticks < HEALTHY_TICKS) {
        return;
    }
    app.is_judged = true;
    if (!is_healthy()) {
        console_text(&app.console, "app: health check failed, not confirmed\r\n");
        return;
    }
    enum fota_err err = agent_is_on_trial(&app.agent) ? agent_confirm(&app.agent) : FOTA_OK;
    console_text(&app.console, err ? "app: confirm failed: " : "app: confirmed");
    console_text(&app.console, err ? fota_err_text(err) : "");
    console_text(&app.console, "\r\n");
}

/* Confirming again changes nothing in the journal; it tells the bootloader that this image does not crash. */
static void give_sign_of_health(void)
{
    if (app.is_well || !app.has_agent || app.loop.ticks < WELL_TICKS) {
        return;
    }
    app.is_well = true;
    enum fota_err err = is_healthy() ? agent_confirm(&app.agent) : FOTA_OK;
    if (err) {
        console_text(&app.console, "app: no sign of health: ");
        console_text(&app.console, fota_err_text(err));
        console_text(&app.console, "\r\n");
    }
}

/* The difference is compared as a signed number, so it works on when the count of ticks has wrapped round. */
static void report(void)
{
    uint32_t tenths_us = control_loop_worst_tenths_us(&app.loop);
    if ((int32_t)(app.loop.ticks - app.next_report_ticks) < 0) {
        return;
    }
    app.next_report_ticks = app.loop.ticks + REPORT_TICKS;
    console_text(&app.console, "app: ticks ");
    console_number(&app.console, app.loop.ticks);
    console_text(&app.console, " missed ");
    console_number(&app.console, app.loop.missed);
    console_text(&app.console, " worst jitter ");
    console_number(&app.console, tenths_us / 10U);
    console_text(&app.console, ".");
    console_number(&app.console, tenths_us % 10U);
    console_text(&app.console, " us\r\n");
}

static void blink(void)
{
    if ((int32_t)(app.loop.ticks - app.next_blink_ticks) >= 0) {
        app.next_blink_ticks = app.loop.ticks + BLINK_TICKS;
        HAL_GPIO_TogglePin(BOARD_LED_PORT, 1U << BOARD_LED_PIN);
    }
}

int main(void)
{
    /* The order matters. Clocks before everything that divides them; the vectors to RAM before the first
     * interrupt that must survive flash work; the console before the first line. The control loop starts
     * before the agent, because it is the agent's clock. */
    HAL_Init();
    bool has_clocks = set_clocks();
    agent_vectors_to_ram(vectors);
    init_led();
    console_init(&app.console, HAL_RCC_GetPCLK1Freq());
    if (!has_clocks) {
        console_text(&app.console, "app: low supply or no crystal, running from the internal oscillator\r\n");
    }
    /* Timers run at twice the clock of a bus that is divided, and APB1 is divided only at 168 MHz. */
    control_loop_start(&app.loop, HAL_RCC_GetHCLKFreq(),
                       has_clocks ? 2U * HAL_RCC_GetPCLK1Freq() : HAL_RCC_GetPCLK1Freq());
    start_agent();
    app.next_report_ticks = REPORT_TICKS;
    /* Nothing in this loop waits. agent_poll alone may stand still, for an erase that may_stand_still has
     * allowed. */
    for (;;) {
        if (app.has_agent) {
            agent_poll(&app.agent);
        }
        console_poll(&app.console);
        check_health();
        give_sign_of_health();
        report();
        blink();
    }
}
