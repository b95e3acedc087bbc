/* Update sessions, confirm, and what the bootloader chooses afterwards: on a healthy chip. Cuts:
 * update_cut_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "update_steps.h"

static void new_board_tries_the_image_it_was_given(void **state)
{
    (void)state;
    fixture_init(&fix);
    boot();
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(decision.reason, E_SLOT_NOT_BOOTABLE);
    fixture_factory(&fix, &v1, SLOT_B);
    boots(SLOT_B, true);
    assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
    assert_int_equal(u.record.starts, BOOT_TRIAL_STARTS - 1);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
}

static void good_release_is_installed_tried_and_confirmed(void **state)
{
    (void)state;
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    struct boot_info info;
    update_info(&u, &info);
    assert_int_equal(info.active_slot, SLOT_B);
    assert_int_equal(info.slot_state[0], SLOT_STATE_CONFIRMED);
    assert_int_equal(info.slot_state[1], SLOT_STATE_CONFIRMED);
    assert_int_equal(info.slot_version[1], V2);
    assert_int_equal(info.journal_ok, 3);
    assert_string_equal(info.hw_id, FIX_HW);
    assert_int_equal(fix.fake.n_suspect_programs, 0);
}

static void refused_statement_costs_no_erase_and_no_record(void **state)
{
    (void)state;
    struct fixture_release by_stranger = release_of(V2, 2, FIX_KEY_X, 100);
    struct fixture_release old = release_of(V2, 0, FIX_KEY_A, 100);
    struct fixture_release flipped = v2;
    flipped.text[60] ^= 1;
    struct update_target target;
    assert_int_equal(begin(&by_stranger, &target), E_STATEMENT_KEY);
    assert_int_equal(begin(&old, &target), E_STATEMENT_COUNTER);
    assert_int_not_equal(begin(&flipped, &target), FOTA_OK);
    for (size_t bit = 0; bit < 8 * v2.n_text; bit++) {
        flipped = v2;
        flipped.text[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(begin(&flipped, &target), FOTA_OK);
    }
    for (size_t n = 1; n < v2.n_text; n++) {
        assert_int_not_equal(update_begin(&u, v2.text, (uint32_t)n, &target), FOTA_OK);
    }
    fix.config.hw_id = "f407-other";
    assert_int_equal(begin(&v2, &target), E_STATEMENT_PRODUCT);
    fix.config.hw_id = FIX_HW;
    fix.config.n_sectors = 1;
    assert_int_equal(begin(&v2, &target), E_IMAGE_SIZE);
    fix.config.n_sectors = 3;
    assert_int_equal(fix.fake.n_ops, 0);
    assert_int_equal(u.session, UPDATE_CLOSED);
}

static void floor_follows_the_confirmed_image_when_its_fallback_is_given_up(void **state)
{
    (void)state;
    struct update_target target;
    struct boot_info info;
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(u.record.security_floor, 1); /* a trial does not raise it, so 1.0.0 can come back */
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    assert_int_equal(u.record.security_floor, 1);
    update_info(&u, &info);
    assert_int_equal(info.security_floor, 2); /* but no update may be below the confirmed image */
    assert_int_equal(begin(&v1, &target), E_STATEMENT_COUNTER);
    assert_int_equal(begin(&v3, &target), FOTA_OK);
    assert_int_equal(u.record.security_floor, 2);
}

static void decayed_active_image_falls_back_to_the_confirmed_one(void **state)
{
    (void)state;
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    *flash_fake_at(&fix.fake, FLASH_SLOT_B_BASE + 0x300) ^= 0x100;
    boots(SLOT_A, false);
    assert_int_equal(u.record.last_reason, E_SLOT_FELL_BACK);
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_EMPTY);
    install(&v2); /* and the release may be sent again */
    boots(SLOT_B, true);
}

static void no_bootable_image_stays_in_the_loader_and_takes_an_update(void **state)
{
    (void)state;
    *flash_fake_at(&fix.fake, FLASH_SLOT_A_BASE + 0x210) ^= 1;
    boot();
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(decision.reason, E_IMAGE_HASH);
    struct boot_info info;
    update_info(&u, &info);
    assert_int_equal(info.running_slot, SLOT_NONE);
    assert_int_equal(info.last_reason, E_IMAGE_HASH);
    install(&v2);
    boots(SLOT_B, true);
}

