/**
 * The promises of a soak once more, for bars_test.c: whoever moves a bar says so here as well.
 */
#ifndef SOAK_PROMISED_H
#define SOAK_PROMISED_H

#include "bars.h"

/** At least `min`, at most `max`; 0: no such bound. */
struct promise {
    const char *name;
    double min, max;
};

/** The last has name NULL. promised_gateway.c, or another table. */
extern const struct promise PROMISED[];

#endif
