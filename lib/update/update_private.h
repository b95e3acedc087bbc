/**
 * What update.c (boot, confirm) and session.c (receiving an image) share.
 */
#ifndef UPDATE_PRIVATE_H
#define UPDATE_PRIVATE_H

#include "update/update.h"

static inline uint32_t update_slot_bytes(const struct update *u)
{
    return u->config->sector_bytes * u->config->n_sectors;
}

/** Make a new state durable, then believe it. Power cut: as journal_append. @return as journal_append */
FOTA_MUST_CHECK
enum fota_err update_commit(struct update *u, const struct boot_record *record);

/** Rule R8: have room for JOURNAL_FREE_AT_JUMP records. Power cut: as journal_reserve */
void update_make_room(struct update *u);

/**
 * Lowest security counter an update may have. The recorded floor follows the confirmed image only when its
 * fallback is given up (update_begin), so that no floor ever locks out an image that may still be needed.
 */
uint32_t update_floor(const struct update *u);

/** image_verify_slot of a slot with this board's policy. What config->hash has is not read again.
 * @return as there */
FOTA_MUST_CHECK
enum fota_err update_verify_slot(const struct update *u, enum slot slot, uint32_t floor,
                                 struct image_result *out);

#endif
