#include "cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc.h"

enum {
    W_CRC = BOOT_RECORD_BODY_WORDS,
    W_CRC_C,
    W_D1,
    W_D2,
    SECTOR_J0 = 11,
    SECTOR_J1 = 3,
    SECTOR_SPARE = 10,
    J0 = 0x080E0000,
    J1 = 0x0800C000,
    SPARE = J0 - JOURNAL_RECORD_BYTES,
    W_RETRY = BOOT_RECORD_BODY_WORDS - 1,
    W_FLAGS = BOOT_RECORD_FLAGS_WORD,
    DEAD_SHIFT = 27
};
enum { SEQ_MAX = 250, SEQ_GAP = 18, VALUE_MAX = 24, KINDS = 7, DEAD_MASKS = 4 };

static const uint8_t CELL_OF_WORD[JOURNAL_RECORD_WORDS] = {
    CELL_HEAD, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY,
    CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY,
    CELL_BODY, CELL_BODY, CELL_BODY, CELL_BODY, CELL_CRC,  CELL_BODY, CELL_D1,   CELL_D2};

uint32_t cells_slots(uint32_t n_slots, uint32_t area)
{
    return area == CELLS_SPARE ? 1 : n_slots;
}

void cells_areas(struct journal_area areas[JOURNAL_AREAS], uint32_t n_slots, bool has_spare)
{
    memset(areas, 0, JOURNAL_AREAS * sizeof areas[0]);
    areas[CELLS_SPARE] = (struct journal_area){SPARE, SECTOR_SPARE, has_spare ? 1 : 0};
    areas[0] = (struct journal_area){J0, SECTOR_J0, n_slots};
    areas[1] = (struct journal_area){J1, SECTOR_J1, n_slots};
}

void cells_record_of(uint32_t value, struct boot_record *out)
{
    *out = (struct boot_record){.active = (uint8_t)(value % 3),
                                .state = {(uint8_t)(value % 6), (uint8_t)(value / 6 % 6)}};
    out->retry = value;
    out->security_floor = value * 0x01010101U;
}

/* The words of (seq, value, dead sectors). Made here by the format's rules; every program is compared with
 * them. */
static const uint32_t *words_of(const struct cells_record *of)
{
    static uint32_t table[SEQ_MAX][VALUE_MAX][DEAD_MASKS][JOURNAL_RECORD_WORDS];
    uint32_t seq = of->seq;
    uint32_t value = of->value;
    if (seq >= SEQ_MAX || value >= VALUE_MAX) {
        abort();
    }
    uint32_t *words = table[seq][value][of->dead % DEAD_MASKS];
    if (words[0] == 0) {
        struct boot_record record;
        cells_record_of(value, &record);
        record.seq = seq;
        record.flags = (uint8_t)(of->dead << (DEAD_SHIFT - 24));
        boot_record_store(&record, words);
        words[W_CRC] = crc32_update(0, words, 4 * BOOT_RECORD_BODY_WORDS);
        words[W_CRC_C] = ~crc32c_update(0, words, 4 * BOOT_RECORD_BODY_WORDS);
    }
    return words;
}

static bool is_in(uint8_t set, uint8_t reading)
{
    return (set & reading) != 0;
}

/* How the journal looks at a record: does it count and how far is it marked, is it blank, does it say "given
 * up", and is it neither buried nor without a checksum. Nothing else that the journal does depends on the
 * words of a record, so two readings of one kind are alike to it. */
enum kind {
    KIND_LEVEL_2,
    KIND_LEVEL_1,
    KIND_BLANK,
    KIND_GIVEN_UP,
    KIND_GIVEN_UP_BURIED,
    KIND_OPEN,
    KIND_CLOSED
};

