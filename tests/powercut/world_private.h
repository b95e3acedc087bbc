/**
 * What the parts of the world share: oracle.c (what must never be seen), world.c (lives), world_start.c (how
 * a scenario begins).
 */
#ifndef POWERCUT_WORLD_PRIVATE_H
#define POWERCUT_WORLD_PRIVATE_H

#include "world.h"

/** Told step by step when a replay id is run. */
void world_tell(const struct world *w, const char *what, const char *detail);

bool world_is_slot_worn(const struct world *w);
bool world_is_journal_worn(const struct world *w);

/** An operation has been refused for a dip of the supply, in this life or before. */
bool world_is_dip(const struct world *w);

/** Is exactly this release in the slot? By the digest of what is in flash now. */
bool world_is_intact(const struct world *w, uint32_t slot, uint32_t id);

/** The release in the slot; RELEASE_NONE: none, or not whole. */
uint32_t world_identify(const struct world *w, uint32_t slot);

/** The loader in sector 1; LOADER_NONE: none, or not whole. */
uint32_t world_identify_loader(const struct world *w);

/** Boot on new RAM. */
void world_boot(struct world *w, struct update *u, struct slots_decision *decision,
                struct image_result images[2]);

/** What a boot decided: may it? */
void oracle_check_decision(struct world *w, const struct update *u, const struct slots_decision *decision,
                           const struct image_result images[2]);

/** Power goes and comes back right after the decision: the next boot decides the same, although flaky cells
 * read differently. */
void oracle_check_second_boot(struct world *w, const struct update *u, const struct slots_decision *first);

/** What INFO says of the loader. */
void oracle_check_loader(struct world *w, struct update *u);

/** P17: "done" is said only when both mirrors hold it. A call that failed: only because an operation did.
 * True: done. */
bool oracle_is_done(struct world *w, const struct update *u, enum fota_err err, const char *text);

/** The journal is gone: what that may cost, and that it took three cuts. */
void oracle_note_lost_journal(struct world *w);

/** A release is confirmed, as far as the world knows. */
void oracle_note_confirmed(struct world *w, uint32_t id, uint32_t slot);

/** What stands in the slots and may be tried while nothing is confirmed. */
void oracle_find_residents(struct world *w);

/** Go on with a call that needs permission for another erase. The first time round without any. */
static inline bool world_is_busy(struct update *u, enum fota_err err, uint32_t *n)
{
    enum { ERASES_MAX = 16 };
    u->n_erases_allowed = err == E_UPDATE_BUSY ? 1 : 0;
    return err == E_UPDATE_BUSY && (*n)++ < ERASES_MAX;
}

#endif
