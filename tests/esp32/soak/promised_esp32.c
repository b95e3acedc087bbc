/* What the ESP32's soak promises. */
#include "promised.h"

const struct promise PROMISED[] = {{"esp32_updates_ok", 1400, 0},
                                   {"esp32_end_ok", 400, 0},
                                   {"esp32_bytes_ratio_clean", 0, 1.02},
                                   {"esp32_bytes_ratio_5xx", 0, 1.1},
                                   {"esp32_bytes_ratio_cut3000", 0, 1.1},
                                   {"esp32_bytes_ratio_wifi4096", 0, 1.1},
                                   {"esp32_refetched_bytes_max", 0, 4096},
                                   {"esp32_384k_s", 0, 5.03},
                                   {"esp32_static_ram_bytes", 0, 24576},
                                   {"esp32_stack_bytes", 0, 8192},
                                   {NULL, 0, 0}};
