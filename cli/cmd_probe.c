/* fota probe: what answers on the wires, and what the board says about itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "commands.h"
#include "format/boot_record.h"
#include "keys.h"
#include "ladder_text.h"
#include "option_bytes.h"
#include "service.h"

enum { OPT_BOOTLOADER = CLI_BOARD_OPTIONS, OPT_LOADER, OPT_FACTORY, OPT_NO_RESET, OPT_CONFIG };

static const struct cli_option OPTIONS[] = {
    CLI_BOARD_OPTION_TABLE,
    {"bootloader", CLI_TEXT, "ELF", NULL, "bootloader for sector 0 of the twin"},
    {"loader", CLI_TEXT, "FILE", NULL, "signed loader that the factory puts into sector 1"},
    {"factory", CLI_TEXT, "FILE", NULL, "signed image that the factory puts into slot A"},
    {"no-reset", CLI_FLAG, NULL, NULL, "only ask what answers as it stands; never touch NRST and BOOT0"},
    {"config", CLI_TEXT, "FILE", NULL,
     "not the twin: the board on the wires that this configuration of a gateway names"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

enum { SETTLE_MS = 3000, DIGEST_TEXT_BYTES = 2 * sizeof(((struct boot_info *)0)->slot_hash[0]) + 1 };

static const char *name_of(const char *const *names, unsigned n_names, unsigned value)
{
    return value < n_names ? names[value] : "unknown";
}

static const char *state_name(unsigned state)
{
    static const char *const names[] = {"empty",     "receiving", "pending",    "trial",
                                        "confirmed", "rejected",  "last-resort"};
    return name_of(names, sizeof names / sizeof names[0], state);
}

static const char *cause_name(unsigned cause)
{
    static const char *const names[] = {"power-on", "brown-out",       "pin",      "software",
                                        "watchdog", "window-watchdog", "low-power"};
    return name_of(names, sizeof names / sizeof names[0], cause);
}

static const char *slot_name(unsigned slot)
{
    static const char *const names[] = {"a", "b", "none"};
    return name_of(names, sizeof names / sizeof names[0], slot);
}

static const char *journal_name(unsigned sound_mask)
{
    static const char *const names[] = {"lost", "j1-damaged", "j0-damaged", "sound"};
    return names[sound_mask & 3U];
}

static void digest_text(const uint8_t *digest, char out[DIGEST_TEXT_BYTES])
{
    for (unsigned i = 0; i < DIGEST_TEXT_BYTES / 2; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

/* --- as JSON ----------------------------------------------------------------------------------------- */

static void slots_json(struct cli_json *j, const struct boot_info *b)
{
    cli_json_open(j, "slots", '[');
    for (unsigned slot = 0; slot < 2; slot++) {
        char version[16];
        char digest[DIGEST_TEXT_BYTES];
        cli_version_text(b->slot_version[slot], version);
        digest_text(b->slot_hash[slot], digest);
        cli_json_open(j, NULL, '{');
        cli_json_text(j, "slot", slot_name(slot));
        cli_json_text(j, "state", state_name(b->slot_state[slot]));
        cli_json_text(j, "version", b->slot_version[slot] ? version : "");
        cli_json_text(j, "digest", digest);
        cli_json_close(j, '}');
    }
    cli_json_close(j, ']');
}

/* An image in sector 1, or one that is being written: then it has no hash. */
static bool has_loader(const struct boot_info *b)
{
    static const uint8_t none[sizeof b->loader_hash];
    return memcmp(b->loader_hash, none, sizeof none) != 0;
}

static void loader_json(struct cli_json *j, const struct boot_info *b)
{
    char version[16] = "";
    char hash[DIGEST_TEXT_BYTES] = "";
    if (has_loader(b)) {
        cli_version_text(b->loader_version, version);
        digest_text(b->loader_hash, hash);
    }
    cli_json_text(j, "loader_version", version);
    cli_json_text(j, "loader_hash", hash);
}

