/*
 * First start: the form over real sockets, settings and secret in NVS with power that fails in each write, the button, the reset.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "fota_gateway/fota_gateway_setup.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "idf_button.h"
#include "idf_form.h"
#include "nvs.h"
#include "page_client.h"
#include "stand_in.h"

enum { CUTS_MAX = 20, SEEDS = 8, PIN = 27 };

static const struct fota_gateway_settings GOOD = {.wifi_name = "home & garden \"1\"",
                                                  .wifi_password = "hunter2<hunter2",
                                                  .endpoint = "https://s3.eu-central-1.amazonaws.com",
                                                  .region = "eu-central-1",
                                                  .bucket = "my-releases",
                                                  .product = "demo",
                                                  .channel = "stable"};
static const char GOOD_BODY[] =
    "wifi_name=home+%26+garden+%221%22&wifi_password=hunter2%3Chunter2&endpoint="
    "https%3A%2F%2Fs3.eu-central-1.amazonaws.com&region=+eu-central-1+&bucket=my-releases&product="
    "demo&channel=stable&stamp=";
static struct fota_gateway_setup setup;
static struct page_reply reply;
static char stamp[64];

static int new_chip(void **state)
{
    (void)state;
    stand_in_new(&(struct stand_in_config){.random = 1});
    memset(&setup, 0, sizeof setup);
    return 0;
}

static int check_manners(void **state)
{
    (void)state;
    if (stand_in_page_port() != 0) {
        assert_int_equal(fota_gateway_setup_stop(&setup), 0);
    }
    assert_string_equal(stand_in_fault(), "");
    return 0;
}

static void want(unsigned status, const char *words)
{
    if (reply.status != status || !strstr(reply.body, words)) {
        fail_msg("want %u and \"%s\", got %u: %.3500s", status, words, reply.status, reply.text);
    }
}

static void lacks(const char *words)
{
    assert_null(strstr(reply.text, words));
}

static void start(void)
{
    const struct fota_gateway_setup_config config = {.nvs_namespace = "fota"};
    assert_int_equal(fota_gateway_setup_start(&setup, &config), 0);
    page_client_ask("GET", "/", "", &reply);
    want(200, "Set up the gateway");
    assert_int_equal(
        sscanf(strstr(reply.body, "name=\"stamp\" value=\""), "name=\"stamp\" value=\"%63[0-9a-z]\"", stamp),
        1);
    assert_int_equal(strlen(stamp), 16);
}

static void post(const char *body, const char *headers)
{
    char text[4096];
    const int n =
        snprintf(text, sizeof text,
                 "Content-Length: %zu\r\nContent-Type: application/x-www-form-urlencoded\r\n%s\r\n%s",
                 strlen(body), headers, body);
    assert_true(n > 0 && (size_t)n < sizeof text);
    const int fd = page_client_open();
    page_client_send(fd, "POST / HTTP/1.1\r\nHost: 192.168.4.1\r\n");
    page_client_send(fd, text);
    page_client_read(fd, 30, &reply);
    page_client_close(fd);
}

static void post_stamped(const char *body)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s", body, stamp);
    post(text, "Origin: http://192.168.4.1\r\nSec-Fetch-Site: same-origin\r\n");
    assert_null(memmem(&setup, sizeof setup, "hunter2", 7)); /* its memory has no password when it is done */
}

static bool is_saved(const struct fota_gateway_settings *wanted)
{
    struct fota_gateway_settings s;
    return fota_gateway_settings_load("fota", &s) == 0 && memcmp(&s, wanted, sizeof s) == 0;
}

static bool is_empty(void)
{
    struct fota_gateway_settings s;
    return fota_gateway_settings_load("fota", &s) == E_NOT_FOUND;
}

/* --- form --- */

