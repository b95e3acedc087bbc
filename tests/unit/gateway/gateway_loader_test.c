/* The gateway and what came with format 2: `retry` that reaches the target, loaders for sector 1, and
 * releases that end a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site_test.h"

enum { PROTECT_SECTOR_1 = 1 << 17 };

static struct test_release release;
static struct test_loader loader;

static void publish(const struct test_spec *spec)
{
    test_release_make(spec, &release);
    site_publish(site, &release);
}

static void make_loader(struct test_loader_spec spec)
{
    spec.key = spec.key ? spec.key : &site->release_key;
    spec.version = spec.version ? spec.version : V2;
    test_loader_make(&spec, &loader);
    site_publish_loader(site, &loader);
}

/* A channel that offers what runs already, and this loader. */
static void offer_loader(struct test_loader_spec loader_spec, uint32_t seq)
{
    struct test_spec spec = site_spec(0x01000000, seq);
    make_loader(loader_spec);
    spec.loader = &loader;
    publish(&spec);
}

static bool is_in_sector_1(const struct test_loader *l)
{
    return memcmp(flash_fake_at(&site->target.flash, FLASH_LOADER_BASE), l->image, l->n_image) == 0;
}

static void assert_reason(const struct gateway_event *event, enum fota_err reason)
{
    assert_non_null(event);
    assert_string_equal(fota_err_name(event->reason), fota_err_name(reason));
}

/* The loader must not get in for this reason, told once, and a release goes on to be installed. */
static void assert_loader_left(enum fota_err reason)
{
    assert_reason(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS), reason);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER_LEFT), 1);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER), 0);
    assert_true(is_in_sector_1(&site->loader));
    struct test_spec spec = site_spec(V2, 100);
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
}

/* --- retry ------------------------------------------------------------------------------------------- */

/* Finding T1: 3.0.0 was rejected by a fault of the surroundings; it is good, and gets in. */
static void a_raised_retry_lifts_the_rejection_in_the_target_and_the_release_gets_in(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    site->target.bad_version = V3;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site->target.bad_version = 0;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1); /* not by itself */
    assert_int_equal(site_count(site, GATEWAY_EVENT_RETRY), 0);
    spec.seq = 4;
    spec.retry = 1;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V3);
    assert_int_equal(site_last(site, GATEWAY_EVENT_RETRY)->done, 1);
    assert_int_equal(site->gateway.target.boot.retry, 1);
}

static void the_same_number_again_lifts_nothing(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    site->target.bad_version = V3;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    spec.seq = 4;
    spec.retry = 1;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 2);
    /* Nor for a gateway that forgot everything: the target says which number it knows. */
    site->store.has_cell[0] = site->store.has_cell[1] = false;
    site_restart_gateway(site);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 2);
    assert_int_equal(site_count(site, GATEWAY_EVENT_RETRY), 1);
    assert_reason(site_last(site, GATEWAY_EVENT_NOTHING), E_SLOT_REJECTED);
}

static void a_gateway_that_lost_its_store_passes_a_raised_retry_on_too(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V3, 3);
    site->target.bad_version = V3;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site->target.bad_version = 0;
    site->store.has_cell[0] = site->store.has_cell[1] = false;
    site_restart_gateway(site);
    spec.seq = 4;
    spec.retry = 7;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->gateway.target.boot.retry, 7);
}

/* Finding G2. */
static void given_up_ends_with_a_raised_retry(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CHECKED, HOUR_MS));
    site->target.damages_flash = true;
    while (site_count(site, GATEWAY_EVENT_NOTHING) == 0) {
        site_run_ms(site, 60000);
        assert_true(site->n_events < SITE_EVENTS_MAX / 2);
    }
    assert_reason(site_last(site, GATEWAY_EVENT_NOTHING), E_UPDATE_GAVE_UP);
    site->target.damages_flash = false;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_CONFIRMED), 0);
    spec.seq = 3;
    spec.retry = 1;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
    assert_int_equal(site_count(site, GATEWAY_EVENT_RETRY), 0); /* the target rejected nothing */
}

/* The rejection names the release, not the place: swapped slots and a lost store change nothing. */
static void a_rejection_is_seen_whichever_slot_is_free(void **state)
{
    (void)state;
    struct test_spec bad = site_spec(V3, 3);
    site->target.bad_version = V3;
    publish(&bad);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site->store.has_cell[0] = site->store.has_cell[1] = false;
    site_restart_gateway(site);
    site->gateway.record.is_in_trial = false;
    assert_reason(site_run_until(site, GATEWAY_EVENT_NOTHING, HOUR_MS), E_SLOT_REJECTED);
    struct boot_info info;
    update_info(&site->target.update, &info);
    assert_memory_equal(info.rejected_hash[SLOT_A], release.hash[SLOT_A], 8);
    assert_memory_equal(info.rejected_hash[SLOT_B], release.hash[SLOT_B], 8);
}

