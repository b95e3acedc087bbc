#include <string.h>

#include "update_private.h"

enum fota_err update_verify_loader(struct update *u, struct image_result *out)
{
    const struct update_config *config = u->config;
    memset(out, 0, sizeof *out);
    if (config->loader.bytes == NULL || (u->record.flags & BOOT_FLAG_LOADER_OPEN) != 0) {
        return E_LOADER_INVALID;
    }
    crypto_sha256_init(config->hash);
    enum fota_err err = update_verify_slot(u, SLOT_LOADER, 0, out);
    return err == FOTA_OK && out->verdict == CRYPTO_ACCEPT ? FOTA_OK : E_LOADER_INVALID;
}

enum fota_err update_begin_loader(struct update *u, const uint8_t *statement, uint32_t n_bytes,
                                  struct update_target *out)
{
    (void)u;
    (void)statement;
    (void)n_bytes;
    (void)out;
    return E_UNSUPPORTED;
}
