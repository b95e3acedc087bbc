#include "recover/recover.h"

#include <string.h>

#include "base/bytes.h"
#include "base/flash_chip.h"
#include "format/boot_record.h"

enum {
    CONFIRM_MAX_MS = 60000,
    CONFIRM_POLL_MS = 250,
    ALL_JOURNALS = 2,
    HEADER_VERSION_OFF = 20 /* ih_ver (MCUboot): major, minor, revision[2] */
};

/* One recovery under way. */
struct run {
    struct link_client *link;
    const struct recover_plan *plan;
    const struct recover_config *config;
    struct recover_result *result;
    uint32_t done_bytes;
    uint32_t total_bytes;
    uint32_t most_bytes; /* the figure that was told last: it never goes back */
};

const char *recover_step_name(enum recover_step step)
{
    static const char *const names[RECOVER_STEPS] = {"look",       "enter",  "image",      "journal",
                                                     "other-slot", "loader", "bootloader", "confirm"};
    return (unsigned)step < RECOVER_STEPS ? names[step] : "none";
}

static void emit(const struct run *r, enum recover_event_kind kind, enum fota_err reason)
{
    const struct recover_event event = {.kind = kind,
                                        .step = r->result->step,
                                        .reason = reason,
                                        .done_bytes = r->most_bytes,
                                        .total_bytes = r->total_bytes};
    if (r->config->on_event) {
        r->config->on_event(r->config->ctx, &event);
    }
}

static void enter_step(struct run *r, enum recover_step step)
{
    r->result->step = step;
    emit(r, RECOVER_EVENT_STEP, FOTA_OK);
}

static void on_bytes(void *ctx, uint32_t n_bytes)
{
    struct run *r = ctx;
    r->done_bytes += n_bytes;
    if (r->done_bytes > r->most_bytes) {
        r->most_bytes = r->done_bytes;
        emit(r, RECOVER_EVENT_PROGRESS, FOTA_OK);
    }
}

/* --- is anything wrong? ------------------------------------------------------------------------------ */

static bool runs_our_image(const struct run *r, const struct boot_info *b)
{
    return b->running_slot == (uint8_t)r->plan->slot &&
           memcmp(b->slot_hash[r->plan->slot], r->plan->image.image_hash, BOOT_RECORD_DIGEST_BYTES) == 0;
}

/*
 * @param is_written  an interrupted run had come to its end: our image is on trial
 * @return FOTA_OK (there is something to do) · E_SLOT_HEALTHY · E_IO
 */
static enum fota_err look(struct run *r, bool *is_written)
{
    struct link_ladder *l = &r->result->ladder;
    enum fota_err err = link_ladder_climb(r->link, LINK_RUNG_STANDING, LINK_RUNG_RESET, l);
    if (err == E_IO) {
        return err;
    }
    *is_written = false;
    if (err || l->peer.kind != LINK_PEER_AGENT || l->peer.info.boot.running_slot >= SLOT_NONE) {
        return FOTA_OK; /* nothing, or a loader: no image to start */
    }
    const struct boot_info *b = &l->peer.info.boot;
    *is_written = runs_our_image(r, b) && b->slot_state[r->plan->slot] == SLOT_STATE_TRIAL;
    return *is_written ? FOTA_OK : E_SLOT_HEALTHY;
}

/* --- the sectors ------------------------------------------------------------------------------------- */

static enum fota_err store(struct run *r, uint16_t sector, const struct link_rom_area *area)
{
    const struct link_rom_watch watch = {.on_bytes = on_bytes, .ctx = r};
    return link_rom_store(r->link, sector, area, &watch);
}

/* Last sector first: the header comes last. */
static enum fota_err store_image(struct run *r)
{
    const struct recover_plan *p = r->plan;
    const struct board_area *slot = &p->board->slot[p->slot];
    uint32_t sector_bytes = p->board->slot_sector_bytes;
    uint32_t n_image = p->image.image.total_bytes;
    enum fota_err err = FOTA_OK;
    enter_step(r, RECOVER_IMAGE);
    for (uint16_t i = slot->n_sectors; i > 0 && !err; i--) {
        uint32_t off = (i - 1U) * sector_bytes;
        uint32_t left = off < n_image ? n_image - off : 0;
        const struct link_rom_area area = {.addr = slot->base + off,
                                           .span_bytes = sector_bytes,
                                           .bytes = left > 0 ? p->parts.image + off : NULL,
                                           .n_bytes = left < sector_bytes ? left : sector_bytes};
        err = store(r, (uint16_t)(slot->first_sector + i - 1U), &area);
    }
    return err;
}

