/*
 * Power cuts on the real binaries: bootloader and demo application run on the twin, the link client drives
 * them, and the supply goes at one flash operation after the other. The way to a cut is not run again: before
 * each step of the host there is a snapshot, and each operation of that step is cut, in each outcome, from
 * there. After a cut: garbage in RAM, power on, and the board must start an image that is complete and known;
 * what it starts, and that it does so again, and that the release can still be installed, is judged each
 * time.
 *
 *     fota-elf-cuts [--quick] [--replay elf/SCENARIO/OP/OUTCOME[+OP/OUTCOME]] [SCENARIO ...]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/flash_map.h"
#include "cuts_board.h"
#include "factory.h"
#include "port_twin/twin_link.h"

enum {
    SLICE_US = 8000,
    BOOT_MAX_MS = 12000, /* a repair of both sectors is two erases: 2 s at the datasheet's maximum */
    CONFIRM_MAX_MS = 8000,
    CUT_MAX_MS = 5000,
    DEPTHS = 2,
    MEMO = 1 << 18,
    CLASSES = 1 << 12,
    FILL_RECORDS = 121, /* two places of J1 each: 16 must stay free (journal rule R8) */
    SECOND_STRIDE = 4,
    BRICKS_SHOWN = 20
};

static const char *const OUTCOMES[TWIN_CUTS] = {"before",  "blank",      "garbage", "complete", "front",
                                                "zeroing", "zero-front", "zero",    "rising",   "risen",
                                                "back",    "stripes",    "one-old", "one-zero"};
enum { PROGRAM_OUTCOMES = 4 };

/* One step of the host: bytes on the wire, or time. */
struct action {
    const uint8_t *mosi; /* with is_spi; NULL: zeros */
    size_t n_bytes;
    bool is_spi;
    uint64_t until_ns;
};

struct cut {
    uint64_t op; /* since the scenario's, or the recovery's, begin */
    unsigned outcome;
};

struct counts {
    uint64_t cuts, distinct, nested, bricks, follow_ups, second_boots, meta_ops, erases;
};

struct explorer {
    struct link_io io; /* first member: the wires, with a snapshot before each step */
    struct twin_link wires;
    struct cuts_board board;
    struct twin_snapshot *factory; /* confirmed, powered */
    bool wants_erase;              /* keep the next moment inside an erase: */
    struct twin_snapshot *in_erase;
    struct cuts_releases releases;
    const char *scenario;
    bool is_exploring;
    bool is_quick;
    unsigned depth;
    uint64_t base_op[DEPTHS];
    struct cut path[DEPTHS];
    unsigned n_replay;
    struct cut replay[DEPTHS];
    uint64_t n_seen[DEPTHS]; /* operations met at this depth, for sampling */
    unsigned bulk_stride, meta_stride, nested_stride, kill_run;
    struct counts counts;
    uint64_t memo[MEMO];
    uint64_t class_seen[CLASSES];
};

static uint64_t ops_of(const struct explorer *x)
{
    return twin_stats(x->board.twin)->flash_ops;
}

static uint64_t erases_of(const struct explorer *x)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        n += twin_stats(x->board.twin)->flash_erases[i];
    }
    return n;
}

static struct twin_snapshot *save(const struct explorer *x)
{
    struct twin_snapshot *s = twin_save(x->board.twin);
    if (s == NULL) {
        factory_die("snapshot", "out of memory");
    }
    return s;
}

/* @return true the first time */
static bool note(uint64_t *table, uint32_t n, uint64_t key)
{
    uint32_t i = (uint32_t)(key >> 7) & (n - 1);
    for (uint32_t tries = 0; tries < n; tries++, i = (i + 1) & (n - 1)) {
        if (table[i] == key) {
            return false;
        }
        if (table[i] == 0) {
            table[i] = key;
            return true;
        }
    }
    return true;
}

/* --- judging --- */

static void print_id(const struct explorer *x)
{
    printf("elf/%s", x->scenario);
    for (unsigned d = 0; d < x->depth; d++) {
        printf("%c%" PRIu64 "/%s", d ? '+' : '/', x->path[d].op, OUTCOMES[x->path[d].outcome]);
    }
}

