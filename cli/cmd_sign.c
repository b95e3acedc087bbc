/* fota sign: a linked binary becomes a signed image for one slot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "cli.h"
#include "commands.h"
#include "format/image_build.h"
#include "keys.h"
#include "release/file.h"

enum { OPT_SLOT, OPT_VERSION, OPT_HW, OPT_COUNTER, OPT_KEY, OPT_OUT };

static const struct cli_option OPTIONS[] = {
    {"slot", CLI_TEXT, "a|b|loader", NULL, "slot the binary is linked for"},
    {"version", CLI_TEXT, "M.N.R", NULL, "version, 0.0.0 to 255.255.65535"},
    {"hw", CLI_TEXT, "ID", NULL, "hardware id, at most 15 characters"},
    {"counter", CLI_NUMBER, "N", NULL, "security counter; boards never go below the highest they confirmed"},
    {"key", CLI_TEXT, "FILE", NULL, "private key, e.g. keys/image-key.pem"},
    {"out", CLI_TEXT, "FILE", NULL, "signed image to write; replaced if it exists"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

static enum cli_exit check_options(struct cli *cli, const struct cli_command *self,
                                   const struct cli_values *v, struct image_spec *spec)
{
    for (size_t i = 0; OPTIONS[i].name != NULL; i++) {
        if (!v->option[i].is_given) {
            return cli_usage(cli, self, "--%s is missing", OPTIONS[i].name);
        }
    }
    if (v->n_positionals != 1) {
        return cli_usage(cli, self, "give exactly one binary to sign");
    }
    const char *slot = v->option[OPT_SLOT].text;
    if (strcmp(slot, "a") != 0 && strcmp(slot, "b") != 0 && strcmp(slot, "loader") != 0) {
        return cli_usage(cli, self, "--slot is a, b or loader, not '%s'", slot);
    }
    const struct statement_span version_text = {v->option[OPT_VERSION].text,
                                                strlen(v->option[OPT_VERSION].text)};
    uint32_t version = 0;
    if (statement_version(&version_text, &version) != FOTA_OK) {
        return cli_usage(cli, self, "--version is three numbers like 1.4.0 (up to 255.255.65535), not '%s'",
                         v->option[OPT_VERSION].text);
    }
    const char *hw = v->option[OPT_HW].text;
    if (strlen(hw) == 0 || strlen(hw) > 15 ||
        strspn(hw, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(hw)) {
        return cli_usage(cli, self, "--hw is 1 to 15 of a-z, 0-9, -, _ and ., not '%s'", hw);
    }
    *spec = (struct image_spec){
        .load_addr = slot[0] == 'l'   ? FLASH_LOADER_BASE
                     : slot[0] == 'a' ? FLASH_SLOT_A_BASE
                                      : FLASH_SLOT_B_BASE,
        .version = {(uint8_t)(version >> 24), (uint8_t)(version >> 16), (uint16_t)version, 0},
        .security_counter = v->option[OPT_COUNTER].number,
        .hw_id = hw,
    };
    return CLI_OK;
}

/* The vector table must be that of a program linked for this slot; the commonest mistake gets its own
 * sentence. */
static enum cli_exit check_vectors(struct cli *cli, const char *path, const uint8_t *payload, size_t n_bytes,
                                   const struct image_spec *spec)
{
    if (n_bytes < 8) {
        return cli_fail(cli, E_IMAGE_SIZE, "%s has %zu bytes, which is no program", path, n_bytes);
    }
    if (bytes_load_le32(payload) == (uint32_t)IMAGE_MAGIC) {
        return cli_fail(cli, E_IMAGE_HEADER,
                        "%s is a signed image already; give the binary that the linker made", path);
    }
    const uint32_t stack = bytes_load_le32(payload);
    const uint32_t reset = bytes_load_le32(payload + 4);
    const uint32_t start = spec->load_addr + FLASH_IMAGE_HEADER_AREA_BYTES;
    const uint32_t other = (spec->load_addr == FLASH_SLOT_A_BASE ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE);
    if (reset >= other && reset < other + FLASH_SLOT_BYTES) {
        return cli_fail(cli, E_IMAGE_SLOT,
                        "%s is linked for slot %c (reset vector 0x%08x); give the other binary or the "
                        "other --slot",
                        path, other == FLASH_SLOT_A_BASE ? 'a' : 'b', (unsigned)reset);
    }
    if ((reset & 1) == 0 || reset < start || reset >= start + n_bytes) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s has reset vector 0x%08x, which is not in the image at 0x%08x; link it with "
                        "fota_add_application()",
                        path, (unsigned)reset, (unsigned)start);
    }
    if (stack <= RAM_BASE || stack > RAM_BASE + RAM_BYTES || (stack & 3) != 0) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s has initial stack 0x%08x, which is not in RAM; its first word must be "
                        "the vector table's",
                        path, (unsigned)stack);
    }
    return CLI_OK;
}

