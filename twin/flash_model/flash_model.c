/* Fault model of flash cells: see the axioms in the header. */
#include "flash_model/flash_model.h"

#include <stddef.h>

enum { ROW_WORDS = 128, DISTURBED_ONE_IN = 16, FADES_LATE_BOOTS = 3 };

static uint64_t mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    return x;
}

uint64_t flash_seed(uint64_t seed)
{
    return mix64(seed * 2 + 1) | 1;
}

/* xorshift64* */
uint32_t flash_draw(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return (uint32_t)((*random * 0x2545F4914F6CDD1DULL) >> 32);
}

/* --- completed --- */

uint32_t flash_cell_program(struct flash_cell *cell, uint32_t reading, uint32_t value)
{
    uint32_t after = reading & value;
    if (value == 0 || cell->kind == FLASH_CELL_BLANK) {
        *cell = (struct flash_cell){.kind = FLASH_CELL_SOLID};
    } else if (cell->kind == FLASH_CELL_SUSPECT) {
        cell->old = reading;
        cell->target = after;
        cell->is_flaky = true;
        cell->keeps = 0;
    }
    return after;
}

/* --- cut --- */

/* Some of the bits changed. An erase pre-programs to 0 first, so it may clear bits as well. */
static uint32_t garbage_of(const struct flash_cell *cell, uint64_t *random)
{
    uint32_t mask = flash_draw(random);
    return cell->is_erase ? mask : (cell->old & (cell->target | mask));
}

static uint32_t flicker(const struct flash_cell *cell, uint64_t *random)
{
    switch (flash_draw(random) % 4) {
    case 0:
        return cell->old;
    case 1:
        return cell->target;
    case 2:
        return garbage_of(cell, random);
    default:
        return cell->is_erase ? 0 : cell->old;
    }
}

static uint32_t mixed(const struct flash_cell *cell, uint64_t *random)
{
    switch (flash_draw(random) % 4) {
    case 0:
        return cell->old;
    case 1:
        return FLASH_WORD_BLANK;
    case 2:
        return 0;
    default:
        return flash_draw(random);
    }
}

void flash_cut_begin(struct flash_cut_work *work, enum flash_cut cut, bool is_erase, uint32_t n_words,
                     uint64_t seed)
{
    *work = (struct flash_cut_work){.cut = cut, .is_erase = is_erase, .random = flash_seed(seed)};
    if (!is_erase && cut >= FLASH_CUTS_OF_PROGRAM) {
        work->cut = FLASH_CUT_GARBAGE;
    }
    if (is_erase && cut > FLASH_CUT_MIXED && n_words > 1) {
        /* Never at the edge: the first part and the last are not empty. */
        work->at = 1 + flash_draw(&work->random) % (n_words - 1);
    }
}

static bool is_flaky_cut(enum flash_cut cut)
{
    return cut == FLASH_CUT_FLAKY || cut == FLASH_CUT_FADES || cut == FLASH_CUT_FADES_LATE;
}

/* An erase that was cut in a certain phase. */
static uint32_t phase_word(struct flash_cut_work *work, uint32_t i, uint32_t old)
{
    bool is_front = i < work->at;
    uint32_t r = 0;
    switch (work->cut) {
    case FLASH_CUT_ZEROING:
        return old & flash_draw(&work->random);
    case FLASH_CUT_ZERO_FRONT:
        return is_front ? 0 : old;
    case FLASH_CUT_ZERO:
        return 0;
    case FLASH_CUT_RISEN:
        r = flash_draw(&work->random);
        return (r >> 8 & 15) != 0 ? FLASH_WORD_BLANK : ~(1U << (r & 31));
    case FLASH_CUT_FRONT:
        return is_front ? FLASH_WORD_BLANK : old;
    case FLASH_CUT_BACK:
        return is_front ? old : FLASH_WORD_BLANK;
    case FLASH_CUT_HALF:
        return i % 2 == 0 ? FLASH_WORD_BLANK : old;
    case FLASH_CUT_STRIPES:
        return i / ROW_WORDS % 2 == 0 ? FLASH_WORD_BLANK : old;
    case FLASH_CUT_ONE_OLD:
        return i == work->at ? old : FLASH_WORD_BLANK;
    default:
        return i == work->at ? 0 : FLASH_WORD_BLANK;
    }
}

