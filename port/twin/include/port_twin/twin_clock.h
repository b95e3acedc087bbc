/**
 * clock.h on the twin: intervals are the twin's virtual time, the date is where the caller put it plus
 * virtual time.
 */
#ifndef PORT_TWIN_TWIN_CLOCK_H
#define PORT_TWIN_TWIN_CLOCK_H

#include "port/clock.h"
#include "twin/twin.h"

/** Public only to be embedded. */
struct twin_clock {
    struct clock clock;
    const struct twin *twin;
    uint64_t start_utc_s;
};

/** @param start_utc_s  date at virtual time 0, seconds since 1970; the real time if requests go to a real
 * server */
void twin_clock_init(struct twin_clock *clock, const struct twin *twin, uint64_t start_utc_s);

#endif
