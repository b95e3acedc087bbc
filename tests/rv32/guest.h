/**
 * What the parts of the guest program share: counts of the tests, and the stack that the gateway runs on.
 */
#ifndef RV32_GUEST_H
#define RV32_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct rv32_counts {
    unsigned n_tests;
    unsigned n_failed;
    unsigned n_left; /* to the long run */
};

/** Of all suites that ran so far. */
struct rv32_counts rv32_counts(void);

/** Is this test left to the long run? */
bool rv32_is_left_out(const char *name);

/** A test begins: nothing runs on the gateway's stack, whatever the last test left there. */
void rv32_core_reset(void);

/** Fill what is free of the gateway's stack with a pattern. */
void rv32_core_paint(void);

/**
 * How deep the gateway's stack was used since it was painted.
 * @return bytes; the whole stack if it overflowed
 */
uint32_t rv32_core_used_bytes(void);

/** Call `f` on the gateway's stack. */
void rv32_on_core(void (*f)(void *ctx), void *ctx);

/**
 * Run one of the tests that fail by intention, each in its own way.
 * @return failed tests; -1: there is none of this name
 */
int rv32_planted(const char *name);

#endif
