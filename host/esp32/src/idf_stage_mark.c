/* Marks: which sectors of an item are whole. A log of its own sector, only ever appended to. */
#include "base/bytes.h"
#include "base/crc.h"
#include "idf_stage_priv.h"

enum {
    MARK_BYTES = 12, /* number of the sector, CRC-32 of its bytes, CRC-32 of both */
    MARKS_MAX = IDF_STAGE_SECTOR_BYTES / MARK_BYTES
};

static uint32_t mark_off(const struct idf_stage *s, unsigned area, uint32_t n)
{
    return idf_stage_data_off(s, area) - IDF_STAGE_SECTOR_BYTES + n * MARK_BYTES;
}

uint32_t idf_stage_sector_bytes(const struct idf_stage *s, unsigned area, uint32_t sector)
{
    const uint32_t left = s->area[area].total_bytes - sector * IDF_STAGE_SECTOR_BYTES;
    return left < IDF_STAGE_SECTOR_BYTES ? left : IDF_STAGE_SECTOR_BYTES;
}

/* Is this mark the next sector's, and are that sector's bytes those that it was made of? */
static enum fota_err take_mark(struct idf_stage *s, unsigned area, const uint8_t mark[MARK_BYTES])
{
    uint32_t crc = 0;
    const uint32_t n_sectors =
        (s->area[area].total_bytes + IDF_STAGE_SECTOR_BYTES - 1U) / IDF_STAGE_SECTOR_BYTES;
    if (bytes_load_le32(mark + 8) != crc32_update(0, mark, 8) || bytes_load_le32(mark) != s->n_marked ||
        s->n_marked >= n_sectors) {
        return FOTA_OK;
    }
    const uint32_t n_bytes = idf_stage_sector_bytes(s, area, s->n_marked);
    enum fota_err err =
        idf_stage_crc(s, idf_stage_data_off(s, area) + s->n_marked * IDF_STAGE_SECTOR_BYTES, n_bytes, &crc);
    if (!err && crc == bytes_load_le32(mark + 4)) {
        s->n_marked++;
        s->n_bytes += n_bytes;
    }
    return err;
}

static bool is_blank(const uint8_t mark[MARK_BYTES])
{
    bool is = true;
    for (unsigned i = 0; i < MARK_BYTES; i++) {
        is = is && mark[i] == 0xFF;
    }
    return is;
}

enum fota_err idf_stage_find_marks(struct idf_stage *s, unsigned area)
{
    s->n_bytes = s->n_marked = s->n_marks = 0;
    s->crc = 0;
    for (uint32_t i = 0; i < MARKS_MAX; i++) {
        uint8_t mark[MARK_BYTES];
        enum fota_err err = idf_stage_read_flash(s, mark_off(s, area, i), mark, sizeof mark);
        if (!err && !is_blank(mark)) {
            s->n_marks = i + 1U;
            err = take_mark(s, area, mark);
        }
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

static enum fota_err check_sector(const struct idf_stage *s, unsigned area)
{
    uint32_t crc = 0;
    const uint32_t off = idf_stage_data_off(s, area) + s->n_marked * IDF_STAGE_SECTOR_BYTES;
    const enum fota_err err = idf_stage_crc(s, off, idf_stage_sector_bytes(s, area, s->n_marked), &crc);
    if (!err && crc != s->crc) {
        idf_log(s->log, 'E', "partition %s: other bytes read back than were written; its flash is worn out",
                s->partition->label);
        return E_IO;
    }
    return err;
}

enum fota_err idf_stage_put_mark(struct idf_stage *s, unsigned area)
{
    enum fota_err err = check_sector(s, area);
    uint8_t mark[MARK_BYTES], back[MARK_BYTES];
    bytes_store_le32(mark, s->n_marked);
    bytes_store_le32(mark + 4, s->crc);
    bytes_store_le32(mark + 8, crc32_update(0, mark, 8));
    bool is_written = false;
    while (!err &&
           !is_written) { /* a place that a cut touched without a trace takes no mark: then the next one */
        const uint32_t off = mark_off(s, area, s->n_marks);
        err = s->n_marks++ < MARKS_MAX ? idf_stage_write_flash(s, off, mark, sizeof mark) : E_IO;
        if (!err) {
            err = idf_stage_read_flash(s, off, back, sizeof back);
        }
        is_written = !err && bytes_load_le32(back) == bytes_load_le32(mark) &&
                     bytes_load_le32(back + 4) == s->crc &&
                     bytes_load_le32(back + 8) == bytes_load_le32(mark + 8);
    }
    if (!err) {
        s->n_marked++;
        s->crc = 0;
    }
    return err;
}
