/*
 * The bootloader's ELF on the twin, in strict mode: what it starts, what it refuses and why, how it hands the
 * chip over, and what it does when there is nothing to start. The applications are tiny (support/twin_board/boot_app.c)
 * and signed here, some of them badly. Their report in RAM and the boot services are the witnesses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/flash_map.h"
#include "board_journal.h"
#include "format/image_build.h"
#include "link/link_codec.h"
#include "release/file.h"
#include "release/key.h"
#include "small_app.h"
#include "twin/twin.h"

enum {
    STACK_BYTES = 4096, /* boot.ld */
    STACK_PAINT = 0x57ACC0DE,
    BOOT_CONFIRMED_MAX_MS = 500, /* from power-on to the application */
    FLIP_STRIDE = 3
};

/* --- what is refused --------------------------------------------------------------------------------- */

/* Offsets of the parts of an image made here: protected TLVs 4 + 8 + 14, then hash, key hash, signature. */
static struct image parts_of(const struct small_image *image)
{
    struct image parts;
    assert_int_equal(image_parse(image->bytes, image->n_bytes, &parts), FOTA_OK);
    return parts;
}

static void assert_refused(struct twin_board *b, const char *what, const struct small_image *image,
                           enum fota_err reason)
{
    struct twin_snapshot *before = twin_save(b->twin);
    small_board_store(b, SLOT_B, image);
    small_board_try_b(b);
    struct boot_app_report report = small_board_boot(b);
    if (report.base != FLASH_SLOT_A_BASE || report.info.last_reason != reason) {
        fail_msg("%s: slot at %08x runs, reason %s, expected %s", what, (unsigned)report.base,
                 fota_err_name((enum fota_err)report.info.last_reason), fota_err_name(reason));
    }
    assert_int_equal(report.info.running_slot, SLOT_A);
    assert_int_not_equal(report.info.slot_state[SLOT_B], SLOT_STATE_TRIAL);
    twin_restore(b->twin, before);
    twin_snapshot_free(before);
}

static void flip_and_expect(struct twin_board *b, const struct small_image *good, uint32_t off, unsigned bit,
                            enum fota_err reason)
{
    struct small_image bad = *good;
    char what[64];
    bad.bytes[off] ^= (uint8_t)(1U << bit);
    (void)snprintf(what, sizeof what, "bit %u of byte %u flipped", bit, (unsigned)off);
    assert_refused(b, what, &bad, reason);
}

static void one_flipped_bit_anywhere_is_refused_and_the_old_application_runs(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image good;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &good);
    struct image parts = parts_of(&good);
    flip_and_expect(b, &good, 0, 0, E_IMAGE_MAGIC);
    flip_and_expect(b, &good, 4, 7, E_IMAGE_HASH);     /* load address */
    flip_and_expect(b, &good, 8, 1, E_IMAGE_HEADER);   /* header size */
    flip_and_expect(b, &good, 16, 1, E_IMAGE_HEADER);  /* flags */
    flip_and_expect(b, &good, 20, 3, E_IMAGE_HASH);    /* version */
    flip_and_expect(b, &good, 100, 5, E_IMAGE_HASH);   /* padding of the header area */
    flip_and_expect(b, &good, 0x200, 4, E_IMAGE_HASH); /* first byte of the payload */
    flip_and_expect(b, &good, 0x200 + parts.img_bytes - 1, 7, E_IMAGE_HASH);
    flip_and_expect(b, &good, 0x200 + parts.img_bytes, 0, E_IMAGE_TLV); /* magic of the protected TLVs */
    flip_and_expect(b, &good, parts.hw_id_off, 0, E_IMAGE_HASH);
    flip_and_expect(b, &good, parts.signed_bytes, 2, E_IMAGE_TLV); /* magic of the other TLVs */
    flip_and_expect(b, &good, parts.hash_off, 0, E_IMAGE_HASH);
    flip_and_expect(b, &good, parts.keyhash_off + 31, 7, E_IMAGE_KEY);
    flip_and_expect(b, &good, parts.signature_off + 10, 3, E_IMAGE_SIGNATURE);
    flip_and_expect(b, &good, parts.signature_off + parts.signature_bytes - 1, 0, E_IMAGE_SIGNATURE);
    small_board_close(b);
}

