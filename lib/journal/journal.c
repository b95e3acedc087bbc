#include "journal/journal.h"

#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/crc.h"

/* Words of a record behind its body. */
enum {
    W_SEQ = 1,
    W_FLAGS = 14,                   /* flags in bits 24-31 */
    W_CRC = BOOT_RECORD_BODY_WORDS, /* CRC-32 of the body; never 0, which is how a record is killed */
    W_CRC_C,                        /* complement of the CRC-32C of the body */
    W_D1,                           /* 0: body complete */
    W_D2,                           /* 0: D1 complete */
    WORD_BYTES = 4,
    BODY_BYTES = W_CRC * WORD_BYTES,
    CONTENT_BYTES = W_D1 * WORD_BYTES
};

/* Bits of w14 that name dead sectors: bit n of a mask of sectors. */
enum {
    DEAD_SHIFT = 27,
    DEAD_MASK = (1 << JOURNAL_MIRRORS) - 1,
    ALL_SOUND = DEAD_MASK,
    SEQ_JUMP = 16 /* a dead sector may hold numbers that a few cut writes left */
};

#define DEAD_BITS ((uint32_t)DEAD_MASK << DEAD_SHIFT)

_Static_assert((uint32_t)BOOT_FLAG_J0_DEAD << 24 == 1U << DEAD_SHIFT && BOOT_FLAG_J1_DEAD == BOOT_FLAG_J0_DEAD
                                                                                                 << 1,
               "flags of dead sectors are where w14 has them");
_Static_assert(W_D2 + 1 == JOURNAL_RECORD_WORDS, "the marks close the record");

static const uint32_t ZERO = 0;

/* What closes a record with this body: checksums and marks. */
static void seal(const uint32_t body[W_CRC], uint32_t closing[JOURNAL_RECORD_WORDS - W_CRC])
{
    uint32_t crc = crc32_update(0, body, BODY_BYTES);
    /* 0 is a killed record and ~0 a blank word: neither may be a checksum. */
    closing[0] = crc == 0 || crc == UINT32_MAX ? 1 : crc;
    closing[W_CRC_C - W_CRC] = ~crc32c_update(0, body, BODY_BYTES);
    closing[W_D1 - W_CRC] = 0;
    closing[W_D2 - W_CRC] = 0;
}

/* Rule R1: 0 not a record or not complete, 1 body complete, 2 body and first mark complete. */
static uint32_t level_of(const uint32_t words[JOURNAL_RECORD_WORDS])
{
    uint32_t sealed[JOURNAL_RECORD_WORDS - W_CRC];
    if (words[0] != BOOT_RECORD_MAGIC || words[W_D1] != 0) {
        return 0;
    }
    seal(words, sealed);
    if (memcmp(sealed, words + W_CRC, CONTENT_BYTES - BODY_BYTES) != 0) {
        return 0;
    }
    return words[W_D2] == 0 ? 2 : 1;
}

static uint32_t record_addr(const struct journal *j, uint32_t a, uint32_t index)
{
    return j->areas[a].base + index * JOURNAL_RECORD_BYTES;
}

/* A record that cannot be read is no record: words of 0 are neither valid nor blank. */
static void read_record(const struct journal *j, uint32_t a, uint32_t index,
                        uint32_t words[JOURNAL_RECORD_WORDS])
{
    if (flash_read(j->flash, record_addr(j, a, index), words, JOURNAL_RECORD_WORDS) != FOTA_OK) {
        memset(words, 0, JOURNAL_RECORD_BYTES);
    }
}

/* Newest record of a sector and its level; 0 if there is none. Records are appended, so the last that counts
 * is the newest. Behind it may be one that a cut write left with its checksum in place: it would count if its
 * torn mark came to read 0 some day. Until it is buried, both words that bury() writes reading 0, the newest
 * has level 1 at most: what is acted upon without that write is never changed by it. */
static uint32_t find_newest(struct journal *j, uint32_t a, uint32_t words[JOURNAL_RECORD_WORDS])
{
    struct journal_head *head = &j->head[a];
    uint32_t highest = 2;
    for (head->next = j->areas[a].n_records; head->next > 0; head->next--) {
        head->newest = head->next - 1;
        read_record(j, a, head->newest, words);
        uint32_t level = level_of(words);
        if (level != 0) {
            return level < highest ? level : highest;
        }
        if (words[W_CRC] != UINT32_MAX && (words[0] | words[W_CRC]) != 0) {
            highest = 1;
        }
    }
    return 0;
}

/* The record that is killed first when a sector is given up, and how it looks from then on. It tells that the
 * newest record, killed last, may be half dead however well it reads now. */
