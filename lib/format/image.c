#include "format/image.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_chip.h"

_Static_assert(IMAGE_HEADER_AREA_BYTES == FLASH_IMAGE_HEADER_AREA_BYTES, "linker scripts leave this room");

/* Header fields by offset (MCUboot, struct image_header). */
enum {
    HDR_MAGIC = 0,
    HDR_LOAD_ADDR = 4,
    HDR_HDR_BYTES = 8,
    HDR_PROT_TLV_BYTES = 10,
    HDR_IMG_BYTES = 12,
    HDR_FLAGS = 16,
    HDR_MAJOR = 20,
    HDR_MINOR = 21,
    HDR_REVISION = 22,
    HDR_BUILD = 24,
    TLV_INFO_BYTES = 4,
    TLV_HEADER_BYTES = 4,
    VECTORS_BYTES = 8, /* initial stack pointer and reset handler: what the jump needs */
    SPKI_PREFIX_BYTES = 26
};

/* A TLV area being read. */
struct area {
    const uint8_t *bytes; /* of the image */
    uint32_t at;
    uint32_t end;
};

/* Enter the TLV area at `at`. */
static enum fota_err enter_area(struct area *area, uint32_t magic, uint32_t limit_bytes)
{
    const uint8_t *info = area->bytes + area->at;
    /* The limit is the end of the slot or of the file. All comparisons subtract what is known to be
     * smaller, so that no sum of untrusted numbers can wrap round. */
    if (limit_bytes - area->at < TLV_INFO_BYTES) {
        return E_IMAGE_SIZE;
    }
    uint32_t area_bytes = bytes_load_le16(info + 2);
    if (bytes_load_le16(info) == 0xFFFF) {
        return E_IMAGE_SIZE; /* erased flash where the TLVs should be: the image was cut short */
    }
    if (bytes_load_le16(info) != magic || area_bytes < TLV_INFO_BYTES) {
        return E_IMAGE_TLV;
    }
    if (area_bytes > limit_bytes - area->at) {
        return E_IMAGE_SIZE;
    }
    area->end = area->at + area_bytes;
    area->at += TLV_INFO_BYTES;
    return FOTA_OK;
}

/* Where struct image has the offset of the TLV's value: 0 while it was not met. */
#define FIELD(name) (uint8_t)(offsetof(struct image, name) / sizeof(uint32_t))

/* The TLVs that an image may have. Within an area the ranks must not fall, which is the order that imgtool
 * writes; TLVs of the vendor range share one rank. A fixed order leaves one way to lay
 * out an image, which keeps this parser small. */
enum { RANK_COUNTER = 1, RANK_VENDOR, RANK_HASH, RANK_KEYHASH, RANK_SIGNATURE };

static const struct known_tlv {
    uint8_t type;
    uint8_t min_bytes;
    uint8_t max_bytes;
    uint8_t rank;
    uint8_t field;
} KNOWN[] = {
    {IMAGE_TLV_SEC_CNT, 4, 4, RANK_COUNTER, FIELD(security_counter)},
    {IMAGE_TLV_HW_ID, 1, IMAGE_HW_ID_MAX_BYTES, RANK_VENDOR, FIELD(hw_id_off)},
    {IMAGE_TLV_RUN_FLAGS, 1, 1, RANK_VENDOR, FIELD(run_flags)},
    {IMAGE_TLV_REVOKES, CRYPTO_SHA256_BYTES, CRYPTO_SHA256_BYTES, RANK_VENDOR, FIELD(revokes_off)},
    {IMAGE_TLV_SHA256, CRYPTO_SHA256_BYTES, CRYPTO_SHA256_BYTES, RANK_HASH, FIELD(hash_off)},
    {IMAGE_TLV_KEYHASH, CRYPTO_SHA256_BYTES, CRYPTO_SHA256_BYTES, RANK_KEYHASH, FIELD(keyhash_off)},
    {IMAGE_TLV_ECDSA_SIG, CRYPTO_SIGNATURE_MIN_BYTES, CRYPTO_SIGNATURE_MAX_BYTES, RANK_SIGNATURE,
     FIELD(signature_off)},
};

/* Take the TLV at area->at. One that we do not know was made for a later version of this code; anything else
 * that is not as it should be is malformed, repeated or out of place. */
