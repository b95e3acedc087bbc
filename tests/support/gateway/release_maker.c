#include "release_maker.h"

#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "format/statement_write.h"

#define MUST(expression)                                                                                     \
    do {                                                                                                     \
        enum fota_err must_err = (expression);                                                               \
        if (must_err) {                                                                                      \
            fprintf(stderr, "release_maker: %s: %s\n", #expression, fota_err_name(must_err));                \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

void test_key_make(struct test_key *key, uint8_t number)
{
    memset(key->secret, number, sizeof key->secret);
    key->secret[0] = 0x11; /* below the order */
    br_ec_private_key secret = {BR_EC_secp256r1, key->secret, sizeof key->secret};
    br_ec_public_key public;
    if (br_ec_compute_pub(&br_ec_p256_m31, &public, key->point, &secret) != sizeof key->point) {
        abort();
    }
}

static enum fota_err sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes)
{
    struct test_key *key = ctx;
    br_ec_private_key secret = {BR_EC_secp256r1, key->secret, sizeof key->secret};
    *n_bytes = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, hash, &secret, der);
    return *n_bytes ? FOTA_OK : E_INTERNAL;
}

struct image_signer test_signer(struct test_key *key)
{
    struct image_signer signer = {.sign = sign, .ctx = key};
    memcpy(signer.point, key->point, sizeof signer.point);
    return signer;
}

static void sha256(const void *bytes, size_t n_bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, bytes, n_bytes);
    crypto_sha256_final(&hash, out);
}

struct test_spec test_spec(struct test_key *release_key, struct test_key *channel_key, uint32_t version,
                           uint32_t seq)
{
    return (struct test_spec){.release_key = release_key,
                              .channel_key = channel_key,
                              .product = "demo",
                              .hw = BOARD_NAME,
                              .channel = "stable",
                              .version = version,
                              .security_counter = 1,
                              .payload_bytes = 20000,
                              .seq = seq,
                              .issued_s = TEST_NOW_S - 3600,
                              .expires_s = TEST_NOW_S + 30 * 86400,
                              .rollout_max_pct = 100};
}

static uint32_t slot_base(unsigned slot)
{
    return slot == 0 ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
}

/* Vectors that pass, then bytes that depend on version, slot and place. */
static void make_payload(const struct test_spec *spec, unsigned slot, uint8_t *out, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        out[i] = (uint8_t)(i * 7U + (i >> 8) + slot + spec->version + (spec->version >> 24) * 31U);
    }
    bytes_store_le32(out, RAM_APP_BASE + RAM_APP_BYTES);
    bytes_store_le32(out + 4, (slot_base(slot) + FLASH_IMAGE_HEADER_AREA_BYTES + 0x21U));
}

static void make_image(const struct test_spec *spec, unsigned slot, struct test_release *out)
{
    static uint8_t made[TEST_IMAGE_MAX_BYTES];
    unsigned linked_for = spec->is_swapped ? 1U - slot : slot;
    const uint8_t *payload = spec->payload[slot];
    uint32_t n_bytes = payload ? spec->payload_bytes_of[slot] : spec->payload_bytes;
    if (!payload) {
        make_payload(spec, linked_for, made, n_bytes);
        payload = made;
    }
    uint8_t revoked[CRYPTO_SHA256_BYTES];
    if (spec->revokes) {
        image_keyhash(spec->revokes->point, revoked);
    }
    const struct image_spec image = {.load_addr = slot_base(linked_for),
                                     .version = {.major = (uint8_t)(spec->version >> 24),
                                                 .minor = (uint8_t)(spec->version >> 16),
                                                 .revision = (uint16_t)spec->version},
                                     .security_counter = spec->security_counter,
                                     .hw_id = spec->image_hw ? spec->image_hw : spec->hw,
                                     .run_flags = IMAGE_RUN_WATCHDOG,
                                     .revokes = spec->revokes ? revoked : NULL};
    struct image_signer signer = test_signer(spec->image_key ? spec->image_key : spec->release_key);
    out->n_image[slot] = TEST_IMAGE_MAX_BYTES;
    MUST(image_build(&image, payload, n_bytes, &signer, out->image[slot], &out->n_image[slot]));
}

static struct statement_span span(const char *text)
{
    return (struct statement_span){.at = text, .n_bytes = strlen(text)};
}

/* Append `sig=` over what is there so far. */
static void put_sig(struct test_key *key, char *text, size_t cap_bytes, size_t *n_bytes)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    uint8_t id[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    sha256(text, *n_bytes, hash);
    MUST(sign(key, hash, der, &n_der));
    image_keyhash(key->point, id);
    struct statement_text t = {.at = text, .cap_bytes = cap_bytes, .n_bytes = *n_bytes};
    MUST(statement_put_sig(&t, id, der, n_der));
    *n_bytes = t.n_bytes;
}

/* `<folder><hex of sha256><ending>` */
static void name_by_digest(const char *folder, const uint8_t digest[CRYPTO_SHA256_BYTES], const char *ending,
                           char out[RELEASE_BLOB_MAX_BYTES])
{
    struct statement_text t = {.at = out, .cap_bytes = RELEASE_BLOB_MAX_BYTES - 1};
    statement_put_string(&t, folder);
    statement_put_hex(&t, digest, CRYPTO_SHA256_BYTES);
    statement_put_string(&t, ending);
    out[t.n_bytes] = '\0';
}

