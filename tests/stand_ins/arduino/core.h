/** The Arduino core from outside: what a test does with it. For C. */
#ifndef ARDUINO_CORE_H
#define ARDUINO_CORE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Power on, or the start after stand_in_reset: what the core does before setup(), then its loopTask. */
void arduino_start(void);

/** Did the sketch restart the chip? Then nothing of it runs any more, until stand_in_reset and arduino_start. */
bool arduino_is_restarting(void);

/** The access point that the sketch opened: its password, "" for none. */
const char *arduino_access_point(void);

/** Somebody presses the button at this GPIO: it is low; or lets it go. */
void arduino_press(unsigned pin, bool is_pressed);

#ifdef __cplusplus
}
#endif

#endif
