/* Arguments of a verb, and its help, from one table. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "format/release_statement.h"

enum { OPTION_COLUMN = 24 };

static void help_option(struct cli *cli, const char *name, const char *value, const char *help,
                        const char *fallback)
{
    int n = fprintf(cli->out, "  --%s", name);
    if (value) {
        n += fprintf(cli->out, " %s", value);
    }
    if (n >= OPTION_COLUMN) { /* does not fit the column: text goes below */
        (void)fputc('\n', cli->out);
        n = 0;
    }
    (void)fprintf(cli->out, "%*s%s", OPTION_COLUMN - n, "", help);
    if (fallback) {
        (void)fprintf(cli->out, " (default %s)", fallback);
    }
    (void)fputc('\n', cli->out);
}

void cli_help(struct cli *cli, const struct cli_command *self)
{
    (void)fprintf(cli->out, "usage: fota %s %s\n\n%s\noptions:\n", self->name, self->arguments,
                  self->details);
    for (const struct cli_option *o = self->options; o->name; o++) {
        help_option(cli, o->name, o->value, o->help, o->fallback);
    }
    help_option(cli, "json", NULL, "one JSON object on standard output", NULL);
    help_option(cli, "help", NULL, "this text", NULL);
    (void)fputs(
        "\nexit codes: 0 done, 1 refused, 2 usage, 3 network or S3, 4 file or key, 5 target, 6 internal\n",
        cli->out);
}

static bool read_number(const char *text, uint32_t *out)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    const unsigned long long value = strtoull(text, &end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
    if (*end != '\0' || value > UINT32_MAX || strlen(text) > 16) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

/* The option that an argument names, and the value glued to it by '='. */
static const struct cli_option *find(const struct cli_command *self, const char *name, const char **value)
{
    for (const struct cli_option *o = self->options; o->name; o++) {
        const size_t n = strlen(o->name);
        if (strncmp(name, o->name, n) == 0 && (name[n] == '\0' || name[n] == '=')) {
            *value = name[n] == '=' ? name + n + 1 : NULL;
            return o;
        }
    }
    return NULL;
}

static enum cli_exit store(struct cli *cli, const struct cli_command *self, const struct cli_option *o,
                           const char *value, struct cli_value *out)
{
    out->is_given = true;
    if (o->kind == CLI_NUMBER && !read_number(value, &out->number)) {
        return cli_usage(cli, self, "--%s wants a number from 0 to 4294967295, not '%s'", o->name, value);
    }
    if (o->kind == CLI_LIST) {
        if (out->n_list == CLI_LIST_MAX) {
            return cli_usage(cli, self, "--%s was given more than %d times", o->name, CLI_LIST_MAX);
        }
        out->list[out->n_list++] = value;
    }
    out->text = value;
    return CLI_OK;
}

static enum cli_exit set_defaults(struct cli *cli, const struct cli_command *self, struct cli_values *out)
{
    memset(out, 0, sizeof *out);
    size_t i = 0;
    for (const struct cli_option *o = self->options; o->name; o++, i++) {
        if (i == CLI_OPTIONS_MAX) {
            return cli_fail(cli, E_INTERNAL, "'%s' has too many options", self->name);
        }
        if (o->fallback) {
            const enum cli_exit result = store(cli, self, o, o->fallback, &out->option[i]);
            if (result != CLI_OK) {
                return result;
            }
            out->option[i].is_given = false;
        }
    }
    return CLI_OK;
}

/* One `--option` at argv[*at]; moves *at over a separate value. */
static enum cli_exit take_option(struct cli *cli, const struct cli_command *self, int argc, char **argv,
                                 int *at, struct cli_values *out)
{
    const char *value = NULL;
    const char *name = argv[*at] + 2;
    const struct cli_option *o = find(self, name, &value);
    if (!o) {
        return cli_usage(cli, self, "'%s' is not an option of '%s'", argv[*at], self->name);
    }
    if (o->kind == CLI_FLAG && value) {
        return cli_usage(cli, self, "--%s takes no value", o->name);
    }
    if (o->kind != CLI_FLAG && !value) {
        if (*at + 1 >= argc) {
            return cli_usage(cli, self, "--%s wants a value", o->name);
        }
        value = argv[++*at];
    }
    return store(cli, self, o, value, &out->option[o - self->options]);
}

/* `--json` counts wherever it stands, so that an error before it is JSON too. */
static void look_for_json(struct cli *cli, int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        cli->is_json = cli->is_json || strcmp(argv[i], "--json") == 0;
    }
}

enum cli_exit cli_parse(struct cli *cli, const struct cli_command *self, int argc, char **argv,
                        struct cli_values *out, bool *is_done)
{
    *is_done = true;
    look_for_json(cli, argc, argv);
    enum cli_exit result = set_defaults(cli, self, out);
    bool is_options_end = false;
    for (int i = 0; i < argc && result == CLI_OK; i++) {
        const bool is_option = !is_options_end && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0) {
            is_options_end = true;
        } else if (is_option && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            cli_help(cli, self);
            return CLI_OK;
        } else if (is_option && strcmp(argv[i], "--json") == 0) {
            continue;
        } else if (is_option && argv[i][1] != '-') {
            result = cli_usage(cli, self, "'%s' is not an option; options begin with two dashes", argv[i]);
        } else if (is_option) {
            result = take_option(cli, self, argc, argv, &i, out);
        } else if (out->n_positionals == CLI_POSITIONALS_MAX) {
            result = cli_usage(cli, self, "too many arguments at '%s'", argv[i]);
        } else {
            out->positional[out->n_positionals++] = argv[i];
        }
    }
    *is_done = result != CLI_OK;
    return result;
}

enum cli_exit cli_find_board(struct cli *cli, const struct cli_command *self, const char *name,
                             const char *hw, const struct board_layout **out)
{
    char known[256] = "";
    size_t at = 0;
    *out = board_layout_find(hw);
    for (uint32_t i = 0; i < BOARD_N_LAYOUTS && at < sizeof known; i++) {
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", BOARD_LAYOUTS[i].hw_id);
    }
    return *out ? CLI_OK
                : cli_usage(cli, self, "%s '%s' is no board that this fota knows: %s (boards/README.md)",
                            name, hw, known);
}

enum cli_exit cli_check_hw(struct cli *cli, const struct cli_command *self, const char *hw)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    const size_t n = strlen(hw);
    if (n == 0 || n > RELEASE_HW_MAX_BYTES || strspn(hw, letters) != n || strchr("-_.", hw[0])) {
        return cli_usage(cli, self,
                         "--hw is 1 to %d of a-z, 0-9, -, _ and ., the first a letter or digit, not '%s'",
                         RELEASE_HW_MAX_BYTES, hw);
    }
    return CLI_OK;
}
