/* The gateway against S3 in memory and a target on the host: what it promises about releases, statements and
 * its own restarts. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "site_test.h"

static struct test_release release;

static void make(const struct test_spec *spec)
{
    test_release_make(spec, &release);
}

/* Publish, run, and expect this release to be refused for `reason` before anything is erased. */
static void assert_refused(enum fota_err reason)
{
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_REFUSED, HOUR_MS);
    assert_non_null(event);
    assert_string_equal(fota_err_name(event->reason), fota_err_name(reason));
    site_run_ms(site, 2 * 60000);
    assert_true(site_is_untouched());
}

/* Publish, run, and expect bytes that are not what was signed: told, not held against anything. */
static void assert_not_believed(enum fota_err reason)
{
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
    assert_non_null(event);
    assert_string_equal(fota_err_name(event->reason), fota_err_name(reason));
    assert_int_equal(event->status, 200);
    site_run_ms(site, 2 * 60000);
    assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0);
    assert_true(site_is_untouched());
}

/* Publish, run, and expect the decision to leave the target alone for `reason`. */
static void assert_left_alone(enum fota_err reason)
{
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS);
    assert_non_null(event);
    assert_string_equal(fota_err_name(event->reason), fota_err_name(reason));
    assert_true(site_is_untouched());
}

/* --- the good way ------------------------------------------------------------------------------------ */

static void new_release_is_streamed_tried_and_confirmed(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->version, V2);
    assert_int_equal(event->slot, SLOT_B);
    assert_int_equal(site->target.running, SLOT_B);
    assert_int_equal(site->target.running_version, V2);
    assert_int_equal(site->target.update.record.active, SLOT_B);
    assert_int_equal(site->target.n_trial_runs, 2); /* 1.0.0 from the factory, 2.0.0 */
    assert_int_equal(site->target.n_erases, 1);     /* 20 KB: one sector */
    assert_memory_equal(flash_fake_at(&site->target.flash, FLASH_SLOT_B_BASE), release.image[1],
                        release.n_image[1]);
}

static void quiet_poll_is_one_304_and_touches_nothing(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 1); /* what runs already */
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    unsigned gets = site->s3_server.n_gets;
    for (int i = 0; i < 3; i++) {
        assert_non_null(site_run_until(site, GATEWAY_EVENT_QUIET, HOUR_MS));
    }
    assert_int_equal(site->s3_server.n_gets, gets + 3);
    assert_int_equal(site->s3_server.n_quiet, 3);
    assert_int_equal(site_last(site, GATEWAY_EVENT_NOTHING)->reason, FOTA_OK);
    assert_true(site_is_untouched());
}

static void every_twenty_fourth_poll_reads_in_full(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 1);
    make(&spec);
    site_publish(site, &release);
    site_run_ms(site, 30 * 40000);
    size_t changed = site_count(site, GATEWAY_EVENT_CHANGED);
    size_t quiet = site_count(site, GATEWAY_EVENT_QUIET);
    assert_true(changed >= 2);
    assert_true(quiet >= 23 && quiet < 24 * changed);
}

static void board_without_any_image_gets_one_through_its_loader(void **state)
{
    (void)state;
    target_fake_init(&site->target, site->release_key.point);
    target_fake_boot(&site->target, RESET_POWER_ON);
    assert_int_equal(site->target.running, SLOT_NONE);
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running, SLOT_A);
    assert_int_equal(site->target.running_version, V2);
}

static void update_after_update_goes_to_the_other_slot_each_time(void **state)
{
    (void)state;
    for (uint32_t i = 2; i <= 5; i++) {
        struct test_spec spec = site_spec(i << 24, i);
        make(&spec);
        site_publish(site, &release);
        const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS);
        assert_non_null(event);
        assert_int_equal(event->slot, i % 2 == 0 ? SLOT_B : SLOT_A);
        assert_int_equal(site->target.running_version, i << 24);
    }
}

/* --- rollback ---------------------------------------------------------------------------------------- */

static void release_that_never_confirms_is_rolled_back_and_not_offered_again(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    make(&spec);
    site->target.bad_version = V3;
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->version, V3);
    assert_int_equal(site->target.n_trial_runs, 1 + 3);
    assert_int_equal(site->target.running_version, 0x01000000);
    uint32_t erases = site->target.n_erases;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_last(site, GATEWAY_EVENT_NOTHING)->reason, E_SLOT_REJECTED);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
    assert_int_equal(site->target.n_erases, erases);
    site_restart_gateway(site); /* remembered in the store */
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
}

