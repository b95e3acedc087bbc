/* The twin on the command line: load firmware, run it, show its console and what it did. */
#include "twin/twin.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_GUEST = 1, EXIT_USAGE = 2, MAX_ELFS = 8, STEP_MS = 1 };

struct options {
    const char *elf[MAX_ELFS];
    size_t n_elfs;
    const char *until;
    uint64_t run_ms;
    bool boot0;
    bool has_options;
    uint32_t optcr;
    struct twin_config config;
};

/* The last console bytes, to find the text of --until in. */
struct tail {
    char text[512];
    size_t n;
};

static const char help[] =
    "Run ARM firmware on an emulated STM32F407VG and show its console (USART2).\n"
    "\n"
    "  twin --elf FILE [--elf FILE]... [options]\n"
    "\n"
    "  --elf FILE       load an ELF file into flash; repeat for bootloader and application\n"
    "  --ms N           virtual milliseconds to run (1000)\n"
    "  --until TEXT     stop as soon as the console has shown TEXT; not shown in time: exit 1\n"
    "  --strict         stop at the first violation of the reference manual\n"
    "  --max-timing     flash as slow as the datasheet allows, not as typical\n"
    "  --lsi HZ         frequency of the watchdog's clock, 17000..47000 (32000)\n"
    "  --vdd MV         supply, 1800..3600 (3300)\n"
    "  --options HEX    option bytes as FLASH_OPTCR shows them (0x0FFFAAED)\n"
    "  --revision-a     silicon of revision A: no prefetch, its own IDCODE\n"
    "  --seed N         contents of RAM at power-on (1)\n"
    "  --boot0          BOOT0 high: the ROM loader instead of the firmware\n"
    "  --help           this text\n"
    "\n"
    "Exit: 0 ran; 1 a violation, a lock-up, or TEXT did not come; 2 bad arguments or file.\n";

static bool number(const char *name, const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 0);
    if (errno || end == text || *end || text[0] == '-' || v > max) {
        (void)fprintf(stderr, "twin: --%s wants a number up to %" PRIu64 ", not '%s'\n", name, max, text);
        return false;
    }
    *out = v;
    return true;
}

static bool take_number(struct options *o, int c, const char *text)
{
    uint64_t v;
    switch (c) {
    case 'm':
        return number("ms", text, 1000000000, &o->run_ms);
    case 's':
        return number("seed", text, UINT64_MAX, &o->config.seed);
    case 'l':
        if (!number("lsi", text, UINT32_MAX, &v)) {
            return false;
        }
        o->config.lsi_hz = (uint32_t)v;
        return true;
    case 'o':
        if (!number("options", text, UINT32_MAX, &v)) {
            return false;
        }
        o->optcr = (uint32_t)v;
        o->has_options = true;
        return true;
    default:
        if (!number("vdd", text, UINT32_MAX, &v)) {
            return false;
        }
        o->config.vdd_mv = (uint32_t)v;
        return true;
    }
}

