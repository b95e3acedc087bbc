/**
 * Release statement: what a version is. Signed by the offline release key, immutable, at most 1,280 bytes.
 *
 * The target checks it before it erases anything (update_begin), the gateway before it downloads, the
 * publisher before it uploads: all with this code. Bytes and meaning of every key: docs/spec/statement.md.
 */
#ifndef FORMAT_RELEASE_STATEMENT_H
#define FORMAT_RELEASE_STATEMENT_H

#include "format/statement.h"

enum { RELEASE_HW_MAX_BYTES = 15, RELEASE_BLOB_MAX_BYTES = 128, RELEASE_NOTES_MAX_BYTES = 128 };

/** Keys in the order of the text; index into statement.field. */
enum release_field {
    RELEASE_FORMAT,
    RELEASE_PRODUCT,
    RELEASE_HW,
    RELEASE_VERSION,
    RELEASE_COUNTER,
    RELEASE_SIZE_A,
    RELEASE_SHA256_A,
    RELEASE_HASH_A,
    RELEASE_BLOB_A,
    RELEASE_SIZE_B,
    RELEASE_SHA256_B,
    RELEASE_HASH_B,
    RELEASE_BLOB_B,
    RELEASE_CODEC,
    RELEASE_FROM_MIN,
    RELEASE_BOOT_MIN,
    RELEASE_CONFIRM_WITHIN,
    RELEASE_ACTIVATE,
    RELEASE_NOTES,
    RELEASE_FIELDS
};

/** What the target needs of a release: one slot's image. */
struct release_slot {
    uint32_t version; /* major << 24 | minor << 16 | revision */
    uint32_t security_counter;
    uint32_t boot_min; /* lowest bootloader version that may install it */
    uint32_t image_bytes;
    uint8_t sha256[32]; /* of all image_bytes, header and TLVs included: names the file */
    uint8_t hash[2]
                [32]; /* image hashes of slot A's and slot B's image: SHA-256 over the signed bytes, TLV 0x10.
                         They name the release, whatever its signature bytes are; [slot] is the wanted one */
};

/** One image of a release. */
struct release_image {
    uint32_t n_bytes;
    uint8_t sha256[32];         /* of the file */
    uint8_t hash[32];           /* of the signed bytes: TLV 0x10 of the image */
    struct statement_span blob; /* object key in the release bucket */
};

/** A release, all values typed. Spans point into the text it was read from (or, for printing, anywhere). */
struct release {
    struct statement_span product;
    struct statement_span hw;
    uint32_t version;
    uint32_t security_counter;
    struct release_image image[2]; /* slot A, slot B */
    struct statement_span codec;
    uint32_t from_min; /* lowest running version that may update to it */
    uint32_t boot_min;
    uint32_t confirm_within_s;      /* 1..86400: a trial must confirm within this time */
    struct statement_span activate; /* `idle`, `now` or `window:HH-HH` */
    struct statement_span notes;    /* for people; `-` when there is nothing to say */
};

/**
 * Take a release statement apart. The whole text must be one statement.
 *
 * @param n_bytes  1..STATEMENT_RELEASE_MAX_BYTES
 * @param out      undefined on failure
 * @return FOTA_OK · E_STATEMENT_SYNTAX · E_STATEMENT_SIZE · E_STATEMENT_FORMAT (not format 2)
 */
FOTA_MUST_CHECK
enum fota_err release_parse(const uint8_t *text, size_t n_bytes, struct statement *out);

/**
 * What the target needs: the values of one slot, after checking that the release is for this hardware.
 * The caller has verified the signature, and compares counter and size with its own limits.
 *
 * @param s     from release_parse()
 * @param slot  0 A, 1 B
 * @param hw    this board's hardware id, NUL-terminated
 * @return FOTA_OK · E_STATEMENT_PRODUCT · E_STATEMENT_SYNTAX; out is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err release_slot_read(const struct statement *s, unsigned slot, const char *hw,
                                struct release_slot *out);

/**
 * All values, each checked for its range.
 *
 * @return FOTA_OK · E_STATEMENT_SYNTAX; out is undefined on failure
 */
FOTA_MUST_CHECK
enum fota_err release_read(const struct statement *s, struct release *out);

/**
 * What a statement says of an image: size, digest of the file, and image hash. `blob` is left alone.
 *
 * @param bytes  the image as it stands in the slot; its signature is not looked at
 * @return FOTA_OK · as image_parse(); then `hash` is zero and the rest is filled in
 */
enum fota_err release_image_describe(const uint8_t *bytes, uint32_t n_bytes, struct release_image *out);

/**
 * Write the text of a release up to where the signatures go; statement_put_sig() (statement_write.h) follows.
 *
 * @param out      at least STATEMENT_RELEASE_MAX_BYTES
 * @param n_bytes  bytes written, no NUL
 * @return FOTA_OK · E_STATEMENT_SIZE (does not leave room for one signature) · E_ARG (a value that
 *         release_read would refuse)
 */
FOTA_MUST_CHECK
enum fota_err release_print(const struct release *r, char *out, size_t *n_bytes);

#endif
