/*
 * The ESP-IDF example runs: app_main on the stand-ins, with a fake board on the wires and a store over real sockets. Wi-Fi is not
 * there, comes, goes and returns; what is wrong is named; nothing restarts the chip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "desk.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "given.h"
#include "page_client.h"
#include "stand_in.h"

enum { MAIN_STACK_BYTES = 8192 };

void app_main(void);

char given_endpoint[GIVEN_BYTES], given_ssid[GIVEN_BYTES], given_password[GIVEN_BYTES];
/* The files that CMakeLists.txt of the example embeds. */
extern char image_key_file[RIG_PEM_BYTES] __asm__("_binary_image_key_pub_pem_start");
extern char channel_key_file[RIG_PEM_BYTES] __asm__("_binary_channel_key_pub_pem_start");
char image_key_file[RIG_PEM_BYTES], channel_key_file[RIG_PEM_BYTES];

extern char example_bss_start[], example_bss_end[]; /* zeroed.ld */

static struct desk desk;
static struct page_reply reply;
static bool has_ended; /* app_main returned */
static uint64_t start_us;

static void main_task(void *unused)
{
    (void)unused;
    app_main();
    has_ended = true;
    vTaskDelete(NULL);
}

/* Power on, or a reset. */
static void start(void)
{
    static StaticTask_t task;
    static StackType_t stack[MAIN_STACK_BYTES];
    assert_true(example_bss_end - example_bss_start > (ptrdiff_t)sizeof(struct fota_gateway));
    memset(example_bss_start, 0, (size_t)(example_bss_end - example_bss_start)); /* as the chip does */
    has_ended = false;
    start_us = stand_in_now_us();
    assert_non_null(xTaskCreateStatic(main_task, "main", MAIN_STACK_BYTES, NULL, 1, stack, &task));
    vTaskDelay(1);
}

static int new_board(void **state)
{
    (void)state;
    (void)snprintf(given_endpoint, sizeof given_endpoint, "%s", desk.s3.url);
    (void)snprintf(given_ssid, sizeof given_ssid, "home");
    (void)snprintf(given_password, sizeof given_password, "password");
    memcpy(image_key_file, desk.image_pem, sizeof image_key_file);
    memcpy(channel_key_file, desk.channel_pem, sizeof channel_key_file);
    desk_plug_in(&desk);
    return 0;
}

static void wifi_comes_goes_and_returns_and_the_update_is_confirmed(void **state)
{
    (void)state;
    stand_in_wifi_air(NULL, NULL);
    start();
    desk_await("no access point \"home\" (reason 201)", 10);
    const uint64_t before = stand_in_stats()->wifi_connects;
    vTaskDelay(600000); /* 10 minutes: the pauses grow to a minute */
    const uint64_t tries = stand_in_stats()->wifi_connects - before;
    assert_in_range(tries, 6, 30);
    stand_in_wifi_drop_every(
        9000, 20000000); /* it goes in the middle of the image, and again after each 9,000 bytes */
    stand_in_wifi_air("home", "password");
    desk_await("Wi-Fi \"home\" is there", 100);
    desk_await("Wi-Fi \"home\" is lost (reason 200); next try in", 100);
    vTaskDelay(200000);
    stand_in_wifi_drop_every(0, 0);
    desk_await("2.0.0 is confirmed", 600);
    desk_check_updated(&desk);
    desk_await("the clock is set", 10);
    assert_true(time(NULL) >= TEST_NOW_S);
    assert_true(stand_in_stats()->wifi_drops > 0);
    assert_false(has_ended);
    desk_check_manners();
    print_message("%u tries in 10 minutes without an access point, %u losses, confirmed after %.0f s\n",
                  (unsigned)tries, (unsigned)stand_in_stats()->wifi_drops,
                  (double)(stand_in_now_us() - start_us) / 1e6);
}

static void a_wrong_password_is_named_until_it_is_right(void **state)
{
    (void)state;
    stand_in_wifi_air("home", "another one");
    start();
    desk_await("\"home\" refuses the password (reason 15): set the right one; next try in", 10);
    vTaskDelay(60000);
    stand_in_wifi_air("home", "password");
    desk_await("2.0.0 is confirmed", 300);
    desk_check_updated(&desk);
    desk_check_manners();
}

static void resets_in_the_middle_of_an_update_do_not_stop_it(void **state)
{
    (void)state;
    unsigned n_resets = 0;
    for (uint32_t ms = 1420; !stand_in_logged("2.0.0 is confirmed"); ms += 60) {
        assert_true(ms < 10000);
        start();
        vTaskDelay(ms);
        stand_in_reset();
        n_resets++;
    }
    assert_in_range(n_resets, 6, 60);
    desk_check_updated(&desk);
    desk_check_manners();
    assert_true(stand_in_stats()->http_blob_bytes < 2U * desk.update.n_image[1]);
    print_message("%u resets, %u bytes fetched for an image of %u\n", n_resets,
                  (unsigned)stand_in_stats()->http_blob_bytes, (unsigned)desk.update.n_image[1]);
}

/* app_main ends, the board and the chip stay as they are. */
static void refused(const char *words)
{
    start();
    vTaskDelay(5000);
    desk_await(words, 1);
    assert_true(has_ended);
    assert_int_equal(desk.target.running_version, DESK_VERSION_1);
    desk_check_manners();
    stand_in_reset();
}

