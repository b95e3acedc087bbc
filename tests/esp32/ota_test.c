/*
 * The ESP32's own application: fetched from its channel, started on trial, kept after the first good poll, else rolled back and not
 * tried again. Power fails in each write and erase on the way. The board on the wires is never in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "esp_ota_ops.h"
#include "idf_ota_priv.h"
#include "rig.h"
#include "target_fake.h"

enum {
    VERSION_1 = 1 << 24,
    VERSION_2 = 2 << 24,
    VERSION_3 = 3 << 24,
    APP_BYTES = 30011,
    KINDS = 80,
    RUN_MAX_S = 7200,
    CUTS_MAX = 200,
    STARTS_MAX = 8,
    POLL_S = 300,
    WAIT_MAX_MS = 60000
};

static struct rig rig;
static struct target_fake target;
static struct test_release factory, update, self;
static jmp_buf restart;
static bool is_running; /* the gateway was opened since the reset */
static struct {
    unsigned n[KINDS];
    int reason[KINDS];
    bool is_target_busy;
    bool met; /* this chip's update and the target's were under way together */
    enum fota_gateway_consent consent;
    unsigned n_asked;
} heard;

/* --- rig ----------------------------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct fota_gateway_event *event)
{
    (void)ctx;
    if (event->kind < 0 || event->kind >= KINDS) {
        return;
    }
    heard.n[event->kind]++;
    heard.reason[event->kind] = event->reason;
    if (event->kind == FOTA_GATEWAY_OFFER) {
        heard.is_target_busy = true;
    } else if (event->kind == FOTA_GATEWAY_CONFIRMED) {
        heard.is_target_busy = false;
    }
    heard.met = heard.met || (heard.is_target_busy && event->kind >= FOTA_GATEWAY_SELF_OFFER);
}

static enum fota_gateway_consent may_restart(void *ctx, uint32_t version)
{
    (void)ctx;
    (void)version;
    heard.n_asked++;
    return heard.consent;
}

/* A release of this chip: one file, named twice. */
static void publish_self(uint32_t version, uint32_t seq, uint32_t retry, const uint8_t *app, uint32_t n_app)
{
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, version, seq);
    spec.hw = "esp32";
    spec.product = "demo-gateway";
    spec.security_counter = version >> 24;
    spec.retry = retry;
    test_release_make(&spec, &self);
    for (unsigned slot = 0; slot < 2; slot++) {
        memcpy(self.image[slot], app, n_app);
        self.n_image[slot] = n_app;
    }
    test_release_restate(&spec, &self);
    local_s3_put(&rig.s3, self.blob[0], app, n_app);
    local_s3_put(&rig.s3, "v1/channels/demo-gateway/esp32/stable.fc", self.channel, self.n_channel);
}

static void publish_app(uint32_t version, uint32_t seq, uint32_t retry)
{
    static uint8_t app[APP_BYTES];
    stand_in_app_make(app, sizeof app, (uint8_t)(version >> 24));
    publish_self(version, seq, retry, app, sizeof app);
}

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_1, 1);
    test_release_make(&spec, &factory);
    spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_2, 2);
    test_release_make(&spec, &update);
    rig_set_up(&rig, none);
    rig.config.is_watched = false;
    rig.config.poll_s = POLL_S;
    rig.config.on_event = on_event;
    rig.config.self.product = "demo-gateway";
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static void reset_chip(void)
{
    stand_in_reset();
    is_running = false;
}

static void new_chip(const struct stand_in_config *more)
{
    struct stand_in_config config = *more;
    target_fake_init(&target, rig.image_key.point);
    target_fake_factory(&target, factory.image[0], factory.n_image[0]);
    config.board = &target.io;
    config.nss = 5;
    config.nrst = 26;
    config.boot0 = 25;
    config.utc_s = TEST_NOW_S;
    config.http_bytes_s = 1000000;
    stand_in_new(&config);
    is_running = false;
    memset(&heard, 0, sizeof heard);
}