static void only_the_inactive_slot_is_erased_or_programmed(void **state)
{
    (void)state;
    struct update_target target;
    uint32_t word = 0;
    assert_int_equal(update_erase(&u, 8), E_UPDATE_NO_SESSION);
    assert_int_equal(update_program(&u, FLASH_SLOT_B_BASE, &word, 1), E_UPDATE_NO_SESSION);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    fix.fake.n_ops = 0;
    for (uint32_t sector = 0; sector < 300; sector++) {
        if (sector < 8 || sector > 10) {
            assert_int_equal(update_erase(&u, sector), E_FLASH_RANGE);
        }
    }
    assert_int_equal(update_erase(&u, UINT32_MAX), E_FLASH_RANGE);
    assert_int_equal(update_erase(&u, 0x80000008), E_FLASH_RANGE);
    static const uint32_t BAD[] = {0,
                                   0x08000000,
                                   FLASH_J1_BASE,
                                   FLASH_SLOT_A_BASE,
                                   FLASH_SLOT_B_BASE - 4,
                                   FLASH_SLOT_B_BASE + FIX_SLOT_BYTES,
                                   FLASH_J0_BASE,
                                   0xFFFFFFFC,
                                   0x20000000};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_int_equal(update_program(&u, BAD[i], &word, 1), E_FLASH_RANGE);
    }
    assert_int_equal(update_program(&u, FLASH_SLOT_B_BASE + FIX_SLOT_BYTES - 4, &word, 2), E_FLASH_RANGE);
    assert_int_equal(update_program(&u, FLASH_SLOT_B_BASE, &word, 0x40000000), E_FLASH_RANGE);
    assert_int_equal(update_program(&u, FLASH_SLOT_B_BASE, &word, UINT32_MAX), E_FLASH_RANGE);
    assert_int_equal(update_program(&u, FLASH_SLOT_B_BASE + 2, &word, 1), E_FLASH_ALIGN);
    assert_int_equal(fix.fake.n_ops, 0);
}

static void interrupted_session_resumes_at_the_last_whole_sector(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.slot, SLOT_B);
    assert_int_equal(target.base, FLASH_SLOT_B_BASE);
    assert_int_equal(target.image_bytes, v2.image[SLOT_B].n_bytes);
    assert_int_equal(target.resume_off, 0);
    uint32_t id = target.session_id;
    stream(&v2, &target, 0, FIX_SECTOR_BYTES + 128);
    boots(SLOT_A, false);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.resume_off, FIX_SECTOR_BYTES);
    assert_int_equal(target.session_id, id);
    stream(&v2, &target, target.resume_off, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    boots(SLOT_A, false);
    assert_int_equal(begin(&v2, &target), FOTA_OK); /* everything is there: nothing to send */
    assert_int_equal(target.resume_off, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_B, true);
}

static void erasing_a_finished_sector_takes_back_what_was_counted_as_received(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR), FOTA_OK);
    assert_int_equal(update_activate(&u), E_STATE); /* pending no more */
    boots(SLOT_A, false);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.resume_off, 0);
}

static void damaged_image_is_refused_at_finish_and_starts_over(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(update_finish(&u), E_UPDATE_INCOMPLETE);
    struct fixture_release damaged = v2;
    damaged.image[SLOT_B].bytes[600] ^= 0x40;
    stream(&damaged, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), E_IMAGE_HASH);
    assert_int_equal(update_activate(&u), E_STATE);
    struct boot_info info;
    update_info(&u, &info);
    assert_int_equal(info.last_reason, E_IMAGE_HASH);
    boots(SLOT_A, false);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.resume_off, 0);
    install(&v2);
    boots(SLOT_B, true);
}

static void signed_image_that_the_statement_does_not_name_is_refused(void **state)
{
    (void)state;
    struct update_target target;
    struct fixture_release other = release_of(V2, 3, FIX_KEY_A, 700);
    assert_int_equal(other.image[SLOT_B].n_bytes, v2.image[SLOT_B].n_bytes);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&other, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), E_UPDATE_DIGEST);
    assert_int_equal(update_activate(&u), E_STATE);
}

