/* The fault model of flash cells, axiom by axiom (docs/POWERCUT.md, F1 to F9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flash_model/flash_model.h"

enum { WORDS = 4096, BOOTS = 200 };
#define BLANK FLASH_WORD_BLANK
#define VALUE 0x00FF1234U

static const struct flash_cell blank = {0};
static const struct flash_cell solid = {.kind = FLASH_CELL_SOLID};

static struct flash_cell torn_program(enum flash_cut cut, uint32_t old, uint32_t value, uint64_t seed,
                                      uint32_t *reading)
{
    struct flash_cell cell = {.kind = (uint8_t)(old == BLANK ? FLASH_CELL_BLANK : FLASH_CELL_SOLID)};
    struct flash_cut_work work;
    flash_cut_begin(&work, cut, false, 1, seed);
    *reading = flash_cut_word(&work, 0, old, value, &cell);
    return cell;
}

static void f1_completed_program_on_a_blank_cell_is_solid(void **state)
{
    (void)state;
    struct flash_cell cell = blank;
    assert_true(flash_cell_is_usable(&cell));
    assert_int_equal(flash_cell_program(&cell, BLANK, VALUE), VALUE);
    assert_int_equal(cell.kind, FLASH_CELL_SOLID);
    assert_false(flash_cell_is_usable(&cell));
    assert_true(flash_cell_may_read(&cell, VALUE, VALUE));
    assert_false(flash_cell_may_read(&cell, VALUE, BLANK));
}

static void f2_cut_program_may_read_old_new_or_between_anew_at_each_boot(void **state)
{
    (void)state;
    bool is_old = false, is_new = false, is_between = false;
    uint32_t reading = 0;
    struct flash_cell cell = torn_program(FLASH_CUT_FLAKY, BLANK, VALUE, 1, &reading);
    uint64_t random = flash_seed(7);
    for (unsigned boot = 0; boot < BOOTS; boot++) {
        reading = flash_cell_boot(&cell, reading, &random);
        assert_int_equal(reading & VALUE, VALUE); /* no zero where none was wanted */
        assert_true(flash_cell_may_read(&cell, BLANK, reading));
        is_old = is_old || reading == BLANK;
        is_new = is_new || reading == VALUE;
        is_between = is_between || (reading != BLANK && reading != VALUE);
    }
    assert_true(is_old && is_new && is_between);
    assert_false(flash_cell_may_read(&cell, BLANK, 0));
}

static void cut_cell_keeps_its_reading_unless_it_is_flaky(void **state)
{
    (void)state;
    uint64_t random = flash_seed(7);
    for (enum flash_cut cut = FLASH_CUT_BEFORE; cut <= FLASH_CUT_COMPLETE; cut++) {
        uint32_t reading = 0;
        struct flash_cell cell = torn_program(cut, BLANK, VALUE, 3, &reading);
        assert_int_equal(cell.kind, cut == FLASH_CUT_BEFORE ? FLASH_CELL_BLANK : FLASH_CELL_SUSPECT);
        for (unsigned boot = 0; boot < BOOTS; boot++) {
            assert_int_equal(flash_cell_boot(&cell, reading, &random), reading);
        }
    }
}

static void fading_cell_reads_complete_for_its_boots_and_flickers_then(void **state)
{
    (void)state;
    static const enum flash_cut CUTS[] = {FLASH_CUT_FADES, FLASH_CUT_FADES_LATE};
    static const unsigned KEEPS[] = {1, 3};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t random = flash_seed(7);
        uint32_t reading = 0;
        unsigned n_others = 0;
        struct flash_cell cell = torn_program(CUTS[i], BLANK, VALUE, 3, &reading);
        for (unsigned boot = 0; boot < BOOTS; boot++) {
            reading = flash_cell_boot(&cell, reading, &random);
            assert_true(boot >= KEEPS[i] || reading == VALUE);
            n_others += reading != VALUE;
        }
        assert_true(n_others > BOOTS / 4);
    }
}

static void f3_non_zero_program_over_a_suspect_cell_stays_suspect(void **state)
{
    (void)state;
    uint32_t reading = 0;
    struct flash_cell cell = torn_program(FLASH_CUT_OLD, BLANK, 0xFFFF0000U, 3, &reading);
    assert_int_equal(reading, BLANK);
    assert_int_equal(flash_cell_program(&cell, reading, VALUE), VALUE);
    assert_int_equal(cell.kind, FLASH_CELL_SUSPECT);
    assert_true(cell.is_flaky && flash_cell_may_read(&cell, VALUE, BLANK));
}

static void f4_zero_over_anything_is_zero_for_ever(void **state)
{
    (void)state;
    uint64_t random = flash_seed(1);
    uint32_t reading = 0;
    struct flash_cell cells[] = {blank, solid, torn_program(FLASH_CUT_FLAKY, BLANK, VALUE, 5, &reading)};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(flash_cell_program(&cells[i], VALUE, 0), 0);
        assert_int_equal(cells[i].kind, FLASH_CELL_SOLID);
        assert_int_equal(flash_cell_boot(&cells[i], 0, &random), 0);
        assert_false(flash_cell_may_read(&cells[i], 0, VALUE));
    }
}

/* One cut erase of words that count up; @return how many of the words are old, blank, zero, other. */
static void torn_erase(enum flash_cut cut, uint64_t seed, uint32_t words[WORDS], unsigned n[4])
{
    struct flash_cut_work work;
    memset(n, 0, 4 * sizeof n[0]);
    flash_cut_begin(&work, cut, true, WORDS, seed);
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t old = 0x5A5A0000U + i;
        struct flash_cell cell = solid;
        words[i] = flash_cut_word(&work, i, old, 0, &cell);
        assert_int_equal(cell.kind, cut == FLASH_CUT_BEFORE ? FLASH_CELL_SOLID : FLASH_CELL_SUSPECT);
        assert_true(cut == FLASH_CUT_BEFORE || flash_cell_may_read(&cell, words[i], words[i]));
        n[words[i] == old ? 0 : words[i] == BLANK ? 1 : words[i] == 0 ? 2 : 3]++;
    }
}