static int new_test(void **state)
{
    (void)state;
    new_chip(&(struct stand_in_config){.nss = 5});
    rig.config.endpoint = rig.s3.url;
    rig.config.self.may_restart = NULL;
    rig.config.has_window = false;
    rig_publish(&rig, &factory);
    return 0;
}

enum end { WAITED, HEARD, RESTARTED, POWER_FAILED };

/* Run the application that the bootloader started, or go on with it, until this event, a restart, or so many seconds. */
static enum end run(enum fota_gateway_event_kind kind, uint32_t max_s)
{
    const uint64_t until_us = stand_in_now_us() + (uint64_t)max_s * 1000000U;
    const unsigned before = heard.n[kind];
    stand_in_restarts_to(&restart);
    if (setjmp(restart) != 0) {
        return RESTARTED;
    }
    if (!is_running) {
        memset(&rig.gateway, 0xA5, sizeof rig.gateway); /* RAM after a power loss */
        if (fota_gateway_open(&rig.gateway, &rig.config) != 0) {
            assert_true(stand_in_is_dead());
            return POWER_FAILED;
        }
    }
    is_running = true;
    fota_gateway_poll_now(&rig.gateway);
    while (stand_in_now_us() < until_us && !stand_in_is_dead() && heard.n[kind] == before) {
        uint32_t wait_ms = 0;
        assert_int_equal(fota_gateway_step(&rig.gateway, &wait_ms), 0);
        stand_in_idle_us((uint64_t)(wait_ms < WAIT_MAX_MS ? wait_ms : (uint32_t)WAIT_MAX_MS) * 1000U);
    }
    assert_string_equal(stand_in_fault(), "");
    return stand_in_is_dead() ? POWER_FAILED : heard.n[kind] > before ? HEARD : WAITED;
}

static esp_ota_img_states_t state_of_running(void)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_NEW;
    assert_int_equal(esp_ota_get_state_partition(esp_ota_get_running_partition(), &state), ESP_OK);
    return state;
}

/* The new application was fetched and runs, on trial. */
static void start_trial(void)
{
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), RESTARTED);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_FETCHED], 1);
    reset_chip();
    assert_int_equal(stand_in_running(), 1);
    assert_int_equal(state_of_running(), ESP_OTA_IMG_PENDING_VERIFY);
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void a_new_application_is_kept_after_its_first_good_poll(void **state)
{
    (void)state;
    start_trial();
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), HEARD);
    assert_int_equal(state_of_running(), ESP_OTA_IMG_VALID);
    reset_chip();
    assert_int_equal(stand_in_running(), 1);
    const unsigned n_offers = heard.n[FOTA_GATEWAY_SELF_OFFER];
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 600), WAITED); /* it runs already */
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_OFFER], n_offers);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_ROLLED_BACK], 0);
}

static void a_reset_before_the_first_good_poll_goes_back_and_it_is_not_tried_again(void **state)
{
    (void)state;
    start_trial();
    stand_in_crash(); /* before its gateway opened */
    is_running = false;
    assert_int_equal(stand_in_running(), 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_ROLLED_BACK, 600), HEARD);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_ROLLED_BACK], E_SLOT_TRIALS_SPENT);
    const unsigned n_offers = heard.n[FOTA_GATEWAY_SELF_OFFER];
    reset_chip();
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 3600), WAITED); /* remembered, also over a reset */
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_NOTHING], E_SLOT_REJECTED);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_OFFER], n_offers);
    publish_app(VERSION_2, 2, 1); /* the operator's word */
    assert_int_equal(run(FOTA_GATEWAY_SELF_RESTART, 600), RESTARTED);
}

