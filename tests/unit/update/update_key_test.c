/* Keys: the next one ends the active one, durably; and what names an image is what is signed. With signatures
 * as shipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "update_steps.h"

enum { LOADER_SECTOR = 1, OPTIONS_OPEN = 0x0FFFAAEC, OPTIONS_PROTECTED = 0x0FFDAAEC /* nWRP1 is 0 */ };

static uint8_t keyhash[FIX_KEYS][CRYPTO_SHA256_BYTES];
static struct fixture_release revoking; /* by the next key, ends the active one */
static struct fixture_release later;    /* by the next key */

static struct fixture_release revoking_release(uint32_t key, uint32_t ended)
{
    struct fixture_release release = {
        .version = V3, .counter = 2, .key = key, .payload_bytes = 40, .revokes = keyhash[ended]};
    fixture_release(&release);
    return release;
}

static int set_up_keys(void **state)
{
    if (later.n_text == 0) {
        for (uint32_t key = 0; key < FIX_KEYS; key++) {
            image_keyhash(fixture_point(key), keyhash[key]);
        }
        revoking = revoking_release(FIX_KEY_B, FIX_KEY_A);
        later = release_of(V3 + 1, 3, FIX_KEY_B, 60);
    }
    return set_up(state);
}

static bool is_revoked(void)
{
    return (u.record.flags & BOOT_FLAG_KEY_REVOKED) != 0;
}

static void only_the_next_key_ends_a_key_and_only_the_active_one(void **state)
{
    (void)state;
    for (uint32_t key = FIX_KEY_A; key <= FIX_KEY_B; key++) {
        for (uint32_t ended = 0; ended < FIX_KEYS; ended++) {
            struct update_target target;
            static struct fixture_release release;
            release = revoking_release(key, ended);
            bool is_right = key == FIX_KEY_B && ended == FIX_KEY_A;
            assert_int_equal(begin(&release, &target), FOTA_OK);
            stream(&release, &target, 0, target.image_bytes);
            assert_int_equal(update_finish(&u), is_right ? FOTA_OK : E_IMAGE_REVOKES);
            assert_int_equal(update_abort(&u), FOTA_OK);
        }
    }
    assert_false(is_revoked());
}

static void confirmed_image_that_revokes_ends_the_old_key_for_good(void **state)
{
    (void)state;
    struct update_target target;
    install(&revoking);
    boots(SLOT_B, true);
    assert_false(is_revoked()); /* a trial ends nothing */
    assert_int_equal(update_confirm(&u), FOTA_OK);
    assert_true(is_revoked());
    boots(SLOT_B, false);
    assert_true(is_revoked());
    /* Statements, and images that come without one. */
    assert_int_equal(begin(&v2, &target), E_STATEMENT_REVOKED);
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    stream(&v2, &target, 0, v2.image[SLOT_A].n_bytes);
    assert_int_equal(update_finish(&u), E_IMAGE_REVOKED);
    assert_int_equal(update_abort(&u), FOTA_OK);
    /* The next key goes on, and what it ended stays ended after its image is gone. */
    confirm_release(&later, SLOT_A);
    struct fixture_release last = release_of(V3 + 2, 3, FIX_KEY_B, 80);
    confirm_release(&last, SLOT_B);
    assert_true(is_revoked());
    assert_int_equal(begin(&v2, &target), E_STATEMENT_REVOKED);
}

static void image_of_the_ended_key_does_not_boot(void **state)
{
    (void)state;
    confirm_release(&revoking, SLOT_B); /* 1.0.0 in A is by the ended key */
    *flash_fake_at(&fix.fake, FLASH_SLOT_B_BASE + 0x210) ^= 1;
    boot();
    assert_int_equal(decision.action, SLOTS_LOADER);
    assert_int_equal(images[SLOT_A].verdict, CRYPTO_REJECT);
    boot_into_loader();
    assert_int_equal(update_verify_again(&u, SLOT_A, &images[SLOT_A].image), CRYPTO_REJECT);
}

static void trial_that_never_confirms_ends_no_key(void **state)
{
    (void)state;
    struct update_target target;
    reject_release(&revoking, SLOT_B, SLOT_A);
    assert_false(is_revoked());
    assert_int_equal(begin(&v2, &target), FOTA_OK);
}

