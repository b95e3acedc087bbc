/**
 * Time for the gateway. Implemented by port/posix (the machine's clocks), port/twin (the twin's virtual
 * time).
 *
 * Two clocks, never mixed: `now_ms` only measures intervals, `utc_s` only dates statements and requests.
 */
#ifndef PORT_CLOCK_H
#define PORT_CLOCK_H

#include <stdint.h>

struct clock;

struct clock_ops {
    uint64_t (*now_ms)(struct clock *clock);
    uint64_t (*utc_s)(struct clock *clock);
};

/** Embed as first member of the concrete clock. */
struct clock {
    const struct clock_ops *ops;
};

/** Monotonic milliseconds from any start. */
static inline uint64_t clock_now_ms(struct clock *clock)
{
    return clock->ops->now_ms(clock);
}

/** Seconds since 1970-01-01T00:00:00Z as far as this machine knows; 0 if it does not. May jump either way. */
static inline uint64_t clock_utc_s(struct clock *clock)
{
    return clock->ops->utc_s(clock);
}

#endif
