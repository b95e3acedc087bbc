/*
 * fota-noise: many updates over noisy wires, and what became of them.
 *
 *   fota-noise [--ber PPB] [--burst PPB] [--lost PPB] [--doubled PPB] [--slip PPB] [--stuck PPB] [--reset
 * PPB]
 *              [--updates N] [--seed S] [--agent] [--hasty] [--verbose]
 *
 * Chances in parts per billion, per bit for --ber, per byte for the others (port_twin/noisy_link.h).
 * --hasty: a flash without waits, for rates at which hardly a byte of the polls would be hit anyway.
 * Prints one line of `key value` figures. Exit 0: nothing corrupt, nothing outside the slot; 1: otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noisy_update.h"

enum {
    MAX_MS = 120000,
    BURST_MAX_BITS = 64,
    STUCK_MAX_MS = 300,
    PAYLOAD_BYTES = 11 * 1024 /* three blocks of 4 KB */
};

struct options {
    struct noise_plan plan;
    uint32_t n_updates;
    uint32_t seed;
    bool is_agent;
    bool is_hasty;
    bool is_verbose;
};

struct sum {
    unsigned n_ok, n_corrupt, n_outside, n_unnoticed, n_stuck;
    uint64_t repeats, flips, ms, ms_max;
};

/* @return number of arguments it took; 0: not understood */
static int take_option(char **arg, struct options *o)
{
    const struct {
        const char *name;
        bool *flag;
        uint32_t *number;
    } known[] = {{"--agent", &o->is_agent, NULL},
                 {"--hasty", &o->is_hasty, NULL},
                 {"--verbose", &o->is_verbose, NULL},
                 {"--updates", NULL, &o->n_updates},
                 {"--seed", NULL, &o->seed},
                 {"--ber", NULL, &o->plan.flip_ppb},
                 {"--burst", NULL, &o->plan.burst_ppb},
                 {"--lost", NULL, &o->plan.lost_ppb},
                 {"--doubled", NULL, &o->plan.doubled_ppb},
                 {"--slip", NULL, &o->plan.slip_ppb},
                 {"--stuck", NULL, &o->plan.stuck_ppb},
                 {"--reset", NULL, &o->plan.dead_ppb}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(arg[0], known[i].name) != 0) {
            continue;
        }
        if (known[i].flag) {
            *known[i].flag = true;
            return 1;
        }
        if (!arg[1]) {
            return 0;
        }
        *known[i].number = (uint32_t)strtoul(arg[1], NULL, 10);
        return 2;
    }
    return 0;
}

static void add(struct sum *sum, const struct noise_result *r)
{
    sum->n_ok += r->is_complete;
    sum->n_corrupt += r->is_corrupt;
    sum->n_outside += r->n_outside;
    sum->n_unnoticed += r->n_unnoticed;
    sum->repeats += r->repeats;
    sum->flips += r->noise.flips;
    sum->ms += r->ms;
    sum->ms_max = r->ms > sum->ms_max ? r->ms : sum->ms_max;
}

static void show(uint64_t seed, const struct noise_result *r)
{
    printf(
        "seed %llu: %s in %llu ms, %u flips in %llu bytes, %u repeats, smallest block %u, last failure %s\n",
        (unsigned long long)seed, r->is_complete ? "complete" : "failed", (unsigned long long)r->ms,
        (unsigned)r->noise.flips, (unsigned long long)r->wire_bytes, (unsigned)r->repeats,
        (unsigned)r->block_min_bytes, fota_err_name(r->reason));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct loader_board board;
    struct options o = {
        .n_updates = 1, .seed = 1, .plan = {.burst_max_bits = BURST_MAX_BITS, .stuck_max_ms = STUCK_MAX_MS}};
    struct sum sum = {0};
    for (int i = 1, n_used; i < argc; i += n_used) {
        n_used = take_option(argv + i, &o);
        if (n_used == 0) {
            (void)fprintf(stderr, "fota-noise: %s is not understood; tests/noise/main.c says what is\n",
                          argv[i]);
            return 2;
        }
    }
    const struct loader_config config = {.kind = o.is_agent ? LOADER_AGENT : LOADER_BOOTLOADER,
                                         .timing = o.is_hasty ? TWIN_FLASH_HASTY : TWIN_FLASH_TYPICAL,
                                         .payload_bytes = PAYLOAD_BYTES};
    loader_board_open(&board, &config);
    for (unsigned i = 0; i < o.n_updates; i++) {
        struct noise_plan plan = o.plan;
        plan.seed = o.seed + i;
        struct noise_result r;
        noise_update(&board, &plan, MAX_MS, false, &r);
        add(&sum, &r);
        if (o.is_verbose || !r.is_complete) {
            show(plan.seed, &r);
        }
    }
    loader_board_close(&board);
    printf("updates %u ok %u corrupt %u outside %u unnoticed %u flips %llu repeats %llu mean_ms %llu max_ms "
           "%llu\n",
           (unsigned)o.n_updates, sum.n_ok, sum.n_corrupt, sum.n_outside, sum.n_unnoticed,
           (unsigned long long)sum.flips, (unsigned long long)sum.repeats,
           (unsigned long long)(sum.ms / (o.n_updates ? o.n_updates : 1)), (unsigned long long)sum.ms_max);
    return sum.n_corrupt + sum.n_outside + sum.n_unnoticed > 0;
}