/* Coarser in the reason, finer in the place: header and TLVs from end to end. */
static void no_bit_of_header_or_tlvs_may_flip(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image good;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &good);
    struct image parts = parts_of(&good);
    unsigned n_tried = 0;
    for (uint32_t off = 0; off < good.n_bytes; off += FLIP_STRIDE) {
        if (off >= IMAGE_HEADER_BYTES && off < IMAGE_HEADER_AREA_BYTES + parts.img_bytes) {
            continue;
        }
        struct small_image bad = good;
        struct twin_snapshot *before = twin_save(b->twin);
        bad.bytes[off] ^= (uint8_t)(1U << off % 8);
        small_board_store(b, SLOT_B, &bad);
        small_board_try_b(b);
        struct boot_app_report report = small_board_boot(b);
        if (report.base != FLASH_SLOT_A_BASE || report.info.last_reason == FOTA_OK) {
            fail_msg("bit %u of byte %u flipped: slot at %08x runs", (unsigned)off % 8, (unsigned)off,
                     (unsigned)report.base);
        }
        twin_restore(b->twin, before);
        twin_snapshot_free(before);
        n_tried++;
    }
    printf("%u flipped bits, each refused\n", n_tried);
    assert_true(n_tried > 50);
    small_board_close(b);
}

static void unsigned_or_foreign_images_are_refused(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct key other;
    struct small_image image;
    assert_int_equal(key_generate(&other), FOTA_OK);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .key = &other}, &image);
    assert_refused(b, "signed by another key", &image, E_IMAGE_KEY);

    struct image parts = parts_of(&image);
    memcpy(image.bytes + parts.keyhash_off, small_key()->spki_sha256, CRYPTO_SHA256_BYTES);
    assert_refused(b, "signed by another key under our key's name", &image, E_IMAGE_SIGNATURE);

    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &image);
    parts = parts_of(&image);
    bytes_store_le16(image.bytes + parts.signed_bytes + 2, 4 + 4 + CRYPTO_SHA256_BYTES);
    image.n_bytes = parts.hash_off + CRYPTO_SHA256_BYTES;
    assert_refused(b, "unsigned", &image, E_IMAGE_UNSIGNED);
    small_board_close(b);
}

static void signed_images_that_are_not_for_here_are_refused(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_A}, &image);
    assert_refused(b, "linked for the other slot", &image, E_IMAGE_SLOT);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .hw = "f407-discO"}, &image);
    assert_refused(b, "for another hardware id", &image, E_IMAGE_HARDWARE);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .hw = "f407-disc"}, &image);
    assert_refused(b, "for a hardware id that is a prefix of ours", &image, E_IMAGE_HARDWARE);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .counter = SMALL_FLOOR - 1}, &image);
    assert_refused(b, "security counter below the floor", &image, E_IMAGE_COUNTER);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .stack = 0x20030000}, &image);
    assert_refused(b, "stack outside RAM", &image, E_IMAGE_VECTORS);
    small_board_close(b);
}

static void truncated_or_longer_images_are_refused(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image good, image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &good);
    struct image parts = parts_of(&good);
    image = good;
    image.n_bytes = 0x200 + 64;
    assert_refused(b, "cut inside the payload", &image, E_IMAGE_SIZE);
    image.n_bytes = parts.signature_off + 20;
    assert_refused(b, "cut inside the signature", &image, E_IMAGE_SIGNATURE);
    image = good;
    image.bytes[image.n_bytes++] = 0;
    assert_refused(b, "one byte after the TLVs", &image, E_IMAGE_TRAILING);
    image.n_bytes = 0;
    assert_refused(b, "blank", &image, E_IMAGE_BLANK);
    small_board_close(b);
}

/* The checks above would be worth nothing if the good image were refused too. */
static void a_good_image_in_the_same_place_is_started(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .counter = SMALL_FLOOR}, &image);
    small_board_try_image(b, &image);
    struct boot_app_report report = small_board_boot(b);
    assert_int_equal(report.base, FLASH_SLOT_B_BASE);
    assert_int_equal(report.info.running_slot, SLOT_B);
    assert_int_equal(report.info.tries_left, BOOT_TRIAL_RUNS);
    assert_int_equal(report.info.starts_left, BOOT_TRIAL_STARTS - 1);
    small_board_close(b);
}

/* --- trials ------------------------------------------------------------------------------------------ */