static void make_statement(const struct test_spec *spec, const uint8_t *const image[2],
                           const uint32_t n_image[2], struct test_release *out)
{
    struct release r = {.product = span(spec->product),
                        .hw = span(spec->hw),
                        .version = spec->version,
                        .security_counter = spec->security_counter,
                        .codec = span("none"),
                        .from_min = spec->from_min,
                        .boot_min = spec->boot_min,
                        .confirm_within_s = 60,
                        .activate = span("now"),
                        .notes = span("-")};
    for (unsigned slot = 0; slot < 2; slot++) {
        /* An image that a test spoiled has no image hash; its statement then says zero. */
        (void)release_image_describe(image[slot], n_image[slot], &r.image[slot]);
        memcpy(out->digest[slot], r.image[slot].sha256, CRYPTO_SHA256_BYTES);
        memcpy(out->hash[slot], r.image[slot].hash, CRYPTO_SHA256_BYTES);
        name_by_digest("v1/blobs/", out->digest[slot], ".bin", out->blob[slot]);
        r.image[slot].blob = span(out->blob[slot]);
    }
    MUST(release_print(&r, out->statement, &out->n_statement));
    put_sig(spec->release_key, out->statement, sizeof out->statement, &out->n_statement);
}

static void make_channel(const struct test_spec *spec, struct test_release *out)
{
    struct channel c = {.product = span(spec->product),
                        .hw = span(spec->hw),
                        .name = span(spec->channel),
                        .seq = spec->seq,
                        .issued_s = spec->issued_s,
                        .expires_s = spec->expires_s,
                        .root = 1,
                        .rollout_start_s = TEST_NOW_S - 7200,
                        .rollout_ramp_s = spec->rollout_ramp_s,
                        .rollout_max_pct = spec->rollout_max_pct,
                        .is_halted = spec->is_halted,
                        .retry = spec->retry,
                        .poll_s = 30};
    if (spec->loader) {
        c.has_loader = true;
        memcpy(c.loader_sha256, spec->loader->sha256, sizeof c.loader_sha256);
    }
    sha256(out->statement, out->n_statement, c.release_sha256);
    MUST(channel_print(&c, out->channel, &out->n_channel));
    put_sig(spec->channel_key, out->channel, sizeof out->channel, &out->n_channel);
    out->channel[out->n_channel++] = '\n';
    memcpy(out->channel + out->n_channel, out->statement, out->n_statement);
    out->n_channel += out->n_statement;
}

enum { LOADER_PAYLOAD_BYTES = 9000 };

static void fill_loader(const struct test_loader_spec *spec, uint32_t base,
                        uint8_t payload[LOADER_PAYLOAD_BYTES])
{
    for (uint32_t i = 0; i < LOADER_PAYLOAD_BYTES; i++) {
        payload[i] = (uint8_t)(i * 5U + (i >> 7) + (spec->version >> 24) * 31U);
    }
    bytes_store_le32(payload, RAM_APP_BASE + RAM_APP_BYTES);
    bytes_store_le32(payload + 4, base + FLASH_IMAGE_HEADER_AREA_BYTES + 0x21U);
}

static void make_loader_image(const struct test_loader_spec *spec, uint32_t counter, struct test_loader *out)
{
    static uint8_t payload[LOADER_PAYLOAD_BYTES];
    const uint32_t base = spec->base ? spec->base : FLASH_LOADER_BASE;
    const struct image_spec image = {.load_addr = base,
                                     .version = {.major = (uint8_t)(spec->version >> 24),
                                                 .minor = (uint8_t)(spec->version >> 16),
                                                 .revision = (uint16_t)spec->version},
                                     .security_counter = spec->image_counter ? spec->image_counter : counter,
                                     .hw_id = spec->hw ? spec->hw : BOARD_NAME};
    struct image_signer signer = test_signer(spec->image_key ? spec->image_key : spec->key);
    fill_loader(spec, base, payload);
    out->n_image = sizeof out->image;
    MUST(image_build(&image, spec->payload ? spec->payload : payload,
                     spec->payload ? spec->payload_bytes : LOADER_PAYLOAD_BYTES, &signer, out->image,
                     &out->n_image));
}

void test_loader_make(const struct test_loader_spec *spec, struct test_loader *out)
{
    const uint32_t counter = spec->security_counter ? spec->security_counter : 1;
    memset(out, 0, sizeof *out);
    out->version = spec->version;
    make_loader_image(spec, counter, out);
    struct release_image image;
    MUST(release_image_describe(out->image, out->n_image, &image));
    memcpy(out->hash, image.hash, sizeof out->hash);
    name_by_digest("v1/blobs/", image.sha256, ".bin", out->blob);
    struct loader_release l = {.hw = span(spec->hw ? spec->hw : BOARD_NAME),
                               .version = spec->version,
                               .security_counter = counter,
                               .boot_min = spec->boot_min,
                               .image_bytes = out->n_image,
                               .blob = span(out->blob),
                               .notes = span("-")};
    memcpy(l.sha256, image.sha256, sizeof l.sha256);
    memcpy(l.hash, image.hash, sizeof l.hash);
    MUST(loader_print(&l, out->statement, &out->n_statement));
    put_sig(spec->key, out->statement, sizeof out->statement, &out->n_statement);
    sha256(out->statement, out->n_statement, out->sha256);
    name_by_digest("v1/loaders/", out->sha256, ".fm", out->object);
}

void test_release_state(const struct test_spec *spec, const uint8_t *const image[2],
                        const uint32_t n_image[2], struct test_release *out)
{
    make_statement(spec, image, n_image, out);
    make_channel(spec, out);
}

void test_release_restate(const struct test_spec *spec, struct test_release *out)
{
    const uint8_t *const image[2] = {out->image[0], out->image[1]};
    test_release_state(spec, image, out->n_image, out);
}

void test_release_make(const struct test_spec *spec, struct test_release *out)
{
    memset(out, 0, sizeof *out);
    out->version = spec->version;
    make_image(spec, 0, out);
    make_image(spec, 1, out);
    test_release_restate(spec, out);
}