static void gateway_that_lost_its_store_believes_the_target_about_rejected(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    make(&spec);
    site->target.bad_version = V3;
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site->store.has_cell[0] = site->store.has_cell[1] = false;
    site_restart_gateway(site);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->reason, E_SLOT_REJECTED);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
}

static void next_release_after_a_rejected_one_is_installed(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    make(&spec);
    site->target.bad_version = V3;
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    spec = site_spec(0x03000001, 4);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, 0x03000001);
}

/* --- statements -------------------------------------------------------------------------------------- */

static void older_sequence_number_is_a_replay(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 5);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    spec = site_spec(V2, 4);
    make(&spec);
    assert_refused(E_STATEMENT_REPLAY);
}

static void same_sequence_number_with_other_bytes_is_a_replay(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 5);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    spec = site_spec(V2, 5);
    make(&spec);
    assert_refused(E_STATEMENT_REPLAY);
}

static void expired_channel_starts_no_install(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.expires_s = TEST_NOW_S - 60;
    make(&spec);
    assert_left_alone(E_STATEMENT_EXPIRED);
}

static void halted_channel_starts_no_install(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.is_halted = true;
    make(&spec);
    assert_left_alone(E_STATEMENT_HALTED);
}

static void rollout_of_zero_percent_reaches_nobody(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.rollout_max_pct = 0;
    make(&spec);
    assert_left_alone(E_STATEMENT_ROLLOUT);
}

static void release_that_needs_a_newer_application_waits(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.from_min = 0x01020000;
    make(&spec);
    assert_left_alone(E_STATEMENT_PRECURSOR);
}

static void other_product_is_refused(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.product = "other";
    make(&spec);
    assert_refused(E_STATEMENT_PRODUCT);
}

static void channel_signed_by_another_key_is_not_believed(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.channel_key = &site->other_key;
    make(&spec);
    assert_not_believed(E_STATEMENT_KEY);
}

static void release_signed_by_another_key_is_not_believed(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.release_key = &site->other_key;
    make(&spec);
    assert_not_believed(E_STATEMENT_KEY);
}

static void etag_of_a_bad_signature_is_not_kept(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    release.channel[40] ^= 1; /* inside the signed text */
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS));
    assert_string_equal(site->gateway.record.etag, "");
    assert_non_null(
        site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS)); /* read again, not answered by 304 */
    assert_int_equal(site->s3_server.n_quiet, 0);
    assert_true(site_is_untouched());
}

/* --- images ------------------------------------------------------------------------------------------ */

static void image_for_the_other_slot_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.is_swapped = true;
    make(&spec);
    assert_refused(E_IMAGE_SLOT);
}

static void image_for_other_hardware_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.image_hw = "f407-other";
    make(&spec);
    assert_refused(E_IMAGE_HARDWARE);
}

static void image_signed_by_another_key_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.image_key = &site->other_key;
    make(&spec);
    assert_refused(E_IMAGE_KEY);
}

static void lower_security_counter_is_left_alone(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.security_counter = 0;
    make(&spec);
    assert_left_alone(E_STATEMENT_COUNTER);
}

static void truncated_image_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    release.n_image[1] -= 40;
    test_release_restate(&spec, &release);
    assert_refused(E_IMAGE_SIZE);
}

static void image_with_trailing_bytes_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    memset(release.image[1] + release.n_image[1], 0x55, 12);
    release.n_image[1] += 12;
    test_release_restate(&spec, &release);
    assert_refused(E_IMAGE_TRAILING);
}

static void unsigned_image_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    /* Take the signature's TLV out: it is the last one. */
    struct image parts;
    assert_int_equal(image_parse(release.image[1], release.n_image[1], &parts), FOTA_OK);
    uint32_t cut = 4 + parts.signature_bytes;
    uint8_t *area = release.image[1] + parts.signed_bytes;
    assert_int_equal(parts.signature_off + parts.signature_bytes, parts.total_bytes);
    bytes_store_le16(area + 2, (uint16_t)(bytes_load_le16(area + 2) - cut));
    release.n_image[1] -= cut;
    test_release_restate(&spec, &release);
    assert_refused(E_IMAGE_UNSIGNED);
}

