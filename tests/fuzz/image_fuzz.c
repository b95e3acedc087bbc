/* Images: parse and verify, as they come and with hash and signature made right. First byte: which of the
 * two. */
#include <stdlib.h>
#include <string.h>

#include "format/image.h"
#include "fuzz.h"
#include "model.h"

enum { SLOT_BYTES = 4096, RESIGNED = 1 };

const char *const device_name = "image";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void hash_of(const uint8_t *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, n_bytes);
    crypto_sha256_final(&ctx, out);
}

static void check_places(const struct image *image, uint32_t n_bytes)
{
    bool is_inside = image->signed_bytes <= image->total_bytes && image->total_bytes <= n_bytes &&
                     image->hash_off + CRYPTO_SHA256_BYTES <= image->total_bytes &&
                     image->keyhash_off + CRYPTO_SHA256_BYTES <= image->total_bytes &&
                     image->signature_off + image->signature_bytes <= image->total_bytes &&
                     image->hw_id_off + image->hw_id_bytes <= image->signed_bytes &&
                     image->hw_id_bytes >= 1 && image->hw_id_bytes <= IMAGE_HW_ID_MAX_BYTES;
    if (!is_inside) {
        fuzz_fail("a part of an image of %u bytes is outside of it", (unsigned)n_bytes);
    }
}

/* As the owner of the key would: what comes after the signature's check is reached. */
static void sign_again(uint8_t *bytes, uint32_t n_bytes)
{
    struct image image;
    uint32_t key = MODEL_KEY_ACTIVE;
    size_t n_der = CRYPTO_SIGNATURE_MAX_BYTES;
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    if (image_parse(bytes, n_bytes, &image) != FOTA_OK || image.signature_bytes != CRYPTO_SHA256_BYTES) {
        return;
    }
    hash_of(bytes, image.signed_bytes, bytes + image.hash_off);
    image_keyhash(model_points[key], bytes + image.keyhash_off);
    if (model_sign(&key, bytes + image.hash_off, der, &n_der) == FOTA_OK) {
        memcpy(bytes + image.signature_off, der, n_der);
    }
}

static void verify(const uint8_t *slot, bool is_resigned)
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {.base = FLASH_SLOT_A_BASE,
                                        .slot_bytes = SLOT_BYTES,
                                        .ram_bytes = RAM_BYTES,
                                        .ccm_bytes = CCM_BYTES,
                                        .security_floor = 5,
                                        .hw_id = "f407-disco",
                                        .keys = {model_points[0], model_points[1]},
                                        .hash = &hash};
    struct image_result result = {.verdict = CRYPTO_REJECT};
    enum fota_err err = image_verify_slot(slot, &policy, &result);
    if ((err == FOTA_OK) != (result.verdict == CRYPTO_ACCEPT)) {
        fuzz_fail("error %u and verdict %08X disagree", (unsigned)err, (unsigned)result.verdict);
    }
    if (err) {
        return;
    }
    const struct image *image = &result.image;
    bool is_meant = image->load_addr == policy.base && image->security_counter >= policy.security_floor &&
                    image->hw_id_bytes == strlen(policy.hw_id) &&
                    memcmp(slot + image->hw_id_off, policy.hw_id, image->hw_id_bytes) == 0;
    for (uint32_t i = image->total_bytes; i < SLOT_BYTES; i++) {
        is_meant = is_meant && slot[i] == 0xFF;
    }
    if (!is_meant) {
        fuzz_fail("an image for another board, slot or time, or with something after it, verifies");
    }
    if (!is_resigned && !releases_hold(SLOT_A, slot)) {
        fuzz_fail("an image that nobody signed verifies");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static bool is_ready;
    struct image image;
    if (!is_ready) {
        releases_make();
        is_ready = true;
    }
    if (n_bytes < 1 || n_bytes > SLOT_BYTES) {
        return 0;
    }
    uint32_t n_image = (uint32_t)n_bytes - 1;
    bool is_resigned = bytes[0] & RESIGNED;
    uint8_t *exact = malloc(n_image + 1U); /* of the input's size: one byte too far is seen */
    uint8_t *slot = malloc(SLOT_BYTES);
    if (!exact || !slot) {
        abort();
    }
    memcpy(exact, bytes + 1, n_image);
    if (image_parse(exact, n_image, &image) == FOTA_OK) {
        check_places(&image, n_image);
    }
    if (is_resigned) {
        sign_again(exact, n_image);
    }
    memset(slot, 0xFF, SLOT_BYTES);
    memcpy(slot, exact, n_image);
    verify(slot, is_resigned);
    free(exact);
    free(slot);
    return 0;
}
