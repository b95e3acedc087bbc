/* Updates over wires with bit errors: how many of 100 complete. tests/noise/ runs them, two processes at a
 * time. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { UPDATES = 100, LINE_BYTES = 512 };

/* What fota-noise says on its last line. */
struct outcome {
    unsigned n_ok;
    unsigned
        n_bad; /* corrupt installs, bytes outside the slot, bytes acknowledged that are not the image's */
};

/* @param timing  "" or "--hasty" */
static FILE *start(unsigned flip_ppb, unsigned n_updates, unsigned seed, const char *timing)
{
    char command[LINE_BYTES];
    (void)snprintf(command, sizeof command, "%s --ber %u --updates %u --seed %u %s", NOISE_PROGRAM, flip_ppb,
                   n_updates, seed, timing);
    FILE *out = popen(command, "r");
    if (!out) {
        bench_fail("cannot run " NOISE_PROGRAM);
    }
    return out;
}

static struct outcome finish(FILE *out)
{
    char line[LINE_BYTES] = "";
    unsigned n, corrupt, outside, unnoticed;
    struct outcome o = {0};
    while (fgets(line, sizeof line, out)) {
    }
    (void)pclose(out);
    if (sscanf(line, "updates %u ok %u corrupt %u outside %u unnoticed %u", &n, &o.n_ok, &corrupt, &outside,
               &unnoticed) != 5) {
        bench_fail("fota-noise said: %s", line);
    }
    o.n_bad = corrupt + outside + unnoticed;
    return o;
}

static void keep(const char *key, const char *text, struct outcome o)
{
    if (o.n_bad > 0) {
        bench_fail("%s: %u corrupt installs or bytes where none may be", key, o.n_bad);
    }
    figure_add(key, o.n_ok, 0, text);
}

void noise_measure(void)
{
    FILE *half[2] = {start(100000, UPDATES / 2, 1, ""), start(100000, UPDATES / 2, 1 + UPDATES / 2, "")};
    struct outcome first = finish(half[0]), second = finish(half[1]);
    first.n_ok += second.n_ok;
    first.n_bad += second.n_bad;
    keep("ber_1e4_ok", "updates of 100 that complete at a bit error rate of 1e-4", first);
    FILE *rate[2] = {start(10000, UPDATES, 1, "--hasty"), start(1000, UPDATES, 1, "--hasty")};
    keep("ber_1e5_ok", "  at 1e-5", finish(rate[0]));
    keep("ber_1e6_ok", "  at 1e-6", finish(rate[1]));
}
