/**
 * How the demo talks: each line carries wall time and the board's virtual time, long work has a progress bar,
 * and whatever is claimed is checked; the first check that fails ends the story with exit code 1.
 */
#ifndef DEMO_STORY_H
#define DEMO_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "progress.h"

struct twin;

struct story {
    const struct twin *twin; /* whose time is shown; NULL before there is a board */
    uint64_t start_ms;       /* wall clock */
    struct progress bar;
    bool has_bar;
};

/** Start the clock. */
void story_begin(struct story *s);

/** A heading. */
FOTA_PRINTF(2, 3)
void story_stage(struct story *s, const char *fmt, ...);

/** A line that says what happened. */
FOTA_PRINTF(2, 3)
void story_say(struct story *s, const char *fmt, ...);

/** A claim that was checked: says it if `holds`, else says that it does not and exits with 1. */
FOTA_PRINTF(3, 4)
void story_check(struct story *s, bool holds, const char *fmt, ...);

/**
 * Bytes in the target's flash, in the board's time. Begins a bar at the first call, ends it when complete.
 */
void story_progress(struct story *s, uint64_t done_bytes, uint64_t total_bytes);

/** Wall-clock milliseconds since story_begin. */
uint64_t story_wall_ms(const struct story *s);

#endif
