/*
 * Bricks that others published, retold: each test is what happened to somebody's devices, done to ours.
 * README.md has the story and the reference of each, planted.json the bug that each of them notices.
 */
#include "fake_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"

static struct fake_board board;
static struct fake_board other;

static void confirm(struct fake_board *d)
{
    enum fota_err err = update_confirm(&d->u);
    (void)err; /* power may fail in it */
}

static void install_v2(struct fake_board *d)
{
    enum fota_err err = board_install(d, board_release(V2));
    (void)err;
}

static void reject_by_three_runs(struct fake_board *d, uint32_t version)
{
    assert_true(board_boot(d));
    assert_int_equal(board_install(d, board_release(version)), FOTA_OK);
    for (unsigned run = 0; run < BOOT_TRIAL_RUNS; run++) {
        assert_true(board_boot(d));
        assert_int_equal(board_runs(d), version);
        d->has_failed_run = true;
    }
    assert_true(board_boot(d));
    assert_int_equal(board_runs(d), V1);
}

/* MCUboot 1966, 2100 */
static void half_written_record_leaves_the_old_state_or_the_new(void **state)
{
    (void)state;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, board_release(V2)), FOTA_OK);
    board_cut_everywhere(&board, confirm, true, V1, V2, V3);
}

/* MCUboot 1588 */
static void state_that_a_reset_left_in_ram_is_not_believed(void **state)
{
    (void)state;
    struct boot_info warm, cold;
    struct update_target target;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(
        update_begin(&board.u, board_release(V2)->text, (uint32_t)board_release(V2)->n_text, &target),
        FOTA_OK);
    assert_int_equal(update_erase(&board.u, board.fix.config.first_sector[SLOT_B]), FOTA_OK);
    board_copy(&other, &board);
    memset(&other.u, 0xA5, sizeof other.u);
    assert_int_equal(
        update_open(&board.u, &board.fix.config, &(struct update_reset){.cause = RESET_SOFTWARE}), FOTA_OK);
    assert_int_equal(
        update_open(&other.u, &other.fix.config, &(struct update_reset){.cause = RESET_SOFTWARE}), FOTA_OK);
    update_info(&board.u, &warm);
    update_info(&other.u, &cold);
    assert_memory_equal(&warm, &cold, sizeof warm);
    assert_int_equal(update_finish(&board.u), E_UPDATE_NO_SESSION);
}

/* The update is cut, and goes on at the next boot; what it left may read otherwise at every boot from then
 * on. */
static void must_go_on(const struct fake_board *start, uint32_t op, enum flash_cut cut)
{
    board_copy(&other, start);
    other.seed = op;
    assert_true(board_boot(&other));
    flash_fake_cut_at(&other.fix.fake, op, cut);
    install_v2(&other);
    assert_true(board_boot(&other));
    if (board_runs(&other) != V2) {
        assert_int_equal(board_install(&other, board_release(V2)), FOTA_OK);
        assert_true(board_boot(&other));
    }
    assert_int_equal(update_confirm(&other.u), FOTA_OK);
    for (unsigned boot = 0; boot < 12; boot++) {
        if (!board_boot(&other) || board_runs(&other) != V2) {
            fail_msg("operation %u, cut %u: the update was complete, and is not any more", (unsigned)op,
                     (unsigned)cut);
        }
    }
}

/* wolfBoot, torn last erase; also MCUboot f76fba70 */
static void torn_last_erase_of_an_update_is_not_the_end(void **state)
{
    (void)state;
    uint8_t junk[FIX_SECTOR_BYTES];
    memset(junk, 0x3C, sizeof junk);
    board_confirmed(&board);
    /* Short enough that the last sector of the slot is cleared at the end. */
    flash_fake_load(&board.fix.fake, FLASH_SLOT_B_BASE + 2 * FIX_SECTOR_BYTES, junk, sizeof junk);
    board_cut_everywhere(&board, install_v2, true, V1, V2, V3);
    assert_true(board_boot(&board));
    install_v2(&board);
    uint32_t n_ops = board_ops(&board);
    board_confirmed(&board);
    flash_fake_load(&board.fix.fake, FLASH_SLOT_B_BASE + 2 * FIX_SECTOR_BYTES, junk, sizeof junk);
    for (uint32_t op = 1; op <= n_ops; op++) {
        must_go_on(&board, op, FLASH_CUT_FADES);
        must_go_on(&board, op, FLASH_CUT_FADES_LATE);
    }
}

