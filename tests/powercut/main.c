/* powercut: the proof that no cut of power bricks the device (docs/POWERCUT.md). Prints what it covers; ends
 * with 1 if anything is broken, with the replay id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "brownout.h"
#include "fixpoint.h"
#include "sweep.h"

enum {
    CUTS_MAX = 2,
    FAULT_CUTS_MAX = 1,
    RANDOM_RUNS = 6000,
    RANDOM_RUNS_QUICK = 1000,
    SEED = 20,
    ERASES_PER_DAY_MAX = 3000,
    WORN_PAIRS_STRIDE = 8, /* every so many operations have the first cut of a pair */
    LOADER_PAIRS_STRIDE = 8,
    NESTED_BLOCKS = 8 /* the second cut in the middle of an image: in every so many 4 KB of it */
};

enum { R10_HOLD_OFF_MS = 30000 };

static const char *const WAIVER_NAMES[WAIVERS] = {
    [WAIVED_FLOOR] = "floor",   [WAIVED_REJECTED] = "rejected", [WAIVED_REFUSED] = "refused",
    [WAIVED_MIRROR] = "mirror", [WAIVED_RUN] = "run",           [WAIVED_SUSPECT] = "suspect"};

static const char LOADER_KIND[] = "loader_update";

static FILE *figures;

