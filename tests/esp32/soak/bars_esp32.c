/* What the soak of the ESP32 port promises (build/esp32.json). */
#include "bars.h"

#define NO_MOST 1e12

const struct bar BARS[] = {
    {"esp32_updates_ok", 1400, NO_MOST, true}, /* 200 in each of seven bad networks */
    {"esp32_updates_not_ok", 0, 0, false},
    {"esp32_updates_corrupt", 0, 0, false},
    {"esp32_updates_refused", 0, 0, false},
    {"esp32_bytes_ratio_clean", 0.9, 1.02, false},
    {"esp32_bytes_ratio_5xx", 0.9, 1.1, false},
    {"esp32_bytes_ratio_cut3000", 0.9, 1.1, false},
    {"esp32_bytes_ratio_wifi4096", 0.9, 1.1, false},
    {"esp32_bytes_ratio_noise", 0.9, 1.02, false},
    {"esp32_end_ok", 400, NO_MOST, true}, /* 200 of the gateway, 200 of the target */
    {"esp32_torn_not_ok", 0, 0, false},   /* of every write of NVS and staging partition */
    {"esp32_refetched_bytes_max", 0, 4096, false},
    {"esp32_fetch_384k_s", 0.1, NO_MOST, false}, /* figures, no promise */
    {"esp32_fetch_384k_slow_s", 0.1, NO_MOST, false},
    {"esp32_384k_s", 4.5, 5.03, false}, /* 1.10 times the limit of the target's flash */
    {"esp32_twin_updates_not_ok", 0, 0, false},
    {"esp32_wrong_uses", 0, 0, false}, /* of ESP-IDF, and bites of its watchdog */
    {"esp32_static_ram_bytes", 1, 24576, false},
    {"esp32_stack_bytes", 1, 8192, false}, /* rv32imc, summed up along the calls */
    {NULL, 0, 0, false},
};
