/**
 * Images in MCUboot's format: read and verify (target and host), build (host: image_build.c). Bytes:
 * docs/spec/image.md.
 *
 *   +0      header, 32 bytes, little-endian, in an area of 0x200 bytes
 *   +0x200  vector table, code, data: img_bytes
 *           protected TLVs: security counter (0x50), then hardware id (0xA0), run flags (0xA1) and
 *           revokes (0xA2) in any order, the last two optional                      signed up to here
 *           TLVs: SHA-256 (0x10), key hash (0x01), ECDSA signature (0x22)
 *           0xFF to the end of the slot
 *
 * Until the signature has been verified, only what is needed to find hash and signature is used: magic,
 * sizes, TLV types. Whether the image is for this slot, board and security floor is decided from signed
 * bytes, afterwards.
 */
#ifndef FORMAT_IMAGE_H
#define FORMAT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/crypto.h"

enum {
    IMAGE_MAGIC = (int)0x96f3b83d,
    IMAGE_HEADER_BYTES = 32,
    IMAGE_HEADER_AREA_BYTES = 0x200,
    IMAGE_FLAG_ROM_FIXED = 0x100,
    IMAGE_TLV_INFO_MAGIC = 0x6907,
    IMAGE_TLV_PROT_INFO_MAGIC = 0x6908,
    IMAGE_TLV_KEYHASH = 0x01,
    IMAGE_TLV_SHA256 = 0x10,
    IMAGE_TLV_ECDSA_SIG = 0x22,
    IMAGE_TLV_SEC_CNT = 0x50,
    IMAGE_TLV_HW_ID = 0xA0, /* vendor range; `imgtool sign --custom-tlv 0x00a0 f407-disco` */
    IMAGE_TLV_RUN_FLAGS = 0xA1,
    IMAGE_TLV_REVOKES = 0xA2,
    IMAGE_RUN_WATCHDOG = 1, /* run flag: under the watchdog from reset on, when confirmed too */
    IMAGE_HW_ID_MAX_BYTES = 15,
    IMAGE_KEYS = 2,
    IMAGE_KEY_ACTIVE = 0,
    IMAGE_KEY_NEXT = 1,
    IMAGE_PROT_TLV_MAX_BYTES = 4 + 8 + 4 + IMAGE_HW_ID_MAX_BYTES + 5 + 4 + CRYPTO_SHA256_BYTES,
    IMAGE_TLV_MAX_BYTES = 4 + 36 + 36 + 4 + CRYPTO_SIGNATURE_MAX_BYTES,
    /* what image_build adds to the payload, at most */
    IMAGE_OVERHEAD_MAX_BYTES = IMAGE_HEADER_AREA_BYTES + IMAGE_PROT_TLV_MAX_BYTES + IMAGE_TLV_MAX_BYTES
};

/** Version as MCUboot's header holds it. */
struct image_version {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
};

/**
 * Where things are in an image. Offsets are from the image's first byte. Filled by image_parse from unsigned
 * bytes: believe load_addr, version, security_counter, hw_id, run_flags and revokes only after image_verify.
 */
struct image {
    uint32_t load_addr;
    uint32_t img_bytes;    /* payload after the header area */
    uint32_t signed_bytes; /* header area, payload and protected TLVs: what the hash covers */
    uint32_t total_bytes;  /* with all TLVs: the image file */
    uint32_t security_counter;
    uint32_t version_packed; /* major << 24 | minor << 16 | revision */
    uint32_t version_build;
    uint32_t hw_id_off;
    uint32_t hw_id_bytes; /* 1..15 */
    uint32_t run_flags;   /* IMAGE_RUN_*; 0 if the image says nothing */
    uint32_t revokes_off; /* 32 bytes: key hash of the key that this image ends; 0 none */
    uint32_t hash_off;    /* 32 bytes */
    uint32_t keyhash_off; /* 32 bytes */
    uint32_t signature_off;
    uint32_t signature_bytes; /* 8..72 */
};

/** What an image must satisfy here. */
struct image_policy {
    uint32_t base;                   /* bus address of the slot: ih_load_addr must equal it */
    uint32_t slot_bytes;             /* size of the slot */
    uint32_t ram_bytes;              /* SRAM of the board, where an initial stack may lie */
    uint32_t ccm_bytes;              /* and CCM; 0 none */
    uint32_t security_floor;         /* lowest security counter allowed */
    const char *hw_id;               /* this board, NUL-terminated */
    const uint8_t *keys[IMAGE_KEYS]; /* public points of CRYPTO_POINT_BYTES: active, next; NULL: none */
    const uint8_t *revoked_key;      /* point of the active key if it has been ended; keys[0] is NULL then */
    /* Memory for the hash, initialised. If it has bytes, they are the first ones of the slot, of a caller
     * that saw them go into flash and read back: they are not read again. Begins anew if it reaches beyond
     * what is signed. Afterwards it has the whole image. */
    struct crypto_sha256 *hash;
};

