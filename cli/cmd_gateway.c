/* fota gateway: the gateway as a service, on the wires of this board or on the twin. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "ladder_text.h"
#include "release/file.h"
#include "service.h"

enum {
    OPT_CONFIG,
    OPT_CHECK,
    OPT_ONCE,
    OPT_STATUS,
    OPT_EVENTS,
    OPT_LEAVE_RUNNING,
    OPT_HTTP,
    OPT_HTTP_TOKEN_FILE
};

enum { STATUS_MAX_BYTES = 16384, KIT_WORDS = 4 /* kit ROOT LOADER IMAGE */ };

static const struct cli_option OPTIONS[] = {
    {"config", CLI_TEXT, "FILE", "/etc/fota/gateway.conf", "configuration; docs/gateway.conf is an example"},
    {"check", CLI_FLAG, NULL, NULL, "check configuration, keys and folders, and end"},
    {"once", CLI_FLAG, NULL, NULL, "poll once, follow what it leads to, and end: for cron"},
    {"status", CLI_FLAG, NULL, NULL, "say what the gateway of this configuration does"},
    {"events", CLI_FLAG, NULL, NULL, "one JSON object a line on standard output for each event"},
    {"leave-running", CLI_FLAG, NULL, NULL, "only make sure that the target runs: for ExecStopPost"},
    {"http", CLI_TEXT, "ADDRESS:PORT", NULL,
     "local page, e.g. 127.0.0.1:8407 (else http of the configuration)"},
    {"http-token-file", CLI_TEXT, "FILE", NULL,
     "token that the page asks for; needed for any address but loopback"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

/* --- modes ------------------------------------------------------------------------------------------- */

static enum cli_exit check_folder(struct service *s, const char *path)
{
    char folder[CLI_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    } else {
        (void)snprintf(folder, sizeof folder, ".");
    }
    if (access(folder, W_OK | X_OK) == 0) {
        return CLI_OK;
    }
    return cli_fail(s->cli, E_IO,
                    "the folder %s of %s cannot be written by this user: make it, or give it to the user "
                    "of the service",
                    folder, path);
}

/* Opened and closed: that disturbs neither the target nor a gateway that runs. */
static enum cli_exit check_device(struct service *s, const char *path)
{
    if (s->config.target != SERVICE_SPIDEV) {
        return CLI_OK;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        return close(fd) == 0 ? CLI_OK : cli_fail(s->cli, E_IO, "%s cannot be closed", path);
    }
    bool is_missing = errno == ENOENT;
    (void)cli_fail(s->cli, is_missing ? E_NOT_FOUND : E_IO,
                   "%s %s; see docs/guide/raspberry-pi.md for overlay and groups", path,
                   is_missing ? "does not exist" : "may not be used by this user");
    return CLI_TARGET;
}

static enum cli_exit check(struct service *s)
{
    struct gateway_keys keys;
    enum cli_exit result = service_read_keys(s, &keys);
    if (result == CLI_OK) {
        result = check_folder(s, s->config.state);
    }
    if (result == CLI_OK && s->config.metrics) {
        result = check_folder(s, s->config.metrics);
    }
    if (result == CLI_OK) {
        result = check_device(s, s->config.spi);
    }
    if (result == CLI_OK) {
        result = check_device(s, s->config.gpio);
    }
    if (result == CLI_OK) {
        result = service_page_check(s);
    }
    if (result == CLI_OK) {
        (void)fprintf(s->cli->out, "ok\n");
    }
    return result;
}

static enum cli_exit status(struct service *s)
{
    char path[CLI_PATH_BYTES];
    uint8_t *text = NULL;
    size_t n_bytes = 0;
    (void)snprintf(path, sizeof path, "%s.lock", s->config.state);
    long owner = file_lock_owner(path);
    cli_note(s->cli, owner ? "process %ld runs this gateway" : "no process runs this gateway", owner);
    service_status_path(&s->config, path, sizeof path);
    enum fota_err err = file_read(path, STATUS_MAX_BYTES, &text, &n_bytes, NULL);
    if (err) {
        return cli_fail(s->cli, err, "%s cannot be read: this gateway has not run yet", path);
    }
    (void)fwrite(text, 1, n_bytes, s->cli->out);
    free(text);
    return CLI_OK;
}

/* --- results of --once ------------------------------------------------------------------------------- */

static enum cli_exit failure(struct service *s)
{
    const struct run_watch *w = &s->watch.sums;
    if (w->failed_in == GATEWAY_POLL) {
        char object[GATEWAY_KEY_MAX_BYTES];
        (void)snprintf(object, sizeof object, "v1/channels/%s/%s/%s.fc", s->config.product, s->config.hw,
                       s->config.channel);
        return cli_s3_fail(s->cli, &s->s3, w->last_reason, &s->gateway.reply, object,
                           clock_utc_s(&s->clock.clock));
    }
    bool is_silent = w->last_reason >= E_LINK_AGENT_SILENT && w->last_reason <= E_LINK_LOADER_MISSING;
    bool is_for_kit = w->last_reason == E_LINK_BOOT_MISSING || w->last_reason == E_LINK_REQUEST_IGNORED ||
                      w->last_reason == E_LINK_LOADER_MISSING;
    if (is_silent) {
        return cli_fail(
            s->cli, w->last_reason, "%s failed; %s", gateway_state_name(w->failed_in),
            is_for_kit && s->config.rebuild == SERVICE_REBUILD_NEVER
                ? "with rebuild = kit, and a kit, this gateway rebuilds the board; see docs/gateway.conf"
                : ladder_advice(w->last_reason));
    }
    bool is_wires = w->last_reason == E_IO && s->has_wires && s->wires.why[0];
    enum cli_exit code =
        cli_fail(s->cli, w->last_reason, "%s failed%s%s; the target keeps what it runs, try again",
                 gateway_state_name(w->failed_in), is_wires ? ": " : "", is_wires ? s->wires.why : "");
    return is_wires ? CLI_TARGET : code;
}

static enum cli_exit conclude(struct service *s)
{
    char version[16];
    const struct run_watch *w = &s->watch.sums;
    cli_version_text(w->last_version, version);
    if (w->n_failed_in_row > 0) {
        return failure(s);
    }
    if (w->n_refused > 0) {
        return cli_fail(s->cli, w->last_reason, "%s was refused",
                        w->last_version ? version : "the channel object");
    }
    if (w->n_rolled_back > 0) {
        (void)cli_fail(s->cli, w->last_reason, "%s was rolled back, the old image runs", version);
        return CLI_TARGET;
    }
    if (!s->watch.is_events) {
        (void)fprintf(s->cli->out, "%s\n",
                      w->n_confirmed ? "confirmed"
                      : w->n_loaders ? "loader"
                                     : "nothing");
    }
    return CLI_OK;
}

static enum cli_exit serve(struct service *s, bool is_once)
{
    enum cli_exit result = service_lock(s);
    if (result == CLI_OK) {
        result = service_listen(s->cli);
    }
    if (result == CLI_OK) {
        result = service_open_target(s);
    }
    if (result == CLI_OK) {
        result = service_open_gateway(s);
    }
    if (result == CLI_OK && !is_once) {
        result = service_page_open(s);
    }
    if (result == CLI_OK) {
        result = service_run(s, is_once);
    }
    return result == CLI_OK && is_once && !service_signals.stop ? conclude(s) : result;
}

static enum cli_exit leave_running(struct service *s)
{
    enum cli_exit result = service_lock(s);
    if (result == CLI_OK) {
        result = service_open_target(s);
    }
    return result == CLI_OK ? service_leave_running(s) : result;
}

static enum cli_exit carry_out(struct service *s, const struct cli_values *v)
{
    enum cli_exit result = service_load(s, v->option[OPT_CONFIG].text);
    if (result != CLI_OK) {
        return result;
    }
    s->watch.is_events = v->option[OPT_EVENTS].is_given;
    if (v->option[OPT_HTTP].is_given) {
        s->config.http = v->option[OPT_HTTP].text;
    }
    if (v->option[OPT_HTTP_TOKEN_FILE].is_given) {
        s->config.http_token_file = v->option[OPT_HTTP_TOKEN_FILE].text;
    }
    if (v->option[OPT_CHECK].is_given) {
        return check(s);
    }
    if (v->option[OPT_STATUS].is_given) {
        return status(s);
    }
    if (v->n_positionals == KIT_WORDS) {
        result = service_lock(s);
        return service_close(s, result == CLI_OK
                                    ? service_kit(s, v->positional[1], v->positional[2], v->positional[3])
                                    : result);
    }
    s->bundle = v->n_positionals == 2 ? v->positional[1] : NULL;
    bool is_once = v->option[OPT_ONCE].is_given || s->bundle;
    return service_close(s, v->option[OPT_LEAVE_RUNNING].is_given ? leave_running(s) : serve(s, is_once));
}

static enum cli_exit check_options(struct cli *cli, const struct cli_command *self,
                                   const struct cli_values *v)
{
    static const unsigned modes[] = {OPT_CHECK, OPT_ONCE, OPT_STATUS, OPT_LEAVE_RUNNING};
    unsigned n_modes = 0;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        n_modes += v->option[modes[i]].is_given ? 1U : 0;
    }
    if (n_modes > 1) {
        return cli_usage(cli, self, "--check, --once, --status and --leave-running are one at a time");
    }
    bool is_install = v->n_positionals > 0 && strcmp(v->positional[0], "install") == 0;
    if (is_install && (v->n_positionals != 2 || n_modes > 0)) {
        return cli_usage(cli, self, "install wants one bundle: fota gateway install FILE");
    }
    bool is_kit = v->n_positionals > 0 && strcmp(v->positional[0], "kit") == 0;
    if (is_kit && (v->n_positionals != KIT_WORDS || n_modes > 0)) {
        return cli_usage(cli, self, "kit wants three files: fota gateway kit ROOT LOADER IMAGE");
    }
    return v->n_positionals && !is_install && !is_kit
               ? cli_usage(cli, self, "'%s' is not an option", v->positional[0])
               : CLI_OK;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    bool is_done = false;
    struct cli_values values;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &values, &is_done);
    if (is_done) {
        return result;
    }
    result = check_options(cli, self, &values);
    if (result != CLI_OK) {
        return result;
    }
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        return cli_fail(cli, E_INTERNAL, "no memory");
    }
    s->cli = cli;
    s->self = self;
    result = carry_out(s, &values);
    free(s);
    return result;
}