static enum kind kind_of(const uint8_t r[CELLS], bool has_content)
{
    if (has_content && r[CELL_HEAD] == CELL_CONTENT && r[CELL_BODY] == CELL_CONTENT &&
        r[CELL_CRC] == CELL_CONTENT && r[CELL_D1] == CELL_ZERO) {
        return r[CELL_D2] == CELL_ZERO ? KIND_LEVEL_2 : KIND_LEVEL_1;
    }
    bool is_blank = true;
    for (uint32_t c = 0; c < CELLS; c++) {
        is_blank = is_blank && r[c] == CELL_BLANK;
    }
    if (is_blank) {
        return KIND_BLANK;
    }
    bool is_buried = r[CELL_HEAD] == CELL_ZERO && r[CELL_CRC] == CELL_ZERO;
    if (r[CELL_CRC] == CELL_ZERO && r[CELL_D2] == CELL_ZERO) {
        return is_buried ? KIND_GIVEN_UP_BURIED : KIND_GIVEN_UP;
    }
    return r[CELL_CRC] == CELL_BLANK || is_buried ? KIND_CLOSED : KIND_OPEN;
}

/* One representative reading for each kind that the sets allow: the one with most of a valid record in it, so
 * that a journal that looks less carefully is fooled. */
struct kinds {
    uint8_t n; /* 0: not computed */
    uint8_t reading[KINDS][CELLS];
};

/* The i-th of all 4^CELLS readings; false if the sets do not allow it. */
static bool reading_at(uint32_t i, const uint8_t cell[CELLS], uint8_t out[CELLS])
{
    for (uint32_t c = 0; c < CELLS; c++, i >>= 2) {
        out[c] = (uint8_t)(1U << (i & 3));
        if (!is_in(cell[c], out[c])) {
            return false;
        }
    }
    return true;
}

static uint32_t score_of(const uint8_t reading[CELLS])
{
    uint32_t score = 0;
    for (uint32_t c = 0; c < CELLS; c++) {
        score += reading[c] == (c < CELL_D1 ? CELL_CONTENT : CELL_ZERO);
    }
    return score;
}

static void find_kinds(const uint8_t cell[CELLS], bool has_content, struct kinds *out)
{
    uint32_t best[KINDS] = {0};
    struct kinds found = {0};
    for (uint32_t i = 0; i < 1U << 2 * CELLS; i++) {
        uint8_t reading[CELLS];
        if (!reading_at(i, cell, reading)) {
            continue;
        }
        uint32_t kind = kind_of(reading, has_content);
        uint32_t score = 1 + score_of(reading);
        if (score > best[kind]) {
            best[kind] = score;
            memcpy(found.reading[kind], reading, CELLS);
        }
    }
    out->n = 0;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        if (best[kind] != 0) {
            memcpy(out->reading[out->n++], found.reading[kind], CELLS);
        }
    }
}

static const struct kinds *kinds_of(const struct cells_record *record)
{
    static struct kinds *cache;
    if (!cache) {
        cache = calloc(1U << (4 * CELLS + 1), sizeof *cache);
        if (!cache) {
            abort();
        }
    }
    uint32_t key = record->seq != 0;
    for (uint32_t c = 0; c < CELLS; c++) {
        key = key << 4 | (record->cell[c] & CELL_READINGS);
    }
    if (cache[key].n == 0) {
        find_kinds(record->cell, record->seq != 0, &cache[key]);
    }
    return &cache[key];
}

uint32_t cells_choose(struct cells_flash *flash, uint32_t n_options)
{
    if (n_options == 1) {
        return 0;
    }
    uint32_t i = flash->n_drawn++;
    if (i >= CELLS_CHOICES_MAX) {
        abort();
    }
    if (i >= flash->n_choices) {
        flash->choice[i] = 0;
        flash->n_choices = i + 1;
    }
    flash->n_options[i] = (uint8_t)n_options;
    return flash->choice[i];
}

/* Decide what this record reads as for the rest of the session. */
static const uint8_t *draw(struct cells_flash *flash, uint32_t a, uint32_t i)
{
    uint8_t *drawn = flash->drawn[a][i];
    bool is_open = false;
    for (uint32_t c = 0; c < CELLS; c++) {
        is_open = is_open || drawn[c] == 0;
    }
    if (is_open) {
        struct cells_record view = flash->state.record[a][i];
        for (uint32_t c = 0; c < CELLS; c++) {
            view.cell[c] = drawn[c] != 0 ? drawn[c] : view.cell[c];
        }
        const struct kinds *kinds = kinds_of(&view);
        memcpy(drawn, kinds->reading[cells_choose(flash, kinds->n)], CELLS);
    }
    return drawn;
}