static uint32_t first_victim(const struct journal *j, uint32_t a)
{
    return (j->head[a].newest + 1) % j->areas[a].n_records;
}

static bool is_given_up(const struct journal *j, uint32_t a)
{
    uint32_t victim[JOURNAL_RECORD_WORDS];
    read_record(j, a, first_victim(j, a), victim);
    return victim[W_CRC] == 0 && victim[W_D2] == 0;
}

static uint32_t recorded_dead(const struct journal *j)
{
    return j->newest[W_FLAGS] >> DEAD_SHIFT & DEAD_MASK;
}

/* Rule R3: each sector holds the state, or has refused to; one does. */
static bool is_settled(const struct journal *j)
{
    uint32_t sound = journal_sound_mask(j);
    return sound != 0 && (sound | journal_dead_mask(j)) == ALL_SOUND;
}

/* Records of another format: both sectors begin with the same word, ours but for the number of the format.
 * What a cut leaves of one of ours it leaves in one sector. */
static bool is_foreign(const struct journal *j)
{
    uint32_t words[JOURNAL_MIRRORS][JOURNAL_RECORD_WORDS];
    read_record(j, 0, 0, words[0]);
    read_record(j, 1, 0, words[1]);
    return words[0][0] == words[1][0] && words[0][0] != BOOT_RECORD_MAGIC &&
           (words[0][0] ^ BOOT_RECORD_MAGIC) <= UINT8_MAX;
}

/* What the newest record of a place is worth, now that the state is known. */
static void judge(struct journal *j, uint32_t a, uint32_t level, const uint32_t words[JOURNAL_RECORD_WORDS])
{
    struct journal_head *head = &j->head[a];
    head->has_record = level != 0;
    head->holds = level != 0 && memcmp(words, j->newest, CONTENT_BYTES) == 0;
    head->is_dead = !head->holds && (recorded_dead(j) >> a & 1) != 0;
    head->is_sound = head->holds && level == 2 && !is_given_up(j, a);
}

enum fota_err journal_load(struct journal *j, struct flash *flash,
                           const struct journal_area areas[JOURNAL_AREAS], struct boot_record *out)
{
    uint32_t words[JOURNAL_AREAS][JOURNAL_RECORD_WORDS];
    uint32_t level[JOURNAL_AREAS];
    memset(j, 0, sizeof *j);
    j->flash = flash;
    j->areas = areas;
    for (uint32_t a = 0; a < JOURNAL_AREAS && (a < JOURNAL_MIRRORS || !is_settled(j)); a++) {
        level[a] = find_newest(j, a, words[a]);
        if (level[a] != 0 && words[a][W_SEQ] > j->newest[W_SEQ]) {
            memcpy(j->newest, words[a], CONTENT_BYTES); /* marks stay 0: as it is written again */
            j->has_state = true;
        }
        for (uint32_t b = 0; b <= a; b++) {
            judge(j, b, level[b], words[b]);
        }
    }
    if (!j->has_state) {
        if (is_foreign(j)) {
            j->head[0].is_dead = true;
            j->head[1].is_dead = true;
            j->why = E_JOURNAL_FORMAT;
        }
        return j->why ? j->why : E_JOURNAL_LOST;
    }
    boot_record_load(j->newest, out);
    return is_settled(j) ? FOTA_OK : E_JOURNAL_DEGRADED;
}

uint32_t journal_sound_mask(const struct journal *j)
{
    return (j->head[0].is_sound ? 1U : 0U) | (j->head[1].is_sound ? 2U : 0U);
}

uint32_t journal_dead_mask(const struct journal *j)
{
    return (j->head[0].is_dead ? 1U : 0U) | (j->head[1].is_dead ? 2U : 0U);
}

/* Rule R12. A dip of the supply is no fault of the sector: nothing was begun. */
static enum fota_err blame(struct journal *j, uint32_t a, enum fota_err err)
{
    if (err != FOTA_OK && err != E_FLASH_SUPPLY) {
        j->head[a].is_dead = true;
        j->head[a].is_sound = false;
        j->head[a].holds = false;
        j->why = err;
    }
    return err;
}

/* Flags and checksums of the state that is about to be written. A dead sector may hold numbers that nobody
 * has read: the record that calls it dead has a higher one. */
static void stamp(struct journal *j)
{
    uint32_t dead = journal_dead_mask(j);
    if ((dead & ~recorded_dead(j)) != 0) {
        j->newest[W_SEQ] += SEQ_JUMP;
    }
    j->newest[W_FLAGS] = (j->newest[W_FLAGS] & ~DEAD_BITS) | dead << DEAD_SHIFT;
    seal(j->newest, j->newest + W_CRC);
    j->head[JOURNAL_MIRRORS].is_sound = false; /* no spare place has it */
    j->head[JOURNAL_MIRRORS + 1].is_sound = false;
}

