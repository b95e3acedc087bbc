#include "idf_settings.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "esp_random.h"
#include "idf_form.h"
#include "nvs.h"

enum {
    CELLS = 2,
    MAGIC = 0x31534746, /* "FGS1" as bytes */
    TEXTS_BYTES = sizeof(struct fota_gateway_settings),
    TEXTS_OFF = 8, /* after magic and number */
    CRC_OFF = TEXTS_OFF + TEXTS_BYTES,
    CELL_BYTES = CRC_OFF + 4
};
/* Only texts: the struct is its own format. */
_Static_assert(TEXTS_BYTES == 33 + 64 + 128 + 33 + 64 + 33 + 33, "the cell holds what is in the struct");

static const char *const KEYS[CELLS] = {"setup0", "setup1"};
static const char SECRET_KEY[] = "secret";
static const struct idf_log LOG; /* to ESP-IDF's */

bool idf_settings_is_space(const char *nvs_namespace, const struct idf_log *log)
{
    const size_t n = nvs_namespace ? strlen(nvs_namespace) : 0;
    if (n == 0 || n >= NVS_KEY_NAME_MAX_SIZE) {
        idf_log(log, 'E', "nvs_namespace \"%s\" is not a name: give 1 to 15 characters",
                nvs_namespace ? nvs_namespace : "");
        return false;
    }
    return true;
}

/* Open it, or say why not. A namespace that nobody wrote to yet is E_NOT_FOUND. */
static enum fota_err open_space(const char *space, nvs_open_mode_t mode, nvs_handle_t *out)
{
    if (!idf_settings_is_space(space, &LOG)) {
        return E_ARG;
    }
    const esp_err_t err = nvs_open(space, mode, out);
    if (err == ESP_OK || (err == ESP_ERR_NVS_NOT_FOUND && mode == NVS_READONLY)) {
        return err == ESP_OK ? FOTA_OK : E_NOT_FOUND;
    }
    idf_log(&LOG, 'E', "NVS namespace %s cannot be opened: %s; call nvs_flash_init() before", space,
            esp_err_to_name(err));
    return E_IO;
}

static enum fota_err say(esp_err_t err, const char *what)
{
    if (err != ESP_OK) {
        idf_log(&LOG, 'E', "%s: %s; the partition nvs needs at least 20 kB", what, esp_err_to_name(err));
    }
    return err == ESP_OK ? FOTA_OK : E_IO;
}

/* --- cells ----------------------------------------------------------------------------------------------------------- */

/* @return false: there is none, or it is not whole */
static bool read_cell(nvs_handle_t nvs, unsigned cell, uint8_t bytes[CELL_BYTES])
{
    size_t n = CELL_BYTES;
    return nvs_get_blob(nvs, KEYS[cell], bytes, &n) == ESP_OK && n == CELL_BYTES &&
           bytes_load_le32(bytes) == (uint32_t)MAGIC &&
           bytes_load_le32(bytes + CRC_OFF) == crc32_update(0, bytes, CRC_OFF);
}

/* Leaves the newer cell in `bytes`. @return its number, CELLS: there is none */
static unsigned read_newest(nvs_handle_t nvs, uint8_t bytes[CELL_BYTES])
{
    uint8_t other[CELL_BYTES];
    const bool is_first = read_cell(nvs, 0, bytes);
    if (!read_cell(nvs, 1, other)) {
        return is_first ? 0 : CELLS;
    }
    if (is_first && bytes_load_le32(bytes + 4) > bytes_load_le32(other + 4)) {
        return 0;
    }
    memcpy(bytes, other, CELL_BYTES);
    return 1;
}

int fota_gateway_settings_load(const char *nvs_namespace, struct fota_gateway_settings *out)
{
    uint8_t bytes[CELL_BYTES];
    nvs_handle_t nvs = 0;
    enum fota_err err = open_space(nvs_namespace, NVS_READONLY, &nvs);
    if (err) {
        return (int)err;
    }
    err = read_newest(nvs, bytes) == CELLS ? E_NOT_FOUND : FOTA_OK;
    nvs_close(nvs);
    if (!err) {
        memcpy(out, bytes + TEXTS_OFF, TEXTS_BYTES);
        err = idf_form_is_right(out) ? FOTA_OK : E_NOT_FOUND; /* of another program */
    }
    return (int)err;
}

static esp_err_t write_cell(nvs_handle_t nvs, unsigned cell, const uint8_t bytes[CELL_BYTES])
{
    uint8_t back[CELL_BYTES];
    esp_err_t err = nvs_set_blob(nvs, KEYS[cell], bytes, CELL_BYTES);
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    if (err == ESP_OK && (!read_cell(nvs, cell, back) || memcmp(back, bytes, CELL_BYTES) != 0)) {
        err = ESP_FAIL;
    }
    return err;
}

