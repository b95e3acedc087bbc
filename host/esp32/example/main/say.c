#include "say.h"

#include <stdarg.h>
#include <stdio.h>

#include "esp_log.h"

enum { LINE_BYTES = 201 };

void say(char level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    esp_log_write(level == 'E'   ? ESP_LOG_ERROR
                  : level == 'W' ? ESP_LOG_WARN
                                 : ESP_LOG_INFO,
                  "example", "%c example: %s\n", level, line);
}
