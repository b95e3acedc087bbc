/* What the gateway's soak promises. */
#include "promised.h"

const struct promise PROMISED[] = {{"updates_ok", 1000, 0},
                                   {"kill_ok", 400, 0},
                                   {"refetched_bytes_max", 0, 4096},
                                   {"bytes_ratio_clean", 0, 1.02},
                                   {"bytes_ratio_5xx", 0, 1.1},
                                   {"bytes_ratio_cut3000", 0, 1.1},
                                   {"bytes_ratio_cut4096", 0, 1.1},
                                   {"longest_request_s", 0, 120},
                                   {"quiet_poll_requests", 0, 1},
                                   {"twin_updates_ok", 50, 0},
                                   {NULL, 0, 0}};
