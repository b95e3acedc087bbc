/* The real firmware on the twin: 384 KB out of the staging partition, and updates through faults and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "big_release.h"
#include "port_twin/noisy_link.h"
#include "soak.h"
#include "twin_board.h"

enum {
    UPDATE_MAX_S = 3600,
    BER_1E4_PPB = 100000,
    SLOW_HZ = 500000,
    OFF_US = 100000,
    PAUSE_US = 2000000,
    LOOK_US = 50000
};

#define GET " method=GET"

/* How the gateway ends, at an event. */
enum end { NEVER, DELETED, RESET, ALL_DARK };

static const struct row {
    const char *name;
    const char *rules[SITE_RULES_MAX];
    uint32_t lose_bytes, flip_ppb;
    enum end end;
    enum fota_gateway_event_kind at; /* the first of them */
} ROWS[] = {
    {"task deleted while it streams", {NULL}, 0, 0, DELETED, FOTA_GATEWAY_PROGRESS},
    {"power cut of both while it streams", {NULL}, 0, 0, ALL_DARK, FOTA_GATEWAY_PROGRESS},
    {"ESP32 reset in the trial", {NULL}, 0, 0, RESET, FOTA_GATEWAY_ACTIVATED},
    {"ESP32 reset while it fetches", {NULL}, 0, 0, RESET, FOTA_GATEWAY_FETCHED},
    {"30 % 5xx and cuts every 3,000", {"status 503 share=0.3" GET, "cut 3000" GET}, 0, 0, NEVER, 0},
    {"Wi-Fi lost every 4,096 bytes, BER 1e-4", {NULL}, 4096, BER_1E4_PPB, NEVER, 0},
};

struct bench {
    struct rig rig;
    struct twin_board board;
    struct noisy_link wires;
};

static void open_bench(struct bench *b, const struct row *row, const struct soak *s)
{
    const struct noise_plan noise = {.seed = s->seed, .flip_ppb = row->flip_ppb};
    memset(b, 0, sizeof *b);
    b->rig.image_key = *demo_image_key();
    b->rig.channel_key = *demo_channel_key();
    twin_board_open_confirmed(&b->board);
    noisy_link_init(&b->wires, &b->board.wires, &noise);
    rig_set_up(&b->rig, row->rules);
    if (s->plant == PLANT_SLOW_WIRES) {
        b->rig.config.clock_hz = SLOW_HZ;
    }
    const struct fota_gateway_pins *pins = &b->rig.config.pins;
    stand_in_new(&(struct stand_in_config){.board = &b->wires.io,
                                           .nss = pins->nss,
                                           .nrst = pins->nrst,
                                           .boot0 = pins->boot0,
                                           .utc_s = TEST_NOW_S});
    stand_in_wifi_drop_every(row->lose_bytes, PAUSE_US);
    rig_start(&b->rig);
}

static void close_bench(struct bench *b, struct soak *s)
{
    const bool is_right = stand_in_stats()->faults + stand_in_stats()->wdt_bites == 0;
    figures_check(&s->figures, is_right, "ESP-IDF is used as it wants to be");
    soak_note_stack(s);
    stand_in_reset();
    rig_tear_down(&b->rig);
    twin_board_close(&b->board);
}

/* The gateway ends at its next call. */
static void end(struct bench *b, enum end how)
{
    stand_in_end_at(1);
    while (!stand_in_is_dead()) {
        stand_in_wait_us(LOOK_US);
    }
    if (how == DELETED) {
        stand_in_idle_us(PAUSE_US);
    }
    stand_in_reset();
    if (how == ALL_DARK) {
        twin_set_power(b->board.twin, false);
        stand_in_idle_us(OFF_US);
        twin_set_power(b->board.twin, true);
    }
    stand_in_idle_us(PAUSE_US);
    rig_start(&b->rig);
}

static bool is_updated(struct bench *b)
{
    twin_board_listen(&b->board);
    const struct twin_start start = twin_board_last_start(&b->board);
    return twin_board_holds(&b->board, SLOT_B, demo_release(2)) && start.version == 2 && start.slot == 'B';
}

static bool update(struct bench *b, const struct row *row)
{
    const uint64_t until_us = stand_in_now_us() + UPDATE_MAX_S * UINT64_C(1000000);
    bool is_ended = row->end == NEVER;
    while (b->rig.n_heard[FOTA_GATEWAY_CONFIRMED] == 0 && stand_in_now_us() < until_us) {
        fota_gateway_poll_now(&b->rig.gateway); /* each second of the twin costs one of this machine */
        stand_in_wait_us(LOOK_US);
        if (!is_ended && b->rig.n_heard[row->at] > 0) {
            is_ended = true;
            end(b, row->end);
        }
    }
    return is_ended && b->rig.n_heard[FOTA_GATEWAY_CONFIRMED] > 0 && is_updated(b);
}

static void updates(struct soak *s, struct bench *b)
{
    uint32_t n_not_ok = 0, n = 0;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0] && n < s->n_twin; i++) {
        open_bench(b, &ROWS[i], s);
        rig_publish(&b->rig, demo_release(2));
        const uint64_t before_us = stand_in_now_us();
        const bool is_ok = update(b, &ROWS[i]);
        n_not_ok += is_ok ? 0 : 1;
        n++;
        (void)printf("twin, %-40s %s after %6.1f s\n", ROWS[i].name, is_ok ? "confirmed" : "NOT UPDATED",
                     (double)(stand_in_now_us() - before_us) / 1e6);
        close_bench(b, s);
    }
    figures_take(&s->figures, "esp32_twin_updates", n);
    figures_take(&s->figures, "esp32_twin_updates_not_ok", n_not_ok);
}

/* From the check of what is staged, before BEGIN, until FINISH was answered. */
static void stream_384k(struct soak *s, struct bench *b)
{
    static const struct row clean = {.name = "384 KB"};
    struct big_release *big = malloc(sizeof *big);
    if (!big) {
        abort();
    }
    open_bench(b, &clean, s);
    big_release_make(&b->rig.image_key, &b->rig.channel_key, big);
    big_release_publish(big, &b->rig.s3);
    const bool is_there = rig_wait(&b->rig, FOTA_GATEWAY_VERIFIED, UPDATE_MAX_S);
    const uint64_t us = b->rig.heard_us[FOTA_GATEWAY_VERIFIED] - b->rig.heard_us[FOTA_GATEWAY_CHECKED];
    figures_check(&s->figures, is_there, "384 KB are streamed and verified");
    (void)printf("384 KB out of the staging partition, from BEGIN to FINISH: %.3f s; the target's flash "
                 "alone needs 4.573 s\n",
                 (double)us / 1e6);
    figures_take(&s->figures, "esp32_384k_s", is_there ? (double)us / 1e6 : 0);
    close_bench(b, s);
    free(big);
}

void soak_twin(struct soak *s)
{
    struct bench *b = malloc(sizeof *b);
    if (!b) {
        abort();
    }
    stream_384k(s, b);
    updates(s, b);
    free(b);
}
