/* What an operator may ask of a gateway between two steps. */
#include "gateway_priv.h"

void gateway_poll_now(struct gateway *g)
{
    if (g->state == GATEWAY_WAIT) {
        g->due_ms = 0;
    }
}

void gateway_stop(struct gateway *g)
{
    if (g->is_dirty) {
        gateway_save(g);
    }
    gateway_release(g);
}
