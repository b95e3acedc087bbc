/** Wi-Fi as a station that connects again for ever, or as an access point for the first start; and the clock from a time server. It
 * never restarts the chip. */
#ifndef WIFI_H
#define WIFI_H

#include <stdbool.h>

/**
 * Start the network interfaces, the event loop and the radio, as a station that is not connected. Call nvs_flash_init before; once.
 *
 * @return false: it cannot start; the log says why and what to do
 */
bool wifi_open(void);

/**
 * Say which network is meant, and start SNTP. wifi_keep connects.
 *
 * @param name      of the access point, 1..32 characters; must stay
 * @param password  8..63 characters; "" for a network without one; must stay
 * @return false: one of them is none, or Wi-Fi refuses; the log says what is wrong and what to do
 */
bool wifi_join(const char *name, const char *password);

/**
 * Be an access point with WPA2 instead: this chip is 192.168.4.1, four stations may join.
 *
 * @param name, password  as above, but for the open network
 * @return false: Wi-Fi refuses; the log says why
 */
bool wifi_host(const char *name, const char *password);

/**
 * Keep the connection, in the task that calls this; never returns. After a loss it waits 1 s, then 2, 4 ... up to 60 s between two
 * tries, each wait drawn from its half to one and a half, so that a house full of these does not come back all at once.
 *
 * @param on_network  called after each connection, and when the clock was set
 */
void wifi_keep(void (*on_network)(void *ctx), void *ctx);

#endif