static uint32_t garbage_of(uint32_t word, uint32_t content)
{
    return content ^ (word == 0 ? 0x00000004U : 0x01000000U); /* word 0: as if of another format */
}

static bool find(const struct cells_flash *flash, uint32_t addr, uint32_t *area, uint32_t *slot,
                 uint32_t *word)
{
    *area = addr >= J0 ? 0 : addr >= SPARE ? CELLS_SPARE : 1;
    uint32_t off = (addr - (*area == 0 ? J0 : *area == 1 ? J1 : SPARE)) / 4;
    *slot = off / JOURNAL_RECORD_WORDS;
    *word = off % JOURNAL_RECORD_WORDS;
    return *slot < cells_slots(flash->n_slots, *area);
}

/* The hot loop of the fixpoint: what a record reads as is drawn once for all its words. */
static enum fota_err cells_read(struct flash *base, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    struct cells_flash *flash = (struct cells_flash *)base;
    const uint8_t *reading = NULL;
    const uint32_t *programmed = NULL;
    uint32_t w = JOURNAL_RECORD_WORDS;
    for (uint32_t n = 0; n < n_words; n++, w++) {
        if (w == JOURNAL_RECORD_WORDS) {
            uint32_t a = 0;
            uint32_t i = 0;
            if (!find(flash, addr + 4 * n, &a, &i, &w)) {
                return E_FLASH_RANGE;
            }
            reading = draw(flash, a, i);
            const struct cells_record *record = &flash->state.record[a][i];
            programmed = record->seq != 0 ? words_of(record) : NULL;
        }
        uint32_t content = programmed ? programmed[w] : 0xA5A5A5A5;
        switch (reading[CELL_OF_WORD[w]]) {
        case CELL_BLANK:
            words[n] = UINT32_MAX;
            break;
        case CELL_ZERO:
            words[n] = 0;
            break;
        case CELL_GARBAGE:
            words[n] = garbage_of(w, content);
            break;
        default:
            words[n] = content;
        }
    }
    return FOTA_OK;
}

/* A worn cell: what an operation leaves that ends with an error. */
static void spoil(struct cells_flash *flash, uint32_t a, uint32_t i, uint32_t cell, uint8_t target)
{
    for (uint32_t k = 0; k < cells_slots(flash->n_slots, a); k++) {
        for (uint32_t c = 0; c < CELLS; c++) {
            if (cell == CELLS || (k == i && c == cell)) {
                flash->state.record[a][k].cell[c] |= (uint8_t)(target | CELL_GARBAGE | CELL_SUSPECT);
                flash->drawn[a][k][c] = CELL_GARBAGE;
            }
        }
    }
}

/* Does the operation fail? Else power may fail in it. */
static enum fota_err begin(struct cells_flash *flash, uint32_t a, uint32_t i, uint32_t cell, uint8_t target)
{
    struct cells_state *state = &flash->state;
    flash->n_ops++;
    if (flash->n_ops == flash->fault_at) {
        flash->has_failed = true;
        state->faults++;
        state->lost = 1;
        if (flash->fault == CELLS_DIP) {
            return E_FLASH_SUPPLY;
        }
        if (flash->fault == CELLS_WORN_CELL) {
            spoil(flash, a, i, cell, target);
            return E_FLASH_VERIFY;
        }
        state->worn |= (uint8_t)(flash->fault == CELLS_WORN_SECTOR ? 1U << a : 0);
    }
    if (flash->has_failed && flash->fault == CELLS_LOW) {
        return E_FLASH_SUPPLY;
    }
    if ((state->worn >> a & 1) != 0) {
        return E_FLASH_PROGRAM;
    }
    flash->area = a;
    flash->slot = i;
    flash->cell = cell;
    flash->target = target;
    flash->observer.before_op(flash->observer.ctx);
    return FOTA_OK;
}

