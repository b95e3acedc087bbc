/** Parts of the staging partition: cells, marks. Offsets are in the partition. */
#ifndef IDF_STAGE_PRIV_H
#define IDF_STAGE_PRIV_H

#include "idf_stage.h"

enum { IDF_STAGE_CELLS = 4, IDF_STAGE_CELL_BYTES = 2048 };

/** Where the item of an area begins. */
uint32_t idf_stage_data_off(const struct idf_stage *s, unsigned area);

/**
 * Flash, with a log line for what fails.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_read_flash(const struct idf_stage *s, uint32_t off, void *bytes, size_t n_bytes);
FOTA_MUST_CHECK
enum fota_err idf_stage_write_flash(const struct idf_stage *s, uint32_t off, const void *bytes,
                                    size_t n_bytes);
FOTA_MUST_CHECK
enum fota_err idf_stage_erase_flash(const struct idf_stage *s, uint32_t off);

/**
 * CRC-32 of bytes in flash.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_crc(const struct idf_stage *s, uint32_t off, uint32_t n_bytes, uint32_t *crc);

/* --- cells (idf_stage_cell.c) ---------------------------------------------------------------------------- */

/**
 * What the newest whole cell of an area says, into s->area[area].
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_find_cell(struct idf_stage *s, unsigned area);

/**
 * Write the next cell of an area.
 * @param digest  of the item
 * @param note    bytes, or NULL: those of the present cell
 * Power cut:  the present cell counts, or the new one
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_put_cell(struct idf_stage *s, unsigned area, const struct idf_stage_area *what,
                                 const uint8_t digest[STAGE_DIGEST_BYTES], const uint8_t *note);

/**
 * Make the area's cells invalid: it is free.
 * Power cut: it is free, or as before.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_free_area(struct idf_stage *s, unsigned area);

/**
 * Parts of the present cell.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_get_digest(const struct idf_stage *s, unsigned area,
                                   uint8_t digest[STAGE_DIGEST_BYTES]);
FOTA_MUST_CHECK
enum fota_err idf_stage_get_note(const struct idf_stage *s, unsigned area, uint8_t *bytes, size_t n_bytes);

/* --- marks (idf_stage_mark.c) ------------------------------------------------------------------------------ */

/** Bytes of the `sector`-th sector of the area's item. */
uint32_t idf_stage_sector_bytes(const struct idf_stage *s, unsigned area, uint32_t sector);

/**
 * How much of the area's item is there: n_bytes, n_marked, n_marks.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_find_marks(struct idf_stage *s, unsigned area);

/**
 * Mark the sector that was just filled, after its bytes were read back.
 * @return FOTA_OK · E_IO (other bytes read back, or no place for a mark is left)
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_put_mark(struct idf_stage *s, unsigned area);

#endif