static const struct option option_table[] = {
    {"elf", required_argument, NULL, 'e'},
    {"ms", required_argument, NULL, 'm'},
    {"until", required_argument, NULL, 'u'},
    {"strict", no_argument, NULL, 'S'},
    {"max-timing", no_argument, NULL, 'M'},
    {"lsi", required_argument, NULL, 'l'},
    {"vdd", required_argument, NULL, 'v'},
    {"options", required_argument, NULL, 'o'},
    {"revision-a", no_argument, NULL, 'A'},
    {"seed", required_argument, NULL, 's'},
    {"boot0", no_argument, NULL, 'b'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* @return -1 go on, else the exit code */
static int parse(int argc, char **argv, struct options *o)
{
    int c;
    while ((c = getopt_long(argc, argv, "h", option_table, NULL)) != -1) {
        switch (c) {
        case 'e':
            if (o->n_elfs == MAX_ELFS) {
                (void)fprintf(stderr, "twin: at most %d files\n", MAX_ELFS);
                return EXIT_USAGE;
            }
            o->elf[o->n_elfs++] = optarg;
            break;
        case 'u':
            o->until = optarg;
            break;
        case 'S':
            o->config.strict = true;
            break;
        case 'M':
            o->config.flash_timing = TWIN_FLASH_MAXIMUM;
            break;
        case 'A':
            o->config.silicon = TWIN_SILICON_A;
            break;
        case 'b':
            o->boot0 = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return EXIT_SUCCESS;
        case '?':
            (void)fputs("twin: see twin --help\n", stderr);
            return EXIT_USAGE;
        default:
            if (!take_number(o, c, optarg)) {
                return EXIT_USAGE;
            }
            break;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "twin: what is '%s'? Files come with --elf; see twin --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    if (o->n_elfs == 0 && !o->boot0) {
        (void)fputs("twin: no --elf FILE given; see twin --help\n", stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static void remember(struct tail *tail, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tail->n == sizeof tail->text - 1) {
            memmove(tail->text, tail->text + 1, --tail->n);
        }
        tail->text[tail->n++] = (char)(text[i] ? text[i] : ' ');
    }
    tail->text[tail->n] = '\0';
}

static void show_console(struct twin *t, struct tail *tail)
{
    char text[256];
    size_t n;
    while ((n = twin_console_read(t, text, sizeof text)) > 0) {
        (void)fwrite(text, 1, n, stdout);
        remember(tail, text, n);
    }
    (void)fflush(stdout);
}

static const char *stop_name(enum twin_stop stop)
{
    static const char *const name[] = {"time is up", "breakpoint", "violation", "core locked up",
                                       "power is off"};
    return name[stop];
}

static void show_end(const struct twin *t, enum twin_stop stop)
{
    const struct twin_stats *s = twin_stats(t);
    uint64_t erases = 0;
    for (size_t i = 0; i < 12; i++) {
        erases += s->flash_erases[i];
    }
    (void)fprintf(stderr,
                  "twin: %s at %" PRIu64 ".%03" PRIu64 " ms, pc 0x%08" PRIX32 "\n"
                  "twin: %" PRIu64 " instructions, %" PRIu64 " cycles; resets: %" PRIu64 " power, %" PRIu64
                  " pin, %" PRIu64 " software, %" PRIu64 " watchdog\n"
                  "twin: flash: %" PRIu64 " programs, %" PRIu64 " erases, busy %" PRIu64 " ms, %" PRIu64
                  " torn; %" PRIu64 " violations\n",
                  stop_name(stop), twin_now_ns(t) / 1000000, twin_now_ns(t) / 1000 % 1000, twin_reg(t, 15),
                  s->instructions, s->cycles, s->resets_power, s->resets_pin, s->resets_software,
                  s->resets_iwdg, s->flash_programs, erases, s->flash_busy_ns / 1000000, s->flash_torn,
                  s->violations);
    struct twin_violation v;
    size_t n = twin_violation(t, 0, NULL);
    for (size_t i = 0; i < n; i++) {
        (void)twin_violation(t, i, &v);
        (void)fprintf(stderr, "twin: violation at %" PRIu64 " us, pc 0x%08" PRIX32 ": %s\n", v.time_ns / 1000,
                      v.pc, v.text);
    }
}

static int run(struct twin *t, const struct options *o)
{
    struct tail tail = {.n = 0};
    twin_set_pin(t, TWIN_PIN_BOOT0, o->boot0);
    twin_set_power(t, true);
    enum twin_stop stop = TWIN_STOP_TIME;
    bool seen = false;
    for (uint64_t ms = STEP_MS; ms <= o->run_ms && stop == TWIN_STOP_TIME && !seen; ms += STEP_MS) {
        stop = twin_run_until(t, ms * 1000000);
        show_console(t, &tail);
        seen = o->until && strstr(tail.text, o->until);
    }
    show_end(t, stop);
    if (o->until && !seen) {
        (void)fprintf(stderr, "twin: the console did not show '%s'\n", o->until);
    }
    bool ok = stop == TWIN_STOP_TIME && twin_stats(t)->violations == 0 && (!o->until || seen);
    return ok ? EXIT_SUCCESS : EXIT_GUEST;
}

int main(int argc, char **argv)
{
    struct options o = {.run_ms = 1000, .config = {.seed = 1}};
    int code = parse(argc, argv, &o);
    if (code >= 0) {
        return code;
    }
    char why[256];
    struct twin *t = twin_create(&o.config, why, sizeof why);
    if (!t) {
        (void)fprintf(stderr, "twin: %s\n", why);
        return EXIT_USAGE;
    }
    if (o.has_options) {
        twin_set_options(t, o.optcr);
    }
    code = -1;
    for (size_t i = 0; i < o.n_elfs && code < 0; i++) {
        if (!twin_load_elf(t, o.elf[i], why, sizeof why)) {
            (void)fprintf(stderr, "twin: %s\n", why);
            code = EXIT_USAGE;
        }
    }
    if (code < 0) {
        code = run(t, &o);
    }
    twin_destroy(t);
    return code;
}
