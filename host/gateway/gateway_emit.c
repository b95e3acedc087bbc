/* Telling the observer. Below everything else, for all of it tells. */
#include "gateway_priv.h"

void gateway_emit(struct gateway *g, struct gateway_event event)
{
    event.state = g->state;
    if (g->ports.observer.on_event) {
        g->ports.observer.on_event(g->ports.observer.ctx, &event);
    }
}
