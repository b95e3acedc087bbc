/* A good release always gets in: room in the journal, permission for each erase, dips of the supply; and the
 * details of a session that cost an update if they are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "update_steps.h"

static void every_boot_leaves_room_so_that_confirm_never_erases(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        const struct fixture_release *release = i % 2 == 0 ? &v2 : &v3;
        install(release);
        boot();
        uint32_t before = n_erases();
        update_allow_erases(&u, 0);
        assert_int_equal(update_confirm(&u), FOTA_OK);
        assert_int_equal(before, n_erases());
        boot();
        struct boot_info info;
        update_info(&u, &info);
        assert_int_equal(info.slot_version[u.running], release->version);
    }
    assert_int_equal(fix.fake.n_suspect_programs, 0);
}

static void boot_makes_room_for_the_application_that_it_starts(void **state)
{
    (void)state;
    for (uint32_t left = 0; left < JOURNAL_FREE_AT_JUMP; left++) {
        fill_journal(left);
        boots(SLOT_A, false);
        assert_true(journal_has_room(&u.journal, JOURNAL_FREE_AT_JUMP));
    }
    for (uint32_t left = 0; left < JOURNAL_FREE_AT_JUMP; left++) {
        fill_journal(left);
        boot_into_loader();
        assert_int_equal(fix.fake.n_ops, 0); /* a board that resets again and again wears nothing */
    }
    for (uint32_t left = 0; left < JOURNAL_FREE_AT_JUMP; left++) {
        install(&v2);
        fill_journal(left);
        boots(SLOT_B, true);
        assert_true(journal_has_room(&u.journal, JOURNAL_FREE_AT_JUMP));
        assert_int_equal(update_confirm(&u), FOTA_OK);
        set_up(NULL);
    }
}

static void sixty_four_failed_finishes_do_not_keep_a_good_image_out(void **state)
{
    (void)state;
    struct update_target target;
    struct fixture_release damaged = v2;
    damaged.image[SLOT_B].bytes[600] ^= 0x40;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    for (int i = 0; i < 64; i++) {
        stream(&damaged, &target, 0, target.image_bytes);
        assert_int_equal(update_finish(&u), E_IMAGE_HASH);
    }
    stream(&v2, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_B, true);
}

static void no_step_of_a_session_ends_with_a_full_journal(void **state)
{
    (void)state;
    struct update_target target;
    fill_journal(0);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, target.image_bytes);
    fill_journal(0);
    assert_int_equal(update_finish(&u), FOTA_OK);
    fill_journal(0);
    assert_int_equal(update_activate(&u), FOTA_OK);
    fill_journal(0);
    assert_int_equal(update_abort(&u), FOTA_OK);
    fill_journal(0);
    assert_int_equal(update_retry(&u, 1), FOTA_OK);
    fill_journal(0);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    fill_journal(0);
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    fill_journal(0);
    assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR), FOTA_OK); /* takes back what was pending */
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_RECEIVING);
}

/* Call it as the agent does: without permission first, then with permission for one erase each time. */
#define PATIENTLY(call, n_busy_max)                                                                          \
    do {                                                                                                     \
        enum fota_err patient_err;                                                                           \
        uint32_t n_busy = 0;                                                                                 \
        for (;;) {                                                                                           \
            uint32_t allowed = n_busy == 0 ? 0 : 1;                                                          \
            uint32_t before = n_erases();                                                                    \
            update_allow_erases(&u, allowed);                                                                \
            patient_err = (call);                                                                            \
            assert_true(n_erases() - before <= allowed);                                                     \
            if (patient_err != E_UPDATE_BUSY) {                                                              \
                break;                                                                                       \
            }                                                                                                \
            n_busy++;                                                                                        \
            assert_true(n_busy <= (n_busy_max));                                                             \
        }                                                                                                    \
        assert_int_equal(patient_err, FOTA_OK);                                                              \
    } while (0)

