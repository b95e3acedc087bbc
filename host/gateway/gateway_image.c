#include "gateway/gateway_image.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

/* Fields of MCUboot's header that are needed before the TLVs arrive (docs/spec/image.md). */
enum { HDR_PROT_TLV_BYTES = 10, HDR_IMG_BYTES = 12, VECTORS_BYTES = 8 };

void gateway_image_init(struct gateway_image *image, uint32_t total_bytes)
{
    memset(image, 0, sizeof *image);
    image->total_bytes = total_bytes;
    crypto_sha256_init(&image->hash);
}

/* The header area is complete: where are the TLVs, and what does the signature cover? */
static enum fota_err read_header(struct gateway_image *image)
{
    uint32_t magic = bytes_load_le32(image->bytes);
    if (magic != (uint32_t)IMAGE_MAGIC) {
        return E_IMAGE_MAGIC;
    }
    uint32_t img_bytes = bytes_load_le32(image->bytes + HDR_IMG_BYTES);
    if (img_bytes < VECTORS_BYTES || img_bytes > image->total_bytes - IMAGE_HEADER_AREA_BYTES) {
        return E_IMAGE_SIZE;
    }
    image->tail_off = IMAGE_HEADER_AREA_BYTES + img_bytes;
    image->signed_bytes = image->tail_off + bytes_load_le16(image->bytes + HDR_PROT_TLV_BYTES);
    return image->signed_bytes > image->total_bytes ? E_IMAGE_TLV : FOTA_OK;
}

/* Most bytes from `off` on that lie on one side of every border. */
static uint32_t run_bytes(const struct gateway_image *image, uint32_t n_bytes)
{
    const uint32_t borders[] = {GATEWAY_IMAGE_HEAD_BYTES, image->tail_off, image->signed_bytes};
    uint32_t n = n_bytes;
    for (unsigned i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        if (borders[i] > image->off && borders[i] - image->off < n) {
            n = borders[i] - image->off;
        }
    }
    return n;
}

static void keep(struct gateway_image *image, const uint8_t *bytes, uint32_t n_bytes)
{
    if (image->off < GATEWAY_IMAGE_HEAD_BYTES) {
        memcpy(image->bytes + image->off, bytes, n_bytes);
    } else if (image->off >= image->tail_off) {
        uint32_t room = GATEWAY_IMAGE_TAIL_BYTES - image->n_tail_bytes;
        uint32_t n = n_bytes < room ? n_bytes : room;
        memcpy(image->bytes + GATEWAY_IMAGE_HEAD_BYTES + image->n_tail_bytes, bytes, n);
        image->n_tail_bytes += n;
    }
}

enum fota_err gateway_image_take(struct gateway_image *image, const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes > image->total_bytes - image->off) {
        return E_IMAGE_TRAILING;
    }
    uint32_t left = (uint32_t)n_bytes;
    while (left > 0) {
        uint32_t n = run_bytes(image, left);
        keep(image, bytes, n);
        crypto_sha256_update(&image->hash, bytes, n);
        bytes += n;
        left -= n;
        image->off += n;
        if (image->off == GATEWAY_IMAGE_HEAD_BYTES) {
            image->form = read_header(image);
            if (image->form) {
                image->tail_off = UINT32_MAX;
                image->signed_bytes = UINT32_MAX;
            }
        }
        if (image->off == image->signed_bytes) {
            crypto_sha256_final(&image->hash, image->signed_sha256);
        }
    }
    return FOTA_OK;
}

/* May the image end a key, if it says so? Only one of the next key may, and only the active key. */
static enum fota_err check_revokes(const struct gateway_image *image, const struct image *parts,
                                   const struct image_policy *policy, unsigned signer)
{
    uint8_t active[CRYPTO_SHA256_BYTES];
    const uint8_t *key = policy->revoked_key ? policy->revoked_key : policy->keys[IMAGE_KEY_ACTIVE];
    if (parts->revokes_off == 0) {
        return FOTA_OK;
    }
    if (signer != IMAGE_KEY_NEXT || !key) {
        return E_IMAGE_REVOKES;
    }
    image_keyhash(key, active);
    return memcmp(active, image->bytes + parts->revokes_off, sizeof active) == 0 ? FOTA_OK : E_IMAGE_REVOKES;
}

static bool is_signed_by(const struct gateway_image *image, const struct image *parts, const uint8_t *key)
{
    uint8_t keyhash[CRYPTO_SHA256_BYTES];
    if (!key) {
        return false;
    }
    image_keyhash(key, keyhash);
    return memcmp(keyhash, image->bytes + parts->keyhash_off, sizeof keyhash) == 0;
}

/* Hash, signature and what it may end, as the bootloader checks them. */
static enum fota_err authenticate(const struct gateway_image *image, const struct image *parts,
                                  const struct image_policy *policy)
{
    const uint8_t *bytes = image->bytes;
    if (memcmp(image->signed_sha256, bytes + parts->hash_off, CRYPTO_SHA256_BYTES) != 0) {
        return E_IMAGE_HASH;
    }
    for (unsigned i = 0; i < IMAGE_KEYS; i++) {
        if (is_signed_by(image, parts, policy->keys[i])) {
            bool is_good =
                crypto_p256_verify(policy->keys[i], image->signed_sha256, bytes + parts->signature_off,
                                   parts->signature_bytes) == CRYPTO_ACCEPT;
            return is_good ? check_revokes(image, parts, policy, i) : E_IMAGE_SIGNATURE;
        }
    }
    return is_signed_by(image, parts, policy->revoked_key) ? E_IMAGE_REVOKED : E_IMAGE_KEY;
}

/*
 * Find the TLVs with the bootloader's own parser: what was kept is a valid image of the same header with a
 * payload of two words, once its size field says so.
 */
static enum fota_err parse(struct gateway_image *image, struct image *parts)
{
    uint8_t *size_field = image->bytes + HDR_IMG_BYTES;
    uint32_t img_bytes = bytes_load_le32(size_field);
    bytes_store_le32(size_field, VECTORS_BYTES);
    enum fota_err err = image_parse(image->bytes, GATEWAY_IMAGE_HEAD_BYTES + image->n_tail_bytes, parts);
    bytes_store_le32(size_field, img_bytes);
    if (err) {
        return err;
    }
    parts->img_bytes = img_bytes;
    parts->total_bytes += img_bytes - VECTORS_BYTES;
    return FOTA_OK;
}

enum fota_err gateway_image_finish(struct gateway_image *image, const struct image_policy *policy,
                                   const uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    struct image parts;
    if (image->off != image->total_bytes) {
        return E_UPDATE_DAMAGED;
    }
    crypto_sha256_final(&image->hash, image->file_sha256);
    if (memcmp(image->file_sha256, sha256, sizeof image->file_sha256) != 0) {
        return E_UPDATE_DAMAGED;
    }
    if (image->form || image->total_bytes < GATEWAY_IMAGE_HEAD_BYTES) {
        return image->form ? image->form : E_IMAGE_SIZE;
    }
    enum fota_err err = parse(image, &parts);
    if (err) {
        return err;
    }
    if (parts.total_bytes != image->total_bytes) {
        return E_IMAGE_TRAILING;
    }
    err = authenticate(image, &parts, policy);
    return err ? err : image_check_fit(image->bytes, policy, &parts);
}
