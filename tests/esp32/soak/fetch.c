/* How long 384 KB take into the staging partition: the ESP32's own flash erases a sector in 45 to 400 ms, and nothing runs meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "big_release.h"
#include "soak.h"

enum { FETCH_MAX_S = 600, TYPICAL_US = 45000, SLOW_US = 400000 };

/* @return seconds from the offer until the image is in the partition and was checked; 0: never */
static double fetch(struct soak *s, struct site *w, const struct big_release *big, uint32_t erase_us)
{
    site_open(w, &(struct site_plan){.erase_us = erase_us, .plant = s->plant, .seed = s->seed});
    big_release_publish(big, &w->rig.s3);
    const bool is_there = rig_wait(&w->rig, FOTA_GATEWAY_CHECKED, FETCH_MAX_S);
    const uint64_t us = w->rig.heard_us[FOTA_GATEWAY_CHECKED] - w->rig.heard_us[FOTA_GATEWAY_OFFER];
    figures_check(&s->figures, is_there, "384 KB are fetched and checked");
    figures_check(&s->figures, stand_in_stats()->faults + stand_in_stats()->wdt_bites == 0,
                  "ESP-IDF is used as it wants to be");
    soak_note_stack(s);
    site_close(w);
    return is_there ? (double)us / 1e6 : 0;
}

void soak_fetch(struct soak *s)
{
    struct site *w = malloc(sizeof *w);
    struct big_release *big = malloc(sizeof *big);
    if (!w || !big) {
        abort();
    }
    test_key_make(&w->rig.image_key, 1); /* as site_open does */
    test_key_make(&w->rig.channel_key, 2);
    big_release_make(&w->rig.image_key, &w->rig.channel_key, big);
    const double typical_s = fetch(s, w, big, TYPICAL_US), slow_s = fetch(s, w, big, SLOW_US);
    (void)printf(
        "384 KB into the staging partition at 500 kB/s: %.2f s at 45 ms an erase, %.2f s at 400 ms\n",
        typical_s, slow_s);
    figures_take(&s->figures, "esp32_fetch_384k_s", typical_s);
    figures_take(&s->figures, "esp32_fetch_384k_slow_s", slow_s);
    free(big);
    free(w);
}
