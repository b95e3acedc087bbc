/* A journal whose mirror is worn out: cuts at every operation of its updates, in pairs too, in each session,
 * with room made through the spare place; and a long life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "fake/flash_fake.h"
#include "journal/journal.h"

enum {
    SMALL_J0 = 9,
    SMALL_J1 = 8,
    REAL_J0 = FLASH_J0_BYTES / JOURNAL_RECORD_BYTES,
    REAL_J1 = FLASH_J1_BYTES / JOURNAL_RECORD_BYTES,
    SPARE_SECTOR = 10,
    SPARE_BASE = 0x080C0000,
    SPARE_WORDS = 2 * JOURNAL_RECORD_WORDS, /* the last of them is the place; the slot's content before it */
    WORDS_MAX = (REAL_J0 + REAL_J1) * JOURNAL_RECORD_WORDS + SPARE_WORDS,
    SMALL_WORDS = (SMALL_J0 + SMALL_J1) * JOURNAL_RECORD_WORDS + SPARE_WORDS,
    FREE_SMALL = 4,
    SPARE = JOURNAL_MIRRORS,
    WRITES = 2, /* of an update, after it has begun */
    UPDATES = 10000,
    UPDATES_J0 = 3000
};

/* Sectors in ascending order of address: J1, the slot's last, J0. */
enum { S_J1, S_SLOT, S_J0, SECTORS };

struct chip {
    struct flash_fake fake;
    struct flash_fake_sector sectors[SECTORS];
    struct journal_area areas[JOURNAL_AREAS];
    uint32_t words[SMALL_WORDS];
    struct flash_cell cells[SMALL_WORDS];
};

/* What the outside has seen: see journal_test.c. */
struct witness {
    uint32_t acted;
    uint32_t written;
    const char *broken;
};

static void make_chip(struct chip *chip, uint32_t *words, struct flash_cell *cells, uint32_t n_j0,
                      uint32_t n_j1)
{
    memset(chip, 0, sizeof *chip);
    chip->sectors[S_J1] =
        (struct flash_fake_sector){3, FLASH_J1_BASE, n_j1 * JOURNAL_RECORD_WORDS, true, false, 0};
    chip->sectors[S_SLOT] = (struct flash_fake_sector){SPARE_SECTOR, SPARE_BASE, SPARE_WORDS, true, false, 0};
    chip->sectors[S_J0] =
        (struct flash_fake_sector){11, FLASH_J0_BASE, n_j0 * JOURNAL_RECORD_WORDS, true, false, 0};
    chip->areas[0] = (struct journal_area){FLASH_J0_BASE, 11, n_j0};
    chip->areas[1] = (struct journal_area){FLASH_J1_BASE, 3, n_j1};
    chip->areas[SPARE] = (struct journal_area){SPARE_BASE + JOURNAL_RECORD_BYTES, SPARE_SECTOR, 1};
    flash_fake_init(&chip->fake, chip->sectors, SECTORS, words, cells);
}

static void copy_chip(struct chip *to, const struct chip *from)
{
    *to = *from;
    to->fake.sectors = to->sectors;
    to->fake.words = to->words;
    to->fake.cells = to->cells;
}

static void see(struct witness *w, uint32_t found)
{
    if (found < w->acted) {
        w->broken = "state older than one that was acted upon";
    } else if (found > w->written) {
        w->broken = "state that nobody wrote";
    }
    w->acted = found;
}

static bool write_next(struct chip *chip, struct journal *j, struct witness *w)
{
    struct boot_record record = {.retry = w->acted + 1, .security_floor = w->acted + 1};
    w->written = w->written > record.retry ? w->written : record.retry;
    enum fota_err err = journal_append(j, &record);
    if (!chip->fake.is_cut && err != FOTA_OK) {
        w->broken = "write refused with power on";
    } else if (err == FOTA_OK) {
        see(w, record.retry);
    }
    return err == FOTA_OK;
}

