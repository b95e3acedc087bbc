#include "boot_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "format/release_statement.h"
#include "format/statement_write.h"

void fixture_repoint(struct fixture *fix)
{
    fix->fake.sectors = fix->sectors;
    fix->fake.words = fix->words;
    fix->fake.cells = fix->cells;
    fix->config.flash = &fix->fake.flash;
    fix->config.slot[0] = (const uint8_t *)flash_fake_at(&fix->fake, FLASH_SLOT_A_BASE);
    fix->config.slot[1] = (const uint8_t *)flash_fake_at(&fix->fake, FLASH_SLOT_B_BASE);
}

void fixture_init(struct fixture *fix)
{
    memset(fix, 0, sizeof *fix);
    struct flash_fake_sector *s = fix->sectors;
    *s++ = (struct flash_fake_sector){
        FLASH_J1_SECTOR, FLASH_J1_BASE, JOURNAL_RECORD_WORDS * FIX_J1_RECORDS, true, false, 0};
    *s++ = (struct flash_fake_sector){4, 0x08010000, FIX_APP_DATA_WORDS, false, false, 0};
    for (uint32_t i = 0; i < 3; i++) {
        *s++ = (struct flash_fake_sector){FLASH_SLOT_A_SECTOR + i,
                                          FLASH_SLOT_A_BASE + i * FIX_SECTOR_BYTES,
                                          FIX_SECTOR_BYTES / 4,
                                          true,
                                          false,
                                          0};
    }
    for (uint32_t i = 0; i < 3; i++) {
        *s++ = (struct flash_fake_sector){FLASH_SLOT_B_SECTOR + i,
                                          FLASH_SLOT_B_BASE + i * FIX_SECTOR_BYTES,
                                          FIX_SECTOR_BYTES / 4,
                                          true,
                                          false,
                                          0};
    }
    *s++ = (struct flash_fake_sector){
        FLASH_J0_SECTOR, FLASH_J0_BASE, JOURNAL_RECORD_WORDS * FIX_J0_RECORDS, true, false, 0};
    flash_fake_init(&fix->fake, fix->sectors, FIX_SECTORS, fix->words, fix->cells);
    fix->config = (struct update_config){
        .journal = {{FLASH_J0_BASE, FLASH_J0_SECTOR, FIX_J0_RECORDS},
                    {FLASH_J1_BASE, FLASH_J1_SECTOR, FIX_J1_RECORDS},
                    JOURNAL_SPARE_PLACE(FLASH_SLOT_A_BASE, FLASH_SLOT_A_SECTOR, 3, FIX_SECTOR_BYTES),
                    JOURNAL_SPARE_PLACE(FLASH_SLOT_B_BASE, FLASH_SLOT_B_SECTOR, 3, FIX_SECTOR_BYTES)},
        .base = {FLASH_SLOT_A_BASE, FLASH_SLOT_B_BASE},
        .first_sector = {FLASH_SLOT_A_SECTOR, FLASH_SLOT_B_SECTOR},
        .sector_bytes = FIX_SECTOR_BYTES,
        .n_sectors = 3,
        .bootloader_version = 0x01000000,
        .hw_id = FIX_HW,
        .keys = {fixture_point(FIX_KEY_A), fixture_point(FIX_KEY_B)},
        .hash = &fix->hash,
    };
    fixture_repoint(fix);
}

void fixture_image(struct fixture_image *image, const struct image_spec *spec, uint32_t payload_bytes,
                   uint32_t key)
{
    uint8_t payload[FIX_SLOT_BYTES];
    for (uint32_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 31 + spec->version.major * 7 + spec->version.minor);
    }
    bytes_store_le32(payload, RAM_BASE + RAM_APP_BYTES);
    bytes_store_le32(payload + 4, spec->load_addr + IMAGE_HEADER_AREA_BYTES + 9);
    struct image_signer signer = {fixture_sign, &key, {0}};
    memcpy(signer.point, fixture_point(key), sizeof signer.point);
    image->n_bytes = sizeof image->bytes;
    memset(image->bytes, 0xFF, sizeof image->bytes);
    uint8_t out[2 * FIX_SLOT_BYTES];
    uint32_t out_bytes = sizeof out;
    assert_int_equal(image_build(spec, payload, payload_bytes, &signer, out, &out_bytes), FOTA_OK);
    assert_true(out_bytes <= sizeof image->bytes);
    memcpy(image->bytes, out, out_bytes);
    image->n_bytes = out_bytes;
}

static struct statement_span span_of(const char *text)
{
    return (struct statement_span){text, strlen(text)};
}

void fixture_release(struct fixture_release *release)
{
    struct image_spec spec = {.version = {(uint8_t)(release->version >> 24),
                                          (uint8_t)(release->version >> 16), (uint16_t)release->version, 0},
                              .security_counter = release->counter,
                              .hw_id = FIX_HW,
                              .run_flags = release->run_flags,
                              .revokes = release->revokes};
    struct release r = {.product = span_of("demo"),
                        .hw = span_of(FIX_HW),
                        .version = release->version,
                        .security_counter = release->counter,
                        .codec = span_of("none"),
                        .boot_min = release->boot_min,
                        .confirm_within_s = 60,
                        .activate = span_of("now"),
                        .notes = span_of("test")};
    for (uint32_t slot = 0; slot < 2; slot++) {
        spec.load_addr = slot == 0 ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE;
        fixture_image(&release->image[slot], &spec, release->payload_bytes, release->key);
        assert_int_equal(
            release_image_describe(release->image[slot].bytes, release->image[slot].n_bytes, &r.image[slot]),
            FOTA_OK);
        if (release->digest_start) {
            memcpy(r.image[slot].sha256, release->digest_start, 4);
            memcpy(r.image[slot].hash, release->digest_start, 4);
        }
        r.image[slot].blob = span_of("v1/blobs/test.bin");
    }
    assert_int_equal(release_print(&r, (char *)release->text, &release->n_text), FOTA_OK);

    struct crypto_sha256 ctx;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    uint8_t key_id[CRYPTO_SHA256_BYTES];
    uint8_t der[CRYPTO_SIGNATURE_MAX_BYTES];
    size_t n_der = sizeof der;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, release->text, release->n_text);
    crypto_sha256_final(&ctx, hash);
    image_keyhash(fixture_point(release->key), key_id);
    assert_int_equal(fixture_sign(&release->key, hash, der, &n_der), FOTA_OK);
    struct statement_text text = {(char *)release->text, sizeof release->text, release->n_text, false};
    assert_int_equal(statement_put_sig(&text, key_id, der, n_der), FOTA_OK);
    release->n_text = text.n_bytes;
}

void fixture_factory(struct fixture *fix, const struct fixture_release *release, enum slot slot)
{
    const struct fixture_image *image = &release->image[slot];
    uint8_t padded[FIX_SLOT_BYTES];
    memset(padded, 0xFF, sizeof padded);
    memcpy(padded, image->bytes, image->n_bytes);
    flash_fake_load(&fix->fake, fix->config.base[slot], padded, (image->n_bytes + 3) / 4 * 4);
}