static void put_figure(const char *key, uint64_t value)
{
    if (figures) {
        (void)fprintf(figures, "%s %llu\n", key, (unsigned long long)value);
    }
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static int report_broken(const char *check, const char *text, const char *id)
{
    (void)printf("BROKEN %s: %s\n  replay: powercut %s\n", check, text, id);
    return 1;
}

static int run_fixpoint(uint32_t n_slots, bool fails)
{
    static struct fixpoint_result r;
    struct fixpoint_config config = {.n_slots = n_slots,
                                     .n_writes = n_slots - 3,
                                     .cuts_max = CUTS_MAX,
                                     .loses_sectors = !fails,
                                     .fails = fails,
                                     .fault_cuts_max = FAULT_CUTS_MAX,
                                     .stops_at_first = true};
    double start = seconds();
    fixpoint_explore(&config, &r);
    const char *name = fails ? "fixfault" : "fixpoint";
    (void)printf(
        "%s, %u records   %8u states %10llu sessions %10llu cuts %10llu faults  %u violations  %.1f s\n",
        name, (unsigned)n_slots, (unsigned)r.n_states, (unsigned long long)r.n_runs,
        (unsigned long long)r.n_cuts, (unsigned long long)r.n_faults, (unsigned)r.n_violations,
        seconds() - start);
    char key[32];
    (void)snprintf(key, sizeof key, "%s%u_states", name, (unsigned)n_slots);
    put_figure(key, r.n_states);
    (void)snprintf(key, sizeof key, "%s%u_violations", name, (unsigned)n_slots);
    put_figure(key, r.n_violations);
    if (r.n_violations != 0) {
        return report_broken(r.check, r.text, r.id);
    }
    return r.is_complete ? 0 : report_broken("J", "the fixpoint was not reached", "");
}

/* One scenario: print, collect, complain. `kind`: the first word of the figures. */
static int report_sweep(const char *kind, const struct site_scenario *scenario, const struct sweep_result *r,
                        double start)
{
    char key[32];
    (void)printf("%-7s %-14s %10llu sessions %10llu states (%llu more covered)  %u bricks  %.1f s\n", kind,
                 scenario->name, (unsigned long long)r->n_sessions, (unsigned long long)r->n_states,
                 (unsigned long long)r->n_covered, (unsigned)r->n_bricks, seconds() - start);
    (void)fflush(stdout);
    (void)snprintf(key, sizeof key, "%s_%s", kind, strcmp(kind, LOADER_KIND) == 0 ? "cuts" : "sessions");
    put_figure(key, r->n_sessions);
    (void)snprintf(key, sizeof key, "%s_bricks", kind);
    put_figure(key, r->n_bricks);
    put_figure("normal_boot_flash_writes", r->normal_boot_ops);
    for (uint32_t i = 0; i < WAIVERS; i++) {
        if (r->waived[i] != 0) {
            (void)printf("        waived: %s %llu\n", WAIVER_NAMES[i], (unsigned long long)r->waived[i]);
        }
        (void)snprintf(key, sizeof key, "waived_%s", WAIVER_NAMES[i]);
        put_figure(key, r->waived[i]);
    }
    if (r->n_sessions == 0 && r->n_bricks == 0) {
        (void)fprintf(stderr, "powercut: in %s nothing was cut\n", scenario->name);
        return 2;
    }
    return r->n_bricks == 0 ? 0 : report_broken(r->check, r->text, r->id);
}

static const struct site_scenario *scenario_named(const char *name)
{
    for (uint32_t i = 0; i < SITE_N_SCENARIOS; i++) {
        if (strcmp(SITE_SCENARIOS[i].name, name) == 0) {
            return &SITE_SCENARIOS[i];
        }
    }
    return NULL;
}

static int run_single_as(const char *kind, const struct site_scenario *scenario, enum sweep_ops ops)
{
    struct sweep_result r;
    struct sweep_config config = {.scenario = scenario, .depth = 1, .first = ops, .stride = scenario->stride};
    double start = seconds();
    sweep_run(&config, &r);
    if (scenario->job == JOB_TRIAL) {
        put_figure("trial_power_rejected", r.n_bricks != 0 && strcmp(r.check, "P19") == 0);
    }
    if (scenario->job == JOB_WORN) {
        put_figure("worn_floor_lost", r.n_bricks != 0 && strcmp(r.check, "P6") == 0);
    }
    return report_sweep(kind, scenario, &r, start);
}

static const char *kind_of(const struct site_scenario *scenario)
{
    static const char *const KINDS[] = {[JOB_SINGLE] = "single",
                                        [JOB_NESTED] = "nested",
                                        [JOB_WORN] = "worn",
                                        [JOB_TRIAL] = "trial_power",
                                        [JOB_LOADER] = LOADER_KIND};
    return KINDS[scenario->job];
}

static int run_single(const struct site_scenario *scenario, enum sweep_ops ops)
{
    return run_single_as(kind_of(scenario), scenario, ops);
}

/* Pairs: the second cut in all that follows the first. `first_op`
 * to `last_op` limit the first; 0: no limit. */
static int run_nested(const struct site_scenario *scenario, uint32_t first_op, uint32_t last_op,
                      uint32_t stride)
{
    struct sweep_result r;
    struct sweep_config config = {.scenario = scenario,
                                  .depth = 2,
                                  .first = SWEEP_INTERESTING,
                                  .later = SWEEP_INTERESTING,
                                  .first_op = first_op,
                                  .last_op = last_op,
                                  .stride = stride,
                                  .later_blocks = scenario->job == JOB_NESTED ? NESTED_BLOCKS : 0};
    double start = seconds();
    sweep_run(&config, &r);
    bool is_of_single = scenario->job == JOB_SINGLE;
    return report_sweep(is_of_single ? "nested" : kind_of(scenario), scenario, &r, start);
}

/* The same in journal sectors that are long enough to serve without a mirror. */
static const struct site_scenario *with_room(const struct site_scenario *scenario)
{
    static struct site_scenario copy;
    copy = *scenario;
    copy.n_j0 = copy.n_j0 < SITE_ALONE_RECORDS ? SITE_ALONE_RECORDS : copy.n_j0;
    copy.n_j1 = copy.n_j1 < SITE_ALONE_RECORDS ? SITE_ALONE_RECORDS : copy.n_j1;
    return &copy;
}

/* Operations that fail with power on: `kind` dip or worn. */
static int run_faults(const struct site_scenario *scenario, bool is_dip)
{
    struct sweep_result r;
    struct sweep_config config = {.scenario = with_room(scenario), .first = SWEEP_INTERESTING};
    double start = seconds();
    sweep_faults(&config, is_dip ? PC_DIP : PC_WORN_CELL, is_dip ? PC_DIP_LONG : PC_WORN_SECTOR, &r);
    put_figure("worn_floor_lost", !is_dip && r.n_bricks != 0 && strcmp(r.check, "P6") == 0);
    return report_sweep(is_dip ? "dip" : "worn", scenario, &r, start);
}

/* One cut that upsets its whole sector (axiom F8). */
static int run_upset(const struct site_scenario *scenario)
{
    struct sweep_result r;
    struct sweep_config config = {.scenario = with_room(scenario),
                                  .depth = 1,
                                  .first = SWEEP_INTERESTING,
                                  .stride = scenario->stride,
                                  .is_upsetting = true};
    double start = seconds();
    sweep_run(&config, &r);
    return report_sweep("f8_single", scenario, &r, start);
}

static int run_random(uint32_t n_runs)
{
    static const char *const NAMES[] = {"nested-wrap", "nested-reject", "tail", "rot", "factory", "abort"};
    int result = 0;
    for (uint32_t i = 0; i < sizeof NAMES / sizeof NAMES[0] && result == 0; i++) {
        struct sweep_result r;
        double start = seconds();
        const struct site_scenario *scenario = scenario_named(NAMES[i]);
        (void)printf("3 to 5 cuts, seed %u: ", (unsigned)SEED + i);
        sweep_random(scenario, SEED + i, n_runs, &r);
        result = report_sweep("random", scenario, &r, start);
    }
    return result;
}

static uint32_t tell_day(uint32_t on_ms, uint32_t hold_off_ms)
{
    struct brownout_result r;
    brownout_day(on_ms, hold_off_ms, SEED, &r);
    (void)printf("%s, supply holds %5u ms: %7u boots (%5u run), %6u erases of one sector in a day%s\n",
                 hold_off_ms != 0 ? "with R10" : "without it", (unsigned)on_ms, (unsigned)r.n_boots,
                 (unsigned)r.n_run, (unsigned)r.erases, r.broken ? " (state lost: rule R11)" : "");
    return r.erases;
}

/* The second view: the shipping journal alone, in the order and with the times of sector 0. */
static int run_brownout(void)
{
    static const uint16_t ON_MS[] = {50,    100,   300,   1100,  1300,  2000,  5000,
                                     30000, 30010, 30100, 30400, 31000, 31400, 32000};
    uint32_t worst = 0;
    put_figure("brownout_model_erases_without_wait", tell_day(1300, 0));
    for (uint32_t i = 0; i < sizeof ON_MS / sizeof ON_MS[0]; i++) {
        uint32_t erases = tell_day(ON_MS[i], R10_HOLD_OFF_MS);
        worst = erases > worst ? erases : worst;
    }
    put_figure("brownout_model_erases_per_sector_day", worst);
    return worst <= ERASES_PER_DAY_MAX
               ? 0
               : report_broken("P14", "a brown-out day costs more erases than it may", "brownout");
}

static uint32_t count_ops(const struct site_scenario *scenario)
{
    struct sweep_result r;
    struct sweep_config config = {.scenario = scenario};
    sweep_run(&config, &r);
    return r.n_ops;
}

/* One scenario in full, the others at the operations that matter. */
static int run_quick(void)
{
    int result = run_fixpoint(4, false);
    result = result != 0 ? result : run_fixpoint(5, false);
    for (uint32_t i = 0; i < SITE_N_SCENARIOS && result == 0; i++) {
        const struct site_scenario *scenario = &SITE_SCENARIOS[i];
        if (scenario->job != JOB_NESTED) {
            result =
                run_single(scenario, strcmp(scenario->name, "plain") == 0 ? SWEEP_ALL : SWEEP_INTERESTING);
        }
    }
    /* The first cut at the beginning, and at two places near the end. */
    const struct site_scenario *plain = scenario_named("plain");
    uint32_t n_ops = count_ops(plain);
    result = result != 0 ? result : run_nested(plain, 1, 3, 0);
    result = result != 0 ? result : run_nested(plain, n_ops - 90, n_ops - 85, 0);
    result = result != 0 ? result : run_nested(plain, n_ops - 30, n_ops - 20, 0);
    return result != 0 ? result : run_random(RANDOM_RUNS_QUICK);
}

static int run_all_single(enum site_job job)
{
    int result = 0;
    for (uint32_t i = 0; i < SITE_N_SCENARIOS && result == 0; i++) {
        if (SITE_SCENARIOS[i].job == job) {
            result = run_single(&SITE_SCENARIOS[i], SWEEP_ALL);
        }
    }
    return result;
}

/* What is not only a longer form of another scenario, and has no worn sector of its own. */
static bool is_for_faults(const struct site_scenario *scenario)
{
    return scenario->job != JOB_NESTED && scenario->job != JOB_WORN && scenario->mishap != MISHAP_WORN_SLOT;
}

static int run_all_faults(bool is_dip)
{
    int result = 0;
    for (uint32_t i = 0; i < SITE_N_SCENARIOS && result == 0; i++) {
        result = is_for_faults(&SITE_SCENARIOS[i]) ? run_faults(&SITE_SCENARIOS[i], is_dip) : 0;
    }
    return result;
}

static int run_all_upsets(void)
{
    int result = 0;
    for (uint32_t i = 0; i < SITE_N_SCENARIOS && result == 0; i++) {
        result = is_for_faults(&SITE_SCENARIOS[i]) ? run_upset(&SITE_SCENARIOS[i]) : 0;
    }
    return result;
}

/* A sector that wears out at each operation; then one that is worn
 * from the start, with one cut and with two. */
static int run_worn(void)
{
    static const char *const PAIRS[] = {"worn-j1", "worn-j1-full", "worn-j0-full"};
    int result = run_all_faults(false);
    result = result != 0 ? result : run_all_single(JOB_WORN);
    for (uint32_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0] && result == 0; i++) {
        result = run_nested(scenario_named(PAIRS[i]), 0, 0, WORN_PAIRS_STRIDE);
    }
    return result;
}

