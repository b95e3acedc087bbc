/*
 * Two partitions for applications, otadata, and the bootloader that reads it: a NEW application becomes PENDING_VERIFY at its
 * first start, and ABORTED at the next reset unless it was marked valid before. otadata has two sectors; the one that does not
 * count is erased and written, so a cut leaves the old choice; a mark rewrites the one that counts, so a cut loses it.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "stand_in_priv.h"

enum {
    APPS = 2,
    HANDLE = 7,
    OTADATA_WRITE_US = 700,
    HEAD_BYTES = 8, /* E9, three bytes, length */
    DIGEST_BYTES = CRYPTO_SHA256_BYTES,
    APP_FIRST_BYTE = 0xE9,
    NO_STATE = -1 /* what esptool leaves, and an application without rollback writes */
};

static uint8_t app[APPS][STAND_IN_OTA_BYTES];
static esp_partition_t partitions[APPS];
/* otadata, one entry in each sector. */
static struct {
    bool is_sound; /* its CRC is right */
    uint32_t seq;
    int state;
} entry[APPS];
static unsigned running;
static jmp_buf *restart_place;
static esp_reset_reason_t reset_reason, next_reason; /* next: unknown is a failure of the supply */

/* The write that is under way. */
static struct {
    bool is_open;
    unsigned at; /* partition */
    size_t done, erased;
} update;

uint8_t *stand_in_app(unsigned partition)
{
    return app[partition];
}

unsigned stand_in_running(void)
{
    return running;
}

uint8_t *stand_in_app_memory(const esp_partition_t *p)
{
    return p == &partitions[0] ? app[0] : p == &partitions[1] ? app[1] : NULL;
}

void stand_in_app_make(uint8_t *out, size_t n_bytes, uint8_t number)
{
    struct crypto_sha256 hash;
    memset(out, number, n_bytes);
    out[0] = APP_FIRST_BYTE;
    bytes_store_le32(out + 4, (uint32_t)n_bytes);
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, out, n_bytes - DIGEST_BYTES);
    crypto_sha256_final(&hash, out + n_bytes - DIGEST_BYTES);
}

/* The checks of bootloader and esp_ota_end: first byte, length, SHA-256 at the end. */
static bool is_app(unsigned i)
{
    struct crypto_sha256 hash;
    uint8_t digest[DIGEST_BYTES];
    const uint32_t n = bytes_load_le32(app[i] + 4);
    if (app[i][0] != APP_FIRST_BYTE || n < HEAD_BYTES + DIGEST_BYTES || n > STAND_IN_OTA_BYTES) {
        return false;
    }
    crypto_sha256_init(&hash);
    crypto_sha256_update(&hash, app[i], n - DIGEST_BYTES);
    crypto_sha256_final(&hash, digest);
    return memcmp(digest, app[i] + n - DIGEST_BYTES, DIGEST_BYTES) == 0;
}

/* --- otadata, bootloader --------------------------------------------------------------------------------------- */

static unsigned place_of(uint32_t seq)
{
    return (unsigned)(seq - 1U) % APPS;
}

/* @return the entry that counts; APPS: none */
static unsigned active(void)
{
    unsigned best = APPS;
    for (unsigned i = 0; i < APPS; i++) {
        bool counts = entry[i].is_sound && entry[i].state != ESP_OTA_IMG_INVALID &&
                      entry[i].state != ESP_OTA_IMG_ABORTED;
        if (counts && (best == APPS || entry[i].seq > entry[best].seq)) {
            best = i;
        }
    }
    return best;
}

