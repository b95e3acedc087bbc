#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION_1 = 0x01000000,
    OFF_MS = 100,        /* without power */
    START_MAX_MS = 3000, /* from an end of the ESP32 to its next start */
    LOOK_US = 250000,
    DOWN_MAX_MS = 20000,
    SLOW_HZ = 500000
};

uint32_t site_draw(struct site *w, uint32_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return (uint32_t)((uint64_t)w->random * below >> 32);
}

/* --- the wires, and the target's supply -------------------------------------------------------------- */

static struct site *of(struct link_io *io)
{
    return (struct site *)(void *)io; /* first member */
}

static void restart_target(struct site *w, bool is_flash_cut)
{
    struct target_fake *t = &w->target;
    t->is_dead = true;
    target_fake_run_ms(t, OFF_MS);
    if (is_flash_cut) {
        flash_fake_power_up(&t->flash, 1U + site_draw(w, UINT32_MAX));
    }
    t->is_dead = false;
    target_fake_boot(t, RESET_POWER_ON);
}

/* Power went in a flash operation: the chip is dark at once, and starts anew a little later. */
static void watch_supply(struct site *w)
{
    while (w->target.flash.is_cut) {
        restart_target(w, true);
    }
}

static enum fota_err transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    struct site *w = of(io);
    enum fota_err err = FOTA_OK;
    for (size_t i = 0; i < n_bytes && !err; i++) {
        err = link_io_transfer(&w->target.io, mosi ? mosi + i : NULL, miso ? miso + i : NULL, 1);
        watch_supply(w);
    }
    return err;
}

static enum fota_err select_target(struct link_io *io, bool selected)
{
    return link_io_select(&of(io)->target.io, selected);
}

static enum fota_err set_nrst(struct link_io *io, bool low)
{
    const enum fota_err err = link_io_set_nrst(&of(io)->target.io, low);
    watch_supply(of(io));
    return err;
}

static enum fota_err set_boot0(struct link_io *io, bool high)
{
    return link_io_set_boot0(&of(io)->target.io, high);
}

static enum fota_err set_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(&of(io)->target.io, hz, byte_gap_us);
}

static void delay_us(struct link_io *io, uint32_t us)
{
    while (us > 0) {
        const uint32_t n = us < 1000 ? us : 1000;
        link_io_delay_us(&of(io)->target.io, n);
        watch_supply(of(io));
        us -= n;
    }
}

static uint64_t now_us(struct link_io *io)
{
    return link_io_now_us(&of(io)->target.io);
}

/* --- opening ----------------------------------------------------------------------------------------- */

static void make_target(struct site *w)
{
    static const struct link_io_ops io_ops = {.transfer = transfer,
                                              .select = select_target,
                                              .set_nrst = set_nrst,
                                              .set_boot0 = set_boot0,
                                              .set_clock = set_clock,
                                              .delay_us = delay_us,
                                              .now_us = now_us};
    static struct test_loader loader;
    const struct test_loader_spec loader_spec = {.key = &w->rig.image_key, .version = VERSION_1};
    const struct test_spec factory = test_spec(&w->rig.image_key, &w->rig.channel_key, VERSION_1, 1);
    w->io.ops = &io_ops;
    test_loader_make(&loader_spec, &loader);
    test_release_make(&factory, &w->release);
    target_fake_init(&w->target, w->rig.image_key.point);
    target_fake_loader(&w->target, loader.image, loader.n_image);
    target_fake_factory(&w->target, w->release.image[0], w->release.n_image[0]);
    w->target.noise_period = w->plan.noise_period;
    w->target.noise_seed = w->plan.seed;
}

void site_open(struct site *w, const struct site_plan *plan)
{
    memset(w, 0, sizeof *w);
    w->plan = *plan;
    w->random = plan->seed * 2654435761U | 1U;
    test_key_make(&w->rig.image_key, 1);
    test_key_make(&w->rig.channel_key, 2);
    make_target(w);
    rig_set_up(&w->rig, plan->rules);
    if (plan->plant == PLANT_NO_STAGE) {
        w->rig.config.stage_label = NULL;
    }
    if (plan->plant == PLANT_SLOW_WIRES) {
        w->rig.config.clock_hz = SLOW_HZ;
    }
    const struct fota_gateway_pins *pins = &w->rig.config.pins;
    stand_in_new(&(struct stand_in_config){.board = &w->io,
                                           .nss = pins->nss,
                                           .nrst = pins->nrst,
                                           .boot0 = pins->boot0,
                                           .erase_us = plan->erase_us,
                                           .utc_s = TEST_NOW_S});
    stand_in_wifi_drop_every(plan->lose_bytes, DOWN_MAX_MS * UINT64_C(1000));
    rig_start(&w->rig);
}

