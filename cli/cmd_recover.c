/* fota recover: a board rebuilt from nothing but its wires. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "commands.h"
#include "keys.h"
#include "ladder_text.h"
#include "parts.h"
#include "progress.h"
#include "recover/recover.h"
#include "service.h"

enum { OPT_BOOTLOADER = CLI_BOARD_OPTIONS, OPT_LOADER, OPT_IMAGE, OPT_FORCE, OPT_CONFIRM_WITHIN, OPT_CONFIG };

static const struct cli_option OPTIONS[] = {
    CLI_BOARD_OPTION_TABLE,
    {"bootloader", CLI_TEXT, "FILE", NULL, "bootloader to write, ELF or flat binary"},
    {"loader", CLI_TEXT, "FILE", NULL, "signed loader to write into sector 1"},
    {"image", CLI_TEXT, "FILE", NULL, "signed image to write, for slot A or B"},
    {"force", CLI_FLAG, NULL, NULL, "rebuild the board even if it runs"},
    {"confirm-within", CLI_NUMBER, "SECONDS", "60", "how long the image may take to confirm itself"},
    {"config", CLI_TEXT, "FILE", NULL,
     "not the twin: the board on the wires that this configuration of a gateway names"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

enum { SETTLE_MS = 3000, CONFIRM_MAX_S = 86400, US_PER_MS = 1000 };

struct recovery {
    struct cli *cli;
    const struct cli_command *self;
    struct cli_values values;
    struct cli_board board; /* the twin; unused with --config */
    struct link_client *link;
    struct progress progress;
    bool is_begun;   /* progress has a start: steps interrupt the bar, not the count */
    bool is_drawing; /* the cursor stands after the bar */
    struct cli_parts parts;
    struct recover_result result;
};

static const char *text_of(const struct recovery *r, unsigned option)
{
    return r->values.option[option].text;
}

static enum cli_exit read_parts(struct recovery *r)
{
    const struct cli_parts_paths paths = {.bootloader = text_of(r, OPT_BOOTLOADER),
                                          .loader = text_of(r, OPT_LOADER),
                                          .image = text_of(r, OPT_IMAGE)};
    return cli_parts_read(r->cli, &paths, &r->parts);
}

/* --- what is seen of it ------------------------------------------------------------------------------ */

static void end_bar(struct recovery *r)
{
    if (r->is_drawing) {
        progress_end(&r->progress);
    }
    r->is_drawing = false;
}

static void on_event(void *ctx, const struct recover_event *e)
{
    static const char *const texts[RECOVER_STEPS] = {"is anything wrong?",
                                                     "into ST's ROM",
                                                     "image, last sector first",
                                                     "journal: both sectors blank",
                                                     "the other slot must not be preferred",
                                                     "loader, its header last",
                                                     "bootloader, its vectors last",
                                                     "out of the ROM: does it boot and confirm itself?"};
    struct recovery *r = ctx;
    uint64_t now_ms = link_io_now_us(r->link->io) / US_PER_MS;
    if (r->cli->is_json) {
        return;
    }
    if (e->kind == RECOVER_EVENT_PROGRESS) {
        if (!r->is_begun) {
            progress_begin(&r->progress, r->cli->err, r->cli->is_terminal, "flash", e->total_bytes, now_ms);
        }
        r->is_begun = true;
        r->is_drawing = true;
        progress_update(&r->progress, e->done_bytes, now_ms);
        return;
    }
    end_bar(r);
    cli_note(r->cli, "[%6" PRIu64 ".%03u s] %s%s", now_ms / 1000U, (unsigned)(now_ms % 1000U),
             e->kind == RECOVER_EVENT_RESTART ? "the ROM was lost, all of it again: " : "",
             e->kind == RECOVER_EVENT_RESTART ? fota_err_text(e->reason) : texts[e->step]);
}

/* --- the result -------------------------------------------------------------------------------------- */

