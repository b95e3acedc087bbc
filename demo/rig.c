#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "release/file.h"

/* FLASH_OPTCR (RM0090 3.9.10) at brown-out level 3 and with nothing write-protected. */
enum { SLICE_MS = 10, OPTIONS_AT_BOR_3 = 0x0FFFAAE1 };

/* What the board should have: BOR_LEV is 0 for level 3, 3 for "off"; nWRP is 0 for a protected sector. */
static uint32_t factory_options(const struct board_layout *board)
{
    return (OPTIONS_AT_BOR_3 | (3 - board->brown_out_level) << 2) & ~(board->write_protect << 16);
}

static bool read_key(const char *dir, const char *name, struct key *out, char *why, size_t why_bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.pub.pem", dir, name);
    const enum fota_err err = key_read_public(path, out);
    if (err) {
        (void)snprintf(why, why_bytes, "cannot read key %s: %s", path, fota_err_text(err));
    }
    return err == FOTA_OK;
}

static bool read_keys(struct rig *rig, const char *dir, char *why, size_t why_bytes)
{
    return read_key(dir, KEY_IMAGE, &rig->image_key, why, why_bytes) &&
           read_key(dir, KEY_NEXT, &rig->next_key, why, why_bytes) &&
           read_key(dir, KEY_CHANNEL, &rig->channel_key, why, why_bytes);
}

static bool store_file_at(struct rig *rig, const char *path, const struct board_area *place, char *why,
                          size_t why_bytes)
{
    uint8_t *image = NULL;
    size_t n_bytes = 0;
    const enum fota_err err = file_read(path, place->n_bytes, &image, &n_bytes, NULL);
    if (err) {
        (void)snprintf(why, why_bytes, "cannot read %s: %s", path, fota_err_text(err));
        return false;
    }
    const bool ok = twin_flash_store(rig->twin, place->base, image, n_bytes);
    free(image);
    if (!ok) {
        (void)snprintf(why, why_bytes, "%s does not fit its place", path);
    }
    return ok;
}

/* What a factory does: bootloader, loader and first image by the debug port, write protection, then power. */
static bool program_board(struct rig *rig, const struct rig_config *config, char *why, size_t why_bytes)
{
    const struct board_layout *board = config->board;
    const struct twin_config twin = {.flash_timing = TWIN_FLASH_TYPICAL,
                                     .rom = TWIN_ROM_V9_1,
                                     .part = board->part,
                                     .seed = 1,
                                     .strict = true};
    rig->twin = twin_create(&twin, why, why_bytes);
    if (!rig->twin || !twin_load_elf(rig->twin, config->bootloader_elf, why, why_bytes)) {
        return false;
    }
    twin_set_options(rig->twin, factory_options(board));
    return store_file_at(rig, config->loader_image, &board->loader, why, why_bytes) &&
           store_file_at(rig, config->factory_image, &board->slot[SLOT_A], why, why_bytes);
}

static enum fota_err start_gateway(struct rig *rig, const struct rig_config *config)
{
    const struct gateway_config settings = {
        .keys = {.channel = {rig->channel_key.point},
                 .release = {rig->image_key.point, rig->next_key.point},
                 .image = {rig->image_key.point, rig->next_key.point}},
        .identity = config->identity,
        .poll_ms = config->poll_ms,
        .backoff_min_ms = config->poll_ms,
        .seed = 1,
    };
    const struct gateway_ports ports = {
        .s3 = &rig->s3,
        .link = &rig->client,
        .store = &rig->store.store,
        .clock = &rig->clock.clock,
        .observer = config->observer,
    };
    return gateway_init(&rig->gateway, &settings, &ports);
}

bool rig_open(struct rig *rig, const struct rig_config *config, char *why, size_t why_bytes)
{
    memset(rig, 0, sizeof *rig);
    if (!read_keys(rig, config->keys_dir, why, why_bytes) || !program_board(rig, config, why, why_bytes)) {
        return false;
    }
    twin_link_init(&rig->link, rig->twin);
    twin_clock_init(&rig->clock, rig->twin, config->utc_s);
    store_file_init(&rig->store, config->state_path);
    link_client_init(&rig->client, &rig->link.io, &(struct link_client_config){.board = config->board});
    rig->s3_config = config->s3;
    enum fota_err err = http_curl_open(NULL, &rig->http);
    if (!err) {
        err = s3_init(&rig->s3, http_curl_http(rig->http), &rig->s3_config);
    }
    if (!err) {
        err = start_gateway(rig, config);
    }
    if (err) {
        (void)snprintf(why, why_bytes, "cannot start the gateway: %s", fota_err_text(err));
    }
    return err == FOTA_OK;
}

bool rig_run_ms(struct rig *rig, uint32_t ms)
{
    const uint64_t end_ns = twin_now_ns(rig->twin) + (uint64_t)ms * 1000000U;
    return twin_run_until(rig->twin, end_ns) == TWIN_STOP_TIME;
}

bool rig_step(struct rig *rig)
{
    if (rig->wait_ms > 0) {
        const uint32_t slice_ms = rig->wait_ms < SLICE_MS ? rig->wait_ms : SLICE_MS;
        rig->wait_ms -= slice_ms;
        return rig_run_ms(rig, slice_ms);
    }
    return gateway_step(&rig->gateway, &rig->wait_ms) == FOTA_OK;
}

void rig_close(struct rig *rig)
{
    http_curl_close(rig->http);
    twin_destroy(rig->twin);
    memset(rig, 0, sizeof *rig);
}
