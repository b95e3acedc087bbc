/** As much of the Arduino core for ESP32 (3.x) as the example sketches use. Serial's lines go to the log of the stand-ins, with
 * "serial: " before them. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string>

void setup();
void loop();
void delay(uint32_t ms);
unsigned long millis();
void configTime(long utc_offset_s, int daylight_offset_s, const char *server);

enum { LOW = 0, HIGH = 1, INPUT = 0x01, OUTPUT = 0x03, INPUT_PULLUP = 0x05 };
void pinMode(uint8_t pin, uint8_t mode);
int digitalRead(uint8_t pin);

class String {
  public:
    explicit String(const char *text) : text_(text)
    {
    }
    const char *c_str() const
    {
        return text_.c_str();
    }

  private:
    std::string text_;
};

class IPAddress {
  public:
    explicit IPAddress(uint32_t address) : address_(address)
    {
    }
    String toString() const;

  private:
    uint32_t address_; /* network byte order */
};

class EspClass {
  public:
    __attribute__((noreturn)) void restart();
};
extern EspClass ESP;

class HardwareSerial {
  public:
    void begin(unsigned long baud);
    size_t println(const char *line);
    __attribute__((format(printf, 2, 3))) size_t printf(const char *format, ...);
};
extern HardwareSerial Serial;

#endif
