/**
 * Build images in MCUboot's format: what `fota sign` writes. Host only; the target never links it.
 */
#ifndef FORMAT_IMAGE_BUILD_H
#define FORMAT_IMAGE_BUILD_H

#include "format/image.h"

/** What goes into header and protected TLVs. */
struct image_spec {
    uint32_t load_addr; /* base of the slot the payload is linked for */
    struct image_version version;
    uint32_t security_counter;
    const char *hw_id;      /* 1..15 printable ASCII characters */
    uint8_t run_flags;      /* IMAGE_RUN_*; 0: the TLV is left out */
    const uint8_t *revokes; /* key hash (image_keyhash) of the key that this image ends; NULL none */
};

/**
 * Whoever holds the private key. `sign` writes a strict DER signature over the hash.
 * `n_bytes`: capacity in (CRYPTO_SIGNATURE_MAX_BYTES), length out.
 */
struct image_signer {
    enum fota_err (*sign)(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes);
    void *ctx;
    uint8_t point[CRYPTO_POINT_BYTES]; /* public key that goes with it */
};

/**
 * Put an image together and sign it.
 *
 * @param payload       vector table first, as linked at load_addr + 0x200
 * @param payload_bytes  ≥ 8
 * @param out           at least payload_bytes + IMAGE_OVERHEAD_MAX_BYTES; contents undefined on failure
 * @param out_bytes     capacity in, length of the image out (unchanged on failure)
 * @return FOTA_OK · E_ARG (hw_id, run_flags or payload out of range) · E_NO_SPACE · whatever the signer
 *         returns
 */
FOTA_MUST_CHECK
enum fota_err image_build(const struct image_spec *spec, const uint8_t *payload, uint32_t payload_bytes,
                          const struct image_signer *signer, uint8_t *out, uint32_t *out_bytes);

#endif
