/* Reports: which events of an update are told, in which words, what a full queue and a server that refuses do, and that
 * no update waits for any of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"
#include "site_test.h"

enum { DAY_MS = 86400000 };

static struct test_release release;
static struct report report;
static struct s3_config config;
static struct s3 s3;
static struct ram_store store;
static bool is_sending;

static void observe(void *ctx, const struct gateway_event *event)
{
    (void)ctx;
    report_observe(&report, &site->gateway, event);
}

/* As the service does: while the gateway rests after a poll. */
static void send(void *ctx)
{
    (void)ctx;
    enum fota_err err = FOTA_OK;
    bool has_polled = site_count(site, GATEWAY_EVENT_CHANGED) + site_count(site, GATEWAY_EVENT_QUIET) > 0;
    while (is_sending && has_polled && site->gateway.state == GATEWAY_WAIT && !err &&
           report_is_due(&report)) {
        err = report_send(&report, &site->gateway);
    }
}

static void start_reports(void)
{
    const struct report_config c = {.identity = site->config.identity};
    assert_int_equal(s3_init(&s3, &site->s3_server.http, &config), FOTA_OK);
    assert_int_equal(report_init(&report, &c, &s3, &store.store, &site->target.clock), FOTA_OK);
}

static int set_up(void **state)
{
    if (site_set_up(state) != 0) {
        return -1;
    }
    ram_store_init(&store);
    config = (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "reports"};
    start_reports();
    is_sending = true;
    site->also = observe;
    site->between = send;
    return 0;
}

static void publish(uint32_t version, uint32_t seq)
{
    struct test_spec spec = site_spec(version, seq);
    test_release_make(&spec, &release);
    site_publish(site, &release);
}

/* The newest object written under a key that ends so. */
static const struct s3_fake_written *written(const char *end)
{
    for (size_t i = site->s3_server.n_written; i > 0; i--) {
        const struct s3_fake_written *w = &site->s3_server.written[i - 1];
        const size_t n = strlen(w->key), n_end = strlen(end);
        if (n >= n_end && strcmp(w->key + n - n_end, end) == 0) {
            return w;
        }
    }
    return NULL;
}

static void assert_line(const struct s3_fake_written *w, const char *line)
{
    char wanted[80];
    assert_non_null(w);
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(w->body, wanted)) {
        fail_msg("%s has no line %s:\n%s", w->key, line, w->body);
    }
}

static void assert_ends_confirmed(void)
{
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(site->target.running_version, V2);
    site_run_ms(site, 60000);
}

static void an_update_is_told_step_by_step(void **state)
{
    (void)state;
    static const char *const events[] = {"-downloading", "-checked", "-verified", "-activated", "-confirmed"};
    publish(V2, 42);
    assert_ends_confirmed();
    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++) {
        const struct s3_fake_written *w = written(events[i]);
        assert_non_null(w);
        assert_true(w->must_not_exist);
        assert_int_equal(strncmp(w->key, "v1/site/42/", 11), 0);
        assert_int_equal(strncmp(w->body, "fota-report=1\ndevice=site\n", 26), 0);
        assert_line(w, "seq=42");
        assert_line(w, "version=2.0.0");
    }
    assert_line(written("-downloading"), "running=1.0.0");
    assert_line(written("-confirmed"), "running=2.0.0");
    assert_line(written("-confirmed"), "slot=b");
    const struct s3_fake_written *state_object = written("v1/site/state");
    assert_false(state_object->must_not_exist);
    assert_line(state_object, "reason=none");
    assert_line(state_object, "running=2.0.0");
    assert_int_equal(report.n_dropped, 0);
}

static void a_rollback_is_told_with_its_reason(void **state)
{
    (void)state;
    publish(V3, 3);
    site->target.bad_version = V3;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_ROLLED_BACK, HOUR_MS));
    site_run_ms(site, 60000);
    assert_line(written("-rolled-back"), "reason=boot-timeout");
    assert_line(written("-rolled-back"), "code=0502");
    assert_line(written("-rolled-back"), "running=1.0.0");
    assert_line(written("v1/site/state"), "state=idle");
    assert_line(written("v1/site/state"), "reason=rejected");
}

