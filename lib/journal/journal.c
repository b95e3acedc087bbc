#include "journal/journal.h"

#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/crc.h"

/* Words of a record behind its body. */
enum {
    W_SEQ = 1,
    W_CRC = BOOT_RECORD_BODY_WORDS, /* CRC-32 of the body; never 0, which is how a record is killed */
    W_CRC_C,                        /* complement of the CRC-32C of the body */
    W_D1,                           /* 0: body complete */
    W_D2,                           /* 0: D1 complete */
    WORD_BYTES = 4,
    BODY_BYTES = W_CRC * WORD_BYTES,
    CONTENT_BYTES = W_D1 * WORD_BYTES
};

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

enum fota_err journal_load(struct journal *j, struct flash *flash,
                           const struct journal_area areas[JOURNAL_AREAS], struct boot_record *out)
{
    uint32_t words[JOURNAL_AREAS][JOURNAL_RECORD_WORDS];
    uint32_t level[JOURNAL_AREAS];
    memset(j, 0, sizeof *j);
    j->flash = flash;
    j->areas = areas;
    for (uint32_t a = 0; a < JOURNAL_AREAS; a++) {
        level[a] = find_newest(j, a, words[a]);
        if (level[a] != 0 && words[a][W_SEQ] > j->newest[W_SEQ]) {
            memcpy(j->newest, words[a], CONTENT_BYTES); /* marks stay 0: as it is written again */
            j->holder = a;
            j->has_state = true;
        }
    }
    if (!j->has_state) {
        return E_JOURNAL_LOST;
    }
    for (uint32_t a = 0; a < JOURNAL_AREAS; a++) {
        j->head[a].is_sound =
            level[a] == 2 && !is_given_up(j, a) && memcmp(words[a], j->newest, CONTENT_BYTES) == 0;
    }
    boot_record_load(j->newest, out);
    return journal_sound_mask(j) == 3 ? FOTA_OK : E_JOURNAL_DEGRADED;
}

uint32_t journal_sound_mask(const struct journal *j)
{
    return (j->head[0].is_sound ? 1U : 0U) | (j->head[1].is_sound ? 2U : 0U);
}

/* Rule R7: body, D1, D2 in ascending order, each word complete before the next (flash_program's contract). */
static enum fota_err put_record(struct journal *j, uint32_t a)
{
    struct journal_head *head = &j->head[a];
    enum fota_err err =
        flash_program(j->flash, record_addr(j, a, head->next), j->newest, JOURNAL_RECORD_WORDS);
    head->is_sound = err == FOTA_OK;
    head->is_dead = err != FOTA_OK;
    head->newest = head->next++;
    return err;
}

static enum fota_err zero_word(struct journal *j, uint32_t a, uint32_t index, uint32_t word)
{
    return flash_program(j->flash, record_addr(j, a, index) + word * WORD_BYTES, &ZERO, 1);
}

/* Rule R5. A half-finished erase may bring back any bit pattern a cell has had, so every record is killed
 * before, also those that read blank: what reads blank may not be. From the first victim round to the newest.
 */
static enum fota_err kill_all(struct journal *j, uint32_t a)
{
    uint32_t index = first_victim(j, a);
    for (uint32_t i = 0; i < j->areas[a].n_records; i++) {
        enum fota_err err = zero_word(j, a, index, W_CRC);
        if (err == FOTA_OK && i == 0) {
            err = zero_word(j, a, index, W_D2);
        }
        if (err) {
            return err;
        }
        index = (index + 1) % j->areas[a].n_records;
    }
    return FOTA_OK;
}

/* Kill, erase, and the state as first record. */
static enum fota_err rewrite(struct journal *j, uint32_t a)
{
    struct journal_head *head = &j->head[a];
    head->is_sound = false;
    enum fota_err err = kill_all(j, a);
    if (err == FOTA_OK) {
        err = flash_erase_sector(j->flash, j->areas[a].sector);
    }
    if (err) {
        head->is_dead = true;
        return err;
    }
    head->next = 0;
    head->is_fresh = true;
    return put_record(j, a);
}

/* Rewrite both sectors, `first` first. A sector that is the only good one is left alone. */
static enum fota_err rewrite_both(struct journal *j, uint32_t first)
{
    enum fota_err err = rewrite(j, first);
    uint32_t second = 1 - first;
    if (err && j->head[second].is_sound) {
        return E_JOURNAL_DEGRADED;
    }
    enum fota_err err_second = rewrite(j, second);
    if (err && err_second) {
        return err;
    }
    return err || err_second ? E_JOURNAL_DEGRADED : FOTA_OK;
}

