#include "wifi.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_netif_sntp.h"
#include "esp_random.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"
#include "say.h"

enum { STARTED = 1, GOT_IP = 2, LOST = 4, CLOCK_SET = 8, ALL = 15 };
enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 60000,
    MS_PER_S = 1000,
    NAME_MAX = 32,
    PASSWORD_MIN = 8,
    PASSWORD_MAX = 63
};

static struct {
    const char *name;
    StaticEventGroup_t memory;
    EventGroupHandle_t events;
    atomic_uint reason; /* of the last loss */
} wifi;

/* --- what the event loop tells: its task has 2,304 bytes of stack and waits for nobody, so a bit and no more ------------------ */

static void on_wifi(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    if (id == WIFI_EVENT_STA_START) {
        (void)xEventGroupSetBits(wifi.events, STARTED);
    } else if (id == WIFI_EVENT_STA_DISCONNECTED) {
        const wifi_event_sta_disconnected_t *lost = data;
        atomic_store(&wifi.reason, lost->reason);
        (void)xEventGroupSetBits(wifi.events, LOST);
    }
}

static void on_ip(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    (void)id;
    (void)data;
    (void)xEventGroupSetBits(wifi.events, GOT_IP);
}

static void on_clock(struct timeval *now)
{
    (void)now;
    (void)xEventGroupSetBits(wifi.events, CLOCK_SET);
}

/* --- start ------------------------------------------------------------------------------------------------------------- */

static bool is_right(const char *name, const char *password)
{
    const size_t n_name = strlen(name), n_password = strlen(password);
    if (n_name == 0 || n_name > NAME_MAX) {
        say('E', "Wi-Fi name \"%s\" has %u characters: 1 to %d are a name", name, (unsigned)n_name,
            (int)NAME_MAX);
    } else if (n_password > 0 && (n_password < PASSWORD_MIN || n_password > PASSWORD_MAX)) {
        say('E',
            "the password of Wi-Fi \"%s\" has %u characters: %d to %d are a password, none is an open "
            "network",
            name, (unsigned)n_password, (int)PASSWORD_MIN, (int)PASSWORD_MAX);
    } else {
        return true;
    }
    return false;
}

static esp_err_t start_interfaces(void)
{
    esp_err_t err = esp_netif_init();
    if (err == ESP_OK) {
        err = esp_event_loop_create_default();
    }
    if (err == ESP_ERR_INVALID_STATE) {
        err = ESP_OK; /* there is one already */
    }
    return err == ESP_OK && (!esp_netif_create_default_wifi_sta() || !esp_netif_create_default_wifi_ap())
               ? ESP_FAIL
               : err;
}

static esp_err_t start_driver(void)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    esp_err_t err = esp_wifi_init(&init);
    if (err == ESP_OK) {
        err = esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL, NULL);
    }
    if (err == ESP_OK) {
        err = esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_ip, NULL, NULL);
    }
    if (err == ESP_OK) {
        err = esp_wifi_set_storage(WIFI_STORAGE_RAM); /* the driver keeps no password in NVS */
    }
    if (err == ESP_OK) {
        err = esp_wifi_set_mode(WIFI_MODE_STA);
    }
    return err == ESP_OK ? esp_wifi_start() : err;
}

static bool is_ok(esp_err_t err, const char *what)
{
    if (err != ESP_OK) {
        say('E', "%s (%s): without Wi-Fi there are no updates; it needs NVS, and about 60 kB of heap", what,
            esp_err_to_name(err));
    }
    return err == ESP_OK;
}

bool wifi_open(void)
{
    wifi.events = xEventGroupCreateStatic(&wifi.memory);
    esp_err_t err = start_interfaces();
    if (err == ESP_OK) {
        err = start_driver();
    }
    return is_ok(err, "Wi-Fi does not start");
}