/* A lamp on the same supply: five starts, and then it is left alone. */
static void power_that_fails_in_each_trial_is_an_end_too(void **state)
{
    (void)state;
    start_trial();
    unsigned n_starts = 1;
    reset_chip();
    while (n_starts < 20 && run(FOTA_GATEWAY_SELF_CONFIRMED, 1800) == RESTARTED) {
        n_starts++;
        reset_chip(); /* the new application starts */
        reset_chip(); /* and loses its power */
    }
    assert_int_equal(n_starts, 5);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_NOTHING], E_UPDATE_GAVE_UP);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_ROLLED_BACK], 0);
    assert_int_equal(stand_in_running(), 0);
    assert_true(stand_in_stats()->http_blob_bytes == APP_BYTES); /* fetched once: it is in flash */
}

static void no_good_poll_within_the_time_goes_back(void **state)
{
    (void)state;
    start_trial();
    rig.config.endpoint = "http://127.0.0.1:1"; /* the new application finds no store */
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 3600), RESTARTED);
    assert_true(stand_in_now_us() > 60U * 1000000U); /* confirm-within */
    reset_chip();
    assert_int_equal(stand_in_running(), 0);
    rig.config.endpoint = rig.s3.url;
    assert_int_equal(run(FOTA_GATEWAY_SELF_ROLLED_BACK, 600), HEARD);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_CONFIRMED], 0);
}

static void other_bytes_than_those_signed_are_never_started(void **state)
{
    static uint8_t app[APP_BYTES];
    (void)state;
    publish_app(VERSION_2, 1, 0);
    stand_in_app_make(app, sizeof app, 9); /* an application that this chip would start */
    local_s3_put(&rig.s3, self.blob[0], app, sizeof app);
    assert_int_equal(run(FOTA_GATEWAY_SELF_RESTART, 1800), WAITED);
    assert_true(heard.n[FOTA_GATEWAY_SELF_FAILED] > 0);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_FAILED], E_UPDATE_DAMAGED);
    assert_ptr_equal(esp_ota_get_boot_partition(), esp_ota_get_running_partition());
    assert_true(stand_in_stats()->http_blob_bytes < 40U * APP_BYTES); /* fewer tries each time */
    reset_chip();
    assert_int_equal(stand_in_running(), 0);
}

static void a_signed_file_that_is_no_application_is_refused_once(void **state)
{
    static uint8_t text[APP_BYTES];
    (void)state;
    memset(text, 0x55, sizeof text);
    text[0] = 0xE9;
    publish_self(VERSION_2, 1, 0, text, sizeof text);
    assert_int_equal(run(FOTA_GATEWAY_SELF_REFUSED, 600), HEARD);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_REFUSED], E_IMAGE_HEADER);
    const uint64_t n_bytes = stand_in_stats()->http_blob_bytes;
    reset_chip();
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 3600), WAITED);
    assert_int_equal(stand_in_stats()->http_blob_bytes, n_bytes);
}

static void the_targets_update_goes_first(void **state)
{
    (void)state;
    rig_publish(&rig, &update);
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 3600), RESTARTED);
    assert_int_equal(heard.n[FOTA_GATEWAY_CONFIRMED], 1);
    assert_int_equal(target.running_version, VERSION_2);
    assert_false(heard.met);
    assert_int_equal(heard.n[FOTA_GATEWAY_BEGUN], 1);
}

static void the_sketch_decides_when_this_chip_restarts(void **state)
{
    (void)state;
    rig.config.self.may_restart = may_restart;
    heard.consent = FOTA_GATEWAY_LATER;
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_RESTART, 120), WAITED);
    assert_true(heard.n_asked > 5);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_FETCHED], 1);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_OFFER], 1);
    heard.consent = FOTA_GATEWAY_NOW; /* what is in flash is not fetched again */
    const uint64_t n_bytes = stand_in_stats()->http_blob_bytes;
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 120), RESTARTED);
    assert_int_equal(stand_in_stats()->http_blob_bytes, n_bytes);
}

static void never_is_remembered(void **state)
{
    (void)state;
    rig.config.self.may_restart = may_restart;
    heard.consent = FOTA_GATEWAY_NEVER;
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_REFUSED, 600), HEARD);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_REFUSED], E_UPDATE_BUSY);
    heard.consent = FOTA_GATEWAY_NOW;
    assert_int_equal(run(FOTA_GATEWAY_SELF_RESTART, 1800), WAITED);
}

