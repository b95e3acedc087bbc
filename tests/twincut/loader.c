/*
 * Power cuts in the update of the loader, on the real binaries: two boards in the same state take the same
 * new loader from the host. One is left alone; the other one loses power at a flash operation of it, in one
 * of the ways that leaves, is powered up, and must run its application; the host offers the loader again if
 * INFO does not name it, and now and then power fails once more in that. In the end sector 1 of both boards
 * is the same to the byte, stays so over more resets, and the loader starts when somebody asks for it.
 *
 *     fota-loader-cuts [--quick] [--replay pc/loader/OP/OUTCOME[+OP/OUTCOME]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/flash_map.h"
#include "board_journal.h"
#include "cuts_judge.h"
#include "cuts_outcomes.h"
#include "link_client/link_ladder.h"
#include "loader_offer.h"
#include "pc_id.h"
#include "port_twin/twin_link.h"

enum {
    NEW_VERSION = 0x01000001,
    SLICE_US = 4000,
    BOOT_MAX_MS = 44000, /* rule R10 alone is 30 s */
    CONFIRM_MAX_MS = 8000,
    WALK_SLICE_NS = 1500, /* less than a program takes: no operation is missed */
    WALK_MAX_NS = 200000000,
    WRITTEN_NS = 1000000,
    NEAR_NS = 3000, /* what is run again for each outcome */
    OPS_MAX = 8192,
    MEMO = 1 << 16,
    DEPTHS = 2,         /* cuts one after the other */
    MORE_RESETS = 5,    /* a cell that fades shows it at the fourth at the latest */
    RESET_NS = 5000000, /* the chip's own reset is over */
    HEADER_WORDS = 8,
    BRICKS_SHOWN = 10
};

/* What an operation of the update is. */
enum op_kind { OP_JOURNAL, OP_ERASE, OP_BODY, OP_HEADER, OP_KINDS };

/* Every so many operations of a kind, every so many outcomes; of the boards, every so many is asked to start
 * its loader, and every so many is cut again in its second update. */
struct plan {
    unsigned every_op[OP_KINDS], every_outcome[OP_KINDS];
    unsigned every_request, every_second;
};

static const struct plan QUICK = {{7, 1, 601, 3}, {3, 3, 4, 3}, 13, 40};
static const struct plan WHOLE = {{1, 1, 173, 1}, {1, 1, 1, 1}, 47, 97};

/* What is looked at besides: costs time, so not each time. */
struct care {
    bool with_request, with_second;
};

/* From shortly before the first operation of an update; what the n-th operation from there is, and when. */
struct way {
    struct twin_snapshot *begun;
    uint64_t first; /* number of the first operation */
    unsigned n;
    uint64_t at_ns[OPS_MAX]; /* not later than it begins */
    enum op_kind kind[OPS_MAX];
};

struct loader_cuts {
    struct link_io io; /* first member: the wires, with a snapshot before each step while `watches` */
    struct twin_link wires;
    struct link_client client;
    struct twin_board board;
    struct test_loader fresh;
    unsigned depth; /* cuts before: the way that is taken now */
    struct way way[DEPTHS];
    struct pc_cut path[DEPTHS];
    const struct pc_cut *second; /* the only one to be cut in the second way; NULL: as planned */
    bool watches;
    uint64_t watched_ops;
    uint8_t sector1[FLASH_LOADER_BYTES]; /* of the board that was not cut */
    uint64_t memo[MEMO];
    uint64_t cuts, nested, distinct, offered, requests, bricks, of_kind[OP_KINDS];
};

static uint64_t ops(const struct loader_cuts *b)
{
    return twin_stats(b->board.twin)->flash_ops;
}

static struct twin_snapshot *save(const struct loader_cuts *b)
{
    struct twin_snapshot *s = twin_save(b->board.twin);
    if (!s) {
        twin_board_die("snapshot", "out of memory");
    }
    return s;
}

/* --- the wires, with a snapshot before each step ----------------------------------------------------- */

