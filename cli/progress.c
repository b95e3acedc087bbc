#include "progress.h"

#include <inttypes.h>

enum { BAR_CELLS = 30, KIB = 1024, MS = 1000, TENTHS = 10 };

void progress_begin(struct progress *p, FILE *out, bool is_terminal, const char *label, uint64_t total_bytes,
                    uint64_t now_ms)
{
    *p = (struct progress){.out = out,
                           .is_terminal = is_terminal,
                           .label = label,
                           .total_bytes = total_bytes != 0 ? total_bytes : 1,
                           .start_ms = now_ms};
}

static void draw(struct progress *p, uint64_t done_bytes, uint64_t now_ms)
{
    const uint64_t elapsed_ms = now_ms - p->start_ms;
    const uint64_t rate = elapsed_ms != 0 ? done_bytes * MS / elapsed_ms : 0;
    const uint64_t left_s = rate != 0 ? (p->total_bytes - done_bytes + rate - 1) / rate : 0;
    const unsigned percent = (unsigned)(done_bytes * 100 / p->total_bytes);
    if (p->is_terminal) {
        const unsigned n_full = percent * BAR_CELLS / 100;
        (void)fprintf(p->out, "\r%-12s [", p->label);
        for (unsigned i = 0; i < BAR_CELLS; i++) {
            (void)fputc(i < n_full ? '#' : '.', p->out);
        }
        (void)fprintf(p->out, "] %3u %%  %6" PRIu64 " KiB/s  ", percent, rate / KIB);
        if (done_bytes == p->total_bytes) {
            (void)fprintf(p->out, "took %" PRIu64 ".%" PRIu64 " s ", elapsed_ms / MS, elapsed_ms % MS / 100);
        } else if (rate != 0) {
            (void)fprintf(p->out, "ETA %" PRIu64 ":%02" PRIu64 " ", left_s / 60, left_s % 60);
        }
        (void)fputs("\033[K", p->out);
        (void)fflush(p->out);
    } else {
        (void)fprintf(p->out, "%s: %" PRIu64 " of %" PRIu64 " bytes (%u %%)", p->label, done_bytes,
                      p->total_bytes, percent);
        if (rate != 0) {
            (void)fprintf(p->out, ", %" PRIu64 " KiB/s, ETA %" PRIu64 " s", rate / KIB, left_s);
        }
        (void)fputc('\n', p->out);
    }
}

void progress_update(struct progress *p, uint64_t done_bytes, uint64_t now_ms)
{
    const uint64_t done = done_bytes < p->total_bytes ? done_bytes : p->total_bytes;
    const unsigned tenths = (unsigned)(done * TENTHS / p->total_bytes);
    const bool is_complete = tenths == TENTHS;
    if (p->is_terminal ? !is_complete && now_ms - p->drawn_ms < CLI_PROGRESS_REDRAW_MS
                       : tenths == p->tenths) {
        return;
    }
    p->drawn_ms = now_ms;
    p->tenths = tenths;
    draw(p, done, now_ms);
}

void progress_end(struct progress *p)
{
    if (p->is_terminal) {
        (void)fputc('\n', p->out);
        (void)fflush(p->out);
    }
}
