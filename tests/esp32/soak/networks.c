/* Updates through networks with faults and over wires with noise, against the target's code on the fake flash. */
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"

enum { DAY_S = 86400, NOISE_PERIOD = 1250 /* bytes: a bit error rate of 1e-4 */ };

#define GET " method=GET"

static const struct network {
    const char *name;
    struct site_plan plan;
    const char *ratio_key;
    bool is_counted; /* in esp32_updates_ok */
    bool is_quick;   /* also with --quick */
} NETWORKS[] = {
    {"clean", {.rules = {NULL}}, "esp32_bytes_ratio_clean", false, true},
    {"30 % 5xx", {.rules = {"status 503 share=0.3" GET}}, "esp32_bytes_ratio_5xx", true, false},
    {"cut every 3,000 bytes", {.rules = {"cut 3000" GET}}, "esp32_bytes_ratio_cut3000", true, true},
    {"flipped bits in 5 %", {.rules = {"flip share=0.05" GET}}, "esp32_bytes_ratio_flips", true, false},
    {"captive portal half the time",
     {.rules = {"portal share=0.5" GET}},
     "esp32_bytes_ratio_portal",
     true,
     false},
    {"all at once",
     {.rules = {"status 503 share=0.3" GET, "portal share=0.5" GET, "cut 3000" GET, "flip share=0.05" GET}},
     "esp32_bytes_ratio_all",
     true,
     true},
    {"Wi-Fi lost every 4,096 bytes", {.lose_bytes = 4096}, "esp32_bytes_ratio_wifi4096", true, true},
    {"SPI noise, BER 1e-4", {.noise_period = NOISE_PERIOD}, "esp32_bytes_ratio_noise", true, true},
};

struct tally {
    uint32_t n_ok, n_refused, n_corrupt, n_wrong_uses;
    int reason; /* of the last refusal */
    double hours;
    uint64_t image_bytes, fetched_bytes;
};

static void run(struct soak *s, const struct network *n, struct site *w, struct tally *t)
{
    struct site_plan plan = n->plan;
    plan.plant = s->plant;
    plan.seed = s->seed;
    *t = (struct tally){.n_ok = 0};
    site_open(w, &plan);
    for (uint32_t i = 0; i < s->n_updates; i++) {
        site_publish(w);
        t->n_ok += site_update(w, DAY_S);
        t->n_refused += w->rig.n_heard[FOTA_GATEWAY_REFUSED] > 0;
        t->n_corrupt += site_is_corrupt(w);
        t->reason = t->n_refused > 0 ? w->rig.last_reason[FOTA_GATEWAY_REFUSED] : 0;
        t->image_bytes += site_image_bytes(w);
    }
    t->fetched_bytes = stand_in_stats()->http_blob_bytes;
    t->n_wrong_uses = (uint32_t)(stand_in_stats()->faults + stand_in_stats()->wdt_bites);
    t->hours = (double)stand_in_now_us() / 3.6e9;
    soak_note_stack(s);
    site_close(w);
}

void soak_networks(struct soak *s)
{
    struct site *w = malloc(sizeof *w);
    struct tally sum = {.n_ok = 0};
    uint32_t n_wanted = 0;
    if (!w) {
        abort();
    }
    (void)printf("%-32s %9s %8s %8s %7s %8s  %s\n", "network", "confirmed", "refused", "corrupt", "bytes",
                 "hours", "reason");
    for (size_t i = 0; i < sizeof NETWORKS / sizeof NETWORKS[0]; i++) {
        const struct network *n = &NETWORKS[i];
        struct tally t;
        if (s->run != 0 ? s->run != i + 1 : s->is_quick && !n->is_quick) {
            continue;
        }
        run(s, n, w, &t);
        const double ratio = (double)t.fetched_bytes / (double)t.image_bytes;
        (void)printf("%-32s %4u/%-4u %8u %8u %7.3f %8.1f  %s\n", n->name, (unsigned)t.n_ok,
                     (unsigned)s->n_updates, (unsigned)t.n_refused, (unsigned)t.n_corrupt, ratio, t.hours,
                     t.reason ? fota_gateway_reason_text(t.reason) : "");
        figures_take(&s->figures, n->ratio_key, ratio);
        figures_check(&s->figures, t.n_ok == s->n_updates, n->name);
        n_wanted += n->is_counted ? s->n_updates : 0;
        sum.n_ok += n->is_counted ? t.n_ok : 0;
        sum.n_corrupt += t.n_corrupt;
        sum.n_refused += t.n_refused;
        sum.n_wrong_uses += t.n_wrong_uses;
    }
    if (s->run == 0) {
        figures_take(&s->figures, "esp32_updates_ok", sum.n_ok);
    }
    figures_take(&s->figures, "esp32_updates_not_ok", n_wanted - sum.n_ok);
    figures_take(&s->figures, "esp32_updates_corrupt", sum.n_corrupt);
    figures_take(&s->figures, "esp32_updates_refused", sum.n_refused);
    figures_take(&s->figures, "esp32_wrong_uses", sum.n_wrong_uses);
    free(w);
}
