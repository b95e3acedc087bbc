#include "report/report.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "format/statement_write.h"

enum {
    HEARTBEAT_MS = 86400000,
    BACKOFF_MIN_MS = 60000,
    BACKOFF_MAX_MS = 21600000,
    RECORD_MAGIC = 0x31525746, /* "FWR1" as bytes, format 1 */
    RECORD_HEAD_BYTES = 16,
    ENTRY_BYTES = 60
};

/* --- what is kept ------------------------------------------------------------------------------------ */

static void store_entry(uint8_t *at, const struct report_entry *e)
{
    const uint32_t words[] = {
        e->n,    e->seq,      e->kind, e->reason, e->version,          e->running,
        e->slot, e->attempts, e->done, e->total,  (uint32_t)e->time_s, (uint32_t)(e->time_s >> 32),
        0};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        bytes_store_le32(at + 4 * i, words[i]);
    }
    memcpy(at + ENTRY_BYTES - sizeof e->hash, e->hash, sizeof e->hash);
}

/* @return false: a field is out of its range */
static bool load_entry(const uint8_t *at, struct report_entry *e)
{
    uint32_t *const words[] = {&e->n,       &e->seq,  &e->kind,     &e->reason, &e->version,
                               &e->running, &e->slot, &e->attempts, &e->done,   &e->total};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        *words[i] = bytes_load_le32(at + 4 * i);
    }
    e->time_s = bytes_load_le32(at + 40) | (uint64_t)bytes_load_le32(at + 44) << 32;
    memcpy(e->hash, at + ENTRY_BYTES - sizeof e->hash, sizeof e->hash);
    static const uint64_t time_max_s = UINT64_C(253402300799); /* end of the year 9999 */
    return e->kind < REPORT_KINDS && e->reason <= UINT16_MAX && e->time_s <= time_max_s;
}

/* magic, generation, next number, dropped << 8 | entries; the state, the queue; CRC-32 */
enum fota_err report_save(struct report *r)
{
    uint8_t *at = r->scratch;
    if (!r->store || !r->is_dirty) {
        return FOTA_OK;
    }
    memset(at, 0, REPORT_RECORD_BYTES);
    r->generation++;
    bytes_store_le32(at, RECORD_MAGIC);
    bytes_store_le32(at + 4, r->generation);
    bytes_store_le32(at + 8, r->next_n);
    bytes_store_le32(at + 12, r->n_dropped << 8 | r->n_queue);
    store_entry(at + RECORD_HEAD_BYTES, &r->state);
    for (unsigned i = 0; i < r->n_queue; i++) {
        store_entry(at + RECORD_HEAD_BYTES + (i + 1U) * ENTRY_BYTES, &r->queue[i]);
    }
    bytes_store_le32(at + REPORT_RECORD_BYTES - 4, crc32_update(0, at, REPORT_RECORD_BYTES - 4));
    enum fota_err err = store_save(r->store, r->generation % STORE_CELLS, at, REPORT_RECORD_BYTES);
    r->is_dirty = err != FOTA_OK;
    return err;
}

/* @return false: no sound record in this cell, or one that is older than what was found */
static bool load_cell(struct report *r, unsigned cell)
{
    uint8_t *at = r->scratch;
    if (store_load(r->store, cell, at, REPORT_RECORD_BYTES) != FOTA_OK ||
        bytes_load_le32(at) != RECORD_MAGIC ||
        bytes_load_le32(at + REPORT_RECORD_BYTES - 4) != crc32_update(0, at, REPORT_RECORD_BYTES - 4)) {
        return false;
    }
    const uint32_t generation = bytes_load_le32(at + 4);
    const uint32_t n_queue = at[12];
    if (n_queue > REPORT_QUEUE_MAX || (r->generation != 0 && (int32_t)(generation - r->generation) <= 0)) {
        return false;
    }
    struct report_entry state;
    bool is_sound = load_entry(at + RECORD_HEAD_BYTES, &state);
    for (unsigned i = 0; is_sound && i < n_queue; i++) {
        is_sound = load_entry(at + RECORD_HEAD_BYTES + (i + 1U) * ENTRY_BYTES, &r->queue[i]);
    }
    r->n_queue = is_sound ? n_queue : 0;
    r->generation = is_sound ? generation : r->generation;
    r->next_n = is_sound ? bytes_load_le32(at + 8) : r->next_n;
    r->n_dropped = is_sound ? bytes_load_le32(at + 12) >> 8 : r->n_dropped;
    r->state = is_sound ? state : r->state;
    return is_sound;
}