/* An erase, then a write. Cut in the erase: nothing, or the entry is gone; in the write: it is gone, or all of it is there. */
static esp_err_t rewrite(unsigned i, uint32_t seq, int state)
{
    if (!stand_in_alive()) {
        return ESP_FAIL;
    }
    bool is_cut = stand_in_flash_op();
    stand_in_stall_us(stand_in.config.erase_us);
    entry[i].is_sound = is_cut && stand_in_draw(2) == 0 && entry[i].is_sound;
    if (is_cut) {
        return ESP_FAIL;
    }
    is_cut = stand_in_flash_op();
    stand_in_stall_us(OTADATA_WRITE_US);
    entry[i].is_sound = !is_cut || stand_in_draw(2) == 0;
    entry[i].seq = seq;
    entry[i].state = state;
    return is_cut ? ESP_FAIL : ESP_OK;
}

static void boot(void)
{
    for (unsigned i = 0; i < APPS && !stand_in.config.has_no_rollback; i++) {
        if (entry[i].state == ESP_OTA_IMG_PENDING_VERIFY) {
            entry[i].state = ESP_OTA_IMG_ABORTED;
        }
    }
    const unsigned i = active();
    running = i < APPS ? place_of(entry[i].seq) : 0;
    if (i < APPS && entry[i].state == ESP_OTA_IMG_NEW && !stand_in.config.has_no_rollback) {
        entry[i].state = ESP_OTA_IMG_PENDING_VERIFY;
    }
    if (!is_app(running) && is_app(1 - running)) {
        running = 1 - running;
    }
}

void stand_in_reset_ota(bool is_new)
{
    if (is_new) {
        memset(app, 0xFF, sizeof app);
        memset(entry, 0, sizeof entry);
        stand_in_app_make(app[0], STAND_IN_APP_BYTES, 1); /* by cable */
    }
    for (unsigned i = 0; i < APPS; i++) {
        partitions[i] = (esp_partition_t){.type = ESP_PARTITION_TYPE_APP,
                                          .subtype = (esp_partition_subtype_t)(0x10 + i),
                                          .address = 0x10000 + i * 0x140000,
                                          .size = STAND_IN_OTA_BYTES,
                                          .erase_size = STAND_IN_SECTOR_BYTES};
        (void)snprintf(partitions[i].label, sizeof partitions[i].label, "ota_%u", i);
    }
    memset(&update, 0, sizeof update);
    reset_reason = next_reason == ESP_RST_UNKNOWN ? ESP_RST_POWERON : next_reason;
    next_reason = ESP_RST_UNKNOWN;
    boot();
}

/* As the Arduino core's initArduino: its own answer is weak and says no. */
bool verifyRollbackLater(void) __attribute__((weak));
bool verifyRollbackLater(void)
{
    return false;
}

void stand_in_arduino_starts(void)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    if (!verifyRollbackLater() && esp_ota_get_state_partition(&partitions[running], &state) == ESP_OK &&
        state == ESP_OTA_IMG_PENDING_VERIFY) {
        (void)esp_ota_mark_app_valid_cancel_rollback();
    }
}

/* --- esp_ota_ops.h ----------------------------------------------------------------------------------------------- */

static unsigned index_of(const esp_partition_t *p)
{
    return p == &partitions[0] ? 0 : p == &partitions[1] ? 1 : APPS;
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
    return &partitions[running];
}

const esp_partition_t *esp_ota_get_boot_partition(void)
{
    const unsigned i = active();
    return &partitions[i < APPS ? place_of(entry[i].seq) : 0];
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from)
{
    const unsigned from = start_from ? index_of(start_from) : running;
    return stand_in.config.is_one_app || from == APPS ? NULL : &partitions[1 - from];
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state)
{
    const unsigned at = index_of(partition);
    if (at == APPS) {
        return ESP_ERR_INVALID_ARG;
    }
    for (unsigned i = 0; i < APPS; i++) {
        if (entry[i].is_sound && place_of(entry[i].seq) == at) {
            *ota_state = (esp_ota_img_states_t)entry[i].state;
            return ESP_OK;
        }
    }
    return ESP_ERR_NOT_FOUND;
}

