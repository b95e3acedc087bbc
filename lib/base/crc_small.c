/* For sector 0; crc.c is the fast one. */
#include "base/crc.h"

enum { NIBBLE_BITS = 4, NIBBLE_VALUES = 1 << NIBBLE_BITS, NIBBLE_MASK = NIBBLE_VALUES - 1 };

/* Remainders of the 16 values of four bits: most of the speed of a table of 256, and sector 0 has room for
 * it. */
static const uint32_t CRC32_NIBBLE[NIBBLE_VALUES] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

static const uint32_t CRC32C_POLY = 0x82F63B78;

uint32_t crc32_update(uint32_t crc, const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= p[i];
        crc = crc >> NIBBLE_BITS ^ CRC32_NIBBLE[crc & NIBBLE_MASK];
        crc = crc >> NIBBLE_BITS ^ CRC32_NIBBLE[crc & NIBBLE_MASK];
    }
    return ~crc;
}

/* Bit by bit: records of the journal are short. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < n_bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? CRC32C_POLY : 0);
        }
    }
    return ~crc;
}
