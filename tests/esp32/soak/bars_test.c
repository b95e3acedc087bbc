/* A figure of the ESP32's soak that misses its bar by the least is noticed, and the bars are the promised ones. */
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
    }
}

/* Once more: whoever moves one says so here as well. */
static void the_bars_are_the_promised_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double min, max;
    } promised[] = {{"esp32_updates_ok", 1400, 0},          {"esp32_end_ok", 400, 0},
                    {"esp32_bytes_ratio_clean", 0, 1.02},   {"esp32_bytes_ratio_5xx", 0, 1.1},
                    {"esp32_bytes_ratio_cut3000", 0, 1.1},  {"esp32_bytes_ratio_wifi4096", 0, 1.1},
                    {"esp32_refetched_bytes_max", 0, 4096}, {"esp32_384k_s", 0, 5.03},
                    {"esp32_static_ram_bytes", 0, 24576},   {"esp32_stack_bytes", 0, 8192}};
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
        cmocka_unit_test(the_bars_are_the_promised_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
