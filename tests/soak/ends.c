/* kill -9 and power cuts: the gateway at each kind of call to its ports and in each write of state and staging store,
 * the target at its flash operations. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bars.h"
#include "soak.h"

enum { DAY_MS = 86400000, QUICK_STRIDE = 4 /* of the writes to tear */ };

struct counts {
    uint32_t n_points; /* of an update without an end: calls of the gateway, writes, or flash operations */
    uint32_t n_runs, n_ok;
    uint64_t refetched_max;
};

struct ends {
    struct soak *soak;
    struct soak_site *site;
    const char *folder; /* of the staging store; NULL: in memory */
};

/* A site after one good update, with the next one published: what follows is the usual case, not the first. */
static void prepare(const struct ends *e, uint32_t seed)
{
    struct soak_site *w = e->site;
    const struct soak_spec spec = {.folder = e->folder, .plant = e->soak->plant, .seed = seed};
    soak_open(w, &spec);
    soak_publish(w);
    soak_check(e->soak, soak_update(w, DAY_MS), "an update on a clean network is confirmed");
    soak_publish(w);
    w->network.image_bytes = 0;
}

static void judge(const struct ends *e, struct counts *c, uint32_t point, const char *who)
{
    struct soak_site *w = e->site;
    bool is_ok = soak_update(w, DAY_MS);
    uint64_t fetched = w->network.image_bytes;
    uint64_t size = soak_image_bytes(w);
    uint64_t again = is_ok && fetched > size ? fetched - size : 0;
    c->n_runs++;
    c->n_ok += is_ok;
    if (!bar_is_kept("refetched_bytes_max", (double)again, 1)) {
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

static void end_gateway(const struct ends *e, struct counts *c)
{
    static const char *const names[] = {"kill -9 of the gateway", "power cut of the gateway",
                                        "power cut of gateway and target"};
    struct soak *s = e->soak;
    struct soak_site *w = e->site;
    prepare(e, s->seed);
    soak_end_at(w, UINT32_MAX, SOAK_KILLED);
    soak_check(s, soak_update(w, DAY_MS), "an update without an end is confirmed");
    c->n_points = w->n_points;
    for (uint32_t i = 0; i < s->n_ends; i++) {
        uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        enum soak_end end = i % 2 == 0 ? SOAK_KILLED : i % 4 == 1 ? SOAK_DARK : SOAK_ALL_DARK;
        prepare(e, s->seed + i);
        soak_end_at(w, point, end);
        judge(e, c, point, names[end]);
        soak_check(s, w->n_ends == 1, "the gateway was ended once");
    }
}

static void cut_target(const struct ends *e, struct counts *c)
{
    struct soak *s = e->soak;
    struct soak_site *w = e->site;
    prepare(e, s->seed);
    uint32_t before = w->target.flash.n_ops;
    soak_check(s, soak_update(w, DAY_MS), "an update without an end is confirmed");
    c->n_points = w->target.flash.n_ops - before;
    for (uint32_t i = 0; i < s->n_ends; i++) {
        uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        prepare(e, s->seed + i);
        uint32_t n_boots = w->target.n_boots;
        soak_cut_target_at(w, point, (enum flash_cut)(i % FLASH_CUTS));
        judge(e, c, point, "power cut of the target");
        soak_check(s, w->target.n_boots >= n_boots + 2, "the target lost power and ran its trial");
    }
}

/* Every write of an update torn, `n_tears` times each with another part of it lost. */
static void tear_writes(const struct ends *e, struct counts *c)
{
    struct soak *s = e->soak;
    struct soak_site *w = e->site;
    prepare(e, s->seed);
    w->n_writes = 0;
    soak_check(s, soak_update(w, DAY_MS), "an update without an end is confirmed");
    c->n_points = w->n_writes;
    for (uint32_t i = 0; i < c->n_points * s->n_tears; i += s->is_quick ? QUICK_STRIDE : 1) {
        prepare(e, s->seed + i);
        soak_tear_at(w, 1 + i % c->n_points);
        judge(e, c, 1 + i % c->n_points, "write torn");
        soak_check(s, w->n_ends == 1, "the gateway was ended once");
    }
}

static void run(struct soak *s, struct soak_site *w, const char *folder, struct counts sum[3])
{
    const struct ends e = {.soak = s, .site = w, .folder = folder};
    static void (*const kinds[3])(const struct ends *e, struct counts *c) = {end_gateway, cut_target,
                                                                             tear_writes};
    static const char *const names[3] = {"calls of the gateway", "flash operations of the target",
                                         "writes of state and staging store"};
    for (size_t i = 0; i < 3; i++) {
        sum[i] = (struct counts){0};
        kinds[i](&e, &sum[i]);
        (void)printf("staging in %s: %u/%u confirmed after ends in %u %s, at most %u bytes fetched again\n",
                     folder ? "files " : "memory", (unsigned)sum[i].n_ok, (unsigned)sum[i].n_runs,
                     (unsigned)sum[i].n_points, names[i], (unsigned)sum[i].refetched_max);
    }
}

void soak_ends(struct soak *s)
{
    char folder[] = "/tmp/fota_soak_disk_XXXXXX";
    struct soak_site *w = malloc(sizeof *w);
    struct counts files[3], memory[3];
    uint64_t again = 0;
    if (!w || !mkdtemp(folder)) {
        abort();
    }
    run(s, w, folder, files);
    run(s, w, NULL, memory);
    for (size_t i = 0; i < 3; i++) {
        again = files[i].refetched_max > again ? files[i].refetched_max : again;
        again = memory[i].refetched_max > again ? memory[i].refetched_max : again;
    }
    soak_figure(s, "kill_ok", files[0].n_ok + files[1].n_ok);
    soak_figure(s, "kill_memory_ok", memory[0].n_ok + memory[1].n_ok);
    soak_figure(s, "torn_writes", files[2].n_runs + memory[2].n_runs);
    soak_figure(s, "torn_not_ok", files[2].n_runs - files[2].n_ok + memory[2].n_runs - memory[2].n_ok);
    soak_figure(s, "refetched_bytes_max", (double)again);
    soak_check(
        s, files[0].n_ok + files[1].n_ok == 2 * s->n_ends && memory[0].n_ok + memory[1].n_ok == 2 * s->n_ends,
        "every end leads to a confirmed update");
    forgetful_disk_clear();
    soak_check(s, rmdir(folder) == 0, "the staging store leaves nothing in its folder");
    free(w);
}
