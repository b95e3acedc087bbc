#include "statement_time.h"

#include <stdbool.h>

enum { SECONDS_A_DAY = 86400 };

/* The Gregorian rule: every fourth year, but of the full centuries only every fourth. */
static bool is_leap(uint32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

uint32_t statement_month_days(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`. 365 for each year, and one more for each leap
 * year between: the number of leap years up to a year is y/4 - y/100 + y/400, and those before 1970 are
 * taken off. */
static uint32_t days_before_year(uint32_t year)
{
    const uint32_t y = year - 1;
    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* The caller has checked month and day: only dates that exist come here. */
uint32_t statement_days_of(const struct statement_date *date)
{
    uint32_t days = days_before_year(date->year) + date->day - 1;
    for (uint32_t month = 1; month < date->month; month++) {
        days += statement_month_days(date->year, month);
    }
    return days;
}

struct statement_date statement_date_of(uint64_t time_s)
{
    /* A time after the last date that can be written becomes that date. So no clock, however wrong, makes
     * a text that no reader takes. */
    const uint64_t bounded = time_s > STATEMENT_TIME_MAX_S ? STATEMENT_TIME_MAX_S : time_s;
    uint32_t days = (uint32_t)(bounded / SECONDS_A_DAY);
    struct statement_date d = {1970 + days / 366, 1, 1, (uint32_t)(bounded % SECONDS_A_DAY)};
    while (days_before_year(d.year + 1) <= days) { /* the estimate is at most 6 years low */
        d.year++;
    }
    days -= days_before_year(d.year);
    while (days >= statement_month_days(d.year, d.month)) {
        days -= statement_month_days(d.year, d.month);
        d.month++;
    }
    d.day = days + 1;
    return d;
}