static void info_json(struct cli_json *j, const struct link_info *info)
{
    const struct boot_info *b = &info->boot;
    char version[16];
    cli_version_text(b->bootloader_version, version);
    cli_json_text(j, "bootloader_version", version);
    loader_json(j, b);
    cli_json_number(j, "vendor_version", info->vendor_version);
    cli_json_text(j, "hardware", b->hw_id);
    cli_json_text(j, "running", slot_name(b->running_slot));
    cli_json_text(j, "active", slot_name(b->active_slot));
    slots_json(j, b);
    cli_json_number(j, "trial_runs_left", b->tries_left);
    cli_json_number(j, "trial_starts_left", b->starts_left);
    cli_json_number(j, "crashes", b->n_crashes);
    cli_json_flag(j, "active_key_revoked", (b->flags & BOOT_FLAG_KEY_REVOKED) != 0);
    cli_json_number(j, "retry", b->retry);
    cli_json_text(j, "journal", journal_name(b->journal_ok));
    cli_json_number(j, "security_floor", b->security_floor);
    cli_json_text(j, "reset_cause", cause_name(b->reset_cause));
    cli_json_text(j, "last_reason", fota_err_name((enum fota_err)b->last_reason));
    cli_json_number(j, "session_bytes", b->session_flashed);
    option_bytes_json(j, option_bytes_board(b->hw_id), b->option_bytes);
}

static void print_json(struct cli *cli, const struct link_ladder *l, enum fota_err err, const char *message)
{
    struct cli_json j = {.out = cli->out, .is_first = true};
    cli_json_open(&j, NULL, '{');
    cli_json_flag(&j, "ok", err == FOTA_OK);
    if (err) {
        cli_json_text(&j, "error", fota_err_name(err));
        cli_json_text(&j, "message", message);
    }
    cli_json_text(&j, "answers", ladder_answer(l));
    ladder_json(&j, l);
    if (l->is_found) {
        char protocol[8];
        ladder_rom_text(l->peer.protocol, protocol);
        cli_json_text(&j, "protocol", protocol);
        cli_json_number(&j, "chip_id", l->peer.chip_id);
    }
    if (l->boot_reason) {
        cli_json_text(&j, "boot_reason", fota_err_name(l->boot_reason));
    }
    if (l->rom.chip_id) {
        char rom[8];
        ladder_rom_text(l->rom.version, rom);
        cli_json_text(&j, "rom", rom);
        cli_json_number(&j, "protected_sectors", l->rom.protected_sectors);
    }
    if (l->is_found && l->peer.kind != LINK_PEER_PLAIN) {
        info_json(&j, &l->peer.info);
    }
    cli_json_close(&j, '}');
    (void)fputc('\n', cli->out);
}

/* --- as a table -------------------------------------------------------------------------------------- */

static void row(struct cli *cli, const char *name, const char *value)
{
    (void)fprintf(cli->out, "%-16s %s\n", name, value);
}

static void slot_row(struct cli *cli, const struct boot_info *b, unsigned slot)
{
    char version[16];
    char digest[DIGEST_TEXT_BYTES];
    cli_version_text(b->slot_version[slot], version);
    digest_text(b->slot_hash[slot], digest);
    (void)fprintf(cli->out, "slot %-11s %-9s %-12s %s%s%s\n", slot ? "B" : "A",
                  state_name(b->slot_state[slot]), b->slot_version[slot] ? version : "-", digest,
                  b->running_slot == slot ? ", runs" : "", b->active_slot == slot ? ", active" : "");
}

static void loader_row(struct cli *cli, const struct boot_info *b)
{
    char version[16];
    char hash[DIGEST_TEXT_BYTES];
    char text[64] = "none that can be used";
    if (has_loader(b)) {
        cli_version_text(b->loader_version, version);
        digest_text(b->loader_hash, hash);
        (void)snprintf(text, sizeof text, "%-22s %s", version, hash);
    }
    row(cli, "sector 1, loader", text);
}

