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

#include "base/bytes.h"
#include "firmware.h"
#include "gateway/gateway.h"
#include "guest/boot_app.h"
#include "link_client/link_ladder.h"
#include "port_twin/twin_clock.h"
#include "port_twin/twin_link.h"
#include "ram_store.h"
#include "release/file.h"
#include "release/key.h"
#include "release_maker.h"
#include "s3_fake.h"
#include "twin/twin.h"

enum {
    POLL_MS = 1000,
    SETTLE_MS = 2500, /* verification, start-up, health check, confirm */
    CONSOLE_MAX_BYTES = 65536,
    LIMIT_MS = 60000
};

/** Board, wires, gateway, bucket, and what the board printed. */
struct bench {
    struct twin *twin;
    struct twin_link wires;
    struct twin_clock clock;
    struct link_client link;
    struct s3_fake server;
    struct s3_config s3_config;
    struct s3 s3;
    struct ram_store store;
    struct gateway gateway;
    struct gateway_event last[GATEWAY_EVENT_KINDS]; /* newest of each kind */
    unsigned n_events[GATEWAY_EVENT_KINDS];
    size_t n_console;
    char console[CONSOLE_MAX_BYTES];
};

static struct test_key image_key, channel_key;
static struct test_release factory, good, bad, agentless;

/* --- set-up ------------------------------------------------------------------------------------------ */

/** The key that is in the bootloader, with its secret: the build made it for development. */
static void read_image_key(void)
{
    struct key key;
    enum fota_err err = key_read_private(FOTA_SOURCE_DIR "/build/keys/" KEY_IMAGE ".pem", &key);
    if (err) {
        fail_msg("build/keys/" KEY_IMAGE ".pem: %s; build the firmware first (make fw)", fota_err_text(err));
    }
    memcpy(image_key.secret, key.secret, sizeof image_key.secret);
    memcpy(image_key.point, key.point, sizeof image_key.point);
    key_forget(&key);
}