static enum fota_err take_tlv(struct area *area, uint32_t *rank, uint32_t last_rank, struct image *image)
{
    const uint8_t *tlv = area->bytes + area->at;
    uint32_t left = area->end - area->at;
    if (left < TLV_HEADER_BYTES || bytes_load_le16(tlv + 2) > left - TLV_HEADER_BYTES) {
        return E_IMAGE_TLV;
    }
    uint32_t n_bytes = bytes_load_le16(tlv + 2);
    for (const struct known_tlv *known = KNOWN; known < KNOWN + sizeof KNOWN / sizeof KNOWN[0]; known++) {
        if (known->type != bytes_load_le16(tlv)) {
            continue;
        }
        /* All fields that the table names are 32 bits wide. One that is not 0 was met before: the same TLV
         * twice. */
        uint32_t *value_off = (uint32_t *)image + known->field;
        if (known->rank < *rank || known->rank > last_rank || *value_off != 0 || n_bytes < known->min_bytes ||
            n_bytes > known->max_bytes) {
            return E_IMAGE_TLV;
        }
        *rank = known->rank;
        *value_off = area->at + TLV_HEADER_BYTES;
        area->at = *value_off + n_bytes;
        return FOTA_OK;
    }
    return E_IMAGE_TLV_UNKNOWN;
}

/* Read the area at area->at, whose TLVs are of these ranks, to its end. Ends exactly at the area's end: a
 * TLV that reaches over it is malformed, and so are bytes that are left. */
static enum fota_err read_area(struct area *area, uint32_t magic, uint32_t limit_bytes, uint32_t rank,
                               uint32_t last_rank, struct image *image)
{
    enum fota_err err = enter_area(area, magic, limit_bytes);
    while (err == FOTA_OK && area->at != area->end) {
        err = take_tlv(area, &rank, last_rank, image);
    }
    return err;
}

/* Length of the TLV whose value is at `value_off`: its last two header bytes, which are right before the
 * value. */
static uint32_t value_bytes(const uint8_t *bytes, uint32_t value_off)
{
    return bytes_load_le16(bytes + value_off - 2);
}

/* The header's numbers are untrusted. Each is compared with the limit before it is used as an offset, and
 * by a subtraction that cannot wrap round. A blank slot is told apart from a damaged one, because it is
 * normal. */
static enum fota_err check_header(const uint8_t *bytes, uint32_t limit_bytes)
{
    if (limit_bytes < IMAGE_HEADER_AREA_BYTES + VECTORS_BYTES) {
        return E_IMAGE_SIZE;
    }
    uint32_t magic = bytes_load_le32(bytes + HDR_MAGIC);
    if (magic != (uint32_t)IMAGE_MAGIC) {
        return magic == 0xFFFFFFFF ? E_IMAGE_BLANK : E_IMAGE_MAGIC;
    }
    if (bytes_load_le16(bytes + HDR_HDR_BYTES) != IMAGE_HEADER_AREA_BYTES ||
        bytes_load_le32(bytes + HDR_FLAGS) != IMAGE_FLAG_ROM_FIXED) {
        return E_IMAGE_HEADER;
    }
    uint32_t img_bytes = bytes_load_le32(bytes + HDR_IMG_BYTES);
    if (img_bytes < VECTORS_BYTES || img_bytes > limit_bytes - IMAGE_HEADER_AREA_BYTES) {
        return E_IMAGE_SIZE;
    }
    return FOTA_OK;
}

/* Protected TLVs: the security counter, as imgtool writes it first, and ours. */
static enum fota_err parse_protected(struct area *area, uint32_t limit_bytes, struct image *image)
{
    const uint8_t *bytes = area->bytes;
    uint32_t start = area->at;
    enum fota_err err =
        read_area(area, IMAGE_TLV_PROT_INFO_MAGIC, limit_bytes, RANK_COUNTER, RANK_VENDOR, image);
    if (err) {
        return err;
    }
    /* The signature covers header, program and this area (docs/spec/image.md). */
    image->signed_bytes = area->end;
    /* take_tlv left offsets in these two fields; they become the values. Flags that this code does not
     * know are refused: they may ask for something that this root cannot do. */
    image->run_flags = image->run_flags == 0 ? 0 : bytes[image->run_flags];
    if (image->security_counter == 0 || image->hw_id_off == 0 ||
        (image->run_flags & ~(uint32_t)IMAGE_RUN_WATCHDOG) != 0 ||
        area->end - start != bytes_load_le16(bytes + HDR_PROT_TLV_BYTES)) {
        return E_IMAGE_TLV;
    }
    image->security_counter = bytes_load_le32(bytes + image->security_counter);
    image->hw_id_bytes = value_bytes(bytes, image->hw_id_off);
    return FOTA_OK;
}

/* The other TLVs. Nothing signs these TLVs, and nothing that they say is believed: they tell which key and
 * which signature to try. */
static enum fota_err parse_unprotected(struct area *area, uint32_t limit_bytes, struct image *image)
{
    enum fota_err err = read_area(area, IMAGE_TLV_INFO_MAGIC, limit_bytes, RANK_HASH, RANK_SIGNATURE, image);
    if (err) {
        return err;
    }
    image->total_bytes = area->end;
    if (image->hash_off == 0) {
        return E_IMAGE_TLV;
    }
    if (image->keyhash_off == 0 || image->signature_off == 0) {
        return E_IMAGE_UNSIGNED;
    }
    image->signature_bytes = value_bytes(area->bytes, image->signature_off);
    return FOTA_OK;
}