static void info_table(struct cli *cli, const struct link_info *info)
{
    const struct boot_info *b = &info->boot;
    char text[128];
    row(cli, "hardware", b->hw_id);
    loader_row(cli, b);
    slot_row(cli, b, SLOT_A);
    slot_row(cli, b, SLOT_B);
    (void)snprintf(text, sizeof text, "%u of %u, starts %u", b->tries_left, (unsigned)BOOT_TRIAL_RUNS,
                   b->starts_left);
    row(cli, "trial runs left", text);
    row(cli, "journal", journal_name(b->journal_ok));
    (void)snprintf(text, sizeof text, "%" PRIu32, b->security_floor);
    row(cli, "security floor", text);
    row(cli, "reset cause", cause_name(b->reset_cause));
    row(cli, "last reason", b->last_reason ? fota_err_text((enum fota_err)b->last_reason) : "none");
    option_bytes_text(option_bytes_board(b->hw_id), b->option_bytes, text, sizeof text);
    row(cli, "option bytes", text);
}

static void print_table(struct cli *cli, const struct link_ladder *l)
{
    char protocol[8];
    char text[64];
    char version[16];
    ladder_rom_text(l->peer.protocol, protocol);
    cli_version_text(l->peer.info.boot.bootloader_version, version);
    if (l->peer.kind == LINK_PEER_PLAIN) {
        ladder_rom_text(l->rom.version, version);
        (void)snprintf(text, sizeof text, "ST's ROM %s", version);
    } else {
        (void)snprintf(text, sizeof text, "%s over bootloader %s",
                       l->peer.kind == LINK_PEER_AGENT ? "agent" : "loader", version);
    }
    row(cli, "loader", text);
    (void)snprintf(text, sizeof text, "AN4286 %s%s", protocol,
                   l->peer.kind == LINK_PEER_PLAIN ? "" : " with vendor commands");
    row(cli, "protocol", text);
    (void)snprintf(text, sizeof text, "0x%03X", l->peer.chip_id);
    row(cli, "chip", text);
    if (l->peer.kind != LINK_PEER_PLAIN) {
        info_table(cli, &l->peer.info);
    }
}

/* --- the verb ---------------------------------------------------------------------------------------- */

/* Is it an error that this rung answers? One of our loaders is what a user wants to see; if only ST's ROM answers,
 * the board needs a recovery. @return the reason to report */
static enum fota_err reason_of_rung(const struct link_ladder *l, enum fota_err err)
{
    if (!err && l->rung == LINK_RUNG_ROM) {
        return l->reason[LINK_RUNG_REQUEST] ? l->reason[LINK_RUNG_REQUEST] : E_LINK_BOOT_MISSING;
    }
    return err;
}

static const char *sentence_of(const struct link_ladder *l, enum fota_err err)
{
    if (!err && l->rung == LINK_RUNG_REQUEST) {
        return "the application runs without an agent; the loader answers";
    }
    if (!err && l->rung == LINK_RUNG_RESET) {
        return "the board hung and answers since a reset";
    }
    if (!err) {
        return "";
    }
    return l->is_found ? "only ST's ROM answers" : "no loader answers";
}

static void note_warnings(struct cli *cli, const struct boot_info *b)
{
    if (!has_loader(b)) {
        cli_note(cli,
                 "warning: sector 1 holds no loader: `fota run` installs the channel's, if it names one");
    }
    char sentence[OPTION_BYTES_WARNING_BYTES];
    for (unsigned i = 0; option_bytes_warning(option_bytes_board(b->hw_id), b->option_bytes, i, sentence);
         i++) {
        cli_note(cli, "warning: %s", sentence);
    }
}

static enum cli_exit report(struct cli *cli, const struct link_ladder *l, enum fota_err err)
{
    char message[400];
    const char *sentence = sentence_of(l, err);
    bool has_info = l->is_found && l->peer.kind != LINK_PEER_PLAIN;
    (void)snprintf(message, sizeof message, err ? "%s; %s" : "%s", sentence, ladder_advice(err));
    if (cli->is_json) {
        print_json(cli, l, err, message);
    } else {
        if (l->rung != LINK_RUNG_STANDING) {
            ladder_note(cli, l);
        }
        if (l->is_found) {
            print_table(cli, l);
        }
        if (has_info) {
            note_warnings(cli, &l->peer.info.boot);
        }
        if (!err && sentence[0]) {
            cli_note(cli, "%s", sentence);
        }
    }
    if (err && !cli->is_json) {
        (void)cli_fail(cli, err, "%s", message);
    }
    return err ? CLI_TARGET : CLI_OK;
}

