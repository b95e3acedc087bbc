/*
 * What the ESP32 port takes for granted about the API of ESP-IDF, as assertions that a compiler checks.
 *
 * The tests compile it against the stand-ins. With ESP-IDF at hand, compile it as one more source of a component against the
 * original headers (v5.1 to v6.0): where it compiles, each signature, field and value that the port uses is the same there.
 * Nothing runs.
 */
#include <stddef.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#include "driver/gpio.h"
#include "driver/spi_master.h"
#include "esp_crt_bundle.h"
#include "esp_err.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_http_server.h"
#include "esp_idf_version.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_netif.h"
#include "esp_netif_sntp.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "esp_random.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "esp_tls_errors.h"
#include "esp_wifi.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "soc/soc_caps.h"

#define SAME(a, b)                  __builtin_types_compatible_p(a, b)
#define TYPE(name, type)            _Static_assert(SAME(name, type), #name " is " #type)
#define FUNCTION(name, result, ...) _Static_assert(SAME(__typeof__(name), result(__VA_ARGS__)), #name)
/* The result of a call: for what is a macro in the original. The call is not made. */
#define CALL(call, result)     _Static_assert(SAME(__typeof__(call), result), #call)
#define FIELD(of, field, type) _Static_assert(SAME(__typeof__(((of *)0)->field), type), #of "." #field)
#define VALUE(name, value)     _Static_assert((name) == (value), #name " is " #value)

/* --- SPI master --------------------------------------------------------------------------------------- */
TYPE(esp_err_t, int);
FUNCTION(spi_bus_initialize, esp_err_t, spi_host_device_t, const spi_bus_config_t *, spi_dma_chan_t);
FUNCTION(spi_bus_add_device, esp_err_t, spi_host_device_t, const spi_device_interface_config_t *,
         spi_device_handle_t *);
FUNCTION(spi_device_acquire_bus, esp_err_t, spi_device_handle_t, TickType_t);
FUNCTION(spi_device_release_bus, void, spi_device_handle_t);
FUNCTION(spi_device_polling_transmit, esp_err_t, spi_device_handle_t, spi_transaction_t *);
FUNCTION(spi_device_get_actual_freq, esp_err_t, spi_device_handle_t, int *);
FIELD(spi_bus_config_t, mosi_io_num, int);
FIELD(spi_bus_config_t, miso_io_num, int);
FIELD(spi_bus_config_t, sclk_io_num, int);
FIELD(spi_bus_config_t, quadwp_io_num, int);
FIELD(spi_bus_config_t, quadhd_io_num, int);
FIELD(spi_bus_config_t, max_transfer_sz, int);
FIELD(spi_device_interface_config_t, mode, uint8_t);
FIELD(spi_device_interface_config_t, clock_speed_hz, int);
FIELD(spi_device_interface_config_t, input_delay_ns, int);
FIELD(spi_device_interface_config_t, spics_io_num, int);
FIELD(spi_device_interface_config_t, queue_size, int);
FIELD(spi_transaction_t, flags, uint32_t);
FIELD(spi_transaction_t, length, size_t);
FIELD(spi_transaction_t, rxlength, size_t);
FIELD(spi_transaction_t, tx_buffer, const void *);
FIELD(spi_transaction_t, rx_buffer, void *);
VALUE(SPI2_HOST, 1);
#if SOC_SPI_PERIPH_NUM > 2
VALUE(SPI3_HOST, 2);
#endif
VALUE(SPI_DMA_DISABLED, 0);

/* --- GPIO --------------------------------------------------------------------------------------------- */
FUNCTION(gpio_config, esp_err_t, const gpio_config_t *);
FUNCTION(gpio_set_level, esp_err_t, gpio_num_t, uint32_t);
FUNCTION(gpio_get_level, int, gpio_num_t);
FIELD(gpio_config_t, pin_bit_mask, uint64_t);
FIELD(gpio_config_t, mode, gpio_mode_t);
FIELD(gpio_config_t, pull_up_en, gpio_pullup_t);
VALUE(GPIO_MODE_INPUT, 1);
VALUE(GPIO_MODE_OUTPUT, 2);
VALUE(GPIO_MODE_INPUT_OUTPUT_OD, 7);

