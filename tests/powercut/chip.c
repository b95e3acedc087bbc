#include "chip.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 4 };
static const uint32_t BLANK_WORD = UINT32_MAX;

/* One entry of the undo log, the last thing pushed is its size. A
 * sector's entry is followed by its arrays. */
struct undo {
    struct chip_sector sector;
    uint32_t index; /* of the sector */
    uint32_t first; /* words that follow: first, n */
    uint32_t n_words;
    bool has_suspects;
    size_t n_bytes; /* of what is in front of this struct in the log */
};

static uint64_t mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    x ^= x >> 32;
    return x;
}

static uint64_t hash_word(const struct chip *chip, uint32_t w)
{
    uint8_t kind = chip->kind[w];
    if (kind == CHIP_KIND_BLANK) {
        return 0;
    }
    uint64_t h = mix64(((uint64_t)w << 40) ^ ((uint64_t)kind << 33) ^ chip->words[w] ^ 0x5851F42D4C957F2DULL);
    if ((kind & CHIP_KIND_SUSPECT) != 0) {
        h = mix64(h ^ ((uint64_t)chip->old[w] << 32 | chip->target[w]));
    }
    return h;
}

static void count(struct chip_sector *sector, uint8_t kind, uint32_t n)
{
    sector->n_suspect += (kind & CHIP_KIND_SUSPECT) != 0 ? n : 0;
    sector->n_flaky += (kind & CHIP_IS_FLAKY) != 0 ? n : 0;
}

/* A cell gets a new word and kind; everything that is kept about it follows. */
static void set_word(struct chip *chip, struct chip_sector *sector, uint32_t w, uint32_t value, uint8_t kind)
{
    sector->sum -= hash_word(chip, w);
    count(sector, chip->kind[w], UINT32_MAX);
    chip->words[w] = value;
    chip->kind[w] = kind;
    count(sector, kind, 1);
    sector->sum += hash_word(chip, w);
    uint32_t n_touched = w - sector->first + 1;
    sector->n_touched = sector->n_touched < n_touched ? n_touched : sector->n_touched;
    chip->is_block_known[w / CHIP_BLOCK_WORDS] = false;
}

static void push(struct chip *chip, const void *bytes, size_t n_bytes)
{
    if (n_bytes == 0) {
        return;
    }
    if (chip->n_log + n_bytes > chip->n_room) {
        chip->n_room = 2 * (chip->n_log + n_bytes);
        uint8_t *log = realloc(chip->log, chip->n_room);
        if (!log) {
            abort();
        }
        chip->log = log;
    }
    memcpy(chip->log + chip->n_log, bytes, n_bytes);
    chip->n_log += n_bytes;
}

/* Remember words first..first+n-1 of a sector, and the sector itself. */
static void remember(struct chip *chip, uint32_t s, uint32_t first, uint32_t n_words)
{
    struct undo undo;
    memset(&undo, 0, sizeof undo);
    undo.sector = chip->sector[s];
    undo.index = s;
    undo.first = first;
    undo.n_words = n_words;
    undo.has_suspects = undo.sector.n_suspect != 0;
    size_t before = chip->n_log;
    push(chip, chip->words + first, WORD_BYTES * (size_t)n_words);
    push(chip, chip->kind + first, n_words);
    if (undo.has_suspects) {
        push(chip, chip->old + first, WORD_BYTES * (size_t)n_words);
        push(chip, chip->target + first, WORD_BYTES * (size_t)n_words);
    }
    undo.n_bytes = chip->n_log - before;
    push(chip, &undo, sizeof undo);
}

static void forget_blocks(struct chip *chip, uint32_t first, uint32_t n_words)
{
    for (uint32_t b = first / CHIP_BLOCK_WORDS; n_words != 0 && b <= (first + n_words - 1) / CHIP_BLOCK_WORDS;
         b++) {
        chip->is_block_known[b] = false;
    }
}

size_t chip_mark(const struct chip *chip)
{
    return chip->n_log;
}

