/**
 * Which registers an instruction loads from memory.
 */
#ifndef TWINCUT_SKIP_DECODE_H
#define TWINCUT_SKIP_DECODE_H

#include <stdint.h>

/** @param first, second  halfwords at the PC (second: of a wide instruction)
 *  @return bit n: r0..r14 number n is loaded; 0: not a load. Loads of the PC are returns, and not counted. */
uint32_t skip_loaded_registers(uint16_t first, uint16_t second);

#endif