static void object_damaged_in_the_store_is_fetched_again_until_it_is_whole(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    release.image[1][9000] ^= 0x10; /* after the statement was made */
    assert_not_believed(E_UPDATE_DAMAGED);
    assert_int_equal(site_last(site, GATEWAY_EVENT_DAMAGED)->done, release.n_image[1]);
    assert_memory_not_equal(site->gateway.damage.sha256, release.digest[1], CRYPTO_SHA256_BYTES);
    release.image[1][9000] ^= 0x10;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS)); /* without a raised retry */
}

static void refused_release_is_tried_again_when_another_was_confirmed(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.image_hw = "f407-other";
    make(&spec);
    assert_refused(E_IMAGE_HARDWARE);
    assert_false(site_last(site, GATEWAY_EVENT_REFUSED)->is_erased);
    spec = site_spec(V3, 3);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    size_t offers = site_count(site, GATEWAY_EVENT_OFFER);
    spec = site_spec(V2, 4); /* the same images again, under a new statement */
    spec.image_hw = "f407-other";
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_REFUSED, HOUR_MS));
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), offers + 1);
}

/* --- restarts, cuts, faults -------------------------------------------------------------------------- */

static void crash_between_decision_and_store_does_not_hide_the_release(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->store.cut_at_save = 1; /* the save of the decision */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_STORE, HOUR_MS));
    site_restart_gateway(site);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
}

static void any_save_may_be_cut(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    for (unsigned save = 1; save <= 5; save++) {
        site_init(site);
        site_publish(site, &release);
        site->store.cut_at_save = save;
        if (site_run_until(site, GATEWAY_EVENT_STORE, HOUR_MS)) {
            site_restart_gateway(site);
        }
        site_run_ms(site, HOUR_MS / 4);
        assert_int_equal(site->target.running_version, V2);
        assert_int_equal(site->target.update.record.state[SLOT_B], SLOT_STATE_CONFIRMED);
        assert_int_equal(site_last(site, GATEWAY_EVENT_NOTHING)->reason, FOTA_OK);
    }
}

static void restarted_gateway_resumes_from_what_is_in_flash(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.payload_bytes = 30000;
    make(&spec);
    site_publish(site, &release);
    for (int i = 0; i < 3; i++) {
        assert_non_null(site_run_until(site, GATEWAY_EVENT_PROGRESS, HOUR_MS));
    }
    uint32_t erases = site->target.n_erases;
    site_restart_gateway(site);
    const struct gateway_event *begun = site_run_until(site, GATEWAY_EVENT_BEGUN, HOUR_MS);
    assert_non_null(begun);
    assert_true(begun->done >= 2 * 4096 && begun->done < release.n_image[1]);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.n_erases, erases);
}

static void gateway_restarted_in_the_trial_follows_it(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    make(&spec);
    site->target.bad_version = V3;
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_TRIAL, HOUR_MS));
    site_restart_gateway(site);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->version, V3);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
}

static void target_reset_in_the_middle_of_the_stream_costs_one_sector_at_most(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_PROGRESS, HOUR_MS));
    assert_non_null(site_run_until(site, GATEWAY_EVENT_PROGRESS, HOUR_MS));
    target_fake_boot(&site->target, RESET_POWER_ON);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.n_erases, 2);
}

static void connection_cut_anywhere_is_resumed_by_range(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    site->s3_server.cut_after_bytes = 7777; /* in the check */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CHECKED, HOUR_MS));
    assert_non_null(site_run_until(site, GATEWAY_EVENT_BEGUN, HOUR_MS));
    site->s3_server.cut_after_bytes = 5001; /* in the stream */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_true(site->s3_server.n_body_bytes < 2 * release.n_image[1] + 4096 + 5000);
}

static void server_errors_back_off_and_pass(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->s3_server.fail_next = 3;
    site->s3_server.fail_status = 503;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site_count(site, GATEWAY_EVENT_FAILED), 3);
    assert_int_equal(site_last(site, GATEWAY_EVENT_FAILED)->reason, E_S3_THROTTLED);
}

