#include "journal/journal.h"

#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/crc.h"

/* Words of a record after its body. */
enum {
    W_SEQ = 1,
    W_FLAGS = BOOT_RECORD_FLAGS_WORD,
    W_CRC = BOOT_RECORD_BODY_WORDS, /* CRC-32 of the body; never 0, which is how a record is killed */
    W_CRC_C,                        /* complement of the CRC-32C of the body */
    W_D1,                           /* 0: body complete */
    W_D2,                           /* 0: D1 complete */
    WORD_BYTES = 4,
    BODY_BYTES = W_CRC * WORD_BYTES,
    CONTENT_BYTES = W_D1 * WORD_BYTES
};

/* Sets of places are masks: bit a is area a. Those of the mirrors
 * are also what the record's flags say about dead sectors. */
enum {
    MIRRORS_MASK = (1 << JOURNAL_MIRRORS) - 1,
    DEAD_SHIFT = 27,
    SEQ_JUMP = 16 /* a dead sector may hold numbers that a few cut writes left */
};

#define DEAD_BITS ((uint32_t)MIRRORS_MASK << DEAD_SHIFT)

_Static_assert((uint32_t)BOOT_FLAG_J0_DEAD << 24 == 1U << DEAD_SHIFT && BOOT_FLAG_J1_DEAD == BOOT_FLAG_J0_DEAD
                                                                                                 << 1,
               "flags of dead sectors are where the record has them");
_Static_assert(W_D2 + 1 == JOURNAL_RECORD_WORDS, "the marks close the record");

/* 0 can be programmed over any value (a program only clears bits), so it is what kills and what marks. */
static const uint32_t ZERO = 0;

/* What closes a record with this body: checksums and marks. Two different checksums, the second one
 * complemented, because one alone accepts one pattern of torn bits in four thousand million, and a board tears
 * many records in its life. */
static void close_record(const uint32_t body[W_CRC], uint32_t closing[JOURNAL_RECORD_WORDS - W_CRC])
{
    uint32_t crc = crc32_update(0, body, BODY_BYTES);
    /* 0 is a killed record and ~0 a blank word: neither may be a checksum. */
    closing[0] = crc == 0 || crc == UINT32_MAX ? 1 : crc;
    closing[W_CRC_C - W_CRC] = ~crc32c_update(0, body, BODY_BYTES);
    closing[W_D1 - W_CRC] = 0;
    closing[W_D2 - W_CRC] = 0;
}

/* Rule R1: 0 not a record or not complete, 1 body complete, 2 body and first mark complete. */
static uint32_t completeness_of(const uint32_t words[JOURNAL_RECORD_WORDS])
{
    uint32_t closing[JOURNAL_RECORD_WORDS - W_CRC];
    if (words[0] != BOOT_RECORD_MAGIC || words[W_SEQ] == 0 || words[W_D1] != 0) { /* numbers begin with 1 */
        return 0;
    }
    close_record(words, closing);
    if (memcmp(closing, words + W_CRC, CONTENT_BYTES - BODY_BYTES) != 0) {
        return 0;
    }
    return words[W_D2] == 0 ? 2 : 1;
}

static bool is_in(uint32_t set, uint32_t a)
{
    return (set >> a & 1) != 0;
}