static void a_trial_that_hangs_runs_three_times_and_is_rejected(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .mode = BOOT_APP_HANGS}, &image);
    small_board_try_image(b, &image);
    struct boot_app_report report = small_board_boot(b);
    uint64_t start_ns = twin_now_ns(b->twin);
    uint32_t runs = 0;
    while (report.base == FLASH_SLOT_B_BASE && twin_now_ns(b->twin) - start_ns < 60000000000U) {
        runs = report.runs;
        twin_board_run_ms(b, 100);
        report = small_board_report(b);
    }
    assert_int_equal(runs, BOOT_TRIAL_RUNS);
    twin_board_run_ms(b, 500);
    report = small_board_report(b);
    assert_int_equal(report.base, FLASH_SLOT_A_BASE);
    assert_int_equal(report.info.slot_state[SLOT_B], SLOT_STATE_REJECTED);
    assert_int_equal(report.info.last_reason, E_SLOT_TRIALS_SPENT);
    assert_int_equal(report.info.reset_cause, RESET_IWDG);
    assert_int_equal(twin_stats(b->twin)->resets_iwdg, BOOT_TRIAL_RUNS);
    printf("three trials and the way back: %u ms\n", (unsigned)((twin_now_ns(b->twin) - start_ns) / 1000000));
    small_board_close(b);
}

/* Power, and not the image, ends each run: sixteen starts are what it has. */
static void a_trial_cut_from_power_costs_a_start_and_no_run(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .mode = BOOT_APP_HANGS}, &image);
    small_board_try_image(b, &image);
    for (unsigned start = 1; start <= BOOT_TRIAL_STARTS; start++) {
        struct boot_app_report report = small_board_boot(b);
        assert_int_equal(report.base, FLASH_SLOT_B_BASE);
        assert_int_equal(report.info.tries_left, BOOT_TRIAL_RUNS);
        assert_int_equal(report.info.starts_left, BOOT_TRIAL_STARTS - start);
    }
    struct boot_app_report report = small_board_boot(b);
    assert_int_equal(report.base, FLASH_SLOT_A_BASE);
    assert_int_equal(report.info.last_reason, E_SLOT_STARTS_SPENT);
    assert_int_equal(report.info.slot_state[SLOT_B], SLOT_STATE_REJECTED);
    small_board_close(b);
}

/* --- hand-over --------------------------------------------------------------------------------------- */

static uint32_t stack_used(const struct twin_board *b)
{
    static uint32_t words[STACK_BYTES / 4];
    assert_true(twin_peek(b->twin, RAM_SERVICES_BASE - STACK_BYTES, words, sizeof words));
    assert_int_equal(words[0], STACK_PAINT);
    uint32_t i = 0;
    while (i < STACK_BYTES / 4 && words[i] == STACK_PAINT) {
        i++;
    }
    return STACK_BYTES - 4 * i;
}

static void the_application_finds_the_chip_as_after_reset(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    uint64_t before = twin_stats(b->twin)->instructions, start_ns = twin_now_ns(b->twin);
    struct boot_app_report report = small_board_boot(b);
    uint32_t boot_ms = (uint32_t)((twin_now_ns(b->twin) - start_ns) / 1000000);
    assert_int_equal(report.sp, BOOT_APP_STACK_TOP);
    assert_int_equal(report.primask, 0);
    assert_int_equal(report.control, 0);
    assert_int_equal(report.basepri, 0);
    assert_int_equal(report.vtor, FLASH_SLOT_A_BASE + FLASH_IMAGE_HEADER_AREA_BYTES);
    assert_int_equal(report.systick, 0);
    assert_int_equal(report.nvic_enabled, 0);
    assert_int_equal(report.nvic_pending, 0);
    assert_int_equal(report.rcc_cr & 0x0F0FFFFF & ~0xFF00U,
                     0x83); /* HSI and its trim; calibration left out */
    assert_int_equal(report.rcc_pllcfgr, 0x24003010);
    assert_int_equal(report.rcc_cfgr, 0);
    assert_int_equal(report.rcc_ahb1enr, 0x00100000);
    assert_int_equal(report.rcc_apb1enr, 0);
    assert_int_equal(report.rcc_apb2enr, 0);
    assert_int_equal(report.rcc_csr & 0xFF000000, 0); /* reset causes read and cleared */
    assert_int_equal(report.flash_acr, 0);
    assert_int_equal(report.flash_cr & 0x80000000, 0x80000000); /* locked */
    assert_int_equal(report.info_err, FOTA_OK);
    uint32_t used = stack_used(b);
    printf("boot of a confirmed image: %u ms, %u instructions, %u bytes of stack\n", (unsigned)boot_ms,
           (unsigned)(twin_stats(b->twin)->instructions - before), (unsigned)used);
    assert_in_range(boot_ms, 1, BOOT_CONFIRMED_MAX_MS);
    assert_in_range(used, 100, STACK_BYTES - 512);
    small_board_close(b);
}

