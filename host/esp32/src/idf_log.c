#include "idf_log.h"

#include <stdio.h>

#include "esp_log.h"

void idf_log(const struct idf_log *log, char level, const char *format, ...)
{
    char line[IDF_LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args); /* a longer line is cut */
    va_end(args);
    const esp_log_level_t severity = level == 'E'   ? ESP_LOG_ERROR
                                     : level == 'W' ? ESP_LOG_WARN
                                                    : ESP_LOG_INFO;
    esp_log_write(severity, "fota", "%c fota: %s\n", level, line);
    if (log->on_line) {
        log->on_line(log->ctx, level, line);
    }
}
