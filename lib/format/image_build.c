#include "format/image_build.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

/* Where the next byte goes; the caller has checked that everything fits. */
struct cursor {
    uint8_t *out;
    uint32_t n_bytes;
};

static void put_le16(struct cursor *c, uint32_t value)
{
    bytes_store_le16(c->out + c->n_bytes, (uint16_t)value);
    c->n_bytes += 2;
}

static void put_tlv(struct cursor *c, uint32_t type, const void *value, size_t n_bytes)
{
    put_le16(c, type);
    put_le16(c, (uint32_t)n_bytes);
    memcpy(c->out + c->n_bytes, value, n_bytes);
    c->n_bytes += (uint32_t)n_bytes;
}

/* Four bytes in front of each TLV area: a magic word and the length of the area, these four bytes included
 * (docs/spec/image.md). */
static void put_area_info(struct cursor *c, uint32_t magic, size_t tlv_bytes)
{
    put_le16(c, magic);
    put_le16(c, (uint32_t)(4 + tlv_bytes));
}

static void put_header(struct cursor *c, const struct image_spec *spec, uint32_t payload_bytes,
                       size_t prot_bytes)
{
    uint8_t *h = c->out;
    memset(h, 0, IMAGE_HEADER_BYTES);
    memset(h + IMAGE_HEADER_BYTES, 0xFF,
           IMAGE_HEADER_AREA_BYTES - IMAGE_HEADER_BYTES); /* as imgtool --pad-header */
    bytes_store_le32(h + 0, (uint32_t)IMAGE_MAGIC);
    bytes_store_le32(h + 4, spec->load_addr);
    bytes_store_le16(h + 8, IMAGE_HEADER_AREA_BYTES);
    bytes_store_le16(h + 10, (uint16_t)prot_bytes);
    bytes_store_le32(h + 12, payload_bytes);
    bytes_store_le32(h + 16, IMAGE_FLAG_ROM_FIXED);
    h[20] = spec->version.major;
    h[21] = spec->version.minor;
    bytes_store_le16(h + 22, spec->version.revision);
    bytes_store_le32(h + 24, spec->version.build);
    c->n_bytes = IMAGE_HEADER_AREA_BYTES;
}

/* The same characters as in a statement, less strict about their kind: the target compares the id as
 * bytes. */
static bool is_hw_id(const char *hw_id)
{
    size_t n_bytes = strlen(hw_id);
    for (size_t i = 0; i < n_bytes; i++) {
        if (hw_id[i] <= ' ' || hw_id[i] > '~') {
            return false;
        }
    }
    return n_bytes >= 1 && n_bytes <= IMAGE_HW_ID_MAX_BYTES;
}

/* Everything up to where the signature is over; the cursor stands there afterwards. */
static void put_signed_part(struct cursor *c, const struct image_spec *spec, const uint8_t *payload,
                            uint32_t payload_bytes)
{
    size_t hw_id_bytes = strlen(spec->hw_id);
    /* The header tells the length of the protected area, so it must be known before the first TLV is
     * written: the area's info, the counter with its TLV header, the hardware id with its own, and the two
     * TLVs that may be left out. */
    size_t prot_bytes = 4 + 8 + 4 + hw_id_bytes + (spec->run_flags == 0 ? 0 : 5) +
                        (!spec->revokes ? 0 : 4 + CRYPTO_SHA256_BYTES);
    put_header(c, spec, payload_bytes, prot_bytes);
    memcpy(c->out + c->n_bytes, payload, payload_bytes);
    c->n_bytes += payload_bytes;
    uint8_t counter[4];
    bytes_store_le32(counter, spec->security_counter);
    put_area_info(c, IMAGE_TLV_PROT_INFO_MAGIC, prot_bytes - 4);
    /* This order is the only one that image.c accepts: the security counter, as imgtool writes it first,
     * and then the vendor TLVs by their numbers. */
    put_tlv(c, IMAGE_TLV_SEC_CNT, counter, sizeof counter);
    put_tlv(c, IMAGE_TLV_HW_ID, spec->hw_id, hw_id_bytes);
    if (spec->run_flags != 0) {
        put_tlv(c, IMAGE_TLV_RUN_FLAGS, &spec->run_flags, 1);
    }
    if (spec->revokes) {
        put_tlv(c, IMAGE_TLV_REVOKES, spec->revokes, CRYPTO_SHA256_BYTES);
    }
}

enum fota_err image_build(const struct image_spec *spec, const uint8_t *payload, uint32_t payload_bytes,
                          const struct image_signer *signer, uint8_t *out, uint32_t *out_bytes)
{
    /* Eight bytes are the two vectors without which no program starts (image.c, VECTORS_BYTES). */
    if (!is_hw_id(spec->hw_id) || (spec->run_flags & ~IMAGE_RUN_WATCHDOG) != 0 || payload_bytes < 8 ||
        payload_bytes > INT32_MAX) {
        return E_ARG;
    }
    if (*out_bytes < payload_bytes + IMAGE_OVERHEAD_MAX_BYTES) {
        return E_NO_SPACE;
    }
    struct cursor c = {out, 0};
    put_signed_part(&c, spec, payload, payload_bytes);

    struct crypto_sha256 ctx;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, out, c.n_bytes);
    crypto_sha256_final(&ctx, hash);
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t der_bytes = sizeof der;
    enum fota_err err = signer->sign(signer->ctx, hash, der, &der_bytes);
    if (err) {
        return err;
    }
    uint8_t keyhash[CRYPTO_SHA256_BYTES];
    /* What the signature covers is complete. The TLVs from here on are not signed: hash and key hash only
     * help a reader to find the key, and the bootloader computes the hash itself. */
    image_keyhash(signer->point, keyhash);
    put_area_info(&c, IMAGE_TLV_INFO_MAGIC, 36 + 36 + 4 + der_bytes);
    put_tlv(&c, IMAGE_TLV_SHA256, hash, sizeof hash);
    put_tlv(&c, IMAGE_TLV_KEYHASH, keyhash, sizeof keyhash);
    put_tlv(&c, IMAGE_TLV_ECDSA_SIG, der, der_bytes);
    *out_bytes = c.n_bytes;
    return FOTA_OK;
}