/* The same flash on a board with a weak supply: nothing may be programmed, so no trial; what is confirmed
 * runs. */
static void a_low_supply_starts_no_trial_but_the_confirmed_image(void **state)
{
    (void)state;
    static uint8_t flash[FLASH_MAP_BYTES];
    struct twin_board *b = small_board_open_confirmed();
    struct twin_board *weak = small_board_open_at(11, SMALL_LOW_SUPPLY_MV);
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &image);
    small_board_try_image(b, &image);
    assert_true(twin_peek(b->twin, FLASH_MAP_BASE, flash, sizeof flash));
    assert_true(twin_flash_store(weak->twin, FLASH_MAP_BASE, flash, sizeof flash));
    struct boot_app_report report = small_board_boot(weak);
    assert_int_equal(report.base, FLASH_SLOT_A_BASE);
    assert_int_equal(twin_stats(weak->twin)->flash_programs, 0);
    assert_int_equal(small_board_boot(b).base,
                     FLASH_SLOT_B_BASE); /* with a good supply it would have been tried */
    small_board_close(weak);
    small_board_close(b);
}

/* --- crash loops ------------------------------------------------------------------------------------- */

/* A board that was updated to an image in B of this mode, and confirmed it; A is the way back. Powered, and B
 * has reported. */
static struct twin_board *updated_board(uint32_t mode)
{
    static struct small_image image;
    struct twin_board *b = small_board_open_confirmed();
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .mode = mode}, &image);
    small_board_try_image(b, &image);
    small_board_confirm_both(b);
    assert_int_equal(small_board_boot(b).base, FLASH_SLOT_B_BASE);
    return b;
}

/* @return how often B had started when A came back, 0: it did not */
static uint32_t starts_until_a_runs(struct twin_board *b, uint32_t max_ms)
{
    uint32_t runs = 0;
    for (uint32_t ms = 0; ms < max_ms; ms += SMALL_STEP_MS) {
        struct boot_app_report report = small_board_report(b);
        if (report.base == FLASH_SLOT_A_BASE) {
            return runs;
        }
        runs = report.runs;
        twin_board_run_ms(b, SMALL_STEP_MS);
    }
    return 0;
}

static void crash_looping_image_is_left_once_for_the_other_confirmed_one(void **state)
{
    (void)state;
    static const uint32_t MODES[] = {BOOT_APP_FAULTS, BOOT_APP_IS_BITTEN};
    for (size_t i = 0; i < 2; i++) {
        struct twin_board *b = updated_board(MODES[i]);
        assert_int_equal(starts_until_a_runs(b, 10000), 5); /* and the fifth crash was the last */
        twin_board_run_ms(b, 100);
        struct boot_app_report report = small_board_report(b);
        assert_int_equal(report.info.last_reason, E_SLOT_CRASH_LOOP);
        assert_int_equal(report.info.active_slot, SLOT_A);
        assert_int_equal(report.info.slot_state[SLOT_B], SLOT_STATE_REJECTED);
        assert_int_equal(report.info.reset_cause, i == 0 ? RESET_SOFTWARE : RESET_IWDG);
        assert_int_equal(small_board_boot(b).base, FLASH_SLOT_A_BASE); /* for good */
        small_board_close(b);
    }
}

/* What else happens after each run of an image that crashes or does not. */
enum crash_event { CRASH_NOTHING, CRASH_CUT, CRASH_PIN };

/* Let it run up to 12 times. @return does B still run? */
static bool b_survives(uint32_t mode, enum crash_event event)
{
    struct twin_board *b = updated_board(mode);
    for (unsigned n = 0; n < 12 && small_board_report(b).base == FLASH_SLOT_B_BASE; n++) {
        twin_board_run_ms(b, 700); /* one bite of the watchdog, several of the other resets */
        if (event == CRASH_CUT) {
            (void)small_board_boot(b);
        }
        twin_set_pin(b->twin, TWIN_PIN_NRST, event != CRASH_PIN);
        twin_board_run_ms(b, 1);
        twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    }
    bool is_b = small_board_report(b).base == FLASH_SLOT_B_BASE;
    small_board_close(b);
    return is_b;
}

