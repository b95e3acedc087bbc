/* The bootloader's loader as it ships: its file is part of this one, because its tables and its pump are its
 * own. */
#include <setjmp.h>

#include "../../bootloader/loader.c"
#include "boot.h"
#include "fuzz.h"

const char *const device_name = "bootloader";

static struct {
    struct update *update;
    const struct chip_snapshot *start;
    jmp_buf reset;
    jmp_buf in_loop;
    bool is_starting;
} device;

void reset_chip(void)
{
    longjmp(device.reset, 1);
}

void clock_time_start(struct clock_time *time)
{
    time->now_ms = 0;
}

uint32_t clock_time_ms(struct clock_time *time)
{
    (void)time;
    return chip_now_ms();
}

/* The loop of loader_run begins with this: everything is set up, and from here on device_turn is the loop. */
void iwdg_feed(void)
{
    if (device.is_starting) {
        longjmp(device.in_loop, 1);
    }
}

static void run(enum reset_cause cause)
{
    device.update = boot_run(cause, true);
    chip_protect(device.update->running, (enum slot)device.update->record.active);
    device.is_starting = true;
    if (setjmp(device.in_loop) == 0) {
        loader_run(device.update, true);
    }
    device.is_starting = false;
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
        iwdg_feed();
        link_pump_poll(&pump, chip_now_ms());
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
    return pump.slave.base == FLASH_SLOT_A_BASE ? SLOT_A : SLOT_B;
}

bool device_runs_confirmed(void)
{
    return false;
}