/* ST AN3969 */
static void two_valid_sectors_that_differ_are_not_formatted(void **state)
{
    (void)state;
    board_confirmed(&board);
    reject_by_three_runs(&board, V2);
    uint8_t rejected[sizeof board.u.record.rejected];
    memcpy(rejected, board.u.record.rejected, sizeof rejected);
    assert_int_not_equal(rejected[BOOT_RECORD_DIGEST_BYTES], 0);
    assert_true(board_boot(&board));
    /* The next record reaches J0 and not J1. */
    uint32_t j1_erases = board.fix.sectors[0].n_erases;
    for (uint32_t op = 21; op < 28; op++) {
        struct update_target target;
        board_copy(&other, &board);
        flash_fake_cut_at(&other.fix.fake, op, FLASH_CUT_GARBAGE);
        enum fota_err err =
            update_begin(&other.u, board_release(V3)->text, (uint32_t)board_release(V3)->n_text, &target);
        (void)err;
        assert_true(board_boot(&other));
        assert_int_equal(board_runs(&other), V1);
        assert_memory_equal(other.u.record.rejected, rejected, sizeof rejected);
        assert_int_equal(other.u.record.state[SLOT_A], SLOT_STATE_CONFIRMED);
        assert_true(other.fix.sectors[0].n_erases <= j1_erases + 1);
    }
}

/* ArduPilot AP_FlashStorage */
static void garbage_in_one_journal_sector_does_not_cost_the_other(void **state)
{
    (void)state;
    static const uint32_t SECTORS[] = {FLASH_J0_SECTOR, FLASH_J1_SECTOR};
    for (unsigned i = 0; i < 2; i++) {
        board_updated(&board, V2);
        flash_fake_lose_sector(&board.fix.fake, SECTORS[i], 5);
        board_cut_everywhere(&board, NULL, false, V2, V2, V3);
    }
}

/* MCUboot 480, and the revert loop of 2.2.0 */
static void revert_that_is_reset_again_and_again_ends(void **state)
{
    (void)state;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, board_release(V3)), FOTA_OK);
    for (uint32_t op = 1; op < 200; op++) {
        unsigned n_runs = 0;
        board_copy(&other, &board);
        for (unsigned boot = 0; boot < 40; boot++) {
            flash_fake_power_up(&other.fix.fake, boot + op);
            flash_fake_cut_at(&other.fix.fake, boot < 5 ? op + boot : 0, FLASH_CUT_GARBAGE);
            memset(&other.u, 0xA5, sizeof other.u);
            enum fota_err err =
                update_open(&other.u, &other.fix.config,
                            &(struct update_reset){.cause = RESET_IWDG, .is_run_failed = n_runs != 0});
            if (err == FOTA_OK && !other.fix.fake.is_cut) {
                update_choose(&other.u, BOOT_REQUEST_NONE, &other.choice, other.images);
                n_runs += !other.fix.fake.is_cut && board_runs(&other) == V3;
            }
        }
        assert_true(n_runs <= BOOT_TRIAL_RUNS);
        assert_int_equal(board_runs(&other), V1);
    }
}

/* MCUboot 2.2.0 and PR 2282 */
static void floor_rises_only_when_the_fallback_is_given_up(void **state)
{
    (void)state;
    board_confirmed(&board);
    reject_by_three_runs(&board, V3); /* counter 3; 1.0.0 has 1 */
    board_must_be_well(&board, V1, V1, V2, "after the rejection");
}

