#include "bars.h"

#include <string.h>

const struct bar *bar_find(const char *name)
{
    const struct bar *bar = BARS;
    while (bar->name && strcmp(bar->name, name) != 0) {
        bar++;
    }
    return bar->name ? bar : NULL;
}

bool bar_is_kept(const char *name, double value, double share)
{
    const struct bar *bar = bar_find(name);
    if (!bar) {
        return value == value; /* not a number is not itself */
    }
    return value >= (bar->is_count ? bar->min * share : bar->min) && value <= bar->max;
}

size_t bars_missing(const char *const *names, size_t n_names)
{
    size_t n_missing = 0;
    for (const struct bar *bar = BARS; bar->name; bar++) {
        bool is_there = false;
        for (size_t i = 0; i < n_names; i++) {
            is_there = is_there || strcmp(names[i], bar->name) == 0;
        }
        n_missing += is_there ? 0 : 1;
    }
    return n_missing;
}
