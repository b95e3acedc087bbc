/* A board on the bench. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "bench.h"
#include "format/image_build.h"
#include "release/file.h"
#include "release/offer.h"
#include "release/publish.h"

#define BOOTLOADER FOTA_BUILD_DIR "/f407/bootloader/bootloader.elf"
#define LOADER     FOTA_BUILD_DIR "/f407/loader/loader.img"
#define HW_ID      "f407-disco"

enum { SLICE_US = 200, LOADER_START_US = 500000, PATH_BYTES = 512, COUNTER = 1 };

void bench_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fprintf(stderr, "bench: ");
    (void)vfprintf(stderr, fmt, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    exit(EXIT_FAILURE);
}

static void image_key(struct key *key)
{
    if (key_read_private(FOTA_BUILD_DIR "/keys/image-key.pem", key)) {
        bench_fail("no key in build/keys; run `make fw` first");
    }
}

void board_make_image(const char *version, char slot, uint32_t n_bytes, struct bench_image *out)
{
    static uint8_t payload[IMAGE_MAX_BYTES];
    char path[PATH_BYTES];
    uint8_t *code = NULL;
    size_t n_code = 0;
    struct key key;
    image_key(&key);
    (void)snprintf(path, sizeof path, FOTA_BUILD_DIR "/f407/app/demo-%s-%c.bin", version, slot);
    if (file_read(path, IMAGE_MAX_BYTES, &code, &n_code, NULL)) {
        bench_fail("cannot read %s; run `make fw` first", path);
    }
    uint32_t n_payload = (uint32_t)n_code;
    memcpy(payload, code, n_code);
    free(code);
    uint32_t noise = 1; /* incompressible filling: no word is blank */
    for (; n_bytes > IMAGE_OVERHEAD_MAX_BYTES && n_payload < n_bytes - IMAGE_OVERHEAD_MAX_BYTES;
         n_payload++) {
        noise = noise * 1664525U + 1013904223U;
        payload[n_payload] = (uint8_t)(noise >> 24);
    }
    const struct image_spec spec = {.load_addr = slot == 'a' ? FLASH_SLOT_A_BASE : FLASH_SLOT_B_BASE,
                                    .version = {.major = (uint8_t)(version[0] - '0')},
                                    .security_counter = COUNTER,
                                    .hw_id = HW_ID};
    const struct image_signer signer = key_image_signer(&key);
    out->n_bytes = sizeof out->bytes;
    if (image_build(&spec, payload, n_payload, &signer, out->bytes, &out->n_bytes)) {
        bench_fail("cannot build an image of %u bytes", (unsigned)n_bytes);
    }
}

uint32_t board_make_statement(uint32_t version, const struct bench_image *a, const struct bench_image *b,
                              char *out, uint32_t cap_bytes)
{
    static char blob[2][PUBLISH_KEY_MAX_BYTES];
    const struct bench_image *image[2] = {a, b};
    struct key key;
    struct signed_text text;
    struct release release = {.product = {"demo", 4},
                              .hw = {HW_ID, strlen(HW_ID)},
                              .version = version,
                              .security_counter = COUNTER,
                              .codec = {"none", 4},
                              .confirm_within_s = 600,
                              .activate = {"now", 3},
                              .notes = {"-", 1}};
    image_key(&key);
    for (int i = 0; i < 2; i++) {
        if (release_image_describe(image[i]->bytes, image[i]->n_bytes, &release.image[i])) {
            bench_fail("not an image");
        }
        publish_blob_key(release.image[i].sha256, blob[i]);
        release.image[i].blob = (struct statement_span){blob[i], strlen(blob[i])};
    }
    const struct key *const signer[] = {&key};
    if (offer_write_release(&release, signer, 1, &text) || text.n_bytes > cap_bytes) {
        bench_fail("cannot write the release statement");
    }
    memcpy(out, text.text, text.n_bytes);
    return (uint32_t)text.n_bytes;
}

static void store_loader(struct twin *twin)
{
    uint8_t *image = NULL;
    size_t n_bytes = 0;
    if (file_read(LOADER, FLASH_LOADER_BYTES, &image, &n_bytes, NULL)) {
        bench_fail("cannot read %s; run `make fw` first", LOADER);
    }
    if (!twin_flash_store(twin, FLASH_LOADER_BASE, image, n_bytes)) {
        bench_fail("the loader does not fit sector 1");
    }
    free(image);
}

void board_open(struct board *b, const struct bench_image *slot_a, uint32_t spi_hz)
{
    char why[256];
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
    const struct link_client_config link = {.clock_hz = spi_hz};
    memset(b, 0, sizeof *b);
    b->twin = twin_create(&config, why, sizeof why);
    if (!b->twin || !twin_load_elf(b->twin, BOOTLOADER, why, sizeof why)) {
        bench_fail("no board: %s; run `make fw` first", why);
    }
    store_loader(b->twin);
    if (slot_a && !twin_flash_store(b->twin, FLASH_SLOT_A_BASE, slot_a->bytes, slot_a->n_bytes)) {
        bench_fail("the image does not fit slot A");
    }
    twin_link_init(&b->wires, b->twin);
    link_client_init(&b->link, &b->wires.io, &link);
    twin_set_power(b->twin, true);
}

void board_open_damaged(struct board *b, const struct bench_image *slot_a, uint32_t spi_hz)
{
    static const uint8_t damage[16] = {0};
    board_open(b, slot_a, spi_hz);
    board_wait(b, "app: confirmed", CONFIRM_MS);
    twin_set_power(b->twin, false);
    if (!twin_flash_store(b->twin, FLASH_SLOT_A_BASE, damage, sizeof damage)) {
        bench_fail("slot A cannot be damaged");
    }
    twin_set_power(b->twin, true);
    board_run_us(b, LOADER_START_US);
}

void board_close(struct board *b)
{
    board_check(b);
    twin_destroy(b->twin);
}

void board_run_us(struct board *b, uint64_t us)
{
    if (twin_run_until(b->twin, twin_now_ns(b->twin) + us * 1000U) != TWIN_STOP_TIME) {
        board_check(b);
        bench_fail("the board stopped");
    }
}

static void listen(struct board *b)
{
    b->n_console +=
        (uint32_t)twin_console_read(b->twin, b->console + b->n_console, CONSOLE_BYTES - 1 - b->n_console);
}

void board_wait(struct board *b, const char *text, uint32_t max_ms)
{
    listen(b);
    const uint32_t from = b->n_console;
    const uint64_t end_ns = twin_now_ns(b->twin) + (uint64_t)max_ms * 1000000U;
    while (!strstr(b->console + from, text)) {
        if (twin_now_ns(b->twin) > end_ns) {
            bench_fail("the console did not show '%s' within %u ms", text, (unsigned)max_ms);
        }
        board_run_us(b, SLICE_US);
        listen(b);
    }
}

double board_number(struct board *b, const char *text)
{
    const char *last = NULL;
    listen(b);
    for (const char *at = b->console; (at = strstr(at, text)); at += strlen(text)) {
        last = at + strlen(text);
    }
    if (!last) {
        bench_fail("the console never showed '%s'", text);
    }
    return strtod(last, NULL);
}

void board_check(const struct board *b)
{
    struct twin_violation first;
    if (twin_violation(b->twin, 0, &first) > 0) {
        bench_fail("the firmware broke a rule: %s", first.text);
    }
}
