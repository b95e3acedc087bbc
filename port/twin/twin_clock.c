#include "port_twin/twin_clock.h"

static const struct twin_clock *of(struct clock *self)
{
    return (const struct twin_clock *)self; /* first member */
}

static uint64_t now_ms(struct clock *self)
{
    return twin_now_ns(of(self)->twin) / 1000000U;
}

static uint64_t utc_s(struct clock *self)
{
    return of(self)->start_utc_s + twin_now_ns(of(self)->twin) / 1000000000U;
}

void twin_clock_init(struct twin_clock *self, const struct twin *twin, uint64_t start_utc_s)
{
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    *self = (struct twin_clock){.clock = {.ops = &ops}, .twin = twin, .start_utc_s = start_utc_s};
}
