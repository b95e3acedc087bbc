#include "fake/flash_fake.h"

#include <stddef.h>
#include <string.h>

/* Index of the first word of a sector. */
static uint32_t first_word(const struct flash_fake *fake, uint32_t s)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < s; i++) {
        first += fake->sectors[i].n_words;
    }
    return first;
}

/* Sector and word index of an address with `n_words` after it in the chip. False: outside. */
static bool find(const struct flash_fake *fake, uint32_t addr, uint32_t n_words, uint32_t *sector,
                 uint32_t *word)
{
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        uint32_t off = (addr - fake->sectors[s].addr) / 4;
        if (addr >= fake->sectors[s].addr && off < fake->sectors[s].n_words) {
            *sector = s;
            *word = first_word(fake, s) + off;
            return n_words <= fake->sectors[s].n_words - off;
        }
    }
    return false;
}

/* Count one operation. True: power fails in it. */
static bool fails_now(struct flash_fake *fake)
{
    fake->n_ops++;
    fake->is_cut = fake->is_cut || fake->n_ops == fake->cut_at;
    return fake->is_cut;
}

/* What a cut erase leaves, or a cut program of word `w`. */
static void tear(struct flash_fake *fake, const struct flash_fake_sector *sector, uint32_t first, uint32_t w,
                 uint32_t value, bool is_erase)
{
    struct flash_cut_work work;
    uint32_t n_words = is_erase ? sector->n_words : 1;
    flash_cut_begin(&work, fake->outcome, is_erase, n_words, fake->random);
    for (uint32_t i = 0; i < n_words; i++) {
        fake->words[w + i] = flash_cut_word(&work, i, fake->words[w + i], value, &fake->cells[w + i]);
    }
    for (uint32_t i = first;
         fake->is_disturbing && !is_erase && fake->outcome != FLASH_CUT_BEFORE && i < first + sector->n_words;
         i++) {
        if (i != w) {
            fake->words[i] = flash_cell_disturb(&fake->cells[i], fake->words[i], &work.random);
        }
    }
    fake->random = work.random;
}

/* What a worn sector's erase or program left of word `i`, given what a sound one leaves. */
static uint32_t worn(const struct flash_fake *fake, const struct flash_fake_sector *sector, uint32_t i,
                     uint32_t before, uint32_t after)
{
    if (!sector->is_worn) {
        return after;
    }
    bool is_stuck = fake->wear == FLASH_WEAR_STUCK && i == flash_stuck_word(sector->number, sector->n_words);
    uint32_t left = fake->wear == FLASH_WEAR_STUCK ? after : before;
    return is_stuck ? left & ~flash_stuck_bit(sector->number) : left;
}

/* Why no operation may begin in the sector, or FOTA_OK. */
static enum fota_err refusal(const struct flash_fake *fake, const struct flash_fake_sector *sector,
                             enum fota_err failed)
{
    if (fake->is_supply_low) {
        return E_FLASH_SUPPLY;
    }
    if ((fake->protected_sectors >> sector->number & 1) != 0) {
        return E_FLASH_PROTECTED;
    }
    return fake->is_cut || (sector->is_worn && fake->wear == FLASH_WEAR_ERRORS) ? failed : FOTA_OK;
}

static enum fota_err erase(struct flash_fake *fake, uint32_t s)
{
    struct flash_fake_sector *sector = &fake->sectors[s];
    uint32_t first = first_word(fake, s);
    enum fota_err err = refusal(fake, sector, E_FLASH_ERASE);
    if (err) {
        return err;
    }
    sector->n_erases++;
    if (fails_now(fake)) {
        tear(fake, sector, first, first, 0, true);
        return E_FLASH_ERASE;
    }
    bool is_blank = true;
    for (uint32_t i = 0; i < sector->n_words; i++) {
        uint32_t *word = &fake->words[first + i];
        *word = worn(fake, sector, i, *word, FLASH_WORD_BLANK);
        fake->cells[first + i] = (struct flash_cell){
            .kind = (uint8_t)(*word == FLASH_WORD_BLANK ? FLASH_CELL_BLANK : FLASH_CELL_SOLID)};
        is_blank = is_blank && *word == FLASH_WORD_BLANK;
    }
    return is_blank ? FOTA_OK : E_FLASH_NOT_BLANK;
}

static enum fota_err erase_sector(struct flash *flash, uint32_t number)
{
    struct flash_fake *fake = (struct flash_fake *)flash;
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        if (fake->sectors[s].number == number && fake->sectors[s].is_open) {
            return erase(fake, s);
        }
    }
    return E_FLASH_RANGE;
}

