#include "first_start.h"

#include <stdint.h>
#include <string.h>

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_system.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "say.h"
#include "sdkconfig.h"

enum { LOOK_MS = 1000, MS_PER_S = 1000, NO_SETTINGS = 0x0802 };

static const char SPACE[] = CONFIG_FOTA_GATEWAY_NVS_NAMESPACE;
static const char NAME[] = "fota-gateway";

static esp_err_t start_driver(void)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    esp_err_t err = esp_netif_init();
    if (err == ESP_OK) {
        err = esp_event_loop_create_default();
    }
    if (err == ESP_OK && !esp_netif_create_default_wifi_ap()) {
        err = ESP_FAIL;
    }
    if (err == ESP_OK) {
        err = esp_wifi_init(&init);
    }
    return err == ESP_OK ? esp_wifi_set_storage(WIFI_STORAGE_RAM) : err;
}

/* The secret is drawn while the radio is on, because only then esp_random is random; and as a station, so that no access point is
 * open meanwhile. */
static esp_err_t draw_secret(char secret[FOTA_GATEWAY_SECRET_BYTES])
{
    esp_err_t err = esp_wifi_set_mode(WIFI_MODE_STA);
    if (err == ESP_OK) {
        err = esp_wifi_start();
    }
    if (err == ESP_OK && fota_gateway_secret(SPACE, secret) != 0) {
        err = ESP_FAIL;
    }
    return err == ESP_OK ? esp_wifi_stop() : err;
}

static esp_err_t open_access_point(const char *password)
{
    wifi_config_t config;
    memset(&config, 0, sizeof config);
    memcpy(config.ap.ssid, NAME, sizeof NAME - 1);
    config.ap.ssid_len = sizeof NAME - 1;
    memcpy(config.ap.password, password, strlen(password));
    config.ap.authmode = WIFI_AUTH_WPA2_PSK;
    config.ap.max_connection = 2;
    esp_err_t err = esp_wifi_set_mode(WIFI_MODE_AP);
    if (err == ESP_OK) {
        err = esp_wifi_set_config(WIFI_IF_AP, &config);
    }
    return err == ESP_OK ? esp_wifi_start() : err;
}

static void look_later(void)
{
    vTaskDelay((TickType_t)(((uint64_t)LOOK_MS * configTICK_RATE_HZ + MS_PER_S - 1U) / MS_PER_S));
}

/* Returns only if it cannot. */
static void ask(struct first_start *out)
{
    static struct fota_gateway_setup form;
    const struct fota_gateway_setup_config config = {.nvs_namespace = SPACE};
    esp_err_t err = start_driver();
    if (err == ESP_OK) {
        err = draw_secret(out->secret);
    }
    if (err == ESP_OK) {
        err = open_access_point(out->secret);
    }
    if (err != ESP_OK) {
        say('E', "the access point of the first start does not start (%s)", esp_err_to_name(err));
        return;
    }
    if (fota_gateway_setup_start(&form, &config) != 0) {
        return; /* the log says why */
    }
    say('I', "join the Wi-Fi %s with the password %s and open http://192.168.4.1/", NAME, out->secret);
    while (!fota_gateway_setup_is_done(&form)) {
        look_later();
    }
    look_later();                         /* its last page arrives */
    (void)fota_gateway_setup_stop(&form); /* it serves */
    say('I', "the settings are saved: the chip restarts");
    esp_restart();
}

bool first_start(struct first_start *out)
{
    if (fota_gateway_button_was_held(CONFIG_EXAMPLE_BUTTON)) {
        const int reason = fota_gateway_forget(SPACE);
        say(reason ? 'E' : 'W',
            reason ? "the settings are still there" : "settings and secret are forgotten");
    }
    const int reason = fota_gateway_settings_load(SPACE, &out->settings);
    if (reason == NO_SETTINGS) {
        ask(out);
        return false;
    }
    return reason == 0 && fota_gateway_secret(SPACE, out->secret) == 0;
}