static void print_success(struct recovery *r)
{
    char version[16];
    char rom[8];
    cli_version_text(r->parts.plan.image.image.version_packed, version);
    ladder_rom_text(r->result.rom.version, rom);
    if (!r->cli->is_json) {
        (void)fprintf(r->cli->out, "recovered: %s runs in slot %c and is confirmed\n", version,
                      r->parts.plan.slot == SLOT_B ? 'B' : 'A');
        return;
    }
    struct cli_json j = {.out = r->cli->out, .is_first = true};
    cli_json_open(&j, NULL, '{');
    cli_json_flag(&j, "ok", true);
    cli_json_text(&j, "outcome", "recovered");
    cli_json_text(&j, "running", version);
    cli_json_text(&j, "slot", r->parts.plan.slot == SLOT_B ? "b" : "a");
    cli_json_text(&j, "rom", r->result.rom.chip_id ? rom : "");
    cli_json_flag(&j, "bootloader_kept", r->result.is_bootloader_kept);
    cli_json_flag(&j, "loader_kept", r->result.is_loader_kept);
    cli_json_number(&j, "restarts", r->result.n_restarts);
    if (r->board.twin) {
        cli_json_number(&j, "virtual_ms", twin_now_ns(r->board.twin) / 1000000U);
        cli_json_number(&j, "spi_bytes", twin_stats(r->board.twin)->spi_bytes);
    }
    ladder_json(&j, &r->result.ladder);
    cli_json_close(&j, '}');
    (void)fputc('\n', r->cli->out);
}

/* Protected sectors that would have to be written. */
static void print_blocked(struct recovery *r, enum fota_err err)
{
    char list[48] = "";
    size_t n = 0;
    for (unsigned i = 0; i < r->parts.plan.board->flash.n_sectors; i++) {
        if (((uint32_t)r->result.blocked_sectors >> i & 1U) != 0 && n < sizeof list) {
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%u", n > 0 ? ", " : "", i);
        }
    }
    (void)cli_fail(
        r->cli, err,
        "nothing was written: option bytes protect sector %s, which holds something else; lift the "
        "protection with a debugger",
        list);
}

/* Before the ROM was entered nothing was touched; afterwards it is the target that failed. */
static enum cli_exit print_failure(struct recovery *r, enum fota_err err)
{
    char version[16];
    const struct recover_result *result = &r->result;
    const struct boot_info *b = &result->ladder.peer.info.boot;
    if (err == E_SLOT_HEALTHY) {
        cli_version_text(b->slot_version[b->running_slot], version);
        return cli_fail(r->cli, err,
                        "nothing was done: %s runs in slot %c; --force rebuilds the board all the same",
                        version, b->running_slot == SLOT_B ? 'B' : 'A');
    }
    if (err == E_IMAGE_COUNTER) {
        return cli_fail(r->cli, err,
                        "nothing was written: one-time memory of this chip wants a newer image than %s",
                        text_of(r, OPT_IMAGE));
    }
    if (err == E_FLASH_PROTECTED) {
        print_blocked(r, err);
    } else if (result->step <= RECOVER_ENTER) {
        ladder_note(r->cli, &result->ladder);
        (void)cli_fail(r->cli, err, "nothing was written: %s", ladder_advice(err));
    } else if (result->step < RECOVER_CONFIRM) {
        (void)cli_fail(r->cli, err, "step '%s' failed; the board is as recoverable as before, run it again",
                       recover_step_name(result->step));
    } else {
        (void)cli_fail(r->cli, err,
                       "everything is written and reads back, but the image does not confirm itself");
    }
    return CLI_TARGET;
}

static enum cli_exit recover(struct recovery *r)
{
    const struct recover_config config = {.is_forced = r->values.option[OPT_FORCE].is_given,
                                          .confirm_max_ms =
                                              r->values.option[OPT_CONFIRM_WITHIN].number * 1000U,
                                          .on_event = on_event,
                                          .ctx = r};
    enum fota_err err = recover_run(r->link, &r->parts.plan, &config, &r->result);
    end_bar(r);
    enum cli_exit failed = err ? print_failure(r, err) : CLI_OK;
    enum cli_exit save = r->board.twin ? cli_board_save(&r->board) : CLI_OK;
    if (!err && save == CLI_OK) {
        print_success(r);
    }
    return save == CLI_OK ? failed : save;
}

static enum cli_exit check_board(struct recovery *r, const struct board_layout *board, const char *where)
{
    return r->parts.plan.board == board
               ? CLI_OK
               : cli_fail(r->cli, E_IMAGE_HARDWARE,
                          "%s is for board %s, the board to recover is %s (%s); nothing was written",
                          text_of(r, OPT_IMAGE), r->parts.plan.board->hw_id, board->hw_id, where);
}

static enum cli_exit recover_twin(struct recovery *r, const struct cli_board_config *config)
{
    enum cli_exit result = check_board(r, config->board, "--hw");
    if (result == CLI_OK) {
        result = cli_board_open(r->cli, config, &r->board);
        if (result == CLI_OK) {
            cli_board_start(&r->board, SETTLE_MS);
            r->link = &r->board.link;
            result = cli_board_end_vcd(&r->board, recover(r));
        }
        cli_board_close(&r->board);
    }
    return result;
}

