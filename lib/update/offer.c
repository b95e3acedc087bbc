#include "update/offer.h"

#include <string.h>

#include "format/loader_statement.h"
#include "format/release_statement.h"

bool offer_is_for_loader(const uint8_t *text, uint32_t n_bytes)
{
    return loader_is_statement(text, n_bytes);
}

static void take(const struct release_slot *release, enum slot slot, struct update_offer *out)
{
    *out = (struct update_offer){.slot = slot,
                                 .security_counter = release->security_counter,
                                 .boot_min = release->boot_min,
                                 .image_bytes = release->image_bytes};
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