static enum fota_err erase_journal(struct run *r)
{
    const struct board_area *journal = r->plan->board->journal;
    enum fota_err err = FOTA_OK;
    enter_step(r, RECOVER_JOURNAL);
    for (unsigned i = 0; i < ALL_JOURNALS && !err; i++) {
        const struct link_rom_area area = {.addr = journal[i].base, .span_bytes = journal[i].n_bytes};
        err = store(r, journal[i].first_sector, &area);
    }
    return err;
}

/*
 * Without a journal the bootloader tries the newest image that verifies. An image in the other slot that is
 * as new as ours or newer gives way; an older one may stay.
 */
static enum fota_err clear_other_slot(struct run *r)
{
    const struct board_area *other = &r->plan->board->slot[r->plan->slot == SLOT_B ? SLOT_A : SLOT_B];
    uint8_t header[IMAGE_HEADER_BYTES];
    const struct link_rom_area area = {.addr = other->base, .span_bytes = r->plan->board->slot_sector_bytes};
    enter_step(r, RECOVER_OTHER_SLOT);
    enum fota_err err = link_client_read(r->link, area.addr, header, sizeof header);
    if (err) {
        return err;
    }
    uint32_t version = (uint32_t)header[HEADER_VERSION_OFF] << 24 |
                       (uint32_t)header[HEADER_VERSION_OFF + 1] << 16 |
                       bytes_load_le16(header + HEADER_VERSION_OFF + 2);
    if (bytes_load_le32(header) == (uint32_t)IMAGE_MAGIC && version >= r->plan->image.image.version_packed) {
        err = store(r, other->first_sector, &area);
    }
    return err;
}

static struct link_rom_area sector_0(const struct run *r)
{
    return (struct link_rom_area){.addr = r->plan->board->root.base,
                                  .span_bytes = r->plan->board->root.n_bytes,
                                  .bytes = r->plan->parts.bootloader,
                                  .n_bytes = r->plan->parts.n_bootloader};
}

static struct link_rom_area sector_1(const struct run *r)
{
    return (struct link_rom_area){.addr = r->plan->board->loader.base,
                                  .span_bytes = r->plan->board->loader.n_bytes,
                                  .bytes = r->plan->parts.loader,
                                  .n_bytes = r->plan->parts.n_loader};
}

static enum fota_err store_loader(struct run *r)
{
    const struct link_rom_area area = sector_1(r);
    enter_step(r, RECOVER_LOADER);
    return r->result->is_loader_kept ? FOTA_OK : store(r, r->plan->board->loader.first_sector, &area);
}

static enum fota_err store_bootloader(struct run *r)
{
    const struct link_rom_area area = sector_0(r);
    enter_step(r, RECOVER_BOOTLOADER);
    return r->result->is_bootloader_kept ? FOTA_OK : store(r, r->plan->board->root.first_sector, &area);
}

static enum fota_err store_all(struct run *r)
{
    r->done_bytes = 0;
    enum fota_err err = store_image(r);
    if (!err) {
        err = erase_journal(r);
    }
    if (!err) {
        err = clear_other_slot(r);
    }
    if (!err) {
        err = store_loader(r);
    }
    return err ? err : store_bootloader(r);
}

/* --- the ROM ----------------------------------------------------------------------------------------- */

/* A protected sector need not be written if it is right. @param is_kept  it is protected and right */
static enum fota_err may_keep(struct run *r, uint16_t sector, const struct link_rom_area *area, bool *is_kept)
{
    *is_kept = false;
    if ((r->result->rom.protected_sectors & 1U << sector) == 0) {
        return FOTA_OK;
    }
    enum fota_err err = link_rom_compare(r->link, area, NULL);
    *is_kept = err == FOTA_OK;
    if (err == E_FLASH_VERIFY || err == E_FLASH_NOT_BLANK) {
        r->result->blocked_sectors |= (uint16_t)(1U << sector);
        return FOTA_OK; /* told with the others */
    }
    return err;
}

/* One bit for each sector of an area. */
static uint16_t sectors_of(const struct board_area *area)
{
    return (uint16_t)(((1U << area->n_sectors) - 1U) << area->first_sector);
}

/* A protected sector cannot be written. */
static enum fota_err check_protection(struct run *r)
{
    const struct board_layout *board = r->plan->board;
    uint16_t needed = (uint16_t)(sectors_of(&board->slot[r->plan->slot]) | sectors_of(&board->journal[0]) |
                                 sectors_of(&board->journal[1]));
    const struct link_rom_area root = sector_0(r);
    const struct link_rom_area loader = sector_1(r);
    r->result->blocked_sectors = r->result->rom.protected_sectors & needed;
    enum fota_err err = may_keep(r, board->root.first_sector, &root, &r->result->is_bootloader_kept);
    if (!err) {
        err = may_keep(r, board->loader.first_sector, &loader, &r->result->is_loader_kept);
    }
    return !err && r->result->blocked_sectors != 0 ? E_FLASH_PROTECTED : err;
}

