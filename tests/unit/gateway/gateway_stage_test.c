/* One download: what the gateway fetches with a staging store, whatever the network and its own resets do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site_test.h"

enum { IMAGE_BYTES = 60000 };

static struct test_release release;

static int set_up(void **state)
{
    if (site_set_up(state) != 0) {
        return -1;
    }
    site_give_stage(site);
    return 0;
}

static void publish(uint32_t version, uint32_t seq)
{
    struct test_spec spec = site_spec(version, seq);
    spec.payload_bytes = IMAGE_BYTES;
    test_release_make(&spec, &release);
    site_publish(site, &release);
}

static void anew(void)
{
    site_init(site);
    site_give_stage(site);
}

static void assert_confirmed(uint32_t version, uint32_t max_ms)
{
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, max_ms));
    assert_int_equal(site->target.running_version, version);
    const struct gateway_event *refused = site_last(site, GATEWAY_EVENT_REFUSED);
    assert_string_equal(refused ? fota_err_name(refused->reason) : "none", "none");
}

/* Bytes of image objects that came, in thousandths of the image. */
static uint64_t ratio(enum slot slot)
{
    return site->s3_server.n_blob_bytes * 1000U / release.n_image[slot];
}

/* --- how much is fetched ----------------------------------------------------------------------------- */

static void clean_network_carries_the_image_once(void **state)
{
    (void)state;
    publish(V2, 2);
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(site->s3_server.n_blob_bytes, release.n_image[SLOT_B]);
    assert_int_equal(site->s3_server.n_gets, 2); /* the channel and the image */
    assert_memory_equal(flash_fake_at(&site->target.flash, FLASH_SLOT_B_BASE), release.image[SLOT_B],
                        release.n_image[SLOT_B]);
}

static void cuts_every_few_thousand_bytes_cost_nothing(void **state)
{
    (void)state;
    static const size_t cuts[] = {3000, 4095, 4096, 4097, 1000, 100};
    for (unsigned i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        anew();
        publish(V2, 2);
        site->s3_server.cut_every_bytes = cuts[i];
        assert_confirmed(V2, 24 * HOUR_MS);
        assert_int_equal(site->s3_server.n_blob_bytes, release.n_image[SLOT_B]);
    }
}

static void cuts_every_few_thousand_bytes_cost_two_passes_without_a_store(void **state)
{
    (void)state;
    static const size_t cuts[] = {3000, 4095, 4096, 4097};
    for (unsigned i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        site_init(site);
        publish(V2, 2);
        site->s3_server.cut_every_bytes = cuts[i];
        assert_confirmed(V2, 24 * HOUR_MS);
        assert_true(ratio(SLOT_B) <= 2100); /* a part of a block counts */
    }
}

static void server_errors_cost_no_byte_of_the_image(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        anew();
        publish(V2, 2);
        site->s3_server.seed = seed;
        site->s3_server.fail_pct = 30;
        site->s3_server.cut_every_bytes = 9000;
        assert_confirmed(V2, 24 * HOUR_MS);
        assert_int_equal(site->s3_server.n_blob_bytes, release.n_image[SLOT_B]);
    }
}

static void everything_at_once_ends_confirmed(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        anew();
        publish(V2, 2);
        site->s3_server.seed = seed;
        site->s3_server.fail_pct = 30;
        site->s3_server.portal_pct = 50;
        site->s3_server.flip_pct = 5;
        site->s3_server.cut_every_bytes = 3000 + 20000 * (seed % 2);
        site->s3_server.hides_length = seed % 3 == 0;
        assert_confirmed(V2, 20 * 24 * HOUR_MS);
        assert_memory_equal(flash_fake_at(&site->target.flash, FLASH_SLOT_B_BASE), release.image[SLOT_B],
                            release.n_image[SLOT_B]);
    }
}

static void object_put_again_under_the_download_costs_nothing(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.cut_every_bytes = 20000;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_FETCHED, HOUR_MS));
    s3_fake_put(&site->s3_server, release.blob[SLOT_B], release.image[SLOT_B], release.n_image[SLOT_B]);
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(site->s3_server.n_blob_bytes, release.n_image[SLOT_B]);
}

static void server_that_ignores_ranges_is_read_from_the_start(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.ignores_ranges = true;
    site->s3_server.cut_after_bytes = 30001;
    assert_confirmed(V2, HOUR_MS);
}

static void network_that_dies_after_the_download_does_not_matter(void **state)
{
    (void)state;
    publish(V2, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CHECKED, HOUR_MS));
    site->s3_server.fail_next = 1000000;
    assert_confirmed(V2, HOUR_MS);
}

