/*
 * The story of the demo through the ESP32 port: its own sources, on the stand-ins of ESP-IDF, against the real
 * firmware of build/f407 on the twin and a store over real sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware.h"
#include "fota_gateway/fota_gateway.h"
#include "release/file.h"
#include "rig.h"
#include "twin_board.h"

enum { SPIN_MAX_US = 100000 };

static struct rig rig;
static struct twin_board board;
static struct firmware_loader loader;
static uint8_t root[FIRMWARE_ROOT_MAX_BYTES];
static struct test_release release;
static struct fota_gateway_kit kit;

static void make_release(unsigned major, unsigned seq, const char *name)
{
    uint8_t *payload[2];
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, major << 24, seq);
    for (unsigned slot = 0; slot < 2; slot++) {
        char path[512];
        size_t n_bytes = 0;
        (void)snprintf(path, sizeof path, "%s/app/%s-%c.bin", firmware_folder(), name, 'a' + (int)slot);
        assert_int_equal(file_read(path, TEST_IMAGE_MAX_BYTES, &payload[slot], &n_bytes, NULL), FOTA_OK);
        spec.payload[slot] = payload[slot];
        spec.payload_bytes_of[slot] = (uint32_t)n_bytes;
    }
    test_release_make(&spec, &release);
    free(payload[0]);
    free(payload[1]);
}

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    rig.image_key = *demo_image_key();
    rig.channel_key = *demo_channel_key();
    rig_set_up(&rig, none);
    firmware_make_loader(&(struct firmware_loader_plan){.key = NULL}, &loader);
    kit = (struct fota_gateway_kit){.root = root,
                                    .n_root = firmware_read_root(root),
                                    .loader = loader.bytes,
                                    .n_loader = loader.n_bytes,
                                    .image = demo_release(1)->image[0],
                                    .n_image = demo_release(1)->n_image[0]};
    rig.config.kit = &kit;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static void plug_in(void)
{
    const struct stand_in_config config = {
        .board = &board.wires.io, .nss = 5, .nrst = 26, .boot0 = 25, .utc_s = TEST_NOW_S};
    stand_in_new(&config);
    memset(rig.n_heard, 0, sizeof rig.n_heard);
    rig_start(&rig);
}

static bool runs(enum slot slot, const struct test_release *r)
{
    return twin_board_holds(&board, slot, r);
}

/* What must hold of every story: nothing was used wrongly, no watchdog bit, other tasks were let run. */
static void check_manners(void)
{
    struct fota_gateway_status status;
    assert_string_equal(stand_in_fault(), "");
    assert_int_equal(stand_in_stats()->wdt_bites, 0);
    assert_true(stand_in_stats()->longest_spin_us <= SPIN_MAX_US);
    fota_gateway_get_status(&rig.gateway, &status);
    assert_true(status.n_polls > 0);
    rig_stop(&rig);
}

static void a_release_is_installed_and_confirmed_and_a_bad_one_is_rolled_back(void **state)
{
    (void)state;
    twin_board_open_confirmed(&board);
    rig_publish(&rig, demo_release(1));
    plug_in();
    make_release(2, 2, "demo-2.0.0");
    rig_publish(&rig, &release);
    const uint64_t before_us = stand_in_now_us();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_CONFIRMED, 300));
    assert_true(runs(SLOT_B, &release));
    print_message("2.0.0 confirmed after %.1f s of the board's time\n",
                  (double)(stand_in_now_us() - before_us) / 1e6);
    make_release(3, 3, "demo-3.0.0");
    rig_publish(&rig, &release);
    assert_true(rig_wait(&rig, FOTA_GATEWAY_ROLLED_BACK, 600));
    make_release(2, 2, "demo-2.0.0");
    assert_true(runs(SLOT_B, &release));
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_CONFIRMED], 1);
    check_manners();
    twin_board_close(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_is_installed_and_confirmed_and_a_bad_one_is_rolled_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