static void brick(struct explorer *x, const char *why)
{
    x->counts.bricks++;
    if (x->counts.bricks <= BRICKS_SHOWN) {
        printf("BRICK ");
        print_id(x);
        printf(": %s\n%s\n", why, x->board.console);
        (void)fflush(stdout);
    }
}

static void step(struct explorer *x, const struct action *action, uint8_t *miso);

static void run_us(struct explorer *x, uint32_t us)
{
    const struct action action = {.until_ns = twin_now_ns(x->board.twin) + (uint64_t)us * 1000U};
    step(x, &action, NULL);
}

/* Power on, and run until an application has introduced itself or time is up. */
static struct cuts_start boot(struct explorer *x)
{
    struct cuts_board *b = &x->board;
    struct cuts_start start = {0};
    cuts_clear_console(b);
    twin_set_pin(b->twin, TWIN_PIN_NSS, true);
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    twin_set_power(b->twin, false);
    twin_set_power(b->twin, true);
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000 && !start.is_there; us += SLICE_US) {
        run_us(x, SLICE_US);
        cuts_listen(b);
        start = cuts_last_start(b);
    }
    return start;
}

/* The next boot decides the same, but for the trial that is counted. */
static const char *check_second(struct explorer *x, const struct cuts_start *first)
{
    struct cuts_start second = boot(x);
    const char *why = cuts_check(&x->board, &second);
    if (why) {
        return why;
    }
    bool was_last_trial = strcmp(first->state, "trial") == 0 && first->tries_left == 0;
    if (was_last_trial) {
        return second.version == 1 ? NULL : "after the last trial the old image should run";
    }
    return second.version == first->version && second.slot == first->slot
               ? NULL
               : "the second boot decides otherwise";
}

static bool wait_for(struct explorer *x, const char *text)
{
    for (unsigned ms = 0; ms < CONFIRM_MAX_MS; ms += 20) {
        cuts_listen(&x->board);
        if (cuts_said(&x->board, text)) {
            return true;
        }
        run_us(x, 20000);
    }
    return false;
}

/* The board takes release 2.0.0 now, whatever was before. */
static const char *follow_up(struct explorer *x, const struct cuts_start *start)
{
    struct cuts_board *b = &x->board;
    x->counts.follow_ups++;
    if (start->version == 2) {
        bool is_confirmed = strcmp(start->state, "confirmed") == 0;
        return is_confirmed || wait_for(x, "app: confirmed") ? NULL : "the trial that runs does not confirm";
    }
    if (start->version == 3) {
        return NULL; /* never confirms, and refuses updates while on trial: the next boots are in the
                        enumeration */
    }
    run_us(x, 20000);
    enum fota_err err = cuts_install(b, 2, &x->io);
    if (err) {
        static char why[80];
        (void)snprintf(why, sizeof why, "the following update fails: %s", fota_err_name(err));
        return why;
    }
    cuts_clear_console(b);
    if (!wait_for(x, "app: confirmed")) {
        return "the following update does not confirm";
    }
    struct cuts_start now = cuts_last_start(b);
    return now.version == 2 ? cuts_check(b, &now) : "the following update does not run";
}

/* What kind of situation this is, as far as the next boots and a following update can tell; `salt` makes
 * finer kinds. */
static uint64_t class_of(const struct explorer *x, const struct cuts_start *start, uint64_t salt)
{
    struct boot_record r = {0};
    bool has_record = factory_record(x->board.twin, &r);
    uint64_t key = has_record ? 2 : 1;
    const uint64_t parts[] = {r.active,         r.state[0],     r.state[1],        r.tries,
                              r.resume_sectors, start->version, start->tries_left, salt};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        key = (key ^ parts[i]) * 0xBF58476D1CE4E5B9U;
        key ^= key >> 31;
    }
    return key | 1U;
}

