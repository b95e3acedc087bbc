/*
 * C1: the first sensor hub loader, protocol V1.0. 960 kHz, frames sent whole. It polls with the first byte of
 * what it sends next (08 of an address, FF of an erase), and leaves that byte out if the ACK did not come
 * with the first poll. Accepts 79 and F9. Polls 1 ms apart: 30 for a command, 20 for address and data, 7,000
 * for an erase. It never echoes: a V1.1 loader waits for the echo and drops all that comes, while the ACK it
 * still shows is taken by this host for the answer to everything.
 */
#include <string.h>

#include "client.h"

enum { COMMAND_POLLS = 30, STAGE_POLLS = 20, ERASE_POLLS = 7000, ACK_OTHER = 0xF9 };

static const struct habits habits = {.hz = 960000};

/* @param pad  what it polls with; @return polls it took, 0: no ACK */
static unsigned ack(struct wires *w, uint8_t pad, unsigned n_polls)
{
    for (unsigned i = 1; i <= n_polls; i++) {
        uint8_t byte = wires_byte(w, pad);
        if (byte == ACK || byte == ACK_OTHER) {
            return i;
        }
        wires_wait_us(w, 1000);
    }
    return 0;
}

static bool field(struct wires *w, unsigned n_polls, const uint8_t *bytes, size_t n_bytes)
{
    size_t from = n_polls == 1 ? 0 : 1; /* the poll was its first byte */
    wires_transfer(w, bytes + from, NULL, n_bytes - from);
    return n_polls > 0;
}

static bool command(struct wires *w, const char *frame, const uint8_t *next, size_t n_next)
{
    wires_transfer(w, (const uint8_t *)frame, NULL, 3);
    unsigned n_polls = ack(w, next[0], COMMAND_POLLS);
    return n_polls > 0 && field(w, n_polls, next, n_next);
}

static bool write_block(struct wires *w, const struct job *job, uint32_t off)
{
    uint8_t addr[5], frame[BLOCK + 2];
    uint32_t n = job->n_bytes - off < BLOCK ? job->n_bytes - off : BLOCK;
    size_t n_bytes = put_block(frame, job->image + off, n);
    put_address(addr, job->base + off);
    if (!command(w, "\x5A\x31\xCE", addr, sizeof addr)) {
        return false;
    }
    unsigned n_polls = ack(w, frame[0], STAGE_POLLS);
    return n_polls > 0 && field(w, n_polls, frame, n_bytes) && ack(w, SOF, STAGE_POLLS) > 0;
}

enum client_end client_c1(struct wires *w, const struct job *job)
{
    static const uint8_t all[3] = {0xFF, 0xFF, 0x00};
    w->habits = &habits;
    (void)wires_byte(w, SOF);
    if (ack(w, 0, COMMAND_POLLS) == 0) {
        return gave_up(w, "sync");
    }
    if (!command(w, "\x5A\x44\xBB", all, sizeof all) || ack(w, SOF, ERASE_POLLS) == 0) {
        return gave_up(w, "erase");
    }
    for (uint32_t off = 0; off < job->n_bytes; off += BLOCK) {
        if (!write_block(w, job, off)) {
            return gave_up(w, "write");
        }
    }
    return CLIENT_FOOLED; /* it does not read back */
}
