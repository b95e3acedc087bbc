/**
 * Calendar dates (proleptic Gregorian, UTC, no leap seconds) for the times in statements.
 */
#ifndef FORMAT_STATEMENT_TIME_H
#define FORMAT_STATEMENT_TIME_H

#include <stdint.h>

struct statement_date {
    uint32_t year;   /* 1970..9999 */
    uint32_t month;  /* 1..12 */
    uint32_t day;    /* 1..31 */
    uint32_t second; /* of the day, 0..86399 */
};

/** Last second of the year 9999. */
#define STATEMENT_TIME_MAX_S UINT64_C(253402300799)

/** Days since 1970-01-01 of a date whose year is 1970..9999 and month 1..12. */
uint32_t statement_days_of(const struct statement_date *date);

/** Date of a time in seconds since 1970; times beyond STATEMENT_TIME_MAX_S count as that. */
struct statement_date statement_date_of(uint64_t time_s);

/** Days in a month of a year. */
uint32_t statement_month_days(uint32_t year, uint32_t month);

#endif