static void what_is_wrong_is_named_and_nothing_restarts(void **state)
{
    (void)state;
    (void)snprintf(given_ssid, sizeof given_ssid, "a-name-of-thirty-three-characters");
    refused("Wi-Fi name \"a-name-of-thirty-three-characters\" has 33 characters");
    (void)snprintf(given_ssid, sizeof given_ssid, "home");
    (void)snprintf(given_password, sizeof given_password, "short");
    refused("the password of Wi-Fi \"home\" has 5 characters");
    (void)snprintf(image_key_file, sizeof image_key_file, "Replace this file");
    refused("image_key is no public key");
    assert_non_null(stand_in_logged("no updates: "));
    given_endpoint[0] = '\0';
    refused("endpoint is not set");
}

static void a_name_of_32_characters_connects(void **state)
{
    (void)state;
    (void)snprintf(given_ssid, sizeof given_ssid, "a-name-of-32-characters-is-legal");
    assert_int_equal(strlen(given_ssid), 32);
    given_password[0] = '\0';
    stand_in_wifi_air(given_ssid, "");
    start();
    desk_await("Wi-Fi \"a-name-of-32-characters-is-legal\" is there", 10);
    desk_check_manners();
}

/* Without a gateway it could never be replaced over the air: the chip goes back to the application before it, once. */
static void an_application_on_trial_that_cannot_work_gives_way(void **state)
{
    (void)state;
    desk_start_trial();
    given_endpoint[0] = '\0';
    start();
    desk_await("this application is on trial: the chip restarts into the one before it", 5);
    assert_int_equal(stand_in_stats()->restarts, 1);
    stand_in_reset();
    assert_int_equal(stand_in_running(), 0);
    refused("endpoint is not set"); /* not on trial: nothing restarts */
    assert_int_equal(stand_in_stats()->restarts, 1);
}

static void an_application_on_trial_is_valid_after_the_first_good_poll(void **state)
{
    (void)state;
    desk_start_trial();
    start();
    desk_await("2.0.0 is confirmed", 300);
    vTaskDelay(1000);
    assert_false(desk_is_on_trial());
    assert_int_equal(stand_in_stats()->restarts, 0);
    desk_check_manners();
}

/* Sends the form of the first start. */
static void fill_in(const char *wifi_password)
{
    char stamp[32], body[512], text[1024];
    page_client_ask("GET", "/", "", &reply);
    assert_int_equal(reply.status, 200);
    const char *at = strstr(reply.body, "name=\"stamp\" value=\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "name=\"stamp\" value=\"%31[0-9a-z]\"", stamp), 1);
    const int n = snprintf(
        body, sizeof body,
        "stamp=%s&wifi_name=home&wifi_password=%s&endpoint=%s&region=test-1&bucket=releases&product=demo&"
        "channel=stable",
        stamp, wifi_password, desk.s3.url);
    (void)snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: %d\r\n\r\n%s",
                   n, body);
    const int fd = page_client_open();
    page_client_send(fd, text);
    page_client_read(fd, 30, &reply);
    page_client_close(fd);
}

static bool is_button_up(int pin, uint64_t since_reset_us)
{
    return pin != 27 || since_reset_us > 6000000;
}

static void the_first_start_asks_and_the_button_forgets(void **state)
{
    (void)state;
    char secret[32] = "", headers[96];
    given_ssid[0] = '\0';
    (void)snprintf(given_endpoint, sizeof given_endpoint, "https://not-this-one.test");
    start();
    desk_await("join the Wi-Fi fota-gateway with the password ", 10);
    assert_int_equal(
        sscanf(strstr(stand_in_logged("with the password "), "password "), "password %31s", secret), 1);
    assert_string_equal(stand_in_wifi_hosts(), secret);
    fill_in("short");
    assert_int_equal(reply.status, 422);
    fill_in("password");
    assert_int_equal(reply.status, 200);
    vTaskDelay(3000);
    assert_int_equal(stand_in_stats()->restarts, 1);
    stand_in_reset();
    start();
    desk_await("2.0.0 is confirmed", 300);
    desk_check_updated(&desk);
    assert_null(stand_in_wifi_hosts());
    page_client_ask("GET", "/api/state", "", &reply);
    assert_int_equal(reply.status, 401);
    (void)snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", secret);
    page_client_ask("GET", "/api/state", headers, &reply);
    assert_int_equal(reply.status, 200);
    stand_in_reset();
    stand_in_input(is_button_up);
    start();
    desk_await("settings, secret and record are forgotten", 10);
    vTaskDelay(5000);
    assert_non_null(stand_in_wifi_hosts()); /* it asks again */
    stand_in_input(NULL);
    desk_check_manners();
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(wifi_comes_goes_and_returns_and_the_update_is_confirmed, new_board),
        cmocka_unit_test_setup(a_wrong_password_is_named_until_it_is_right, new_board),
        cmocka_unit_test_setup(resets_in_the_middle_of_an_update_do_not_stop_it, new_board),
        cmocka_unit_test_setup(what_is_wrong_is_named_and_nothing_restarts, new_board),
        cmocka_unit_test_setup(a_name_of_32_characters_connects, new_board),
        cmocka_unit_test_setup(the_first_start_asks_and_the_button_forgets, new_board),
        cmocka_unit_test_setup(an_application_on_trial_that_cannot_work_gives_way, new_board),
        cmocka_unit_test_setup(an_application_on_trial_is_valid_after_the_first_good_poll, new_board),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
