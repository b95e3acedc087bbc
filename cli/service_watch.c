#include "service_watch.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"
#include "service/notify.h"
#include "service/snapshot.h"

enum { TEXT_BYTES = 8192, PROGRESS_EVERY_MS = 5000, TENTHS = 10 };

static enum service_level level_of(const struct gateway_event *e)
{
    switch (e->kind) {
    case GATEWAY_EVENT_REFUSED:
    case GATEWAY_EVENT_STORE:
        return SERVICE_ERROR;
    case GATEWAY_EVENT_ROLLED_BACK:
    case GATEWAY_EVENT_FAILED:
    case GATEWAY_EVENT_DAMAGED:
    case GATEWAY_EVENT_STALE:
        return SERVICE_WARNING;
    case GATEWAY_EVENT_REBUILD:
        return e->reason ? SERVICE_ERROR : SERVICE_NOTICE;
    case GATEWAY_EVENT_LADDER:
        return e->reason ? SERVICE_WARNING : SERVICE_NOTICE;
    case GATEWAY_EVENT_OFFER:
    case GATEWAY_EVENT_ACTIVATED:
    case GATEWAY_EVENT_TRIAL:
    case GATEWAY_EVENT_CONFIRMED:
    case GATEWAY_EVENT_RETRY:
    case GATEWAY_EVENT_LOADER:
        return SERVICE_NOTICE;
    case GATEWAY_EVENT_QUIET:
    case GATEWAY_EVENT_STATE:
        return SERVICE_DEBUG;
    default:
        return SERVICE_INFO;
    }
}

static void time_text(uint64_t time_s, char out[24])
{
    time_t t = (time_t)time_s;
    struct tm utc;
    if (!gmtime_r(&t, &utc) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
        (void)snprintf(out, 24, "unknown");
    }
}

/* --- log --------------------------------------------------------------------------------------------- */

/* journald says which file it listens at (systemd.exec(5), JOURNAL_STREAM); stderr may be another one by now. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char ours[64];
    if (!stream || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    (void)snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, ours) == 0;
}

static void remember(struct service_watch *w, const char *text)
{
    unsigned at = w->n_last++ % SERVICE_LAST_EVENTS;
    w->last[at].time_s = clock_utc_s(w->clock);
    (void)snprintf(w->last[at].text, sizeof w->last[at].text, "%.199s", text);
}

static void put_line(struct service_watch *w, enum service_level level, const char *text)
{
    if (w->is_quiet || level > (enum service_level)w->config->log) {
        return;
    }
    if (w->has_journal) {
        (void)fprintf(w->cli->err, "<%d>%s\n", (int)level, text);
        return;
    }
    char now[24];
    time_text(clock_utc_s(w->clock), now);
    (void)fprintf(w->cli->err, "%s %s%s\n", now,
                  level <= SERVICE_ERROR     ? "error: "
                  : level == SERVICE_WARNING ? "warning: "
                                             : "",
                  text);
}

void service_say(struct service_watch *w, enum service_level level, const char *format, ...)
{
    char text[SERVICE_LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(w, level, text);
    if (level < SERVICE_DEBUG) {
        remember(w, text);
    }
}

/* --- status and metrics ------------------------------------------------------------------------------ */

void service_status_path(const struct service_config *config, char *out, size_t n_bytes)
{
    (void)snprintf(out, n_bytes, "%s.status", config->state);
}

static void put_target(struct cli_json *j, const struct gateway *g)
{
    const struct boot_info *b = &g->target.boot;
    char version[16] = "";
    if (b->running_slot < SLOT_NONE) {
        cli_version_text(b->slot_version[b->running_slot], version);
    }
    cli_json_open(j, "target", '{');
    cli_json_text(j, "running", version);
    cli_json_text(j, "slot", b->running_slot == SLOT_A ? "a" : b->running_slot == SLOT_B ? "b" : "none");
    for (unsigned i = 0; i < 2; i++) {
        cli_version_text(b->slot_version[i], version);
        cli_json_text(j, i == SLOT_A ? "version-a" : "version-b", b->slot_version[i] ? version : "");
    }
    cli_json_close(j, '}');
}

static void put_events(struct cli_json *j, const struct service_watch *w)
{
    unsigned n = w->n_last < SERVICE_LAST_EVENTS ? w->n_last : SERVICE_LAST_EVENTS;
    cli_json_open(j, "events", '[');
    for (unsigned i = w->n_last - n; i < w->n_last; i++) {
        char at[24];
        time_text(w->last[i % SERVICE_LAST_EVENTS].time_s, at);
        cli_json_open(j, NULL, '{');
        cli_json_text(j, "time", at);
        cli_json_text(j, "text", w->last[i % SERVICE_LAST_EVENTS].text);
        cli_json_close(j, '}');
    }
    cli_json_close(j, ']');
}

