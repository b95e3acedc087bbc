#include "idf_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "esp_mac.h"
#include "esp_random.h"
#include "idf_pem.h"
#include "idf_pins.h"
#include "sdkconfig.h"

enum {
    CLOCK_HZ = 8000000,
    CLOCK_MIN_HZ = 100000,
    CLOCK_MAX_HZ = 10000000,
    HOURS = 24,
    MAC_BYTES = 6,
    POLL_MAX_S = 604800,
    BUCKET_MAX_BYTES = 63,
    MS_PER_S = 1000,
    GAP_MAX_US = 1000,
    FLASH_MAX_BYTES = 0x100000 /* of an STM32F407 */
};

#ifndef CONFIG_FOTA_GATEWAY_STAGE_IMAGE_KB
#define CONFIG_FOTA_GATEWAY_STAGE_IMAGE_KB 384
#endif

void fota_gateway_config_default(struct fota_gateway_config *config)
{
    const struct idf_chip *chip = idf_chip();
    memset(config, 0, sizeof *config);
    config->spi_host = chip ? chip->spi_host : 1;
    if (chip) {
        config->pins = chip->pins;
    }
    config->clock_hz = CLOCK_HZ;
    config->nvs_namespace = "fota";
    config->channel = "stable";
    config->stage_label = "fota_stage";
    config->stage_image_bytes = CONFIG_FOTA_GATEWAY_STAGE_IMAGE_KB * 1024U;
    config->self.hw = CONFIG_IDF_TARGET;
    config->self.channel = "stable";
#ifdef CONFIG_FOTA_GATEWAY_ENDPOINT /* the Kconfig menu: all of it, or none (Arduino) */
    config->endpoint = CONFIG_FOTA_GATEWAY_ENDPOINT;
    config->region = CONFIG_FOTA_GATEWAY_REGION;
    config->bucket = CONFIG_FOTA_GATEWAY_BUCKET;
    config->product = CONFIG_FOTA_GATEWAY_PRODUCT;
    config->hw = CONFIG_FOTA_GATEWAY_HW;
    config->channel = CONFIG_FOTA_GATEWAY_CHANNEL;
    config->poll_s = CONFIG_FOTA_GATEWAY_POLL_S;
    config->spi_host = CONFIG_FOTA_GATEWAY_SPI_HOST;
    config->pins.mosi = CONFIG_FOTA_GATEWAY_PIN_MOSI;
    config->pins.miso = CONFIG_FOTA_GATEWAY_PIN_MISO;
    config->pins.sck = CONFIG_FOTA_GATEWAY_PIN_SCK;
    config->pins.nss = CONFIG_FOTA_GATEWAY_PIN_NSS;
    config->pins.nrst = CONFIG_FOTA_GATEWAY_PIN_NRST;
    config->pins.boot0 = CONFIG_FOTA_GATEWAY_PIN_BOOT0;
    config->clock_hz = CONFIG_FOTA_GATEWAY_CLOCK_HZ;
    config->byte_gap_us = CONFIG_FOTA_GATEWAY_BYTE_GAP_US;
    config->nvs_namespace = CONFIG_FOTA_GATEWAY_NVS_NAMESPACE;
    config->stage_label = CONFIG_FOTA_GATEWAY_STAGE_LABEL[0] ? CONFIG_FOTA_GATEWAY_STAGE_LABEL : NULL;
    config->self.product = CONFIG_FOTA_GATEWAY_SELF_PRODUCT[0] ? CONFIG_FOTA_GATEWAY_SELF_PRODUCT : NULL;
    config->self.channel = CONFIG_FOTA_GATEWAY_SELF_CHANNEL;
#endif
}

/* --- checks ------------------------------------------------------------------------------------------------------ */

static enum fota_err check_name(const char *field, const char *value, size_t max_bytes,
                                const struct idf_log *log)
{
    const size_t n = value ? strlen(value) : 0;
    if (n > 0 && n <= max_bytes) {
        return FOTA_OK;
    }
    if (n == 0) {
        idf_log(log, 'E', "%s is not set", field);
    } else {
        idf_log(log, 'E', "%s \"%s\" has %u characters: at most %u are allowed", field, value, (unsigned)n,
                (unsigned)max_bytes);
    }
    return E_ARG;
}

static enum fota_err check_names(const struct fota_gateway_config *c, const struct idf_log *log)
{
    const struct {
        const char *field;
        const char *value;
        size_t max_bytes;
    } names[] = {{"endpoint", c->endpoint, 255},
                 {"region", c->region, S3_REGION_MAX_BYTES - 1},
                 {"bucket", c->bucket, BUCKET_MAX_BYTES},
                 {"product", c->product, STATEMENT_NAME_MAX_BYTES},
                 {"hw", c->hw, RELEASE_HW_MAX_BYTES},
                 {"channel", c->channel, STATEMENT_NAME_MAX_BYTES},
                 {"device", c->device ? c->device : "-", STATEMENT_NAME_MAX_BYTES}};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        const enum fota_err err = check_name(names[i].field, names[i].value, names[i].max_bytes, log);
        if (err) {
            return err;
        }
    }
    if ((!c->key_id) != (!c->secret)) {
        idf_log(log, 'E',
                "%s is not set: key_id and secret belong together; set both, or none for a public bucket",
                c->key_id ? "secret" : "key_id");
        return E_ARG;
    }
    return FOTA_OK;
}