/* One cut at every operation of a loader update, and pairs. */
static int run_loader(void)
{
    int result = run_all_single(JOB_LOADER);
    return result != 0 ? result : run_nested(scenario_named("loader"), 0, 0, LOADER_PAIRS_STRIDE);
}

static int replay(const char *text)
{
    struct pc_id id;
    struct sweep_result r;
    char why[PC_WHY_BYTES];
    if (strncmp(text, "pc/fixpoint", 11) == 0 || strncmp(text, "pc/fixfault", 11) == 0) {
        struct fixpoint_config config = {.cuts_max = CUTS_MAX, .loses_sectors = true};
        return fixpoint_replay(&config, text) ? 1 : 0;
    }
    if (!pc_id_parse(text, &id, why)) {
        (void)fprintf(stderr, "powercut: %s\n", why);
        return 2;
    }
    const struct site_scenario *scenario = scenario_named(id.scenario);
    if (!scenario) {
        (void)fprintf(stderr, "powercut: no scenario %s on the host; `powercut list` shows them\n",
                      id.scenario);
        return 2;
    }
    if (id.cut[0].is_upset || id.cut[0].fault != PC_CUT) {
        scenario = with_room(scenario);
    }
    (void)printf("%s: %s\n", scenario->name, scenario->story);
    sweep_path(scenario, &id, true, &r);
    if (r.n_sessions < id.n_cuts && r.n_bricks == 0) {
        (void)fprintf(stderr, "powercut: operation %u of cut %u never comes\n",
                      (unsigned)id.cut[r.n_sessions].op, (unsigned)r.n_sessions + 1);
        return 2;
    }
    (void)printf(r.n_bricks == 0 ? "nothing is broken\n" : "");
    return r.n_bricks == 0 ? 0 : report_broken(r.check, r.text, r.id);
}

