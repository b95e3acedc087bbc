#include "gateway/gateway_record.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/slot.h"

enum { RECORD_MAGIC = 0x32475746 /* "FWG2" as bytes, format 2 */ };

/* End of the year 9999: no statement names a later time. */
static const uint64_t TIME_MAX_S = UINT64_C(253402300799);

/* The fields in their order on the store. Numbers take 4 bytes there, of 64 bits 8; all else is as it is here. */
enum { FIELD_BYTES, FIELD_BOOL, FIELD_NUMBER };

struct field {
    unsigned off : 16; /* in struct gateway_record */
    unsigned n_bytes : 14;
    unsigned kind : 2;
};

#define FIELD(name, kind)                                                                                    \
    {                                                                                                        \
        offsetof(struct gateway_record, name), sizeof((struct gateway_record *)0)->name, kind                \
    }
#define BYTES(name)  FIELD(name, FIELD_BYTES)
#define BOOL(name)   FIELD(name, FIELD_BOOL)
#define NUMBER(name) FIELD(name, FIELD_NUMBER)
#define REJECTED(i)  BYTES(rejected[i].images), NUMBER(rejected[i].reason), NUMBER(rejected[i].retry)

/* After the generation and the trusted time. */
static const struct field fields[] = {NUMBER(channel_seq),   BYTES(channel_sha256),
                                      BYTES(etag),           NUMBER(n_channel_bytes),
                                      BYTES(channel),        REJECTED(0),
                                      REJECTED(1),           REJECTED(2),
                                      REJECTED(3),           NUMBER(rejected_next),
                                      BOOL(is_in_trial),     NUMBER(trial_slot),
                                      NUMBER(trial_version), NUMBER(trial_retry),
                                      BYTES(trial_hash),     BYTES(images),
                                      NUMBER(attempts),      NUMBER(attempts_retry),
                                      BYTES(loader.sha256),  BYTES(loader.hash),
                                      NUMBER(loader.reason), NUMBER(loader.retry),
                                      BYTES(loader.running), NUMBER(loader.attempts)};

static_assert(GATEWAY_REJECTED_MAX == 4, "one REJECTED for each");
static_assert(sizeof(bool) == 1, "a truth value is one byte");

/* One walk over the fields serves both directions, so that they cannot differ. */
struct walk {
    uint8_t *at;
    bool is_storing;
    bool is_in_range; /* when loading: no number was larger than its field */
};

static void walk_u32(struct walk *w, uint32_t *value)
{
    if (w->is_storing) {
        bytes_store_le32(w->at, *value);
    } else {
        *value = bytes_load_le32(w->at);
    }
    w->at += 4;
}

static uint32_t number_at(const void *at, size_t n_bytes)
{
    if (n_bytes == 1) {
        return *(const uint8_t *)at;
    }
    return n_bytes == 2 ? *(const uint16_t *)at : *(const uint32_t *)at;
}

static void put_number(void *at, size_t n_bytes, uint32_t value)
{
    if (n_bytes == 1) {
        *(uint8_t *)at = (uint8_t)value;
    } else if (n_bytes == 2) {
        *(uint16_t *)at = (uint16_t)value;
    } else {
        *(uint32_t *)at = value;
    }
}

static void walk_number(struct walk *w, void *at, const struct field *f)
{
    const uint32_t most = f->kind == FIELD_BOOL ? 1 : UINT32_MAX >> (32U - 8U * f->n_bytes);
    uint32_t value = number_at(at, f->n_bytes);
    walk_u32(w, &value);
    if (value > most) {
        w->is_in_range = false;
        value = 0;
    }
    put_number(at, f->n_bytes, value);
}

static void walk_record(struct walk *w, struct gateway_record *r)
{
    uint32_t low = (uint32_t)r->trusted_time_s;
    uint32_t high = (uint32_t)(r->trusted_time_s >> 32);
    walk_u32(w, &r->generation);
    walk_u32(w, &low);
    walk_u32(w, &high);
    r->trusted_time_s = (uint64_t)high << 32 | low;
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint8_t *at = (uint8_t *)r + fields[i].off;
        if (fields[i].kind != FIELD_BYTES) {
            walk_number(w, at, &fields[i]);
        } else {
            memcpy(w->is_storing ? w->at : at, w->is_storing ? at : w->at, fields[i].n_bytes);
            w->at += fields[i].n_bytes;
        }
    }
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