static void a_quiet_day_costs_one_report(void **state)
{
    (void)state;
    site->config.poll_ms = HOUR_MS;
    site_restart_gateway(site);
    publish(0x01000000, 1);
    site_run_ms(site, 2 * HOUR_MS);
    const size_t before = site->s3_server.n_written;
    site_run_ms(site, DAY_MS);
    assert_int_equal(site->s3_server.n_written, before + 1);
    assert_line(written("v1/site/state"), "state=idle");
}

static void a_server_that_refuses_reports_delays_no_update(void **state)
{
    (void)state;
    static const unsigned refusals[] = {403, 503};
    for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        (void)site_tear_down(state);
        assert_int_equal(set_up(state), 0);
        publish(V2, 2);
        is_sending = false;
        assert_ends_confirmed();
        const uint64_t alone_ms = clock_now_ms(&site->target.clock);
        (void)site_tear_down(state);
        assert_int_equal(set_up(state), 0);
        publish(V2, 2);
        site->s3_server.put_status = refusals[i];
        assert_ends_confirmed();
        assert_int_equal(clock_now_ms(&site->target.clock), alone_ms);
        assert_int_not_equal(report.last, FOTA_OK);
        /* With a pause that grows: hours of it are a few requests. */
        site_run_ms(site, 2 * HOUR_MS);
        assert_in_range(site->s3_server.n_put_requests, 2, 8);
        site->s3_server.put_status = 0; /* and nothing is lost */
        site_run_ms(site, 3 * HOUR_MS);
        assert_line(written("-confirmed"), "running=2.0.0");
    }
}

static void retry_after_of_a_report_is_honoured(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.put_status = 503;
    site->s3_server.retry_after_s = 7200;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    site_run_ms(site, HOUR_MS);
    assert_int_equal(site->s3_server.n_put_requests, 1);
}

static void a_full_queue_drops_the_oldest_and_says_so(void **state)
{
    (void)state;
    is_sending = false;
    for (uint32_t i = 2; i <= 5; i++) {
        publish(i << 24, i);
        assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    }
    assert_int_equal(report.n_queue, REPORT_QUEUE_MAX);
    assert_int_equal(report.n_dropped, 4 * 5 - REPORT_QUEUE_MAX);
    is_sending = true;
    site_run_ms(site, 2 * 60000);
    assert_int_equal(report.n_queue, 0);
    assert_null(written("v1/site/2/1-downloading"));
    assert_line(written("-confirmed"), "running=5.0.0");
    assert_line(written("v1/site/state"), "dropped=12");
}

static void what_waits_survives_a_restart_and_no_number_comes_twice(void **state)
{
    (void)state;
    publish(V2, 2);
    is_sending = false;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    assert_int_equal(report_save(&report), FOTA_OK);
    const uint32_t next_n = report.next_n, n_queue = report.n_queue;
    start_reports();
    assert_int_equal(report.next_n, next_n);
    assert_int_equal(report.n_queue, n_queue);
    is_sending = true;
    site_run_ms(site, 2 * 60000);
    assert_line(written("-confirmed"), "running=2.0.0");
    for (size_t i = 0; i < site->s3_server.n_written; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(strstr(site->s3_server.written[i].key, "state") ||
                        strcmp(site->s3_server.written[i].key, site->s3_server.written[j].key) != 0);
        }
    }
}

