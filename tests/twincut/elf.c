/*
 * Power cuts on the real binaries: bootloader and demo application run on the twin, the link client drives
 * them, and the supply goes at one flash operation after the other. The way to a cut is not run again: before
 * each step of the host there is a snapshot, and each operation of that step is cut, in each outcome, from
 * there. After a cut: garbage in RAM, power on, and the board must start an image that is complete and known;
 * what it starts, and that it does so again, and that the release can still be installed, is judged each
 * time.
 *
 *     fota-elf-cuts [--quick] [--replay pc/SCENARIO/OP/OUTCOME[+OP/OUTCOME]] [SCENARIO ...]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board_journal.h"
#include "elf_explore.h"
#include "journal/journal.h"
#include "slots/slots.h"

/* --- scenarios --- */

/* Records until fewer than 16 places of J1 are free (journal rule R8); each takes two, for a boot appends too. */
enum { FILL_RECORDS = (FLASH_J1_BYTES / JOURNAL_RECORD_BYTES - JOURNAL_FREE_AT_JUMP) / 2 + 1 };
enum { PC = 15, NOWHERE = (int)0xF0000000 /* never executable (PM0214 2.2.1) */ };

/* A board whose factory image has confirmed itself. */
static void open_board(struct explorer *x)
{
    const struct twin_config config = {.flash_timing = TWIN_FLASH_HASTY, .seed = 3};
    x->is_exploring = false;
    x->wires.clock_hz = 1000000;
    x->wires.gap_ns = 15000;
    if (x->factory) {
        twin_restore(x->board.twin, x->factory);
        twin_board_clear_console(&x->board);
        return;
    }
    twin_board_open_with(&x->board, &config, demo_release(1));
    struct twin_start start = elf_boot(x);
    if (!start.is_there || !elf_wait_for(x, "app: confirmed")) {
        twin_board_die("board", "does not start from the factory");
    }
    elf_run_us(x, 20000);
    x->factory = elf_save(x);
}

static void close_board(struct explorer *x)
{
    if (x->factory) {
        twin_snapshot_free(x->factory);
        x->factory = NULL;
        twin_board_close(&x->board);
    }
}

static void run_until_start(struct explorer *x, unsigned version)
{
    twin_board_clear_console(&x->board);
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000; us += SLICE_US) {
        elf_run_us(x, SLICE_US);
        twin_board_listen(&x->board);
        if (twin_board_last_start(&x->board).version == version) {
            return;
        }
    }
    twin_board_die("scenario", "the uncut run does not get where it should");
}

static void scenario_update(struct explorer *x)
{
    elf_begin_exploring(x);
    elf_install(x, 2);
    run_until_start(x, 2);
}

static void scenario_confirm(struct explorer *x)
{
    elf_install(x, 2);
    run_until_start(x, 2);
    elf_run_us(x, 900000); /* most of the health check */
    elf_begin_exploring(x);
    if (!elf_wait_for(x, "app: confirmed")) {
        twin_board_die("scenario", "the trial does not confirm");
    }
}

static void scenario_reject(struct explorer *x)
{
    elf_install(x, 3);
    elf_begin_exploring(x);
    run_until_start(x, 3);
    run_until_start(x, 1);
}

/* An instruction fetch from nowhere: the application's fault handler leaves its boot request and resets. */
static void crash(struct explorer *x)
{
    twin_set_reg(x->board.twin, PC, (uint32_t)NOWHERE);
}

/* 2.0.0 is confirmed and crashes: at the fifth time in a row 1.0.0 runs again. */
static void scenario_crash(struct explorer *x)
{
    elf_install(x, 2);
    run_until_start(x, 2);
    if (!elf_wait_for(x, "app: confirmed")) {
        twin_board_die("scenario", "the trial does not confirm");
    }
    for (unsigned i = 1; i < SLOTS_CRASHES_MAX; i++) {
        crash(x);
        run_until_start(x, 2);
    }
    crash(x);
    elf_begin_exploring(x);
    run_until_start(x, 1);
}

/* One mirror of the journal is lost: the boot writes both anew. */
static void lose(struct explorer *x, uint32_t base, uint32_t n_bytes)
{
    static uint8_t junk[FLASH_J0_BYTES];
    memset(junk, 0xA5, sizeof junk);
    if (!twin_flash_store(x->board.twin, base, junk, n_bytes)) {
        twin_board_die("journal", "cannot be lost");
    }
    elf_begin_exploring(x);
    (void)elf_boot(x);
}

static void scenario_lost_j1(struct explorer *x)
{
    lose(x, FLASH_J1_BASE, FLASH_J1_BYTES);
}

static void scenario_lost_j0(struct explorer *x)
{
    lose(x, FLASH_J0_BASE, FLASH_J0_BYTES);
}

/* The small mirror is nearly full: the boot makes room. */
static void scenario_wrap(struct explorer *x)
{
    struct boot_record record;
    for (unsigned i = 0; i < FILL_RECORDS; i++) {
        if (!board_journal_read(x->board.twin, &record)) {
            twin_board_die("journal", "has no state");
        }
        board_journal_append(x->board.twin, &record);
    }
    elf_begin_exploring(x);
    (void)elf_boot(x);
}

struct scenario {
    const char *name;
    void (*run)(struct explorer *x);
    unsigned kill_run; /* of a long row of journal words, every so many */
};

