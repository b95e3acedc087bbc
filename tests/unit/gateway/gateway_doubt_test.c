/* The gateway and what it must not believe: dates that are wrong, and objects that nobody signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site_test.h"

static struct test_release release;

static void make(const struct test_spec *spec)
{
    test_release_make(spec, &release);
}

/* --- dates ------------------------------------------------------------------------------------------- */

/* A statement of sequence 5, issued `days` ahead of everybody, and the right one after it. */
static void heal_from_a_statement_ahead(uint32_t days, uint64_t clock_offset_s)
{
    site_init(site);
    site->target.utc_back_s = clock_offset_s;
    struct test_spec spec = site_spec(0x01000000, 5);
    spec.issued_s = TEST_NOW_S + (uint64_t)days * 86400;
    spec.expires_s = spec.issued_s + 30 * 86400;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    site_restart_gateway(site);
    spec = site_spec(V2, 6);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
}

static void typo_in_issued_is_over_with_the_next_statement(void **state)
{
    (void)state;
    heal_from_a_statement_ahead(3650, 0);
    heal_from_a_statement_ahead(90, 0);
    heal_from_a_statement_ahead(3650, TEST_NOW_S); /* a machine without a clock */
}

static void statement_far_ahead_is_not_believed_against_a_clock_that_can_be_right(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 5);
    spec.issued_s = TEST_NOW_S + UINT64_C(3650) * 86400;
    spec.expires_s = spec.issued_s + 30 * 86400;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    assert_int_equal(site->gateway.time_source, GATEWAY_TIME_CLOCK);
}

static void without_a_clock_time_goes_on_from_the_newest_statement(void **state)
{
    (void)state;
    site->target.utc_back_s = TEST_NOW_S;
    struct test_spec spec = site_spec(0x01000000, 5);
    spec.expires_s = spec.issued_s + 600;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    assert_int_equal(site_count(site, GATEWAY_EVENT_STALE), 0);
    assert_int_equal(site->gateway.time_source, GATEWAY_TIME_STATEMENT);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_STALE, HOUR_MS);
    assert_non_null(event);
    assert_true(event->done < 120);
}

static void channel_that_went_stale_is_told_though_nothing_is_to_install(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 5); /* what runs already */
    spec.expires_s = TEST_NOW_S + 600;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS));
    assert_false(site->gateway.is_stale);
    site->s3_server.fail_next = 1000; /* nobody can be reached meanwhile */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_STALE, HOUR_MS));
    assert_true(site->gateway.is_stale);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_STALE), 1); /* once, not with each poll */
    site->s3_server.fail_next = 0;
    spec = site_spec(0x01000000, 6);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_FRESH, HOUR_MS));
    assert_false(site->gateway.is_stale);
}

/* --- objects that nobody signed ---------------------------------------------------------------------- */

static void other_objects_in_the_images_place_condemn_nothing(void **state)
{
    (void)state;
    static uint8_t other[60000];
    static const size_t sizes[] = {1, 100, 20000, sizeof other};
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned hides = 0; hides < 2; hides++) {
            site_init(site);
            site->s3_server.hides_length = hides != 0;
            site_publish(site, &release);
            s3_fake_put(&site->s3_server, release.blob[1], other, sizes[i]);
            const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
            assert_non_null(event);
            assert_true(event->reason == E_HTTP_LENGTH || event->reason == E_IMAGE_TRAILING);
            assert_int_equal(event->total, release.n_image[1]);
            assert_true(site_is_untouched());
            s3_fake_put(&site->s3_server, release.blob[1], release.image[1], release.n_image[1]);
            assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
            assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0);
        }
    }
}

static void endless_image_ends_at_its_size(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site->s3_server.is_endless = true;
    site->s3_server.hides_length = true;
    site_publish(site, &release);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->reason, E_IMAGE_TRAILING);
    assert_true(site->s3_server.n_blob_bytes <= release.n_image[1] + 1000);
    site->s3_server.is_endless = false;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

static void login_page_in_place_of_the_channel_condemns_nothing(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    site->s3_server.portal_pct = 100;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS));
    assert_int_equal(site_last(site, GATEWAY_EVENT_DAMAGED)->reason, E_STATEMENT_SYNTAX);
    site->s3_server.portal_pct = 0;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

/* --- replies that never end the same way ------------------------------------------------------------- */

static void precondition_that_was_never_sent_is_no_reason_to_ask_at_once(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_OFFER, HOUR_MS));
    site->s3_server.blob_status = 412; /* to each request for an image, whatever it asks */
    unsigned gets = site->s3_server.n_gets;
    site_run_ms(site, HOUR_MS);
    assert_true(site->s3_server.n_gets - gets < 2 * 3600 / 5);
    assert_int_equal(site_count(site, GATEWAY_EVENT_REFUSED), 0);
    site->s3_server.blob_status = 0;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

static void retry_after_counts_for_a_loader_too(void **state)
{
    (void)state;
    static struct test_loader loader;
    const struct test_loader_spec of_loader = {.key = &site->release_key, .version = V2};
    test_loader_make(&of_loader, &loader);
    struct test_spec spec = site_spec(0x01000000, 2);
    spec.loader = &loader;
    make(&spec);
    site_publish(site, &release);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_STATEMENT, HOUR_MS));
    site->s3_server.retry_after_s = 50;
    site->s3_server.fail_status = 503;
    site->s3_server.fail_next = 1;
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_FAILED, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->state, GATEWAY_LOADER);
    assert_in_range(event->done, 50000, 60000);
    unsigned gets = site->s3_server.n_gets;
    site_run_ms(site, 49000);
    assert_int_equal(site->s3_server.n_gets, gets);
}

/* A state file is written by nobody else, and yet no header gets a line end out of it. */
static void etag_with_a_line_end_in_the_record_is_not_sent(void **state)
{
    (void)state;
    struct gateway_record r;
    static uint8_t scratch[GATEWAY_RECORD_BYTES];
    gateway_record_init(&r);
    memcpy(r.etag, "\"e\"\r\nx-evil: 1", 15);
    r.channel_seq = 7;
    assert_int_equal(gateway_record_save(&site->store.store, scratch, &r), FOTA_OK);
    assert_int_equal(gateway_record_load(&site->store.store, scratch, &r), FOTA_OK);
    assert_string_equal(r.etag, "");
    assert_int_equal(r.channel_seq, 7); /* the rest counts */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(typo_in_issued_is_over_with_the_next_statement),
        TEST(statement_far_ahead_is_not_believed_against_a_clock_that_can_be_right),
        TEST(without_a_clock_time_goes_on_from_the_newest_statement),
        TEST(channel_that_went_stale_is_told_though_nothing_is_to_install),
        TEST(other_objects_in_the_images_place_condemn_nothing),
        TEST(endless_image_ends_at_its_size),
        TEST(login_page_in_place_of_the_channel_condemns_nothing),
        TEST(precondition_that_was_never_sent_is_no_reason_to_ask_at_once),
        TEST(retry_after_counts_for_a_loader_too),
        TEST(etag_with_a_line_end_in_the_record_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
