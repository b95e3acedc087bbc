#include "link_client/link_rom.h"

#include <string.h>

#include "base/bytes.h"
#include "link_sync.h"
#include "link_vendor.h"
#include "link_wire.h"

enum {
    SYNC_MS = 100,        /* AN2606: the first ACK comes within 10 us */
    UNIT_TYPICAL_US = 20, /* DS8626 table 40: 16 us typical, and the ROM's own loop */
    UNIT_MAX_US = 110,    /* 100 us at most */
    BLOCK_BYTES = LINK_WRITE_MAX_BYTES,
    BLOCK_REPEATS = 3,   /* writes of one block whose bytes did not arrive */
    VOLTAGE_2V7_3V6 = 3, /* AN2606 table 4: x32 */
    WRP_BITS = 0x0FFF,
    BLANK = 0xFF
};
static const uint32_t rom_version_addr = 0x1FFF77DEU; /* AN2606 table 3 */
static const uint32_t option_wrp_addr = 0x1FFFC008U;  /* RM0090 table 14: nWRP */
static const uint32_t voltage_register = 0xFFFF0000U; /* AN2606 table 4 */

/* --- entry ------------------------------------------------------------------------------------------- */

static enum fota_err reset_and_sync(struct link_client *c)
{
    enum fota_err err = E_LINK_NO_LOADER;
    for (unsigned i = 0; i < LINK_ROM_ENTRIES && err == E_LINK_NO_LOADER; i++) {
        err = link_client_reset(c, LINK_BOOT_ROM);
        if (!err) {
            c->sync_max_ms = SYNC_MS;
            err = link_client_sync(c);
            c->sync_max_ms = LINK_CLIENT_SYNC_MAX_MS;
        }
    }
    return err;
}

/* Read Memory of a chip with readout protection is refused at once, which is no damage. */
static enum fota_err read_or_protected(struct link_client *c, uint32_t addr, uint8_t *bytes, uint32_t n_bytes)
{
    enum fota_err err = link_client_read(c, addr, bytes, n_bytes);
    return err == E_LINK_NACK ? E_LINK_PROTECTED : err;
}

/* One byte, without checksum conventions of its own: XOR of count and data (AN4286 2.7). */
static enum fota_err tell_supply(struct link_client *c, void *arg)
{
    (void)arg;
    static const uint8_t data[2] = {0, VOLTAGE_2V7_3V6};
    uint8_t addr[4];
    bytes_store_be32(addr, voltage_register);
    enum fota_err err = wire_command(c, LINK_OP_WRITE, LINK_CLIENT_COMMAND_MAX_MS);
    if (!err) {
        err = wire_send_checked(c, addr, sizeof addr);
    }
    if (!err) {
        err = wire_ack(c, LINK_CLIENT_COMMAND_MAX_MS);
    }
    if (!err) {
        err = wire_send_checked(c, data, sizeof data);
    }
    if (err) {
        return err;
    }
    return wire_ack(c, LINK_CLIENT_WRITE_MAX_MS);
}

static enum fota_err ask(struct link_client *c, struct link_rom *rom)
{
    uint8_t opcodes[64];
    uint8_t n_opcodes = 0;
    uint8_t wrp[4];
    struct link_info ours;
    enum fota_err err = link_client_get(c, &rom->protocol, opcodes, sizeof opcodes, &n_opcodes);
    if (err) {
        return err;
    }
    err = vendor_find(c, &ours); /* Get is the same for all; only our loaders know INFO */
    if (err != E_LINK_NO_VENDOR) {
        return err ? err : E_LINK_BOOT0;
    }
    err = read_or_protected(c, rom_version_addr, &rom->version, 1);
    if (!err) {
        err = read_or_protected(c, option_wrp_addr, wrp, sizeof wrp);
    }
    if (!err) {
        rom->protected_sectors = (uint16_t)(~(uint32_t)bytes_load_le16(wrp) & WRP_BITS);
    }
    return err;
}