static void put_status(const struct service_watch *w, FILE *out)
{
    const struct gateway *g = w->gateway;
    struct cli_json j = {.out = out, .is_first = true};
    char now[24];
    time_text(clock_utc_s(w->clock), now);
    cli_json_open(&j, NULL, '{');
    cli_json_text(&j, "time", now);
    cli_json_number(&j, "pid", (uint64_t)getpid());
    cli_json_text(&j, "device", w->config->name);
    cli_json_text(&j, "product", w->config->product);
    cli_json_text(&j, "channel", w->config->channel);
    cli_json_text(&j, "state", gateway_state_name(g->state));
    cli_json_number(&j, "sequence", g->record.channel_seq);
    cli_json_number(&j, "done", w->done);
    cli_json_number(&j, "total", w->total);
    put_target(&j, g);
    put_events(&j, w);
    cli_json_close(&j, '}');
    (void)fputc('\n', out);
}

static void put_counters(const struct service_watch *w, FILE *out)
{
    const struct run_watch *s = &w->sums;
    (void)fprintf(out,
                  "# HELP fota_polls_total Polls of the channel, answered or failed.\n"
                  "# TYPE fota_polls_total counter\n"
                  "fota_polls_total %u\n"
                  "# HELP fota_failures_total Polls and installs that failed.\n"
                  "# TYPE fota_failures_total counter\n"
                  "fota_failures_total %u\n"
                  "# HELP fota_updates_total Updates by how they ended.\n"
                  "# TYPE fota_updates_total counter\n",
                  s->n_polls, w->n_events[GATEWAY_EVENT_FAILED]);
    (void)fprintf(out,
                  "fota_updates_total{result=\"confirmed\"} %u\n"
                  "fota_updates_total{result=\"rolled_back\"} %u\n"
                  "fota_updates_total{result=\"refused\"} %u\n",
                  s->n_confirmed, s->n_rolled_back, s->n_refused);
}

static void put_metrics(const struct service_watch *w, FILE *out)
{
    const struct gateway *g = w->gateway;
    const struct boot_info *b = &g->target.boot;
    put_counters(w, out);
    (void)fprintf(
        out,
        "# HELP fota_failed_in_row Failures since the last success.\n"
        "# TYPE fota_failed_in_row gauge\n"
        "fota_failed_in_row %u\n"
        "# HELP fota_last_poll_seconds When the server answered last, seconds since 1970; 0 never.\n"
        "# TYPE fota_last_poll_seconds gauge\n"
        "fota_last_poll_seconds %" PRIu64 "\n"
        "# HELP fota_channel_sequence Highest verified sequence number of the channel.\n"
        "# TYPE fota_channel_sequence gauge\n"
        "fota_channel_sequence %" PRIu32 "\n"
        "# HELP fota_channel_stale 1: the channel is past its expiry.\n"
        "# TYPE fota_channel_stale gauge\n"
        "fota_channel_stale %d\n"
        "# HELP fota_stream_bytes Bytes of the update under way that are in the target's flash.\n"
        "# TYPE fota_stream_bytes gauge\n"
        "fota_stream_bytes %" PRIu32 "\n",
        w->sums.n_failed_in_row, w->last_poll_s, g->record.channel_seq, g->is_stale ? 1 : 0, w->done);
    if (b->running_slot < SLOT_NONE) {
        char version[16];
        cli_version_text(b->slot_version[b->running_slot], version);
        (void)fprintf(out,
                      "# HELP fota_target_info What runs on the target.\n"
                      "# TYPE fota_target_info gauge\n"
                      "fota_target_info{version=\"%s\",slot=\"%c\"} 1\n",
                      version, b->running_slot == SLOT_A ? 'a' : 'b');
    }
}

static bool write_file(const struct service_watch *w, const char *path,
                       void (*put)(const struct service_watch *w, FILE *out))
{
    static char text[TEXT_BYTES];
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out) {
        return false;
    }
    put(w, out);
    bool is_whole = fflush(out) == 0;
    long n = ftell(out);
    is_whole = fclose(out) == 0 && is_whole && n > 0 && n < TEXT_BYTES;
    return is_whole && service_snapshot(path, text, (size_t)n) == FOTA_OK;
}

