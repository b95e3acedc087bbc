/* For sector 0, bit by bit from the polynomial alone; crc.c is the fast one. */
#include "base/crc.h"

enum { CRC32_POLY = (int)0xEDB88320, CRC32C_POLY = (int)0x82F63B78 };

/* The polynomial is an argument, and the function is kept out of line, so that both checksums of a record
 * share one loop. Eight turns a byte are slow, but few bytes are summed here. */
__attribute__((noinline)) static uint32_t crc_reflected(uint32_t poly, uint32_t crc, const uint8_t *p,
                                                        size_t n_bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? poly : 0);
        }
    }
    return ~crc;
}

uint32_t crc32_update(uint32_t crc, const void *data, size_t n_bytes)
{
    return crc_reflected((uint32_t)CRC32_POLY, crc, data, n_bytes);
}

uint32_t crc32c_update(uint32_t crc, const void *data, size_t n_bytes)
{
    return crc_reflected((uint32_t)CRC32C_POLY, crc, data, n_bytes);
}