static void key_is_ended_again_after_both_journals_were_lost(void **state)
{
    (void)state;
    confirm_release(&revoking, SLOT_B);
    lose_journals();
    boots(SLOT_B, true);
    assert_true(is_revoked());
    for (int run = 0; run < BOOT_TRIAL_RUNS; run++) {
        boot_after_failed_run();
    }
    assert_int_equal(u.record.state[SLOT_B], SLOT_STATE_LAST_RESORT); /* 1.0.0 is no way out */
    assert_true(is_revoked());

    /* Whatever stands in the other slot, in either order, and below the epoch too. */
    uint8_t epoch[OTP_EPOCH_BYTES];
    memset(epoch, 0, sizeof epoch);
    fixture_init(&fix);
    fix.config.epoch = epoch;
    fixture_factory(&fix, &revoking, SLOT_A);
    fixture_factory(&fix, &v2, SLOT_B);
    boot();
    assert_true(is_revoked());
    assert_int_equal(decision.action, SLOTS_LOADER);
}

static void damaged_or_forged_image_ends_no_key_when_the_journals_are_lost(void **state)
{
    (void)state;
    static struct fixture_release forged;
    fixture_init(&fix);
    fixture_factory(&fix, &v1, SLOT_A);
    fixture_factory(&fix, &revoking, SLOT_B);
    *flash_fake_at(&fix.fake, FLASH_SLOT_B_BASE + 0x210) ^= 1;
    boots(SLOT_A, true);
    assert_false(is_revoked());
    for (uint32_t key = FIX_KEY_A; key < FIX_KEYS; key += 2) {
        forged = revoking_release(key, FIX_KEY_A);
        fixture_init(&fix);
        fixture_factory(&fix, &v1, SLOT_A);
        fixture_factory(&fix, &forged, SLOT_B);
        boots(SLOT_A, true);
        assert_false(is_revoked());
    }
}

static void power_cut_at_each_operation_of_a_revoking_confirm_leaves_one_state_or_the_other(void **state)
{
    (void)state;
    static struct fixture start;
    install(&revoking);
    boot();
    start = fix;
    for (uint32_t op = 1;; op++) {
        fix = start;
        fixture_repoint(&fix);
        boot();
        flash_fake_cut_at(&fix.fake, op, FLASH_CUT_GARBAGE);
        enum fota_err err = update_confirm(&u);
        bool is_cut = fix.fake.is_cut;
        assert_true(is_cut || err == FOTA_OK);
        boot();
        assert_int_equal(decision.action, SLOTS_BOOT);
        assert_int_equal(decision.slot, SLOT_B);
        assert_int_equal(is_revoked(), !decision.is_trial); /* never one without the other */
        if (!is_cut) {
            break;
        }
    }
}

/* A loader in sector 1, signed by a key. */
static void put_loader(uint32_t key, const volatile uint32_t *options)
{
    static struct fixture_image loader;
    const struct image_spec spec = {
        .load_addr = FLASH_LOADER_BASE, .version = {1, 2, 3, 0}, .security_counter = 0, .hw_id = FIX_HW};
    fixture_image(&loader, &spec, 60, key);
    fix.config.loader = (struct update_loader){.bytes = loader.bytes,
                                               .base = FLASH_LOADER_BASE,
                                               .sector = LOADER_SECTOR,
                                               .n_bytes = sizeof loader.bytes,
                                               .options = options};
}

static void release_that_ends_the_key_of_an_open_loader_is_refused_at_finish(void **state)
{
    (void)state;
    static volatile uint32_t options;
    struct update_target target;
    put_loader(FIX_KEY_A, &options);
    options = OPTIONS_OPEN;
    boots(SLOT_A, false);
    assert_int_equal(begin(&revoking, &target), FOTA_OK);
    stream(&revoking, &target, 0, target.image_bytes);
    assert_int_equal(update_finish(&u), E_UPDATE_LOADER_KEY);
    assert_int_equal(update_activate(&u), E_STATE);
    options = OPTIONS_PROTECTED; /* behind write protection it keeps its key */
    install(&revoking);
    boots(SLOT_B, true);
    assert_int_equal(update_confirm(&u), FOTA_OK);

    set_up(NULL);
    put_loader(FIX_KEY_B, &options); /* or it has the next key already */
    options = OPTIONS_OPEN;
    boots(SLOT_A, false);
    install(&revoking);
}

