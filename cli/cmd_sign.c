/* fota sign: a linked binary becomes a signed image for one slot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_chip.h"
#include "cli.h"
#include "commands.h"
#include "elf/elf.h"
#include "format/image_build.h"
#include "image_check.h"
#include "keys.h"
#include "release/file.h"

enum { OPT_SLOT, OPT_VERSION, OPT_HW, OPT_COUNTER, OPT_KEY, OPT_OUT, OPT_NO_WATCHDOG, OPT_REVOKES, OPT_ELF };
enum { N_NEEDED = OPT_OUT + 1 };
enum {
    ELF_FILE_MAX_BYTES = 1 << 26, /* with debug information */
    VECTORS_LOOKED_AT_BYTES = 64  /* no two programs have the same stack, reset vector and handlers */
};

static const struct cli_option OPTIONS[] = {
    {"slot", CLI_TEXT, "a|b|loader", NULL, "place the binary is linked for"},
    {"version", CLI_TEXT, "M.N.R[+B]", NULL, "version, 0.0.0 to 255.255.65535, and perhaps a build number"},
    {"hw", CLI_TEXT, "ID", NULL, "hardware id: the board's name"},
    {"counter", CLI_NUMBER, "N", NULL, "security counter; boards never go below the highest they confirmed"},
    {"key", CLI_TEXT, "FILE", NULL, "private key, e.g. keys/image-key.pem"},
    {"out", CLI_TEXT, "FILE", NULL, "signed image to write; replaced if it exists"},
    {"no-watchdog", CLI_FLAG, NULL, NULL, "once confirmed, start it without the watchdog"},
    {"revokes", CLI_TEXT, "FILE", NULL,
     "public key that ends when this image is confirmed; --key is the next key"},
    {"elf", CLI_TEXT, "FILE", NULL,
     "what the linker made; refused unless it begins where the image's program does"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

/* What is signed, and where it goes. */
struct work {
    struct image_spec spec;
    const struct board_layout *board;
    enum image_place place;
    const char *path;
    uint8_t *payload;
    size_t n_payload;
    const char *out_path;
    uint8_t *out;
    uint32_t n_out;
    const char *elf_path;     /* NULL: not given */
    const char *revokes_path; /* NULL: ends no key */
    struct key revoked;
};

/* `M.N.R` or `M.N.R+B`. */
static bool read_version(const char *text, struct image_version *out)
{
    const char *plus = strchr(text, '+');
    const struct statement_span version = {text, plus ? (size_t)(plus - text) : strlen(text)};
    uint32_t packed = 0;
    uint32_t build = 0;
    if (statement_version(&version, &packed) != FOTA_OK) {
        return false;
    }
    if (plus) {
        const struct statement_span number = {plus + 1, strlen(plus + 1)};
        if (statement_u32(&number, &build) != FOTA_OK) {
            return false;
        }
    }
    *out = (struct image_version){(uint8_t)(packed >> 24), (uint8_t)(packed >> 16), (uint16_t)packed, build};
    return true;
}

static enum cli_exit check_options(struct cli *cli, const struct cli_command *self,
                                   const struct cli_values *v, struct work *w)
{
    for (size_t i = 0; i < N_NEEDED; i++) {
        if (!v->option[i].is_given) {
            return cli_usage(cli, self, "--%s is missing", OPTIONS[i].name);
        }
    }
    if (v->n_positionals != 1) {
        return cli_usage(cli, self, "give exactly one binary to sign");
    }
    w->place = image_place_of(v->option[OPT_SLOT].text);
    if (w->place == IMAGE_ANYWHERE) {
        return cli_usage(cli, self, "--slot is a, b or loader, not '%s'", v->option[OPT_SLOT].text);
    }
    struct image_version version;
    if (!read_version(v->option[OPT_VERSION].text, &version)) {
        return cli_usage(cli, self,
                         "--version is three numbers like 1.4.0 (up to 255.255.65535), perhaps with a build "
                         "number like 1.4.0+17, not '%s'",
                         v->option[OPT_VERSION].text);
    }
    const char *hw = v->option[OPT_HW].text;
    enum cli_exit result = cli_check_hw(cli, self, hw);
    if (result == CLI_OK) {
        result = cli_find_board(cli, self, "--hw", hw, &w->board);
    }
    if (result != CLI_OK) {
        return result;
    }
    w->spec = (struct image_spec){
        .load_addr = image_place_area(w->board, w->place)->base,
        .version = version,
        .security_counter = v->option[OPT_COUNTER].number,
        .hw_id = hw,
        .run_flags = v->option[OPT_NO_WATCHDOG].is_given ? 0 : IMAGE_RUN_WATCHDOG,
    };
    return CLI_OK;
}

/* The vector table must be that of a program linked for this slot; the commonest mistake gets its own
 * sentence. */
static enum cli_exit check_vectors(struct cli *cli, const struct work *w)
{
    const char *path = w->path;
    const uint8_t *payload = w->payload;
    const size_t n_bytes = w->n_payload;
    if (n_bytes < 8) {
        return cli_fail(cli, E_IMAGE_SIZE, "%s has %zu bytes, which is no program", path, n_bytes);
    }
    if (bytes_load_le32(payload) == (uint32_t)IMAGE_MAGIC) {
        return cli_fail(cli, E_IMAGE_HEADER,
                        "%s is a signed image already; give the binary that the linker made", path);
    }
    const uint32_t stack = bytes_load_le32(payload);
    const uint32_t reset = bytes_load_le32(payload + 4);
    const uint32_t start = w->spec.load_addr + FLASH_IMAGE_HEADER_AREA_BYTES;
    static const enum image_place places[] = {IMAGE_PLACE_A, IMAGE_PLACE_B, IMAGE_PLACE_LOADER};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct board_area *area = image_place_area(w->board, places[i]);
        if (places[i] != w->place && reset - area->base < area->n_bytes) {
            return cli_fail(cli, E_IMAGE_SLOT,
                            "%s is linked for %s (reset vector 0x%08x); give the other binary or the "
                            "other --slot",
                            path, image_place_text(places[i]), (unsigned)reset);
        }
    }
    if ((reset & 1) == 0 || reset < start || reset >= start + n_bytes) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s has reset vector 0x%08x, which is not in the image at 0x%08x, %s of board %s; "
                        "link it with fota_add_application() for this board",
                        path, (unsigned)reset, (unsigned)start, image_place_text(w->place), w->board->hw_id);
    }
    if (stack <= RAM_BASE || stack > RAM_BASE + w->board->ram.n_bytes || (stack & 3) != 0) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s has initial stack 0x%08x, which is not in RAM; its first word must be "
                        "the vector table's",
                        path, (unsigned)stack);
    }
    return CLI_OK;
}

