#include "rig_world.h"

#include <stdio.h>
#include <string.h>

enum { LINE_NUMBERS = 6 };

static bool hear(struct rig_world *w, const uint32_t n[LINE_NUMBERS])
{
    const struct gateway_event e = {.kind = (enum gateway_event_kind)n[0],
                                    .state = w->gateway.state,
                                    .version = n[1],
                                    .slot = (enum slot)n[2],
                                    .reason = (enum fota_err)n[3],
                                    .done = n[4],
                                    .total = n[5]};
    w->hear(w->ctx, &e);
    return true;
}

static bool enter(struct rig_world *w, const char *name)
{
    for (unsigned i = 0; i < GATEWAY_STATES; i++) {
        if (strcmp(gateway_state_name((enum gateway_state)i), name) == 0) {
            w->gateway.state = (enum gateway_state)i;
            w->hear(w->ctx, &(struct gateway_event){.kind = GATEWAY_EVENT_STATE, .state = w->gateway.state});
            return true;
        }
    }
    return false;
}

static bool set_target(struct rig_world *w, const char *line)
{
    struct boot_info *b = &w->gateway.target.boot;
    unsigned state[2];
    unsigned tries = 0;
    char running = 0;
    int n = sscanf(line, "target %c %u %u %u %u %u", &running, &b->slot_version[0], &state[0],
                   &b->slot_version[1], &state[1], &tries);
    b->slot_state[0] = (uint8_t)state[0];
    b->slot_state[1] = (uint8_t)state[1];
    b->tries_left = (uint8_t)tries;
    b->running_slot = running == 'a' ? SLOT_A : running == 'b' ? SLOT_B : SLOT_NONE;
    b->bootloader_version = b->loader_version = 1U << 24;
    (void)snprintf(b->hw_id, sizeof b->hw_id, "f407");
    return n == 6;
}

bool rig_world_obey(struct rig_world *w, const char *line)
{
    char word[RIG_LINE_BYTES];
    uint32_t n[LINE_NUMBERS] = {0};
    if (sscanf(line, "state %255s", word) == 1) {
        return enter(w, word);
    }
    if (strncmp(line, "target ", 7) == 0) {
        return set_target(w, line);
    }
    if (sscanf(line, "event %u %u %u %u %u %u", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) == 6) {
        return hear(w, n);
    }
    if (sscanf(line, "wait %u", &n[0]) == 1) {
        w->wait_ms = n[0];
        w->waits(w->ctx, n[0]);
        return true;
    }
    if (sscanf(line, "time %u", &n[0]) == 1) {
        w->utc_s = n[0];
        return true;
    }
    if (sscanf(line, "bundle %u", &n[0]) == 1) {
        w->is_bundle = n[0] != 0;
        return true;
    }
    if (sscanf(line, "stale %u", &n[0]) == 1) {
        w->gateway.is_stale = n[0] != 0;
        return true;
    }
    return sscanf(line, "names %32s %32s %32s %32s", w->names[0], w->names[1], w->names[2], w->names[3]) == 4;
}

void rig_world_init(struct rig_world *w)
{
    w->gateway.state = GATEWAY_WAIT;
    (void)rig_world_obey(w, "names desk demo f407-disco stable"); /* it is one of the lines */
    w->gateway.config.identity = (struct gateway_identity){
        .device = w->names[0], .product = w->names[1], .hw = w->names[2], .channel = w->names[3]};
}