static void the_owners_hours_hold_for_this_chip_too(void **state)
{
    (void)state;
    const uint32_t hour = (uint32_t)(TEST_NOW_S / 3600 % 24);
    rig.config.has_window = true;
    rig.config.from_h = (uint8_t)((hour + 2) % 24);
    rig.config.to_h = (uint8_t)((hour + 3) % 24);
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_RESTART, 3600), WAITED);
    assert_int_equal(heard.n[FOTA_GATEWAY_SELF_FETCHED], 1);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 3 * 3600), RESTARTED);
    assert_int_equal((TEST_NOW_S + stand_in_now_us() / 1000000U) / 3600 % 24, (hour + 2) % 24);
}

static void nothing_older_comes_back(void **state)
{
    (void)state;
    start_trial();
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), HEARD);
    publish_app(VERSION_1, 2, 0); /* a lower security counter, signed and newer in the channel */
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 600), WAITED);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_NOTHING], E_STATEMENT_COUNTER);
    publish_app(VERSION_3, 1, 0); /* an old sequence number */
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 600), WAITED);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_NOTHING], E_STATEMENT_REPLAY);
    publish_app(VERSION_3, 3, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), RESTARTED);
}

static void a_release_for_the_target_is_none_for_this_chip(void **state)
{
    (void)state;
    /* Signed by the same keys and put where this chip looks. */
    local_s3_put(&rig.s3, "v1/channels/demo-gateway/esp32/stable.fc", update.channel, update.n_channel);
    assert_int_equal(run(FOTA_GATEWAY_SELF_OFFER, 600), WAITED);
    assert_int_equal(heard.reason[FOTA_GATEWAY_SELF_NOTHING], E_STATEMENT_PRODUCT);
}

static void the_arduino_core_leaves_the_trial_to_the_library(void **state)
{
    (void)state;
    start_trial();
    stand_in_arduino_starts();
    assert_int_equal(state_of_running(), ESP_OTA_IMG_PENDING_VERIFY);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), HEARD);
}

static void a_bootloader_without_a_way_back_is_no_trial(void **state)
{
    (void)state;
    new_chip(&(struct stand_in_config){.has_no_rollback = true});
    publish_app(VERSION_2, 1, 0);
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), RESTARTED);
    reset_chip();
    assert_int_equal(run(FOTA_GATEWAY_SELF_CONFIRMED, 600), HEARD);
    assert_int_equal(stand_in_running(), 1);
}

/* What fails after the start, and is said: a configuration that cannot work. */
static void a_configuration_that_cannot_work_is_named(void **state)
{
    (void)state;
    const struct fota_gateway_self good = rig.config.self;
    rig.config.self.hw = "f407-disco";
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), E_ARG);
    assert_non_null(stand_in_logged("self.hw \"f407-disco\" is a board with an STM32"));
    rig.config.self = good;
    rig.config.self.channel = "a-name-of-more-than-thirty-two-characters";
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), E_ARG);
    assert_non_null(stand_in_logged("self.channel is not set, or too long: give 1 to 32 characters"));
    rig.config.self = good;
    new_chip(&(struct stand_in_config){.is_one_app = true});
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), E_NOT_FOUND);
    assert_non_null(stand_in_logged("there is no second application partition"));
    rig.config.self.product = NULL;
    assert_int_equal(fota_gateway_open(&rig.gateway, &rig.config), 0);
    rig.config.self = good;
}

/* Starts until the new application is confirmed. @return how many it took, 0: never */
static unsigned starts_until_confirmed(void)
{
    for (unsigned i = 1; i <= STARTS_MAX; i++) {
        const enum end end = run(FOTA_GATEWAY_SELF_CONFIRMED, RUN_MAX_S);
        if (end == HEARD) {
            return i;
        }
        reset_chip();
    }
    return 0;
}

