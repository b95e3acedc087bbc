/* What the soak of the Linux gateway promises (build/gateway.json). */
#include "bars.h"

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
