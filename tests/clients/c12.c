/*
 * C12: a Python tool for the Raspberry Pi, 1 MHz, each call a transfer of its own. It reads every second byte
 * only: it clocks a 00 that it drops and one that it looks at, and waits 100 ms before the next pair, without
 * an end; from its first sync on. A pattern whose period is even shows it the same place of the pattern for
 * ever. Sync repeats 5A until A5 comes. Echoes 79 after ACK and after NACK. Erases everything, writes and
 * goes; it reads nothing back.
 */
#include "client.h"

enum { PAIRS_MAX = 300, PAIR_US = 100000, SYNCS_MAX = 10 };

static const struct habits habits = {.hz = 1000000};

static uint8_t every_second_byte(struct wires *w)
{
    for (unsigned i = 0; i < PAIRS_MAX; i++) {
        (void)wires_byte(w, 0);
        uint8_t status = wires_byte(w, 0);
        if (status == ACK || status == NACK) {
            (void)wires_byte(w, ACK);
            return status;
        }
        wires_wait_us(w, PAIR_US);
    }
    return 0;
}

static bool stage(struct wires *w, const void *bytes, size_t n_bytes)
{
    wires_transfer(w, bytes, NULL, n_bytes);
    return every_second_byte(w) == ACK;
}

static bool command(struct wires *w, uint8_t op)
{
    const uint8_t frame[3] = {SOF, op, (uint8_t)~op};
    return stage(w, frame, sizeof frame);
}

static bool sync(struct wires *w)
{
    for (unsigned i = 0; i < SYNCS_MAX; i++) {
        if (wires_byte(w, SOF) == BUSY) {
            return every_second_byte(w) == ACK;
        }
        wires_wait_us(w, PAIR_US);
    }
    return false;
}

/* One byte dropped, then the answer. */
static bool identify(struct wires *w)
{
    uint8_t version, id[3];
    if (!command(w, 0x01)) {
        return false;
    }
    (void)wires_byte(w, 0);
    version = wires_byte(w, 0);
    if (every_second_byte(w) != ACK || !command(w, 0x02)) {
        return false;
    }
    (void)wires_byte(w, 0);
    wires_transfer(w, NULL, id, sizeof id);
    return every_second_byte(w) == ACK && version == 0x11 && (id[1] << 8 | id[2]) == CHIP;
}

static bool write_all(struct wires *w, const struct job *job)
{
    for (uint32_t off = 0; off < job->n_bytes; off += BLOCK) {
        uint8_t frame[BLOCK + 2], address[5];
        uint32_t n = job->n_bytes - off < BLOCK ? job->n_bytes - off : BLOCK;
        size_t n_frame = put_block(frame, job->image + off, n);
        put_address(address, job->base + off);
        if (!command(w, 0x31) || !stage(w, address, sizeof address) || !stage(w, frame, n_frame)) {
            return false;
        }
    }
    return true;
}

enum client_end client_c12(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!sync(w)) {
        return gave_up(w, "sync");
    }
    if (!identify(w)) {
        return gave_up(w, "get id");
    }
    if (!command(w, 0x44) || !stage(w, "\xFF\xFF\x00", 3)) {
        return gave_up(w, "erase");
    }
    return write_all(w, job) ? CLIENT_DONE : gave_up(w, "write");
}
