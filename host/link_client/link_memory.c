/* AN4286 commands that touch memory or protection. */
#include <string.h>

#include "base/bytes.h"
#include "link_sync.h"
#include "link_wire.h"

enum { ROM_WRITE_MARGIN_US = 100, ERASE_PROOF_US = 50000 };

struct memory_command {
    uint8_t op;
    uint32_t addr;
    const uint8_t *out; /* Write */
    uint8_t *in;        /* Read */
    uint32_t n_bytes;
};

/* Command frame, then address and checksum, each with its ACK. */
static enum fota_err addressed(struct link_client *c, const struct memory_command *m)
{
    uint8_t addr[4];
    bytes_store_be32(addr, m->addr);
    enum fota_err err = wire_command(c, m->op, LINK_CLIENT_COMMAND_MAX_MS);
    if (err) {
        return err;
    }
    err = wire_send_checked(c, addr, sizeof addr);
    if (err) {
        return err;
    }
    return wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
}

static enum fota_err read_once(struct link_client *c, void *arg)
{
    struct memory_command *m = arg;
    enum fota_err err = addressed(c, m);
    if (err) {
        return err;
    }
    /* One byte is checked by its complement, not by itself (AN4286 2.1). */
    const uint8_t count[2] = {(uint8_t)(m->n_bytes - 1U), (uint8_t) ~(m->n_bytes - 1U)};
    err = wire_send(c, count, sizeof count);
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_flush(c, 1);
    }
    if (err) {
        return err;
    }
    return wire_receive(c, m->in, m->n_bytes);
}

enum fota_err link_client_read(struct link_client *c, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    if (n_bytes == 0 || n_bytes > LINK_CLIENT_READ_MAX_BYTES) {
        return E_ARG;
    }
    uint8_t got[LINK_CLIENT_READ_MAX_BYTES];
    struct memory_command m = {.op = LINK_OP_READ, .addr = addr, .in = got, .n_bytes = n_bytes};
    enum fota_err err = sync_repeat(c, read_once, &m);
    if (err) {
        return err;
    }
    memcpy(bytes, got, n_bytes);
    return FOTA_OK;
}

static enum fota_err write_once(struct link_client *c, void *arg)
{
    const struct memory_command *m = arg;
    enum fota_err err = addressed(c, m);
    if (err) {
        return err;
    }
    uint8_t frame[1 + LINK_WRITE_MAX_BYTES];
    frame[0] = (uint8_t)(m->n_bytes - 1U);
    memcpy(frame + 1, m->out, m->n_bytes);
    err = wire_send_checked(c, frame, 1U + m->n_bytes);
    if (err) {
        return err;
    }
    if (c->is_rom) { /* "wait enough time before polling" (AN4286 2.7): its MISO may show an old ACK */
        link_io_delay_us(c->io, ROM_WRITE_MARGIN_US + m->n_bytes / c->rom_unit_bytes * c->rom_unit_us);
    }
    return wire_ack(c, LINK_CLIENT_WRITE_MAX_MS);
}

static bool is_writable(uint32_t addr, uint32_t n_bytes)
{
    return n_bytes > 0 && n_bytes <= LINK_WRITE_MAX_BYTES && n_bytes % 4U == 0 && addr % 4U == 0;
}

enum fota_err link_client_write(struct link_client *c, uint32_t addr, const uint8_t *bytes, uint32_t n_bytes)
{
    if (!is_writable(addr, n_bytes)) {
        return E_ARG;
    }
    struct memory_command m = {.op = LINK_OP_WRITE, .addr = addr, .out = bytes, .n_bytes = n_bytes};
    enum fota_err err = wire_open(c);
    if (!err) {
        err = write_once(c, &m);
    }
    return wire_close(c, err);
}

enum fota_err link_client_write_checked(struct link_client *c, uint32_t addr, const uint8_t *bytes,
                                        uint32_t n_bytes)
{
    uint8_t back[LINK_WRITE_MAX_BYTES];
    enum fota_err err = link_client_write(c, addr, bytes, n_bytes);
    for (uint8_t i = 0; i < c->config.attempts; i++) {
        if (err == E_ARG || err == E_IO) {
            return err;
        }
        if (err) {
            err = link_client_sync(c);
        }
        if (!err) {
            err = link_client_read(c, addr, back, n_bytes);
        }
        if (err) {
            return err;
        }
        if (memcmp(back, bytes, n_bytes) == 0) {
            return FOTA_OK;
        }
        c->stats.repeats++;
        err = link_client_write(c, addr, bytes, n_bytes);
    }
    return err ? err : E_FLASH_VERIFY;
}

