/** Log. The macros ESP_LOGx are left out: the port has its own formatted function, because they are not format-checked from
 * v5.5 on. */
#ifndef ESP_LOG_H
#define ESP_LOG_H

#include <stdarg.h>

typedef enum {
    ESP_LOG_NONE,
    ESP_LOG_ERROR,
    ESP_LOG_WARN,
    ESP_LOG_INFO,
    ESP_LOG_DEBUG,
    ESP_LOG_VERBOSE
} esp_log_level_t;

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
