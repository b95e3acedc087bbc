/** port/clock.h on an ESP32: microseconds since the reset, and the time that SNTP set. */
#ifndef IDF_CLOCK_H
#define IDF_CLOCK_H

#include "port/clock.h"

/** The time of day is unknown (0) until somebody set the clock: it counts from 1970 at a reset. */
void idf_clock_init(struct clock *clock);

#endif
