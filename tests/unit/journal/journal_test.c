/* The journal under power cuts: small sectors, every operation, every way an operation may tear, two cuts
 * deep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/flash_fake.h"
#include "journal/journal.h"

enum {
    J0_BASE = 0x080E0000,
    J1_BASE = 0x0800C000,
    J0_RECORDS = 5,
    J1_RECORDS = 4,
    WORDS = JOURNAL_RECORD_WORDS * (J0_RECORDS + J1_RECORDS),
    SESSION_WRITES = 3,
    RESERVED = 2,
    NESTED_DRAWS = 2,
    DRAWS = 2 /* power-ups with different draws of flaky cells after each cut */
};

static const struct journal_area AREAS[JOURNAL_AREAS] = {{J0_BASE, 11, J0_RECORDS}, {J1_BASE, 3, J1_RECORDS}};

struct chip {
    struct flash flash; /* what the journal sees */
    bool drops_kills;   /* planted bug: the flash driver swallows single zero words, all of rules R5 and R6 */
    struct flash_fake fake;
    struct flash_fake_sector sectors[2];
    uint32_t words[WORDS];
    struct flash_cell cells[WORDS];
};

static enum fota_err chip_erase(struct flash *flash, uint32_t sector)
{
    return flash_erase_sector(&((struct chip *)flash)->fake.flash, sector);
}

static enum fota_err chip_program(struct flash *flash, uint32_t addr, const uint32_t *words, uint32_t n_words)
{
    struct chip *chip = (struct chip *)flash;
    if (n_words == 1 && chip->drops_kills) {
        return FOTA_OK;
    }
    return flash_program(&chip->fake.flash, addr, words, n_words);
}

static enum fota_err chip_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    return flash_read(&((struct chip *)flash)->fake.flash, addr, words, n_words);
}

static const struct flash_ops chip_ops = {
    .erase_sector = chip_erase, .program = chip_program, .read = chip_read};

static void chip_init(struct chip *chip)
{
    chip->flash.ops = &chip_ops;
    chip->drops_kills = false;
    chip->sectors[0] =
        (struct flash_fake_sector){3, J1_BASE, JOURNAL_RECORD_WORDS * J1_RECORDS, true, false, 0};
    chip->sectors[1] =
        (struct flash_fake_sector){11, J0_BASE, JOURNAL_RECORD_WORDS * J0_RECORDS, true, false, 0};
    flash_fake_init(&chip->fake, chip->sectors, 2, chip->words, chip->cells);
}

static void chip_copy(struct chip *to, const struct chip *from)
{
    *to = *from;
    to->fake.sectors = to->sectors;
    to->fake.words = to->words;
    to->fake.cells = to->cells;
}

/* State number n: what a test writes n-th. */
static struct boot_record record_of(uint32_t n)
{
    struct boot_record record = {.active = (uint8_t)(n % 3),
                                 .state = {(uint8_t)(n % 6), (uint8_t)(n / 6 % 6)}};
    record.retry = n;
    record.security_floor = n * 0x01010101U;
    return record;
}

/* What the outside has seen. The journal must never be older than `acted`, nor invent anything beyond
 * `written`. */
struct witness {
    uint32_t acted;   /* newest state that was acted upon */
    uint32_t written; /* newest state that was handed to journal_append */
    const char *broken;
};

static void see(struct witness *w, uint32_t found)
{
    if (found < w->acted) {
        w->broken = "state older than one that was acted upon";
    } else if (found > w->written) {
        w->broken = "state that nobody wrote";
    }
    w->acted = found;
}

/* One powered session: load, repair, act, write. Returns when done or when the chip has lost power.
 * `skips_repair`: a planted bug, acting on what merely reads well. */
