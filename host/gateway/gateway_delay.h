/**
 * How long to wait: jitter and back-off from a seed, so that a fleet spreads and a test repeats. Pure.
 */
#ifndef GATEWAY_DELAY_H
#define GATEWAY_DELAY_H

#include <stdint.h>

/** Pseudo-random numbers (xorshift32): the state is one number, never 0 after this. */
void gateway_random_init(uint32_t *r, uint32_t seed);

/** Uniform in low..high, both included; low if high < low. */
uint32_t gateway_random_in(uint32_t *r, uint32_t low, uint32_t high);

/** A quiet poll: interval × 0.75..1.25, at most 2^31 ms. */
uint32_t gateway_delay_quiet(uint32_t *r, uint32_t interval_ms);

/** The first poll after a start: 0..min(interval, 300 s), because power returns to a whole street at once. */
uint32_t gateway_delay_first(uint32_t *r, uint32_t interval_ms);

/** After a failure ("decorrelated jitter"): min(max, uniform(min, 3 × previous)); `previous` 0 after a
 * success. */
uint32_t gateway_delay_backoff(uint32_t *r, uint32_t min_ms, uint32_t max_ms, uint32_t previous_ms);

#endif
