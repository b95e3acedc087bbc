/* Telling the observer. Below everything else, for all of it tells. */
#include "gateway_priv.h"

void gateway_emit(struct gateway *g, const struct gateway_event *event)
{
    struct gateway_event told = *event;
    told.state = g->state;
    if (g->ports.observer.on_event) {
        g->ports.observer.on_event(g->ports.observer.ctx, &told);
    }
}

void gateway_tell(struct gateway *g, enum gateway_event_kind kind, enum fota_err reason, uint32_t done)
{
    const struct gateway_event event = {.kind = kind, .reason = reason, .done = done};
    gateway_emit(g, &event);
}

const char *gateway_event_name(enum gateway_event_kind kind)
{
    static const char *const names[GATEWAY_EVENT_KINDS] = {[GATEWAY_EVENT_STATE] = "state",
                                                           [GATEWAY_EVENT_QUIET] = "quiet",
                                                           [GATEWAY_EVENT_CHANGED] = "changed",
                                                           [GATEWAY_EVENT_STATEMENT] = "statement",
                                                           [GATEWAY_EVENT_NOTHING] = "nothing",
                                                           [GATEWAY_EVENT_OFFER] = "offer",
                                                           [GATEWAY_EVENT_CHECKED] = "checked",
                                                           [GATEWAY_EVENT_BEGUN] = "begun",
                                                           [GATEWAY_EVENT_PROGRESS] = "progress",
                                                           [GATEWAY_EVENT_VERIFIED] = "verified",
                                                           [GATEWAY_EVENT_ACTIVATED] = "activated",
                                                           [GATEWAY_EVENT_TRIAL] = "trial",
                                                           [GATEWAY_EVENT_CONFIRMED] = "confirmed",
                                                           [GATEWAY_EVENT_ROLLED_BACK] = "rolled-back",
                                                           [GATEWAY_EVENT_REFUSED] = "refused",
                                                           [GATEWAY_EVENT_FAILED] = "failed",
                                                           [GATEWAY_EVENT_RETRY] = "retry",
                                                           [GATEWAY_EVENT_LOADER] = "loader",
                                                           [GATEWAY_EVENT_LOADER_LEFT] = "loader-left",
                                                           [GATEWAY_EVENT_LADDER] = "ladder",
                                                           [GATEWAY_EVENT_STORE] = "store",
                                                           [GATEWAY_EVENT_DAMAGED] = "damaged",
                                                           [GATEWAY_EVENT_FETCHED] = "fetched",
                                                           [GATEWAY_EVENT_HELD] = "held",
                                                           [GATEWAY_EVENT_STALE] = "stale",
                                                           [GATEWAY_EVENT_FRESH] = "fresh",
                                                           [GATEWAY_EVENT_CLOCK] = "clock",
                                                           [GATEWAY_EVENT_REBUILD] = "rebuild"};
    return (unsigned)kind < GATEWAY_EVENT_KINDS ? names[kind] : "?";
}