/* Rule R7: body, D1, D2 in ascending order, each word complete before the next (flash_program's contract). */
static enum fota_err put_record(struct journal *j, uint32_t a)
{
    struct journal_head *head = &j->head[a];
    enum fota_err err =
        flash_program(j->flash, record_addr(j, a, head->next), j->newest, JOURNAL_RECORD_WORDS);
    if (err) {
        return blame(j, a, err);
    }
    head->newest = head->next++;
    head->has_record = true;
    head->holds = true;
    head->is_sound = true;
    return FOTA_OK;
}

static enum fota_err zero_word(struct journal *j, uint32_t a, uint32_t index, uint32_t word)
{
    return flash_program(j->flash, record_addr(j, a, index) + word * WORD_BYTES, &ZERO, 1);
}

/* 0 in two words of a record, the second after the first. */
static enum fota_err zero_words(struct journal *j, uint32_t a, uint32_t index, uint32_t first,
                                uint32_t second)
{
    enum fota_err err = zero_word(j, a, index, first);
    return err ? err : zero_word(j, a, index, second);
}

/* Rule R5. A half-finished erase may bring back any bit pattern a cell has had, so every record is killed
 * before, also those that read blank: what reads blank may not be. From the first victim round to the newest.
 */
static enum fota_err kill_all(struct journal *j, uint32_t a)
{
    uint32_t index = first_victim(j, a);
    enum fota_err err = zero_words(j, a, index, W_CRC, W_D2);
    for (uint32_t i = 1; i < j->areas[a].n_records && err == FOTA_OK; i++) {
        index = (index + 1) % j->areas[a].n_records;
        err = zero_word(j, a, index, W_CRC);
    }
    return err;
}

/* Rule R13: once the sector has the state, no spare place shall. Should the supply refuse it, what stays
 * there is older than the next record. */
static void retire_spares(struct journal *j)
{
    for (uint32_t a = JOURNAL_MIRRORS; a < JOURNAL_AREAS; a++) {
        if (j->head[a].is_sound) {
            enum fota_err err = zero_words(j, a, 0, 0, W_CRC);
            j->head[a].is_sound = err != FOTA_OK;
        }
    }
}

/* Kill, erase, and the state as first record. */
static enum fota_err rewrite(struct journal *j, uint32_t a)
{
    struct journal_head *head = &j->head[a];
    head->has_record = false;
    head->holds = false;
    head->is_sound = false;
    enum fota_err err = kill_all(j, a);
    if (err == FOTA_OK) {
        err = flash_erase_sector(j->flash, j->areas[a].sector);
    }
    if (err) {
        return blame(j, a, err);
    }
    head->next = 0;
    head->is_fresh = true;
    head->is_clean = true;
    if (!j->has_state) {
        return FOTA_OK;
    }
    err = put_record(j, a);
    if (err == FOTA_OK && a < JOURNAL_MIRRORS) {
        retire_spares(j);
    }
    return err;
}

/* First record that an append may use: the next blank one, or the one behind it if this sector has not been
 * written in this session (rule R6: exactly one record may have been touched by a cut and still read blank).
 */
static uint32_t first_free(const struct journal *j, uint32_t a)
{
    uint32_t index = j->head[a].next;
    bool is_found = false;
    while (!is_found && index < j->areas[a].n_records) {
        uint32_t words[JOURNAL_RECORD_WORDS];
        read_record(j, a, index++, words);
        is_found = bytes_all_equal((const uint8_t *)words, sizeof words, 0xFF);
    }
    return is_found && j->head[a].is_fresh ? index - 1 : index;
}

/* Rule R6: make every record that is skipped unusable for ever, in ascending order. */
static enum fota_err bury(struct journal *j, uint32_t a, uint32_t end)
{
    struct journal_head *head = &j->head[a];
    for (; head->next < end; head->next++) {
        enum fota_err err = zero_words(j, a, head->next, 0, W_CRC);
        if (err) {
            return blame(j, a, err);
        }
    }
    head->is_fresh = true;
    return FOTA_OK;
}

/* Append j->newest to this sector. */
static enum fota_err put_in(struct journal *j, uint32_t a)
{
    uint32_t end = first_free(j, a);
    if (end >= j->areas[a].n_records) {
        return E_JOURNAL_FULL;
    }
    enum fota_err err = bury(j, a, end);
    return err ? err : put_record(j, a);
}

