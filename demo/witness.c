#include "witness.h"

#include <stdlib.h>
#include <string.h>

#include "journal/journal.h"
#include "twin/twin.h"

/* No slot is larger: two must fit the flash. */
enum { SLOT_MAX_BYTES = 1 << 19 };

void witness_init(struct witness *w, struct twin *twin, const struct board_layout *board, FILE *log)
{
    memset(w, 0, sizeof *w);
    w->twin = twin;
    w->board = board;
    w->log = log;
}

void witness_listen(struct witness *w)
{
    char part[512];
    size_t n = 0;
    while ((n = twin_console_read(w->twin, part, sizeof part)) > 0) {
        (void)fwrite(part, 1, n, w->log);
        if (w->n_console + n >= sizeof w->console) {
            (void)fprintf(stderr, "demo: the console printed more than %zu bytes\n", sizeof w->console);
            exit(EXIT_FAILURE);
        }
        memcpy(w->console + w->n_console, part, n);
        w->n_console += n;
    }
}

void witness_mark(struct witness *w)
{
    witness_listen(w);
    w->mark = w->n_console;
}

unsigned witness_count(const struct witness *w, const char *text)
{
    unsigned n = 0;
    for (const char *at = w->console + w->mark; (at = strstr(at, text)); at += strlen(text)) {
        n++;
    }
    return n;
}

bool witness_largest(const struct witness *w, const char *text, uint64_t *out)
{
    bool is_found = false;
    uint64_t largest = 0;
    for (const char *at = w->console + w->mark; (at = strstr(at, text)); at += strlen(text)) {
        const uint64_t number = strtoull(at + strlen(text), NULL, 10);
        largest = number > largest ? number : largest;
        is_found = true;
    }
    if (is_found) {
        *out = largest;
    }
    return is_found;
}

/* A flash that can only be read: the twin's, as a debugger sees it. */
struct peek_flash {
    struct flash flash;
    const struct twin *twin;
};

static enum fota_err no_erase(struct flash *flash, uint32_t sector)
{
    (void)flash;
    (void)sector;
    return E_UNSUPPORTED;
}

static enum fota_err no_program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    (void)flash;
    (void)addr;
    (void)words;
    (void)n_words;
    return E_UNSUPPORTED;
}

static enum fota_err peek(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    const struct peek_flash *p = (const struct peek_flash *)flash; /* first member */
    return twin_peek(p->twin, addr, words, (size_t)n_words * sizeof *words) ? FOTA_OK : E_FLASH_RANGE;
}

bool witness_record(const struct witness *w, struct boot_record *out)
{
    static const struct flash_ops ops = {.erase_sector = no_erase, .program = no_program, .read = peek};
    const struct board_area *j = w->board->journal;
    const struct journal_area areas[JOURNAL_AREAS] = {
        {j[0].base, j[0].first_sector, j[0].n_bytes / JOURNAL_RECORD_BYTES},
        {j[1].base, j[1].first_sector, j[1].n_bytes / JOURNAL_RECORD_BYTES},
    };
    struct peek_flash flash = {.flash = {.ops = &ops}, .twin = w->twin};
    struct journal journal;
    return journal_load(&journal, &flash.flash, areas, out) == FOTA_OK;
}

bool witness_slot_is_file(const struct witness *w, enum slot slot, const char *path)
{
    static uint8_t file[SLOT_MAX_BYTES];
    static uint8_t flash[SLOT_MAX_BYTES];
    FILE *f = fopen(path, "rb");
    if (!f) {
        return false;
    }
    const size_t n = fread(file, 1, sizeof file, f);
    (void)fclose(f);
    const uint32_t base = w->board->slot[slot].base;
    return n > 0 && twin_peek(w->twin, base, flash, n) && memcmp(file, flash, n) == 0;
}