static void make_release(const char *version_text, uint32_t version, uint32_t seq, struct test_release *out)
{
    uint8_t *payload[2];
    size_t n_bytes[2];
    struct test_spec spec = test_spec(&image_key, &channel_key, version, seq);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        (void)snprintf(path, sizeof path, FOTA_FIRMWARE_DIR "/app/demo-%s-%c.bin", version_text,
                       slot ? 'b' : 'a');
        enum fota_err err = file_read(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes[slot], NULL);
        if (err) {
            fail_msg("%s: %s; build the firmware first (make fw)", path, fota_err_text(err));
        }
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes[slot];
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

/** An application of one page that confirms itself and knows no agent. */
static void make_agentless(struct test_release *out)
{
    static const char *const path[2] = {BOOT_APP_A, BOOT_APP_B};
    uint8_t *payload[2];
    size_t n_bytes[2];
    struct test_spec spec = test_spec(&image_key, &channel_key, 0x00090000, 1);
    for (unsigned slot = 0; slot < 2; slot++) {
        assert_int_equal(file_read(path[slot], TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes[slot], NULL),
                         FOTA_OK);
        bytes_store_le32(payload[slot] + BOOT_APP_MODE_OFF, BOOT_APP_CONFIRMS);
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes[slot];
    }
    test_release_make(&spec, out);
    free(payload[0]);
    free(payload[1]);
}

static int make_releases(void **state)
{
    (void)state;
    read_image_key();
    test_key_make(&channel_key, 2);
    make_release("1.0.0", 0x01000000, 1, &factory);
    make_release("2.0.0", 0x02000000, 2, &good);
    make_release("3.0.0", 0x03000000, 3, &bad);
    make_agentless(&agentless);
    return 0;
}

static void on_event(void *ctx, const struct gateway_event *event)
{
    struct bench *b = ctx;
    b->last[event->kind] = *event;
    b->n_events[event->kind]++;
}

static void start_gateway(struct bench *b)
{
    const struct gateway_config config = {
        .keys = {.channel = {channel_key.point}, .release = {image_key.point}},
        .identity = {.product = "demo", .hw = "f407-disco", .channel = "stable", .device = "bench"},
        .poll_ms = POLL_MS,
        .backoff_min_ms = POLL_MS,
        .backoff_max_ms = 4 * POLL_MS,
        .range_bytes = 8192,
        .seed = 1};
    const struct gateway_ports ports = {.s3 = &b->s3,
                                        .link = &b->link,
                                        .store = &b->store.store,
                                        .clock = &b->clock.clock,
                                        .observer = {.on_event = on_event, .ctx = b}};
    link_client_init(&b->link, &b->wires.io, NULL);
    assert_int_equal(s3_init(&b->s3, &b->server.http, &b->s3_config), FOTA_OK);
    assert_int_equal(gateway_init(&b->gateway, &config, &ports), FOTA_OK);
}

/** Factory-fresh board with this release, powered and confirmed; gateway before its first step. */
static struct bench *bench_open_with(const struct test_release *release)
{
    char why[256] = "";
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
    b->twin = twin_create(&config, why, sizeof why);
    if (!b->twin) {
        fail_msg("%s", why);
    }
    firmware_program(b->twin);
    assert_true(twin_flash_store(b->twin, FLASH_SLOT_A_BASE, release->image[0], release->n_image[0]));
    twin_link_init(&b->wires, b->twin);
    twin_clock_init(&b->clock, b->twin, TEST_NOW_S);
    s3_fake_init(&b->server);
    b->s3_config = (struct s3_config){.endpoint = "http://s3.test", .region = "test-1", .bucket = "releases"};
    ram_store_init(&b->store);
    twin_set_power(b->twin, true);
    (void)twin_run_until(b->twin, (uint64_t)SETTLE_MS * 1000000U);
    start_gateway(b);
    return b;
}

static struct bench *bench_open(void)
{
    return bench_open_with(&factory);
}

static void bench_close(struct bench *b)
{
    twin_destroy(b->twin);
    free(b);
}

static void publish(struct bench *b, const struct test_release *release)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        s3_fake_put(&b->server, release->blob[slot], release->image[slot], release->n_image[slot]);
    }
    s3_fake_put(&b->server, "v1/channels/demo/f407-disco/stable.fc", release->channel, release->n_channel);
}

/* --- running ----------------------------------------------------------------------------------------- */

static void read_console(struct bench *b)
{
    b->n_console +=
        twin_console_read(b->twin, b->console + b->n_console, CONSOLE_MAX_BYTES - 1 - b->n_console);
    b->console[b->n_console] = '\0';
}

/** The board did something that the manual forbids, or stopped: say what. */
static void assert_alive(struct bench *b, enum twin_stop stop)
{
    struct twin_violation v;
    if (twin_violation(b->twin, 0, &v) > 0) {
        fail_msg("violation at pc 0x%08x: %s", v.pc, v.text);
    }
    assert_int_equal(stop, TWIN_STOP_TIME);
}

static void run_ms(struct bench *b, uint32_t ms)
{
    assert_alive(b, twin_run_until(b->twin, twin_now_ns(b->twin) + (uint64_t)ms * 1000000U));
    read_console(b);
}

/** Let gateway and board run until an event of this kind, or fail. */
static void run_until(struct bench *b, enum gateway_event_kind kind)
{
    uint64_t until_ns = twin_now_ns(b->twin) + (uint64_t)LIMIT_MS * 1000000U;
    unsigned before = b->n_events[kind];
    while (b->n_events[kind] == before) {
        uint32_t wait_ms = 0;
        assert_int_equal(gateway_step(&b->gateway, &wait_ms), FOTA_OK);
        run_ms(b, wait_ms);
        if (twin_now_ns(b->twin) > until_ns) {
            fail_msg("no event %d in %d ms; state %s, last failure %s; console:\n%s", (int)kind, LIMIT_MS,
                     gateway_state_name(b->gateway.state),
                     fota_err_name(b->last[GATEWAY_EVENT_FAILED].reason), b->console);
        }
    }
}