static void each_erase_needs_its_own_permission_and_asking_loses_nothing(void **state)
{
    (void)state;
    struct update_target target;
    static uint8_t junk[FIX_SLOT_BYTES];
    memset(junk, 0x3C, sizeof junk);
    flash_fake_load(&fix.fake, FLASH_SLOT_B_BASE, junk, sizeof junk); /* a longer image was there */
    fill_journal(0);
    PATIENTLY(begin(&v1, &target), 3); /* two sectors of the journal */
    const struct fixture_image *image = &v1.image[SLOT_B];
    for (uint32_t off = 0; off < target.image_bytes; off += 64) {
        uint32_t words[16];
        memset(words, 0xFF, sizeof words);
        memcpy(words, image->bytes + off, target.image_bytes - off < 64 ? target.image_bytes - off : 64);
        if (off % FIX_SECTOR_BYTES == 0) {
            PATIENTLY(update_erase(&u, FLASH_SLOT_B_SECTOR + off / FIX_SECTOR_BYTES), 2);
        }
        update_allow_erases(&u, 0);
        assert_int_equal(update_program(&u, target.base + off, words, 16), FOTA_OK);
    }
    fill_journal(0);
    PATIENTLY(update_finish(&u), 4); /* the journal's and what the image does not reach */
    fill_journal(0);
    PATIENTLY(update_activate(&u), 3);
    fill_journal(0);
    PATIENTLY(update_abort(&u), 3);
    fill_journal(0);
    PATIENTLY(update_retry(&u, 1), 3);
}

/* With one permission each time, as the agent asks: what cannot be done is said, not put off for ever. */
static enum fota_err finally(enum fota_err (*call)(struct update *), uint32_t n_busy_max)
{
    enum fota_err err = E_UPDATE_BUSY;
    for (uint32_t i = 0; i <= n_busy_max && err == E_UPDATE_BUSY; i++) {
        update_allow_erases(&u, i == 0 ? 0 : 1);
        err = call(&u);
    }
    return err;
}

static enum fota_err begin_v2(struct update *update)
{
    struct update_target target;
    (void)update;
    return begin(&v2, &target);
}

static enum fota_err retry_9(struct update *update)
{
    return update_retry(update, 9);
}

static void with_both_journal_sectors_dead_each_service_says_so_and_is_not_busy_for_ever(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, target.image_bytes);
    fix.sectors[0].is_worn = true;
    fix.sectors[8].is_worn = true;
    const enum fota_err finished = finally(update_finish, 4);
    assert_true(finished != FOTA_OK && finished != E_UPDATE_BUSY);
    assert_int_equal(journal_dead_mask(&u.journal), 3);
    assert_int_equal(finally(update_finish, 4), finished);
    assert_int_equal(finally(update_abort, 4), finished);
    assert_int_equal(finally(retry_9, 4), finished);
    assert_int_equal(finally(begin_v2, 4), finished);
}

static void refused_permission_changes_no_session(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, 640);
    struct update before = u;
    update_allow_erases(&u, 0);
    before.n_erases_allowed = 0;
    assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR + 1), E_UPDATE_BUSY);
    assert_memory_equal(&u.record, &before.record, sizeof u.record);
    assert_int_equal(u.session_flashed, before.session_flashed);
    assert_int_equal(u.session, before.session);
    fill_journal(0);
    assert_int_equal(update_abort(&u), E_UPDATE_BUSY);
    assert_int_equal(u.offer.session_id, before.offer.session_id);
    update_allow_erases(&u, UINT32_MAX);
    assert_int_equal(update_abort(&u), FOTA_OK);
}

static void dip_of_the_supply_at_begin_or_confirm_costs_nothing(void **state)
{
    (void)state;
    struct update_target target;
    fix.fake.is_supply_low = true;
    assert_int_equal(begin(&v2, &target), E_FLASH_SUPPLY);
    assert_int_equal(update_retry(&u, 7), E_FLASH_SUPPLY);
    fix.fake.is_supply_low = false;
    assert_int_equal(update_retry(&u, 7), FOTA_OK); /* without a reset between */
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, target.image_bytes);
    fix.fake.is_supply_low = true;
    assert_int_equal(update_finish(&u), E_FLASH_SUPPLY);
    assert_int_equal(update_activate(&u), E_STATE);
    fix.fake.is_supply_low = false;
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_B, true);
    uint8_t tries = u.record.tries;
    fix.fake.is_supply_low = true;
    assert_int_equal(update_confirm(&u), E_FLASH_SUPPLY);
    fix.fake.is_supply_low = false;
    assert_int_equal(u.record.tries, tries);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    assert_int_equal(journal_sound_mask(&u.journal), 3);
    assert_int_equal(journal_dead_mask(&u.journal), 0);
    boots(SLOT_B, false);
}

