#include "desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "format/image_build.h"
#include "release/file.h"
#include "release/key.h"
#include "release/offer.h"
#include "release/publish.h"

struct test_release desk_release[2];
uint8_t desk_bootloader[DESK_BOOTLOADER_BYTES];
uint32_t desk_n_bootloader;
struct firmware_loader desk_loader;

static void read_file(const char *path, size_t limit_bytes, uint8_t **bytes, size_t *n_bytes)
{
    enum fota_err err = file_read(path, limit_bytes, bytes, n_bytes, NULL);
    if (err) {
        fail_msg("%s: %s; build the firmware first (make fw)", path, fota_err_text(err));
    }
}

static void make_release(struct test_key *image_key, unsigned major, struct test_release *out)
{
    struct test_key channel_key;
    uint8_t *payload[2];
    size_t n_bytes[2];
    test_key_make(&channel_key, 2);
    struct test_spec spec = test_spec(image_key, &channel_key, major << 24, major);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        (void)snprintf(path, sizeof path, FOTA_FIRMWARE_DIR "/app/demo-%u.0.0-%c.bin", major,
                       slot ? 'b' : 'a');
        read_file(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes[slot]);
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes[slot];
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

static void read_key(struct key *key)
{
    if (key_read_private(FOTA_SOURCE_DIR "/build/keys/" KEY_IMAGE ".pem", key)) {
        fail_msg("no key in build/keys; build the firmware first (make fw)");
    }
}

static void make_large_image(const struct key *key, unsigned slot, uint32_t n_bytes, struct desk_large *out)
{
    static uint8_t payload[DESK_LARGE_BYTES];
    uint8_t *code = NULL;
    size_t n_code = 0;
    read_file(slot ? FOTA_FIRMWARE_DIR "/app/demo-2.0.0-b.bin" : FOTA_FIRMWARE_DIR "/app/demo-2.0.0-a.bin",
              sizeof payload, &code, &n_code);
    desk_fill(payload, sizeof payload, slot);
    memcpy(payload, code, n_code);
    free(code);
    const struct image_spec spec = {.load_addr = slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE,
                                    .version = {.major = 2},
                                    .security_counter = 1,
                                    .hw_id = "f407-disco"};
    const struct image_signer signer = key_image_signer(key);
    out->n_image[slot] = sizeof out->image[slot];
    assert_int_equal(image_build(&spec, payload, n_bytes - IMAGE_OVERHEAD_MAX_BYTES, &signer,
                                 out->image[slot], &out->n_image[slot]),
                     FOTA_OK);
}

void desk_make_large(struct desk_large *out, uint32_t n_bytes)
{
    static char blob[2][PUBLISH_KEY_MAX_BYTES];
    struct key key;
    struct signed_text text;
    const struct key *const signer[] = {&key};
    struct release release = {.product = {"demo", 4},
                              .hw = {"f407-disco", 10},
                              .version = 2 << 24,
                              .security_counter = 1,
                              .codec = {"none", 4},
                              .confirm_within_s = 60,
                              .activate = {"now", 3},
                              .notes = {"-", 1}};
    read_key(&key);
    for (unsigned slot = 0; slot < 2; slot++) {
        make_large_image(&key, slot, n_bytes, out);
        assert_int_equal(release_image_describe(out->image[slot], out->n_image[slot], &release.image[slot]),
                         FOTA_OK);
        publish_blob_key(release.image[slot].sha256, blob[slot]);
        release.image[slot].blob = (struct statement_span){blob[slot], strlen(blob[slot])};
    }
    assert_int_equal(offer_write_release(&release, signer, 1, &text), FOTA_OK);
    assert_true(text.n_bytes <= sizeof out->statement);
    memcpy(out->statement, text.text, text.n_bytes);
    out->n_statement = (uint32_t)text.n_bytes;
    key_forget(&key);
}

int desk_set_up(void **state)
{
    (void)state;
    struct test_key image_key;
    struct key key;
    read_key(&key);
    memcpy(image_key.secret, key.secret, sizeof image_key.secret);
    memcpy(image_key.point, key.point, sizeof image_key.point);
    key_forget(&key);
    make_release(&image_key, 1, &desk_release[0]);
    make_release(&image_key, 2, &desk_release[1]);
    desk_n_bootloader = firmware_read_root(desk_bootloader);
    firmware_make_loader(&(struct firmware_loader_plan){.key = NULL}, &desk_loader);
    return 0;
}

void desk_open(struct desk *d, enum twin_rom rom, enum twin_flash_timing timing, bool is_strict)
{
    char why[256] = "";
    const struct twin_config config = {.flash_timing = timing, .rom = rom, .seed = 1, .strict = is_strict};
    memset(d, 0, sizeof *d);
    d->is_strict = is_strict;
    d->twin = twin_create(&config, why, sizeof why);
    if (!d->twin) {
        fail_msg("%s", why);
    }
    twin_link_init(&d->wires, d->twin);
    link_client_init(&d->link, &d->wires.io, NULL);
}

void desk_load_bootloader(const struct desk *d)
{
    firmware_program(d->twin);
}

void desk_run_ms(const struct desk *d, uint32_t ms)
{
    (void)twin_run_until(d->twin, twin_now_ns(d->twin) + (uint64_t)ms * 1000000U);
}

void desk_open_healthy(struct desk *d)
{
    static struct twin_snapshot *healthy;
    desk_open(d, TWIN_ROM_V9_1, TWIN_FLASH_TYPICAL, true);
    if (healthy) {
        twin_restore(d->twin, healthy);
        return;
    }
    desk_load_bootloader(d);
    assert_true(
        twin_flash_store(d->twin, FLASH_SLOT_A_BASE, desk_release[0].image[0], desk_release[0].n_image[0]));
    twin_set_power(d->twin, true);
    desk_run_ms(d, DESK_SETTLE_MS);
    healthy = twin_save(d->twin);
    assert_non_null(healthy);
}

void desk_close(struct desk *d)
{
    struct twin_violation v;
    if (d->is_strict && twin_violation(d->twin, 0, &v) > 0) {
        fail_msg("violation at pc 0x%08x: %s", v.pc, v.text);
    }
    twin_destroy(d->twin);
}

void desk_fill(uint8_t *bytes, size_t n_bytes, uint64_t seed)
{
    for (size_t i = 0; i < n_bytes; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        bytes[i] = (uint8_t)(seed >> 56);
    }
}