void chip_undo(struct chip *chip, size_t mark)
{
    while (chip->n_log > mark) {
        struct undo undo;
        chip->n_log -= sizeof undo;
        memcpy(&undo, chip->log + chip->n_log, sizeof undo);
        chip->n_log -= undo.n_bytes;
        const uint8_t *from = chip->log + chip->n_log;
        size_t n = undo.n_words;
        memcpy(chip->words + undo.first, from, WORD_BYTES * n);
        memcpy(chip->kind + undo.first, from + WORD_BYTES * n, n);
        if (undo.has_suspects) {
            memcpy(chip->old + undo.first, from + 5 * n, WORD_BYTES * n);
            memcpy(chip->target + undo.first, from + 9 * n, WORD_BYTES * n);
        }
        chip->sector[undo.index] = undo.sector;
        forget_blocks(chip, undo.first, undo.n_words);
    }
}

/* What is behind a word, as the fault model has it. */
static struct flash_cell cell_at(const struct chip *chip, uint32_t w)
{
    uint8_t kind = chip->kind[w];
    return (struct flash_cell){.old = chip->old[w],
                               .target = chip->target[w],
                               .kind = (uint8_t)(kind & (CHIP_KIND_SOLID | CHIP_KIND_SUSPECT)),
                               .is_flaky = (kind & CHIP_IS_FLAKY) != 0,
                               .is_erase = (kind & CHIP_IS_ERASED) != 0,
                               .keeps = (uint8_t)((kind & CHIP_POWER_UPS) / CHIP_ONE_POWER_UP)};
}

static void set_cell(struct chip *chip, struct chip_sector *sector, uint32_t w, uint32_t reading,
                     const struct flash_cell *cell)
{
    uint32_t kind = cell->kind;
    if (cell->kind == FLASH_CELL_SOLID && chip->kind[w] == CHIP_KIND_BLANK) {
        set_word(chip, sector, w, reading, CHIP_KIND_SOLID); /* nearly all there are: a word of an image */
        return;
    }
    set_word(chip, sector, w, reading, CHIP_KIND_BLANK);
    if (cell->kind == FLASH_CELL_SUSPECT) {
        chip->old[w] = cell->old;
        chip->target[w] = cell->target;
        kind |=
            (cell->is_flaky ? (uint32_t)CHIP_IS_FLAKY : 0) | (cell->is_erase ? (uint32_t)CHIP_IS_ERASED : 0);
        kind |= (uint32_t)CHIP_ONE_POWER_UP * cell->keeps;
    }
    set_word(chip, sector, w, reading, (uint8_t)kind);
}

void chip_tear(struct chip *chip, const struct chip_event *event, enum flash_cut outcome, uint64_t seed)
{
    if (outcome == FLASH_CUT_BEFORE) {
        return;
    }
    struct chip_sector *sector = &chip->sector[event->sector];
    bool is_erase = event->op == CHIP_ERASE;
    uint32_t first = sector->first + (is_erase ? 0 : event->word);
    uint32_t n_words = is_erase ? sector->n_words : 1;
    struct flash_cut_work work;
    flash_cut_begin(&work, outcome, is_erase, n_words, seed);
    remember(chip, event->sector, first, n_words);
    for (uint32_t i = 0; i < n_words; i++) {
        struct flash_cell cell = cell_at(chip, first + i);
        uint32_t reading = flash_cut_word(&work, i, chip->words[first + i], event->value, &cell);
        set_cell(chip, sector, first + i, reading, &cell);
    }
    sector->n_erases += is_erase;
}

void chip_upset(struct chip *chip, const struct chip_event *event, uint64_t seed)
{
    struct chip_sector *sector = &chip->sector[event->sector];
    uint64_t random = flash_seed(seed);
    remember(chip, event->sector, sector->first, sector->n_words);
    for (uint32_t i = 0; i < sector->n_words; i++) {
        uint32_t w = sector->first + i;
        if (i != event->word) {
            struct flash_cell cell = cell_at(chip, w);
            uint32_t reading = flash_cell_disturb(&cell, chip->words[w], &random);
            set_cell(chip, sector, w, reading, &cell);
        }
    }
}

