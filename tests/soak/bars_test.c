/* A figure that misses its bar by the least is noticed, whichever it is. With the bars and promises of one soak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "promised.h"

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
    const double share = 0.06;
    unsigned n_counts = 0, n_others = 0;
    for (const struct bar *bar = BARS; bar->name; bar++) {
        if (bar->is_count && bar->min > 0) {
            const double fewest = ceil(bar->min * share);
            assert_true(bar_is_kept(bar->name, fewest, share));
            assert_false(bar_is_kept(bar->name, fewest - 1, share));
            n_counts++;
        } else if (!bar->is_count) {
            assert_true(bar_is_kept(bar->name, bar->max, share));
            assert_false(bar_is_kept(bar->name, bar->max + 0.001, share));
            n_others++;
        }
    }
    assert_true(n_counts > 0 && n_others > 0);
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

static void the_bars_are_the_promised_ones(void **state)
{
    (void)state;
    assert_non_null(PROMISED[0].name);
    for (const struct promise *p = PROMISED; p->name; p++) {
        const struct bar *bar = bar_find(p->name);
        assert_non_null(bar);
        assert_true(p->min == 0 || bar->min >= p->min);
        assert_true(p->max == 0 || bar->max <= p->max);
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
