#include "format/image.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"

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

/* The five TLVs an image must have, each once; indexes into struct spots. */
enum {
    SPOT_SEC_CNT,
    SPOT_HW_ID,
    SPOT_HASH,
    SPOT_KEYHASH,
    SPOT_SIGNATURE,
    SPOTS,
    SPOTS_PROTECTED = SPOT_HASH
};

struct tlv_rule {
    uint8_t type;
    uint8_t min_bytes;
    uint8_t max_bytes;
};

static const struct tlv_rule RULES[SPOTS] = {
    [SPOT_SEC_CNT] = {IMAGE_TLV_SEC_CNT, 4, 4},
    [SPOT_HW_ID] = {IMAGE_TLV_HW_ID, 1, IMAGE_HW_ID_MAX_BYTES},
    [SPOT_HASH] = {IMAGE_TLV_SHA256, CRYPTO_SHA256_BYTES, CRYPTO_SHA256_BYTES},
    [SPOT_KEYHASH] = {IMAGE_TLV_KEYHASH, CRYPTO_SHA256_BYTES, CRYPTO_SHA256_BYTES},
    [SPOT_SIGNATURE] = {IMAGE_TLV_ECDSA_SIG, CRYPTO_SIGNATURE_MIN_BYTES, CRYPTO_SIGNATURE_MAX_BYTES},
};

struct spot {
    uint32_t off; /* 0: not there */
    uint32_t n_bytes;
};

/* Note one TLV if it is one of rules first..last-1, of allowed length, and not there yet. */
static bool note_tlv(const uint8_t *tlv, uint32_t off, uint32_t first, uint32_t last,
                     struct spot spots[SPOTS])
{
    uint32_t type = bytes_load_le16(tlv);
    uint32_t n_bytes = bytes_load_le16(tlv + 2);
    for (uint32_t i = first; i < last; i++) {
        if (type == RULES[i].type) {
            if (spots[i].off != 0 || n_bytes < RULES[i].min_bytes || n_bytes > RULES[i].max_bytes) {
                return false;
            }
            spots[i] = (struct spot){off + TLV_HEADER_BYTES, n_bytes};
            return true;
        }
    }
    return false;
}

/* Walk one TLV area at *off; on success *off is behind it. Rules below SPOTS_PROTECTED belong to the
 * protected area. */
static enum fota_err walk_area(const uint8_t *bytes, uint32_t limit_bytes, bool is_protected,
                               struct spot spots[SPOTS], uint32_t *off)
{
    uint32_t at = *off;
    if (limit_bytes - at < TLV_INFO_BYTES) {
        return E_IMAGE_SIZE;
    }
    uint32_t magic = bytes_load_le16(bytes + at);
    uint32_t area_bytes = bytes_load_le16(bytes + at + 2);
    if (magic == 0xFFFF) {
        return E_IMAGE_SIZE; /* erased flash where the TLVs should be: the image was cut short */
    }
    if (magic != (is_protected ? (uint32_t)IMAGE_TLV_PROT_INFO_MAGIC : (uint32_t)IMAGE_TLV_INFO_MAGIC) ||
        area_bytes < TLV_INFO_BYTES) {
        return E_IMAGE_TLV;
    }
    if (area_bytes > limit_bytes - at) {
        return E_IMAGE_SIZE;
    }
    uint32_t end = at + area_bytes;
    at += TLV_INFO_BYTES;
    while (at != end) {
        /* A TLV that reaches over the area's end would be read in part from outside it. */
        if (end - at < TLV_HEADER_BYTES || end - at - TLV_HEADER_BYTES < bytes_load_le16(bytes + at + 2) ||
            !note_tlv(bytes + at, at, is_protected ? 0 : SPOTS_PROTECTED,
                      is_protected ? SPOTS_PROTECTED : SPOTS, spots)) {
            return E_IMAGE_TLV;
        }
        at += TLV_HEADER_BYTES + bytes_load_le16(bytes + at + 2);
    }
    *off = end;
    return FOTA_OK;
}

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

