#include "page/page_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MS_PER_S = 1000, VERSION_BYTES = 16 };

static const char *const SLOT_STATES[] = {"empty",     "receiving", "pending",    "trial",
                                          "confirmed", "rejected",  "last-resort"};

enum { N_SLOT_STATES = sizeof SLOT_STATES / sizeof SLOT_STATES[0] };

/* The others only move the state. */
static bool is_listed(enum gateway_event_kind kind)
{
    switch (kind) {
    case GATEWAY_EVENT_NOTHING:
    case GATEWAY_EVENT_OFFER:
    case GATEWAY_EVENT_CHECKED:
    case GATEWAY_EVENT_VERIFIED:
    case GATEWAY_EVENT_ACTIVATED:
    case GATEWAY_EVENT_CONFIRMED:
    case GATEWAY_EVENT_ROLLED_BACK:
    case GATEWAY_EVENT_REFUSED:
    case GATEWAY_EVENT_FAILED:
    case GATEWAY_EVENT_RETRY:
    case GATEWAY_EVENT_LOADER:
    case GATEWAY_EVENT_LOADER_LEFT:
    case GATEWAY_EVENT_LADDER:
    case GATEWAY_EVENT_STORE:
    case GATEWAY_EVENT_DAMAGED:
    case GATEWAY_EVENT_HELD:
    case GATEWAY_EVENT_STALE:
    case GATEWAY_EVENT_FRESH:
    case GATEWAY_EVENT_REBUILD:
        return true;
    default:
        return false;
    }
}

/* --- text -------------------------------------------------------------------------------------------- */

/* A text that is written; `is_full` once something did not fit. */
struct writer {
    char *out;
    size_t n_bytes, at;
    bool is_full;
};

FOTA_PRINTF(2, 3)
static void put(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->out + w->at, w->n_bytes - w->at, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= w->n_bytes - w->at) {
        w->is_full = true;
        return;
    }
    w->at += (size_t)n;
}

/* A JSON string; names may have come from a file that somebody wrote by hand. */
static void put_text(struct writer *w, const char *text)
{
    put(w, "\"");
    for (const char *c = text; *c && !w->is_full; c++) {
        bool is_plain = *c >= ' ' && *c <= '~' && *c != '"' && *c != '\\';
        put(w, is_plain ? "%c" : "\\u%04x", (unsigned)(unsigned char)*c);
    }
    put(w, "\"");
}

static size_t finish(struct writer *w)
{
    if (w->is_full) {
        w->out[0] = '\0';
        return 0;
    }
    return w->at;
}

static const char *version_text(uint32_t version, char out[VERSION_BYTES])
{
    out[0] = '\0';
    if (version) {
        (void)snprintf(out, VERSION_BYTES, "%u.%u.%u", (unsigned)(version >> 24),
                       (unsigned)(version >> 16 & 0xFFU), (unsigned)(version & 0xFFFFU));
    }
    return out;
}

static const char *slot_text(unsigned slot)
{
    return slot == SLOT_A ? "a" : slot == SLOT_B ? "b" : slot == SLOT_LOADER ? "loader" : "";
}

/* --- events ------------------------------------------------------------------------------------------ */

static struct page_event *newest(struct page_model *m)
{
    return m->n_events ? &m->event[(m->n_events - 1U) % PAGE_EVENTS] : NULL;
}

/* The same again is counted, so that a night without a network does not fill the list. */
static void remember(struct page_model *m, const struct gateway_event *e)
{
    struct page_event *last = newest(m);
    bool is_again = last && last->kind == (uint8_t)e->kind && last->reason == e->reason &&
                    last->version == e->version && last->status == e->status &&
                    last->state == (uint8_t)e->state;
    if (!is_again) {
        last = &m->event[m->n_events % PAGE_EVENTS];
        *last = (struct page_event){.kind = (uint8_t)e->kind,
                                    .slot = (uint8_t)e->slot,
                                    .state = (uint8_t)e->state,
                                    .status = e->status,
                                    .reason = e->reason,
                                    .version = e->version};
        m->n_events++;
    }
    last->done = e->done;
    last->count++;
    last->time_s = clock_utc_s(m->clock);
}

static void follow(struct page_model *m, const struct gateway_event *e)
{
    switch (e->kind) {
    case GATEWAY_EVENT_STATE:
        m->wait_until_ms = 0;
        m->done = e->state == GATEWAY_CHECK || e->state == GATEWAY_FETCH ? 0 : m->done;
        m->total = e->state == GATEWAY_WAIT ? 0 : m->total;
        m->version = e->state == GATEWAY_WAIT ? 0 : m->version;
        break;
    case GATEWAY_EVENT_QUIET:
    case GATEWAY_EVENT_CHANGED:
        m->polled_s = clock_utc_s(m->clock);
        break;
    case GATEWAY_EVENT_OFFER:
        m->version = e->version;
        m->slot = e->slot;
        m->done = 0;
        m->total = e->total;
        break;
    case GATEWAY_EVENT_TRIAL:
        m->slot = e->slot;
        break;
    case GATEWAY_EVENT_FETCHED:
    case GATEWAY_EVENT_BEGUN:
    case GATEWAY_EVENT_PROGRESS:
        m->done = e->done;
        m->total = e->total;
        break;
    default:
        break;
    }
}

void page_model_hear(struct page_model *m, const struct gateway_event *e)
{
    follow(m, e);
    if (e->kind == GATEWAY_EVENT_FAILED) {
        m->n_failed++;
    } else if (e->kind == GATEWAY_EVENT_NOTHING || e->kind == GATEWAY_EVENT_PROGRESS ||
               e->kind == GATEWAY_EVENT_CONFIRMED || e->kind == GATEWAY_EVENT_LOADER) {
        m->n_failed = 0;
    }
    if (is_listed(e->kind)) {
        remember(m, e);
    }
}

