/**
 * Configuration of the stand-in project: what ESP-IDF's Kconfig would write. A test that wants another chip or tick rate
 * defines STAND_IN_ESP32C3 or STAND_IN_HZ for its build.
 */
#ifndef SDKCONFIG_H
#define SDKCONFIG_H

#ifdef STAND_IN_ESP32C3
#define CONFIG_IDF_TARGET_ESP32C3 1
#define CONFIG_IDF_TARGET         "esp32c3"
#else
#define CONFIG_IDF_TARGET_ESP32 1
#define CONFIG_IDF_TARGET       "esp32"
#endif
#ifdef STAND_IN_HZ
#define CONFIG_FREERTOS_HZ STAND_IN_HZ
#else
#define CONFIG_FREERTOS_HZ 1000
#endif
#define CONFIG_ESP_HTTP_CLIENT_ENABLE_HTTPS   1
#define CONFIG_MBEDTLS_CERTIFICATE_BUNDLE     1
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#ifdef STAND_IN_IDF_MINOR /* an older version, with its own default */
#define CONFIG_HTTPD_MAX_REQ_HDR_LEN 512
#else
#define CONFIG_HTTPD_MAX_REQ_HDR_LEN 1024
#endif

#endif