/* --- the only image ---------------------------------------------------------------------------------- */

static void an_image_of_last_resort_is_not_installed_again_and_the_next_release_is(void **state)
{
    (void)state;
    target_fake_init(&site->target, site->release_key.point);
    target_fake_boot(&site->target, RESET_POWER_ON);
    struct test_spec spec = site_spec(V3, 3);
    site->target.bad_version = V3;
    publish(&spec);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS);
    assert_reason(event, E_SLOT_LAST_RESORT);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
    site->store.has_cell[0] = site->store.has_cell[1] = false; /* by the target's word alone */
    site_restart_gateway(site);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
    assert_reason(site_last(site, GATEWAY_EVENT_NOTHING), E_SLOT_LAST_RESORT);
    spec = site_spec(0x03000001, 4);
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, 0x03000001);
}

/* --- loaders ----------------------------------------------------------------------------------------- */

static void a_loader_that_the_channel_names_is_installed_and_asked_for_no_more(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){0}, 2);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS);
    assert_non_null(event);
    assert_int_equal(event->version, V2);
    assert_true(is_in_sector_1(&loader));
    assert_int_equal(site->target.n_erases, 0); /* no sector of a slot */
    unsigned gets = site->s3_server.n_gets;
    size_t polls = site_count(site, GATEWAY_EVENT_QUIET) + site_count(site, GATEWAY_EVENT_CHANGED);
    site_run_ms(site, HOUR_MS / 4);
    polls = site_count(site, GATEWAY_EVENT_QUIET) + site_count(site, GATEWAY_EVENT_CHANGED) - polls;
    assert_int_equal(site->s3_server.n_gets - gets, polls); /* nothing else is read */
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER), 1);
    assert_int_equal(site->target.n_loader_erases, 1);
    assert_int_equal(site->target.n_boots, 1); /* the application was never restarted */
    site_restart_gateway(site);
    site_run_ms(site, HOUR_MS / 4);
    assert_int_equal(site->target.n_loader_erases, 1);
    /* The session is closed: a release gets in afterwards. */
    struct test_spec spec = site_spec(V2, 3);
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
}

static void a_release_goes_first_and_the_loader_follows(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    make_loader((struct test_loader_spec){0});
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_true(is_in_sector_1(&site->loader)); /* until the new application has proved itself */
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_true(is_in_sector_1(&loader));
}

static void a_loader_that_is_there_costs_one_statement_and_nothing_else(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 2);
    site_publish_loader(site, &site->loader);
    spec.loader = &site->loader;
    publish(&spec);
    site_run_ms(site, HOUR_MS / 2);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 0);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER_LEFT), 0);
    assert_int_equal(site->target.n_loader_erases, 0);
    assert_int_equal(site->s3_server.n_gets - site->s3_server.n_quiet, 1 + 1 + site->gateway.polls / 24);
}

static void a_write_protected_sector_1_costs_no_download_and_blocks_no_release(void **state)
{
    (void)state;
    site->target.option_bytes &= ~(uint32_t)PROTECT_SECTOR_1;
    offer_loader((struct test_loader_spec){0}, 2);
    assert_reason(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS), E_LOADER_PROTECTED);
    assert_int_equal(site->s3_server.n_gets, 1); /* the channel: INFO says the rest */
    site->n_events = 0;
    unsigned gets = site->s3_server.n_gets;
    site_run_ms(site, HOUR_MS / 4);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 0);
    assert_int_equal(site->s3_server.n_gets - gets,
                     site_count(site, GATEWAY_EVENT_QUIET) + site_count(site, GATEWAY_EVENT_CHANGED));
    struct test_spec spec = site_spec(V2, 100);
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_true(is_in_sector_1(&site->loader));
}

static void an_application_without_memory_is_asked_once_and_blocks_no_release(void **state)
{
    (void)state;
    site->target.lends_no_memory = true;
    offer_loader((struct test_loader_spec){0}, 2);
    assert_reason(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS), E_LOADER_MEMORY);
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER_LEFT), 1);
    /* Another application may have the memory, so it is asked again. */
    site->target.lends_no_memory = false;
    struct test_spec spec = site_spec(V2, 100);
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_true(is_in_sector_1(&loader));
}

