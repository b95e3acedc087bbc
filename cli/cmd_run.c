/* fota run: the gateway against the twin, an emulated STM32F407 in this process. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board.h"
#include "commands.h"
#include "keys.h"
#include "ladder_text.h"
#include "parts.h"
#include "posix/store_file.h"
#include "run_watch.h"
#include "s3_client.h"
#include "state_lock.h"

enum {
    OPT_PRODUCT = CLI_S3_OPTIONS,
    OPT_HW,
    OPT_CHANNEL,
    OPT_DEVICE,
    OPT_KEYS,
    OPT_BOOTLOADER,
    OPT_LOADER,
    OPT_FACTORY,
    OPT_POLLS,
    OPT_UNTIL_CONFIRMED,
    OPT_INTERVAL,
    OPT_STATE,
    OPT_FLASH,
    OPT_OPTION_BYTES,
    OPT_MAX_FLASH_TIME,
    OPT_VCD,
    OPT_VCD_MB
};

static const struct cli_option OPTIONS[] = {
    CLI_S3_OPTION_TABLE,
    {"product", CLI_TEXT, "NAME", NULL, "product, as published"},
    {"hw", CLI_TEXT, "ID", NULL, "hardware id of the target"},
    {"channel", CLI_TEXT, "NAME", "stable", "channel to follow"},
    {"device", CLI_TEXT, "NAME", "twin", "name of this device: its place in a rollout"},
    {"keys", CLI_TEXT, "DIR", "keys", "folder with image-key.pub.pem and channel-key.pub.pem"},
    {"bootloader", CLI_TEXT, "ELF", NULL, "bootloader for sector 0 of the twin"},
    {"loader", CLI_TEXT, "FILE", NULL, "signed loader that the factory puts into sector 1"},
    {"factory", CLI_TEXT, "FILE", NULL, "signed image that the factory puts into slot A"},
    {"polls", CLI_NUMBER, "N", "1", "end after N polls and what they lead to"},
    {"until-confirmed", CLI_FLAG, NULL, NULL,
     "end when an update was confirmed, rolled back or refused, or a loader is in place"},
    {"interval", CLI_NUMBER, "SECONDS", "30", "virtual time between polls"},
    {"state", CLI_TEXT, "FILE", NULL, "keep the gateway's record here, for the next run"},
    {"flash", CLI_TEXT, "FILE", NULL, "keep the twin's flash here; read at the start if it exists"},
    CLI_OPTION_BYTES_OPTION,
    {"max-flash-time", CLI_FLAG, NULL, NULL, "flash as slow as the datasheet allows, not typical"},
    {"vcd", CLI_TEXT, "FILE", NULL, "record the wires here, for GTKWave or sigrok"},
    {"vcd-mb", CLI_NUMBER, "N", "100", "stop to record when the file has so many megabytes"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

enum { SETTLE_MS = 3000, FAILURES_MAX = 30, BACKOFF_MIN_MS = 5000 };

/* Intervals in virtual time, dates from this machine: requests go to a real server. */
struct run_clock {
    struct clock clock; /* first member */
    struct twin *twin;
};

struct run {
    struct cli *cli;
    const struct cli_command *self;
    struct cli_values values;
    struct cli_s3 s3;
    const struct board_layout *layout; /* of --hw */
    struct cli_board board;
    struct run_clock clock;
    struct store_file store_file;
    struct file_lock lock;
    struct store no_store;
    struct key image_key, next_key, release_key, channel_key;
    struct gateway gateway;
    struct run_watch watch;
    char poll_object[GATEWAY_KEY_MAX_BYTES];
};

static const char *text_of(const struct run *r, unsigned option)
{
    return r->values.option[option].text;
}

/* --- ports ------------------------------------------------------------------------------------------- */

static uint64_t now_ms(struct clock *clock)
{
    return twin_now_ns(((struct run_clock *)clock)->twin) / 1000000U;
}

static uint64_t utc_s(struct clock *clock)
{
    (void)clock;
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}

/* Without --state the gateway starts anew each time. */
static enum fota_err forget_load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    (void)store;
    (void)cell;
    (void)bytes;
    (void)n_bytes;
    return E_NOT_FOUND;
}

static enum fota_err forget_save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    (void)store;
    (void)cell;
    (void)bytes;
    (void)n_bytes;
    return FOTA_OK;
}

/* --- the board --------------------------------------------------------------------------------------- */

