/**
 * Check an image as it streams by, without keeping it: what the bootloader will check, before anything is
 * erased. Pure; only the head, the TLVs and two hashes are kept.
 *
 * The digest comes first: bytes that are not those of the statement say nothing about the release, whatever is
 * wrong with them. So nothing ends the check early, but more bytes than the statement knows.
 */
#ifndef GATEWAY_GATEWAY_IMAGE_H
#define GATEWAY_GATEWAY_IMAGE_H

#include "format/image.h"

enum {
    /* header area and the first two vectors, then the TLVs */
    GATEWAY_IMAGE_HEAD_BYTES = IMAGE_HEADER_AREA_BYTES + 8,
    GATEWAY_IMAGE_TAIL_BYTES = 256
};

/** A check under way. Treat as opaque, but for `off`. */
struct gateway_image {
    uint32_t off;         /* bytes seen: where to go on after a cut */
    uint32_t total_bytes; /* as the release statement says */
    uint32_t tail_off;    /* where the protected TLVs begin, 0 until the header was seen */
    uint32_t signed_bytes;
    uint32_t n_tail_bytes;
    enum fota_err form; /* what is wrong with the header; counts only if the digest is right */
    struct crypto_sha256 hash;
    uint8_t file_sha256[CRYPTO_SHA256_BYTES]; /* after gateway_image_finish: of all bytes */
    uint8_t signed_sha256[CRYPTO_SHA256_BYTES];
    uint8_t bytes[GATEWAY_IMAGE_HEAD_BYTES + GATEWAY_IMAGE_TAIL_BYTES];
};

/** @param total_bytes  size by the release statement, 1..what the slot holds */
void gateway_image_init(struct gateway_image *image, uint32_t total_bytes);

/**
 * The next bytes of the file, in order.
 * @return FOTA_OK · E_IMAGE_TRAILING (more than total_bytes: these are other bytes)
 */
FOTA_MUST_CHECK
enum fota_err gateway_image_take(struct gateway_image *image, const uint8_t *bytes, size_t n_bytes);

/**
 * All bytes were seen: is this the image of the statement, and will the bootloader take it?
 *
 * @param policy  slot, floor, hardware and release keys
 * @param sha256  of the whole file by the release statement
 * @return FOTA_OK · E_UPDATE_DAMAGED (bytes are missing, or they are not those of the statement: see
 * file_sha256) · what is wrong with the very bytes that the statement names: E_IMAGE_SIZE · E_IMAGE_TRAILING ·
 * E_IMAGE_MAGIC · E_IMAGE_HEADER · E_IMAGE_TLV · E_IMAGE_UNSIGNED · E_IMAGE_HASH · E_IMAGE_KEY ·
 * E_IMAGE_SIGNATURE · E_IMAGE_SLOT · E_IMAGE_HARDWARE · E_IMAGE_COUNTER · E_IMAGE_VECTORS · E_IMAGE_REVOKED ·
 * E_IMAGE_REVOKES
 */
FOTA_MUST_CHECK
enum fota_err gateway_image_finish(struct gateway_image *image, const struct image_policy *policy,
                                   const uint8_t sha256[CRYPTO_SHA256_BYTES]);

#endif
