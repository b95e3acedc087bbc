/**
 * The promises in numbers: what a figure of a soak must lie between. Pure. Each soak links the table of its own.
 */
#ifndef SOAK_BARS_H
#define SOAK_BARS_H

#include <stdbool.h>
#include <stddef.h>

/** A promise. Counts are for the whole soak; `share` of them is asked of a shorter one. */
struct bar {
    const char *name;
    double min, max;
    bool is_count;
};

enum { BARS_MAX = 32 };

/** All of them; the last has name NULL. bars_gateway.c, or another table. */
extern const struct bar BARS[];

/** @return the bar of that name; NULL: a figure that promises nothing */
const struct bar *bar_find(const char *name);

/**
 * Does a figure keep its promise? One without a bar does; not a number never does.
 *
 * @param share  1.0 for the whole soak
 */
bool bar_is_kept(const char *name, double value, double share);

/** How many of all bars are not among `n_names` names. */
size_t bars_missing(const char *const *names, size_t n_names);

#endif
