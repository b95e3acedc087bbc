/* The soak of the gateway: hundreds of updates through bad networks, ends of gateway and target at every kind of
 * point, and what hostile servers can hold. Usage: fota-gateway-soak [--quick] [--json FILE] [--seed N] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

static bool parse(int argc, char **argv, struct soak *s)
{
    *s = (struct soak){.n_updates = 200, .n_ends = 200, .n_real = 8, .seed = 1, .json = NULL};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            s->is_quick = true;
            s->n_updates = 6;
            s->n_ends = 12;
        } else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            s->json = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            s->seed = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: fota-gateway-soak [--quick] [--json FILE] [--seed N]\n");
            return false;
        }
    }
    return true;
}

void soak_figure(struct soak *s, const char *name, double value)
{
    if (s->n_figures == SOAK_FIGURES_MAX) {
        abort();
    }
    s->figure[s->n_figures++] = (struct soak_figure){name, value};
}

void soak_check(struct soak *s, bool is_right, const char *what)
{
    if (!is_right) {
        s->n_failures++;
        (void)printf("  NOT SO: %s\n", what);
    }
}

static bool write_json(const struct soak *s)
{
    FILE *file = fopen(s->json, "w");
    if (!file) {
        (void)fprintf(stderr, "fota-gateway-soak: cannot write %s\n", s->json);
        return false;
    }
    bool is_written = fputs("{\n", file) >= 0;
    for (size_t i = 0; i < s->n_figures; i++) {
        is_written = fprintf(file, "  \"%s\": %.6g%s\n", s->figure[i].name, s->figure[i].value,
                             i + 1 < s->n_figures ? "," : "") > 0 &&
                     is_written;
    }
    is_written = fputs("}\n", file) >= 0 && is_written;
    return fclose(file) == 0 && is_written;
}

int main(int argc, char **argv)
{
    static struct soak s;
    if (!parse(argc, argv, &s)) {
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    soak_networks(&s);
    soak_ends(&s);
    if (!s.is_quick) {
        soak_real(&s);
        soak_holds(&s);
    }
    if (s.json && !write_json(&s)) {
        return 1;
    }
    (void)printf("%u promises broken\n", (unsigned)s.n_failures);
    return s.n_failures == 0 ? 0 : 1;
}
