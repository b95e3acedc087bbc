/**
 * port/flash.h on the chip's own flash: FLASH registers of RM0090 3.9, x32 programming.
 *
 * The part that waits runs from RAM (section .ram_code): one bank, so a fetch from flash while it works
 * stalls the core until the end (RM0090 3.6), and then a watchdog or an urgent interrupt would wait too. Per
 * word and per sector it masks interrupts as `basepri` says, and lets them go again; so masked handlers wait
 * 100 us at most while words are programmed, and 2 s while a sector is erased.
 *
 * Caches: the instruction and data caches are emptied after each operation, so a read-back sees the array,
 * and nobody ever runs or reads what was there before (RM0090 3.5.2).
 *
 * The supply must be above 2.7 V for x32 (RM0090 table 7): the programmable voltage detector is asked before
 * each operation.
 */
#ifndef F407_FLASH_H
#define F407_FLASH_H

#include "port/flash.h"

enum {
    FLASH_PROGRAM_MAX_US = 100, /* one word, DS8626 table 40 */
    FLASH_ERASE_MAX_MS = 2000   /* 128 KB at x32, DS8626 table 40 */
};

/** FLASH_OPTCR (RM0090 3.9.10): the option bytes in force. Read only; nothing in the field writes them. */
#define F407_OPTIONS_ADDR 0x40023C14

/** The chip's flash. All fields are private: the functions set them. */
struct f407_flash {
    struct flash flash; /* for lib/journal and lib/update */
    uint32_t sectors;   /* bit n: sector n may be erased and programmed */
    uint32_t basepri;   /* interrupts masked while flash is busy: BASEPRI value, 0 all */
};

/**
 * @param sectors  bit n set: sector n may be written. Sectors 0, 2 and 4 are refused whatever this says
 * Touches no register.
 */
void f407_flash_open(struct f407_flash *flash, uint32_t sectors);

/** From now on these sectors may be written, as in f407_flash_open. */
static inline void f407_flash_allow(struct f407_flash *flash, uint32_t sectors)
{
    flash->sectors = sectors;
}

/** Interrupts that wait while flash is busy, from now on: a BASEPRI value, 0 all. */
static inline void f407_flash_mask(struct f407_flash *flash, uint32_t basepri)
{
    flash->basepri = basepri;
}

/**
 * Copy the code that runs from RAM to its place (symbols of the linker script). Call before the first
 * operation, and again whenever somebody else may have had write access to that RAM. Takes ≤ 2 us.
 */
void f407_flash_load_ram_code(void);

#endif
