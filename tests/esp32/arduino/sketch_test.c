/* The sketch FotaGateway runs: setup() and loop() on the stand-ins, a fake board on the wires, a store over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sketch.h"
#include "stand_in.h"

static struct desk desk;

static int set_up(void **state)
{
    (void)state;
    desk_set_up(&desk);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    desk_tear_down(&desk);
    return 0;
}

static int new_chip(void **state)
{
    (void)state;
    sketch_fill_in(&desk);
    desk_plug_in(&desk);
    return 0;
}

static void an_update_is_confirmed_although_wifi_is_late_and_is_lost(void **state)
{
    (void)state;
    stand_in_wifi_air(NULL, NULL);
    arduino_start();
    desk_await("serial: no Wi-Fi \"home\" (status 1): check name", 20);
    stand_in_wifi_drop_every(9000, 20000000);
    stand_in_wifi_air("home", "password");
    desk_await("serial: Wi-Fi \"home\" is there", 20);
    desk_await("serial: the new version runs and is confirmed", 600);
    desk_check_updated(&desk);
    assert_non_null(stand_in_logged(" of 20695 bytes"));
    assert_true(stand_in_stats()->wifi_drops > 0);
    desk_check_manners();
}

static void a_key_that_was_not_filled_in_is_named_and_the_sketch_goes_on(void **state)
{
    (void)state;
    IMAGE_KEY = "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n"; /* as in the sketch */
    arduino_start();
    desk_await("serial: image_key is no public key", 5);
    desk_await("serial: no updates: ", 5);
    desk_await("serial: Wi-Fi \"home\" is there", 20);
    vTaskDelay(60000);
    assert_int_equal(desk.target.running_version, DESK_VERSION_1);
    assert_int_equal(stand_in_stats()->http_requests, 0);
    desk_check_manners();
}

static void a_reset_in_the_middle_does_not_stop_it(void **state)
{
    (void)state;
    for (uint32_t ms = 2050; ms <= 2350; ms += 100) { /* while the image is fetched */
        arduino_start();
        vTaskDelay(ms);
        stand_in_reset();
    }
    arduino_start();
    assert_null(stand_in_logged("confirmed"));
    desk_await("serial: the new version runs and is confirmed", 300);
    desk_check_updated(&desk);
    desk_check_manners();
}

/* The core would mark it valid before setup(), if the library did not answer for it. */
static void an_application_on_trial_is_valid_after_the_first_good_poll_only(void **state)
{
    (void)state;
    desk_start_trial();
    stand_in_wifi_air(NULL, NULL);
    arduino_start();
    vTaskDelay(60000);
    assert_true(desk_is_on_trial());
    stand_in_wifi_air("home", "password");
    desk_await("2.0.0 is confirmed", 300);
    vTaskDelay(1000);
    assert_false(desk_is_on_trial());
    stand_in_reset();
    assert_int_equal(stand_in_running(), 1);
    desk_plug_in(&desk);
    desk_start_trial();
    stand_in_wifi_air(NULL, NULL);
    arduino_start();
    vTaskDelay(60000);
    stand_in_reset(); /* no good poll before it: the bootloader goes back */
    assert_int_equal(stand_in_running(), 0);
    desk_check_manners();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_update_is_confirmed_although_wifi_is_late_and_is_lost, new_chip),
        cmocka_unit_test_setup(a_key_that_was_not_filled_in_is_named_and_the_sketch_goes_on, new_chip),
        cmocka_unit_test_setup(a_reset_in_the_middle_does_not_stop_it, new_chip),
        cmocka_unit_test_setup(an_application_on_trial_is_valid_after_the_first_good_poll_only, new_chip),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