/* What is signed, and where it goes. */
struct work {
    struct image_spec spec;
    const char *path;
    uint8_t *payload;
    size_t n_payload;
    const char *out_path;
    uint8_t *out;
    uint32_t n_out;
};

/* Build, and verify with the bootloader's own code. */
static enum fota_err build(struct work *w, const struct key *key)
{
    const size_t cap_bytes = w->n_payload + IMAGE_OVERHEAD_MAX_BYTES;
    w->out = malloc(cap_bytes);
    w->n_out = (uint32_t)cap_bytes;
    if (w->out == NULL) {
        return E_INTERNAL;
    }
    const struct image_signer signer = key_image_signer(key);
    enum fota_err err = image_build(&w->spec, w->payload, (uint32_t)w->n_payload, &signer, w->out, &w->n_out);
    if (err) {
        return err;
    }
    const uint32_t slot_bytes =
        w->spec.load_addr == FLASH_LOADER_BASE ? FLASH_LOADER_BYTES : FLASH_SLOT_BYTES;
    if (w->n_out > slot_bytes) {
        return E_IMAGE_SIZE;
    }
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {.base = w->spec.load_addr,
                                        .slot_bytes = slot_bytes,
                                        .security_floor = w->spec.security_counter,
                                        .hw_id = w->spec.hw_id,
                                        .keys = {key->point, NULL},
                                        .hash = &hash};
    struct image_result verified;
    err = image_verify(w->out, w->n_out, &policy, &verified);
    return !err && verified.verdict != CRYPTO_ACCEPT ? E_INTERNAL : err;
}

static void print_done(struct cli *cli, const struct work *w)
{
    if (cli->is_json) {
        struct cli_json j = {cli->out, true};
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", true);
        cli_json_text(&j, "file", w->out_path);
        cli_json_number(&j, "bytes", w->n_out);
        cli_json_close(&j, '}');
        (void)fputc('\n', cli->out);
        return;
    }
    const struct image_spec *spec = &w->spec;
    (void)fprintf(cli->out, "%s: %u bytes for slot %s, version %u.%u.%u, hardware %s, security counter %u\n",
                  w->out_path, (unsigned)w->n_out,
                  spec->load_addr == FLASH_LOADER_BASE   ? "loader"
                  : spec->load_addr == FLASH_SLOT_A_BASE ? "a"
                                                         : "b",
                  spec->version.major, spec->version.minor, spec->version.revision, spec->hw_id,
                  (unsigned)spec->security_counter);
}

static enum cli_exit build_and_write(struct cli *cli, struct work *w, const struct key *key)
{
    enum fota_err err = build(w, key);
    if (err) {
        return cli_fail(cli, err, "%s cannot be signed: the image would not boot", w->path);
    }
    if (file_replace(w->out_path, w->out, w->n_out) != FOTA_OK) {
        return cli_fail(cli, E_IO, "%s cannot be written: %s", w->out_path, strerror(errno));
    }
    print_done(cli, w);
    return CLI_OK;
}

static enum cli_exit sign(struct cli *cli, struct work *w, const char *key_path)
{
    struct key key;
    enum cli_exit result = cli_file(cli, w->path, FLASH_SLOT_BYTES, &w->payload, &w->n_payload);
    if (result == CLI_OK) {
        result = check_vectors(cli, w->path, w->payload, w->n_payload, &w->spec);
    }
    if (result == CLI_OK) {
        result = cli_key_private(cli, key_path, &key);
    }
    if (result == CLI_OK) {
        result = build_and_write(cli, w, &key);
        key_forget(&key);
    }
    return result;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    struct cli_values v;
    struct work w = {.path = NULL};
    bool is_done = false;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &v, &is_done);
    if (is_done) {
        return result;
    }
    result = check_options(cli, self, &v, &w.spec);
    if (result != CLI_OK) {
        return result;
    }
    w.path = v.positional[0];
    w.out_path = v.option[OPT_OUT].text;
    result = sign(cli, &w, v.option[OPT_KEY].text);
    free(w.payload);
    free(w.out);
    return result;
}

const struct cli_command cli_cmd_sign = {
    .name = "sign",
    .summary = "make a signed image from a linked binary",
    .arguments = "--slot a|b|loader --version M.N.R --hw ID --counter N --key FILE --out FILE BINARY",
    .details =
        "Adds MCUboot's header and TLVs (docs/spec/image.md) to a binary that was linked for one slot, signs "
        "it, and\n"
        "verifies the result with the bootloader's own code before it is written. The output does not depend "
        "on time.\n\n"
        "  fota sign --slot a --version 2.0.0 --hw f407-disco --counter 1 --key keys/image-key.pem \\\n"
        "            --out app_a.img app_a.bin\n",
    .options = OPTIONS,
    .run = run,
};
