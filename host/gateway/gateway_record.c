#include "gateway/gateway_record.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/slot.h"

enum { RECORD_MAGIC = 0x32475746 /* "FWG2" as bytes, format 2 */ };

/* End of the year 9999: no statement names a later time. */
static const uint64_t TIME_MAX_S = UINT64_C(253402300799);

/* One walk over the fields serves both directions, so that they cannot differ. */
struct walk {
    uint8_t *at;
    bool is_storing;
    bool is_in_range; /* when loading: no number was larger than its field */
};

static void walk_bytes(struct walk *w, void *bytes, size_t n_bytes)
{
    if (w->is_storing) {
        memcpy(w->at, bytes, n_bytes);
    } else {
        memcpy(bytes, w->at, n_bytes);
    }
    w->at += n_bytes;
}

static void walk_u32(struct walk *w, uint32_t *value)
{
    if (w->is_storing) {
        bytes_store_le32(w->at, *value);
    } else {
        *value = bytes_load_le32(w->at);
    }
    w->at += 4;
}

static void walk_u64(struct walk *w, uint64_t *value)
{
    uint32_t low = (uint32_t)*value;
    uint32_t high = (uint32_t)(*value >> 32);
    walk_u32(w, &low);
    walk_u32(w, &high);
    *value = (uint64_t)high << 32 | low;
}

static void walk_u16(struct walk *w, uint16_t *value)
{
    uint32_t wide = *value;
    walk_u32(w, &wide);
    w->is_in_range = w->is_in_range && wide <= UINT16_MAX;
    *value = (uint16_t)wide;
}

static void walk_u8(struct walk *w, uint8_t *value)
{
    uint32_t wide = *value;
    walk_u32(w, &wide);
    w->is_in_range = w->is_in_range && wide <= UINT8_MAX;
    *value = (uint8_t)wide;
}

static void walk_bool(struct walk *w, bool *value)
{
    uint8_t wide = w->is_storing && *value ? 1 : 0;
    walk_u8(w, &wide);
    w->is_in_range = w->is_in_range && wide <= 1;
    *value = wide != 0;
}

static void walk_record(struct walk *w, struct gateway_record *r)
{
    walk_u32(w, &r->generation);
    walk_u64(w, &r->trusted_time_s);
    walk_u32(w, &r->channel_seq);
    walk_bytes(w, r->channel_sha256, sizeof r->channel_sha256);
    walk_bytes(w, r->etag, sizeof r->etag);
    walk_u16(w, &r->n_channel_bytes);
    walk_bytes(w, r->channel, sizeof r->channel);
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        walk_bytes(w, r->rejected[i].images, sizeof r->rejected[i].images);
        walk_u16(w, &r->rejected[i].reason);
        walk_u32(w, &r->rejected[i].retry);
    }
    walk_u8(w, &r->rejected_next);
    walk_bool(w, &r->is_in_trial);
    walk_u8(w, &r->trial_slot);
    walk_u32(w, &r->trial_version);
    walk_u32(w, &r->trial_retry);
    walk_bytes(w, r->trial_hash, sizeof r->trial_hash);
    walk_bytes(w, r->images, sizeof r->images);
    walk_u32(w, &r->attempts);
    walk_u32(w, &r->attempts_retry);
    walk_bytes(w, r->loader.sha256, sizeof r->loader.sha256);
    walk_bytes(w, r->loader.hash, sizeof r->loader.hash);
    walk_u16(w, &r->loader.reason);
    walk_u32(w, &r->loader.retry);
    walk_bytes(w, r->loader.running, sizeof r->loader.running);
    walk_u32(w, &r->loader.attempts);
}

enum { CRC_OFF = GATEWAY_RECORD_BYTES - 4 };

static bool is_sound_record(const uint8_t *bytes)
{
    return bytes_load_le32(bytes) == RECORD_MAGIC &&
           bytes_load_le32(bytes + CRC_OFF) == crc32_update(0, bytes, CRC_OFF);
}

void gateway_record_init(struct gateway_record *r)
{
    memset(r, 0, sizeof *r);
}

bool gateway_is_etag(const char *etag, size_t cap_bytes)
{
    size_t n = 0;
    while (n < cap_bytes && etag[n] > ' ' && etag[n] <= '~') {
        n++;
    }
    return n < cap_bytes && etag[n] == '\0';
}

