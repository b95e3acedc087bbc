/*
 * A day of brown-out on the real binary: the supply comes for a while and goes, again and again, and each
 * time that the bootloader has mended its journal the next write to it is cut as well. Counts the erases of
 * either journal sector (docs/POWERCUT.md, rule R10).
 *
 * A day of short periods is more than a million boots. The twin is deterministic and a boot depends on
 * nothing but the flash: a boot that leaves the flash as it found it will do so for the rest of the day, and
 * boots that come round to a journal that differs in nothing but its sequence number go on in the same
 * circle. Such boots are counted, not run. Where neither happens, what SAMPLE_BOOTS boots cost is scaled to
 * the day.
 *
 *     fota-brownout [--quick]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/flash_map.h"
#include "board_journal.h"
#include "cuts_judge.h"

enum {
    DAY_MS = 24 * 3600 * 1000,
    OFF_MS = 100,
    SAMPLE_BOOTS = 120,
    ERASES_PER_DAY_MAX = 3000,
    START_MS = 10000,
    STEP_MS = 20
};

/* Below, between and above the times of what a boot does: verify, kill and erase J1, J0, both; R10's 30 s. */
static const uint16_t PERIODS_MS[] = {50,   100,  200,  300,   500,   800,   1100,  1300, 1600,
                                      2000, 3000, 5000, 30050, 30200, 30600, 31300, 32500};
enum { N_PERIODS = sizeof PERIODS_MS / sizeof PERIODS_MS[0], N_QUICK = 4 };

/* One boot of the day: what the journal was before it, and the erases so far. */
struct mark {
    uint64_t key;
    uint64_t erases[2];
};

struct day {
    uint32_t on_ms;
    uint64_t n_boots;   /* of the day */
    uint64_t n_run;     /* of them on the twin */
    uint64_t erases[2]; /* J0, J1 */
    bool is_scaled;
    struct mark mark[SAMPLE_BOOTS + 1];
};

static struct twin_board board;

static uint64_t hash_words(uint64_t h, const uint32_t *words, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++) {
        h = (h ^ words[i]) * 0x9E3779B97F4A7C15U;
        h ^= h >> 29;
    }
    return h;
}

/* The journal but for sequence numbers and the checksums over them: no decision depends on more than which of
 * two numbers is larger (the fixpoint of tests/powercut counts states in the same way). */
static uint64_t journal_key(const struct twin *t)
{
    enum { WORDS = 16, SEQ = 1, CRC = 12, CRC2 = 13, D1 = 14 };
    static uint32_t words[FLASH_J0_BYTES / 4];
    static const struct {
        uint32_t base, n_bytes;
    } SECTORS[] = {{FLASH_J0_BASE, FLASH_J0_BYTES}, {FLASH_J1_BASE, FLASH_J1_BYTES}};
    uint64_t h = 1;
    for (size_t s = 0; s < 2; s++) {
        (void)twin_peek(t, SECTORS[s].base, words, SECTORS[s].n_bytes);
        for (size_t at = 0; at < SECTORS[s].n_bytes / 4; at += WORDS) {
            if (words[at + D1] == 0 && words[at + CRC] != 0) {
                words[at + SEQ] = words[at + CRC] = words[at + CRC2] = 1;
            }
        }
        h = hash_words(h, words, SECTORS[s].n_bytes / 4);
    }
    return h;
}

static uint64_t erases_of(unsigned area)
{
    return twin_stats(board.twin)->flash_erases[area == 0 ? FLASH_J0_SECTOR : FLASH_J1_SECTOR];
}

static void run_period(uint32_t on_ms)
{
    struct twin *t = board.twin;
    twin_set_power(t, true);
    (void)twin_run_until(t, twin_now_ns(t) + (uint64_t)on_ms * 1000000U);
    twin_set_power(t, false);
    if (board_journal_is_sound(t)) {
        board_journal_damage(t); /* mended: and the next write is cut, at once */
    }
}

/* Boots `from` to `to` went in a circle, or were a fair sample: the rest of the day costs the same. */
static void fill_day(struct day *day, uint64_t from, uint64_t to)
{
    uint64_t left = day->n_boots - day->n_run;
    for (unsigned a = 0; a < 2; a++) {
        uint64_t cost = day->mark[to].erases[a] - day->mark[from].erases[a];
        day->erases[a] += (left * cost + (to - from) - 1) / (to - from);
    }
}

