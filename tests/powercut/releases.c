#include "releases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "cheap_signature.h"
#include "crypto_model.h"
#include "format/image_build.h"
#include "format/release_statement.h"
#include "format/statement_write.h"
#include "world.h"

enum { FULL_BYTES = FLASH_SLOT_BYTES - 2 * IMAGE_HEADER_AREA_BYTES, SMALL_BYTES = 9000 };

static struct release_files files[RELEASES] = {
    [RELEASE_V1] = {.version = 0x01000000, .counter = 1, .payload_bytes = FULL_BYTES, .confirms = true},
    [RELEASE_V2] = {.version = 0x02000000, .counter = 2, .payload_bytes = FULL_BYTES, .confirms = true},
    [RELEASE_BAD] = {.version = 0x03000000, .counter = 3, .payload_bytes = SMALL_BYTES, .confirms = false},
    [RELEASE_V4] = {.version = 0x04000000, .counter = 4, .payload_bytes = SMALL_BYTES, .confirms = true},
    [RELEASE_V5] = {.version = 0x05000000,
                    .counter = 5,
                    .payload_bytes = SMALL_BYTES + 4000,
                    .confirms = true},
    [RELEASE_SMALL] = {.version = 0x00090000, .counter = 1, .payload_bytes = SMALL_BYTES, .confirms = true},
};

const struct release_files *release_of(enum release_id id)
{
    return &files[id];
}

static void must(bool is_ok, const char *what)
{
    if (!is_ok) {
        (void)fprintf(stderr, "powercut: cannot make the test releases: %s\n", what);
        exit(2);
    }
}

static void hash(const void *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, n_bytes);
    crypto_sha256_final(&ctx, out);
}

static void make_image(struct release_files *r, uint32_t slot)
{
    uint32_t key = MODEL_KEY_A;
    struct image_spec spec = {.load_addr = slot == 0 ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE,
                              .version = {(uint8_t)(r->version >> 24), (uint8_t)(r->version >> 16), 0, 0},
                              .security_counter = r->counter,
                              .hw_id = WORLD_HW};
    struct image_signer signer = {cheap_sign, &key, {0}};
    memcpy(signer.point, cheap_point(key), sizeof signer.point);
    uint8_t *payload = malloc(r->payload_bytes);
    r->bytes[slot] = malloc(FLASH_SLOT_BYTES + IMAGE_OVERHEAD_MAX_BYTES);
    must(payload != NULL && r->bytes[slot] != NULL, "no memory");
    uint64_t random = r->version + slot + 1;
    for (uint32_t i = 0; i < r->payload_bytes; i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        payload[i] = (uint8_t)(random >> 56);
    }
    bytes_store_le32(payload, RAM_BASE + RAM_APP_BYTES);
    bytes_store_le32(payload + 4, spec.load_addr + IMAGE_HEADER_AREA_BYTES + 9);
    memset(r->bytes[slot], 0xFF, FLASH_SLOT_BYTES);
    uint32_t n_bytes = FLASH_SLOT_BYTES + IMAGE_OVERHEAD_MAX_BYTES;
    must(image_build(&spec, payload, r->payload_bytes, &signer, r->bytes[slot], &n_bytes) == FOTA_OK,
         "image_build");
    must(n_bytes <= FLASH_SLOT_BYTES, "image is larger than the slot");
    r->n_bytes[slot] = n_bytes;
    hash(r->bytes[slot], n_bytes, r->sha256[slot]);
    free(payload);
}

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

static void make_statement(struct release_files *r)
{
    struct release release = {.product = span_of("demo"),
                              .hw = span_of(WORLD_HW),
                              .version = r->version,
                              .security_counter = r->counter,
                              .codec = span_of("none"),
                              .confirm_within_s = 60,
                              .activate = span_of("now"),
                              .notes = span_of("test")};
    for (uint32_t slot = 0; slot < 2; slot++) {
        must(release_image_describe(r->bytes[slot], r->n_bytes[slot], &release.image[slot]) == FOTA_OK,
             "release_image_describe");
        release.image[slot].blob = span_of("v1/blobs/test.bin");
    }
    must(release_print(&release, (char *)r->text, &r->n_text) == FOTA_OK, "release_print");
    uint32_t key = MODEL_KEY_A;
    uint8_t digest[CRYPTO_SHA256_BYTES];
    uint8_t key_id[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    hash(r->text, r->n_text, digest);
    image_keyhash(cheap_point(key), key_id);
    must(cheap_sign(&key, digest, der, &n_der) == FOTA_OK, "sign");
    struct statement_text text = {(char *)r->text, sizeof r->text, r->n_text, false};
    must(statement_put_sig(&text, key_id, der, n_der) == FOTA_OK, "statement_put_sig");
    r->n_text = text.n_bytes;
}

void releases_make(void)
{
    for (uint32_t id = RELEASE_V1; id < RELEASES; id++) {
        make_image(&files[id], 0);
        make_image(&files[id], 1);
        make_statement(&files[id]);
    }
}