static struct loader_cuts *before_step(struct link_io *io)
{
    struct loader_cuts *b = (struct loader_cuts *)io;
    if (b->watches && ops(b) != b->watched_ops) {
        b->watches = false; /* the first operation came in the step before */
    }
    if (b->watches) {
        struct way *way = &b->way[b->depth];
        twin_snapshot_free(way->begun);
        way->begun = save(b);
    }
    return b;
}

static enum fota_err io_transfer(struct link_io *io, const uint8_t *mosi, uint8_t *miso, size_t n_bytes)
{
    return link_io_transfer(&before_step(io)->wires.io, mosi, miso, n_bytes);
}

static enum fota_err io_select(struct link_io *io, bool selected)
{
    return link_io_select(&before_step(io)->wires.io, selected);
}

static enum fota_err io_nrst(struct link_io *io, bool low)
{
    return link_io_set_nrst(&before_step(io)->wires.io, low);
}

static enum fota_err io_boot0(struct link_io *io, bool high)
{
    return link_io_set_boot0(&before_step(io)->wires.io, high);
}

static enum fota_err io_clock(struct link_io *io, uint32_t hz, uint32_t byte_gap_us)
{
    return link_io_set_clock(&before_step(io)->wires.io, hz, byte_gap_us);
}

static void io_delay(struct link_io *io, uint32_t us)
{
    link_io_delay_us(&before_step(io)->wires.io, us);
}

static uint64_t io_now(struct link_io *io)
{
    return link_io_now_us(&((struct loader_cuts *)io)->wires.io);
}

static const struct link_io_ops io_ops = {.transfer = io_transfer,
                                          .select = io_select,
                                          .set_nrst = io_nrst,
                                          .set_boot0 = io_boot0,
                                          .set_clock = io_clock,
                                          .delay_us = io_delay,
                                          .now_us = io_now};

/* A host that has just been switched on. */
static void connect(struct loader_cuts *b)
{
    twin_set_pin(b->board.twin, TWIN_PIN_NSS, true);
    twin_link_init(&b->wires, b->board.twin);
    b->io.ops = &io_ops;
    link_client_init(&b->client, &b->io, NULL);
}

/* --- the board --------------------------------------------------------------------------------------- */

static struct twin_start start_of(struct loader_cuts *b)
{
    struct twin_start start = {0};
    struct twin *t = b->board.twin;
    for (unsigned us = 0; us < BOOT_MAX_MS * 1000U && !start.is_there; us += SLICE_US) {
        (void)twin_run_until(t, twin_now_ns(t) + SLICE_US * 1000U);
        twin_board_listen(&b->board);
        start = twin_board_last_start(&b->board);
    }
    return start;
}

static struct twin_start boot(struct loader_cuts *b)
{
    twin_set_power(b->board.twin, false);
    twin_board_clear_console(&b->board);
    twin_set_pin(b->board.twin, TWIN_PIN_NSS, true);
    twin_set_pin(b->board.twin, TWIN_PIN_NRST, true);
    twin_set_power(b->board.twin, true);
    return start_of(b);
}

static void open_board(struct loader_cuts *b)
{
    const struct twin_config config = {.flash_timing = TWIN_FLASH_HASTY, .seed = 5};
    twin_board_open_with(&b->board, &config, demo_release(1));
    if (!boot(b).is_there) {
        twin_board_die("board", "does not start from the factory");
    }
    struct twin *t = b->board.twin;
    for (unsigned ms = 0; ms < CONFIRM_MAX_MS && !twin_board_said(&b->board, "app: confirmed"); ms += 20) {
        (void)twin_run_until(t, twin_now_ns(t) + 20000000U);
        twin_board_listen(&b->board);
    }
    (void)twin_run_until(t, twin_now_ns(t) + 20000000U);
}

static bool info_of(struct loader_cuts *b, struct boot_info *out)
{
    struct link_peer peer;
    connect(b);
    bool is_well = link_client_detect(&b->client, &peer) == FOTA_OK && peer.kind == LINK_PEER_AGENT;
    *out = peer.info.boot;
    return is_well;
}

static bool names_the_new_one(const struct loader_cuts *b, const struct boot_info *info)
{
    return memcmp(info->loader_hash, b->fresh.hash, sizeof info->loader_hash) == 0 &&
           info->loader_version == b->fresh.version;
}