static void a_raised_retry_asks_for_a_refused_loader_again(void **state)
{
    (void)state;
    site->target.lends_no_memory = true;
    offer_loader((struct test_loader_spec){0}, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS));
    site->target.lends_no_memory = false;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER), 0);
    struct test_spec spec = site_spec(0x01000000, 3);
    spec.loader = &loader;
    spec.retry = 1;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
}

static void a_loader_statement_of_another_key_is_refused(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){.key = &site->other_key}, 2);
    assert_loader_left(E_STATEMENT_KEY);
}

static void a_loader_image_of_another_key_is_refused_before_anything_is_sent(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){.image_key = &site->other_key}, 2);
    assert_loader_left(E_IMAGE_KEY);
    assert_int_equal(site->target.n_loader_erases, 0);
}

static void a_loader_for_other_hardware_is_refused(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){.hw = "f407-other"}, 2);
    assert_loader_left(E_STATEMENT_PRODUCT);
}

static void a_loader_linked_for_another_place_is_refused(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){.base = FLASH_SLOT_A_BASE}, 2);
    assert_loader_left(E_IMAGE_SLOT);
}

static void a_loader_that_needs_a_newer_root_is_refused(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){.boot_min = 0x01000001}, 2);
    assert_loader_left(E_STATEMENT_PRECURSOR);
}

static void a_loader_statement_that_is_not_the_named_one_condemns_nothing(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){0}, 2);
    loader.statement[loader.n_statement - 10] ^= 1;
    assert_reason(site_run_until(site, GATEWAY_EVENT_DAMAGED, HOUR_MS), E_STATEMENT_MISMATCH);
    assert_int_equal(site_count(site, GATEWAY_EVENT_LOADER_LEFT), 0);
    loader.statement[loader.n_statement - 10] ^= 1;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS)); /* it was damage on the way */
}

static void a_missing_loader_statement_does_not_slow_down_the_polls(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 2);
    const struct test_loader_spec of_loader = {.key = &site->release_key, .version = V2};
    test_loader_make(&of_loader, &loader);
    spec.loader = &loader;
    publish(&spec);
    site->config.backoff_max_ms = 6 * HOUR_MS; /* where a missing channel would soon be */
    site_restart_gateway(site);
    assert_reason(site_run_until(site, GATEWAY_EVENT_FAILED, HOUR_MS), E_S3_NO_KEY);
    uint32_t polls = site->gateway.polls;
    site_run_ms(site, 2 * HOUR_MS);
    assert_true(site->gateway.polls - polls >= 180); /* 30 s each, give or take a quarter */
}

static void a_halted_channel_starts_no_loader(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(0x01000000, 2);
    make_loader((struct test_loader_spec){0});
    spec.loader = &loader;
    spec.is_halted = true;
    publish(&spec);
    assert_reason(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS), E_STATEMENT_HALTED);
    assert_true(is_in_sector_1(&site->loader));
}

static void no_loader_is_sent_to_a_board_without_a_confirmed_application(void **state)
{
    (void)state;
    target_fake_init(&site->target, site->release_key.point);
    target_fake_loader(&site->target, site->loader.image, site->loader.n_image);
    target_fake_boot(&site->target, RESET_POWER_ON);
    struct test_spec spec = site_spec(V2, 2);
    spec.is_halted = true;
    make_loader((struct test_loader_spec){0});
    spec.loader = &loader;
    publish(&spec);
    assert_reason(site_run_until(site, GATEWAY_EVENT_LOADER_LEFT, HOUR_MS), E_LOADER_NOT_NOW);
    assert_true(is_in_sector_1(&site->loader));
}

static void a_gateway_reset_within_a_loader_update_begins_it_again(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){0}, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_PROGRESS, HOUR_MS));
    site_restart_gateway(site);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_true(is_in_sector_1(&loader));
}

static void a_target_reset_within_a_loader_update_takes_the_loader_again(void **state)
{
    (void)state;
    offer_loader((struct test_loader_spec){0}, 2);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_PROGRESS, HOUR_MS));
    target_fake_boot(&site->target, RESET_POWER_ON);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_true(is_in_sector_1(&loader));
    assert_int_equal(site->target.running_version, 0x01000000);
}

/* --- keys -------------------------------------------------------------------------------------------- */

/* 2.0.0, signed with the next key; it ends the first one. */
static struct test_spec revoking(uint32_t seq)
{
    struct test_spec spec = site_spec(V2, seq);
    spec.release_key = &site->next_key;
    spec.revokes = &site->release_key;
    return spec;
}

