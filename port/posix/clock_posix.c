#include "posix/clock_posix.h"

#include <time.h>

static uint64_t now_ms(struct clock *self)
{
    (void)self;
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

static uint64_t utc_s(struct clock *self)
{
    (void)self;
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec > 0 ? (uint64_t)t.tv_sec : 0;
}

void clock_posix_init(struct clock *self)
{
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    self->ops = &ops;
}