/* MCUboot direct-xip with revert, ESP-IDF "unexpected reset" */
static void loss_of_power_in_the_first_run_does_not_cost_the_image(void **state)
{
    (void)state;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, board_release(V2)), FOTA_OK);
    for (unsigned start = 0; start < BOOT_TRIAL_STARTS; start++) {
        assert_true(board_boot(&board)); /* and power is lost */
        assert_int_equal(board_runs(&board), V2);
        assert_int_equal(board.u.record.tries, BOOT_TRIAL_RUNS); /* not the image's fault */
    }
    assert_int_equal(update_confirm(&board.u), FOTA_OK);
    assert_true(board_boot(&board));
    assert_int_equal(board_runs(&board), V2);
}

/* MCUboot 1446 */
static void good_image_in_the_other_slot_takes_over_when_the_active_one_rots(void **state)
{
    (void)state;
    board_updated(&board, V2);
    *flash_fake_at(&board.fix.fake, FLASH_SLOT_B_BASE + 0x204) ^= 0x00010000;
    board_must_be_well(&board, V1, V1, V2, "after the rot");
}

/* ESP-IDF 1559 */
static void image_that_was_confirmed_and_crashes_is_left_once(void **state)
{
    (void)state;
    board_updated(&board, V2);
    for (board.n_crashes = 1; board.n_crashes < SLOTS_CRASHES_MAX; board.n_crashes++) {
        assert_true(board_boot(&board));
        assert_int_equal(board_runs(&board), V2);
    }
    for (unsigned boot = 0; boot < 4; boot++) { /* the other one crashes too: no way back and forth */
        assert_true(board_boot(&board));
        assert_int_equal(board_runs(&board), V1);
        assert_int_equal(board.u.record.last_reason, E_SLOT_CRASH_LOOP);
        assert_int_equal(board.u.record.state[SLOT_B], SLOT_STATE_REJECTED);
    }
}

/* Our own model, before there was code: fallback to any signed image */
static void rejected_image_is_no_fallback(void **state)
{
    (void)state;
    board_confirmed(&board);
    reject_by_three_runs(&board, V2);
    *flash_fake_at(&board.fix.fake, FLASH_SLOT_A_BASE + 0x204) ^= 0x00010000;
    for (unsigned boot = 0; boot < 4; boot++) {
        assert_false(board_boot(&board));
        assert_int_equal(board.choice.action, SLOTS_LOADER);
    }
}

/* MCUboot 2430 */
static void factory_image_that_nobody_confirmed_is_not_erased(void **state)
{
    (void)state;
    const struct fixture_image *image = &board_release(V1)->image[SLOT_A];
    board_factory(&board, V1, SLOT_A);
    for (unsigned boot = 0; boot < 8; boot++) {
        bool is_started = board_boot(&board);
        board.has_failed_run = is_started;
        assert_true(boot >= BOOT_TRIAL_RUNS || is_started);
        assert_memory_equal(board.fix.config.slot[SLOT_A], image->bytes, image->n_bytes);
    }
    /* In the loader for 10 s, and says why; then it tries again, for ever. */
    assert_int_equal(board.u.record.last_reason, E_SLOT_TRIALS_SPENT);
    assert_int_equal(board.u.record.state[SLOT_A], SLOT_STATE_LAST_RESORT);
    update_choose(&board.u, BOOT_REQUEST_TRY, &board.choice, board.images);
    assert_int_equal(board_runs(&board), V1);
}

