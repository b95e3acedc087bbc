#include "link_sync.h"

#include "base/bytes.h"
#include "link_wire.h"

enum {
    SYNC_QUIET_US = 20000, /* silence before another try, doubled each time ... */
    SYNC_GENTLE_TRIES = 3,
    SYNC_SILENCE_US = 600000,  /* ... then what docs/spec/link.md section 2 asks for */
    REPLY_FLUSH_BYTES = 100,   /* longer than any vendor reply */
    REQUEST_FLUSH_BYTES = 4200 /* longer than any vendor request */
};

enum fota_err sync_set_clock(struct link_client *c)
{
    if (c->has_vendor) {
        return link_io_set_clock(c->io, c->config.clock_hz, 0);
    }
    return link_io_set_clock(c->io, c->is_rom_fast ? c->config.rom_clock_hz : c->config.safe_clock_hz,
                             c->config.safe_gap_us);
}

enum fota_err sync_get_id_once(struct link_client *c, void *arg)
{
    uint8_t reply[3];
    enum fota_err err = wire_command(c, LINK_OP_GET_ID, LINK_CLIENT_COMMAND_MAX_MS);
    if (!err) {
        err = wire_read_phase(c, reply, sizeof reply);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (err) {
        return err;
    }
    if (reply[0] != 1 || reply[1] >= 0x10) { /* N = 1, and an ID of 12 bits: a stale 79 or A5 is neither */
        c->stats.damaged++;
        return E_LINK_REPLY;
    }
    *(uint16_t *)arg = bytes_load_be16(reply + 1);
    return FOTA_OK;
}

/*
 * 5A; the ACK procedure; Get ID. A loader that is in step already takes `5A 00 00` for a bad command and says
 * NACK, which is as good.
 */
static enum fota_err sync_once(struct link_client *c)
{
    static const uint8_t sync = LINK_SOF;
    enum fota_err err = wire_send(c, &sync, 1);
    if (err) {
        return err;
    }
    err = wire_ack(c, wire_patience_ms(c, c->sync_max_ms));
    if (err && err != E_LINK_NACK) {
        return err;
    }
    uint16_t chip_id = 0;
    err = sync_get_id_once(c, &chip_id);
    if (err) {
        return err;
    }
    return chip_id == LINK_CHIP_ID ? FOTA_OK : E_LINK_CHIP;
}

/*
 * Bring a loader that is anywhere back to idle: give a half-read reply its clocks, a half-sent request its
 * bytes (it will fail its CRC), close a hanging ACK procedure, and be silent for a while.
 */
static enum fota_err unwind(struct link_client *c, uint8_t attempt)
{
    static const uint8_t echo = LINK_ACK;
    enum fota_err err = wire_flush(c, attempt < 2 ? REPLY_FLUSH_BYTES : REQUEST_FLUSH_BYTES);
    if (!err) {
        err = wire_send(c, &echo, 1);
    }
    /* The last two tries: longer than the loader's LINK_SILENCE_MS, so that it counts bits anew. */
    link_io_delay_us(c->io,
                     attempt < SYNC_GENTLE_TRIES ? (uint32_t)SYNC_QUIET_US << attempt : SYNC_SILENCE_US);
    return err;
}

enum fota_err link_client_sync(struct link_client *c)
{
    enum fota_err last = E_LINK_NO_LOADER;
    enum fota_err err = sync_set_clock(c);
    for (uint8_t i = 0; !err && i < c->config.sync_attempts; i++) {
        c->stats.syncs++;
        if (i > 0 && c->is_rom_fast) {
            c->is_rom_fast = false; /* these wires do not carry it */
            err = sync_set_clock(c);
        }
        if (!err) {
            err = wire_open(c);
        }
        if (!err && i > 0) {
            err = unwind(c, i);
        }
        if (err) {
            return wire_close(c, err);
        }
        c->is_first_try = i < SYNC_GENTLE_TRIES; /* who does not hear well is not waited for */
        enum fota_err sync_err = sync_once(c);
        c->is_first_try = false;
        err = wire_close(c, FOTA_OK);
        if (!sync_err && !err) {
            return FOTA_OK;
        }
        if (sync_err == E_IO) {
            return E_IO;
        }
        last = sync_err == E_LINK_CHIP ? E_LINK_CHIP : E_LINK_NO_LOADER;
    }
    return err ? err : last;
}

enum fota_err sync_get_id(struct link_client *c, uint16_t *chip_id)
{
    enum fota_err err = wire_open(c);
    if (!err) {
        err = sync_get_id_once(c, chip_id);
    }
    return wire_close(c, err);
}

enum fota_err sync_repeat(struct link_client *c, enum fota_err (*once)(struct link_client *c, void *arg),
                          void *arg)
{
    enum fota_err err = E_LINK_NO_LOADER;
    for (uint8_t i = 0; i < c->config.attempts; i++) {
        if (i > 0) {
            c->stats.repeats++;
            enum fota_err sync_err = link_client_sync(c);
            if (sync_err) {
                return sync_err;
            }
        }
        err = wire_open(c);
        c->is_first_try = i == 0;
        if (!err) {
            err = once(c, arg);
        }
        c->is_first_try = false;
        err = wire_close(c, err);
        if (!wire_is_worth_repeating(err)) {
            return err;
        }
    }
    return err;
}
