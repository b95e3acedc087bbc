/**
 * The gateway: finds a release by polling one object in S3, checks it, streams it into the target and follows
 * the trial.
 *
 * gateway_fsm.h says what follows what; this driver carries out the actions through ports. It never sleeps: a
 * step that has to wait says for how long. No heap, no operating system, no clock of its own, about 10 KB in
 * one struct, so the same code runs on an ESP32 and on Linux.
 *
 * What is erased when: nothing before statement *and* image were verified in full (the object is read once
 * for that, and streamed in a second pass), and nothing but the target's inactive slot afterwards. A loader
 * is received in the target's RAM; its sector 1 is erased by the target, after everything was verified there.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/gateway_fsm.h"
#include "gateway/gateway_image.h"
#include "gateway/gateway_offer.h"
#include "gateway/gateway_record.h"
#include "link_client/link_client.h"
#include "port/clock.h"
#include "port/store.h"
#include "s3/s3.h"

/** What an observer hears. Numbers in brackets are the fields of gateway_event that are set. */
enum gateway_event_kind {
    GATEWAY_EVENT_STATE,       /* a state was entered [state] */
    GATEWAY_EVENT_QUIET,       /* 304: nothing new */
    GATEWAY_EVENT_CHANGED,     /* 200: a new channel object [done = bytes] */
    GATEWAY_EVENT_STATEMENT,   /* it verifies [version, done = sequence number] */
    GATEWAY_EVENT_NOTHING,     /* nothing to install [reason, version] */
    GATEWAY_EVENT_OFFER,       /* will install [version, slot, total]; SLOT_LOADER: a loader */
    GATEWAY_EVENT_CHECKED,     /* the stored image is right [version, total] */
    GATEWAY_EVENT_BEGUN,       /* session open [slot, done = resume offset, total] */
    GATEWAY_EVENT_PROGRESS,    /* [done = bytes in the target's flash, total] */
    GATEWAY_EVENT_VERIFIED,    /* the target verified its flash [version, slot] */
    GATEWAY_EVENT_ACTIVATED,   /* the trial was ordered [version, slot] */
    GATEWAY_EVENT_TRIAL,       /* trial goes on [slot, done = runs left] */
    GATEWAY_EVENT_CONFIRMED,   /* [version, slot] */
    GATEWAY_EVENT_ROLLED_BACK, /* [version, slot, reason] */
    GATEWAY_EVENT_REFUSED,     /* statement or image is wrong and will stay wrong [reason, version] */
    GATEWAY_EVENT_FAILED,      /* network, link or target; another try follows [reason, done = delay in ms] */
    GATEWAY_EVENT_RETRY,       /* the target was told to try a rejected release again [done = number] */
    GATEWAY_EVENT_LOADER,      /* the target has the loader that the channel names [version] */
    GATEWAY_EVENT_LOADER_LEFT, /* it does not get it [reason, version; 0 if its statement was not read] */
    GATEWAY_EVENT_LADDER,      /* the target was silent; a rung was tried [done = enum link_rung, reason] */
    GATEWAY_EVENT_STORE        /* the record could not be saved [reason] */
};

struct gateway_event {
    enum gateway_event_kind kind;
    enum gateway_state state; /* the state it happened in */
    enum fota_err reason;
    uint32_t version; /* major << 24 | minor << 16 | revision */
    enum slot slot;
    uint32_t done;
    uint32_t total;
};

/** May the trial start? For an application that knows when a restart hurts. */
enum gateway_consent { GATEWAY_CONSENT_NOW, GATEWAY_CONSENT_LATER, GATEWAY_CONSENT_NO };

/** Whoever watches. Every function may be NULL. Called from gateway_step; must not call the gateway. */
struct gateway_observer {
    void (*on_event)(void *ctx, const struct gateway_event *event);
    /** Asked before ACTIVATE; NULL: now. LATER is asked again after a second, NO rejects the release. */
    enum gateway_consent (*may_activate)(void *ctx, uint32_t version);
    void *ctx;
};

/** Settings; zero fields take the default in brackets. */
struct gateway_config {
    struct gateway_keys keys;
    struct gateway_identity identity;
    uint32_t poll_ms;        /* [what the channel says, 30 s..7 d; 1 h before the first] */
    uint32_t backoff_min_ms; /* [30 s] after a failure */
    uint32_t backoff_max_ms; /* [6 h] */
    uint32_t denied_min_ms;  /* [1 h] after 403 and 404: credentials or key are missing */
    uint32_t retry_min_ms;   /* [1 s] inside a download */
    uint32_t range_bytes;    /* [65,536] of one GET, a multiple of 4,096 */
    uint32_t trial_poll_ms;  /* [500] */
    uint64_t build_time_s;   /* [0] time is not before it */
    uint32_t seed;           /* jitter; a different one per device */
};

