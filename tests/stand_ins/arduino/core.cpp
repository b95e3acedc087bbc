/* The Arduino core for ESP32 on the stand-ins of ESP-IDF. */
#include <string.h>

#include "Arduino.h"
#include "WiFi.h"
#include "core.h"

extern "C" {
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
void stand_in_arduino_starts(void); /* stand_in.h */
}

enum { LOOP_STACK_BYTES = 8192, LOOP_PRIORITY = 1, PINS = 40, LINE_BYTES = 256 };

HardwareSerial Serial;
EspClass ESP;
WiFiClass WiFi;

static struct {
    char ap_password[64];
    bool is_restarting, is_serial, is_wifi, is_pulled_up[PINS], is_low[PINS];
    wl_status_t status;
    esp_netif_t *netif;
    StaticTask_t task;
    StackType_t stack[LOOP_STACK_BYTES];
} core;

/* --- start ---------------------------------------------------------------------------------------------------------- */

static void loop_task(void *)
{
    setup();
    for (;;) {
        loop();
        vTaskDelay(
            0); /* the core lets no other task run between two loops: a sketch without delay() starves the idle task */
    }
}

void arduino_start(void)
{
    memset(&core, 0, sizeof core);
    core.status = WL_DISCONNECTED;
    const esp_err_t err = nvs_flash_init();
    if (err != ESP_OK) {
        (void)nvs_flash_erase();
        (void)nvs_flash_init();
    }
    stand_in_arduino_starts();
    (void)xTaskCreateStatic(loop_task, "loopTask", LOOP_STACK_BYTES, NULL, LOOP_PRIORITY, core.stack,
                            &core.task);
}

/* --- time, pins, Serial ----------------------------------------------------------------------------------------------- */

void delay(uint32_t ms)
{
    vTaskDelay(ms / portTICK_PERIOD_MS);
}

unsigned long millis()
{
    return xTaskGetTickCount() * portTICK_PERIOD_MS;
}

void pinMode(uint8_t pin, uint8_t mode)
{
    core.is_pulled_up[pin % PINS] = mode == INPUT_PULLUP;
}

int digitalRead(uint8_t pin)
{
    return core.is_pulled_up[pin % PINS] && !core.is_low[pin % PINS]
               ? HIGH
               : LOW; /* a pin that floats reads as pressed */
}

void EspClass::restart()
{
    core.is_restarting = true;
    for (;;) {
        vTaskDelay(1000);
    }
}

bool arduino_is_restarting(void)
{
    return core.is_restarting;
}

const char *arduino_access_point(void)
{
    return core.ap_password;
}

void arduino_press(unsigned pin, bool is_pressed)
{
    core.is_low[pin % PINS] = is_pressed;
}

void HardwareSerial::begin(unsigned long)
{
    core.is_serial = true;
}

size_t HardwareSerial::println(const char *line)
{
    if (core.is_serial) {
        esp_log_write(ESP_LOG_INFO, "serial", "serial: %s\n", line);
    }
    return strlen(line);
}

size_t HardwareSerial::printf(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    line[strcspn(line, "\n")] = '\0';
    (void)println(line);
    return n > 0 ? (size_t)n : 0U;
}

/* --- Wi-Fi -------------------------------------------------------------------------------------------------------------- */

static void on_event(void *, esp_event_base_t base, int32_t id, void *data)
{
    if (base == IP_EVENT) {
        core.status = WL_CONNECTED;
    } else if (id == WIFI_EVENT_STA_DISCONNECTED) {
        const uint8_t reason = static_cast<const wifi_event_sta_disconnected_t *>(data)->reason;
        core.status = reason == 201                   ? WL_NO_SSID_AVAIL
                      : reason == 15 || reason == 202 ? WL_CONNECT_FAILED
                                                      : WL_CONNECTION_LOST;
        (void)esp_wifi_connect();
    }
}

static void start_network()
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    (void)esp_netif_init();
    (void)esp_event_loop_create_default();
    core.netif = esp_netif_create_default_wifi_sta();
    (void)esp_netif_create_default_wifi_ap();
    (void)esp_wifi_init(&init);
    (void)esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_event, NULL, NULL);
    (void)esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_event, NULL, NULL);
    (void)esp_wifi_set_storage(WIFI_STORAGE_RAM);
    (void)esp_wifi_set_mode(WIFI_MODE_STA);
}

bool WiFiClass::mode(wifi_mode_t mode)
{
    if (!core.is_wifi) {
        start_network();
    }
    core.is_wifi = true;
    return esp_wifi_set_mode(mode) == ESP_OK && esp_wifi_start() == ESP_OK;
}

bool WiFiClass::softAP(const char *ssid, const char *passphrase)
{
    wifi_config_t config;
    memset(&config, 0, sizeof config);
    (void)strncpy(reinterpret_cast<char *>(config.ap.ssid), ssid, sizeof config.ap.ssid - 1);
    (void)strncpy(reinterpret_cast<char *>(config.ap.password), passphrase, sizeof config.ap.password - 1);
    config.ap.authmode = passphrase[0] ? WIFI_AUTH_WPA2_PSK : WIFI_AUTH_OPEN;
    config.ap.max_connection = 4;
    const bool is_right = esp_wifi_set_config(WIFI_IF_AP, &config) == ESP_OK;
    (void)snprintf(core.ap_password, sizeof core.ap_password, "%s", is_right ? passphrase : "");
    return is_right;
}

wl_status_t WiFiClass::begin(const char *ssid, const char *passphrase)
{
    wifi_config_t config;
    memset(&config, 0, sizeof config);
    if (strlen(ssid) > sizeof config.sta.ssid || strlen(passphrase) >= sizeof config.sta.password) {
        return WL_CONNECT_FAILED;
    }
    memcpy(config.sta.ssid, ssid, strlen(ssid));
    memcpy(config.sta.password, passphrase, strlen(passphrase));
    if (!core.is_wifi) {
        start_network();
    }
    core.is_wifi = true;
    (void)esp_wifi_set_config(WIFI_IF_STA, &config);
    (void)esp_wifi_start();
    (void)esp_wifi_connect();
    return core.status;
}

wl_status_t WiFiClass::status()
{
    return core.status;
}

IPAddress WiFiClass::localIP()
{
    esp_netif_ip_info_t info;
    memset(&info, 0, sizeof info);
    if (core.netif) {
        (void)esp_netif_get_ip_info(core.netif, &info);
    }
    return IPAddress(info.ip.addr);
}

String IPAddress::toString() const
{
    char text[16];
    uint8_t byte[4];
    memcpy(byte, &address_, sizeof byte);
    (void)snprintf(text, sizeof text, "%u.%u.%u.%u", byte[0], byte[1], byte[2], byte[3]);
    return String(text);
}