static void damaged_download_is_dropped_and_fetched_again(void **state)
{
    (void)state;
    publish(V2, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    site->s3_server.flip_pct = 100;
    for (unsigned i = 0; i < 3; i++) {
        const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
        assert_non_null(event);
        struct stage_item item;
        assert_int_equal(stage_look(&site->stage.stage, STAGE_INCOMING, &item), E_NOT_FOUND);
    }
    site->s3_server.flip_pct = 0;
    assert_confirmed(V2, HOUR_MS);
}

/* --- resets of the gateway --------------------------------------------------------------------------- */

/* Kill the gateway, or cut its power, after so many bytes were staged; then let it end. */
static void restart_at(uint32_t staged_bytes, bool is_power_cut)
{
    anew();
    publish(V2, 2);
    site->s3_server.cut_every_bytes = staged_bytes;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    while (site->s3_server.n_blob_bytes == 0) {
        site_run_ms(site, 1);
    }
    site->s3_server.cut_every_bytes = 0;
    if (is_power_cut) {
        stage_fake_power_up(&site->stage, staged_bytes);
    }
    site_restart_gateway(site);
    assert_confirmed(V2, HOUR_MS);
    assert_true(site->s3_server.n_blob_bytes <= release.n_image[SLOT_B] + (is_power_cut ? 4096U : 0U));
}

static void restarted_gateway_fetches_no_byte_again(void **state)
{
    (void)state;
    for (uint32_t bytes = 1; bytes < IMAGE_BYTES; bytes += 4999) {
        restart_at(bytes, false);
        restart_at(bytes, true);
    }
}

static void power_cut_in_any_write_of_the_store_ends_confirmed(void **state)
{
    (void)state;
    for (uint32_t write = 1; write < 140; write += 3) {
        anew();
        publish(V2, 2);
        stage_fake_cut_at(&site->stage, write, write);
        for (unsigned ms = 0; ms < 3 * 60000 && !site->stage.is_cut; ms++) {
            site_run_ms(site, 1);
        }
        uint64_t before = site->s3_server.n_blob_bytes;
        bool was_cut = site->stage.is_cut && site_count(site, GATEWAY_EVENT_CHECKED) == 0;
        stage_fake_power_up(&site->stage, write * 7U);
        site_restart_gateway(site);
        site_run_ms(site, HOUR_MS / 2);
        assert_int_equal(site->target.running_version, V2);
        assert_int_equal(site->target.update.record.state[SLOT_B], SLOT_STATE_CONFIRMED);
        /* A reply that goes on after the cut is read to its end, for the check alone. */
        assert_true(!was_cut || site->s3_server.n_blob_bytes <= before + release.n_image[SLOT_B]);
        assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0);
    }
}

static void worn_store_is_noticed_before_anything_is_erased(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.cut_every_bytes = 30000;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_FETCHED, HOUR_MS));
    stage_fake_flip(&site->stage, STAGE_INCOMING, 5000);
    site_restart_gateway(site);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS));
    assert_int_equal(site->target.n_erases, 0);
    assert_confirmed(V2, HOUR_MS);
}

static void store_that_wears_between_check_and_stream_costs_a_second_download(void **state)
{
    (void)state;
    publish(V2, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CHECKED, HOUR_MS));
    stage_fake_flip(&site->stage, STAGE_INCOMING, 40000);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS));
    assert_confirmed(V2, HOUR_MS);
}

static void store_without_room_leaves_two_passes(void **state)
{
    (void)state;
    stage_fake_init(&site->stage, site->stage_memory, 20000);
    publish(V2, 2);
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(site_last(site, GATEWAY_EVENT_STORE)->reason, E_NO_SPACE);
    assert_int_equal(ratio(SLOT_B), 2000);
}

/* --- kept images ------------------------------------------------------------------------------------- */

static void confirmed_images_stay_for_both_slots(void **state)
{
    (void)state;
    struct stage_item item;
    publish(V2, 2);
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_SLOT_B, &item), FOTA_OK);
    assert_memory_equal(item.digest, release.digest[SLOT_B], sizeof item.digest);
    assert_int_equal(item.n_bytes, release.n_image[SLOT_B]);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_INCOMING, &item), E_NOT_FOUND);
    publish(V3, 3);
    assert_confirmed(V3, HOUR_MS);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_SLOT_A, &item), FOTA_OK);
    assert_memory_equal(item.digest, release.digest[SLOT_A], sizeof item.digest);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_SLOT_B, &item), FOTA_OK);
}

static void release_that_was_confirmed_before_is_installed_without_a_download(void **state)
{
    (void)state;
    publish(V2, 2);
    assert_confirmed(V2, HOUR_MS); /* in B */
    publish(V3, 3);
    assert_confirmed(V3, HOUR_MS); /* in A */
    site->s3_server.n_blob_bytes = 0;
    publish(V2, 4); /* back */
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(site->s3_server.n_blob_bytes, 0);
}

static void rolled_back_image_is_not_kept(void **state)
{
    (void)state;
    struct stage_item item;
    publish(V2, 2);
    site->target.bad_version = V2;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site_run_ms(site, 60000);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_SLOT_B, &item), E_NOT_FOUND);
}