static void a_release_that_ends_the_key_of_the_loader_waits_for_a_loader(void **state)
{
    (void)state;
    struct test_spec spec = revoking(2);
    publish(&spec);
    assert_reason(site_run_until(site, GATEWAY_EVENT_REFUSED, HOUR_MS), E_UPDATE_LOADER_KEY);
    uint32_t erases = site->target.n_erases;
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site_count(site, GATEWAY_EVENT_OFFER), 1); /* not sent again in vain */
    assert_reason(site_last(site, GATEWAY_EVENT_NOTHING), E_UPDATE_LOADER_KEY);
    assert_int_equal(site->target.n_erases, erases);
    /* The operator adds a loader of the next key: first that, then the release, and nobody raises `retry`. */
    spec.seq = 3;
    make_loader((struct test_loader_spec){.key = &site->next_key});
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_int_equal(site->target.running_version, 0x01000000);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
    assert_true(is_in_sector_1(&loader));
}

static void the_loader_goes_first_when_the_release_needs_it(void **state)
{
    (void)state;
    struct test_spec spec = revoking(2);
    make_loader((struct test_loader_spec){.key = &site->next_key});
    spec.loader = &loader;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_LOADER, HOUR_MS));
    assert_int_equal(site->target.running_version, 0x01000000);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
    /* From now on the board believes the next key only. */
    spec = site_spec(V3, 3);
    spec.loader = &loader;
    publish(&spec);
    const struct gateway_event *event = site_run_until(site, GATEWAY_EVENT_REFUSED, HOUR_MS);
    assert_reason(event, E_IMAGE_REVOKED);
    assert_int_equal(site->target.running_version, V2);
    spec.seq = 4;
    spec.release_key = &site->next_key;
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V3);
}

static void behind_write_protection_the_loader_keeps_its_key(void **state)
{
    (void)state;
    site->target.option_bytes &= ~(uint32_t)PROTECT_SECTOR_1;
    struct test_spec spec = revoking(2);
    publish(&spec);
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
}

static void an_image_that_may_not_end_a_key_is_refused_before_any_erase(void **state)
{
    (void)state;
    struct test_spec spec = site_spec(V2, 2);
    spec.revokes = &site->next_key; /* signed with the first key */
    publish(&spec);
    assert_reason(site_run_until(site, GATEWAY_EVENT_REFUSED, HOUR_MS), E_IMAGE_REVOKES);
    assert_int_equal(site->target.n_erases, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, site_set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_raised_retry_lifts_the_rejection_in_the_target_and_the_release_gets_in),
        TEST(the_same_number_again_lifts_nothing),
        TEST(a_gateway_that_lost_its_store_passes_a_raised_retry_on_too),
        TEST(given_up_ends_with_a_raised_retry),
        TEST(a_rejection_is_seen_whichever_slot_is_free),
        TEST(an_image_of_last_resort_is_not_installed_again_and_the_next_release_is),
        TEST(a_loader_that_the_channel_names_is_installed_and_asked_for_no_more),
        TEST(a_release_goes_first_and_the_loader_follows),
        TEST(a_loader_that_is_there_costs_one_statement_and_nothing_else),
        TEST(a_write_protected_sector_1_costs_no_download_and_blocks_no_release),
        TEST(an_application_without_memory_is_asked_once_and_blocks_no_release),
        TEST(a_raised_retry_asks_for_a_refused_loader_again),
        TEST(a_loader_statement_of_another_key_is_refused),
        TEST(a_loader_image_of_another_key_is_refused_before_anything_is_sent),
        TEST(a_loader_for_other_hardware_is_refused),
        TEST(a_loader_linked_for_another_place_is_refused),
        TEST(a_loader_that_needs_a_newer_root_is_refused),
        TEST(a_loader_statement_that_is_not_the_named_one_condemns_nothing),
        TEST(a_missing_loader_statement_does_not_slow_down_the_polls),
        TEST(a_halted_channel_starts_no_loader),
        TEST(no_loader_is_sent_to_a_board_without_a_confirmed_application),
        TEST(a_gateway_reset_within_a_loader_update_begins_it_again),
        TEST(a_target_reset_within_a_loader_update_takes_the_loader_again),
        TEST(a_release_that_ends_the_key_of_the_loader_waits_for_a_loader),
        TEST(the_loader_goes_first_when_the_release_needs_it),
        TEST(behind_write_protection_the_loader_keeps_its_key),
        TEST(an_image_that_may_not_end_a_key_is_refused_before_any_erase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
