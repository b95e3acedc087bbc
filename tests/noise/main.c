/*
 * fota-noise: many updates over noisy wires, and what became of them.
 *
 *   fota-noise --ber PPB [--updates N] [--seed S] [--agent] [--verbose]
 *
 * Prints one line of `key value` figures. Exit 0: nothing corrupt, nothing outside the slot; 1: otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noise_rig.h"

enum { MAX_MS = 120000, PAYLOAD_BYTES = 11 * 1024 /* three blocks of 4 KB */ };

struct options {
    uint32_t flip_ppb;
    unsigned n_updates;
    uint64_t seed;
    bool is_agent;
    bool is_verbose;
};

struct sum {
    unsigned n_ok, n_corrupt, n_outside, n_unnoticed, n_stuck;
    uint64_t repeats, flips, ms, ms_max;
};

static bool take_option(char **arg, struct options *o, int *n_used)
{
    *n_used = 2;
    if (strcmp(arg[0], "--agent") == 0 || strcmp(arg[0], "--verbose") == 0) {
        *n_used = 1;
        o->is_agent = o->is_agent || arg[0][2] == 'a';
        o->is_verbose = o->is_verbose || arg[0][2] == 'v';
    } else if (arg[1] == NULL) {
        return false;
    } else if (strcmp(arg[0], "--ber") == 0) {
        o->flip_ppb = (uint32_t)strtoul(arg[1], NULL, 10);
    } else if (strcmp(arg[0], "--updates") == 0) {
        o->n_updates = (unsigned)strtoul(arg[1], NULL, 10);
    } else if (strcmp(arg[0], "--seed") == 0) {
        o->seed = strtoull(arg[1], NULL, 10);
    } else {
        return false;
    }
    return true;
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
    struct options o = {.n_updates = 1, .seed = 1};
    struct sum sum = {0};
    for (int i = 1, n_used; i < argc; i += n_used) {
        if (!take_option(argv + i, &o, &n_used)) {
            (void)fprintf(stderr,
                          "usage: fota-noise --ber PPB [--updates N] [--seed S] [--agent] [--verbose]\n");
            return 2;
        }
    }
    const struct loader_config config = {.kind = o.is_agent ? LOADER_AGENT : LOADER_BOOTLOADER,
                                         .payload_bytes = PAYLOAD_BYTES};
    loader_board_open(&board, &config);
    for (unsigned i = 0; i < o.n_updates; i++) {
        const struct noise_plan plan = {.seed = o.seed + i, .flip_ppb = o.flip_ppb};
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
           o.n_updates, sum.n_ok, sum.n_corrupt, sum.n_outside, sum.n_unnoticed,
           (unsigned long long)sum.flips, (unsigned long long)sum.repeats,
           (unsigned long long)(sum.ms / (o.n_updates ? o.n_updates : 1)), (unsigned long long)sum.ms_max);
    return sum.n_corrupt + sum.n_outside + sum.n_unnoticed > 0;
}