/* --- the update, left alone -------------------------------------------------------------------------- */

static enum op_kind kind_of(const struct twin_stats *before, const struct twin_stats *after)
{
    const unsigned k = FLASH_LOADER_SECTOR;
    if (after->flash_erases[k] != before->flash_erases[k]) {
        return OP_ERASE;
    }
    return after->flash_programs_in[k] != before->flash_programs_in[k] ? OP_BODY : OP_JOURNAL;
}

/* The header's words come last (blank words are not written, and it has none). */
static void name_the_header(struct way *way)
{
    unsigned n_left = HEADER_WORDS;
    for (unsigned i = way->n; i > 0 && n_left > 0; i--) {
        if (way->kind[i - 1] == OP_BODY) {
            way->kind[i - 1] = OP_HEADER;
            n_left--;
        }
    }
}

/* Which operation comes when, from the snapshot on. @param n  operations that come in all */
static void walk(struct loader_cuts *b, unsigned n)
{
    struct twin *t = b->board.twin;
    struct way *way = &b->way[b->depth];
    twin_restore(t, way->begun);
    way->n = 0;
    const uint64_t end_ns = twin_now_ns(t) + WALK_MAX_NS;
    struct twin_stats here = *twin_stats(t);
    while (way->n < n && twin_now_ns(t) < end_ns) {
        const uint64_t now_ns = twin_now_ns(t);
        (void)twin_run_until(t, now_ns + WALK_SLICE_NS);
        const struct twin_stats *after = twin_stats(t);
        if (after->flash_ops > here.flash_ops + 1 || way->n == OPS_MAX) {
            twin_board_die("walk", "operations come too fast");
        }
        if (after->flash_ops != here.flash_ops) {
            way->kind[way->n] = kind_of(&here, after);
            way->at_ns[way->n++] = now_ns;
            here = *after;
        }
    }
    if (way->n != n) {
        twin_board_die("walk", "the update does not come again without its host");
    }
    name_the_header(way);
}

/* The update from the board's present state, by a host that is connected. Its part is over when the first
 * word is written: from there on nothing but time has to pass. */
static enum fota_err update(struct loader_cuts *b)
{
    struct link_session session;
    struct link_progress progress;
    struct way *way = &b->way[b->depth];
    enum fota_err err = loader_offer_send(&b->client, &b->fresh, &session);
    way->begun = NULL;
    b->watched_ops = ops(b);
    b->watches = true;
    err = err ? err : link_client_finish(&b->client, session.session_id, &progress);
    b->watches = false;
    way->first = b->watched_ops + 1;
    return err;
}

static void update_uncut(struct loader_cuts *b)
{
    struct boot_info info;
    if (!info_of(b, &info) || update(b) != FOTA_OK || !loader_offer_is_in_flash(b->board.twin, &b->fresh)) {
        twin_board_die("update", "the uncut board does not take the loader");
    }
    (void)twin_peek(b->board.twin, FLASH_LOADER_BASE, b->sector1, sizeof b->sector1);
    walk(b, (unsigned)(ops(b) - b->watched_ops));
}

/* --- judging ----------------------------------------------------------------------------------------- */

static bool is_as_on_the_other_board(const struct loader_cuts *b)
{
    uint8_t now[FLASH_LOADER_BYTES];
    return twin_peek(b->board.twin, FLASH_LOADER_BASE, now, sizeof now) &&
           memcmp(now, b->sector1, sizeof now) == 0;
}

static const char *check_application(struct loader_cuts *b, uint64_t n_violations)
{
    struct twin_start start = boot(b);
    const char *why = cuts_judge(&b->board, &start);
    if (!why && (start.version != 1 || strcmp(start.state, "confirmed") != 0)) {
        why = "not the confirmed application runs";
    }
    if (!why && twin_stats(b->board.twin)->violations != n_violations) {
        why = "the firmware does what the manual forbids";
    }
    return why;
}