/* A factory programs nothing that its own bootloader would refuse. */
static enum cli_exit check_factory(struct run *r)
{
    const struct cli_parts_paths paths = {.bootloader = text_of(r, OPT_BOOTLOADER),
                                          .loader = text_of(r, OPT_LOADER),
                                          .image = text_of(r, OPT_FACTORY),
                                          .slot = 'a'};
    struct cli_parts *parts = calloc(1, sizeof *parts);
    if (!parts) {
        return cli_fail(r->cli, E_INTERNAL, "no memory");
    }
    enum cli_exit result = cli_parts_read(r->cli, &paths, parts);
    if (result == CLI_OK && parts->plan.board != r->layout) {
        result = cli_fail(r->cli, E_IMAGE_HARDWARE, "%s is for board %s, --hw is %s", paths.image,
                          parts->plan.board->hw_id, r->layout->hw_id);
    }
    cli_parts_free(parts);
    free(parts);
    return result;
}

static enum cli_exit program_board(struct run *r)
{
    const struct cli_board_config config = {.board = r->layout,
                                            .bootloader_elf = text_of(r, OPT_BOOTLOADER),
                                            .loader_image = text_of(r, OPT_LOADER),
                                            .factory_image = text_of(r, OPT_FACTORY),
                                            .flash = text_of(r, OPT_FLASH),
                                            .vcd = text_of(r, OPT_VCD),
                                            .option_bytes = r->values.option[OPT_OPTION_BYTES].number,
                                            .vcd_mb = r->values.option[OPT_VCD_MB].number,
                                            .is_slow_flash = r->values.option[OPT_MAX_FLASH_TIME].is_given,
                                            .rom = TWIN_ROM_V9_1};
    enum cli_exit result = text_of(r, OPT_FACTORY) ? check_factory(r) : CLI_OK;
    if (result == CLI_OK) {
        result = cli_board_open(r->cli, &config, &r->board);
    }
    if (result == CLI_OK) {
        cli_board_start(&r->board, SETTLE_MS);
    }
    return result;
}

/* --- the gateway ------------------------------------------------------------------------------------- */

/* A key that a folder may have. */
static enum cli_exit optional_key(struct run *r, const char *name, struct key *key, bool *has)
{
    *has = cli_key_exists(text_of(r, OPT_KEYS), name, ".pub.pem");
    return *has ? cli_key_public_in(r->cli, text_of(r, OPT_KEYS), name, key) : CLI_OK;
}

static enum cli_exit read_keys(struct run *r, struct gateway_keys *keys)
{
    bool has_next = false;
    bool has_release = false;
    enum cli_exit result = cli_key_public_in(r->cli, text_of(r, OPT_KEYS), KEY_IMAGE, &r->image_key);
    if (result == CLI_OK) {
        result = cli_key_public_in(r->cli, text_of(r, OPT_KEYS), KEY_CHANNEL, &r->channel_key);
    }
    if (result == CLI_OK) {
        result = optional_key(r, KEY_NEXT, &r->next_key, &has_next);
    }
    if (result == CLI_OK) {
        result = optional_key(r, KEY_RELEASE, &r->release_key, &has_release);
    }
    const uint8_t *next = has_next ? r->next_key.point : NULL;
    const uint8_t *release = has_release ? r->release_key.point : NULL;
    *keys = (struct gateway_keys){.channel = {r->channel_key.point},
                                  .release = {r->image_key.point, next, release},
                                  .image = {r->image_key.point, next}};
    return result;
}

static enum cli_exit start_gateway(struct run *r)
{
    static const struct clock_ops clock_ops = {.now_ms = now_ms, .utc_s = utc_s};
    static const struct store_ops no_store_ops = {.load = forget_load, .save = forget_save};
    r->clock = (struct run_clock){.clock = {.ops = &clock_ops}, .twin = r->board.twin};
    r->no_store.ops = &no_store_ops;
    if (text_of(r, OPT_STATE)) {
        store_file_init(&r->store_file, text_of(r, OPT_STATE));
    }
    run_watch_init(&r->watch, r->cli, &r->clock.clock);
    struct gateway_config config = {.identity = {.product = text_of(r, OPT_PRODUCT),
                                                 .hw = text_of(r, OPT_HW),
                                                 .channel = text_of(r, OPT_CHANNEL),
                                                 .device = text_of(r, OPT_DEVICE)},
                                    .poll_ms = r->values.option[OPT_INTERVAL].number * 1000U,
                                    .backoff_min_ms = BACKOFF_MIN_MS,
                                    .denied_min_ms = BACKOFF_MIN_MS,
                                    .seed = 1};
    enum cli_exit result = read_keys(r, &config.keys);
    if (result != CLI_OK) {
        return result;
    }
    const struct gateway_ports ports = {.s3 = &r->s3.s3,
                                        .link = &r->board.link,
                                        .store = text_of(r, OPT_STATE) ? &r->store_file.store : &r->no_store,
                                        .clock = &r->clock.clock,
                                        .observer = run_watch_observer(&r->watch)};
    if (gateway_init(&r->gateway, &config, &ports)) {
        return cli_usage(r->cli, r->self, "--product, --channel and --device are 1 to 32 characters");
    }
    (void)snprintf(r->poll_object, sizeof r->poll_object, "v1/channels/%s/%s/%s.fc", text_of(r, OPT_PRODUCT),
                   text_of(r, OPT_HW), text_of(r, OPT_CHANNEL));
    return CLI_OK;
}