void site_close(struct site *w)
{
    stand_in_reset();
    rig_tear_down(&w->rig);
}

void site_publish(struct site *w)
{
    w->n_published++;
    struct test_spec spec = test_spec(&w->rig.image_key, &w->rig.channel_key, VERSION_1 | w->n_published << 8,
                                      w->n_published + 1);
    spec.payload_bytes = SITE_PAYLOAD_MIN_BYTES + w->n_published * 7919U % SITE_PAYLOAD_SPAN_BYTES;
    test_release_make(&spec, &w->release);
    w->target.bad_version = w->plan.plant == PLANT_NEVER_CONFIRMS ? w->release.version : 0;
    rig_publish(&w->rig, &w->release);
    memset(w->rig.n_heard, 0, sizeof w->rig.n_heard);
}

/* --- ends -------------------------------------------------------------------------------------------- */

void site_end_at(struct site *w, uint32_t point, enum site_end end)
{
    w->end = end;
    stand_in_end_at(point);
}

static void start_again(struct site *w)
{
    w->n_ends++;
    if (w->end == SITE_DELETED) {
        stand_in_idle_us(site_draw(w, START_MAX_MS) * UINT64_C(1000));
    }
    stand_in_reset();
    if (w->end == SITE_ALL_DARK) {
        restart_target(w, false);
    }
    stand_in_idle_us(site_draw(w, START_MAX_MS) * UINT64_C(1000));
    if (w->plan.plant == PLANT_FORGETS) {
        memset(stand_in_flash(), 0xFF, STAND_IN_FLASH_BYTES);
    }
    rig_start(&w->rig);
}

/* --- an update, and what came of it ------------------------------------------------------------------ */

static uint8_t *slot_bytes(struct site *w, enum slot slot)
{
    return (uint8_t *)flash_fake_at(&w->target.flash, slot == SLOT_B ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE);
}

static bool holds_release(struct site *w, enum slot slot)
{
    return memcmp(slot_bytes(w, slot), w->release.image[slot], w->release.n_image[slot]) == 0;
}

static bool is_installed(struct site *w)
{
    const struct target_fake *t = &w->target;
    return t->running_version == w->release.version && !t->is_trial && t->running < SLOT_NONE &&
           holds_release(w, t->running);
}

bool site_update(struct site *w, uint32_t max_s)
{
    const uint64_t until_us = stand_in_now_us() + max_s * UINT64_C(1000000);
    const unsigned *heard = w->rig.n_heard;
    bool is_told = false;
    while (!is_told && stand_in_now_us() < until_us) {
        stand_in_wait_us(LOOK_US);
        if (stand_in_is_dead()) {
            start_again(w);
        }
        /* A gateway that was ended after the confirm hears nothing of it: what counts is the target. */
        is_told = heard[FOTA_GATEWAY_CONFIRMED] > 0 || (w->n_ends > 0 && is_installed(w)) ||
                  heard[FOTA_GATEWAY_REFUSED] + heard[FOTA_GATEWAY_ROLLED_BACK] > 0;
    }
    const bool is_ok = is_installed(w) && heard[FOTA_GATEWAY_REFUSED] == 0;
    if (is_ok && w->plan.plant == PLANT_WRONG_BYTE) {
        *slot_bytes(w, w->target.running) ^= 1U;
    }
    return is_ok;
}

uint32_t site_image_bytes(const struct site *w)
{
    return w->release.n_image[w->target.running == SLOT_B ? SLOT_B : SLOT_A];
}

bool site_is_corrupt(struct site *w)
{
    const struct target_fake *t = &w->target;
    return t->running < SLOT_NONE && t->running_version == w->release.version &&
           !holds_release(w, t->running);
}

/* --- snapshots --------------------------------------------------------------------------------------- */

struct site_snapshot {
    struct target_fake target;
    struct stand_in_snapshot *chip;
};

struct site_snapshot *site_save(const struct site *w)
{
    struct site_snapshot *s = malloc(sizeof *s);
    if (s) {
        s->target = w->target;
        s->chip = stand_in_save();
    }
    if (!s || !s->chip) {
        (void)fprintf(stderr, "esp32 soak: out of memory\n");
        exit(2);
    }
    return s;
}

void site_restore(struct site *w, const struct site_snapshot *snapshot)
{
    stand_in_reset(); /* of what hung on the target before */
    w->target = snapshot->target;
    stand_in_restore(snapshot->chip);
    memset(w->rig.n_heard, 0, sizeof w->rig.n_heard);
    w->n_ends = 0;
    rig_start(&w->rig);
}

void site_snapshot_free(struct site_snapshot *snapshot)
{
    free(snapshot->chip);
    free(snapshot);
}
