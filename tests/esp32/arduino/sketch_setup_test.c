/* The sketch FotaGatewaySetup from its first start: it opens a Wi-Fi with a form, restarts with what was filled in, updates the board,
 * shows its page, and forgets it all when its button was held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core.h"
#include "desk.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "page_client.h"
#include "stand_in.h"

enum { BUTTON = 27, SECRET_CHARS = 20, HELD_US = 6000000 };

extern const char *IMAGE_KEY, *CHANNEL_KEY;

static struct desk desk;
static struct page_reply reply;

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

static void read_secret(const char *words, char out[SECRET_CHARS + 1])
{
    char format[64];
    const char *line = stand_in_logged(words);
    assert_non_null(line);
    (void)snprintf(format, sizeof format, "%s%%20[0-9a-z]", words);
    assert_int_equal(sscanf(strstr(line, words), format, out), 1);
    assert_int_equal(strlen(out), SECRET_CHARS);
}

static void fill_in(const char *wifi_password)
{
    char stamp[32], body[512], text[1024];
    page_client_ask("GET", "/", "", &reply);
    assert_int_equal(reply.status, 200);
    const char *at = strstr(reply.body, "name=\"stamp\" value=\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "name=\"stamp\" value=\"%31[0-9a-z]\"", stamp), 1);
    const int n =
        snprintf(body, sizeof body,
                 "stamp=%s&wifi_name=home&wifi_password=%s&endpoint=%s&region=test-1&bucket=releases&"
                 "product=demo&channel=stable",
                 stamp, wifi_password, desk.s3.url);
    (void)snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: %d\r\n\r\n%s",
                   n, body);
    const int fd = page_client_open();
    page_client_send(fd, text);
    page_client_read(fd, 30, &reply);
    page_client_close(fd);
}

static void restart(void)
{
    stand_in_reset();
    arduino_start();
}

static bool is_held(int pin, uint64_t since_reset_us)
{
    return pin != BUTTON || since_reset_us > HELD_US;
}

static void it_is_set_up_updates_and_forgets(void **state)
{
    char password[SECRET_CHARS + 1], token[SECRET_CHARS + 1], headers[128];
    (void)state;
    IMAGE_KEY = desk.image_pem;
    CHANNEL_KEY = desk.channel_pem;
    desk_plug_in(&desk);
    arduino_start();
    desk_await("serial: join the Wi-Fi fota-gateway with the password ", 20);
    read_secret("with the password ", password);
    assert_string_equal(arduino_access_point(), password);
    page_client_ask("GET", "/api/state", "", &reply); /* the form is not the page */
    assert_int_equal(reply.status, 404);
    fill_in("short");
    assert_int_equal(reply.status, 422);
    vTaskDelay(5000);
    assert_false(arduino_is_restarting());
    fill_in("password");
    assert_int_equal(reply.status, 200);
    vTaskDelay(5000);
    assert_true(arduino_is_restarting());
    restart();
    desk_await("serial: the page: http://192.168.1.40/ with the token ", 20);
    read_secret("with the token ", token);
    assert_string_equal(token, password);
    assert_string_equal(arduino_access_point(), "");
    desk_await("2.0.0 is confirmed", 300);
    desk_check_updated(&desk);
    (void)snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    page_client_ask("GET", "/api/state", headers, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "2.0.0"));
    stand_in_reset();
    stand_in_input(is_held);
    arduino_start();
    desk_await("serial: settings and secret are forgotten", 20);
    vTaskDelay(5000);
    assert_int_equal(strlen(arduino_access_point()), SECRET_CHARS);
    fill_in("password"); /* there is a form again */
    assert_int_equal(reply.status, 200);
    assert_null(stand_in_logged("password=password"));
    desk_check_manners();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_set_up_updates_and_forgets),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
