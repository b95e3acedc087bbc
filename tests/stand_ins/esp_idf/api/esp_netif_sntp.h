/** Time of day from a server (v5.1 and later). */
#ifndef ESP_NETIF_SNTP_H
#define ESP_NETIF_SNTP_H

#include <stdbool.h>
#include <stddef.h>

#include "esp_err.h"
#include "freertos/FreeRTOS.h"

struct timeval;
typedef void (*esp_sntp_time_cb_t)(struct timeval *tv);

/** Names of servers are not copied. */
typedef struct esp_sntp_config {
    bool smooth_sync;
    bool server_from_dhcp;
    bool wait_for_sync;
    bool start;
    esp_sntp_time_cb_t sync_cb; /* in the task of lwIP */
    size_t num_of_servers;
    const char *servers[1];
} esp_sntp_config_t;

#define ESP_NETIF_SNTP_DEFAULT_CONFIG(server)                                                                \
    {                                                                                                        \
        .smooth_sync = false, .server_from_dhcp = false, .wait_for_sync = true, .start = true,               \
        .sync_cb = NULL, .num_of_servers = 1, .servers = {server},                                           \
    }

esp_err_t esp_netif_sntp_init(const esp_sntp_config_t *config);
esp_err_t esp_netif_sntp_sync_wait(TickType_t tout);

#endif
