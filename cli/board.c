#include "board.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "release/file.h"

enum cli_exit cli_board_from_options(struct cli *cli, const struct cli_command *self,
                                     const struct cli_values *values, struct cli_board_config *out)
{
    static const struct {
        const char *name;
        enum twin_rom rom;
    } roms[] = {{"v9.1", TWIN_ROM_V9_1}, {"v9.1-early", TWIN_ROM_V9_1_EARLY}, {"v3.1", TWIN_ROM_V3_1}};
    const struct cli_value *option = values->option;
    *out = (struct cli_board_config){.flash = option[CLI_BOARD_FLASH].text,
                                     .vcd = option[CLI_BOARD_VCD].text,
                                     .vcd_mb = option[CLI_BOARD_VCD_MB].number,
                                     .option_bytes = option[CLI_BOARD_OPTION_BYTES].number,
                                     .is_slow_flash = option[CLI_BOARD_SLOW].is_given};
    if (out->vcd_mb == 0) {
        return cli_usage(cli, self, "--vcd-mb is at least 1");
    }
    enum cli_exit result = cli_find_board(cli, self, "--hw", option[CLI_BOARD_HW].text, &out->board);
    if (result != CLI_OK) {
        return result;
    }
    for (size_t i = 0; i < sizeof roms / sizeof roms[0]; i++) {
        if (strcmp(option[CLI_BOARD_ROM].text, roms[i].name) == 0) {
            out->rom = roms[i].rom;
            return CLI_OK;
        }
    }
    return cli_usage(cli, self, "--rom is v9.1, v9.1-early or v3.1, not '%s'", option[CLI_BOARD_ROM].text);
}

static enum cli_exit load_flash(struct cli_board *b)
{
    const char *path = b->config.flash;
    const struct board_area *flash = &b->config.board->flash;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    enum fota_err err = file_read(path, flash->n_bytes, &bytes, &n_bytes, NULL);
    if (err == E_NOT_FOUND) {
        return CLI_OK;
    }
    if (err) {
        return cli_fail(b->cli, err, "cannot read flash from %s: %s", path, strerror(errno));
    }
    bool is_whole = n_bytes == flash->n_bytes && twin_flash_store(b->twin, flash->base, bytes, n_bytes);
    free(bytes);
    if (!is_whole) {
        return cli_fail(b->cli, E_IO,
                        "%s has %zu bytes, a flash has %u (board %s); remove it to start from the factory",
                        path, n_bytes, (unsigned)flash->n_bytes, b->config.board->hw_id);
    }
    return CLI_OK;
}

enum cli_exit cli_board_save(struct cli_board *b)
{
    const char *path = b->config.flash;
    if (!path) {
        return CLI_OK;
    }
    const struct board_area *flash = &b->config.board->flash;
    uint8_t *bytes = malloc(flash->n_bytes);
    if (!bytes) {
        return cli_fail(b->cli, E_INTERNAL, "no memory for a copy of the flash");
    }
    enum fota_err err = twin_peek(b->twin, flash->base, bytes, flash->n_bytes)
                            ? file_replace(path, bytes, flash->n_bytes)
                            : E_INTERNAL;
    free(bytes);
    return err ? cli_fail(b->cli, err, "cannot write flash to %s: %s", path, strerror(errno)) : CLI_OK;
}

/* A file of the factory into its place. */
static enum cli_exit load_image(struct cli_board *b, const char *path, const struct board_area *place)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    enum cli_exit result = cli_file(b->cli, path, place->n_bytes, &bytes, &n_bytes);
    if (result != CLI_OK) {
        return result;
    }
    bool is_stored = twin_flash_store(b->twin, place->base, bytes, n_bytes);
    free(bytes);
    return is_stored ? CLI_OK : cli_fail(b->cli, E_IMAGE_SIZE, "%s does not fit its place", path);
}

static enum cli_exit load_bootloader(struct cli_board *b)
{
    char why[256];
    bool is_loaded = twin_load_elf(b->twin, b->config.bootloader_elf, why, sizeof why);
    return is_loaded ? CLI_OK : cli_fail(b->cli, E_IO, "cannot load the bootloader: %s", why);
}

static enum cli_exit open_vcd(struct cli_board *b)
{
    char why[256];
    const char *path = b->config.vcd;
    b->vcd = vcd_open(b->twin, path, (uint64_t)b->config.vcd_mb * 1000000U, why, sizeof why);
    return b->vcd ? CLI_OK : cli_fail(b->cli, E_IO, "cannot record the wires in %s: %s", path, why);
}

static enum cli_exit program(struct cli_board *b)
{
    enum cli_exit result = CLI_OK;
    if (b->config.factory_image) {
        result = load_image(b, b->config.factory_image, &b->config.board->slot[SLOT_A]);
    }
    if (result == CLI_OK && b->config.loader_image) {
        result = load_image(b, b->config.loader_image, &b->config.board->loader);
    }
    if (result == CLI_OK && b->config.flash) { /* what it became since the factory */
        result = load_flash(b);
    }
    if (result == CLI_OK && b->config.bootloader_elf) {
        result = load_bootloader(b);
    }
    if (result == CLI_OK && b->config.vcd) {
        result = open_vcd(b);
    }
    return result;
}

enum cli_exit cli_board_open(struct cli *cli, const struct cli_board_config *config, struct cli_board *out)
{
    char why[256];
    const struct twin_config board = {.flash_timing =
                                          config->is_slow_flash ? TWIN_FLASH_MAXIMUM : TWIN_FLASH_TYPICAL,
                                      .rom = config->rom,
                                      .part = config->board->part,
                                      .seed = 1};
    *out = (struct cli_board){.cli = cli, .config = *config};
    out->twin = twin_create(&board, why, sizeof why);
    if (!out->twin) {
        return cli_fail(cli, E_INTERNAL, "cannot build the twin: %s", why);
    }
    if (config->option_bytes != 0) {
        twin_set_options(out->twin, config->option_bytes);
    }
    twin_link_init(&out->wires, out->twin);
    link_client_init(&out->link, &out->wires.io, &(struct link_client_config){.board = config->board});
    return program(out);
}

void cli_board_start(struct cli_board *b, uint32_t ms)
{
    twin_set_power(b->twin, true);
    (void)twin_run_until(b->twin, twin_now_ns(b->twin) + (uint64_t)ms * 1000000U);
}

enum cli_exit cli_board_end_vcd(struct cli_board *b, enum cli_exit result)
{
    char why[256];
    uint64_t full_ns = b->vcd ? vcd_full_ns(b->vcd) : 0;
    if (full_ns) {
        cli_note(b->cli, "%s ends at %" PRIu64 " ms of virtual time: it has %u MB; --vcd-mb allows more",
                 b->config.vcd, full_ns / 1000000U, (unsigned)b->config.vcd_mb);
    }
    bool is_kept = vcd_close(b->vcd, why, sizeof why);
    b->vcd = NULL;
    if (!is_kept && result == CLI_OK) {
        return cli_fail(b->cli, E_IO, "cannot write %s: %s", b->config.vcd, why);
    }
    return result;
}

void cli_board_close(struct cli_board *b)
{
    char why[256];
    (void)vcd_close(b->vcd, why, sizeof why);
    twin_destroy(b->twin);
    *b = (struct cli_board){.cli = b->cli};
}
