#include "gateway_delay.h"

enum { FIRST_MAX_MS = 300000, SEED_IF_ZERO = 0x2545F491 };

static const uint32_t delay_max_ms = UINT32_C(1) << 31;

void gateway_random_init(uint32_t *r, uint32_t seed)
{
    *r = seed ? seed : SEED_IF_ZERO;
}

static uint32_t next(uint32_t *r)
{
    uint32_t x = *r;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *r = x;
    return x;
}

uint32_t gateway_random_in(uint32_t *r, uint32_t low, uint32_t high)
{
    if (high <= low) {
        return low;
    }
    uint64_t span = (uint64_t)high - low + 1U;
    return low + (uint32_t)((uint64_t)next(r) * span >> 32);
}

static uint32_t capped(uint64_t delay_ms, uint32_t max_ms)
{
    return delay_ms < max_ms ? (uint32_t)delay_ms : max_ms;
}

uint32_t gateway_delay_quiet(uint32_t *r, uint32_t interval_ms)
{
    uint32_t low = interval_ms - interval_ms / 4U;
    return gateway_random_in(r, low, capped((uint64_t)interval_ms + interval_ms / 4U, delay_max_ms));
}

uint32_t gateway_delay_first(uint32_t *r, uint32_t interval_ms)
{
    return gateway_random_in(r, 0, capped(interval_ms, FIRST_MAX_MS));
}

uint32_t gateway_delay_backoff(uint32_t *r, uint32_t min_ms, uint32_t max_ms, uint32_t previous_ms)
{
    uint32_t high = capped((uint64_t)previous_ms * 3U, max_ms);
    return capped(gateway_random_in(r, min_ms, high), max_ms);
}