static void store_that_ignores_ranges_never_puts_bytes_at_a_wrong_offset(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->s3_server.ignores_ranges = true;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    site->s3_server.cut_after_bytes = 9001; /* so that the check needs a range, too */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_memory_equal(flash_fake_at(&site->target.flash, FLASH_SLOT_B_BASE), release.image[1],
                        release.n_image[1]);
}

static void network_alone_never_gives_a_release_up(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CHECKED, HOUR_MS));
    site->s3_server.fail_next = 2000; /* for hours, in the middle of an install that was begun */
    site_run_ms(site, 6 * HOUR_MS);
    assert_int_equal(site->gateway.record.attempts, 0);
    site->s3_server.fail_next = 0;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0);
}

static void installs_begun_in_vain_are_given_up_until_retry_rises(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->target.damages_flash = true; /* FINISH never finds what was sent */
    while (site_count(site, GATEWAY_EVENT_NOTHING) == 0) {
        site_run_ms(site, 60000);
        assert_true(site->n_events < SITE_EVENTS_MAX / 2);
    }
    assert_int_equal(site_last(site, GATEWAY_EVENT_NOTHING)->reason, E_UPDATE_GAVE_UP);
    assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0); /* that says nothing about the release */
    size_t offers = site_count(site, GATEWAY_EVENT_OFFER);
    assert_true(offers <= 5);
    site_restart_gateway(site);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), offers);
    site->target.damages_flash = false;
    spec.seq = 3;
    spec.retry = 1;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

static void retry_after_is_honoured_everywhere_and_told_as_it_is(void **state)
{
    (void)state;
    static const enum gateway_event_kind after[] = {GATEWAY_EVENT_QUIET, GATEWAY_EVENT_OFFER,
                                                    GATEWAY_EVENT_BEGUN};
    struct test_spec spec = site_spec(V2, 2);
    for (unsigned i = 0; i < sizeof after / sizeof after[0]; i++) {
        site_init(site);
        spec.version = i == 0 ? 0x01000000 : V2;
        make(&spec);
        site_publish(site, &release);
        assert_non_null(site_run_until(site, after[i], HOUR_MS)); /* then in POLL, CHECK, FETCH */
        site->s3_server.retry_after_s = 45;
        site->s3_server.fail_status = 503;
        site->s3_server.fail_next = 1;
        const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_FAILED, HOUR_MS);
        assert_non_null(event);
        assert_int_equal(event->status, 503);
        assert_int_equal(event->done, 45000);
        unsigned gets = site->s3_server.n_gets;
        site_run_ms(site, 44000);
        assert_int_equal(site->s3_server.n_gets, gets);
        site_run_ms(site, 2000);
        assert_true(site->s3_server.n_gets > gets);
    }
}

static void devices_of_the_same_seed_draw_other_delays(void **state)
{
    (void)state;
    uint32_t first = site->gateway.random;
    site->config.identity.device = "rig2";
    site_restart_gateway(site);
    assert_int_not_equal(site->gateway.random, first);
}

static void full_image_in_flash_is_handed_over_without_sending_it_again(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->target.is_deaf_to_finish = true; /* so that the stream ends and nothing follows */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_FAILED, HOUR_MS));
    site->target.is_deaf_to_finish = false;
    size_t progress = site_count(site, GATEWAY_EVENT_PROGRESS);
    site_restart_gateway(site);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site_count(site, GATEWAY_EVENT_PROGRESS), progress);
}

static void missing_channel_is_polled_slowly(void **state)
{
    (void)state;
    site_run_ms(site, HOUR_MS / 4);
    assert_int_equal(site_last(site, GATEWAY_EVENT_FAILED)->reason, E_S3_NO_KEY);
    assert_true(site->s3_server.n_gets <= 17); /* not faster than once a minute */
    assert_true(site_is_untouched());
}

static void dead_target_costs_no_etag(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->target.is_dead = true;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_STATEMENT, HOUR_MS));
    assert_non_null(site_run_until(site, GATEWAY_EVENT_FAILED, HOUR_MS));
    assert_int_equal(site_last(site, GATEWAY_EVENT_FAILED)->reason, E_LINK_ROM_SILENT);
    assert_int_equal(site->store.n_saves, 0);
    site->target.is_dead = false;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