struct gateway_ports {
    struct s3 *s3; /* bucket with channels and blobs */
    struct link_client *link;
    struct store *store;
    struct clock *clock;
    struct gateway_observer observer;
};

enum { GATEWAY_KEY_MAX_BYTES = 160, GATEWAY_SCRATCH_BYTES = LINK_BLOCK_MAX_BYTES };

/** One gateway. Fields are its own; read `state`, `record` and `reply` only. */
struct gateway {
    struct gateway_config config;
    struct gateway_ports ports;
    enum gateway_state state;
    struct gateway_record record;
    struct gateway_offer offer; /* spans point into record.channel */
    bool has_offer;
    bool is_dirty;           /* record differs from the store */
    struct link_info target; /* as of DECIDE or TRIAL */
    enum slot slot;          /* where the release goes; SLOT_LOADER: a loader is being installed */
    struct link_session session;
    bool has_session;
    uint32_t block_bytes; /* what the wires carry well: halved after damage, doubled after clean blocks */
    uint32_t sent_off;    /* next image byte to send */
    struct gateway_image check;
    bool is_check_begun;
    bool is_checked; /* `check` passed for the file checked_sha256 in checked_slot */
    uint8_t checked_sha256[CRYPTO_SHA256_BYTES];
    enum slot checked_slot;
    struct release_image
        loader_image; /* the loader that is being installed; its blob points into loader_text */
    uint32_t loader_version;
    uint16_t n_loader_text;
    uint8_t loader_text[STATEMENT_RELEASE_MAX_BYTES];
    enum fota_err loader_told;        /* reason that the observer heard last for this channel object */
    struct crypto_sha256 stream_hash; /* of what was sent, while it was sent from 0 without a gap */
    uint32_t hashed_off;
    char etag[GATEWAY_ETAG_MAX_BYTES]; /* of the channel object, until the decision is saved with it */
    char blob_etag[S3_ETAG_MAX_BYTES];
    struct s3_reply reply; /* of the last request, for messages */
    enum fota_err outcome; /* for REPORT */
    uint64_t due_ms;       /* WAIT, and pauses inside a state */
    uint64_t trial_until_ms;
    uint32_t backoff_ms;       /* last delay after a failure; 0 after a success */
    uint32_t errors_in_row;    /* inside a download */
    uint64_t downloaded_bytes; /* for this release */
    uint32_t polls;
    uint32_t random;                             /* state of the jitter */
    uint8_t climbed_sha256[CRYPTO_SHA256_BYTES]; /* channel object that the ladder was last climbed for */
    uint64_t climb_due_ms;                       /* not again for the same object before */
    bool is_held;          /* a climb left the target in its loader: a reset lets it go */
    bool is_trial_overdue; /* a trial was followed to the end of patience */
    uint8_t tries_seen;
    bool is_object_bad; /* the last channel object was refused: it keeps no ETag */
    uint32_t n_scratch_bytes;
    uint8_t scratch[GATEWAY_SCRATCH_BYTES]; /* block, channel object or record: never two at a time */
};

/**
 * @param config  copied; strings and keys it points to must outlive the gateway
 * @param ports   copied; must outlive the gateway
 * @return FOTA_OK · E_ARG (a name is empty or too long, a key is missing, range_bytes is not a multiple of
 * 4,096)
 */
FOTA_MUST_CHECK
enum fota_err gateway_init(struct gateway *g, const struct gateway_config *config,
                           const struct gateway_ports *ports);

/**
 * Carry out the current state's action once and move on.
 *
 * @param wait_ms  time to let pass before the next call; 0: call again at once
 * Takes:      one HTTP request, or a range of it with the link blocks it carries
 * Power cut:  of the gateway: it finds its record and the target's INFO, and goes on from what is in flash
 * @return FOTA_OK · E_STATE, E_INTERNAL (a fault of this program; failures of the world are events)
 */
FOTA_MUST_CHECK
enum fota_err gateway_step(struct gateway *g, uint32_t *wait_ms);

/** Do not wait for the next poll: the next step polls, if the gateway waits for that. */
void gateway_poll_now(struct gateway *g);

/**
 * The last call before a shutdown: what is not saved yet is saved (GATEWAY_EVENT_STORE if that fails), and a
 * target that was made to stay in its loader is let go by a reset. An update under way goes on with the next start.
 * Power cut:  as gateway_step
 */
void gateway_stop(struct gateway *g);

#endif