/* --- time, tasks --------------------------------------------------------------------------------------- */
FUNCTION(esp_timer_get_time, int64_t, void);
FUNCTION(esp_rom_delay_us, void, uint32_t);
TYPE(TickType_t, uint32_t);
TYPE(StackType_t, uint8_t);
FUNCTION(xTaskCreateStatic, TaskHandle_t, TaskFunction_t, const char *, uint32_t, void *, UBaseType_t,
         StackType_t *, StaticTask_t *);
FUNCTION(vTaskDelay, void, TickType_t);
FUNCTION(vTaskDelete, void, TaskHandle_t);
FUNCTION(xTaskGetCurrentTaskHandle, TaskHandle_t, void);
FUNCTION(uxTaskGetStackHighWaterMark, UBaseType_t, TaskHandle_t);
CALL(xTaskNotifyGive((TaskHandle_t)0), BaseType_t);
CALL(ulTaskNotifyTake(pdTRUE, (TickType_t)0), uint32_t);
CALL(xSemaphoreCreateMutexStatic((StaticSemaphore_t *)0), SemaphoreHandle_t);
CALL(xSemaphoreTake((SemaphoreHandle_t)0, (TickType_t)0), BaseType_t);
CALL(xSemaphoreGive((SemaphoreHandle_t)0), BaseType_t);
FUNCTION(esp_task_wdt_add, esp_err_t, TaskHandle_t);
FUNCTION(esp_task_wdt_delete, esp_err_t, TaskHandle_t);
FUNCTION(esp_task_wdt_reset, esp_err_t, void);

/* --- NVS, partitions ------------------------------------------------------------------------------------- */
FUNCTION(nvs_flash_init, esp_err_t, void);
FUNCTION(nvs_flash_erase, esp_err_t, void);
FUNCTION(nvs_open, esp_err_t, const char *, nvs_open_mode_t, nvs_handle_t *);
FUNCTION(nvs_close, void, nvs_handle_t);
FUNCTION(nvs_commit, esp_err_t, nvs_handle_t);
FUNCTION(nvs_set_blob, esp_err_t, nvs_handle_t, const char *, const void *, size_t);
FUNCTION(nvs_get_blob, esp_err_t, nvs_handle_t, const char *, void *, size_t *);
FUNCTION(nvs_set_str, esp_err_t, nvs_handle_t, const char *, const char *);
FUNCTION(nvs_get_str, esp_err_t, nvs_handle_t, const char *, char *, size_t *);
FUNCTION(nvs_erase_key, esp_err_t, nvs_handle_t, const char *);
FUNCTION(nvs_erase_all, esp_err_t, nvs_handle_t);
VALUE(ESP_ERR_NVS_NOT_FOUND, 0x1102);
VALUE(ESP_ERR_NVS_INVALID_LENGTH, 0x110c);
VALUE(ESP_ERR_NVS_NO_FREE_PAGES, 0x110d);
VALUE(ESP_ERR_NVS_NEW_VERSION_FOUND, 0x1110);
VALUE(NVS_KEY_NAME_MAX_SIZE, 16);
FUNCTION(esp_partition_find_first, const esp_partition_t *, esp_partition_type_t, esp_partition_subtype_t,
         const char *);
FUNCTION(esp_partition_read, esp_err_t, const esp_partition_t *, size_t, void *, size_t);
FUNCTION(esp_partition_write, esp_err_t, const esp_partition_t *, size_t, const void *, size_t);
FUNCTION(esp_partition_erase_range, esp_err_t, const esp_partition_t *, size_t, size_t);
FIELD(esp_partition_t, address, uint32_t);
FIELD(esp_partition_t, size, uint32_t);
FIELD(esp_partition_t, erase_size, uint32_t);
FIELD(esp_partition_t, encrypted, bool);
VALUE(ESP_PARTITION_TYPE_DATA, 1);
VALUE(ESP_PARTITION_SUBTYPE_ANY, 255);

