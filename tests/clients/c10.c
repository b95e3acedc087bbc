/*
 * C10: an unfinished programmer sketch, 4 MHz. It clocks a dummy and polls exactly once: the second byte must
 * be 79. Its NACK is 15, which no loader sends. A loader that takes longer than 2 us for an answer is none
 * for it.
 */
#include "client.h"

static const struct habits habits = {.hz = 4000000};

static bool ack(struct wires *w)
{
    uint8_t reply[2];
    wires_transfer(w, NULL, reply, sizeof reply);
    if (reply[1] != ACK) {
        return false;
    }
    (void)wires_byte(w, ACK);
    return true;
}

enum client_end client_c10(struct wires *w, const struct job *job)
{
    (void)job;
    w->habits = &habits;
    (void)wires_byte(w, SOF);
    if (!ack(w)) {
        return gave_up(w, "sync");
    }
    wires_transfer(w, (const uint8_t *)"\x5A\x02\xFD", NULL, 3);
    return ack(w) ? CLIENT_FOOLED : gave_up(w, "get id");
}
