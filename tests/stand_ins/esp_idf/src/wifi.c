/* Wi-Fi, its network interfaces and the time server. Times are those of an ordinary access point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "esp_netif.h"
#include "esp_netif_sntp.h"
#include "esp_wifi.h"
#include "nvs.h"
#include "stand_in_priv.h"

enum {
    SCAN_US = 2400000,      /* all channels, nobody answers */
    JOIN_US = 900000,       /* scan of a channel, authentication, association */
    HANDSHAKE_US = 3000000, /* a wrong password: the access point gives up */
    DHCP_US = 500000,
    SNTP_US = 300000,
    NAME_BYTES = 33,
    PASSWORD_BYTES = 64,
    REASON_LEFT = 8,
    REASON_HANDSHAKE = 15,
    REASON_NO_AP = 201
};
/* Numbers from memory: that they are not ESP_OK is what counts. */
enum {
    NOT_INIT = 0x3001,
    NOT_STARTED = 0x3002,
    WRONG_MODE = 0x3005,
    CONNECTING = 0x3007,
    WRONG_PASSWORD = 0x300B
};
static const uint64_t NEVER = UINT64_MAX;

ESP_EVENT_DEFINE_BASE(WIFI_EVENT);
ESP_EVENT_DEFINE_BASE(IP_EVENT);

struct esp_netif_obj {
    bool is_made;
    esp_netif_ip_info_t info;
};

enum station { OFF, IDLE, JOINING, NO_IP, UP };

/* What is outside of the ESP32 survives its reset. */
static struct {
    char name[NAME_BYTES], password[PASSWORD_BYTES + 1];
    bool has_ap;
    uint64_t back_us; /* no network before */
    uint64_t every_bytes, left_bytes, down_us;
} air;

static struct {
    bool is_netif_init, is_init, is_started, is_sntp, is_in_flash;
    wifi_mode_t mode;
    wifi_sta_config_t sta;
    wifi_ap_config_t ap;
    enum station station;
    uint64_t due_us;  /* next step of the station */
    uint64_t sntp_us; /* answer of the time server */
    esp_sntp_config_t sntp;
    struct esp_netif_obj sta_netif, ap_netif;
} wifi;

void stand_in_reset_wifi(bool is_new)
{
    if (is_new) {
        memset(&air, 0, sizeof air);
        stand_in_wifi_air("home", "password");
    }
    memset(&wifi, 0, sizeof wifi);
    wifi.due_us = wifi.sntp_us = NEVER;
}

/* --- what a test sets ------------------------------------------------------------------------------------------------ */

void stand_in_wifi_air(const char *ssid, const char *password)
{
    air.has_ap = ssid;
    (void)snprintf(air.name, sizeof air.name, "%s", ssid ? ssid : "");
    (void)snprintf(air.password, sizeof air.password, "%s", password ? password : "");
}

static void tell_disconnected(uint8_t reason)
{
    wifi_event_sta_disconnected_t event = {.reason = reason, .rssi = -70};
    event.ssid_len = (uint8_t)strnlen((const char *)wifi.sta.ssid, sizeof event.ssid);
    memcpy(event.ssid, wifi.sta.ssid, sizeof event.ssid);
    wifi.station = IDLE;
    wifi.due_us = NEVER;
    stand_in_post(WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, &event, sizeof event);
}

void stand_in_wifi_drop(uint8_t reason, uint64_t down_us)
{
    stand_in.n_outages++;
    stand_in.stats.wifi_drops++;
    air.back_us = stand_in_now_us() + down_us;
    if (wifi.station == NO_IP || wifi.station == UP) {
        tell_disconnected(reason);
    }
}

void stand_in_wifi_drop_every(uint64_t n_bytes, uint64_t down_us)
{
    air.every_bytes = air.left_bytes = n_bytes;
    air.down_us = down_us;
}

const char *stand_in_wifi_hosts(void)
{
    return (wifi.mode & WIFI_MODE_AP) != 0 && wifi.is_started ? (const char *)wifi.ap.password : NULL;
}

bool stand_in_network_is_up(void)
{
    return wifi.is_init ? wifi.station == UP : stand_in_now_us() >= air.back_us;
}

size_t stand_in_receivable(size_t most)
{
    return air.every_bytes > 0 && air.left_bytes < most ? (size_t)air.left_bytes : most;
}

void stand_in_count_received(size_t n_bytes)
{
    if (air.every_bytes > 0 && n_bytes > 0) {
        air.left_bytes -= n_bytes;
        if (air.left_bytes == 0) {
            air.left_bytes = air.every_bytes;
            stand_in_wifi_drop(200, air.down_us);
        }
    }
}

/* --- what happens by itself ----------------------------------------------------------------------------------------- */

static bool is_in_reach(void)
{
    return air.has_ap && stand_in_now_us() >= air.back_us &&
           strncmp((const char *)wifi.sta.ssid, air.name, sizeof wifi.sta.ssid) == 0;
}

static bool is_password_right(void)
{
    return strncmp((const char *)wifi.sta.password, air.password, sizeof wifi.sta.password) == 0;
}

