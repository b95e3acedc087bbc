/**
 * The verbs of `fota`; the table is in main.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

extern const struct cli_command cli_cmd_keygen;
extern const struct cli_command cli_cmd_sign;
extern const struct cli_command cli_cmd_inspect;
extern const struct cli_command cli_cmd_publish;
extern const struct cli_command cli_cmd_gateway;
extern const struct cli_command cli_cmd_hil;
extern const struct cli_command cli_cmd_run;
extern const struct cli_command cli_cmd_probe;
extern const struct cli_command cli_cmd_recover;
extern const struct cli_command cli_cmd_s3;

#endif
