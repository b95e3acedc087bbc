/*
 * Without a staging partition: with a fetcher the next bytes arrive while the target programs, so the stream takes about as long as
 * the slower of network and target, not as long as both. The network is S3's: lwIP's window, and TLS records of 16 KB. What ends a request ends it with a fetcher, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "rig.h"
#include "target_fake.h"

enum {
    BYTES_S = 200000,
    FAST_BYTES_S = 100000000,
    UPDATE_MAX_S = 600,
    VERSION_1 = 1 << 24,
    VERSION_2 = 2 << 24,
    PAYLOAD_BYTES = 60000
};

static struct rig rig;
static struct target_fake target;
static struct test_release factory, update;
static struct fota_gateway_fetcher fetcher;
static struct {
    uint64_t begun_us, stream_us;
    unsigned n_confirmed, n_failed, n_damaged;
} heard;

static void on_event(void *ctx, const struct fota_gateway_event *event)
{
    (void)ctx;
    switch (event->kind) {
    case FOTA_GATEWAY_BEGUN:
        heard.begun_us = stand_in_now_us();
        break;
    case FOTA_GATEWAY_PROGRESS:
        heard.stream_us = stand_in_now_us() - heard.begun_us;
        break;
    case FOTA_GATEWAY_CONFIRMED:
        heard.n_confirmed++;
        break;
    case FOTA_GATEWAY_FAILED:
        heard.n_failed++;
        break;
    case FOTA_GATEWAY_DAMAGED:
        heard.n_damaged++;
        break;
    default:
        break;
    }
}

static void prepare(const char *const *rules)
{
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_1, 1);
    test_release_make(&spec, &factory);
    spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_2, 2);
    spec.payload_bytes = PAYLOAD_BYTES;
    test_release_make(&spec, &update);
    rig_set_up(&rig, rules);
    rig.config.stage_label = NULL;
    rig.config.on_event = on_event;
    rig_publish(&rig, &update);
}

/* An update from the start. @return microseconds of the stream */
static uint64_t install(struct fota_gateway_fetcher *with, uint32_t bytes_s)
{
    memset(&heard, 0, sizeof heard);
    target_fake_init(&target, rig.image_key.point);
    target_fake_factory(&target, factory.image[0], factory.n_image[0]);
    stand_in_new(&(struct stand_in_config){.board = &target.io,
                                           .nss = 5,
                                           .nrst = 26,
                                           .boot0 = 25,
                                           .utc_s = TEST_NOW_S,
                                           .http_bytes_s = bytes_s,
                                           .tcp_window_bytes = 5760,
                                           .tls_record_bytes = 16384});
    rig.config.fetcher = with;
    rig_start(&rig);
    fota_gateway_poll_now(&rig.gateway);
    const uint64_t until_us = stand_in_now_us() + (uint64_t)UPDATE_MAX_S * 1000000U;
    while (heard.n_confirmed == 0 && stand_in_now_us() < until_us) {
        vTaskDelay(configTICK_RATE_HZ / 10);
    }
    assert_int_equal(heard.n_confirmed, 1);
    assert_int_equal(target.running_version, VERSION_2);
    assert_memory_equal(flash_fake_at(&target.flash, FLASH_SLOT_B_BASE), update.image[1], update.n_image[1]);
    rig_stop(&rig);
    assert_string_equal(stand_in_fault(), "");
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
    return heard.stream_us;
}

static void the_next_bytes_arrive_while_the_target_programs(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    prepare(none);
    const uint64_t target_us = install(NULL, FAST_BYTES_S); /* the network takes no time */
    const uint64_t alone_us = install(NULL, BYTES_S);
    const uint64_t alone_bytes = stand_in_stats()->http_blob_bytes;
    const uint64_t both_us = install(&fetcher, BYTES_S);
    print_message(
        "%u bytes at %u bytes/s: the target waits %.0f ms for the network, %.0f ms with a fetcher\n",
        (unsigned)update.n_image[1], (unsigned)BYTES_S, (double)(alone_us - target_us) / 1e3,
        (double)(both_us - target_us) / 1e3);
    assert_int_equal(stand_in_stats()->http_blob_bytes, alone_bytes); /* nothing is fetched for nothing */
    /* Of the first record and the connection nobody can spare anything. */
    assert_true(both_us - target_us < (alone_us - target_us) * 2 / 3);
    rig_tear_down(&rig);
}

static void a_request_that_is_cut_goes_on_with_a_fetcher(void **state)
{
    static const char *const cuts[] = {"cut 9000 path=/v1/blobs/ method=GET times=4", NULL};
    (void)state;
    prepare(cuts);
    (void)install(&fetcher, BYTES_S);
    assert_int_equal(heard.n_damaged, 0);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_bytes_arrive_while_the_target_programs),
        cmocka_unit_test(a_request_that_is_cut_goes_on_with_a_fetcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