/* The wires are those of the gateway's configuration, so its lock keeps a gateway that runs from being disturbed. */
static enum cli_exit recover_wires(struct recovery *r)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        return cli_fail(r->cli, E_INTERNAL, "no memory");
    }
    s->cli = r->cli;
    s->self = r->self;
    enum cli_exit result = service_load(s, text_of(r, OPT_CONFIG));
    if (result == CLI_OK) {
        result = check_board(r, s->layout, text_of(r, OPT_CONFIG));
    }
    if (result == CLI_OK) {
        result = service_lock(s);
    }
    if (result == CLI_OK) {
        result = service_open_target(s);
    }
    if (result == CLI_OK) {
        r->link = s->link;
        result = recover(r);
    }
    result = service_close(s, result);
    free(s);
    return result;
}

static enum cli_exit check_options(struct recovery *r, struct cli_board_config *config)
{
    enum cli_exit result = cli_board_from_options(r->cli, r->self, &r->values, config);
    if (result != CLI_OK) {
        return result;
    }
    for (unsigned i = OPT_BOOTLOADER; i <= OPT_IMAGE; i++) {
        if (!text_of(r, i)) {
            return cli_usage(r->cli, r->self, "--%s is missing", OPTIONS[i].name);
        }
    }
    for (unsigned i = 0; i < CLI_BOARD_OPTIONS && text_of(r, OPT_CONFIG); i++) {
        if (r->values.option[i].is_given) {
            return cli_usage(r->cli, r->self,
                             "--%s is for the twin, --config for a board on wires: give one of them",
                             OPTIONS[i].name);
        }
    }
    if (!config->flash && !text_of(r, OPT_CONFIG)) {
        return cli_usage(r->cli, r->self,
                         "--flash is missing: the twin to recover; a board on wires is named by --config");
    }
    if (r->values.option[OPT_CONFIRM_WITHIN].number == 0 ||
        r->values.option[OPT_CONFIRM_WITHIN].number > CONFIRM_MAX_S) {
        return cli_usage(r->cli, r->self, "--confirm-within is 1 to %d seconds", CONFIRM_MAX_S);
    }
    return r->values.n_positionals
               ? cli_usage(r->cli, r->self, "'%s' is not an option", r->values.positional[0])
               : CLI_OK;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    bool is_done = false;
    struct cli_board_config config;
    struct recovery *r = calloc(1, sizeof *r);
    if (!r) {
        return cli_fail(cli, E_INTERNAL, "no memory");
    }
    r->cli = cli;
    r->self = self;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &r->values, &is_done);
    if (!is_done) {
        result = check_options(r, &config);
        if (result == CLI_OK) {
            result = read_parts(r);
        }
        if (result == CLI_OK) {
            result = text_of(r, OPT_CONFIG) ? recover_wires(r) : recover_twin(r, &config);
        }
    }
    cli_parts_free(&r->parts);
    free(r);
    return result;
}

const struct cli_command cli_cmd_recover = {
    .name = "recover",
    .summary = "rebuild a board whose bootloader or loader is gone, through ST's ROM loader",
    .arguments = "[options]",
    .details =
        "Needs nothing of the board but power and its wires: SPI1, NRST and BOOT0. Writes a signed image, a\n"
        "blank journal, the loader and the bootloader, reads all of it back, and sees the image boot and\n"
        "confirm itself. Image and loader are checked before with the keys and the hardware id in that very\n"
        "bootloader. A write-protected sector 0 or 1 is kept if it holds these very bytes. May be\n"
        "interrupted at any point and run again. Refuses if the board runs, unless --force. The board is "
        "the\n"
        "twin, as --flash holds it (a file that does not exist is a blank chip), or with --config the one on "
        "the\n"
        "wires of this machine.\n"
        "\n"
        "exit code 1: nothing is wrong with the board, or the image would not boot; 5: no ROM with SPI, a\n"
        "protected or worn-out sector, or the image does not confirm itself.\n"
        "\n"
        "example:\n"
        "  fota recover --bootloader build/f407/bootloader/bootloader.elf --loader "
        "build/f407/loader/loader.img \\\n"
        "      --image demo-1.0.0-a.img --flash board.flash\n",
    .options = OPTIONS,
    .run = run,
};
