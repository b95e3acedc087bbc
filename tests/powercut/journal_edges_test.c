/* What no scenario reaches: misuse of the journal, dips of the supply, dead sectors and how they come back,
 * other formats, checksums with a special meaning. Life without a mirror: journal_alone_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "fake/flash_fake.h"
#include "journal/journal.h"

enum {
    J0_BASE = 0x080E0000,
    J1_BASE = 0x0800C000,
    RECORDS = 6,
    WORDS = 2 * RECORDS * JOURNAL_RECORD_WORDS,
    W_CRC = BOOT_RECORD_BODY_WORDS,
    W_FREE = BOOT_RECORD_BODY_WORDS - 1
};

static const struct journal_area AREAS[JOURNAL_AREAS] = {{J0_BASE, 11, RECORDS}, {J1_BASE, 3, RECORDS}};

struct chip {
    struct flash flash; /* what the journal sees */
    uint32_t n_calls;   /* calls that may still program or erase before the supply dips for one of them */
    struct flash_fake fake;
    struct flash_fake_sector sectors[2]; /* J1, J0 */
    uint32_t words[WORDS];
    struct flash_cell cells[WORDS];
};

static struct chip chip;
static struct journal j;
static struct boot_record record;

static bool dips(void)
{
    return chip.n_calls-- == 0;
}

static enum fota_err chip_erase(struct flash *flash, uint32_t sector)
{
    (void)flash;
    return dips() ? E_FLASH_SUPPLY : flash_erase_sector(&chip.fake.flash, sector);
}

static enum fota_err chip_program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    (void)flash;
    return dips() ? E_FLASH_SUPPLY : flash_program(&chip.fake.flash, addr, words, n_words);
}

static enum fota_err chip_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    (void)flash;
    return flash_read(&chip.fake.flash, addr, words, n_words);
}

static enum fota_err load(void)
{
    return journal_load(&j, &chip.flash, AREAS, &record);
}

static enum fota_err reserve(uint32_t n_records)
{
    return journal_make_room(&j, n_records, JOURNAL_NO_SPARE);
}

static enum fota_err write(uint32_t n)
{
    record.retry = n;
    return journal_append(&j, &record);
}

static int new_chip(void **state)
{
    static const struct flash_ops flash_ops = {
        .erase_sector = chip_erase, .program = chip_program, .read = chip_read};
    (void)state;
    chip.flash.ops = &flash_ops;
    chip.n_calls = UINT32_MAX;
    chip.sectors[0] = (struct flash_fake_sector){3, J1_BASE, WORDS / 2, true, false, 0};
    chip.sectors[1] = (struct flash_fake_sector){11, J0_BASE, WORDS / 2, true, false, 0};
    flash_fake_init(&chip.fake, chip.sectors, 2, chip.words, chip.cells);
    memset(&record, 0, sizeof record);
    return load() == E_JOURNAL_LOST ? 0 : -1;
}

static uint32_t n_erases(void)
{
    return chip.sectors[0].n_erases + chip.sectors[1].n_erases;
}

static void new_journal_is_erased_sector_by_sector_before_it_is_written(void **state)
{
    (void)state;
    assert_int_equal(write(1), E_JOURNAL_FULL);
    for (uint32_t i = 0; i < 2; i++) {
        assert_false(journal_has_room(&j, 1));
        assert_int_equal(n_erases(), i);
        assert_int_equal(journal_reserve(&j, 1, JOURNAL_NO_SPARE), FOTA_OK);
    }
    assert_true(journal_has_room(&j, 1));
    assert_int_equal(write(1), FOTA_OK);
    assert_int_equal(n_erases(), 2);
    assert_int_equal(load(), FOTA_OK);
    assert_int_equal(record.retry, 1);
}

static void repair_of_a_lost_journal_says_so_and_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(journal_repair(&j), E_JOURNAL_LOST);
    assert_int_equal(chip.fake.n_ops, 0);
}