static int usage(void)
{
    (void)printf(
        "usage: powercut [--figures FILE] COMMAND\n"
        "  quick                     everything small, less than a minute\n"
        "  fixpoint N                every state of the journal on sectors of N records (4 to 8)\n"
        "  fixfault N                the same, and one operation fails: a dip, a worn cell, a worn sector\n"
        "  single [SCENARIO]         one cut at every flash operation, in every way\n"
        "  nested SCENARIO [A B]     two cuts; the first at operations A to B\n"
        "  random                    three to five cuts by lot\n"
        "  brownout                  a day of supply that comes and goes\n"
        "  list                      the scenarios\n"
        "  pc/...                    one replay id, told step by step\n");
    return 2;
}

static int list(void)
{
    for (uint32_t i = 0; i < SITE_N_SCENARIOS; i++) {
        (void)printf("%-14s %s\n", SITE_SCENARIOS[i].name, SITE_SCENARIOS[i].story);
    }
    return 0;
}

static int run_named(int n_args, char **args)
{
    const struct site_scenario *scenario = n_args > 1 ? scenario_named(args[1]) : NULL;
    if (n_args > 1 && !scenario) {
        (void)fprintf(stderr, "powercut: no scenario %s; `powercut list` shows them\n", args[1]);
        return 2;
    }
    if (strcmp(args[0], "single") == 0) {
        return scenario ? run_single(scenario, SWEEP_ALL) : run_all_single(JOB_SINGLE);
    }
    if (!scenario && n_args == 1 && strcmp(args[0], "worn") == 0) {
        return run_worn();
    }
    if (!scenario && n_args == 1 && strcmp(args[0], "dip") == 0) {
        return run_all_faults(true);
    }
    if (!scenario && n_args == 1 && strcmp(args[0], "f8") == 0) {
        return run_all_upsets();
    }
    if (scenario && (strcmp(args[0], "dip") == 0 || strcmp(args[0], "worn") == 0)) {
        return run_faults(scenario, strcmp(args[0], "dip") == 0);
    }
    if (scenario && strcmp(args[0], "f8") == 0) {
        return run_upset(scenario);
    }
    if (!scenario || (n_args != 2 && n_args != 4)) {
        return usage();
    }
    uint32_t first_op = n_args == 4 ? (uint32_t)strtoul(args[2], NULL, 10) : 0;
    uint32_t last_op = n_args == 4 ? (uint32_t)strtoul(args[3], NULL, 10) : 0;
    return run_nested(scenario, first_op, last_op, 0);
}

