/*
 * Long waits in the task of the gateway: three hours between two polls are three hours, in ticks of 1 ms and of 10 ms.
 * pdMS_TO_TICKS multiplies in 32 bits, so that at 1,000 Hz a wait of more than 71 minutes would be too short by 71, or none at all: then
 * the task asks for ever, and its watchdog or the idle task's bites.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "rig.h"
#include "target_fake.h"

enum { POLL_S = 10800, LOOK_S = 600 };

static struct rig rig;
static struct target_fake target;
static struct test_release release;

static unsigned polls(void)
{
    struct fota_gateway_status status;
    fota_gateway_get_status(&rig.gateway, &status);
    return status.n_polls;
}

static uint64_t now_s(void)
{
    return stand_in_now_us() / 1000000U;
}

/* @return seconds until there is another poll, in steps of LOOK_S */
static uint32_t seconds_to_the_next(void)
{
    const unsigned before = polls();
    uint32_t seconds = 0;
    while (polls() == before && seconds < 3 * POLL_S && stand_in_stats()->wdt_bites == 0) {
        vTaskDelay((TickType_t)LOOK_S * configTICK_RATE_HZ);
        seconds += LOOK_S;
    }
    return seconds;
}

static void three_hours_between_two_polls_are_three_hours(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, 1U << 24, 1);
    test_release_make(&spec, &release);
    target_fake_init(&target, rig.image_key.point);
    target_fake_factory(&target, release.image[0], release.n_image[0]);
    rig_set_up(&rig, none);
    rig_publish(&rig, &release);
    rig.config.poll_s = POLL_S;
    stand_in_new(&(struct stand_in_config){
        .board = &target.io, .nss = 5, .nrst = 26, .boot0 = 25, .utc_s = TEST_NOW_S});
    rig_start(&rig);
    assert_true(seconds_to_the_next() <= LOOK_S); /* the first one comes within 300 s */
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t before_s = now_s();
        const uint32_t seconds = seconds_to_the_next();
        assert_true(seconds >= POLL_S * 3 / 4 - LOOK_S); /* the jitter is a quarter */
        assert_true(seconds <= POLL_S * 5 / 4 + LOOK_S);
        assert_true(now_s() - before_s >= seconds - 1);
    }
    assert_string_equal(stand_in_fault(), "");
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
    rig_stop(&rig);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(three_hours_between_two_polls_are_three_hours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