static void repair_of_a_sound_journal_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    assert_int_equal(write(1), FOTA_OK);
    uint32_t n_ops = chip.fake.n_ops;
    assert_int_equal(journal_repair(&j), FOTA_OK);
    assert_int_equal(chip.fake.n_ops, n_ops);
}

static void append_to_a_full_journal_is_refused_and_the_state_stays(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    for (uint32_t i = 1; i <= RECORDS; i++) {
        assert_int_equal(write(i), FOTA_OK);
    }
    uint32_t n_ops = chip.fake.n_ops;
    record.retry = 99;
    assert_int_equal(journal_append(&j, &record), E_JOURNAL_FULL);
    assert_int_equal(chip.fake.n_ops, n_ops);
    assert_int_equal(load(), FOTA_OK);
    assert_int_equal(record.retry, RECORDS);
}

/* Each call of the flash driver refused once, in turn: for lack of supply, before anything has begun. */
static void dip_costs_one_try_and_kills_nothing(void **state)
{
    bool was_refused = true;
    for (uint32_t at = 0; was_refused; at++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        uint32_t n = 0;
        while (n < RECORDS) {
            assert_int_equal(write(++n), FOTA_OK); /* full: the next write needs both sectors rewritten */
        }
        chip.n_calls = at;
        enum fota_err err = reserve(3);
        err = err != FOTA_OK ? err : write(n + 1);
        was_refused = err != FOTA_OK;
        if (was_refused) {
            assert_int_equal(err, E_FLASH_SUPPLY);
            assert_int_equal(journal_dead_mask(&j), 0);
            assert_int_equal(reserve(3), FOTA_OK);
            assert_int_equal(write(n + 1), FOTA_OK);
        }
        assert_int_equal(journal_sound_mask(&j), 3);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, n + 1);
        assert_int_equal(chip.fake.n_suspect_programs, 0);
    }
}

/* The same, and then a reset: what was written before is there, or the new one. */
static void reset_after_a_dip_finds_the_old_state_or_the_new(void **state)
{
    bool was_refused = true;
    for (uint32_t at = 0; was_refused; at++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(write(1), FOTA_OK);
        chip.n_calls = at;
        was_refused = write(2) != FOTA_OK;
        enum fota_err err = load();
        err = err == E_JOURNAL_DEGRADED ? journal_repair(&j) : err;
        assert_int_equal(err, FOTA_OK);
        assert_true(record.retry == 2 || (was_refused && record.retry == 1));
        assert_int_equal(journal_sound_mask(&j), 3);
    }
}

/* Room is made with the state that counts, not with the one that was refused. */
static void write_that_was_refused_is_not_written_later(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    for (uint32_t n = 1; n <= RECORDS - 1; n++) {
        assert_int_equal(write(n), FOTA_OK);
    }
    chip.n_calls = 0;
    assert_int_equal(write(99), E_FLASH_SUPPLY);
    assert_int_equal(reserve(3), FOTA_OK);
    assert_int_equal(load(), FOTA_OK);
    assert_int_equal(record.retry, RECORDS - 1);
}

static void journal_goes_on_in_one_sector_when_the_other_dies(void **state)
{
    for (uint32_t worn = 0; worn < 2; worn++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(write(0), FOTA_OK);
        chip.sectors[worn].is_worn = true;
        for (uint32_t i = 1; i < 4; i++) {
            assert_int_equal(write(i), FOTA_OK);
            assert_int_equal(journal_sound_mask(&j), worn == 0 ? 1 : 2);
        }
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, 3);
    }
}

/* A dead sector is found in a repair: the sound one, which is the only copy now, is not erased, and from then
 * on neither boot nor repair touches flash. */
