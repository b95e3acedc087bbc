/* Host side of loader statements: every value typed and checked, and writing them. The target needs only
 * loader_statement.c. */
#include "format/loader_statement.h"
#include "format/statement_write.h"
#include "statement_value.h"

/* What the types of the fields cannot hold, asked after reading and before writing. */
static bool is_sound(const struct loader_release *l)
{
    return statement_is_name(&l->hw, RELEASE_HW_MAX_BYTES) && l->image_bytes != 0 &&
           statement_is_object(&l->blob, RELEASE_BLOB_MAX_BYTES) &&
           statement_is_text(&l->notes, RELEASE_NOTES_MAX_BYTES);
}

/* `hw` is NULL when the command only shows a statement; a gateway always names its board. The check comes
 * first for the same reason as in release_statement.c: of another board's loader nothing else is of
 * interest. */
enum fota_err loader_read(const struct statement *s, const char *hw, struct loader_release *out)
{
    const struct statement_span *f = s->field;
    if (hw && !statement_is(&f[LOADER_HW], hw)) {
        return E_STATEMENT_PRODUCT;
    }
    out->hw = f[LOADER_HW];
    out->blob = f[LOADER_BLOB];
    out->notes = f[LOADER_NOTES];
    if (statement_version(&f[LOADER_VERSION], &out->version) != FOTA_OK ||
        statement_u32(&f[LOADER_COUNTER], &out->security_counter) != FOTA_OK ||
        statement_version(&f[LOADER_BOOT_MIN], &out->boot_min) != FOTA_OK ||
        statement_u32(&f[LOADER_SIZE], &out->image_bytes) != FOTA_OK ||
        statement_hex(&f[LOADER_SHA256], out->sha256, sizeof out->sha256) != FOTA_OK ||
        statement_hex(&f[LOADER_HASH], out->hash, sizeof out->hash) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    return is_sound(out) ? FOTA_OK : E_STATEMENT_SYNTAX;
}

enum fota_err loader_print(const struct loader_release *l, char *out, size_t *n_bytes)
{
    if (!is_sound(l)) {
        return E_ARG;
    }
    /* Room for one signature line stays free, as in release_text.c. */
    struct statement_text t = {out, STATEMENT_RELEASE_MAX_BYTES - STATEMENT_SIG_LINE_MAX_BYTES, 0, false};
    statement_put_string(&t, "fota-loader=1\n");
    statement_put_span(&t, "hw=", &l->hw);
    statement_put_string(&t, "version=");
    statement_put_version(&t, l->version);
    statement_put_string(&t, "\nsecurity-counter=");
    statement_put_u32(&t, l->security_counter);
    statement_put_string(&t, "\nsize=");
    statement_put_u32(&t, l->image_bytes);
    statement_put_string(&t, "\nsha256=");
    statement_put_hex(&t, l->sha256, sizeof l->sha256);
    statement_put_string(&t, "\nhash=");
    statement_put_hex(&t, l->hash, sizeof l->hash);
    statement_put_string(&t, "\n");
    statement_put_span(&t, "blob=", &l->blob);
    statement_put_string(&t, "boot>=");
    statement_put_version(&t, l->boot_min);
    statement_put_string(&t, "\n");
    statement_put_span(&t, "notes=", &l->notes);
    if (t.is_full) {
        return E_STATEMENT_SIZE;
    }
    *n_bytes = t.n_bytes;
    return FOTA_OK;
}
