#include "format/release_statement.h"

static const char RELEASE_KEYS[] = "fota-release\0product\0hw\0version\0security-counter\0"
                                   "size-a\0sha256-a\0blob-a\0size-b\0sha256-b\0blob-b\0"
                                   "codec\0from>\0boot>\0confirm-within\0activate\0notes\0";

enum fota_err release_parse(const uint8_t *text, size_t n_bytes, struct statement *out)
{
    if (n_bytes > STATEMENT_RELEASE_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    enum fota_err err = statement_parse(RELEASE_KEYS, text, n_bytes, out);
    if (err) {
        return err;
    }
    return out->n_bytes == n_bytes && statement_is(&out->field[RELEASE_FORMAT], "1") ? FOTA_OK
                                                                                     : E_STATEMENT_SYNTAX;
}

enum fota_err release_slot_read(const struct statement *s, unsigned slot, const char *hw,
                                struct release_slot *out)
{
    if (!statement_is(&s->field[RELEASE_HW], hw)) {
        return E_STATEMENT_PRODUCT;
    }
    const struct statement_span *image = &s->field[slot == 0 ? RELEASE_SIZE_A : RELEASE_SIZE_B];
    if (statement_version(&s->field[RELEASE_VERSION], &out->version) != FOTA_OK ||
        statement_u32(&s->field[RELEASE_COUNTER], &out->security_counter) != FOTA_OK ||
        statement_version(&s->field[RELEASE_BOOT_MIN], &out->boot_min) != FOTA_OK ||
        statement_u32(&image[0], &out->image_bytes) != FOTA_OK ||
        statement_hex(&image[1], out->sha256, sizeof out->sha256) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    return FOTA_OK;
}