/* The power has gone; what becomes of the board? */
static void judge(struct explorer *x)
{
    bool was_exploring = x->is_exploring;
    uint64_t n_violations = twin_stats(x->board.twin)->violations;
    x->counts.cuts++;
    x->counts.nested += x->depth > 1;
    if (!note(x->memo, MEMO, cuts_flash_hash(&x->board) ^ (uint64_t)(x->depth > 1)) && x->n_replay == 0) {
        return;
    }
    x->counts.distinct++;
    x->is_exploring = was_exploring && x->depth < DEPTHS && x->nested_stride != 0;
    if (x->depth < DEPTHS) {
        x->base_op[x->depth] = ops_of(x);
        x->n_seen[x->depth] = x->counts.distinct; /* another phase of the stride each time */
    }
    uint64_t ops_before = ops_of(x);
    struct cuts_start start = boot(x);
    x->is_exploring = false;
    const char *why = cuts_check(&x->board, &start);
    if (!why && twin_stats(x->board.twin)->violations != n_violations) {
        why = "the recovery does what the manual forbids";
    }
    uint64_t salt = (uint64_t)x->depth << 8 | x->path[x->depth - 1].outcome | 0x10000;
    bool is_new = note(x->class_seen, CLASSES, class_of(x, &start, salt));
    bool is_due = is_new || x->n_replay != 0 || x->counts.distinct % SECOND_STRIDE == 0;
    if (!why && ops_of(x) != ops_before && is_due) {
        struct twin_snapshot *here = save(x);
        x->counts.second_boots++;
        why = check_second(x, &start);
        if (why) {
            printf("first boot: version %u slot %c %s, %u left; then:\n%s\n", start.version, start.slot,
                   start.state, start.tries_left, x->board.console);
        }
        twin_restore(x->board.twin, here);
        twin_snapshot_free(here);
        cuts_clear_console(&x->board);
    }
    if (!why && (note(x->class_seen, CLASSES, class_of(x, &start, 0)) || x->n_replay != 0)) {
        why = follow_up(x, &start);
    }
    if (why) {
        brick(x, why);
    }
    x->is_exploring = was_exploring;
}

/* --- cutting --- */

static enum twin_stop perform(struct explorer *x, const struct action *action, uint8_t *miso)
{
    struct twin *t = x->board.twin;
    if (action->is_spi) {
        return twin_spi_transfer(t, action->mosi, miso, action->n_bytes, x->wires.clock_hz, x->wires.gap_ns);
    }
    return twin_run_until(t, action->until_ns);
}

/* From the snapshot to the cut. */
static void cut_at(struct explorer *x, const struct twin_snapshot *before, const struct action *action,
                   uint64_t op, unsigned outcome)
{
    struct twin *t = x->board.twin;
    twin_restore(t, before);
    if (!twin_plan_cut(t, op, (enum twin_cut)outcome)) {
        factory_die("cut", "cannot be planned");
    }
    (void)perform(x, action, NULL);
    if (twin_run_until(t, twin_now_ns(t)) != TWIN_STOP_POWER &&
        twin_run_until(t, twin_now_ns(t) + CUT_MAX_MS * 1000000ULL) != TWIN_STOP_POWER) {
        factory_die("cut", "the operation did not come again");
    }
    twin_forget_cuts(t);
}

static bool is_asked_for(const struct explorer *x, unsigned depth, uint64_t op, unsigned outcome)
{
    return x->n_replay == 0 ||
           (depth < x->n_replay && x->replay[depth].op == op && x->replay[depth].outcome == outcome);
}

static void try_cut(struct explorer *x, const struct twin_snapshot *before, const struct action *action,
                    uint64_t op, unsigned outcome)
{
    unsigned depth = x->depth;
    uint64_t number = op - x->base_op[depth];
    if (!is_asked_for(x, depth, number, outcome)) {
        return;
    }
    cut_at(x, before, action, op, outcome);
    x->path[depth] = (struct cut){number, outcome};
    x->depth = depth + 1;
    judge(x);
    x->depth = depth;
}

/* Sectors of the programs in this step: is the journal among them? Told by a dry run to the operation's end.
 */
