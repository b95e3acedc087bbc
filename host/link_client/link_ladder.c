#include "link_client/link_ladder.h"

#include "base/bytes.h"
#include "base/flash_chip.h"
#include "update/boot_services.h"

enum {
    IMAGE_HEADER_MAGIC = (int)0x96F3B83D, /* first word of a loader as of any image (spec/image.md) */
    BOOT_START_MS = 1000 /* two verifications at most, and a repair of the journal comes on top: sync waits */
};

const char *link_rung_name(enum link_rung rung)
{
    static const char *const names[LINK_RUNGS] = {"standing", "reset", "request", "rom"};
    return (unsigned)rung < LINK_RUNGS ? names[rung] : "none";
}

/* A silent target is E_LINK_NO_LOADER; the rung says what that means here. */
static enum fota_err or_reason(enum fota_err err, enum fota_err silent)
{
    return err == E_LINK_NO_LOADER || err == E_TIMEOUT ? silent : err;
}

static enum fota_err stand(struct link_client *c, struct link_ladder *l)
{
    return or_reason(link_client_detect(c, &l->peer), E_LINK_AGENT_SILENT);
}

static enum fota_err reset(struct link_client *c, struct link_ladder *l)
{
    enum fota_err err = link_client_reset(c, LINK_BOOT_FLASH);
    if (!err) {
        link_io_delay_us(c->io, BOOT_START_MS * 1000U);
        err = link_client_detect(c, &l->peer);
    }
    if (!err && l->peer.kind == LINK_PEER_PLAIN) {
        return E_LINK_NO_VENDOR; /* BOOT0 is stuck high: the ROM answers where our code should */
    }
    return or_reason(err, E_LINK_RESET_SILENT);
}

/* Is there a bootloader to be asked? Its table of services stands at a fixed address. */
static enum fota_err look_at_sector_0(struct link_client *c)
{
    uint8_t magic[4];
    enum fota_err err = link_client_read(c, FLASH_SERVICES_ADDR, magic, sizeof magic);
    if (err) {
        return err;
    }
    return bytes_load_le32(magic) == BOOT_SERVICES_MAGIC ? FOTA_OK : E_LINK_BOOT_MISSING;
}

static enum fota_err leave_request(struct link_client *c)
{
    uint8_t request[8];
    bytes_store_le32(request, BOOT_REQUEST_LOADER);
    bytes_store_le32(request + 4, ~(uint32_t)BOOT_REQUEST_LOADER);
    return link_client_write_checked(c, c->board->request_addr, request, sizeof request);
}

/* RAM reads as anything after power-on: only numbers of refusals of an image or of the loader count. */
static bool is_reason(uint32_t word)
{
    uint32_t module = word >> 8;
    return module == (uint32_t)E_IMAGE_MAGIC >> 8 || module == (uint32_t)E_LOADER_INVALID >> 8;
}

/*
 * The root is there and no loader answers. It leaves its reason in RAM when sector 1 does not verify; a
 * sector without a header says it by itself.
 * @return E_LINK_LOADER_MISSING · E_LINK_REQUEST_IGNORED (nothing is wrong with sector 1, or cannot be seen)
 */
static enum fota_err ask_why(struct link_client *c, struct link_ladder *l)
{
    uint8_t word[4];
    enum fota_err err = link_rom_enter(c, &l->rom);
    if (!err) {
        err = link_client_read(c, c->board->reason_addr, word, sizeof word);
    }
    if (!err && is_reason(bytes_load_le32(word))) {
        l->boot_reason = (enum fota_err)bytes_load_le32(word);
        return E_LINK_LOADER_MISSING;
    }
    if (!err) {
        err = link_client_read(c, c->board->loader.base, word, sizeof word);
    }
    if (!err && bytes_load_le32(word) != (uint32_t)IMAGE_HEADER_MAGIC) {
        l->boot_reason = E_LOADER_INVALID;
        return E_LINK_LOADER_MISSING;
    }
    return err == E_IO ? err : E_LINK_REQUEST_IGNORED;
}

static enum fota_err request(struct link_client *c, struct link_ladder *l)
{
    enum fota_err err = link_rom_enter(c, &l->rom);
    if (!err) {
        err = look_at_sector_0(c);
    }
    if (!err) {
        err = leave_request(c);
    }
    if (!err) {
        err = link_client_reset(c, LINK_BOOT_FLASH);
    }
    if (err) {
        return or_reason(err, E_LINK_REQUEST_IGNORED);
    }
    err = link_client_detect(c, &l->peer);
    bool is_loader = !err && l->peer.kind == LINK_PEER_BOOTLOADER;
    return is_loader || err == E_IO ? err : ask_why(c, l);
}

static enum fota_err rom(struct link_client *c, struct link_ladder *l)
{
    enum fota_err err = link_rom_enter(c, &l->rom);
    if (!err) {
        l->peer = (struct link_peer){
            .kind = LINK_PEER_PLAIN, .protocol = l->rom.protocol, .chip_id = l->rom.chip_id};
    }
    return err;
}

enum fota_err link_ladder_climb(struct link_client *c, enum link_rung first, enum link_rung last,
                                struct link_ladder *out)
{
    static enum fota_err (*const rungs[LINK_RUNGS])(struct link_client *,
                                                    struct link_ladder *) = {[LINK_RUNG_STANDING] = stand,
                                                                             [LINK_RUNG_RESET] = reset,
                                                                             [LINK_RUNG_REQUEST] = request,
                                                                             [LINK_RUNG_ROM] = rom};
    enum fota_err err = E_ARG;
    *out = (struct link_ladder){.rung = LINK_RUNGS};
    for (unsigned i = (unsigned)first; i <= (unsigned)last && i < LINK_RUNGS; i++) {
        out->is_tried[i] = true;
        err = rungs[i](c, out);
        bool is_rom_already = !err && i == LINK_RUNG_STANDING && out->peer.kind == LINK_PEER_PLAIN;
        if (is_rom_already) { /* left over from an interrupted recovery: our own code has not been tried */
            err = E_LINK_NO_VENDOR;
        }
        out->reason[i] = err;
        if (!err) {
            out->is_found = true;
            out->rung = (enum link_rung)i;
            return FOTA_OK;
        }
        if (err == E_IO) {
            return err;
        }
    }
    return err;
}
