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
 * session by itself. 0 and the id of plain sessions have other meanings; such a digest is complemented. */
static void take(const struct release_slot *release, enum slot slot, struct update_offer *out)
{
    uint32_t id = bytes_load_be32(release->sha256);
    *out = (struct update_offer){.slot = slot,
                                 .security_counter = release->security_counter,
                                 .boot_min = release->boot_min,
                                 .image_bytes = release->image_bytes};
    out->session_id = id == 0 || id == (uint32_t)UPDATE_OPEN_SESSION_ID ? ~id : id;
    memcpy(out->sha256, release->sha256, sizeof out->sha256);
    memcpy(out->hash, release->hash, sizeof out->hash);
}

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

void offer_plain(enum slot slot, uint32_t slot_bytes, struct update_offer *out)
{
    *out = (struct update_offer){
        .session_id = (uint32_t)UPDATE_OPEN_SESSION_ID, .slot = slot, .image_bytes = slot_bytes};
}

/* Is this of the rejected release? All 0 stands for "not known", on either side. */
static bool is_rejected(const struct update_offer *offer, const struct boot_record *record, uint32_t slot)
{
    const uint8_t *rejected = record->rejected[slot];
    return !bytes_all_equal(rejected, BOOT_RECORD_DIGEST_BYTES, 0) &&
           memcmp(rejected, offer->hash[slot], BOOT_RECORD_DIGEST_BYTES) == 0;
}

enum fota_err offer_check(const struct update_offer *offer, const struct boot_view *view,
                          uint32_t bootloader_version)
{
    if (offer->boot_min > bootloader_version) {
        return E_UNSUPPORTED;
    }
    bool is_plain = offer->session_id == (uint32_t)UPDATE_OPEN_SESSION_ID;
    if (!is_plain && offer->security_counter < view->security_floor) {
        return E_STATEMENT_COUNTER;
    }
    const struct boot_record *record = &view->record;
    return is_rejected(offer, record, SLOT_A) || is_rejected(offer, record, SLOT_B) ? E_SLOT_REJECTED
                                                                                    : FOTA_OK;
}
