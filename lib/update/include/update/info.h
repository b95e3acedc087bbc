/**
 * struct boot_info, as a host asks for it: made of what the root tells, of image headers and of option bytes
 * by the agent. The root does not read what it need not believe. No heap, no state; reads flash through plain
 * pointers. **Power cut**: nothing here is kept.
 */
#ifndef UPDATE_INFO_H
#define UPDATE_INFO_H

#include "update/boot_services.h"

/** Where images are on this board. */
struct update_images {
    const uint8_t *slot[2];
    uint32_t slot_bytes;
    const uint8_t *loader; /* NULL: this board has none */
    uint32_t loader_bytes;
    const volatile uint32_t *options; /* FLASH_OPTCR; NULL: not known */
};

/**
 * What the root says; all that update_tell_of_images adds is 0. Takes ≤ 0.1 ms.
 * @param bootloader_version  of the root
 * @param hw_id  of this board, NUL-terminated or BOOT_HW_ID_MAX_BYTES long
 */
void boot_info_of_view(const struct boot_view *view, uint32_t bootloader_version, const char *hw_id,
                       struct boot_info *out);

/** Fill slot_version, loader_version, loader_hash and option_bytes; the rest is there already. Takes ≤ 0.1
 * ms. */
void update_tell_of_images(const struct update_images *images, struct boot_info *info);

#endif
