/**
 * What every verb of the `fota` command shares: the command table, options, messages, exit codes, JSON.
 *
 * A verb is one file cmd_<verb>.c with one `const struct cli_command`, named in commands.h and in the table
 * of main.c. Its `run` parses its arguments with cli_parse(), does its work, and returns an exit code.
 * Results go to standard output, everything else (progress, warnings, errors) to standard error. An error is
 * one sentence that says what is wrong and what to do: cli_fail().
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/board_layout.h"
#include "base/err.h"

/** Exit codes by class; documented in `fota help` too. Scripts rely on them: never renumber. */
enum cli_exit {
    CLI_OK = 0,
    CLI_REFUSED = 1, /* a check failed: image, statement, signature, or a release that exists already */
    CLI_USAGE = 2,   /* unknown verb or option, missing or malformed argument */
    CLI_NETWORK = 3, /* server unreachable, TLS, credentials, clock, bucket, or S3 refused */
    CLI_FILE = 4,    /* a file or key cannot be read or written, or its mode is wrong */
    CLI_TARGET = 5,  /* the target or its wires do not answer, or the target refused */
    CLI_INTERNAL = 6 /* a bug of this program */
};

/** Exit class of an error. */
enum cli_exit cli_exit_of(enum fota_err err);

/** State of one invocation. */
struct cli {
    FILE *out;        /* results */
    FILE *err;        /* progress, warnings, errors */
    bool is_json;     /* --json: one JSON object on `out`, also on failure */
    bool is_terminal; /* `err` is a terminal: progress bars move; else plain lines */
};

/** One verb. */
struct cli_command {
    const char *name;
    const char *summary;   /* one line for `fota help` */
    const char *arguments; /* after the name in the usage line, e.g. "[options] FILE..." */
    const char
        *details; /* further text of `fota <verb> --help`: what it does, examples. Ends with a newline */
    const struct cli_option *options; /* for --help and cli_parse(), ended by a NULL name */
    enum cli_exit (*run)(struct cli *cli, const struct cli_command *self, int argc, char **argv);
};

enum cli_kind {
    CLI_FLAG,   /* --name */
    CLI_TEXT,   /* --name VALUE; the last one wins */
    CLI_NUMBER, /* --name N, 0..4294967295, decimal or 0x */
    CLI_LIST    /* --name VALUE, may be repeated up to CLI_LIST_MAX times */
};

enum { CLI_LIST_MAX = 16, CLI_OPTIONS_MAX = 32, CLI_POSITIONALS_MAX = 16 };

/**
 * One option. Options are described in a static table; values come back in struct cli_values by index in it.
 */
struct cli_option {
    const char *name; /* without the dashes */
    enum cli_kind kind;
    const char *value;    /* placeholder in --help, e.g. "FILE"; NULL for CLI_FLAG */
    const char *fallback; /* text of the default, NULL: none */
    const char *help;
};

/** Value of one option. */
struct cli_value {
    bool is_given;
    const char *text; /* CLI_TEXT: value or default or NULL */
    uint32_t number;  /* CLI_NUMBER: value or default or 0 */
    size_t n_list;
    const char *list[CLI_LIST_MAX];
};

struct cli_values {
    struct cli_value option[CLI_OPTIONS_MAX];
    size_t n_positionals;
    const char *positional[CLI_POSITIONALS_MAX];
};

/**
 * Parse the arguments of a verb by its table. `--json` and `--help` are understood by every verb;
 * `--name=value` works as `--name value`; `--` ends the options.
 *
 * @param argc, argv  arguments after the verb
 * @param is_done     true: the verb has nothing more to do (help was printed, or an error); return the result
 * @return CLI_OK · CLI_USAGE (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit cli_parse(struct cli *cli, const struct cli_command *self, int argc, char **argv,
                        struct cli_values *out, bool *is_done);

/** Print the help of a verb to `out`. */
void cli_help(struct cli *cli, const struct cli_command *self);

/**
 * Report a failure: `fota: <sentence>` on `err`, and with --json `{"ok":false,"error":"E_…","message":"…"}`
 * on `out`.
 *
 * @param err  decides the exit code
 * @param fmt  what is wrong and what to do; the text of `err` is added in brackets
 * @return cli_exit_of(err)
 */
FOTA_PRINTF(3, 4)
enum cli_exit cli_fail(struct cli *cli, enum fota_err err, const char *fmt, ...);

/**
 * As cli_fail for a wrong command line.
 * @return CLI_USAGE
 */
FOTA_PRINTF(3, 4)
enum cli_exit cli_usage(struct cli *cli, const struct cli_command *self, const char *fmt, ...);

/** A warning: `fota: warning: <sentence>` on `err`, with --json too. The verb goes on. */
FOTA_PRINTF(2, 3)
void cli_warn(struct cli *cli, const char *fmt, ...);

/**
 * Check a hardware id: 1 to 15 of a-z, 0-9, -, _ and ., the first a letter or digit. The limit is that of
 * images, statements and INFO.
 * @return CLI_OK · CLI_USAGE (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit cli_check_hw(struct cli *cli, const struct cli_command *self, const char *hw);

/**
 * The board with this hardware id.
 * @return CLI_OK · CLI_USAGE (none: a sentence with those that there are was printed)
 */
FOTA_MUST_CHECK
enum cli_exit cli_find_board(struct cli *cli, const struct cli_command *self, const char *name,
                             const char *hw, const struct board_layout **out);

/** A line for people on `err`; nothing with --json. */
FOTA_PRINTF(2, 3)
void cli_note(struct cli *cli, const char *fmt, ...);

/** JSON: one object on `out`, members in order. Strings are escaped. `key` NULL inside an array. */
struct cli_json {
    FILE *out;
    bool is_first;
};

void cli_json_open(struct cli_json *j, const char *key, char bracket);
void cli_json_close(struct cli_json *j, char bracket);
void cli_json_text(struct cli_json *j, const char *key, const char *text);
void cli_json_bytes(struct cli_json *j, const char *key, const char *text, size_t n_bytes);
void cli_json_number(struct cli_json *j, const char *key, uint64_t number);
void cli_json_flag(struct cli_json *j, const char *key, bool flag);

#endif
