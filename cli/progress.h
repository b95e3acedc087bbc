/**
 * Progress of something that counts bytes: a moving bar with rate and remaining time on a terminal, a plain
 * line at every tenth elsewhere. Knows no clock: the caller passes the time, so it serves wall time and the
 * twin's virtual time.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CLI_PROGRESS_REDRAW_MS = 100 };

struct progress {
    FILE *out;
    bool is_terminal;
    const char *label;
    uint64_t total_bytes;
    uint64_t start_ms;
    uint64_t drawn_ms;
    unsigned tenths; /* last printed, for plain lines */
};

/**
 * Begin. Draws nothing yet.
 *
 * @param label        what moves, e.g. "blob A"; must outlive `p`
 * @param total_bytes  > 0
 */
void progress_begin(struct progress *p, FILE *out, bool is_terminal, const char *label, uint64_t total_bytes,
                    uint64_t now_ms);

/** `done_bytes` of the total are done. Draws at most every CLI_PROGRESS_REDRAW_MS, and when complete. */
void progress_update(struct progress *p, uint64_t done_bytes, uint64_t now_ms);

/** End: leaves the bar as it is and moves to a new line; on a terminal only. */
void progress_end(struct progress *p);

#endif
