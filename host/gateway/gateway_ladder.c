/* The ladder in the gateway: a target without a working agent is updated through its loader. */
#include <string.h>

#include "gateway_priv.h"
#include "link_client/link_ladder.h"

enum {
    CLIMB_AGAIN_MS = 3600000, /* the update did not come to an end */
    CLIMB_QUIET_MS =
        24 * 3600000 /* there was nothing to install: the same object is no reason to reset again */
};

/* Resets cost an application its uptime: only for news, or after a good while. */
static bool may_climb(const struct gateway *g)
{
    bool is_news = memcmp(g->climbed_sha256, g->record.channel_sha256, sizeof g->climbed_sha256) != 0;
    return is_news || clock_now_ms(g->ports.clock) >= g->climb_due_ms;
}

static void tell(struct gateway *g, const struct link_ladder *ladder)
{
    for (unsigned i = 0; i < LINK_RUNGS; i++) {
        if (ladder->is_tried[i]) {
            gateway_tell(g, GATEWAY_EVENT_LADDER, ladder->reason[i], i);
        }
    }
}

/* The ROM answers, and nothing of ours does. */
static bool is_for_rebuild(enum fota_err err)
{
    return err == E_LINK_BOOT_MISSING || err == E_LINK_LOADER_MISSING || err == E_LINK_REQUEST_IGNORED;
}

/* The last rung, if the owner allows it: the recovery kit. @return as gateway_ask_target; `err` if not allowed */
static enum fota_err rebuild(struct gateway *g, enum fota_err err)
{
    if (!g->ports.rebuild) {
        gateway_release(g);
        return err;
    }
    err = g->ports.rebuild(g->ports.rebuild_ctx);
    gateway_tell(g, GATEWAY_EVENT_REBUILD, err, 0);
    if (err) { /* it may have erased: not again every hour */
        g->climb_due_ms = clock_now_ms(g->ports.clock) + CLIMB_QUIET_MS;
        return err;
    }
    return gateway_ask_target(g);
}

enum fota_err gateway_climb(struct gateway *g, enum fota_err err)
{
    bool is_silent = err == E_LINK_NO_LOADER || err == E_LINK_NO_VENDOR;
    bool is_in_trial = g->record.is_in_trial && !g->is_trial_overdue; /* a reset would cost it a run */
    if (!is_silent || is_in_trial || !may_climb(g)) {
        return err;
    }
    memcpy(g->climbed_sha256, g->record.channel_sha256, sizeof g->climbed_sha256);
    g->climb_due_ms = clock_now_ms(g->ports.clock) + CLIMB_AGAIN_MS;
    struct link_ladder ladder;
    err = link_ladder_climb(g->ports.link, LINK_RUNG_RESET, LINK_RUNG_REQUEST, &ladder);
    g->is_held = ladder.is_tried[LINK_RUNG_REQUEST]; /* in the loader, or in the ROM */
    tell(g, &ladder);
    if (err && is_for_rebuild(err)) {
        err = rebuild(g, err);
        g->is_held = g->is_held && err;
        return err;
    }
    if (err) {
        gateway_release(g);
        return err;
    }
    g->target = ladder.peer.info;
    if (ladder.rung == LINK_RUNG_REQUEST) { /* what it would start without our request is what runs */
        g->target.boot.running_slot = g->target.boot.active_slot;
    }
    return FOTA_OK;
}

void gateway_climbed_in_vain(struct gateway *g)
{
    if (g->is_held) {
        g->climb_due_ms = clock_now_ms(g->ports.clock) + CLIMB_QUIET_MS;
    }
}

void gateway_release(struct gateway *g)
{
    if (g->is_held) {
        enum fota_err err = link_client_reset(g->ports.link, LINK_BOOT_FLASH);
        (void)err; /* a port that fails shows at the next question */
        g->is_held = false;
    }
}
