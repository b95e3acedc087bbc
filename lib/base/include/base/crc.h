/**
 * CRC-32 (IEEE 802.3, reflected 0xEDB88320) and CRC-32C (Castagnoli, reflected 0x82F63B78).
 *
 * Both: initial value and final XOR 0xFFFFFFFF. Check values for "123456789": 0xCBF43926 and 0xE3069283.
 * Chain blocks by passing the previous result; start with 0.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/**
 * @param crc  0 for the first block, then the previous result. Takes 8 cycles a byte on the Cortex-M4, 17 in
 * sector 0.
 */
uint32_t crc32_update(uint32_t crc, const void *data, size_t n_bytes);

/** CRC-32 of one long run: crc32_update from 0. In the bootloader's loader and in the agent by the
 * chip's CRC unit (port/stm32f407/crc_unit.c), 3 cycles a byte; boot services do not call it. */
uint32_t crc32_run(const void *data, size_t n_bytes);

/** As crc32_update. About 60 cycles a byte: bit by bit. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t n_bytes);

#endif
