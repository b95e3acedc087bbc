/* Cells of the array: rules in flash_model.h. */
#include "dev/flash_faults.h"

#include "dev/flash_if.h"

#include <string.h>

enum { KIND_MASK = 3, IS_FLAKY = 4, IS_ERASE = 8, KEEPS_SHIFT = 4, WORD_BYTES = 4 };

uint64_t flash_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15U;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

struct flash_cut_pair flash_cut_by_seed(uint64_t *seed)
{
    static const struct flash_cut_pair CHOICE[] = {
        {FLASH_CUT_BEFORE, FLASH_CUT_BEFORE}, {FLASH_CUT_OLD, FLASH_CUT_COMPLETE},
        {FLASH_CUT_GARBAGE, FLASH_CUT_MIXED}, {FLASH_CUT_COMPLETE, FLASH_CUT_COMPLETE},
        {FLASH_CUT_GARBAGE, FLASH_CUT_FRONT}, {FLASH_CUT_FLAKY, FLASH_CUT_FLAKY}};
    return CHOICE[flash_random(seed) % (sizeof CHOICE / sizeof CHOICE[0])];
}

static uint32_t word_at(const uint8_t *array, uint32_t w)
{
    const uint8_t *p = array + (size_t)WORD_BYTES * w;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_word(uint8_t *array, uint32_t w, uint32_t value)
{
    for (unsigned i = 0; i < WORD_BYTES; i++) {
        array[(size_t)WORD_BYTES * w + i] = (uint8_t)(value >> (8 * i));
    }
}

struct flash_cell flash_cells_at(const struct flash_cells *cells, uint32_t w)
{
    uint8_t kind = cells->kind[w];
    return (struct flash_cell){.old = cells->old[w],
                               .target = cells->target[w],
                               .kind = (uint8_t)(kind & KIND_MASK),
                               .is_flaky = (kind & IS_FLAKY) != 0,
                               .is_erase = (kind & IS_ERASE) != 0,
                               .keeps = (uint8_t)(kind >> KEEPS_SHIFT)};
}

static void set_cell(struct flash_cells *cells, uint32_t w, const struct flash_cell *cell)
{
    bool is_suspect = cell->kind == FLASH_CELL_SUSPECT;
    bool was_suspect = (cells->kind[w] & KIND_MASK) == FLASH_CELL_SUSPECT;
    bool was_flaky = was_suspect && (cells->kind[w] & IS_FLAKY) != 0;
    uint32_t kind = cell->kind;
    cells->n_suspect += (uint32_t)is_suspect - (uint32_t)was_suspect;
    cells->n_flaky += (uint32_t)(is_suspect && cell->is_flaky) - (uint32_t)was_flaky;
    cells->old[w] = is_suspect ? cell->old : 0;
    cells->target[w] = is_suspect ? cell->target : 0;
    if (is_suspect) {
        kind |= (cell->is_flaky ? (uint32_t)IS_FLAKY : 0) | (cell->is_erase ? (uint32_t)IS_ERASE : 0) |
                (uint32_t)cell->keeps << KEEPS_SHIFT;
    }
    cells->kind[w] = (uint8_t)kind;
}

static void set_plain(struct flash_cells *cells, const uint8_t *array, uint32_t w)
{
    bool is_blank = word_at(array, w) == FLASH_WORD_BLANK;
    struct flash_cell cell = {.kind = (uint8_t)(is_blank ? FLASH_CELL_BLANK : FLASH_CELL_SOLID)};
    set_cell(cells, w, &cell);
}

/* The word, as worn cells of the sector leave it. */
static void put_worn(const struct flash_cells *cells, uint8_t *array, uint32_t w, uint32_t value)
{
    unsigned sector = flash_if_sector(WORD_BYTES * w);
    uint32_t first = flash_if_sector_off(sector) / WORD_BYTES;
    uint32_t n_words = flash_if_sector_off(sector + 1) / WORD_BYTES - first;
    if (cells->wear[sector] == FLASH_WEAR_STUCK && w - first == flash_stuck_word(sector, n_words)) {
        value &= ~flash_stuck_bit(sector);
    }
    if (cells->wear[sector] != FLASH_WEAR_DEAF && cells->wear[sector] != FLASH_WEAR_ERRORS) {
        put_word(array, w, value);
    }
}

/* A program of less than a word leaves the other bytes: as ones they change nothing. */
static uint32_t value_for(uint32_t w, uint32_t off, const uint8_t *value, uint32_t n_bytes)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < WORD_BYTES; i++) {
        uint32_t at = WORD_BYTES * w + i;
        uint32_t byte = at >= off && at - off < n_bytes ? value[at - off] : 0xFF;
        word |= byte << (8 * i);
    }
    return word;
}

void flash_cells_store(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes)
{
    for (uint32_t w = off / WORD_BYTES; n_bytes != 0 && w <= (off + n_bytes - 1) / WORD_BYTES; w++) {
        set_plain(cells, array, w);
    }
}

static void disturb(struct flash_cells *cells, uint8_t *array, uint32_t hit, uint64_t *random)
{
    unsigned sector = flash_if_sector(WORD_BYTES * hit);
    for (uint32_t w = flash_if_sector_off(sector) / WORD_BYTES;
         w < flash_if_sector_off(sector + 1) / WORD_BYTES; w++) {
        if (w != hit) {
            struct flash_cell cell = flash_cells_at(cells, w);
            put_word(array, w, flash_cell_disturb(&cell, word_at(array, w), random));
            set_cell(cells, w, &cell);
        }
    }
}

