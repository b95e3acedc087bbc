/* The ESP32's own flash: the staging partition, and NVS. */
#include <string.h>

#include "esp_partition.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "stand_in_priv.h"

enum { ENTRIES = 16, BLOB_MAX_BYTES = 4000, SPACES = 4, PROGRAM_US_PER_256 = 700, READ_BYTES_PER_US = 20 };

static uint8_t memory[STAND_IN_FLASH_BYTES];
static esp_partition_t partition;

static struct nvs_entry {
    bool is_used;
    nvs_handle_t space;
    char key[NVS_KEY_NAME_MAX_SIZE];
    size_t n_bytes;
    uint8_t bytes[BLOB_MAX_BYTES];
} entries[ENTRIES];
static char spaces[SPACES][NVS_KEY_NAME_MAX_SIZE];

uint8_t *stand_in_flash(void)
{
    return memory;
}

size_t stand_in_flash_bytes(void)
{
    return sizeof memory + sizeof entries + sizeof spaces;
}

void stand_in_save_flash(uint8_t *to)
{
    memcpy(to, memory, sizeof memory);
    memcpy(to + sizeof memory, entries, sizeof entries);
    memcpy(to + sizeof memory + sizeof entries, spaces, sizeof spaces);
}

void stand_in_restore_flash(const uint8_t *from)
{
    memcpy(memory, from, sizeof memory);
    memcpy(entries, from + sizeof memory, sizeof entries);
    memcpy(spaces, from + sizeof memory + sizeof entries, sizeof spaces);
}

void stand_in_reset_flash(bool is_new)
{
    const uint32_t n = stand_in.config.stage_bytes;
    if (is_new) {
        memset(memory, 0xFF, sizeof memory);
        memset(entries, 0, sizeof entries);
        memset(spaces, 0, sizeof spaces);
    }
    partition = (esp_partition_t){.type = ESP_PARTITION_TYPE_DATA,
                                  .subtype = (esp_partition_subtype_t)0x40,
                                  .address = 0x290000,
                                  .size = n ? n : STAND_IN_FLASH_BYTES,
                                  .erase_size = STAND_IN_SECTOR_BYTES,
                                  .label = "fota_stage",
                                  .encrypted = stand_in.config.is_stage_encrypted};
}

/* --- partition ---------------------------------------------------------------------------------------------- */

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label)
{
    bool is_it = type == partition.type &&
                 (subtype == partition.subtype || subtype == ESP_PARTITION_SUBTYPE_ANY) && label &&
                 strcmp(label, partition.label) == 0;
    return is_it && partition.size > 1 ? &partition : NULL;
}

static uint8_t *bytes_of(const esp_partition_t *p)
{
    uint8_t *app = stand_in_app_memory(p);
    return app ? app : memory;
}

static esp_err_t check(const esp_partition_t *p, size_t off, size_t size)
{
    if (off > p->size) {
        return ESP_ERR_INVALID_ARG;
    }
    return size > p->size - off ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

esp_err_t esp_partition_read(const esp_partition_t *p, size_t off, void *dst, size_t size)
{
    const esp_err_t err = check(p, off, size);
    if (err != ESP_OK || !stand_in_alive()) {
        return err != ESP_OK ? err : ESP_FAIL;
    }
    memcpy(dst, bytes_of(p) + off, size);
    stand_in_stall_us(size / READ_BYTES_PER_US);
    return ESP_OK;
}

/* Cut: the bytes before a place drawn are written, of the byte there some bits. */
esp_err_t esp_partition_write(const esp_partition_t *p, size_t off, const void *src, size_t size)
{
    const uint8_t *from = src;
    uint8_t *to = bytes_of(p);
    const esp_err_t err = check(p, off, size);
    if (err != ESP_OK || !stand_in_alive()) {
        return err != ESP_OK ? err : ESP_FAIL;
    }
    const bool is_cut = stand_in_flash_op();
    const size_t n = is_cut ? stand_in_draw((uint32_t)size + 1U) : size;
    for (size_t i = 0; i < n; i++) {
        to[off + i] &= from[i];
    }
    if (is_cut && n < size) {
        to[off + n] &= (uint8_t)(from[n] | stand_in_draw(256));
    }
    stand_in_stall_us((size + 255U) / 256U * PROGRAM_US_PER_256);
    return is_cut ? ESP_FAIL : ESP_OK;
}

/* Cut: each byte of the sector is old, blank, zero or anything. */
static void tear(uint8_t *sector)
{
    for (size_t i = 0; i < STAND_IN_SECTOR_BYTES; i++) {
        switch (stand_in_draw(4)) {
        case 0:
            sector[i] = 0xFF;
            break;
        case 1:
            sector[i] = 0;
            break;
        case 2:
            sector[i] = (uint8_t)stand_in_draw(256);
            break;
        default:
            break;
        }
    }
}

esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t off, size_t size)
{
    const esp_err_t err = check(p, off, size);
    if (off % STAND_IN_SECTOR_BYTES != 0) {
        return ESP_ERR_INVALID_ARG;
    }
    if (err != ESP_OK || size % STAND_IN_SECTOR_BYTES != 0) {
        return ESP_ERR_INVALID_SIZE;
    }
    for (; size > 0; size -= STAND_IN_SECTOR_BYTES, off += STAND_IN_SECTOR_BYTES) {
        if (!stand_in_alive()) {
            return ESP_FAIL;
        }
        const bool is_cut = stand_in_flash_op();
        stand_in.stats.flash_erases++;
        stand_in_stall_us(stand_in.config.erase_us);
        if (is_cut) {
            if (stand_in_draw(4) > 0) { /* else nothing of it happened */
                tear(bytes_of(p) + off);
            }
            return ESP_FAIL;
        }
        memset(bytes_of(p) + off, 0xFF, STAND_IN_SECTOR_BYTES);
    }
    return ESP_OK;
}

