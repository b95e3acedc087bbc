#include "bars.h"

#include <string.h>

#define NO_MOST 1e12

const struct bar BARS[] = {
    {"updates_ok", 1000, NO_MOST, true}, /* 200 in each of five bad networks */
    {"updates_corrupt", 0, 0, false},
    {"updates_refused", 0, 0, false},
    {"bytes_ratio_clean", 0.9, 1.02, false},
    {"bytes_ratio_5xx", 0.9, 1.1, false},
    {"bytes_ratio_cut3000", 0.9, 1.1, false},
    {"bytes_ratio_cut4096", 0.9, 1.1, false},
    {"kill_ok", 400, NO_MOST, true},        /* 200 of the gateway, 200 of the target */
    {"kill_memory_ok", 400, NO_MOST, true}, /* the same with another staging store */
    {"torn_not_ok", 0, 0, false},           /* of every write of state and staging store */
    {"refetched_bytes_max", 0, 4096, false},
    {"quiet_polls", 20, NO_MOST, false},
    {"quiet_poll_requests", 1, 1, false},
    {"quiet_poll_body_bytes", 0, 0, false},
    {"poisoned_not_healed", 0, 0, false},
    {"twin_updates_ok", 64, NO_MOST, true}, /* 8 in each of eight runs */
    {"twin_updates_wrong", 0, 0, false},
    {"proxy_rows_not_ok", 0, 0, false}, /* each row of the fault proxy, with one update */
    {"longest_request_s", 0, 120, false},
    {NULL, 0, 0, false},
};

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