static bool is_journal(const struct explorer *x, const uint8_t *j_before)
{
    static uint8_t now[FLASH_J0_BYTES + FLASH_J1_BYTES];
    (void)twin_peek(x->board.twin, FLASH_J0_BASE, now, FLASH_J0_BYTES);
    (void)twin_peek(x->board.twin, FLASH_J1_BASE, now + FLASH_J0_BYTES, FLASH_J1_BYTES);
    return memcmp(now, j_before, sizeof now) != 0;
}

static unsigned stride_of(const struct explorer *x, bool is_meta, uint64_t n_ops)
{
    if (x->n_replay != 0) {
        return 1;
    }
    if (x->depth > 0) {
        return x->nested_stride;
    }
    if (!is_meta) {
        return x->bulk_stride;
    }
    return n_ops > 1 && x->kill_run > 1 ? x->kill_run : x->meta_stride;
}

/* Cut every operation that this step has begun. */
static void explore(struct explorer *x, const struct twin_snapshot *before, const struct action *action,
                    uint64_t first, uint64_t last, uint64_t erases, bool is_meta)
{
    unsigned depth = x->depth;
    unsigned stride = stride_of(x, is_meta, last - first);
    uint64_t n_erases = 0; /* among the operations looked at */
    for (uint64_t op = first; op <= last; op++) {
        uint64_t seen = x->n_seen[depth]++;
        bool may_be_erase = erases != 0;
        if (!may_be_erase && seen % stride != 0) {
            continue;
        }
        unsigned n_outcomes = PROGRAM_OUTCOMES;
        if (may_be_erase) {
            cut_at(x, before, action, op, TWIN_CUT_BEFORE);
            uint64_t now = erases_of(x);
            twin_restore(x->board.twin, before);
            bool is_erase = now - erases_of(x) > n_erases;
            n_outcomes = is_erase ? TWIN_CUTS : PROGRAM_OUTCOMES;
            n_erases += is_erase;
            x->counts.erases += is_erase;
            if (!is_erase && seen % stride != 0) {
                continue;
            }
        }
        x->counts.meta_ops += is_meta;
        /* In a recovery, one outcome each, another each time. */
        bool is_one = depth > 0 && x->n_replay == 0;
        unsigned from = is_one ? (unsigned)(x->counts.nested % n_outcomes) : 0;
        for (unsigned outcome = from; outcome < n_outcomes && (outcome == from || !is_one); outcome++) {
            try_cut(x, before, action, op, outcome);
        }
    }
}

static void step(struct explorer *x, const struct action *action, uint8_t *miso)
{
    static char console[DEPTHS][CUTS_CONSOLE_BYTES];
    static uint8_t journal[DEPTHS][FLASH_J0_BYTES + FLASH_J1_BYTES];
    if (!x->is_exploring) {
        uint64_t n_erases = x->wants_erase ? erases_of(x) : 0;
        (void)perform(x, action, miso);
        if (x->wants_erase && erases_of(x) != n_erases) {
            x->wants_erase = false;
            x->in_erase = save(x);
        }
        return;
    }
    uint64_t first = ops_of(x) + 1;
    uint64_t erases = erases_of(x);
    struct twin_snapshot *before = save(x);
    (void)twin_peek(x->board.twin, FLASH_J0_BASE, journal[x->depth], FLASH_J0_BYTES);
    (void)twin_peek(x->board.twin, FLASH_J1_BASE, journal[x->depth] + FLASH_J0_BYTES, FLASH_J1_BYTES);
    (void)perform(x, action, miso);
    uint64_t last = ops_of(x);
    if (last >= first) {
        struct twin_snapshot *after = save(x);
        cuts_listen(&x->board);
        size_t n_console = x->board.n_console;
        memcpy(console[x->depth], x->board.console, n_console);
        bool is_meta = is_journal(x, journal[x->depth]);
        explore(x, before, action, first, last, erases_of(x) - erases, is_meta);
        twin_restore(x->board.twin, after);
        twin_snapshot_free(after);
        x->board.n_console = n_console;
        memcpy(x->board.console, console[x->depth], n_console);
        x->board.console[n_console] = '\0';
    }
    twin_snapshot_free(before);
}

/* --- the wires, with a snapshot before each step --- */