static void a_form_that_is_right_is_saved_and_the_password_never_shown(void **state)
{
    (void)state;
    assert_true(is_empty());
    start();
    assert_false(fota_gateway_setup_is_done(&setup));
    post_stamped(GOOD_BODY);
    want(200, "The gateway restarts now and joins home &amp; garden &quot;1&quot;.");
    assert_true(fota_gateway_setup_is_done(&setup));
    assert_true(is_saved(&GOOD));
    lacks("hunter2");
    post_stamped(GOOD_BODY); /* a second click */
    want(409, "saved already");
    page_client_ask("GET", "/", "", &reply);
    want(200, "value=\"home &amp; garden &quot;1&quot;\"");
    lacks("hunter2");
    assert_null(stand_in_logged("hunter2"));
    stand_in_reset();
    assert_true(is_saved(&GOOD));
}

static void what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(void **state)
{
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        {"wifi_name=home+%26+garden+%221%22", "wifi_name=", "Give the name of the network"},
        {"wifi_name=home+%26+garden+%221%22", "wifi_name=a%0Ab", "Give the name of the network"},
        {"wifi_name=home+%26+garden+%221%22", "wifi_name=a%00", "Give the name of the network"},
        {"wifi_name=home+%26+garden+%221%22", "wifi_name=a%4", "Give the name of the network"},
        {"wifi_name=home+%26+garden+%221%22", "wifi_name=123456789012345678901234567890123",
         "Give the name of the network"},
        {"wifi_name=home+%26+garden+%221%22&", "", "Give the name of the network"},
        {"hunter2%3Chunter2", "seven77", "Type the password, 8 to 63"},
        {"hunter2%3Chunter2", "", "or tick that the network has none"}, /* left out is not meant */
        {"hunter2%3Chunter2", "hunter2%3Chunter2&wifi_open=1", "or tick that the network has none"},
        {"https%3A%2F%2Fs3.eu-central-1.amazonaws.com", "s3.eu-central-1.amazonaws.com",
         "Give https:// and a host name"},
        {"https%3A%2F%2Fs3.eu-central-1.amazonaws.com", "https://s3.test/path", "no path after it"},
        {"https%3A%2F%2Fs3.eu-central-1.amazonaws.com", "http://s3.test:", "Give https:// and a host name"},
        {"https%3A%2F%2Fs3.eu-central-1.amazonaws.com", "ftp://s3.test", "Give https:// and a host name"},
        {"+eu-central-1+", "EU", "Give a region"},
        {"my-releases", "My-Releases", "Give the bucket"},
        {"my-releases", "-releases", "Give the bucket"},
        {"my-releases", "ab", "Give the bucket"},
        {"demo", "De+mo", "Give the product as it was published"},
        {"stable", "_stable", "Give the channel as it was published"},
        {"stable", "%3Cscript%3E", "value=\"&lt;script&gt;\""},
    };
    (void)state;
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[1024];
        const char *at = strstr(GOOD_BODY, rows[i].from);
        assert_non_null(at);
        (void)snprintf(body, sizeof body, "%.*s%s%s", (int)(at - GOOD_BODY), GOOD_BODY, rows[i].to,
                       at + strlen(rows[i].from));
        post_stamped(body);
        want(422, rows[i].words);
        want(422, "Nothing was saved");
        want(422, "aria-invalid=\"true\"");
        lacks("hunter2"); /* even if only another field is wrong */
        lacks("<script");
        assert_true(is_empty());
    }
    post_stamped("x=1&stamp=");
    want(422, "Give the channel");
    assert_false(fota_gateway_setup_is_done(&setup));
    assert_int_equal(stand_in_stats()->flash_ops, 0);
    post_stamped(GOOD_BODY);
    want(200, "Saved");
}

static void collect(void *ctx, const char *bytes, size_t n_bytes)
{
    (void)strncat(ctx, bytes, n_bytes);
}