static void session(struct chip *chip, struct witness *w, uint32_t n_writes, bool skips_repair)
{
    struct journal j;
    struct boot_record record = {0};
    memset(&j, 0xA5, sizeof j);
    enum fota_err err = journal_load(&j, &chip->flash, AREAS, &record);
    if (err == E_JOURNAL_DEGRADED && !skips_repair) {
        err = journal_repair(&j);
    }
    if (chip->fake.is_cut) {
        return;
    }
    if (err == E_JOURNAL_LOST && w->acted == 0) {
        record.retry = 0; /* a new board */
    } else if (err && !(skips_repair && err == E_JOURNAL_DEGRADED)) {
        w->broken = err == E_JOURNAL_LOST ? "state lost" : "repair failed with power on";
        return;
    }
    see(w, record.retry);
    for (uint32_t i = 0; i < n_writes; i++) {
        uint32_t n = w->acted + 1;
        struct boot_record next = record_of(n);
        err = journal_make_room(&j, RESERVED, JOURNAL_NO_SPARE); /* as the bootloader does (rule R8) */
        if (err == FOTA_OK) {
            w->written = n > w->written ? n : w->written;
            err = journal_append(&j, &next);
        }
        if (chip->fake.is_cut) {
            return;
        }
        if (err && skips_repair) {
            return;
        }
        if (err) {
            w->broken = "append failed with power on";
            return;
        }
        see(w, n);
    }
}

struct sweep {
    uint32_t n_runs;
    uint32_t n_cuts;
    bool skips_repair;
    const char *broken;
    char id[64];
};

static void blame(struct sweep *sweep, const struct witness *w, const struct chip *chip, const char *id)
{
    const char *broken = w->broken;
    if (!broken && chip->fake.n_suspect_programs != 0) {
        broken = "a suspect word was programmed";
    }
    if (broken && !sweep->broken) {
        sweep->broken = broken;
        (void)snprintf(sweep->id, sizeof sweep->id, "%s", id);
    }
}

/* Everything that must hold once power stays: the state is found twice, and a write works. */
static void settle(struct sweep *sweep, const struct chip *from, const struct witness *w0, const char *id)
{
    for (uint32_t draw = 0; draw < DRAWS && !sweep->broken; draw++) {
        static struct chip chip;
        struct witness w = *w0;
        bool is_repaired = false;
        chip_copy(&chip, from);
        for (uint32_t boot = 0; boot < 3; boot++) {
            flash_fake_power_up(&chip.fake, 1000 * draw + boot + 1);
            session(&chip, &w, boot == 2 ? SESSION_WRITES : 0, sweep->skips_repair);
            sweep->n_runs++;
            if (boot == 0) {
                is_repaired = chip.fake.n_ops != 0;
            } else if (boot == 1 && is_repaired && !w.broken && chip.fake.n_ops != 0) {
                w.broken = "what was repaired had to be repaired again";
            }
            blame(sweep, &w, &chip, id);
        }
    }
}

static uint32_t ops_of_session(const struct chip *from, const struct witness *w0, const struct sweep *sweep,
                               uint64_t seed)
{
    static struct chip chip;
    struct witness w = *w0;
    chip_copy(&chip, from);
    flash_fake_power_up(&chip.fake, seed);
    session(&chip, &w, SESSION_WRITES, sweep->skips_repair);
    return chip.fake.n_ops;
}

/* Ways to tear, by what a sweep can afford: alone, first of two, second of two. */
enum {
    ALONE = (1 << FLASH_CUTS_OF_PROGRAM) - 1,
    FIRST = 1 << FLASH_CUT_GARBAGE | 1 << FLASH_CUT_FLAKY,
    SECOND = 1 << FLASH_CUT_GARBAGE | 1 << FLASH_CUT_COMPLETE | 1 << FLASH_CUT_FLAKY
};

/* Cut the next session at every operation in the ways of `mask`. Then settle; after FIRST cut again. */
static void cut_session(struct sweep *sweep, const struct chip *from, const struct witness *w0, uint64_t seed,
                        uint32_t mask, const char *id)
{
    uint32_t n_ops = ops_of_session(from, w0, sweep, seed);
    struct chip *chip = malloc(sizeof *chip);
    assert_non_null(chip);
    for (uint32_t op = 1; op <= n_ops && !sweep->broken; op++) {
        for (uint32_t how = 0; how < FLASH_CUTS_OF_PROGRAM && !sweep->broken; how++) {
            struct witness w = *w0;
            char here[64];
            if ((mask & 1U << how) == 0) {
                continue;
            }
            chip_copy(chip, from);
            flash_fake_power_up(&chip->fake, seed);
            flash_fake_cut_at(&chip->fake, op, (enum flash_cut)how);
            session(chip, &w, SESSION_WRITES, sweep->skips_repair);
            sweep->n_cuts++;
            (void)snprintf(here, sizeof here, "%s/%u.%u", id, (unsigned)op, (unsigned)how);
            blame(sweep, &w, chip, here);
            settle(sweep, chip, &w, here);
            /* What flickers is read anew in the session that is cut again. */
            for (uint64_t draw = 1; mask == FIRST && draw <= NESTED_DRAWS && !sweep->broken; draw++) {
                char nested[80];
                (void)snprintf(nested, sizeof nested, "%s@%u", here, (unsigned)draw);
                cut_session(sweep, chip, &w, draw, SECOND, nested);
            }
        }
    }
    free(chip);
}

