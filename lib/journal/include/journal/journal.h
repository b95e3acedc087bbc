/**
 * The boot journal: two mirrored, append-only flash sectors of 80-byte records, each holding the whole boot
 * state. Survives loss of power at any flash operation, nested losses while it repairs itself, and loss of
 * either sector; goes on in one sector when the other is worn out. Why each rule R1..R14 is needed:
 * docs/spec/journal.md.
 *
 * Order of use at boot: journal_load; journal_repair if that says so; then, as often as needed,
 * journal_reserve until journal_has_room, and journal_append. One writer: only code in sector 0 (rule R9).
 *
 * Erases can be counted before they happen: journal_reserve erases one sector if journal_has_room is false,
 * journal_revive one if journal_dead_mask is not 0, journal_repair as many as it needs, the others none.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "format/boot_record.h"
#include "port/flash.h"

enum {
    JOURNAL_MIRRORS = 2, /* J0, J1 */
    JOURNAL_AREAS = 4,   /* J0, J1, and two spare places of one record each (rule R13) */
    JOURNAL_NO_SPARE = 0,
    JOURNAL_RECORD_WORDS = BOOT_RECORD_BODY_WORDS + 4,
    JOURNAL_RECORD_BYTES = 4 * JOURNAL_RECORD_WORDS,
    JOURNAL_FREE_AT_JUMP = 16, /* rule R8: free records in each sector before an application starts */
    JOURNAL_FREE_ALONE = 64,   /* un-mirrored, when an update begins: boots of its trial cannot make room */
    JOURNAL_RESERVE_CALLS = 6  /* so many calls of journal_reserve make room, or it cannot be made */
};

/** A place for records: a sector of the journal, or a spare place: the last record of another sector, whose
 * other content is lost when the place is used. */
struct journal_area {
    uint32_t base;      /* bus address of the first record */
    uint32_t sector;    /* number for flash_erase_sector */
    uint32_t n_records; /* ≥ 4 of a mirror; 1 of a spare place, 0: there is none */
};

/** The spare place of a slot of `n_sectors` sectors: its last record. For initializers. */
#define JOURNAL_SPARE_PLACE(slot_base, first_sector, n_sectors, sector_bytes)                                \
    {                                                                                                        \
        (slot_base) + (n_sectors) * (sector_bytes)-JOURNAL_RECORD_BYTES, (first_sector) + (n_sectors)-1, 1   \
    }

/** Where one place is written next. Private to journal.c. */
struct journal_head {
    uint32_t newest; /* newest record */
    uint32_t next;   /* records before it are used or dead; 0: it has no valid one */
};

/** An open journal. All fields are private; readers use the functions. Place it in memory that survives no
 * reset. The sets of places are masks: bit a is area a. */
struct journal {
    struct flash *flash;
    const struct journal_area *areas; /* JOURNAL_AREAS of them; must outlive the journal */
    uint32_t holds;                   /* whose newest record is the state */
    uint32_t sound;                   /* that are sound (rule R3) */
    uint32_t dead;     /* that refused to be written, in this session or by the record (rule R12) */
    uint32_t fresh;    /* written or erased in this session: no tombstone needed (rule R6) */
    uint32_t stale;    /* that this boot has to refresh (rule R4) */
    enum fota_err why; /* why the sector that died last did; before: why there is no state */
    struct journal_head head[JOURNAL_AREAS];
    uint32_t newest[JOURNAL_RECORD_WORDS]; /* body and checks of the current state; all 0: there is none */
};

/**
 * Read both sectors and find the current state (rules R1, R2); the spare places too if the sectors leave a
 * doubt (rule R13). A sector that the state calls dead is not looked at any more (rule R12). Writes nothing.
 *
 * @param areas  J0, J1, spare places
 * @param out    the state; unchanged if there is none
 * Takes:      ≤ 3 ms for 1365 + 170 records with few candidates; each record is read once
 * Power cut:  nothing to lose
 * @return FOTA_OK · E_JOURNAL_DEGRADED (there is a state, but do not act on it before journal_repair, rule
 * R3) · E_JOURNAL_LOST (no state; a new journal begins with the next write, rule R11) · E_JOURNAL_FORMAT (the
 * records are of a format that is not known here: nothing will be written)
 */
FOTA_MUST_CHECK
enum fota_err journal_load(struct journal *j, struct flash *flash,
                           const struct journal_area areas[JOURNAL_AREAS], struct boot_record *out);

