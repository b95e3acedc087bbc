/* base/crc.h by tables: a sweep makes some 10^9 checksums. Stands in for lib/base/crc.c; fast_stand_ins_agree
 * (pieces_test.c) compares the two. */
#include <stdbool.h>

#include "base/crc.h"

enum { KINDS = 2, BYTES = 256 };

static uint32_t table[KINDS][BYTES];

static void make_tables(void)
{
    static const uint32_t POLYS[KINDS] = {0xEDB88320, 0x82F63B78};
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        for (uint32_t byte = 0; byte < BYTES; byte++) {
            uint32_t crc = byte;
            for (uint32_t bit = 0; bit < 8; bit++) {
                crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYS[kind] : 0);
            }
            table[kind][byte] = crc;
        }
    }
}

static uint32_t update(uint32_t kind, uint32_t crc, const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    if (table[0][1] == 0) {
        make_tables();
    }
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) {
        crc = crc >> 8 ^ table[kind][(crc ^ p[i]) & 0xFF];
    }
    return ~crc;
}

uint32_t crc32_update(uint32_t crc, const void *data, size_t n_bytes)
{
    return update(0, crc, data, n_bytes);
}

uint32_t crc32c_update(uint32_t crc, const void *data, size_t n_bytes)
{
    return update(1, crc, data, n_bytes);
}