enum fota_err image_parse(const uint8_t *bytes, uint32_t limit_bytes, struct image *out)
{
    enum fota_err err = check_header(bytes, limit_bytes);
    if (err) {
        return err;
    }
    memset(out, 0, sizeof *out);
    out->load_addr = bytes_load_le32(bytes + HDR_LOAD_ADDR);
    out->img_bytes = bytes_load_le32(bytes + HDR_IMG_BYTES);
    out->version_packed = (uint32_t)bytes[HDR_MAJOR] << 24 | (uint32_t)bytes[HDR_MINOR] << 16 |
                          bytes_load_le16(bytes + HDR_REVISION);
    out->version_build = bytes_load_le32(bytes + HDR_BUILD);
    struct area area = {bytes, IMAGE_HEADER_AREA_BYTES + out->img_bytes, 0};
    err = parse_protected(&area, limit_bytes, out);
    return err ? err : parse_unprotected(&area, limit_bytes, out);
}

/* As imgtool computes it: over the whole SubjectPublicKeyInfo, whose beginning is the same for all keys of
 * this curve. */
void image_keyhash(const uint8_t point[CRYPTO_POINT_BYTES], uint8_t out[CRYPTO_SHA256_BYTES])
{
    /* RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }, up to the point. */
    static const uint8_t PREFIX[SPKI_PREFIX_BYTES] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                                      0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                      0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, PREFIX, sizeof PREFIX);
    crypto_sha256_update(&ctx, point, CRYPTO_POINT_BYTES);
    crypto_sha256_final(&ctx, out);
}

/* Is this key's hash what stands at `keyhash`? */
static bool is_key(const uint8_t *key, const uint8_t *keyhash)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    if (!key) {
        return false;
    }
    image_keyhash(key, hash);
    return memcmp(hash, keyhash, sizeof hash) == 0;
}

/* Which key the image names. It only chooses among our keys and is not trusted: the signature must then
 * verify with that key. Returns the index into policy->keys, IMAGE_KEYS if none of them. */
static uint32_t find_key(const uint8_t *bytes, const struct image_policy *policy, const struct image *image)
{
    uint32_t i = 0;
    while (i < IMAGE_KEYS && !is_key(policy->keys[i], bytes + image->keyhash_off)) {
        i++;
    }
    return i;
}

/*
 * Two hashes in one pass: the image hash ends with the signed part, the file digest goes on to the last byte.
 *
 * An update has usually hashed most of the bytes already, while it programmed them (session.c); only the rest
 * is read. If it hashed more than the signed part, that hash is of no use, and everything is read.
 */
static void hash_image(const uint8_t *bytes, const struct image_policy *policy, struct image_result *out)
{
    const struct image *image = &out->image;
    if (crypto_sha256_length(policy->hash) > image->signed_bytes) {
        crypto_sha256_init(policy->hash);
    }
    uint32_t done_bytes = crypto_sha256_length(policy->hash);
    crypto_sha256_update(policy->hash, bytes + done_bytes, image->signed_bytes - done_bytes);
    /* final leaves the hash as it was, so the file digest goes on from here. */
    crypto_sha256_final(policy->hash, out->image_hash);
    crypto_sha256_update(policy->hash, bytes + image->signed_bytes, image->total_bytes - image->signed_bytes);
    crypto_sha256_final(policy->hash, out->file_sha256);
}

/* Hash and signature; nothing else of the image has been believed before. */
static enum fota_err authenticate(const uint8_t *bytes, const struct image_policy *policy,
                                  struct image_result *out)
{
    const struct image *image = &out->image;
    hash_image(bytes, policy, out);
    if (memcmp(out->image_hash, bytes + image->hash_off, sizeof out->image_hash) != 0) {
        return E_IMAGE_HASH;
    }
    out->key_index = find_key(bytes, policy, image);
    if (out->key_index >= IMAGE_KEYS) {
        return is_key(policy->revoked_key, bytes + image->keyhash_off) ? E_IMAGE_REVOKED : E_IMAGE_KEY;
    }
    /* Over the hash that was computed, not over the one that is written in the image: this alone refuses
     * other bytes, should the comparison above have been skipped. */
    out->verdict = crypto_p256_verify(policy->keys[out->key_index], out->image_hash,
                                      bytes + image->signature_off, image->signature_bytes);
    return out->verdict == CRYPTO_ACCEPT ? FOTA_OK : E_IMAGE_SIGNATURE;
}

