/* `fota`: the table of verbs, and nothing else. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "fota_version.h"

static const struct cli_command *const COMMANDS[] = {
    &cli_cmd_keygen, &cli_cmd_sign, &cli_cmd_inspect, &cli_cmd_publish, &cli_cmd_gateway,
    &cli_cmd_hil,    &cli_cmd_run,  &cli_cmd_probe,   &cli_cmd_recover, &cli_cmd_s3,
};

enum { N_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static void print_overview(FILE *out)
{
    (void)fputs("usage: fota <verb> [options] ...\n\n"
                "Signed firmware updates for STM32F407 targets through any S3.\n\n",
                out);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        (void)fprintf(out, "  %-10s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    }
    (void)fputs(
        "  help       this text, or that of a verb: fota help sign\n"
        "  version    version of this program\n\n"
        "exit codes:\n"
        "  0  done\n"
        "  1  refused: an image, statement or signature does not pass, or the release exists with other "
        "content\n"
        "  2  usage: unknown verb or option, missing or malformed argument\n"
        "  3  network or S3: server, TLS, credentials, clock, bucket\n"
        "  4  file or key: not readable, not writable, wrong kind, private key open to others\n"
        "  5  target: no answer on the wires, or the target refused\n"
        "  6  internal: a bug of this program\n",
        out);
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) {
            return COMMANDS[i];
        }
    }
    return NULL;
}

static enum cli_exit help(struct cli *cli, const char *verb)
{
    const struct cli_command *command = verb ? find(verb) : NULL;
    if (verb && !command) {
        return cli_usage(cli, NULL, "'%s' is not a verb of fota", verb);
    }
    if (command) {
        cli_help(cli, command);
    } else {
        print_overview(cli->out);
    }
    return CLI_OK;
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
    if (argc < 2) {
        print_overview(cli->err);
        return CLI_USAGE;
    }
    const char *verb = argv[1];
    if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        return help(cli, argc > 2 ? argv[2] : NULL);
    }
    if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0) {
        (void)fprintf(cli->out, "fota %s\n", FOTA_VERSION);
        return CLI_OK;
    }
    const struct cli_command *command = find(verb);
    if (!command) {
        return cli_usage(cli, NULL, "'%s' is not a verb of fota", verb);
    }
    return command->run(cli, command, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    struct cli cli = {.out = stdout, .err = stderr, .is_terminal = isatty(STDERR_FILENO) != 0};
    enum cli_exit result = run(&cli, argc, argv);
    if (fflush(stdout) != 0 && result == CLI_OK) {
        result = cli_fail(&cli, E_IO, "standard output cannot be written; check the disk or the pipe");
    }
    return (int)result;
}