void chip_fail(struct chip *chip, enum chip_fault fault)
{
    chip->fault = fault;
    chip->is_low = fault == CHIP_DIP_LONG;
}

void chip_supply_is_back(struct chip *chip)
{
    chip->is_low = false;
}

uint32_t chip_worn_mask(const struct chip *chip)
{
    uint32_t mask = 0;
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        mask |= (chip->sector[s].is_worn || chip->sector[s].worn_word != 0 ? 1U : 0U) << s;
    }
    return mask;
}

void chip_power_up(struct chip *chip, uint64_t seed)
{
    chip->is_low = false;
    chip->flash.overlap_ctx = NULL; /* a driver in RAM: a cut leaves nothing of what it was about to do */
    uint64_t random = flash_seed(seed);
    chip->n_erases = 0;
    chip->n_ops = 0;
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        struct chip_sector *sector = &chip->sector[s];
        uint32_t n_left = sector->n_flaky;
        if (n_left > 1) {
            remember(chip, s, sector->first, sector->n_touched);
        }
        for (uint32_t w = sector->first; n_left > 0; w++) {
            if ((chip->kind[w] & CHIP_IS_FLAKY) != 0) {
                if (sector->n_flaky == 1) {
                    remember(chip, s, w, 1);
                }
                struct flash_cell cell = cell_at(chip, w);
                uint32_t reading = flash_cell_boot(&cell, chip->words[w], &random);
                set_cell(chip, sector, w, reading, &cell);
                n_left--;
            }
        }
    }
}

uint64_t chip_hash(const struct chip *chip)
{
    uint64_t h = 0;
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        const struct chip_sector *sector = &chip->sector[s];
        uint64_t worn = (uint64_t)sector->is_worn << 63 ^ (uint64_t)sector->is_deaf << 62 ^
                        (uint64_t)sector->worn_word << 32 ^ sector->stuck;
        h = mix64(h ^ sector->sum ^ worn) + s;
    }
    return h;
}

bool chip_is_flaky(const struct chip *chip)
{
    bool is_any = false;
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        is_any = is_any || chip->sector[s].n_flaky != 0;
    }
    return is_any;
}

static struct chip_sector *sector_of(struct chip *chip, uint32_t addr, uint32_t *s)
{
    for (*s = 0; *s < CHIP_SECTORS; (*s)++) {
        struct chip_sector *sector = &chip->sector[*s];
        if (addr >= sector->addr && (addr - sector->addr) / WORD_BYTES < sector->n_words) {
            return sector;
        }
    }
    return NULL;
}

/* Tell the observer, who may let the operation fail: a dip begins nothing, wear stays. */
static enum fota_err announce(struct chip *chip, const struct chip_event *event)
{
    uint32_t s = event->sector;
    struct chip_sector *sector = &chip->sector[s];
    chip->n_ops++;
    chip->fault = CHIP_WORKS;
    if (chip->observer.before_op) {
        chip->observer.before_op(chip->observer.ctx, event);
    }
    if ((chip->is_low || chip->fault == CHIP_DIP) && event->is_first) {
        return E_FLASH_SUPPLY;
    }
    bool is_erase = event->op == CHIP_ERASE;
    if (chip->fault == CHIP_WORN_SECTOR || chip->fault == CHIP_WORN_CELL) {
        remember(chip, s, sector->first, 0);
        sector->is_worn = sector->is_worn || chip->fault == CHIP_WORN_SECTOR;
        if (chip->fault == CHIP_WORN_CELL) {
            sector->worn_word =
                1 + (is_erase ? flash_stuck_word(sector->number, sector->n_words) : event->word);
            sector->is_deaf = !is_erase;
            sector->stuck = is_erase ? flash_stuck_bit(sector->number) : 0;
        }
    }
    if (sector->is_worn) {
        return is_erase ? E_FLASH_ERASE : E_FLASH_PROGRAM;
    }
    return FOTA_OK;
}