enum fota_err journal_repair(struct journal *j)
{
    uint32_t sound = journal_sound_mask(j);
    if (!j->has_state) {
        return E_JOURNAL_LOST;
    }
    if (sound == 3) {
        return FOTA_OK;
    }
    /* Rule R4. One sector is sound: write the other, then refresh the sound one, which may owe its good
     * reading to cells that flicker. None is: the state was never acted upon; its sector goes first, so that
     * the other keeps the predecessor meanwhile, and a new number tells the copies apart. */
    if (sound == 0) {
        j->newest[W_SEQ]++;
        seal(j->newest, j->newest + W_CRC);
        return rewrite_both(j, j->holder);
    }
    return rewrite_both(j, sound == 1 ? 1 : 0);
}

/* First record that an append may use: next, or behind the first blank-looking one if `next` has not been
 * used in this session (rule R6: exactly one record may have been touched by a cut and still read blank). */
static uint32_t first_free(const struct journal *j, uint32_t a)
{
    uint32_t index = j->head[a].next;
    bool is_found = j->head[a].is_fresh;
    while (!is_found && index < j->areas[a].n_records) {
        uint32_t words[JOURNAL_RECORD_WORDS];
        read_record(j, a, index++, words);
        is_found = bytes_all_equal((const uint8_t *)words, sizeof words, 0xFF);
    }
    return index;
}

/* Rule R6: make every record that is skipped unusable for ever, in ascending order. */
static enum fota_err bury(struct journal *j, uint32_t a, uint32_t end)
{
    struct journal_head *head = &j->head[a];
    for (; head->next < end; head->next++) {
        enum fota_err err = zero_word(j, a, head->next, 0);
        if (err == FOTA_OK) {
            err = zero_word(j, a, head->next, W_CRC);
        }
        if (err) {
            head->is_dead = true;
            head->is_sound = false;
            return err;
        }
    }
    head->is_fresh = true;
    return FOTA_OK;
}

/* Append j->newest to every sound sector. */
static enum fota_err append_all(struct journal *j)
{
    enum fota_err err = E_JOURNAL_DEGRADED;
    bool is_written = false;
    for (uint32_t a = 0; a < JOURNAL_AREAS; a++) {
        if (j->head[a].is_sound) {
            err = bury(j, a, first_free(j, a));
            if (err == FOTA_OK) {
                err = put_record(j, a);
            }
            is_written = is_written || err == FOTA_OK;
        }
    }
    return is_written ? FOTA_OK : err;
}

/* The first sector in use that has less than `n_records` free; JOURNAL_AREAS if there is none. */
static uint32_t find_full(const struct journal *j, uint32_t n_records)
{
    uint32_t a = 0;
    while (a < JOURNAL_AREAS &&
           (!j->head[a].is_sound || first_free(j, a) + n_records <= j->areas[a].n_records)) {
        a++;
    }
    return a;
}

/* Rule R3: each sector holds the state, or has refused to in this session. */
static bool is_settled(const struct journal *j)
{
    return (j->head[0].is_sound || j->head[0].is_dead) && (j->head[1].is_sound || j->head[1].is_dead);
}

FOTA_NOINLINE enum fota_err journal_append(struct journal *j, const struct boot_record *record)
{
    if (j->has_state && !is_settled(j)) {
        return E_JOURNAL_DEGRADED;
    }
    if (find_full(j, 1) < JOURNAL_AREAS) {
        return E_JOURNAL_FULL;
    }
    uint32_t seq = j->newest[W_SEQ] + 1;
    boot_record_store(record, j->newest);
    j->newest[W_SEQ] = seq;
    seal(j->newest, j->newest + W_CRC);
    if (j->has_state) {
        return append_all(j);
    }
    j->has_state = true;
    enum fota_err err = rewrite_both(j, 0);
    return err == E_JOURNAL_DEGRADED ? FOTA_OK : err;
}

bool journal_has_room(const struct journal *j, uint32_t n_records)
{
    return find_full(j, n_records) == JOURNAL_AREAS;
}
enum fota_err journal_revive(struct journal *j)
{
    (void)j;
    return FOTA_OK;
}
uint32_t journal_dead_mask(const struct journal *j)
{
    (void)j;
    return 0;
}
bool journal_is_forged(const struct journal_area *areas, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    (void)areas;
    (void)addr;
    (void)words;
    (void)n_words;
    return false;
}
enum fota_err journal_reserve(struct journal *j, uint32_t n_records, uint32_t spare)
{
    (void)spare;
    for (uint32_t i = 0; i < 1; i++) {
        uint32_t full = find_full(j, n_records);
        if (full == JOURNAL_AREAS) {
            break;
        }
        /* Without its mirror a full sector is not erased: it is the only copy. */
        if (journal_sound_mask(j) != 3) {
            return E_JOURNAL_FULL;
        }
        if (rewrite(j, full) != FOTA_OK) {
            return E_JOURNAL_DEGRADED;
        }
    }
    return FOTA_OK;
}