/** Result of image_verify beyond the error code. */
struct image_result {
    struct image image;
    uint32_t key_index; /* which of policy->keys signed it; meaningful if verdict is CRYPTO_ACCEPT */
    uint8_t image_hash[CRYPTO_SHA256_BYTES];  /* of the signed bytes: names the image in journal, INFO and
                                                 rejections, whatever its signature bytes are */
    uint8_t file_sha256[CRYPTO_SHA256_BYTES]; /* of all total_bytes: names the file in statements */
    enum crypto_verdict verdict; /* CRYPTO_ACCEPT only if everything passed; check it as well as the error */
};

/**
 * Find the parts of an image without trusting any of it.
 *
 * @param bytes  untrusted
 * @param limit_bytes  how many may be read (slot or file size)
 * @param out    undefined on failure
 * The TLVs must be there, each once, in the order that imgtool writes (those of the vendor range in any
 * order); run flags and revokes may be absent. E_IMAGE_TLV_UNKNOWN tells an image that carries more than this
 * code knows from a damaged one.
 * @return FOTA_OK · E_IMAGE_BLANK · E_IMAGE_MAGIC · E_IMAGE_HEADER · E_IMAGE_SIZE · E_IMAGE_TLV ·
 *         E_IMAGE_TLV_UNKNOWN · E_IMAGE_UNSIGNED
 */
FOTA_MUST_CHECK
enum fota_err image_parse(const uint8_t *bytes, uint32_t limit_bytes, struct image *out);

/**
 * Parse and verify: hash, key, signature, and then slot, hardware id, security floor and vector table.
 *
 * @param bytes        untrusted, at least `limit_bytes` readable
 * @param limit_bytes  ≤ policy->slot_bytes
 * @param out          verdict is CRYPTO_REJECT unless FOTA_OK is returned; the rest is as far as it got
 * Takes:              36 instructions a byte + 2 M on the target: ≤ 150 ms for a full slot
 * @return FOTA_OK · as image_parse · E_IMAGE_HASH · E_IMAGE_KEY (signed by none of the keys) ·
 *         E_IMAGE_REVOKED (by the key that was ended) · E_IMAGE_SIGNATURE · E_IMAGE_REVOKES (it ends a key
 * and may not: only an image of the next key may, and only the active key) · E_IMAGE_SLOT · E_IMAGE_HARDWARE
 * · E_IMAGE_COUNTER · E_IMAGE_VECTORS
 */
FOTA_MUST_CHECK
enum fota_err image_verify(const uint8_t *bytes, uint32_t limit_bytes, const struct image_policy *policy,
                           struct image_result *out);

/**
 * Is this authentic image meant for this place, board and time? The last part of image_verify, for callers
 * that saw the bytes pass by and authenticated them themselves.
 *
 * @param bytes  header area and first two vectors at their places, the hardware id at image->hw_id_off
 * @return FOTA_OK · E_IMAGE_SLOT · E_IMAGE_HARDWARE · E_IMAGE_COUNTER · E_IMAGE_VECTORS
 */
FOTA_MUST_CHECK
enum fota_err image_check_fit(const uint8_t *bytes, const struct image_policy *policy,
                              const struct image *image);

/**
 * Check that what follows the image is erased flash.
 *
 * @param total_bytes  image.total_bytes
 * @param limit_bytes  end of the slot
 * @return FOTA_OK · E_IMAGE_TRAILING
 */
FOTA_MUST_CHECK
enum fota_err image_check_trailing(const uint8_t *bytes, uint32_t total_bytes, uint32_t limit_bytes);

/**
 * What the bootloader does before every jump: image_verify over the whole slot, then image_check_trailing.
 *
 * @param slot  policy->slot_bytes bytes
 * @return as image_verify · E_IMAGE_TRAILING
 */
FOTA_MUST_CHECK
enum fota_err image_verify_slot(const uint8_t *slot, const struct image_policy *policy,
                                struct image_result *out);

/**
 * A second opinion on an image that image_verify_slot has accepted, for right before the jump: key,
 * signature, slot, hardware id, floor and vectors once more, from flash. The signature is checked over the
 * hash that is written in the image, so this shares no intermediate value with the first opinion; the image
 * itself is not hashed again. A fault that spoils one opinion leaves the other (docs/spec/boot.md).
 *
 * @param image  as image_verify_slot found it
 * Takes:        ≤ 20 ms on the target
 * @return CRYPTO_ACCEPT or CRYPTO_REJECT
 */
FOTA_MUST_CHECK
enum crypto_verdict image_verify_again(const uint8_t *bytes, const struct image_policy *policy,
                                       const struct image *image);

/** Key hash as imgtool writes it: SHA-256 of the SubjectPublicKeyInfo (DER) of the key. */
void image_keyhash(const uint8_t point[CRYPTO_POINT_BYTES], uint8_t out[CRYPTO_SHA256_BYTES]);

#endif
