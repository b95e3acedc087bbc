/*
 * C13: a loader in Rust over spidev, at 20 kHz. It polls nowhere: every ACK must stand at a fixed byte of a
 * transfer without gaps, where ST's ROM shows it. Sync is 5A 00 00 79 with 79 in its third byte; a command is
 * 5A op ~op 00 00 79 with 79 in its fifth; a stage is followed by 00 00 79 with 79 in its second. Only after
 * an erase it tries again, once a second while it reads A5, and echoes each time. Asks Get, and reads N + 1
 * bytes after its N. Writes and reads records of 16 bytes, as they stand in hex files. Prints each transfer.
 */
#include <string.h>

#include "client.h"

enum { RECORD = 16, ERASE_TRIES = 20, ERASE_TRY_US = 1000000, PRINT_US = 1000, GET_MAX = 32 };

static const struct habits habits = {.hz = 20000};

static void transfer(struct wires *w, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    wires_transfer(w, mosi, miso, n_bytes);
    wires_wait_us(w, PRINT_US);
}

static bool sync(struct wires *w)
{
    uint8_t miso[4];
    transfer(w, (const uint8_t *)"\x5A\x00\x00\x79", miso, sizeof miso);
    return miso[2] == ACK;
}

static bool command(struct wires *w, uint8_t op)
{
    const uint8_t mosi[6] = {SOF, op, (uint8_t)~op, 0, 0, ACK};
    uint8_t miso[6];
    transfer(w, mosi, miso, sizeof miso);
    return miso[4] == ACK;
}

/* @return what stands where the ACK should */
static uint8_t ack_frame(struct wires *w)
{
    uint8_t miso[3];
    transfer(w, (const uint8_t *)"\x00\x00\x79", miso, sizeof miso);
    return miso[1];
}

static bool stage(struct wires *w, const void *bytes, size_t n_bytes)
{
    transfer(w, bytes, NULL, n_bytes);
    return ack_frame(w) == ACK;
}

static bool get(struct wires *w)
{
    static const uint8_t expected[] = {0x11, 0x00, 0x01, 0x02, 0x11, 0x21,
                                       0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    uint8_t n[2], list[GET_MAX];
    if (!command(w, 0x00)) {
        return false;
    }
    transfer(w, NULL, n, sizeof n);
    if (n[1] + 1U != sizeof expected) {
        return false;
    }
    transfer(w, NULL, list, sizeof expected);
    return ack_frame(w) == ACK && memcmp(list, expected, sizeof expected) == 0;
}

static bool erase(struct wires *w)
{
    if (!command(w, 0x44)) {
        return false;
    }
    transfer(w, (const uint8_t *)"\xFF\xFF\x00", NULL, 3);
    for (unsigned i = 0; i < ERASE_TRIES; i++) {
        uint8_t answer = ack_frame(w);
        if (answer != BUSY) {
            return answer == ACK;
        }
        wires_wait_us(w, ERASE_TRY_US);
    }
    return false;
}

static bool addressed(struct wires *w, uint8_t op, uint32_t addr)
{
    uint8_t address[5];
    put_address(address, addr);
    return command(w, op) && stage(w, address, sizeof address);
}

static bool read_is_same(struct wires *w, uint32_t addr, const uint8_t *data, uint32_t n_bytes)
{
    uint8_t back[1 + RECORD];
    const uint8_t length[2] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)};
    if (!addressed(w, 0x11, addr) || !stage(w, length, sizeof length)) {
        return false;
    }
    transfer(w, NULL, back, 1 + n_bytes);
    return memcmp(back + 1, data, n_bytes) == 0;
}

static enum client_end write_and_verify(struct wires *w, const struct job *job)
{
    for (uint32_t off = 0; off < job->n_bytes; off += RECORD) {
        uint8_t record[RECORD], frame[BLOCK + 2];
        uint32_t n = job->n_bytes - off < RECORD ? job->n_bytes - off : RECORD;
        memset(record, 0xFF, sizeof record); /* what follows the image is blank */
        memcpy(record, job->image + off, n);
        size_t n_frame = put_block(frame, record, sizeof record);
        if (!addressed(w, 0x31, job->base + off) || !stage(w, frame, n_frame)) {
            return gave_up(w, "write");
        }
        if (!read_is_same(w, job->base + off, record, sizeof record)) {
            return gave_up(w, "read");
        }
    }
    return CLIENT_DONE;
}

enum client_end client_c13(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    if (!sync(w)) {
        return gave_up(w, "sync");
    }
    if (!get(w)) {
        return gave_up(w, "get");
    }
    return erase(w) ? write_and_verify(w, job) : gave_up(w, "erase");
}