static void dead_sector_is_remembered_and_the_only_copy_is_not_erased(void **state)
{
    for (uint32_t worn = 0; worn < 2; worn++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(write(7), FOTA_OK);
        *flash_fake_at(&chip.fake, worn == 0 ? J1_BASE + 8 : J0_BASE + 8) ^= 1;
        chip.sectors[worn].is_worn = true;
        uint32_t n_before = chip.sectors[1 - worn].n_erases;
        assert_int_equal(load(), E_JOURNAL_DEGRADED);
        assert_int_equal(journal_repair(&j), E_JOURNAL_DEGRADED);
        assert_int_equal(chip.sectors[1 - worn].n_erases, n_before);
        assert_int_equal(journal_dead_mask(&j), worn == 0 ? 2 : 1);
        chip.fake.n_ops = 0;
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(journal_repair(&j), FOTA_OK);
        assert_int_equal(chip.fake.n_ops, 0);
        assert_int_equal(record.retry, 7);
    }
}

/* A dip refuses a write without a mirror: the only copy is not erased for it when room is made. */
static void refused_write_does_not_cost_the_only_copy(void **state)
{
    for (uint32_t worn = 0; worn < 2; worn++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        chip.sectors[worn].is_worn = true;
        for (uint32_t i = 1; i < RECORDS - 1; i++) {
            assert_int_equal(write(i), FOTA_OK);
        }
        uint32_t before = n_erases();
        chip.n_calls = 0;
        assert_int_equal(write(99), E_FLASH_SUPPLY);
        assert_int_equal(reserve(RECORDS - 3), E_JOURNAL_FULL);
        assert_int_equal(n_erases(), before);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, RECORDS - 2);
    }
}

static void dead_sector_is_tried_again_with_one_erase_a_call(void **state)
{
    for (uint32_t worn = 0; worn < 2; worn++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        chip.sectors[worn].is_worn = true;
        assert_int_equal(write(1), FOTA_OK);
        assert_int_equal(journal_revive(&j), FOTA_OK);
        assert_int_equal(journal_dead_mask(&j), worn == 0 ? 2 : 1);
        chip.sectors[worn].is_worn = false;
        uint32_t before = n_erases();
        assert_int_equal(journal_revive(&j), FOTA_OK);
        assert_int_equal(n_erases(), before + 1);
        assert_int_equal(journal_dead_mask(&j), 0);
        assert_int_equal(journal_sound_mask(&j), 3);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, 1);
        assert_int_equal(record.flags, 0);
        assert_int_equal(journal_revive(&j), FOTA_OK); /* nothing is dead */
        assert_int_equal(n_erases(), before + 1);
    }
}

static void new_journal_begins_in_whichever_sector_works(void **state)
{
    for (uint32_t worn = 0; worn < 4; worn++) {
        assert_int_equal(new_chip(state), 0);
        chip.sectors[0].is_worn = (worn & 1) != 0;
        chip.sectors[1].is_worn = (worn & 2) != 0;
        assert_int_equal(reserve(1), worn == 3 ? E_FLASH_PROGRAM : FOTA_OK);
        assert_int_equal(write(1), worn == 3 ? E_FLASH_PROGRAM : FOTA_OK);
        assert_int_equal(load(), worn == 3 ? E_JOURNAL_LOST : FOTA_OK);
    }
}

static void records_of_another_format_are_told_and_nothing_is_written(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    assert_int_equal(write(1), FOTA_OK);
    *flash_fake_at(&chip.fake, J0_BASE) ^= 1;
    assert_int_equal(load(), E_JOURNAL_DEGRADED); /* one sector: an upset word */
    *flash_fake_at(&chip.fake, J1_BASE) ^= 1;
    chip.fake.n_ops = 0;
    assert_int_equal(load(), E_JOURNAL_FORMAT);
    assert_false(journal_has_room(&j, 1));
    assert_int_equal(reserve(1), E_JOURNAL_FORMAT);
    assert_int_equal(write(2), E_JOURNAL_FORMAT);
    assert_int_equal(journal_repair(&j), E_JOURNAL_FORMAT);
    assert_int_equal(journal_revive(&j), FOTA_OK);
    assert_int_equal(chip.fake.n_ops, 0);
    assert_int_equal(n_erases(), 2);
}