void service_watch_add(struct service_watch *w, void (*hear)(void *ctx, const struct gateway_event *e),
                       void *ctx)
{
    assert(w->n_listeners < SERVICE_LISTENERS_MAX);
    w->listener[w->n_listeners++] = (struct service_listener){hear, ctx};
}

void service_watch_write(struct service_watch *w)
{
    char path[CLI_PATH_BYTES];
    service_status_path(w->config, path, sizeof path);
    const char *failed = write_file(w, path, put_status) ? NULL : path;
    if (w->config->metrics && !write_file(w, w->config->metrics, put_metrics)) {
        failed = w->config->metrics;
    }
    if (failed && !w->is_told_files) {
        w->is_told_files = true;
        service_say(w, SERVICE_WARNING, "%s cannot be written: %s; updates go on without it", failed,
                    strerror(errno));
    }
    w->written_ms = clock_now_ms(w->clock);
}

/* --- events ------------------------------------------------------------------------------------------ */

static void put_json(struct service_watch *w, const struct gateway_event *e, const char *text)
{
    struct cli_json j = {.out = w->cli->out, .is_first = true};
    char at[24];
    char version[16];
    time_text(clock_utc_s(w->clock), at);
    cli_version_text(e->version, version);
    cli_json_open(&j, NULL, '{');
    cli_json_text(&j, "time", at);
    cli_json_text(&j, "event", gateway_event_name(e->kind));
    cli_json_text(&j, "state", gateway_state_name(e->state));
    cli_json_text(&j, "reason", fota_err_name(e->reason));
    if (e->version) {
        cli_json_text(&j, "version", version);
    }
    if (e->total || e->done) {
        cli_json_number(&j, "done", e->done);
        cli_json_number(&j, "total", e->total);
    }
    cli_json_text(&j, "text", text);
    cli_json_close(&j, '}');
    (void)fputc('\n', w->cli->out);
    (void)fflush(w->cli->out);
}

static void on_progress(struct service_watch *w, const struct gateway_event *e)
{
    unsigned tenths = e->total ? (unsigned)((uint64_t)e->done * TENTHS / e->total) : 0;
    w->done = e->done;
    w->total = e->total;
    if (tenths != w->tenths) {
        char text[80];
        w->tenths = tenths;
        (void)snprintf(text, sizeof text,
                       "%" PRIu32 " of %" PRIu32 " bytes are in the target's flash (%u0 %%)", e->done,
                       e->total, tenths);
        put_line(w, SERVICE_INFO, text);
    }
}

static void tell(struct service_watch *w, const struct gateway_event *e)
{
    char text[160] = "";
    bool has_text = run_watch_text(e, text, sizeof text);
    if (w->is_events) {
        put_json(w, e, text);
    }
    if (!has_text) {
        return;
    }
    bool is_wires = e->reason == E_IO && w->wires_why && w->wires_why[0];
    service_say(w, level_of(e), "%s%s%s", text, is_wires ? ": " : "", is_wires ? w->wires_why : "");
}

static void on_event(void *ctx, const struct gateway_event *e)
{
    struct service_watch *w = ctx;
    if (w->is_stopping && e->kind == GATEWAY_EVENT_FAILED) {
        return; /* a request was cut short on purpose */
    }
    run_watch_count(&w->sums, e);
    w->n_events[e->kind]++;
    if (e->kind == GATEWAY_EVENT_QUIET || e->kind == GATEWAY_EVENT_CHANGED) {
        w->last_poll_s = clock_utc_s(w->clock);
    }
    if (e->kind == GATEWAY_EVENT_PROGRESS) {
        on_progress(w, e);
    }
    for (unsigned i = 0; i < w->n_listeners; i++) {
        w->listener[i].hear(w->listener[i].ctx, e);
    }
    tell(w, e);
    bool is_due =
        e->kind != GATEWAY_EVENT_PROGRESS || clock_now_ms(w->clock) - w->written_ms >= PROGRESS_EVERY_MS;
    if (is_due) {
        service_watch_write(w);
    }
    if (service_watchdog_ms() && service_notify("WATCHDOG=1") != FOTA_OK) {
        w->is_told_files = true; /* the manager is gone: nobody is left to be told */
    }
}

void service_watch_open(struct service_watch *w)
{
    w->has_journal = is_journal();
    run_watch_init(&w->sums, w->cli, w->clock);
}

struct gateway_observer service_watch_observer(struct service_watch *w)
{
    return (struct gateway_observer){.on_event = on_event, .ctx = w};
}
