/* A whole update on the twin: real ARM binaries below the SPI wire,
 * the real gateway above it, S3 in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway.h"
#include "link_client/link_ladder.h"
#include "port_twin/twin_clock.h"
#include "ram_store.h"
#include "s3_fake.h"
#include "small_app.h"

enum { POLL_MS = 1000, LIMIT_MS = 60000 };

/* Board, gateway and bucket. */
struct site {
    struct twin_board board;
    struct twin_clock clock;
    struct s3_fake server;
    struct s3_config s3_config;
    struct s3 s3;
    struct ram_store store;
    struct gateway gateway;
    struct gateway_event last[GATEWAY_EVENT_KINDS]; /* newest of each kind */
    unsigned n_events[GATEWAY_EVENT_KINDS];
};

static struct test_release agentless;

/* --- set-up ------------------------------------------------------------------------------------------ */

/* An application of one page that confirms itself and knows no agent. */
static int make_agentless(void **state)
{
    (void)state;
    uint8_t *code[2];
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), 0x00090000, 1);
    for (unsigned slot = 0; slot < 2; slot++) {
        spec.payload_bytes_of[slot] = 0;
        spec.payload[slot] = code[slot] =
            small_app_code((enum slot)slot, BOOT_APP_CONFIRMS, &spec.payload_bytes_of[slot]);
    }
    test_release_make(&spec, &agentless);
    free(code[0]);
    free(code[1]);
    return 0;
}

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct site *b = ctx;
    b->last[event->kind] = *event;
    b->n_events[event->kind]++;
}