enum fota_err image_parse(const uint8_t *bytes, uint32_t limit_bytes, struct image *out)
{
    enum fota_err err = check_header(bytes, limit_bytes);
    if (err) {
        return err;
    }
    struct spot spots[SPOTS] = {{0, 0}};
    uint32_t img_bytes = bytes_load_le32(bytes + HDR_IMG_BYTES);
    uint32_t prot_off = IMAGE_HEADER_AREA_BYTES + img_bytes;
    uint32_t end = prot_off;
    err = walk_area(bytes, limit_bytes, true, spots, &end);
    if (err) {
        return err;
    }
    uint32_t signed_bytes = end;
    if (signed_bytes - prot_off != bytes_load_le16(bytes + HDR_PROT_TLV_BYTES)) {
        return E_IMAGE_TLV;
    }
    err = walk_area(bytes, limit_bytes, false, spots, &end);
    if (err) {
        return err;
    }
    for (uint32_t i = 0; i < SPOTS; i++) {
        if (spots[i].off == 0) {
            return i < SPOT_KEYHASH ? E_IMAGE_TLV : E_IMAGE_UNSIGNED;
        }
    }
    *out = (struct image){
        .load_addr = bytes_load_le32(bytes + HDR_LOAD_ADDR),
        .img_bytes = img_bytes,
        .signed_bytes = signed_bytes,
        .total_bytes = end,
        .security_counter = bytes_load_le32(bytes + spots[SPOT_SEC_CNT].off),
        .version_packed = (uint32_t)bytes[HDR_MAJOR] << 24 | (uint32_t)bytes[HDR_MINOR] << 16 |
                          bytes_load_le16(bytes + HDR_REVISION),
        .version_build = bytes_load_le32(bytes + HDR_BUILD),
        .hw_id_off = spots[SPOT_HW_ID].off,
        .hw_id_bytes = spots[SPOT_HW_ID].n_bytes,
        .hash_off = spots[SPOT_HASH].off,
        .keyhash_off = spots[SPOT_KEYHASH].off,
        .signature_off = spots[SPOT_SIGNATURE].off,
        .signature_bytes = spots[SPOT_SIGNATURE].n_bytes,
    };
    return FOTA_OK;
}

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

/* Hash and signature; nothing else of the image has been believed before. */
static enum fota_err authenticate(const uint8_t *bytes, const struct image_policy *policy,
                                  struct image_result *out)
{
    const struct image *image = &out->image;
    struct crypto_sha256 ctx;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, image->signed_bytes);
    crypto_sha256_final(&ctx, hash);
    crypto_sha256_update(&ctx, bytes + image->signed_bytes, image->total_bytes - image->signed_bytes);
    crypto_sha256_final(&ctx, out->file_sha256);
    if (memcmp(hash, bytes + image->hash_off, sizeof hash) != 0) {
        return E_IMAGE_HASH;
    }
    for (uint32_t i = 0; i < IMAGE_KEYS; i++) {
        const uint8_t *key = policy->keys[i];
        uint8_t keyhash[CRYPTO_SHA256_BYTES];
        if (key == NULL) {
            continue;
        }
        image_keyhash(key, keyhash);
        if (memcmp(keyhash, bytes + image->keyhash_off, sizeof keyhash) == 0) {
            out->verdict =
                crypto_p256_verify(key, hash, bytes + image->signature_off, image->signature_bytes);
            return out->verdict == CRYPTO_ACCEPT ? FOTA_OK : E_IMAGE_SIGNATURE;
        }
    }
    return E_IMAGE_KEY;
}

static bool is_text(const uint8_t *bytes, uint32_t n_bytes, const char *text)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        if (text[i] == '\0' || bytes[i] != (uint8_t)text[i]) {
            return false;
        }
    }
    return text[n_bytes] == '\0';
}

/* Initial stack in RAM or CCM and 8-aligned (AAPCS 6.2.1.2), reset handler in Thumb code of this image. */
static bool are_vectors_sane(const uint8_t *vectors, uint32_t code_addr, uint32_t img_bytes)
{
    uint32_t stack = bytes_load_le32(vectors);
    uint32_t entry_off = bytes_load_le32(vectors + 4) - 1 - code_addr;
    bool is_stack_in_ram = stack - RAM_BASE - 1 < RAM_BYTES || stack - CCM_BASE - 1 < CCM_BYTES;
    return is_stack_in_ram && stack % 8 == 0 && entry_off % 2 == 0 && entry_off < img_bytes;
}

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
    if (!are_vectors_sane(vectors, policy->base + IMAGE_HEADER_AREA_BYTES, image->img_bytes)) {
        return E_IMAGE_VECTORS;
    }
    return FOTA_OK;
}

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
        err = image_check_fit(bytes, policy, &out->image);
    }
    /* Each verdict is looked at twice, here and by the caller, in two encodings: one skipped branch is not
     * enough. */
    if (err) {
        out->verdict = CRYPTO_REJECT;
    }
    return err;
}

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
