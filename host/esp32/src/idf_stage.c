#include "idf_stage.h"

#include <inttypes.h>
#include <string.h>

#include "base/crc.h"
#include "idf_stage_priv.h"

enum { CRC_PIECE_BYTES = 256, HEAD_BYTES = IDF_STAGE_HEAD_SECTORS * IDF_STAGE_SECTOR_BYTES };

static struct idf_stage *of(struct stage *stage)
{
    return (struct idf_stage *)(void *)stage; /* first member */
}

/* --- flash ------------------------------------------------------------------------------------------------- */

static enum fota_err result(const struct idf_stage *s, const char *what, uint32_t off, esp_err_t err)
{
    if (err != ESP_OK) {
        idf_log(s->log, 'E', "partition %s: %s at 0x%" PRIx32 ": %s", s->partition->label, what, off,
                esp_err_to_name(err));
    }
    return err == ESP_OK ? FOTA_OK : E_IO;
}

enum fota_err idf_stage_read_flash(const struct idf_stage *s, uint32_t off, void *bytes, size_t n_bytes)
{
    return n_bytes > 0 ? result(s, "read", off, esp_partition_read(s->partition, off, bytes, n_bytes))
                       : FOTA_OK;
}

enum fota_err idf_stage_write_flash(const struct idf_stage *s, uint32_t off, const void *bytes,
                                    size_t n_bytes)
{
    return n_bytes > 0 ? result(s, "write", off, esp_partition_write(s->partition, off, bytes, n_bytes))
                       : FOTA_OK;
}

enum fota_err idf_stage_erase_flash(const struct idf_stage *s, uint32_t off)
{
    return result(s, "erase", off, esp_partition_erase_range(s->partition, off, IDF_STAGE_SECTOR_BYTES));
}

enum fota_err idf_stage_crc(const struct idf_stage *s, uint32_t off, uint32_t n_bytes, uint32_t *crc)
{
    uint8_t piece[CRC_PIECE_BYTES];
    *crc = 0;
    for (uint32_t at = 0; at < n_bytes;) {
        const uint32_t n = n_bytes - at < CRC_PIECE_BYTES ? n_bytes - at : CRC_PIECE_BYTES;
        const enum fota_err err = idf_stage_read_flash(s, off + at, piece, n);
        if (err) {
            return err;
        }
        *crc = crc32_update(*crc, piece, n);
        at += n;
    }
    return FOTA_OK;
}

uint32_t idf_stage_data_off(const struct idf_stage *s, unsigned area)
{
    return area * s->area_bytes + HEAD_BYTES;
}

/* --- areas ------------------------------------------------------------------------------------------------- */

/* @return the area of the item on this shelf; n_areas: it is empty */
static unsigned area_of(const struct idf_stage *s, enum stage_shelf shelf)
{
    unsigned i = 0;
    while (i < s->n_areas && !(s->area[i].is_used && s->area[i].shelf == (uint8_t)shelf)) {
        i++;
    }
    return i;
}

static unsigned free_area(const struct idf_stage *s)
{
    unsigned i = 0;
    while (i < s->n_areas && s->area[i].is_used) {
        i++;
    }
    return i;
}

