/** As much of the Arduino core as the example sketches use. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void setup();
void loop();
void delay(unsigned long ms);
void configTime(long utc_offset_s, int daylight_offset_s, const char *server);

struct HardwareSerial {
    void begin(unsigned long)
    {
    }
    void println(const char *line)
    {
        ::puts(line);
    }
    __attribute__((format(printf, 2, 3))) void printf(const char *format, ...)
    {
        va_list args;
        va_start(args, format);
        ::vprintf(format, args);
        va_end(args);
    }
};
extern HardwareSerial Serial;

#endif