static void beginning_of_a_record_at_a_spare_place_is_a_forgery(void **state)
{
    static const struct journal_area WITH_SPARES[JOURNAL_AREAS] = {
        {J0_BASE, 11, RECORDS}, {J1_BASE, 3, RECORDS}, {0x1000, 7, 1}, {0x2000, 10, 1}};
    const uint32_t words[3] = {1, BOOT_RECORD_MAGIC, 2};
    (void)state;
    assert_true(journal_is_forged(WITH_SPARES, 0x1000 - 4, words, 3));
    assert_true(journal_is_forged(WITH_SPARES, 0x2000, words + 1, 1));
    assert_false(journal_is_forged(WITH_SPARES, 0x1000, words, 3));
    assert_false(journal_is_forged(WITH_SPARES, 0x1000 - 4, words, 1));
    assert_false(journal_is_forged(WITH_SPARES, 0x1000 + 4, words + 1, 1));
    assert_false(journal_is_forged(AREAS, 0x1000, words + 1, 1)); /* none there */
}

static uint32_t crc_with(uint32_t words[BOOT_RECORD_BODY_WORDS], uint32_t free_word)
{
    words[W_FREE] = free_word;
    return crc32_update(0, words, 4 * (size_t)BOOT_RECORD_BODY_WORDS);
}

/* The word that makes the checksum what is wanted: CRC is affine over GF(2), so 32 equations are solved. */
static uint32_t solve(uint32_t words[BOOT_RECORD_BODY_WORDS], uint32_t wanted)
{
    uint32_t row[32];
    uint32_t by[32];
    uint32_t zero = crc_with(words, 0);
    uint32_t rest = zero ^ wanted;
    uint32_t answer = 0;
    for (uint32_t i = 0; i < 32; i++) {
        row[i] = crc_with(words, 1U << i) ^ zero;
        by[i] = 1U << i;
    }
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t pivot = bit;
        while (pivot < 32 && (row[pivot] >> bit & 1) == 0) {
            pivot++;
        }
        assert_true(pivot < 32);
        uint32_t row_p = row[pivot];
        uint32_t by_p = by[pivot];
        row[pivot] = row[bit];
        by[pivot] = by[bit];
        for (uint32_t i = bit + 1; i < 32; i++) {
            by[i] ^= (row[i] >> bit & 1) != 0 ? by_p : 0;
            row[i] ^= (row[i] >> bit & 1) != 0 ? row_p : 0;
        }
        if ((rest >> bit & 1) != 0) {
            rest ^= row_p;
            answer ^= by_p;
        }
        row[bit] = row_p;
        by[bit] = by_p;
    }
    assert_int_equal(rest, 0);
    return answer;
}

static void checksum_that_would_mean_killed_or_blank_is_stored_as_1(void **state)
{
    (void)state;
    static const uint32_t SPECIAL[] = {0, UINT32_MAX};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t words[JOURNAL_RECORD_WORDS];
        assert_int_equal(new_chip(state), 0);
        record.seq = 1;
        boot_record_store(&record, words);
        record.retry = solve(words, SPECIAL[i]);
        assert_int_equal(crc_with(words, record.retry), SPECIAL[i]);
        uint32_t retry = record.retry;
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(journal_append(&j, &record), FOTA_OK);
        assert_int_equal(flash_read(&chip.fake.flash, J0_BASE, words, JOURNAL_RECORD_WORDS), FOTA_OK);
        assert_int_equal(words[W_CRC], 1);
        memset(&record, 0, sizeof record);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, retry);
    }
}

/* Rule R1: either checksum alone is not enough, for a torn word may hit one of them by chance. */
static void record_counts_with_both_checksums_only(void **state)
{
    for (uint32_t word = W_CRC; word <= W_CRC + 1; word++) {
        uint32_t words[JOURNAL_RECORD_WORDS];
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(write(1), FOTA_OK);
        for (uint32_t a = 0; a < JOURNAL_MIRRORS; a++) {
            assert_int_equal(flash_read(&chip.fake.flash, AREAS[a].base, words, JOURNAL_RECORD_WORDS),
                             FOTA_OK);
            words[word] ^= 4;
            flash_fake_load(&chip.fake, AREAS[a].base, words, sizeof words);
        }
        assert_int_equal(load(), E_JOURNAL_LOST);
    }
}

