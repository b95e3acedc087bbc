/* The loader in sector 1: is it sound, what does it say of itself, and how it is replaced. */
#include <string.h>

#include "update_private.h"

enum {
    HEADER_WORDS = IMAGE_HEADER_BYTES / 4, /* programmed last: without them there is no image */
    INSTALL_RECORDS = 2
};

enum fota_err update_verify_loader(struct update *u, struct image_result *out)
{
    memset(out, 0, sizeof *out);
    if (!config_of(u)->loader.bytes || (u->record.flags & BOOT_FLAG_LOADER_OPEN) != 0) {
        return E_LOADER_INVALID;
    }
    crypto_sha256_init(config_of(u)->hash);
    enum fota_err err = update_verify_slot(u, SLOT_LOADER, 0, out);
    return err == FOTA_OK && out->verdict != CRYPTO_ACCEPT ? E_LOADER_INVALID : err;
}

/* The loader is replaced only by an application that boots again whatever happens, never while it is what
 * answers. */
enum fota_err update_check_moment(const struct update *u)
{
    if (!config_of(u)->loader.bytes) {
        return E_UNSUPPORTED;
    }
    if (update_is_loader_protected(u)) {
        return E_LOADER_PROTECTED;
    }
    bool is_confirmed = u->running <= SLOT_B && u->running == (enum slot)u->record.active &&
                        u->record.state[u->running] == SLOT_STATE_CONFIRMED;
    return is_confirmed ? FOTA_OK : E_LOADER_NOT_NOW;
}

/* Everything that will be asked when it is to start, and what the
 * statement says, while it is still in RAM. */
static enum fota_err check_received(const struct update *u, const uint8_t *image, uint32_t n_bytes)
{
    struct image_result result;
    enum fota_err err = update_verify_bytes(u, SLOT_LOADER, image, n_bytes, &result);
    if (err) {
        return err;
    }
    if (result.verdict != CRYPTO_ACCEPT) {
        return E_IMAGE_SIGNATURE;
    }
    if (result.image.security_counter < update_floor(u)) {
        return E_IMAGE_COUNTER;
    }
    return n_bytes == u->offer.image_bytes && result.image.total_bytes == n_bytes &&
                   memcmp(result.file_sha256, u->offer.sha256, CRYPTO_SHA256_BYTES) == 0
               ? FOTA_OK
               : E_UPDATE_DIGEST;
}

static enum fota_err mark(struct update *u, uint32_t flags)
{
    struct boot_record *record = update_draft(u);
    record->flags = (uint8_t)flags;
    return update_commit(u, record);
}

/* Words `first` to `end` of the image. */
static enum fota_err program(const struct update *u, const uint32_t *words, uint32_t first, uint32_t end)
{
    return flash_program(config_of(u)->flash, config_of(u)->loader.base + 4 * first, words + first,
                         end - first);
}

/*
 * Replace the loader. Sector 1 is the one place without a second copy, so a flag in the journal says from
 * before the erase until after the last word that it is not to be started (BOOT_FLAG_LOADER_OPEN). The words
 * of the header come last: without them nothing takes the sector for an image. After a cut the application,
 * which is confirmed (update_check_moment), boots and receives the loader again.
 */
enum fota_err update_loader_install(struct update *u, const uint32_t *words, uint32_t n_bytes)
{
    if (u->session == UPDATE_CLOSED || u->offer.slot != SLOT_LOADER) {
        return E_UPDATE_NO_SESSION;
    }
    if (u->session == UPDATE_FINISHED) {
        return FOTA_OK; /* the host did not hear it */
    }
    const uint32_t flags = u->record.flags & ~(uint32_t)BOOT_FLAG_LOADER_OPEN;
    enum fota_err err = update_check_moment(u);
    err = err ? err : check_received(u, (const uint8_t *)words, n_bytes);
    err = err ? err : update_make_room(u, INSTALL_RECORDS, JOURNAL_NO_SPARE);
    err = err ? err : update_take_erase(u);
    /* From here to the second record sector 1 is not to be trusted, whatever it looks like. */
    err = err ? err : mark(u, flags | BOOT_FLAG_LOADER_OPEN);
    err = err ? err : flash_erase_sector(config_of(u)->flash, config_of(u)->loader.sector);
    err = err ? err : program(u, words, HEADER_WORDS, (n_bytes + 3) / 4);
    err = err ? err : program(u, words, 0, HEADER_WORDS);
    err = err ? err : mark(u, flags);
    if (err == FOTA_OK) {
        u->session = UPDATE_FINISHED;
    }
    return err;
}