static enum fota_err io_transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    const struct action action = {.is_spi = true, .mosi = mosi, .n_bytes = n_bytes};
    step((struct explorer *)io, &action, miso);
    return FOTA_OK;
}

static enum fota_err io_select(struct link_io *io, bool selected)
{
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_NSS, !selected);
    return FOTA_OK;
}

static enum fota_err io_nrst(struct link_io *io, bool low)
{
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_NRST, !low);
    return FOTA_OK;
}

static enum fota_err io_boot0(struct link_io *io, bool high)
{
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_BOOT0, high);
    return FOTA_OK;
}

static enum fota_err io_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    struct explorer *x = (struct explorer *)io;
    x->wires.clock_hz = hz;
    x->wires.gap_ns = byte_gap_us * 1000U;
    return FOTA_OK;
}

static void io_delay(struct link_io *io, uint32_t us)
{
    run_us((struct explorer *)io, us);
}

static uint64_t io_now(struct link_io *io)
{
    return twin_now_ns(((struct explorer *)io)->board.twin) / 1000U;
}

static const struct link_io_ops IO_OPS = {.transfer = io_transfer,
                                          .select = io_select,
                                          .set_nrst = io_nrst,
                                          .set_boot0 = io_boot0,
                                          .set_clock = io_clock,
                                          .delay_us = io_delay,
                                          .now_us = io_now};

/* --- scenarios --- */

static void begin_exploring(struct explorer *x)
{
    x->depth = 0;
    x->n_seen[0] = 0;
    x->base_op[0] = ops_of(x);
    x->is_exploring = true;
}

/* A board whose factory image has confirmed itself. */
static void open_board(struct explorer *x)
{
    const struct twin_config config = {.flash_timing = TWIN_FLASH_HASTY, .seed = 3};
    x->is_exploring = false;
    x->wires.clock_hz = 1000000;
    x->wires.gap_ns = 15000;
    if (x->factory != NULL) {
        twin_restore(x->board.twin, x->factory);
        cuts_clear_console(&x->board);
        return;
    }
    cuts_open(&x->board, &x->releases, &config);
    struct cuts_start start = boot(x);
    if (!start.is_there || !wait_for(x, "app: confirmed")) {
        factory_die("board", "does not start from the factory");
    }
    run_us(x, 20000);
    x->factory = save(x);
}

static void install(struct explorer *x, unsigned version)
{
    enum fota_err err = cuts_install(&x->board, version, &x->io);
    if (err) {
        factory_die("update", fota_err_name(err));
    }
}

static void run_until_start(struct explorer *x, unsigned version)
{
    cuts_clear_console(&x->board);
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000; us += SLICE_US) {
        run_us(x, SLICE_US);
        cuts_listen(&x->board);
        if (cuts_last_start(&x->board).version == version) {
            return;
        }
    }
    factory_die("scenario", "the uncut run does not get where it should");
}

static void scenario_update(struct explorer *x)
{
    begin_exploring(x);
    install(x, 2);
    run_until_start(x, 2);
}

static void scenario_confirm(struct explorer *x)
{
    install(x, 2);
    run_until_start(x, 2);
    run_us(x, 900000); /* most of the health check */
    begin_exploring(x);
    if (!wait_for(x, "app: confirmed")) {
        factory_die("scenario", "the trial does not confirm");
    }
}

static void scenario_reject(struct explorer *x)
{
    install(x, 3);
    begin_exploring(x);
    run_until_start(x, 3);
    run_until_start(x, 1);
}

/* One mirror of the journal is lost: the boot writes both anew. */
static void lose(struct explorer *x, uint32_t base, uint32_t n_bytes)
{
    static uint8_t junk[FLASH_J0_BYTES];
    memset(junk, 0xA5, sizeof junk);
    if (!twin_flash_store(x->board.twin, base, junk, n_bytes)) {
        factory_die("journal", "cannot be lost");
    }
    begin_exploring(x);
    (void)boot(x);
}

static void scenario_repair_j1(struct explorer *x)
{
    lose(x, FLASH_J1_BASE, FLASH_J1_BYTES);
}

