/**
 * The parts that the twin can be: RM0090 rev 19, 2.3 (SRAM, CCM), table 5 (sectors) and 38.6.1 (device identifier).
 * Written down here a second time on purpose: boards/ must not be able to share a mistake with the twin.
 */
#ifndef TWIN_PART_H
#define TWIN_PART_H

#include <stdint.h>

enum { TWIN_PART_SECTORS_MAX = 12 };

struct twin_part {
    const char *name;
    uint16_t device_id;
    uint32_t flash_bytes;
    uint32_t n_sectors;
    uint32_t sector_bytes[TWIN_PART_SECTORS_MAX]; /* of the first n_sectors */
    uint32_t sram_bytes;
    uint32_t ccm_bytes;
};

/**
 * @param name  as ST's, without package and temperature: "STM32F407VG"; NULL is that one
 * @return NULL: no such part
 */
const struct twin_part *twin_part_find(const char *name);

#endif
