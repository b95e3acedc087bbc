/** A gateway that does nothing but what lines of text say: what the rigs of the local page show. */
#ifndef RIG_WORLD_H
#define RIG_WORLD_H

#include "gateway/gateway.h"

enum { RIG_LINE_BYTES = 256, RIG_NAME_BYTES = 33 };

struct rig_world {
    struct gateway gateway;
    char names[4][RIG_NAME_BYTES];
    bool is_bundle;
    uint64_t utc_s;   /* 0: that of this machine */
    uint32_t wait_ms; /* that it said last */
    void (*hear)(void *ctx, const struct gateway_event *event);
    void (*waits)(void *ctx, uint32_t wait_ms);
    void *ctx;
};

/** It waits, and has names. */
void rig_world_init(struct rig_world *w);

/**
 * state NAME · target RUNNING VERSION_A STATE_A VERSION_B STATE_B TRIES (RUNNING a, b or -; versions and states as
 * numbers) · event KIND VERSION SLOT REASON DONE TOTAL (all numbers) · wait MS · names DEVICE PRODUCT HW CHANNEL ·
 * time SECONDS · bundle 0|1 · stale 0|1
 * @return false: none of these
 */
bool rig_world_obey(struct rig_world *w, const char *line);

#endif