/* Enough seen? Only between updates: what a poll led to is followed to its end. */
static bool is_done(const struct run *r)
{
    const struct run_watch *w = &r->watch;
    bool is_idle = r->gateway.state == GATEWAY_WAIT;
    if (!is_idle) {
        return false;
    }
    if (r->values.option[OPT_UNTIL_CONFIRMED].is_given) {
        return w->n_confirmed + w->n_rolled_back + w->n_refused + w->n_loaders > 0 ||
               w->n_failed_in_row >= FAILURES_MAX;
    }
    return w->n_polls >= r->values.option[OPT_POLLS].number;
}

static enum cli_exit run_gateway(struct run *r)
{
    while (!is_done(r)) {
        uint32_t wait_ms = 0;
        enum fota_err err = gateway_step(&r->gateway, &wait_ms);
        if (err) {
            return cli_fail(r->cli, err, "the gateway lost its way in state %s",
                            gateway_state_name(r->gateway.state));
        }
        if (wait_ms == 0 || is_done(r)) {
            continue;
        }
        enum twin_stop stop =
            twin_run_until(r->board.twin, twin_now_ns(r->board.twin) + (uint64_t)wait_ms * 1000000U);
        if (stop != TWIN_STOP_TIME && stop != TWIN_STOP_LOCKUP) {
            return cli_fail(r->cli, E_INTERNAL, "the twin stopped");
        }
    }
    return CLI_OK;
}

/* --- the result -------------------------------------------------------------------------------------- */

static const char *outcome_of(const struct run_watch *w)
{
    if (w->n_failed_in_row > 0) {
        return "failed";
    }
    if (w->n_refused > 0) {
        return "refused";
    }
    if (w->n_rolled_back > 0) {
        return "rolled-back";
    }
    if (w->n_confirmed > 0) {
        return "confirmed";
    }
    return w->n_loaders > 0 ? "loader" : "nothing";
}

static void print_json(const struct run *r, const char *outcome)
{
    const struct boot_info *b = &r->gateway.target.boot;
    const struct twin_stats *stats = twin_stats(r->board.twin);
    struct cli_json j = {.out = r->cli->out, .is_first = true};
    char version[16] = "";
    if (b->running_slot < SLOT_NONE) {
        cli_version_text(b->slot_version[b->running_slot], version);
    }
    cli_json_open(&j, NULL, '{');
    cli_json_flag(&j, "ok", true);
    cli_json_text(&j, "outcome", outcome);
    cli_json_text(&j, "reason", fota_err_name(r->watch.last_reason));
    cli_json_text(&j, "running", version);
    cli_json_text(&j, "slot", b->running_slot == SLOT_A ? "a" : b->running_slot == SLOT_B ? "b" : "none");
    cli_json_number(&j, "polls", r->watch.n_polls);
    cli_json_number(&j, "virtual_ms", twin_now_ns(r->board.twin) / 1000000U);
    cli_json_number(&j, "spi_bytes", stats->spi_bytes);
    cli_json_number(&j, "flash_busy_ms", stats->flash_busy_ns / 1000000U);
    cli_json_number(&j, "link_repeats", r->board.link.stats.repeats);
    ladder_json(&j, &r->watch.ladder);
    cli_json_close(&j, '}');
    (void)fputc('\n', r->cli->out);
}

static enum cli_exit failure(struct run *r)
{
    enum fota_err reason = r->watch.last_reason;
    if (r->watch.failed_in == GATEWAY_POLL) {
        return cli_s3_fail(r->cli, &r->s3, reason, &r->gateway.reply, r->poll_object, utc_s(&r->clock.clock));
    }
    bool is_silent = reason >= E_LINK_AGENT_SILENT && reason <= E_LINK_LOADER_MISSING;
    return cli_fail(r->cli, reason, "%s failed; %s", gateway_state_name(r->watch.failed_in),
                    is_silent ? ladder_advice(reason) : "the target keeps what it runs, try again");
}

