/**
 * A small target for the tests of the boot core: a fake flash with the sectors of the real one (fewer bytes),
 * images and statements signed by test keys. Two sets of signatures: signer_p256.c (real) and signer_fast.c
 * (fake, for sweeps).
 */
#ifndef BOOT_FIXTURE_H
#define BOOT_FIXTURE_H

#include "fake/flash_fake.h"
#include "format/image_build.h"
#include "update/update.h"

enum {
    FIX_J0_RECORDS = 80,
    FIX_J1_RECORDS = 72,
    FIX_SECTOR_BYTES = 512,
    FIX_SLOT_BYTES = 3 * FIX_SECTOR_BYTES,
    FIX_SECTORS = 9, /* J1, application data, slots, J0 */
    FIX_APP_DATA_WORDS = 16,
    FIX_WORDS = JOURNAL_RECORD_WORDS * (FIX_J0_RECORDS + FIX_J1_RECORDS) + FIX_APP_DATA_WORDS +
                2 * FIX_SLOT_BYTES / 4,
    FIX_STATEMENT_MAX_BYTES = 1280,
    FIX_KEY_A = 0, /* in the bootloader: active */
    FIX_KEY_B = 1, /* in the bootloader: next */
    FIX_KEY_X = 2, /* not in the bootloader */
    FIX_KEYS = 3
};

#define FIX_HW "f407-disco"

/** Public point of a test key. */
const uint8_t *fixture_point(uint32_t key);

/** Sign a hash with the test key whose index `ctx` points to (uint32_t). For struct image_signer. */
enum fota_err fixture_sign(void *ctx, const uint8_t hash[CRYPTO_SHA256_BYTES], uint8_t *der, size_t *n_bytes);

/** The target. */
struct fixture {
    struct flash_fake fake;
    struct flash_fake_sector sectors[FIX_SECTORS];
    uint32_t words[FIX_WORDS];
    struct flash_cell cells[FIX_WORDS];
    struct update_config config;
    struct crypto_sha256 hash; /* config.hash */
};

/** An image file. */
struct fixture_image {
    uint32_t n_bytes;
    uint8_t bytes[FIX_SLOT_BYTES];
};

/** A release: what is signed and published. */
struct fixture_release {
    uint32_t version; /* packed */
    uint32_t counter;
    uint32_t key;
    uint32_t payload_bytes;
    uint8_t run_flags;           /* IMAGE_RUN_*, of both images */
    const uint8_t *revokes;      /* key hash that both images end; NULL none */
    uint32_t boot_min;           /* root that the statement asks for */
    const uint8_t *digest_start; /* 4 bytes: what all digests in the statement begin with; NULL: the truth */
    struct fixture_image image[2];
    uint8_t text[FIX_STATEMENT_MAX_BYTES];
    size_t n_text;
};

/** Blank chip, configured for two keys. */
void fixture_init(struct fixture *fix);

/** After a copy of the bytes of a fixture: pointers into the copy. */
void fixture_repoint(struct fixture *fix);

/** Build and sign an image for a slot. Fails the test if it cannot. */
void fixture_image(struct fixture_image *image, const struct image_spec *spec, uint32_t payload_bytes,
                   uint32_t key);

/** Images of both slots and the statement. `version`, `counter`, `key` and `payload_bytes` are set by the
 * caller, the next four if need be. */
void fixture_release(struct fixture_release *release);

/** As from the factory: image in a slot, journal blank. */
void fixture_factory(struct fixture *fix, const struct fixture_release *release, enum slot slot);

#endif
