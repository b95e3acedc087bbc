/* The local page of the ESP32 without a gateway, as tests/page/page_rig.c has that of Linux: the same lines come in, the same
 * answers go out. The time of the stand-ins follows that of this machine, so that a browser can be served.
 *
 *   esp32_page_rig IGNORED IGNORED --token TOKEN
 *   esp32_page_rig IGNORED IGNORED --setup         the form of the first start; "asked saved" once it was filled in */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fota_gateway/fota_gateway_setup.h"
#include "idf_page.h"
#include "rig_world.h"
#include "stand_in.h"
#include "stand_in_priv.h"

enum { TICK_MS = 5, OPTION_AT = 3, TOKEN_AT = 4 };

static struct rig_world world;
static struct idf_page page;
static struct fota_gateway_setup form;
static bool is_form, is_told;

static void hear(void *ctx, const struct gateway_event *e)
{
    (void)ctx;
    page.listener.hear(&page.listener, &world.gateway, e, 0);
}

static void waits(void *ctx, uint32_t wait_ms)
{
    (void)ctx;
    if (!is_form) {
        page.listener.hear(&page.listener, &world.gateway, NULL, wait_ms);
    }
}

static void poll_now(void *ctx)
{
    (void)ctx;
    (void)printf("asked check\n");
    (void)fflush(stdout);
}

/* Until standard input ends. */
static void serve(void)
{
    char line[RIG_LINE_BYTES];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (poll(&in, 1, TICK_MS) > 0) {
            if (!fgets(line, sizeof line, stdin)) {
                return;
            }
            const bool is_done = rig_world_obey(&world, line);
            waits(NULL, world.wait_ms); /* it looks again */
            (void)printf(is_done ? "ok\n" : "what? %s", line);
            (void)fflush(stdout);
        }
        stand_in_sleep_until(stand_in_now_us() + TICK_MS * 1000U);
        if (!is_told && fota_gateway_setup_is_done(&form)) {
            is_told = true;
            (void)printf("asked saved\n");
            (void)fflush(stdout);
        }
    }
}

static bool start(int argc, char **argv)
{
    static const struct idf_log log;
    const struct fota_gateway_setup_config setup = {.nvs_namespace = "fota"};
    const struct idf_page_config config = {
        .token = argc > TOKEN_AT ? argv[TOKEN_AT] : NULL, .poll_now = poll_now, .log = &log};
    is_form = argc > OPTION_AT && strcmp(argv[OPTION_AT], "--setup") == 0;
    return is_form ? fota_gateway_setup_start(&form, &setup) == 0 : idf_page_start(&page, &config) == FOTA_OK;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll must see what is left */
    stand_in_new(&(struct stand_in_config){.utc_s = (uint64_t)time(NULL), .random = (uint32_t)time(NULL)});
    if (!start(argc, argv)) {
        (void)fprintf(stderr, "usage: esp32_page_rig IGNORED IGNORED --token TOKEN | --setup\n");
        return 2;
    }
    world.hear = hear;
    world.waits = waits;
    rig_world_init(&world);
    waits(NULL, 0);
    (void)printf("page at port %d\n", stand_in_page_port());
    (void)fflush(stdout);
    serve();
    if (!is_form) {
        idf_page_stop(&page);
    } else if (fota_gateway_setup_stop(&form) != 0) {
        return 1;
    }
    (void)fprintf(stderr,
                  "esp32_page_rig: %llu requests on %llu connections, headers of up to %llu bytes; %s\n",
                  (unsigned long long)stand_in_stats()->page_requests,
                  (unsigned long long)stand_in_stats()->page_connections,
                  (unsigned long long)stand_in_stats()->page_head_bytes,
                  stand_in_fault()[0] ? stand_in_fault() : "the API was used rightly");
    return stand_in_fault()[0] ? 1 : 0;
}
