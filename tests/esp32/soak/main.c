/* The soak of the ESP32 port: updates through bad networks and over bad wires, ends of gateway and target at every kind of point,
 * and times. Usage: fota-esp32-soak [--quick | --long] [--only PART [--run N]] [--json FILE] [--sizes FILE] [--seed N] [--plant FAULT] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

static const struct {
    const char *name;
    void (*run)(struct soak *s);
    bool is_quick; /* also with --quick */
} PARTS[] = {{"networks", soak_networks, true},
             {"ends", soak_ends, true},
             {"fetch", soak_fetch, true},
             {"twin", soak_twin, false}};

enum { N_PARTS = sizeof PARTS / sizeof PARTS[0], TEXT_BYTES = 512 };

static const char *const PLANT_NAMES[PLANTS] = {
    [PLANT_NOTHING] = "nothing",       [PLANT_NO_STAGE] = "no-stage",
    [PLANT_FORGETS] = "forgets",       [PLANT_NEVER_CONFIRMS] = "never-confirms",
    [PLANT_WRONG_BYTE] = "wrong-byte", [PLANT_SLOW_WIRES] = "slow-wires"};

static bool find_plant(const char *name, enum site_plant *out)
{
    bool is_known = false;
    for (unsigned i = 0; i < PLANTS; i++) {
        if (strcmp(name, PLANT_NAMES[i]) == 0) {
            *out = (enum site_plant)i;
            is_known = true;
        }
    }
    return is_known;
}

static bool is_part(const char *name)
{
    bool is_known = false;
    for (size_t i = 0; i < N_PARTS; i++) {
        is_known = is_known || strcmp(name, PARTS[i].name) == 0;
    }
    return is_known;
}

/* A shorter soak. @return false: not the name of one */
static bool shorten(struct soak *s, const char *option)
{
    const bool is_quick = strcmp(option, "--quick") == 0;
    if (!is_quick && strcmp(option, "--long") != 0) {
        return false;
    }
    s->is_whole = false;
    s->is_quick = is_quick;
    s->n_updates = is_quick ? 2 : 20; /* of 200 */
    s->n_ends = is_quick ? 6 : 20;    /* of 200 */
    s->n_tears = is_quick ? 0 : 1;
    s->n_twin = is_quick ? 0 : 2;
    s->figures.share = is_quick ? 0.005 : 0.1; /* at least: 8 of 1,400 updates */
    return true;
}

static bool parse(int argc, char **argv, struct soak *s)
{
    bool is_right = true;
    *s = (struct soak){.n_updates = 200,
                       .n_ends = 200,
                       .n_tears = 3,
                       .n_twin = UINT32_MAX,
                       .seed = 1,
                       .is_whole = true,
                       .figures = {.share = 1}};
    for (int i = 1; i < argc && is_right; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (shorten(s, argv[i])) {
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--json") == 0 && value[0] != '\0') {
            s->json = value;
        } else if (strcmp(argv[i - 1], "--sizes") == 0 && value[0] != '\0') {
            s->sizes = value;
        } else if (strcmp(argv[i - 1], "--seed") == 0 && strtoul(value, NULL, 10) != 0) {
            s->seed = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--run") == 0 && strtoul(value, NULL, 10) != 0) {
            s->run = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--only") == 0 && is_part(value)) {
            s->only = value;
        } else if (strcmp(argv[i - 1], "--plant") != 0 || !find_plant(value, &s->plant)) {
            is_right = false;
        }
    }
    return is_right;
}

void soak_note_stack(struct soak *s)
{
    const uint64_t n = stand_in_stats()->stack_bytes;
    s->stack_bytes = n > s->stack_bytes ? n : s->stack_bytes;
}

/* A number of the file that tools/esp32_size.py wrote. */
static void quote_size(struct soak *s, const char *text, const char *name)
{
    const char *at = strstr(text, name);
    const char *colon = at ? strchr(at, ':') : NULL;
    figures_take(&s->figures, name, colon ? strtod(colon + 1, NULL) : 0);
}

static void quote_sizes(struct soak *s)
{
    char text[TEXT_BYTES] = "";
    FILE *file = fopen(s->sizes, "r");
    const size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    figures_check(&s->figures, file && n > 0 && fclose(file) == 0, "tools/esp32_size.py wrote its file");
    quote_size(s, text, "esp32_static_ram_bytes");
    quote_size(s, text, "esp32_stack_bytes");
}

int main(int argc, char **argv)
{
    static struct soak s;
    if (!parse(argc, argv, &s)) {
        (void)fprintf(stderr,
                      "usage: fota-esp32-soak [--quick | --long] [--only networks|ends|fetch|twin] [--run N] "
                      "[--json FILE] [--sizes FILE] [--seed N] [--plant FAULT]\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < N_PARTS; i++) {
        const bool is_wanted =
            s.only ? strcmp(s.only, PARTS[i].name) == 0 : PARTS[i].is_quick || s.n_twin > 0;
        if (is_wanted) {
            PARTS[i].run(&s);
        }
    }
    if (s.sizes) {
        quote_sizes(&s);
    }
    const double cpu_s = figures_cpu_s();
    figures_take(&s.figures, "esp32_task_stack_here_bytes", (double)s.stack_bytes);
    figures_take(&s.figures, "esp32_cpu_s", cpu_s);
    if (s.is_whole && !s.only && s.run == 0) {
        figures_check_all_taken(&s.figures);
    }
    if (s.json && !figures_write(&s.figures, s.json)) {
        return 1;
    }
    (void)printf("the task used %u bytes of stack on this machine\n", (unsigned)s.stack_bytes);
    (void)printf("%.0f s of CPU, %u promises broken\n", cpu_s, (unsigned)s.figures.n_failures);
    return s.figures.n_failures == 0 ? 0 : 1;
}
