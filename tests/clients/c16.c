/*
 * C16: a sensor hub driver of phones, 1 MHz. Each of its tasks begins with a sync, without a reset in
 * between: it wants an ACK each time and gives up on NACK. Polls at most 100,000 times, the first counts,
 * echoes ACK and NACK. One task erases the shared sectors, one per command; the next reads what is there,
 * compares, writes what is blank, and reads again.
 */
#include <string.h>

#include "client.h"

enum { POLLS = 100000 };

static const struct habits habits = {
    .hz = 1000000, .poll_us = 20, .polls_max = {POLLS, POLLS, POLLS}, .max_us = {0, 0, 8000000}};

static bool begin_task(struct wires *w)
{
    return tell_stage(w, "\x5A", 1, WAIT_COMMAND);
}

/* @return false: NACK, or not what is in flash */
static bool is_blank(struct wires *w, uint32_t addr, uint32_t n_bytes)
{
    uint8_t back[1 + BLOCK];
    const uint8_t length[2] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)};
    if (!tell_address(w, 0x11, addr) || !tell_stage(w, length, sizeof length, WAIT_STAGE)) {
        return false;
    }
    tell_receive(w, back, 1 + n_bytes);
    for (uint32_t i = 0; i < n_bytes; i++) {
        if (back[1 + i] != 0xFF) {
            return false;
        }
    }
    return true;
}

enum client_end client_c16(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!begin_task(w)) {
        return gave_up(w, "sync");
    }
    for (uint16_t i = 0; i < job->n_sectors; i++) {
        if (!tell_erase(w, (uint16_t)(job->first_sector + i))) {
            return gave_up(w, "erase");
        }
    }
    if (!begin_task(w)) {
        return gave_up(w, "second sync");
    }
    for (uint32_t off = 0; off < job->n_bytes; off += BLOCK) {
        uint32_t n = job->n_bytes - off < BLOCK ? job->n_bytes - off : BLOCK;
        if (!is_blank(w, job->base + off, n)) {
            return gave_up(w, "read");
        }
    }
    enum client_end end = tell_write_and_verify(w, job);
    if (end == CLIENT_DONE && !begin_task(w)) {
        return gave_up(w, "third sync");
    }
    return end;
}