static void release_that_needs_a_newer_root_is_refused_before_anything_is_erased(void **state)
{
    (void)state;
    static struct fixture_release newer;
    struct update_target target;
    newer = (struct fixture_release){
        .version = V2, .counter = 2, .key = FIX_KEY_A, .payload_bytes = 100, .boot_min = 0x01000001};
    fixture_release(&newer);
    fix.fake.n_ops = 0;
    assert_int_equal(begin(&newer, &target), E_UNSUPPORTED);
    assert_int_equal(fix.fake.n_ops, 0);
    newer.boot_min = 0x01000000;
    fixture_release(&newer);
    assert_int_equal(begin(&newer, &target), FOTA_OK);
}

static void sector_that_is_erased_again_is_not_counted_as_received(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        struct update_target target;
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        stream(&v2, &target, 0, (k + 1) * FIX_SECTOR_BYTES);
        assert_int_equal(u.record.resume_sectors, k + 1);
        assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR + k), FOTA_OK);
        boots(SLOT_A, false);
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        assert_int_equal(target.resume_off, 0);
        assert_int_equal(update_abort(&u), FOTA_OK);
    }
}

/* An erase that was cut may leave cells that read blank today. Where a reception was given up, only an erase
 * that ran to its end is believed. */
static void blank_sector_of_a_reception_given_up_is_erased_again(void **state)
{
    (void)state;
    struct update_target target;
    uint32_t last = 7; /* last sector of slot B in the fixture */
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    stream(&v2, &target, 0, 64);
    boots(SLOT_A, false); /* power was lost */
    assert_int_equal(update_abort(&u), FOTA_OK);
    assert_true(u.record.flags & BOOT_FLAG_ABANDONED);
    boots(SLOT_A, false);
    uint32_t before = fix.sectors[last].n_erases;
    receive(&v1); /* does not reach it */
    assert_int_equal(fix.sectors[last].n_erases, before + 1);
    assert_false(u.record.flags & BOOT_FLAG_ABANDONED);
    /* Not abandoned: what is blank is known to be. */
    assert_int_equal(update_activate(&u), FOTA_OK);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    uint32_t last_of_a = 4;
    before = fix.sectors[last_of_a].n_erases;
    receive(&v3);
    assert_int_equal(fix.sectors[last_of_a].n_erases, before);
}

static void doubt_about_a_slot_outlives_an_update_of_the_other(void **state)
{
    (void)state;
    struct update_target target;
    fixture_init(&fix);
    boot();
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    assert_int_equal(target.slot, SLOT_A);
    stream(&v2, &target, 0, 64);
    assert_int_equal(update_abort(&u), FOTA_OK);
    fixture_factory(&fix, &v1, SLOT_B); /* through the ROM */
    boots(SLOT_B, true);
    assert_true(u.record.flags & BOOT_FLAG_ABANDONED);
    assert_int_equal(update_confirm(&u), FOTA_OK);
    boots(SLOT_B, false);
    uint32_t before = fix.sectors[4].n_erases;
    receive(&v3);
    assert_int_equal(fix.sectors[4].n_erases, before + 1);
}

/* Words that do not follow one another, in a session that begins anew or goes on. */
static void hash_in_passing_takes_only_bytes_that_follow(void **state)
{
    (void)state;
    struct update_target target;
    static struct fixture_release large;
    large = release_of(V2, 2, FIX_KEY_A, 832);
    assert_int_equal(begin(&large, &target), FOTA_OK);
    stream(&large, &target, 0, FIX_SECTOR_BYTES + 64);
    boots(SLOT_A, false);
    assert_int_equal(begin(&large, &target), FOTA_OK);
    assert_int_equal(target.resume_off, FIX_SECTOR_BYTES);
    stream(&large, &target, FIX_SECTOR_BYTES, target.image_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
    assert_int_equal(update_abort(&u), FOTA_OK);

    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    for (uint32_t k = 0; k < 3; k++) {
        assert_int_equal(update_erase(&u, FLASH_SLOT_B_SECTOR + k), FOTA_OK);
    }
    uint32_t n_words = (large.image[SLOT_B].n_bytes + 3) / 4;
    static uint32_t words[FIX_SLOT_BYTES / 4];
    memset(words, 0xFF, sizeof words);
    memcpy(words, large.image[SLOT_B].bytes, large.image[SLOT_B].n_bytes);
    static const uint32_t ORDER[] = {0, 32, 16}; /* words 0-15, then 32-47, then 16-31 */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(update_program(&u, target.base + 4 * ORDER[i], words + ORDER[i], 16), FOTA_OK);
        assert_true(crypto_sha256_length(&fix.hash) <= 128);
    }
    for (uint32_t i = 48; i < n_words; i += 16) {
        assert_int_equal(update_program(&u, target.base + 4 * i, words + i, 16), FOTA_OK);
    }
    assert_int_equal(update_finish(&u), FOTA_OK);
}

