/** Network interfaces: one station, one soft access point. */
#ifndef ESP_NETIF_H
#define ESP_NETIF_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_event.h"

typedef struct esp_netif_obj esp_netif_t;

typedef struct {
    uint32_t addr; /* network byte order */
} esp_ip4_addr_t;

typedef struct {
    esp_ip4_addr_t ip;
    esp_ip4_addr_t netmask;
    esp_ip4_addr_t gw;
} esp_netif_ip_info_t;

#define esp_ip4_addr_get_byte(address, index) (((const uint8_t *)(&(address)->addr))[index])
#define IPSTR                                 "%d.%d.%d.%d"
#define IP2STR(address)                                                                                      \
    esp_ip4_addr_get_byte(address, 0), esp_ip4_addr_get_byte(address, 1), esp_ip4_addr_get_byte(address, 2), \
        esp_ip4_addr_get_byte(address, 3)

ESP_EVENT_DECLARE_BASE(IP_EVENT);
typedef enum { IP_EVENT_STA_GOT_IP, IP_EVENT_STA_LOST_IP } ip_event_t;

typedef struct {
    esp_netif_t *esp_netif;
    esp_netif_ip_info_t ip_info;
    bool ip_changed;
} ip_event_got_ip_t;

esp_err_t esp_netif_init(void);
esp_err_t esp_netif_get_ip_info(esp_netif_t *esp_netif, esp_netif_ip_info_t *ip_info);

/* esp_wifi_default.h, which the original includes here. */
esp_netif_t *esp_netif_create_default_wifi_sta(void);
esp_netif_t *esp_netif_create_default_wifi_ap(void);

#endif
