/**
 * What a soak measured, held against its bars (bars.h), and the file of it.
 */
#ifndef SOAK_FIGURES_H
#define SOAK_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIGURES_MAX = 64 };

struct figure {
    const char *name;
    double value;
};

/** Zero it, but for `share`. */
struct figures {
    double share; /* of the whole soak that is asked for: see bars.h */
    struct figure figure[FIGURES_MAX];
    size_t n_figures;
    uint32_t n_failures;
};

/** A figure for the file; one that misses its bar is told and counted. `name` is kept, not copied. */
void figures_take(struct figures *f, const char *name, double value);

/** A promise without a figure; a broken one is told and counted. */
void figures_check(struct figures *f, bool is_right, const char *what);

/** Was every figure taken that has a bar? */
void figures_check_all_taken(struct figures *f);

/**
 * JSON, one figure a line.
 * @return false: not written, and said why
 */
bool figures_write(const struct figures *f, const char *path);

/** Processor time of this process and of those that it waited for. */
double figures_cpu_s(void);

#endif
