/**
 * Version of the `fota` command.
 */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#define FOTA_VERSION "0.1.0"

#endif
