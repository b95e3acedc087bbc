/**
 * Keys, images and statements for tests: what keygen, sign and publish make, from fixed numbers. Every knob a
 * test needs to make a wrong one is a field.
 */
#ifndef RELEASE_MAKER_H
#define RELEASE_MAKER_H

#include "base/flash_map.h"
#include "format/channel_statement.h"
#include "format/image_build.h"
#include "format/loader_statement.h"
#include "format/release_statement.h"

/** A P-256 key pair. */
struct test_key {
    uint8_t secret[32];
    uint8_t point[CRYPTO_POINT_BYTES];
};

enum { TEST_IMAGE_MAX_BYTES = 65536, TEST_NOW_S = 1790000000 /* 2026-09-21 */ };

/** Key from a small number: same number, same key. */
void test_key_make(struct test_key *key, uint8_t number);

/** Signer for image_build; lives as long as `key`. */
struct image_signer test_signer(struct test_key *key);

/** A loader: its image, and its statement as it stands in the store. */
struct test_loader {
    uint32_t version;
    uint32_t n_image;
    uint8_t image[FLASH_LOADER_BYTES];
    uint8_t hash[CRYPTO_SHA256_BYTES]; /* image hash */
    char blob[RELEASE_BLOB_MAX_BYTES];
    size_t n_statement;
    char statement[STATEMENT_RELEASE_MAX_BYTES];
    uint8_t sha256[CRYPTO_SHA256_BYTES]; /* of the statement: how a channel names it */
    char object[RELEASE_BLOB_MAX_BYTES]; /* v1/loaders/<sha256>.fm */
};

/** What goes into a loader; key and version are needed, zero fields take the default in brackets. */
struct test_loader_spec {
    struct test_key *key;
    struct test_key *image_key; /* signs the image [key] */
    const char *hw;             /* [BOARD_NAME] */
    uint32_t version;
    uint32_t security_counter; /* [1] */
    uint32_t boot_min;
    uint32_t base;          /* [FLASH_LOADER_BASE] */
    uint32_t image_counter; /* inside the image [security_counter] */
    const uint8_t *payload; /* linked code of payload_bytes bytes [9,000 bytes made from the version] */
    uint32_t payload_bytes;
};

/** Build and sign a loader. */
void test_loader_make(const struct test_loader_spec *spec, struct test_loader *out);

/** One release: two images, and both statements as they stand in the store. */
struct test_release {
    uint32_t version; /* packed */
    uint32_t n_image[2];
    uint8_t image[2][TEST_IMAGE_MAX_BYTES];
    char blob[2][RELEASE_BLOB_MAX_BYTES];
    uint8_t digest[2][CRYPTO_SHA256_BYTES]; /* of the files */
    uint8_t hash[2][CRYPTO_SHA256_BYTES];   /* image hashes */
    size_t n_statement;
    char statement[STATEMENT_RELEASE_MAX_BYTES];
    size_t n_channel;
    char channel[STATEMENT_MAX_BYTES];
};

/** What goes into it. Start from test_spec(). */
struct test_spec {
    struct test_key *release_key;
    struct test_key *channel_key;
    const char *product;
    const char *hw;
    const char *channel;
    uint32_t version;
    uint32_t security_counter;
    uint32_t payload_bytes;
    uint32_t seq;
    uint64_t issued_s;
    uint64_t expires_s;
    uint32_t retry;
    uint32_t from_min;
    uint32_t boot_min;
    uint32_t rollout_ramp_s;
    uint8_t rollout_max_pct;
    bool is_halted;
    const char *image_hw;       /* hardware id inside the images; NULL: hw */
    struct test_key *image_key; /* signs the images; NULL: release_key */
    bool is_swapped;            /* image for A in B's place and the other way round */
    const uint8_t *payload[2]; /* NULL: made from the version; else linked code of payload_bytes_of[] bytes */
    uint32_t payload_bytes_of[2];
    const struct test_loader *loader; /* that the channel names; NULL: none */
    struct test_key *revokes;         /* key that the images end; NULL: none */
};

/** Product "demo", hardware BOARD_NAME, channel "stable", counter 1, 20,000 bytes, all devices at once. */
struct test_spec test_spec(struct test_key *release_key, struct test_key *channel_key, uint32_t version,
                           uint32_t seq);

/** Build and sign everything; aborts the test program if a limit is exceeded. */
void test_release_make(const struct test_spec *spec, struct test_release *out);

/** Statements again, for images that were changed by the test (digests are taken from the bytes as they are
 * now). */
void test_release_restate(const struct test_spec *spec, struct test_release *out);

/** Statements for images that are elsewhere, because they are longer than TEST_IMAGE_MAX_BYTES. */
void test_release_state(const struct test_spec *spec, const uint8_t *const image[2],
                        const uint32_t n_image[2], struct test_release *out);

#endif
