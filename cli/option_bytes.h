/** The chip's option bytes in words (RM0090 3.9.10), and what they leave open. */
#ifndef CLI_OPTION_BYTES_H
#define CLI_OPTION_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/board_layout.h"
#include "cli.h"

/** Room for a warning. */
enum { OPTION_BYTES_WARNING_BYTES = 256 };

/** The board whose option bytes these are: the one that INFO names, or this build's own if that is none that is known. */
const struct board_layout *option_bytes_board(const char *hw_id);

/**
 * "RDP level 0, brown-out level 3, sectors 0 1 write-protected".
 * @param optcr  FLASH_OPTCR, as INFO has it
 */
void option_bytes_text(const struct board_layout *board, uint32_t optcr, char *out, size_t n_bytes);

/**
 * Sentences about promises that these option bytes leave open, in order: what the board should have
 * (option_bytes in its board.json) and has not, and readout at level 0.
 * @param out  gets the i-th
 * @return false: there is no i-th
 */
bool option_bytes_warning(const struct board_layout *board, uint32_t optcr, unsigned i,
                          char out[OPTION_BYTES_WARNING_BYTES]);

/** Member "option_bytes" of a JSON object, with the warnings. */
void option_bytes_json(struct cli_json *j, const struct board_layout *board, uint32_t optcr);

#endif