/* The record holds eight bytes of an image's hash, and all of them count. */
static void image_that_shares_seven_bytes_of_its_hash_is_another(void **state)
{
    (void)state;
    install(&v2);
    for (uint32_t byte = 0; byte < BOOT_RECORD_DIGEST_BYTES; byte++) {
        struct update_target target;
        struct boot_record record = u.record;
        record.digest[SLOT_B][byte] ^= 0x80;
        assert_int_equal(journal_append(&u.journal, &record), FOTA_OK);
        boots(SLOT_A, false);
        assert_int_equal(u.record.last_reason, E_UPDATE_DIGEST);
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        assert_int_equal(target.resume_off, 0);
        install(&v2);
    }
    assert_int_equal(update_abort(&u), FOTA_OK);
    receive(&v2);
    for (uint32_t byte = 0; byte < BOOT_RECORD_DIGEST_BYTES; byte++) {
        struct update_target target;
        struct update before = u;
        u.record.digest[SLOT_B][byte] ^= 0x80; /* what is held is another image: nothing of it is there */
        u.session = UPDATE_CLOSED;
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        assert_int_equal(target.resume_off, 0);
        u.record = before.record;
    }
    install(&v2);
    boots(SLOT_B, true);
    for (uint32_t byte = 0; byte < BOOT_RECORD_DIGEST_BYTES; byte++) {
        u.running_digest[byte] ^= 1;
        assert_int_equal(update_confirm(&u), E_STATE);
        u.running_digest[byte] ^= 1;
    }
    assert_int_equal(update_confirm(&u), FOTA_OK);
}

static void reception_of_an_image_that_shares_seven_bytes_is_not_gone_on_with(void **state)
{
    (void)state;
    struct update_target target;
    assert_int_equal(begin(&v2, &target), FOTA_OK);
    const struct boot_record begun = u.record;
    for (uint32_t byte = 0; byte <= BOOT_RECORD_DIGEST_BYTES; byte++) {
        bool is_same = byte == BOOT_RECORD_DIGEST_BYTES;
        struct boot_record record = begun;
        record.resume_sectors = 1;
        if (!is_same) {
            record.digest[SLOT_B][byte] ^= 0x80;
        }
        assert_int_equal(journal_append(&u.journal, &record), FOTA_OK);
        boots(SLOT_A, false);
        assert_int_equal(begin(&v2, &target), FOTA_OK);
        assert_int_equal(target.resume_off != 0, is_same);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
    const struct CMUnitTest tests[] = {
        T(every_boot_leaves_room_so_that_confirm_never_erases),
        T(boot_makes_room_for_the_application_that_it_starts),
        T(sixty_four_failed_finishes_do_not_keep_a_good_image_out),
        T(no_step_of_a_session_ends_with_a_full_journal),
        T(each_erase_needs_its_own_permission_and_asking_loses_nothing),
        T(with_both_journal_sectors_dead_each_service_says_so_and_is_not_busy_for_ever),
        T(refused_permission_changes_no_session),
        T(dip_of_the_supply_at_begin_or_confirm_costs_nothing),
        T(release_that_needs_a_newer_root_is_refused_before_anything_is_erased),
        T(sector_that_is_erased_again_is_not_counted_as_received),
        T(blank_sector_of_a_reception_given_up_is_erased_again),
        T(doubt_about_a_slot_outlives_an_update_of_the_other),
        T(hash_in_passing_takes_only_bytes_that_follow),
        T(image_that_shares_seven_bytes_of_its_hash_is_another),
        T(reception_of_an_image_that_shares_seven_bytes_is_not_gone_on_with),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
