/*
 * C3: a driver offered to the Linux kernel, in the style of V1.0: no echo, 79 and F9 are ACKs. It waits 1 ms
 * between the ACK of an address and the data. Get reads N bytes instead of N + 1 and then wants the ACK. A
 * V1.1 loader waits for the echo in vain: what it reads for Get's list is the ACK that still stands.
 */
#include "client.h"

enum { POLLS = 100, ACK_OTHER = 0xF9 };

static const struct habits habits = {.hz = 1000000};

static bool ack(struct wires *w)
{
    for (unsigned i = 0; i < POLLS; i++) {
        uint8_t byte = wires_byte(w, 0);
        if (byte == ACK || byte == ACK_OTHER) {
            return true;
        }
        wires_wait_us(w, 1000);
    }
    return false;
}

static bool stage(struct wires *w, const void *bytes, size_t n_bytes)
{
    wires_transfer(w, bytes, NULL, n_bytes);
    return ack(w);
}

static bool get(struct wires *w)
{
    uint8_t list[BLOCK];
    if (!stage(w, "\x5A\x00\xFF", 3)) {
        return false;
    }
    (void)wires_byte(w, 0);
    uint8_t n = wires_byte(w, 0);
    wires_transfer(w, NULL, list, n);
    return list[0] == 0x11 && ack(w);
}

enum client_end client_c3(struct wires *w, const struct job *job)
{
    uint8_t addr[5], frame[BLOCK + 2];
    w->habits = &habits;
    if (!stage(w, "\x5A", 1)) {
        return gave_up(w, "sync");
    }
    if (!get(w)) {
        return gave_up(w, "get");
    }
    put_address(addr, job->base);
    bool is_written = stage(w, "\x5A\x31\xCE", 3) && stage(w, addr, sizeof addr);
    wires_wait_us(w, 1000);
    is_written = is_written && stage(w, frame, put_block(frame, job->image, BLOCK));
    return is_written ? CLIENT_FOOLED : gave_up(w, "write");
}