/* A CRC says that the bytes are as they were written, not who wrote them: nothing is used unchecked. */
static bool is_in_range(const struct gateway_record *r)
{
    return r->n_channel_bytes <= STATEMENT_MAX_BYTES && r->etag[GATEWAY_ETAG_MAX_BYTES - 1] == '\0' &&
           r->trusted_time_s <= TIME_MAX_S && r->rejected_next < GATEWAY_REJECTED_MAX &&
           r->trial_slot <= SLOT_B;
}

static bool is_newer(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static enum fota_err load_cell(struct store *store, unsigned cell, uint8_t *scratch,
                               struct gateway_record *out)
{
    enum fota_err err = store_load(store, cell, scratch, GATEWAY_RECORD_BYTES);
    if (!err && !is_sound_record(scratch)) {
        err = E_NOT_FOUND;
    }
    if (!err) {
        struct walk w = {.at = scratch + 4, .is_storing = false, .is_in_range = true};
        walk_record(&w, out);
        err = w.is_in_range && is_in_range(out) ? FOTA_OK : E_NOT_FOUND;
        if (!gateway_is_etag(out->etag, sizeof out->etag)) {
            out->etag[0] = '\0'; /* no header gets it; the object is read in full */
        }
    }
    if (err) {
        gateway_record_init(out);
    }
    return err;
}

enum fota_err gateway_record_load(struct store *store, uint8_t *scratch, struct gateway_record *out)
{
    gateway_record_init(out);
    bool is_sound[STORE_CELLS] = {false};
    uint32_t generation[STORE_CELLS] = {0};
    for (unsigned cell = 0; cell < STORE_CELLS; cell++) {
        enum fota_err err = store_load(store, cell, scratch, GATEWAY_RECORD_BYTES);
        if (err && err != E_NOT_FOUND) {
            return err;
        }
        is_sound[cell] = !err && is_sound_record(scratch);
        generation[cell] = is_sound[cell] ? bytes_load_le32(scratch + 4) : 0;
    }
    if (!is_sound[0] && !is_sound[1]) {
        return E_NOT_FOUND;
    }
    unsigned newest = is_sound[1] && (!is_sound[0] || is_newer(generation[1], generation[0])) ? 1 : 0;
    enum fota_err err = load_cell(store, newest, scratch, out);
    return err == E_NOT_FOUND ? load_cell(store, 1 - newest, scratch, out) : err;
}

enum fota_err gateway_record_save(struct store *store, uint8_t *scratch, struct gateway_record *r)
{
    memset(scratch, 0, GATEWAY_RECORD_BYTES);
    bytes_store_le32(scratch, RECORD_MAGIC);
    r->generation++;
    struct walk w = {.at = scratch + 4, .is_storing = true};
    walk_record(&w, r);
    if (w.at != scratch + CRC_OFF) {
        return E_INTERNAL;
    }
    bytes_store_le32(scratch + CRC_OFF, crc32_update(0, scratch, CRC_OFF));
    return store_save(store, r->generation % STORE_CELLS, scratch, GATEWAY_RECORD_BYTES);
}

void gateway_record_absolve(struct gateway_record *r)
{
    memset(r->rejected, 0, sizeof r->rejected);
    memset(r->images, 0, sizeof r->images);
    r->rejected_next = 0;
    r->attempts = 0;
}

void gateway_record_reject(struct gateway_record *r, const uint8_t images[CRYPTO_SHA256_BYTES],
                           uint16_t reason, uint32_t retry)
{
    struct gateway_rejected *entry = &r->rejected[r->rejected_next];
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        if (memcmp(r->rejected[i].images, images, CRYPTO_SHA256_BYTES) == 0) {
            entry = &r->rejected[i];
        }
    }
    if (entry == &r->rejected[r->rejected_next]) {
        r->rejected_next = (uint8_t)((r->rejected_next + 1U) % GATEWAY_REJECTED_MAX);
    }
    memcpy(entry->images, images, CRYPTO_SHA256_BYTES);
    entry->reason = reason;
    entry->retry = retry;
}

bool gateway_record_forget(struct gateway_record *r, uint16_t reason)
{
    bool is_found = false;
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        if (r->rejected[i].reason == reason) {
            memset(&r->rejected[i], 0, sizeof r->rejected[i]);
            is_found = true;
        }
    }
    return is_found;
}

const struct gateway_rejected *gateway_record_rejected(const struct gateway_record *r,
                                                       const uint8_t images[CRYPTO_SHA256_BYTES])
{
    for (unsigned i = 0; i < GATEWAY_REJECTED_MAX; i++) {
        if (memcmp(r->rejected[i].images, images, CRYPTO_SHA256_BYTES) == 0) {
            return &r->rejected[i];
        }
    }
    return NULL;
}
