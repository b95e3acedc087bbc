/* Does this bootloader take this image? Its keys and hardware id are looked for in its bytes. */
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "recover/recover.h"
#include "update/boot_services.h"

enum { POINT_FIRST_BYTE = 4 /* uncompressed point, SEC 1 2.3.3 */ };

static bool is_in_ram(uint32_t stack)
{
    bool is_sram = stack > RAM_BASE && stack <= RAM_BASE + RAM_BYTES;
    bool is_ccm = stack > CCM_BASE && stack <= CCM_BASE + CCM_BYTES;
    return (is_sram || is_ccm) && stack % 8U == 0;
}

static enum fota_err check_bootloader(const uint8_t *bytes, uint32_t n_bytes)
{
    const uint32_t services_off = FLASH_SERVICES_ADDR - FLASH_BOOT_BASE;
    if (n_bytes < services_off + 4U || n_bytes > FLASH_BOOT_BYTES) {
        return E_IMAGE_SIZE;
    }
    uint32_t reset = bytes_load_le32(bytes + 4);
    bool is_inside = reset >= FLASH_BOOT_BASE && reset - FLASH_BOOT_BASE < n_bytes && (reset & 1U) != 0;
    if (!is_in_ram(bytes_load_le32(bytes)) || !is_inside) {
        return E_IMAGE_VECTORS;
    }
    return bytes_load_le32(bytes + services_off) == BOOT_SERVICES_MAGIC ? FOTA_OK : E_LINK_BOOT_MISSING;
}

/** The public key in the bootloader whose hash the image names. @return its point, or NULL */
static const uint8_t *find_key(const struct recover_parts *p, const uint8_t keyhash[CRYPTO_SHA256_BYTES])
{
    for (uint32_t off = 0; off + CRYPTO_POINT_BYTES <= p->n_bootloader; off++) {
        uint8_t hash[CRYPTO_SHA256_BYTES];
        if (p->bootloader[off] != POINT_FIRST_BYTE) {
            continue;
        }
        image_keyhash(p->bootloader + off, hash);
        if (memcmp(hash, keyhash, sizeof hash) == 0) {
            return p->bootloader + off;
        }
    }
    return NULL;
}

static bool is_name_byte(uint8_t byte)
{
    return byte > ' ' && byte < 0x7F;
}

/** Does the bootloader hold this text, whole and NUL-terminated? */
static bool holds_text(const struct recover_parts *p, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    for (uint32_t off = 1; n > 0 && off + n < p->n_bootloader; off++) {
        if (memcmp(p->bootloader + off, text, n + 1U) == 0 && !is_name_byte(p->bootloader[off - 1])) {
            return true;
        }
    }
    return false;
}

enum fota_err recover_plan_make(const struct recover_parts *parts, struct recover_plan *out)
{
    struct recover_plan plan = {.parts = *parts};
    struct image found;
    enum fota_err err = check_bootloader(parts->bootloader, parts->n_bootloader);
    if (err) {
        return err;
    }
    if (parts->n_image > FLASH_SLOT_BYTES) {
        return E_IMAGE_SIZE;
    }
    err = image_parse(parts->image, parts->n_image, &found);
    if (err) {
        return err;
    }
    memcpy(plan.hw_id, parts->image + found.hw_id_off, found.hw_id_bytes);
    plan.slot = found.load_addr == FLASH_SLOT_B_BASE ? SLOT_B : SLOT_A;
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {.base = plan.slot == SLOT_B ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE,
                                        .slot_bytes = FLASH_SLOT_BYTES,
                                        .hw_id = plan.hw_id,
                                        .keys = {find_key(parts, parts->image + found.keyhash_off), NULL},
                                        .hash = &hash};
    err = image_verify(parts->image, parts->n_image, &policy, &plan.image);
    if (err) {
        return err;
    }
    if (plan.image.verdict != CRYPTO_ACCEPT) {
        return E_IMAGE_SIGNATURE;
    }
    err = image_check_trailing(parts->image, found.total_bytes, parts->n_image);
    if (err) {
        return err;
    }
    if (!holds_text(parts, plan.hw_id)) {
        return E_IMAGE_HARDWARE;
    }
    *out = plan;
    return FOTA_OK;
}