static void crashes_count_only_in_a_row_and_only_if_they_are_crashes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t mode;
        enum crash_event event;
    } CASES[] = {{"a sign of health in each run", BOOT_APP_IS_WELL, CRASH_NOTHING},
                 {"resets without a boot request", BOOT_APP_RESETS, CRASH_NOTHING},
                 {"power goes after each crash", BOOT_APP_IS_BITTEN, CRASH_CUT}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (!b_survives(CASES[i].mode, CASES[i].event)) {
            fail_msg("%s: taken for a crash loop", CASES[i].what);
        }
    }
}

/* A host that resets a board that hangs must not wipe out what tells why it hangs. */
static void the_pin_neither_adds_to_the_crash_count_nor_clears_it(void **state)
{
    (void)state;
    assert_true(b_survives(BOOT_APP_CONFIRMS, CRASH_PIN));
    assert_false(b_survives(BOOT_APP_IS_BITTEN, CRASH_PIN));
}

/* --- after a loss of power --------------------------------------------------------------------------- */

static void repair_after_a_loss_of_power_waits_until_the_supply_has_held_for_30_s(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    board_journal_damage(b->twin);
    uint64_t n_ops = twin_stats(b->twin)->flash_ops;
    twin_set_power(b->twin, true);
    twin_board_run_ms(b, 20000);
    twin_set_supply(b->twin, SMALL_LOW_SUPPLY_MV); /* not low enough for a reset */
    twin_board_run_ms(b, 100);
    twin_set_supply(b->twin, 3300);
    twin_board_run_ms(b, 29800);
    assert_int_equal(twin_stats(b->twin)->flash_ops, n_ops);
    assert_int_not_equal(small_board_report(b).done, BOOT_APP_DONE);
    twin_board_run_ms(b, 3500);
    assert_int_equal(small_board_report(b).done, BOOT_APP_DONE);
    assert_int_equal(small_board_report(b).info.journal_ok, 3);
    assert_true(twin_stats(b->twin)->flash_ops > n_ops);
    assert_int_equal(small_board_boot(b).base, FLASH_SLOT_A_BASE); /* nothing to repair: no wait */
    small_board_close(b);
}

static void supply_that_never_holds_ends_the_wait_after_ten_minutes_and_the_image_runs(void **state)
{
    (void)state;
    static uint8_t flash[FLASH_MAP_BYTES];
    struct twin_board *b = small_board_open_confirmed();
    struct twin_board *weak = small_board_open_at(11, SMALL_LOW_SUPPLY_MV);
    board_journal_damage(b->twin);
    assert_true(twin_peek(b->twin, FLASH_MAP_BASE, flash, sizeof flash));
    assert_true(twin_flash_store(weak->twin, FLASH_MAP_BASE, flash, sizeof flash));
    twin_set_power(weak->twin, true);
    twin_board_run_ms(weak, 599000);
    assert_int_not_equal(small_board_report(weak).done, BOOT_APP_DONE);
    twin_board_run_ms(weak, 2000);
    assert_int_equal(small_board_report(weak).done, BOOT_APP_DONE);
    assert_int_equal(twin_stats(weak->twin)->flash_ops, 0);
    small_board_close(weak);
    small_board_close(b);
}

static void epoch_in_one_time_memory_refuses_a_confirmed_image_below_it(void **state)
{
    (void)state;
    static const uint8_t steps[SMALL_COUNTER + 1] = {0};
    struct twin_board *b = small_board_open_confirmed();
    assert_true(twin_flash_store(b->twin, OTP_EPOCH_BASE + 3, steps, SMALL_COUNTER));
    struct boot_app_report report = small_board_boot(b);
    assert_int_equal(report.base, FLASH_SLOT_A_BASE);
    assert_int_equal(report.info.security_floor, SMALL_COUNTER);
    assert_true(twin_flash_store(b->twin, OTP_EPOCH_BASE + 3, steps, SMALL_COUNTER + 1));
    twin_set_power(b->twin, false);
    twin_set_power(b->twin, true);
    (void)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS);
    assert_int_not_equal(small_board_report(b).done, BOOT_APP_DONE);
    small_board_close(b);
}

static void services_notice_that_their_state_was_overwritten(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .mode = BOOT_APP_SPOILS_STATE}, &image);
    small_board_try_image(b, &image);
    assert_int_equal(small_board_boot(b).info_err, E_INTERNAL);
    small_board_close(b);
}

/* --- the loader -------------------------------------------------------------------------------------- */

