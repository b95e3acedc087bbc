/* Cells: what an area holds. Written note first, head with its CRC last; never changed, only made invalid. */
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "idf_stage_priv.h"

enum {
    /* In a cell, little-endian. */
    AT_MAGIC = 0,
    AT_SEQUENCE = 4,
    AT_SHELF = 8,
    AT_TOTAL = 12,
    AT_NOTE_BYTES = 16,
    AT_DIGEST = 20,
    AT_NOTE_CRC = AT_DIGEST + STAGE_DIGEST_BYTES,
    AT_CRC = AT_NOTE_CRC + 4, /* of all before it */
    HEAD_BYTES = AT_CRC + 4,
    AT_NOTE = HEAD_BYTES,
    CELLS_A_SECTOR = IDF_STAGE_SECTOR_BYTES / IDF_STAGE_CELL_BYTES,
    PIECE_BYTES = 64
};
_Static_assert(AT_NOTE + STAGE_NOTE_MAX_BYTES <= IDF_STAGE_CELL_BYTES, "a cell holds the longest note");
_Static_assert(IDF_STAGE_CELLS / CELLS_A_SECTOR < IDF_STAGE_HEAD_SECTORS, "cells and marks share no sector");

static const uint32_t MAGIC = 0x32475453U; /* "STG2" */

static uint32_t cell_off(const struct idf_stage *s, unsigned area, unsigned cell)
{
    return area * s->area_bytes + cell * IDF_STAGE_CELL_BYTES;
}

static enum fota_err read_head(const struct idf_stage *s, uint32_t off, uint8_t head[HEAD_BYTES],
                               bool *is_whole)
{
    uint32_t crc = 0;
    enum fota_err err = idf_stage_read_flash(s, off, head, HEAD_BYTES);
    if (err) {
        return err;
    }
    const uint32_t n_note = bytes_load_le32(head + AT_NOTE_BYTES);
    *is_whole = bytes_load_le32(head + AT_MAGIC) == MAGIC &&
                bytes_load_le32(head + AT_CRC) == crc32_update(0, head, AT_CRC) &&
                bytes_load_le32(head + AT_TOTAL) > 0 && n_note <= STAGE_NOTE_MAX_BYTES;
    if (*is_whole) {
        err = idf_stage_crc(s, off + AT_NOTE, n_note, &crc);
        *is_whole = crc == bytes_load_le32(head + AT_NOTE_CRC);
    }
    return err;
}

enum fota_err idf_stage_find_cell(struct idf_stage *s, unsigned area)
{
    struct idf_stage_area *a = &s->area[area];
    *a = (struct idf_stage_area){.is_used = false};
    for (unsigned cell = 0; cell < IDF_STAGE_CELLS; cell++) {
        uint8_t head[HEAD_BYTES];
        bool is_whole = false;
        const enum fota_err err = read_head(s, cell_off(s, area, cell), head, &is_whole);
        if (err) {
            return err;
        }
        const uint32_t sequence = bytes_load_le32(head + AT_SEQUENCE);
        if (is_whole && (!a->is_used || sequence > a->sequence)) {
            *a = (struct idf_stage_area){.is_used = true,
                                         .cell = (uint8_t)cell,
                                         .shelf = head[AT_SHELF],
                                         .sequence = sequence,
                                         .total_bytes = bytes_load_le32(head + AT_TOTAL),
                                         .n_note_bytes = bytes_load_le32(head + AT_NOTE_BYTES)};
        }
    }
    if (a->is_used && a->sequence > s->sequence) {
        s->sequence = a->sequence;
    }
    return FOTA_OK;
}

static enum fota_err is_blank(const struct idf_stage *s, uint32_t off, uint32_t n_bytes, bool *out)
{
    uint8_t piece[PIECE_BYTES];
    *out = true;
    for (uint32_t end = off + n_bytes; off < end && *out; off += PIECE_BYTES) {
        const enum fota_err err = idf_stage_read_flash(s, off, piece, sizeof piece);
        if (err) {
            return err;
        }
        for (unsigned i = 0; i < sizeof piece; i++) {
            *out = *out && piece[i] == 0xFF;
        }
    }
    return FOTA_OK;
}

/* Room for one more cell: the rest of the present sector if nobody wrote there, else the other sector, erased. A sector that
 * reads blank may be half erased; the rest of one that was written after its erase is not. */
