#include "run_watch.h"

#include <inttypes.h>

#include "keys.h"

static void line(struct run_watch *w, const char *text)
{
    if (w->is_streaming) {
        progress_end(&w->progress);
        w->is_streaming = false;
    }
    uint64_t now_ms = clock_now_ms(w->clock);
    cli_note(w->cli, "[%6" PRIu64 ".%03u s] %s", now_ms / 1000U, (unsigned)(now_ms % 1000U), text);
}

static const char *place_text(enum slot slot)
{
    if (slot == SLOT_LOADER) {
        return "sector 1 (loader)";
    }
    return slot == SLOT_B ? "slot B" : "slot A";
}

static void on_progress(struct run_watch *w, const struct gateway_event *e)
{
    uint64_t now_ms = clock_now_ms(w->clock);
    if (w->cli->is_json) {
        return;
    }
    if (!w->is_streaming) {
        progress_begin(&w->progress, w->cli->err, w->cli->is_terminal,
                       e->slot == SLOT_LOADER ? "loader" : place_text(e->slot), e->total, now_ms);
        w->is_streaming = true;
    }
    progress_update(&w->progress, e->done, now_ms);
}

/* What is not as it should be, and costs time only. @return false: not an event of this kind */
static bool describe_doubt(const struct gateway_event *e, char *text, size_t n_bytes)
{
    static const char *const clocks[] = {"none", "the build", "the newest statement", "this machine"};
    const char *why = fota_err_text(e->reason);
    switch (e->kind) {
    case GATEWAY_EVENT_DAMAGED:
        (void)snprintf(text, n_bytes, "status %u, %" PRIu32 " bytes, not what was signed: %s", e->status,
                       e->done, why);
        return true;
    case GATEWAY_EVENT_HELD:
        (void)snprintf(text, n_bytes, "the trial waits: %s", why);
        return true;
    case GATEWAY_EVENT_STALE:
        (void)snprintf(text, n_bytes, "the channel expired %" PRIu32 " s ago and was not renewed", e->done);
        return true;
    case GATEWAY_EVENT_FRESH:
        (void)snprintf(text, n_bytes, "the channel was renewed");
        return true;
    case GATEWAY_EVENT_CLOCK:
        (void)snprintf(text, n_bytes, "time counts by the clock of %s", clocks[e->done & 3U]);
        return e->done != GATEWAY_TIME_CLOCK; /* as it should be */
    case GATEWAY_EVENT_REBUILD:
        (void)snprintf(text, n_bytes, "the board %s rebuilt through ST's ROM%s%s",
                       e->reason ? "could not be" : "was", e->reason ? ": " : "", e->reason ? why : "");
        return true;
    default:
        return false;
    }
}

/* What polling leads to. @return false: not an event of this kind */
static bool describe_poll(const struct gateway_event *e, const char *version, char *text, size_t n_bytes)
{
    const char *why = fota_err_text(e->reason);
    switch (e->kind) {
    case GATEWAY_EVENT_QUIET:
        (void)snprintf(text, n_bytes, "304: nothing new");
        return true;
    case GATEWAY_EVENT_CHANGED:
        (void)snprintf(text, n_bytes, "200: channel object of %" PRIu32 " bytes", e->done);
        return true;
    case GATEWAY_EVENT_STATEMENT:
        (void)snprintf(text, n_bytes, "channel statement %" PRIu32 " verifies: offers %s", e->done, version);
        return true;
    case GATEWAY_EVENT_NOTHING:
        (void)snprintf(text, n_bytes, e->reason ? "%s is not installed: %s" : "%s runs already", version,
                       why);
        return true;
    case GATEWAY_EVENT_REFUSED:
        (void)snprintf(text, n_bytes, "refused: %s", why);
        return true;
    case GATEWAY_EVENT_FAILED:
        (void)snprintf(text, n_bytes, "%s failed: %s; again in %.1f s", gateway_state_name(e->state), why,
                       e->done / 1000.0);
        return true;
    case GATEWAY_EVENT_RETRY:
        (void)snprintf(text, n_bytes, "retry %" PRIu32 ": the target may try %s again", e->done, version);
        return true;
    case GATEWAY_EVENT_LOADER:
        (void)snprintf(text, n_bytes, "loader %s is in sector 1", version);
        return true;
    case GATEWAY_EVENT_LOADER_LEFT:
        (void)snprintf(text, n_bytes, "the loader that the channel names is not installed: %s", why);
        return true;
    case GATEWAY_EVENT_LADDER:
        (void)snprintf(text, n_bytes, "silent target, rung '%s': %s", link_rung_name((enum link_rung)e->done),
                       e->reason ? why : "answers");
        return true;
    case GATEWAY_EVENT_STORE:
        (void)snprintf(text, n_bytes, "state file or staging store cannot be written: %s", why);
        return true;
    default:
        return describe_doubt(e, text, n_bytes);
    }
}