/* --- the ESP32's own application --------------------------------------------------------------------------- */
FUNCTION(esp_ota_get_running_partition, const esp_partition_t *, void);
FUNCTION(esp_ota_get_next_update_partition, const esp_partition_t *, const esp_partition_t *);
FUNCTION(esp_ota_begin, esp_err_t, const esp_partition_t *, size_t, esp_ota_handle_t *);
FUNCTION(esp_ota_write, esp_err_t, esp_ota_handle_t, const void *, size_t);
FUNCTION(esp_ota_end, esp_err_t, esp_ota_handle_t);
FUNCTION(esp_ota_abort, esp_err_t, esp_ota_handle_t);
FUNCTION(esp_ota_set_boot_partition, esp_err_t, const esp_partition_t *);
FUNCTION(esp_ota_get_state_partition, esp_err_t, const esp_partition_t *, esp_ota_img_states_t *);
FUNCTION(esp_ota_mark_app_valid_cancel_rollback, esp_err_t, void);
FUNCTION(esp_ota_mark_app_invalid_rollback_and_reboot, esp_err_t, void);
VALUE(ESP_OTA_IMG_NEW, 0);
VALUE(ESP_OTA_IMG_PENDING_VERIFY, 1);
VALUE(ESP_OTA_IMG_VALID, 2);
VALUE(ESP_OTA_IMG_INVALID, 3);
VALUE(ESP_OTA_IMG_ABORTED, 4);
FUNCTION(esp_restart, void, void);
FUNCTION(esp_reset_reason, esp_reset_reason_t, void);
VALUE(ESP_RST_POWERON, 1);
VALUE(ESP_RST_BROWNOUT, 9);

/* --- HTTP ------------------------------------------------------------------------------------------------- */
FUNCTION(esp_http_client_init, esp_http_client_handle_t, const esp_http_client_config_t *);
FUNCTION(esp_http_client_cleanup, esp_err_t, esp_http_client_handle_t);
FUNCTION(esp_http_client_close, esp_err_t, esp_http_client_handle_t);
FUNCTION(esp_http_client_open, esp_err_t, esp_http_client_handle_t, int);
FUNCTION(esp_http_client_fetch_headers, int64_t, esp_http_client_handle_t);
FUNCTION(esp_http_client_read, int, esp_http_client_handle_t, char *, int);
FUNCTION(esp_http_client_get_status_code, int, esp_http_client_handle_t);
FUNCTION(esp_http_client_get_content_length, int64_t, esp_http_client_handle_t);
FUNCTION(esp_http_client_is_complete_data_received, bool, esp_http_client_handle_t);
FUNCTION(esp_http_client_is_chunked_response, bool, esp_http_client_handle_t);
FUNCTION(esp_http_client_set_url, esp_err_t, esp_http_client_handle_t, const char *);
FUNCTION(esp_http_client_set_timeout_ms, esp_err_t, esp_http_client_handle_t, int);
FUNCTION(esp_http_client_set_header, esp_err_t, esp_http_client_handle_t, const char *, const char *);
FUNCTION(esp_http_client_delete_header, esp_err_t, esp_http_client_handle_t, const char *);
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 3, 0)
FUNCTION(esp_http_client_get_and_clear_last_tls_error, esp_err_t, esp_http_client_handle_t, int *, int *);
#endif
FIELD(esp_http_client_config_t, url, const char *);
FIELD(esp_http_client_config_t, cert_pem, const char *);
FIELD(esp_http_client_config_t, user_agent, const char *);
FIELD(esp_http_client_config_t, method, esp_http_client_method_t);
FIELD(esp_http_client_config_t, timeout_ms, int);
FIELD(esp_http_client_config_t, disable_auto_redirect, bool);
FIELD(esp_http_client_config_t, event_handler, http_event_handle_cb);
FIELD(esp_http_client_config_t, buffer_size, int);
FIELD(esp_http_client_config_t, buffer_size_tx, int);
FIELD(esp_http_client_config_t, user_data, void *);
FIELD(esp_http_client_config_t, crt_bundle_attach, esp_err_t (*)(void *));
FIELD(esp_http_client_event_t, event_id, esp_http_client_event_id_t);
FIELD(esp_http_client_event_t, user_data, void *);
FIELD(esp_http_client_event_t, header_key, char *);
FIELD(esp_http_client_event_t, header_value, char *);
TYPE(http_event_handle_cb, esp_err_t (*)(esp_http_client_event_t *));
VALUE(HTTP_EVENT_ON_HEADER, 3);
VALUE(ESP_ERR_HTTP_CONNECT, 0x7002);
VALUE(ESP_ERR_HTTP_INVALID_TRANSPORT, 0x7005);
VALUE(ESP_ERR_HTTP_EAGAIN, 0x7007);
FUNCTION(esp_crt_bundle_attach, esp_err_t, void *);
VALUE(ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME, 0x8001);
VALUE(ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST, 0x8004);
VALUE(ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT, 0x8006);
VALUE(ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED, 0x801a);

