/* libFuzzer's side of a frame target. FUZZ_FRAMES ends the run when so many frames were played. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot.h"
#include "frames.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static uint64_t frames_wanted;

static void report(void)
{
    const struct host_counts *c = &host_counts;
    (void)fprintf(stderr,
                  "%s: %" PRIu64 " frames in %" PRIu64 " inputs; writes %" PRIu64 ", sessions %" PRIu64
                  ", finished %" PRIu64 ", activated %" PRIu64 "\n",
                  device_name, c->frames, c->inputs, c->writes, c->sessions, c->finishes, c->activations);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *wanted = getenv("FUZZ_FRAMES");
    frames_wanted = wanted ? strtoull(wanted, NULL, 10) : 0;
    boot_prepare();
    if (atexit(report)) {
        fuzz_fail("no report at the end");
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0) {
        return 0;
    }
    device_start(bytes[0]);
    host_play(bytes + 1, n_bytes - 1);
    if (frames_wanted && host_counts.frames >= frames_wanted) {
        report();
        (void)fflush(NULL);
        _exit(0);
    }
    return 0;
}
