#include "base/bytes.h"

#include <string.h>

#include "base/attr.h"

/* Byte by byte, so that neither the order of bytes in memory nor the alignment of `p` matters: these
 * values stand at odd places in images and in packets. */
uint16_t bytes_load_le16(const uint8_t p[2])
{
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

uint16_t bytes_load_be16(const uint8_t p[2])
{
    return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

uint32_t bytes_load_be32(const uint8_t p[4])
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void bytes_store_le16(uint8_t p[2], uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

void bytes_store_le32(uint8_t p[4], uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

void bytes_store_be16(uint8_t p[2], uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

void bytes_store_be32(uint8_t p[4], uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* memcpy with a length that is known at compile time becomes a row of loads and stores at each call. Where
 * that is not wanted, because flash is scarce, this is one call. */
FOTA_NOINLINE void bytes_copy(void *to, const void *from, size_t n_bytes)
{
    memcpy(to, from, n_bytes);
}

bool bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value)
{
    const uint32_t four = 0x01010101U * value;
    for (; n_bytes >= sizeof four; n_bytes -= sizeof four, p += sizeof four) {
        uint32_t word; /* every boot looks at all that is blank of a slot */
        memcpy(&word, p, sizeof word);
        if (word != four) {
            return false;
        }
    }
    /* The bytes after the last whole word. */
    for (; n_bytes > 0; n_bytes--, p++) {
        if (*p != value) {
            return false;
        }
    }
    return true;
}
