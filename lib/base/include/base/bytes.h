/**
 * Load and store integers in byte arrays, and compare and copy bytes.
 *
 * Flash and wire formats are never overlaid by structs; they go through these. `le` is little-endian (MCUboot
 * image format, journal), `be` is big-endian (AN4286, "MSB first").
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/** Read an integer that starts at `p`; no alignment needed. */
uint16_t bytes_load_le16(const uint8_t p[2]);
uint16_t bytes_load_be16(const uint8_t p[2]);
uint32_t bytes_load_be32(const uint8_t p[4]);

/** As those above. Written here, because on the target it is one instruction, shorter than any call. */
FOTA_INLINE uint32_t bytes_load_le32(const uint8_t p[4])
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/** Write an integer at `p`; no alignment needed. */
void bytes_store_le16(uint8_t p[2], uint16_t value);
void bytes_store_le32(uint8_t p[4], uint32_t value);
void bytes_store_be16(uint8_t p[2], uint16_t value);
void bytes_store_be32(uint8_t p[4], uint32_t value);

/** memcpy by a call: where a copy in line would be longer. */
void bytes_copy(void *to, const void *from, size_t n_bytes);

/** True if all `n_bytes` at `p` equal `value`. An empty range is true. */
bool bytes_all_equal(const uint8_t *p, size_t n_bytes, uint8_t value);

#endif
