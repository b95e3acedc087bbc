#define _POSIX_C_SOURCE 200809L
#include "story.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "twin/twin.h"

enum { LINE_BYTES = 256 };

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

static double board_s(const struct story *s)
{
    return s->twin ? (double)twin_now_ns(s->twin) / 1e9 : 0.0;
}

static void line(const struct story *s, const char *mark, const char *text)
{
    (void)printf("%6.2f s  board %8.3f s  %s%s\n", (double)story_wall_ms(s) / 1000.0, board_s(s), mark, text);
}

void story_begin(struct story *s)
{
    *s = (struct story){.start_ms = now_ms()};
    /* Line by line, so that a reader of a pipe sees the story as it happens. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

uint64_t story_wall_ms(const struct story *s)
{
    return now_ms() - s->start_ms;
}

void story_stage(struct story *s, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    (void)s;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)printf("\n== %s\n", text);
}

void story_say(struct story *s, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line(s, "", text);
}

void story_check(struct story *s, bool holds, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line(s, holds ? "ok     " : "FAILED ", text);
    if (!holds) {
        (void)fprintf(stderr, "demo: the check above failed; logs are in build/demo\n");
        exit(EXIT_FAILURE);
    }
}

void story_progress(struct story *s, uint64_t done_bytes, uint64_t total_bytes)
{
    const uint64_t board_ms = twin_now_ns(s->twin) / 1000000U;
    if (!s->has_bar && total_bytes > 0) {
        progress_begin(&s->bar, stdout, isatty(STDOUT_FILENO) == 1, "streaming", total_bytes, board_ms);
        s->has_bar = true;
    }
    if (s->has_bar) {
        progress_update(&s->bar, done_bytes, board_ms);
        if (done_bytes >= total_bytes) {
            progress_end(&s->bar);
            s->has_bar = false;
        }
    }
}