/* A worn word reads as nothing that a completed operation leaves. What it reads stays. */
static void keep_worn_word(struct chip *chip, struct chip_sector *sector, uint32_t reading, uint32_t target)
{
    const struct flash_cell cell = {.old = reading, .target = target, .kind = FLASH_CELL_SUSPECT};
    set_cell(chip, sector, sector->first + sector->worn_word - 1, reading, &cell);
}

static void report(const struct chip *chip, const char *check, const char *text)
{
    if (chip->observer.broke) {
        chip->observer.broke(chip->observer.ctx, check, text);
    }
}

static enum fota_err chip_erase(struct flash *flash, uint32_t number)
{
    struct chip *chip = (struct chip *)flash;
    uint32_t s = 0;
    while (s < CHIP_SECTORS && chip->sector[s].number != number) {
        s++;
    }
    if (s == CHIP_SECTORS) {
        report(chip, "P12", "erase of a sector that is not the updater's");
        return E_FLASH_RANGE;
    }
    struct chip_sector *sector = &chip->sector[s];
    const struct chip_event event = {CHIP_ERASE, s, 0, BLANK_WORD, true};
    enum fota_err err = announce(chip, &event);
    if (err) {
        return err;
    }
    chip->n_erases++;
    sector->n_erases++;
    uint32_t worn = sector->worn_word;
    uint32_t old = worn != 0 ? chip->words[sector->first + worn - 1] : 0;
    uint32_t n_words = sector->n_touched > worn ? sector->n_touched : worn; /* all that may change */
    n_words = sector->sum == 0 && worn == 0 ? 0 : n_words;
    remember(chip, s, sector->first, n_words);
    memset(chip->words + sector->first, 0xFF, WORD_BYTES * (size_t)n_words);
    memset(chip->kind + sector->first, CHIP_KIND_BLANK, n_words);
    forget_blocks(chip, sector->first, n_words);
    sector->n_touched = 0;
    sector->n_suspect = 0;
    sector->n_flaky = 0;
    sector->sum = 0;
    if (worn == 0) {
        return FOTA_OK;
    }
    uint32_t reading = sector->is_deaf ? old : ~sector->stuck;
    if (reading != BLANK_WORD) {
        keep_worn_word(chip, sector, reading, BLANK_WORD);
    }
    return reading == BLANK_WORD ? FOTA_OK : E_FLASH_NOT_BLANK;
}

static enum fota_err program_word(struct chip *chip, uint32_t s, uint32_t word, uint32_t value, bool is_first)
{
    struct chip_sector *sector = &chip->sector[s];
    uint32_t w = sector->first + word;
    struct flash_cell cell = cell_at(chip, w);
    if (value != 0 && cell.kind == FLASH_CELL_SUSPECT && !sector->is_worn && sector->worn_word != word + 1) {
        report(chip, "P7", "program of a word that is not known to be blank (J3)");
    }
    if (!sector->is_worn && value != 0 && (cell.kind == FLASH_CELL_SOLID || chip->words[w] != BLANK_WORD)) {
        return E_FLASH_VERIFY;
    }
    if (value == BLANK_WORD) {
        return FOTA_OK; /* it reads so already: the driver begins nothing */
    }
    const struct chip_event event = {CHIP_PROGRAM, s, word, value, is_first};
    enum fota_err err = announce(chip, &event);
    if (err) {
        return err;
    }
    if (sector->worn_word == word + 1 && sector->is_deaf) {
        keep_worn_word(chip, sector, chip->words[w], value);
        return E_FLASH_VERIFY;
    }
    uint32_t after = flash_cell_program(&cell, chip->words[w], value);
    set_cell(chip, sector, w, after, &cell);
    return after == value ? FOTA_OK : E_FLASH_VERIFY;
}

