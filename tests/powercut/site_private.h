/**
 * What the parts of the site share: oracle.c (what must never be seen), site.c (lives), site_start.c (how
 * a scenario begins).
 */
#ifndef POWERCUT_WORLD_PRIVATE_H
#define POWERCUT_WORLD_PRIVATE_H

#include "site.h"

/** Told step by step when a replay id is run. */
void site_tell(const struct site *w, const char *what, const char *detail);

bool site_is_slot_worn(const struct site *w);
bool site_is_journal_worn(const struct site *w);

/** An operation has been refused for a dip of the supply, in this life or before. */
bool site_is_dip(const struct site *w);

/** Is exactly this release in the slot? By the digest of what is in flash now. */
bool site_is_intact(const struct site *w, uint32_t slot, uint32_t id);

/** The release in the slot; RELEASE_NONE: none, or not whole. */
uint32_t site_identify(const struct site *w, uint32_t slot);

/** The loader in sector 1; LOADER_NONE: none, or not whole. */
uint32_t site_identify_loader(const struct site *w);

/** Boot on new RAM. */
void site_boot(struct site *w, struct update *u, struct slots_decision *decision,
               struct image_result images[2]);

/** What a boot decided: may it? */
void oracle_check_decision(struct site *w, const struct update *u, const struct slots_decision *decision,
                           const struct image_result images[2]);

/** Power goes and comes back right after the decision: the next boot decides the same, although flaky cells
 * read differently. */
void oracle_check_second_boot(struct site *w, const struct update *u, const struct slots_decision *first);

/** What INFO says of the loader. */
void oracle_check_loader(struct site *w, struct update *u);

/** P17: "done" is said only when both mirrors hold it. A call that failed: only because an operation did.
 * True: done. */
bool oracle_is_done(struct site *w, const struct update *u, enum fota_err err, const char *text);

/** The journal is gone: what that may cost, and that it took three cuts. */
void oracle_note_lost_journal(struct site *w);

/** A release is confirmed, as far as the outside knows. */
void oracle_note_confirmed(struct site *w, uint32_t id, uint32_t slot);

/** What stands in the slots and may be tried while nothing is confirmed. */
void oracle_find_residents(struct site *w);

/** Go on with a call that needs permission for another erase. The first time round without any. */
static inline bool site_is_busy(struct update *u, enum fota_err err, uint32_t *n)
{
    enum { ERASES_MAX = 16 };
    u->n_erases_allowed = err == E_UPDATE_BUSY ? 1 : 0;
    return err == E_UPDATE_BUSY && (*n)++ < ERASES_MAX;
}

#endif