static void start_gateway(struct site *b)
{
    const struct gateway_config config = {
        .keys = {.channel = {demo_channel_key()->point}, .release = {demo_image_key()->point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "bench"},
        .poll_ms = POLL_MS,
        .backoff_min_ms = POLL_MS,
        .backoff_max_ms = 4 * POLL_MS,
        .range_bytes = 8192,
        .seed = 1};
    const struct gateway_ports ports = {.s3 = &b->s3,
                                        .link = &b->board.link,
                                        .store = &b->store.store,
                                        .clock = &b->clock.clock,
                                        .observer = {.on_event = on_event, .ctx = b}};
    link_client_init(&b->board.link, &b->board.wires.io, NULL);
    assert_int_equal(s3_init(&b->s3, &b->server.http, &b->s3_config), FOTA_OK);
    assert_int_equal(gateway_init(&b->gateway, &config, &ports), FOTA_OK);
}

/* Factory-fresh board with this release, powered and confirmed; gateway before its first step. */
static struct site *site_open_with(const struct test_release *release)
{
    struct site *b = calloc(1, sizeof *b);
    assert_non_null(b);
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
    twin_board_open_with(&b->board, &config, release);
    twin_clock_init(&b->clock, b->board.twin, TEST_NOW_S);
    s3_fake_init(&b->server);
    b->s3_config = (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    ram_store_init(&b->store);
    twin_set_power(b->board.twin, true);
    twin_board_run_ms(&b->board, TWIN_BOARD_SETTLE_MS);
    start_gateway(b);
    return b;
}

static struct site *site_open(void)
{
    return site_open_with(demo_release(1));
}

static void site_close(struct site *b)
{
    twin_board_close(&b->board);
    free(b);
}

static void publish(struct site *b, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&b->server, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    s3_fake_put(&b->server, "v1/channels/demo/f407-disco/stable.fc", release->channel, release->n_channel);
}

/* --- running ----------------------------------------------------------------------------------------- */

static void run_ms(struct site *b, uint32_t ms)
{
    twin_board_run_ms(&b->board, ms);
    twin_board_listen(&b->board);
}

/* Let gateway and board run until an event of this kind, or fail. */
static void run_until(struct site *b, enum gateway_event_kind kind)
{
    uint64_t until_ns = twin_now_ns(b->board.twin) + (uint64_t)LIMIT_MS * 1000000U;
    unsigned before = b->n_events[kind];
    while (b->n_events[kind] == before) {
        uint32_t wait_ms = 0;
        assert_int_equal(gateway_step(&b->gateway, &wait_ms), FOTA_OK);
        run_ms(b, wait_ms);
        if (twin_now_ns(b->board.twin) > until_ns) {
            fail_msg("no event %d in %d ms; state %s, last failure %s; console:\n%s", (int)kind, LIMIT_MS,
                     gateway_state_name(b->gateway.state),
                     fota_err_name(b->last[GATEWAY_EVENT_FAILED].reason), b->board.console);
        }
    }
}

/* --- what the board itself says ---------------------------------------------------------------------- */

static unsigned missed_ticks(const struct site *b)
{
    const struct twin_board_ticks ticks = twin_board_ticks(&b->board);
    assert_true(ticks.n_reports > 0);
    return ticks.missed;
}

static void assert_slot_holds(const struct site *b, enum slot slot, const struct test_release *release)
{
    assert_true(twin_board_holds(&b->board, slot, release));
}

static uint64_t erases_of_slot_b(const struct site *b)
{
    return twin_board_erases(&b->board, SLOT_B);
}

/* Of the whole chip, the journal's sectors among them. */
static uint64_t all_erases(const struct site *b)
{
    uint64_t n = 0;
    for (unsigned sector = 0; sector < FLASH_SECTORS; sector++) {
        n += twin_stats(b->board.twin)->flash_erases[sector];
    }
    return n;
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void release_is_streamed_while_the_old_one_runs_then_tried_and_confirmed(void **state)
{
    (void)state;
    struct site *b = site_open();
    publish(b, demo_release(2));
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    run_ms(b, 1500);
    assert_slot_holds(b, SLOT_B, demo_release(2));
    assert_slot_holds(b, SLOT_A, demo_release(1));
    assert_int_equal(twin_board_count(&b->board, "app: version 2.0.0 slot B trial"), 1);
    assert_int_equal(twin_board_count(&b->board, "app: confirmed"), 2); /* 1.0.0, then 2.0.0 */
    assert_int_equal(missed_ticks(b), 0);
    assert_int_equal(b->board.link.stats.repeats, 0);
    print_message("missed ticks 0, flash busy %u ms, %u bytes over SPI\n",
                  (unsigned)(twin_stats(b->board.twin)->flash_busy_ns / 1000000U),
                  (unsigned)twin_stats(b->board.twin)->spi_bytes);
    site_close(b);
}

static struct twin_snapshot *update_once(void)
{
    struct site *b = site_open();
    publish(b, demo_release(2));
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    struct twin_snapshot *s = twin_save(b->board.twin);
    assert_non_null(s);
    site_close(b);
    return s;
}

static void same_update_twice_ends_in_the_same_state_to_the_byte(void **state)
{
    (void)state;
    char why[256] = "";
    struct twin_snapshot *first = update_once();
    struct twin_snapshot *second = update_once();
    bool is_equal = twin_snapshot_equal(first, second, why, sizeof why);
    twin_snapshot_free(first);
    twin_snapshot_free(second);
    if (!is_equal) {
        fail_msg("%s", why);
    }
}

static void release_that_never_confirms_gets_three_trials_and_the_old_one_runs_again(void **state)
{
    (void)state;
    struct site *b = site_open();
    publish(b, demo_release(3));
    run_until(b, GATEWAY_EVENT_ROLLED_BACK);
    run_ms(b, 1500);
    assert_int_equal(twin_board_count(&b->board, "app: version 3.0.0 slot B trial"), 3);
    assert_int_equal(twin_board_count(&b->board, "app: version 1.0.0 slot A confirmed"), 1);
    assert_int_equal(missed_ticks(b), 0);
    uint64_t erases = erases_of_slot_b(b);
    run_until(b, GATEWAY_EVENT_NOTHING);
    run_until(b, GATEWAY_EVENT_NOTHING);
    assert_int_equal(b->last[GATEWAY_EVENT_NOTHING].reason, E_SLOT_REJECTED);
    assert_int_equal(b->n_events[GATEWAY_EVENT_OFFER], 1);
    assert_int_equal(erases_of_slot_b(b), erases);
    site_close(b);
}

static void activation_and_rollback_erase_nothing(void **state)
{
    (void)state;
    static const struct {
        unsigned major;
        enum gateway_event_kind end;
    } runs[] = {{2, GATEWAY_EVENT_CONFIRMED}, {3, GATEWAY_EVENT_ROLLED_BACK}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct site *b = site_open();
        publish(b, demo_release(runs[i].major));
        run_until(b, GATEWAY_EVENT_VERIFIED);
        uint64_t erases = all_erases(b);
        assert_true(erases > 0); /* the slot's, for the stream */
        run_until(b, runs[i].end);
        run_ms(b, 1500);
        assert_int_equal(all_erases(b), erases);
        site_close(b);
    }
}

static void restarted_gateway_resumes_from_the_byte_that_is_in_flash(void **state)
{
    (void)state;
    struct site *b = site_open();
    publish(b, demo_release(2));
    run_until(b, GATEWAY_EVENT_PROGRESS);
    uint32_t flashed = b->last[GATEWAY_EVENT_PROGRESS].done;
    start_gateway(b);
    run_until(b, GATEWAY_EVENT_BEGUN);
    assert_true(b->last[GATEWAY_EVENT_BEGUN].done >= flashed);
    assert_true(b->last[GATEWAY_EVENT_BEGUN].done > 0);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, SLOT_B, demo_release(2));
    assert_int_equal(erases_of_slot_b(b), 1);
    site_close(b);
}

static void power_cut_in_the_stream_keeps_the_old_application_and_the_update_ends_well(void **state)
{
    (void)state;
    struct site *b = site_open();
    publish(b, demo_release(2));
    run_until(b, GATEWAY_EVENT_PROGRESS);
    twin_set_power(b->board.twin, false);
    (void)twin_run_until(b->board.twin, twin_now_ns(b->board.twin) + 1000000U);
    twin_set_power(b->board.twin, true);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, SLOT_B, demo_release(2));
    assert_true(twin_board_count(&b->board, "app: version 1.0.0 slot A confirmed") >= 1);
    site_close(b);
}

static void image_by_another_key_changes_nothing_on_the_board(void **state)
{
    (void)state;
    static struct test_release foreign;
    struct test_key other;
    test_key_make(&other, 9);
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), 0x02000000, 2);
    spec.image_key = &other;
    test_release_make(&spec, &foreign);
    struct site *b = site_open();
    publish(b, &foreign);
    run_until(b, GATEWAY_EVENT_REFUSED);
    assert_int_equal(b->last[GATEWAY_EVENT_REFUSED].reason, E_IMAGE_KEY);
    assert_int_equal(erases_of_slot_b(b), 0);
    site_close(b);
}