static void station_step(void)
{
    ip_event_got_ip_t got = {.esp_netif = &wifi.sta_netif, .ip_changed = true};
    if (wifi.station == JOINING && !is_in_reach()) {
        tell_disconnected(REASON_NO_AP);
    } else if (wifi.station == JOINING && !is_password_right()) {
        tell_disconnected(REASON_HANDSHAKE);
    } else if (wifi.station == JOINING) {
        wifi.station = NO_IP;
        wifi.due_us = stand_in_now_us() + DHCP_US;
        stand_in_post(WIFI_EVENT, WIFI_EVENT_STA_CONNECTED, NULL, 0);
    } else {
        static const uint8_t address[4] = {192, 168, 1, 40};
        wifi.station = UP;
        wifi.due_us = NEVER;
        memcpy(&wifi.sta_netif.info.ip.addr, address, sizeof address);
        got.ip_info = wifi.sta_netif.info;
        stand_in_post(IP_EVENT, IP_EVENT_STA_GOT_IP, &got, sizeof got);
    }
}

static void sntp_step(void)
{
    struct timeval now = {0};
    wifi.sntp_us = stand_in_now_us() + SNTP_US; /* asks again */
    if (stand_in_network_is_up() && stand_in.config.sntp_s) {
        wifi.sntp_us = NEVER;
        stand_in.clock_us = stand_in_now_us();
        now.tv_sec = (time_t)(stand_in.config.sntp_s + stand_in_now_us() / 1000000U);
        if (wifi.sntp.sync_cb) {
            wifi.sntp.sync_cb(&now);
        }
    }
}

uint64_t stand_in_wifi_work(void)
{
    if (stand_in_now_us() >= wifi.due_us) {
        station_step();
    }
    if (stand_in_now_us() >= wifi.sntp_us) {
        sntp_step();
    }
    return wifi.due_us < wifi.sntp_us ? wifi.due_us : wifi.sntp_us;
}

/* --- interfaces ------------------------------------------------------------------------------------------------------ */

esp_err_t esp_netif_init(void)
{
    wifi.is_netif_init = true;
    return ESP_OK;
}

static esp_netif_t *make(struct esp_netif_obj *netif, const char *which)
{
    if (netif->is_made || !wifi.is_netif_init) {
        (void)fprintf(stderr,
                      "abort: esp_netif_create_default_wifi_%s: a second one, or before esp_netif_init\n",
                      which);
        abort();
    }
    netif->is_made = true;
    return netif;
}

esp_netif_t *esp_netif_create_default_wifi_sta(void)
{
    return make(&wifi.sta_netif, "sta");
}

esp_netif_t *esp_netif_create_default_wifi_ap(void)
{
    static const uint8_t address[4] = {192, 168, 4, 1};
    memcpy(&wifi.ap_netif.info.ip.addr, address, sizeof address);
    return make(&wifi.ap_netif, "ap");
}

esp_err_t esp_netif_get_ip_info(esp_netif_t *esp_netif, esp_netif_ip_info_t *ip_info)
{
    *ip_info = esp_netif->info;
    return ESP_OK;
}

/* --- driver ------------------------------------------------------------------------------------------------------- */

esp_err_t esp_wifi_init(const wifi_init_config_t *config)
{
    const wifi_init_config_t good = WIFI_INIT_CONFIG_DEFAULT();
    if (config->magic != good.magic) {
        return ESP_ERR_INVALID_ARG;
    }
    if (stand_in.config.is_nvs_off) {
        return ESP_ERR_NVS_NOT_INITIALIZED;
    }
    wifi.is_init = true;
    wifi.mode = WIFI_MODE_STA;
    wifi.is_in_flash = true;
    return ESP_OK;
}

esp_err_t esp_wifi_set_mode(wifi_mode_t mode)
{
    const bool is_new_ap = wifi.is_started && (mode & WIFI_MODE_AP) != 0 && (wifi.mode & WIFI_MODE_AP) == 0;
    if (wifi.is_started && (mode & WIFI_MODE_STA) == 0) {
        wifi.station = OFF;
        wifi.due_us = NEVER;
    }
    wifi.mode = mode;
    if (is_new_ap) {
        stand_in_post(WIFI_EVENT, WIFI_EVENT_AP_START, NULL, 0);
    }
    return wifi.is_init ? ESP_OK : NOT_INIT;
}

esp_err_t esp_wifi_set_storage(wifi_storage_t storage)
{
    wifi.is_in_flash = storage == WIFI_STORAGE_FLASH;
    return wifi.is_init ? ESP_OK : NOT_INIT;
}

esp_err_t esp_wifi_set_ps(wifi_ps_type_t type)
{
    return wifi.is_init && type <= WIFI_PS_MAX_MODEM ? ESP_OK : NOT_INIT;
}

esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *conf)
{
    const wifi_mode_t wanted = interface == WIFI_IF_STA ? WIFI_MODE_STA : WIFI_MODE_AP;
    if (!wifi.is_init || (wifi.mode & wanted) == 0) {
        return wifi.is_init ? WRONG_MODE : NOT_INIT;
    }
    if (wifi.is_in_flash) {
        stand_in_wrong("the Wi-Fi password is written to NVS by the driver: choose WIFI_STORAGE_RAM");
    }
    if (interface == WIFI_IF_STA) {
        wifi.sta = conf->sta;
        return ESP_OK;
    }
    const size_t n = strnlen((const char *)conf->ap.password, sizeof conf->ap.password);
    if (conf->ap.authmode != WIFI_AUTH_OPEN && n < 8) {
        return WRONG_PASSWORD;
    }
    if (!wifi.ap_netif.is_made) {
        stand_in_wrong("an access point without esp_netif_create_default_wifi_ap: it gives out no addresses");
    }
    wifi.ap = conf->ap;
    return ESP_OK;
}

esp_err_t esp_wifi_start(void)
{
    if (!wifi.is_init) {
        return NOT_INIT;
    }
    if ((wifi.mode & WIFI_MODE_STA) != 0 && wifi.station == OFF) {
        wifi.station = IDLE;
        stand_in_post(WIFI_EVENT, WIFI_EVENT_STA_START, NULL, 0);
    }
    if ((wifi.mode & WIFI_MODE_AP) != 0) {
        stand_in_post(WIFI_EVENT, WIFI_EVENT_AP_START, NULL, 0);
    }
    wifi.is_started = true;
    return ESP_OK;
}

esp_err_t esp_wifi_stop(void)
{
    if (wifi.station == UP || wifi.station == NO_IP) {
        (void)esp_wifi_disconnect();
    }
    wifi.station = OFF;
    wifi.due_us = NEVER;
    wifi.is_started = false;
    return wifi.is_init ? ESP_OK : NOT_INIT;
}

esp_err_t esp_wifi_connect(void)
{
    stand_in.stats.wifi_connects++;
    if (!wifi.is_init || wifi.station == OFF) {
        return wifi.is_init ? NOT_STARTED : NOT_INIT;
    }
    if (wifi.station != IDLE) {
        return CONNECTING;
    }
    wifi.station = JOINING;
    wifi.due_us = stand_in_now_us() + (uint64_t)(!is_in_reach()        ? SCAN_US
                                                 : is_password_right() ? JOIN_US
                                                                       : HANDSHAKE_US);
    stand_in_wifi_hurry();
    return ESP_OK;
}

esp_err_t esp_wifi_disconnect(void)
{
    if (!wifi.is_init || wifi.station == OFF) {
        return wifi.is_init ? NOT_STARTED : NOT_INIT;
    }
    if (wifi.station == UP || wifi.station == NO_IP) {
        stand_in.n_outages++;
        tell_disconnected(REASON_LEFT);
    }
    return ESP_OK;
}

esp_err_t esp_wifi_scan_start(const wifi_scan_config_t *config, bool block)
{
    (void)config;
    if (!wifi.is_started || (wifi.mode & WIFI_MODE_STA) == 0) {
        return NOT_STARTED;
    }
    if (!block) {
        stand_in_wrong("the stand-in only scans with block = true");
    }
    stand_in_sleep_until(stand_in_now_us() + SCAN_US);
    return ESP_OK;
}

esp_err_t esp_wifi_scan_get_ap_records(uint16_t *number, wifi_ap_record_t *ap_records)
{
    const uint16_t n_found = air.has_ap && stand_in_now_us() >= air.back_us ? 1 : 0;
    if (*number > n_found) {
        *number = n_found;
    }
    if (*number > 0) {
        ap_records[0] = (wifi_ap_record_t){.primary = 6, .rssi = -60, .authmode = WIFI_AUTH_WPA2_PSK};
        memcpy(ap_records[0].ssid, air.name, sizeof air.name);
    }
    return ESP_OK;
}

/* --- time server ------------------------------------------------------------------------------------------------------- */

esp_err_t esp_netif_sntp_init(const esp_sntp_config_t *config)
{
    if (wifi.is_sntp) {
        return ESP_ERR_INVALID_STATE;
    }
    if (!wifi.is_netif_init) {
        stand_in_wrong("esp_netif_sntp_init before esp_netif_init: lwIP is not there");
    }
    wifi.is_sntp = true;
    wifi.sntp = *config;
    wifi.sntp_us = config->start ? stand_in_now_us() + SNTP_US : NEVER;
    stand_in_wifi_hurry();
    return ESP_OK;
}

esp_err_t esp_netif_sntp_sync_wait(TickType_t tout)
{
    if (!wifi.is_sntp || !wifi.sntp.wait_for_sync) {
        return ESP_ERR_INVALID_STATE;
    }
    const uint64_t until_us = stand_in_ticks_from_now(tout);
    while (!stand_in.clock_us && stand_in_now_us() < until_us && stand_in_task_goes_on()) {
        const uint64_t look_us = stand_in_now_us() + SNTP_US;
        stand_in_sleep_until(look_us < until_us ? look_us : until_us);
    }
    return stand_in.clock_us ? ESP_OK : ESP_ERR_TIMEOUT;
}