/* The supply stays low: each call says so, erases nothing and calls nothing dead, from each point on. */
static void low_supply_is_told_by_each_call_and_kills_nothing(void **state)
{
    for (uint32_t at = 0; at < 40; at++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        chip.sectors[0].is_worn = true;
        assert_int_equal(write(1), FOTA_OK);
        chip.sectors[0].is_worn = false;
        chip.n_calls = at;
        enum fota_err err = journal_revive(&j);
        assert_true(err == FOTA_OK || err == E_FLASH_SUPPLY);
        assert_true(at != 0 || err == E_FLASH_SUPPLY);
        assert_int_equal(journal_dead_mask(&j) & 1, 0); /* the one that was sound */
        chip.n_calls = UINT32_MAX;
        assert_int_equal(journal_revive(&j), FOTA_OK);
        err = load(); /* the next boot may have to mend what the dip left */
        assert_true(err == FOTA_OK || (err == E_JOURNAL_DEGRADED && journal_repair(&j) == FOTA_OK));
        assert_int_equal(record.retry, 1);
        assert_int_equal(chip.fake.n_suspect_programs, 0);
    }
}

/* State 7 in both sectors, the second mark of each torn by a cut and reading blank: no copy is sound. */
static void tear_both_marks(void)
{
    enum { D2_OFF = 4 * (JOURNAL_RECORD_WORDS - 1) };
    assert_int_equal(reserve(1), FOTA_OK);
    assert_int_equal(write(7), FOTA_OK);
    *flash_fake_at(&chip.fake, J0_BASE + D2_OFF) = UINT32_MAX;
    *flash_fake_at(&chip.fake, J1_BASE + D2_OFF) = UINT32_MAX;
    assert_int_equal(load(), E_JOURNAL_DEGRADED);
    assert_int_equal(record.retry, 7);
    assert_int_equal(journal_sound_mask(&j), 0);
}

/* Rule R14, with the supply low from each call on for one call. */
static void state_without_a_sound_copy_survives_a_dip_of_its_repair(void **state)
{
    enum fota_err err = E_FLASH_SUPPLY;
    for (uint32_t at = 0; err != FOTA_OK; at++) {
        assert_int_equal(new_chip(state), 0);
        tear_both_marks();
        chip.n_calls = at;
        err = journal_repair(&j);
        assert_true(err == FOTA_OK || err == E_FLASH_SUPPLY);
        assert_true(at != 0 || err == E_FLASH_SUPPLY);
        assert_int_equal(journal_dead_mask(&j), 0);
        chip.n_calls = UINT32_MAX;
        assert_int_equal(journal_repair(&j), FOTA_OK);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, 7);
        assert_in_range(at, 0, 100);
    }
}

/* Rules R12 and R14: the first sector dies of the repair; the second one is written with that in it. */
static void state_without_a_sound_copy_survives_the_death_of_a_sector(void **state)
{
    (void)state;
    tear_both_marks();
    chip.sectors[1].is_worn = true; /* J0 */
    assert_int_equal(journal_repair(&j), E_JOURNAL_DEGRADED);
    assert_int_equal(journal_dead_mask(&j), 1);
    assert_int_equal(load(), FOTA_OK);
    assert_int_equal(record.retry, 7);
    assert_int_equal(journal_dead_mask(&j), 1); /* remembered */
}

/* Rule R5: the erase of a sector was begun, so its first victim is killed, and the other sector is blank now:
 * the copy that was given up is the only one. Tried with each of the two sectors. */
