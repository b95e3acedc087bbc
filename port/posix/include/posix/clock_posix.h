/**
 * clock.h on this machine's clocks.
 */
#ifndef POSIX_CLOCK_POSIX_H
#define POSIX_CLOCK_POSIX_H

#include "port/clock.h"

/** Monotonic clock and real-time clock of the machine. */
void clock_posix_init(struct clock *clock);

#endif
