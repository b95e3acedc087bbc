/* Hours of the owner are hours of the clock on the wall, also on the day when it changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "gateway_priv.h"
#include "service/local_time.h"

enum { HOUR_S = 3600, MINUTE_S = 60 };

/* Clocks of Berlin change on 29 March 2026 at 02:00 (01:00 UTC) to 03:00, and on 25 October at 03:00 (01:00 UTC) to 02:00. */
static const uint64_t SPRING_S = 1774742400; /* 2026-03-29T00:00:00Z */
static const uint64_t AUTUMN_S = 1792886400; /* 2026-10-25T00:00:00Z */

static void zone(const char *tz)
{
    assert_int_equal(setenv("TZ", tz, 1), 0);
    tzset();
}

static uint32_t wait_s(uint8_t from_h, uint8_t to_h, uint64_t utc_s)
{
    const struct gateway_window window = {
        .is_set = true, .from_h = from_h, .to_h = to_h, .offset_at = service_utc_offset_s};
    const struct statement_span any = {"now", 3};
    uint32_t out_s = 0;
    enum fota_err err = gateway_when(&window, &any, utc_s, &out_s);
    assert_int_equal(err, out_s ? E_UPDATE_WINDOW : FOTA_OK);
    return out_s;
}

static void the_offset_is_that_of_the_moment(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"};
    for (unsigned i = 0; i < 2; i++) {
        zone(zones[i]);
        assert_int_equal(service_utc_offset_s(SPRING_S + HOUR_S - 1), HOUR_S);
        assert_int_equal(service_utc_offset_s(SPRING_S + HOUR_S), 2 * HOUR_S);
        assert_int_equal(service_utc_offset_s(AUTUMN_S + HOUR_S - 1), 2 * HOUR_S);
        assert_int_equal(service_utc_offset_s(AUTUMN_S + HOUR_S), HOUR_S);
    }
    zone("UTC");
    assert_int_equal(service_utc_offset_s(SPRING_S), 0);
}

/* A service that was started in winter: the same process, the day after. */
static void hours_follow_the_clock_on_the_wall(void **state)
{
    (void)state;
    const uint64_t summer_s = SPRING_S + 24 * HOUR_S;
    const uint64_t winter_s = SPRING_S - 24 * HOUR_S;
    zone("Europe/Berlin");
    assert_int_equal(wait_s(2, 5, winter_s + HOUR_S), 0);               /* 02:00 CET */
    assert_int_equal(wait_s(2, 5, winter_s + 4 * HOUR_S), 21 * HOUR_S); /* 05:00 CET */
    assert_int_equal(wait_s(2, 5, summer_s), 0);                        /* 02:00 CEST */
    assert_int_equal(wait_s(2, 5, summer_s - 1), 1);
    assert_int_equal(wait_s(2, 5, summer_s + 3 * HOUR_S - 1), 0);
    assert_int_equal(wait_s(2, 5, summer_s + 3 * HOUR_S), 21 * HOUR_S); /* 05:00 CEST */
}

static void a_change_of_the_clocks_on_the_way_counts(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    /* Spring: 01:30 CET, and 03:00 comes after half an hour. */
    assert_int_equal(wait_s(3, 5, SPRING_S + 30 * MINUTE_S), 30 * MINUTE_S);
    assert_int_equal(wait_s(3, 5, SPRING_S + HOUR_S), 0);
    /* Autumn: 01:30 CEST; 02:00 comes after half an hour, 03:00 after two and a half. */
    assert_int_equal(wait_s(2, 5, AUTUMN_S - 30 * MINUTE_S), 30 * MINUTE_S);
    assert_int_equal(wait_s(3, 5, AUTUMN_S - 30 * MINUTE_S), 150 * MINUTE_S);
    assert_int_equal(wait_s(3, 5, AUTUMN_S + 2 * HOUR_S), 0);
    /* An hour that this day leaves out never comes; the next day's does, and the wait ends. */
    assert_true(wait_s(2, 3, SPRING_S + HOUR_S - 1) >= 1);
    assert_int_equal(wait_s(2, 3, SPRING_S + 24 * HOUR_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offset_is_that_of_the_moment),
        cmocka_unit_test(hours_follow_the_clock_on_the_wall),
        cmocka_unit_test(a_change_of_the_clocks_on_the_way_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
