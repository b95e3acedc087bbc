/**
 * Tell the service manager how the service is: systemd's notification protocol, one datagram of `NAME=value` lines to
 * the socket that $NOTIFY_SOCKET names (sd_notify(3)). By hand, because it is these 30 lines: libsystemd would be the
 * only library of the gateway that a system without systemd does not have.
 */
#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

/**
 * @param text  e.g. "READY=1" or "STOPPING=1\nSTATUS=..."
 * @return FOTA_OK (told, or nobody asked: the variable is not set) · E_IO (the socket does not take it)
 */
FOTA_MUST_CHECK
enum fota_err service_notify(const char *text);

/**
 * How often WATCHDOG=1 is due: half of $WATCHDOG_USEC, if that is for this process ($WATCHDOG_PID).
 * @return ms; 0: no watchdog
 */
uint32_t service_watchdog_ms(void);

#endif
