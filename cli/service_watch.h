/**
 * What the gateway as a service tells: log lines with a level, one JSON object for each event, a status file for
 * `fota gateway --status`, and metrics in Prometheus' text form.
 */
#ifndef CLI_SERVICE_WATCH_H
#define CLI_SERVICE_WATCH_H

#include "cli.h"
#include "gateway/gateway.h"
#include "run_watch.h"
#include "service/config.h"

enum { SERVICE_LAST_EVENTS = 16, SERVICE_LINE_BYTES = 640, SERVICE_LISTENERS_MAX = 2 /* reports, page */ };

/** Hears every event. */
struct service_listener {
    void (*hear)(void *ctx, const struct gateway_event *e);
    void *ctx;
};

/** Who watches. Zero it, fill in the first part, then service_watch_open. */
struct service_watch {
    struct cli *cli;
    const struct service_config *config;
    const struct gateway *gateway;
    struct clock *clock;
    struct service_listener listener[SERVICE_LISTENERS_MAX]; /* service_watch_add */
    unsigned n_listeners;
    const char *wires_why; /* why the wires failed last; "" or NULL: nothing to say */
    bool is_events;        /* --events */
    bool is_quiet;         /* --status, --check: no log line */

    bool has_journal;   /* stderr is journald's: levels as <N> */
    bool is_stopping;   /* failures of a request that was cut short are not told */
    bool is_told_files; /* a status or metrics file that cannot be written was told */
    struct run_watch sums;
    unsigned n_events[GATEWAY_EVENT_KINDS];
    uint32_t done, total; /* of the stream under way */
    unsigned tenths;      /* last told */
    uint64_t last_poll_s; /* last answer of the server, 0 none */
    uint64_t written_ms;  /* of the status file */
    struct {
        uint64_t time_s;
        char text[200];
    } last[SERVICE_LAST_EVENTS]; /* ring */
    unsigned n_last;
};

void service_watch_open(struct service_watch *w);

/** Observer to hand to gateway_init. */
struct gateway_observer service_watch_observer(struct service_watch *w);

/** From now on this one hears every event too. SERVICE_LISTENERS_MAX at most. */
void service_watch_add(struct service_watch *w, void (*hear)(void *ctx, const struct gateway_event *e),
                       void *ctx);

/** A line of the log, at this level, if the configuration lets it through. */
FOTA_PRINTF(3, 4)
void service_say(struct service_watch *w, enum service_level level, const char *format, ...);

/** Write the status file and the metrics now. */
void service_watch_write(struct service_watch *w);

/** Path of the status file, of the state file's name. */
void service_status_path(const struct service_config *config, char *out, size_t n_bytes);

#endif