static enum fota_err cells_erase(struct flash *base, uint32_t sector)
{
    struct cells_flash *flash = (struct cells_flash *)base;
    uint32_t a = sector == SECTOR_J0 ? 0 : sector == SECTOR_J1 ? 1 : CELLS_SPARE;
    enum fota_err err = begin(flash, a, 0, CELLS, CELL_BLANK);
    if (err) {
        return err;
    }
    flash->n_erased[a] = ++flash->n_erases;
    for (uint32_t i = 0; i < cells_slots(flash->n_slots, a); i++) {
        struct cells_record *record = &flash->state.record[a][i];
        *record = (struct cells_record){0};
        memset(record->cell, CELL_BLANK, CELLS);
        memset(flash->drawn[a][i], CELL_BLANK, CELLS);
    }
    return FOTA_OK;
}

/* Words of one call that belong to one cell make one operation. */
static enum fota_err cells_program(struct flash *base, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct cells_flash *flash = (struct cells_flash *)base;
    uint32_t a = 0;
    uint32_t i = 0;
    uint32_t first = 0;
    if (!find(flash, addr, &a, &i, &first) || first + n_words > JOURNAL_RECORD_WORDS) {
        flash->observer.broke(flash->observer.ctx, "J6", "program outside the journal");
        return E_FLASH_RANGE;
    }
    struct cells_record *record = &flash->state.record[a][i];
    if (first == 0 && words[0] != 0 && n_words > 1) {
        record->seq = (uint8_t)words[1];
        record->value = (uint8_t)words[W_RETRY];
        record->dead = (uint8_t)(words[W_FLAGS] >> DEAD_SHIFT & 3);
    }
    bool is_done[CELLS] = {false};
    for (uint32_t n = 0; n < n_words; n++) {
        uint32_t cell = CELL_OF_WORD[first + n];
        if (words[n] != 0 && record->cell[cell] != CELL_BLANK && !is_done[cell]) {
            flash->observer.broke(flash->observer.ctx, "J3",
                                  "program of a word that is not known to be blank");
        }
        if (words[n] != 0 && words[n] != words_of(record)[first + n]) {
            flash->observer.broke(flash->observer.ctx, "J6",
                                  "a record is written that is not as the format says");
        }
        if (is_done[cell]) {
            continue;
        }
        is_done[cell] = true;
        enum fota_err err = begin(flash, a, i, cell, words[n] == 0 ? CELL_ZERO : CELL_CONTENT);
        if (err) {
            return err;
        }
        record->cell[cell] = flash->target;
        flash->drawn[a][i][cell] = flash->target;
    }
    return FOTA_OK;
}

void cells_redraw(struct cells_flash *flash, uint32_t area)
{
    for (uint32_t i = 0; i < cells_slots(flash->n_slots, area); i++) {
        for (uint32_t c = 0; c < CELLS; c++) {
            uint8_t readings = flash->state.record[area][i].cell[c] & CELL_READINGS;
            flash->drawn[area][i][c] = (readings & (readings - 1)) == 0 ? readings : 0;
        }
    }
}

void cells_boot(struct cells_flash *flash, const struct cells_state *state, uint32_t n_slots)
{
    static const struct flash_ops flash_ops = {
        .erase_sector = cells_erase, .program = cells_program, .read = cells_read};
    flash->flash.ops = &flash_ops;
    flash->n_slots = n_slots;
    flash->state = *state;
    flash->n_drawn = 0;
    flash->n_ops = 0;
    flash->n_erases = 0;
    flash->has_failed = false;
    memset(flash->n_erased, 0, sizeof flash->n_erased);
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        cells_redraw(flash, a);
    }
}

void cells_cut(const struct cells_flash *flash, enum cells_cut how, struct cells_state *out)
{
    *out = flash->state;
    if (how == CELLS_BEFORE) {
        return;
    }
    if (flash->cell < CELLS) {
        /* F2: reads as before, as after, or as something between; anew at every boot. Between 0 and 0 is
         * nothing else. */
        uint8_t *cell = &out->record[flash->area][flash->slot].cell[flash->cell];
        if (*cell != CELL_ZERO || flash->target != CELL_ZERO) {
            *cell |= (uint8_t)(flash->target | CELL_GARBAGE | CELL_SUSPECT);
        }
        return;
    }
    for (uint32_t i = 0; i < cells_slots(flash->n_slots, flash->area);
         i++) { /* F6: blank words too may have been pre-programmed to 0 */
        for (uint32_t c = 0; c < CELLS; c++) {
            out->record[flash->area][i].cell[c] |= CELL_BLANK | CELL_ZERO | CELL_GARBAGE | CELL_SUSPECT;
        }
    }
}