/**
 * Make both sectors hold the current state completely (rules R3, R4, R5). Does nothing if they do, or if one
 * does and the other is known to be dead. No sector is erased that is the only one to hold the state.
 *
 * Takes:      up to two erases and their records: ≤ 3 s; none without a mirror
 * Power cut:  the state found by the next journal_load is the current one, or, if it was never acted upon,
 * its predecessor. Safe to repeat.
 * @return FOTA_OK · E_JOURNAL_LOST (no state) · E_JOURNAL_DEGRADED (one sector cannot be written: the journal
 * goes on un-mirrored) · E_FLASH_SUPPLY (again later, by journal_reserve too) · flash errors (neither can be
 * written) · E_JOURNAL_FORMAT
 */
FOTA_MUST_CHECK
enum fota_err journal_repair(struct journal *j);

/** True if `n_records` can be appended at once: all sectors in use are sound and have room, or are erased for
 * a new journal. */
bool journal_has_room(const struct journal *j, uint32_t n_records);

/**
 * Write a new state to every sector in use (rules R6, R7).
 *
 * @param record  `seq` and the flags of dead sectors are ignored and assigned
 * Takes:         2 x 24 programs, ≤ 5 ms; no erase
 * Power cut:     old or new state, decided once: a state that was acted upon is never forgotten
 * @return FOTA_OK (in at least one sector; see journal_sound_mask) · E_JOURNAL_FULL (call journal_reserve) ·
 *         E_JOURNAL_DEGRADED (call journal_repair or journal_reserve) · E_FLASH_SUPPLY (in no sector or in
 * one: until the next append or boot the state is the old one; nothing is called dead for it) · flash errors
 * (both sectors are dead) · E_JOURNAL_FORMAT
 */
FOTA_MUST_CHECK
enum fota_err journal_append(struct journal *j, const struct boot_record *record);

/**
 * Take one step towards room for `n_records` appends; call it until journal_has_room, at most
 * JOURNAL_RESERVE_CALLS times. A full sector is rewritten while the other, or a spare place, holds the state
 * (rules R5, R8, R13); what a dip of the supply left is mended.
 *
 * @param n_records  ≤ n_records of the smaller sector - 3
 * @param spare      JOURNAL_NO_SPARE, or the number of the spare place whose sector may be erased now (2, 3):
 *                   its slot is not needed, and the journal says so
 * Takes:            nothing if there is room; else at most one erase and one record: ≤ 2 s
 * Power cut:        the current state stays
 * @return FOTA_OK (look at journal_has_room) · E_JOURNAL_FULL (no mirror and no spare place: the only copy is
 * not erased) · E_FLASH_SUPPLY (again later) · flash errors (both sectors are dead) · E_JOURNAL_FORMAT
 */
FOTA_MUST_CHECK
enum fota_err journal_reserve(struct journal *j, uint32_t n_records, uint32_t spare);

/**
 * journal_reserve as often as it takes, for callers that may erase as they like.
 * Takes:      up to JOURNAL_RESERVE_CALLS erases
 * Power cut:  as journal_reserve
 * @return as there
 */
FOTA_MUST_CHECK
static inline enum fota_err journal_make_room(struct journal *j, uint32_t n_records, uint32_t spare)
{
    enum fota_err err = FOTA_OK;
    for (uint32_t i = 0; i < JOURNAL_RESERVE_CALLS && err == FOTA_OK && !journal_has_room(j, n_records);
         i++) {
        err = journal_reserve(j, n_records, spare);
    }
    return err;
}

/**
 * Try a dead sector again. For the beginning of an update.
 *
 * Takes:      nothing if none is dead; else at most one erase and two records: ≤ 2 s
 * Power cut:  the current state stays
 * @return FOTA_OK (look at journal_dead_mask) · E_FLASH_SUPPLY (again later)
 */
FOTA_MUST_CHECK
enum fota_err journal_revive(struct journal *j);

/** Bit 0: J0 sound, bit 1: J1 sound. */
static inline uint32_t journal_sound_mask(const struct journal *j)
{
    return j->sound & ((1U << JOURNAL_MIRRORS) - 1);
}

/** Bit 0: J0 dead, bit 1: J1 dead: it refused to be written, in this session or as the record remembers. */
static inline uint32_t journal_dead_mask(const struct journal *j)
{
    return j->dead & ((1U << JOURNAL_MIRRORS) - 1);
}

/**
 * True if these words would put the beginning of a record at a spare place: whoever lets others write to a
 * slot refuses it, for what a spare place says is believed (rule R13).
 */
bool journal_is_forged(const struct journal_area areas[JOURNAL_AREAS], uint32_t addr, const uint32_t *words,
                       uint32_t n_words);

#endif
