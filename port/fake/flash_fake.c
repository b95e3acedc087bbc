#include "fake/flash_fake.h"

#include <stddef.h>
#include <string.h>

/* xorshift64*: any seed gives the same run on every machine. */
static uint32_t draw(struct flash_fake *fake)
{
    fake->random ^= fake->random >> 12;
    fake->random ^= fake->random << 25;
    fake->random ^= fake->random >> 27;
    return (uint32_t)((fake->random * 0x2545F4914F6CDD1DULL) >> 32);
}

static void set_seed(struct flash_fake *fake, uint64_t seed)
{
    fake->random = seed * 0x9E3779B97F4A7C15ULL + 1;
    (void)draw(fake);
}

/* Index of the first word of a sector. */
static uint32_t first_word(const struct flash_fake *fake, uint32_t s)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < s; i++) {
        first += fake->sectors[i].n_words;
    }
    return first;
}

/* Sector and word index of an address with `n_words` behind it in the chip. False: outside. */
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

/* Bits a torn operation leaves: some of them changed. An erase pre-programs to 0 first, so it may clear bits
 * as well. */
static uint32_t garbage_of(struct flash_fake *fake, const struct flash_fake_cell *cell)
{
    uint32_t mask = draw(fake);
    return cell->is_erase ? mask : (cell->old & (cell->target | mask));
}

static uint32_t flicker(struct flash_fake *fake, const struct flash_fake_cell *cell)
{
    switch (draw(fake) % 4) {
    case 0:
        return cell->old;
    case 1:
        return cell->target;
    case 2:
        return garbage_of(fake, cell);
    default:
        return cell->is_erase ? 0 : cell->old;
    }
}

static void tear(struct flash_fake *fake, uint32_t word, uint32_t target, bool is_erase)
{
    struct flash_fake_cell *cell = &fake->cells[word];
    *cell = (struct flash_fake_cell){.old = fake->words[word],
                                     .target = target,
                                     .kind = FLASH_FAKE_SUSPECT,
                                     .is_flaky = fake->outcome == FLASH_FAKE_FLAKY,
                                     .is_erase = is_erase};
    if (fake->outcome == FLASH_FAKE_TORN_GARBAGE) {
        fake->words[word] = garbage_of(fake, cell);
    } else if (fake->outcome == FLASH_FAKE_TORN_COMPLETE) {
        fake->words[word] = target;
    } else if (fake->outcome == FLASH_FAKE_FLAKY) {
        fake->words[word] = flicker(fake, cell);
    }
}

/* Count one operation. True: power fails in it. */
static bool fails_now(struct flash_fake *fake)
{
    fake->n_ops++;
    fake->is_cut = fake->is_cut || fake->n_ops == fake->cut_at;
    return fake->is_cut;
}

static enum fota_err erase_sector(struct flash *flash, uint32_t number)
{
    struct flash_fake *fake = (struct flash_fake *)flash;
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        struct flash_fake_sector *sector = &fake->sectors[s];
        if (sector->number != number || !sector->is_open) {
            continue;
        }
        if (fake->is_cut || sector->is_worn) {
            return E_FLASH_ERASE;
        }
        bool is_torn = fails_now(fake) && fake->outcome != FLASH_FAKE_BEFORE;
        for (uint32_t i = 0, w = first_word(fake, s); i < sector->n_words; i++, w++) {
            if (is_torn) {
                tear(fake, w, UINT32_MAX, true);
            } else if (!fake->is_cut) {
                fake->words[w] = UINT32_MAX;
                fake->cells[w] = (struct flash_fake_cell){.kind = FLASH_FAKE_BLANK};
            }
        }
        sector->n_erases++;
        return fake->is_cut ? E_FLASH_ERASE : FOTA_OK;
    }
    return E_FLASH_RANGE;
}

static enum fota_err program_word(struct flash_fake *fake, uint32_t w, uint32_t value)
{
    struct flash_fake_cell *cell = &fake->cells[w];
    if (fake->is_cut) {
        return E_FLASH_PROGRAM;
    }
    if (value != 0 && cell->kind == FLASH_FAKE_SOLID) {
        return E_FLASH_PROGRAM;
    }
    if (value != 0 && cell->kind == FLASH_FAKE_SUSPECT) {
        fake->n_suspect_programs++;
    }
    if (fails_now(fake)) {
        if (fake->outcome != FLASH_FAKE_BEFORE) {
            tear(fake, w, value & fake->words[w], false);
        }
        return E_FLASH_PROGRAM;
    }
    fake->words[w] &= value;
    if (value == 0 || cell->kind == FLASH_FAKE_BLANK) {
        *cell = (struct flash_fake_cell){.kind = FLASH_FAKE_SOLID};
    } else {
        cell->target = fake->words[w]; /* F3: still not to be trusted */
    }
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
        enum fota_err err = fake->sectors[s].is_worn ? E_FLASH_PROGRAM : program_word(fake, w + i, words[i]);
        if (err) {
            return err;
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

static const struct flash_ops OPS = {erase_sector, program, read};

void flash_fake_init(struct flash_fake *fake, struct flash_fake_sector *sectors, uint32_t n_sectors,
                     uint32_t *words, struct flash_fake_cell *cells)
{
    memset(fake, 0, sizeof *fake);
    fake->flash.ops = &OPS;
    fake->sectors = sectors;
    fake->n_sectors = n_sectors;
    fake->words = words;
    fake->cells = cells;
    fake->n_words = first_word(fake, n_sectors);
    memset(words, 0xFF, 4 * (size_t)fake->n_words);
    memset(cells, 0, fake->n_words * sizeof *cells);
    set_seed(fake, 1);
}

void flash_fake_cut_at(struct flash_fake *fake, uint32_t op, enum flash_fake_outcome outcome)
{
    fake->n_ops = 0;
    fake->cut_at = op;
    fake->outcome = outcome;
}

void flash_fake_power_up(struct flash_fake *fake, uint64_t seed)
{
    set_seed(fake, seed);
    fake->is_cut = false;
    fake->cut_at = 0;
    fake->n_ops = 0;
    for (uint32_t w = 0; w < fake->n_words; w++) {
        if (fake->cells[w].kind == FLASH_FAKE_SUSPECT && fake->cells[w].is_flaky) {
            fake->words[w] = flicker(fake, &fake->cells[w]);
        }
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
    set_seed(fake, seed);
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        for (uint32_t i = 0, w = first_word(fake, s);
             fake->sectors[s].number == number && i < fake->sectors[s].n_words; i++, w++) {
            fake->words[w] = draw(fake);
            fake->cells[w] =
                (struct flash_fake_cell){.old = fake->words[w], .target = 0, .kind = FLASH_FAKE_SUSPECT};
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
            fake->cells[w] = (struct flash_fake_cell){.kind = FLASH_FAKE_SOLID};
        }
    }
}

uint32_t *flash_fake_at(struct flash_fake *fake, uint32_t addr)
{
    uint32_t s = 0;
    uint32_t w = 0;
    return find(fake, addr, 1, &s, &w) ? &fake->words[w] : NULL;
}