/* A chip on which `n` states have been written, one session each. */
static void write_states(struct chip *chip, struct witness *w, uint32_t n)
{
    chip_init(chip);
    *w = (struct witness){0, 0, NULL};
    for (uint32_t i = 0; i < n; i++) {
        flash_fake_power_up(&chip->fake, i);
        session(chip, w, 1, false);
        assert_null(w->broken);
    }
}

static void state_written_is_state_loaded(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    write_states(&chip, &w, 1);
    struct journal j;
    struct boot_record in = {
        .active = SLOT_B,
        .state = {SLOT_STATE_REJECTED, SLOT_STATE_CONFIRMED},
        .tries = 3,
        .resume_sectors = 2,
        .last_reason = E_SLOT_TRIALS_SPENT,
        .security_floor = 0xFFFFFFFF,
        .starts = 16,
        .flags = BOOT_FLAG_KEY_REVOKED,
        .retry = 0xA1B2C3D4,
        .counterpart = {8, 7, 6, 5, 4, 3, 2, 1},
        .rejected = {{{21, 22, 23, 24, 25, 26, 27, 28}, {31, 32, 33, 34, 35, 36, 37, 38}},
                     {{41, 42, 43, 44, 45, 46, 47, 48}, {51, 52, 53, 54, 55, 56, 57, 58}}},
        .digest = {{1, 2, 3, 4, 5, 6, 7, 8}, {9, 10, 11, 12, 13, 14, 15, 16}}};
    struct boot_record out;
    assert_int_equal(journal_load(&j, &chip.flash, AREAS, &out), FOTA_OK);
    assert_int_equal(journal_append(&j, &in), FOTA_OK);
    assert_int_equal(journal_load(&j, &chip.flash, AREAS, &out), FOTA_OK);
    assert_int_equal(out.seq, 2);
    in.seq = 2;
    uint32_t words_in[BOOT_RECORD_BODY_WORDS];
    uint32_t words_out[BOOT_RECORD_BODY_WORDS];
    boot_record_store(&in, words_in);
    boot_record_store(&out, words_out);
    assert_memory_equal(words_in, words_out, sizeof words_in);
    assert_memory_equal(out.digest, in.digest, sizeof in.digest);
    assert_memory_equal(out.rejected, in.rejected, sizeof in.rejected);
    assert_memory_equal(out.counterpart, in.counterpart, sizeof in.counterpart);
    assert_int_equal(out.starts, 16);
    assert_int_equal(out.flags, BOOT_FLAG_KEY_REVOKED);
    assert_int_equal(out.retry, in.retry);
}

static void garbage_record_reads_as_a_record_in_range(void **state)
{
    (void)state;
    uint32_t words[BOOT_RECORD_BODY_WORDS];
    struct boot_record record;
    memset(words, 0xFF, sizeof words);
    boot_record_load(words, &record);
    assert_int_equal(record.active, SLOT_NONE);
    assert_int_equal(record.state[0], SLOT_STATE_EMPTY);
    assert_int_equal(record.state[1], SLOT_STATE_EMPTY);
}

static void hundreds_of_writes_wrap_both_sectors(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    write_states(&chip, &w, 300);
    assert_int_equal(w.acted, 300);
    assert_int_equal(chip.fake.n_suspect_programs, 0);
    assert_true(chip.sectors[0].n_erases > 50 && chip.sectors[1].n_erases > 50);
    print_message("300 writes: %u erases of J1, %u of J0\n", (unsigned)chip.sectors[0].n_erases,
                  (unsigned)chip.sectors[1].n_erases);
}

