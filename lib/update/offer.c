#include "update/offer.h"

#include <string.h>

#include "base/bytes.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"

bool offer_is_for_loader(const uint8_t *text, uint32_t n_bytes)
{
    return loader_is_statement(text, n_bytes);
}

/* The session id is the start of the file digest, so a host that comes back after a reset names the same
 * session by itself. 0 means "no session" on the link; such a digest is complemented. */
static void take(const struct release_slot *release, enum slot slot, struct update_offer *out)
{
    uint32_t id = bytes_load_be32(release->sha256);
    *out = (struct update_offer){.slot = slot,
                                 .kind = UPDATE_OFFER_SIGNED,
                                 .security_counter = release->security_counter,
                                 .boot_min = release->boot_min,
                                 .image_bytes = release->image_bytes};
    out->session_id = id == 0 ? ~id : id;
    memcpy(out->sha256, release->sha256, sizeof out->sha256);
    memcpy(out->hash, release->hash, sizeof out->hash);
}

/* Form, signature, values, in this order: no value of a text is looked at that nobody has signed. */
enum fota_err offer_read(const struct statement_verifier *verifier, const char *hw, enum slot slot,
                         const uint8_t *text, uint32_t n_bytes, struct update_offer *out)
{
    struct statement statement;
    struct release_slot release;
    bool is_loader = slot == SLOT_LOADER;
    enum fota_err err =
        is_loader ? loader_parse(text, n_bytes, &statement) : release_parse(text, n_bytes, &statement);
    if (err) {
        return err;
    }
    err = statement_verify(&statement, text, verifier);
    if (err) {
        return err;
    }
    err = is_loader ? loader_slot_read(&statement, hw, &release)
                    : release_slot_read(&statement, slot, hw, &release);
    if (err) {
        return err;
    }
    take(&release, slot, out);
    return FOTA_OK;
}

/* A host of AN4286 has no statement. Nothing is known of what it will send, so the whole slot is its
 * image; the image itself is verified all the same before it can run. */
void offer_plain(enum slot slot, uint32_t slot_bytes, struct update_offer *out)
{
    *out = (struct update_offer){.session_id = (uint32_t)UPDATE_PLAIN_SESSION_ID,
                                 .slot = slot,
                                 .kind = UPDATE_OFFER_PLAIN,
                                 .image_bytes = slot_bytes};
}

enum fota_err offer_check(const struct update_offer *offer, const struct boot_view *view,
                          uint32_t bootloader_version)
{
    if (offer->boot_min > bootloader_version) {
        return E_UNSUPPORTED;
    }
    bool is_plain = offer->kind == UPDATE_OFFER_PLAIN;
    if (!is_plain && offer->security_counter < view->security_floor) {
        return E_STATEMENT_COUNTER;
    }
    /* Both slots are asked: after a rejection the same release could otherwise be received again for the
     * other slot, and fail there, too. */
    const struct boot_record *record = &view->record;
    bool is_rejected = boot_record_is_rejected(record, SLOT_A, offer->hash[SLOT_A]) ||
                       boot_record_is_rejected(record, SLOT_B, offer->hash[SLOT_B]);
    return is_rejected ? E_SLOT_REJECTED : FOTA_OK;
}