static enum fota_err chip_program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct chip *chip = (struct chip *)flash;
    uint32_t s = 0;
    if (addr % WORD_BYTES != 0) {
        return E_FLASH_ALIGN;
    }
    if (n_words == 0) {
        return FOTA_OK;
    }
    const struct chip_sector *sector = sector_of(chip, addr, &s);
    uint32_t first = sector ? (addr - sector->addr) / WORD_BYTES : 0;
    if (!sector || n_words > sector->n_words - first) {
        report(chip, "P12", "program outside the updater's sectors");
        return E_FLASH_RANGE;
    }
    /* Once for the whole call. The log is undone from within an announced operation only, to where it was at that
     * operation: what the call did before it is after an older mark, and is undone with this entry or not at all. */
    remember(chip, s, sector->first + first, n_words);
    for (uint32_t i = 0; i < n_words; i++) {
        enum fota_err err = program_word(chip, s, first + i, words[i], i == 0);
        if (err) {
            return err;
        }
        if (flash_is_overlap_due(flash, addr + 4 * i)) {
            flash->overlap(flash->overlap_ctx, words + i + 1 - FLASH_OVERLAP_WORDS);
        }
    }
    return FOTA_OK;
}

static enum fota_err chip_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    struct chip *chip = (struct chip *)flash;
    uint32_t s = 0;
    if (addr % WORD_BYTES != 0) {
        return E_FLASH_ALIGN;
    }
    if (n_words == 0) {
        return FOTA_OK;
    }
    const struct chip_sector *sector = sector_of(chip, addr, &s);
    uint32_t first = sector ? (addr - sector->addr) / WORD_BYTES : 0;
    if (!sector || n_words > sector->n_words - first) {
        memset(words, 0xFF, WORD_BYTES * (size_t)n_words); /* sectors without cells are blank */
        return FOTA_OK;
    }
    memcpy(words, chip->words + sector->first + first, WORD_BYTES * (size_t)n_words);
    return FOTA_OK;
}

struct chip *chip_new(void)
{
    static const struct flash_ops flash_ops = {
        .erase_sector = chip_erase, .program = chip_program, .read = chip_read};
    static const struct chip_sector SECTORS[CHIP_SECTORS] = {
        {.number = 3, .addr = 0x0800C000, .n_words = 4096},
        {.number = 5, .addr = 0x08020000, .n_words = 32768},
        {.number = 6, .addr = 0x08040000, .n_words = 32768},
        {.number = 7, .addr = 0x08060000, .n_words = 32768},
        {.number = 8, .addr = 0x08080000, .n_words = 32768},
        {.number = 9, .addr = 0x080A0000, .n_words = 32768},
        {.number = 10, .addr = 0x080C0000, .n_words = 32768},
        {.number = 11, .addr = 0x080E0000, .n_words = 32768},
        {.number = 1, .addr = 0x08004000, .n_words = 4096}};
    struct chip *chip = calloc(1, sizeof *chip);
    if (!chip) {
        abort();
    }
    chip->flash.ops = &flash_ops;
    uint32_t first = 0;
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        chip->sector[s] = SECTORS[s];
        chip->sector[s].first = first;
        first += SECTORS[s].n_words;
    }
    memset(chip->words, 0xFF, sizeof chip->words);
    return chip;
}

void chip_free(struct chip *chip)
{
    free(chip->log);
    free(chip);
}

void chip_load(struct chip *chip, uint32_t addr, const void *bytes, uint32_t n_bytes)
{
    uint32_t s = 0;
    for (uint32_t i = 0; i < n_bytes / WORD_BYTES; i++) {
        struct chip_sector *sector = sector_of(chip, addr + WORD_BYTES * i, &s);
        if (sector) {
            uint32_t value = 0;
            memcpy(&value, (const uint8_t *)bytes + WORD_BYTES * (size_t)i, WORD_BYTES);
            uint32_t w = sector->first + (addr + WORD_BYTES * i - sector->addr) / WORD_BYTES;
            remember(chip, s, w, 1);
            set_word(chip, sector, w, value, CHIP_KIND_SOLID);
        }
    }
}

