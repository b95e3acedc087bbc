/* The soak of the gateway: hundreds of updates through bad networks, ends of gateway and target at every kind of
 * point, and what hostile servers can hold. Usage: fota-gateway-soak [--quick] [--only PART [--run N]] [--json FILE] [--seed N] [--plant FAULT] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

static const struct {
    const char *name;
    void (*run)(struct soak *s);
    bool is_quick; /* also with --quick */
} PARTS[] = {{"networks", soak_networks, true}, {"ends", soak_ends, true},  {"polls", soak_polls, true},
             {"real", soak_real, false},        {"rows", soak_rows, false}, {"holds", soak_holds, false}};

static const char *const PLANT_NAMES[PLANTS] = {
    [PLANT_NOTHING] = "nothing",       [PLANT_NO_STAGE] = "no-stage",
    [PLANT_FORGETS] = "forgets",       [PLANT_NEVER_CONFIRMS] = "never-confirms",
    [PLANT_WRONG_BYTE] = "wrong-byte", [PLANT_LOUD] = "loud",
    [PLANT_NO_HEALING] = "no-healing"};

static bool find_plant(const char *name, enum soak_plant *out)
{
    bool is_known = false;
    for (unsigned i = 0; i < PLANTS; i++) {
        if (strcmp(name, PLANT_NAMES[i]) == 0) {
            *out = (enum soak_plant)i;
            is_known = true;
        }
    }
    return is_known;
}

static bool is_part(const char *name)
{
    bool is_known = false;
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        is_known = is_known || strcmp(name, PARTS[i].name) == 0;
    }
    return is_known;
}

static bool parse(int argc, char **argv, struct soak *s)
{
    bool is_right = true;
    *s = (struct soak){
        .n_updates = 200, .n_ends = 200, .n_tears = 3, .n_real = 8, .seed = 1, .figures = {.share = 1}};
    for (int i = 1; i < argc && is_right; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--quick") == 0) {
            s->is_quick = true;
            s->n_updates = 6;
            s->n_ends = 12;
            s->n_tears = 1;
            s->n_real = 1;
            s->figures.share = 0.03; /* 6 of 200 updates, 12 of 200 ends */
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--json") == 0 && value[0] != '\0') {
            s->json = value;
        } else if (strcmp(argv[i - 1], "--seed") == 0 && strtoul(value, NULL, 10) != 0) {
            s->seed = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--run") == 0 && strtoul(value, NULL, 10) != 0) {
            s->run = (uint32_t)strtoul(value, NULL, 10);
            s->figures.share = 0.125; /* 8 of 64 updates */
        } else if (strcmp(argv[i - 1], "--only") == 0 && is_part(value)) {
            s->only = value;
        } else if (strcmp(argv[i - 1], "--plant") != 0 || !find_plant(value, &s->plant)) {
            is_right = false;
        }
    }
    return is_right;
}

void soak_figure(struct soak *s, const char *name, double value)
{
    figures_take(&s->figures, name, value);
}

void soak_check(struct soak *s, bool is_right, const char *what)
{
    figures_check(&s->figures, is_right, what);
}

int main(int argc, char **argv)
{
    static struct soak s;
    if (!parse(argc, argv, &s)) {
        (void)fprintf(
            stderr,
            "usage: fota-gateway-soak [--quick] [--only networks|ends|polls|real|rows|holds [--run N]] "
            "[--json FILE] [--seed N] [--plant FAULT]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        bool is_wanted = s.only ? strcmp(s.only, PARTS[i].name) == 0 : PARTS[i].is_quick || !s.is_quick;
        if (is_wanted) {
            PARTS[i].run(&s);
        }
    }
    const double cpu_s = figures_cpu_s();
    soak_figure(&s, "cpu_s", cpu_s);
    if (!s.only && !s.is_quick && s.run == 0) {
        figures_check_all_taken(&s.figures);
    }
    if (s.json && !figures_write(&s.figures, s.json)) {
        return 1;
    }
    (void)printf("%.0f s of CPU\n", cpu_s);
    (void)printf("%u promises broken\n", (unsigned)s.figures.n_failures);
    return s.figures.n_failures == 0 ? 0 : 1;
}