static bool is_pending(void)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    return esp_ota_get_state_partition(&partitions[running], &state) == ESP_OK &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size, esp_ota_handle_t *out_handle)
{
    const unsigned at = index_of(partition);
    if (at == APPS || update.is_open) {
        stand_in_wrong("esp_ota_begin: no such partition, or a handle was never given back");
        return ESP_ERR_INVALID_ARG;
    }
    if (at == running) {
        return ESP_ERR_OTA_PARTITION_CONFLICT;
    }
    if (is_pending()) {
        return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
    }
    if (image_size != OTA_WITH_SEQUENTIAL_WRITES) {
        stand_in_wrong("esp_ota_begin erases the whole partition at once: the watchdog bites");
    }
    memset(&update, 0, sizeof update);
    update.is_open = true;
    update.at = at;
    *out_handle = HANDLE;
    return stand_in_alive() ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    if (handle != HANDLE || !update.is_open) {
        stand_in_wrong("esp_ota_write without a handle");
        return ESP_ERR_INVALID_ARG;
    }
    if (size > 0 && update.done == 0 && bytes[0] != APP_FIRST_BYTE) {
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    while (update.erased < update.done + size) {
        const esp_err_t err =
            esp_partition_erase_range(&partitions[update.at], update.erased, STAND_IN_SECTOR_BYTES);
        if (err != ESP_OK) {
            return err;
        }
        update.erased += STAND_IN_SECTOR_BYTES;
    }
    const esp_err_t err = esp_partition_write(&partitions[update.at], update.done, data, size);
    update.done += err == ESP_OK ? size : 0;
    return err;
}

static bool take_back(esp_ota_handle_t handle)
{
    const bool was_open = handle == HANDLE && update.is_open;
    if (!was_open) {
        stand_in_wrong("a handle of esp_ota is given back twice");
    }
    update.is_open = false;
    return was_open;
}

esp_err_t esp_ota_end(esp_ota_handle_t handle)
{
    if (!take_back(handle)) {
        return ESP_ERR_NOT_FOUND;
    }
    return is_app(update.at) ? ESP_OK : ESP_ERR_OTA_VALIDATE_FAILED;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle)
{
    return take_back(handle) ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition)
{
    const unsigned at = index_of(partition);
    if (at == APPS || !is_app(at)) {
        return at == APPS ? ESP_ERR_INVALID_ARG : ESP_ERR_OTA_VALIDATE_FAILED;
    }
    const unsigned now = active();
    uint32_t seq = (at + 1U) % APPS;
    while (now < APPS && seq < entry[now].seq) {
        seq += APPS;
    }
    seq = seq ? seq : APPS;
    return rewrite(now < APPS ? 1 - now : 0, seq,
                   stand_in.config.has_no_rollback ? NO_STATE : (int)ESP_OTA_IMG_NEW);
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void)
{
    const unsigned i = active();
    if (i == APPS || place_of(entry[i].seq) != running) {
        return ESP_FAIL;
    }
    return entry[i].state == ESP_OTA_IMG_VALID ? ESP_OK : rewrite(i, entry[i].seq, ESP_OTA_IMG_VALID);
}

esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void)
{
    const unsigned i = active();
    if (i == APPS || place_of(entry[i].seq) != running || !is_app(1 - running)) {
        return ESP_ERR_OTA_ROLLBACK_FAILED;
    }
    const esp_err_t err = rewrite(i, entry[i].seq, ESP_OTA_IMG_INVALID);
    if (err == ESP_OK) {
        esp_restart();
    }
    return err;
}

esp_reset_reason_t esp_reset_reason(void)
{
    return reset_reason;
}

void stand_in_crash(void)
{
    next_reason = ESP_RST_PANIC;
    stand_in_reset();
}

void stand_in_restarts_to(jmp_buf *place)
{
    restart_place = place;
}

/* Nothing of this chip goes on until the test resets it. */
void esp_restart(void)
{
    stand_in.stats.restarts++;
    stand_in.is_dead = true;
    next_reason = ESP_RST_SW;
    if (restart_place) {
        longjmp(*restart_place, 1);
    }
    vTaskDelete(NULL);
    __builtin_unreachable();
}