static void only_copy_in_a_sector_that_was_given_up_is_taken(void **state)
{
    static const uint32_t BASES[2] = {J0_BASE, J1_BASE};
    for (uint32_t a = 0; a < 2; a++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(reserve(1), FOTA_OK);
        assert_int_equal(write(7), FOTA_OK);
        uint32_t victim = BASES[a] + JOURNAL_RECORD_BYTES;
        *flash_fake_at(&chip.fake, victim + 4 * W_CRC) = 0;
        *flash_fake_at(&chip.fake, victim + JOURNAL_RECORD_BYTES - 4) = 0;
        assert_int_equal(flash_erase_sector(&chip.fake.flash, AREAS[1 - a].sector), FOTA_OK);
        assert_int_equal(load(), E_JOURNAL_DEGRADED);
        assert_int_equal(record.retry, 7);
        assert_int_equal(journal_sound_mask(&j), 0);
        assert_int_equal(journal_repair(&j), FOTA_OK);
        assert_int_equal(load(), FOTA_OK);
        assert_int_equal(record.retry, 7);
        assert_int_equal(journal_sound_mask(&j), 3);
    }
}

static void append_before_a_repair_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    assert_int_equal(write(7), FOTA_OK);
    *flash_fake_at(&chip.fake, J1_BASE + 8) ^= 1;
    assert_int_equal(load(), E_JOURNAL_DEGRADED);
    uint32_t n_ops = chip.fake.n_ops;
    record.retry = 8;
    assert_int_equal(journal_append(&j, &record), E_JOURNAL_DEGRADED);
    assert_int_equal(chip.fake.n_ops, n_ops);
    assert_int_equal(journal_repair(&j), FOTA_OK);
    assert_int_equal(load(), FOTA_OK);
    assert_int_equal(record.retry, 7);
}

static void reserve_with_room_does_nothing(void **state)
{
    (void)state;
    assert_int_equal(reserve(1), FOTA_OK);
    assert_int_equal(write(1), FOTA_OK);
    uint32_t n_ops = chip.fake.n_ops;
    assert_int_equal(journal_reserve(&j, 1, JOURNAL_NO_SPARE), FOTA_OK);
    assert_int_equal(chip.fake.n_ops, n_ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(record_counts_with_both_checksums_only, new_chip),
        cmocka_unit_test_setup(new_journal_is_erased_sector_by_sector_before_it_is_written, new_chip),
        cmocka_unit_test_setup(dip_costs_one_try_and_kills_nothing, new_chip),
        cmocka_unit_test_setup(reset_after_a_dip_finds_the_old_state_or_the_new, new_chip),
        cmocka_unit_test_setup(write_that_was_refused_is_not_written_later, new_chip),
        cmocka_unit_test_setup(dead_sector_is_remembered_and_the_only_copy_is_not_erased, new_chip),
        cmocka_unit_test_setup(refused_write_does_not_cost_the_only_copy, new_chip),
        cmocka_unit_test_setup(dead_sector_is_tried_again_with_one_erase_a_call, new_chip),
        cmocka_unit_test_setup(records_of_another_format_are_told_and_nothing_is_written, new_chip),
        cmocka_unit_test_setup(beginning_of_a_record_at_a_spare_place_is_a_forgery, new_chip),
        cmocka_unit_test_setup(repair_of_a_lost_journal_says_so_and_writes_nothing, new_chip),
        cmocka_unit_test_setup(repair_of_a_sound_journal_writes_nothing, new_chip),
        cmocka_unit_test_setup(append_to_a_full_journal_is_refused_and_the_state_stays, new_chip),
        cmocka_unit_test_setup(journal_goes_on_in_one_sector_when_the_other_dies, new_chip),
        cmocka_unit_test_setup(new_journal_begins_in_whichever_sector_works, new_chip),
        cmocka_unit_test_setup(low_supply_is_told_by_each_call_and_kills_nothing, new_chip),
        cmocka_unit_test_setup(state_without_a_sound_copy_survives_a_dip_of_its_repair, new_chip),
        cmocka_unit_test_setup(state_without_a_sound_copy_survives_the_death_of_a_sector, new_chip),
        cmocka_unit_test_setup(only_copy_in_a_sector_that_was_given_up_is_taken, new_chip),
        cmocka_unit_test_setup(append_before_a_repair_is_refused_and_writes_nothing, new_chip),
        cmocka_unit_test_setup(reserve_with_room_does_nothing, new_chip),
        cmocka_unit_test_setup(checksum_that_would_mean_killed_or_blank_is_stored_as_1, new_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
