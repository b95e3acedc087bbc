/* A channel with nothing new costs one request; a statement with a wrong date is over with the next one. */
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"

enum { DAY_MS = 86400000, DAY_S = 86400, QUIET_POLLS = 60, HOUR_MS = 3600000 };

/* The most that a quiet poll took. The full GET among two dozen polls, which heals a bad cache, is not a quiet one. */
static void poll_quietly(struct soak *s, struct soak_site *w)
{
    const struct soak_spec spec = {.plant = s->plant, .seed = s->seed};
    uint32_t n_requests_max = 0, n_quiet = 0;
    uint64_t body_bytes_max = 0;
    soak_open(w, &spec);
    soak_publish(w);
    soak_check(s, soak_update(w, DAY_MS), "an update on a clean network is confirmed");
    const uint64_t until_ms = clock_now_ms(&w->target.clock) + 2 * (uint64_t)HOUR_MS;
    while (n_quiet < QUIET_POLLS && clock_now_ms(&w->target.clock) < until_ms) {
        const uint32_t n_requests = w->server.n_gets, quiet_before = w->n_quiet;
        const uint64_t body_bytes = w->server.n_body_bytes;
        soak_step(w, until_ms);
        if (w->n_quiet > quiet_before) {
            const uint32_t n = w->server.n_gets - n_requests;
            const uint64_t bytes = w->server.n_body_bytes - body_bytes;
            n_requests_max = n > n_requests_max ? n : n_requests_max;
            body_bytes_max = bytes > body_bytes_max ? bytes : body_bytes_max;
            n_quiet++;
        }
    }
    (void)printf("quiet polls: %u of them, at most %u request and %u body bytes\n", (unsigned)n_quiet,
                 (unsigned)n_requests_max, (unsigned)body_bytes_max);
    soak_figure(s, "quiet_polls", n_quiet);
    soak_figure(s, "quiet_poll_requests", n_requests_max);
    soak_figure(s, "quiet_poll_body_bytes", (double)body_bytes_max);
}

/* A release dated `ahead_s` from now; whether it is installed or not, the next one is. */
static bool heals(struct soak *s, struct soak_site *w, uint64_t ahead_s, uint64_t clock_back_s)
{
    const struct soak_spec spec = {.plant = s->plant, .seed = s->seed, .clock_back_s = clock_back_s};
    soak_open(w, &spec);
    soak_publish(w);
    const bool is_first_ok = soak_update(w, DAY_MS);
    soak_publish_ahead(w, ahead_s);
    (void)soak_update(w, HOUR_MS);
    if (s->plant == PLANT_NO_HEALING) {
        w->n_published++; /* what the next one would be */
        w->release.version++;
    } else {
        soak_publish(w);
    }
    return is_first_ok && soak_update(w, DAY_MS);
}

static void poison(struct soak *s, struct soak_site *w)
{
    static const uint64_t ahead_days[] = {90, 400, 3650, 36500};
    uint32_t n_runs = 0, n_healed = 0;
    for (size_t i = 0; i < sizeof ahead_days / sizeof ahead_days[0]; i++) {
        for (unsigned has_clock = 0; has_clock < 2; has_clock++) {
            n_runs++;
            n_healed += heals(s, w, ahead_days[i] * DAY_S, has_clock ? 0 : TEST_NOW_S);
        }
    }
    (void)printf("statements dated ahead: the next one was installed after %u of %u\n", (unsigned)n_healed,
                 (unsigned)n_runs);
    soak_figure(s, "poisoned_not_healed", n_runs - n_healed);
}

void soak_polls(struct soak *s)
{
    struct soak_site *w = malloc(sizeof *w);
    if (!w) {
        abort();
    }
    poll_quietly(s, w);
    poison(s, w);
    free(w);
}