/* --- NVS ------------------------------------------------------------------------------------------------------ */

esp_err_t nvs_flash_init(void)
{
    stand_in.config.is_nvs_off = false;
    return ESP_OK;
}

esp_err_t nvs_flash_erase(void)
{
    memset(entries, 0, sizeof entries);
    memset(spaces, 0, sizeof spaces);
    return ESP_OK;
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    if (stand_in.config.is_nvs_off) {
        return ESP_ERR_NVS_NOT_INITIALIZED;
    }
    if (strlen(namespace_name) >= NVS_KEY_NAME_MAX_SIZE) {
        return ESP_ERR_NVS_KEY_TOO_LONG;
    }
    for (unsigned i = 0; i < SPACES; i++) {
        if (strcmp(spaces[i], namespace_name) == 0) {
            *out_handle = i + 1U;
            return ESP_OK;
        }
        if (spaces[i][0] == '\0') {
            if (open_mode == NVS_READONLY) {
                return ESP_ERR_NVS_NOT_FOUND;
            }
            (void)strcpy(spaces[i], namespace_name);
            *out_handle = i + 1U;
            return ESP_OK;
        }
    }
    return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
}

void nvs_close(nvs_handle_t handle)
{
    (void)handle;
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    (void)handle;
    return ESP_OK;
}

static struct nvs_entry *find(nvs_handle_t handle, const char *key)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (entries[i].is_used && entries[i].space == handle && strcmp(entries[i].key, key) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

/* Cut: the old value, or the new one. */
esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    struct nvs_entry *e = find(handle, key);
    if (strlen(key) >= NVS_KEY_NAME_MAX_SIZE) {
        return ESP_ERR_NVS_KEY_TOO_LONG;
    }
    for (unsigned i = 0; i < ENTRIES && !e; i++) {
        e = entries[i].is_used ? NULL : &entries[i];
    }
    if (!e || length > BLOB_MAX_BYTES) {
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    }
    if (!stand_in_alive()) {
        return ESP_FAIL;
    }
    const bool is_cut = stand_in_flash_op();
    stand_in_stall_us((length + 255U) / 256U * PROGRAM_US_PER_256);
    if (!is_cut || stand_in_draw(2) == 0) {
        e->is_used = true;
        e->space = handle;
        (void)strcpy(e->key, key);
        e->n_bytes = length;
        memcpy(e->bytes, value, length);
    }
    return is_cut ? ESP_FAIL : ESP_OK;
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
    const struct nvs_entry *e = find(handle, key);
    if (!e) {
        return ESP_ERR_NVS_NOT_FOUND;
    }
    if (!stand_in_alive()) {
        return ESP_FAIL;
    }
    if (!out_value) {
        *length = e->n_bytes;
        return ESP_OK;
    }
    if (*length < e->n_bytes) {
        return ESP_ERR_NVS_INVALID_LENGTH;
    }
    memcpy(out_value, e->bytes, e->n_bytes);
    *length = e->n_bytes;
    return ESP_OK;
}

/* Cut: it is there still, or gone. */
static esp_err_t erase_entry(struct nvs_entry *e)
{
    if (!stand_in_alive()) {
        return ESP_FAIL;
    }
    const bool is_cut = stand_in_flash_op();
    stand_in_stall_us(PROGRAM_US_PER_256);
    e->is_used = is_cut && stand_in_draw(2) == 0;
    return is_cut ? ESP_FAIL : ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    struct nvs_entry *e = find(handle, key);
    if (!e) {
        return ESP_ERR_NVS_NOT_FOUND;
    }
    return erase_entry(e);
}

/* Of this namespace only; key by key, so that a cut leaves some. */
esp_err_t nvs_erase_all(nvs_handle_t handle)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        const bool is_its = entries[i].is_used && entries[i].space == handle;
        const esp_err_t err = is_its ? erase_entry(&entries[i]) : ESP_OK;
        if (err != ESP_OK) {
            return err;
        }
    }
    return ESP_OK;
}
