/**
 * What a board with the bootloader and the demo application must look like, whatever happened to its power.
 */
#ifndef TWINCUT_CUTS_JUDGE_H
#define TWINCUT_CUTS_JUDGE_H

#include "twin_board.h"

/**
 * What never may change, and what must be true of the running application.
 * @param start  what it said when it started
 * @return NULL, or what is wrong
 */
const char *cuts_judge(const struct twin_board *b, const struct twin_start *start);

/** Hash of the whole flash. */
uint64_t cuts_flash_hash(const struct twin_board *b);

/** Is this scenario to be run: named on the command line, or none is? Words that begin with '-' do not count. */
bool cuts_is_asked_for(const char *name, int argc, char **argv);

#endif
