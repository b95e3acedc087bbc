/* Releases as a publisher makes them, signed by the keys of the model. */
#include <string.h>

#include "base/bytes.h"
#include "format/image_build.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "format/statement_write.h"
#include "fuzz.h"
#include "model.h"

/* The floor is the counter of the factory's release once it is confirmed. */
struct recipe {
    uint32_t version;
    uint32_t counter;
    const char *hw;
    uint32_t key;
    uint32_t payload_bytes;
};

static const struct recipe RECIPES[RELEASES] = {
    {1 << 24, 5, "f407-disco", MODEL_KEY_ACTIVE, 64},  {2 << 24, 5, "f407-disco", MODEL_KEY_ACTIVE, 601},
    {3 << 24, 6, "f407-disco", MODEL_KEY_NEXT, 1032},  {4 << 24, 4, "f407-disco", MODEL_KEY_ACTIVE, 64},
    {5 << 24, 7, "other-board", MODEL_KEY_ACTIVE, 64}, {6 << 24, 7, "f407-disco", MODEL_KEY_FOREIGN, 64},
};

struct fuzz_release releases[RELEASES];

static void must(enum fota_err err)
{
    if (err) {
        fuzz_fail("a release cannot be made: %s", fota_err_text(err));
    }
}

static void make_image(const struct recipe *recipe, enum slot slot, struct fuzz_release *out)
{
    uint8_t payload[RELEASE_IMAGE_MAX_BYTES];
    uint32_t key = recipe->key;
    uint32_t base = slot == SLOT_A ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
    const struct image_spec spec = {.load_addr = base,
                                    .version = {.major = (uint8_t)(recipe->version >> 24)},
                                    .security_counter = recipe->counter,
                                    .hw_id = recipe->hw};
    struct image_signer signer = {model_sign, &key, {0}};
    memcpy(signer.point, model_points[key], sizeof signer.point);
    for (uint32_t i = 0; i < recipe->payload_bytes; i++) {
        payload[i] = (uint8_t)(i * 29 + recipe->version / (1 << 24));
    }
    bytes_store_le32(payload, RAM_BASE + RAM_APP_BYTES);
    bytes_store_le32(payload + 4, base + FLASH_IMAGE_HEADER_AREA_BYTES + 9);
    out->n_image[slot] = RELEASE_IMAGE_MAX_BYTES;
    must(image_build(&spec, payload, recipe->payload_bytes, &signer, out->image[slot], &out->n_image[slot]));
}

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

static void hash_of(const uint8_t *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, n_bytes);
    crypto_sha256_final(&ctx, out);
}

/* Append a signature over what is there. @return the new length */
static size_t put_sig(uint32_t key, uint8_t *bytes, size_t n_bytes)
{
    uint8_t hash[CRYPTO_SHA256_BYTES], key_id[CRYPTO_SHA256_BYTES], der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    hash_of(bytes, n_bytes, hash);
    image_keyhash(model_points[key], key_id);
    must(model_sign(&key, hash, der, &n_der));
    struct statement_text text = {(char *)bytes, RELEASE_TEXT_MAX_BYTES, n_bytes, false};
    must(statement_put_sig(&text, key_id, der, n_der));
    return text.n_bytes;
}

static void make_loader_statement(const struct recipe *recipe, struct fuzz_release *out)
{
    const struct loader_release l = {.hw = span_of(recipe->hw),
                                     .version = recipe->version,
                                     .security_counter = recipe->counter,
                                     .image_bytes = 9000 + recipe->payload_bytes,
                                     .sha256 = {1, 2, 3},
                                     .hash = {4, 5, 6},
                                     .blob = span_of("v1/blobs/loader.bin"),
                                     .notes = span_of("fuzz")};
    must(loader_print(&l, (char *)out->loader_text, &out->n_loader_text));
    out->n_loader_text = put_sig(recipe->key, out->loader_text, out->n_loader_text);
}

static void make_statement(const struct recipe *recipe, struct fuzz_release *out)
{
    struct release r = {.product = span_of("demo"),
                        .hw = span_of(recipe->hw),
                        .version = recipe->version,
                        .security_counter = recipe->counter,
                        .codec = span_of("none"),
                        .confirm_within_s = 60,
                        .activate = span_of("now"),
                        .notes = span_of("fuzz")};
    for (uint32_t slot = 0; slot < 2; slot++) {
        must(release_image_describe(out->image[slot], out->n_image[slot], &r.image[slot]));
        r.image[slot].blob = span_of("v1/blobs/fuzz.bin");
    }
    must(release_print(&r, (char *)out->text, &out->n_text));
    out->n_text = put_sig(recipe->key, out->text, out->n_text);
}

void releases_make(void)
{
    for (unsigned i = 0; i < RELEASES; i++) {
        make_image(&RECIPES[i], SLOT_A, &releases[i]);
        make_image(&RECIPES[i], SLOT_B, &releases[i]);
        make_statement(&RECIPES[i], &releases[i]);
        make_loader_statement(&RECIPES[i], &releases[i]);
    }
}

bool releases_hold(enum slot slot, const uint8_t *bytes)
{
    for (unsigned i = 0; i < RELEASES; i++) {
        bool is_trusted = RECIPES[i].key != MODEL_KEY_FOREIGN;
        if (is_trusted && memcmp(bytes, releases[i].image[slot], releases[i].n_image[slot]) == 0) {
            return true;
        }
    }
    return false;
}
