/* The last rung: a recovery kit (root, loader, image) that was checked and is kept in the staging store rebuilds a board
 * that only ST's ROM answers for, if the configuration says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_check.h"
#include "parts.h"
#include "service.h"

enum { PARTS = 3, NOTE_BYTES = PARTS * STAGE_DIGEST_BYTES, CHUNK_BYTES = 4096 };

static const enum stage_shelf SHELVES[PARTS] = {STAGE_KIT_ROOT, STAGE_KIT_LOADER, STAGE_KIT_IMAGE};
static const char *const NAMES[PARTS] = {"root", "loader", "image"};

/* Bytes of a kit. The note of each part names all three, so that no part of another kit is taken for one of this. */
struct kit {
    uint8_t *bytes[PARTS];
    uint32_t n_bytes[PARTS];
    uint8_t note[NOTE_BYTES];
};

static void digest_of(const uint8_t *bytes, uint32_t n_bytes, uint8_t out[STAGE_DIGEST_BYTES])
{
    struct crypto_sha256 hash;
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, bytes, n_bytes);
    crypto_sha256_final(&hash, out);
}

/* --- making a kit ------------------------------------------------------------------------------------ */

static enum fota_err store_part(struct stage *stage, unsigned part, const uint8_t *bytes, uint32_t n_bytes,
                                const uint8_t note[NOTE_BYTES])
{
    struct stage_item item = {.total_bytes = n_bytes, .n_note_bytes = NOTE_BYTES};
    memcpy(item.digest, note + part * STAGE_DIGEST_BYTES, sizeof item.digest);
    enum fota_err err = stage_drop(stage, STAGE_INCOMING); /* what arrives there is fetched again */
    if (!err) {
        err = stage_begin(stage, &item, note);
    }
    for (uint32_t at = 0; at < n_bytes && !err; at += CHUNK_BYTES) {
        const uint32_t n = n_bytes - at < CHUNK_BYTES ? n_bytes - at : CHUNK_BYTES;
        err = stage_append(stage, at, bytes + at, n);
    }
    return err ? err : stage_keep(stage, SHELVES[part]);
}

static enum fota_err store_kit(struct stage *stage, const struct recover_parts *p)
{
    const uint8_t *const bytes[PARTS] = {p->bootloader, p->loader, p->image};
    const uint32_t n_bytes[PARTS] = {p->n_bootloader, p->n_loader, p->n_image};
    uint8_t note[NOTE_BYTES];
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i < PARTS; i++) {
        digest_of(bytes[i], n_bytes[i], note + i * STAGE_DIGEST_BYTES);
    }
    for (unsigned i = 0; i < PARTS && !err; i++) {
        err = store_part(stage, i, bytes[i], n_bytes[i], note);
    }
    return err;
}

/* The parts fit each other; do they fit this gateway's board and keys? */
static enum cli_exit check_kit(struct service *s, const char *path, const struct cli_parts *parts)
{
    struct gateway_keys keys;
    struct image_facts facts;
    enum cli_exit result = service_read_keys(s, &keys);
    if (result != CLI_OK) {
        return result;
    }
    const struct image_check wanted = {.hw = s->config.hw,
                                       .key = {&s->image_key, keys.image[1] ? &s->next_key : NULL}};
    return image_check(s->cli, path, parts->parts.image, parts->parts.n_image, &wanted, &facts);
}

enum cli_exit service_kit(struct service *s, const char *root, const char *loader, const char *image)
{
    const struct cli_parts_paths paths = {.bootloader = root, .loader = loader, .image = image};
    struct cli_parts *parts = calloc(1, sizeof *parts);
    if (!parts) {
        return cli_fail(s->cli, E_INTERNAL, "no memory");
    }
    enum cli_exit result = cli_parts_read(s->cli, &paths, parts);
    if (result == CLI_OK) {
        result = check_kit(s, image, parts);
    }
    if (result == CLI_OK) {
        result = service_open_stores(s);
    }
    if (result == CLI_OK) {
        enum fota_err err = store_kit(&s->stage.stage, &parts->parts);
        result = err ? cli_fail(s->cli, err, "the kit cannot be kept in %s", s->config.stage) : CLI_OK;
    }
    if (result == CLI_OK) {
        (void)fprintf(s->cli->out, "kit\n");
        if (!s->config.rebuild) {
            cli_note(s->cli,
                     "this gateway does not use it: [service] rebuild = kit is not in its configuration");
        }
    }
    cli_parts_free(parts);
    free(parts);
    return result;
}

