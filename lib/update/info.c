#include "update/info.h"

#include <string.h>

#include "format/boot_record.h"
#include "format/image.h"

/* Of an image that nobody verifies now: what its header says. 0: there is none. */
static uint32_t version_of(const uint8_t *bytes, uint32_t n_bytes, uint8_t hash[BOOT_RECORD_DIGEST_BYTES])
{
    struct image image;
    if (!bytes || image_parse(bytes, n_bytes, &image) != FOTA_OK) {
        return 0;
    }
    if (hash) {
        memcpy(hash, bytes + image.hash_off, BOOT_RECORD_DIGEST_BYTES);
    }
    return image.version_packed;
}

void boot_info_of_view(const struct boot_view *view, uint32_t bootloader_version, const char *hw_id,
                       struct boot_info *out)
{
    const struct boot_record *record = &view->record;
    memset(out, 0, sizeof *out);
    out->bootloader_version = bootloader_version;
    out->running_slot = (uint8_t)view->running;
    out->active_slot = record->active;
    out->inactive_slot = (uint8_t)view->inactive;
    out->tries_left = record->tries;
    out->starts_left = record->starts;
    out->reset_cause = (uint8_t)view->reset.cause;
    out->journal_ok = (uint8_t)view->journal_ok;
    out->flags = record->flags;
    out->stay = (uint8_t)view->stay;
    out->n_crashes = (uint8_t)view->reset.n_crashes;
    out->security_floor = view->security_floor;
    out->retry = record->retry;
    memcpy(out->slot_state, record->state, sizeof out->slot_state);
    memcpy(out->slot_hash, record->digest, sizeof out->slot_hash);
    memcpy(out->rejected_hash, record->rejected[0], sizeof out->rejected_hash);
    out->last_reason = record->last_reason;
    out->session_state = (uint16_t)view->session;
    if (view->session != 0) {
        /* Words are programmed whole, so the last one may reach over the end of the image. */
        uint32_t flashed = view->session_flashed;
        out->session_id = view->session_id;
        out->session_flashed = flashed < view->session_bytes ? flashed : view->session_bytes;
    }
    /* Without a 0 at its end if it fills the field. */
    for (uint32_t i = 0; i < BOOT_HW_ID_MAX_BYTES && hw_id[i] != '\0'; i++) {
        out->hw_id[i] = hw_id[i];
    }
}

void update_tell_of_images(const struct update_images *images, struct boot_info *info)
{
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        /* A slot that is empty or being received may hold the header of an older image: its version would
         * be told for one that cannot boot. */
        if (info->slot_state[slot] > SLOT_STATE_RECEIVING) {
            info->slot_version[slot] = version_of(images->slot[slot], images->slot_bytes, NULL);
        }
    }
    /* While sector 1 is being written its header may be there and the rest not: better no version than a
     * wrong one. */
    if ((info->flags & BOOT_FLAG_LOADER_OPEN) == 0) {
        info->loader_version = version_of(images->loader, images->loader_bytes, info->loader_hash);
    }
    if (images->options) {
        info->option_bytes = *images->options;
    }
}