/* --- what the board itself says ---------------------------------------------------------------------- */

static unsigned count_text(const char *text, const char *wanted)
{
    unsigned n = 0;
    for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted)) {
        n++;
    }
    return n;
}

/** Largest "missed" of all reports, and that there was one. */
static unsigned long missed_ticks(const struct bench *b)
{
    unsigned long most = 0;
    assert_true(count_text(b->console, " missed ") > 0);
    for (const char *at = strstr(b->console, " missed "); at; at = strstr(at + 1, " missed ")) {
        unsigned long n = strtoul(at + strlen(" missed "), NULL, 10);
        most = n > most ? n : most;
    }
    return most;
}

static void assert_slot_holds(struct bench *b, unsigned slot, const struct test_release *release)
{
    static uint8_t bytes[TEST_IMAGE_MAX_BYTES];
    uint32_t base = slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE;
    assert_true(twin_peek(b->twin, base, bytes, release->n_image[slot]));
    assert_memory_equal(bytes, release->image[slot], release->n_image[slot]);
}

static uint64_t erases_of_slot_b(const struct bench *b)
{
    const struct twin_stats *s = twin_stats(b->twin);
    return s->flash_erases[8] + s->flash_erases[9] + s->flash_erases[10];
}

/* Of the whole chip, the journal's sectors among them. */
static uint64_t all_erases(const struct bench *b)
{
    uint64_t n = 0;
    for (unsigned sector = 0; sector < FLASH_SECTORS; sector++) {
        n += twin_stats(b->twin)->flash_erases[sector];
    }
    return n;
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void release_is_streamed_while_the_old_one_runs_then_tried_and_confirmed(void **state)
{
    (void)state;
    struct bench *b = bench_open();
    publish(b, &good);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    run_ms(b, 1500);
    assert_slot_holds(b, 1, &good);
    assert_slot_holds(b, 0, &factory);
    assert_int_equal(count_text(b->console, "app: version 2.0.0 slot B trial"), 1);
    assert_int_equal(count_text(b->console, "app: confirmed"), 2); /* 1.0.0, then 2.0.0 */
    assert_int_equal(missed_ticks(b), 0);
    assert_int_equal(b->link.stats.repeats, 0);
    print_message("missed ticks 0, flash busy %u ms, %u bytes over SPI\n",
                  (unsigned)(twin_stats(b->twin)->flash_busy_ns / 1000000U),
                  (unsigned)twin_stats(b->twin)->spi_bytes);
    bench_close(b);
}

static struct twin_snapshot *update_once(void)
{
    struct bench *b = bench_open();
    publish(b, &good);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    struct twin_snapshot *s = twin_save(b->twin);
    assert_non_null(s);
    bench_close(b);
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
    struct bench *b = bench_open();
    publish(b, &bad);
    run_until(b, GATEWAY_EVENT_ROLLED_BACK);
    run_ms(b, 1500);
    assert_int_equal(count_text(b->console, "app: version 3.0.0 slot B trial"), 3);
    assert_int_equal(count_text(b->console, "app: version 1.0.0 slot A confirmed"), 1);
    assert_int_equal(missed_ticks(b), 0);
    uint64_t erases = erases_of_slot_b(b);
    run_until(b, GATEWAY_EVENT_NOTHING);
    run_until(b, GATEWAY_EVENT_NOTHING);
    assert_int_equal(b->last[GATEWAY_EVENT_NOTHING].reason, E_SLOT_REJECTED);
    assert_int_equal(b->n_events[GATEWAY_EVENT_OFFER], 1);
    assert_int_equal(erases_of_slot_b(b), erases);
    bench_close(b);
}

static void activation_and_rollback_erase_nothing(void **state)
{
    (void)state;
    static const struct {
        const struct test_release *release;
        enum gateway_event_kind end;
    } runs[] = {{&good, GATEWAY_EVENT_CONFIRMED}, {&bad, GATEWAY_EVENT_ROLLED_BACK}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct bench *b = bench_open();
        publish(b, runs[i].release);
        run_until(b, GATEWAY_EVENT_VERIFIED);
        uint64_t erases = all_erases(b);
        assert_true(erases > 0); /* the slot's, for the stream */
        run_until(b, runs[i].end);
        run_ms(b, 1500);
        assert_int_equal(all_erases(b), erases);
        bench_close(b);
    }
}

static void restarted_gateway_resumes_from_the_byte_that_is_in_flash(void **state)
{
    (void)state;
    struct bench *b = bench_open();
    publish(b, &good);
    run_until(b, GATEWAY_EVENT_PROGRESS);
    uint32_t flashed = b->last[GATEWAY_EVENT_PROGRESS].done;
    start_gateway(b);
    run_until(b, GATEWAY_EVENT_BEGUN);
    assert_true(b->last[GATEWAY_EVENT_BEGUN].done >= flashed);
    assert_true(b->last[GATEWAY_EVENT_BEGUN].done > 0);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, 1, &good);
    assert_int_equal(erases_of_slot_b(b), 1);
    bench_close(b);
}

