/* kill -9 and power cuts: the gateway at each kind of call to its ports, the target at its flash operations. */
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"
#include "soak_site.h"

enum { DAY_MS = 86400000, REFETCHED_MAX_BYTES = 4096, N_UPDATES_BEFORE = 1 };

struct counts {
    uint32_t n_points; /* of an update without an end: calls of the gateway, or flash operations */
    uint32_t n_ok;
    uint32_t n_refused;
    uint64_t refetched_max;
};

/* A site after one good update, with the next one published: what follows is the usual case, not the first. */
static void prepare(struct soak_site *w, uint32_t seed)
{
    static const struct fault_plan clean;
    soak_open(w, &clean, true, seed);
    for (unsigned i = 0; i < N_UPDATES_BEFORE; i++) {
        soak_publish(w);
        if (!soak_update(w, DAY_MS)) {
            (void)fprintf(stderr, "soak: an update on a clean network fails\n");
            abort();
        }
    }
    soak_publish(w);
    w->network.image_bytes = 0;
}

static void judge(struct soak_site *w, struct counts *c, uint32_t point, const char *who)
{
    bool is_ok = soak_update(w, DAY_MS);
    uint64_t fetched = w->network.image_bytes;
    uint64_t size = soak_image_bytes(w);
    uint64_t again = is_ok && fetched > size ? fetched - size : 0;
    c->n_ok += is_ok;
    c->n_refused += w->n_refused > 0;
    if (again > REFETCHED_MAX_BYTES) {
        (void)printf("  %s, point %u: %u bytes fetched again of %u\n", who, (unsigned)point, (unsigned)again,
                     (unsigned)size);
    }
    c->refetched_max = again > c->refetched_max ? again : c->refetched_max;
    if (!is_ok) {
        (void)printf("  %s, point %u: not confirmed; %u refused (%s), %u rolled back, %u failures told\n",
                     who, (unsigned)point, (unsigned)w->n_refused, fota_err_name(w->refused_reason),
                     (unsigned)w->n_rolled_back, (unsigned)w->n_failed);
    }
}

static void end_gateway(struct soak *s, struct soak_site *w, struct counts *c)
{
    *c = (struct counts){0};
    prepare(w, s->seed);
    soak_end_at(w, UINT32_MAX, SOAK_KILLED);
    soak_check(s, soak_update(w, DAY_MS), "an update without an end is confirmed");
    c->n_points = w->n_points;
    for (uint32_t i = 0; i < s->n_ends; i++) {
        uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        prepare(w, s->seed + i);
        soak_end_at(w, point, i % 2 == 0 ? SOAK_KILLED : SOAK_DARK);
        judge(w, c, point, i % 2 == 0 ? "kill -9 of the gateway" : "power cut of the gateway");
        soak_check(s, w->n_ends == 1, "the gateway was ended once");
    }
}

static void cut_target(struct soak *s, struct soak_site *w, struct counts *c)
{
    *c = (struct counts){0};
    prepare(w, s->seed);
    uint32_t before = w->target.flash.n_ops;
    soak_check(s, soak_update(w, DAY_MS), "an update without an end is confirmed");
    c->n_points = w->target.flash.n_ops - before;
    for (uint32_t i = 0; i < s->n_ends; i++) {
        uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        prepare(w, s->seed + i);
        uint32_t n_boots = w->target.n_boots;
        soak_cut_target_at(w, point, (enum flash_cut)(i % FLASH_CUTS));
        judge(w, c, point, "power cut of the target");
        soak_check(s, w->target.n_boots >= n_boots + 2, "the target lost power and ran its trial");
    }
}

void soak_ends(struct soak *s)
{
    struct soak_site *w = malloc(sizeof *w);
    struct counts gateway, target;
    char what[160];
    if (!w) {
        abort();
    }
    end_gateway(s, w, &gateway);
    cut_target(s, w, &target);
    (void)printf("ends: gateway %u/%u confirmed of %u points, target %u/%u of %u flash operations\n",
                 (unsigned)gateway.n_ok, (unsigned)s->n_ends, (unsigned)gateway.n_points,
                 (unsigned)target.n_ok, (unsigned)s->n_ends, (unsigned)target.n_points);
    uint64_t again =
        gateway.refetched_max > target.refetched_max ? gateway.refetched_max : target.refetched_max;
    soak_figure(s, "kill_ok", gateway.n_ok + target.n_ok);
    soak_figure(s, "kill_wanted", 2.0 * s->n_ends);
    soak_figure(s, "refetched_bytes_max", (double)again);
    soak_check(s, gateway.n_ok == s->n_ends && target.n_ok == s->n_ends,
               "every end leads to a confirmed update");
    (void)snprintf(what, sizeof what, "%llu bytes are fetched again after an end, more than %d",
                   (unsigned long long)again, REFETCHED_MAX_BYTES);
    soak_check(s, again <= REFETCHED_MAX_BYTES, what);
    free(w);
}
