#include "figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bars.h"

void figures_take(struct figures *f, const char *name, double value)
{
    if (f->n_figures == FIGURES_MAX) {
        abort();
    }
    f->figure[f->n_figures++] = (struct figure){name, value};
    if (!bar_is_kept(name, value, f->share)) {
        const struct bar *bar = bar_find(name);
        f->n_failures++;
        (void)printf("  NOT SO: %s is %.6g, promised are %.6g to %.6g\n", name, value, bar ? bar->min : 0,
                     bar ? bar->max : 0);
    }
}

void figures_check(struct figures *f, bool is_right, const char *what)
{
    if (!is_right) {
        f->n_failures++;
        (void)printf("  NOT SO: %s\n", what);
    }
}

void figures_check_all_taken(struct figures *f)
{
    const char *names[FIGURES_MAX];
    for (size_t i = 0; i < f->n_figures; i++) {
        names[i] = f->figure[i].name;
    }
    figures_check(f, bars_missing(names, f->n_figures) == 0, "every figure that has a bar was taken");
}

bool figures_write(const struct figures *f, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        (void)fprintf(stderr, "soak: cannot write %s\n", path);
        return false;
    }
    bool is_written = fputs("{\n", file) >= 0;
    for (size_t i = 0; i < f->n_figures; i++) {
        is_written = fprintf(file, "  \"%s\": %.6g%s\n", f->figure[i].name, f->figure[i].value,
                             i + 1 < f->n_figures ? "," : "") > 0 &&
                     is_written;
    }
    is_written = fputs("}\n", file) >= 0 && is_written;
    return fclose(file) == 0 && is_written;
}

double figures_cpu_s(void)
{
    static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    double sum = 0;
    for (size_t i = 0; i < 2; i++) {
        struct rusage u;
        if (getrusage(whose[i], &u) == 0) {
            sum += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
        }
    }
    return sum;
}
