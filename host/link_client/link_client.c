#include "link_client/link_client.h"

#include "base/bytes.h"
#include "link_sync.h"
#include "link_vendor.h"
#include "link_wire.h"

enum {
    BOOT0_SETUP_US = 1000, /* BOOT0 stands before NRST is released */
    NRST_LOW_US = 2000,    /* DS8626: 300 ns are recognised; a capacitor on NRST needs more */
    BOOT0_HOLD_US = 10000, /* sampled at the 4th clock after release (RM0090 2.4) */
    ROM_START_US = 150000, /* AN2606, V9.1: 74 ms, 96 ms with a missing crystal */
    GET_MAX_BYTES = 64
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

void link_client_init(struct link_client *c, struct link_io *io, const struct link_client_config *config)
{
    static const struct link_client_config none = {0};
    const struct link_client_config *from = config ? config : &none;
    *c = (struct link_client){.io = io, .board = from->board ? from->board : &BOARD_OWN};
    c->config.clock_hz = or_default(from->clock_hz, 8000000);
    c->config.safe_clock_hz = or_default(from->safe_clock_hz, 1000000);
    c->config.safe_gap_us = or_default(from->safe_gap_us, 15);
    c->config.rom_clock_hz = or_default(from->rom_clock_hz, 4000000);
    c->config.attempts = (uint8_t)or_default(from->attempts, 8);
    c->config.sync_attempts = (uint8_t)or_default(from->sync_attempts, 5);
    c->sync_max_ms = LINK_CLIENT_SYNC_MAX_MS;
}

/* --- pins -------------------------------------------------------------------------------------------- */

static enum fota_err pulse_nrst(struct link_client *c)
{
    enum fota_err err = link_io_set_nrst(c->io, true);
    if (err) {
        return err;
    }
    link_io_delay_us(c->io, NRST_LOW_US);
    return link_io_set_nrst(c->io, false);
}

enum fota_err link_client_reset(struct link_client *c, enum link_boot boot)
{
    c->has_vendor = false;
    c->is_rom = false;
    c->is_rom_fast = false;
    enum fota_err err = link_io_select(c->io, false);
    if (!err) {
        err = link_io_set_boot0(c->io, boot == LINK_BOOT_ROM);
    }
    if (err) {
        return err;
    }
    link_io_delay_us(c->io, BOOT0_SETUP_US);
    err = pulse_nrst(c);
    if (err) {
        return err;
    }
    link_io_delay_us(c->io, BOOT0_HOLD_US);
    if (boot == LINK_BOOT_ROM) {
        link_io_delay_us(c->io, ROM_START_US);
    }
    return link_io_set_boot0(c->io, false);
}

/* --- commands that read ------------------------------------------------------------------------------ */

enum fota_err link_client_get_id(struct link_client *c, uint16_t *chip_id)
{
    return sync_repeat(c, sync_get_id_once, chip_id);
}

static enum fota_err get_version_once(struct link_client *c, void *arg)
{
    uint8_t version = 0;
    enum fota_err err = wire_command(c, LINK_OP_GET_VERSION, LINK_CLIENT_COMMAND_MAX_MS);
    if (!err) {
        err = wire_read_phase(c, &version, 1);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        *(uint8_t *)arg = version;
    }
    return err;
}

enum fota_err link_client_get_version(struct link_client *c, uint8_t *protocol)
{
    return sync_repeat(c, get_version_once, protocol);
}

struct get_reply {
    uint8_t n_bytes; /* version and opcodes */
    uint8_t bytes[GET_MAX_BYTES];
};

static enum fota_err get_once(struct link_client *c, void *arg)
{
    struct get_reply *reply = arg;
    uint8_t n = 0;
    enum fota_err err = wire_command(c, LINK_OP_GET, LINK_CLIENT_COMMAND_MAX_MS);
    if (!err) {
        err = wire_read_phase(c, &n, 1);
    }
    if (err) {
        return err;
    }
    if (n == 0 || n >= GET_MAX_BYTES) {
        c->stats.damaged++;
        return E_LINK_REPLY;
    }
    err = wire_receive(c, reply->bytes,
                       (size_t)n + 1U); /* N counts the bytes to follow, minus one (AN4286 2.2) */
    if (err) {
        return err;
    }
    reply->n_bytes = (uint8_t)(n + 1U);
    return wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
}

enum fota_err link_client_get(struct link_client *c, uint8_t *protocol, uint8_t *opcodes, uint8_t cap,
                              uint8_t *n_opcodes)
{
    struct get_reply reply;
    enum fota_err err = sync_repeat(c, get_once, &reply);
    if (err) {
        return err;
    }
    uint8_t n = (uint8_t)(reply.n_bytes - 1U);
    if (n > cap) {
        return E_NO_SPACE;
    }
    *protocol = reply.bytes[0];
    for (uint8_t i = 0; i < n; i++) {
        opcodes[i] = reply.bytes[1U + i];
    }
    *n_opcodes = n;
    return FOTA_OK;
}

enum fota_err link_client_detect(struct link_client *c, struct link_peer *out)
{
    struct link_peer peer = {.kind = LINK_PEER_PLAIN};
    uint8_t opcodes[GET_MAX_BYTES];
    uint8_t n_opcodes = 0;
    c->has_vendor = false;
    enum fota_err err = link_client_sync(c);
    if (!err) {
        err = link_client_get_id(c, &peer.chip_id);
    }
    if (!err) {
        err = link_client_get(c, &peer.protocol, opcodes, sizeof opcodes, &n_opcodes);
    }
    if (!err) { /* Get is the same for all: who knows INFO knows the rest */
        err = vendor_find(c, &peer.info);
        c->has_vendor = !err;
    }
    if (c->has_vendor) {
        peer.kind = peer.info.loader == LINK_LOADER_AGENT ? LINK_PEER_AGENT : LINK_PEER_BOOTLOADER;
        err = sync_set_clock(c);
    } else if (err == E_LINK_NO_VENDOR) {
        err = FOTA_OK;
    }
    if (err) {
        return err;
    }
    *out = peer;
    return FOTA_OK;
}
