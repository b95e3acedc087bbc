/** The Arduino core from outside: what a test does with it. For C. */
#ifndef ARDUINO_CORE_H
#define ARDUINO_CORE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Power on, or the start after stand_in_reset: what the core does before setup(), then its loopTask. */
void arduino_start(void);

/** Somebody presses the button at this GPIO: it is low; or lets it go. */
void arduino_press(unsigned pin, bool is_pressed);

#ifdef __cplusplus
}
#endif

#endif
