/**
 * What the headers in slots and loader say of themselves, for boot_info: read by whoever tells a host, the
 * agent. The root does not read what it need not believe. No heap, no state; reads flash through plain
 * pointers. **Power cut**: nothing here is kept.
 */
#ifndef UPDATE_IMAGES_H
#define UPDATE_IMAGES_H

#include "update/boot_services.h"

/** Where images are on this board. */
struct update_images {
    const uint8_t *slot[2];
    uint32_t slot_bytes;
    const uint8_t *loader; /* NULL: this board has none */
    uint32_t loader_bytes;
    const volatile uint32_t *options; /* FLASH_OPTCR; NULL: not known */
};

/** Fill slot_version, loader_version, loader_hash and option_bytes; the rest is there already. Takes ≤ 0.1
 * ms. */
void update_tell_of_images(const struct update_images *images, struct boot_info *info);

#endif
