#include "firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "format/image.h"
#include "release/file.h"

_Noreturn static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s; build the firmware first (make fw)\n", what, why);
    exit(2);
}

const char *firmware_folder(void)
{
    const char *folder = getenv("FOTA_FIRMWARE");
    return folder ? folder : FOTA_FIRMWARE_DIR;
}

void firmware_read_key(struct key *out)
{
    static const char path[] = FOTA_SOURCE_DIR "/build/keys/" KEY_IMAGE ".pem";
    enum fota_err err = key_read_private(path, out);
    if (err) {
        die(path, fota_err_text(err));
    }
}

/* A file of the build, at most `max_bytes`. @return its size */
static uint32_t read_file(const char *name, uint8_t *out, size_t max_bytes)
{
    char path[512];
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    (void)snprintf(path, sizeof path, "%s/%s", firmware_folder(), name);
    enum fota_err err = file_read(path, max_bytes, &bytes, &n_bytes, NULL);
    if (err) {
        die(path, fota_err_text(err));
    }
    memcpy(out, bytes, n_bytes);
    free(bytes);
    return (uint32_t)n_bytes;
}

void firmware_make_loader(const struct firmware_loader_plan *plan, struct firmware_loader *out)
{
    static uint8_t payload[FLASH_LOADER_BYTES];
    uint32_t n_payload = read_file("loader/loader.bin", payload, sizeof payload);
    const struct image_spec spec = {.load_addr = plan->load_addr ? plan->load_addr : FLASH_LOADER_BASE,
                                    .version = {.major = plan->major ? plan->major : 1},
                                    .security_counter = plan->counter ? plan->counter : 1,
                                    .hw_id = plan->hw ? plan->hw : BOARD_NAME};
    struct key own;
    if (!plan->key) {
        firmware_read_key(&own);
    }
    struct image_signer signer = key_image_signer(plan->key ? plan->key : &own);
    out->n_bytes = sizeof out->bytes;
    enum fota_err err = image_build(&spec, payload, n_payload, &signer, out->bytes, &out->n_bytes);
    if (!plan->key) {
        key_forget(&own);
    }
    if (err) {
        die("loader/loader.bin", fota_err_text(err));
    }
}

void firmware_image_hash(const uint8_t *image, uint32_t n_bytes, uint8_t hash[CRYPTO_SHA256_BYTES])
{
    struct image parts;
    struct crypto_sha256 sha;
    memset(hash, 0, CRYPTO_SHA256_BYTES);
    if (image_parse(image, n_bytes, &parts) == FOTA_OK) {
        crypto_sha256_init(&sha);
        crypto_sha256_update(&sha, image, parts.signed_bytes);
        crypto_sha256_final(&sha, hash);
    }
}

uint32_t firmware_read_root(uint8_t out[FIRMWARE_ROOT_MAX_BYTES])
{
    return read_file("bootloader/bootloader.bin", out, FIRMWARE_ROOT_MAX_BYTES);
}

uint32_t firmware_read_loader(uint8_t out[FIRMWARE_ROOT_MAX_BYTES])
{
    return read_file("loader/loader.bin", out, FIRMWARE_ROOT_MAX_BYTES);
}

void firmware_store_loader(struct twin *t, const struct firmware_loader *loader)
{
    static uint8_t blank[FLASH_LOADER_BYTES];
    memset(blank, 0xFF, sizeof blank);
    if (!twin_flash_store(t, FLASH_LOADER_BASE, blank, sizeof blank) || loader->n_bytes > sizeof blank ||
        !twin_flash_store(t, FLASH_LOADER_BASE, loader->bytes, loader->n_bytes)) {
        die("loader", "does not fit sector 1");
    }
}

void firmware_program_root(struct twin *t)
{
    char elf[512];
    char why[256] = "";
    (void)snprintf(elf, sizeof elf, "%s/bootloader/bootloader.elf", firmware_folder());
    if (!twin_load_elf(t, elf, why, sizeof why)) {
        die(elf, why);
    }
}

void firmware_program(struct twin *t)
{
    static struct firmware_loader loader; /* the signature is the same each time, and slow to make */
    if (loader.n_bytes == 0) {
        firmware_make_loader(&(struct firmware_loader_plan){.key = NULL}, &loader);
    }
    firmware_program_root(t);
    firmware_store_loader(t, &loader);
}