bool wifi_join(const char *name, const char *password)
{
    esp_sntp_config_t sntp = ESP_NETIF_SNTP_DEFAULT_CONFIG("pool.ntp.org");
    wifi_config_t config;
    if (!is_right(name, password)) {
        return false;
    }
    wifi.name = name;
    memset(&config, 0, sizeof config);
    memcpy(config.sta.ssid, name, strlen(name)); /* 32 characters have no NUL there */
    memcpy(config.sta.password, password, strlen(password));
    if (!is_ok(esp_wifi_set_config(WIFI_IF_STA, &config), "Wi-Fi does not take name and password")) {
        return false;
    }
    sntp.sync_cb = on_clock;
    const esp_err_t err = esp_netif_sntp_init(&sntp);
    if (err != ESP_OK) { /* the gateway takes the time from S3's replies then */
        say('W', "SNTP does not start (%s)", esp_err_to_name(err));
    }
    return true;
}

bool wifi_host(const char *name, const char *password)
{
    wifi_config_t config;
    if (!is_right(name, password)) {
        return false;
    }
    memset(&config, 0, sizeof config);
    memcpy(config.ap.ssid, name, strlen(name));
    memcpy(config.ap.password, password, strlen(password));
    config.ap.ssid_len = (uint8_t)strlen(name);
    config.ap.channel = 1;
    config.ap.authmode = WIFI_AUTH_WPA2_PSK;
    config.ap.max_connection = 4;
    esp_err_t err = esp_wifi_set_mode(WIFI_MODE_AP);
    if (err == ESP_OK) {
        err = esp_wifi_set_config(WIFI_IF_AP, &config);
    }
    return is_ok(err, "the access point does not start");
}

/* --- keep -------------------------------------------------------------------------------------------------------------- */

static void tell_loss(unsigned reason, uint32_t pause_ms)
{
    const uint32_t s = pause_ms / MS_PER_S, tenths = pause_ms % MS_PER_S / 100;
    switch (reason) {
    case 201: /* no such access point; from v5.2 on with its cause: 210 security, 211 authentication mode, 212 too weak */
    case 210:
    case 211:
    case 212:
        say('W',
            "no access point \"%s\" (reason %u): check its name, that it is switched on, and that it has 2.4 "
            "GHz; next try in "
            "%" PRIu32 ".%" PRIu32 " s",
            wifi.name, reason, s, tenths);
        break;
    case 15:
    case 202:
    case 204:
        say('W',
            "\"%s\" refuses the password (reason %u): set the right one; next try in %" PRIu32 ".%" PRIu32
            " s",
            wifi.name, reason, s, tenths);
        break;
    default:
        say('W', "Wi-Fi \"%s\" is lost (reason %u); next try in %" PRIu32 ".%" PRIu32 " s", wifi.name, reason,
            s, tenths);
        break;
    }
}

static void wait_ms(uint32_t ms)
{
    vTaskDelay((TickType_t)(((uint64_t)ms * configTICK_RATE_HZ + MS_PER_S - 1U) / MS_PER_S));
}

static void connect(void)
{
    const esp_err_t err = esp_wifi_connect();
    if (err != ESP_OK) { /* then no event comes */
        say('W', "esp_wifi_connect: %s", esp_err_to_name(err));
        atomic_store(&wifi.reason, 0);
        (void)xEventGroupSetBits(wifi.events, LOST);
    }
}

void wifi_keep(void (*on_network)(void *ctx), void *ctx)
{
    uint32_t pause_ms = PAUSE_MIN_MS;
    for (;;) {
        const EventBits_t bits = xEventGroupWaitBits(wifi.events, ALL, pdTRUE, pdFALSE, portMAX_DELAY);
        if ((bits & GOT_IP) != 0) {
            say('I', "Wi-Fi \"%s\" is there", wifi.name);
            pause_ms = PAUSE_MIN_MS;
        }
        if ((bits & CLOCK_SET) != 0) {
            say('I', "the clock is set");
        }
        if ((bits & (GOT_IP | CLOCK_SET)) != 0) {
            on_network(ctx);
        }
        if ((bits & LOST) != 0) {
            const uint32_t drawn_ms = pause_ms / 2 + esp_random() % pause_ms;
            tell_loss(atomic_load(&wifi.reason), drawn_ms);
            wait_ms(drawn_ms);
            pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
        }
        if ((bits & (LOST | STARTED)) != 0) {
            connect();
        }
    }
}
