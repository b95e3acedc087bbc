/**
 * Why the chip was reset, asking for a reset, and handing the chip over to an application.
 */
#ifndef F407_RESET_H
#define F407_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slot.h"

/**
 * Read RCC_CSR and clear its flags, so that the next boot sees its own (RM0090 7.3.21).
 * @return the most specific cause; PINRSTF alone is a pin reset, every reset sets it
 */
enum reset_cause reset_take_cause(void);

/** Reset the chip. */
FOTA_NORETURN void reset_chip(void);

/**
 * Leave a wish for the next boot: stay in the loader. Two words at the end of the services' RAM that hold a
 * pattern and its complement; they survive every reset but a loss of power. The wish is granted once.
 */
void reset_ask_for_loader(void);

/** @return true if somebody asked; the wish is gone then. */
bool reset_take_loader_wish(void);

/**
 * Start an application as a reset would: peripherals, clocks, caches, SysTick, NVIC and pending exceptions in
 * their reset state (but IWDG, RCC_CSR and the backup domain, which no code can put back), VTOR on its table,
 * main stack empty, interrupts enabled as after reset.
 *
 * @param vectors  bus address of the vector table, a multiple of 512 (PM0214 4.4.4)
 */
FOTA_NORETURN void reset_jump(uint32_t vectors);

#endif
