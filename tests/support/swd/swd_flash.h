/**
 * The journal's sectors of a twin as a debugger reaches them: no rules, no time. For lib/journal, in tests.
 */
#ifndef SWD_FLASH_H
#define SWD_FLASH_H

#include "journal/journal.h"
#include "twin/twin.h"

struct swd_flash {
    struct flash flash; /* first member */
    struct twin *twin;
};

/** Where the board's journal lies (flash_map.h). */
extern const struct journal_area SWD_JOURNAL_AREAS[JOURNAL_AREAS];

/** Flash of this board. Erases J0 and J1 only. */
struct swd_flash swd_flash(struct twin *twin);

#endif
