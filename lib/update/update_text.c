/* A session opened by the text of a statement, in one call: for whoever has keys and sessions in one place,
 * as tests have. On the target the agent reads the text and the root opens the session. */
#include "update/info.h"
#include "update/offer.h"
#include "update_private.h"

static enum fota_err check(void *ctx, const uint8_t key_id[STATEMENT_KEY_ID_BYTES], const uint8_t *text,
                           size_t n_bytes, const uint8_t *der, size_t n_der_bytes)
{
    const struct update *u = ctx;
    return update_check_signature(u, key_id, text, (uint32_t)n_bytes, der, (uint32_t)n_der_bytes);
}

enum fota_err update_begin(struct update *u, const uint8_t *statement, uint32_t n_bytes,
                           struct update_target *out)
{
    const struct statement_verifier verifier = {check, u};
    const struct update_config *config = u->config;
    struct boot_view view;
    struct update_offer offer;
    enum fota_err err = FOTA_OK;
    bool is_loader = n_bytes > 0 && offer_is_for_loader(statement, n_bytes);
    /* None is inactive while a trial runs: the other slot then holds the image to fall back to. */
    enum slot slot = is_loader ? SLOT_LOADER : update_inactive_slot(u);
    if (slot == SLOT_NONE) {
        return E_STATE;
    }
    if (n_bytes == 0) {
        offer_plain(slot, update_slot_bytes(u), &offer);
    } else {
        err = offer_read(&verifier, config->hw_id, slot, statement, n_bytes, &offer);
    }
    /* Refused here, before update_begin_offer: an offer that the board will not take must not erase
     * anything. */
    update_tell_view(u, &view);
    err = err ? err : offer_check(&offer, &view, config->bootloader_version);
    uint32_t off;
    err = err ? err : update_begin_offer(u, &offer, &off);
    if (err) {
        return err;
    }
    uint32_t base = is_loader ? config->loader.base : config->base[slot];
    *out = (struct update_target){offer.session_id, slot, base, offer.image_bytes, off};
    return FOTA_OK;
}

enum fota_err update_hash(const struct update *u, uint32_t off, uint32_t n_bytes,
                          uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    enum slot slot = update_inactive_slot(u);
    if (slot == SLOT_NONE || off > update_slot_bytes(u) || n_bytes > update_slot_bytes(u) - off) {
        return E_FLASH_RANGE;
    }
    update_hash_bytes(u->config->slot[slot] + off, n_bytes, sha256);
    return FOTA_OK;
}

void update_info(const struct update *u, struct boot_info *out)
{
    const struct update_config *config = u->config;
    const struct update_images images = {.slot = {config->slot[SLOT_A], config->slot[SLOT_B]},
                                         .slot_bytes = update_slot_bytes(u),
                                         .loader = config->loader.bytes,
                                         .loader_bytes = config->loader.n_bytes,
                                         .options = config->loader.options};
    struct boot_view view;
    update_tell_view(u, &view);
    boot_info_of_view(&view, config->bootloader_version, config->hw_id, out);
    update_tell_of_images(&images, out);
}
