/* A replay id that is printed is read back as the same cuts; whatever is none is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pc_id.h"

static void every_outcome_comes_back_as_it_was_printed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FLASH_CUTS; i++) {
        struct pc_id id = {.scenario = "lost-j0", .n_cuts = PC_CUTS_MAX};
        for (uint32_t k = 0; k < PC_CUTS_MAX; k++) {
            id.cut[k] =
                (struct pc_cut){.op = 1 + 715827882U * k, .outcome = (enum flash_cut)((i + k) % FLASH_CUTS)};
            id.cut[k].is_second_draw = id.cut[k].outcome == FLASH_CUT_FLAKY && k % 2 != 0;
        }
        char text[PC_ID_BYTES];
        char why[PC_WHY_BYTES] = "";
        struct pc_id back = {.n_cuts = 0};
        pc_id_print(&id, text);
        assert_true(pc_id_parse(text, &back, why));
        assert_string_equal(back.scenario, id.scenario);
        assert_int_equal(back.n_cuts, id.n_cuts);
        for (uint32_t k = 0; k < PC_CUTS_MAX; k++) {
            assert_int_equal(back.cut[k].op, id.cut[k].op);
            assert_int_equal(back.cut[k].outcome, id.cut[k].outcome);
            assert_int_equal(back.cut[k].is_second_draw, id.cut[k].is_second_draw);
        }
    }
}

static void operation_that_fails_or_upsets_its_sector_comes_back_as_it_was_printed(void **state)
{
    static const char *const TEXTS[] = {"pc/update/3/dip",           "pc/update/3/dip-long",
                                        "pc/update/3/worn-cell",     "pc/update/3/worn-sector+4/flaky2",
                                        "pc/update/3/garbage-upset", "pc/update/3/flaky2-upset+9/worn-cell"};
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct pc_id id;
        char why[PC_WHY_BYTES] = "";
        char text[PC_ID_BYTES];
        assert_true(pc_id_parse(TEXTS[i], &id, why));
        pc_id_print(&id, text);
        assert_string_equal(text, TEXTS[i]);
    }
}

static void what_is_no_id_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } BAD[] = {
        {"", "begin with pc/"},
        {"elf/update/1/before", "begin with pc/"},
        {"pc/", "a scenario"},
        {"pc/update", "a scenario"},
        {"pc//1/before", "a scenario"},
        {"pc/a-name-that-is-much-longer-than-any/1/before", "a scenario"},
        {"pc/update/", "number of an operation"},
        {"pc/update/1", "number of an operation"},
        {"pc/update/x/before", "number of an operation"},
        {"pc/update/-1/before", "number of an operation"},
        {"pc/update/+1/before", "number of an operation"},
        {"pc/update/ 1/before", "number of an operation"},
        {"pc/update/1x/before", "number of an operation"},
        {"pc/update/0/before", "counted from 1"},
        {"pc/update/4294967296/before", "counted from 1"},
        {"pc/update/1/", "no outcome; there are before, old,"},
        {"pc/update/1/befor", "'befor' is no outcome"},
        {"pc/update/1/before2", "'before2' is no outcome"},
        {"pc/update/1/flaky3", "'flaky3' is no outcome"},
        {"pc/update/1/before ", "'before ' is no outcome"},
        {"pc/update/1/before/2", "no outcome"},
        {"pc/update/1/before+", "number of an operation"},
        {"pc/update/1/before+2", "number of an operation"},
        {"pc/update/1/before+2/none", "'none' is no outcome"},
        {"pc/u/1/old+1/old+1/old+1/old+1/old+1/old+1/old", "more than 6 cuts"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        char why[PC_WHY_BYTES] = "";
        struct pc_id id = {.n_cuts = 77};
        assert_false(pc_id_parse(BAD[i].text, &id, why));
        assert_int_equal(id.n_cuts, 77);
        if (!strstr(why, BAD[i].reason)) {
            fail_msg("%s: '%s' does not say '%s'", BAD[i].text, why, BAD[i].reason);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_comes_back_as_it_was_printed),
        cmocka_unit_test(operation_that_fails_or_upsets_its_sector_comes_back_as_it_was_printed),
        cmocka_unit_test(what_is_no_id_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