static void no_password_is_ever_written(void **state)
{
    static struct idf_form form;
    static char html[8192];
    const struct idf_form_out out = {.put = collect, .ctx = html};
    (void)state;
    form.value = GOOD;
    idf_form_write(&form, "stamp", &out);
    idf_form_write_saved(&GOOD, &out);
    assert_non_null(strstr(html, "eu-central-1"));
    assert_null(strstr(html, "hunter2"));
}

static void a_network_without_a_password_must_be_meant(void **state)
{
    (void)state;
    start();
    post_stamped("wifi_name=cafe&wifi_password=&wifi_open=1&endpoint=http://"
                 "10.0.0.2:9000&region=any&bucket=abc&product=p&channel=c&stamp=");
    want(200, "Saved");
    struct fota_gateway_settings s;
    assert_int_equal(fota_gateway_settings_load("fota", &s), 0);
    assert_string_equal(s.wifi_password, "");
    assert_string_equal(s.endpoint, "http://10.0.0.2:9000");
    struct fota_gateway_config config;
    fota_gateway_config_default(&config);
    fota_gateway_settings_apply(&s, &config);
    assert_ptr_equal(config.bucket, s.bucket);
    assert_string_equal(config.product, "p");
    assert_string_equal(config.channel, "c");
    assert_string_equal(config.region, "any");
    assert_true(config.is_path_style);
    fota_gateway_settings_apply(&GOOD, &config);
    assert_false(config.is_path_style);
}

static void another_page_cannot_send_the_form(void **state)
{
    char right[2048];
    (void)state;
    start();
    (void)snprintf(right, sizeof right, "%s%s", GOOD_BODY, stamp);
    post(GOOD_BODY, "");
    want(403, "not from here");
    stamp[0] = (char)(stamp[0] == '0' ? '1' : '0');
    post_stamped(GOOD_BODY);
    want(403, "not from here");
    post(right, "Origin: http://evil.example\r\n");
    want(403, "another site");
    post(right, "Origin: null\r\n");
    want(403, "another site");
    post(right, "Sec-Fetch-Site: cross-site\r\n");
    want(403, "another site");
    const int fd = page_client_open(); /* a name that was rebound to this address */
    page_client_send(fd, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    page_client_read(fd, 30, &reply);
    page_client_close(fd);
    want(403, "under its address in figures");
    lacks("name=\"stamp\"");
    page_client_ask("GET", "/api/state", "", &reply);
    want(404, "nothing at this address");
    page_client_ask("GET", "/style.css", "", &reply);
    want(200, "--accent");
    page_client_ask("GET", "/?wifi_name=x", "", &reply);
    want(200, "name=\"wifi_name\"");
    assert_non_null(strstr(reply.text, "frame-ancestors 'none'"));
    assert_non_null(strstr(reply.text, "form-action 'self'"));
    assert_non_null(
        strstr(reply.text, "Referrer-Policy: same-origin")); /* so that a browser says the form's origin */
    assert_non_null(strstr(reply.text, "X-Frame-Options: DENY"));
    assert_true(is_empty());
    assert_int_equal(stand_in_stats()->flash_ops, 0);
}

static void a_form_that_is_long_or_comes_in_part_is_not_saved(void **state)
{
    char body[3000];
    (void)state;
    start();
    memset(body, 'x', sizeof body);
    body[2049] = '\0';
    post(body, "");
    want(413, "too long");
    assert_true(reply.is_closed);
    const int fd = page_client_open();
    page_client_send(fd, "POST / HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: 100\r\n\r\nwifi_name=");
    page_client_read(fd, 30, &reply);
    page_client_close(fd);
    want(408, "only in part");
    assert_true(is_empty());
}

static void a_full_nvs_is_said(void **state)
{
    nvs_handle_t nvs = 0;
    (void)state;
    start();
    assert_int_equal(nvs_open("someone", NVS_READWRITE, &nvs), ESP_OK);
    for (unsigned i = 0; i < 99; i++) {
        char key[NVS_KEY_NAME_MAX_SIZE];
        (void)snprintf(key, sizeof key, "k%u", i);
        (void)nvs_set_blob(nvs, key, "x", 1); /* until it is full */
    }
    post_stamped(GOOD_BODY);
    want(500, "The settings cannot be saved: the console says why. Nothing was changed.");
    assert_non_null(stand_in_logged("the settings cannot be saved"));
    assert_false(fota_gateway_setup_is_done(&setup));
    assert_true(is_empty());
    assert_int_equal(nvs_erase_all(nvs), ESP_OK);
    nvs_close(nvs);
    post_stamped(GOOD_BODY); /* the same form again */
    want(200, "Saved");
}

/* --- record --- */

static struct fota_gateway_settings other(unsigned number)
{
    struct fota_gateway_settings s = GOOD;
    (void)snprintf(s.bucket, sizeof s.bucket, "bucket-%u", number);
    return s;
}

static void a_cut_in_any_write_leaves_the_old_settings_or_the_new(void **state)
{
    unsigned n_cuts = 0, n_old = 0, n_new = 0;
    (void)state;
    for (unsigned before = 0; before < 3;
         before++) { /* saved so often before: each cell is the older one once */
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            bool is_cut = true;
            for (uint64_t op = 1; is_cut && op < CUTS_MAX; op++) {
                (void)new_chip(NULL);
                for (unsigned i = 1; i <= before; i++) {
                    const struct fota_gateway_settings s = other(i);
                    assert_int_equal(fota_gateway_settings_save("fota", &s), 0);
                }
                const struct fota_gateway_settings old = other(before), new = other(before + 1);
                stand_in_cut_at(op, seed);
                const int err = fota_gateway_settings_save("fota", &new);
                is_cut = stand_in_is_dead();
                assert_int_equal(err, is_cut ? E_IO : 0);
                stand_in_reset();
                const bool is_old = before ? is_saved(&old) : is_empty();
                assert_true(is_old != is_saved(&new));
                assert_true(is_cut || !is_old);
                n_cuts += is_cut;
                n_old += is_old;
                n_new += !is_old;
                assert_int_equal(fota_gateway_settings_save("fota", &new),
                                 0); /* and it can be saved after it */
                assert_true(is_saved(&new));
            }
            assert_false(is_cut);
        }
    }
    assert_true(n_cuts >= 3 * SEEDS && n_old > 0 && n_new > 0);
}