static enum fota_err check_numbers(const struct fota_gateway_config *c, const struct idf_log *log)
{
    if (c->clock_hz < CLOCK_MIN_HZ || c->clock_hz > CLOCK_MAX_HZ) {
        idf_log(log, 'E', "clock_hz %" PRIu32 " is out of range: give %d to %d", c->clock_hz,
                (int)CLOCK_MIN_HZ, (int)CLOCK_MAX_HZ);
        return E_ARG;
    }
    if (c->byte_gap_us > GAP_MAX_US) {
        idf_log(log, 'E', "byte_gap_us %" PRIu32 " is out of range: give 0 to %d", c->byte_gap_us,
                (int)GAP_MAX_US);
        return E_ARG;
    }
    if (c->poll_s > POLL_MAX_S) {
        idf_log(log, 'E', "poll_s %" PRIu32 " is out of range: give 0 (the channel says) to %d, a week",
                c->poll_s, (int)POLL_MAX_S);
        return E_ARG;
    }
    if (c->from_h >= HOURS || c->to_h >= HOURS) {
        idf_log(log, 'E', "window %u to %u is none: hours are 0 to 23", c->from_h, c->to_h);
        return E_ARG;
    }
    if (c->stage_label && (c->stage_image_bytes == 0 || c->stage_image_bytes > FLASH_MAX_BYTES)) {
        idf_log(log, 'E',
                "stage_image_bytes %" PRIu32 " is out of range: give the size of a slot, at most %u",
                c->stage_image_bytes, (unsigned)FLASH_MAX_BYTES);
        return E_ARG;
    }
    return FOTA_OK;
}

static enum fota_err read_key(const char *field, const char *pem, bool is_needed, uint8_t *point,
                              const struct idf_log *log)
{
    if (!pem && !is_needed) {
        return FOTA_OK;
    }
    const enum fota_err err = idf_pem_key(pem, point);
    if (err == E_CRYPTO_KEY) {
        idf_log(log, 'E', "%s is a key of another curve or kind: P-256 is needed, as fota keygen makes them",
                field);
    } else if (err) {
        idf_log(
            log, 'E',
            "%s is no public key: give the text of the .pub.pem file, from \"-----BEGIN PUBLIC KEY-----\" on",
            field);
    }
    return err;
}

static enum fota_err read_keys(const struct fota_gateway_config *c, struct idf_config *out,
                               const struct idf_log *log)
{
    const char *const fields[IDF_CONFIG_KEYS] = {"image_key", "next_key", "release_key", "channel_key"};
    const char *const pems[IDF_CONFIG_KEYS] = {c->image_key, c->next_key, c->release_key, c->channel_key};
    const bool is_needed[IDF_CONFIG_KEYS] = {true, false, false, true};
    for (unsigned i = 0; i < IDF_CONFIG_KEYS; i++) {
        const enum fota_err err = read_key(fields[i], pems[i], is_needed[i], out->point[i], log);
        if (err) {
            return err;
        }
    }
    if (c->ca_pem && idf_pem_certificate(c->ca_pem)) {
        idf_log(log, 'E',
                "ca_pem is no certificate: give the whole text, from \"-----BEGIN CERTIFICATE-----\" to "
                "\"-----END CERTIFICATE-----\", with its line ends");
        return E_KEY_FILE;
    }
    return FOTA_OK;
}

static enum fota_err name_device(const struct fota_gateway_config *c, struct idf_config *out,
                                 const struct idf_log *log)
{
    uint8_t mac[MAC_BYTES];
    if (c->device) {
        return FOTA_OK;
    }
    const esp_err_t err = esp_read_mac(mac, ESP_MAC_WIFI_STA);
    if (err != ESP_OK) {
        idf_log(log, 'E', "this chip has no MAC address (%s): set device", esp_err_to_name(err));
        return E_IO;
    }
    (void)snprintf(out->device, sizeof out->device, "%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2],
                   mac[3], mac[4], mac[5]);
    return FOTA_OK;
}

static void make(const struct fota_gateway_config *c, struct idf_config *out)
{
    const uint8_t *image = out->point[0];
    const uint8_t *next = c->next_key ? out->point[1] : NULL;
    const uint8_t *release = c->release_key ? out->point[2] : NULL;
    out->gateway = (struct gateway_config){
        .keys = {.channel = {out->point[3]}, .release = {image, next, release}, .image = {image, next}},
        .identity = {.product = c->product,
                     .hw = c->hw,
                     .channel = c->channel,
                     .device = c->device ? c->device : out->device},
        .poll_ms = c->poll_s * MS_PER_S,
        .build_time_s = c->build_time_s,
        .seed = esp_random(),
        .window = {
            .is_set = c->has_window, .from_h = c->from_h, .to_h = c->to_h, .utc_offset_s = c->utc_offset_s}};
    out->s3 = (struct s3_config){.endpoint = c->endpoint,
                                 .region = c->region,
                                 .bucket = c->bucket,
                                 .key_id = c->key_id,
                                 .secret = c->secret,
                                 .token = c->token,
                                 .is_vhost = !c->is_path_style,
                                 .trusts_server_clock = true};
}

enum fota_err idf_config_check(const struct fota_gateway_config *config, struct idf_config *out,
                               const struct idf_log *log)
{
    enum fota_err err = check_names(config, log);
    if (!err) {
        err = check_numbers(config, log);
    }
    if (!err) {
        err = idf_pins_check(NULL, config, log);
    }
    if (!err) {
        err = read_keys(config, out, log);
    }
    if (!err) {
        err = name_device(config, out, log);
    }
    if (!err) {
        make(config, out);
    }
    return err;
}
