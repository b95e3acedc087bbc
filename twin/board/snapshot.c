/* Snapshots: copies of every plain block, restored page by page where they differ. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

struct twin_snapshot {
    size_t n_bytes;
    size_t n_blocks;
    const char *name[96];
    size_t off[96];
    size_t size[96];
    uint8_t *bytes;
};

static size_t measure(const struct twin *t, struct twin_snapshot *s)
{
    size_t n = 0;
    s->n_blocks = chip_states(t->chip);
    for (size_t i = 0; i < s->n_blocks; i++) {
        s->off[i] = n;
        (void)chip_state(t->chip, i, &s->name[i], &s->size[i]);
        n += (s->size[i] + 63) & ~(size_t)63;
    }
    return n;
}

struct twin_snapshot *twin_save(const struct twin *t)
{
    struct twin_snapshot *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->n_bytes = measure(t, s);
    s->bytes = calloc(1, s->n_bytes ? s->n_bytes : 1);
    if (!s->bytes) {
        free(s);
        return NULL;
    }
    for (size_t i = 0; i < s->n_blocks; i++) {
        const char *name;
        size_t n;
        memcpy(s->bytes + s->off[i], chip_state(t->chip, i, &name, &n), s->size[i]);
    }
    return s;
}

void twin_snapshot_free(struct twin_snapshot *s)
{
    if (s) {
        free(s->bytes);
        free(s);
    }
}

/* Bus address of a block that holds code, 0 for the others. */
static uint32_t code_base(const struct twin *t, const uint8_t *block)
{
    return block == t->flash ? FLASH_BASE : block == t->sram ? SRAM_BASE : block == t->ccm ? CCM_BASE : 0;
}

static void restore_block(struct twin *t, uint8_t *to, const uint8_t *from, size_t n_bytes)
{
    uint32_t base = code_base(t, to);
    for (size_t off = 0; off < n_bytes; off += PAGE_BYTES) {
        size_t n = n_bytes - off < PAGE_BYTES ? n_bytes - off : PAGE_BYTES;
        if (memcmp(to + off, from + off, n) == 0) {
            continue;
        }
        memcpy(to + off, from + off, n);
        if (base) {
            cpu_code_changed(t->cpu, base + (uint32_t)off, n);
        }
    }
}

void twin_restore(struct twin *t, const struct twin_snapshot *s)
{
    for (size_t i = 0; i < s->n_blocks; i++) {
        const char *name;
        size_t n;
        uint8_t *to = chip_state(t->chip, i, &name, &n);
        restore_block(t, to, s->bytes + s->off[i], s->size[i]);
    }
    t->at_breakpoint = false;
    board_apply_alias(t);
    cpu_watch_flash(t->cpu, chip_flash_is_watched(t->chip));
    cpu_state_restored(t->cpu);
}

static void name_difference(const struct twin_snapshot *a, const struct twin_snapshot *b, size_t i, char *why,
                            size_t why_bytes)
{
    const uint8_t *pa = a->bytes + a->off[i];
    const uint8_t *pb = b->bytes + b->off[i];
    size_t at = 0;
    while (pa[at] == pb[at]) {
        at++;
    }
    (void)snprintf(why, why_bytes, "%s differs at byte 0x%zX: 0x%02X and 0x%02X", a->name[i], at, pa[at],
                   pb[at]);
}

bool twin_snapshot_equal(const struct twin_snapshot *a, const struct twin_snapshot *b, char *why,
                         size_t why_bytes)
{
    if (a->n_blocks != b->n_blocks || a->n_bytes != b->n_bytes) {
        (void)snprintf(why, why_bytes, "the snapshots are of two different builds of the twin");
        return false;
    }
    for (size_t i = 0; i < a->n_blocks; i++) {
        if (memcmp(a->bytes + a->off[i], b->bytes + b->off[i], a->size[i]) != 0) {
            name_difference(a, b, i, why, why_bytes);
            return false;
        }
    }
    return true;
}
