/*
 * C15: a tool for the Raspberry Pi, kin of C7 and stricter: 1 MHz, gaps of 20 us. Besides what C7 insists on,
 * the byte after each echo must be A5, whatever is sent with it, and so must the dummy before data: an ACK
 * that stands a moment too long is an error. Erases one sector per command and is patient.
 */
#include <string.h>

#include "client.h"

static const struct habits habits = {
    .hz = 1000000, .gap_ns = 20000, .is_strict = true, .poll_us = 20, .max_us = {1000000, 1000000, 20000000}};

/* A transfer that follows an echo. @return false if its first byte is not A5 */
static bool after_echo(struct wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    uint8_t first[BLOCK + 2];
    wires_transfer(w, mosi, first, n_bytes);
    if (miso) {
        memcpy(miso, first, n_bytes);
    }
    return first[0] == BUSY;
}

static bool stage(struct wires *w, const uint8_t *bytes, size_t n_bytes)
{
    return after_echo(w, bytes, NULL, n_bytes) && tell_ack(w, WAIT_FLASH) == ACK;
}

static bool command(struct wires *w, uint8_t op)
{
    const uint8_t frame[3] = {SOF, op, (uint8_t)~op};
    return stage(w, frame, sizeof frame);
}

static bool identify(struct wires *w)
{
    uint8_t id[4];
    return command(w, 0x02) && after_echo(w, NULL, id, sizeof id) && tell_ack(w, WAIT_STAGE) == ACK &&
           (id[2] << 8 | id[3]) == CHIP;
}

static bool erase(struct wires *w, uint16_t sector)
{
    const uint8_t code[3] = {0, (uint8_t)sector, (uint8_t)sector};
    return command(w, 0x44) && stage(w, (const uint8_t *)"\0\0\0", 3) && stage(w, code, sizeof code);
}

static bool addressed(struct wires *w, uint8_t op, uint32_t addr)
{
    uint8_t address[5];
    put_address(address, addr);
    return command(w, op) && stage(w, address, sizeof address);
}

static enum client_end write_and_verify(struct wires *w, const struct job *job)
{
    for (uint32_t off = 0; off < job->n_bytes; off += BLOCK) {
        uint8_t frame[BLOCK + 2], back[1 + BLOCK];
        uint32_t n = job->n_bytes - off < BLOCK ? job->n_bytes - off : BLOCK;
        const uint8_t length[2] = {(uint8_t)(n - 1), (uint8_t) ~(n - 1)};
        size_t n_frame = put_block(frame, job->image + off, n);
        if (!addressed(w, 0x31, job->base + off) || !stage(w, frame, n_frame)) {
            return gave_up(w, "write");
        }
        if (!addressed(w, 0x11, job->base + off) || !stage(w, length, sizeof length) ||
            !after_echo(w, NULL, back, 1 + n) || memcmp(back + 1, job->image + off, n) != 0) {
            return gave_up(w, "read");
        }
    }
    return CLIENT_DONE;
}

enum client_end client_c15(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (wires_byte(w, SOF) != BUSY || tell_ack(w, WAIT_COMMAND) != ACK) {
        return gave_up(w, "sync");
    }
    if (!identify(w)) {
        return gave_up(w, "get id");
    }
    for (uint16_t i = 0; i < job->n_sectors; i++) {
        if (!erase(w, (uint16_t)(job->first_sector + i))) {
            return gave_up(w, "erase");
        }
    }
    return write_and_verify(w, job);
}
