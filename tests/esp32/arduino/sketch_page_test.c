/* The sketch FotaGatewayPage runs: its page answers to the token that it prints, and its button makes the gateway look for news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "page_client.h"
#include "sketch.h"
#include "stand_in.h"

enum { BUTTON = 0, TOKEN_BYTES = 33 };

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

static void the_page_shows_the_update_and_the_button_looks_for_news(void **state)
{
    (void)state;
    char token[TOKEN_BYTES] = "", headers[TOKEN_BYTES + 64];
    sketch_fill_in(&desk);
    desk_plug_in(&desk);
    arduino_start();
    desk_await("serial: the page: http://192.168.1.40/ with the token ", 20);
    const char *line = stand_in_logged("with the token ");
    assert_non_null(line);
    assert_int_equal(sscanf(strstr(line, "with the token "), "with the token %32s", token), 1);
    assert_int_equal(strlen(token), TOKEN_BYTES - 1);
    desk_await("2.0.0 is confirmed", 300);
    desk_check_updated(&desk);
    page_client_ask("GET", "/", "", &reply);
    assert_int_equal(reply.status, 200);
    page_client_ask("GET", "/api/state", "", &reply);
    assert_int_equal(reply.status, 401);
    (void)snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    page_client_ask("GET", "/api/state", headers, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "2.0.0"));
    vTaskDelay(30000);
    const uint64_t before = stand_in_stats()->http_requests;
    arduino_press(BUTTON, true);
    vTaskDelay(5000);
    assert_int_equal(stand_in_stats()->http_requests, before + 1); /* once a press, however long */
    arduino_press(BUTTON, false);
    vTaskDelay(5000);
    assert_int_equal(stand_in_stats()->http_requests, before + 1);
    desk_check_manners();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_the_update_and_the_button_looks_for_news),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