/* Where the linker put the beginning of the binary. Not where a segment begins: a linker may put the ELF's own headers
 * before the program. @return 0: the ELF does not hold it */
static uint32_t linked_to(const struct work *w, const uint8_t *file, const struct elf_segment *segment, int n)
{
    const size_t n_first = w->n_payload < VECTORS_LOOKED_AT_BYTES ? w->n_payload : VECTORS_LOOKED_AT_BYTES;
    for (int i = 0; i < n; i++) {
        for (uint32_t off = 0; off + n_first <= segment[i].n_bytes; off += 4) {
            if (memcmp(file + segment[i].off + off, w->payload, n_first) == 0) {
                return segment[i].addr + off;
            }
        }
    }
    return 0;
}

/* The ELF of the binary tells what the binary cannot: where its first byte was linked to. A linker script that leaves
 * no room for the image header gives a program that runs from the slot's base, before the place where it will lie. */
static enum cli_exit check_linked_to(struct cli *cli, const struct work *w, uint32_t addr)
{
    const uint32_t start = w->spec.load_addr + FLASH_IMAGE_HEADER_AREA_BYTES;
    if (addr == start) {
        return CLI_OK;
    }
    if (addr == 0) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s does not hold %s: give the ELF that this binary was made of", w->elf_path,
                        w->path);
    }
    if (addr == w->spec.load_addr) {
        return cli_fail(cli, E_IMAGE_VECTORS,
                        "%s is linked to 0x%08x, where %s of board %s has the image header; in the linker "
                        "script FLASH begins at 0x%08x, after the header",
                        w->elf_path, (unsigned)addr, image_place_text(w->place), w->board->hw_id,
                        (unsigned)start);
    }
    return cli_fail(cli, E_IMAGE_SLOT,
                    "%s is linked to 0x%08x, a program in %s of board %s begins at 0x%08x; give the other "
                    "--slot, or link it with that place's linker script",
                    w->elf_path, (unsigned)addr, image_place_text(w->place), w->board->hw_id,
                    (unsigned)start);
}