/* CAN bootloader of CVRA, issue 71; wolfBoot's F407 configuration */
static void image_longer_than_its_slot_erases_nothing(void **state)
{
    (void)state;
    static struct fixture_release large = {
        .version = 0x04000000, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 600};
    struct update_target target;
    fixture_release(&large);
    board_confirmed(&board);
    board.fix.config.n_sectors = 2; /* the release wants three */
    assert_true(board_boot(&board));
    assert_true(large.image[SLOT_B].n_bytes > 2 * FIX_SECTOR_BYTES);
    assert_int_equal(update_begin(&board.u, large.text, (uint32_t)large.n_text, &target), E_IMAGE_SIZE);
    assert_int_equal(board_ops(&board), 0);
}

static void erase_and_program_end_at_the_end_of_the_slot(void **state)
{
    (void)state;
    static const uint32_t FORBIDDEN[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 12, UINT32_MAX};
    struct update_target target;
    uint32_t words[2] = {0, 0};
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(update_begin(&board.u, NULL, 0, &target), FOTA_OK);
    uint32_t n_ops = board_ops(&board);
    for (unsigned i = 0; i < sizeof FORBIDDEN / sizeof FORBIDDEN[0]; i++) {
        assert_int_equal(update_erase(&board.u, FORBIDDEN[i]), E_FLASH_RANGE);
    }
    uint32_t end = target.base + FIX_SLOT_BYTES;
    assert_int_equal(update_program(&board.u, end - 4, words, 2), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, target.base, words, 0x40000001), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, FLASH_BOOT_BASE, words, 1), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, target.base - 4, words, 2), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, FLASH_SLOT_A_BASE, words, 1), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, FLASH_J0_BASE, words, 1), E_FLASH_RANGE);
    assert_int_equal(update_program(&board.u, FLASH_J1_BASE, words, 1), E_FLASH_RANGE);
    assert_int_equal(board_ops(&board), n_ops);
}

/* LockState 2017 */
static void well_signed_release_for_other_hardware_erases_nothing(void **state)
{
    (void)state;
    struct update_target target;
    board_confirmed(&board);
    board.fix.config.hw_id = "f407-other";
    memset(&board.u, 0, sizeof board.u);
    flash_fake_power_up(&board.fix.fake, 1);
    assert_int_equal(
        update_open(&board.u, &board.fix.config, &(struct update_reset){.cause = RESET_POWER_ON}), FOTA_OK);
    const struct fixture_release *release = board_release(V2);
    assert_int_equal(update_begin(&board.u, release->text, (uint32_t)release->n_text, &target),
                     E_STATEMENT_PRODUCT);
    assert_int_equal(board_ops(&board), 0);
}

/* U-Boot CVE-2020-10648 */
static void what_runs_is_what_was_verified_in_this_boot(void **state)
{
    (void)state;
    for (uint32_t off = 0; off < board_release(V1)->image[SLOT_A].n_bytes; off += 4) {
        board_confirmed(&board);
        *flash_fake_at(&board.fix.fake, FLASH_SLOT_A_BASE + off) ^= 1U << off % 32;
        assert_false(board_boot(&board));
        assert_int_equal(board.choice.action, SLOTS_LOADER);
    }
}

/* wolfBoot F-4410, F-4411 */
static void counters_above_2_to_the_31_are_not_negative(void **state)
{
    (void)state;
    static struct fixture_release high = {
        .version = 0x04000000, .counter = 0x80000000, .key = FIX_KEY_A, .payload_bytes = 40};
    struct update_target target;
    fixture_release(&high);
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, &high), FOTA_OK);
    assert_true(board_boot(&board));
    assert_int_equal(board_runs(&board), high.version);
    assert_int_equal(update_confirm(&board.u), FOTA_OK);
    assert_true(board_boot(&board));
    uint32_t n_ops = board_ops(&board);
    const struct fixture_release *old = board_release(V2);
    assert_int_equal(update_begin(&board.u, old->text, (uint32_t)old->n_text, &target), E_STATEMENT_COUNTER);
    assert_int_equal(board_ops(&board), n_ops);
}