void page_model_waits(struct page_model *m, uint32_t wait_ms)
{
    m->wait_until_ms = clock_now_ms(m->clock) + wait_ms;
}

void page_model_init(struct page_model *m, struct clock *clock, bool has_stream, uint32_t upload_bytes)
{
    *m = (struct page_model){.view = {.identity = {.product = "", .hw = "", .channel = "", .device = ""}},
                             .clock = clock,
                             .has_stream = has_stream,
                             .upload_bytes = upload_bytes,
                             .slot = SLOT_NONE};
}

void page_model_look(struct page_model *m, const struct gateway *gateway)
{
    m->view = (struct page_view){.identity = gateway->config.identity,
                                 .state = gateway->state,
                                 .sequence = gateway->record.channel_seq,
                                 .is_stale = gateway->is_stale,
                                 .boot = gateway->target.boot};
}

/* --- state ------------------------------------------------------------------------------------------- */

static void put_target(struct writer *w, const struct boot_info *b)
{
    char version[VERSION_BYTES];
    bool is_known = b->hw_id[0] != '\0'; /* the target said what it is, once at least */
    put(w, ",\"target\":{\"known\":%s,\"running\":\"%s\",\"tries\":%u,\"root\":\"%s\"",
        is_known ? "true" : "false", is_known ? slot_text(b->running_slot) : "", (unsigned)b->tries_left,
        version_text(b->bootloader_version, version));
    put(w, ",\"loader\":\"%s\",\"slots\":[", version_text(b->loader_version, version));
    for (unsigned i = 0; i < 2; i++) {
        unsigned state = b->slot_state[i] < N_SLOT_STATES ? b->slot_state[i] : SLOT_STATE_EMPTY;
        put(w, "%s{\"version\":\"%s\",\"state\":\"%s\"}", i ? "," : "",
            version_text(b->slot_version[i], version), SLOT_STATES[state]);
    }
    put(w, "]}");
}

static uint32_t wait_s(const struct page_model *m)
{
    uint64_t now_ms = clock_now_ms(m->clock);
    return m->wait_until_ms > now_ms ? (uint32_t)((m->wait_until_ms - now_ms) / MS_PER_S) : 0;
}

size_t page_state_text(const struct page_model *m, char out[PAGE_STATE_BYTES])
{
    const struct page_view *v = &m->view;
    const struct gateway_identity *id = &v->identity;
    char version[VERSION_BYTES];
    struct writer w = {.out = out, .n_bytes = PAGE_STATE_BYTES};
    put(&w, "{\"api\":%d,\"device\":", PAGE_API);
    put_text(&w, id->device);
    put(&w, ",\"product\":");
    put_text(&w, id->product);
    put(&w, ",\"hw\":");
    put_text(&w, id->hw);
    put(&w, ",\"channel\":");
    put_text(&w, id->channel);
    put(&w, ",\"state\":\"%s\",\"done\":%" PRIu32 ",\"total\":%" PRIu32 ",\"version\":\"%s\",\"slot\":\"%s\"",
        gateway_state_name(v->state), m->done, m->total, version_text(m->version, version),
        slot_text(m->slot));
    put(&w,
        ",\"bundle\":%s,\"polled\":%" PRIu64 ",\"failures\":%" PRIu32 ",\"sequence\":%" PRIu32
        ",\"stale\":%s",
        m->is_bundle ? "true" : "false", m->polled_s, m->n_failed, v->sequence,
        v->is_stale ? "true" : "false");
    put_target(&w, &v->boot);
    const struct page_event *last = m->n_events ? &m->event[(m->n_events - 1U) % PAGE_EVENTS] : NULL;
    put(&w, ",\"event\":%" PRIu32 ",\"count\":%" PRIu32 ",\"stream\":%s,\"upload\":%" PRIu32, m->n_events,
        last ? last->count : 0, m->has_stream ? "true" : "false", m->upload_bytes);
    put(&w, ",\"now\":%" PRIu64 ",\"wait\":%" PRIu32 "}", clock_utc_s(m->clock), wait_s(m));
    return finish(&w);
}

size_t page_state_moment(const char *text)
{
    const char *now = strstr(text, ",\"now\":");
    return now ? (size_t)(now - text) : strlen(text);
}

size_t page_events_text(const struct page_model *m, char out[PAGE_EVENTS_BYTES])
{
    struct writer w = {.out = out, .n_bytes = PAGE_EVENTS_BYTES};
    uint32_t n = m->n_events < PAGE_EVENTS ? m->n_events : PAGE_EVENTS;
    put(&w, "{\"api\":%d,\"event\":%" PRIu32 ",\"events\":[", PAGE_API, m->n_events);
    for (uint32_t i = 0; i < n; i++) {
        const struct page_event *e = &m->event[(m->n_events - 1U - i) % PAGE_EVENTS];
        char version[VERSION_BYTES];
        put(&w, "%s{\"time\":%" PRIu64 ",\"kind\":\"%s\",\"count\":%" PRIu32 ",\"state\":\"%s\"",
            i ? "," : "", e->time_s, gateway_event_name(e->kind), e->count,
            gateway_state_name((enum gateway_state)e->state));
        put(&w, ",\"version\":\"%s\",\"slot\":\"%s\",\"status\":%u,\"done\":%" PRIu32,
            version_text(e->version, version), slot_text(e->slot), (unsigned)e->status, e->done);
        put(&w, ",\"reason\":\"%s\",\"why\":", e->reason ? fota_err_name(e->reason) : "");
        put_text(&w, e->reason ? fota_err_text(e->reason) : "");
        put(&w, "}");
    }
    put(&w, "]}");
    return finish(&w);
}