void cells_lose(struct cells_state *state, uint32_t n_slots, uint32_t area, uint8_t reading)
{
    for (uint32_t i = 0; i < n_slots; i++) {
        struct cells_record *record = &state->record[area][i];
        *record = (struct cells_record){0};
        memset(record->cell, reading | CELL_SUSPECT, CELLS);
    }
}

/* A record whose body or checksum cannot read as programmed any more never counts again. What remains of it
 * is whether it can read blank, buried or given up: word 0, checksum and D2 keep their sets, the rest is one
 * cell. */
static void forget_dead(struct cells_record *record)
{
    uint8_t *cell = record->cell;
    if (record->seq != 0 && is_in(cell[CELL_HEAD], CELL_CONTENT) && is_in(cell[CELL_BODY], CELL_CONTENT) &&
        is_in(cell[CELL_CRC], CELL_CONTENT)) {
        return;
    }
    uint8_t all = cell[CELL_BODY] | cell[CELL_D1];
    if (!is_in(cell[CELL_BODY], CELL_BLANK) || !is_in(cell[CELL_D1], CELL_BLANK)) {
        cell[CELL_BODY] = CELL_GARBAGE;
    } else if (all != CELL_BLANK) {
        bool may_be_other = (all & CELL_READINGS) != CELL_BLANK;
        cell[CELL_BODY] = (uint8_t)(CELL_BLANK | CELL_SUSPECT | (may_be_other ? CELL_GARBAGE : 0));
    }
    cell[CELL_D1] = CELL_BLANK;
    for (uint32_t c = 0; c < CELLS; c++) {
        if (is_in(cell[c], CELL_CONTENT)) {
            cell[c] = (uint8_t)((cell[c] & ~CELL_CONTENT) | CELL_GARBAGE);
        }
    }
    record->seq = 0;
    record->value = 0;
    record->dead = 0;
}

/* Numbers matter by their order and by gaps that a journal may step into. */
static void renumber(struct cells_state *state, uint32_t n_slots)
{
    uint8_t is_used[SEQ_MAX] = {0};
    uint8_t to[SEQ_MAX] = {0};
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        for (uint32_t i = 0; i < cells_slots(n_slots, a); i++) {
            is_used[state->record[a][i].seq] = 1;
        }
    }
    uint32_t last = 0;
    uint32_t number = 0;
    for (uint32_t seq = 1; seq < SEQ_MAX; seq++) {
        if (is_used[seq] != 0) {
            uint32_t gap = last == 0 ? 1 : seq - last;
            number += gap < SEQ_GAP ? gap : SEQ_GAP;
            to[seq] = (uint8_t)number;
            last = seq;
        }
    }
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        for (uint32_t i = 0; i < cells_slots(n_slots, a); i++) {
            state->record[a][i].seq = to[state->record[a][i].seq];
        }
    }
}

void cells_canonical(struct cells_state *state, uint32_t n_slots)
{
    uint8_t rank[VALUE_MAX] = {0};
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        for (uint32_t i = 0; i < cells_slots(n_slots, a); i++) {
            struct cells_record *record = &state->record[a][i];
            forget_dead(record);
            rank[record->value] = 1;
        }
    }
    renumber(state, n_slots);
    rank[state->acted] = 1;
    rank[0] = 0;
    uint8_t n_ranks = 0;
    for (uint32_t v = 1; v < VALUE_MAX; v++) {
        n_ranks = (uint8_t)(n_ranks + rank[v]);
        rank[v] = rank[v] != 0 ? n_ranks : 0;
    }
    uint32_t passed = 0;
    for (uint32_t v = 1; v < VALUE_MAX; v++) {
        passed |= rank[v] != 0 ? (state->passed >> v & 1) << rank[v] : 0;
    }
    for (uint32_t a = 0; a < CELLS_PLACES; a++) {
        for (uint32_t i = 0; i < cells_slots(n_slots, a); i++) {
            state->record[a][i].value = rank[state->record[a][i].value];
        }
    }
    state->passed = passed;
    state->acted = rank[state->acted];
    state->written = n_ranks;
}