enum fota_err link_rom_enter(struct link_client *c, struct link_rom *out)
{
    struct link_rom rom = {.chip_id = LINK_CHIP_ID}; /* sync has asked for it */
    enum fota_err err = reset_and_sync(c);
    if (err == E_LINK_NO_LOADER) {
        return E_LINK_ROM_SILENT;
    }
    if (!err) {
        err = ask(c, &rom);
    }
    if (err) {
        return err;
    }
    enum fota_err voltage_err = sync_repeat(c, tell_supply, NULL);
    if (link_client_is_transport(voltage_err) && voltage_err != E_LINK_NACK) {
        return voltage_err;
    }
    rom.is_x32 = voltage_err == FOTA_OK;
    c->is_rom = true;
    c->is_rom_fast = true;
    c->rom_unit_bytes = rom.is_x32 ? 4 : 1;
    c->rom_unit_us = UNIT_TYPICAL_US;
    err = link_client_sync(c); /* at the fast clock; falls back to the safe one */
    if (err) {
        return err;
    }
    *out = rom;
    return FOTA_OK;
}

/* --- comparing --------------------------------------------------------------------------------------- */

/* What the block at `off` of an area should read. */
static void expect(uint8_t block[BLOCK_BYTES], const struct link_rom_area *area, uint32_t off)
{
    uint32_t n = off < area->n_bytes ? area->n_bytes - off : 0;
    n = n < BLOCK_BYTES ? n : BLOCK_BYTES;
    memset(block, BLANK, BLOCK_BYTES);
    if (n > 0) {
        memcpy(block, area->bytes + off, n);
    }
}

static bool is_blank(const uint8_t block[BLOCK_BYTES])
{
    for (unsigned i = 0; i < BLOCK_BYTES; i++) {
        if (block[i] != BLANK) {
            return false;
        }
    }
    return true;
}

/* Read Memory has no checksum: what differs is read again, after a fresh sync, before it is believed. */
static enum fota_err differs(struct link_client *c, uint32_t addr, const uint8_t wanted[BLOCK_BYTES],
                             uint8_t got[BLOCK_BYTES], bool *out)
{
    enum fota_err err = FOTA_OK;
    *out = true;
    for (unsigned i = 0; i < c->config.attempts && !err && *out; i++) {
        if (i > 0) {
            err = link_client_sync(c);
        }
        if (!err) {
            err = link_client_read(c, addr, got, BLOCK_BYTES);
        }
        *out = memcmp(got, wanted, BLOCK_BYTES) != 0;
    }
    return err;
}

static void tell(const struct link_rom_watch *watch, uint32_t n_bytes)
{
    if (watch && watch->on_bytes) {
        watch->on_bytes(watch->ctx, n_bytes);
    }
}

enum fota_err link_rom_compare(struct link_client *c, const struct link_rom_area *area,
                               const struct link_rom_watch *watch)
{
    uint8_t wanted[BLOCK_BYTES];
    uint8_t got[BLOCK_BYTES];
    for (uint32_t off = 0; off < area->span_bytes; off += BLOCK_BYTES) {
        bool is_different = false;
        expect(wanted, area, off);
        enum fota_err err = differs(c, area->addr + off, wanted, got, &is_different);
        if (err) {
            return err;
        }
        if (is_different) {
            return is_blank(wanted) ? E_FLASH_NOT_BLANK : E_FLASH_VERIFY;
        }
        tell(watch, BLOCK_BYTES);
    }
    return FOTA_OK;
}

/* --- storing ----------------------------------------------------------------------------------------- */

/* Damage on the way: from now on at the pace of the slowest flash,
 * so that no answer is taken for another. */
static enum fota_err slow_down(struct link_client *c)
{
    c->rom_unit_us = UNIT_MAX_US;
    c->stats.repeats++;
    return link_client_sync(c);
}

