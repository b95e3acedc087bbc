/** The chip's option bytes in words (RM0090 3.9.10), and what they leave open. */
#ifndef CLI_OPTION_BYTES_H
#define CLI_OPTION_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/**
 * "RDP level 0, brown-out level 3, sectors 0 1 write-protected".
 * @param optcr  FLASH_OPTCR, as INFO has it
 */
void option_bytes_text(uint32_t optcr, char *out, size_t n_bytes);

/**
 * Sentences about promises that these option bytes leave open, in order.
 * @return the i-th, NULL: no more
 */
const char *option_bytes_warning(uint32_t optcr, unsigned i);

/** Member "option_bytes" of a JSON object, with the warnings. */
void option_bytes_json(struct cli_json *j, uint32_t optcr);

#endif
