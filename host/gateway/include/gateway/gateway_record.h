/**
 * What the gateway remembers across its own resets, as one record in two cells of the store.
 *
 * The ETag stands in the same record as the verified statement it belongs to, and is saved only with the
 * decision about it: an ETag kept before a crash would answer 304 for ever and hide the release.
 */
#ifndef GATEWAY_GATEWAY_RECORD_H
#define GATEWAY_GATEWAY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"
#include "format/statement.h"
#include "port/store.h"

enum {
    GATEWAY_ETAG_MAX_BYTES = 128, /* with its quotes and a NUL */
    GATEWAY_REJECTED_MAX = 4,
    GATEWAY_RECORD_BYTES = 2524 /* on the store: magic, generation, fields, CRC-32 */
};

/** A release that did not make it: not tried again unless the operator raises `retry` in the channel. */
struct gateway_rejected {
    uint8_t images[CRYPTO_SHA256_BYTES]; /* which images: gateway_images_digest; all 0: free */
    uint16_t reason;                     /* enum fota_err */
    uint32_t retry;                      /* the channel's `retry` when it was rejected */
};

/** What is known of the loader that the channel names; another one named begins anew. */
struct gateway_loader_memory {
    uint8_t sha256[CRYPTO_SHA256_BYTES]; /* its statement, as the channel names it; all 0: none */
    uint8_t hash[8];    /* of its image, as INFO shows it; all 0: the statement was not read yet */
    uint16_t reason;    /* enum fota_err: why it is not installed here; FOTA_OK: nothing stands against it */
    uint32_t retry;     /* the channel's `retry` that reason and attempts belong to */
    uint8_t running[8]; /* image hash of the application then: another application is asked once more */
    uint32_t attempts;  /* installs begun */
};

struct gateway_record {
    uint32_t generation;     /* of this record; assigned by save */
    uint64_t trusted_time_s; /* `issued` of the verified statement with the highest sequence number */
    uint32_t channel_seq;    /* highest verified; 0 none */
    uint8_t channel_sha256[CRYPTO_SHA256_BYTES];            /* of the object with that sequence number */
    char etag[GATEWAY_ETAG_MAX_BYTES];                      /* opaque, quotes included; "" none */
    uint16_t n_channel_bytes;                               /* 0 none */
    uint8_t channel[STATEMENT_MAX_BYTES];                   /* the verified object */
    struct gateway_rejected rejected[GATEWAY_REJECTED_MAX]; /* ring */
    uint8_t rejected_next;
    bool is_in_trial; /* ACTIVATE was sent, the outcome is not known */
    uint8_t trial_slot;
    uint32_t trial_version;
    uint32_t trial_retry;
    uint8_t trial_hash[8];               /* image hash of what is tried */
    uint8_t images[CRYPTO_SHA256_BYTES]; /* release that `attempts` counts for */
    uint32_t attempts;                   /* installs begun */
    uint32_t attempts_retry;             /* the channel's `retry` that they were begun with */
    struct gateway_loader_memory loader;
};

/** What a header may carry: printable, without blanks and line ends, and NUL-terminated within `cap_bytes`. */
bool gateway_is_etag(const char *etag, size_t cap_bytes);

/** Empty record: nothing seen, nothing rejected. */
void gateway_record_init(struct gateway_record *r);

/**
 * Load the newest sound record. Sound: magic, CRC, and every field in its range: a file that something else
 * wrote, or wrote over, is no record, however right its CRC is.
 *
 * @param scratch  GATEWAY_RECORD_BYTES
 * @param out      empty on failure
 * @return FOTA_OK · E_NOT_FOUND (no sound record: start empty) · E_IO
 */
FOTA_MUST_CHECK
enum fota_err gateway_record_load(struct store *store, uint8_t *scratch, struct gateway_record *out);

/**
 * Save with the next generation, over the older cell.
 *
 * Power cut:  the record before this one is found.
 * @return FOTA_OK · E_IO · E_INTERNAL (layout and GATEWAY_RECORD_BYTES disagree)
 */
FOTA_MUST_CHECK
enum fota_err gateway_record_save(struct store *store, uint8_t *scratch, struct gateway_record *r);

/** Another release proved itself: what was held against any is over, and attempts count anew. */
void gateway_record_absolve(struct gateway_record *r);

/** Remember a release as rejected; the oldest of GATEWAY_REJECTED_MAX is forgotten. Same images: replaced. */
void gateway_record_reject(struct gateway_record *r, const uint8_t images[CRYPTO_SHA256_BYTES],
                           uint16_t reason, uint32_t retry);

/**
 * Forget every rejection for this reason: what it said is no longer so.
 * @return true if there was one
 */
bool gateway_record_forget(struct gateway_record *r, uint16_t reason);

/** @return the entry for these images, NULL if they were not rejected */
const struct gateway_rejected *gateway_record_rejected(const struct gateway_record *r,
                                                       const uint8_t images[CRYPTO_SHA256_BYTES]);

#endif