static void normal_boot_writes_nothing(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    write_states(&chip, &w, 7);
    flash_fake_power_up(&chip.fake, 9);
    session(&chip, &w, 0, false);
    assert_int_equal(chip.fake.n_ops, 0);
}

static void loss_of_either_sector_loses_no_state(void **state)
{
    (void)state;
    for (uint32_t lost = 0; lost < 2; lost++) {
        for (uint32_t n = 1; n < 20; n++) {
            static struct chip chip;
            struct witness w;
            write_states(&chip, &w, n);
            flash_fake_lose_sector(&chip.fake, AREAS[lost].sector, n);
            flash_fake_power_up(&chip.fake, n);
            session(&chip, &w, 1, false);
            assert_null(w.broken);
            assert_int_equal(w.acted, n + 1);
            assert_int_equal(chip.fake.n_suspect_programs, 0);
        }
    }
}

static void worn_out_sector_leaves_an_unmirrored_journal(void **state)
{
    (void)state;
    for (uint32_t worn = 0; worn < 2; worn++) {
        static struct chip chip;
        struct witness w;
        struct journal j;
        struct boot_record record;
        write_states(&chip, &w, 1);
        chip.sectors[worn].is_worn = true;
        assert_int_equal(journal_load(&j, &chip.flash, AREAS, &record), FOTA_OK);
        record = record_of(2);
        assert_int_equal(journal_append(&j, &record), FOTA_OK);
        assert_int_equal(journal_sound_mask(&j), worn == 0 ? 1 : 2); /* sectors[0] is J1 */
        assert_int_equal(journal_dead_mask(&j), worn == 0 ? 2 : 1);
        assert_int_equal(journal_load(&j, &chip.flash, AREAS, &record), FOTA_OK); /* remembered */
        assert_int_equal(record.retry, 2);
        assert_int_equal(record.flags, worn == 0 ? BOOT_FLAG_J1_DEAD : BOOT_FLAG_J0_DEAD);
        assert_int_equal(journal_dead_mask(&j), worn == 0 ? 2 : 1);
        chip.fake.n_ops = 0;
        assert_int_equal(journal_repair(&j), FOTA_OK);
        assert_int_equal(chip.fake.n_ops, 0);
        assert_int_equal(journal_make_room(&j, J0_RECORDS, JOURNAL_NO_SPARE),
                         E_JOURNAL_FULL); /* never erases the only copy */
        assert_int_equal(journal_load(&j, &chip.flash, AREAS, &record), FOTA_OK);
        assert_int_equal(record.retry, 2);
    }
}

static void both_sectors_worn_out_is_an_error(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    struct journal j;
    struct boot_record record;
    write_states(&chip, &w, 1);
    chip.sectors[0].is_worn = true;
    chip.sectors[1].is_worn = true;
    assert_int_equal(journal_load(&j, &chip.flash, AREAS, &record), FOTA_OK);
    assert_int_equal(journal_append(&j, &record), E_FLASH_PROGRAM);
}

static void any_flipped_bit_of_the_newest_record_is_noticed(void **state)
{
    (void)state;
    static struct chip chip;
    static struct chip bad;
    struct witness w;
    write_states(&chip, &w, 1);
    for (uint32_t bit = 0; bit < 32 * JOURNAL_RECORD_WORDS; bit++) {
        struct journal j;
        struct boot_record record;
        chip_copy(&bad, &chip);
        *flash_fake_at(&bad.fake, J0_BASE + bit / 32 * 4) ^= 1U << bit % 32;
        assert_int_equal(journal_load(&j, &bad.flash, AREAS, &record), E_JOURNAL_DEGRADED);
        assert_int_equal(record.retry, 1);
        assert_int_equal(journal_repair(&j), FOTA_OK);
        assert_int_equal(journal_load(&j, &bad.flash, AREAS, &record), FOTA_OK);
        assert_int_equal(record.retry, 1);
    }
}

static void sweep_from(uint32_t n_states, uint32_t mask, struct sweep *sweep)
{
    static struct chip chip;
    struct witness w;
    write_states(&chip, &w, n_states);
    char id[16];
    (void)snprintf(id, sizeof id, "pc/journal-%u", (unsigned)n_states);
    cut_session(sweep, &chip, &w, 1, mask, id);
}

