/*
 * C7: a tool for the Raspberry Pi's spidev. About 2 MHz with gaps of 20 us between bytes. Strict: the first
 * byte of an ACK procedure must be A5; it polls with A5, at most 4,096 times, and takes anything but A5 and a
 * answer for an error; MISO during the echo must be A5 again. Its sync repeats 5A until A5 comes. Its mass
 * erase sends FF FF and the ACK procedure, whose 00 is the checksum, and then a 00 and an ACK procedure that
 * nobody answers.
 *
 * 4,096 polls with their gaps are 100 ms: an erase of real flash outlasts them, with ST's loader too. The
 * story is told in full on a chip that erases faster, and in two runs on a real one: the first ends in its
 * erase, the second finds it done.
 */
#include "client.h"

enum { SYNCS_MAX = 10 };

static const struct habits habits = {.hz = 2000000,
                                     .gap_ns = 20000,
                                     .is_strict = true,
                                     .poll = BUSY,
                                     .poll_us = 20,
                                     .polls_max = {4096, 4096, 4096}};

static bool sync(struct wires *w)
{
    for (unsigned i = 0; i < SYNCS_MAX; i++) {
        if (wires_byte(w, SOF) == BUSY) {
            wires_wait_us(w, 20);
            return tell_ack(w, WAIT_COMMAND) == ACK;
        }
    }
    return false;
}

static bool erase(struct wires *w)
{
    if (!tell_command(w, 0x44) || !tell_stage(w, "\xFF\xFF", 2, WAIT_FLASH)) {
        return false;
    }
    (void)wires_byte(w, 0);
    (void)tell_ack(w, WAIT_STAGE); /* of nothing */
    return true;
}

enum client_end client_c7(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!sync(w)) {
        return gave_up(w, "sync");
    }
    if (!tell_id(w)) {
        return gave_up(w, "get id");
    }
    return erase(w) ? tell_write_and_verify(w, job) : gave_up(w, "erase");
}
