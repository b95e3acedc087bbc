/* A figure that misses its bar by the least is noticed, whichever it is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bars.h"

static void each_bar_is_kept_at_its_edges_and_broken_beyond_them(void **state)
{
    (void)state;
    for (const struct bar *bar = BARS; bar->name; bar++) {
        assert_true(bar_is_kept(bar->name, bar->min, 1));
        assert_true(bar_is_kept(bar->name, bar->max, 1));
        assert_false(bar_is_kept(bar->name, bar->min - 0.001, 1));
        assert_false(bar_is_kept(bar->name, bar->max + 0.001, 1));
        assert_false(bar_is_kept(bar->name, NAN, 1));
    }
}

static void a_shorter_soak_is_asked_for_fewer_and_for_no_worse(void **state)
{
    (void)state;
    assert_true(bar_is_kept("kill_ok", 24, 0.06));
    assert_false(bar_is_kept("kill_ok", 23, 0.06));
    assert_false(bar_is_kept("refetched_bytes_max", 4097, 0.06));
}

static void a_figure_that_was_not_taken_is_missed(void **state)
{
    (void)state;
    const char *names[BARS_MAX];
    size_t n = 0;
    while (BARS[n].name) {
        names[n] = BARS[n].name;
        n++;
    }
    assert_int_equal(bars_missing(names, n), 0);
    assert_int_equal(bars_missing(names + 1, n - 1), 1);
    assert_int_equal(bars_missing(names, n - 1), 1);
}

/* The promises themselves, once more: whoever moves one says so here as well. */
static void the_bars_are_the_promised_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double min, max;
    } promised[] = {{"updates_ok", 1000, 0},          {"kill_ok", 400, 0},
                    {"refetched_bytes_max", 0, 4096}, {"bytes_ratio_clean", 0, 1.02},
                    {"bytes_ratio_5xx", 0, 1.1},      {"bytes_ratio_cut3000", 0, 1.1},
                    {"bytes_ratio_cut4096", 0, 1.1},  {"longest_request_s", 0, 120},
                    {"quiet_poll_requests", 0, 1},    {"twin_updates_ok", 50, 0}};
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        const struct bar *bar = bar_find(promised[i].name);
        assert_non_null(bar);
        assert_true(promised[i].min == 0 || bar->min >= promised[i].min);
        assert_true(promised[i].max == 0 || bar->max <= promised[i].max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bar_is_kept_at_its_edges_and_broken_beyond_them),
        cmocka_unit_test(a_shorter_soak_is_asked_for_fewer_and_for_no_worse),
        cmocka_unit_test(a_figure_that_was_not_taken_is_missed),
        cmocka_unit_test(the_bars_are_the_promised_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
