/* What the ESP32 remembers about its own updates: one blob in NVS. */
#include <string.h>

#include "idf_ota_priv.h"
#include "nvs.h"

enum { NOTE_FORMAT = 0x31544F46, /* "FOT1" as bytes */ FLAG_TRIAL = 1, FLAG_WAS_ABORTED = 2 };

static const char KEY[] = "self";

/* As it stands in NVS, little-endian like the chip, without padding. Another format number, another form. */
struct note {
    uint32_t format;
    uint32_t flags;
    uint32_t trusted_time_s[2]; /* low, high */
    uint32_t channel_seq, security_floor;
    uint32_t attempts, attempts_retry, rejected_next;
    uint32_t trial_version, trial_bytes, trial_counter, trial_retry, trial_within_s;
    uint8_t channel_sha256[CRYPTO_SHA256_BYTES];
    uint8_t images[CRYPTO_SHA256_BYTES];
    uint8_t trial_sha256[CRYPTO_SHA256_BYTES];
    struct {
        uint8_t images[CRYPTO_SHA256_BYTES];
        uint32_t reason, retry;
    } rejected[GATEWAY_REJECTED_MAX];
};
_Static_assert(sizeof(struct note) == 14 * 4 + 3 * 32 + GATEWAY_REJECTED_MAX * 40, "no padding");

static void fill(const struct idf_ota *o, struct note *n)
{
    const struct gateway_record *r = &o->record;
    const struct idf_ota_trial *t = &o->trial;
    *n = (struct note){.format = NOTE_FORMAT,
                       .flags = (t->is_set ? (uint32_t)FLAG_TRIAL : 0U) |
                                (t->was_aborted ? (uint32_t)FLAG_WAS_ABORTED : 0U),
                       .trusted_time_s = {(uint32_t)r->trusted_time_s, (uint32_t)(r->trusted_time_s >> 32)},
                       .channel_seq = r->channel_seq,
                       .security_floor = o->security_floor,
                       .attempts = r->attempts,
                       .attempts_retry = r->attempts_retry,
                       .rejected_next = r->rejected_next,
                       .trial_version = t->version,
                       .trial_bytes = t->n_bytes,
                       .trial_counter = t->security_counter,
                       .trial_retry = t->retry,
                       .trial_within_s = t->confirm_within_s};
    memcpy(n->channel_sha256, r->channel_sha256, sizeof n->channel_sha256);
    memcpy(n->images, r->images, sizeof n->images);
    memcpy(n->trial_sha256, t->sha256, sizeof n->trial_sha256);
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        memcpy(n->rejected[i].images, r->rejected[i].images, sizeof n->rejected[i].images);
        n->rejected[i].reason = r->rejected[i].reason;
        n->rejected[i].retry = r->rejected[i].retry;
    }
}

static void take(struct idf_ota *o, const struct note *n)
{
    struct gateway_record *r = &o->record;
    r->trusted_time_s = (uint64_t)n->trusted_time_s[1] << 32 | n->trusted_time_s[0];
    r->channel_seq = n->channel_seq;
    r->attempts = n->attempts;
    r->attempts_retry = n->attempts_retry;
    r->rejected_next = (uint8_t)(n->rejected_next % GATEWAY_REJECTED_MAX);
    memcpy(r->channel_sha256, n->channel_sha256, sizeof r->channel_sha256);
    memcpy(r->images, n->images, sizeof r->images);
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        memcpy(r->rejected[i].images, n->rejected[i].images, sizeof r->rejected[i].images);
        r->rejected[i].reason = (uint16_t)n->rejected[i].reason;
        r->rejected[i].retry = n->rejected[i].retry;
    }
    o->security_floor = n->security_floor;
    o->trial = (struct idf_ota_trial){.is_set = (n->flags & FLAG_TRIAL) != 0,
                                      .was_aborted = (n->flags & FLAG_WAS_ABORTED) != 0,
                                      .version = n->trial_version,
                                      .n_bytes = n->trial_bytes,
                                      .security_counter = n->trial_counter,
                                      .retry = n->trial_retry,
                                      .confirm_within_s = n->trial_within_s};
    memcpy(o->trial.sha256, n->trial_sha256, sizeof o->trial.sha256);
}

enum fota_err idf_ota_load(struct idf_ota *o)
{
    struct note note;
    nvs_handle_t nvs = 0;
    size_t n_bytes = sizeof note;
    gateway_record_init(&o->record);
    o->security_floor = 0;
    o->trial = (struct idf_ota_trial){.is_set = false};
    esp_err_t err = nvs_open(o->config->nvs_namespace, NVS_READONLY, &nvs);
    if (err == ESP_OK) {
        err = nvs_get_blob(nvs, KEY, &note, &n_bytes);
        nvs_close(nvs);
    }
    if (err == ESP_OK && n_bytes == sizeof note && note.format == (uint32_t)NOTE_FORMAT) {
        take(o, &note);
    }
    /* Longer than a note is a note of another format. */
    return err == ESP_OK || err == ESP_ERR_NVS_NOT_FOUND || err == ESP_ERR_NVS_INVALID_LENGTH ? FOTA_OK
                                                                                              : E_IO;
}

enum fota_err idf_ota_save(const struct idf_ota *o)
{
    struct note note;
    nvs_handle_t nvs = 0;
    fill(o, &note);
    esp_err_t err = nvs_open(o->config->nvs_namespace, NVS_READWRITE, &nvs);
    if (err == ESP_OK) {
        err = nvs_set_blob(nvs, KEY, &note, sizeof note);
        if (err == ESP_OK) {
            err = nvs_commit(nvs);
        }
        nvs_close(nvs);
    }
    if (err != ESP_OK) {
        idf_log(o->log, 'E', "NVS cannot save the note about this chip's own update: %s",
                esp_err_to_name(err));
    }
    return err == ESP_OK ? FOTA_OK : E_IO;
}