static enum cli_exit check_elf(struct cli *cli, const struct work *w)
{
    struct elf_segment segment[ELF_SEGMENTS_MAX];
    uint8_t *file = NULL;
    size_t n_bytes = 0;
    char why[128] = "";
    if (!w->elf_path) {
        return CLI_OK;
    }
    enum cli_exit result = cli_file(cli, w->elf_path, ELF_FILE_MAX_BYTES, &file, &n_bytes);
    if (result != CLI_OK) {
        return result;
    }
    const int n = elf_segments(file, n_bytes, segment, ELF_SEGMENTS_MAX, why, sizeof why);
    result = n < 0
                 ? cli_fail(cli, E_IMAGE_VECTORS, "%s is no program that a linker made: %s", w->elf_path, why)
                 : check_linked_to(cli, w, linked_to(w, file, segment, n));
    free(file);
    return result;
}

/* Build, and verify with the bootloader's own code. */
static enum fota_err build(struct work *w, const struct key *key)
{
    const size_t cap_bytes = w->n_payload + IMAGE_OVERHEAD_MAX_BYTES;
    w->out = malloc(cap_bytes);
    w->n_out = (uint32_t)cap_bytes;
    if (!w->out) {
        return E_INTERNAL;
    }
    const struct image_signer signer = key_image_signer(key);
    enum fota_err err = image_build(&w->spec, w->payload, (uint32_t)w->n_payload, &signer, w->out, &w->n_out);
    if (err) {
        return err;
    }
    if (w->n_out > image_place_area(w->board, w->place)->n_bytes) {
        return E_IMAGE_SIZE;
    }
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    const struct image_policy policy = {
        .base = w->spec.load_addr,
        .slot_bytes = image_place_area(w->board, w->place)->n_bytes,
        .ram_bytes = w->board->ram.n_bytes,
        .ccm_bytes = w->board->ccm.n_bytes,
        .security_floor = w->spec.security_counter,
        .hw_id = w->spec.hw_id,
        /* one that ends a key is good where that key is the active one */
        .keys = {w->spec.revokes ? w->revoked.point : key->point, w->spec.revokes ? key->point : NULL},
        .hash = &hash};
    struct image_result verified;
    err = image_verify(w->out, w->n_out, &policy, &verified);
    return !err && verified.verdict != CRYPTO_ACCEPT ? E_INTERNAL : err;
}

static void print_done(struct cli *cli, const struct work *w, bool has_warning)
{
    const struct image_spec *spec = &w->spec;
    char version[CLI_VERSION_BYTES];
    char revoked[2 * STATEMENT_KEY_ID_BYTES + 1] = "";
    const uint32_t packed =
        (uint32_t)spec->version.major << 24 | (uint32_t)spec->version.minor << 16 | spec->version.revision;
    cli_version_build_text(packed, spec->version.build, version);
    if (spec->revokes) {
        cli_key_id_text(&w->revoked, revoked);
    }
    if (cli->is_json) {
        struct cli_json j = {cli->out, true};
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", true);
        cli_json_text(&j, "file", w->out_path);
        cli_json_number(&j, "bytes", w->n_out);
        cli_json_text(&j, "version", version);
        cli_json_flag(&j, "watchdog", spec->run_flags != 0);
        cli_json_text(&j, "revokes", revoked);
        cli_json_flag(&j, "counter_warning", has_warning);
        cli_json_close(&j, '}');
        (void)fputc('\n', cli->out);
        return;
    }
    (void)fprintf(cli->out, "%s: %u bytes for %s, version %s, hardware %s, security counter %u%s%s%s\n",
                  w->out_path, (unsigned)w->n_out, image_place_text(w->place), version, spec->hw_id,
                  (unsigned)spec->security_counter, spec->run_flags == 0 ? ", no watchdog" : "",
                  spec->revokes ? ", ends key " : "", revoked);
}

