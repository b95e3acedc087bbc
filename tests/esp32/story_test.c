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

#include "base/flash_map.h"
#include "desk.h"
#include "fota_gateway/fota_gateway.h"
#include "release/file.h"
#include "rig.h"

enum { SPIN_MAX_US = 100000 };

static struct rig rig;
static struct desk desk;
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
    struct key key;
    if (desk_set_up(state) != 0) {
        return 1;
    }
    firmware_read_key(&key);
    memcpy(rig.image_key.secret, key.secret, sizeof key.secret);
    memcpy(rig.image_key.point, key.point, sizeof key.point);
    key_forget(&key);
    test_key_make(&rig.channel_key, 2);
    rig_set_up(&rig, none);
    kit = (struct fota_gateway_kit){.root = desk_bootloader,
                                    .n_root = desk_n_bootloader,
                                    .loader = desk_loader.bytes,
                                    .n_loader = desk_loader.n_bytes,
                                    .image = desk_release[0].image[0],
                                    .n_image = desk_release[0].n_image[0]};
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
        .board = &desk.wires.io, .nss = 5, .nrst = 26, .boot0 = 25, .utc_s = TEST_NOW_S};
    stand_in_new(&config);
    memset(rig.n_heard, 0, sizeof rig.n_heard);
    rig_start(&rig);
}

static bool runs(unsigned slot, const struct test_release *r)
{
    static uint8_t flash[TEST_IMAGE_MAX_BYTES];
    return twin_peek(desk.twin, slot ? FLASH_SLOT_B_BASE : FLASH_SLOT_A_BASE, flash, r->n_image[slot]) &&
           memcmp(flash, r->image[slot], r->n_image[slot]) == 0;
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
    desk_open_healthy(&desk);
    rig_publish(&rig, &desk_release[0]);
    plug_in();
    make_release(2, 2, "demo-2.0.0");
    rig_publish(&rig, &release);
    const uint64_t before_us = stand_in_now_us();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_CONFIRMED, 300));
    assert_true(runs(1, &release));
    print_message("2.0.0 confirmed after %.1f s of the board's time\n",
                  (double)(stand_in_now_us() - before_us) / 1e6);
    make_release(3, 3, "demo-3.0.0");
    rig_publish(&rig, &release);
    assert_true(rig_wait(&rig, FOTA_GATEWAY_ROLLED_BACK, 600));
    make_release(2, 2, "demo-2.0.0");
    assert_true(runs(1, &release));
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_CONFIRMED], 1);
    check_manners();
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_is_installed_and_confirmed_and_a_bad_one_is_rolled_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
