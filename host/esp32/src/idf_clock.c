#include "idf_clock.h"

#include <time.h>

#include "esp_timer.h"

enum { US_PER_MS = 1000, FIRST_TRUE_S = 1577836800 /* 2020-01-01: nobody set the clock before */ };

static uint64_t now_ms(struct clock *clock)
{
    (void)clock;
    return (uint64_t)esp_timer_get_time() / US_PER_MS;
}

static uint64_t utc_s(struct clock *clock)
{
    (void)clock;
    const time_t now = time(NULL);
    return now >= FIRST_TRUE_S ? (uint64_t)now : 0;
}

void idf_clock_init(struct clock *clock)
{
    static const struct clock_ops ops = {.now_ms = now_ms, .utc_s = utc_s};
    clock->ops = &ops;
}