/* wolfBoot F-7987, 815 */
static void failed_erase_ends_the_update_and_says_so(void **state)
{
    (void)state;
    struct update_target target;
    board_confirmed(&board);
    board.fix.sectors[5].is_worn = true; /* first sector of slot B */
    for (enum flash_wear wear = FLASH_WEAR_ERRORS; wear <= FLASH_WEAR_DEAF; wear++) {
        uint32_t word = 0x12345678;
        board.fix.fake.wear = wear;
        flash_fake_load(&board.fix.fake, FLASH_SLOT_B_BASE, &word, sizeof word);
        assert_true(board_boot(&board));
        const struct fixture_release *release = board_release(V2);
        assert_int_equal(update_begin(&board.u, release->text, (uint32_t)release->n_text, &target), FOTA_OK);
        enum fota_err err = update_erase(&board.u, FLASH_SLOT_B_SECTOR);
        assert_int_equal(err, wear == FLASH_WEAR_ERRORS ? E_FLASH_ERASE : E_FLASH_NOT_BLANK);
        assert_int_not_equal(update_finish(&board.u), FOTA_OK);
        assert_int_not_equal(update_activate(&board.u), FOTA_OK);
        assert_int_equal(update_abort(&board.u), FOTA_OK);
        assert_true(board_boot(&board));
        assert_int_equal(board_runs(&board), V1);
    }
}

/* CVE-2024-32883, MCUboot 1894 */
static void bytes_after_the_signed_ones_are_refused(void **state)
{
    (void)state;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, board_release(V2)), FOTA_OK);
    *flash_fake_at(&board.fix.fake, FLASH_SLOT_B_BASE + FIX_SLOT_BYTES - 4) = 0x4770BF00;
    assert_true(board_boot(&board));
    assert_int_equal(board_runs(&board), V1);
    assert_int_equal(board.u.record.last_reason, E_IMAGE_TRAILING);
}

/* TizenRT 4725, rusefi 8803: blank is not erased */
static void journal_sector_that_reads_blank_after_a_cut_erase_is_erased_again(void **state)
{
    (void)state;
    static const enum flash_cut CUTS[] = {FLASH_CUT_COMPLETE, FLASH_CUT_FADES, FLASH_CUT_FADES_LATE};
    for (unsigned i = 0; i < 3; i++) {
        board_updated(&board, V2);
        flash_fake_lose_sector(&board.fix.fake, FLASH_J1_SECTOR, 5);
        /* The first erase of the repair: after killing every record. */
        flash_fake_power_up(&board.fix.fake, 3);
        flash_fake_cut_at(&board.fix.fake, FIX_J1_RECORDS + 2, CUTS[i]);
        memset(&board.u, 0xA5, sizeof board.u);
        uint32_t n_before = board.fix.sectors[0].n_erases;
        enum fota_err err =
            update_open(&board.u, &board.fix.config, &(struct update_reset){.cause = RESET_POWER_ON});
        (void)err;
        assert_true(board.fix.fake.is_cut);
        uint32_t n_erases = board.fix.sectors[0].n_erases;
        assert_int_equal(n_erases, n_before + 1);
        assert_true(board_boot(&board));
        assert_int_equal(board.fix.sectors[0].n_erases, n_erases + 1);
        board_must_be_well(&board, V2, V2, V3, "after the repair");
    }
}

/* ST community: F429 bricked by loss of power while its unused bank was written */
static void loss_of_power_while_the_unused_slot_is_written_leaves_the_running_one(void **state)
{
    (void)state;
    const struct fixture_image *image = &board_release(V1)->image[SLOT_A];
    board_confirmed(&board);
    for (uint32_t op = 1;; op += 7) {
        board_copy(&other, &board);
        assert_true(board_boot(&other));
        flash_fake_cut_at(&other.fix.fake, op, FLASH_CUT_MIXED);
        install_v2(&other);
        assert_memory_equal(other.fix.config.slot[SLOT_A], image->bytes, image->n_bytes);
        if (!other.fix.fake.is_cut) {
            break;
        }
        assert_true(board_boot(&other));
        assert_memory_equal(other.fix.config.slot[SLOT_A], image->bytes, image->n_bytes);
    }
}

