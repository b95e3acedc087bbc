#include "cuts_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "factory.h"
#include "firmware.h"
#include "release/file.h"

enum { BLOCKS_MAX = 4000 };

static struct test_key image_key, channel_key;

static void make_release(unsigned version, struct test_release *out)
{
    const unsigned program = version == CUTS_REBUILT ? 2 : version;
    uint8_t *payload[2];
    struct test_spec spec = test_spec(&image_key, &channel_key, version << 24, version);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        size_t n_bytes;
        (void)snprintf(path, sizeof path, "%s/app/demo-%u.0.0-%c.bin", firmware_folder(), program,
                       slot ? 'b' : 'a');
        if (file_read(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes, NULL) != FOTA_OK) {
            factory_die(path, "cannot be read; build the firmware first (make fw)");
        }
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes;
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

void cuts_make_releases(struct cuts_releases *out)
{
    struct key key;
    factory_read_key(&key);
    memcpy(image_key.secret, key.secret, sizeof image_key.secret);
    memcpy(image_key.point, key.point, sizeof image_key.point);
    key_forget(&key);
    test_key_make(&channel_key, 2);
    for (unsigned i = 0; i < CUTS_RELEASES; i++) {
        make_release(i + 1, &out->release[i]);
    }
}

void cuts_open(struct cuts_board *b, const struct cuts_releases *releases, const struct twin_config *config)
{
    memset(b, 0, sizeof *b);
    b->twin = factory_board(config);
    b->releases = releases;
    factory_store(b->twin, SLOT_A, releases->release[0].image[0], releases->release[0].n_image[0]);
    (void)twin_peek(b->twin, FLASH_BOOT_BASE, b->sector0, sizeof b->sector0);
}

void cuts_close(struct cuts_board *b)
{
    twin_destroy(b->twin);
}

/* --- console --- */

void cuts_listen(struct cuts_board *b)
{
    if (b->n_console > CUTS_CONSOLE_BYTES / 2) {
        size_t half = b->n_console / 2;
        memmove(b->console, b->console + half, b->n_console - half);
        b->n_console -= half;
    }
    b->n_console +=
        twin_console_read(b->twin, b->console + b->n_console, CUTS_CONSOLE_BYTES - 1 - b->n_console);
    b->console[b->n_console] = '\0';
}

void cuts_clear_console(struct cuts_board *b)
{
    cuts_listen(b);
    b->n_console = 0;
    b->console[0] = '\0';
}

bool cuts_said(const struct cuts_board *b, const char *text)
{
    return strstr(b->console, text) != NULL;
}

struct cuts_start cuts_last_start(const struct cuts_board *b)
{
    struct cuts_start start = {0};
    for (const char *at = strstr(b->console, "app: version "); at; at = strstr(at + 1, "app: version ")) {
        struct cuts_start here = {.is_there = true};
        unsigned minor, revision;
        int n = sscanf(at, "app: version %u.%u.%u slot %c %15s %u left", &here.version, &minor, &revision,
                       &here.slot, here.state, &here.tries_left);
        if (n >= 5 && strchr(at, '\n') != NULL) {
            start = here;
        }
    }
    return start;
}

/* --- what must be true --- */

static bool holds(const struct cuts_board *b, unsigned slot, unsigned version)
{
    static uint8_t bytes[TEST_IMAGE_MAX_BYTES];
    const struct test_release *r = &b->releases->release[version - 1];
    uint32_t base = slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE;
    return twin_peek(b->twin, base, bytes, r->n_image[slot]) &&
           memcmp(bytes, r->image[slot], r->n_image[slot]) == 0;
}

const char *cuts_check(const struct cuts_board *b, const struct cuts_start *start)
{
    uint8_t sector0[sizeof b->sector0];
    (void)twin_peek(b->twin, FLASH_BOOT_BASE, sector0, sizeof sector0);
    if (memcmp(sector0, b->sector0, sizeof sector0) != 0) {
        return "sector 0 changed";
    }
    if (!holds(b, SLOT_A, 1)) {
        return "the active slot changed";
    }
    if (!start->is_there) {
        return "no application started";
    }
    if (start->version < 1 || start->version > CUTS_VERSIONS) {
        return "an unknown version runs";
    }
    unsigned slot = start->slot == 'B';
    bool is_rebuilt = start->version == 2 && holds(b, slot, CUTS_REBUILT);
    if (!holds(b, slot, start->version) && !is_rebuilt) {
        return "the running image is not the release, byte for byte";
    }
    if (strcmp(start->state, "confirmed") != 0 && strcmp(start->state, "trial") != 0) {
        return "the running image is neither confirmed nor on trial";
    }
    return NULL;
}

uint64_t cuts_flash_hash(const struct cuts_board *b)
{
    static uint64_t words[FLASH_MAP_BYTES / 8];
    uint64_t h[4] = {1, 2, 3, 4};
    (void)twin_peek(b->twin, FLASH_MAP_BASE, words, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        uint64_t *lane = &h[i & 3];
        *lane = (*lane ^ words[i]) * 0x9E3779B97F4A7C15U;
        *lane ^= *lane >> 32;
    }
    return (h[0] ^ h[1] * 3 ^ h[2] * 5 ^ h[3] * 7 ^ twin_cells_hash(b->twin)) | 1U;
}

/* --- a host that installs a release --- */

static enum fota_err stream(struct link_client *c, const struct test_release *r, struct link_session *session)
{
    uint32_t off = session->resume_off;
    const uint8_t *image = r->image[session->slot];
    for (unsigned i = 0; i < BLOCKS_MAX && off < session->image_bytes; i++) {
        struct link_progress progress;
        uint32_t left = session->image_bytes - off;
        uint32_t n = left < session->block_max_bytes ? left : session->block_max_bytes;
        enum fota_err err = link_client_block(c, session->session_id, off, image + off, n, &progress);
        if (err) {
            return err;
        }
        off = progress.accepted_off;
    }
    return off >= session->image_bytes ? FOTA_OK : E_TIMEOUT;
}

enum fota_err cuts_install(const struct cuts_board *b, unsigned version, struct link_io *io)
{
    const struct test_release *r = &b->releases->release[version - 1];
    struct link_client client;
    struct link_peer peer;
    struct link_session session;
    struct link_progress progress;
    link_client_init(&client, io, NULL);
    enum fota_err err = link_client_detect(&client, &peer);
    if (err == FOTA_OK) {
        err = link_client_begin(&client, (const uint8_t *)r->statement, (uint32_t)r->n_statement, &session);
    }
    if (err == FOTA_OK) {
        err = stream(&client, r, &session);
    }
    if (err == FOTA_OK) {
        err = link_client_finish(&client, session.session_id, &progress);
    }
    return err ? err : link_client_activate(&client, session.session_id, &progress);
}
