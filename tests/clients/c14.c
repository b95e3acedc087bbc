/*
 * C14: a microcontroller that programs another, 375 kHz, NSS low from its start to its end. Its sync is 5A 00
 * in one transfer, and the next byte must be 79: it looks once. After every stage it clocks one 00 and looks
 * at one byte, once. Takes Get's answer flat, 14 bytes with the dummy, as ST's ROM of V1.1 gives it. Lists
 * the sectors that it erases, with N in the checksum of the list. Writes 128 bytes, 2 ms after the address,
 * one byte too many, and polls 2 ms later.
 *
 * It waits 2 s for an erase and looks once: on a real flash one sector at its typical speed, not three.
 */
#include <string.h>

#include "client.h"

enum { PART = 128, DELAY_US = 2000, ERASE_US = 2000000, SECTORS_MAX = 3, FLAT_GET = 14 };

static const struct habits habits = {.hz = 375000, .is_nss_tied = true};

static bool looks_once(struct wires *w)
{
    (void)wires_byte(w, 0);
    if (wires_byte(w, 0) != ACK) {
        return false;
    }
    (void)wires_byte(w, ACK);
    return true;
}

static bool stage(struct wires *w, const void *bytes, size_t n_bytes)
{
    wires_transfer(w, bytes, NULL, n_bytes);
    return looks_once(w);
}

static bool command(struct wires *w, uint8_t op)
{
    const uint8_t frame[3] = {SOF, op, (uint8_t)~op};
    return stage(w, frame, sizeof frame);
}

static bool start(struct wires *w)
{
    wires_transfer(w, (const uint8_t *)"\x5A", NULL, 2);
    if (wires_byte(w, 0) != ACK) {
        return false;
    }
    (void)wires_byte(w, ACK);
    return true;
}

static bool get_flat(struct wires *w)
{
    static const uint8_t expected[FLAT_GET - 1] = {0x0B, 0x11, 0x00, 0x01, 0x02, 0x11, 0x21,
                                                   0x31, 0x44, 0x63, 0x73, 0x82, 0x92};
    uint8_t flat[FLAT_GET];
    if (!command(w, 0x00)) {
        return false;
    }
    wires_transfer(w, NULL, flat, sizeof flat);
    return looks_once(w) && memcmp(flat + 1, expected, sizeof expected) == 0;
}

static bool erase(struct wires *w, const struct job *job)
{
    uint8_t last = (uint8_t)(job->n_sectors - 1);
    const uint8_t count[3] = {0, last, last};
    uint8_t list[2 * SECTORS_MAX + 1] = {0}, sum = last;
    for (unsigned i = 0; i < job->n_sectors; i++) {
        list[2 * i + 1] = (uint8_t)(job->first_sector + i);
        sum ^= list[2 * i + 1];
    }
    list[2 * job->n_sectors] = sum;
    if (!command(w, 0x44) || !stage(w, count, sizeof count)) {
        return false;
    }
    wires_transfer(w, list, NULL, 2U * job->n_sectors + 1U);
    wires_wait_us(w, ERASE_US);
    return looks_once(w);
}

static bool write_part(struct wires *w, uint32_t addr, const uint8_t *data, uint32_t n_bytes)
{
    uint8_t address[5], frame[BLOCK + 2];
    size_t n_frame = put_block(frame, data, n_bytes);
    put_address(address, addr);
    if (!command(w, 0x31) || !stage(w, address, sizeof address)) {
        return false;
    }
    wires_wait_us(w, DELAY_US);
    wires_transfer(w, frame, NULL, n_frame);
    wires_transfer(w, frame, NULL, 1);
    wires_wait_us(w, DELAY_US);
    return looks_once(w);
}

static bool read_is_same(struct wires *w, uint32_t addr, const uint8_t *data, uint32_t n_bytes)
{
    uint8_t address[5], back[PART];
    const uint8_t length[2] = {(uint8_t)(n_bytes - 1), (uint8_t) ~(n_bytes - 1)};
    put_address(address, addr);
    if (!command(w, 0x11) || !stage(w, address, sizeof address) || !stage(w, length, sizeof length)) {
        return false;
    }
    wires_transfer(w, length, NULL, 1); /* the dummy */
    wires_transfer(w, NULL, back, n_bytes);
    return memcmp(back, data, n_bytes) == 0;
}

enum client_end client_c14(struct wires *w, const struct job *job)
{
    w->habits = &habits;
    twin_set_pin(w->twin, TWIN_PIN_NSS, false);
    if (!start(w)) {
        return gave_up(w, "sync");
    }
    if (!get_flat(w)) {
        return gave_up(w, "get");
    }
    if (!erase(w, job)) {
        return gave_up(w, "erase");
    }
    for (uint32_t off = 0; off < job->n_bytes; off += PART) {
        uint32_t n = job->n_bytes - off < PART ? job->n_bytes - off : PART;
        if (!write_part(w, job->base + off, job->image + off, n)) {
            return gave_up(w, "write");
        }
        if (!read_is_same(w, job->base + off, job->image + off, n)) {
            return gave_up(w, "read");
        }
    }
    return CLIENT_DONE;
}