enum fota_err report_init(struct report *r, const struct report_config *config, struct s3 *s3,
                          struct store *store, struct clock *clock)
{
    const struct gateway_identity *id = &config->identity;
    if (!id->device || !id->product || !id->hw || !id->channel) {
        return E_ARG;
    }
    memset(r, 0, sizeof *r);
    r->config = *config;
    r->config.heartbeat_ms = config->heartbeat_ms ? config->heartbeat_ms : HEARTBEAT_MS;
    r->s3 = s3;
    r->store = store;
    r->clock = clock;
    r->next_n = 1;
    r->state.slot = SLOT_NONE;
    r->start_ms = clock_now_ms(clock);
    r->heartbeat_at_ms = r->start_ms; /* a start is told with the first poll that succeeds */
    for (unsigned cell = 0; store && cell < STORE_CELLS; cell++) {
        (void)load_cell(r, cell); /* the other one may be sound */
    }
    return FOTA_OK;
}

/* --- what happens ------------------------------------------------------------------------------------ */

static void fill(const struct report *r, const struct gateway *g, struct report_entry *e)
{
    const struct boot_info *b = &g->target.boot;
    const bool is_running = b->running_slot < SLOT_NONE && b->slot_version[b->running_slot] != 0;
    e->seq = g->record.channel_seq;
    e->running = is_running ? b->slot_version[b->running_slot] : 0;
    e->slot = is_running ? b->running_slot : SLOT_NONE;
    e->attempts = g->record.attempts;
    e->time_s = clock_utc_s(r->clock);
    memset(e->hash, 0, sizeof e->hash);
    if (is_running) {
        memcpy(e->hash, b->slot_hash[b->running_slot], sizeof e->hash);
    }
}

/* What this event is for the owner. @return REPORT_KINDS: nothing */
static enum report_kind kind_of(const struct gateway_event *e)
{
    switch (e->kind) {
    case GATEWAY_EVENT_NOTHING:
        return e->reason == E_UPDATE_GAVE_UP ? REPORT_GAVE_UP : REPORT_IDLE;
    case GATEWAY_EVENT_OFFER:
        return REPORT_DOWNLOADING;
    case GATEWAY_EVENT_CHECKED:
        return REPORT_CHECKED;
    case GATEWAY_EVENT_VERIFIED:
        return REPORT_VERIFIED;
    case GATEWAY_EVENT_ACTIVATED:
        return REPORT_ACTIVATED;
    case GATEWAY_EVENT_CONFIRMED:
        return REPORT_CONFIRMED;
    case GATEWAY_EVENT_ROLLED_BACK:
        return REPORT_ROLLED_BACK;
    case GATEWAY_EVENT_REFUSED:
        return REPORT_REFUSED;
    case GATEWAY_EVENT_FAILED:
        return REPORT_FAILED;
    case GATEWAY_EVENT_HELD:
        return REPORT_WAITING;
    case GATEWAY_EVENT_LOADER:
        return REPORT_LOADER;
    case GATEWAY_EVENT_STALE:
        return REPORT_STALE;
    case GATEWAY_EVENT_FRESH:
        return REPORT_FRESH;
    case GATEWAY_EVENT_REBUILD:
        return e->reason ? REPORT_FAILED : REPORT_REBUILT;
    default:
        return REPORT_KINDS;
    }
}

/* Is this one more event, or does only the state follow? What is said at every poll is an event once. */
static bool is_event(struct report *r, enum report_kind kind, const struct gateway_event *e)
{
    const bool is_repeated = kind == REPORT_GAVE_UP || kind == REPORT_DOWNLOADING;
    const bool is_told =
        r->state.kind == kind && r->told_version == e->version && r->told_reason == e->reason;
    r->told_version = e->version;
    r->told_reason = e->reason;
    const bool is_state_only = kind == REPORT_IDLE || kind == REPORT_FAILED || kind == REPORT_WAITING;
    return !is_state_only && !(is_repeated && is_told);
}

static void put(struct report *r, const struct report_entry *e)
{
    if (r->n_queue == REPORT_QUEUE_MAX) {
        memmove(&r->queue[0], &r->queue[1], sizeof r->queue - sizeof r->queue[0]);
        r->n_queue--;
        r->n_dropped = (r->n_dropped + 1U) & 0xFFFFFFU;
    }
    r->queue[r->n_queue++] = *e;
}