static void a_blank_chip_answers_within_two_seconds(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(3, 0);
    twin_set_power(b->twin, true);
    printf("blank chip: first answer after %u ms\n",
           (unsigned)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS));
    assert_in_range(stack_used(b), 100, STACK_BYTES - 512);
    small_board_close(b);
}

static void a_chip_with_two_bad_images_and_no_journal_answers_within_two_seconds(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_at(4, 0);
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_A}, &image);
    image.bytes[parts_of(&image).signature_off + 12] ^= 4;
    small_board_store(b, SLOT_A, &image);
    small_image_make(&(struct small_plan){.linked_for = SLOT_B}, &image);
    image.bytes[parts_of(&image).signature_off + 12] ^= 4;
    small_board_store(b, SLOT_B, &image);
    twin_set_power(b->twin, true);
    printf("two bad images: first answer after %u ms\n",
           (unsigned)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS));
    small_board_close(b);
}

static void an_application_can_ask_for_the_loader_and_gets_the_chip_back(void **state)
{
    (void)state;
    struct twin_board *b = small_board_open_confirmed();
    struct small_image image;
    small_image_make(&(struct small_plan){.linked_for = SLOT_B, .mode = BOOT_APP_ASKS_FOR_LOADER}, &image);
    small_board_try_image(b, &image);
    (void)small_board_boot(b);
    twin_board_run_ms(b, 9000);
    assert_int_equal(small_board_report(b).runs, 1); /* the loader waits for a host */
    twin_board_run_ms(b, 2000);
    assert_int_equal(small_board_report(b).runs, 2); /* none came: the next trial run, which asks again */
    printf("asked for: loader answers %u ms after the reset\n",
           (unsigned)small_board_wait_for_loader(b, SMALL_LOADER_MAX_MS));
    twin_board_run_ms(b, 12000);
    assert_int_equal(small_board_report(b).runs, 2); /* a host talks: it stays */
    small_board_close(b);
}

static void two_boots_of_the_same_board_are_the_same_to_the_byte(void **state)
{
    (void)state;
    char why[256] = "";
    struct twin_board *b = small_board_open_confirmed();
    struct twin_snapshot *start = twin_save(b->twin);
    (void)small_board_boot(b);
    struct twin_snapshot *first = twin_save(b->twin);
    twin_restore(b->twin, start);
    (void)small_board_boot(b);
    struct twin_snapshot *second = twin_save(b->twin);
    if (!twin_snapshot_equal(first, second, why, sizeof why)) {
        fail_msg("%s", why);
    }
    twin_snapshot_free(start);
    twin_snapshot_free(first);
    twin_snapshot_free(second);
    small_board_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_image_in_the_same_place_is_started),
        cmocka_unit_test(one_flipped_bit_anywhere_is_refused_and_the_old_application_runs),
        cmocka_unit_test(no_bit_of_header_or_tlvs_may_flip),
        cmocka_unit_test(unsigned_or_foreign_images_are_refused),
        cmocka_unit_test(signed_images_that_are_not_for_here_are_refused),
        cmocka_unit_test(truncated_or_longer_images_are_refused),
        cmocka_unit_test(a_trial_that_hangs_runs_three_times_and_is_rejected),
        cmocka_unit_test(a_trial_cut_from_power_costs_a_start_and_no_run),
        cmocka_unit_test(the_application_finds_the_chip_as_after_reset),
        cmocka_unit_test(a_low_supply_starts_no_trial_but_the_confirmed_image),
        cmocka_unit_test(crash_looping_image_is_left_once_for_the_other_confirmed_one),
        cmocka_unit_test(crashes_count_only_in_a_row_and_only_if_they_are_crashes),
        cmocka_unit_test(the_pin_neither_adds_to_the_crash_count_nor_clears_it),
        cmocka_unit_test(repair_after_a_loss_of_power_waits_until_the_supply_has_held_for_30_s),
        cmocka_unit_test(supply_that_never_holds_ends_the_wait_after_ten_minutes_and_the_image_runs),
        cmocka_unit_test(epoch_in_one_time_memory_refuses_a_confirmed_image_below_it),
        cmocka_unit_test(services_notice_that_their_state_was_overwritten),
        cmocka_unit_test(a_blank_chip_answers_within_two_seconds),
        cmocka_unit_test(a_chip_with_two_bad_images_and_no_journal_answers_within_two_seconds),
        cmocka_unit_test(an_application_can_ask_for_the_loader_and_gets_the_chip_back),
        cmocka_unit_test(two_boots_of_the_same_board_are_the_same_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
