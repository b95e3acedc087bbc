/* The ESP32's own application from a channel: poll, decide, fetch into the other partition, and the order to start it. */
#include "idf_ota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/board_layout.h"
#include "idf_ota_priv.h"
#include "sdkconfig.h"

enum {
    RANGE_BYTES = 65536,
    ERRORS_MAX = 5,
    FAILURES_MAX = 5, /* 2^5 polls pass at most */
    RETRY_MS = 1000,
    LATER_MS = 1000,
    WINDOW_MAX_S = 3600
};

/*
 * The Arduino core marks an application that is on trial as good before setup(), unless this says that somebody else does it. The
 * core's own one is weak. In this file, which every program with a gateway needs, so that the linker takes it; with
 * dot_a_linkage in library.properties it might not.
 */
bool verifyRollbackLater(void);
bool verifyRollbackLater(void)
{
    return true;
}

/* --- opening --------------------------------------------------------------------------------------------------- */

static bool is_name(const char *name, size_t max_bytes)
{
    return name && name[0] != '\0' && strlen(name) <= max_bytes;
}

static enum fota_err check_config(const struct idf_ota *o)
{
    const struct fota_gateway_self *s = &o->config->self;
    const char *field = !is_name(s->product, STATEMENT_NAME_MAX_BYTES)   ? "product"
                        : !is_name(s->hw, RELEASE_HW_MAX_BYTES)          ? "hw"
                        : !is_name(s->channel, STATEMENT_NAME_MAX_BYTES) ? "channel"
                                                                         : NULL;
    if (field) {
        idf_log(o->log, 'E', "self.%s is not set, or too long: give 1 to %d characters", field,
                field[0] == 'h' ? (int)RELEASE_HW_MAX_BYTES : (int)STATEMENT_NAME_MAX_BYTES);
        return E_ARG;
    }
    if (board_layout_find(s->hw)) {
        idf_log(o->log, 'E',
                "self.hw \"%s\" is a board with an STM32: this chip needs a name of its own, e.g. \"%s\"",
                s->hw, CONFIG_IDF_TARGET);
        return E_ARG;
    }
    if (!o->other) {
        idf_log(o->log, 'E',
                "there is no second application partition: self.product needs a partition table with ota_0 "
                "and ota_1");
        return E_NOT_FOUND;
    }
#ifndef CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
    idf_log(o->log, 'W',
            "a new application of this chip has no trial: set CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE");
#endif
    return FOTA_OK;
}

enum fota_err idf_ota_open(struct idf_ota *o, const struct fota_gateway_config *config,
                           const struct gateway_config *core, struct s3 *s3, struct clock *clock,
                           const struct idf_log *log)
{
    memset(o, 0, sizeof *o);
    o->config = config;
    o->core = core;
    o->s3 = s3;
    o->clock = clock;
    o->log = log;
    o->identity = (struct gateway_identity){.product = config->self.product,
                                            .hw = config->self.hw,
                                            .channel = config->self.channel,
                                            .device = core->identity.device};
    o->running = esp_ota_get_running_partition();
    o->other = esp_ota_get_next_update_partition(NULL);
    esp_ota_img_states_t state = ESP_OTA_IMG_VALID;
    /* Not an error for us: a factory partition, or an application that came by cable, has no state. NEW: this bootloader knows
     * no trial. */
    if (o->running && esp_ota_get_state_partition(o->running, &state) == ESP_OK) {
        o->is_pending = state == ESP_OTA_IMG_PENDING_VERIFY || state == ESP_OTA_IMG_NEW;
    }
    enum fota_err err = config->self.product ? check_config(o) : FOTA_OK;
    if (!err) {
        err = idf_ota_load(o);
        if (err) {
            idf_log(log, 'E', "NVS namespace %s cannot be read", config->nvs_namespace);
        }
    }
    return err;
}

/* --- poll ------------------------------------------------------------------------------------------------------ */