static enum fota_err erase_once(struct link_client *c, void *arg)
{
    static const uint8_t one_sector[2] = {0, 0}; /* N = sectors - 1 */
    uint8_t code[2];
    bytes_store_be16(code, *(const uint16_t *)arg);
    enum fota_err err = wire_command(c, LINK_OP_ERASE, LINK_CLIENT_COMMAND_MAX_MS);
    if (!err) {
        err = wire_send_checked(c, one_sector, sizeof one_sector);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_send_checked(c, code, sizeof code);
    }
    if (err) {
        return err;
    }
    return wire_ack(c, LINK_CLIENT_ERASE_MAX_MS);
}

/*
 * An erase is over when the loader answers with data. Older loaders repeat the ACK while the core is still
 * stalled by the erase, and lose what is sent meanwhile (AN4286 2.8), so Get ID goes out again until it is
 * answered or the longest erase would be over.
 */
static enum fota_err prove_idle(struct link_client *c, uint64_t until_us)
{
    uint16_t chip_id = 0;
    enum fota_err err = sync_get_id(c, &chip_id);
    while (err && err != E_IO && link_io_now_us(c->io) <= until_us) {
        link_io_delay_us(c->io, ERASE_PROOF_US);
        err = sync_get_id(c, &chip_id);
    }
    if (err && err != E_IO) {
        err = link_client_get_id(c, &chip_id);
    }
    if (err) {
        return err;
    }
    return chip_id == LINK_CHIP_ID ? FOTA_OK : E_LINK_REPLY;
}

enum fota_err link_client_erase(struct link_client *c, uint16_t sector)
{
    uint64_t until_us = link_io_now_us(c->io) + (uint64_t)LINK_CLIENT_ERASE_MAX_MS * 1000U;
    enum fota_err err = sync_repeat(c, erase_once, &sector);
    if (err) {
        return err;
    }
    return prove_idle(c, until_us);
}

static enum fota_err go_once(struct link_client *c, void *arg)
{
    return addressed(c, arg);
}

enum fota_err link_client_go(struct link_client *c, uint32_t addr)
{
    struct memory_command m = {.op = LINK_OP_GO, .addr = addr};
    enum fota_err err = wire_open(c);
    if (!err) {
        err = go_once(c, &m);
    }
    return wire_close(c, err);
}

/* Commands of two ACKs and nothing between: the target resets after the second, so there is no repeating. */
static enum fota_err bare_command(struct link_client *c, uint8_t op)
{
    enum fota_err err = wire_open(c);
    if (!err) {
        err = wire_command(c, op, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_ERASE_MAX_MS);
    }
    return wire_close(c, err);
}

enum fota_err link_client_write_protect(struct link_client *c, const uint8_t *sectors, uint32_t n_sectors)
{
    if (n_sectors == 0 || n_sectors > LINK_CLIENT_PROTECT_MAX_SECTORS) {
        return E_ARG;
    }
    const uint8_t count[2] = {(uint8_t)(n_sectors - 1U), (uint8_t) ~(n_sectors - 1U)};
    enum fota_err err = wire_open(c);
    if (!err) {
        err = wire_command(c, LINK_OP_WRITE_PROTECT, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_send(c, count, sizeof count);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_send_checked(c, sectors, n_sectors);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    return wire_close(c, err);
}

enum fota_err link_client_write_unprotect(struct link_client *c)
{
    return bare_command(c, LINK_OP_WRITE_UNPROTECT);
}

enum fota_err link_client_readout_protect(struct link_client *c)
{
    return bare_command(c, LINK_OP_READOUT_PROTECT);
}

enum fota_err link_client_readout_unprotect(struct link_client *c)
{
    return bare_command(c, LINK_OP_READOUT_UNPROTECT);
}
