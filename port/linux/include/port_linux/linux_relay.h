/**
 * A relay on a GPIO line that switches the supply of a board, for tests on a bench. The line belongs to a request of its
 * own (the kernel's v2 interface, ADR 0017).
 *
 * Wire the relay so that the board has power while the line is not driven: then a process that is killed leaves it on.
 */
#ifndef PORT_LINUX_LINUX_RELAY_H
#define PORT_LINUX_LINUX_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { LINUX_RELAY_WHY_BYTES = 320 };

/** Public only to be embedded; read `why`. */
struct linux_relay {
    const char *gpio;
    uint32_t line;
    bool is_on_high;                 /* level at which the board has power */
    int fd;                          /* -1: not open */
    char why[LINUX_RELAY_WHY_BYTES]; /* after a failure: what failed, where, and what to do; no full stop */
};

/**
 * Request the line with the power on.
 * @param gpio  e.g. `/dev/gpiochip0`; outlives the relay
 * @return FOTA_OK · E_NOT_FOUND · E_IO; call linux_relay_close all the same
 */
FOTA_MUST_CHECK
enum fota_err linux_relay_open(struct linux_relay *r, const char *gpio, uint32_t line, bool is_on_high);

/** Switch the supply.
 *  @return FOTA_OK · E_IO */
FOTA_MUST_CHECK
enum fota_err linux_relay_set(struct linux_relay *r, bool is_on);

/** Power on, and give the line back.
 *  @return FOTA_OK · E_IO */
FOTA_MUST_CHECK
enum fota_err linux_relay_close(struct linux_relay *r);

#endif