static void scenario_repair_j0(struct explorer *x)
{
    lose(x, FLASH_J0_BASE, FLASH_J0_BYTES);
}

/* The small mirror is nearly full: the boot makes room. */
static void scenario_reserve(struct explorer *x)
{
    struct boot_record record;
    for (unsigned i = 0; i < FILL_RECORDS; i++) {
        if (!factory_record(x->board.twin, &record)) {
            factory_die("journal", "has no state");
        }
        factory_journal(x->board.twin, &record);
    }
    begin_exploring(x);
    (void)boot(x);
}

struct scenario {
    const char *name;
    void (*run)(struct explorer *x);
    unsigned kill_run; /* of a long row of journal words, every so many */
};

static const struct scenario SCENARIOS[] = {
    {"update", scenario_update, 1},        {"confirm", scenario_confirm, 1},
    {"reject", scenario_reject, 1},        {"reserve", scenario_reserve, 8},
    {"repair-j1", scenario_repair_j1, 32}, {"repair-j0", scenario_repair_j0, 32},
};
enum { N_SCENARIOS = sizeof SCENARIOS / sizeof SCENARIOS[0] };

static void run_scenario(struct explorer *x, const struct scenario *s)
{
    struct counts before = x->counts;
    x->scenario = s->name;
    x->kill_run = s->kill_run * (x->is_quick ? 8 : 1);
    open_board(x);
    s->run(x);
    x->is_exploring = false;
    printf("elf/%s: %" PRIu64 " cuts (%" PRIu64 " of them in recoveries), %" PRIu64
           " distinct flash contents, %" PRIu64 " second boots, %" PRIu64 " following updates, %" PRIu64
           " bricks\n",
           s->name, x->counts.cuts - before.cuts, x->counts.nested - before.nested,
           x->counts.distinct - before.distinct, x->counts.second_boots - before.second_boots,
           x->counts.follow_ups - before.follow_ups, x->counts.bricks - before.bricks);
}

/* A boot with nothing to do writes nothing. */
static uint64_t normal_boot_writes(struct explorer *x)
{
    open_board(x);
    uint64_t before = ops_of(x);
    struct cuts_start start = boot(x);
    uint64_t n = ops_of(x) - before;
    if (!start.is_there) {
        factory_die("board", "does not boot");
    }
    return n;
}

/* --- the watchdog, at both ends of its clock's spread ---
 *
 * A trial runs under the watchdog, and so does the update that follows its confirm without a reset between.
 * With the longest erases of the datasheet it must not bite. If the chip is reset inside an erase all the
 * same, here by its pin at several moments, the board starts what was confirmed.
 */
static const char *reset_inside(struct explorer *x, uint32_t into_ms)
{
    struct cuts_board *b = &x->board;
    struct cuts_start start = {0};
    twin_restore(b->twin, x->in_erase);
    run_us(x, into_ms * 1000);
    uint64_t torn = twin_stats(b->twin)->flash_torn;
    twin_set_pin(b->twin, TWIN_PIN_NSS, true);
    twin_set_pin(b->twin, TWIN_PIN_NRST, false);
    run_us(x, 1000);
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    cuts_clear_console(b);
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000 && !start.is_there; us += SLICE_US) {
        run_us(x, SLICE_US);
        cuts_listen(b);
        start = cuts_last_start(b);
    }
    x->counts.cuts++;
    if (twin_stats(b->twin)->flash_torn == torn) {
        return "the reset did not hit the erase";
    }
    return !start.is_there || start.version != 2 || start.slot != 'B' ? "the confirmed image does not run"
                                                                      : NULL;
}