/* True: the rest of the day is known. */
static bool is_round(struct day *day)
{
    uint64_t n = day->n_run;
    day->mark[n] = (struct mark){journal_key(board.twin), {erases_of(0), erases_of(1)}};
    for (uint64_t i = 0; i < n; i++) {
        if (day->mark[i].key == day->mark[n].key) {
            fill_day(day, i, n);
            return true;
        }
    }
    return false;
}

static void run_day(const struct twin_snapshot *start, uint32_t on_ms, struct day *day)
{
    *day = (struct day){.on_ms = on_ms, .n_boots = DAY_MS / (on_ms + OFF_MS)};
    twin_restore(board.twin, start);
    uint64_t before[2] = {erases_of(0), erases_of(1)};
    bool is_known = is_round(day);
    while (!is_known && day->n_run < day->n_boots && day->n_run < SAMPLE_BOOTS) {
        run_period(on_ms);
        day->n_run++;
        day->erases[0] = erases_of(0) - before[0];
        day->erases[1] = erases_of(1) - before[1];
        is_known = is_round(day);
    }
    if (!is_known && day->n_run < day->n_boots) {
        day->is_scaled = true;
        fill_day(day, 0, day->n_run);
    }
}

/* A confirmed board whose last journal write was cut. */
static struct twin_snapshot *make_start(void)
{
    const struct twin_config config = {.flash_timing = TWIN_FLASH_TYPICAL, .seed = 11};
    twin_board_open_with(&board, &config, demo_release(1));
    twin_set_power(board.twin, true);
    for (uint32_t ms = 0; ms < START_MS && !twin_board_said(&board, "app: confirmed"); ms += STEP_MS) {
        (void)twin_run_until(board.twin, twin_now_ns(board.twin) + STEP_MS * 1000000ULL);
        twin_board_listen(&board);
    }
    if (!twin_board_said(&board, "app: confirmed") || !board_journal_is_sound(board.twin)) {
        twin_board_die("board", "does not start from the factory");
    }
    twin_set_power(board.twin, false);
    board_journal_damage(board.twin);
    struct twin_snapshot *start = twin_save(board.twin);
    if (!start) {
        twin_board_die("snapshot", "out of memory");
    }
    return start;
}

/* After all that: the board boots as soon as the supply stays. */
static bool recovers(void)
{
    twin_board_clear_console(&board);
    twin_set_power(board.twin, true);
    for (uint32_t ms = 0; ms < 60000 && !twin_board_last_start(&board).is_there; ms += STEP_MS) {
        (void)twin_run_until(board.twin, twin_now_ns(board.twin) + STEP_MS * 1000000ULL);
        twin_board_listen(&board);
    }
    struct twin_start start = twin_board_last_start(&board);
    const char *why = cuts_judge(&board, &start);
    if (why) {
        printf("BRICK brownout: %s\n", why);
    }
    return !why;
}

int main(int argc, char **argv)
{
    static struct day day;
    bool is_quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 1 && !is_quick) {
        (void)fprintf(stderr, "fota-brownout: only --quick is known, not '%s'\n", argv[1]);
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    struct twin_snapshot *start = make_start();
    uint64_t worst = 0;
    uint64_t n_bricks = 0;
    for (unsigned i = 0; i < (is_quick ? N_QUICK : N_PERIODS); i++) {
        run_day(start, PERIODS_MS[i], &day);
        n_bricks += !recovers();
        uint64_t most = day.erases[0] > day.erases[1] ? day.erases[0] : day.erases[1];
        worst = most > worst ? most : worst;
        printf("supply holds %5u ms: %7" PRIu64 " boots (%3" PRIu64 " run%s), erases J0 %6" PRIu64
               ", J1 %6" PRIu64 "\n",
               (unsigned)day.on_ms, day.n_boots, day.n_run, day.is_scaled ? ", scaled" : "", day.erases[0],
               day.erases[1]);
    }
    printf("brownout_erases_per_sector_day %" PRIu64 "\nbrownout_bricks %" PRIu64 "\nbrownout_seconds %ld\n",
           worst, n_bricks, (long)(clock() / CLOCKS_PER_SEC));
    twin_snapshot_free(start);
    twin_board_close(&board);
    return worst > ERASES_PER_DAY_MAX || n_bricks != 0;
}
