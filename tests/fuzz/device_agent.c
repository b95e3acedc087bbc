/* The agent in an application, on the boot services of sector 0: agent/agent.c and bootloader/services.c as
 * they ship. */
#include <setjmp.h>

#include "agent/agent.h"
#include "boot.h"
#include "fuzz.h"
#include "stm32f407xx.h"

const char *const device_name = "agent";

struct stub_flash stub_flash;
struct stub_iwdg stub_iwdg;
struct stub_scb stub_scb;

static struct {
    struct agent agent;
    struct update *update;
    const struct chip_snapshot *start;
    jmp_buf reset;
    unsigned busy;
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

static bool is_free(void *ctx)
{
    (void)ctx;
    if (device.busy == 0) {
        return true;
    }
    device.busy--;
    return false;
}

/* What happens from a reset to the application's main loop. */
static void run(enum reset_cause cause)
{
    const struct agent_config config = {.may_erase = is_free,
                                        .may_restart = is_free,
                                        .now_ms = now_ms,
                                        .masked_priority = 4,
                                        .spi_priority = 2,
                                        .confirm_within_ms = 60000};
    device.update = boot_run(cause, BOOT_REQUEST_NONE);
    if (device.update->running == SLOT_NONE && device.update->record.active == SLOT_NONE) {
        /* Three runs without a confirmation and nothing to fall back to: a new board. */
        chip_restore(device.start);
        device.update = boot_run(RESET_POWER_ON, BOOT_REQUEST_NONE);
    }
    if (device.update->running == SLOT_NONE) {
        fuzz_fail("no image boots any more");
    }
    chip_protect(device.update->running, (enum slot)device.update->record.active);
    if (agent_init(&device.agent, &config) != FOTA_OK) {
        fuzz_fail("the agent does not start");
    }
}

void device_start(unsigned start)
{
    device.busy = 0;
    device.start = boot_start(start % DEVICE_RUNNING_STARTS);
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
    if (agent_confirm(&device.agent) == FOTA_OK) {
        chip_protect(device.update->running, SLOT_NONE);
    }
}

void device_busy(unsigned n)
{
    device.busy = n;
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
    return (enum slot)device.update->record.active == device.update->running;
}
