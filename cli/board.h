/**
 * The board that verbs work on: a twin in this process with its wires and a link client. Factory state comes
 * from ELF and image files, what it became since from a flash file; with --vcd its wires are recorded.
 */
#ifndef CLI_BOARD_H
#define CLI_BOARD_H

#include "base/board_layout.h"
#include "cli.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "twin/twin.h"
#include "twin/vcd.h"

/** Where a board comes from. Any path may be NULL. */
struct cli_board_config {
    const struct board_layout *board;
    const char *bootloader_elf; /* sector 0: programmed over what --flash holds, for it never changes */
    const char *loader_image;   /* sector 1, as the factory leaves it; --flash says what became of it */
    const char *factory_image;  /* signed image for slot A, the same */
    const char *flash;          /* read at the start if it exists, written at the end */
    const char *vcd;
    uint32_t vcd_mb;
    uint32_t option_bytes; /* as FLASH_OPTCR shows them (twin_set_options) */
    bool is_slow_flash;    /* as slow as the datasheet allows, not typical */
    enum twin_rom rom;
};

/** Options of a board, for the table of a verb; cli_board_from_options reads them. */
enum {
    CLI_BOARD_HW,
    CLI_BOARD_FLASH,
    CLI_BOARD_ROM,
    CLI_BOARD_OPTION_BYTES,
    CLI_BOARD_SLOW,
    CLI_BOARD_VCD,
    CLI_BOARD_VCD_MB,
    CLI_BOARD_OPTIONS
};

/** Its own option; `run` names it too. */
#define CLI_OPTION_BYTES_OPTION                                                                              \
    {                                                                                                        \
        "option-bytes", CLI_NUMBER, "HEX", "0x0FFFAAED",                                                     \
            "the twin's option bytes, as FLASH_OPTCR shows them"                                             \
    }

#define CLI_BOARD_OPTION_TABLE                                                                               \
    {"hw", CLI_TEXT, "ID", "f407-disco", "the twin's board: its hardware id"},                               \
        {"flash", CLI_TEXT, "FILE", NULL, "the twin's flash, all of it; written back at the end"},           \
        {"rom", CLI_TEXT, "VERSION", "v9.1", "the twin's ROM loader: v9.1, v9.1-early or v3.1 (no SPI)"},    \
        CLI_OPTION_BYTES_OPTION,                                                                             \
        {"max-flash-time", CLI_FLAG, NULL, NULL, "flash as slow as the datasheet allows, not typical"},      \
        {"vcd", CLI_TEXT, "FILE", NULL, "record the wires here, for GTKWave or sigrok"},                     \
    {                                                                                                        \
        "vcd-mb", CLI_NUMBER, "N", "100", "stop to record when the file has so many megabytes"               \
    }

/** Configuration from options that CLI_BOARD_OPTION_TABLE put at the start of the table.
 *  @return CLI_OK · CLI_USAGE (a sentence was printed) */
FOTA_MUST_CHECK
enum cli_exit cli_board_from_options(struct cli *cli, const struct cli_command *self,
                                     const struct cli_values *values, struct cli_board_config *out);

/** Zero it before cli_board_open. */
struct cli_board {
    struct cli *cli;
    struct cli_board_config config;
    struct twin *twin;
    struct vcd *vcd;
    struct twin_link wires;
    struct link_client link;
};

/**
 * Build and program the board; power stays off.
 * @return CLI_OK · CLI_FILE, CLI_REFUSED, CLI_INTERNAL (a sentence was printed; cli_board_close all the same)
 */
FOTA_MUST_CHECK
enum cli_exit cli_board_open(struct cli *cli, const struct cli_board_config *config, struct cli_board *out);

/** Power on, and let `ms` of virtual time pass. */
void cli_board_start(struct cli_board *board, uint32_t ms);

/**
 * Keep the flash, if --flash names a file.
 * @return CLI_OK · CLI_FILE (a sentence was printed)
 */
FOTA_MUST_CHECK
enum cli_exit cli_board_save(struct cli_board *board);

/**
 * End the recording of the wires, also after a failure: that is when one wants to see them.
 * @return `result`, or CLI_FILE (a sentence was printed) if that was CLI_OK and the recording failed
 */
FOTA_MUST_CHECK
enum cli_exit cli_board_end_vcd(struct cli_board *board, enum cli_exit result);

/** Free everything; what was not saved or ended is lost. */
void cli_board_close(struct cli_board *board);

#endif