static enum fota_err program_word(struct flash_fake *fake, uint32_t s, uint32_t w, uint32_t value)
{
    struct flash_cell *cell = &fake->cells[w];
    const struct flash_fake_sector *sector = &fake->sectors[s];
    uint32_t before = fake->words[w];
    enum fota_err err = refusal(fake, sector, E_FLASH_PROGRAM);
    if (err) {
        return err;
    }
    if (value != 0 && value != FLASH_WORD_BLANK && cell->kind == FLASH_CELL_SUSPECT) {
        fake->n_suspect_programs++;
    }
    if (value != 0 && (before != FLASH_WORD_BLANK || cell->kind == FLASH_CELL_SOLID)) {
        return E_FLASH_VERIFY;
    }
    if (value == FLASH_WORD_BLANK) {
        return FOTA_OK; /* it reads so already: nothing is begun */
    }
    if (fails_now(fake)) {
        tear(fake, sector, first_word(fake, s), w, value, false);
        return E_FLASH_PROGRAM;
    }
    uint32_t after = flash_cell_program(cell, before, value);
    fake->words[w] = worn(fake, sector, w - first_word(fake, s), before, after);
    return fake->words[w] == value ? FOTA_OK : E_FLASH_VERIFY;
}

static enum fota_err program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct flash_fake *fake = (struct flash_fake *)flash;
    uint32_t s = 0;
    uint32_t w = 0;
    if (addr % 4 != 0) {
        return E_FLASH_ALIGN;
    }
    if (n_words == 0) {
        return FOTA_OK;
    }
    if (!find(fake, addr, n_words, &s, &w) || !fake->sectors[s].is_open) {
        return E_FLASH_RANGE;
    }
    for (uint32_t i = 0; i < n_words; i++) {
        enum fota_err err = program_word(fake, s, w + i, words[i]);
        if (err) {
            return err;
        }
        if (flash_is_overlap_due(flash, addr + 4 * i)) {
            flash->overlap(flash->overlap_ctx, words + i + 1 - FLASH_OVERLAP_WORDS);
        }
    }
    return FOTA_OK;
}

static enum fota_err read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    struct flash_fake *fake = (struct flash_fake *)flash;
    uint32_t s = 0;
    uint32_t w = 0;
    if (addr % 4 != 0) {
        return E_FLASH_ALIGN;
    }
    if (n_words == 0) {
        return FOTA_OK;
    }
    if (fake->is_cut || !find(fake, addr, n_words, &s, &w)) {
        return E_FLASH_RANGE;
    }
    memcpy(words, fake->words + w, 4 * (size_t)n_words);
    return FOTA_OK;
}

static const struct flash_ops flash_ops = {.erase_sector = erase_sector, .program = program, .read = read};

void flash_fake_init(struct flash_fake *fake, struct flash_fake_sector *sectors, uint32_t n_sectors,
                     uint32_t *words, struct flash_cell *cells)
{
    memset(fake, 0, sizeof *fake);
    fake->flash.ops = &flash_ops;
    fake->sectors = sectors;
    fake->n_sectors = n_sectors;
    fake->words = words;
    fake->cells = cells;
    fake->n_words = first_word(fake, n_sectors);
    memset(words, 0xFF, 4 * (size_t)fake->n_words);
    memset(cells, 0, fake->n_words * sizeof *cells);
    fake->wear = FLASH_WEAR_ERRORS;
    fake->random = flash_seed(1);
}

void flash_fake_cut_at(struct flash_fake *fake, uint32_t op, enum flash_cut outcome)
{
    fake->n_ops = 0;
    fake->cut_at = op;
    fake->outcome = outcome;
}

void flash_fake_power_up(struct flash_fake *fake, uint64_t seed)
{
    fake->random = flash_seed(seed);
    fake->is_cut = false;
    fake->cut_at = 0;
    fake->n_ops = 0;
    for (uint32_t w = 0; w < fake->n_words; w++) {
        fake->words[w] = flash_cell_boot(&fake->cells[w], fake->words[w], &fake->random);
    }
}

void flash_fake_copy(struct flash_fake *to, const struct flash_fake *from)
{
    struct flash_fake kept = *to;
    *to = *from;
    to->sectors = kept.sectors;
    to->words = kept.words;
    to->cells = kept.cells;
    memcpy(to->sectors, from->sectors, from->n_sectors * sizeof *from->sectors);
    memcpy(to->words, from->words, 4 * (size_t)from->n_words);
    memcpy(to->cells, from->cells, from->n_words * sizeof *from->cells);
}

void flash_fake_lose_sector(struct flash_fake *fake, uint32_t number, uint64_t seed)
{
    fake->random = flash_seed(seed);
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        for (uint32_t i = 0, w = first_word(fake, s);
             fake->sectors[s].number == number && i < fake->sectors[s].n_words; i++, w++) {
            fake->words[w] = flash_draw(&fake->random);
            fake->cells[w] = (struct flash_cell){.old = fake->words[w], .kind = FLASH_CELL_SUSPECT};
        }
    }
}

void flash_fake_load(struct flash_fake *fake, uint32_t addr, const void *bytes, uint32_t n_bytes)
{
    uint32_t s = 0;
    uint32_t w = 0;
    for (uint32_t i = 0; i < n_bytes / 4; i++) {
        if (find(fake, addr + 4 * i, 1, &s, &w)) {
            memcpy(&fake->words[w], (const uint8_t *)bytes + 4 * (size_t)i, 4);
            fake->cells[w] = (struct flash_cell){.kind = FLASH_CELL_SOLID};
        }
    }
}

uint32_t *flash_fake_at(struct flash_fake *fake, uint32_t addr)
{
    uint32_t s = 0;
    uint32_t w = 0;
    return find(fake, addr, 1, &s, &w) ? &fake->words[w] : NULL;
}