static void a_cell_that_is_damaged_does_not_count(void **state)
{
    static const char *const keys[] = {"setup0", "setup1"};
    (void)state;
    const struct fota_gateway_settings first = other(1), second = other(2);
    assert_int_equal(fota_gateway_settings_save("fota", &first), 0);
    assert_int_equal(fota_gateway_settings_save("fota", &second), 0);
    for (unsigned cell = 2; cell-- > 0;) { /* the second is in setup1 */
        uint8_t bytes[1024];
        nvs_handle_t nvs = 0;
        size_t n = sizeof bytes;
        assert_int_equal(nvs_open("fota", NVS_READWRITE, &nvs), ESP_OK);
        assert_int_equal(nvs_get_blob(nvs, keys[cell], bytes, &n), ESP_OK);
        bytes[n / 2] ^= 1;
        assert_int_equal(nvs_set_blob(nvs, keys[cell], bytes, n), ESP_OK);
        nvs_close(nvs);
        assert_true(cell == 1 ? is_saved(&first) : is_empty());
    }
}

static void bad_names_and_settings_are_refused(void **state)
{
    struct fota_gateway_settings s = GOOD;
    char secret[FOTA_GATEWAY_SECRET_BYTES];
    const struct fota_gateway_setup_config config = {.nvs_namespace = "sixteen-letters!"};
    (void)state;
    assert_int_equal(fota_gateway_settings_load("", &s), E_ARG);
    assert_int_equal(fota_gateway_settings_load("sixteen-letters!", &s), E_ARG);
    assert_non_null(
        stand_in_logged("nvs_namespace \"sixteen-letters!\" is not a name: give 1 to 15 characters"));
    assert_int_equal(fota_gateway_secret(NULL, secret), E_ARG);
    assert_int_equal(fota_gateway_forget(NULL), E_ARG);
    assert_int_equal(fota_gateway_setup_start(&setup, &config), E_ARG);
    assert_int_equal(fota_gateway_setup_stop(&setup), E_STATE);
    memset(s.bucket, 'b', sizeof s.bucket); /* without a NUL */
    assert_int_equal(fota_gateway_settings_save("fota", &s), E_ARG);
    assert_int_equal(stand_in_stats()->flash_ops, 0);
    start();
    const struct fota_gateway_setup_config right = {.nvs_namespace = "fota"};
    assert_int_equal(fota_gateway_setup_start(&setup, &right), E_STATE);
}

