#include "twin/part.h"

#include <stddef.h>
#include <string.h>

enum { KB = 1024 };

/* RM0090 table 5: the last digit of the name says where the row of sectors ends (G 1 MB, E 512 KB). */
#define FIRST_HALF  16 * KB, 16 * KB, 16 * KB, 16 * KB, 64 * KB, 128 * KB, 128 * KB, 128 * KB
#define SECOND_HALF 128 * KB, 128 * KB, 128 * KB, 128 * KB

static const struct twin_part parts[] = {
    {.name = "STM32F407VG",
     .device_id = 0x413,
     .flash_bytes = 1024 * KB,
     .n_sectors = 12,
     .sector_bytes = {FIRST_HALF, SECOND_HALF},
     .sram_bytes = 128 * KB,
     .ccm_bytes = 64 * KB},
    {.name = "STM32F405RG",
     .device_id = 0x413,
     .flash_bytes = 1024 * KB,
     .n_sectors = 12,
     .sector_bytes = {FIRST_HALF, SECOND_HALF},
     .sram_bytes = 128 * KB,
     .ccm_bytes = 64 * KB},
    {.name = "STM32F407VE",
     .device_id = 0x413,
     .flash_bytes = 512 * KB,
     .n_sectors = 8,
     .sector_bytes = {FIRST_HALF},
     .sram_bytes = 128 * KB,
     .ccm_bytes = 64 * KB},
};

const struct twin_part *twin_part_find(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!name || strcmp(parts[i].name, name) == 0) {
            return &parts[i];
        }
    }
    return NULL;
}
