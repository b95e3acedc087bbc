/*
 * C2: the sensor hub loader of newer phones. 4.8 MHz, mode 0, every frame in one transfer without gaps, 258
 * bytes too. Resets its chip ten times before it talks. Polls 00 once a millisecond, and the first poll
 * counts; 40 times for commands and data, 14,000 times for an erase. Echoes 79 after ACK and after NACK.
 * Erases everything. The last block may have an odd length. Ends with Go to 08000000.
 */
#include "client.h"

enum { SYNCS = 7, RESETS = 10, LOW_US = 4000, HIGH_US = 15000, FIRST_HIGH_US = 45000, START_US = 30000 };

static const struct habits habits = {.hz = 4800000, .poll_us = 1000, .polls_max = {40, 40, 14000}};
static const struct habits syncing = {.hz = 4800000, .poll_us = 1000, .polls_max = {5, 5, 5}};

static void pulse_nrst(struct wires *w)
{
    for (unsigned i = 0; i < RESETS && w->has_nrst; i++) {
        twin_set_pin(w->twin, TWIN_PIN_NRST, false);
        wires_wait_us(w, LOW_US);
        twin_set_pin(w->twin, TWIN_PIN_NRST, true);
        wires_wait_us(w, i == 0 ? FIRST_HIGH_US : HIGH_US);
    }
    wires_wait_us(w, START_US);
}

static bool sync(struct wires *w)
{
    bool is_synced = false;
    w->habits = &syncing;
    pulse_nrst(w);
    for (unsigned i = 0; i < SYNCS && !is_synced; i++) {
        is_synced = tell_stage(w, "\x5A", 1, WAIT_COMMAND);
    }
    w->habits = &habits;
    return is_synced;
}

enum client_end client_c2(struct wires *w, const struct job *job)
{
    if (!sync(w)) {
        return gave_up(w, "sync");
    }
    if (!tell_id(w)) {
        return gave_up(w, "get id");
    }
    if (!tell_command(w, 0x44) || !tell_stage(w, "\xFF\xFF\x00", 3, WAIT_FLASH)) {
        return gave_up(w, "erase");
    }
    enum client_end end = tell_write_and_verify(w, job);
    if (end != CLIENT_DONE) {
        return end;
    }
    return tell_address(w, 0x21, 0x08000000) ? CLIENT_DONE : gave_up(w, "go");
}
