/*
 * C8: a script for the Raspberry Pi, 500 kHz with 50 us gaps. It needs A5 while it sends 5A, and 79 in the
 * third byte of a command frame, before any loader can have judged it; and it returns before it sends the
 * echo. No loader serves it.
 */
#include "client.h"

enum { POLLS = 1000 };

static const struct habits habits = {.hz = 500000, .gap_ns = 50000};

static bool sync(struct wires *w)
{
    if (wires_byte(w, SOF) != BUSY) {
        return false;
    }
    for (unsigned i = 0; i < POLLS; i++) {
        if (wires_byte(w, 0) == ACK) {
            return true; /* the echo would stand after this line */
        }
    }
    return false;
}

enum client_end client_c8(struct wires *w, const struct job *job)
{
    uint8_t answer[3];
    (void)job;
    w->habits = &habits;
    if (!sync(w)) {
        return gave_up(w, "sync");
    }
    wires_transfer(w, (const uint8_t *)"\x5A\x02\xFD", answer, sizeof answer);
    return answer[2] == ACK ? CLIENT_FOOLED : gave_up(w, "get id");
}
