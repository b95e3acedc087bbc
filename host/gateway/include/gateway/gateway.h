/**
 * The gateway: finds a release by polling one object in S3, checks it, streams it into the target and follows
 * the trial.
 *
 * gateway_fsm.h says what follows what; this driver carries out the actions through ports. It never sleeps: a
 * step that has to wait says for how long. No heap, no operating system, no clock of its own, about 10 KB in
 * one struct, so the same code runs on an ESP32 and on Linux.
 *
 * What is erased when: nothing before statement *and* image were verified in full, and nothing but the target's
 * inactive slot afterwards. A loader is received in the target's RAM; its sector 1 is erased by the target,
 * after everything was verified there.
 *
 * The image is fetched once, into the staging store (port/stage.h), checked there, and streamed from there; what
 * was fetched is never fetched again, whatever ends the gateway or the network. Without a store the object is
 * read twice: once for the check, once for the stream.
 *
 * What condemns a release: only bytes that were signed. Whatever else the network delivers is damage on the way
 * (GATEWAY_EVENT_DAMAGED) and can only delay. What was condemned or given up is tried again when the channel
 * raises `retry=`, or when another release was confirmed.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/gateway_fsm.h"
#include "gateway/gateway_image.h"
#include "gateway/gateway_offer.h"
#include "gateway/gateway_record.h"
#include "link_client/link_client.h"
#include "port/clock.h"
#include "port/stage.h"
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
    GATEWAY_EVENT_REFUSED,     /* what was signed is wrong and will stay wrong [reason, version, is_erased] */
    GATEWAY_EVENT_FAILED,      /* network, link or target; another try follows [reason, done = delay in ms,
                                  status, is_erased] */
    GATEWAY_EVENT_RETRY,       /* the target was told to try a rejected release again [done = number] */
    GATEWAY_EVENT_LOADER,      /* the target has the loader that the channel names [version] */
    GATEWAY_EVENT_LOADER_LEFT, /* it does not get it [reason, version; 0 if its statement was not read] */
    GATEWAY_EVENT_LADDER,      /* the target was silent; a rung was tried [done = enum link_rung, reason] */
    GATEWAY_EVENT_STORE,       /* the record could not be saved, or the staging store failed [reason] */
    GATEWAY_EVENT_DAMAGED, /* what came is not what was signed; FAILED follows [reason = what differs, status,
                                  done = bytes that came, total = bytes of the statement; damage, URL in s3] */
    GATEWAY_EVENT_FETCHED, /* in the staging store [done, total] */
    GATEWAY_EVENT_HELD,    /* the target may not restart yet [reason = E_UPDATE_WINDOW or E_UPDATE_BUSY, done
                                  = ms until the next look] */
    GATEWAY_EVENT_STALE,   /* the channel is past its `expires=` [done = seconds since, version] */
    GATEWAY_EVENT_FRESH,   /* it no longer is [version] */
    GATEWAY_EVENT_CLOCK,   /* another clock is believed from now on [done = enum gateway_time_source] */
    GATEWAY_EVENT_REBUILD  /* a board that only ST's ROM answers for was rebuilt [reason] */
};

/* How many kinds there are: the size of an array that has one place for each. */
enum { GATEWAY_EVENT_KINDS = GATEWAY_EVENT_REBUILD + 1 };

/** "rolled-back", as logs, status, page and `--events` have it; "?" for a number that is none. Never NULL. */
const char *gateway_event_name(enum gateway_event_kind kind);

/** Whose time counts. */
enum gateway_time_source {
    GATEWAY_TIME_NONE,
    GATEWAY_TIME_BUILD,     /* config.build_time_s: it is not earlier */
    GATEWAY_TIME_STATEMENT, /* `issued=` of the newest statement, and what passed since it was read */
    GATEWAY_TIME_CLOCK      /* this machine's clock */
};

struct gateway_event {
    enum gateway_event_kind kind;
    enum gateway_state state; /* the state it happened in */
    enum fota_err reason;
    uint32_t version; /* major << 24 | minor << 16 | revision */
    enum slot slot;
    uint32_t done;
    uint32_t total;
    uint16_t status; /* HTTP status of the reply, 0 none */
    bool is_erased; /* something of the inactive slot may have been erased for this file; false: surely not */
};

/** May the trial start? For an application that knows when a restart hurts. */
enum gateway_consent { GATEWAY_CONSENT_NOW, GATEWAY_CONSENT_LATER, GATEWAY_CONSENT_NO };

/** Whoever watches. Every function may be NULL. Called from gateway_step; must not call the gateway. */
struct gateway_observer {
    void (*on_event)(void *ctx, const struct gateway_event *event);
    /** Asked before ACTIVATE, when the hours allow it; NULL: now. LATER is asked again after a second, NO
     * rejects the release. */
    enum gateway_consent (*may_activate)(void *ctx, uint32_t version);
    void *ctx;
};

/** Hours in which a target may restart; from 22 to 4 goes over midnight, from 0 to 0 is the whole day. */
struct gateway_window {
    bool is_set;
    uint8_t from_h, to_h; /* 0..23 */
    int32_t utc_offset_s; /* of the clock that these hours are read from; statements count in UTC */
    /** The same at a moment, where it changes with summer time; asked for each decision. NULL: utc_offset_s, always. */
    int32_t (*offset_at)(uint64_t utc_s);
};