/* Microchip SST26: an interrupted program may corrupt its whole sector */
static void cut_program_that_upsets_its_whole_sector_bricks_nothing(void **state)
{
    (void)state;
    board_confirmed(&board);
    assert_true(board_boot(&board));
    assert_int_equal(board_install(&board, board_release(V2)), FOTA_OK);
    board.fix.fake.is_disturbing = true;
    board_cut_everywhere(&board, confirm, true, V1, V2, V3);
    board_updated(&board, V2);
    board.fix.fake.is_disturbing = true;
    flash_fake_lose_sector(&board.fix.fake, FLASH_J1_SECTOR, 5);
    board_cut_everywhere(&board, NULL, false, V2, V2, V3);
}

/* Wear: one dead journal sector (field report F10; reliability 4.2 row 22) */
static void dead_journal_sector_costs_the_mirror_and_nothing_else(void **state)
{
    (void)state;
    static const unsigned J1 = 0, J0 = 8;
    for (unsigned i = 0; i < 2; i++) {
        for (enum flash_wear wear = FLASH_WEAR_ERRORS; wear <= FLASH_WEAR_DEAF; wear++) {
            board_updated(&board, V2);
            board.fix.fake.wear = wear;
            board.fix.sectors[i == 0 ? J1 : J0].is_worn = true;
            flash_fake_lose_sector(&board.fix.fake, i == 0 ? FLASH_J1_SECTOR : FLASH_J0_SECTOR, 9);
            board_must_be_well(&board, V2, V2, V3, "on one journal sector");
            assert_int_equal(journal_sound_mask(&board.u.journal), i == 0 ? 1 : 2);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_written_record_leaves_the_old_state_or_the_new),
        cmocka_unit_test(state_that_a_reset_left_in_ram_is_not_believed),
        cmocka_unit_test(torn_last_erase_of_an_update_is_not_the_end),
        cmocka_unit_test(two_valid_sectors_that_differ_are_not_formatted),
        cmocka_unit_test(garbage_in_one_journal_sector_does_not_cost_the_other),
        cmocka_unit_test(revert_that_is_reset_again_and_again_ends),
        cmocka_unit_test(floor_rises_only_when_the_fallback_is_given_up),
        cmocka_unit_test(loss_of_power_in_the_first_run_does_not_cost_the_image),
        cmocka_unit_test(good_image_in_the_other_slot_takes_over_when_the_active_one_rots),
        cmocka_unit_test(image_that_was_confirmed_and_crashes_is_left_once),
        cmocka_unit_test(rejected_image_is_no_fallback),
        cmocka_unit_test(factory_image_that_nobody_confirmed_is_not_erased),
        cmocka_unit_test(image_longer_than_its_slot_erases_nothing),
        cmocka_unit_test(erase_and_program_end_at_the_end_of_the_slot),
        cmocka_unit_test(well_signed_release_for_other_hardware_erases_nothing),
        cmocka_unit_test(what_runs_is_what_was_verified_in_this_boot),
        cmocka_unit_test(counters_above_2_to_the_31_are_not_negative),
        cmocka_unit_test(failed_erase_ends_the_update_and_says_so),
        cmocka_unit_test(bytes_after_the_signed_ones_are_refused),
        cmocka_unit_test(journal_sector_that_reads_blank_after_a_cut_erase_is_erased_again),
        cmocka_unit_test(loss_of_power_while_the_unused_slot_is_written_leaves_the_running_one),
        cmocka_unit_test(cut_program_that_upsets_its_whole_sector_bricks_nothing),
        cmocka_unit_test(dead_journal_sector_costs_the_mirror_and_nothing_else),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]); /* one story, for the planted bugs */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