static void one_cut_anywhere_loses_no_state(void **state)
{
    (void)state;
    struct sweep sweep = {0};
    for (uint32_t n = 0; n <= 8; n++) { /* every number of free records, with and without an erase ahead */
        sweep_from(n, ALONE, &sweep);
    }
    print_message("%u cuts, %u boots\n", (unsigned)sweep.n_cuts, (unsigned)sweep.n_runs);
    if (sweep.broken) {
        fail_msg("%s: %s", sweep.id, sweep.broken);
    }
}

static void two_nested_cuts_lose_no_state(void **state)
{
    (void)state;
    struct sweep sweep = {0};
    sweep_from(1, FIRST, &sweep);
    print_message("%u cuts, %u boots\n", (unsigned)sweep.n_cuts, (unsigned)sweep.n_runs);
    if (sweep.broken) {
        fail_msg("%s: %s", sweep.id, sweep.broken);
    }
}

/* The first mark of J0's record was torn and reads blank at one
 * boot, 0 at the next: the first boot decides. */
static void write_that_a_boot_went_without_never_takes_effect(void **state)
{
    (void)state;
    for (uint32_t reading = 0; reading < 2; reading++) {
        static struct chip chip;
        struct witness w;
        struct journal j;
        struct boot_record record;
        write_states(&chip, &w, 1);
        flash_fake_cut_at(&chip.fake, 2 + JOURNAL_RECORD_WORDS - 1,
                          FLASH_CUT_OLD); /* two words bury, then the first mark */
        assert_int_equal(journal_load(&j, &chip.flash, AREAS, &record), FOTA_OK);
        record = record_of(2);
        w.written = 2;
        assert_int_equal(journal_append(&j, &record), E_FLASH_PROGRAM);
        flash_fake_power_up(&chip.fake, 1);
        uint32_t *mark = flash_fake_at(&chip.fake, J0_BASE + 3 * JOURNAL_RECORD_BYTES - 8);
        *mark = reading == 0 ? UINT32_MAX : 0;
        session(&chip, &w, 0, false);
        assert_int_equal(w.acted, 1 + reading);
        *mark = 0; /* it reads 0 from now on, if that still matters */
        session(&chip, &w, 0, false);
        assert_null(w.broken);
        assert_int_equal(w.acted, 1 + reading);
    }
}

static void sweep_catches_a_journal_that_kills_nothing(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    struct sweep sweep = {0};
    write_states(&chip, &w, 1);
    chip.drops_kills = true;
    cut_session(&sweep, &chip, &w, 1, ALONE, "pc/planted");
    assert_non_null(sweep.broken);
    print_message("planted: %s: %s\n", sweep.id, sweep.broken);
}

static void sweep_catches_acting_on_an_uncertified_record(void **state)
{
    (void)state;
    struct sweep sweep = {.skips_repair = true};
    for (uint32_t n = 1; n <= 4 && !sweep.broken; n++) {
        sweep_from(n, ALONE, &sweep);
    }
    assert_non_null(sweep.broken);
    print_message("planted: %s: %s\n", sweep.id, sweep.broken);
}

/* journal_test [PATTERN]: leaves out the tests whose names match; `make test` does so with the ones that take long. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_written_is_state_loaded),
        cmocka_unit_test(garbage_record_reads_as_a_record_in_range),
        cmocka_unit_test(hundreds_of_writes_wrap_both_sectors),
        cmocka_unit_test(normal_boot_writes_nothing),
        cmocka_unit_test(loss_of_either_sector_loses_no_state),
        cmocka_unit_test(worn_out_sector_leaves_an_unmirrored_journal),
        cmocka_unit_test(both_sectors_worn_out_is_an_error),
        cmocka_unit_test(any_flipped_bit_of_the_newest_record_is_noticed),
        cmocka_unit_test(one_cut_anywhere_loses_no_state),
        cmocka_unit_test(two_nested_cuts_lose_no_state),
        cmocka_unit_test(write_that_a_boot_went_without_never_takes_effect),
        cmocka_unit_test(sweep_catches_acting_on_an_uncertified_record),
        cmocka_unit_test(sweep_catches_a_journal_that_kills_nothing),
    };
    if (argc == 2) {
        cmocka_set_skip_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
