/* How many power cuts the twin judges in a second: each is a board put back, cut inside an operation of the
 * real bootloader (it counts a trial run in both mirrors of the journal), and booted to the application. */
#include <string.h>
#include <time.h>

#include "base/flash_map.h"
#include "bench.h"

enum {
    CUTS = 60,
    BOOT_MAX_MS = 44000, /* with the 30 s of rule R10 before a repair */
    STATEMENT_BYTES = 1280,
    VERSION_2 = 2 << 24
};

static struct bench_image factory;
static struct bench_image image_a;
static struct bench_image image_b;
static struct board board;

static double wall_s(void)
{
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum twin_stop run(void)
{
    return twin_run_until(board.twin, twin_now_ns(board.twin) + BOOT_MAX_MS * 1000000ULL);
}

static void check(enum fota_err err, const char *what)
{
    if (err) {
        bench_fail("cuts: %s: %s", what, fota_err_text(err));
    }
}

/* A board that has version 2 in slot B, to be tried at the next boot; without power. */
static void open_before_trial(void)
{
    static char statement[STATEMENT_BYTES];
    struct link_peer peer;
    struct link_session session;
    struct link_progress progress = {0};
    board_make_image("1.0.0", 'a', 0, &factory);
    board_make_image("2.0.0", 'a', 0, &image_a);
    board_make_image("2.0.0", 'b', 0, &image_b);
    const uint32_t n = board_make_statement(VERSION_2, &image_a, &image_b, statement, sizeof statement);
    board_open(&board, &factory, 0);
    board_wait(&board, "app: confirmed", CONFIRM_MS);
    check(link_client_detect(&board.link, &peer), "detect");
    check(link_client_begin(&board.link, (const uint8_t *)statement, n, &session), "begin");
    while (progress.accepted_off < image_b.n_bytes) {
        const uint32_t off = progress.accepted_off;
        const uint32_t left = image_b.n_bytes - off;
        check(link_client_block(&board.link, session.session_id, off, image_b.bytes + off,
                                left < session.block_max_bytes ? left : session.block_max_bytes, &progress),
              "block");
    }
    check(link_client_finish(&board.link, session.session_id, &progress), "finish");
    check(link_client_activate(&board.link, session.session_id, &progress), "activate");
    twin_set_power(board.twin, false);
}

static uint32_t entry_of_slot_b(void)
{
    uint32_t entry = 0;
    (void)twin_peek(board.twin, FLASH_SLOT_B_BASE + FLASH_IMAGE_HEADER_AREA_BYTES + 4, &entry, sizeof entry);
    return entry;
}

void cuts_measure(void)
{
    open_before_trial();
    struct twin_snapshot *const start = twin_save(board.twin);
    const uint64_t first_op = twin_stats(board.twin)->flash_ops + 1;
    twin_set_breakpoint(board.twin, entry_of_slot_b());
    twin_set_power(board.twin, true);
    if (run() != TWIN_STOP_BREAKPOINT) {
        bench_fail("the trial does not start");
    }
    const uint64_t n_ops = twin_stats(board.twin)->flash_ops + 1 - first_op;
    const double start_s = wall_s();
    for (uint32_t i = 0; i < CUTS; i++) {
        const uint64_t op = first_op + i % n_ops;
        twin_restore(board.twin, start);
        (void)twin_plan_cut(board.twin, op, i / n_ops % 2 == 0 ? TWIN_CUT_GARBAGE : TWIN_CUT_COMPLETE);
        twin_set_power(board.twin, true);
        if (run() != TWIN_STOP_POWER) {
            bench_fail("operation %llu was not cut", (unsigned long long)op);
        }
        twin_set_power(board.twin, true);
        if (run() != TWIN_STOP_BREAKPOINT) {
            bench_fail("cut at operation %llu: the board does not boot", (unsigned long long)op);
        }
    }
    figure_add("twin_cuts_per_s", CUTS / (wall_s() - start_s), 1,
               "twin, power cuts judged a second: boot, cut, boot");
    twin_snapshot_free(start);
    board_close(&board);
}
