#include "elf_explore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board_journal.h"
#include "cuts_outcomes.h"

uint64_t elf_ops(const struct explorer *x)
{
    return twin_stats(x->board.twin)->flash_ops;
}

uint64_t elf_erases(const struct explorer *x)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < FLASH_SECTORS; i++) {
        n += twin_stats(x->board.twin)->flash_erases[i];
    }
    return n;
}

struct twin_snapshot *elf_save(const struct explorer *x)
{
    struct twin_snapshot *s = twin_save(x->board.twin);
    if (!s) {
        twin_board_die("snapshot", "out of memory");
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
    char text[PC_ID_BYTES];
    struct pc_id id = {.n_cuts = x->depth};
    (void)snprintf(id.scenario, sizeof id.scenario, "%s", x->scenario);
    memcpy(id.cut, x->path, x->depth * sizeof x->path[0]);
    pc_id_print(&id, text);
    printf("%s", text);
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
static void drop_trail(struct explorer *x);

void elf_run_us(struct explorer *x, uint32_t us)
{
    const struct action action = {.until_ns = twin_now_ns(x->board.twin) + (uint64_t)us * 1000U};
    step(x, &action, NULL);
}

/* Up to shortly before the first flash operation of a boot there is nothing to cut (rule R10 alone is 30 s):
 * no snapshots until then. */
static void pass_quiet(struct explorer *x)
{
    struct twin *t = x->board.twin;
    struct twin_snapshot *start = elf_save(x);
    uint64_t ops = elf_ops(x);
    uint64_t quiet_ns = twin_now_ns(t);
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000 && elf_ops(x) == ops; us += SLICE_US) {
        twin_board_listen(&x->board);
        if (twin_board_last_start(&x->board).is_there) {
            break;
        }
        quiet_ns = twin_now_ns(t);
        (void)twin_run_until(t, quiet_ns + (uint64_t)SLICE_US * 1000U);
    }
    twin_restore(t, start);
    twin_snapshot_free(start);
    twin_board_clear_console(&x->board); /* now: the application may be introducing itself at the end */
    (void)twin_run_until(t, quiet_ns);
}

/* Power on, and run until an application has introduced itself or time is up. */
struct twin_start elf_boot(struct explorer *x)
{
    struct twin_board *b = &x->board;
    struct twin_start start = {0};
    twin_board_clear_console(b);
    if (x->is_exploring) {
        drop_trail(x);
    }
    twin_set_pin(b->twin, TWIN_PIN_NSS, true);
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    twin_set_power(b->twin, false);
    twin_set_power(b->twin, true);
    if (x->is_exploring) {
        pass_quiet(x);
    }
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000 && !start.is_there; us += SLICE_US) {
        elf_run_us(x, SLICE_US);
        twin_board_listen(b);
        start = twin_board_last_start(b);
    }
    return start;
}