static const char *watchdog_at(struct explorer *x, uint32_t lsi_hz)
{
    static const uint16_t moments_ms[] = {1, 50, 400, 1000, 1900};
    const struct twin_config config = {.flash_timing = TWIN_FLASH_MAXIMUM, .seed = 3, .lsi_hz = lsi_hz};
    cuts_open(&x->board, &x->releases, &config);
    x->scenario = "watchdog";
    (void)boot(x);
    if (!wait_for(x, "app: confirmed")) {
        return "the factory image does not confirm";
    }
    install(x, 2);
    cuts_clear_console(&x->board);
    if (!wait_for(x, "app: confirmed")) {
        return "the update does not confirm";
    }
    x->wants_erase = true;
    install(x, 3);
    if (twin_stats(x->board.twin)->resets_iwdg != 0) {
        return "the watchdog bit during an update";
    }
    const char *why = x->in_erase ? NULL : "nothing was erased";
    for (size_t i = 0; i < sizeof moments_ms / sizeof moments_ms[0] && !why; i++) {
        why = reset_inside(x, moments_ms[i]);
    }
    twin_snapshot_free(x->in_erase);
    x->in_erase = NULL;
    cuts_close(&x->board);
    return why;
}

static void watchdog(struct explorer *x)
{
    static const uint32_t spread_hz[] = {17000, 47000}; /* DS8626, LSI */
    if (x->factory != NULL) {
        twin_snapshot_free(x->factory);
        x->factory = NULL;
        cuts_close(&x->board);
    }
    for (size_t i = 0; i < sizeof spread_hz / sizeof spread_hz[0]; i++) {
        const char *why = watchdog_at(x, spread_hz[i]);
        printf("elf/watchdog: LSI %u Hz: %s\n", (unsigned)spread_hz[i],
               why ? why : "no reset, and 5 resets inside an erase survived");
        x->counts.bricks += why != NULL;
    }
}

/* --- the command --- */

static void set_strides(struct explorer *x)
{
    x->bulk_stride = x->is_quick ? 2999 : 31;
    x->meta_stride = x->is_quick ? 61 : 1;
    x->nested_stride = x->is_quick ? 0 : 997;
}

static unsigned outcome_named(const char *text)
{
    for (unsigned i = 0; i < TWIN_CUTS; i++) {
        if (strcmp(OUTCOMES[i], text) == 0) {
            return i;
        }
    }
    factory_die(text, "is not an outcome");
}

static int replay(struct explorer *x, const char *id)
{
    char name[32], first[32], second[32];
    uint64_t op[DEPTHS];
    int n =
        sscanf(id, "elf/%31[^/]/%" SCNu64 "/%31[^+]+%" SCNu64 "/%31s", name, &op[0], first, &op[1], second);
    if (n != 3 && n != 5) {
        factory_die(id, "is not elf/SCENARIO/OP/OUTCOME[+OP/OUTCOME]");
    }
    x->n_replay = n == 3 ? 1 : 2;
    x->replay[0] = (struct cut){op[0], outcome_named(first)};
    x->replay[1] = n == 3 ? x->replay[0] : (struct cut){op[1], outcome_named(second)};
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        if (strcmp(SCENARIOS[i].name, name) == 0) {
            run_scenario(x, &SCENARIOS[i]);
            return x->counts.bricks != 0;
        }
    }
    factory_die(name, "is not a scenario");
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool is_any = false;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            is_any = true;
            if (strcmp(argv[i], name) == 0) {
                return true;
            }
        }
    }
    return !is_any;
}

int main(int argc, char **argv)
{
    static struct explorer x;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    x.io.ops = &IO_OPS;
    x.is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    set_strides(&x);
    cuts_make_releases(&x.releases);
    if (argc > 2 && strcmp(argv[1], "--replay") == 0) {
        x.nested_stride = 1;
        return replay(&x, argv[2]);
    }
    uint64_t writes = normal_boot_writes(&x);
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        if (is_wanted(SCENARIOS[i].name, argc, argv)) {
            run_scenario(&x, &SCENARIOS[i]);
        }
    }
    if (is_wanted("watchdog", argc, argv) && !x.is_quick) {
        watchdog(&x);
    }
    printf("elf_cuts %" PRIu64 "\nelf_distinct %" PRIu64 "\nelf_nested %" PRIu64 "\nelf_bricks %" PRIu64
           "\nnormal_boot_flash_writes %" PRIu64 "\nseconds %ld\n",
           x.counts.cuts, x.counts.distinct, x.counts.nested, x.counts.bricks, writes,
           (long)(clock() / CLOCKS_PER_SEC));
    return x.counts.bricks != 0 || writes != 0;
}
