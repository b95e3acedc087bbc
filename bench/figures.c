/* The table of figures: printed as they come, kept as flat JSON at the end. */
#include <stdarg.h>
#include <stdio.h>

#include "bench.h"

#define JSON FOTA_BUILD_DIR "/bench.json"

enum { FIGURES_MAX = 128 };

struct figure {
    const char *key;
    const char *text;
    double value;
    unsigned decimals;
};

static struct {
    struct figure figure[FIGURES_MAX];
    unsigned n;
} table;

void figure_add(const char *key, double value, unsigned decimals, const char *text)
{
    if (table.n == FIGURES_MAX) {
        bench_fail("more than %d figures", FIGURES_MAX);
    }
    table.figure[table.n++] = (struct figure){key, text, value, decimals};
    (void)printf("  %-64s %14.*f\n", text, (int)decimals, value);
    (void)fflush(stdout);
}

void figure_text(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)printf("  ");
    (void)vprintf(fmt, args);
    (void)printf("\n");
    va_end(args);
}

void figures_write(void)
{
    FILE *out = fopen(JSON ".new", "w");
    if (!out) {
        bench_fail("cannot write " JSON);
    }
    (void)fprintf(out, "{\n");
    for (unsigned i = 0; i < table.n; i++) {
        const struct figure *f = &table.figure[i];
        (void)fprintf(out, "  \"%s\": %.*f%s\n", f->key, (int)f->decimals, f->value,
                      i + 1 < table.n ? "," : "");
    }
    (void)fprintf(out, "}\n");
    if (fclose(out) != 0 || rename(JSON ".new", JSON) != 0) {
        bench_fail("cannot write " JSON);
    }
}
