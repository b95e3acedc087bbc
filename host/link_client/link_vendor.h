/**
 * Private to host/link_client: what link_client_detect and link_rom_enter need of the vendor commands. Stands
 * on link_sync.h.
 */
#ifndef LINK_VENDOR_H
#define LINK_VENDOR_H

#include "link_client/link_client.h"

/**
 * INFO, from a loader that may not know it: ST's ROM refuses its frame. Only frames refused three times in a
 * row are believed, since noise makes a refusal of any frame.
 * @return FOTA_OK · E_LINK_NO_VENDOR · E_LINK_VERSION · transport errors
 */
FOTA_MUST_CHECK
enum fota_err vendor_find(struct link_client *c, struct link_info *out);

#endif
