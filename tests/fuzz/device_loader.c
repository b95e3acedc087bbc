/* The loader: agent/agent.c with no application around it, as loader/main.c has it, on the boot services of
 * sector 0. */
#include <setjmp.h>

#include "agent/agent.h"
#include "boot.h"
#include "fuzz.h"
#include "stm32f407xx.h"

const char *const device_name = "loader";

struct stub_flash stub_flash;
struct stub_iwdg stub_iwdg;
struct stub_scb stub_scb;

static struct {
    struct agent agent;
    struct update *update;
    const struct chip_snapshot *start;
    jmp_buf reset;
} device;

void NVIC_SystemReset(void)
{
    longjmp(device.reset, 1);
}

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return chip_now_ms();
}

static void run(enum reset_cause cause)
{
    const struct agent_config config = {.now_ms = now_ms, .masked_priority = 2, .spi_priority = 0};
    device.update = boot_run(cause, BOOT_REQUEST_LOADER);
    chip_protect(device.update->running, (enum slot)device.update->record.active);
    if (agent_init(&device.agent, &config) != FOTA_OK) {
        fuzz_fail("the agent does not start");
    }
}

void device_start(unsigned start)
{
    device.start = boot_start(start % DEVICE_STARTS);
    run(RESET_POWER_ON);
}

void device_turn(void)
{
    chip_pass_us(1);
    if (setjmp(device.reset) == 0) {
        agent_poll(&device.agent);
    } else {
        run(RESET_SOFTWARE);
    }
}

void device_reset(void)
{
    run(RESET_PIN);
}

void device_confirm(void)
{
}

void device_busy(unsigned n)
{
    (void)n;
}

void device_check(void)
{
    boot_check(device.update);
    chip_check(device.start);
}

enum slot device_inactive(void)
{
    return device.agent.pump.config.inactive;
}

bool device_runs_confirmed(void)
{
    return false;
}