static void power_cut_in_the_stream_keeps_the_old_application_and_the_update_ends_well(void **state)
{
    (void)state;
    struct bench *b = bench_open();
    publish(b, &good);
    run_until(b, GATEWAY_EVENT_PROGRESS);
    twin_set_power(b->twin, false);
    (void)twin_run_until(b->twin, twin_now_ns(b->twin) + 1000000U);
    twin_set_power(b->twin, true);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, 1, &good);
    assert_true(count_text(b->console, "app: version 1.0.0 slot A confirmed") >= 1);
    bench_close(b);
}

static void image_by_another_key_changes_nothing_on_the_board(void **state)
{
    (void)state;
    static struct test_release foreign;
    struct test_key other;
    test_key_make(&other, 9);
    struct test_spec spec = test_spec(&image_key, &channel_key, 0x02000000, 2);
    spec.image_key = &other;
    test_release_make(&spec, &foreign);
    struct bench *b = bench_open();
    publish(b, &foreign);
    run_until(b, GATEWAY_EVENT_REFUSED);
    assert_int_equal(b->last[GATEWAY_EVENT_REFUSED].reason, E_IMAGE_KEY);
    assert_int_equal(erases_of_slot_b(b), 0);
    bench_close(b);
}

static void application_without_an_agent_is_updated_through_the_bootloader(void **state)
{
    (void)state;
    struct bench *b = bench_open_with(&agentless);
    publish(b, &good);
    run_until(b, GATEWAY_EVENT_LADDER);
    assert_int_equal(b->last[GATEWAY_EVENT_LADDER].done, LINK_RUNG_REQUEST);
    assert_int_equal(b->last[GATEWAY_EVENT_LADDER].reason, FOTA_OK);
    run_until(b, GATEWAY_EVENT_CONFIRMED);
    assert_slot_holds(b, 1, &good);
    assert_slot_holds(b, 0, &agentless);
    assert_int_equal(b->n_events[GATEWAY_EVENT_LADDER], 2); /* RESET did not help, REQUEST did */
    bench_close(b);
}

static void application_without_an_agent_runs_on_when_there_is_nothing_to_install(void **state)
{
    (void)state;
    struct bench *b = bench_open_with(&agentless);
    publish(b, &agentless);
    run_until(b, GATEWAY_EVENT_NOTHING);
    assert_int_equal(b->last[GATEWAY_EVENT_NOTHING].reason, FOTA_OK);
    run_ms(b, 1000);
    struct boot_app_report report;
    assert_true(twin_peek(b->twin, BOOT_APP_REPORT_ADDR, &report, sizeof report));
    assert_int_equal(report.view.running, SLOT_A); /* let go: it runs again */
    uint64_t resets = twin_stats(b->twin)->resets_pin;
    run_until(b, GATEWAY_EVENT_FAILED);
    run_until(b, GATEWAY_EVENT_FAILED);
    assert_int_equal(twin_stats(b->twin)->resets_pin, resets); /* and is left alone from now on */
    bench_close(b);
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
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
