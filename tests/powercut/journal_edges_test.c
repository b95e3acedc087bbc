/* What no scenario reaches: misuse of the journal, dead sectors, checksums with a special meaning. */
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
    W_CRC = 12,
    W_FREE = 15
};

static const struct journal_area AREAS[JOURNAL_AREAS] = {{J0_BASE, 11, RECORDS}, {J1_BASE, 3, RECORDS}};

struct chip {
    struct flash_fake fake;
    struct flash_fake_sector sectors[2]; /* J1, J0 */
    uint32_t words[WORDS];
    struct flash_cell cells[WORDS];
};

static struct chip chip;
static struct journal j;
static struct boot_record record;

static int new_chip(void **state)
{
    (void)state;
    chip.sectors[0] = (struct flash_fake_sector){3, J1_BASE, WORDS / 2, true, false, 0};
    chip.sectors[1] = (struct flash_fake_sector){11, J0_BASE, WORDS / 2, true, false, 0};
    flash_fake_init(&chip.fake, chip.sectors, 2, chip.words, chip.cells);
    memset(&record, 0, sizeof record);
    return journal_load(&j, &chip.fake.flash, AREAS, &record) == E_JOURNAL_LOST ? 0 : -1;
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
    assert_int_equal(journal_append(&j, &record), FOTA_OK);
    uint32_t n_ops = chip.fake.n_ops;
    assert_int_equal(journal_repair(&j), FOTA_OK);
    assert_int_equal(chip.fake.n_ops, n_ops);
}

static void append_to_a_full_journal_is_refused_and_the_state_stays(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= RECORDS; i++) {
        record.retry = i;
        assert_int_equal(journal_append(&j, &record), FOTA_OK);
    }
    uint32_t n_ops = chip.fake.n_ops;
    record.retry = 99;
    assert_int_equal(journal_append(&j, &record), E_JOURNAL_FULL);
    assert_int_equal(chip.fake.n_ops, n_ops);
    assert_int_equal(journal_load(&j, &chip.fake.flash, AREAS, &record), FOTA_OK);
    assert_int_equal(record.retry, RECORDS);
}

static void journal_goes_on_in_one_sector_when_the_other_dies(void **state)
{
    (void)state;
    for (uint32_t worn = 0; worn < 2; worn++) {
        assert_int_equal(new_chip(state), 0);
        assert_int_equal(journal_append(&j, &record), FOTA_OK);
        chip.sectors[worn].is_worn = true;
        for (uint32_t i = 1; i < 4; i++) {
            record.retry = i;
            assert_int_equal(journal_append(&j, &record), FOTA_OK);
            assert_int_equal(journal_sound_mask(&j), worn == 0 ? 1 : 2);
        }
    }
}

static void new_journal_begins_in_whichever_sector_works(void **state)
{
    (void)state;
    for (uint32_t worn = 0; worn < 4; worn++) {
        assert_int_equal(new_chip(state), 0);
        chip.sectors[0].is_worn = (worn & 1) != 0;
        chip.sectors[1].is_worn = (worn & 2) != 0;
        assert_int_equal(journal_append(&j, &record), worn == 3 ? E_FLASH_PROGRAM : FOTA_OK);
    }
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
        assert_int_equal(journal_append(&j, &record), FOTA_OK);
        assert_int_equal(flash_read(&chip.fake.flash, J0_BASE, words, JOURNAL_RECORD_WORDS), FOTA_OK);
        assert_int_equal(words[W_CRC], 1);
        memset(&record, 0, sizeof record);
        assert_int_equal(journal_load(&j, &chip.fake.flash, AREAS, &record), FOTA_OK);
        assert_int_equal(record.retry, retry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(repair_of_a_lost_journal_says_so_and_writes_nothing, new_chip),
        cmocka_unit_test_setup(repair_of_a_sound_journal_writes_nothing, new_chip),
        cmocka_unit_test_setup(append_to_a_full_journal_is_refused_and_the_state_stays, new_chip),
        cmocka_unit_test_setup(journal_goes_on_in_one_sector_when_the_other_dies, new_chip),
        cmocka_unit_test_setup(new_journal_begins_in_whichever_sector_works, new_chip),
        cmocka_unit_test_setup(checksum_that_would_mean_killed_or_blank_is_stored_as_1, new_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
