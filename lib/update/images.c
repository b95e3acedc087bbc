#include "update/images.h"

#include <string.h>

#include "format/boot_record.h"
#include "format/image.h"

/* Of an image that nobody verifies now: what its header says. 0: there is none. */
static uint32_t version_of(const uint8_t *bytes, uint32_t n_bytes, uint8_t hash[BOOT_RECORD_DIGEST_BYTES])
{
    struct image image;
    if (bytes == NULL || image_parse(bytes, n_bytes, &image) != FOTA_OK) {
        return 0;
    }
    if (hash != NULL) {
        memcpy(hash, bytes + image.hash_off, BOOT_RECORD_DIGEST_BYTES);
    }
    return image.version_packed;
}

void update_tell_of_images(const struct update_images *images, struct boot_info *info)
{
    for (uint32_t slot = SLOT_A; slot <= SLOT_B; slot++) {
        if (info->slot_state[slot] > SLOT_STATE_RECEIVING) {
            info->slot_version[slot] = version_of(images->slot[slot], images->slot_bytes, NULL);
        }
    }
    if ((info->flags & BOOT_FLAG_LOADER_OPEN) == 0) {
        info->loader_version = version_of(images->loader, images->loader_bytes, info->loader_hash);
    }
    if (images->options != NULL) {
        info->option_bytes = *images->options;
    }
}
