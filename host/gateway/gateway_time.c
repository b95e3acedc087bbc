/* Which time counts, and whether the channel is stale by it. */
#include "gateway_priv.h"

enum {
    STATED_AHEAD_MAX_S = 366 * 86400,
    CLOCK_MIN_S = 1577836800 /* 2020: a clock that says less was never set */
};

uint64_t gateway_clock_s(struct gateway *g)
{
    uint64_t clock_s = clock_utc_s(g->ports.clock);
    return clock_s < g->config.build_time_s || clock_s < CLOCK_MIN_S ? 0 : clock_s;
}

/* `issued=` of the newest statement, and what passed here since it was read. */
static uint64_t stated_s(const struct gateway *g)
{
    uint64_t since_ms = clock_now_ms(g->ports.clock) - g->stated_at_ms;
    return g->record.trusted_time_s ? g->record.trusted_time_s + since_ms / 1000U : 0;
}

static uint64_t now_s(struct gateway *g, enum gateway_time_source *source)
{
    uint64_t clock_s = gateway_clock_s(g);
    uint64_t best_s = g->config.build_time_s;
    uint64_t issued_s = stated_s(g);
    *source = best_s ? GATEWAY_TIME_BUILD : GATEWAY_TIME_NONE;
    /* A typo of the publisher is not believed against a clock that can be right. */
    if (issued_s > best_s && (clock_s == 0 || issued_s <= clock_s + STATED_AHEAD_MAX_S)) {
        *source = GATEWAY_TIME_STATEMENT;
        best_s = issued_s;
    }
    if (clock_s != 0 && clock_s >= best_s) {
        *source = GATEWAY_TIME_CLOCK;
        best_s = clock_s;
    }
    return best_s;
}

uint64_t gateway_now_s(struct gateway *g)
{
    enum gateway_time_source source;
    return now_s(g, &source);
}

static uint32_t bounded(uint64_t s)
{
    return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

void gateway_watch(struct gateway *g)
{
    enum gateway_time_source source;
    uint64_t now = now_s(g, &source);
    if (source != g->time_source) {
        g->time_source = source;
        gateway_tell(g, GATEWAY_EVENT_CLOCK, FOTA_OK, source);
    }
    bool is_stale = g->has_offer && now > g->offer.channel.expires_s;
    if (is_stale != g->is_stale) {
        g->is_stale = is_stale;
        const struct gateway_event event = {.kind = is_stale ? GATEWAY_EVENT_STALE : GATEWAY_EVENT_FRESH,
                                            .reason = is_stale ? E_STATEMENT_EXPIRED : FOTA_OK,
                                            .version = g->has_offer ? g->offer.release.version : 0,
                                            .done = is_stale ? bounded(now - g->offer.channel.expires_s) : 0};
        gateway_emit(g, &event);
    }
}
