/**
 * Flash as lib/journal and lib/update see it. Implemented by port/stm32f407 (the chip), port/fake (the fault
 * model on the host); both pass the same contract tests (tests/contract).
 *
 * Addresses are bus addresses (0x08000000...). Reads are direct: `flash_read` copies from the array, past any
 * cache. One program unit is one aligned 32-bit word (PSIZE x32, RM0090 3.6.2); a program clears bits 1 -> 0
 * only.
 */
#ifndef PORT_FLASH_H
#define PORT_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct flash;

struct flash_ops {
    enum fota_err (*erase_sector)(struct flash *flash, uint32_t sector);
    enum fota_err (*program)(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words);
    enum fota_err (*read)(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words);
};

enum { FLASH_OVERLAP_BYTES = 64, FLASH_OVERLAP_WORDS = FLASH_OVERLAP_BYTES / 4 };

/** Embed as first member of the concrete flash; two devices = two structs. */
struct flash {
    const struct flash_ops *ops;
    /**
     * Work for the time that a word takes to program; without a overlap_ctx, none. flash_program calls it
     * for each FLASH_OVERLAP_BYTES, aligned, whose last word it writes, in order, with these words as they
     * are in memory, while that last one may still be under way: what it did counts only if flash_program
     * returns FOTA_OK. On the chip it runs while the flash is busy, so it and all it touches must be in RAM.
     * Who sets overlap_ctx begins its runs at a multiple of FLASH_OVERLAP_BYTES.
     */
    void (*overlap)(void *ctx, const void *words);
    void *overlap_ctx;
};

/** Is the word at `addr` the last of those that the overlapped work is given together? */
static inline bool flash_is_overlap_due(const struct flash *flash, uint32_t addr)
{
    return addr % FLASH_OVERLAP_BYTES == FLASH_OVERLAP_BYTES - 4 && flash->overlap_ctx;
}

/**
 * Erase one sector and check that it reads blank.
 *
 * @param sector  0..11, RM0090 table 5; the concrete flash refuses sectors it was not opened for
 * Takes:      up to 2 s for 128 KB, 0.5 s for 16 KB at x32 (DS8626 table 40)
 * Power cut:  every word of the sector is suspect (reliability axiom F6): old, blank, zero or garbage,
 * possibly another value at the next boot. Only a completed erase makes the sector usable.
 * @return FOTA_OK · E_FLASH_RANGE · E_FLASH_PROTECTED · E_FLASH_ERASE · E_FLASH_NOT_BLANK · E_FLASH_TIMEOUT ·
 *         E_FLASH_SUPPLY
 */
FOTA_MUST_CHECK
static inline enum fota_err flash_erase_sector(struct flash *flash, uint32_t sector)
{
    return flash->ops->erase_sector(flash, sector);
}

/**
 * Program words in ascending order and read each back.
 *
 * A word that is not blank may only be programmed with 0 (tombstone, journal rules R5 and R6); any other
 * value is E_FLASH_VERIFY, and neither it nor a word after it is programmed. A value of all ones over a
 * blank word is nothing to do.
 *
 * @param addr     bus address, multiple of 4
 * @param n_words  words at `words`; 0 is allowed and does nothing
 * Takes:      16 us typical, 100 us at most per word (DS8626 table 40)
 * Power cut:  words before the cut are solid, the word being programmed is suspect (axiom F2), the rest
 * untouched
 * @return FOTA_OK · E_FLASH_RANGE · E_FLASH_ALIGN · E_FLASH_PROTECTED · E_FLASH_PROGRAM · E_FLASH_VERIFY ·
 *         E_FLASH_TIMEOUT · E_FLASH_SUPPLY
 */
FOTA_MUST_CHECK
static inline enum fota_err flash_program(struct flash *flash, uint32_t addr, const uint32_t *words,
                                          uint32_t n_words)
{
    return flash->ops->program(flash, addr, words, n_words);
}

/**
 * Copy words out of the array, past the ART caches.
 *
 * @param addr  bus address, multiple of 4; any address of the main flash
 * @return FOTA_OK · E_FLASH_RANGE · E_FLASH_ALIGN
 */
FOTA_MUST_CHECK
static inline enum fota_err flash_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    return flash->ops->read(flash, addr, words, n_words);
}

#endif
