/* Updates through networks with faults, against the target's code on the fake flash, in virtual time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"
#include "soak_site.h"

enum { DAY_MS = 86400000 };

struct network {
    const char *name;
    struct fault_plan plan;
    const char *ratio_key;
    bool is_counted; /* in updates_ok */
};

static const struct network NETWORKS[] = {
    {"clean", {0}, "bytes_ratio_clean", false},
    {"30 % 5xx", {.refuse_share = 300}, "bytes_ratio_5xx", true},
    {"cut every 3,000 bytes", {.cut_bytes = 3000}, "bytes_ratio_cut3000", true},
    {"flipped bits in 5 %", {.flip_share = 50}, "bytes_ratio_flips", true},
    {"captive portal half the time", {.portal_share = 500}, "bytes_ratio_portal", true},
    {"all at once",
     {.refuse_share = 300, .cut_bytes = 3000, .flip_share = 50, .portal_share = 500},
     "bytes_ratio_all",
     true},
    {"cut at 4 kB, give or take one", {.cut_bytes = 4096, .cut_spread = 1}, "bytes_ratio_cut4096", false},
};

struct tally {
    uint32_t n_ok, n_refused, n_corrupt;
    enum fota_err reason; /* of the last refusal */
    uint64_t image_bytes, fetched_bytes;
};

static void run(struct soak *s, const struct network *n, struct soak_site *w, struct tally *t)
{
    *t = (struct tally){0};
    const struct soak_spec spec = {.plan = n->plan, .plant = s->plant, .seed = s->seed};
    soak_open(w, &spec);
    for (uint32_t i = 0; i < s->n_updates; i++) {
        soak_publish(w);
        bool is_ok = soak_update(w, DAY_MS);
        t->n_ok += is_ok;
        t->n_refused += w->n_refused > 0;
        t->n_corrupt += soak_is_corrupt(w);
        t->reason = w->n_refused > 0 ? w->refused_reason : t->reason;
        t->image_bytes += soak_image_bytes(w);
    }
    t->fetched_bytes = w->network.image_bytes;
}

void soak_networks(struct soak *s)
{
    struct soak_site *w = malloc(sizeof *w);
    uint32_t n_ok = 0, n_wanted = 0, n_corrupt = 0, n_refused = 0;
    char what[160];
    if (!w) {
        abort();
    }
    (void)printf("%-32s %9s %8s %8s %7s  %s\n", "network", "confirmed", "refused", "corrupt", "bytes",
                 "reason");
    for (size_t i = 0; i < sizeof NETWORKS / sizeof NETWORKS[0]; i++) {
        const struct network *n = &NETWORKS[i];
        struct tally t;
        run(s, n, w, &t);
        double ratio = (double)t.fetched_bytes / (double)t.image_bytes;
        (void)printf("%-32s %4u/%-4u %8u %8u %7.3f  %s\n", n->name, (unsigned)t.n_ok, (unsigned)s->n_updates,
                     (unsigned)t.n_refused, (unsigned)t.n_corrupt, ratio,
                     t.reason ? fota_err_text(t.reason) : "");
        soak_figure(s, n->ratio_key, ratio);
        (void)snprintf(what, sizeof what, "%s: %u of %u updates are confirmed", n->name, (unsigned)t.n_ok,
                       (unsigned)s->n_updates);
        soak_check(s, t.n_ok == s->n_updates, what);
        n_ok += n->is_counted ? t.n_ok : 0;
        n_wanted += n->is_counted ? s->n_updates : 0;
        n_corrupt += t.n_corrupt;
        n_refused += t.n_refused;
    }
    soak_figure(s, "updates_ok", n_ok);
    soak_figure(s, "updates_wanted", n_wanted);
    soak_figure(s, "updates_corrupt", n_corrupt);
    soak_figure(s, "updates_refused", n_refused);
    free(w);
}