/* A cell that was cut may read well now and otherwise later. */
static const char *check_that_it_stays(struct loader_cuts *b)
{
    struct twin *t = b->board.twin;
    for (unsigned i = 0; i < MORE_RESETS; i++) {
        if (!is_as_on_the_other_board(b)) {
            return i == 0 ? "sector 1 is not the new loader"
                          : "after more resets sector 1 is not the new loader";
        }
        twin_set_power(t, false);
        twin_set_power(t, true);
        (void)twin_run_until(t, twin_now_ns(t) + RESET_NS);
    }
    return NULL;
}

/* @param info  what the agent says: the root must be of the same mind about sector 1 */
static const char *check_request(struct loader_cuts *b, const struct boot_info *info)
{
    static const uint8_t NONE[sizeof info->loader_hash];
    struct link_ladder ladder;
    const bool is_named = memcmp(info->loader_hash, NONE, sizeof NONE) != 0;
    b->requests++;
    connect(b);
    enum fota_err err = link_ladder_climb(&b->client, LINK_RUNG_REQUEST, LINK_RUNG_REQUEST, &ladder);
    if (!is_named) {
        return err == E_LINK_LOADER_MISSING ? NULL : "a loader that INFO does not name starts on request";
    }
    if (err || ladder.peer.kind != LINK_PEER_BOOTLOADER) {
        return "the loader does not start on request";
    }
    return memcmp(ladder.peer.info.boot.loader_hash, info->loader_hash, sizeof NONE) == 0
               ? NULL
               : "another loader starts on request";
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

static void cut_again(struct loader_cuts *b);

static const char *offer_again(struct loader_cuts *b, const struct care *care, struct boot_info *info)
{
    static char refused[80];
    b->offered++;
    b->depth += care->with_second;
    enum fota_err err = care->with_second ? update(b) : loader_offer_install(&b->client, &b->fresh);
    if (!err && care->with_second) {
        struct twin_snapshot *here = save(b);
        cut_again(b);
        twin_restore(b->board.twin, here);
        twin_snapshot_free(here);
    }
    b->depth -= care->with_second;
    if (err) {
        (void)snprintf(refused, sizeof refused, "the loader is not taken again: %s", fota_err_name(err));
        return refused;
    }
    return info_of(b, info) && names_the_new_one(b, info) ? NULL
                                                          : "INFO does not name the loader that was taken";
}

/* Before the host offers anything: may the loader be asked for, and does the board come back from it? */
static const char *check_between(struct loader_cuts *b, uint64_t n_violations, struct boot_info *info)
{
    const char *why = check_request(b, info);
    why = why ? why : check_application(b, n_violations);
    return !why && !info_of(b, info) ? "the agent does not answer" : why;
}

/* Power is off. What becomes of the board? @return NULL, or what is wrong */
static const char *judge(struct loader_cuts *b, const struct care *care)
{
    struct boot_info info;
    const uint64_t n_violations = twin_stats(b->board.twin)->violations;
    const char *why = check_application(b, n_violations);
    why = !why && !info_of(b, &info) ? "the agent does not answer" : why;
    if (!why && care->with_request) {
        why = check_between(b, n_violations, &info);
    }
    if (!why && !names_the_new_one(b, &info)) {
        why = offer_again(b, care, &info);
    }
    why = why ? why : check_that_it_stays(b);
    if (!why && care->with_request) {
        why = check_application(b, n_violations);
        why = why ? why : check_request(b, &info);
    }
    return why;
}

/* --- cutting ----------------------------------------------------------------------------------------- */

/* Power goes in operation `i` of the way. @param near  a moment of the way before it */
static void cut_at(struct loader_cuts *b, const struct twin_snapshot *near, unsigned i,
                   enum flash_cut outcome)
{
    struct twin *t = b->board.twin;
    twin_restore(t, near);
    if (!twin_plan_cut(t, b->way[b->depth].first + i, cuts_outcome(outcome)) ||
        twin_run_until(t, twin_now_ns(t) + WALK_MAX_NS) != TWIN_STOP_POWER) {
        twin_board_die("cut", "the operation did not come again");
    }
    twin_forget_cuts(t);
}

/* Shortly before operation `i`; frees the moment before that one. */
static struct twin_snapshot *come_near(struct loader_cuts *b, struct twin_snapshot *from, unsigned i)
{
    const struct way *way = &b->way[b->depth];
    twin_restore(b->board.twin, from);
    if (way->at_ns[i] > twin_now_ns(b->board.twin) + NEAR_NS) {
        (void)twin_run_until(b->board.twin, way->at_ns[i] - NEAR_NS);
    }
    if (from != way->begun) {
        twin_snapshot_free(from);
    }
    return save(b);
}

static void brick(struct loader_cuts *b, const char *why)
{
    char text[PC_ID_BYTES];
    struct pc_id id = {.scenario = "loader", .n_cuts = b->depth + 1};
    memcpy(id.cut, b->path, sizeof b->path);
    if (b->bricks++ < BRICKS_SHOWN) {
        pc_id_print(&id, text);
        printf("BRICK %s: %s\n%s\n", text, why, b->board.console);
    }
}

/* @param near  a moment before it */
static void try_cut(struct loader_cuts *b, const struct twin_snapshot *near, unsigned i,
                    enum flash_cut outcome, const struct care *care)
{
    cut_at(b, near, i, outcome);
    b->path[b->depth] = (struct pc_cut){.op = i + 1, .outcome = outcome};
    b->cuts++;
    b->nested += b->depth;
    b->of_kind[b->way[b->depth].kind[i]]++;
    if (note(b->memo, MEMO, cuts_flash_hash(&b->board) ^ (uint64_t)b->depth << 1)) {
        b->distinct++;
        const char *why = judge(b, care);
        if (why) {
            brick(b, why);
        }
    }
}

/* The first and the last of a row of operations of one kind. */
static bool is_edge(const struct way *way, unsigned i)
{
    return i == 0 || i + 1 == way->n || way->kind[i - 1] != way->kind[i] || way->kind[i + 1] != way->kind[i];
}

static unsigned outcomes_of(enum op_kind kind)
{
    return kind == OP_ERASE ? FLASH_CUTS : FLASH_CUTS_OF_PROGRAM;
}

static void drop_way(struct way *way, struct twin_snapshot *near)
{
    if (near != way->begun) {
        twin_snapshot_free(near);
    }
    twin_snapshot_free(way->begun);
    way->begun = NULL;
}

/* The second update has just run: cut it at its edges, another outcome each time. */
static void cut_again(struct loader_cuts *b)
{
    static const struct care PLAIN = {.with_request = false};
    struct way *way = &b->way[b->depth];
    walk(b, (unsigned)(ops(b) - b->watched_ops));
    struct twin_snapshot *near = way->begun;
    for (unsigned i = 0; i < way->n; i++) {
        if (b->second ? b->second->op == i + 1 : is_edge(way, i)) {
            unsigned outcome =
                b->second ? b->second->outcome : (unsigned)(b->cuts % outcomes_of(way->kind[i]));
            near = come_near(b, near, i);
            try_cut(b, near, i, (enum flash_cut)outcome, &PLAIN);
        }
    }
    drop_way(way, near);
}

static void cut_all(struct loader_cuts *b, const struct plan *plan)
{
    unsigned n_of_kind[OP_KINDS] = {0}, n = 0;
    struct way *way = &b->way[0];
    struct twin_snapshot *near = way->begun;
    for (unsigned i = 0; i < way->n; i++) {
        const enum op_kind kind = way->kind[i];
        const unsigned every = plan->every_outcome[kind];
        if (n_of_kind[kind]++ % plan->every_op[kind] != 0 && !is_edge(way, i)) {
            continue;
        }
        near = come_near(b, near, i);
        for (unsigned k = n % every; k < outcomes_of(kind); k += every, n++) {
            const struct care care = {.with_request = n % plan->every_request == 0,
                                      .with_second = n % plan->every_second == plan->every_second / 2};
            try_cut(b, near, i, (enum flash_cut)k, &care);
        }
    }
    drop_way(way, near);
}

/* --- the judge proves itself ------------------------------------------------------------------------- */

static void must_say(const char *why, const char *expected)
{
    if (!why || strcmp(why, expected) != 0) {
        (void)fprintf(stderr, "the judge says: %s\n", why ? why : "all is well");
        twin_board_die("the judge does not say", expected);
    }
}

/* The journal claims that sector 1 is whole, as with a root that does not mark it before it writes: a cut in
 * the last word, which reads well for one boot, must be seen. And a word that is wrong. */
static void prove_the_judge(struct loader_cuts *b)
{
    static const struct care PLAIN = {.with_request = false};
    struct boot_record record;
    struct twin *t = b->board.twin;
    const struct way *way = &b->way[0];
    uint32_t word;
    unsigned last = way->n - 1;
    while (last > 0 && way->kind[last] != OP_HEADER) {
        last--;
    }
    cut_at(b, way->begun, last, FLASH_CUT_FADES);
    if (!board_journal_read(t, &record) || (record.flags & BOOT_FLAG_LOADER_OPEN) == 0) {
        twin_board_die("judge", "sector 1 is not marked while it is written");
    }
    record.flags &= (uint8_t)~BOOT_FLAG_LOADER_OPEN;
    board_journal_append(t, &record);
    must_say(judge(b, &PLAIN), "after more resets sector 1 is not the new loader");
    twin_restore(t, way->begun);
    (void)twin_run_until(t, way->at_ns[way->n - 1] + WRITTEN_NS);
    twin_set_power(t, false);
    (void)twin_peek(t, FLASH_LOADER_BASE + 0x1000, &word, sizeof word);
    word ^= 1;
    (void)twin_flash_store(t, FLASH_LOADER_BASE + 0x1000, &word, sizeof word);
    must_say(judge(b, &PLAIN), "sector 1 is not the new loader");
}

/* --- the command ------------------------------------------------------------------------------------- */

static void replay(struct loader_cuts *b, const char *text)
{
    struct pc_id id;
    char why[PC_WHY_BYTES];
    if (!pc_id_parse(text, &id, why)) {
        twin_board_die("fota-loader-cuts", why);
    }
    bool is_ours = strcmp(id.scenario, "loader") == 0 && id.n_cuts <= DEPTHS && id.cut[0].op >= 1 &&
                   id.cut[0].op <= b->way[0].n;
    for (uint32_t i = 0; i < id.n_cuts; i++) {
        const struct pc_cut *cut = &id.cut[i];
        is_ours = is_ours && cut->fault == PC_CUT && !cut->is_second_draw && !cut->is_upset;
    }
    if (!is_ours) {
        twin_board_die(text, "is no cut of this program");
    }
    const struct care care = {.with_request = true, .with_second = id.n_cuts > 1};
    b->second = id.n_cuts > 1 ? &id.cut[1] : NULL;
    try_cut(b, b->way[0].begun, id.cut[0].op - 1, id.cut[0].outcome, &care);
    if (b->cuts != id.n_cuts) {
        twin_board_die(text, "such an operation never comes");
    }
    drop_way(&b->way[0], b->way[0].begun);
}

int main(int argc, char **argv)
{
    static struct loader_cuts b;
    const bool is_quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    loader_offer_make_odd(&(struct test_loader_spec){.version = NEW_VERSION}, &b.fresh);
    open_board(&b);
    update_uncut(&b);
    prove_the_judge(&b);
    if (argc > 2 && strcmp(argv[1], "--replay") == 0) {
        replay(&b, argv[2]);
    } else {
        cut_all(&b, is_quick ? &QUICK : &WHOLE);
    }
    printf("loader: %u operations; cuts in words of the journal %" PRIu64 ", in the erase %" PRIu64
           ", in words of the loader %" PRIu64 ", of its header %" PRIu64 "; %" PRIu64
           " of them second cuts; %" PRIu64 " distinct flash contents, taken again %" PRIu64
           " times, %" PRIu64 " started on request\n",
           b.way[0].n, b.of_kind[OP_JOURNAL], b.of_kind[OP_ERASE], b.of_kind[OP_BODY], b.of_kind[OP_HEADER],
           b.nested, b.distinct, b.offered, b.requests);
    printf("loader_elf_cuts %" PRIu64 "\nloader_elf_bricks %" PRIu64 "\nseconds %ld\n", b.cuts, b.bricks,
           (long)(clock() / CLOCKS_PER_SEC));
    twin_board_close(&b.board);
    return b.bricks != 0;
}