static void session_without_statement_goes_by_the_images_own_signature(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    assert_int_equal(target.session_id, (uint32_t)UPDATE_PLAIN_SESSION_ID);
    assert_int_equal(target.image_bytes, FIX_SLOT_BYTES);
    assert_int_equal(update_finish(&u), E_IMAGE_BLANK);
    stream(&v1, &target, 0, v1.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_B, true);
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(u.running, SLOT_A);
    struct fixture_release by_stranger = release_of(V2, 2, FIX_KEY_X, 100);
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    stream(&by_stranger, &target, 0, by_stranger.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), E_IMAGE_KEY);
    struct fixture_release old = release_of(V2, 0, FIX_KEY_A, 100);
    stream(&old, &target, 0, old.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), E_IMAGE_COUNTER);
    stream(&v2, &(struct update_target){.slot = SLOT_B, .base = FLASH_SLOT_B_BASE}, 0, FIX_SECTOR_BYTES);
    assert_int_equal(update_finish(&u), E_IMAGE_SIZE); /* cut short */
}

/* A good image, whose first bytes were hashed on their way into flash. */
static struct fixture_release stream_large(struct update_target *target)
{
    enum { LARGE_PAYLOAD_BYTES = 832 };
    struct fixture_release large = release_of(V2, 2, FIX_KEY_A, LARGE_PAYLOAD_BYTES);
    assert_int_equal(update_begin(&u, NULL, 0, target), FOTA_OK);
    stream(&large, target, 0, large.image[SLOT_B].n_bytes);
    assert_in_range(crypto_sha256_length(&fix.hash), FIX_SECTOR_BYTES + 128,
                    IMAGE_HEADER_AREA_BYTES + LARGE_PAYLOAD_BYTES);
    return large;
}

static void what_was_hashed_in_passing_is_read_again_if_it_changed(void **state)
{
    (void)state;
    static const uint32_t zero = 0;
    struct update_target target;
    uint32_t second = fix.config.first_sector[SLOT_B] + 1;
    struct fixture_release large = stream_large(&target);
    assert_int_equal(update_program(&u, target.base + FIX_SECTOR_BYTES + 64, &zero, 1), FOTA_OK);
    assert_int_equal(update_finish(&u), E_IMAGE_HASH);
    (void)stream_large(&target);
    assert_int_equal(update_erase(&u, second), FOTA_OK);
    assert_int_equal(update_finish(&u), E_IMAGE_HASH);
    (void)stream_large(&target);
    assert_int_equal(update_erase(&u, second), FOTA_OK);
    stream(&large, &target, FIX_SECTOR_BYTES, 2 * FIX_SECTOR_BYTES);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_finish(&u), FOTA_OK);
}

static void image_for_the_other_slot_is_refused_at_finish(void **state)
{
    (void)state;
    struct update_target target;
    struct fixture_release crossed = v2;
    crossed.image[SLOT_B] = v2.image[SLOT_A];
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    stream(&crossed, &target, 0, crossed.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), E_IMAGE_SLOT);
}

static void one_session_at_a_time(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(begin(&v3, &target), E_UPDATE_SESSION);
    assert_int_equal(update_begin(&u, NULL, 0, &target), E_UPDATE_SESSION);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_EMPTY);
    assert_int_equal(begin(&v3, &target), FOTA_OK);
}

/* One file digest in four thousand million begins with the id that plain sessions have. */
static void a_signed_offer_never_goes_on_with_a_plain_session_of_the_same_id(void **state)
{
    (void)state;
    struct update_target target;
    uint32_t off = 0;
    struct update_offer offer = {.session_id = (uint32_t)UPDATE_PLAIN_SESSION_ID,
                                 .slot = SLOT_B,
                                 .kind = UPDATE_OFFER_SIGNED,
                                 .image_bytes = FIX_SECTOR_BYTES};
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    assert_int_equal(update_begin_offer(&u, &offer, &off), E_UPDATE_SESSION);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(update_begin_offer(&u, &offer, &off), FOTA_OK);
    assert_int_equal(update_begin(&u, NULL, 0, &target), E_UPDATE_SESSION);
    assert_int_equal(update_finish(&u), E_UPDATE_INCOMPLETE); /* a plain one would look at the image */
}

static void no_update_while_a_trial_runs(void **state)
{
    (void)state;
    struct update_target target;
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(begin(&v3, &target), E_STATE);
    assert_int_equal(update_begin(&u, NULL, 0, &target), E_STATE);
    assert_int_equal(update_activate(&u), E_STATE);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_TRIAL);
    uint8_t sha256[32];
    assert_int_equal(update_hash(&u, 0, 4, sha256), E_FLASH_RANGE);
}

