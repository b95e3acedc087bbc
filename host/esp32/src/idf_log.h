/** Log lines of the port: to ESP-IDF's log and to whoever the configuration names. Checked by the compiler as printf, because
 * ESP_LOGx is not from ESP-IDF v5.5 on. */
#ifndef IDF_LOG_H
#define IDF_LOG_H

#include <stdarg.h>

#include "base/attr.h"

enum { IDF_LOG_LINE_BYTES = 320 };

/** Fill it, or zero it: then only ESP-IDF's log gets the lines. */
struct idf_log {
    void (*on_line)(void *ctx, char level, const char *line);
    void *ctx;
};

/** @param level  'E', 'W' or 'I' */
FOTA_PRINTF(3, 4)
void idf_log(const struct idf_log *log, char level, const char *format, ...);

#endif
