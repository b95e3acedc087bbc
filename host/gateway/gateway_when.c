/* Hours in which a target may restart. Pure. */
#include "gateway_priv.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

/* Seconds until the hours begin; 0 within them. */
static uint32_t wait_of(uint32_t from_h, uint32_t to_h, uint64_t local_s)
{
    uint32_t at = (uint32_t)(local_s % DAY_S);
    uint32_t since = (at + DAY_S - from_h * HOUR_S) % DAY_S; /* since the hours began last */
    uint32_t length = ((to_h + 24U - from_h) % 24U) * HOUR_S;
    return length == 0 || since < length ? 0 : DAY_S - since;
}

static int32_t offset_of(const struct gateway_window *w, uint64_t utc_s)
{
    return w->offset_at ? w->offset_at(utc_s) : w->utc_offset_s;
}

static uint32_t wait_at(const struct gateway_window *w, uint64_t utc_s)
{
    return wait_of(w->from_h, w->to_h, (uint64_t)((int64_t)utc_s + offset_of(w, utc_s)));
}

/* The owner's hours. If the clocks change on the way there, the way is longer or shorter by as much. */
static uint32_t wait_of_owner(const struct gateway_window *w, uint64_t utc_s)
{
    uint32_t wait_s = wait_at(w, utc_s);
    int64_t changed_s =
        (int64_t)wait_s + offset_of(w, utc_s) - (wait_s ? offset_of(w, utc_s + wait_s) : offset_of(w, utc_s));
    bool is_there = changed_s > 0 && wait_at(w, utc_s + (uint64_t)changed_s) == 0;
    return is_there ? (uint32_t)changed_s : wait_s;
}

static uint32_t digits(const char *at)
{
    return (uint32_t)(at[0] - '0') * 10U + (uint32_t)(at[1] - '0');
}

enum fota_err gateway_when(const struct gateway_window *window, const struct statement_span *asked,
                           uint64_t utc_s, uint32_t *wait_s)
{
    static const char shape[] = "window:HH-HH"; /* release_read checked the digits */
    bool is_asked = asked->n_bytes == sizeof shape - 1 && asked->at[0] == shape[0];
    *wait_s = 0;
    if (utc_s == 0) {
        *wait_s = window->is_set || is_asked ? HOUR_S : 0;
    } else {
        uint32_t own_s = window->is_set ? wait_of_owner(window, utc_s) : 0;
        uint32_t asked_s = is_asked ? wait_of(digits(asked->at + 7), digits(asked->at + 10), utc_s) : 0;
        *wait_s = own_s > asked_s ? own_s : asked_s;
    }
    return *wait_s ? E_UPDATE_WINDOW : FOTA_OK;
}
