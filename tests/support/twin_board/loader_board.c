#include "loader_board.h"

#include <stdlib.h>
#include <string.h>

#include "base/flash_map.h"
#include "board_journal.h"
#include "firmware.h"
#include "small_app.h"

enum { START_MS = 2000, FACTORY_PAYLOAD_BYTES = 1024, VERSION_1 = 1 << 24, VERSION_2 = 2 << 24 };

/* --- images ------------------------------------------------------------------------------------------ */

static void make_release(uint32_t version, uint32_t mode, uint32_t n_bytes, struct test_release *out)
{
    uint8_t *code[2];
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), version, version >> 24);
    for (unsigned slot = 0; slot < 2; slot++) {
        spec.payload_bytes_of[slot] = n_bytes;
        spec.payload[slot] = code[slot] = small_app_code((enum slot)slot, mode, &spec.payload_bytes_of[slot]);
    }
    test_release_make(&spec, out);
    free(code[0]);
    free(code[1]);
}

static void make_releases(struct loader_board *board)
{
    if (board->config.kind == LOADER_AGENT) {
        board->factory = *demo_release(1);
    } else {
        make_release(VERSION_1, BOOT_APP_ASKS_FOR_LOADER, FACTORY_PAYLOAD_BYTES, &board->factory);
    }
    make_release(VERSION_2, BOOT_APP_CONFIRMS, board->config.payload_bytes, &board->update);
}

/* --- board ------------------------------------------------------------------------------------------- */

/* As it leaves the factory: version 1 in A, confirmed. */
static void confirm_factory(struct loader_board *board)
{
    struct boot_record record = {.active = SLOT_A, .state = {SLOT_STATE_CONFIRMED, SLOT_STATE_EMPTY}};
    uint8_t sha256[32];
    firmware_image_hash(board->factory.image[0], board->factory.n_image[0], sha256);
    memcpy(record.digest[0], sha256, BOOT_RECORD_DIGEST_BYTES);
    board_journal_append(board->base.twin, &record);
}

static void prove_it_answers(struct loader_board *board)
{
    struct link_peer peer;
    enum link_peer_kind expected =
        board->config.kind == LOADER_AGENT ? LINK_PEER_AGENT : LINK_PEER_BOOTLOADER;
    if (link_client_detect(&board->base.link, &peer) != FOTA_OK || peer.kind != expected) {
        twin_board_die("board", "the loader that was wanted does not answer");
    }
}

void loader_board_open(struct loader_board *board, const struct loader_config *config)
{
    const struct twin_config twin = {.flash_timing = config->timing, .seed = 3, .strict = true};
    memset(board, 0, sizeof *board);
    board->config = *config;
    make_releases(board);
    twin_board_open_with(&board->base, &twin, &board->factory);
    confirm_factory(board);
    twin_set_power(board->base.twin, true);
    twin_board_run_ms(&board->base, START_MS);
    board->ready = twin_board_save(&board->base);
    if (!twin_peek(board->base.twin, FLASH_MAP_BASE, board->before, LOADER_FLASH_BYTES)) {
        twin_board_die("flash", "cannot be read");
    }
    prove_it_answers(board);
    loader_board_restore(board);
}

void loader_board_close(struct loader_board *board)
{
    twin_snapshot_free(board->ready);
    twin_board_close(&board->base);
}

void loader_board_open_all(struct loader_board boards[LOADER_KINDS], enum twin_flash_timing timing,
                           uint32_t payload_bytes)
{
    for (unsigned i = 0; i < LOADER_KINDS; i++) {
        const struct loader_config config = {
            .kind = (enum loader_kind)i, .timing = timing, .payload_bytes = payload_bytes};
        loader_board_open(&boards[i], &config);
    }
}

void loader_board_close_all(struct loader_board boards[LOADER_KINDS])
{
    for (unsigned i = 0; i < LOADER_KINDS; i++) {
        loader_board_close(&boards[i]);
    }
}

void loader_board_restore(struct loader_board *board)
{
    twin_restore(board->base.twin, board->ready);
    twin_link_init(&board->base.wires, board->base.twin);
    link_client_init(&board->base.link, &board->base.wires.io, NULL);
}

/* --- what it shows ----------------------------------------------------------------------------------- */

bool loader_board_is_updated(const struct loader_board *board)
{
    struct boot_app_report report;
    return twin_peek(board->base.twin, BOOT_APP_REPORT_ADDR, &report, sizeof report) &&
           report.is_counting == BOOT_APP_DONE && report.base == FLASH_SLOT_B_BASE &&
           report.done == BOOT_APP_DONE && report.view.record.state[SLOT_B] == SLOT_STATE_CONFIRMED;
}

static bool may_change(uint32_t addr)
{
    return addr - FLASH_SLOT_B_BASE < FLASH_SLOT_BYTES || addr - FLASH_J0_BASE < FLASH_J0_BYTES ||
           addr - FLASH_J1_BASE < FLASH_J1_BYTES;
}

uint32_t loader_board_outside(const struct loader_board *board)
{
    static uint8_t after[LOADER_FLASH_BYTES];
    uint32_t n = 0;
    if (!twin_peek(board->base.twin, FLASH_MAP_BASE, after, sizeof after)) {
        twin_board_die("flash", "cannot be read");
    }
    for (uint32_t i = 0; i < sizeof after; i++) {
        n += after[i] != board->before[i] && !may_change(FLASH_MAP_BASE + i);
    }
    return n;
}

uint32_t loader_board_wrong(const struct loader_board *board, uint32_t n_bytes)
{
    static uint8_t flash[TEST_IMAGE_MAX_BYTES];
    uint32_t n_wrong = 0;
    if (n_bytes > board->update.n_image[1] ||
        !twin_peek(board->base.twin, FLASH_SLOT_B_BASE, flash, n_bytes)) {
        return n_bytes;
    }
    for (uint32_t i = 0; i < n_bytes; i++) {
        n_wrong += flash[i] != board->update.image[1][i];
    }
    return n_wrong;
}
