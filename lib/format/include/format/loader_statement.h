/**
 * Loader statement: what a loader for sector 1 is. Signed by an image key, immutable, at most
 * STATEMENT_RELEASE_MAX_BYTES. A channel statement names it by its SHA-256.
 *
 * It opens a loader session as a release statement opens a session for a slot: a running, confirmed
 * application receives the whole loader in RAM, and sector 1 is erased only after everything was verified.
 * Bytes and meaning of every key: docs/spec/statement.md.
 *
 * No heap, no state, no flash. **Power cut**: nothing here is kept.
 */
#ifndef FORMAT_LOADER_STATEMENT_H
#define FORMAT_LOADER_STATEMENT_H

#include "format/release_statement.h"

/** Keys in the order of the text; index into statement.field. */
enum loader_field {
    LOADER_FORMAT,
    LOADER_HW,
    LOADER_VERSION,
    LOADER_COUNTER,
    LOADER_SIZE,
    LOADER_SHA256,
    LOADER_HASH,
    LOADER_BLOB,
    LOADER_BOOT_MIN,
    LOADER_NOTES,
    LOADER_FIELDS
};

/** A loader, all values typed. Spans point into the text it was read from (or, for printing, anywhere). */
struct loader_release {
    struct statement_span hw;
    uint32_t version;          /* major << 24 | minor << 16 | revision */
    uint32_t security_counter; /* asked when it is installed, never when it starts */
    uint32_t boot_min;         /* lowest root version that starts it */
    uint32_t image_bytes;      /* 1..the size of the loader's sector for one that fits */
    uint8_t sha256[32];        /* of all image_bytes, header and TLVs included: names the file */
    uint8_t hash[32];          /* image hash: of the signed bytes, TLV 0x10. INFO shows its first 8 bytes */
    struct statement_span blob;
    struct statement_span notes; /* for people; `-` when there is nothing to say */
};

/** True if the text claims to be a loader statement; loader_parse() decides. */
static inline bool loader_is_statement(const uint8_t *text, size_t n_bytes)
{
    enum { KIND_OFF = 5 }; /* `fota-` */
    return n_bytes > KIND_OFF && text[KIND_OFF] == 'l';
}

/**
 * Take a loader statement apart. The whole text must be one statement.
 *
 * @param n_bytes  1..STATEMENT_RELEASE_MAX_BYTES
 * @param out      undefined on failure
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_FORMAT (not format 1)
 */
FOTA_MUST_CHECK
enum fota_err loader_parse(const uint8_t *text, size_t n_bytes, struct statement *out);

/**
 * What the target needs, in the form of a release's slot, so that a session needs one kind of facts: both
 * `hash` are the loader's. The caller has verified the signature, and compares counter and size with its own
 * limits.
 *
 * @param s   from loader_parse()
 * @param hw  this board's hardware id, NUL-terminated
 * @return FOTA_OK · E_STATEMENT_PRODUCT · E_STATEMENT_SYNTAX; out is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err loader_slot_read(const struct statement *s, const char *hw, struct release_slot *out);

/**
 * All values, each checked for its range.
 *
 * @param hw  as in loader_slot_read(); NULL: any
 * @return FOTA_OK · E_STATEMENT_PRODUCT · E_STATEMENT_SYNTAX; out is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err loader_read(const struct statement *s, const char *hw, struct loader_release *out);

/**
 * Write the text of a loader statement up to where the signatures go; statement_put_sig() follows.
 *
 * @param out  at least STATEMENT_RELEASE_MAX_BYTES
 * @param n_bytes  bytes written, no NUL
 * @return FOTA_OK · E_STATEMENT_SIZE (does not leave room for one signature) · E_ARG (a value that
 *         loader_read would refuse)
 */
FOTA_MUST_CHECK
enum fota_err loader_print(const struct loader_release *l, char *out, size_t *n_bytes);

#endif
