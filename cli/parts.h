/**
 * The files that make a board: bootloader, loader and image, read and checked against each other as the
 * bootloader will check them. Shared by `recover` and by `run --factory`.
 */
#ifndef CLI_PARTS_H
#define CLI_PARTS_H

#include "base/flash_chip.h"
#include "cli.h"
#include "recover/recover.h"

struct cli_parts_paths {
    const char *bootloader; /* ELF or flat binary for sector 0 */
    const char *loader;     /* signed image for sector 1 */
    const char *image;      /* signed image for a slot */
    char slot;              /* 'a', 'b', or 0: whichever the image is for */
};

/** Zero it before cli_parts_read. */
struct cli_parts {
    uint8_t bootloader[FLASH_SECTOR_0_BYTES];
    uint8_t *loader;
    uint8_t *image;
    struct recover_parts parts; /* points at the three */
    struct recover_plan plan;
};

/**
 * Read and check. A sentence that names the file at fault was printed on failure; cli_parts_free all the
 * same.
 * @return CLI_OK · CLI_FILE (cannot be read) · CLI_REFUSED (would not boot)
 */
FOTA_MUST_CHECK
enum cli_exit cli_parts_read(struct cli *cli, const struct cli_parts_paths *paths, struct cli_parts *out);

void cli_parts_free(struct cli_parts *parts);

#endif