/* The magic word is never 0, so it tells whether a record was found. */
static bool has_state(const struct journal *j)
{
    return j->newest[0] != 0;
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

/* Newest record of a place and how complete it is (completeness_of); 0 if there is none, and then `words` are
 * the first record. Records are appended, so the last that counts is the newest. After it may be one that a
 * cut write left with its checksum in place: it would count if its torn mark came to read 0 some day. Until
 * it is buried, both words that bury() writes reading 0, the newest counts as complete with one mark at most (rule R3): what is
 * acted upon without that write is never changed by it. */
static uint32_t find_newest(struct journal *j, uint32_t a, uint32_t words[JOURNAL_RECORD_WORDS])
{
    struct journal_head *head = &j->head[a];
    uint32_t highest = 2;
    for (head->next = j->areas[a].n_records; head->next > 0; head->next--) {
        /* From the end, since the newest record is the last one; an append-only sector is full of older
         * ones before it. */
        head->newest = head->next - 1;
        read_record(j, a, head->newest, words);
        uint32_t marks = completeness_of(words);
        if (marks != 0) {
            return marks < highest ? marks : highest;
        }
        if (words[W_CRC] != UINT32_MAX && (words[0] | words[W_CRC]) != 0) {
            highest = 1;
        }
    }
    return 0;
}

/* The record that is killed first when a sector is abandoned, and how it looks from then on (rule R5). It
 * tells that the newest record, killed last, may be half dead however well it reads now. */
static uint32_t first_victim(const struct journal *j, uint32_t a)
{
    return (j->head[a].newest + 1) % j->areas[a].n_records;
}

static bool is_given_up(const struct journal *j, uint32_t a)
{
    /* Both words, because the second is programmed after the first: it reads 0 only if the first one is
     * solid. */
    uint32_t victim[JOURNAL_RECORD_WORDS];
    read_record(j, a, first_victim(j, a), victim);
    return victim[W_CRC] == 0 && victim[W_D2] == 0;
}

static uint32_t recorded_dead(const struct journal *j)
{
    return j->newest[W_FLAGS] >> DEAD_SHIFT & MIRRORS_MASK;
}

/* Rule R3: may this boot act upon the state? Each sector must hold it, sound, or be known as dead (rule R12),
 * and at least one must hold it. Acting earlier is dangerous: a record that only one sector has, torn, may
 * read well now and badly at the next boot, and the two boots would decide differently. */
static bool is_settled(const struct journal *j)
{
    uint32_t sound = journal_sound_mask(j);
    return sound != 0 && (sound | journal_dead_mask(j)) == MIRRORS_MASK;
}

/* Rules R2, R3: what the newest record of a place is worth. A newer one than all before takes their worth. */
static void judge(struct journal *j, uint32_t a, uint32_t marks, const uint32_t words[JOURNAL_RECORD_WORDS])
{
    if (marks != 0 && words[W_SEQ] > j->newest[W_SEQ]) {
        memcpy(j->newest, words, CONTENT_BYTES); /* marks stay 0: as it is written again */
        j->holds = 0;
        j->sound = 0;
    }
    if (marks != 0 && memcmp(words, j->newest, CONTENT_BYTES) == 0) {
        j->holds |= 1U << a;
        j->sound |= (marks == 2 && !is_given_up(j, a) ? 1U : 0U) << a;
    }
    j->dead = recorded_dead(j) & ~j->holds;
}

enum fota_err journal_load(struct journal *j, struct flash *flash,
                           const struct journal_area areas[JOURNAL_AREAS], struct boot_record *out)
{
    uint32_t words[JOURNAL_RECORD_WORDS];
    uint32_t first[JOURNAL_AREAS];
    memset(j, 0, sizeof *j);
    j->flash = flash;
    j->areas = areas;
    j->why = E_JOURNAL_LOST;
    /* The spare places are inside slots that hosts write, so they are asked only if the two sectors leave
     * a doubt (rule R13). */
    for (uint32_t a = 0; a < JOURNAL_AREAS && (a < JOURNAL_MIRRORS || !is_settled(j)); a++) {
        uint32_t n_complete = find_newest(j, a, words);
        first[a] = words[0];
        judge(j, a, n_complete, words);
    }
    if (has_state(j)) {
        boot_record_load(j->newest, out);
        if (is_settled(j)) {
            return FOTA_OK;
        }
        j->stale = j->dead == 0 ? MIRRORS_MASK : 0;
        return E_JOURNAL_DEGRADED;
    }
    /* Records of another format: both sectors begin with the same word, ours but for the number of the
     * format. What a cut leaves of one of ours it leaves in one sector. */
    if (first[0] == first[1] && (first[0] ^ BOOT_RECORD_MAGIC) - 1 < UINT8_MAX) {
        j->dead = MIRRORS_MASK;
        j->why = E_JOURNAL_FORMAT;
    }
    return j->why;
}

/* Rule R12. A dip of the supply is no fault of the sector: nothing was begun. */
static enum fota_err blame(struct journal *j, uint32_t a, enum fota_err err)
{
    if (err != FOTA_OK && err != E_FLASH_SUPPLY) {
        j->dead |= 1U << a;
        j->sound &= ~j->dead;
        j->holds &= ~j->dead;
        j->stale = 0; /* rule R4: without the other sector, the sound one stays as it is */
        j->why = err;
    }
    return err;
}

static enum fota_err program(struct journal *j, uint32_t a, uint32_t addr, const uint32_t *words,
                             uint32_t n_words)
{
    return blame(j, a, flash_program(j->flash, addr, words, n_words));
}

static enum fota_err zero_word(struct journal *j, uint32_t a, uint32_t index, uint32_t word)
{
    return program(j, a, record_addr(j, a, index) + word * WORD_BYTES, &ZERO, 1);
}

/* 0 in two words of a record, the second after the first. */
static enum fota_err zero_words(struct journal *j, uint32_t a, uint32_t index, uint32_t first,
                                uint32_t second)
{
    enum fota_err err = zero_word(j, a, index, first);
    return err ? err : zero_word(j, a, index, second);
}

/* First record that an append may use: the next blank one, or the blank one after it if this sector has not
 * been written in this session (rule R6: exactly one record may have been touched by a cut and still read
 * blank). */
static uint32_t first_free(const struct journal *j, uint32_t a)
{
    uint32_t index = j->head[a].next;
    uint32_t n_wanted = is_in(j->fresh, a) ? 1 : 2;
    while (n_wanted > 0 && index < j->areas[a].n_records) {
        uint32_t words[JOURNAL_RECORD_WORDS];
        read_record(j, a, index++, words);
        n_wanted -= bytes_all_equal((const uint8_t *)words, sizeof words, 0xFF) ? 1 : 0;
    }
    return n_wanted == 0 ? index - 1 : index;
}

/*
 * Append j->newest to this place.
 *
 * Records between the last one and the first that may be used are skipped, because a cut may have touched
 * them. Each is made unusable for ever (rule R6), in ascending order: if the power is cut meanwhile, the next
 * boot finds the rest still to be skipped, and never a gap.
 *
 * If the place is full and `may_mend`, program the marks of its newest record, which is j->newest, with 0
 * again (rule R14): a mark that was torn is solid after that.
 */
static enum fota_err put_in(struct journal *j, uint32_t a, bool may_mend)
{
    struct journal_head *head = &j->head[a];
    const uint32_t end = first_free(j, a);
    const bool is_full = end >= j->areas[a].n_records;
    if (is_full && !may_mend) {
        return E_JOURNAL_FULL;
    }
    for (; head->next < end; head->next++) {
        enum fota_err err = zero_words(j, a, head->next, 0, W_CRC);
        if (err) {
            return err;
        }
    }
    j->fresh |= 1U << a;
    /* Rule R7: body, D1, D2 in ascending order, each word complete before the next (flash_program's
     * contract). */
    enum fota_err err = is_full ? zero_words(j, a, head->newest, W_D1, W_D2)
                                : program(j, a, record_addr(j, a, end), j->newest, JOURNAL_RECORD_WORDS);
    if (err) {
        return err;
    }
    if (!is_full) {
        head->newest = head->next++;
    }
    j->holds |= 1U << a;
    j->sound |= 1U << a;
    return FOTA_OK;
}

/* Rule R5. A half-finished erase may bring back any bit pattern a cell has had, so every record is killed
 * before, also those that read blank: what reads blank may not be. From the first victim round to the newest.
 */
static enum fota_err kill_all(struct journal *j, uint32_t a)
{
    /* The mark first (rule R5): a cut anywhere in this loop leaves a sector that says it was being given
     * up. */
    uint32_t index = first_victim(j, a);
    enum fota_err err = zero_words(j, a, index, W_CRC, W_D2);
    for (uint32_t i = 1; i < j->areas[a].n_records && err == FOTA_OK; i++) {
        index = (index + 1) % j->areas[a].n_records;
        err = zero_word(j, a, index, W_CRC);
    }
    return err;
}

/* Rule R13: once another place has the state, no spare place shall. Should the supply refuse it, what stays
 * there is older than the next record. */
static void retire_spares(struct journal *j, uint32_t except)
{
    for (uint32_t a = JOURNAL_MIRRORS; a < JOURNAL_AREAS; a++) {
        if (a != except && is_in(j->sound, a) && zero_words(j, a, 0, 0, W_CRC) == FOTA_OK) {
            j->sound &= ~(1U << a);
        }
    }
}

/* Kill all records, erase the sector, and write the state as its first record. The caller has made sure that
 * the state is somewhere else meanwhile (is_expendable). `holds` and `sound` forget the sector before the first
 * cell changes, so an error at any step leaves them true. */
static enum fota_err rewrite(struct journal *j, uint32_t a)
{
    const uint32_t others = ~(1U << a);
    j->head[a].next = 0;
    j->holds &= others;
    j->sound &= others;
    enum fota_err err = kill_all(j, a);
    if (err == FOTA_OK) {
        err = blame(j, a, flash_erase_sector(j->flash, j->areas[a].sector));
    }
    if (err) {
        return err;
    }
    j->fresh |= ~others;
    j->stale &= others;
    if (!has_state(j)) {
        return FOTA_OK;
    }
    err = put_in(j, a, false);
    if (err == FOTA_OK) {
        retire_spares(j, a);
    }
    return err;
}

/* Number, flags and checksums of the state that is about to be written. A dead sector may hold numbers that
 * nobody has read: what is written without it gets a higher one (rule R12). */
static void stamp(struct journal *j)
{
    uint32_t dead = journal_dead_mask(j);
    j->newest[W_SEQ] += dead == 0 ? 1 : SEQ_JUMP;
    j->newest[W_FLAGS] = (j->newest[W_FLAGS] & ~DEAD_BITS) | dead << DEAD_SHIFT;
    close_record(j->newest, j->newest + W_CRC);
}

/* Append j->newest to every sector in use. If one dies of it, once more to the other, which so remembers it
 * (rule R12). */
static enum fota_err append_all(struct journal *j)
{
    enum fota_err err = FOTA_OK;
    uint32_t dead;
    do {
        dead = j->dead;
        stamp(j);
        /* One sector after the other, never both at once: at any moment at least one holds a whole state
         * (rule R7). */
        for (uint32_t a = 0; a < JOURNAL_MIRRORS && dead == j->dead && err != E_FLASH_SUPPLY; a++) {
            if (!is_in(dead, a)) {
                err = put_in(j, a, false);
            }
        }
    } while (dead != j->dead); /* a dip kills none, so it ends this */
    return err;
}

/* A new state, or, without `record`, the same with what is dead now, in every sector in use. If none takes it
 * the state is what it was. A sector that has no room for it is not sound any more. */
static FOTA_NOINLINE enum fota_err put_state(struct journal *j, const struct boot_record *record)
{
    uint32_t before[JOURNAL_RECORD_WORDS];
    const uint32_t held = j->holds;
    const uint32_t dead = j->dead;
    /* Kept, because a record that no sector took has never been the state: the next boot will read the one
     * before it. */
    memcpy(before, j->newest, sizeof before);
    if (record) {
        boot_record_store(record, j->newest);
        j->newest[W_SEQ] = before[W_SEQ];
    }
    j->holds = 0;
    enum fota_err err = append_all(j);
    if (j->holds == 0) {
        memcpy(j->newest, before, sizeof before);
        j->holds = held & ~j->dead;
        return j->dead != dead ? j->why : err;
    }
    if (err == E_FLASH_SUPPLY) {
        return err;
    }
    j->sound &= j->holds;
    return FOTA_OK;
}

/* The sectors in use that are not sound, are to be refreshed (rule R4), or have less than `n_records` free
 * (rule R8). Without a state: that are not erased. */
static uint32_t needy(const struct journal *j, uint32_t n_records)
{
    uint32_t set = j->stale;
    for (uint32_t a = 0; a < JOURNAL_MIRRORS; a++) {
        bool is_ready = has_state(j)
                            ? is_in(j->sound, a) && first_free(j, a) + n_records <= j->areas[a].n_records
                            : is_in(j->fresh, a); /* nothing was appended to it: that would be a state */
        set |= (is_ready ? 0U : 1U) << a;
    }
    return set & ~j->dead;
}

bool journal_has_room(const struct journal *j, uint32_t n_records)
{
    return needy(j, n_records) == 0 && journal_dead_mask(j) != MIRRORS_MASK;
}

/* Never erases: confirm calls this, and an application must not wait 2 s for it. Room is made before, by
 * journal_reserve. */
enum fota_err journal_append(struct journal *j, const struct boot_record *record)
{
    if (journal_has_room(j, 1)) {
        return put_state(j, record);
    }
    if (journal_dead_mask(j) == MIRRORS_MASK) {
        return j->why;
    }
    return !has_state(j) || is_settled(j) ? E_JOURNAL_FULL : E_JOURNAL_DEGRADED;
}

/* A place is rewritten only if another one has the state, sound, or if it is not sound itself. The second is
 * safe after secure(), which has made a copy sound, or else shown that there is nothing to lose: a place that
 * is not sound now has no state, or was abandoned (rule R5), which says that another place had it then or
 * that no boot had found it (rule R4). */
static bool is_expendable(const struct journal *j, uint32_t a)
{
    return (j->sound & ~(1U << a)) != 0 || !is_in(j->sound, a);
}

/* Rule R14: have the state sound somewhere, without an erase: once more after where it is read, or else
 * after an older record. */
static enum fota_err secure(struct journal *j)
{
    enum fota_err err = FOTA_OK;
    for (uint32_t i = 0; i < 2 * JOURNAL_AREAS && j->sound == 0 && err != E_FLASH_SUPPLY; i++) {
        uint32_t a = i % JOURNAL_AREAS;
        bool is_state = is_in(j->holds, a);
        bool is_wanted = i < JOURNAL_AREAS ? is_state : j->head[a].next != 0;
        if (is_wanted && !is_in(j->dead, a) && !is_given_up(j, a)) {
            if (recorded_dead(j) != journal_dead_mask(j)) {
                stamp(j); /* the other sector died of this: rule R12 */
            }
            err = put_in(j, a, is_state);
        }
    }
    return err;
}

/* Rewrite what is needed and can be spared, or else the spare place (rule R13). */
static enum fota_err rewrite_one(struct journal *j, uint32_t wanted, uint32_t spare)
{
    for (uint32_t a = 0; a < JOURNAL_MIRRORS; a++) {
        if (is_in(wanted, a) && is_expendable(j, a)) {
            return rewrite(j, a);
        }
    }
    return j->areas[spare].n_records == 1 && !is_in(j->dead, spare) ? rewrite(j, spare) : E_JOURNAL_FULL;
}

/* One step towards sound sectors with room for `n_records`: at most one erase. Some sector may die of it: the
 * other one remembers it, or the next append will. */
static enum fota_err step(struct journal *j, uint32_t n_records, uint32_t spare)
{
    enum fota_err err = secure(j);
    uint32_t wanted = needy(j, n_records);
    if (err != E_FLASH_SUPPLY && wanted != 0) {
        err = rewrite_one(j, wanted, spare);
    }
    if (err == E_FLASH_SUPPLY || err == E_JOURNAL_FULL) {
        return err;
    }
    err = FOTA_OK;
    if (is_settled(j) && recorded_dead(j) != journal_dead_mask(j)) {
        err = put_state(j, NULL);
    }
    if (journal_dead_mask(j) == MIRRORS_MASK) {
        return j->why;
    }
    return err == E_JOURNAL_FULL ? FOTA_OK : err;
}

enum fota_err journal_reserve(struct journal *j, uint32_t n_records, uint32_t spare)
{
    return journal_has_room(j, n_records) ? FOTA_OK : step(j, n_records, spare);
}

/* At a boot that found one sector sound and the other not: write the state to both again (rule R4). A board
 * with one good sector left works on, and says so with E_JOURNAL_DEGRADED. */
enum fota_err journal_repair(struct journal *j)
{
    if (!has_state(j)) {
        return j->why;
    }
    if (is_settled(j)) {
        return FOTA_OK;
    }
    enum fota_err err = journal_make_room(j, 0, JOURNAL_NO_SPARE);
    return err == FOTA_OK && journal_dead_mask(j) != 0 ? E_JOURNAL_DEGRADED : err;
}

/* Treat dead sectors as good ones, and try to write them. What does not become sound by that is dead again. */
enum fota_err journal_revive(struct journal *j)
{
    const uint32_t dead = journal_dead_mask(j);
    if (dead == 0 || !is_settled(j)) {
        return FOTA_OK;
    }
    j->dead &= ~dead;
    enum fota_err err = step(j, 0, JOURNAL_NO_SPARE);
    j->dead |= dead & ~j->sound;
    return err == E_FLASH_SUPPLY ? err : FOTA_OK;
}

/* The spare places are inside the slots, so a host chooses the bytes there. An image whose bytes look like a
 * record at such a place could tell the next boot anything: it is refused. */
bool journal_is_forged(const struct journal_area areas[JOURNAL_AREAS], uint32_t addr, const uint32_t *words,
                       uint32_t n_words)
{
    bool is_found = false;
    for (uint32_t a = JOURNAL_MIRRORS; a < JOURNAL_AREAS; a++) {
        uint32_t off = (areas[a].base - addr) / WORD_BYTES; /* far too high if the place is before `addr` */
        is_found = is_found || (off < n_words && words[off] == BOOT_RECORD_MAGIC);
    }
    return is_found;
}