static enum fota_err write_block(struct link_client *c, uint32_t addr, const uint8_t wanted[BLOCK_BYTES])
{
    enum fota_err err = E_TIMEOUT;
    for (unsigned i = 0; i < c->config.attempts && err && err != E_IO; i++) {
        err = link_client_write(c, addr, wanted, BLOCK_BYTES);
        if (err && err != E_IO) {
            enum fota_err sync_err = slow_down(c);
            err = sync_err ? sync_err : err;
        }
        if (err == E_LINK_NO_LOADER) {
            return err;
        }
    }
    return err;
}

/* Compare a block, and write it again if bits are missing; a bit that should be 1 needs an erase. */
static enum fota_err settle_block(struct link_client *c, uint32_t addr, const uint8_t wanted[BLOCK_BYTES])
{
    uint8_t got[BLOCK_BYTES];
    bool is_different = true;
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i <= BLOCK_REPEATS && !err; i++) {
        err = differs(c, addr, wanted, got, &is_different);
        if (err || !is_different) {
            return err;
        }
        if (is_blank(wanted)) {
            return E_FLASH_NOT_BLANK;
        }
        err = slow_down(c);
        if (!err) {
            err = write_block(c, addr, wanted);
        }
    }
    return err ? err : E_FLASH_VERIFY;
}

/* The part [from, to) of a sector: write what is not blank, then read all of it. */
static enum fota_err store_part(struct link_client *c, const struct link_rom_area *area, uint32_t from,
                                uint32_t to)
{
    uint8_t wanted[BLOCK_BYTES];
    enum fota_err err = FOTA_OK;
    for (uint32_t off = from; off < to && !err; off += BLOCK_BYTES) {
        expect(wanted, area, off);
        if (!is_blank(wanted)) {
            err = write_block(c, area->addr + off, wanted);
        }
    }
    for (uint32_t off = from; off < to && !err; off += BLOCK_BYTES) {
        expect(wanted, area, off);
        err = settle_block(c, area->addr + off, wanted);
    }
    return err;
}

/* How far a sector has been told of: another attempt starts over, the figure does not. */
struct progress {
    const struct link_rom_watch *watch;
    uint32_t told_bytes;
};

static void tell_up_to(struct progress *p, uint32_t n_bytes)
{
    if (n_bytes > p->told_bytes) {
        tell(p->watch, n_bytes - p->told_bytes);
        p->told_bytes = n_bytes;
    }
}

static enum fota_err store_once(struct link_client *c, uint16_t sector, const struct link_rom_area *area,
                                struct progress *progress)
{
    const struct link_rom_area front = {.addr = area->addr, .span_bytes = BLOCK_BYTES};
    enum fota_err err = link_client_erase(c, sector);
    if (!err) { /* an erase that was acknowledged and did not happen shows before anything is written */
        err = link_rom_compare(c, &front, NULL);
    }
    for (uint32_t off = BLOCK_BYTES; off < area->span_bytes && !err; off += LINK_ROM_VERIFY_BYTES) {
        uint32_t left = area->span_bytes - off;
        uint32_t to = off + (left < LINK_ROM_VERIFY_BYTES ? left : LINK_ROM_VERIFY_BYTES);
        err = store_part(c, area, off, to);
        if (!err) {
            tell_up_to(progress, to - BLOCK_BYTES);
        }
    }
    return err ? err : store_part(c, area, 0, BLOCK_BYTES);
}

enum fota_err link_rom_store(struct link_client *c, uint16_t sector, const struct link_rom_area *area,
                             const struct link_rom_watch *watch)
{
    struct progress progress = {.watch = watch};
    if (area->span_bytes % BLOCK_BYTES != 0 || area->n_bytes > area->span_bytes || area->addr % 4U != 0) {
        return E_ARG;
    }
    enum fota_err err = E_FLASH_VERIFY;
    for (unsigned i = 0; i < LINK_ROM_SECTOR_ATTEMPTS; i++) {
        err = store_once(c, sector, area, &progress);
        if (err != E_FLASH_VERIFY && err != E_FLASH_NOT_BLANK) {
            break;
        }
    }
    if (!err) {
        tell_up_to(&progress, area->span_bytes);
    }
    return err;
}