/**
 * May a chip restart now, by the hours of the owner and what the release asks for? Pure.
 * @param utc_s   seconds since 1970; 0 unknown: hours never come
 * @param wait_s  E_UPDATE_WINDOW: how long until it makes sense to look again
 * @return FOTA_OK · E_UPDATE_WINDOW
 */
FOTA_MUST_CHECK
enum fota_err gateway_when(const struct gateway_window *window, const struct statement_span *asked,
                           uint64_t utc_s, uint32_t *wait_s);

/** Settings; zero fields take the default in brackets. */
struct gateway_config {
    struct gateway_keys keys;
    struct gateway_identity identity;
    uint32_t poll_ms;             /* [what the channel says, 30 s..7 d; 1 h before the first] */
    uint32_t backoff_min_ms;      /* [30 s] after a failure */
    uint32_t backoff_max_ms;      /* [6 h] */
    uint32_t denied_min_ms;       /* [1 h] after 403 and 404: credentials or key are missing */
    uint32_t retry_min_ms;        /* [1 s] inside a download */
    uint32_t range_bytes;         /* [65,536] of one GET, a multiple of 4,096 */
    uint32_t trial_poll_ms;       /* [500] */
    uint64_t build_time_s;        /* [0] time is not before it */
    uint32_t seed;                /* jitter, together with the name of the device */
    struct gateway_window window; /* [any time] as well as the release's own `activate=` */
};

struct gateway_ports {
    struct s3 *s3; /* bucket with channels and blobs */
    struct link_client *link;
    struct store *store;
    struct clock *clock;
    struct gateway_observer observer;
    struct stage *stage; /* NULL: none, every image is read twice */
    /** Rebuild a board that only ST's ROM answers for, from the recovery kit; NULL: never. Called when the
     * ladder found nothing else. FOTA_OK: the board runs again. */
    enum fota_err (*rebuild)(void *ctx);
    void *rebuild_ctx;
};

/** What came instead of the image. */
struct gateway_damage {
    enum fota_err reason; /* E_HTTP_LENGTH · E_IMAGE_TRAILING (no end) · E_UPDATE_DAMAGED (another SHA-256) ·
                             E_STATEMENT_* (the channel object) */
    uint32_t got_bytes;
    uint8_t sha256[CRYPTO_SHA256_BYTES]; /* with E_UPDATE_DAMAGED: of what came */
};

enum { GATEWAY_KEY_MAX_BYTES = 160, GATEWAY_SCRATCH_BYTES = LINK_BLOCK_MAX_BYTES };

/** One gateway. Fields are its own; read `state`, `record`, `reply`, `damage`, `is_stale`, `time_source` only. */
struct gateway {
    struct gateway_config config;
    struct gateway_ports ports;
    const struct board_layout *board; /* of config.identity.hw */
    enum gateway_state state;
    struct gateway_record record;
    struct gateway_offer offer; /* spans point into record.channel */
    bool has_offer;
    bool is_dirty;           /* record differs from the store */
    struct link_info target; /* as of DECIDE or TRIAL */
    enum slot slot;          /* where the release goes; SLOT_LOADER: a loader is being installed */
    struct link_session session;
    bool has_session;
    bool is_touched;         /* a session was opened for this file: the target may have erased */
    bool is_attempt_counted; /* BEGIN counted one, and no block went out yet */
    uint32_t block_bytes;    /* what the wires carry well: halved after damage, doubled after clean blocks */
    uint32_t sent_off;       /* next image byte to send */
    struct gateway_image check;
    bool is_check_begun;
    bool is_checked; /* `check` passed for the file checked_sha256 in checked_slot */
    uint8_t checked_sha256[CRYPTO_SHA256_BYTES];
    enum slot checked_slot;
    enum stage_shelf shelf; /* where the file is, or will be, with is_staged */
    bool is_staged;         /* it is on that shelf, in part or in full */
    uint32_t n_staged_bytes;
    bool is_stage_bad;   /* the staging store failed with this file: two passes */
    bool ignores_ranges; /* the server answers 200 to a Range */
    uint64_t request_ms; /* when the last request for the file began */
    uint32_t told_bytes; /* of FETCHED */
    uint32_t damage_ms;  /* last pause after damage, 0 none since the last good image */
    struct gateway_damage damage;
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
    uint64_t held_until_ms; /* ACTIVATE waits until then, then the channel is looked at; 0 it does not wait */
    enum fota_err held_told;
    enum gateway_time_source time_source;
    uint64_t stated_at_ms;  /* when record.trusted_time_s was the time, as far as is known */
    bool is_stale;          /* the channel is past its `expires=` */
    uint32_t backoff_ms;    /* last delay after a failure; 0 after a success */
    uint32_t errors_in_row; /* inside a download */
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
 * @return FOTA_OK · E_ARG (a name is empty or too long, the hardware id is no board that this build knows, a
 * key is missing, range_bytes is not a multiple of 4,096, an hour is none)
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
 * Read channel and images from another place from now on, a bundle for example. Only while the
 * gateway waits; when it polls, what it remembers, and every check, stay as they are.
 * @param s3  must outlive the gateway, or the next call of this
 * @return FOTA_OK · E_STATE (it does not wait; nothing was changed)
 */
FOTA_MUST_CHECK
enum fota_err gateway_use_source(struct gateway *g, struct s3 *s3);

/**
 * The last call before a shutdown: what is not saved yet is saved (GATEWAY_EVENT_STORE if that fails), and a
 * target that was made to stay in its loader is let go by a reset. An update under way goes on with the next start.
 * Power cut:  as gateway_step
 */
void gateway_stop(struct gateway *g);

#endif
