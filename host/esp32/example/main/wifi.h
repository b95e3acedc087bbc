/** Wi-Fi as a station, and the clock from a time server. It connects again for ever, and it never restarts the chip. */
#ifndef WIFI_H
#define WIFI_H

#include <stdbool.h>

/**
 * Start the network interface, Wi-Fi and SNTP. Call nvs_flash_init before; call this once.
 *
 * @param name      of the access point, 1..32 characters; must stay
 * @param password  8..63 characters; "" for a network without one; must stay
 * @return false: it cannot start; the log says what is wrong and what to do
 */
bool wifi_start(const char *name, const char *password);

/**
 * Keep the connection, in the task that calls this; never returns. After a loss it waits 1 s, then 2, 4 ... up to 60 s between two
 * tries, each wait drawn from its half to one and a half, so that a house full of these does not come back all at once.
 *
 * @param on_network  called after each connection, and when the clock was set
 */
void wifi_keep(void (*on_network)(void *ctx), void *ctx);

#endif
