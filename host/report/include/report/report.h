/**
 * Reports: what a gateway tells its owner through plain S3, as two kinds of objects of lines `key=value`.
 *
 *   v1/DEVICE/state                     overwritten: where this device stands
 *   v1/DEVICE/SEQUENCE/NUMBER-EVENT     written once, never again: the events of an update
 *
 * Nothing waits for a report and nothing depends on one: what happens is put into a queue of REPORT_QUEUE_MAX entries
 * while the gateway runs, and the caller sends it when the gateway rests after a poll that succeeded. A server that
 * refuses reports costs a request now and then. A full queue drops its oldest entry and counts it; of the state only the
 * newest counts. Portable: no heap, no operating system, no clock of its own.
 *
 * Format: docs/spec/report.md. Tests: tests/unit/report, tests/linux/037_reports*.test.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "gateway/gateway.h"

enum {
    REPORT_QUEUE_MAX = 8,
    REPORT_BODY_MAX_BYTES = 512,
    REPORT_KEY_MAX_BYTES = 96,
    REPORT_RECORD_BYTES = 20 + (REPORT_QUEUE_MAX + 1) * 60 /* on the store */
};

/** What can be reported, and its word. */
#define REPORT_KIND_LIST(X)                                                                                  \
    X(IDLE, "idle")               /* nothing to install [reason: what stands against it] */                  \
    X(DOWNLOADING, "downloading") /* a release was chosen */                                                 \
    X(CHECKED, "checked")         /* the image is here, and right */                                         \
    X(VERIFIED, "verified")       /* the target verified its flash */                                        \
    X(ACTIVATED, "activated")     /* the trial was ordered */                                                \
    X(CONFIRMED, "confirmed")                                                                                \
    X(ROLLED_BACK, "rolled-back")                                                                            \
    X(REFUSED, "refused")                                                                                    \
    X(GAVE_UP, "gave-up")                                                                                    \
    X(FAILED, "failed")   /* state only: another try follows */                                              \
    X(WAITING, "waiting") /* state only: the target may not restart yet */                                   \
    X(LOADER, "loader")   /* the loader that the channel names is in place */                                \
    X(STALE, "stale")     /* the channel is past its expiry */                                               \
    X(FRESH, "fresh")     /* it no longer is */                                                              \
    X(REBUILT, "rebuilt") /* the board was rebuilt through ST's ROM */

enum report_kind {
#define REPORT_KIND_ENUM(name, word) REPORT_##name,
    REPORT_KIND_LIST(REPORT_KIND_ENUM)
#undef REPORT_KIND_ENUM
        REPORT_KINDS
};

/** One report before it is written out. */
struct report_entry {
    uint32_t n;   /* number of the report; rises by one, also over restarts if there is a store */
    uint32_t seq; /* of the channel statement, 0 none yet */
    uint32_t kind;
    uint32_t reason;  /* enum fota_err */
    uint32_t version; /* of the release or loader, 0 none */
    uint32_t running; /* version that runs, 0 none */
    uint32_t slot;    /* that it runs in: enum slot */
    uint32_t attempts;
    uint32_t done, total; /* bytes of the image that are in the target's flash */
    uint64_t time_s;      /* seconds since 1970, 0 unknown */
    uint8_t hash[8];      /* start of the hash of the image that runs, as INFO has it */
};

/** Strings are NUL-terminated and outlive the reports. */
struct report_config {
    struct gateway_identity identity;
    uint32_t heartbeat_ms; /* [24 h] the state is written at least so often */
};

/** Reports of one gateway. Read `last`, `n_dropped`, `n_sent`; the rest is its own. */
struct report {
    struct report_config config;
    struct s3 *s3;       /* bucket for reports; the device's key needs to write there, nothing else */
    struct store *store; /* NULL: queue and number are lost in a restart */
    struct clock *clock;
    uint32_t generation;
    uint32_t next_n;
    uint32_t n_dropped; /* since the first start */
    uint32_t n_sent;
    uint32_t n_queue;
    struct report_entry queue[REPORT_QUEUE_MAX]; /* oldest first */
    struct report_entry state;
    bool is_state_due;
    bool is_dirty;          /* differs from the store */
    bool has_no_conditions; /* the server knows no If-None-Match on a write (501) */
    uint64_t start_ms;
    uint64_t heartbeat_at_ms;
    uint64_t due_ms; /* not before, after a failure */
    uint32_t backoff_ms;
    uint32_t told_version; /* the last one of IDLE, so that it is told once */
    uint32_t told_reason;
    enum fota_err last;    /* of the last request; FOTA_OK before the first */
    struct s3_reply reply; /* of the same, for messages */
    uint8_t scratch[REPORT_RECORD_BYTES];
};

/**
 * Begin, with what a store has kept. A record that is not sound is no record.
 *
 * @param s3, store, clock  must outlive the reports
 * @return FOTA_OK · E_ARG (a name is missing)
 */
FOTA_MUST_CHECK
enum fota_err report_init(struct report *r, const struct report_config *config, struct s3 *s3,
                          struct store *store, struct clock *clock);

/** Call for each event of the gateway, from its observer. Only notes: no request, no write to the store. */
void report_observe(struct report *r, const struct gateway *g, const struct gateway_event *event);

/** Is there something to send now? False during the pause after a failure. */
bool report_is_due(struct report *r);

/**
 * Send one object, and keep in the store what is left. Call it between two steps of the gateway, while report_is_due.
 *
 * Power cut:  a report that was sent may be sent again, under the same name: the object that is there stays.
 * Takes:      one request
 * @return FOTA_OK (sent, or nothing was due) · what stopped it: s3_put's errors, and E_IO of the store; all of it is
 * tried again after a pause
 */
FOTA_MUST_CHECK
enum fota_err report_send(struct report *r, const struct gateway *g);

/**
 * What is not sent yet goes to the store: before a shutdown.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err report_save(struct report *r);

/** Word of a reason: `dns`, `tls`, `clock`, ...; "none" for FOTA_OK. Never NULL. docs/spec/report.md lists them. */
const char *report_reason(enum fota_err reason);
/** Word of a kind; "?" out of range. Never NULL. */
const char *report_kind_name(uint32_t kind);

/**
 * Write a report out. Pure.
 *
 * @param r         identity, uptime, dropped
 * @param is_event  an event, not the state
 * @return bytes without the NUL; 0: it did not fit (cannot be: names have 32 characters at most)
 */
size_t report_text(const struct report *r, const struct report_entry *e, bool is_event, uint64_t now_ms,
                   char out[REPORT_BODY_MAX_BYTES + 1]);

#endif
