/* Virtual time: event slots and clocks. */
#include "chip_private.h"

uint64_t chip_now_ps(const struct chip *chip)
{
    return chip->run.now_ps;
}

void chip_set_now_ps(struct chip *chip, uint64_t now_ps)
{
    if (now_ps > chip->run.now_ps) {
        chip->run.now_ps = now_ps;
    }
}

unsigned chip_event_add(struct chip *chip, const char *name, void (*fire)(void *ctx), void *ctx)
{
    chip_check_room(chip->n_events, CHIP_EVENTS, "events");
    chip->event[chip->n_events] = (struct chip_event){name, fire, ctx};
    return chip->n_events++;
}

static void find_next(struct chip *chip)
{
    uint64_t next = CHIP_NEVER;
    for (unsigned i = 0; i < chip->n_events; i++) {
        if (chip->run.event_ps[i] < next) {
            next = chip->run.event_ps[i];
        }
    }
    chip->run.next_ps = next;
}

void chip_event_at(struct chip *chip, unsigned event, uint64_t time_ps)
{
    uint64_t at = time_ps > chip->run.now_ps ? time_ps : chip->run.now_ps;
    bool was_next = chip->run.event_ps[event] == chip->run.next_ps;
    chip->run.event_ps[event] = at;
    if (at <= chip->run.next_ps) {
        chip->run.next_ps = at;
    } else if (was_next) {
        find_next(chip);
    }
    if (chip->host.event_moved) {
        chip->host.event_moved(chip->host_ctx, at);
    }
}

void chip_event_cancel(struct chip *chip, unsigned event)
{
    chip->run.event_ps[event] = CHIP_NEVER;
    find_next(chip);
}

uint64_t chip_next_event_ps(const struct chip *chip)
{
    return chip->run.next_ps;
}

bool chip_advance(struct chip *chip, uint64_t to_ps)
{
    struct chip_run *run = &chip->run;
    while (run->next_ps <= to_ps) {
        unsigned i = 0;
        while (run->event_ps[i] != run->next_ps) {
            i++;
        }
        /* The core may have run a few cycles past the event; while it fires, the clock shows its own time. */
        run->now_ps = run->next_ps;
        run->event_ps[i] = CHIP_NEVER;
        find_next(chip);
        chip->event[i].fire(chip->event[i].ctx);
        if (chip_wants_attention(chip)) {
            return false;
        }
    }
    chip_set_now_ps(chip, to_ps);
    return true;
}

bool chip_stall_until(struct chip *chip, uint64_t time_ps)
{
    return chip->host.stall_until ? chip->host.stall_until(chip->host_ctx, time_ps)
                                  : chip_advance(chip, time_ps);
}

uint32_t chip_clock_hz(const struct chip *chip, enum chip_clock clock)
{
    return chip->run.clock_hz[clock];
}

void chip_on_clock_change(struct chip *chip, void (*fn)(void *ctx), void *ctx)
{
    chip_check_room(chip->n_clock_listeners, CHIP_LISTENERS, "clock listeners");
    chip->clock_listener[chip->n_clock_listeners++] = (struct chip_listener){fn, ctx};
}

void chip_set_clocks(struct chip *chip, uint32_t hclk_hz, uint32_t pclk1_hz, uint32_t pclk2_hz,
                     uint32_t timclk1_hz, uint32_t timclk2_hz)
{
    uint32_t *hz = chip->run.clock_hz;
    if (chip->host.clocks_changed) {
        chip->host.clocks_changed(chip->host_ctx, hclk_hz);
    }
    hz[CHIP_HCLK] = hclk_hz;
    hz[CHIP_PCLK1] = pclk1_hz;
    hz[CHIP_PCLK2] = pclk2_hz;
    hz[CHIP_TIMCLK1] = timclk1_hz;
    hz[CHIP_TIMCLK2] = timclk2_hz;
    for (size_t i = 0; i < chip->n_clock_listeners; i++) {
        chip->clock_listener[i].fn(chip->clock_listener[i].ctx);
    }
}
