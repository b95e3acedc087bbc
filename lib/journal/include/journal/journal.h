/**
 * The boot journal: two mirrored, append-only flash sectors of 80-byte records, each holding the whole boot
 * state. Survives loss of power at any flash operation, nested losses while it repairs itself, and loss of
 * either sector. Why each rule R1..R8 is needed: docs/spec/journal.md.
 *
 * Order of use at boot: journal_load; journal_repair unless it is sound; then journal_append as often as
 * needed. One writer: only code in sector 0 (rule R9).
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "format/boot_record.h"
#include "port/flash.h"

enum {
    JOURNAL_AREAS = 2, /* J0, J1 */
    JOURNAL_RECORD_WORDS = BOOT_RECORD_BODY_WORDS + 4,
    JOURNAL_RECORD_BYTES = 4 * JOURNAL_RECORD_WORDS,
    JOURNAL_NO_SPARE = 0,
    JOURNAL_FREE_ALONE = 64,
    JOURNAL_RESERVE_CALLS = 6,
    JOURNAL_FREE_AT_JUMP = 16 /* rule R8: free records in each sector before an application starts */
};

/** One sector of the journal. */
struct journal_area {
    uint32_t base;      /* bus address */
    uint32_t sector;    /* number for flash_erase_sector */
    uint32_t n_records; /* ≥ 4 */
};

/** What is known about one sector. Private to journal.c. */
struct journal_head {
    uint32_t newest; /* newest record */
    uint32_t next;   /* records before it are used or dead */
    bool is_sound;   /* its newest record equals the state and is complete (rule R3) */
    bool is_fresh;   /* written or erased in this session: no tombstone needed (rule R6) */
    bool is_dead;    /* refused to be written in this session */
};

/** An open journal. All fields are private; readers use the functions. Place it in memory that survives no
 * reset. */
struct journal {
    struct flash *flash;
    const struct journal_area *areas; /* JOURNAL_AREAS of them; must outlive the journal */
    struct journal_head head[JOURNAL_AREAS];
    uint32_t newest[JOURNAL_RECORD_WORDS]; /* body and checks of the current state */
    uint32_t holder;                       /* a sector that holds the state */
    bool has_state;
};

/**
 * Read both sectors and find the current state (rules R1, R2). Writes nothing.
 *
 * @param out  the state; unchanged if there is none
 * Takes:      ≤ 2 ms for 1638 + 204 records with few candidates; each record is read once
 * Power cut:  nothing to lose
 * @return FOTA_OK · E_JOURNAL_DEGRADED (there is a state, but do not act on it before journal_repair, rule
 * R3) · E_JOURNAL_LOST (no state; journal_append starts a new journal, rule R11)
 */
FOTA_MUST_CHECK
enum fota_err journal_load(struct journal *j, struct flash *flash,
                           const struct journal_area areas[JOURNAL_AREAS], struct boot_record *out);

/**
 * Make both sectors hold the current state completely (rules R3, R4, R5). Does nothing if they do.
 *
 * Takes:      up to two erases and their records: ≤ 3 s
 * Power cut:  the state found by the next journal_load is the current one, or, if it was never acted upon,
 * its predecessor. Safe to repeat.
 * @return FOTA_OK · E_JOURNAL_LOST (no state) · E_JOURNAL_DEGRADED (one sector cannot be written: the journal
 * goes on un-mirrored) · flash errors (neither can be written)
 */
FOTA_MUST_CHECK
enum fota_err journal_repair(struct journal *j);

/**
 * Write a new state to both sectors (rules R6, R7). With no state yet, starts a new journal.
 *
 * @param record  `seq` is ignored and assigned
 * Takes:         2 x 22 programs, ≤ 4 ms; an erase only to start a new journal
 * Power cut:     old or new state, decided once: a state that was acted upon is never forgotten
 * @return FOTA_OK (in at least one sector; see journal_sound_mask) · E_JOURNAL_FULL (call journal_reserve) ·
 *         E_JOURNAL_DEGRADED (call journal_repair first) · flash errors (in neither)
 */
FOTA_MUST_CHECK
enum fota_err journal_append(struct journal *j, const struct boot_record *record);

/**
 * Make room for `n_records` appends in both sectors, erasing a sector that has not got it (rules R5, R8).
 *
 * @param n_records  ≤ n_records of the smaller sector - 3
 * Takes:            nothing, or one erase and one record for each full sector: ≤ 3 s
 * Power cut:        the current state stays
 * @return FOTA_OK (also without a state: the next append starts a new journal) · E_JOURNAL_FULL (no mirror:
 * the only copy is not erased) · E_JOURNAL_DEGRADED (the sector cannot be written any more)
 */
FOTA_MUST_CHECK
enum fota_err journal_reserve(struct journal *j, uint32_t n_records, uint32_t spare);

bool journal_has_room(const struct journal *j, uint32_t n_records);
FOTA_MUST_CHECK
enum fota_err journal_revive(struct journal *j);
uint32_t journal_dead_mask(const struct journal *j);
bool journal_is_forged(const struct journal_area *areas, uint32_t addr, const uint32_t *words, uint32_t n_words);

/** Bit 0: J0 sound, bit 1: J1 sound. */
uint32_t journal_sound_mask(const struct journal *j);

#endif
