/* The stand-ins of Wi-Fi, event loop and time server behave as the originals do, and HTTP notices when the network goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_netif.h"
#include "esp_netif_sntp.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"
#include "local_s3.h"
#include "stand_in.h"

enum { IDS = 20, BODY_BYTES = 20000, TIMEOUT_MS = 1000, UTC_S = 1790000000 };

static struct local_s3 s3;
static unsigned n_wifi[IDS], n_ip[IDS];
static unsigned last_reason;
static bool is_slow_handler;

static void on_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    unsigned *heard = base == WIFI_EVENT ? n_wifi : n_ip;
    assert_ptr_equal(arg, heard);
    heard[id]++;
    if (base == WIFI_EVENT && id == WIFI_EVENT_STA_DISCONNECTED) {
        last_reason = ((const wifi_event_sta_disconnected_t *)data)->reason;
    }
    if (is_slow_handler) {
        vTaskDelay(1);
    }
}

static void start_wifi(const char *name, const char *password)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = {0};
    memcpy(config.sta.ssid, name, strlen(name));
    memcpy(config.sta.password, password, strlen(password));
    memset(n_wifi, 0, sizeof n_wifi);
    memset(n_ip, 0, sizeof n_ip);
    assert_int_equal(esp_netif_init(), ESP_OK);
    assert_int_equal(esp_event_loop_create_default(), ESP_OK);
    assert_int_equal(esp_event_loop_create_default(), ESP_ERR_INVALID_STATE);
    assert_non_null(esp_netif_create_default_wifi_sta());
    assert_int_equal(esp_wifi_init(&init), ESP_OK);
    assert_int_equal(
        esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_event, n_wifi, NULL), 0);
    assert_int_equal(esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_event, n_ip, NULL),
                     0);
    assert_int_equal(esp_wifi_set_storage(WIFI_STORAGE_RAM), ESP_OK);
    assert_int_equal(esp_wifi_set_mode(WIFI_MODE_STA), ESP_OK);
    assert_int_equal(esp_wifi_set_config(WIFI_IF_STA, &config), ESP_OK);
    assert_int_not_equal(esp_wifi_connect(), ESP_OK); /* not started */
    assert_int_equal(esp_wifi_start(), ESP_OK);
    assert_int_equal(n_wifi[WIFI_EVENT_STA_START], 0); /* told by another task */
    vTaskDelay(1);
    assert_int_equal(n_wifi[WIFI_EVENT_STA_START], 1);
}

static int new_chip(void **state)
{
    (void)state;
    is_slow_handler = false;
    stand_in_new(&(struct stand_in_config){.sntp_s = UTC_S});
    return 0;
}

/* @return result of open; then the status, or what fetch_headers said when that is negative */
static esp_err_t get(esp_http_client_handle_t client, int64_t *status)
{
    const esp_err_t err = esp_http_client_open(client, 0);
    if (err == ESP_OK) {
        *status = esp_http_client_fetch_headers(client);
        *status = *status < 0 ? *status : esp_http_client_get_status_code(client);
    }
    return err;
}

static esp_http_client_handle_t new_client(void)
{
    char url[LOCAL_S3_URL_BYTES + 32];
    (void)snprintf(url, sizeof url, "%s/releases/v1/blobs/x", s3.url);
    const esp_http_client_config_t config = {.url = url, .timeout_ms = TIMEOUT_MS};
    esp_http_client_handle_t client = esp_http_client_init(&config);
    assert_non_null(client);
    return client;
}

static void a_station_connects_and_gets_an_address(void **state)
{
    (void)state;
    int64_t status = 0;
    esp_http_client_handle_t client = new_client();
    start_wifi("home", "password");
    assert_int_equal(get(client, &status), ESP_ERR_HTTP_CONNECT); /* no network yet */
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    assert_int_not_equal(esp_wifi_connect(), ESP_OK); /* it is under way */
    vTaskDelay(3000);
    assert_int_equal(n_wifi[WIFI_EVENT_STA_CONNECTED], 1);
    assert_int_equal(n_ip[IP_EVENT_STA_GOT_IP], 1);
    assert_int_equal(get(client, &status), ESP_OK);
    assert_int_equal(status, 200);
    assert_int_equal(esp_http_client_cleanup(client), ESP_OK);
    assert_string_equal(stand_in_fault(), "");
}

static void what_is_wrong_comes_as_a_reason_and_nothing_connects_again_by_itself(void **state)
{
    (void)state;
    start_wifi("home", "pass-word");
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    vTaskDelay(10000);
    assert_int_equal(last_reason, 15);
    stand_in_wifi_air(NULL, NULL);
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    vTaskDelay(60000);
    assert_int_equal(last_reason, 201);
    assert_int_equal(n_wifi[WIFI_EVENT_STA_DISCONNECTED], 2);
    stand_in_wifi_air("home", "pass-word");
    vTaskDelay(60000);
    assert_int_equal(n_ip[IP_EVENT_STA_GOT_IP], 0);
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    vTaskDelay(10000);
    assert_int_equal(n_ip[IP_EVENT_STA_GOT_IP], 1);
    stand_in_wifi_drop(200, 5000000);
    vTaskDelay(1);
    assert_int_equal(last_reason, 200);
    assert_false(stand_in_network_is_up());
    assert_int_equal(esp_wifi_connect(), ESP_OK); /* too early */
    vTaskDelay(4000);
    assert_int_equal(last_reason, 201);
    vTaskDelay(2000);
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    vTaskDelay(3000);
    assert_true(stand_in_network_is_up());
}

