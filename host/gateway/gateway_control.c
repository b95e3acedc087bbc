/* What an operator may ask of a gateway between two steps. */
#include "gateway_priv.h"

void gateway_poll_now(struct gateway *g)
{
    if (g->state == GATEWAY_WAIT) {
        g->due_ms = 0;
    }
}

enum fota_err gateway_use_source(struct gateway *g, struct s3 *s3)
{
    if (g->state != GATEWAY_WAIT) {
        return E_STATE;
    }
    g->ports.s3 = s3;
    return FOTA_OK;
}

void gateway_stop(struct gateway *g)
{
    if (g->is_dirty) {
        gateway_save(g);
    }
    gateway_release(g);
}
