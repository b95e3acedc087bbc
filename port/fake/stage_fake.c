#include "fake/stage_fake.h"

#include <string.h>

static struct stage_fake *fake_of(struct stage *stage)
{
    return (struct stage_fake *)(void *)stage; /* `stage` is its first member */
}

/* xorshift32; the state is never 0. */
static uint32_t draw(struct stage_fake *f)
{
    uint32_t x = f->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    f->random = x;
    return x >> 8;
}

/* One write. @return true: power failed in it */
static bool write_fails(struct stage_fake *f)
{
    f->n_writes++;
    f->is_cut = f->is_cut || f->n_writes == f->cut_at;
    return f->is_cut;
}

/* A write that is all or nothing: did it happen? On a cut that is drawn. */
static bool happens(struct stage_fake *f)
{
    return !write_fails(f) || draw(f) % 2U == 0;
}

static enum fota_err result(const struct stage_fake *f)
{
    return f->is_cut ? E_IO : FOTA_OK;
}

static enum fota_err find(struct stage_fake *f, enum stage_shelf shelf, struct stage_fake_item **out)
{
    if ((unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    if (f->is_cut) {
        return E_IO;
    }
    *out = &f->shelf[shelf];
    return (*out)->is_there ? FOTA_OK : E_NOT_FOUND;
}

static enum fota_err look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    struct stage_fake_item *item = NULL;
    enum fota_err err = find(fake_of(stage), shelf, &item);
    if (!err) {
        *out = item->item;
    }
    return err;
}

static enum fota_err note(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes, size_t n_bytes)
{
    struct stage_fake_item *item = NULL;
    enum fota_err err = find(fake_of(stage), shelf, &item);
    if (err) {
        return err;
    }
    if (n_bytes > item->item.n_note_bytes) {
        return E_ARG;
    }
    memcpy(bytes, item->note, n_bytes);
    return FOTA_OK;
}

static bool is_same(const struct stage_fake_item *there, const struct stage_item *item)
{
    return there->is_there && there->item.total_bytes == item->total_bytes &&
           memcmp(there->item.digest, item->digest, STAGE_DIGEST_BYTES) == 0;
}

static enum fota_err begin(struct stage *stage, const struct stage_item *item, const uint8_t *note_bytes)
{
    struct stage_fake *f = fake_of(stage);
    struct stage_fake_item *to = &f->shelf[STAGE_INCOMING];
    if (item->total_bytes == 0 || item->n_note_bytes > STAGE_NOTE_MAX_BYTES) {
        return E_ARG;
    }
    if (item->total_bytes > f->shelf_bytes) {
        return E_NO_SPACE;
    }
    if (f->is_cut) {
        return E_IO;
    }
    if (!is_same(to, item)) {
        if (happens(f)) {
            to->is_there = false;
        }
        if (f->is_cut) {
            return E_IO;
        }
    }
    if (happens(f)) {
        const uint32_t n_bytes = to->is_there ? to->item.n_bytes : 0;
        to->n_durable_bytes = to->is_there ? to->n_durable_bytes : 0;
        to->is_there = true;
        to->item = *item;
        to->item.n_bytes = n_bytes;
        if (item->n_note_bytes != 0) {
            memcpy(to->note, note_bytes, item->n_note_bytes);
        }
    }
    return result(f);
}

static enum fota_err append(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct stage_fake *f = fake_of(stage);
    struct stage_fake_item *to = NULL;
    enum fota_err err = find(f, STAGE_INCOMING, &to);
    if (err) {
        return err;
    }
    if (off != to->item.n_bytes || n_bytes > to->item.total_bytes - off) {
        return E_ARG;
    }
    while (n_bytes > 0) {
        const uint32_t n = n_bytes < STAGE_FAKE_WRITE_BYTES ? (uint32_t)n_bytes : STAGE_FAKE_WRITE_BYTES;
        memcpy(to->bytes + to->item.n_bytes, bytes, n);
        to->item.n_bytes += n;
        if (write_fails(f)) {
            return E_IO;
        }
        f->n_appended_bytes += n;
        if (to->item.n_bytes - to->n_durable_bytes > STAGE_LOSS_MAX_BYTES - STAGE_FAKE_WRITE_BYTES ||
            to->item.n_bytes == to->item.total_bytes) {
            to->n_durable_bytes = to->item.n_bytes;
        }
        bytes += n;
        n_bytes -= n;
    }
    return FOTA_OK;
}

static enum fota_err read_bytes(struct stage *stage, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                                size_t n_bytes)
{
    struct stage_fake_item *item = NULL;
    enum fota_err err = find(fake_of(stage), shelf, &item);
    if (err) {
        return err;
    }
    if (off > item->item.n_bytes || n_bytes > item->item.n_bytes - off) {
        return E_ARG;
    }
    memcpy(bytes, item->bytes + off, n_bytes);
    return FOTA_OK;
}

static enum fota_err keep(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_fake *f = fake_of(stage);
    struct stage_fake_item *from = NULL;
    if ((unsigned)shelf >= STAGE_SHELVES || shelf == STAGE_INCOMING) {
        return E_ARG;
    }
    enum fota_err err = find(f, STAGE_INCOMING, &from);
    if (err) {
        return err;
    }
    if (from->item.n_bytes != from->item.total_bytes) {
        return E_STATE;
    }
    if (happens(f)) {
        const struct stage_fake_item old = f->shelf[shelf];
        f->shelf[shelf] = *from;
        *from = old;
        from->is_there = false;
    }
    return result(f);
}

static enum fota_err drop(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_fake *f = fake_of(stage);
    if ((unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    if (f->is_cut) {
        return E_IO;
    }
    if (happens(f)) {
        f->shelf[shelf].is_there = false;
    }
    return result(f);
}

void stage_fake_init(struct stage_fake *fake, uint8_t *memory, uint32_t shelf_bytes)
{
    static const struct stage_ops ops = {.look = look,
                                         .note = note,
                                         .begin = begin,
                                         .append = append,
                                         .read = read_bytes,
                                         .keep = keep,
                                         .drop = drop};
    memset(fake, 0, sizeof *fake);
    fake->stage.ops = &ops;
    fake->shelf_bytes = shelf_bytes;
    fake->random = 1;
    for (size_t i = 0; i < STAGE_SHELVES; i++) {
        fake->shelf[i].bytes = memory + i * shelf_bytes;
    }
}

void stage_fake_cut_at(struct stage_fake *fake, uint32_t write, uint32_t seed)
{
    fake->cut_at = write;
    fake->n_writes = 0;
    fake->random = seed * 2U + 1U;
}

void stage_fake_power_up(struct stage_fake *fake, uint32_t seed)
{
    fake->random = seed * 2U + 1U;
    struct stage_fake_item *in = &fake->shelf[STAGE_INCOMING];
    if (in->is_there) {
        const uint32_t n_loose = in->item.n_bytes - in->n_durable_bytes;
        const uint32_t n_left = draw(fake) % (n_loose + 1U);
        memset(in->bytes + in->n_durable_bytes + n_left, 0x5A, n_loose - n_left);
        in->item.n_bytes = in->n_durable_bytes + n_left;
        in->n_durable_bytes = in->item.n_bytes;
    }
    fake->cut_at = 0;
    fake->n_writes = 0;
    fake->is_cut = false;
}

void stage_fake_flip(struct stage_fake *fake, enum stage_shelf shelf, uint32_t off)
{
    fake->shelf[shelf].bytes[off] ^= 1U;
}
