/* The ESP-IDF example with EXAMPLE_FIRST_START: it opens a Wi-Fi with a form, restarts with what was filled in, updates the board, shows
 * its page, and forgets it all when its button was held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "desk.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "page_client.h"
#include "stand_in.h"

enum { MAIN_STACK_BYTES = 8192, BUTTON = 27, SECRET_CHARS = 20, HELD_US = 6000000 };

void app_main(void);

/* The files that CMakeLists.txt of the example embeds. */
extern char image_key_file[RIG_PEM_BYTES] __asm__("_binary_image_key_pub_pem_start");
extern char channel_key_file[RIG_PEM_BYTES] __asm__("_binary_channel_key_pub_pem_start");
char image_key_file[RIG_PEM_BYTES], channel_key_file[RIG_PEM_BYTES];

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

static void main_task(void *unused)
{
    (void)unused;
    app_main();
    vTaskDelete(NULL);
}

static void start(void)
{
    static StaticTask_t task;
    static StackType_t stack[MAIN_STACK_BYTES];
    assert_non_null(xTaskCreateStatic(main_task, "main", MAIN_STACK_BYTES, NULL, 1, stack, &task));
    vTaskDelay(1);
}

static bool is_held(int pin, uint64_t since_reset_us)
{
    return pin != BUTTON || since_reset_us > HELD_US;
}

static void it_is_set_up_updates_and_forgets(void **state)
{
    char password[SECRET_CHARS + 1], token[SECRET_CHARS + 1], headers[128];
    (void)state;
    memcpy(image_key_file, desk.image_pem, sizeof image_key_file);
    memcpy(channel_key_file, desk.channel_pem, sizeof channel_key_file);
    desk_plug_in(&desk);
    start();
    desk_await("join the Wi-Fi fota-gateway with the password ", 20);
    read_secret("with the password ", password);
    page_client_ask("GET", "/api/state", "", &reply); /* the form is not the page */
    assert_int_equal(reply.status, 404);
    fill_in("short");
    assert_int_equal(reply.status, 422);
    vTaskDelay(5000);
    assert_int_equal(stand_in_stats()->restarts, 0);
    fill_in("password");
    assert_int_equal(reply.status, 200);
    vTaskDelay(5000);
    assert_int_equal(stand_in_stats()->restarts, 1);
    stand_in_reset();
    start();
    desk_await("the page is at this chip's address, with the token ", 20);
    read_secret("with the token ", token);
    assert_string_equal(token, password);
    desk_await("2.0.0 is confirmed", 300);
    desk_check_updated(&desk);
    (void)snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    page_client_ask("GET", "/api/state", headers, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "2.0.0"));
    stand_in_reset();
    stand_in_input(is_held);
    start();
    desk_await("settings and secret are forgotten", 20);
    vTaskDelay(5000);
    desk_await("join the Wi-Fi fota-gateway", 20);
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