const struct cli_command cli_cmd_gateway = {
    .name = "gateway",
    .summary = "run the gateway on the wires of this board, or on the twin, as a service",
    .arguments = "[options] [install FILE | kit ROOT LOADER IMAGE]",
    .details =
        "Polls the channel in S3, installs what it offers over SPI, follows the trial, and goes on until it "
        "is\n"
        "told to stop: SIGTERM and Ctrl-C finish the block under way, SIGUSR1 polls now. Log lines go to\n"
        "standard error, for journald with their level.\n"
        "\n"
        "install FILE takes channel and images from a bundle, a tar file of the bucket's objects, without a "
        "network\n"
        "and with the same checks; then it ends as --once does.\n"
        "\n"
        "kit checks a bootloader, a loader and an image, and keeps them in the staging store: with rebuild = "
        "kit\n"
        "in its configuration the gateway rebuilds a board from them that only ST's ROM answers for.\n"
        "\n"
        "exit code of --once: 0 nothing to do, or installed and confirmed; 1 refused; 3 network; 5 target,\n"
        "or rolled back.\n"
        "\n"
        "example:\n"
        "  fota gateway --config /etc/fota/gateway.conf --check\n"
        "  fota gateway --config /etc/fota/gateway.conf\n",
    .options = OPTIONS,
    .run = run,
};
