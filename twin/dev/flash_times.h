/** How long flash operations take, typical or at most (DS8626 tables 40 and 42). */
#ifndef DEV_FLASH_TIMES_H
#define DEV_FLASH_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @param n_bytes  size of the sector, or of the whole flash
 * @param psize  FLASH_CR.PSIZE: 0 x8 .. 3 x64
 */
uint64_t flash_times_erase_us(uint32_t n_bytes, unsigned psize, bool is_maximum);
/** One program unit, whatever its width. */
uint64_t flash_times_program_us(bool is_maximum);
/**
 * The least supply for operations of this width, in mV (RM0090 3.6.2).
 * @param psize  as above, 0 to 3
 */
uint32_t flash_times_supply_min_mv(unsigned psize);

#endif
