/* The trial of the ESP32's new application: what became of it, the first good poll, and the way back. */
#include <inttypes.h>
#include <string.h>

#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "idf_ota_priv.h"

enum { PIECE_BYTES = 256, YIELD_EVERY_BYTES = 65536, US_PER_S = 1000000 };

void idf_ota_tell(struct idf_ota *o, int kind, enum fota_err reason, uint32_t version, uint32_t done)
{
    const struct fota_gateway_event event = {.kind = kind,
                                             .reason = (int)reason,
                                             .version = version,
                                             .done = done,
                                             .total = o->has_offer ? o->offer.release.image[0].n_bytes : 0};
    if (o->config->on_event) {
        o->config->on_event(o->config->ctx, &event);
    }
}

/* Long reads let others run, and feed the watchdog if it watches this task. */
static void breathe(void)
{
    vTaskDelay(1);
    const esp_err_t err = esp_task_wdt_reset();
    (void)err; /* nobody watches this task */
}

bool idf_ota_holds(const struct idf_ota *o, const esp_partition_t *partition, uint32_t n_bytes,
                   const uint8_t sha256[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 hash;
    uint8_t piece[PIECE_BYTES];
    uint8_t digest[CRYPTO_SHA256_BYTES];
    if (!partition || n_bytes == 0 || n_bytes > partition->size) {
        return false;
    }
    crypto_sha256_init(&hash);
    for (uint32_t off = 0; off < n_bytes;) {
        const uint32_t n = n_bytes - off < PIECE_BYTES ? n_bytes - off : PIECE_BYTES;
        const esp_err_t err = esp_partition_read(partition, off, piece, n);
        if (err != ESP_OK) {
            idf_log(o->log, 'E', "partition %s cannot be read at 0x%" PRIx32 ": %s", partition->label, off,
                    esp_err_to_name(err));
            return false;
        }
        crypto_sha256_update(&hash, piece, n);
        off += n;
        if (off % YIELD_EVERY_BYTES == 0) {
            breathe();
        }
    }
    crypto_sha256_final(&hash, digest);
    return memcmp(digest, sha256, sizeof digest) == 0;
}

bool idf_ota_is_aborted(const esp_partition_t *partition)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    return partition && esp_ota_get_state_partition(partition, &state) == ESP_OK &&
           (state == ESP_OTA_IMG_ABORTED || state == ESP_OTA_IMG_INVALID);
}

enum idf_ota_outcome idf_ota_outcome(const struct idf_ota_facts *f)
{
    if (!f->is_set) {
        return IDF_OTA_NO_TRIAL;
    }
    if (f->runs_it) {
        return f->is_pending ? IDF_OTA_ON_TRIAL : IDF_OTA_IS_GOOD;
    }
    /* The bootloader goes back after every reset, also when the power of a good application failed. */
    return f->is_other_aborted && !f->was_aborted && !f->was_power_lost ? IDF_OTA_ROLLED_BACK : IDF_OTA_AGAIN;
}

/* The release proved itself: nothing older comes back, and what was held against others is over. */
static void keep(struct idf_ota *o)
{
    struct idf_ota_trial *t = &o->trial;
    t->is_set = false;
    if (t->security_counter > o->security_floor) {
        o->security_floor = t->security_counter;
    }
    gateway_record_absolve(&o->record);
    const enum fota_err err = idf_ota_save(o);
    if (err) {
        return; /* it was logged; the next start sees that it runs, and comes here again */
    }
    idf_log(o->log, 'I', "this chip's new application is confirmed");
    idf_ota_tell(o, FOTA_GATEWAY_SELF_CONFIRMED, FOTA_OK, t->version, 0);
}

static void forget(struct idf_ota *o, bool is_rolled_back)
{
    o->trial.is_set = false;
    if (is_rolled_back) {
        gateway_record_reject(&o->record, o->record.images, E_SLOT_TRIALS_SPENT, o->trial.retry);
    }
    const enum fota_err err = idf_ota_save(o);
    (void)err; /* it was logged; the next start comes here again */
    if (is_rolled_back) {
        idf_log(o->log, 'W',
                "this chip's new application was rolled back, the one before it runs again; it is not tried "
                "again unless the channel raises `retry`");
        idf_ota_tell(o, FOTA_GATEWAY_SELF_ROLLED_BACK, E_SLOT_TRIALS_SPENT, o->trial.version, 0);
    } else {
        idf_log(o->log, 'W',
                "this chip's new application did not come to its first poll; there are a few more attempts");
    }
}

void idf_ota_settle(struct idf_ota *o)
{
    const struct idf_ota_trial *t = &o->trial;
    const esp_reset_reason_t reason = esp_reset_reason();
    const struct idf_ota_facts facts = {
        .is_set = t->is_set,
        .runs_it = t->is_set && idf_ota_holds(o, o->running, t->n_bytes, t->sha256),
        .is_pending = o->is_pending,
        .is_other_aborted = idf_ota_is_aborted(o->other),
        .was_aborted = t->was_aborted,
        .was_power_lost = reason == ESP_RST_POWERON || reason == ESP_RST_BROWNOUT};
    o->is_settled = true;
    switch (idf_ota_outcome(&facts)) {
    case IDF_OTA_IS_GOOD:
        keep(o);
        break;
    case IDF_OTA_ROLLED_BACK:
        forget(o, true);
        break;
    case IDF_OTA_AGAIN:
        forget(o, false);
        break;
    default: /* NO_TRIAL, and ON_TRIAL until the first good poll */
        break;
    }
}

void idf_ota_confirm(struct idf_ota *o)
{
    if (!o->is_pending) {
        return;
    }
    const esp_err_t err = esp_ota_mark_app_valid_cancel_rollback();
    if (err != ESP_OK) {
        idf_log(o->log, 'E',
                "this chip's application cannot be confirmed: %s; the next good poll tries again",
                esp_err_to_name(err));
        return;
    }
    o->is_pending = false;
    if (o->trial.is_set) {
        keep(o);
    } else {
        idf_log(o->log, 'I', "this chip's application is confirmed");
    }
}

bool idf_ota_is_overdue(const struct idf_ota *o)
{
    return o->is_settled && o->is_pending && o->trial.is_set && !o->is_given_up &&
           esp_timer_get_time() / US_PER_S > (int64_t)o->trial.confirm_within_s;
}

void idf_ota_go_back(struct idf_ota *o)
{
    idf_log(o->log, 'E',
            "no good poll within %" PRIu32 " s after the start: this chip goes back to its old application",
            o->trial.confirm_within_s);
    const esp_err_t err = esp_ota_mark_app_invalid_rollback_and_reboot(); /* returns after a failure only */
    idf_log(o->log, 'E', "the bootloader has no application to go back to: %s", esp_err_to_name(err));
    o->is_given_up = true;
}
