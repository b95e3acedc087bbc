/**
 * What `fota run` shows of a gateway: one line per event in virtual time, a progress bar for the stream, and
 * the sums at the end.
 */
#ifndef CLI_RUN_WATCH_H
#define CLI_RUN_WATCH_H

#include "cli.h"
#include "gateway/gateway.h"
#include "link_client/link_ladder.h"
#include "progress.h"

struct run_watch {
    struct cli *cli;
    struct clock *clock;
    struct progress progress;
    bool is_streaming;
    unsigned n_polls; /* answered or failed */
    unsigned n_confirmed;
    unsigned n_rolled_back;
    unsigned n_refused;
    bool is_erased;            /* by a release that was refused afterwards */
    unsigned n_loaders;        /* loaders that went into sector 1 */
    unsigned n_failed_in_row;  /* polls or installs that failed since the last that did not */
    enum fota_err last_reason; /* of the newest refusal, rollback, failure or "nothing" */
    uint32_t last_version;
    enum gateway_state failed_in; /* state of the newest failure */
    struct link_ladder ladder;    /* rungs that were tried for a silent target, the newest result of each */
};

/** @param clock  tells virtual time; both must outlive the watch */
void run_watch_init(struct run_watch *w, struct cli *cli, struct clock *clock);

/** Observer to hand to gateway_init. */
struct gateway_observer run_watch_observer(struct run_watch *w);

/** An event in words.
 *  @return false: of this kind nothing is said */
bool run_watch_text(const struct gateway_event *e, char *text, size_t n_bytes);

/** Count an event, without showing it. */
void run_watch_count(struct run_watch *w, const struct gateway_event *e);

#endif
