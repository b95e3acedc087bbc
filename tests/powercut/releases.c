#include "releases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "cheap_signature.h"
#include "crypto_model.h"
#include "format/image_build.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"
#include "format/statement_write.h"
#include "site.h"

enum { LOADER_PAYLOAD_BYTES = 1700, COUNTER_OF_LOADERS = 9 };
enum { FULL_BYTES = FLASH_SLOT_BYTES - 2 * IMAGE_HEADER_AREA_BYTES, SMALL_BYTES = 9000 };

static struct release_files files[RELEASES] = {
    [RELEASE_V1] = {.version = 0x01000000, .counter = 1, .payload_bytes = FULL_BYTES, .confirms = true},
    [RELEASE_V2] = {.version = 0x02000000, .counter = 2, .payload_bytes = FULL_BYTES, .confirms = true},
    [RELEASE_BAD] = {.version = 0x03000000, .counter = 3, .payload_bytes = SMALL_BYTES, .confirms = false},
    [RELEASE_WORSE] = {.version = 0x03010000, .counter = 3, .payload_bytes = SMALL_BYTES, .confirms = false},
    [RELEASE_V4] = {.version = 0x04000000, .counter = 4, .payload_bytes = SMALL_BYTES, .confirms = true},
    [RELEASE_V5] = {.version = 0x05000000,
                    .counter = 5,
                    .payload_bytes = SMALL_BYTES + 4000,
                    .confirms = true},
    [RELEASE_NEXT] = {.version = 0x06000000,
                      .counter = 6,
                      .payload_bytes = SMALL_BYTES,
                      .confirms = true,
                      .is_of_next_key = true,
                      .revokes = true},
    [RELEASE_AFTER] = {.version = 0x07000000,
                       .counter = 7,
                       .payload_bytes = SMALL_BYTES,
                       .confirms = true,
                       .is_of_next_key = true},
    [RELEASE_LATE] = {.version = 0x06050000, .counter = 6, .payload_bytes = SMALL_BYTES, .confirms = true},
    [RELEASE_SMALL] = {.version = 0x00090000, .counter = 1, .payload_bytes = SMALL_BYTES, .confirms = true},
};

/* The counter is high enough for any of the images. */
static struct loader_files loaders[LOADERS] = {
    [LOADER_OLD] = {.version = 0x01000000}, [LOADER_NEW] = {.version = 0x02000000}};

const struct loader_files *loader_of(enum loader_id id)
{
    return &loaders[id];
}

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

static uint32_t key_of(const struct release_files *r)
{
    return r->is_of_next_key ? MODEL_KEY_B : MODEL_KEY_A;
}

/* Sign a payload of noise with vectors. Returns the file in memory of its own. */
static uint8_t *build(const struct image_spec *spec, uint32_t key, uint32_t payload_bytes,
                      uint32_t limit_bytes, uint32_t *n_bytes)
{
    struct image_signer signer = {cheap_sign, &key, {0}};
    memcpy(signer.point, cheap_point(key), sizeof signer.point);
    uint8_t *payload = malloc(payload_bytes);
    uint8_t *file = malloc((size_t)limit_bytes + IMAGE_OVERHEAD_MAX_BYTES);
    must(payload && file, "no memory");
    uint64_t random = (uint64_t)spec->version.major * 256 + spec->load_addr;
    for (uint32_t i = 0; i < payload_bytes; i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        payload[i] = (uint8_t)(random >> 56);
    }
    bytes_store_le32(payload, RAM_BASE + RAM_APP_BYTES);
    bytes_store_le32(payload + 4, spec->load_addr + IMAGE_HEADER_AREA_BYTES + 9);
    memset(file, 0xFF, limit_bytes);
    *n_bytes = limit_bytes + IMAGE_OVERHEAD_MAX_BYTES;
    must(image_build(spec, payload, payload_bytes, &signer, file, n_bytes) == FOTA_OK, "image_build");
    must(*n_bytes <= limit_bytes, "image is larger than its place");
    free(payload);
    return file;
}

static void make_image(struct release_files *r, uint32_t slot)
{
    uint8_t keyhash[CRYPTO_SHA256_BYTES];
    image_keyhash(cheap_point(MODEL_KEY_A), keyhash);
    struct image_spec spec = {.load_addr = slot == 0 ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE,
                              .version = {(uint8_t)(r->version >> 24), (uint8_t)(r->version >> 16), 0, 0},
                              .security_counter = r->counter,
                              .hw_id = SITE_HW,
                              .revokes = r->revokes ? keyhash : NULL};
    r->bytes[slot] = build(&spec, key_of(r), r->payload_bytes, FLASH_SLOT_BYTES, &r->n_bytes[slot]);
}

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

/* Add the signature of a key to a statement. */
static void sign_text(uint8_t *text, size_t n_room, size_t *n_text, uint32_t key)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    uint8_t key_id[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    hash(text, *n_text, digest);
    image_keyhash(cheap_point(key), key_id);
    must(cheap_sign(&key, digest, der, &n_der) == FOTA_OK, "sign");
    struct statement_text out = {(char *)text, n_room, *n_text, false};
    must(statement_put_sig(&out, key_id, der, n_der) == FOTA_OK, "statement_put_sig");
    *n_text = out.n_bytes;
}

static void make_statement(struct release_files *r)
{
    struct release release = {.product = span_of("demo"),
                              .hw = span_of(SITE_HW),
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
        memcpy(r->sha256[slot], release.image[slot].sha256, CRYPTO_SHA256_BYTES);
        memcpy(r->hash[slot], release.image[slot].hash, CRYPTO_SHA256_BYTES);
    }
    must(release_print(&release, (char *)r->text, &r->n_text) == FOTA_OK, "release_print");
    sign_text(r->text, sizeof r->text, &r->n_text, key_of(r));
}

static void make_loader(struct loader_files *l)
{
    struct image_spec spec = {.load_addr = FLASH_LOADER_BASE,
                              .version = {(uint8_t)(l->version >> 24), 0, 0, 0},
                              .security_counter = COUNTER_OF_LOADERS,
                              .hw_id = SITE_HW};
    l->bytes = build(&spec, MODEL_KEY_A, LOADER_PAYLOAD_BYTES, FLASH_LOADER_BYTES, &l->n_bytes);
    struct release_image image;
    must(release_image_describe(l->bytes, l->n_bytes, &image) == FOTA_OK, "release_image_describe");
    struct loader_release loader = {.hw = span_of(SITE_HW),
                                    .version = l->version,
                                    .security_counter = COUNTER_OF_LOADERS,
                                    .image_bytes = l->n_bytes,
                                    .blob = span_of("v1/blobs/loader.bin"),
                                    .notes = span_of("test")};
    memcpy(l->sha256, image.sha256, CRYPTO_SHA256_BYTES);
    memcpy(l->hash, image.hash, CRYPTO_SHA256_BYTES);
    memcpy(loader.sha256, image.sha256, CRYPTO_SHA256_BYTES);
    memcpy(loader.hash, image.hash, CRYPTO_SHA256_BYTES);
    must(loader_print(&loader, (char *)l->text, &l->n_text) == FOTA_OK, "loader_print");
    sign_text(l->text, sizeof l->text, &l->n_text, MODEL_KEY_A);
}

void releases_make(void)
{
    for (uint32_t id = RELEASE_V1; id < RELEASES; id++) {
        make_image(&files[id], 0);
        make_image(&files[id], 1);
        make_statement(&files[id]);
    }
    for (uint32_t id = LOADER_OLD; id < LOADERS; id++) {
        make_loader(&loaders[id]);
    }
}
