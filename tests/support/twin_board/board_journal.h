/**
 * The boot journal of a board on the twin, as a debugger reads and writes it: no rules of the flash, no time.
 */
#ifndef BOARD_JOURNAL_H
#define BOARD_JOURNAL_H

#include "format/boot_record.h"
#include "journal/journal.h"
#include "twin/twin.h"

/** Append a state. Starts a journal if there is none. */
void board_journal_append(struct twin *t, const struct boot_record *record);

/**
 * The newest state.
 * @return false: there is none
 */
bool board_journal_read(struct twin *t, struct boot_record *out);

/** Both sectors are sound: a boot has nothing to mend. */
bool board_journal_is_sound(struct twin *t);

/** Leave what a cut in the last words of a write leaves: J1's newest record does not verify. The journal must be sound. */
void board_journal_damage(struct twin *t);

#endif