/* Append j->newest to every sector in use. If one dies of it, once more to the other, which so remembers it.
 */
static enum fota_err append_all(struct journal *j)
{
    enum fota_err err = j->why;
    bool is_written = false;
    const uint32_t dead_before = journal_dead_mask(j);
    uint32_t dead;
    do {
        dead = journal_dead_mask(j);
        stamp(j);
        for (uint32_t a = 0; a < JOURNAL_MIRRORS && dead == journal_dead_mask(j); a++) {
            if (!j->head[a].is_dead) {
                err = put_in(j, a);
                is_written = is_written || err == FOTA_OK;
            }
            if (err == E_FLASH_SUPPLY) {
                return err;
            }
        }
    } while (dead != journal_dead_mask(j));
    if (is_written) {
        return FOTA_OK;
    }
    return dead != dead_before ? j->why : err;
}

/* A sector in use that is not sound or has less than `n_records` free. Without a state: that is not erased.
 */
static bool is_needy(const struct journal *j, uint32_t a, uint32_t n_records)
{
    const struct journal_head *head = &j->head[a];
    bool is_ready = j->has_state ? head->is_sound && first_free(j, a) + n_records <= j->areas[a].n_records
                                 : head->is_fresh && head->next == 0;
    return !is_ready && !head->is_dead;
}

bool journal_has_room(const struct journal *j, uint32_t n_records)
{
    return !is_needy(j, 0, n_records) && !is_needy(j, 1, n_records) && journal_dead_mask(j) != DEAD_MASK;
}

/* What an append returns that cannot begin. */
static enum fota_err refusal(const struct journal *j)
{
    if (journal_dead_mask(j) == DEAD_MASK) {
        return j->why;
    }
    return !j->has_state || is_settled(j) ? E_JOURNAL_FULL : E_JOURNAL_DEGRADED;
}

FOTA_NOINLINE enum fota_err journal_append(struct journal *j, const struct boot_record *record)
{
    uint32_t before[JOURNAL_RECORD_WORDS];
    if (!journal_has_room(j, 1)) {
        return refusal(j);
    }
    bool had_state = j->has_state;
    memcpy(before, j->newest, sizeof before);
    boot_record_store(record, j->newest);
    j->newest[W_SEQ] = before[W_SEQ] + 1;
    j->newest[W_FLAGS] = (j->newest[W_FLAGS] & ~DEAD_BITS) | (before[W_FLAGS] & DEAD_BITS);
    j->has_state = true;
    j->head[0].holds = false;
    j->head[1].holds = false;
    enum fota_err err = append_all(j);
    if (!j->head[0].holds && !j->head[1].holds) { /* the state is what it was */
        memcpy(j->newest, before, sizeof before);
        j->has_state = had_state;
    }
    return err;
}

/* Some sector died in this call: the other one remembers it, or the next append will. */
static enum fota_err remember(struct journal *j)
{
    if (!is_settled(j) || recorded_dead(j) == journal_dead_mask(j)) {
        return FOTA_OK;
    }
    enum fota_err err = append_all(j);
    return err == E_JOURNAL_FULL ? FOTA_OK : err;
}

/* For a place that has no room for another copy: what a cut left behind the record is buried, and its marks
 * are written once more where they are. */
static enum fota_err mend(struct journal *j, uint32_t a)
{
    enum fota_err err = bury(j, a, first_free(j, a));
    if (err == FOTA_OK) {
        err = blame(j, a, zero_words(j, a, j->head[a].newest, W_D1, W_D2));
    }
    j->head[a].is_sound = err == FOTA_OK;
    return err;
}

/* The state is in another place: sound, or, if none is, as far as can be read. Without it a sector is
 * rewritten only if it has nothing to lose. */
static bool is_kept(const struct journal *j, uint32_t except)
{
    bool is_sound = false;
    bool is_held = false;
    for (uint32_t a = 0; a < JOURNAL_AREAS; a++) {
        is_sound = is_sound || (a != except && j->head[a].is_sound);
        is_held = is_held || (a != except && j->head[a].holds);
    }
    return is_sound || (is_held && !j->head[except].is_sound);
}

static bool has_sound(const struct journal *j)
{
    return journal_sound_mask(j) != 0 || j->head[JOURNAL_MIRRORS].is_sound ||
           j->head[JOURNAL_MIRRORS + 1].is_sound;
}

/* Rule R14: have the state sound somewhere, without an erase: once more behind where it is read, or else
 * behind an older record. */