/* One powered session: as boot and update do it. `is_update`: room is made, by the spare place if need be. */
static void session(struct chip *chip, struct witness *w, bool is_update, uint32_t n_free)
{
    struct journal j;
    struct boot_record record = {0};
    memset(&j, 0xA5, sizeof j);
    enum fota_err err = journal_load(&j, &chip->fake.flash, chip->areas, &record);
    if (err == E_JOURNAL_DEGRADED) {
        err = journal_repair(&j);
        err = err == E_JOURNAL_DEGRADED ? FOTA_OK : err;
    }
    if (chip->fake.is_cut) {
        return;
    }
    if (err && !(err == E_JOURNAL_LOST && w->acted == 0)) {
        w->broken = err == E_JOURNAL_LOST ? "state lost" : "repair failed with power on";
        return;
    }
    see(w, record.retry);
    if (!is_update) {
        return;
    }
    uint32_t n_compacted = chip->sectors[S_SLOT].n_erases;
    err = journal_revive(&j);
    if (err == FOTA_OK) {
        err = journal_make_room(&j, n_free, SPARE);
    }
    if (err && !chip->fake.is_cut) {
        w->broken = "no room could be made";
    }
    for (uint32_t i = 0; i < WRITES && err == FOTA_OK && !w->broken; i++) {
        err = write_next(chip, &j, w) ? FOTA_OK : E_FLASH_PROGRAM;
    }
    uint32_t spare[JOURNAL_RECORD_WORDS];
    if (err == FOTA_OK && chip->sectors[S_SLOT].n_erases != n_compacted &&
        flash_read(&chip->fake.flash, chip->areas[SPARE].base, spare, JOURNAL_RECORD_WORDS) == FOTA_OK &&
        spare[0] == BOOT_RECORD_MAGIC && spare[BOOT_RECORD_BODY_WORDS] != 0) {
        w->broken = "the record at the spare place was not killed";
    }
}

/* A board whose sector `worn` (S_J0, S_J1) wore out after `n_before` updates, and that lived on for
 * `n_after`. */
static void age(struct chip *chip, struct witness *w, uint32_t worn, uint32_t n_before, uint32_t n_after)
{
    make_chip(chip, chip->words, chip->cells, SMALL_J0, SMALL_J1);
    chip->fake.words = chip->words;
    *w = (struct witness){0};
    for (uint32_t i = 0; i < n_before + n_after && !w->broken; i++) {
        chip->sectors[worn].is_worn = i >= n_before;
        flash_fake_power_up(&chip->fake, i + 1);
        session(chip, w, true, FREE_SMALL);
    }
    chip->sectors[worn].is_worn = true;
}