static void confirm_is_idempotent_and_bound_to_the_digest(void **state)
{
    (void)state;
    fix.fake.n_ops = 0;
    assert_int_equal(update_confirm(&u), FOTA_OK);
    assert_int_equal(fix.fake.n_ops, 0);
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    fix.fake.n_ops = 0;
    assert_int_equal(update_confirm(&u), FOTA_OK);
    assert_int_equal(fix.fake.n_ops, 0);
    boots(SLOT_B, false);
    u.running_digest[0] ^= 1;
    assert_int_equal(update_confirm(&u), E_STATE);
    boot_into_loader();
    assert_int_equal(update_confirm(&u), E_STATE); /* nothing runs */
}

static void activate_is_idempotent_and_needs_a_pending_image(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(update_activate(&u), E_STATE);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(update_activate(&u), E_STATE);
    stream(&v2, &target, 0, target.image_bytes);
    assert_int_equal(update_activate(&u), E_STATE);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    assert_int_equal(u.record.tries, BOOT_TRIAL_RUNS);
    assert_int_equal(update_abort(&u), FOTA_OK); /* before the reset one may still think again */
    boots(SLOT_A, false);
}

static void confirmed_fallback_needs_no_second_download(void **state)
{
    (void)state;
    struct fixture_release same_counter = release_of(V2, 1, FIX_KEY_A, 200);
    struct update_target target;
    install(&same_counter);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    assert_int_equal(begin(&v1, &target), FOTA_OK);
    assert_int_equal(target.slot, SLOT_A);
    assert_int_equal(target.resume_off, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_A, true);
}

static void hash_is_of_the_inactive_slot_only(void **state)
{
    (void)state;
    uint8_t sha256[CRYPTO_SHA256_BYTES];
    uint8_t wanted[CRYPTO_SHA256_BYTES];
    struct crypto_sha256 ctx;
    install(&v2);
    assert_int_equal(update_hash(&u, 0, v2.image[SLOT_B].n_bytes, sha256), FOTA_OK);
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, v2.image[SLOT_B].bytes, v2.image[SLOT_B].n_bytes);
    crypto_sha256_final(&ctx, wanted);
    assert_memory_equal(sha256, wanted, sizeof wanted);
    assert_int_equal(update_hash(&u, FIX_SLOT_BYTES, 0, sha256), FOTA_OK);
    assert_int_equal(update_hash(&u, FIX_SLOT_BYTES, 1, sha256), E_FLASH_RANGE);
    assert_int_equal(update_hash(&u, 4, UINT32_MAX, sha256), E_FLASH_RANGE);
    assert_int_equal(update_hash(&u, UINT32_MAX, 4, sha256), E_FLASH_RANGE);
}

static void worn_slot_is_reported_and_the_good_one_runs_on(void **state)
{
    (void)state;
    struct update_target target;
    fix.sectors[5].is_worn = true; /* first sector of slot B */
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR), E_FLASH_ERASE);
    boots(SLOT_A, false);
}

static void dead_journal_still_boots_the_confirmed_image(void **state)
{
    (void)state;
    install(&v2);
    fix.sectors[0].is_worn = true;
    fix.sectors[8].is_worn = true;
    boot(); /* the trial cannot be counted, so it does not run */
    assert_int_equal(decision.action, SLOTS_BOOT);
    assert_int_equal(decision.slot, SLOT_A);
}

static uint32_t n_settled;
static uint32_t n_ops_before_settled;

static void settle(void)
{
    n_settled++;
    n_ops_before_settled = fix.fake.n_ops;
}

static void open_after(enum reset_cause cause)
{
    flash_fake_power_up(&fix.fake, 3);
    memset(&u, 0xA5, sizeof u);
    n_settled = 0;
    fix.fake.n_ops = 0;
    fix.config.settle = settle;
    assert_int_equal(update_open(&u, &fix.config, &(struct update_reset){.cause = cause}), FOTA_OK);
}

