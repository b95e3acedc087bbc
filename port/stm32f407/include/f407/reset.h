/**
 * Why the chip was reset, asking for a reset, and handing the chip over to an application.
 */
#ifndef F407_RESET_H
#define F407_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/flash_map.h"
#include "base/slot.h"

/** Whom the root started last, noted in retained RAM right before the jump: patterns, so that garbage is
 * none. */
enum reset_started {
    RESET_STARTED_NOTHING = 0,
    RESET_STARTED_APPLICATION = 0x3C96A5E1, /* a confirmed image */
    RESET_STARTED_TRIAL = 0x69C3E15A,       /* a trial, or the image of last resort */
    RESET_STARTED_LOADER = 0x5AE1963C
};

/** Where a boot comes from. */
struct reset_origin {
    enum reset_cause cause;
    enum boot_request request;
    enum reset_started started;
};

/**
 * Find out why the chip was reset, what whoever ran before asks for, and who that was. All of it is gone
 * then, so that each boot sees its own: the flags of RCC_CSR are cleared (RM0090 7.3.21), request and
 * `started` are taken out of retained RAM. After a loss of power nothing in RAM counts, and the count of
 * crashes begins at 0.
 *
 * The cause is the most specific one; PINRSTF alone is a pin reset, every reset sets it.
 */
void reset_take_origin(struct reset_origin *out);

/** Reset the chip. */
FOTA_NORETURN void reset_chip(void);

/** Leave a request for the next boot; reset_chip comes next. */
void reset_leave_request(enum boot_request request);

/** Note whom the root starts; the jump comes next. A loader that starts ends the reason that was left: an
 * application does not, or whoever asked for the loader and got the application would never learn why. */
void reset_note_started(enum reset_started started);

/**
 * Leave the reason why the loader could not be started at RAM_REASON_ADDR, where a host reads it through
 * ST's ROM.
 */
void reset_note_reason(enum fota_err reason);

/**
 * Count this boot if a crash of a confirmed application led to it: a watchdog, or a fault handler that left a
 * request. Crashes of the loader or of a trial do not count, and no reset but a loss of power starts from 0:
 * a pin reset keeps the evidence.
 * @return crashes in a row, since reset_forget_crashes
 */
uint32_t reset_count_crashes(const struct reset_origin *origin);

/** Did the run of a trial fail: did a watchdog, a fault or another software reset end it? The supply and the
 * pin are not the image's fault. */
bool reset_is_run_failed(const struct reset_origin *origin);

/** Did a watchdog or a fault end the loader? It must not be started again and again where something else can
 * run. */
bool reset_is_loader_crash(const struct reset_origin *origin);

/**
 * The application is well: it has confirmed itself. A crash from now on is one of a confirmed application.
 */
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
