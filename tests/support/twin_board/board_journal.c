#include "board_journal.h"

#include <string.h>

#include "base/flash_map.h"
#include "twin_board.h"

struct debugger_flash {
    struct flash flash; /* first member */
    struct twin *twin;
};

static enum fota_err erase(struct flash *flash, uint32_t sector)
{
    static uint8_t blank[FLASH_J0_BYTES > FLASH_J1_BYTES ? FLASH_J0_BYTES : FLASH_J1_BYTES];
    struct debugger_flash *f = (struct debugger_flash *)flash;
    bool is_j0 = sector == FLASH_J0_SECTOR;
    memset(blank, 0xFF, sizeof blank);
    return twin_flash_store(f->twin, is_j0 ? FLASH_J0_BASE : FLASH_J1_BASE, blank,
                            is_j0 ? FLASH_J0_BYTES : FLASH_J1_BYTES)
               ? FOTA_OK
               : E_FLASH_RANGE;
}

static enum fota_err program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct debugger_flash *f = (struct debugger_flash *)flash;
    return twin_flash_store(f->twin, addr, words, 4 * (size_t)n_words) ? FOTA_OK : E_FLASH_RANGE;
}

static enum fota_err read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    struct debugger_flash *f = (struct debugger_flash *)flash;
    return twin_peek(f->twin, addr, words, 4 * (size_t)n_words) ? FOTA_OK : E_FLASH_RANGE;
}

static const struct journal_area AREAS[JOURNAL_AREAS] = {
    {FLASH_J0_BASE, FLASH_J0_SECTOR, FLASH_J0_BYTES / JOURNAL_RECORD_BYTES},
    {FLASH_J1_BASE, FLASH_J1_SECTOR, FLASH_J1_BYTES / JOURNAL_RECORD_BYTES}};

static struct debugger_flash flash_of(struct twin *t)
{
    static const struct flash_ops flash_ops = {.erase_sector = erase, .program = program, .read = read};
    return (struct debugger_flash){{.ops = &flash_ops}, t};
}

void board_journal_append(struct twin *t, const struct boot_record *record)
{
    struct debugger_flash flash = flash_of(t);
    struct journal journal;
    struct boot_record old;
    enum fota_err err = journal_load(&journal, &flash.flash, AREAS, &old);
    if (err != FOTA_OK && err != E_JOURNAL_LOST) {
        twin_board_die("journal", "not sound");
    }
    if (journal_make_room(&journal, 1, JOURNAL_NO_SPARE) != FOTA_OK ||
        journal_append(&journal, record) != FOTA_OK) {
        twin_board_die("journal", "cannot be written");
    }
}

bool board_journal_read(struct twin *t, struct boot_record *out)
{
    struct debugger_flash flash = flash_of(t);
    struct journal journal;
    return journal_load(&journal, &flash.flash, AREAS, out) != E_JOURNAL_LOST;
}

bool board_journal_is_sound(struct twin *t)
{
    struct debugger_flash flash = flash_of(t);
    struct journal journal;
    struct boot_record record;
    return journal_load(&journal, &flash.flash, AREAS, &record) == FOTA_OK;
}

void board_journal_damage(struct twin *t)
{
    struct debugger_flash flash = flash_of(t);
    struct journal journal;
    struct boot_record record;
    uint32_t word;
    if (journal_load(&journal, &flash.flash, AREAS, &record) != FOTA_OK) {
        twin_board_die("journal", "not sound");
    }
    uint32_t addr = AREAS[1].base + journal.head[1].newest * JOURNAL_RECORD_BYTES + 8;
    if (!twin_peek(t, addr, &word, sizeof word)) {
        twin_board_die("journal", "not in flash");
    }
    word ^= 1;
    (void)twin_flash_store(t, addr, &word, sizeof word);
}