static uint64_t clock_s(const struct idf_ota *o)
{
    const uint64_t now_s = clock_utc_s(o->clock);
    return now_s < o->core->build_time_s ? 0 : now_s;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A download that came to nothing: the next polls are let pass, more of them each time. */
static void fail(struct idf_ota *o, enum fota_err reason, unsigned status)
{
    idf_ota_close(o);
    o->failures = o->failures < FAILURES_MAX ? o->failures + 1U : FAILURES_MAX;
    o->skipped_left = (1U << o->failures) - 2U; /* none after the first failure, then 2, 6, 14, 30 */
    idf_log(o->log, 'W', "this chip's own update: %s (HTTP status %u); next try after %u polls",
            fota_err_text(reason), status, o->skipped_left + 1U);
    idf_ota_tell(o, FOTA_GATEWAY_SELF_FAILED, reason, o->has_offer ? o->offer.release.version : 0,
                 o->done_bytes);
}

/* Leave the release alone; each object and reason is told once. */
static void leave(struct idf_ota *o, enum fota_err reason)
{
    o->state = IDF_OTA_REST;
    if (reason && reason != o->told) {
        idf_log(o->log, 'I', "this chip's own update is left alone: %s", fota_err_text(reason));
        idf_ota_tell(o, FOTA_GATEWAY_SELF_NOTHING, reason, o->has_offer ? o->offer.release.version : 0, 0);
    }
    o->told = reason;
}

/* A verified object becomes the record's. */
static enum fota_err adopt(struct idf_ota *o, const uint8_t *text, size_t n_bytes,
                           const struct gateway_offer *offer, const char *etag)
{
    struct gateway_record *r = &o->record;
    const bool is_news = memcmp(r->channel_sha256, offer->sha256, sizeof r->channel_sha256) != 0;
    memcpy(r->channel, text, n_bytes);
    r->n_channel_bytes = (uint16_t)n_bytes;
    r->channel_seq = offer->channel.seq;
    r->trusted_time_s = offer->channel.issued_s;
    memcpy(r->channel_sha256, offer->sha256, sizeof r->channel_sha256);
    (void)snprintf(r->etag, sizeof r->etag, "%s", gateway_is_etag(etag, S3_ETAG_MAX_BYTES) ? etag : "");
    o->has_offer = false;
    /* Once more, because spans point into the text. */
    enum fota_err err =
        gateway_offer_read(r->channel, r->n_channel_bytes, &o->core->keys, &o->identity, &o->offer);
    o->has_offer = err == FOTA_OK;
    if (!err && is_news) {
        o->told = FOTA_OK;
        o->state = IDF_OTA_REST; /* what waits for its restart may no longer be what is offered */
        err = idf_ota_save(o);   /* an older object must not come back */
    }
    return err;
}

static enum fota_err poll(struct idf_ota *o, uint8_t *scratch, struct s3_reply *reply)
{
    char key[GATEWAY_KEY_MAX_BYTES];
    struct gateway_offer offer;
    struct s3_buffer body = {.at = scratch, .cap_bytes = STATEMENT_MAX_BYTES};
    const struct s3_taker taker = s3_buffer_taker(&body);
    const struct s3_get_options options = {
        .if_none_match = o->has_offer && o->record.etag[0] != '\0' ? o->record.etag : NULL};
    (void)snprintf(key, sizeof key, "v1/channels/%s/%s/%s.fc", o->identity.product, o->identity.hw,
                   o->identity.channel);
    enum fota_err err = s3_get(o->s3, key, &options, clock_utc_s(o->clock), &taker, reply);
    if (err || reply->status == 304) {
        return err;
    }
    err = gateway_offer_read(scratch, body.n_bytes, &o->core->keys, &o->identity, &offer);
    if (!err) {
        err = gateway_offer_check_order(&offer, &o->record);
    }
    return err ? err : adopt(o, scratch, body.n_bytes, &offer, reply->etag);
}

/* --- decide ---------------------------------------------------------------------------------------------------- */

/* Does this chip run the file that is offered? Read once for each file. */
static bool is_running(struct idf_ota *o, const struct release_image *image)
{
    if (memcmp(o->known_sha256, image->sha256, sizeof o->known_sha256) != 0) {
        o->is_known_same = idf_ota_holds(o, o->running, image->n_bytes, image->sha256);
        memcpy(o->known_sha256, image->sha256, sizeof o->known_sha256);
    }
    return o->is_known_same;
}

/* A release for this chip names one file twice: its partitions are alike to an application. */
static enum fota_err check_form(const struct idf_ota *o)
{
    const struct release_image *image = o->offer.release.image;
    if (image[0].n_bytes != image[1].n_bytes ||
        memcmp(image[0].sha256, image[1].sha256, sizeof image[0].sha256) != 0) {
        return E_STATEMENT_MISMATCH;
    }
    return image[0].n_bytes > o->other->size ? E_IMAGE_SIZE : FOTA_OK;
}

/* The decision is the core's; this chip plays a target whose slot A runs. */
static enum fota_err decide(struct idf_ota *o, bool *is_offered)
{
    struct boot_info self = {.running_slot = SLOT_A,
                             .active_slot = SLOT_A,
                             .inactive_slot = SLOT_B,
                             .slot_state = {SLOT_STATE_CONFIRMED, SLOT_STATE_EMPTY},
                             .security_floor = o->security_floor,
                             .retry = o->offer.channel.retry};
    const struct gateway_facts facts = {
        .offer = &o->offer,
        .record = &o->record,
        .identity = &o->identity,
        .target = &self,
        .is_agent = true,
        .now_s = later(clock_s(o), later(o->record.trusted_time_s, o->core->build_time_s))};
    struct gateway_decision decision;
    const enum fota_err err = check_form(o);
    if (err) {
        return err;
    }
    if (is_running(o, &o->offer.release.image[0])) {
        return FOTA_OK;
    }
    memcpy(self.hw_id, o->identity.hw, strlen(o->identity.hw)); /* at most RELEASE_HW_MAX_BYTES */
    gateway_decide(&facts, &decision);
    *is_offered = decision.input == GATEWAY_ON_OFFER;
    return decision.reason;
}

/* Attempts count for one release, and for one number of `retry`. */
static void turn_to_release(struct idf_ota *o)
{
    struct gateway_record *r = &o->record;
    if (memcmp(r->images, o->offer.images, sizeof r->images) != 0 ||
        o->offer.channel.retry > r->attempts_retry) {
        memcpy(r->images, o->offer.images, sizeof r->images);
        r->attempts = 0;
        r->attempts_retry = o->offer.channel.retry;
    }
}

/* --- fetch ----------------------------------------------------------------------------------------------------- */

static enum fota_err take_file(void *ctx, uint64_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct idf_ota *o = ctx;
    const uint64_t n_old = off < o->done_bytes ? o->done_bytes - off : 0;
    if (n_old >= n_bytes) {
        return FOTA_OK; /* a server that ignores ranges begins at 0 */
    }
    bytes += n_old;
    n_bytes -= (size_t)n_old;
    if (n_bytes > o->offer.release.image[0].n_bytes - o->done_bytes) {
        return E_IMAGE_TRAILING;
    }
    const esp_err_t err = esp_ota_write(o->handle, bytes, n_bytes);
    if (err != ESP_OK) {
        idf_log(o->log, 'E', "partition %s: write at 0x%" PRIx32 ": %s", o->other->label, o->done_bytes,
                esp_err_to_name(err));
        return E_IO;
    }
    o->done_bytes += (uint32_t)n_bytes;
    return FOTA_OK;
}

static void begin(struct idf_ota *o)
{
    const struct release *r = &o->offer.release;
    turn_to_release(o);
    idf_log(o->log, 'I', "this chip's own update: version %u.%u.%u, %" PRIu32 " bytes into partition %s",
            (unsigned)(r->version >> 24), (unsigned)(r->version >> 16 & 0xFFU),
            (unsigned)(r->version & 0xFFFFU), r->image[0].n_bytes, o->other->label);
    idf_ota_tell(o, FOTA_GATEWAY_SELF_OFFER, FOTA_OK, r->version, 0);
    o->due_ms = 0;
    if (idf_ota_holds(o, o->other, r->image[0].n_bytes, r->image[0].sha256)) {
        o->state = IDF_OTA_READY; /* fetched before, and not started */
        return;
    }
    const esp_err_t err = esp_ota_begin(o->other, OTA_WITH_SEQUENTIAL_WRITES, &o->handle);
    if (err != ESP_OK) {
        idf_log(o->log, 'E', "partition %s cannot be written: %s", o->other->label, esp_err_to_name(err));
        fail(o, E_IO, 0);
        return;
    }
    o->is_open = true;
    o->state = IDF_OTA_FETCH;
    o->done_bytes = 0;
    o->errors = 0;
    o->ignores_ranges = false;
    o->blob_etag[0] = '\0';
}

/* What can be another reply's luck, with the part that is there. */
static bool is_worth_another(struct idf_ota *o, enum fota_err err, const struct s3_reply *reply)
{
    switch (err) {
    case E_S3_PRECONDITION: /* put again: with the same bytes, if it is honest */
        o->blob_etag[0] = '\0';
        break;
    case E_HTTP_REPLY:
        o->ignores_ranges = o->ignores_ranges || reply->status == 200;
        break;
    case E_S3_THROTTLED:
    case E_S3_SERVER:
    case E_TIMEOUT:
    case E_NET_DNS:
    case E_NET_CONNECT:
    case E_NET_TLS:
    case E_NET_CUT:
        break;
    default:
        return false;
    }
    return o->errors < ERRORS_MAX;
}

/* All bytes were written. What counts is what is in flash. */
static void finish(struct idf_ota *o)
{
    const struct release_image *image = &o->offer.release.image[0];
    o->is_open = false; /* esp_ota_end frees the handle, also after a failure */
    const esp_err_t err = esp_ota_end(o->handle);
    if (!idf_ota_holds(o, o->other, image->n_bytes, image->sha256)) {
        fail(o, E_UPDATE_DAMAGED, 0);
        return;
    }
    if (err == ESP_OK) {
        o->failures = 0;
        o->state = IDF_OTA_READY;
        idf_ota_tell(o, FOTA_GATEWAY_SELF_FETCHED, FOTA_OK, o->offer.release.version, o->done_bytes);
        return;
    }
    idf_log(o->log, 'E', "the signed file is no application that this chip starts: %s", esp_err_to_name(err));
    gateway_record_reject(&o->record, o->offer.images, E_IMAGE_HEADER, o->offer.channel.retry);
    const enum fota_err saved = idf_ota_save(o);
    (void)saved; /* it was logged; at worst the file is fetched once more */
    o->state = IDF_OTA_REST;
    idf_ota_tell(o, FOTA_GATEWAY_SELF_REFUSED, E_IMAGE_HEADER, o->offer.release.version, 0);
}

static void fetch(struct idf_ota *o)
{
    char key[RELEASE_BLOB_MAX_BYTES + 1];
    struct s3_reply reply;
    const struct release_image *image = &o->offer.release.image[0];
    const uint32_t before = o->done_bytes;
    const uint32_t left = image->n_bytes - before;
    const struct s3_taker taker = {.take = take_file, .ctx = o};
    struct s3_get_options options = {.total_bytes = image->n_bytes};
    (void)snprintf(key, sizeof key, "%.*s", (int)image->blob.n_bytes, image->blob.at);
    if (!o->ignores_ranges) {
        options.range_off = before;
        options.range_bytes = left < RANGE_BYTES ? left : (uint32_t)RANGE_BYTES;
        options.if_match = o->blob_etag[0] != '\0' ? o->blob_etag : NULL;
        options.is_any_version = !options.if_match; /* the digest will tell */
    }
    const enum fota_err err = s3_get(o->s3, key, &options, clock_utc_s(o->clock), &taker, &reply);
    o->errors = o->done_bytes > before ? 0 : o->errors + 1U;
    if (o->done_bytes > before) {
        memcpy(o->blob_etag, reply.etag, sizeof o->blob_etag);
    }
    if (err && !is_worth_another(o, err, &reply)) {
        fail(o, err, reply.status);
    } else if (o->done_bytes == image->n_bytes) {
        finish(o);
    } else {
        o->due_ms = err ? clock_now_ms(o->clock) + ((uint64_t)RETRY_MS << o->errors) : 0;
    }
}

/* --- start it -------------------------------------------------------------------------------------------------- */

/* May this chip restart? @return false: not now, or never */
static bool may_restart(struct idf_ota *o)
{
    uint32_t wait_s = 0;
    const uint32_t version = o->offer.release.version;
    const uint64_t now_ms = clock_now_ms(o->clock);
    if (gateway_when(&o->core->window, &o->offer.release.activate, clock_s(o), &wait_s)) {
        wait_s = wait_s < WINDOW_MAX_S ? wait_s : (uint32_t)WINDOW_MAX_S;
        o->due_ms = now_ms + (uint64_t)wait_s * 1000U;
        return false;
    }
    switch (o->config->self.may_restart ? o->config->self.may_restart(o->config->ctx, version)
                                        : FOTA_GATEWAY_NOW) {
    case FOTA_GATEWAY_NOW:
        return true;
    case FOTA_GATEWAY_NEVER:
        gateway_record_reject(&o->record, o->offer.images, E_UPDATE_BUSY, o->offer.channel.retry);
        if (idf_ota_save(o)) {
            o->due_ms = now_ms + LATER_MS; /* asked again: it must be remembered */
            return false;
        }
        o->state = IDF_OTA_REST;
        idf_ota_tell(o, FOTA_GATEWAY_SELF_REFUSED, E_UPDATE_BUSY, version, 0);
        return false;
    default:
        o->due_ms = now_ms + LATER_MS;
        return false;
    }
}

static void note_trial(struct idf_ota *o)
{
    const struct release *r = &o->offer.release;
    o->trial = (struct idf_ota_trial){.is_set = true,
                                      .was_aborted = idf_ota_is_aborted(o->other),
                                      .version = r->version,
                                      .n_bytes = r->image[0].n_bytes,
                                      .security_counter = r->security_counter,
                                      .retry = o->offer.channel.retry,
                                      .confirm_within_s = r->confirm_within_s};
    memcpy(o->trial.sha256, r->image[0].sha256, sizeof o->trial.sha256);
    o->record.attempts++;
}

/* @return true: the bootloader starts the new application at the next reset */
static bool start_trial(struct idf_ota *o)
{
    if (!may_restart(o)) {
        return false;
    }
    /* Remembered before it happens: whatever runs next must know what was tried. */
    note_trial(o);
    enum fota_err err = idf_ota_save(o);
    if (err) {
        o->trial.is_set = false;
        fail(o, err, 0);
        return false;
    }
    const esp_err_t set = esp_ota_set_boot_partition(o->other);
    if (set == ESP_OK) {
        idf_log(o->log, 'I', "this chip restarts into its new application in partition %s", o->other->label);
        idf_ota_tell(o, FOTA_GATEWAY_SELF_RESTART, FOTA_OK, o->trial.version, 0);
        return true;
    }
    idf_log(o->log, 'E', "partition %s cannot be named to the bootloader: %s", o->other->label,
            esp_err_to_name(set));
    o->trial.is_set = false;
    err = idf_ota_save(o);
    fail(o, err ? err : E_IO, 0);
    return false;
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

void idf_ota_polled(struct idf_ota *o)
{
    idf_ota_confirm(o);
    o->has_polled = o->identity.product && o->state != IDF_OTA_FETCH;
}

bool idf_ota_is_due(const struct idf_ota *o)
{
    const bool is_busy = o->state != IDF_OTA_REST && clock_now_ms(o->clock) >= o->due_ms;
    return !o->is_settled || (!o->is_pending && (o->has_polled || is_busy));
}

uint32_t idf_ota_wait_ms(const struct idf_ota *o)
{
    const uint64_t now_ms = clock_now_ms(o->clock);
    if (idf_ota_is_due(o)) {
        return 0;
    }
    return o->state == IDF_OTA_REST ? UINT32_MAX : (uint32_t)(o->due_ms - now_ms);
}

static void look(struct idf_ota *o, uint8_t *scratch)
{
    struct s3_reply reply = {.status = 0};
    bool is_offered = false;
    o->has_polled = false;
    if (o->skipped_left > 0) {
        o->skipped_left--;
        return;
    }
    enum fota_err err = poll(o, scratch, &reply);
    if (!err) {
        err = decide(o, &is_offered);
    }
    if (!is_offered) {
        leave(o, err);
    } else if (o->state != IDF_OTA_READY) {
        begin(o);
    }
}

bool idf_ota_step(struct idf_ota *o, uint8_t *scratch)
{
    if (!o->is_settled) {
        idf_ota_settle(o);
    } else if (o->has_polled) {
        look(o, scratch);
    } else if (o->state == IDF_OTA_FETCH) {
        fetch(o);
    } else if (o->state == IDF_OTA_READY) {
        return start_trial(o);
    }
    return false;
}

void idf_ota_close(struct idf_ota *o)
{
    if (o->is_open) {
        const esp_err_t err = esp_ota_abort(o->handle);
        (void)err; /* the handle is gone in any case */
    }
    o->is_open = false;
    o->state = IDF_OTA_REST;
}