/* --- secret and reset --- */

static void the_secret_is_drawn_once(void **state)
{
    char first[FOTA_GATEWAY_SECRET_BYTES], again[FOTA_GATEWAY_SECRET_BYTES];
    (void)state;
    assert_int_equal(fota_gateway_secret("fota", first), 0);
    assert_int_equal(strlen(first), 20);
    assert_int_equal(strspn(first, "0123456789abcdefghjkmnpqrstvwxyz"), 20);
    stand_in_reset();
    assert_int_equal(fota_gateway_secret("fota", again), 0);
    assert_string_equal(first, again);
    assert_int_equal(fota_gateway_forget("fota"), 0);
    assert_int_equal(fota_gateway_secret("fota", again), 0);
    assert_string_not_equal(first, again);
    for (uint32_t seed = 0; seed < SEEDS; seed++) { /* cut: none, or the one that the next call tells */
        stand_in_new(&(struct stand_in_config){.random = seed + 1});
        stand_in_cut_at(1, seed);
        assert_int_equal(fota_gateway_secret("fota", first), E_IO);
        stand_in_reset();
        assert_int_equal(fota_gateway_secret("fota", first), 0);
        assert_int_equal(fota_gateway_secret("fota", again), 0);
        assert_string_equal(first, again);
    }
}

static void put_foreign(void)
{
    nvs_handle_t nvs = 0;
    assert_int_equal(nvs_open("nvs.net80211", NVS_READWRITE, &nvs), ESP_OK);
    assert_int_equal(nvs_set_blob(nvs, "setup0", "theirs", 6), ESP_OK);
    nvs_close(nvs);
}

static void check_foreign(void)
{
    char bytes[8];
    size_t n = sizeof bytes;
    nvs_handle_t nvs = 0;
    assert_int_equal(nvs_open("nvs.net80211", NVS_READONLY, &nvs), ESP_OK);
    assert_int_equal(nvs_get_blob(nvs, "setup0", bytes, &n), ESP_OK);
    assert_int_equal(n, 6);
}

static void a_reset_erases_our_namespace_only_and_the_old_settings_never_come_back(void **state)
{
    char secret[FOTA_GATEWAY_SECRET_BYTES];
    unsigned n_cuts = 0;
    (void)state;
    for (unsigned before = 1; before <= 3; before++) {
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            bool is_cut = true;
            for (uint64_t op = 1; is_cut && op < CUTS_MAX; op++) {
                (void)new_chip(NULL);
                put_foreign();
                assert_int_equal(fota_gateway_secret("fota", secret), 0);
                for (unsigned i = 1; i <= before; i++) {
                    const struct fota_gateway_settings s = other(i);
                    assert_int_equal(fota_gateway_settings_save("fota", &s), 0);
                }
                const struct fota_gateway_settings newest = other(before);
                stand_in_cut_at(op, seed);
                const int err = fota_gateway_forget("fota");
                is_cut = stand_in_is_dead();
                assert_int_equal(err, is_cut ? E_IO : 0);
                n_cuts += is_cut;
                stand_in_reset();
                assert_true(is_empty() || (is_cut && is_saved(&newest)));
                check_foreign();
                assert_int_equal(fota_gateway_forget("fota"), 0);
                assert_true(is_empty());
                check_foreign();
            }
            assert_false(is_cut);
        }
    }
    assert_true(n_cuts > 3 * SEEDS);
}