static void repair_after_a_loss_of_power_waits_for_the_supply_first(void **state)
{
    (void)state;
    static const struct {
        enum reset_cause cause;
        uint32_t waits;
    } CASES[] = {{RESET_POWER_ON, 1}, {RESET_BROWN_OUT, 1}, {RESET_PIN, 0},      {RESET_SOFTWARE, 0},
                 {RESET_IWDG, 0},     {RESET_WWDG, 0},      {RESET_LOW_POWER, 0}};
    open_after(RESET_POWER_ON);
    assert_int_equal(n_settled, 0); /* nothing to repair */
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        flash_fake_lose_sector(&fix.fake, FLASH_J1_SECTOR, 5);
        open_after(CASES[i].cause);
        assert_int_equal(n_settled, CASES[i].waits);
        assert_int_equal(n_ops_before_settled, 0);
        assert_true(fix.fake.n_ops > 0); /* repaired */
        assert_int_equal(journal_sound_mask(&u.journal), 3);
    }
    flash_fake_lose_sector(&fix.fake, FLASH_J0_SECTOR, 6);
    flash_fake_lose_sector(&fix.fake, FLASH_J1_SECTOR, 7);
    open_after(RESET_POWER_ON);
    assert_int_equal(n_settled, 0); /* a new board, or a lost journal: nothing to repair either */
}

static void epoch_in_one_time_memory_is_a_floor_that_no_journal_can_lower(void **state)
{
    (void)state;
    uint8_t epoch[OTP_EPOCH_BYTES];
    struct boot_info info;
    memset(epoch, 0xFF, sizeof epoch);
    fix.config.epoch = epoch;
    boots(SLOT_A, false);
    assert_int_equal(u.record.security_floor, 0); /* blank */
    epoch[0] = 0;
    boots(SLOT_A, false); /* counter 1 */
    epoch[17] = 0xF7;     /* any byte that was touched counts, wherever it is */
    boot();
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(u.record.last_reason, E_IMAGE_COUNTER);
    update_info(&u, &info);
    assert_int_equal(info.security_floor, 2);

    epoch[17] = 0xFF;
    install(&v2);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    epoch[3] = 0;
    lose_journals();
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boots(SLOT_B, true); /* counter 2 */
        assert_int_equal(u.record.security_floor, 2);
        next_reset.is_run_failed = true;
    }
    boot(); /* 1.0.0 in A is below the epoch: with both journals lost, the epoch is what remains */
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_LAST_RESORT); /* no other image can boot */

    memset(epoch, 0, sizeof epoch);
    boot();
    assert_int_equal(u.record.security_floor, OTP_EPOCH_BYTES);
}

static void image_written_past_the_updater_gets_a_trial_not_trust(void **state)
{
    (void)state;
    fixture_init(&fix);
    fixture_factory(&fix, &v1, SLOT_A);
    boots(SLOT_A, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    struct fixture_release other = release_of(V3, 5, FIX_KEY_A, 100);
    fixture_factory(&fix, &other, SLOT_A); /* a debugger's doing */
    boots(SLOT_A, true);
    assert_int_equal(u.record.starts, BOOT_TRIAL_STARTS - 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        T(new_board_tries_the_image_it_was_given),
        T(good_release_is_installed_tried_and_confirmed),
        T(refused_statement_costs_no_erase_and_no_record),
        T(repair_after_a_loss_of_power_waits_for_the_supply_first),
        T(epoch_in_one_time_memory_is_a_floor_that_no_journal_can_lower),
        T(floor_follows_the_confirmed_image_when_its_fallback_is_given_up),
        T(decayed_active_image_falls_back_to_the_confirmed_one),
        T(no_bootable_image_stays_in_the_loader_and_takes_an_update),
        T(only_the_inactive_slot_is_erased_or_programmed),
        T(interrupted_session_resumes_at_the_last_whole_sector),
        T(erasing_a_finished_sector_takes_back_what_was_counted_as_received),
        T(damaged_image_is_refused_at_finish_and_starts_over),
        T(signed_image_that_the_statement_does_not_name_is_refused),
        T(session_without_statement_goes_by_the_images_own_signature),
        T(what_was_hashed_in_passing_is_read_again_if_it_changed),
        T(image_for_the_other_slot_is_refused_at_finish),
        T(one_session_at_a_time),
        T(a_signed_offer_never_goes_on_with_a_plain_session_of_the_same_id),
        T(no_update_while_a_trial_runs),
        T(confirm_is_idempotent_and_bound_to_the_digest),
        T(activate_is_idempotent_and_needs_a_pending_image),
        T(confirmed_fallback_needs_no_second_download),
        T(hash_is_of_the_inactive_slot_only),
        T(worn_slot_is_reported_and_the_good_one_runs_on),
        T(dead_journal_still_boots_the_confirmed_image),
        T(image_written_past_the_updater_gets_a_trial_not_trust),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