int fota_gateway_settings_save(const char *nvs_namespace, const struct fota_gateway_settings *settings)
{
    uint8_t bytes[CELL_BYTES] = {0};
    nvs_handle_t nvs = 0;
    if (!idf_form_is_right(settings)) {
        return (int)E_ARG;
    }
    const enum fota_err err = open_space(nvs_namespace, NVS_READWRITE, &nvs);
    if (err) {
        return (int)err;
    }
    const unsigned newest = read_newest(nvs, bytes);
    const uint32_t number = newest == CELLS ? 0 : bytes_load_le32(bytes + 4);
    bytes_store_le32(bytes, (uint32_t)MAGIC);
    bytes_store_le32(bytes + 4, number + 1U);
    memcpy(bytes + TEXTS_OFF, settings, TEXTS_BYTES);
    bytes_store_le32(bytes + CRC_OFF, crc32_update(0, bytes, CRC_OFF));
    const esp_err_t written = write_cell(nvs, newest == 0 ? 1 : 0, bytes);
    nvs_close(nvs);
    return (int)say(written, "the settings cannot be saved");
}

void fota_gateway_settings_apply(const struct fota_gateway_settings *settings,
                                 struct fota_gateway_config *config)
{
    config->endpoint = settings->endpoint;
    config->region = settings->region;
    config->bucket = settings->bucket;
    config->product = settings->product;
    config->channel = settings->channel;
    /* Only Amazon's servers are known to have a name for each bucket. */
    config->is_path_style = !strstr(settings->endpoint, ".amazonaws.com");
}

/* --- secret ---------------------------------------------------------------------------------------------------------- */

/* Without i, l, o and u: nobody takes one for another. */
static const char ALPHABET[] = "0123456789abcdefghjkmnpqrstvwxyz";

void idf_settings_draw(char *out, size_t n_chars)
{
    for (size_t i = 0; i < n_chars; i++) {
        out[i] = ALPHABET[esp_random() % (sizeof ALPHABET - 1U)];
    }
    out[n_chars] = '\0';
}

static bool is_secret(const char *text, size_t n_bytes)
{
    return n_bytes == FOTA_GATEWAY_SECRET_BYTES && text[n_bytes - 1] == '\0' &&
           strspn(text, ALPHABET) == n_bytes - 1;
}

int fota_gateway_secret(const char *nvs_namespace, char out[FOTA_GATEWAY_SECRET_BYTES])
{
    nvs_handle_t nvs = 0;
    size_t n = FOTA_GATEWAY_SECRET_BYTES;
    const enum fota_err err = open_space(nvs_namespace, NVS_READWRITE, &nvs);
    if (err) {
        return (int)err;
    }
    esp_err_t result = nvs_get_blob(nvs, SECRET_KEY, out, &n);
    if (result == ESP_ERR_NVS_NOT_FOUND || (result == ESP_OK && !is_secret(out, n))) {
        idf_settings_draw(out, FOTA_GATEWAY_SECRET_BYTES - 1);
        result = nvs_set_blob(nvs, SECRET_KEY, out, FOTA_GATEWAY_SECRET_BYTES);
        if (result == ESP_OK) {
            result = nvs_commit(nvs);
        }
    }
    nvs_close(nvs);
    return (int)say(result, "the secret of this device cannot be kept");
}

/* --- factory reset --------------------------------------------------------------------------------------------------- */

static esp_err_t erase(nvs_handle_t nvs, unsigned cell)
{
    const esp_err_t err = nvs_erase_key(nvs, KEYS[cell]);
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

int fota_gateway_forget(const char *nvs_namespace)
{
    uint8_t bytes[CELL_BYTES];
    nvs_handle_t nvs = 0;
    const enum fota_err opened = open_space(nvs_namespace, NVS_READWRITE, &nvs);
    if (opened) {
        return (int)opened;
    }
    /* The older cell first: after a cut it must not come back in the place of the newer one. */
    const unsigned newest = read_newest(nvs, bytes);
    esp_err_t err = erase(nvs, newest == 0 ? 1 : 0);
    if (err == ESP_OK) {
        err = erase(nvs, newest == 0 ? 0 : 1);
    }
    if (err == ESP_OK) {
        err = nvs_erase_all(nvs);
    }
    if (err == ESP_OK) {
        err = nvs_commit(nvs);
    }
    nvs_close(nvs);
    return (int)say(err, "the settings cannot be erased");
}