static void an_outage_silences_a_connection_for_ever(void **state)
{
    (void)state;
    static char body[BODY_BYTES];
    int64_t status = 0;
    esp_http_client_handle_t client = new_client();
    stand_in_wifi_drop_every(10000, 3000000);
    assert_int_equal(get(client, &status), ESP_OK); /* without Wi-Fi driver the network is there */
    const int n = esp_http_client_read(client, body, sizeof body);
    assert_true(n > 9000 && n < 10000); /* the head counts, too */
    assert_int_equal(esp_http_client_read(client, body, sizeof body), -ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(esp_http_client_cleanup(client), ESP_OK);
    client = new_client();
    assert_int_equal(get(client, &status), ESP_ERR_HTTP_CONNECT);
    vTaskDelay(3000);
    stand_in_wifi_drop_every(0, 0);
    assert_int_equal(get(client, &status), ESP_OK);
    assert_int_equal(esp_http_client_read(client, body, sizeof body), BODY_BYTES);
    assert_int_equal(esp_http_client_cleanup(client), ESP_OK);
    assert_int_equal(stand_in_stats()->wifi_drops, 1);
}

static void a_handler_that_waits_is_a_fault(void **state)
{
    (void)state;
    start_wifi("home", "password");
    is_slow_handler = true;
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    vTaskDelay(3000);
    assert_non_null(strstr(stand_in_fault(), "a handler of the event loop waits"));
}

static void the_clock_comes_with_the_network(void **state)
{
    (void)state;
    const esp_sntp_config_t config = ESP_NETIF_SNTP_DEFAULT_CONFIG("time.test");
    start_wifi("home", "password");
    assert_int_equal(esp_netif_sntp_init(&config), ESP_OK);
    assert_int_equal(esp_netif_sntp_init(&config), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_netif_sntp_sync_wait(1000), ESP_ERR_TIMEOUT);
    assert_true(time(NULL) < 10);
    assert_int_equal(esp_wifi_connect(), ESP_OK);
    assert_int_equal(esp_netif_sntp_sync_wait(5000), ESP_OK);
    assert_true(time(NULL) >= UTC_S && time(NULL) < UTC_S + 10);
    stand_in_reset();
    assert_true(time(NULL) < 10);
}

static EventGroupHandle_t group;
static void set_two_bits(void *unused)
{
    (void)unused;
    (void)xEventGroupSetBits(group, 1);
    vTaskDelay(10);
    (void)xEventGroupSetBits(group, 2);
    vTaskDelete(NULL);
}

static void a_reset_ends_every_task_and_bits_wake_who_waits(void **state)
{
    (void)state;
    static StaticEventGroup_t memory;
    static StaticTask_t task[20];
    static StackType_t stack[20][64];
    group = xEventGroupCreateStatic(&memory);
    for (unsigned i = 0; i < 20; i++) { /* more than there are at a time */
        (void)xEventGroupClearBits(group, 3);
        assert_non_null(xTaskCreateStatic(set_two_bits, "t", 64, NULL, 2, stack[i], &task[i]));
        assert_int_equal(xEventGroupWaitBits(group, 3, pdTRUE, pdTRUE, 5), 1); /* one of two: not cleared */
        if (i % 2 == 0) {
            assert_int_equal(xEventGroupWaitBits(group, 3, pdTRUE, pdTRUE, portMAX_DELAY), 3);
            assert_int_equal(xEventGroupWaitBits(group, 3, pdTRUE, pdFALSE, 1), 0);
        } else {
            stand_in_reset();
        }
    }
}

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    static char body[BODY_BYTES];
    (void)state;
    local_s3_start(&s3, none);
    local_s3_put(&s3, "v1/blobs/x", body, sizeof body);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    local_s3_stop(&s3);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_station_connects_and_gets_an_address, new_chip),
        cmocka_unit_test_setup(what_is_wrong_comes_as_a_reason_and_nothing_connects_again_by_itself,
                               new_chip),
        cmocka_unit_test_setup(an_outage_silences_a_connection_for_ever, new_chip),
        cmocka_unit_test_setup(a_handler_that_waits_is_a_fault, new_chip),
        cmocka_unit_test_setup(the_clock_comes_with_the_network, new_chip),
        cmocka_unit_test_setup(a_reset_ends_every_task_and_bits_wake_who_waits, new_chip),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
