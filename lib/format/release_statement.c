#include "format/release_statement.h"

#include "statement_slot.h"

/* Format and keys in the order of docs/spec/statement.md 2, which is also the order of the enumerators in
 * the header. `from>` and `boot>` end with `>`, so that with the `=` after it the line reads as the
 * condition that it is. */
static const char RELEASE_KEYS[] = "2fota-release\0product\0hw\0version\0security-counter\0"
                                   "size-a\0sha256-a\0hash-a\0blob-a\0size-b\0sha256-b\0hash-b\0blob-b\0"
                                   "codec\0from>\0boot>\0confirm-within\0activate\0notes\0";

/* Nothing may follow the last signature. No key signs bytes there, and a reader that skipped them would
 * accept many files as one release, each with another digest. */
enum fota_err statement_parse_whole(const char *keys, const uint8_t *text, size_t n_bytes,
                                    struct statement *out)
{
    if (n_bytes > STATEMENT_RELEASE_MAX_BYTES) {
        return E_STATEMENT_SIZE;
    }
    enum fota_err err = statement_parse(keys, text, n_bytes, out);
    if (err) {
        return err;
    }
    return out->n_bytes == n_bytes ? FOTA_OK : E_STATEMENT_SYNTAX;
}

enum fota_err release_parse(const uint8_t *text, size_t n_bytes, struct statement *out)
{
    return statement_parse_whole(RELEASE_KEYS, text, n_bytes, out);
}

/* What a target acts upon, and nothing more: the host reads the rest (release_text.c). The hardware comes
 * first, because for another board all other values are somebody else's, and "wrong board" is what the
 * user has to hear. */
enum fota_err statement_read_slot(const struct statement *s, const struct slot_fields *at, const char *hw,
                                  struct release_slot *out)
{
    const struct statement_span *f = s->field;
    if (!statement_is(&f[at->hw], hw)) {
        return E_STATEMENT_PRODUCT;
    }
    if (statement_version(&f[at->version], &out->version) != FOTA_OK ||
        statement_u32(&f[at->counter], &out->security_counter) != FOTA_OK ||
        statement_version(&f[at->boot_min], &out->boot_min) != FOTA_OK ||
        statement_u32(&f[at->size], &out->image_bytes) != FOTA_OK ||
        statement_hex(&f[at->sha256], out->sha256, sizeof out->sha256) != FOTA_OK) {
        return E_STATEMENT_SYNTAX;
    }
    /* The hashes of both images, whichever slot is updated: a rejection has to name this release in the
     * other slot, too (docs/spec/statement.md 2). */
    for (unsigned i = 0; i < 2; i++) {
        if (statement_hex(&f[at->hash[i]], out->hash[i], sizeof out->hash[i]) != FOTA_OK) {
            return E_STATEMENT_SYNTAX;
        }
    }
    return FOTA_OK;
}

/* Which fields tell of a slot. A table and not a calculation with the enumerators, so that a key that is
 * added in the middle moves nothing. */
enum fota_err release_slot_read(const struct statement *s, unsigned slot, const char *hw,
                                struct release_slot *out)
{
    static const struct slot_fields fields[2] = {
        {RELEASE_HW,
         RELEASE_VERSION,
         RELEASE_COUNTER,
         RELEASE_BOOT_MIN,
         RELEASE_SIZE_A,
         RELEASE_SHA256_A,
         {RELEASE_HASH_A, RELEASE_HASH_B}},
        {RELEASE_HW,
         RELEASE_VERSION,
         RELEASE_COUNTER,
         RELEASE_BOOT_MIN,
         RELEASE_SIZE_B,
         RELEASE_SHA256_B,
         {RELEASE_HASH_A, RELEASE_HASH_B}},
    };
    return statement_read_slot(s, &fields[slot == 0 ? 0 : 1], hw, out);
}