/* An image that ends a key: only one of the next key may, and only the active key, ended before or not. */
static enum fota_err check_revokes(const uint8_t *bytes, const struct image_policy *policy,
                                   const struct image_result *result)
{
    const uint8_t *active = policy->keys[IMAGE_KEY_ACTIVE];
    if (result->image.revokes_off == 0) {
        return FOTA_OK;
    }
    active = !active ? policy->revoked_key : active;
    bool may_revoke =
        result->key_index == IMAGE_KEY_NEXT && is_key(active, bytes + result->image.revokes_off);
    return may_revoke ? FOTA_OK : E_IMAGE_REVOKES;
}

/* The hardware id must be equal to ours in full: a prefix of it names another board. */
static bool is_text(const uint8_t *bytes, uint32_t n_bytes, const char *text)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        if (text[i] == '\0' || bytes[i] != (uint8_t)text[i]) {
            return false;
        }
    }
    return text[n_bytes] == '\0';
}

/* The two words that the core takes from an image before its first instruction: the initial stack must be in
 * RAM or CCM and 8-aligned (AAPCS 6.2.1.2), the reset handler must be Thumb code of this image. An image that
 * was signed but linked for something else would fault at once; refusing it keeps the other one running. */
static bool are_vectors_sane(const uint8_t *vectors, const struct image_policy *policy, uint32_t img_bytes)
{
    uint32_t stack = bytes_load_le32(vectors);
    uint32_t entry_off = bytes_load_le32(vectors + 4) - 1 - (policy->base + IMAGE_HEADER_AREA_BYTES);
    bool is_stack_in_ram =
        stack - RAM_BASE - 1 < policy->ram_bytes || stack - CCM_BASE - 1 < policy->ccm_bytes;
    return is_stack_in_ram && stack % 8 == 0 && entry_off % 2 == 0 && entry_off < img_bytes;
}

/* image_verify asks this after the signature, so these errors are told only of images that are ours. */
enum fota_err image_check_fit(const uint8_t *bytes, const struct image_policy *policy,
                              const struct image *image)
{
    if (image->load_addr != policy->base) {
        return E_IMAGE_SLOT;
    }
    if (!is_text(bytes + image->hw_id_off, image->hw_id_bytes, policy->hw_id)) {
        return E_IMAGE_HARDWARE;
    }
    if (image->security_counter < policy->security_floor) {
        return E_IMAGE_COUNTER;
    }
    const uint8_t *vectors = bytes + IMAGE_HEADER_AREA_BYTES;
    if (!are_vectors_sane(vectors, policy, image->img_bytes)) {
        return E_IMAGE_VECTORS;
    }
    return FOTA_OK;
}

/* REJECT stands in the result before anything is read, so that leaving at any point leaves a rejected
 * image. */
enum fota_err image_verify(const uint8_t *bytes, uint32_t limit_bytes, const struct image_policy *policy,
                           struct image_result *out)
{
    out->verdict = CRYPTO_REJECT;
    enum fota_err err = image_parse(bytes, limit_bytes, &out->image);
    if (err) {
        return err;
    }
    err = authenticate(bytes, policy, out);
    if (err == FOTA_OK) {
        err = check_revokes(bytes, policy, out);
    }
    if (err == FOTA_OK) {
        err = image_check_fit(bytes, policy, &out->image);
    }
    /* Each verdict is looked at twice, here and by the caller, in two encodings: one skipped branch is not
     * enough. */
    if (err) {
        out->verdict = CRYPTO_REJECT;
    }
    return err;
}

/* The second opinion right before the jump (bootloader/main.c). It does not hash again, which would take far
 * longer than the check of the signature: that the hash is the one of the bytes was found by the first
 * look. */
enum crypto_verdict image_verify_again(const uint8_t *bytes, const struct image_policy *policy,
                                       const struct image *image)
{
    uint32_t key = find_key(bytes, policy, image);
    if (key >= IMAGE_KEYS || image_check_fit(bytes, policy, image) != FOTA_OK) {
        return CRYPTO_REJECT;
    }
    return crypto_p256_verify(policy->keys[key], bytes + image->hash_off, bytes + image->signature_off,
                              image->signature_bytes);
}

/* Bytes after the image are covered by no signature, so they must be blank: code in the image could be
 * made to jump there. */
enum fota_err image_check_trailing(const uint8_t *bytes, uint32_t total_bytes, uint32_t limit_bytes)
{
    if (total_bytes > limit_bytes || !bytes_all_equal(bytes + total_bytes, limit_bytes - total_bytes, 0xFF)) {
        return E_IMAGE_TRAILING;
    }
    return FOTA_OK;
}

enum fota_err image_verify_slot(const uint8_t *slot, const struct image_policy *policy,
                                struct image_result *out)
{
    enum fota_err err = image_verify(slot, policy->slot_bytes, policy, out);
    if (err) {
        return err;
    }
    err = image_check_trailing(slot, out->image.total_bytes, policy->slot_bytes);
    if (err) {
        out->verdict = CRYPTO_REJECT;
    }
    return err;
}
