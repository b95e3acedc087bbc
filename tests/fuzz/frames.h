/** What was played so far, over all inputs. */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include <stdint.h>

struct host_counts {
    uint64_t inputs;
    uint64_t frames; /* commands, well formed or not, and runs of raw bytes */
    uint64_t writes, sessions, finishes, activations;
};
extern struct host_counts host_counts;

#endif
