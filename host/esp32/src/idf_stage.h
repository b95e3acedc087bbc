/**
 * port/stage.h in a data partition of the ESP32's own flash.
 *
 * The partition is cut into three areas of the same size, for the images of both slots and the one that arrives; a partition too
 * small for that has one area, and keeps no image after its installation. An area:
 *
 *   sectors 0, 1   two cells of 2,048 bytes each. A cell says what the area holds and on which shelf; the one with the highest
 *                  sequence number whose CRC-32 is right counts
 *   sector 2       marks, 12 bytes each: number of a sector of the item, CRC-32 of its bytes, and a check of both
 *   sectors 3..    the item; each sector is erased just before its first byte is written
 *
 * After a reset an item has the sectors that have a mark and whose bytes have that CRC: what is really in flash counts, whatever
 * a cut left. So at most one sector of what was fetched is fetched again.
 */
#ifndef IDF_STAGE_H
#define IDF_STAGE_H

#include <stdbool.h>

#include "esp_partition.h"
#include "idf_log.h"
#include "port/stage.h"

enum { IDF_STAGE_SECTOR_BYTES = 4096, IDF_STAGE_HEAD_SECTORS = 3, IDF_STAGE_AREAS = 3 };

/** What the newest cell of an area says. */
struct idf_stage_area {
    bool is_used;
    uint8_t cell; /* 0..3 */
    uint8_t shelf;
    uint32_t sequence;
    uint32_t total_bytes;
    uint32_t n_note_bytes;
};

/** Opened by idf_stage_open; its content is its own. */
struct idf_stage {
    struct stage stage; /* first member */
    const esp_partition_t *partition;
    const struct idf_log *log;
    uint32_t area_bytes;
    unsigned n_areas;
    uint32_t sequence; /* the highest of all cells */
    struct idf_stage_area area[IDF_STAGE_AREAS];
    /* of the item on INCOMING */
    uint32_t n_bytes;
    uint32_t n_marked; /* sectors that have a mark */
    uint32_t n_marks;  /* places for marks that are used */
    uint32_t crc;      /* of the sector under way */
};

/**
 * Find the partition and what is in it. Reads every byte of the item that was arriving.
 *
 * @param label            of a data partition
 * @param image_max_bytes  the longest item that must fit
 * Takes:      about 0.2 s for 384 KB
 * Power cut:  as before; a shelf that two areas claim is cleared of the older one
 * @return FOTA_OK · E_NOT_FOUND (no such partition) · E_NO_SPACE (it is too small) · E_UNSUPPORTED (it is encrypted) · E_IO: a
 * line was logged
 */
FOTA_MUST_CHECK
enum fota_err idf_stage_open(struct idf_stage *stage, const char *label, uint32_t image_max_bytes,
                             const struct idf_log *log);

#endif