static int run(int n_args, char **args)
{
    const char *command = args[0];
    if (strncmp(command, "pc/", 3) == 0) {
        return replay(command);
    }
    if (strcmp(command, "quick") == 0) {
        return run_quick();
    }
    if ((strcmp(command, "fixpoint") == 0 || strcmp(command, "fixfault") == 0) && n_args == 2) {
        uint32_t n_slots = (uint32_t)strtoul(args[1], NULL, 10);
        return n_slots < 4 || n_slots > 8 ? usage() : run_fixpoint(n_slots, strcmp(command, "fixfault") == 0);
    }
    static const char *const NAMED[] = {"single", "nested", "dip", "worn", "f8"};
    bool is_named = false;
    for (uint32_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++) {
        is_named = is_named || strcmp(command, NAMED[i]) == 0;
    }
    if (is_named) {
        return run_named(n_args, args);
    }
    if (strcmp(command, "trial") == 0) {
        return run_all_single(JOB_TRIAL);
    }
    if (strcmp(command, "loader") == 0) {
        return run_loader();
    }
    if (strcmp(command, "random") == 0) {
        return run_random(RANDOM_RUNS);
    }
    if (strcmp(command, "brownout") == 0) {
        return run_brownout();
    }
    return strcmp(command, "list") == 0 ? list() : usage();
}

int main(int argc, char **argv)
{
    int at = 1;
    if (argc > 2 && strcmp(argv[1], "--figures") == 0) {
        figures = fopen(argv[2], "a");
        if (!figures) {
            (void)fprintf(stderr, "powercut: cannot write %s\n", argv[2]);
            return 2;
        }
        at = 3;
    }
    if (at >= argc) {
        return usage();
    }
    releases_make();
    int result = run(argc - at, argv + at);
    if (figures && fclose(figures) != 0) {
        return 2;
    }
    return result;
}
