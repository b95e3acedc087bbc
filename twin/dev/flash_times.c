/* Sectors of the STM32F407's flash (RM0090 table 5) and how long their operations take (DS8626 tables 40 and
 * 42). */
#include "flash_times.h"

#include <stddef.h>

#include "dev/flash_if.h"

uint32_t flash_if_sector_off(unsigned sector)
{
    static const uint32_t off[FLASH_IF_SECTORS + 1] = {0x00000, 0x04000, 0x08000,       0x0C000, 0x10000,
                                                       0x20000, 0x40000, 0x60000,       0x80000, 0xA0000,
                                                       0xC0000, 0xE0000, FLASH_IF_BYTES};
    return off[sector <= FLASH_IF_SECTORS ? sector : FLASH_IF_SECTORS];
}

unsigned flash_if_sector(uint32_t off)
{
    unsigned sector = 0;
    while (sector < FLASH_IF_SECTORS && off >= flash_if_sector_off(sector + 1)) {
        sector++;
    }
    return sector;
}

/* DS8626 tables 40 and 42; columns x8, x16, x32; x64 with external VPP takes no longer than x32. */
uint64_t flash_times_erase_us(uint32_t n_bytes, unsigned psize, bool is_maximum)
{
    static const struct {
        uint32_t n_bytes;
        uint32_t typ_ms[3];
        uint32_t max_ms[3];
    } table[] = {
        {0x4000, {400, 300, 250}, {800, 600, 500}},
        {0x10000, {1200, 700, 550}, {2400, 1400, 1100}},
        {0x20000, {2000, 1300, 1000}, {4000, 2600, 2000}},
        {FLASH_IF_BYTES, {16000, 11000, 8000}, {32000, 22000, 16000}},
    };
    unsigned column = psize > 2 ? 2 : psize;
    size_t row = 0;
    while (table[row].n_bytes < n_bytes) {
        row++;
    }
    const uint32_t *ms = is_maximum ? table[row].max_ms : table[row].typ_ms;
    return ms[column] * 1000ULL;
}

uint32_t flash_times_supply_min_mv(unsigned psize)
{
    static const uint16_t min_mv[4] = {1800, 2100, 2700, 2700};
    return min_mv[psize & 3];
}

uint64_t flash_times_program_us(bool is_maximum)
{
    return is_maximum ? 100 : 16;
}
