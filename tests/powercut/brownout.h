/**
 * A day of supply that comes and goes: how often is a journal sector erased? (rule R10, property P14)
 */
#ifndef POWERCUT_BROWNOUT_H
#define POWERCUT_BROWNOUT_H

#include <stdint.h>

struct brownout_result {
    uint32_t on_ms;     /* how long the supply holds, of the worst period */
    uint32_t erases;    /* of the sector erased most, in a day */
    uint32_t n_boots;   /* of the day */
    uint32_t n_run;     /* of them run; a boot that changes nothing is the rest of the day */
    const char *broken; /* a boot lost the state; NULL: none */
};

/**
 * One day of periods of `on_ms` with supply and 100 ms without, starting with a repair pending. The journal
 * is the shipping one, the operations take their typical time.
 *
 * @param hold_off_ms  time that sector 0 waits before the first flash operation of a repair; 0: none
 */
void brownout_day(uint32_t on_ms, uint32_t hold_off_ms, uint64_t seed, struct brownout_result *out);

#endif