static enum fota_err next_cell(struct idf_stage *s, unsigned area, unsigned *cell)
{
    const struct idf_stage_area *a = &s->area[area];
    bool is_free = false;
    if (a->is_used && a->cell % CELLS_A_SECTOR + 1U < CELLS_A_SECTOR) {
        *cell = a->cell + 1U;
        const enum fota_err err = is_blank(s, cell_off(s, area, *cell), IDF_STAGE_CELL_BYTES, &is_free);
        if (err || is_free) {
            return err;
        }
    }
    *cell = a->is_used && a->cell < CELLS_A_SECTOR ? CELLS_A_SECTOR : 0;
    return idf_stage_erase_flash(s, cell_off(s, area, *cell));
}

/* The note: from the caller, or from the present cell. */
static enum fota_err put_note(const struct idf_stage *s, unsigned area, uint32_t off, uint32_t n_bytes,
                              const uint8_t *note, uint32_t *crc)
{
    uint8_t piece[PIECE_BYTES];
    *crc = 0;
    for (uint32_t at = 0; at < n_bytes; at += PIECE_BYTES) {
        const uint32_t n = n_bytes - at < PIECE_BYTES ? n_bytes - at : PIECE_BYTES;
        enum fota_err err = FOTA_OK;
        if (note) {
            memcpy(piece, note + at, n);
        } else {
            err = idf_stage_read_flash(s, cell_off(s, area, s->area[area].cell) + AT_NOTE + at, piece, n);
        }
        if (!err) {
            *crc = crc32_update(*crc, piece, n);
            err = idf_stage_write_flash(s, off + at, piece, n);
        }
        if (err) {
            return err;
        }
    }
    return FOTA_OK;
}

enum fota_err idf_stage_put_cell(struct idf_stage *s, unsigned area, const struct idf_stage_area *what,
                                 const uint8_t digest[STAGE_DIGEST_BYTES], const uint8_t *note)
{
    uint8_t head[HEAD_BYTES], back[HEAD_BYTES];
    unsigned cell = 0;
    uint32_t note_crc = 0;
    bool is_whole = false;
    enum fota_err err = next_cell(s, area, &cell);
    const uint32_t off = cell_off(s, area, cell);
    if (!err) {
        err = put_note(s, area, off + AT_NOTE, what->n_note_bytes, note, &note_crc);
    }
    if (err) {
        return err;
    }
    memset(head, 0, sizeof head);
    bytes_store_le32(head + AT_MAGIC, MAGIC);
    bytes_store_le32(head + AT_SEQUENCE, ++s->sequence);
    head[AT_SHELF] = what->shelf;
    bytes_store_le32(head + AT_TOTAL, what->total_bytes);
    bytes_store_le32(head + AT_NOTE_BYTES, what->n_note_bytes);
    memcpy(head + AT_DIGEST, digest, STAGE_DIGEST_BYTES);
    bytes_store_le32(head + AT_NOTE_CRC, note_crc);
    bytes_store_le32(head + AT_CRC, crc32_update(0, head, AT_CRC));
    err = idf_stage_write_flash(s, off, head, sizeof head);
    if (!err) {
        err = read_head(s, off, back, &is_whole);
    }
    if (err || !is_whole || memcmp(head, back, sizeof head) != 0) {
        return err ? err : E_IO;
    }
    s->area[area] = *what;
    s->area[area].is_used = true;
    s->area[area].cell = (uint8_t)cell;
    s->area[area].sequence = s->sequence;
    return FOTA_OK;
}

enum fota_err idf_stage_free_area(struct idf_stage *s, unsigned area)
{
    static const uint8_t zeros[4];
    /* The newest last: in between, no older cell may count. */
    const unsigned newest = s->area[area].cell;
    enum fota_err err = FOTA_OK;
    for (unsigned i = 1; i <= IDF_STAGE_CELLS && !err; i++) {
        uint8_t head[HEAD_BYTES];
        bool is_whole = false;
        const uint32_t off = cell_off(s, area, (newest + i) % IDF_STAGE_CELLS);
        err = read_head(s, off, head, &is_whole);
        if (!err && is_whole) {
            err = idf_stage_write_flash(s, off + AT_MAGIC, zeros, sizeof zeros);
        }
    }
    s->area[area].is_used = s->area[area].is_used && err;
    return err;
}

enum fota_err idf_stage_get_digest(const struct idf_stage *s, unsigned area,
                                   uint8_t digest[STAGE_DIGEST_BYTES])
{
    return idf_stage_read_flash(s, cell_off(s, area, s->area[area].cell) + AT_DIGEST, digest,
                                STAGE_DIGEST_BYTES);
}

enum fota_err idf_stage_get_note(const struct idf_stage *s, unsigned area, uint8_t *bytes, size_t n_bytes)
{
    return idf_stage_read_flash(s, cell_off(s, area, s->area[area].cell) + AT_NOTE, bytes, n_bytes);
}
