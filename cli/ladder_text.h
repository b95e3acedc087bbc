/**
 * The ladder in words: what was tried on the wires, why it did not hold, and what to do about it.
 */
#ifndef CLI_LADDER_TEXT_H
#define CLI_LADDER_TEXT_H

#include "cli.h"
#include "link_client/link_ladder.h"

/** What to do about a rung's reason; one or two sentences, never NULL. */
const char *ladder_advice(enum fota_err reason);

/** What answers, as one word: "agent", "loader", "rom", "nothing". */
const char *ladder_answer(const struct link_ladder *ladder);

/** A line on `err` for each rung that was tried; nothing with --json. */
void ladder_note(struct cli *cli, const struct link_ladder *ladder);

/** Member "tried" of a JSON object: rungs in order, each with its error. */
void ladder_json(struct cli_json *j, const struct link_ladder *ladder);

/** "V9.1" of 0x91. */
void ladder_rom_text(uint8_t version, char out[8]);

#endif