static void loader_keeps_its_key_behind_write_protection_only_and_is_asked_no_floor(void **state)
{
    (void)state;
    static volatile uint32_t options;
    struct image_result found;
    confirm_release(&revoking, SLOT_B);
    u.record.security_floor = 9;
    put_loader(FIX_KEY_A, &options);
    options = OPTIONS_PROTECTED;
    assert_int_equal(update_verify_loader(&u, &found), FOTA_OK);
    assert_int_equal(update_verify_again(&u, SLOT_LOADER, &found.image), CRYPTO_ACCEPT);
    options = OPTIONS_OPEN;
    assert_int_equal(update_verify_loader(&u, &found), E_IMAGE_REVOKED);
    put_loader(FIX_KEY_B, &options);
    assert_int_equal(update_verify_loader(&u, &found), FOTA_OK);
    struct boot_info info;
    update_info(&u, &info);
    assert_int_equal(info.loader_version, 0x01020003);
    assert_memory_equal(info.loader_hash, found.image_hash, sizeof info.loader_hash);
    assert_int_equal(info.option_bytes, OPTIONS_OPEN);
    u.record.flags |= BOOT_FLAG_LOADER_OPEN;
    assert_int_equal(update_verify_loader(&u, &found), E_LOADER_INVALID);
    update_info(&u, &info);
    assert_int_equal(info.loader_version, 0);
    assert_true(bytes_all_equal(info.loader_hash, sizeof info.loader_hash, 0));
}

/* DER of s: a sign byte if need be, no leading zeros. @return bytes written */
static uint32_t put_integer(uint8_t *out, const uint8_t number[32])
{
    uint32_t skip = 0;
    while (skip < 31 && number[skip] == 0) {
        skip++;
    }
    uint32_t pad = number[skip] >> 7;
    out[0] = 2;
    out[1] = (uint8_t)(32 - skip + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number + skip, 32 - skip);
    return 2 + pad + 32 - skip;
}

/* The same image with (r, n - s) for (r, s). */
static void malleate(struct fixture_image *image)
{
    static const uint8_t N[32] = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
                                  0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};
    struct image parts;
    assert_int_equal(image_parse(image->bytes, image->n_bytes, &parts), FOTA_OK);
    uint8_t *der = image->bytes + parts.signature_off;
    uint8_t *s_der = der + 4 + der[3];
    uint8_t s[32] = {0};
    memcpy(s + (s_der[1] > 32 ? 0 : 32 - s_der[1]), s_der + 2 + (s_der[1] > 32),
           s_der[1] > 32 ? 32 : s_der[1]);
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int d = N[i] - s[i] - borrow;
        borrow = d < 0;
        s[i] = (uint8_t)(d + (borrow ? 256 : 0));
    }
    uint32_t n_der = (uint32_t)(s_der - der) + put_integer(s_der, s);
    der[1] = (uint8_t)(n_der - 2);
    bytes_store_le16(der - 2, (uint16_t)n_der);
    bytes_store_le16(image->bytes + parts.signed_bytes + 2,
                     (uint16_t)(parts.signature_off + n_der - parts.signed_bytes));
    image->n_bytes = parts.signature_off + n_der;
    memset(image->bytes + image->n_bytes, 0xFF, sizeof image->bytes - image->n_bytes);
}

static void rejected_image_with_other_signature_bytes_is_refused(void **state)
{
    (void)state;
    struct update_target target;
    static struct fixture_release other;
    reject_release(&v2, SLOT_B, SLOT_A);
    other = v2;
    malleate(&other.image[SLOT_B]);
    assert_memory_not_equal(other.image[SLOT_B].bytes, v2.image[SLOT_B].bytes, v2.image[SLOT_B].n_bytes);
    assert_int_equal(update_begin(&u, NULL, 0, &target), FOTA_OK);
    stream(&other, &target, 0, other.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), E_SLOT_REJECTED);
    assert_int_equal(update_retry(&u, 1), FOTA_OK); /* it verifies: rejection alone keeps it out */
    stream(&other, &target, 0, other.image[SLOT_B].n_bytes);
    assert_int_equal(update_finish(&u), FOTA_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up_keys)
    const struct CMUnitTest tests[] = {
        T(only_the_next_key_ends_a_key_and_only_the_active_one),
        T(confirmed_image_that_revokes_ends_the_old_key_for_good),
        T(image_of_the_ended_key_does_not_boot),
        T(trial_that_never_confirms_ends_no_key),
        T(key_is_ended_again_after_both_journals_were_lost),
        T(damaged_or_forged_image_ends_no_key_when_the_journals_are_lost),
        T(power_cut_at_each_operation_of_a_revoking_confirm_leaves_one_state_or_the_other),
        T(release_that_ends_the_key_of_an_open_loader_is_refused_at_finish),
        T(loader_keeps_its_key_behind_write_protection_only_and_is_asked_no_floor),
        T(rejected_image_with_other_signature_bytes_is_refused),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
