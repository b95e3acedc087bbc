/*
 * C5: a host on another STM32, by an employee of the maker. NSS may be tied to ground. Ignores the first
 * poll, then polls for ever. A NACK ends it without an echo. Get ends with a bare 79 that no poll came
 * before. Get Version clocks 5A while it reads, and every receive sends whatever its buffer holds. Lengths
 * are bytes, 256 would be 0, so blocks are smaller. One sector per erase command. Readout protection sends a
 * 00 too many before its 5A.
 */
#include "client.h"

enum { LIST_BYTES = 64 };

static const struct habits habits = {.hz = 1000000,
                                     .is_nss_tied = true,
                                     .skips_first = true,
                                     .max_us = {60000000, 60000000, 60000000}, /* of its "for ever" */
                                     .is_mute_on_nack = true,
                                     .has_garbage = true,
                                     .part_bytes = 128};

static bool get(struct wires *w)
{
    uint8_t n[2], list[LIST_BYTES];
    if (!tell_command(w, 0x00)) {
        return false;
    }
    tell_receive(w, n, 2); /* dummy, N */
    if (n[1] + 1U > LIST_BYTES) {
        return false;
    }
    tell_receive(w, list, n[1] + 1U);
    (void)wires_byte(w, ACK);
    return list[0] == 0x11;
}

static bool version(struct wires *w)
{
    if (!tell_command(w, 0x01)) {
        return false;
    }
    (void)wires_byte(w, 0);
    return wires_byte(w, SOF) == 0x11 && tell_ack(w, WAIT_STAGE) == ACK;
}

enum client_end client_c5(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!tell_stage(w, "\x5A", 1, WAIT_COMMAND)) {
        return gave_up(w, "sync");
    }
    if (!get(w) || !version(w) || !tell_id(w)) {
        return gave_up(w, "get id");
    }
    if (!tell_erase(w, job->first_sector)) {
        return gave_up(w, "erase");
    }
    enum client_end end = tell_write_and_verify(w, job);
    if (end != CLIENT_DONE) {
        return end;
    }
    /* Refused by ours: it stops where it is, without an echo. */
    return tell_stage(w, "\0\x5A\x82\x7D", 4, WAIT_COMMAND) ? gave_up(w, "readout protect") : CLIENT_DONE;
}
