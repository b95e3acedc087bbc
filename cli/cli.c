#include "cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { MESSAGE_MAX_BYTES = 512 };

enum cli_exit cli_exit_of(enum fota_err err)
{
    switch (err) {
    case FOTA_OK:
        return CLI_OK;
    case E_ARG:
        return CLI_USAGE;
    case E_IO:
    case E_NOT_FOUND:
        return CLI_FILE;
    case E_EXISTS:
        return CLI_REFUSED;
    case E_TIMEOUT:
        return CLI_NETWORK;
    default:
        break;
    }
    switch ((unsigned)err >> 8) {
    case 0x02: /* image */
    case 0x03: /* statement */
    case 0x05: /* slot, update */
        return CLI_REFUSED;
    case 0x07: /* keys */
        return CLI_FILE;
    case 0x09: /* net, http, s3 */
        return CLI_NETWORK;
    case 0x01: /* flash */
    case 0x04: /* journal */
    case 0x06: /* link */
        return CLI_TARGET;
    default:
        return CLI_INTERNAL;
    }
}

static void report(struct cli *cli, const char *name, const char *message, const char *reason)
{
    (void)fprintf(cli->err, "fota: %s%s%s%s\n", message, reason ? " (" : "", reason ? reason : "",
                  reason ? ")" : "");
    if (cli->is_json) {
        struct cli_json j = {cli->out, true};
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", false);
        cli_json_text(&j, "error", name);
        cli_json_text(&j, "message", message);
        cli_json_close(&j, '}');
        (void)fputc('\n', cli->out);
    }
}

enum cli_exit cli_fail(struct cli *cli, enum fota_err err, const char *fmt, ...)
{
    char message[MESSAGE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    report(cli, fota_err_name(err), message, fota_err_text(err));
    return cli_exit_of(err);
}

void cli_warn(struct cli *cli, const char *fmt, ...)
{
    char message[MESSAGE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    (void)fprintf(cli->err, "fota: warning: %s\n", message);
}

enum cli_exit cli_usage(struct cli *cli, const struct cli_command *self, const char *fmt, ...)
{
    char message[MESSAGE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    report(cli, "E_USAGE", message, NULL);
    (void)fprintf(cli->err, "Try: fota %s --help\n", self ? self->name : "help");
    return CLI_USAGE;
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
    if (cli->is_json) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(cli->err, fmt, args);
    va_end(args);
    (void)fputc('\n', cli->err);
}

static void json_key(struct cli_json *j, const char *key)
{
    if (!j->is_first) {
        (void)fputs(", ", j->out);
    }
    j->is_first = false;
    if (key) {
        (void)fprintf(j->out, "\"%s\": ", key);
    }
}

void cli_json_open(struct cli_json *j, const char *key, char bracket)
{
    json_key(j, key);
    (void)fputc(bracket, j->out);
    j->is_first = true;
}

void cli_json_close(struct cli_json *j, char bracket)
{
    (void)fputc(bracket, j->out);
    j->is_first = false;
}

void cli_json_bytes(struct cli_json *j, const char *key, const char *text, size_t n_bytes)
{
    json_key(j, key);
    (void)fputc('"', j->out);
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            (void)fprintf(j->out, "\\%c", c);
        } else if (c < ' ' || c > '~') {
            (void)fprintf(j->out, "\\u%04x", c);
        } else {
            (void)fputc(c, j->out);
        }
    }
    (void)fputc('"', j->out);
}

void cli_json_text(struct cli_json *j, const char *key, const char *text)
{
    cli_json_bytes(j, key, text, strlen(text));
}

void cli_json_number(struct cli_json *j, const char *key, uint64_t number)
{
    json_key(j, key);
    (void)fprintf(j->out, "%" PRIu64, number);
}

void cli_json_flag(struct cli_json *j, const char *key, bool flag)
{
    json_key(j, key);
    (void)fputs(flag ? "true" : "false", j->out);
}
