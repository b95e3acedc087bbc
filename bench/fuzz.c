/* Ten million fuzzed frames against each loader, in this run: tests/fuzz/run.sh does it, and fails on a
 * finding. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define RUN      FOTA_BUILD_DIR "/../tests/fuzz/run.sh"
#define PROGRAMS FOTA_BUILD_DIR "/host/tests/fuzz"
#define CORPUS   FOTA_BUILD_DIR "/../tests/fuzz/corpus"

enum { LOADERS = 2, LINE_BYTES = 512 };

static const char *const LOADER[LOADERS] = {"agent: ", "loader: "};

/* "agent: 10000031 frames in 123456 inputs; ..." */
static void read_line(const char *line, unsigned long long frames[LOADERS])
{
    for (unsigned i = 0; i < LOADERS; i++) {
        unsigned long long n = 0;
        size_t n_name = strlen(LOADER[i]);
        if (strncmp(line, LOADER[i], n_name) == 0 && sscanf(line + n_name, "%llu frames in", &n) == 1) {
            frames[i] = n;
        }
    }
}

void fuzz_measure(void)
{
    unsigned long long frames[LOADERS] = {0, 0};
    char line[LINE_BYTES];
    FILE *run = popen(RUN " " PROGRAMS " " CORPUS " 10000000 1", "r");
    if (!run) {
        bench_fail("cannot start " RUN);
    }
    while (fgets(line, sizeof line, run)) {
        read_line(line, frames);
    }
    if (pclose(run) != 0 || frames[0] == 0 || frames[1] == 0) {
        bench_fail("the fuzzer found something, or did not run; `make fuzz SEED=1` shows it");
    }
    figure_add("fuzz_frames", (double)(frames[0] < frames[1] ? frames[0] : frames[1]), 0,
               "fuzzed frames against each loader without a finding");
}