static void application_without_an_agent_is_updated_through_the_bootloader(void **state)
{
    (void)state;
    struct site *b = site_open_with(&agentless);
    publish(b, demo_release(2));
    run_until(b, GATEWAY_EVENT_LADDER);
    assert_int_equal(b->last[GATEWAY_EVENT_LADDER].done, LINK_RUNG_REQUEST);
    assert_int_equal(b->last[GATEWAY_EVENT_LADDER].reason, FOTA_OK);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, SLOT_B, demo_release(2));
    assert_slot_holds(b, SLOT_A, &agentless);
    assert_int_equal(b->n_events[GATEWAY_EVENT_LADDER], 2); /* RESET did not help, REQUEST did */
    site_close(b);
}

static void application_without_an_agent_runs_on_when_there_is_nothing_to_install(void **state)
{
    (void)state;
    struct site *b = site_open_with(&agentless);
    publish(b, &agentless);
    run_until(b, GATEWAY_EVENT_NOTHING);
    assert_int_equal(b->last[GATEWAY_EVENT_NOTHING].reason, FOTA_OK);
    run_ms(b, 1000);
    struct boot_app_report report;
    assert_true(twin_peek(b->board.twin, BOOT_APP_REPORT_ADDR, &report, sizeof report));
    assert_int_equal(report.view.running, SLOT_A); /* let go: it runs again */
    uint64_t resets = twin_stats(b->board.twin)->resets_pin;
    run_until(b, GATEWAY_EVENT_FAILED);
    run_until(b, GATEWAY_EVENT_FAILED);
    assert_int_equal(twin_stats(b->board.twin)->resets_pin, resets); /* and is left alone from now on */
    site_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_is_streamed_while_the_old_one_runs_then_tried_and_confirmed),
        cmocka_unit_test(same_update_twice_ends_in_the_same_state_to_the_byte),
        cmocka_unit_test(release_that_never_confirms_gets_three_trials_and_the_old_one_runs_again),
        cmocka_unit_test(activation_and_rollback_erase_nothing),
        cmocka_unit_test(restarted_gateway_resumes_from_the_byte_that_is_in_flash),
        cmocka_unit_test(power_cut_in_the_stream_keeps_the_old_application_and_the_update_ends_well),
        cmocka_unit_test(image_by_another_key_changes_nothing_on_the_board),
        cmocka_unit_test(application_without_an_agent_is_updated_through_the_bootloader),
        cmocka_unit_test(application_without_an_agent_runs_on_when_there_is_nothing_to_install),
    };
    return cmocka_run_group_tests(tests, make_agentless, NULL);
}
