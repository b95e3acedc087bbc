#include "link_wire.h"

static enum fota_err clock_bytes(struct link_client *c, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    c->stats.bytes += n_bytes;
    return link_io_transfer(c->io, mosi, miso, n_bytes);
}

enum fota_err wire_open(struct link_client *c)
{
    return link_io_select(c->io, true);
}

enum fota_err wire_close(struct link_client *c, enum fota_err err)
{
    enum fota_err close_err = link_io_select(c->io, false);
    return err ? err : close_err;
}

enum fota_err wire_send(struct link_client *c, const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes > 0 ? clock_bytes(c, bytes, NULL, n_bytes) : FOTA_OK;
}

enum fota_err wire_receive(struct link_client *c, uint8_t *bytes, size_t n_bytes)
{
    return clock_bytes(c, NULL, bytes, n_bytes);
}

enum fota_err wire_flush(struct link_client *c, size_t n_bytes)
{
    return clock_bytes(c, NULL, NULL, n_bytes);
}

enum fota_err wire_send_checked(struct link_client *c, const uint8_t *bytes, size_t n_bytes)
{
    uint8_t checksum = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        checksum ^= bytes[i];
    }
    enum fota_err err = wire_send(c, bytes, n_bytes);
    if (err) {
        return err;
    }
    return wire_send(c, &checksum, 1);
}

static uint32_t poll_us(uint32_t n_polls)
{
    if (n_polls < WIRE_FAST_POLLS) {
        return WIRE_FAST_POLL_US;
    }
    return n_polls < WIRE_FAST_POLLS + WIRE_BLOCK_POLLS ? WIRE_BLOCK_POLL_US : WIRE_SLOW_POLL_US;
}

enum fota_err wire_poll(struct link_client *c, uint8_t first, uint8_t second, uint32_t timeout_ms,
                        uint8_t *got)
{
    uint64_t deadline_us = link_io_now_us(c->io) + (uint64_t)timeout_ms * 1000U;
    /* Bounded by count as well: a clock that stands still must not hang the gateway. */
    uint32_t polls = WIRE_FAST_POLLS + WIRE_BLOCK_POLLS + timeout_ms;
    for (uint32_t i = 0; i < polls && link_io_now_us(c->io) <= deadline_us; i++) {
        uint8_t byte = 0;
        enum fota_err err = wire_receive(c, &byte, 1);
        if (err) {
            return err;
        }
        if (byte == first || byte == second) {
            *got = byte;
            return FOTA_OK;
        }
        link_io_delay_us(c->io, poll_us(i));
    }
    c->stats.timeouts++;
    return E_TIMEOUT;
}

enum fota_err wire_ack(struct link_client *c, uint32_t timeout_ms)
{
    /* The byte under this dummy may be a stale ACK: a loader repeats
     * its last byte until it loads a new one. */
    enum fota_err err = wire_flush(c, 1);
    if (err) {
        return err;
    }
    uint8_t answer = 0;
    err = wire_poll(c, LINK_ACK, LINK_NACK, timeout_ms, &answer);
    if (err) {
        return err;
    }
    static const uint8_t echo = LINK_ACK;
    link_io_delay_us(c->io,
                     LINK_ECHO_GAP_US); /* a loader that is late for the last poll must not lose the echo */
    err = wire_send(c, &echo, 1);
    if (err) {
        return err;
    }
    link_io_delay_us(c->io, LINK_ECHO_GAP_US); /* the loader turns from answer to what comes next */
    if (answer == LINK_NACK) {
        c->stats.nacks++;
        return E_LINK_NACK;
    }
    return FOTA_OK;
}

enum fota_err wire_read_phase(struct link_client *c, uint8_t *bytes, size_t n_bytes)
{
    enum fota_err err = wire_flush(c, 1);
    if (err) {
        return err;
    }
    return wire_receive(c, bytes, n_bytes);
}

uint32_t wire_patience_ms(const struct link_client *c, uint32_t timeout_ms)
{
    bool is_quick = c->is_first_try && c->has_vendor && timeout_ms > LINK_CLIENT_QUICK_MAX_MS;
    return is_quick ? LINK_CLIENT_QUICK_MAX_MS : timeout_ms;
}

enum fota_err wire_command(struct link_client *c, uint8_t op, uint32_t timeout_ms)
{
    const uint8_t frame[3] = {LINK_SOF, op, (uint8_t)~op};
    c->stats.commands++;
    c->in_request = false;
    enum fota_err err = wire_send(c, frame, sizeof frame);
    if (err) {
        return err;
    }
    return wire_ack(c, wire_patience_ms(c, timeout_ms));
}

bool wire_is_worth_repeating(enum fota_err err)
{
    return err == E_TIMEOUT || err == E_LINK_NACK || err == E_LINK_REPLY || err == E_LINK_CHECKSUM;
}

bool link_client_is_transport(enum fota_err err)
{
    return err == E_IO || err == E_TIMEOUT || ((unsigned)err >> 8) == ((unsigned)E_LINK_COMMAND >> 8);
}