bool flash_cells_disturb_after_failure(struct flash_cells *cells, uint8_t *array, uint32_t off,
                                       const uint8_t *value, uint32_t n_bytes, bool is_weak, uint64_t seed)
{
    bool is_failed = is_weak;
    for (uint32_t i = 0; i < n_bytes; i++) {
        is_failed = is_failed || array[off + i] != value[i];
    }
    if (is_failed && cells->is_disturbing) {
        uint64_t random = flash_seed(seed);
        disturb(cells, array, off / WORD_BYTES, &random);
    }
    return is_failed;
}

void flash_cells_program(struct flash_cells *cells, uint8_t *array, uint32_t off, const uint8_t *value,
                         uint32_t n_bytes)
{
    for (uint32_t w = off / WORD_BYTES; w <= (off + n_bytes - 1) / WORD_BYTES; w++) {
        struct flash_cell cell = flash_cells_at(cells, w);
        uint32_t after = flash_cell_program(&cell, word_at(array, w), value_for(w, off, value, n_bytes));
        set_cell(cells, w, &cell);
        put_worn(cells, array, w, after);
    }
}

void flash_cells_erase(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes)
{
    for (uint32_t w = off / WORD_BYTES; w < (off + n_bytes) / WORD_BYTES; w++) {
        put_worn(cells, array, w, FLASH_WORD_BLANK);
        set_plain(cells, array, w);
    }
}

void flash_cells_cut_program(struct flash_cells *cells, uint8_t *array, uint32_t off, const uint8_t *value,
                             uint32_t n_bytes, enum flash_cut cut, uint64_t seed)
{
    struct flash_cut_work work;
    uint32_t first = off / WORD_BYTES;
    flash_cut_begin(&work, cut, false, 1, seed);
    for (uint32_t w = first; w <= (off + n_bytes - 1) / WORD_BYTES; w++) {
        struct flash_cell cell = flash_cells_at(cells, w);
        uint32_t left =
            flash_cut_word(&work, w - first, word_at(array, w), value_for(w, off, value, n_bytes), &cell);
        set_cell(cells, w, &cell);
        put_worn(cells, array, w, left);
    }
    if (cells->is_disturbing && cut != FLASH_CUT_BEFORE) {
        disturb(cells, array, first, &work.random);
    }
}

void flash_tear_bytes(uint8_t *bytes, const uint8_t *value, uint32_t n_bytes, enum flash_cut cut,
                      uint64_t seed)
{
    struct flash_cut_work work;
    flash_cut_begin(&work, cut, false, 1, seed);
    for (uint32_t i = 0; i < n_bytes; i++) {
        struct flash_cell cell = {0};
        bytes[i] = (uint8_t)flash_cut_word(&work, i, 0xFFFFFF00U | bytes[i], 0xFFFFFF00U | value[i], &cell);
    }
}

void flash_cells_cut_erase(struct flash_cells *cells, uint8_t *array, uint32_t off, uint32_t n_bytes,
                           enum flash_cut cut, uint64_t seed)
{
    struct flash_cut_work work;
    uint32_t first = off / WORD_BYTES;
    flash_cut_begin(&work, cut, true, n_bytes / WORD_BYTES, seed);
    for (uint32_t i = 0; i < n_bytes / WORD_BYTES; i++) {
        struct flash_cell cell = flash_cells_at(cells, first + i);
        uint32_t left = flash_cut_word(&work, i, word_at(array, first + i), 0, &cell);
        set_cell(cells, first + i, &cell);
        put_worn(cells, array, first + i, left);
    }
}

uint32_t flash_cells_boot(struct flash_cells *cells, uint8_t *array, uint64_t seed)
{
    uint32_t n_changed = 0;
    uint32_t n_left = cells->n_flaky;
    uint64_t random = flash_seed(seed + cells->n_boots++);
    for (uint32_t w = 0; n_left != 0 && w < FLASH_CELLS_WORDS; w++) {
        struct flash_cell cell = flash_cells_at(cells, w);
        if (cell.kind == FLASH_CELL_SUSPECT && cell.is_flaky) {
            uint32_t before = word_at(array, w);
            put_worn(cells, array, w, flash_cell_boot(&cell, before, &random));
            set_cell(cells, w, &cell);
            n_changed += word_at(array, w) != before;
            n_left--;
        }
    }
    return n_changed;
}

void flash_cells_wear(struct flash_cells *cells, uint8_t *array, uint32_t sector, enum flash_wear wear)
{
    cells->wear[sector] = (uint8_t)wear;
    for (uint32_t w = flash_if_sector_off(sector) / WORD_BYTES;
         wear == FLASH_WEAR_STUCK && w < flash_if_sector_off(sector + 1) / WORD_BYTES; w++) {
        put_worn(cells, array, w, word_at(array, w));
    }
}

bool flash_cells_any_suspect(const struct flash_cells *cells, uint32_t off, uint32_t n_bytes)
{
    bool is_any = false;
    for (uint32_t w = off / WORD_BYTES; w <= (off + n_bytes - 1) / WORD_BYTES; w++) {
        is_any = is_any || (cells->kind[w] & KIND_MASK) == FLASH_CELL_SUSPECT;
    }
    return is_any;
}

uint64_t flash_cells_hash(const struct flash_cells *cells)
{
    uint64_t h = 0;
    uint32_t n_left = cells->n_suspect;
    for (uint32_t w = 0; n_left != 0 && w < FLASH_CELLS_WORDS; w++) {
        if ((cells->kind[w] & KIND_MASK) == FLASH_CELL_SUSPECT) {
            uint64_t seed = (uint64_t)w << 32 | cells->kind[w];
            h ^= flash_random(&seed) ^ ((uint64_t)cells->old[w] << 32 | cells->target[w]);
            h = flash_random(&h);
            n_left--;
        }
    }
    return h;
}