static void a_record_that_is_not_sound_is_no_record(void **state)
{
    (void)state;
    publish(V2, 2);
    is_sending = false;
    assert_non_null(site_run_until(site, GATEWAY_EVENT_CONFIRMED, HOUR_MS));
    for (unsigned i = 0; i < 2; i++) {
        report.is_dirty = true;
        assert_int_equal(report_save(&report), FOTA_OK);
    }
    for (unsigned cell = 0; cell < STORE_CELLS; cell++) {
        for (unsigned at = 0; at < REPORT_RECORD_BYTES; at++) {
            store.cell[cell][at] ^= 0x40;
            start_reports();
            assert_true(report.n_queue <= REPORT_QUEUE_MAX && report.state.kind < REPORT_KINDS);
            assert_true(report.next_n > 1); /* from the other cell */
            store.cell[cell][at] ^= 0x40;
        }
    }
}

static void a_reply_that_is_lost_writes_nothing_twice(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.loses_put_reply = true;
    assert_ends_confirmed();
    site_run_ms(site, HOUR_MS);
    unsigned n = 0;
    for (size_t i = 0; i < site->s3_server.n_written; i++) {
        n += strstr(site->s3_server.written[i].key, "-downloading") ? 1 : 0;
    }
    assert_int_equal(n, 1);
    assert_non_null(written("-confirmed"));
}

static void a_store_without_conditions_gets_events_without_them(void **state)
{
    (void)state;
    publish(V2, 2);
    site->s3_server.has_no_conditions = true;
    assert_ends_confirmed();
    assert_non_null(written("-confirmed"));
    assert_false(written("-confirmed")->must_not_exist);
}

static void a_silent_target_is_told(void **state)
{
    (void)state;
    publish(0x01000000, 1);
    site_run_ms(site, 60000);
    site->target.is_dead = true;
    site_run_ms(site, 10 * 60000);
    assert_line(written("v1/site/state"), "state=failed");
    assert_line(written("v1/site/state"), "reason=spi");
}

static void every_reason_has_a_word_and_every_text_fits(void **state)
{
    (void)state;
    char text[REPORT_BODY_MAX_BYTES + 1];
    static const char name[] = "abcdefghijklmnopqrstuvwxyz012345";
    struct report r = {
        .n_dropped = 0xFFFFFF,
        .config = {.identity = {.product = name, .hw = "abcdefghijklmno", .channel = name, .device = name}}};
    struct report_entry e = {.n = UINT32_MAX,
                             .seq = UINT32_MAX,
                             .kind = REPORT_ROLLED_BACK,
                             .reason = E_STATEMENT_KEY,
                             .version = UINT32_MAX,
                             .running = UINT32_MAX,
                             .slot = SLOT_NONE,
                             .attempts = UINT32_MAX,
                             .done = UINT32_MAX,
                             .total = UINT32_MAX,
                             .time_s = 253402300799};
    assert_true(report_text(&r, &e, true, UINT64_MAX, text) > 0);
    static const uint16_t reasons[] = {
#define NUMBER(err, number, words) number,
        FOTA_ERR_LIST(NUMBER)
#undef NUMBER
    };
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        const char *word = report_reason((enum fota_err)reasons[i]);
        assert_true(strlen(word) > 2 && strcmp(word, "other") != 0);
    }
    assert_string_equal(report_reason(E_NET_DNS), "dns");
    assert_string_equal(report_reason(E_FLASH_ERASE), "flash");
    assert_string_equal(report_reason(E_LINK_CHECKSUM), "spi");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, site_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_update_is_told_step_by_step),
        TEST(a_rollback_is_told_with_its_reason),
        TEST(a_quiet_day_costs_one_report),
        TEST(a_server_that_refuses_reports_delays_no_update),
        TEST(retry_after_of_a_report_is_honoured),
        TEST(a_full_queue_drops_the_oldest_and_says_so),
        TEST(what_waits_survives_a_restart_and_no_number_comes_twice),
        TEST(a_record_that_is_not_sound_is_no_record),
        TEST(a_reply_that_is_lost_writes_nothing_twice),
        TEST(a_store_without_conditions_gets_events_without_them),
        TEST(a_silent_target_is_told),
        TEST(every_reason_has_a_word_and_every_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