static void power_that_fails_in_any_write_delays_it_and_no_more(void **state)
{
    (void)state;
    publish_app(VERSION_2, 1, 0);
    unsigned n_cuts = 0;
    bool is_cut = true;
    for (uint64_t op = 1; is_cut && op < CUTS_MAX; op++) {
        new_chip(&(struct stand_in_config){.nss = 5});
        stand_in_cut_at(op, (uint32_t)op);
        enum end end = run(FOTA_GATEWAY_SELF_CONFIRMED, RUN_MAX_S);
        if (end == RESTARTED) { /* the cut comes in the new application, or never */
            const uint64_t done = stand_in_stats()->flash_ops;
            reset_chip();
            if (op > done) {
                stand_in_cut_at(op - done, (uint32_t)op);
            }
            end = run(FOTA_GATEWAY_SELF_CONFIRMED, RUN_MAX_S);
        }
        is_cut = end == POWER_FAILED;
        if (is_cut) {
            n_cuts++;
            reset_chip();
            const bool was_confirmed = heard.n[FOTA_GATEWAY_SELF_CONFIRMED] > 0;
            assert_true(was_confirmed || starts_until_confirmed() > 0);
        }
        if (heard.n[FOTA_GATEWAY_SELF_ROLLED_BACK] + heard.n[FOTA_GATEWAY_SELF_REFUSED] > 0) {
            fail_msg("cut %u: a good application was rolled back; last line: %s", (unsigned)op,
                     stand_in_logged("") ? stand_in_logged("") : "");
        }
        assert_int_equal(stand_in_running(), 1);
        assert_int_equal(state_of_running(), ESP_OTA_IMG_VALID);
    }
    assert_false(is_cut);
    assert_true(n_cuts > 40);
    print_message("%u cuts\n", n_cuts);
}

static void what_became_of_a_trial(void **state)
{
    (void)state;
    static const struct {
        struct idf_ota_facts
            facts; /* is_set, runs_it, is_pending, is_other_aborted, was_aborted, was_power_lost */
        enum idf_ota_outcome outcome;
    } rows[] = {{{false, false, false, true, false, false}, IDF_OTA_NO_TRIAL},
                {{true, true, true, false, false, false}, IDF_OTA_ON_TRIAL},
                {{true, true, false, false, false, false}, IDF_OTA_IS_GOOD},
                {{true, false, false, true, false, false}, IDF_OTA_ROLLED_BACK},
                {{true, false, false, true, true, false}, IDF_OTA_AGAIN},
                {{true, false, false, true, false, true}, IDF_OTA_AGAIN},
                {{true, false, false, false, false, false}, IDF_OTA_AGAIN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(idf_ota_outcome(&rows[i].facts), rows[i].outcome);
    }
}

#define OTA_TEST(name) cmocka_unit_test_setup(name, new_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTA_TEST(a_new_application_is_kept_after_its_first_good_poll),
        OTA_TEST(a_reset_before_the_first_good_poll_goes_back_and_it_is_not_tried_again),
        OTA_TEST(power_that_fails_in_each_trial_is_an_end_too),
        OTA_TEST(no_good_poll_within_the_time_goes_back),
        OTA_TEST(other_bytes_than_those_signed_are_never_started),
        OTA_TEST(a_signed_file_that_is_no_application_is_refused_once),
        OTA_TEST(the_targets_update_goes_first),
        OTA_TEST(the_sketch_decides_when_this_chip_restarts),
        OTA_TEST(never_is_remembered),
        OTA_TEST(the_owners_hours_hold_for_this_chip_too),
        OTA_TEST(nothing_older_comes_back),
        OTA_TEST(a_release_for_the_target_is_none_for_this_chip),
        OTA_TEST(the_arduino_core_leaves_the_trial_to_the_library),
        OTA_TEST(a_bootloader_without_a_way_back_is_no_trial),
        OTA_TEST(a_configuration_that_cannot_work_is_named),
        OTA_TEST(power_that_fails_in_any_write_delays_it_and_no_more),
        cmocka_unit_test(what_became_of_a_trial),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