/* --- using it ---------------------------------------------------------------------------------------- */

static void free_kit(struct kit *kit)
{
    for (unsigned i = 0; i < PARTS; i++) {
        free(kit->bytes[i]);
    }
}

/* No part of RM0090 has more flash: a length beyond this is a damaged note, not a reason to ask for memory. */
enum { PART_MAX_BYTES = 2 * 1024 * 1024 };

static enum fota_err load_part(struct stage *stage, unsigned part, struct kit *kit)
{
    struct stage_item item;
    uint8_t note[NOTE_BYTES];
    uint8_t digest[STAGE_DIGEST_BYTES];
    enum fota_err err = stage_look(stage, SHELVES[part], &item);
    if (err) {
        return err;
    }
    if (item.n_bytes != item.total_bytes || item.n_bytes > PART_MAX_BYTES ||
        item.n_note_bytes != NOTE_BYTES) {
        return E_UPDATE_DAMAGED;
    }
    err = stage_note(stage, SHELVES[part], note, sizeof note);
    if (err) {
        return err;
    }
    if (part == 0) {
        memcpy(kit->note, note, sizeof note);
    }
    kit->n_bytes[part] = item.n_bytes;
    kit->bytes[part] = malloc(item.n_bytes);
    if (!kit->bytes[part]) {
        return E_NO_SPACE;
    }
    err = stage_read(stage, SHELVES[part], 0, kit->bytes[part], item.n_bytes);
    if (err) {
        return err;
    }
    digest_of(kit->bytes[part], item.n_bytes, digest);
    bool is_whole = memcmp(note, kit->note, sizeof note) == 0 &&
                    memcmp(digest, kit->note + part * STAGE_DIGEST_BYTES, sizeof digest) == 0;
    return is_whole ? FOTA_OK : E_UPDATE_DAMAGED;
}

static void on_event(void *ctx, const struct recover_event *e)
{
    struct service *s = ctx;
    service_stay_alive(s);
    if (e->kind == RECOVER_EVENT_STEP) {
        service_say(&s->watch, SERVICE_NOTICE, "rebuild of the board: %s", recover_step_name(e->step));
    } else if (e->kind == RECOVER_EVENT_RESTART) {
        service_say(&s->watch, SERVICE_WARNING, "rebuild of the board: all of it again: %s",
                    fota_err_text(e->reason));
    }
}

static enum fota_err rebuild(struct service *s, const struct kit *kit)
{
    const struct recover_config config = {.on_event = on_event, .ctx = s};
    const struct recover_parts parts = {.bootloader = kit->bytes[0],
                                        .n_bootloader = kit->n_bytes[0],
                                        .loader = kit->bytes[1],
                                        .n_loader = kit->n_bytes[1],
                                        .image = kit->bytes[2],
                                        .n_image = kit->n_bytes[2]};
    struct recover_plan plan;
    struct recover_result result;
    enum fota_err err = recover_plan_make(&parts, &plan, NULL);
    if (err) {
        return err;
    }
    if (strcmp(plan.hw_id, s->config.hw) != 0) {
        return E_IMAGE_HARDWARE;
    }
    err = recover_run(s->link, &plan, &config, &result);
    return err == E_SLOT_HEALTHY ? FOTA_OK : err;
}

enum fota_err service_rebuild(void *ctx)
{
    struct service *s = ctx;
    struct kit kit = {.n_bytes = {0}};
    enum fota_err err = FOTA_OK;
    for (unsigned i = 0; i < PARTS && !err; i++) {
        err = load_part(&s->stage.stage, i, &kit);
        if (err) {
            service_say(
                &s->watch, SERVICE_ERROR,
                "the board is not rebuilt, nothing was written: the %s of the recovery kit in %s is %s; "
                "`fota gateway kit ROOT LOADER IMAGE` makes a kit",
                NAMES[i], s->config.stage, err == E_NOT_FOUND ? "missing" : "damaged");
        }
    }
    if (!err) {
        err = rebuild(s, &kit);
    }
    free_kit(&kit);
    return err;
}