static void f6_each_way_to_cut_an_erase_is_its_own(void **state)
{
    (void)state;
    static uint32_t words[FLASH_CUTS][WORDS];
    unsigned n_different = 0;
    for (enum flash_cut cut = FLASH_CUT_BEFORE; cut < FLASH_CUTS; cut++) {
        unsigned n[4];
        bool is_new = true;
        torn_erase(cut, 3, words[cut], n);
        for (unsigned i = 0; i < (unsigned)cut; i++) {
            is_new = is_new && memcmp(words[i], words[cut], sizeof words[cut]) != 0;
        }
        n_different += is_new;
        if (cut == FLASH_CUT_MIXED) {
            assert_true(n[0] > WORDS / 8 && n[1] > WORDS / 8 && n[2] > WORDS / 8 && n[3] > WORDS / 8);
        } else if (cut == FLASH_CUT_ONE_OLD || cut == FLASH_CUT_ONE_ZERO) {
            assert_int_equal(n[1], WORDS - 1);
        } else if (cut == FLASH_CUT_HALF || cut == FLASH_CUT_STRIPES) {
            assert_int_equal(n[0], WORDS / 2);
        } else if (cut == FLASH_CUT_FRONT || cut == FLASH_CUT_BACK || cut == FLASH_CUT_ZERO_FRONT) {
            assert_true(n[0] > 0 && n[0] < WORDS && n[3] == 0);
        }
    }
    /* old and before read alike; so do complete, fades and fades-late */
    assert_int_equal(n_different, FLASH_CUTS - 3);
    for (unsigned i = 0; i < WORDS; i++) {
        assert_int_equal(words[FLASH_CUT_ZEROING][i] & ~(0x5A5A0000U + i),
                         0); /* only the first phase: no new ones */
    }
}

static void f6_blank_words_of_a_cut_erase_may_read_zero_at_the_next_boot(void **state)
{
    (void)state;
    struct flash_cut_work work;
    struct flash_cell cell = blank;
    uint64_t random = flash_seed(3);
    unsigned n_zero = 0, n_blank = 0;
    flash_cut_begin(&work, FLASH_CUT_FLAKY, true, WORDS, 1);
    uint32_t reading = flash_cut_word(&work, 0, BLANK, 0, &cell);
    for (unsigned boot = 0; boot < BOOTS; boot++) {
        reading = flash_cell_boot(&cell, reading, &random);
        n_zero += reading == 0;
        n_blank += reading == BLANK;
    }
    assert_true(n_zero > 0 && n_blank > 0);
}

static void cell_torn_by_an_erase_may_read_as_anything_even_after_a_cut_program(void **state)
{
    (void)state;
    struct flash_cut_work work;
    struct flash_cell cell = solid;
    flash_cut_begin(&work, FLASH_CUT_FLAKY, true, WORDS, 1);
    uint32_t reading = flash_cut_word(&work, 0, VALUE, 0, &cell);
    flash_cut_begin(&work, FLASH_CUT_FLAKY, false, 1, 2);
    reading = flash_cut_word(&work, 0, reading, 0, &cell);
    assert_true(flash_cell_may_read(&cell, reading, 0xDEADBEEF));
}

static void f8_disturbed_cells_are_suspect_and_some_read_otherwise(void **state)
{
    (void)state;
    uint64_t random = flash_seed(3);
    unsigned n_flaky = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        struct flash_cell cell = solid;
        uint32_t reading = flash_cell_disturb(&cell, VALUE, &random);
        assert_int_equal(cell.kind, FLASH_CELL_SUSPECT);
        assert_int_equal(reading & ~VALUE, 0);
        assert_true(cell.is_flaky || reading == VALUE);
        n_flaky += cell.is_flaky;
    }
    assert_in_range(n_flaky, WORDS / 32, WORDS / 8);
}

static void same_seed_is_the_same_cut_and_another_is_not(void **state)
{
    (void)state;
    static uint32_t a[WORDS], b[WORDS], c[WORDS];
    unsigned n[4];
    torn_erase(FLASH_CUT_MIXED, 3, a, n);
    torn_erase(FLASH_CUT_MIXED, 3, b, n);
    torn_erase(FLASH_CUT_MIXED, 4, c, n);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f1_completed_program_on_a_blank_cell_is_solid),
        cmocka_unit_test(f2_cut_program_may_read_old_new_or_between_anew_at_each_boot),
        cmocka_unit_test(cut_cell_keeps_its_reading_unless_it_is_flaky),
        cmocka_unit_test(fading_cell_reads_complete_for_its_boots_and_flickers_then),
        cmocka_unit_test(f3_non_zero_program_over_a_suspect_cell_stays_suspect),
        cmocka_unit_test(f4_zero_over_anything_is_zero_for_ever),
        cmocka_unit_test(f6_each_way_to_cut_an_erase_is_its_own),
        cmocka_unit_test(f6_blank_words_of_a_cut_erase_may_read_zero_at_the_next_boot),
        cmocka_unit_test(cell_torn_by_an_erase_may_read_as_anything_even_after_a_cut_program),
        cmocka_unit_test(f8_disturbed_cells_are_suspect_and_some_read_otherwise),
        cmocka_unit_test(same_seed_is_the_same_cut_and_another_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