/* --- button --- */

static uint64_t pressed_from_ms, pressed_to_ms;

/* Low while it is pressed; both edges bounce for 20 ms. */
static bool button_level(int pin, uint64_t since_reset_us)
{
    const uint64_t ms = since_reset_us / 1000;
    bool is_low = ms >= pressed_from_ms && ms < pressed_to_ms;
    const bool is_bouncing = (ms >= pressed_from_ms && ms < pressed_from_ms + 20) ||
                             (ms >= pressed_to_ms && ms < pressed_to_ms + 20);
    if (is_bouncing && ms / 10 % 2 == 1) {
        is_low = !is_low;
    }
    return pin != PIN || !is_low;
}

static bool was_held(uint64_t from_ms, uint64_t to_ms)
{
    stand_in_reset();
    pressed_from_ms = from_ms;
    pressed_to_ms = to_ms;
    stand_in_input(button_level);
    return fota_gateway_button_was_held(PIN);
}

static void a_button_is_held_for_five_seconds_and_let_go(void **state)
{
    (void)state;
    stand_in_reset();
    assert_false(fota_gateway_button_was_held(PIN)); /* nothing there: the pull-up */
    assert_true(stand_in_now_us() <= 40000);
    assert_true(was_held(0, 5200));
    assert_true(was_held(10, 20000));
    assert_false(was_held(0, 4900));
    assert_false(was_held(0, 10));
    assert_false(was_held(100, 9000));         /* pressed after the start */
    assert_false(was_held(0, UINT64_MAX / 2)); /* stuck: it is no reset at each start */
    assert_non_null(stand_in_logged("button on GPIO 27: low for 30 s"));
    assert_false(fota_gateway_button_was_held(24));
    assert_non_null(stand_in_logged("button on GPIO 24: this chip has no such pin"));
    assert_false(fota_gateway_button_was_held(-1));
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
}

static void a_spike_is_no_release(void **state)
{
    struct idf_button b = {0};
    (void)state;
    for (unsigned i = 0; i < 600; i++) { /* 6 s, each second two samples of noise */
        assert_int_equal(idf_button_sample(&b, i % 100 > 1), IDF_BUTTON_GOES_ON);
    }
    assert_int_equal(idf_button_sample(&b, false), IDF_BUTTON_GOES_ON);
    assert_int_equal(idf_button_sample(&b, false), IDF_BUTTON_GOES_ON);
    assert_int_equal(idf_button_sample(&b, false), IDF_BUTTON_WAS_HELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_form_that_is_right_is_saved_and_the_password_never_shown, new_chip,
                                        check_manners),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_beside_its_field_and_nothing_is_saved, new_chip,
                                        check_manners),
        cmocka_unit_test_setup_teardown(no_password_is_ever_written, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(a_network_without_a_password_must_be_meant, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(another_page_cannot_send_the_form, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(a_form_that_is_long_or_comes_in_part_is_not_saved, new_chip,
                                        check_manners),
        cmocka_unit_test_setup_teardown(a_full_nvs_is_said, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(a_cut_in_any_write_leaves_the_old_settings_or_the_new, new_chip,
                                        check_manners),
        cmocka_unit_test_setup_teardown(a_cell_that_is_damaged_does_not_count, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(bad_names_and_settings_are_refused, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(the_secret_is_drawn_once, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(
            a_reset_erases_our_namespace_only_and_the_old_settings_never_come_back, new_chip, check_manners),
        cmocka_unit_test_setup_teardown(a_button_is_held_for_five_seconds_and_let_go, new_chip,
                                        check_manners),
        cmocka_unit_test_setup_teardown(a_spike_is_no_release, new_chip, check_manners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