static enum fota_err shelf_error(const struct idf_stage *s, enum stage_shelf shelf)
{
    if ((unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    const bool is_kept = shelf == STAGE_SLOT_A || shelf == STAGE_SLOT_B;
    return shelf == STAGE_INCOMING || (is_kept && s->n_areas == IDF_STAGE_AREAS) ? FOTA_OK : E_UNSUPPORTED;
}

/* Areas after a reset: of two that claim a shelf the older one is what stage_keep was about to drop. */
static enum fota_err drop_older(struct idf_stage *s)
{
    for (unsigned i = 0; i < s->n_areas; i++) {
        for (unsigned k = 0; k < s->n_areas; k++) {
            if (i != k && s->area[i].is_used && s->area[k].is_used && s->area[i].shelf == s->area[k].shelf &&
                s->area[i].sequence > s->area[k].sequence) {
                const enum fota_err err = idf_stage_free_area(s, k);
                if (err) {
                    return err;
                }
            }
        }
    }
    return FOTA_OK;
}

/* --- stage.h ------------------------------------------------------------------------------------------------ */

static enum fota_err look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    struct idf_stage *s = of(stage);
    struct stage_item item;
    enum fota_err err = shelf_error(s, shelf);
    const unsigned area = area_of(s, shelf);
    if (err || area == s->n_areas) {
        return err ? err : E_NOT_FOUND;
    }
    item.total_bytes = s->area[area].total_bytes;
    item.n_bytes = shelf == STAGE_INCOMING ? s->n_bytes : item.total_bytes; /* only whole items are kept */
    item.n_note_bytes = s->area[area].n_note_bytes;
    err = idf_stage_get_digest(s, area, item.digest);
    if (!err) {
        *out = item;
    }
    return err;
}

static enum fota_err note(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes, size_t n_bytes)
{
    struct idf_stage *s = of(stage);
    const enum fota_err err = shelf_error(s, shelf);
    const unsigned area = area_of(s, shelf);
    if (err || area == s->n_areas) {
        return err ? err : E_NOT_FOUND;
    }
    return n_bytes > s->area[area].n_note_bytes ? E_ARG : idf_stage_get_note(s, area, bytes, n_bytes);
}

static enum fota_err begin_anew(struct idf_stage *s, const struct stage_item *item, const uint8_t *text)
{
    enum fota_err err = FOTA_OK;
    unsigned area = area_of(s, STAGE_INCOMING);
    if (area < s->n_areas) {
        err = idf_stage_free_area(s, area);
    } else {
        area = free_area(s);
    }
    if (err || area == s->n_areas) {
        return err ? err : E_INTERNAL; /* two areas at most are kept, of three */
    }
    const struct idf_stage_area what = {
        .shelf = STAGE_INCOMING, .total_bytes = item->total_bytes, .n_note_bytes = item->n_note_bytes};
    err = idf_stage_erase_flash(s, idf_stage_data_off(s, area) - IDF_STAGE_SECTOR_BYTES); /* the marks */
    s->n_bytes = s->n_marked = s->n_marks = 0;
    s->crc = 0;
    return err ? err : idf_stage_put_cell(s, area, &what, item->digest, text);
}

static enum fota_err begin(struct stage *stage, const struct stage_item *item, const uint8_t *text)
{
    static const uint8_t none[1];
    struct idf_stage *s = of(stage);
    uint8_t digest[STAGE_DIGEST_BYTES];
    const unsigned area = area_of(s, STAGE_INCOMING);
    text = text ? text : none;
    if (item->total_bytes == 0 || item->n_note_bytes > STAGE_NOTE_MAX_BYTES) {
        return E_ARG;
    }
    if (item->total_bytes > s->area_bytes - HEAD_BYTES) {
        return E_NO_SPACE;
    }
    bool is_same = area < s->n_areas && s->area[area].total_bytes == item->total_bytes;
    if (is_same) {
        const enum fota_err err = idf_stage_get_digest(s, area, digest);
        if (err) {
            return err;
        }
        is_same = memcmp(digest, item->digest, sizeof digest) == 0;
    }
    if (!is_same) {
        return begin_anew(s, item, text);
    }
    struct idf_stage_area what = s->area[area];
    what.n_note_bytes = item->n_note_bytes;
    return idf_stage_put_cell(s, area, &what, item->digest, text);
}

/* As much as belongs to the sector under way. */
static enum fota_err append_part(struct idf_stage *s, unsigned area, const uint8_t *bytes, uint32_t n_bytes)
{
    const uint32_t off = idf_stage_data_off(s, area) + s->n_bytes;
    enum fota_err err = s->n_bytes % IDF_STAGE_SECTOR_BYTES == 0 ? idf_stage_erase_flash(s, off) : FOTA_OK;
    if (!err) {
        err = idf_stage_write_flash(s, off, bytes, n_bytes);
    }
    if (err) {
        return err;
    }
    s->n_bytes += n_bytes;
    s->crc = crc32_update(s->crc, bytes, n_bytes);
    const bool is_full = s->n_bytes % IDF_STAGE_SECTOR_BYTES == 0 || s->n_bytes == s->area[area].total_bytes;
    return is_full ? idf_stage_put_mark(s, area) : FOTA_OK;
}

static enum fota_err append(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct idf_stage *s = of(stage);
    const unsigned area = area_of(s, STAGE_INCOMING);
    if (area == s->n_areas) {
        return E_NOT_FOUND;
    }
    if (off != s->n_bytes || n_bytes > s->area[area].total_bytes - off) {
        return E_ARG;
    }
    enum fota_err err = FOTA_OK;
    while (n_bytes > 0 && !err) {
        const uint32_t room = IDF_STAGE_SECTOR_BYTES - s->n_bytes % IDF_STAGE_SECTOR_BYTES;
        const uint32_t n = n_bytes < room ? (uint32_t)n_bytes : room;
        err = append_part(s, area, bytes, n);
        bytes += n;
        n_bytes -= n;
    }
    if (err) { /* only what has a mark is there */
        s->n_bytes = s->n_marked * IDF_STAGE_SECTOR_BYTES;
        s->crc = 0;
    }
    return err;
}

static enum fota_err read_item(struct stage *stage, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                               size_t n_bytes)
{
    struct idf_stage *s = of(stage);
    const enum fota_err err = shelf_error(s, shelf);
    const unsigned area = area_of(s, shelf);
    if (err || area == s->n_areas) {
        return err ? err : E_NOT_FOUND;
    }
    const uint32_t n_there = shelf == STAGE_INCOMING ? s->n_bytes : s->area[area].total_bytes;
    if (off > n_there || n_bytes > n_there - off) {
        return E_ARG;
    }
    return idf_stage_read_flash(s, idf_stage_data_off(s, area) + off, bytes, n_bytes);
}

static enum fota_err keep(struct stage *stage, enum stage_shelf shelf)
{
    struct idf_stage *s = of(stage);
    uint8_t digest[STAGE_DIGEST_BYTES];
    const unsigned area = area_of(s, STAGE_INCOMING);
    const unsigned old = area_of(s, shelf);
    enum fota_err err = shelf == STAGE_INCOMING ? E_ARG : shelf_error(s, shelf);
    if (err || area == s->n_areas) {
        return err ? err : E_NOT_FOUND;
    }
    if (s->n_bytes != s->area[area].total_bytes) {
        return E_STATE;
    }
    struct idf_stage_area what = s->area[area];
    what.shelf = (uint8_t)shelf;
    err = idf_stage_get_digest(s, area, digest);
    if (!err) {
        err = idf_stage_put_cell(s, area, &what, digest, NULL); /* the commit */
    }
    return err || old == s->n_areas ? err : idf_stage_free_area(s, old);
}

static enum fota_err drop(struct stage *stage, enum stage_shelf shelf)
{
    struct idf_stage *s = of(stage);
    const enum fota_err err = shelf_error(s, shelf);
    const unsigned area = area_of(s, shelf);
    return err || area == s->n_areas ? err : idf_stage_free_area(s, area);
}

/* --- opening --------------------------------------------------------------------------------------------------- */

/* Three areas, or one. */
static enum fota_err divide(struct idf_stage *s, uint32_t image_max_bytes)
{
    const uint32_t wanted =
        (image_max_bytes + IDF_STAGE_SECTOR_BYTES - 1U) / IDF_STAGE_SECTOR_BYTES * IDF_STAGE_SECTOR_BYTES +
        HEAD_BYTES;
    s->n_areas = s->partition->size / IDF_STAGE_AREAS >= wanted ? IDF_STAGE_AREAS : 1U;
    s->area_bytes = s->partition->size / s->n_areas / IDF_STAGE_SECTOR_BYTES * IDF_STAGE_SECTOR_BYTES;
    if (s->area_bytes < wanted) {
        idf_log(s->log, 'E',
                "partition %s has %" PRIu32 " bytes; an image of %" PRIu32 " bytes needs %" PRIu32
                ": enlarge it, or lower stage_image_bytes",
                s->partition->label, s->partition->size, image_max_bytes, wanted);
        return E_NO_SPACE;
    }
    if (s->n_areas == 1) {
        idf_log(s->log, 'W',
                "partition %s has room for one image; with %" PRIu32
                " bytes it would keep both slots' images, too",
                s->partition->label, wanted * IDF_STAGE_AREAS);
    }
    return FOTA_OK;
}

static enum fota_err find_items(struct idf_stage *s)
{
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i < s->n_areas && !err; i++) {
        err = idf_stage_find_cell(s, i);
        /* Another division of the partition, or another store's bytes. */
        if (!err && s->area[i].is_used &&
            (s->area[i].total_bytes > s->area_bytes - HEAD_BYTES ||
             shelf_error(s, (enum stage_shelf)s->area[i].shelf))) {
            err = idf_stage_free_area(s, i);
        }
    }
    if (!err) {
        err = drop_older(s);
    }
    const unsigned area = area_of(s, STAGE_INCOMING);
    return err || area == s->n_areas ? err : idf_stage_find_marks(s, area);
}

enum fota_err idf_stage_open(struct idf_stage *stage, const char *label, uint32_t image_max_bytes,
                             const struct idf_log *log)
{
    static const struct stage_ops ops = {.look = look,
                                         .note = note,
                                         .begin = begin,
                                         .append = append,
                                         .read = read_item,
                                         .keep = keep,
                                         .drop = drop};
    *stage = (struct idf_stage){.stage = {.ops = &ops}, .log = log};
    stage->partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, label);
    if (!stage->partition) {
        idf_log(log, 'E',
                "there is no data partition %s: add a line \"%s, data, 0x40, , 0x160000\" to the partition "
                "table, or set stage_label to NULL",
                label, label);
        return E_NOT_FOUND;
    }
    if (stage->partition->encrypted) {
        idf_log(log, 'E',
                "partition %s is encrypted: images are signed, not secret; remove the flag from the "
                "partition table",
                label);
        return E_UNSUPPORTED;
    }
    const enum fota_err err = divide(stage, image_max_bytes);
    return err ? err : find_items(stage);
}
