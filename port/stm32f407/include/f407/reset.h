/**
 * Why the chip was reset, asking for a reset, and handing the chip over to an application.
 */
#ifndef F407_RESET_H
#define F407_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/flash_map.h"
#include "base/slot.h"

/**
 * Read RCC_CSR and clear its flags, so that the next boot sees its own (RM0090 7.3.21).
 * @return the most specific cause; PINRSTF alone is a pin reset, every reset sets it
 */
enum reset_cause reset_take_cause(void);

/** Reset the chip. */
FOTA_NORETURN void reset_chip(void);

/** Leave a request for the next boot; reset_chip comes next. */
void reset_leave_request(enum boot_request request);

/** @return the request that was left; it is gone then */
enum boot_request reset_take_request(void);

/**
 * Count this boot if a crash led to it: a watchdog, or a fault handler that left a note. A loss of power and
 * a pin reset start from 0; other resets change nothing.
 * @return crashes in a row, since reset_forget_crashes
 */
uint32_t reset_count_crashes(enum reset_cause cause, enum boot_request note);

/** The application is well. */
void reset_forget_crashes(void);

/**
 * Start an application as a reset would: peripherals, clocks, caches, SysTick, NVIC and pending exceptions in
 * their reset state (but IWDG, RCC_CSR and the backup domain, which no code can put back), VTOR on its table,
 * main stack empty, interrupts enabled as after reset.
 *
 * @param vectors  bus address of the vector table, a multiple of 512 (PM0214 4.4.4)
 */
FOTA_NORETURN void reset_jump(uint32_t vectors);

#endif