/* The chip's one-time memory is a floor that no journal can lower: an image below it would not boot. */
static enum fota_err check_epoch(struct run *r)
{
    uint8_t bytes[OTP_EPOCH_BYTES];
    uint32_t epoch = 0;
    enum fota_err err = link_client_read(r->link, OTP_EPOCH_BASE, bytes, sizeof bytes);
    if (err) {
        return err;
    }
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        epoch += bytes[i] != 0xFF;
    }
    return r->plan->image.image.security_counter < epoch ? E_IMAGE_COUNTER : FOTA_OK;
}

/* Is it worth another try from the start? The ROM was lost, by a reset say; not: the port is dead. */
static bool is_lost(enum fota_err err)
{
    return link_client_is_transport(err) && err != E_IO;
}

static enum fota_err write_everything(struct run *r)
{
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i <= RECOVER_RESTARTS_MAX; i++) {
        if (i > 0) {
            r->result->n_restarts++;
            emit(r, RECOVER_EVENT_RESTART, err);
        }
        enter_step(r, RECOVER_ENTER);
        err = link_rom_enter(r->link, &r->result->rom);
        if (err) {
            return err; /* it tried several resets */
        }
        err = check_protection(r);
        if (!err) {
            err = check_epoch(r);
        }
        if (!err) {
            err = store_all(r);
        }
        if (!is_lost(err)) {
            return err;
        }
    }
    return err;
}

/* --- the proof --------------------------------------------------------------------------------------- */

/* @param is_over  this is the last word */
static enum fota_err judge(struct run *r, const struct link_peer *peer, bool *is_over)
{
    const struct boot_info *b = &peer->info.boot;
    uint8_t state = b->slot_state[r->plan->slot];
    r->result->info = peer->info;
    *is_over = true;
    if (peer->kind == LINK_PEER_BOOTLOADER) {
        return b->last_reason ? (enum fota_err)b->last_reason : E_SLOT_NOT_BOOTABLE;
    }
    if (runs_our_image(r, b) && state == SLOT_STATE_CONFIRMED) {
        return FOTA_OK;
    }
    if (state == SLOT_STATE_REJECTED) {
        return E_SLOT_TRIALS_SPENT;
    }
    *is_over = false;
    return E_TIMEOUT;
}

static enum fota_err see_it_confirm(struct run *r)
{
    uint32_t max_ms = r->config->confirm_max_ms ? r->config->confirm_max_ms : CONFIRM_MAX_MS;
    uint64_t until_us = link_io_now_us(r->link->io) + (uint64_t)max_ms * 1000U;
    enum fota_err outcome = E_LINK_RESET_SILENT;
    enter_step(r, RECOVER_CONFIRM);
    for (uint32_t i = 0; i <= max_ms / CONFIRM_POLL_MS && link_io_now_us(r->link->io) <= until_us; i++) {
        struct link_peer peer;
        enum fota_err err = link_client_detect(r->link, &peer);
        if (err == E_IO) {
            return err;
        }
        if (!err && peer.kind != LINK_PEER_PLAIN) {
            bool is_over = false;
            outcome = judge(r, &peer, &is_over);
            if (is_over) {
                return outcome;
            }
        }
        link_io_delay_us(r->link->io, CONFIRM_POLL_MS * 1000U);
    }
    return outcome;
}

enum fota_err recover_run(struct link_client *c, const struct recover_plan *plan,
                          const struct recover_config *config, struct recover_result *out)
{
    struct run r = {.link = c, .plan = plan, .config = config, .result = out};
    bool is_written = false;
    enum fota_err err = FOTA_OK;
    memset(out, 0, sizeof *out);
    const struct board_layout *board = plan->board;
    r.total_bytes = board->slot[plan->slot].n_bytes + board->journal[0].n_bytes + board->journal[1].n_bytes +
                    board->loader.n_bytes + board->root.n_bytes;
    c->board = board;
    if (!config->is_forced) {
        enter_step(&r, RECOVER_LOOK);
        err = look(&r, &is_written);
    }
    if (!err && !is_written) {
        err = write_everything(&r);
        if (!err) {
            err = link_client_reset(c, LINK_BOOT_FLASH); /* not Go: it would inherit the ROM's state */
        }
    }
    return err ? err : see_it_confirm(&r);
}