/* An update with noise from BEGIN on. @return damaged bytes */
static uint32_t update_through_noise(uint32_t period, uint32_t seed)
{
    site_init(site);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    site->target.noise_period = period;
    site->target.noise_seed = seed;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_memory_equal(flash_fake_at(&site->target.flash, FLASH_SLOT_B_BASE), release.image[1],
                        release.n_image[1]);
    return site->target.n_damaged;
}

static void bit_errors_of_1e_4_and_1e_5_on_both_wires_are_survived(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    uint32_t n_damaged[2] = {0, 0};
    make(&spec);
    print_message("noise seeds 1..20\n");
    for (uint32_t seed = 1; seed <= 20; seed++) {
        n_damaged[0] += update_through_noise(12500, seed); /* one byte in so many: a bit error rate of 1e-5 */
        n_damaged[1] += update_through_noise(1250, seed);
    }
    print_message("40 of 40 updates confirmed through %" PRIu32 " and %" PRIu32 " damaged bytes\n",
                  n_damaged[0], n_damaged[1]);
    assert_true(n_damaged[0] > 20 && n_damaged[1] > 200);
}

static void application_that_is_busy_is_asked_again(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->consent = GATEWAY_CONSENT_LATER;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_VERIFIED, HOUR_MS));
    site_run_ms(site, 60000);
    assert_int_equal(site->target.running_version, 0x01000000);
    site->consent = GATEWAY_CONSENT_NOW;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_release_is_streamed_tried_and_confirmed),
        TEST(quiet_poll_is_one_304_and_touches_nothing),
        TEST(every_twenty_fourth_poll_reads_in_full),
        TEST(board_without_any_image_gets_one_through_its_loader),
        TEST(update_after_update_goes_to_the_other_slot_each_time),
        TEST(release_that_never_confirms_is_rolled_back_and_not_offered_again),
        TEST(gateway_that_lost_its_store_believes_the_target_about_rejected),
        TEST(next_release_after_a_rejected_one_is_installed),
        TEST(older_sequence_number_is_a_replay),
        TEST(same_sequence_number_with_other_bytes_is_a_replay),
        TEST(expired_channel_starts_no_install),
        TEST(halted_channel_starts_no_install),
        TEST(rollout_of_zero_percent_reaches_nobody),
        TEST(release_that_needs_a_newer_application_waits),
        TEST(other_product_is_refused),
        TEST(channel_signed_by_another_key_is_not_believed),
        TEST(release_signed_by_another_key_is_not_believed),
        TEST(etag_of_a_bad_signature_is_not_kept),
        TEST(image_for_the_other_slot_is_refused_before_any_erase),
        TEST(image_for_other_hardware_is_refused_before_any_erase),
        TEST(image_signed_by_another_key_is_refused_before_any_erase),
        TEST(lower_security_counter_is_left_alone),
        TEST(truncated_image_is_refused_before_any_erase),
        TEST(image_with_trailing_bytes_is_refused_before_any_erase),
        TEST(unsigned_image_is_refused_before_any_erase),
        TEST(object_damaged_in_the_store_is_fetched_again_until_it_is_whole),
        TEST(refused_release_is_tried_again_when_another_was_confirmed),
        TEST(crash_between_decision_and_store_does_not_hide_the_release),
        TEST(any_save_may_be_cut),
        TEST(restarted_gateway_resumes_from_what_is_in_flash),
        TEST(gateway_restarted_in_the_trial_follows_it),
        TEST(target_reset_in_the_middle_of_the_stream_costs_one_sector_at_most),
        TEST(connection_cut_anywhere_is_resumed_by_range),
        TEST(server_errors_back_off_and_pass),
        TEST(store_that_ignores_ranges_never_puts_bytes_at_a_wrong_offset),
        TEST(network_alone_never_gives_a_release_up),
        TEST(installs_begun_in_vain_are_given_up_until_retry_rises),
        TEST(retry_after_is_honoured_everywhere_and_told_as_it_is),
        TEST(devices_of_the_same_seed_draw_other_delays),
        TEST(full_image_in_flash_is_handed_over_without_sending_it_again),
        TEST(missing_channel_is_polled_slowly),
        TEST(dead_target_costs_no_etag),
        TEST(bit_errors_of_1e_4_and_1e_5_on_both_wires_are_survived),
        TEST(application_that_is_busy_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