static uint32_t first_reading(struct flash_cut_work *work, uint32_t i, const struct flash_cell *cell)
{
    switch (work->cut) {
    case FLASH_CUT_OLD:
        return cell->old;
    case FLASH_CUT_COMPLETE:
    case FLASH_CUT_FADES:
    case FLASH_CUT_FADES_LATE:
        return cell->target;
    case FLASH_CUT_MIXED:
        return cell->is_erase ? mixed(cell, &work->random) : garbage_of(cell, &work->random);
    case FLASH_CUT_GARBAGE:
        return garbage_of(cell, &work->random);
    case FLASH_CUT_FLAKY:
        return flicker(cell, &work->random);
    default:
        return phase_word(work, i, cell->old);
    }
}

uint32_t flash_cut_word(struct flash_cut_work *work, uint32_t i, uint32_t reading, uint32_t value,
                        struct flash_cell *cell)
{
    if (work->cut == FLASH_CUT_BEFORE) {
        return reading;
    }
    bool was_erase = cell->kind == FLASH_CELL_SUSPECT && cell->is_erase;
    *cell = (struct flash_cell){.old = reading,
                                .target = work->is_erase ? FLASH_WORD_BLANK : (reading & value),
                                .kind = FLASH_CELL_SUSPECT,
                                .is_flaky = is_flaky_cut(work->cut),
                                .is_erase = work->is_erase || was_erase,
                                .keeps = 0};
    cell->keeps = work->cut == FLASH_CUT_FADES ? 1 : work->cut == FLASH_CUT_FADES_LATE ? FADES_LATE_BOOTS : 0;
    return first_reading(work, i, cell);
}

uint32_t flash_cell_disturb(struct flash_cell *cell, uint32_t reading, uint64_t *random)
{
    bool was_erase = cell->kind == FLASH_CELL_SUSPECT && cell->is_erase;
    bool is_hit = flash_draw(random) % DISTURBED_ONE_IN == 0;
    *cell = (struct flash_cell){
        .old = reading, .target = 0, .kind = FLASH_CELL_SUSPECT, .is_flaky = is_hit, .is_erase = was_erase};
    return is_hit ? flicker(cell, random) : reading;
}

uint32_t flash_cell_boot(struct flash_cell *cell, uint32_t reading, uint64_t *random)
{
    if (cell->kind != FLASH_CELL_SUSPECT || !cell->is_flaky) {
        return reading;
    }
    if (cell->keeps != 0) {
        cell->keeps--;
        return reading;
    }
    return flicker(cell, random);
}

/* --- allowed --- */

bool flash_cell_may_read(const struct flash_cell *cell, uint32_t reading, uint32_t value)
{
    if (cell->kind != FLASH_CELL_SUSPECT) {
        return value == reading && (cell->kind != FLASH_CELL_BLANK || value == FLASH_WORD_BLANK);
    }
    if (!cell->is_flaky || cell->keeps != 0) {
        return value == reading;
    }
    uint32_t lowest = cell->old & cell->target;
    return cell->is_erase || value == cell->target ||
           ((value & cell->old) == value && (value & lowest) == lowest);
}

/* --- wear --- */

uint32_t flash_stuck_word(uint32_t sector, uint32_t n_words)
{
    return (uint32_t)(mix64(sector + 1) % n_words);
}

uint32_t flash_stuck_bit(uint32_t sector)
{
    return 1U << (mix64(sector + 101) & 31);
}
