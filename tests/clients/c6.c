/*
 * C6: a dive computer that programs its second controller. NSS low for the whole session. Ignores the first
 * poll, then up to 1,000 polls 10 ms apart; echoes 79 after ACK and NACK. Reads one byte too many in Get
 * Version (3) and Get ID (5) and runs the ACK procedure then. 5 ms before an address, 26 ms before the
 * checksum of the data. Erases everything and waits 11 s. A Write command that is not ACKed is skipped and
 * counted as success.
 *
 * Told with 4 s: the answer stands since the third, and nothing changes until somebody asks for it.
 */
#include "client.h"

enum { ERASE_US = 4000000 };

static const struct habits habits = {.hz = 1000000,
                                     .is_nss_tied = true,
                                     .skips_first = true,
                                     .poll_us = 10000,
                                     .polls_max = {1000, 1000, 1000},
                                     .address_us = 5000,
                                     .checksum_us = 26000,
                                     .n_over_read = 1,
                                     .believes_refusal = true};

static bool erase(struct wires *w)
{
    if (!tell_command(w, 0x44)) {
        return false;
    }
    wires_transfer(w, (const uint8_t *)"\xFF\xFF\x00", NULL, 3);
    wires_wait_us(w, ERASE_US);
    return tell_ack(w, WAIT_FLASH) == ACK;
}

enum client_end client_c6(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!tell_stage(w, "\x5A", 1, WAIT_COMMAND)) {
        return gave_up(w, "sync");
    }
    if (!tell_version(w) || !tell_id(w)) {
        return gave_up(w, "get id");
    }
    return erase(w) ? tell_write_and_verify(w, job) : gave_up(w, "erase");
}
