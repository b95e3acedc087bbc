/* fota hil: a real board on a bench shows what the emulated one shows, and a report says what it showed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "hil.h"
#include "release/file.h"

enum { OPT_CONFIG, OPT_REPORT, OPT_AGAINST };

static const struct cli_option OPTIONS[] = {
    {"config", CLI_TEXT, "FILE", "/etc/fota/hil.conf", "configuration; docs/hil.conf is an example"},
    {"report", CLI_TEXT, "FILE", NULL, "write the report as JSON into this file too"},
    {"against", CLI_TEXT, "FILE", NULL, "JSON report of the twin: its time stands beside that of each step"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

/* --- opening and closing ----------------------------------------------------------------------------- */

static enum cli_exit open_power(struct hil *h)
{
    const struct service_config *c = &h->service.config;
    h->wires.power = (struct hil_power){.twin = h->service.board.twin, .off_ms = c->off_ms};
    if (h->wires.power.twin || !c->relay) {
        return CLI_OK;
    }
    h->has_relay = true;
    h->wires.power.relay = &h->relay;
    enum fota_err err = linux_relay_open(&h->relay, c->gpio, c->relay, c->relay_on == SERVICE_RELAY_ON_HIGH);
    if (err) {
        (void)cli_fail(h->service.cli, err, "%s", h->relay.why);
        return CLI_TARGET;
    }
    return CLI_OK;
}

static enum cli_exit read_parts(struct hil *h)
{
    const struct service_config *c = &h->service.config;
    const struct cli_parts_paths paths = {
        .bootloader = c->hil_bootloader, .loader = c->hil_loader, .image = c->hil_image};
    if (!paths.bootloader && !paths.loader && !paths.image) {
        return CLI_OK;
    }
    if (!paths.bootloader || !paths.loader || !paths.image) {
        return cli_usage(h->service.cli, h->service.self,
                         "[hil] has some of bootloader, loader and image: write all three, or none");
    }
    return cli_parts_read(h->service.cli, &paths, &h->parts);
}

enum cli_exit hil_open(struct hil *h, const char *config)
{
    struct service *s = &h->service;
    enum cli_exit result = service_load(s, config);
    if (result == CLI_OK && !s->config.base) {
        result = cli_usage(s->cli, s->self, "%s has no [hil] base: docs/hil.conf is an example", config);
    }
    if (result == CLI_OK) {
        result = service_read_keys(s, &h->keys);
    }
    if (result == CLI_OK) {
        result = read_parts(h);
    }
    if (result == CLI_OK) {
        result = service_lock(s);
    }
    if (result == CLI_OK) {
        result = service_open_target(s);
    }
    if (result == CLI_OK) {
        hil_wires_init(&h->wires, s->link->io);
        link_client_init(&h->link, &h->wires.io, &(struct link_client_config){.board = s->layout});
        result = open_power(h);
    }
    h->random = s->config.seed;
    h->begun_s = (uint64_t)time(NULL);
    return result;
}

enum cli_exit hil_close(struct hil *h, enum cli_exit result)
{
    if (h->has_relay && linux_relay_close(&h->relay) != FOTA_OK && result == CLI_OK) {
        (void)cli_fail(h->service.cli, E_IO, "%s", h->relay.why);
        result = CLI_TARGET;
    }
    cli_parts_free(&h->parts);
    return service_close(&h->service, result);
}

/* --- the verb ---------------------------------------------------------------------------------------- */

static enum cli_exit compare(struct hil *h, const char *path)
{
    enum fota_err err = path ? hil_compare(h, path) : FOTA_OK;
    if (err) {
        (void)cli_fail(h->service.cli, err,
                       "%s cannot be compared with: %s; fota hil --report writes such a file", path,
                       err == E_ARG ? "it is no report of fota hil in JSON" : strerror(errno));
        return CLI_FILE;
    }
    return CLI_OK;
}

static enum cli_exit write_report(struct hil *h, const char *path)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    if (!out) {
        return cli_fail(h->service.cli, E_INTERNAL, "no memory");
    }
    hil_report_json(h, out);
    bool is_whole = fclose(out) == 0;
    enum fota_err err = is_whole ? file_replace(path, text, n_bytes) : E_IO;
    free(text);
    return err ? cli_fail(h->service.cli, err, "%s cannot be written: %s", path, strerror(errno)) : CLI_OK;
}

static enum cli_exit report(struct hil *h, const char *path)
{
    struct cli *cli = h->service.cli;
    if (cli->is_json) {
        hil_report_json(h, cli->out);
    } else {
        hil_report_text(h, cli->out);
    }
    enum cli_exit result = path ? write_report(h, path) : CLI_OK;
    return result == CLI_OK && !hil_is_good(h) ? CLI_TARGET : result;
}

static enum cli_exit carry_out(struct hil *h, const struct cli_values *v)
{
    hil_plan(h);
    enum cli_exit result = compare(h, v->option[OPT_AGAINST].text);
    if (result == CLI_OK) {
        result = service_listen(h->service.cli);
    }
    if (result != CLI_OK) {
        return result;
    }
    result = hil_open(h, v->option[OPT_CONFIG].text);
    if (result == CLI_OK) {
        hil_run(h);
        result = report(h, v->option[OPT_REPORT].text);
    }
    return hil_close(h, result);
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    bool is_done = false;
    struct cli_values values;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &values, &is_done);
    if (is_done) {
        return result;
    }
    if (values.n_positionals) {
        return cli_usage(cli, self, "'%s' is not an option", values.positional[0]);
    }
    struct hil *h = calloc(1, sizeof *h);
    if (!h) {
        return cli_fail(cli, E_INTERNAL, "no memory");
    }
    h->service.cli = cli;
    h->service.self = self;
    result = carry_out(h, &values);
    free(h);
    return result;
}

const struct cli_command cli_cmd_hil = {
    .name = "hil",
    .summary = "show on a board on the bench what the emulated one shows, and report it",
    .arguments = "[options]",
    .details =
        "Probes the board, updates it, lets it roll back a bad release, resets it and cuts its power at "
        "random\n"
        "moments of an update, updates it over bad wires, and rebuilds it through ST's ROM; what the\n"
        "configuration does not name is skipped. The report says what passed, failed and was skipped, and "
        "why;\n"
        "nothing in it is secret. The board is used up as a bench's board is: with base in it at the end.\n"
        "\n"
        "exit code 0: nothing failed; 5: a step failed, or it was stopped.\n"
        "\n"
        "example:\n"
        "  fota hil --config hil.conf --report hil.json --against twin.json\n",
    .options = OPTIONS,
    .run = run,
};