void report_observe(struct report *r, const struct gateway *g, const struct gateway_event *event)
{
    const enum report_kind kind = kind_of(event);
    if (event->kind == GATEWAY_EVENT_PROGRESS) {
        r->state.done = event->done;
        r->state.total = event->total;
    }
    if (kind == REPORT_KINDS) {
        return;
    }
    const bool is_new = is_event(r, kind, event);
    const bool is_change = is_new || r->state.kind != kind || r->state.reason != event->reason;
    struct report_entry *s = &r->state;
    s->kind = kind;
    s->reason = event->reason;
    s->version = event->version ? event->version : s->version;
    if (kind == REPORT_DOWNLOADING) {
        s->done = 0;
        s->total = event->total;
    }
    fill(r, g, s);
    if (!is_change) {
        return; /* the same as at the last poll: the heartbeat tells it */
    }
    s->n = r->next_n++;
    r->is_state_due = true;
    r->is_dirty = true;
    if (is_new) {
        put(r, s);
    }
}

/* --- sending ----------------------------------------------------------------------------------------- */

bool report_is_due(struct report *r)
{
    const uint64_t now_ms = clock_now_ms(r->clock);
    return now_ms >= r->due_ms && (r->n_queue > 0 || r->is_state_due || now_ms >= r->heartbeat_at_ms);
}

/* v1/<device>/state or v1/<device>/<seq>/<n>-<event>. @return false: it does not fit */
static bool make_key(const struct report *r, const struct report_entry *e, bool is_event,
                     char key[REPORT_KEY_MAX_BYTES])
{
    struct statement_text t = {.at = key, .cap_bytes = REPORT_KEY_MAX_BYTES - 1};
    statement_put_string(&t, "v1/");
    statement_put_string(&t, r->config.identity.device);
    statement_put_string(&t, "/");
    if (is_event) {
        statement_put_u32(&t, e->seq);
        statement_put_string(&t, "/");
        statement_put_u32(&t, e->n);
        statement_put_string(&t, "-");
        statement_put_string(&t, report_kind_name(e->kind));
    } else {
        statement_put_string(&t, "state");
    }
    key[t.n_bytes] = '\0';
    return !t.is_full;
}

static enum fota_err put_object(struct report *r, const struct report_entry *e, bool is_event)
{
    char key[REPORT_KEY_MAX_BYTES];
    char body[REPORT_BODY_MAX_BYTES + 1];
    const size_t n = report_text(r, e, is_event, clock_now_ms(r->clock), body);
    if (n == 0 || !make_key(r, e, is_event, key)) {
        return E_NO_SPACE;
    }
    struct s3_put_options options = {
        .body = (const uint8_t *)body, .n_bytes = n, .must_not_exist = is_event && !r->has_no_conditions};
    enum fota_err err = s3_put(r->s3, key, &options, clock_utc_s(r->clock), &r->reply);
    if (err == E_UNSUPPORTED && options.must_not_exist) {
        r->has_no_conditions = true;
        options.must_not_exist = false;
        err = s3_put(r->s3, key, &options, clock_utc_s(r->clock), &r->reply);
    }
    /* It is there: the reply was lost the first time. */
    return err == E_S3_PRECONDITION && r->reply.status == 412 && is_event ? FOTA_OK : err;
}

/* Longer from failure to failure, and as long as the server asks for. */
static void pause_after_failure(struct report *r)
{
    const uint64_t asked_ms = (uint64_t)r->reply.retry_after_s * 1000U;
    const uint64_t longer_ms = r->backoff_ms ? 2U * (uint64_t)r->backoff_ms : BACKOFF_MIN_MS;
    uint64_t ms = asked_ms > longer_ms ? asked_ms : longer_ms;
    ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
    r->backoff_ms = (uint32_t)ms;
    r->due_ms = clock_now_ms(r->clock) + ms;
}

enum fota_err report_send(struct report *r, const struct gateway *g)
{
    if (!report_is_due(r)) {
        return FOTA_OK;
    }
    const bool is_event = r->n_queue > 0;
    if (!is_event && !r->is_state_due) { /* a heartbeat: the same state, as it is now */
        fill(r, g, &r->state);
        r->state.n = r->next_n++;
    }
    enum fota_err err = put_object(r, is_event ? &r->queue[0] : &r->state, is_event);
    r->last = err;
    if (!err && is_event) {
        r->n_queue--;
        memmove(&r->queue[0], &r->queue[1], r->n_queue * sizeof r->queue[0]);
    }
    if (!err && !is_event) {
        r->is_state_due = false;
        r->heartbeat_at_ms = clock_now_ms(r->clock) + r->config.heartbeat_ms;
    }
    if (err) {
        pause_after_failure(r);
    } else {
        r->backoff_ms = 0;
        r->n_sent++;
    }
    r->is_dirty = true;
    enum fota_err kept = report_save(r);
    return err ? err : kept;
}