static enum cli_exit conclude(struct run *r)
{
    char version[16];
    const struct run_watch *w = &r->watch;
    const char *outcome = outcome_of(w);
    cli_version_text(w->last_version, version);
    if (w->n_failed_in_row > 0) {
        return failure(r);
    }
    if (w->n_refused > 0) {
        return cli_fail(r->cli, w->last_reason, "the release was refused, %s",
                        w->is_erased ? "the slot that does not run was written, the old image runs"
                                     : "nothing was erased");
    }
    if (w->n_rolled_back > 0) {
        (void)cli_fail(r->cli, w->last_reason, "%s was rolled back, the old image runs", version);
        return CLI_TARGET;
    }
    if (r->cli->is_json) {
        print_json(r, outcome);
    } else {
        (void)fprintf(r->cli->out, "%s\n", outcome);
    }
    return CLI_OK;
}

static enum cli_exit check_options(struct run *r)
{
    static const unsigned needed[] = {OPT_PRODUCT, OPT_HW, OPT_BOOTLOADER};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!r->values.option[needed[i]].is_given) {
            return cli_usage(r->cli, r->self, "--%s is missing", OPTIONS[needed[i]].name);
        }
    }
    enum cli_exit result = cli_check_hw(r->cli, r->self, text_of(r, OPT_HW));
    if (result == CLI_OK) {
        result = cli_find_board(r->cli, r->self, "--hw", text_of(r, OPT_HW), &r->layout);
    }
    if (result != CLI_OK) {
        return result;
    }
    if (!text_of(r, OPT_FACTORY) && !text_of(r, OPT_FLASH)) {
        return cli_usage(r->cli, r->self, "give --factory (a new board) or --flash (one that ran before)");
    }
    if (!text_of(r, OPT_FACTORY) != !text_of(r, OPT_LOADER)) {
        return cli_usage(r->cli, r->self,
                         "a new board takes both: --factory for slot A, --loader for sector 1");
    }
    if (r->values.option[OPT_POLLS].number == 0 || r->values.option[OPT_INTERVAL].number == 0 ||
        r->values.option[OPT_INTERVAL].number > 604800) {
        return cli_usage(r->cli, r->self, "--polls is at least 1, --interval is 1 to 604800 seconds");
    }
    if (r->values.option[OPT_VCD_MB].number == 0) {
        return cli_usage(r->cli, r->self, "--vcd-mb is at least 1");
    }
    return r->values.n_positionals
               ? cli_usage(r->cli, r->self, "'%s' is not an option", r->values.positional[0])
               : CLI_OK;
}

static enum cli_exit run_all(struct run *r)
{
    enum cli_exit result =
        text_of(r, OPT_STATE) ? cli_lock_state(r->cli, text_of(r, OPT_STATE), &r->lock) : CLI_OK;
    if (result == CLI_OK) {
        result = program_board(r);
    }
    if (result == CLI_OK) {
        result = start_gateway(r);
    }
    if (result == CLI_OK) {
        result = run_gateway(r);
    }
    if (result == CLI_OK) {
        result = cli_board_save(&r->board);
    }
    result = cli_board_end_vcd(&r->board, result);
    return result == CLI_OK ? conclude(r) : result;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    bool is_done_already = false;
    struct run *r = calloc(1, sizeof *r);
    if (!r) {
        return cli_fail(cli, E_INTERNAL, "no memory");
    }
    r->cli = cli;
    r->self = self;
    r->lock.fd = -1;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &r->values, &is_done_already);
    if (!is_done_already) {
        result = check_options(r);
        if (result == CLI_OK) {
            result = cli_s3_open(cli, self, &r->values, true, &r->s3);
        }
        if (result == CLI_OK) {
            result = run_all(r);
            cli_s3_close(&r->s3);
        }
        cli_board_close(&r->board);
        file_lock_release(&r->lock);
    }
    free(r);
    return result;
}

const struct cli_command cli_cmd_run = {
    .name = "run",
    .summary = "run the gateway against the twin, an emulated STM32F407",
    .arguments = "[options]",
    .details =
        "Starts the twin with bootloader, loader and a factory image, polls the channel in S3, and installs\n"
        "what it offers: check, stream over SPI, trial, confirm or roll back. Times are the twin's virtual "
        "time.\n"
        "\n"
        "example:\n"
        "  fota run --endpoint http://127.0.0.1:9000 --bucket releases --product demo --hw f407-disco \\\n"
        "      --bootloader build/f407/bootloader/bootloader.elf --loader build/f407/loader/loader.img \\\n"
        "      --factory demo-1.0.0-a.img --polls 3\n",
    .options = OPTIONS,
    .run = run,
};