void chip_lose(struct chip *chip, uint32_t s, uint64_t seed)
{
    uint64_t random = flash_seed(seed);
    struct chip_sector *sector = &chip->sector[s];
    remember(chip, s, sector->first, sector->n_words);
    for (uint32_t w = sector->first; w < sector->first + sector->n_words; w++) {
        uint32_t value = flash_draw(&random);
        const struct flash_cell cell = {.old = value, .kind = FLASH_CELL_SUSPECT};
        set_cell(chip, sector, w, value, &cell);
    }
}

void chip_flip(struct chip *chip, uint32_t addr, uint32_t xor_mask)
{
    uint32_t s = 0;
    struct chip_sector *sector = sector_of(chip, addr, &s);
    if (sector) {
        uint32_t w = sector->first + (addr - sector->addr) / WORD_BYTES;
        remember(chip, s, w, 1);
        set_word(chip, sector, w, chip->words[w] ^ xor_mask, CHIP_KIND_SOLID);
    }
}

const uint32_t *chip_at(const struct chip *chip, uint32_t addr)
{
    for (uint32_t s = 0; s < CHIP_SECTORS; s++) {
        const struct chip_sector *sector = &chip->sector[s];
        if (addr >= sector->addr && (addr - sector->addr) / WORD_BYTES < sector->n_words) {
            return &chip->words[sector->first + (addr - sector->addr) / WORD_BYTES];
        }
    }
    return NULL;
}

void chip_digest_words(const void *p, uint64_t out[2])
{
    uint64_t a = 0x243F6A8885A308D3ULL;
    uint64_t b = 0x13198A2E03707344ULL;
    for (size_t i = 0; i < CHIP_BLOCK_WORDS / 2; i++) {
        uint64_t word = 0;
        memcpy(&word, (const uint8_t *)p + 8 * i, sizeof word);
        a = (a ^ word) * 0x9E3779B97F4A7C15ULL;
        a ^= a >> 29;
        b = (b + word) * 0xC2B2AE3D27D4EB4FULL;
        b ^= b >> 31;
    }
    out[0] = mix64(a);
    out[1] = mix64(b ^ a);
}

bool chip_block_digest(struct chip *chip, const void *p, uint64_t out[2])
{
    uintptr_t off = (uintptr_t)p - (uintptr_t)chip->words;
    if (off >= sizeof chip->words || off % (WORD_BYTES * CHIP_BLOCK_WORDS) != 0) {
        return false;
    }
    size_t b = off / (WORD_BYTES * CHIP_BLOCK_WORDS);
    if (!chip->is_block_known[b]) {
        chip_digest_words(p, chip->block[b]);
        chip->is_block_known[b] = true;
    }
    memcpy(out, chip->block[b], sizeof chip->block[b]);
    return true;
}

static bool is_blank_digest(const uint64_t digest[2])
{
    static uint64_t blank[2];
    if (blank[0] == 0) {
        uint32_t words[CHIP_BLOCK_WORDS];
        memset(words, 0xFF, sizeof words);
        chip_digest_words(words, blank);
    }
    return digest[0] == blank[0] && digest[1] == blank[1];
}

size_t chip_known_blank_bytes(struct chip *chip, const void *p, size_t *to_next)
{
    uintptr_t off = (uintptr_t)p - (uintptr_t)chip->words;
    *to_next = SIZE_MAX;
    for (uint32_t s = 0; off < sizeof chip->words && s < CHIP_SECTORS; s++) {
        const struct chip_sector *sector = &chip->sector[s];
        size_t end = WORD_BYTES * (size_t)(sector->first + sector->n_words);
        if (off < end) { /* the sectors' words follow one another */
            size_t block_bytes = WORD_BYTES * (size_t)CHIP_BLOCK_WORDS;
            uint64_t digest[2];
            *to_next = block_bytes - off % block_bytes;
            if (sector->sum == 0 || off >= WORD_BYTES * (size_t)(sector->first + sector->n_touched)) {
                return end - off;
            }
            bool is_block = off + block_bytes <= end && chip_block_digest(chip, p, digest);
            return is_block && is_blank_digest(digest) ? block_bytes : 0;
        }
    }
    return 0;
}
