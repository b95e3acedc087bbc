#include "swd_flash.h"

#include <string.h>

#include "base/flash_map.h"

static enum fota_err swd_erase(struct flash *flash, uint32_t sector)
{
    static uint8_t blank[FLASH_J0_BYTES];
    struct swd_flash *f = (struct swd_flash *)flash;
    bool is_j0 = sector == FLASH_J0_SECTOR;
    memset(blank, 0xFF, sizeof blank);
    return twin_flash_store(f->twin, is_j0 ? FLASH_J0_BASE : FLASH_J1_BASE, blank,
                            is_j0 ? FLASH_J0_BYTES : FLASH_J1_BYTES)
               ? FOTA_OK
               : E_FLASH_RANGE;
}

static enum fota_err swd_program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct swd_flash *f = (struct swd_flash *)flash;
    return twin_flash_store(f->twin, addr, words, 4 * (size_t)n_words) ? FOTA_OK : E_FLASH_RANGE;
}

static enum fota_err swd_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    struct swd_flash *f = (struct swd_flash *)flash;
    return twin_peek(f->twin, addr, words, 4 * (size_t)n_words) ? FOTA_OK : E_FLASH_RANGE;
}

const struct journal_area SWD_JOURNAL_AREAS[JOURNAL_AREAS] = {
    {FLASH_J0_BASE, FLASH_J0_SECTOR, FLASH_J0_BYTES / JOURNAL_RECORD_BYTES},
    {FLASH_J1_BASE, FLASH_J1_SECTOR, FLASH_J1_BYTES / JOURNAL_RECORD_BYTES}};

struct swd_flash swd_flash(struct twin *twin)
{
    static const struct flash_ops OPS = {.erase_sector = swd_erase, .program = swd_program, .read = swd_read};
    return (struct swd_flash){{.ops = &OPS}, twin};
}