static enum fota_err secure(struct journal *j)
{
    for (uint32_t i = 0; i < 2 * JOURNAL_AREAS && !has_sound(j); i++) {
        uint32_t a = i % JOURNAL_AREAS;
        const struct journal_head *head = &j->head[a];
        bool is_wanted = i < JOURNAL_AREAS ? head->holds : head->has_record && a < JOURNAL_MIRRORS;
        if (is_wanted && !head->is_dead && !is_given_up(j, a)) {
            enum fota_err err = put_in(j, a);
            if (err == E_JOURNAL_FULL && head->holds) {
                err = mend(j, a);
            }
            if (err == E_FLASH_SUPPLY) {
                return err;
            }
        }
    }
    return FOTA_OK;
}

/* One step towards sound sectors with room for `n_records`: at most one erase. A place is rewritten only if
 * another one has the state, or if it has not. */
static enum fota_err step(struct journal *j, uint32_t n_records, uint32_t spare)
{
    uint32_t a = 0;
    enum fota_err err = secure(j);
    if (err) {
        return err;
    }
    while (a < JOURNAL_MIRRORS && !(is_needy(j, a, n_records) && (is_kept(j, a) || !j->head[a].holds))) {
        a++;
    }
    if (a < JOURNAL_MIRRORS) {
        err = rewrite(j, a);
    } else if (!is_needy(j, 0, n_records) && !is_needy(j, 1, n_records)) {
        err = FOTA_OK;
    } else if (spare != JOURNAL_NO_SPARE && j->areas[spare].n_records != 0 && !j->head[spare].is_dead) {
        stamp(j);
        err = rewrite(j, spare);
    } else {
        err = E_JOURNAL_FULL;
    }
    if (err == E_FLASH_SUPPLY || err == E_JOURNAL_FULL) {
        return err;
    }
    err = remember(j);
    return journal_dead_mask(j) == DEAD_MASK ? j->why : err;
}

enum fota_err journal_reserve(struct journal *j, uint32_t n_records, uint32_t spare)
{
    return journal_has_room(j, n_records) ? FOTA_OK : step(j, n_records, spare);
}

enum fota_err journal_repair(struct journal *j)
{
    if (!j->has_state) {
        return j->why != FOTA_OK ? j->why : E_JOURNAL_LOST;
    }
    if (is_settled(j)) {
        return FOTA_OK;
    }
    enum fota_err err = FOTA_OK;
    for (uint32_t i = 0; i < JOURNAL_RESERVE_CALLS && err == FOTA_OK && !is_settled(j); i++) {
        err = step(j, 0, JOURNAL_NO_SPARE);
    }
    /* Rule R4: what was sound, or was made so where it is, may owe more to flickering cells than is known. */
    for (uint32_t a = 0; a < JOURNAL_MIRRORS && err == FOTA_OK; a++) {
        if (journal_sound_mask(j) == ALL_SOUND && !j->head[a].is_clean) {
            err = rewrite(j, a);
        }
    }
    if (err == E_FLASH_SUPPLY || journal_dead_mask(j) == DEAD_MASK) {
        return err;
    }
    err = remember(j);
    return err == FOTA_OK && journal_dead_mask(j) != 0 ? E_JOURNAL_DEGRADED : err;
}

enum fota_err journal_revive(struct journal *j)
{
    uint32_t a = j->head[0].is_dead ? 0 : 1;
    if (!j->head[a].is_dead || !j->head[1 - a].is_sound) {
        return FOTA_OK;
    }
    j->head[a].is_dead = false;
    stamp(j); /* the number stays: whatever is written next is newer than what a cut leaves here */
    enum fota_err err = rewrite(j, a);
    if (err) {
        j->head[a].is_dead = true;
        stamp(j);
        return err == E_FLASH_SUPPLY ? err : FOTA_OK;
    }
    err = put_in(j, 1 - a);
    if (err == E_JOURNAL_FULL) {
        j->head[1 - a].is_sound = false; /* it still calls the other one dead: journal_reserve rewrites it */
        return FOTA_OK;
    }
    return err == E_FLASH_SUPPLY ? err : remember(j);
}

bool journal_is_forged(const struct journal_area areas[JOURNAL_AREAS], uint32_t addr, const uint32_t *words,
                       uint32_t n_words)
{
    bool is_found = false;
    for (uint32_t a = JOURNAL_MIRRORS; a < JOURNAL_AREAS; a++) {
        uint32_t off = (areas[a].base - addr) / WORD_BYTES;
        is_found = is_found || (areas[a].n_records != 0 && areas[a].base >= addr && off < n_words &&
                                words[off] == BOOT_RECORD_MAGIC);
    }
    return is_found;
}