/* What installing leads to. @return false: not an event of this kind */
static bool describe_install(const struct gateway_event *e, const char *version, char *text, size_t n_bytes)
{
    const char *place = place_text(e->slot);
    switch (e->kind) {
    case GATEWAY_EVENT_OFFER:
        (void)snprintf(text, n_bytes, "%s goes into %s, %" PRIu32 " bytes", version, place, e->total);
        return true;
    case GATEWAY_EVENT_CHECKED:
        (void)snprintf(text, n_bytes, "stored image is right: hash, signature, slot, hardware");
        return true;
    case GATEWAY_EVENT_BEGUN:
        (void)snprintf(text, n_bytes, "session open, starts at byte %" PRIu32, e->done);
        return true;
    case GATEWAY_EVENT_VERIFIED:
        (void)snprintf(text, n_bytes, "target verified %s", place);
        return true;
    case GATEWAY_EVENT_ACTIVATED:
        (void)snprintf(text, n_bytes, "trial of %s ordered, target restarts", version);
        return true;
    case GATEWAY_EVENT_TRIAL:
        (void)snprintf(text, n_bytes, "trial runs, %" PRIu32 " more after this one", e->done);
        return true;
    case GATEWAY_EVENT_CONFIRMED:
        (void)snprintf(text, n_bytes, "%s confirmed in %s", version, place);
        return true;
    case GATEWAY_EVENT_ROLLED_BACK:
        (void)snprintf(text, n_bytes, "%s rolled back: %s", version, fota_err_text(e->reason));
        return true;
    default:
        return false;
    }
}

bool run_watch_text(const struct gateway_event *e, char *text, size_t n_bytes)
{
    char version[16];
    cli_version_text(e->version, version);
    return describe_poll(e, version, text, n_bytes) || describe_install(e, version, text, n_bytes);
}

void run_watch_count(struct run_watch *w, const struct gateway_event *e)
{
    if (e->kind == GATEWAY_EVENT_LADDER && e->done < LINK_RUNGS) {
        w->ladder.is_tried[e->done] = true;
        w->ladder.reason[e->done] = e->reason;
    }
    bool is_poll_result = e->kind == GATEWAY_EVENT_QUIET || e->kind == GATEWAY_EVENT_CHANGED;
    bool is_failure = e->kind == GATEWAY_EVENT_FAILED && e->state != GATEWAY_BOOT;
    w->n_polls += is_poll_result || (is_failure && e->state == GATEWAY_POLL);
    /* Before the first poll it is the factory's image that confirms itself. */
    w->n_confirmed += e->kind == GATEWAY_EVENT_CONFIRMED && w->n_polls > 0;
    w->n_rolled_back += e->kind == GATEWAY_EVENT_ROLLED_BACK;
    w->n_refused += e->kind == GATEWAY_EVENT_REFUSED;
    w->is_erased = w->is_erased || (e->kind == GATEWAY_EVENT_REFUSED && e->is_erased);
    w->n_loaders += e->kind == GATEWAY_EVENT_LOADER;
    if (is_failure) {
        w->n_failed_in_row++;
        w->failed_in = e->state;
    } else if (e->kind == GATEWAY_EVENT_NOTHING || e->kind == GATEWAY_EVENT_PROGRESS ||
               e->kind == GATEWAY_EVENT_CONFIRMED || e->kind == GATEWAY_EVENT_LOADER) {
        w->n_failed_in_row = 0;
    }
    bool has_result = is_failure || e->kind == GATEWAY_EVENT_NOTHING || e->kind == GATEWAY_EVENT_REFUSED ||
                      e->kind == GATEWAY_EVENT_ROLLED_BACK || e->kind == GATEWAY_EVENT_CONFIRMED;
    if (has_result) {
        w->last_reason = e->reason;
        w->last_version = e->version;
    }
}

static void on_event(void *ctx, const struct gateway_event *e)
{
    struct run_watch *w = ctx;
    char text[160];
    run_watch_count(w, e);
    if (e->kind == GATEWAY_EVENT_PROGRESS) {
        on_progress(w, e);
        return;
    }
    if (e->kind == GATEWAY_EVENT_VERIFIED && w->is_streaming) {
        progress_update(&w->progress, w->progress.total_bytes,
                        clock_now_ms(w->clock)); /* the tail is in flash too */
    }
    if (run_watch_text(e, text, sizeof text)) {
        line(w, text);
    }
}

void run_watch_init(struct run_watch *w, struct cli *cli, struct clock *clock)
{
    *w = (struct run_watch){.cli = cli, .clock = clock};
}

struct gateway_observer run_watch_observer(struct run_watch *w)
{
    return (struct gateway_observer){.on_event = on_event, .ctx = w};
}