static void gateway_killed_in_the_trial_keeps_the_image_all_the_same(void **state)
{
    (void)state;
    struct stage_item item;
    publish(V2, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ACTIVATED, HOUR_MS));
    site_restart_gateway(site);
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(stage_look(&site->stage.stage, STAGE_SLOT_B, &item), FOTA_OK);
}

/* --- when the target may restart --------------------------------------------------------------------- */

static void trial_waits_for_the_hours_of_the_owner_and_the_channel_is_polled_meanwhile(void **state)
{
    (void)state;
    /* TEST_NOW_S is 14:13:20 UTC; the hours begin in not quite two. */
    site->config.window = (struct gateway_window){.is_set = true, .from_h = 16, .to_h = 17};
    site->target.utc_back_s = 0;
    site_restart_gateway(site);
    publish(V2, 2);
    const struct gateway_event *held = site_run_until(site, GATEWAY_EVENT_HELD, HOUR_MS);
    assert_non_null(held);
    assert_int_equal(held->reason, E_UPDATE_WINDOW);
    uint32_t polls = site->gateway.polls;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site->target.running_version, 0x01000000);
    assert_true(site->gateway.polls > polls + 10);
    assert_int_equal(site_count(site, GATEWAY_EVENT_HELD), 1);
    assert_int_equal(site->s3_server.n_blob_bytes, release.n_image[SLOT_B]);
    assert_confirmed(V2, HOUR_MS);
    uint64_t hour = clock_utc_s(&site->target.clock) % 86400 / 3600;
    assert_int_equal(hour, 16);
}

/* `activate=idle` without anybody to ask here: the application on the target says that it is busy. */
static void a_busy_application_is_asked_again_until_it_is_idle(void **state)
{
    (void)state;
    site->target.is_busy = true;
    publish(V2, 2);
    const struct gateway_event *held = site_run_until(site, GATEWAY_EVENT_HELD, HOUR_MS);
    assert_non_null(held);
    assert_int_equal(held->reason, E_UPDATE_BUSY);
    uint32_t n_saves = site->store.n_saves;
    uint32_t polls = site->gateway.polls;
    site_run_ms(site, 5 * HOUR_MS);
    assert_int_equal(site->target.running_version, 0x01000000);
    assert_int_equal(site_count(site, GATEWAY_EVENT_HELD), 1);
    assert_int_equal(site_count(site, GATEWAY_EVENT_FAILED), 0);
    assert_true(site->gateway.polls > polls + 3); /* the channel may change its mind meanwhile */
    /* 18,000 questions do not wear out the store: it is written twice for each poll. */
    assert_true(site->store.n_saves - n_saves < 3 * (site->gateway.polls - polls));
    site_restart_gateway(site);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site->target.running_version, 0x01000000);
    site->target.is_busy = false;
    assert_confirmed(V2, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_ROLLED_BACK), 0);
}

static void halt_while_the_trial_waits_is_heard(void **state)
{
    (void)state;
    site->consent = GATEWAY_CONSENT_LATER;
    publish(V2, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_HELD, HOUR_MS));
    struct test_spec spec = test_spec(&site->release_key, &site->channel_key, V2, 3);
    spec.payload_bytes = IMAGE_BYTES;
    spec.is_halted = true;
    test_release_make(&spec, &release);
    site_publish_channel(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->reason, E_STATEMENT_HALTED);
    site->consent = GATEWAY_CONSENT_NOW;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site->target.running_version, 0x01000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clean_network_carries_the_image_once),
        TEST(cuts_every_few_thousand_bytes_cost_nothing),
        TEST(cuts_every_few_thousand_bytes_cost_two_passes_without_a_store),
        TEST(server_errors_cost_no_byte_of_the_image),
        TEST(everything_at_once_ends_confirmed),
        TEST(object_put_again_under_the_download_costs_nothing),
        TEST(server_that_ignores_ranges_is_read_from_the_start),
        TEST(network_that_dies_after_the_download_does_not_matter),
        TEST(damaged_download_is_dropped_and_fetched_again),
        TEST(restarted_gateway_fetches_no_byte_again),
        TEST(power_cut_in_any_write_of_the_store_ends_confirmed),
        TEST(worn_store_is_noticed_before_anything_is_erased),
        TEST(store_that_wears_between_check_and_stream_costs_a_second_download),
        TEST(store_without_room_leaves_two_passes),
        TEST(confirmed_images_stay_for_both_slots),
        TEST(release_that_was_confirmed_before_is_installed_without_a_download),
        TEST(rolled_back_image_is_not_kept),
        TEST(gateway_killed_in_the_trial_keeps_the_image_all_the_same),
        TEST(trial_waits_for_the_hours_of_the_owner_and_the_channel_is_polled_meanwhile),
        TEST(a_busy_application_is_asked_again_until_it_is_idle),
        TEST(halt_while_the_trial_waits_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