/* --- HTTP server ------------------------------------------------------------------------------------------- */
FUNCTION(httpd_start, esp_err_t, httpd_handle_t *, const httpd_config_t *);
FUNCTION(httpd_stop, esp_err_t, httpd_handle_t);
FUNCTION(httpd_register_uri_handler, esp_err_t, httpd_handle_t, const httpd_uri_t *);
FUNCTION(httpd_req_get_hdr_value_len, size_t, httpd_req_t *, const char *);
FUNCTION(httpd_req_get_hdr_value_str, esp_err_t, httpd_req_t *, const char *, char *, size_t);
FUNCTION(httpd_req_recv, int, httpd_req_t *, char *, size_t);
FUNCTION(httpd_resp_set_status, esp_err_t, httpd_req_t *, const char *);
FUNCTION(httpd_resp_set_type, esp_err_t, httpd_req_t *, const char *);
FUNCTION(httpd_resp_set_hdr, esp_err_t, httpd_req_t *, const char *, const char *);
FUNCTION(httpd_resp_send, esp_err_t, httpd_req_t *, const char *, ssize_t);
FUNCTION(httpd_resp_send_chunk, esp_err_t, httpd_req_t *, const char *, ssize_t);
FIELD(httpd_config_t, task_priority, unsigned);
FIELD(httpd_config_t, stack_size, size_t);
FIELD(httpd_config_t, server_port, uint16_t);
FIELD(httpd_config_t, max_open_sockets, uint16_t);
FIELD(httpd_config_t, max_uri_handlers, uint16_t);
FIELD(httpd_config_t, max_resp_headers, uint16_t);
FIELD(httpd_config_t, lru_purge_enable, bool);
FIELD(httpd_config_t, recv_wait_timeout, uint16_t);
FIELD(httpd_config_t, send_wait_timeout, uint16_t);
FIELD(httpd_config_t, uri_match_fn, httpd_uri_match_func_t);
/* Not yet in the verified list; as Espressif's documentation has it. */
TYPE(httpd_uri_match_func_t, bool (*)(const char *, const char *, size_t));
FIELD(httpd_uri_t, uri, const char *);
FIELD(httpd_uri_t, method, httpd_method_t);
FIELD(httpd_uri_t, handler, esp_err_t (*)(httpd_req_t *));
FIELD(httpd_uri_t, user_ctx, void *);
FIELD(httpd_req_t, method, int);
FIELD(httpd_req_t, content_len, size_t);
FIELD(httpd_req_t, user_ctx, void *);

/* --- system ------------------------------------------------------------------------------------------------ */
FUNCTION(esp_err_to_name, const char *, esp_err_t);
FUNCTION(esp_log_write, void, esp_log_level_t, const char *, const char *, ...);
FUNCTION(esp_random, uint32_t, void);
FUNCTION(esp_read_mac, esp_err_t, uint8_t *, esp_mac_type_t);

/* --- Wi-Fi, events, clock: the example only (REQUIRES esp_wifi esp_netif esp_event) ---------------------------------- */
FUNCTION(xEventGroupCreateStatic, EventGroupHandle_t, StaticEventGroup_t *);
FUNCTION(xEventGroupSetBits, EventBits_t, EventGroupHandle_t, EventBits_t);
FUNCTION(xEventGroupClearBits, EventBits_t, EventGroupHandle_t, EventBits_t);
FUNCTION(xEventGroupWaitBits, EventBits_t, EventGroupHandle_t, EventBits_t, BaseType_t, BaseType_t,
         TickType_t);