/* The next boot decides the same, but for the trial that is counted. */
static const char *check_second(struct explorer *x, const struct twin_start *first)
{
    struct twin_start second = elf_boot(x);
    const char *why = cuts_judge(&x->board, &second);
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

bool elf_wait_for(struct explorer *x, const char *text)
{
    for (unsigned ms = 0; ms < CONFIRM_MAX_MS; ms += 20) {
        twin_board_listen(&x->board);
        if (twin_board_said(&x->board, text)) {
            return true;
        }
        elf_run_us(x, 20000);
    }
    return false;
}

void elf_install(struct explorer *x, unsigned version)
{
    enum fota_err err = host_install(&x->io, demo_release(version));
    if (err) {
        twin_board_die("update", fota_err_name(err));
    }
}

/* A release that was left because it crashed is not taken again; another one is. */
static enum fota_err install_another(struct explorer *x)
{
    enum fota_err err = host_install(&x->io, demo_release(2));
    if (err == E_SLOT_REJECTED) {
        return host_install(&x->io, demo_release(DEMO_REBUILT));
    }
    return err ? err : E_INTERNAL;
}

/* The board takes release 2.0.0 now, whatever was before. */
static const char *follow_up(struct explorer *x, const struct twin_start *start)
{
    struct twin_board *b = &x->board;
    x->counts.follow_ups++;
    if (start->version == 2) {
        bool is_confirmed = strcmp(start->state, "confirmed") == 0;
        return is_confirmed || elf_wait_for(x, "app: confirmed") ? NULL
                                                                 : "the trial that runs does not confirm";
    }
    if (start->version == 3) {
        return NULL; /* never confirms, and refuses updates while on trial: the next boots are in the
                        enumeration */
    }
    elf_run_us(x, 20000);
    bool has_left = strcmp(x->scenario, "crash") == 0;
    enum fota_err err = has_left ? install_another(x) : host_install(&x->io, demo_release(2));
    if (err) {
        static char why[80];
        (void)snprintf(why, sizeof why, "the following update fails: %s", fota_err_name(err));
        return why;
    }
    twin_board_clear_console(b);
    if (!elf_wait_for(x, "app: confirmed")) {
        return "the following update does not confirm";
    }
    struct twin_start now = twin_board_last_start(b);
    return now.version == 2 ? cuts_judge(b, &now) : "the following update does not run";
}

/* What kind of situation this is, as far as the next boots and a following update can tell; `salt` makes
 * finer kinds. */
static uint64_t class_of(const struct explorer *x, const struct twin_start *start, uint64_t salt)
{
    struct boot_record r = {0};
    bool has_record = board_journal_read(x->board.twin, &r);
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
    bool is_recovery_due = x->n_replay != 0 || x->counts.distinct % RECOVERY_STRIDE == 0;
    x->is_exploring = was_exploring && x->depth < DEPTHS && x->nested_stride != 0 && is_recovery_due;
    if (x->depth < DEPTHS) {
        x->base_op[x->depth] = elf_ops(x);
        x->n_seen[x->depth] = x->counts.distinct; /* another phase of the stride each time */
    }
    uint64_t ops_before = elf_ops(x);
    struct twin_start start = elf_boot(x);
    x->is_exploring = false;
    const char *why = cuts_judge(&x->board, &start);
    if (!why && twin_stats(x->board.twin)->violations != n_violations) {
        why = "the recovery does what the manual forbids";
    }
    uint64_t salt = (uint64_t)x->depth << 8 | x->path[x->depth - 1].outcome | 0x10000;
    bool is_new = note(x->class_seen, CLASSES, class_of(x, &start, salt));
    bool is_due = is_new || x->n_replay != 0 || x->counts.distinct % SECOND_STRIDE == 0;
    if (!why && elf_ops(x) != ops_before && is_due) {
        struct twin_snapshot *here = elf_save(x);
        x->counts.second_boots++;
        why = check_second(x, &start);
        if (why) {
            printf("first boot: version %u slot %c %s, %u left; then:\n%s\n", start.version, start.slot,
                   start.state, start.tries_left, x->board.console);
        }
        twin_restore(x->board.twin, here);
        twin_snapshot_free(here);
        twin_board_clear_console(&x->board);
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

/* One step, or what is left of it after the first `done` bytes. */
static void go_on(struct explorer *x, const struct action *action, size_t done)
{
    struct action rest = *action;
    if (rest.is_spi) {
        rest.mosi = rest.mosi ? rest.mosi + done : NULL;
        rest.n_bytes -= done;
    }
    (void)perform(x, &rest, NULL);
}

/* From where the way begins to the cut. */
static void cut_at(struct explorer *x, const struct way *way, uint64_t op, enum flash_cut outcome)
{
    struct twin *t = x->board.twin;
    twin_restore(t, way->from);
    if (!twin_plan_cut(t, op, cuts_outcome(outcome))) {
        twin_board_die("cut", "cannot be planned");
    }
    for (size_t i = way->action; i < way->trail->n_actions; i++) {
        go_on(x, &way->trail->action[i], i == way->action ? way->done : 0);
    }
    if (twin_run_until(t, twin_now_ns(t)) != TWIN_STOP_POWER &&
        twin_run_until(t, twin_now_ns(t) + CUT_MAX_MS * 1000000ULL) != TWIN_STOP_POWER) {
        twin_board_die("cut", "the operation did not come again");
    }
    twin_forget_cuts(t);
}

static void drop_way(struct way *way)
{
    if (way->from != way->trail->before) {
        twin_snapshot_free(way->from);
    }
}

/* Take the way's first part once and for all: it begins shortly before `op` then, which comes at `at_ns`. */
static void shorten(struct explorer *x, struct way *way, uint64_t op, uint64_t at_ns)
{
    struct twin *t = x->board.twin;
    struct way near = *way;
    const uint64_t byte_ns = 8000000000ULL / x->wires.clock_hz + x->wires.gap_ns;
    twin_restore(t, way->from);
    if (twin_now_ns(t) + WAY_WORTH_NS > at_ns) {
        return;
    }
    const uint64_t until_ns = at_ns - WAY_REST_NS;
    for (; near.action < way->trail->n_actions; near.action++, near.done = 0) {
        const struct action *action = &way->trail->action[near.action];
        if (!action->is_spi) {
            (void)twin_run_until(t, action->until_ns < until_ns ? action->until_ns : until_ns);
            if (action->until_ns > until_ns) {
                break;
            }
            continue;
        }
        uint64_t now_ns = twin_now_ns(t);
        size_t n = now_ns < until_ns ? (size_t)((until_ns - now_ns) / byte_ns) : 0;
        size_t left = action->n_bytes - near.done;
        n = n < left ? n : left;
        (void)twin_spi_transfer(t, action->mosi ? action->mosi + near.done : NULL, NULL, n, x->wires.clock_hz,
                                x->wires.gap_ns);
        if (n < left) {
            near.done += n;
            break;
        }
    }
    if (elf_ops(x) < op) {
        near.from = elf_save(x);
        drop_way(way);
        *way = near;
    }
}

static bool is_asked_for(const struct explorer *x, unsigned depth, uint64_t op, enum flash_cut outcome)
{
    return x->n_replay == 0 ||
           (depth < x->n_replay && x->replay[depth].op == op && x->replay[depth].outcome == outcome);
}

static void try_cut(struct explorer *x, const struct way *way, uint64_t op, enum flash_cut outcome)
{
    unsigned depth = x->depth;
    uint64_t number = op - x->base_op[depth];
    if (!is_asked_for(x, depth, number, outcome)) {
        return;
    }
    cut_at(x, way, op, outcome);
    x->path[depth] = (struct pc_cut){.op = (uint32_t)number, .outcome = outcome};
    x->depth = depth + 1;
    judge(x);
    x->depth = depth;
}

/* Tells whether the journal is among what the steps have written. */
static uint64_t journal_hash(const struct explorer *x)
{
    static uint64_t words[FLASH_J0_BYTES / 8];
    uint64_t h = 1;
    (void)twin_peek(x->board.twin, FLASH_J0_BASE, words, FLASH_J0_BYTES);
    for (size_t i = 0; i < FLASH_J0_BYTES / 8; i++) {
        h = (h ^ words[i]) * 0x9E3779B97F4A7C15U;
    }
    (void)twin_peek(x->board.twin, FLASH_J1_BASE, words, FLASH_J1_BYTES);
    for (size_t i = 0; i < FLASH_J1_BYTES / 8; i++) {
        h = (h ^ words[i]) * 0x9E3779B97F4A7C15U;
    }
    return h;
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

/* Erases begun since the way's begin if power fails in `op`, that one included. */
static uint64_t erases_until(struct explorer *x, const struct way *way, uint64_t op)
{
    cut_at(x, way, op, FLASH_CUT_BEFORE);
    uint64_t then = elf_erases(x);
    twin_restore(x->board.twin, way->from);
    return then - elf_erases(x);
}

/* The operation with which `nth` erases have begun, among first..last. */
static uint64_t find_erase(struct explorer *x, const struct way *way, uint64_t first, uint64_t last,
                           uint64_t nth)
{
    while (first < last) {
        uint64_t middle = first + (last - first) / 2;
        if (erases_until(x, way, middle) >= nth) {
            last = middle;
        } else {
            first = middle + 1;
        }
    }
    return first;
}

static void explore_op(struct explorer *x, struct way *way, uint64_t op, bool is_erase)
{
    bool is_replay = x->n_replay != 0;
    unsigned n_outcomes = is_erase || is_replay ? FLASH_CUTS : FLASH_CUTS_OF_PROGRAM;
    /* In a recovery one outcome each, in the quick run a few, others each time. */
    bool is_one = x->depth > 0 && !is_replay;
    unsigned stride = is_one ? n_outcomes : x->is_quick && !is_replay ? QUICK_OUTCOMES : 1;
    if (!is_one) {
        cut_at(x, way, op, FLASH_CUT_BEFORE);
        shorten(x, way, op, twin_now_ns(x->board.twin));
    }
    for (unsigned i = (unsigned)(x->counts.cuts % stride); i < n_outcomes; i += stride) {
        try_cut(x, way, op, (enum flash_cut)i);
    }
}

/* Cut every operation that this step has begun. */
static void explore(struct explorer *x, const struct trail *trail, uint64_t first, uint64_t last,
                    uint64_t erases, bool is_meta)
{
    unsigned depth = x->depth;
    unsigned stride = stride_of(x, is_meta, last - first);
    struct way way = {.trail = trail, .from = trail->before};
    uint64_t erase[ERASES_MAX] = {0};
    unsigned n_erases = erases < ERASES_MAX ? (unsigned)erases : ERASES_MAX;
    for (unsigned i = 0; i < n_erases; i++) {
        erase[i] = find_erase(x, &way, i == 0 ? first : erase[i - 1] + 1, last, i + 1);
    }
    unsigned next = 0; /* erase */
    for (uint64_t op = first; op <= last; op++) {
        uint64_t seen = x->n_seen[depth]++;
        bool is_erase = next < n_erases && op == erase[next];
        next += is_erase;
        if (is_erase || seen % stride == 0) {
            x->counts.erases += is_erase;
            x->counts.meta_ops += is_meta;
            explore_op(x, &way, op, is_erase);
        }
    }
    drop_way(&way);
}

static void drop_trail(struct explorer *x)
{
    struct trail *trail = &x->trail[x->depth < DEPTHS ? x->depth : DEPTHS - 1];
    twin_snapshot_free(trail->before);
    trail->before = NULL;
}

static void add_to_trail(struct explorer *x, struct trail *trail, const struct action *action)
{
    size_t n_bytes = action->mosi ? action->n_bytes : 0;
    if (trail->before &&
        (trail->n_actions == TRAIL_ACTIONS || twin_now_ns(x->board.twin) - trail->start_ns > TRAIL_NS ||
         trail->n_bytes + n_bytes > sizeof trail->bytes)) {
        drop_trail(x);
    }
    if (!trail->before) {
        trail->before = elf_save(x);
        trail->start_ns = twin_now_ns(x->board.twin);
        trail->n_actions = 0;
        trail->n_bytes = 0;
    }
    struct action *copy = &trail->action[trail->n_actions++];
    *copy = *action;
    if (n_bytes != 0) {
        copy->mosi = memcpy(trail->bytes + trail->n_bytes, action->mosi, n_bytes);
        trail->n_bytes += n_bytes;
    }
}

/* The console belongs to the run that goes on, not to the boots between. */
static void explore_trail(struct explorer *x, struct trail *trail, uint64_t first, uint64_t last)
{
    static char console[DEPTHS][TWIN_BOARD_CONSOLE_BYTES];
    unsigned depth = x->depth;
    struct twin_snapshot *after = elf_save(x);
    twin_board_listen(&x->board);
    size_t n_console = x->board.n_console;
    memcpy(console[depth], x->board.console, n_console);
    uint64_t erases = elf_erases(x);
    uint64_t hash = journal_hash(x);
    twin_restore(x->board.twin, trail->before);
    bool is_meta = journal_hash(x) != hash;
    explore(x, trail, first, last, erases - elf_erases(x), is_meta);
    twin_restore(x->board.twin, after);
    twin_snapshot_free(after);
    x->board.n_console = n_console;
    memcpy(x->board.console, console[depth], n_console);
    x->board.console[n_console] = '\0';
}

static void step(struct explorer *x, const struct action *action, uint8_t *miso)
{
    if (!x->is_exploring) {
        uint64_t n_erases = x->wants_erase ? elf_erases(x) : 0;
        (void)perform(x, action, miso);
        if (x->wants_erase && elf_erases(x) != n_erases) {
            x->wants_erase = false;
            x->in_erase = elf_save(x);
        }
        return;
    }
    struct trail *trail = &x->trail[x->depth];
    uint64_t first = elf_ops(x) + 1;
    add_to_trail(x, trail, action);
    (void)perform(x, action, miso);
    if (elf_ops(x) >= first) {
        explore_trail(x, trail, first, elf_ops(x));
        drop_trail(x);
    }
}

/* --- the wires, with a snapshot before each step --- */

/* Pins and clock are not part of a trail: a new one begins. */
static void forget_way(struct explorer *x)
{
    if (x->is_exploring) {
        drop_trail(x);
    }
}

static enum fota_err io_transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    const struct action action = {.is_spi = true, .mosi = mosi, .n_bytes = n_bytes};
    step((struct explorer *)io, &action, miso);
    return FOTA_OK;
}

static enum fota_err io_select(struct link_io *io, bool selected)
{
    forget_way((struct explorer *)io);
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_NSS, !selected);
    return FOTA_OK;
}

static enum fota_err io_nrst(struct link_io *io, bool low)
{
    forget_way((struct explorer *)io);
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_NRST, !low);
    return FOTA_OK;
}

static enum fota_err io_boot0(struct link_io *io, bool high)
{
    forget_way((struct explorer *)io);
    twin_set_pin(((struct explorer *)io)->board.twin, TWIN_PIN_BOOT0, high);
    return FOTA_OK;
}

static enum fota_err io_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    struct explorer *x = (struct explorer *)io;
    forget_way(x);
    x->wires.clock_hz = hz;
    x->wires.gap_ns = byte_gap_us * 1000U;
    return FOTA_OK;
}

static void io_delay(struct link_io *io, uint32_t us)
{
    elf_run_us((struct explorer *)io, us);
}

static uint64_t io_now(struct link_io *io)
{
    return twin_now_ns(((struct explorer *)io)->board.twin) / 1000U;
}

static const struct link_io_ops io_ops = {.transfer = io_transfer,
                                          .select = io_select,
                                          .set_nrst = io_nrst,
                                          .set_boot0 = io_boot0,
                                          .set_clock = io_clock,
                                          .delay_us = io_delay,
                                          .now_us = io_now};

void elf_begin_exploring(struct explorer *x)
{
    x->depth = 0;
    drop_trail(x);
    x->n_seen[0] = 0;
    x->base_op[0] = elf_ops(x);
    x->is_exploring = true;
}

void elf_init_wires(struct explorer *x)
{
    x->io.ops = &io_ops;
}