static enum cli_exit probe(struct cli *cli, struct link_client *link, bool may_reset)
{
    struct link_ladder ladder;
    enum fota_err err =
        link_ladder_climb(link, LINK_RUNG_STANDING, may_reset ? LINK_RUNG_ROM : LINK_RUNG_STANDING, &ladder);
    err = reason_of_rung(&ladder, err);
    enum cli_exit result = report(cli, &ladder, err);
    if (may_reset &&
        ladder.is_tried[LINK_RUNG_RESET]) { /* out of the ROM or the loader, back to what it does */
        enum fota_err reset_err = link_client_reset(link, LINK_BOOT_FLASH);
        if (reset_err && result == CLI_OK) {
            return cli_fail(cli, reset_err, "cannot reset the board");
        }
    }
    return result;
}

static enum cli_exit probe_twin(struct cli *cli, const struct cli_command *self, const struct cli_values *v)
{
    struct cli_board board = {.cli = cli};
    struct cli_board_config config;
    enum cli_exit result = cli_board_from_options(cli, self, v, &config);
    if (result != CLI_OK) {
        return result;
    }
    config.bootloader_elf = v->option[OPT_BOOTLOADER].text;
    config.loader_image = v->option[OPT_LOADER].text;
    config.factory_image = v->option[OPT_FACTORY].text;
    if (!config.flash && !config.bootloader_elf) {
        return cli_usage(cli, self,
                         "give --flash (a twin that ran before), --bootloader (a new one), or --config (a "
                         "board on wires)");
    }
    result = cli_board_open(cli, &config, &board);
    if (result == CLI_OK) {
        cli_board_start(&board, SETTLE_MS);
        result = probe(cli, &board.link, !v->option[OPT_NO_RESET].is_given);
        enum cli_exit save = cli_board_save(&board);
        result = cli_board_end_vcd(&board, result == CLI_OK ? save : result);
    }
    cli_board_close(&board);
    return result;
}

/* The wires are those of the gateway's configuration, so its lock keeps a gateway that runs from being disturbed. */
static enum cli_exit probe_wires(struct cli *cli, const struct cli_command *self, const struct cli_values *v)
{
    for (unsigned i = 0; i < OPT_NO_RESET; i++) {
        if (v->option[i].is_given) {
            return cli_usage(cli, self,
                             "--%s is for the twin, --config for a board on wires: give one of them",
                             OPTIONS[i].name);
        }
    }
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        return cli_fail(cli, E_INTERNAL, "no memory");
    }
    s->cli = cli;
    s->self = self;
    enum cli_exit result = service_load(s, v->option[OPT_CONFIG].text);
    if (result == CLI_OK) {
        result = service_lock(s);
    }
    if (result == CLI_OK) {
        result = service_open_target(s);
    }
    if (result == CLI_OK) {
        result = probe(cli, s->link, !v->option[OPT_NO_RESET].is_given);
    }
    result = service_close(s, result);
    free(s);
    return result;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    bool is_done = false;
    struct cli_values values;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &values, &is_done);
    if (is_done) {
        return result;
    }
    return values.option[OPT_CONFIG].is_given ? probe_wires(cli, self, &values)
                                              : probe_twin(cli, self, &values);
}

const struct cli_command cli_cmd_probe = {
    .name = "probe",
    .summary = "say what answers on the wires, what runs, and how the board is",
    .arguments = "[options]",
    .details =
        "Asks the agent; if nothing answers, resets the board (loader, then ST's ROM) until something\n"
        "does, and says what was tried. The board is the twin, as --flash holds it, or with --config the "
        "one\n"
        "on the wires of this machine.\n"
        "\n"
        "exit code 0: one of our loaders answers; 5: only ST's ROM, or nothing.\n"
        "\n"
        "example:\n"
        "  fota probe --flash board.flash\n"
        "  fota probe --config /etc/fota/gateway.conf\n",
    .options = OPTIONS,
    .run = run,
};
