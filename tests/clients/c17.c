/*
 * C17: a class for a small board that speaks Python. 500 kHz, NSS toggles around every call. Skips the first
 * byte of an ACK procedure, then polls 24 times, 1 ms apart, whatever it waits for; echoes ACK and NACK.
 * Erases everything. 24 ms are shorter than an erase of real flash, with ST's loader too: like C7 it is told
 * in full on a chip that erases faster, and in two runs on a real one.
 */
#include "client.h"

enum { POLLS = 24 };

static const struct habits habits = {
    .hz = 500000, .skips_first = true, .poll_us = 1000, .polls_max = {POLLS, POLLS, POLLS}};

enum client_end client_c17(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!tell_stage(w, "\x5A", 1, WAIT_COMMAND)) {
        return gave_up(w, "sync");
    }
    if (!tell_version(w) || !tell_id(w)) {
        return gave_up(w, "get id");
    }
    if (!tell_command(w, 0x44) || !tell_stage(w, "\xFF\xFF\x00", 3, WAIT_FLASH)) {
        return gave_up(w, "erase");
    }
    return tell_write_and_verify(w, job);
}
