/* An ESP32 that keeps one STM32F407 up to date. Wi-Fi name, bucket and pins come from menuconfig; the keys are the two below. */
#include <stdio.h>
#include <string.h>

#include "esp_event.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_wifi.h"
#include "fota_gateway/fota_gateway.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

enum { GOT_IP = 1, LOST = 2, PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 60000 };

/* The text of build/keys/image-key.pub.pem and channel-key.pub.pem. */
static const char IMAGE_KEY[] = "-----BEGIN PUBLIC KEY-----\n"
                                "...\n"
                                "-----END PUBLIC KEY-----\n";
static const char CHANNEL_KEY[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "...\n"
                                  "-----END PUBLIC KEY-----\n";

static StaticEventGroup_t event_memory;
static EventGroupHandle_t events;
static struct fota_gateway gateway;
static struct fota_gateway_task task;

/* In the task of the event loop: a bit, no more. */
static void on_wifi(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    (void)data;
    if (id == WIFI_EVENT_STA_DISCONNECTED || id == WIFI_EVENT_STA_START) {
        xEventGroupSetBits(events, LOST);
    }
}

static void on_ip(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    (void)arg;
    (void)base;
    (void)id;
    (void)data;
    xEventGroupSetBits(events, GOT_IP);
}

static void start_wifi(void)
{
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t wifi;
    memset(&wifi, 0, sizeof wifi);
    memcpy(wifi.sta.ssid, CONFIG_EXAMPLE_WIFI_SSID, strlen(CONFIG_EXAMPLE_WIFI_SSID));
    memcpy(wifi.sta.password, CONFIG_EXAMPLE_WIFI_PASSWORD, strlen(CONFIG_EXAMPLE_WIFI_PASSWORD));
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    (void)esp_netif_create_default_wifi_sta();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL, NULL));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_ip, NULL, NULL));
    ESP_ERROR_CHECK(esp_wifi_set_storage(WIFI_STORAGE_RAM));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &wifi));
    ESP_ERROR_CHECK(esp_wifi_start());
}

/* For ever: connects again, with pauses that double and are not the same on every board. */
static void keep_wifi(void)
{
    uint32_t pause_ms = PAUSE_MIN_MS;
    for (;;) {
        const EventBits_t bits = xEventGroupWaitBits(events, GOT_IP | LOST, pdTRUE, pdFALSE, portMAX_DELAY);
        if ((bits & GOT_IP) != 0) {
            pause_ms = PAUSE_MIN_MS;
            fota_gateway_poll_now(&gateway);
        }
        if ((bits & LOST) != 0) {
            vTaskDelay(pdMS_TO_TICKS(pause_ms / 2 + esp_random() % pause_ms));
            pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
            (void)esp_wifi_connect(); /* a failure comes back as STA_DISCONNECTED */
        }
    }
}

void app_main(void)
{
    struct fota_gateway_config config;
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        printf("NVS is erased: the record of the gateway is lost, the target tells it again\n");
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    events = xEventGroupCreateStatic(&event_memory);
    fota_gateway_config_default(&config);
    config.image_key = IMAGE_KEY;
    config.channel_key = CHANNEL_KEY;
    config.is_watched = true;
    if (fota_gateway_open(&gateway, &config) ==
        0) { /* else the log says what is wrong; the board stays as it is */
        (void)fota_gateway_start(&gateway, &task);
    }
    start_wifi();
    keep_wifi();
}
