/* Ends of the gateway at its calls to ESP-IDF and in each write of NVS and staging partition; power cuts of the target at its flash
 * operations; power cuts of both. */
#include <stdio.h>
#include <stdlib.h>

#include "bars.h"
#include "soak.h"

enum { DAY_S = 86400, FEW = 8 /* writes that a short soak tears */ };

struct counts {
    uint32_t
        n_points; /* of an update without an end: calls, flash operations of the target, or writes of the ESP32 */
    uint32_t n_runs, n_ok;
    uint64_t again_max; /* bytes fetched again */
};

struct ends {
    struct soak *soak;
    struct site *site;
    struct site_snapshot *ready; /* after one good update, with the next one published */
};

static void judge(const struct ends *e, struct counts *c, uint32_t point, const char *who)
{
    struct site *w = e->site;
    const uint64_t before = stand_in_stats()->http_blob_bytes;
    const bool is_ok = site_update(w, DAY_S);
    const uint64_t fetched = stand_in_stats()->http_blob_bytes - before, size = site_image_bytes(w);
    const uint64_t again = is_ok && fetched > size ? fetched - size : 0;
    const uint64_t n_wrong_uses = stand_in_stats()->faults + stand_in_stats()->wdt_bites;
    c->n_runs++;
    c->n_ok += is_ok;
    figures_check(&e->soak->figures, n_wrong_uses == 0, "ESP-IDF is used as it wants to be");
    c->again_max = again > c->again_max ? again : c->again_max;
    if (!bar_is_kept("esp32_refetched_bytes_max", (double)again, 1)) {
        (void)printf("  %s, point %u: %u bytes fetched again of %u\n", who, (unsigned)point, (unsigned)again,
                     (unsigned)size);
    }
    if (!is_ok) {
        (void)printf("  %s, point %u: not confirmed; %u refused (%s), %u rolled back, %u failures told\n",
                     who, (unsigned)point, w->rig.n_heard[FOTA_GATEWAY_REFUSED],
                     fota_gateway_reason_text(w->rig.last_reason[FOTA_GATEWAY_REFUSED]),
                     w->rig.n_heard[FOTA_GATEWAY_ROLLED_BACK], w->rig.n_heard[FOTA_GATEWAY_FAILED]);
    }
}

static void end_gateway(const struct ends *e, struct counts *c)
{
    static const char *const names[SITE_ENDS] = {"task deleted", "ESP32 reset", "power cut of both"};
    const struct soak *s = e->soak;
    site_restore(e->site, e->ready);
    const uint64_t before = stand_in_points();
    figures_check(&e->soak->figures, site_update(e->site, DAY_S), "an update without an end is confirmed");
    c->n_points = (uint32_t)(stand_in_points() - before);
    for (uint32_t i = 0; i < s->n_ends; i++) {
        const uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        const enum site_end end = (enum site_end)(i % SITE_ENDS);
        site_restore(e->site, e->ready);
        site_end_at(e->site, point, end);
        judge(e, c, point, names[end]);
        figures_check(&e->soak->figures, e->site->n_ends == 1, "the gateway was ended once");
    }
}

static void cut_target(const struct ends *e, struct counts *c)
{
    const struct soak *s = e->soak;
    struct target_fake *t = &e->site->target;
    site_restore(e->site, e->ready);
    const uint32_t before = t->flash.n_ops;
    figures_check(&e->soak->figures, site_update(e->site, DAY_S), "an update without an end is confirmed");
    c->n_points = t->flash.n_ops - before;
    for (uint32_t i = 0; i < s->n_ends; i++) {
        const uint32_t point = 1 + (uint32_t)((uint64_t)i * c->n_points / s->n_ends);
        site_restore(e->site, e->ready);
        const uint32_t n_boots = t->n_boots;
        flash_fake_cut_at(&t->flash, point, (enum flash_cut)(i % FLASH_CUTS));
        judge(e, c, point, "power cut of the target");
        figures_check(&e->soak->figures, t->n_boots >= n_boots + 2,
                      "the target lost power and ran its trial");
    }
}

/* Every write and erase of NVS and staging partition torn, `n_tears` times each with another part of it lost. */
static void tear_writes(const struct ends *e, struct counts *c)
{
    const struct soak *s = e->soak;
    site_restore(e->site, e->ready);
    const uint64_t before = stand_in_stats()->flash_ops;
    figures_check(&e->soak->figures, site_update(e->site, DAY_S), "an update without an end is confirmed");
    c->n_points = (uint32_t)(stand_in_stats()->flash_ops - before);
    const uint32_t n = s->n_tears ? c->n_points * s->n_tears : FEW;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t write = 1 + (s->n_tears ? i % c->n_points : i * c->n_points / n);
        site_restore(e->site, e->ready);
        e->site->end = SITE_RESET;
        stand_in_cut_at(write, s->seed + i);
        judge(e, c, write, "write torn");
        figures_check(&e->soak->figures, e->site->n_ends == 1, "the gateway was ended once");
    }
}

void soak_ends(struct soak *s)
{
    static void (*const kinds[3])(const struct ends *e, struct counts *c) = {end_gateway, cut_target,
                                                                             tear_writes};
    static const char *const names[3] = {"calls of the gateway", "flash operations of the target",
                                         "writes of NVS and staging partition"};
    struct counts sum[3] = {{0}};
    struct ends e = {.soak = s, .site = malloc(sizeof *e.site)};
    uint64_t again_max = 0;
    if (!e.site) {
        abort();
    }
    site_open(e.site, &(struct site_plan){.plant = s->plant, .seed = s->seed});
    site_publish(e.site);
    figures_check(&s->figures, site_update(e.site, DAY_S), "an update on a clean network is confirmed");
    rig_stop(&e.site->rig);
    site_publish(e.site);
    e.ready = site_save(e.site);
    for (size_t i = 0; i < 3; i++) {
        kinds[i](&e, &sum[i]);
        again_max = sum[i].again_max > again_max ? sum[i].again_max : again_max;
        (void)printf("%4u/%-4u confirmed after ends in %u %s, at most %u bytes fetched again\n",
                     (unsigned)sum[i].n_ok, (unsigned)sum[i].n_runs, (unsigned)sum[i].n_points, names[i],
                     (unsigned)sum[i].again_max);
    }
    figures_take(&s->figures, "esp32_end_ok", sum[0].n_ok + sum[1].n_ok);
    figures_take(&s->figures, "esp32_torn_writes", sum[2].n_runs);
    figures_take(&s->figures, "esp32_torn_not_ok", sum[2].n_runs - sum[2].n_ok);
    figures_take(&s->figures, "esp32_refetched_bytes_max", (double)again_max);
    figures_check(&s->figures, sum[0].n_ok + sum[1].n_ok == 2 * s->n_ends,
                  "every end leads to a confirmed update");
    soak_note_stack(s);
    site_snapshot_free(e.ready);
    site_close(e.site);
    free(e.site);
}