static enum cli_exit build_and_write(struct cli *cli, struct work *w, const struct key *key)
{
    enum fota_err err = build(w, key);
    const uint32_t room_bytes = image_place_area(w->board, w->place)->n_bytes;
    if (err == E_IMAGE_SIZE && w->n_out > room_bytes) {
        return cli_fail(cli, err,
                        "%s cannot be signed: the image has %u bytes, %s of board %s holds %u; make the "
                        "program smaller",
                        w->path, (unsigned)w->n_out, image_place_text(w->place), w->board->hw_id,
                        (unsigned)room_bytes);
    }
    if (err) {
        return cli_fail(cli, err, "%s cannot be signed: the image would not boot", w->path);
    }
    if (file_replace(w->out_path, w->out, w->n_out) != FOTA_OK) {
        return cli_fail(cli, E_IO, "%s cannot be written: %s", w->out_path, strerror(errno));
    }
    print_done(cli, w, image_warn_counter(cli, w->out_path, w->spec.security_counter));
    return CLI_OK;
}

/* --revokes: the key that ends, which cannot be the one that signs. */
static enum cli_exit read_revoked(struct cli *cli, struct work *w, const struct key *key)
{
    if (!w->revokes_path) {
        return CLI_OK;
    }
    if (w->place == IMAGE_PLACE_LOADER) {
        return cli_fail(
            cli, E_IMAGE_REVOKES,
            "a loader cannot end a key: it is never confirmed; give --revokes for the application");
    }
    const enum cli_exit result = cli_key_public(cli, w->revokes_path, &w->revoked);
    if (result != CLI_OK) {
        return result;
    }
    if (memcmp(w->revoked.spki_sha256, key->spki_sha256, sizeof key->spki_sha256) == 0) {
        return cli_fail(cli, E_IMAGE_REVOKES,
                        "%s is the key that signs: an image cannot end its own key; sign with the next key "
                        "(--key keys/next-key.pem)",
                        w->revokes_path);
    }
    w->spec.revokes = w->revoked.spki_sha256;
    return CLI_OK;
}

static enum cli_exit sign(struct cli *cli, struct work *w, const char *key_path)
{
    struct key key;
    enum cli_exit result = cli_file(cli, w->path, w->board->slot[SLOT_A].n_bytes, &w->payload, &w->n_payload);
    if (result == CLI_OK) {
        result = check_vectors(cli, w);
    }
    if (result == CLI_OK) {
        result = check_elf(cli, w);
    }
    if (result == CLI_OK) {
        result = cli_key_private(cli, key_path, &key);
    }
    if (result == CLI_OK) {
        result = read_revoked(cli, w, &key);
        if (result == CLI_OK) {
            result = build_and_write(cli, w, &key);
        }
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
    result = check_options(cli, self, &v, &w);
    if (result != CLI_OK) {
        return result;
    }
    w.path = v.positional[0];
    w.out_path = v.option[OPT_OUT].text;
    w.elf_path = v.option[OPT_ELF].text;
    w.revokes_path = v.option[OPT_REVOKES].text;
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
        "Adds MCUboot's header and TLVs (docs/spec/image.md) to a binary that was linked for one slot or for "
        "the\n"
        "loader's sector, signs it, and verifies the result with the root's own code before it is written. "
        "The output\n"
        "does not depend on time.\n\n"
        "  fota sign --slot a --version 2.0.0 --hw f407-disco --counter 1 --key keys/image-key.pem \\\n"
        "            --out app_a.img app_a.bin\n\n"
        "The image runs under the watchdog from reset on, unless --no-watchdog. When the image key was "
        "stolen:\n"
        "sign with the next key and --revokes; a board that confirms that image believes the old key no "
        "more.\n\n"
        "  fota sign --slot a --version 2.0.1 --hw f407-disco --counter 2 --key keys/next-key.pem \\\n"
        "            --revokes keys/image-key.pub.pem --out app_a.img app_a.bin\n",
    .options = OPTIONS,
    .run = run,
};