FUNCTION(esp_netif_init, esp_err_t, void);
FUNCTION(esp_event_loop_create_default, esp_err_t, void);
FUNCTION(esp_event_handler_instance_register, esp_err_t, esp_event_base_t, int32_t, esp_event_handler_t,
         void *, esp_event_handler_instance_t *);
FUNCTION(esp_netif_create_default_wifi_sta, esp_netif_t *, void);
FUNCTION(esp_netif_create_default_wifi_ap, esp_netif_t *, void);
FUNCTION(esp_netif_get_ip_info, esp_err_t, esp_netif_t *, esp_netif_ip_info_t *);
FUNCTION(esp_netif_sntp_init, esp_err_t, const esp_sntp_config_t *);
FUNCTION(esp_netif_sntp_sync_wait, esp_err_t, TickType_t);
FUNCTION(esp_wifi_init, esp_err_t, const wifi_init_config_t *);
FUNCTION(esp_wifi_set_mode, esp_err_t, wifi_mode_t);
FUNCTION(esp_wifi_set_storage, esp_err_t, wifi_storage_t);
FUNCTION(esp_wifi_set_config, esp_err_t, wifi_interface_t, wifi_config_t *);
FUNCTION(esp_wifi_set_ps, esp_err_t, wifi_ps_type_t);
FUNCTION(esp_wifi_start, esp_err_t, void);
FUNCTION(esp_wifi_stop, esp_err_t, void);
FUNCTION(esp_wifi_connect, esp_err_t, void);
FUNCTION(esp_wifi_disconnect, esp_err_t, void);
FUNCTION(esp_wifi_scan_start, esp_err_t, const wifi_scan_config_t *, bool);
FUNCTION(esp_wifi_scan_get_ap_records, esp_err_t, uint16_t *, wifi_ap_record_t *);
FIELD(wifi_sta_config_t, scan_method, wifi_scan_method_t);
FIELD(wifi_sta_config_t, bssid_set, bool);
FIELD(wifi_sta_config_t, threshold, wifi_scan_threshold_t);
FIELD(wifi_sta_config_t, pmf_cfg, wifi_pmf_config_t);
FIELD(wifi_sta_config_t, failure_retry_cnt, uint8_t);
FIELD(wifi_sta_config_t, ssid, uint8_t[32]);
FIELD(wifi_sta_config_t, password, uint8_t[64]);
FIELD(wifi_ap_config_t, ssid_len, uint8_t);
FIELD(wifi_ap_config_t, channel, uint8_t);
FIELD(wifi_ap_config_t, authmode, wifi_auth_mode_t);
FIELD(wifi_ap_config_t, max_connection, uint8_t);
FIELD(wifi_config_t, sta, wifi_sta_config_t);
FIELD(wifi_config_t, ap, wifi_ap_config_t);
FIELD(wifi_event_sta_disconnected_t, reason, uint8_t);
FIELD(wifi_event_sta_disconnected_t, ssid_len, uint8_t);
FIELD(wifi_event_sta_disconnected_t, rssi, int8_t);
FIELD(ip_event_got_ip_t, ip_info, esp_netif_ip_info_t);
FIELD(ip_event_got_ip_t, ip_changed, bool);
FIELD(esp_sntp_config_t, sync_cb, esp_sntp_time_cb_t);
FIELD(esp_sntp_config_t, start, bool);
FIELD(esp_sntp_config_t, wait_for_sync, bool);
FIELD(esp_sntp_config_t, num_of_servers, size_t);
VALUE(WIFI_MODE_STA, 1);
VALUE(WIFI_MODE_AP, 2);
VALUE(WIFI_MODE_APSTA, 3);
VALUE(WIFI_AUTH_OPEN, 0);
VALUE(WIFI_AUTH_WPA2_PSK, 3);
