/* fota keygen: P-256 key pairs in PEM. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commands.h"
#include "keys.h"

enum { OPT_DIR, OPT_NAME };

static const struct cli_option OPTIONS[] = {
    {"dir", CLI_TEXT, "DIR", "keys", "folder for the keys; made (mode 0700) if missing"},
    {"name", CLI_LIST, "NAME", NULL, "make only this pair; may be repeated (default: all four)"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

static const char *const ALL[] = {KEY_IMAGE, KEY_NEXT, KEY_RELEASE, KEY_CHANNEL};

static enum cli_exit make_pair(struct cli *cli, const char *folder, const char *name, struct cli_json *j)
{
    struct key key;
    char id[2 * STATEMENT_KEY_ID_BYTES + 1];
    enum fota_err err = key_generate(&key);
    if (err) {
        return cli_fail(cli, err, "the system gives no random numbers; check /dev/urandom");
    }
    err = key_write_pair(&key, folder, name);
    cli_key_id_text(&key, id);
    key_forget(&key);
    if (err) {
        return cli_fail(cli, err, "key pair %s/%s cannot be written: %s", folder, name, strerror(errno));
    }
    if (cli->is_json) {
        cli_json_open(j, NULL, '{');
        cli_json_text(j, "name", name);
        cli_json_text(j, "key_id", id);
        cli_json_close(j, '}');
    } else {
        (void)fprintf(cli->out, "%s/%s.pem  %s/%s.pub.pem  key id %s\n", folder, name, folder, name, id);
    }
    return CLI_OK;
}

/* A name becomes part of file names. */
static bool is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
}

static enum cli_exit check(struct cli *cli, const struct cli_command *self, const char *folder,
                           const char *const *name, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        if (!is_name(name[i])) {
            return cli_usage(cli, self, "'%s' is no name for a key; use a-z, 0-9, -, _ and .", name[i]);
        }
        if (cli_key_exists(folder, name[i], ".pem") || cli_key_exists(folder, name[i], ".pub.pem")) {
            return cli_fail(cli, E_EXISTS,
                            "%s/%s.pem or its public half exists; keys are never overwritten: choose "
                            "another --dir or move it away",
                            folder, name[i]);
        }
    }
    return CLI_OK;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    struct cli_values v;
    bool is_done = false;
    enum cli_exit result = cli_parse(cli, self, argc, argv, &v, &is_done);
    if (is_done) {
        return result;
    }
    if (v.n_positionals != 0) {
        return cli_usage(cli, self, "'%s' is not expected", v.positional[0]);
    }
    const char *folder = v.option[OPT_DIR].text;
    const bool is_all = v.option[OPT_NAME].n_list == 0;
    const char *const *name = is_all ? ALL : v.option[OPT_NAME].list;
    const size_t n_names = is_all ? sizeof ALL / sizeof ALL[0] : v.option[OPT_NAME].n_list;
    result = check(cli, self, folder, name, n_names);
    if (result != CLI_OK) {
        return result;
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return cli_fail(cli, E_IO, "folder %s cannot be made: %s", folder, strerror(errno));
    }
    struct cli_json j = {cli->out, true};
    if (cli->is_json) {
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", true);
        cli_json_text(&j, "dir", folder);
        cli_json_open(&j, "keys", '[');
    }
    for (size_t i = 0; i < n_names && result == CLI_OK; i++) {
        result = make_pair(cli, folder, name[i], &j);
    }
    if (cli->is_json && result == CLI_OK) {
        cli_json_close(&j, ']');
        cli_json_close(&j, '}');
        (void)fputc('\n', cli->out);
    }
    return result;
}

const struct cli_command cli_cmd_keygen = {
    .name = "keygen",
    .summary = "make the key pairs of a product",
    .arguments = "[--dir DIR] [--name NAME]...",
    .details = "Makes P-256 key pairs in PEM: NAME.pem (private, mode 0600) and NAME.pub.pem. Existing files "
               "are never\n"
               "overwritten. Without --name the four pairs of a product:\n"
               "  " KEY_IMAGE
               "    signs images and release statements; its public half is built into the bootloader\n"
               "  " KEY_NEXT "     its successor, also in the bootloader; store the private half offline\n"
               "  " KEY_RELEASE "  second signature on release statements, for gateways and audit\n"
               "  " KEY_CHANNEL "  signs channel statements; the only key that is used online\n",
    .options = OPTIONS,
    .run = run,
};
