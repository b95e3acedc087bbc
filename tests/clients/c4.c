/*
 * C4: the bootloader handle of a car interface's Python library. 1 MHz; NSS toggles around every transfer and
 * every poll. The 5A of a frame is a transfer of its own. The first poll counts, so an answer that shows too
 * early is taken. A 79 follows always, after a time-out too. The answer on a command must come within 10 ms,
 * others within 1 s, data and erase within 20 s. Erase sends its count 00 00 without a checksum: the first
 * poll is the checksum. Connecting again takes a NACK as well as an ACK; ours gives an ACK, at any time.
 */
#include "client.h"

/* 50 us: what an interpreter needs between two transfers, at the least. */
static const struct habits habits = {.hz = 1000000,
                                     .splits_sof = true,
                                     .poll_us = 50,
                                     .max_us = {10000, 1000000, 20000000},
                                     .echoes_timeout = true};

static bool erase(struct wires *w, uint16_t sector)
{
    const uint8_t code[3] = {0, (uint8_t)sector, (uint8_t)sector};
    return tell_command(w, 0x44) && tell_stage(w, "\0\0", 2, WAIT_STAGE) &&
           tell_stage(w, code, sizeof code, WAIT_FLASH);
}

static bool connect_again(struct wires *w)
{
    (void)wires_byte(w, SOF);
    return tell_ack(w, WAIT_COMMAND) == ACK;
}

enum client_end client_c4(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!tell_stage(w, "\x5A", 1, WAIT_STAGE) || !connect_again(w)) {
        return gave_up(w, "sync");
    }
    if (!tell_id(w)) {
        return gave_up(w, "get id");
    }
    if (!erase(w, job->first_sector)) {
        return gave_up(w, "erase");
    }
    enum client_end end = tell_write_and_verify(w, job);
    return end == CLIENT_DONE && !connect_again(w) ? gave_up(w, "connect again") : end;
}
