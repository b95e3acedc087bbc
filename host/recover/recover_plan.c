/* Does this bootloader take this loader and this image? Its keys
 * and hardware id are looked for in its bytes. */
#include <string.h>

#include "base/bytes.h"
#include "base/flash_chip.h"
#include "recover/recover.h"
#include "update/boot_services.h"

enum { POINT_FIRST_BYTE = 4 /* uncompressed point, SEC 1 2.3.3 */ };

static bool is_in(const struct board_area *ram, uint32_t stack)
{
    return stack > ram->base && stack <= ram->base + ram->n_bytes && stack % 8U == 0;
}

static enum fota_err check_bootloader(const struct board_layout *board, const uint8_t *bytes,
                                      uint32_t n_bytes)
{
    const uint32_t services_off = FLASH_SERVICES_ADDR - FLASH_MAP_BASE;
    if (n_bytes < services_off + 4U || n_bytes > board->root.n_bytes) {
        return E_IMAGE_SIZE;
    }
    uint32_t stack = bytes_load_le32(bytes);
    uint32_t reset = bytes_load_le32(bytes + 4);
    bool is_inside = reset >= board->root.base && reset - board->root.base < n_bytes && (reset & 1U) != 0;
    if ((!is_in(&board->ram, stack) && !is_in(&board->ccm, stack)) || !is_inside) {
        return E_IMAGE_VECTORS;
    }
    return bytes_load_le32(bytes + services_off) == BOOT_SERVICES_MAGIC ? FOTA_OK : E_LINK_BOOT_MISSING;
}

/* The public key in the bootloader whose hash the image names. @return its point, or NULL */
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

/* Does the bootloader hold this text, whole and NUL-terminated? */
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

/* As the bootloader will judge it: a file for this place that nothing follows. */
static enum fota_err check_image(const struct recover_parts *p, const uint8_t *bytes, uint32_t n_bytes,
                                 struct image_policy *policy, struct image_result *out)
{
    struct crypto_sha256 hash;
    struct image found;
    if (n_bytes == 0 || n_bytes > policy->slot_bytes) {
        return E_IMAGE_SIZE;
    }
    enum fota_err err = image_parse(bytes, n_bytes, &found);
    if (err) {
        return err;
    }
    crypto_sha256_init(&hash);
    policy->keys[0] = find_key(p, bytes + found.keyhash_off);
    policy->hash = &hash;
    err = image_verify(bytes, n_bytes, policy, out);
    if (err) {
        return err;
    }
    if (out->verdict != CRYPTO_ACCEPT) {
        return E_IMAGE_SIGNATURE;
    }
    return image_check_trailing(bytes, found.total_bytes, n_bytes);
}

/* The image says for which board it is; BOARD_OWN until it can be read. */
static void find_board(const struct recover_parts *p, struct recover_plan *plan)
{
    struct image found;
    plan->board = NULL;
    if (image_parse(p->image, p->n_image, &found) == FOTA_OK) {
        memcpy(plan->hw_id, p->image + found.hw_id_off, found.hw_id_bytes);
        plan->board = board_layout_find(plan->hw_id);
    }
    plan->board = plan->board ? plan->board : &BOARD_OWN;
}

static struct image_policy policy_for(const struct recover_plan *plan, const struct board_area *place)
{
    return (struct image_policy){.base = place->base,
                                 .slot_bytes = place->n_bytes,
                                 .ram_bytes = plan->board->ram.n_bytes,
                                 .ccm_bytes = plan->board->ccm.n_bytes,
                                 .hw_id = plan->hw_id};
}

/* The image says for which slot it is. */
static enum fota_err check_application(const struct recover_parts *p, struct recover_plan *plan)
{
    struct image found;
    const struct board_area *slot = plan->board->slot;
    if (p->n_image > slot[SLOT_A].n_bytes) {
        return E_IMAGE_SIZE;
    }
    enum fota_err err = image_parse(p->image, p->n_image, &found);
    if (err) {
        return err;
    }
    if (strcmp(plan->hw_id, plan->board->hw_id) != 0) {
        return E_IMAGE_HARDWARE;
    }
    plan->slot = found.load_addr == slot[SLOT_B].base ? SLOT_B : SLOT_A;
    struct image_policy policy = policy_for(plan, &slot[plan->slot]);
    err = check_image(p, p->image, p->n_image, &policy, &plan->image);
    return !err && !holds_text(p, plan->hw_id) ? E_IMAGE_HARDWARE : err;
}

static enum fota_err check_loader(const struct recover_parts *p, struct recover_plan *plan)
{
    struct image_policy policy = policy_for(plan, &plan->board->loader);
    return check_image(p, p->loader, p->n_loader, &policy, &plan->loader);
}

enum fota_err recover_plan_make(const struct recover_parts *parts, struct recover_plan *out,
                                enum recover_part *at)
{
    struct recover_plan plan = {.parts = *parts};
    enum recover_part part = RECOVER_PART_BOOTLOADER;
    find_board(parts, &plan);
    enum fota_err err = check_bootloader(plan.board, parts->bootloader, parts->n_bootloader);
    if (!err) {
        part = RECOVER_PART_IMAGE;
        err = check_application(parts, &plan);
    }
    if (!err) {
        part = RECOVER_PART_LOADER;
        err = check_loader(parts, &plan);
    }
    if (!err) {
        *out = plan;
    } else if (at) {
        *at = part;
    }
    return err;
}
