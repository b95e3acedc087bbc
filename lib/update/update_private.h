/**
 * What update.c (boot, confirm) and session.c (receiving an image) share.
 */
#ifndef UPDATE_PRIVATE_H
#define UPDATE_PRIVATE_H

#include "update/update.h"

enum { UPDATE_OPTIONS_NWRP_BIT = 16 };

/** The board. The root is built for one, UPDATE_BOARD, so that the compiler knows its numbers. */
static inline const struct update_config *config_of(const struct update *u)
{
#ifdef UPDATE_BOARD
    extern const struct update_config UPDATE_BOARD;
    (void)u;
    return &UPDATE_BOARD;
#else
    return u->config;
#endif
}

static inline uint32_t update_slot_bytes(const struct update *u)
{
    return config_of(u)->sector_bytes * config_of(u)->n_sectors;
}

/**
 * A copy of the current state, to be changed and recorded.
 * @return u->draft
 */
struct boot_record *update_draft(struct update *u);

/**
 * Make a new state durable, then believe it.
 * Power cut:  as journal_append.
 * @return as journal_append
 */
FOTA_MUST_CHECK
enum fota_err update_commit(struct update *u, const struct boot_record *record);

/**
 * update_commit, after making room for it.
 * Power cut:  as journal_reserve and journal_append
 * @return FOTA_OK · E_UPDATE_BUSY (needs an erase that is not allowed) · as journal_append
 */
FOTA_MUST_CHECK
enum fota_err update_record(struct update *u, const struct boot_record *record);

/**
 * Rule R8: have room for `n_records` records.
 * Power cut:  as journal_reserve
 * @param spare  as journal_reserve
 * @return FOTA_OK · E_UPDATE_BUSY (needs an erase that is not allowed) · as journal_reserve
 */
FOTA_MUST_CHECK
enum fota_err update_make_room(struct update *u, uint32_t n_records, uint32_t spare);

/**
 * Take the permission for one erase.
 * @return FOTA_OK · E_UPDATE_BUSY (there is none)
 */
FOTA_MUST_CHECK
enum fota_err update_take_erase(struct update *u);

/**
 * May the loader be replaced now?
 * @return FOTA_OK · E_UNSUPPORTED (none here) · E_LOADER_PROTECTED · E_LOADER_NOT_NOW
 */
FOTA_MUST_CHECK
enum fota_err update_check_moment(const struct update *u);

/** Is sector 1 write-protected by option bytes? (RM0090 3.9.10: nWRP is 0 then) */
static inline bool update_is_loader_protected(const struct update *u)
{
    const struct update_loader *loader = &config_of(u)->loader;
    return loader->options && (*loader->options >> (UPDATE_OPTIONS_NWRP_BIT + loader->sector) & 1) == 0;
}

/**
 * Lowest security counter an update may have. The recorded floor follows the confirmed image only when its
 * fallback is abandoned (update_begin), so that no floor ever locks out an image that may still be needed.
 */
uint32_t update_floor(const struct update *u);

/** image_verify_slot of a slot with this board's policy. What config->hash has is not read again.
 * @return as there */
FOTA_MUST_CHECK
enum fota_err update_verify_slot(const struct update *u, enum slot slot, uint32_t floor,
                                 struct image_result *out);

/** image_verify of an image that is meant for this place and still elsewhere, in RAM. The floor is not asked.
 * @return as there */
FOTA_MUST_CHECK
enum fota_err update_verify_bytes(const struct update *u, enum slot slot, const uint8_t *bytes,
                                  uint32_t n_bytes, struct image_result *out);

#endif
