/* Host side of release statements: every value typed and checked, and writing them. The target needs only
 * release_statement.c. */
#include <string.h>

#include "format/image.h"
#include "format/release_statement.h"
#include "format/statement_write.h"
#include "statement_value.h"

/* One day: a trial that has not confirmed itself by then will not. */
enum { CONFIRM_WITHIN_MAX_S = 86400 };

/* When the gateway may restart the target: `idle`, `now`, or `window:HH-HH` with two hours of a day. The
 * text is compared with a shape of fixed length, so each hour stands at a known place. */
static bool is_activate(const struct statement_span *v)
{
    if (statement_is(v, "idle") || statement_is(v, "now")) {
        return true;
    }
    static const char shape[] = "window:hh-hh";
    if (v->n_bytes != sizeof shape - 1 || memcmp(v->at, shape, 7) != 0 || v->at[9] != '-') {
        return false;
    }
    const struct statement_span hours[2] = {{v->at + 7, 2}, {v->at + 10, 2}};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t hour = 0;
        if (statement_digits(&hours[i], &hour) != FOTA_OK || hour > 23) {
            return false;
        }
    }
    return true;
}

/* What the types of the fields cannot hold, asked after reading and before writing. Only the codec `none`
 * is accepted: a target cannot unpack anything, so an image in another form must not get as far as a
 * transfer. */
static bool is_sound(const struct release *r)
{
    return statement_is_name(&r->product, STATEMENT_NAME_MAX_BYTES) &&
           statement_is_name(&r->hw, RELEASE_HW_MAX_BYTES) && statement_is(&r->codec, "none") &&
           r->image[0].n_bytes != 0 && r->image[1].n_bytes != 0 &&
           statement_is_object(&r->image[0].blob, RELEASE_BLOB_MAX_BYTES) &&
           statement_is_object(&r->image[1].blob, RELEASE_BLOB_MAX_BYTES) && r->confirm_within_s >= 1 &&
           r->confirm_within_s <= CONFIRM_WITHIN_MAX_S && is_activate(&r->activate) &&
           statement_is_text(&r->notes, RELEASE_NOTES_MAX_BYTES);
}

enum fota_err release_read(const struct statement *s, struct release *out)
{
    const struct statement_span *f = s->field;
    out->product = f[RELEASE_PRODUCT];
    out->hw = f[RELEASE_HW];
    out->codec = f[RELEASE_CODEC];
    out->activate = f[RELEASE_ACTIVATE];
    out->notes = f[RELEASE_NOTES];
    for (unsigned slot = 0; slot < 2; slot++) {
        /* The four keys of an image follow each other in RELEASE_KEYS, for either slot in the same order. */
        const struct statement_span *image = &f[slot == 0 ? RELEASE_SIZE_A : RELEASE_SIZE_B];
        out->image[slot].blob = image[3];
        if (statement_u32(&image[0], &out->image[slot].n_bytes) != FOTA_OK ||
            statement_hex(&image[1], out->image[slot].sha256, sizeof out->image[slot].sha256) != FOTA_OK ||
            statement_hex(&image[2], out->image[slot].hash, sizeof out->image[slot].hash) != FOTA_OK) {
            return E_STATEMENT_SYNTAX;
        }
    }
    if (statement_version(&f[RELEASE_VERSION], &out->version) != FOTA_OK ||
        statement_u32(&f[RELEASE_COUNTER], &out->security_counter) != FOTA_OK ||
        statement_version(&f[RELEASE_FROM_MIN], &out->from_min) != FOTA_OK ||
        statement_version(&f[RELEASE_BOOT_MIN], &out->boot_min) != FOTA_OK ||
        statement_u32(&f[RELEASE_CONFIRM_WITHIN], &out->confirm_within_s) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    return is_sound(out) ? FOTA_OK : E_STATEMENT_SYNTAX;
}

static void hash_of(const uint8_t *bytes, uint32_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, n_bytes);
    crypto_sha256_final(&ctx, out);
}

/* The digest of the file is there even if the file is no image, so that an error message can name what was
 * looked at. */
enum fota_err release_image_describe(const uint8_t *bytes, uint32_t n_bytes, struct release_image *out)
{
    out->n_bytes = n_bytes;
    hash_of(bytes, n_bytes, out->sha256);
    memset(out->hash, 0, sizeof out->hash);
    struct image image;
    enum fota_err err = image_parse(bytes, n_bytes, &image);
    if (!err) {
        hash_of(bytes, image.signed_bytes, out->hash);
    }
    return err;
}

/* The four lines of one slot. `slot` is the letter in their keys. */
static void put_image(struct statement_text *t, const char *slot, const struct release_image *image)
{
    statement_put_string(t, "size-");
    statement_put_string(t, slot);
    statement_put_string(t, "=");
    statement_put_u32(t, image->n_bytes);
    statement_put_string(t, "\nsha256-");
    statement_put_string(t, slot);
    statement_put_string(t, "=");
    statement_put_hex(t, image->sha256, sizeof image->sha256);
    statement_put_string(t, "\nhash-");
    statement_put_string(t, slot);
    statement_put_string(t, "=");
    statement_put_hex(t, image->hash, sizeof image->hash);
    statement_put_string(t, "\nblob-");
    statement_put_string(t, slot);
    statement_put_span(t, "=", &image->blob);
}

enum fota_err release_print(const struct release *r, char *out, size_t *n_bytes)
{
    if (!is_sound(r)) {
        return E_ARG;
    }
    /* Room for one signature line stays free: with it, the statement must still be one that a target
     * accepts. */
    struct statement_text t = {out, STATEMENT_RELEASE_MAX_BYTES - STATEMENT_SIG_LINE_MAX_BYTES, 0, false};
    statement_put_string(&t, "fota-release=2\n");
    statement_put_span(&t, "product=", &r->product);
    statement_put_span(&t, "hw=", &r->hw);
    statement_put_string(&t, "version=");
    statement_put_version(&t, r->version);
    statement_put_string(&t, "\nsecurity-counter=");
    statement_put_u32(&t, r->security_counter);
    statement_put_string(&t, "\n");
    put_image(&t, "a", &r->image[0]);
    put_image(&t, "b", &r->image[1]);
    statement_put_span(&t, "codec=", &r->codec);
    statement_put_string(&t, "from>=");
    statement_put_version(&t, r->from_min);
    statement_put_string(&t, "\nboot>=");
    statement_put_version(&t, r->boot_min);
    statement_put_string(&t, "\nconfirm-within=");
    statement_put_u32(&t, r->confirm_within_s);
    statement_put_string(&t, "\n");
    statement_put_span(&t, "activate=", &r->activate);
    statement_put_span(&t, "notes=", &r->notes);
    if (t.is_full) {
        return E_STATEMENT_SIZE;
    }
    *n_bytes = t.n_bytes;
    return FOTA_OK;
}
