/**
 * What the local page shows of a gateway: the texts of /api/state and /api/events (docs/spec/page.md), made from the
 * events that the gateway tells its observer. Portable, no heap: Linux and an ESP32 serve the same texts.
 */
#ifndef PAGE_PAGE_MODEL_H
#define PAGE_PAGE_MODEL_H

#include "gateway/gateway.h"
#include "port/clock.h"

enum {
    PAGE_API = 1,     /* changes when a field changes its meaning or goes; a new field does not change it */
    PAGE_EVENTS = 12, /* kept */
    PAGE_STATE_BYTES = 1000,    /* of /api/state at most, NUL included */
    PAGE_EVENTS_BYTES = 4000,   /* of /api/events at most, NUL included */
    PAGE_BUNDLE_BYTES = 2 << 20 /* of an upload at most: two images, a loader and what tar adds, twice */
};

/** An event that people want to know of. */
struct page_event {
    uint32_t count;  /* times in a row */
    uint64_t time_s; /* of the newest, seconds since 1970; 0 unknown */
    uint8_t kind;    /* enum gateway_event_kind */
    uint8_t slot;    /* enum slot */
    uint8_t state;   /* enum gateway_state */
    uint16_t status; /* HTTP, 0 none */
    enum fota_err reason;
    uint32_t version; /* 0 none */
    uint32_t done;
};

/** What is shown of the gateway itself: a copy, so that another task than the gateway's may show it. */
struct page_view {
    struct gateway_identity identity; /* texts of the configuration, which must outlive the model */
    enum gateway_state state;
    uint32_t sequence; /* number of the newest channel statement */
    bool is_stale;
    struct boot_info boot; /* of the target, as it said last */
};

/** What is shown. Treat as opaque; page_model_init fills it. */
struct page_model {
    struct page_view view;
    struct clock *clock;
    bool has_stream;        /* /api/stream is served here */
    uint32_t upload_bytes;  /* of a bundle at most; 0: no upload here */
    bool is_bundle;         /* what is done now comes from a bundle */
    uint32_t done, total;   /* of the step under way */
    uint32_t version;       /* that is being installed, 0 none */
    enum slot slot;         /* where to */
    uint32_t n_failed;      /* in a row */
    uint64_t polled_s;      /* last answer of the server, seconds since 1970; 0 none */
    uint64_t wait_until_ms; /* by the clock; 0 unknown */
    uint32_t n_events;      /* since the start; the newest is event[(n_events - 1) % PAGE_EVENTS] */
    struct page_event event[PAGE_EVENTS];
};

/**
 * @param clock         must outlive the model
 * @param has_stream    state is also pushed (/api/stream); false: the page polls
 * @param upload_bytes  bound of an upload; 0: none is taken
 */
void page_model_init(struct page_model *m, struct clock *clock, bool has_stream, uint32_t upload_bytes);

/** Copy what is shown of the gateway itself. By the gateway's own task, after each event and before each wait. */
void page_model_look(struct page_model *m, const struct gateway *gateway);

/** To be called with every event of the gateway. */
void page_model_hear(struct page_model *m, const struct gateway_event *e);

/** The gateway waits for `wait_ms` from now on, for the next poll if its state is WAIT. */
void page_model_waits(struct page_model *m, uint32_t wait_ms);

/**
 * The text of /api/state. `now` and `wait` are its last two fields, so that two texts can be compared without them:
 * what stands before page_state_moment.
 * @param out  PAGE_STATE_BYTES
 * @return bytes without the NUL; 0: it does not fit, and `out` is "" (it does for all names that a configuration takes)
 */
size_t page_state_text(const struct page_model *m, char out[PAGE_STATE_BYTES]);

/** Bytes of a state's text that say something else than what time it is. */
size_t page_state_moment(const char *text);

/**
 * The text of /api/events, the newest event first.
 * @param out  PAGE_EVENTS_BYTES
 * @return bytes without the NUL; 0: it does not fit, and `out` is ""
 */
size_t page_events_text(const struct page_model *m, char out[PAGE_EVENTS_BYTES]);

#endif