struct sweep {
    uint32_t n_cuts;
    bool
        mends_for_good; /* what was repaired is not repaired again. Two cuts may leave a mark that flickers */
    const char *broken;
    char id[96];
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

/* With power on from now on: found, found again without a repair, and an update works. */
static void settle(struct sweep *sweep, const struct chip *from, const struct witness *w0, const char *id)
{
    static struct chip chip;
    for (uint32_t draw = 0; draw < 2 && !sweep->broken; draw++) {
        struct witness w = *w0;
        bool is_repaired = false;
        copy_chip(&chip, from);
        for (uint32_t boot = 0; boot < 3; boot++) {
            flash_fake_power_up(&chip.fake, 100 * draw + boot + 7);
            session(&chip, &w, boot == 2, FREE_SMALL);
            if (boot == 0) {
                is_repaired = chip.fake.n_ops != 0;
            } else if (boot == 1 && is_repaired && sweep->mends_for_good && !w.broken &&
                       chip.fake.n_ops != 0) {
                w.broken = "what was repaired had to be repaired again";
            }
            blame(sweep, &w, &chip, id);
        }
    }
}

static void cut_update(struct sweep *sweep, const struct chip *from, const struct witness *w0, uint32_t depth,
                       const char *id)
{
    static const uint32_t HOWS[] = {0, (1U << FLASH_CUTS_OF_PROGRAM) - 1,
                                    1U << FLASH_CUT_GARBAGE | 1U << FLASH_CUT_FLAKY};
    struct chip *chip = malloc(sizeof *chip);
    assert_non_null(chip);
    bool is_reached = true;
    for (uint32_t op = 1; is_reached && !sweep->broken; op++) {
        for (uint32_t how = 0; how < FLASH_CUTS_OF_PROGRAM && !sweep->broken; how++) {
            if ((HOWS[depth] >> how & 1) == 0) {
                continue;
            }
            struct witness w = *w0;
            char here[96];
            copy_chip(chip, from);
            flash_fake_power_up(&chip->fake, op);
            flash_fake_cut_at(&chip->fake, op, (enum flash_cut)how);
            session(chip, &w, true, FREE_SMALL);
            is_reached = chip->fake.is_cut;
            if (!is_reached) {
                break;
            }
            sweep->n_cuts++;
            (void)snprintf(here, sizeof here, "%s/%u.%u", id, (unsigned)op, (unsigned)how);
            blame(sweep, &w, chip, here);
            settle(sweep, chip, &w, here);
            if (depth == 2 && !sweep->broken) {
                cut_update(sweep, chip, &w, 1, here);
            }
        }
    }
    free(chip);
}

static void sweep_sessions(uint32_t depth, uint32_t n_sessions)
{
    static struct chip chip;
    struct sweep sweep = {.mends_for_good = depth == 1};
    for (uint32_t worn = S_J1; worn <= S_J0; worn += S_J0) {
        for (uint32_t n = 0; n < n_sessions && !sweep.broken; n++) {
            struct witness w;
            char id[32];
            age(&chip, &w, worn, 2, n);
            assert_null(w.broken);
            (void)snprintf(id, sizeof id, "alone/%u/%u", (unsigned)worn, (unsigned)n);
            cut_update(&sweep, &chip, &w, depth, id);
        }
    }
    print_message("%u cuts\n", (unsigned)sweep.n_cuts);
    if (sweep.broken) {
        fail_msg("%s: %s", sweep.id, sweep.broken);
    }
}

/* Session 0 is the one in which the sector is found dead. */
static void one_cut_in_an_update_without_a_mirror_loses_nothing(void **state)
{
    (void)state;
    sweep_sessions(1, 5);
}

static void two_cuts_in_an_update_without_a_mirror_lose_nothing(void **state)
{
    (void)state;
    sweep_sessions(2, 3);
}

/* What is torn is made good where it is: the only copy is not erased, the dead sector is not tried. */
static void torn_append_without_a_mirror_costs_no_erase(void **state)
{
    (void)state;
    static struct chip chip;
    static struct chip cut;
    for (uint32_t worn = S_J1; worn <= S_J0; worn += S_J0) {
        struct witness w;
        age(&chip, &w, worn, 2, 1);
        for (uint32_t op = 1; op <= JOURNAL_RECORD_WORDS + 2; op++) {
            struct journal j;
            struct boot_record record;
            copy_chip(&cut, &chip);
            flash_fake_power_up(&cut.fake, op);
            assert_int_equal(journal_load(&j, &cut.fake.flash, cut.areas, &record), FOTA_OK);
            flash_fake_cut_at(&cut.fake, op, FLASH_CUT_FLAKY);
            uint32_t before = record.retry;
            record.retry++;
            assert_int_not_equal(journal_append(&j, &record), FOTA_OK);
            uint32_t n_erases = cut.sectors[S_J0].n_erases + cut.sectors[S_J1].n_erases;
            flash_fake_power_up(&cut.fake, 2 * op);
            enum fota_err err = journal_load(&j, &cut.fake.flash, cut.areas, &record);
            assert_true(err == FOTA_OK || journal_repair(&j) == E_JOURNAL_DEGRADED);
            assert_int_equal(cut.sectors[S_J0].n_erases + cut.sectors[S_J1].n_erases, n_erases);
            assert_int_equal(journal_load(&j, &cut.fake.flash, cut.areas, &record), FOTA_OK);
            assert_true(record.retry == before || record.retry == before + 1);
        }
    }
}

/* What is at a spare place counts only if the sectors leave a doubt and it is newer. */
static void spare_place_is_not_looked_at_while_a_sector_is_sound(void **state)
{
    (void)state;
    static struct chip chip;
    struct witness w;
    struct journal j;
    struct boot_record record;
    age(&chip, &w, S_J1, 2, 1);
    uint32_t old[JOURNAL_RECORD_WORDS];
    assert_int_equal(flash_read(&chip.fake.flash, FLASH_J0_BASE, old, JOURNAL_RECORD_WORDS), FOTA_OK);
    flash_fake_load(&chip.fake, chip.areas[SPARE].base, old, JOURNAL_RECORD_BYTES);
    assert_int_equal(journal_load(&j, &chip.fake.flash, chip.areas, &record), FOTA_OK);
    assert_int_equal(record.retry, w.acted);
    record.retry++;
    flash_fake_cut_at(&chip.fake, JOURNAL_RECORD_WORDS, FLASH_CUT_GARBAGE);
    assert_int_not_equal(journal_append(&j, &record), FOTA_OK);
    flash_fake_power_up(&chip.fake, 1);
    assert_int_equal(journal_load(&j, &chip.fake.flash, chip.areas, &record), E_JOURNAL_DEGRADED);
    assert_int_equal(record.retry, w.acted); /* not the older one at the spare place */
}

static void live_long(uint32_t n_j0, uint32_t n_j1, uint32_t worn, uint32_t n_free, uint32_t n_updates)
{
    static uint32_t words[WORDS_MAX];
    static struct flash_cell cells[WORDS_MAX];
    static struct chip chip;
    struct witness w = {0};
    make_chip(&chip, words, cells, n_j0, n_j1);
    flash_fake_power_up(&chip.fake, 1);
    session(&chip, &w, true, n_free);
    chip.sectors[worn].is_worn = true;
    for (uint32_t i = 0; i < n_updates && !w.broken; i++) {
        chip.fake.is_cut = false;
        session(&chip, &w, true, n_free);
    }
    assert_null(w.broken);
    assert_int_equal(w.acted, WRITES * (n_updates + 1));
    print_message("%u records, %u updates without a mirror: %u erases of the sector, %u of the slot's last\n",
                  (unsigned)(worn == S_J0 ? n_j1 : n_j0), (unsigned)n_updates,
                  (unsigned)chip.sectors[worn == S_J0 ? S_J1 : S_J0].n_erases,
                  (unsigned)chip.sectors[S_SLOT].n_erases);
}

static void ten_thousand_updates_without_a_mirror(void **state)
{
    (void)state;
    live_long(SMALL_J0, SMALL_J1, S_J0, FREE_SMALL, UPDATES);
    live_long(SMALL_J0, SMALL_J1, S_J1, FREE_SMALL, UPDATES);
    live_long(REAL_J0, REAL_J1, S_J0, JOURNAL_FREE_ALONE, UPDATES);
    live_long(REAL_J0, REAL_J1, S_J1, JOURNAL_FREE_ALONE, UPDATES_J0);
}

/* journal_alone_test [PATTERN]: leaves out the tests whose names match; `make test` does so with the ones that take long. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cut_in_an_update_without_a_mirror_loses_nothing),
        cmocka_unit_test(two_cuts_in_an_update_without_a_mirror_lose_nothing),
        cmocka_unit_test(torn_append_without_a_mirror_costs_no_erase),
        cmocka_unit_test(spare_place_is_not_looked_at_while_a_sector_is_sound),
        cmocka_unit_test(ten_thousand_updates_without_a_mirror),
    };
    if (argc == 2) {
        cmocka_set_skip_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