static const struct scenario SCENARIOS[] = {
    {"update", scenario_update, 1},    {"confirm", scenario_confirm, 1}, {"reject", scenario_reject, 1},
    {"crash", scenario_crash, 1},      {"wrap", scenario_wrap, 8},       {"lost-j1", scenario_lost_j1, 32},
    {"lost-j0", scenario_lost_j0, 32},
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
    if (x->counts.cuts == before.cuts && x->n_replay == 0) {
        twin_board_die(s->name, "nothing was cut");
    }
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
    uint64_t before = elf_ops(x);
    struct twin_start start = elf_boot(x);
    uint64_t n = elf_ops(x) - before;
    if (!start.is_there) {
        twin_board_die("board", "does not boot");
    }
    return n;
}

static void must_say(struct explorer *x, const struct twin_start *start, const char *expected)
{
    const char *why = cuts_judge(&x->board, start);
    if ((!why) != (!expected) || (why && strcmp(why, expected) != 0)) {
        twin_board_die("judge does not say", expected ? expected : "that all is well");
    }
}

/* The judge must see what it is there for: a word of flash that is wrong, and starts that must not be. */
static void prove_the_judge(struct explorer *x)
{
    static const struct {
        uint32_t addr;
        const char *why;
    } PLANTED[] = {{FLASH_BOOT_BASE + 0x1000, "sector 0 changed"},
                   {FLASH_SLOT_A_BASE + 0x1000, "the active slot changed"}};
    static const struct {
        struct twin_start start;
        const char *why;
    } STARTS[] = {{{true, 1, 'A', "confirmed", 0}, NULL},
                  {{false, 0, '?', "", 0}, "no application started"},
                  {{true, 9, 'B', "confirmed", 0}, "an unknown version runs"},
                  {{true, 2, 'B', "trial", 2}, "the running image is not the release, byte for byte"},
                  {{true, 1, 'A', "rejected", 0}, "the running image is neither confirmed nor on trial"}};
    open_board(x);
    for (size_t i = 0; i < sizeof STARTS / sizeof STARTS[0]; i++) {
        must_say(x, &STARTS[i].start, STARTS[i].why);
    }
    for (size_t i = 0; i < sizeof PLANTED / sizeof PLANTED[0]; i++) {
        uint32_t word;
        open_board(x);
        (void)twin_peek(x->board.twin, PLANTED[i].addr, &word, sizeof word);
        word ^= 1;
        if (!twin_flash_store(x->board.twin, PLANTED[i].addr, (const uint8_t *)&word, sizeof word)) {
            twin_board_die("judge", "nothing can be planted");
        }
        must_say(x, &STARTS[0].start, PLANTED[i].why);
    }
}

/* --- the command --- */

static void set_strides(struct explorer *x)
{
    x->bulk_stride = x->is_quick ? 2999 : 31;
    x->meta_stride = x->is_quick ? 61 : 1;
    x->nested_stride = x->is_quick ? 0 : 997;
}

static int replay(struct explorer *x, const char *text)
{
    struct pc_id id;
    char why[PC_WHY_BYTES];
    if (!pc_id_parse(text, &id, why)) {
        twin_board_die("fota-elf-cuts", why);
    }
    bool is_for_host = id.n_cuts > DEPTHS;
    for (uint32_t i = 0; i < id.n_cuts; i++) {
        const struct pc_cut *cut = &id.cut[i];
        is_for_host = is_for_host || cut->is_second_draw || cut->is_upset || cut->fault != PC_CUT;
    }
    if (is_for_host) {
        twin_board_die(text,
                       "the twin cuts twice at most, draws flaky words once and lets no operation fail; "
                       "the host program does more");
    }
    x->n_replay = id.n_cuts;
    memcpy(x->replay, id.cut, id.n_cuts * sizeof id.cut[0]);
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        if (strcmp(SCENARIOS[i].name, id.scenario) == 0) {
            run_scenario(x, &SCENARIOS[i]);
            if (x->counts.cuts < id.n_cuts) {
                twin_board_die(text, "such an operation never comes");
            }
            return x->counts.bricks != 0;
        }
    }
    twin_board_die(id.scenario,
                   "is not a scenario of the twin: update, confirm, reject, crash, wrap, lost-j1, lost-j0");
}

int main(int argc, char **argv)
{
    static struct explorer x;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    elf_init_wires(&x);
    x.is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    set_strides(&x);
    if (argc > 2 && strcmp(argv[1], "--replay") == 0) {
        x.nested_stride = 1;
        return replay(&x, argv[2]);
    }
    prove_the_judge(&x);
    uint64_t writes = normal_boot_writes(&x);
    for (unsigned i = 0; i < N_SCENARIOS; i++) {
        if (cuts_is_asked_for(SCENARIOS[i].name, argc, argv)) {
            run_scenario(&x, &SCENARIOS[i]);
        }
    }
    if (cuts_is_asked_for("watchdog", argc, argv) && !x.is_quick) {
        close_board(&x);
        elf_watchdog(&x);
    }
    printf("elf_cuts %" PRIu64 "\nelf_distinct %" PRIu64 "\nelf_nested %" PRIu64
           "\nelf_watchdog_resets %" PRIu64 "\nelf_bricks %" PRIu64 "\nnormal_boot_flash_writes %" PRIu64
           "\nseconds %ld\n",
           x.counts.cuts, x.counts.distinct, x.counts.nested, x.counts.watchdog_resets, x.counts.bricks,
           writes, (long)(clock() / CLOCKS_PER_SEC));
    return x.counts.bricks != 0 || writes != 0;
}
