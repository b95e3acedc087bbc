/** One line to ESP-IDF's log. Checked by the compiler as printf: ESP_LOGx is not from ESP-IDF v5.5 on. */
#ifndef SAY_H
#define SAY_H

/** @param level  'E', 'W' or 'I'; a line of more than 200 characters is cut */
void say(char level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
