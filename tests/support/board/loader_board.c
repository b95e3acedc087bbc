#include "loader_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "factory.h"
#include "firmware.h"
#include "guest/boot_app.h"
#include "link_client/link_client.h"
#include "port_twin/twin_link.h"
#include "release/file.h"

enum { START_MS = 2000, FACTORY_PAYLOAD_BYTES = 1024, VERSION_1 = 1 << 24, VERSION_2 = 2 << 24 };

/* --- images ------------------------------------------------------------------------------------------ */

static uint8_t *read_binary(const char *path, uint32_t *n_bytes)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (file_read(path, TEST_IMAGE_MAX_BYTES, &bytes, &n, NULL) != FOTA_OK) {
        factory_die(path, "cannot be read; build the firmware first (make fw)");
    }
    *n_bytes = (uint32_t)n;
    return bytes;
}

/* The tiny application with its mode, filled up with bytes that are no pattern. */
static uint8_t *tiny_payload(unsigned slot, uint32_t mode, uint32_t n_bytes)
{
    uint32_t n_code;
    uint8_t *code = read_binary(slot ? BOOT_APP_B : BOOT_APP_A, &n_code);
    uint8_t *out = malloc(n_bytes);
    if (out == NULL || n_code > n_bytes) {
        factory_die("payload", "does not fit");
    }
    uint32_t noise = 1;
    for (uint32_t i = 0; i < n_bytes; i++) {
        noise = noise * 1664525U + 1013904223U;
        out[i] = i < n_code ? code[i] : (uint8_t)(noise >> 24);
    }
    bytes_store_le32(out + BOOT_APP_MODE_OFF, mode);
    free(code);
    return out;
}

static void make_release(struct loader_board *board, uint32_t version, struct test_release *out)
{
    bool is_demo = version == VERSION_1 && board->config.kind == LOADER_AGENT;
    uint32_t mode = version == VERSION_1 ? BOOT_APP_ASKS_FOR_LOADER : BOOT_APP_CONFIRMS;
    uint32_t n_tiny = version == VERSION_1 ? FACTORY_PAYLOAD_BYTES : board->config.payload_bytes;
    uint8_t *payload[2];
    struct test_spec spec = test_spec(&board->image_key, &board->channel_key, version, version >> 24);
    for (unsigned slot = 0; slot < 2; slot++) {
        const char *demo = FOTA_FIRMWARE_DIR "/app/demo-1.0.0-a.bin";
        demo = slot ? FOTA_FIRMWARE_DIR "/app/demo-1.0.0-b.bin" : demo;
        spec.payload_bytes_of[slot] = n_tiny;
        payload[slot] =
            is_demo ? read_binary(demo, &spec.payload_bytes_of[slot]) : tiny_payload(slot, mode, n_tiny);
        spec.payload[slot] = payload[slot];
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

static void read_keys(struct loader_board *board)
{
    struct key key;
    factory_read_key(&key);
    memcpy(board->image_key.secret, key.secret, sizeof key.secret);
    memcpy(board->image_key.point, key.point, sizeof key.point);
    key_forget(&key);
    test_key_make(&board->channel_key, 2);
}

/* --- board ------------------------------------------------------------------------------------------- */

/* As it leaves the factory: version 1 in A, confirmed. */
static void program(struct loader_board *board)
{
    struct boot_record record = {.active = SLOT_A, .state = {SLOT_STATE_CONFIRMED, SLOT_STATE_EMPTY}};
    uint8_t sha256[32];
    const struct test_release *v1 = &board->factory;
    factory_store(board->twin, SLOT_A, v1->image[0], v1->n_image[0]);
    firmware_image_hash(v1->image[0], v1->n_image[0], sha256);
    memcpy(record.digest[0], sha256, BOOT_RECORD_DIGEST_BYTES);
    factory_journal(board->twin, &record);
}

static void prove_it_answers(struct loader_board *board)
{
    struct twin_link wires;
    struct link_client link;
    struct link_peer peer;
    enum link_peer_kind expected =
        board->config.kind == LOADER_AGENT ? LINK_PEER_AGENT : LINK_PEER_BOOTLOADER;
    twin_link_init(&wires, board->twin);
    link_client_init(&link, &wires.io, NULL);
    if (link_client_detect(&link, &peer) != FOTA_OK || peer.kind != expected) {
        factory_die("board", "the loader that was wanted does not answer");
    }
}

void loader_board_open(struct loader_board *board, const struct loader_config *config)
{
    const struct twin_config twin = {.flash_timing = config->timing, .seed = 3, .strict = true};
    memset(board, 0, sizeof *board);
    board->config = *config;
    read_keys(board);
    make_release(board, VERSION_1, &board->factory);
    make_release(board, VERSION_2, &board->update);
    board->twin = factory_board(&twin);
    program(board);
    twin_set_power(board->twin, true);
    loader_board_run_us(board, (uint64_t)START_MS * 1000U);
    board->ready = twin_save(board->twin);
    if (board->ready == NULL || !twin_peek(board->twin, FLASH_MAP_BASE, board->before, LOADER_FLASH_BYTES)) {
        factory_die("board", "cannot be saved");
    }
    prove_it_answers(board);
    loader_board_restore(board);
}

void loader_board_close(struct loader_board *board)
{
    twin_snapshot_free(board->ready);
    twin_destroy(board->twin);
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
    twin_restore(board->twin, board->ready);
}

void loader_board_run_us(struct loader_board *board, uint64_t us)
{
    struct twin_violation first;
    (void)twin_run_until(board->twin, twin_now_ns(board->twin) + us * 1000U);
    if (twin_violation(board->twin, 0, &first) > 0) {
        factory_die("the firmware broke a rule", first.text);
    }
}

/* --- what it shows ----------------------------------------------------------------------------------- */

bool loader_board_is_updated(const struct loader_board *board)
{
    struct boot_app_report report;
    return twin_peek(board->twin, BOOT_APP_REPORT_ADDR, &report, sizeof report) &&
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
    if (!twin_peek(board->twin, FLASH_MAP_BASE, after, sizeof after)) {
        factory_die("flash", "cannot be read");
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
    if (n_bytes > board->update.n_image[1] || !twin_peek(board->twin, FLASH_SLOT_B_BASE, flash, n_bytes)) {
        return n_bytes;
    }
    for (uint32_t i = 0; i < n_bytes; i++) {
        n_wrong += flash[i] != board->update.image[1][i];
    }
    return n_wrong;
}

uint64_t loader_board_erases(const struct loader_board *board)
{
    const struct twin_stats *stats = twin_stats(board->twin);
    return stats->flash_erases[8] + stats->flash_erases[9] + stats->flash_erases[10];
}
