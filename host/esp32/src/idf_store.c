#include "idf_store.h"

#include <stdbool.h>
#include <string.h>

#include "nvs.h"

static const char *const KEYS[STORE_CELLS] = {"record0", "record1"};

static const struct idf_store *of(struct store *store)
{
    return (const struct idf_store *)(const void *)store; /* first member */
}

static bool is_valid(unsigned cell, size_t n_bytes)
{
    return cell < STORE_CELLS && n_bytes > 0 && n_bytes <= STORE_CELL_BYTES;
}

static enum fota_err load(struct store *store, unsigned cell, uint8_t *bytes, size_t n_bytes)
{
    nvs_handle_t nvs = 0;
    if (!is_valid(cell, n_bytes)) {
        return E_ARG;
    }
    esp_err_t err = nvs_open(of(store)->space, NVS_READONLY, &nvs);
    if (err == ESP_ERR_NVS_NOT_FOUND) { /* a namespace that nobody wrote to yet */
        return E_NOT_FOUND;
    }
    if (err != ESP_OK) {
        return E_IO;
    }
    /* Only what this gateway saved has this length; a record of another one is none. */
    size_t n_there = 0;
    err = nvs_get_blob(nvs, KEYS[cell], NULL, &n_there);
    if (err == ESP_OK && n_there == n_bytes) {
        err = nvs_get_blob(nvs, KEYS[cell], bytes, &n_there);
    } else if (err == ESP_OK) {
        err = ESP_ERR_NVS_NOT_FOUND;
    }
    nvs_close(nvs);
    return err == ESP_OK ? FOTA_OK : err == ESP_ERR_NVS_NOT_FOUND ? E_NOT_FOUND : E_IO;
}

static enum fota_err save(struct store *store, unsigned cell, const uint8_t *bytes, size_t n_bytes)
{
    nvs_handle_t nvs = 0;
    if (!is_valid(cell, n_bytes)) {
        return E_ARG;
    }
    esp_err_t err = nvs_open(of(store)->space, NVS_READWRITE, &nvs);
    if (err != ESP_OK) {
        idf_log(of(store)->log, 'E', "NVS namespace %s cannot be opened: %s", of(store)->space,
                esp_err_to_name(err));
        return E_IO;
    }
    err = nvs_set_blob(nvs, KEYS[cell], bytes, n_bytes);
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    nvs_close(nvs);
    if (err != ESP_OK) {
        idf_log(of(store)->log, 'E', "NVS cannot save the record: %s; the partition nvs needs at least 20 kB",
                esp_err_to_name(err));
    }
    return err == ESP_OK ? FOTA_OK : E_IO;
}

enum fota_err idf_store_open(struct idf_store *store, const char *space, const struct idf_log *log)
{
    static const struct store_ops ops = {.load = load, .save = save};
    nvs_handle_t nvs = 0;
    *store = (struct idf_store){.store = {.ops = &ops}, .space = space, .log = log};
    if (!space || space[0] == '\0' || strlen(space) >= NVS_KEY_NAME_MAX_SIZE) {
        idf_log(log, 'E', "nvs_namespace \"%s\" is not a name: give 1 to 15 characters", space ? space : "");
        return E_ARG;
    }
    const esp_err_t err = nvs_open(space, NVS_READWRITE, &nvs);
    if (err != ESP_OK) {
        idf_log(log, 'E',
                "NVS namespace %s cannot be opened: %s; call nvs_flash_init() before, and see that the "
                "partition table has nvs",
                space, esp_err_to_name(err));
        return E_IO;
    }
    nvs_close(nvs);
    return FOTA_OK;
}
