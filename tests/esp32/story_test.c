/*
 * The story of the demo and the ladder through the ESP32 port: its own sources, on the stand-ins of ESP-IDF, against the real
 * firmware of build/f407 on the twin and a store over real sockets. `update`, for another chip, tick rate or version of ESP-IDF:
 * only an update, which uses ticks, pins and SPI host of that variant.
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
#include "firmware.h"
#include "fota_gateway/fota_gateway.h"
#include "freertos/FreeRTOS.h"
#include "rig.h"
#include "small_app.h"
#include "twin_board.h"

enum {
    SPIN_MAX_US = 100000,
    TICK_US = 1000000 / configTICK_RATE_HZ,
    UPDATE_MAX_S = 300,
    ROLL_BACK_MAX_S = 600,
    REBUILD_MAX_S = 900,
    DEAD_APP_BYTES = 4096
};

static struct rig rig;
static struct twin_board board;
static struct firmware_loader loader;
static uint8_t root[FIRMWARE_ROOT_MAX_BYTES];
static struct fota_gateway_kit kit;

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

/* The ESP32 on the board, with the pins that are its chip's defaults. */
static void plug_in(void)
{
    const struct fota_gateway_pins *pins = &rig.config.pins;
    const struct stand_in_config config = {.board = &board.wires.io,
                                           .nss = pins->nss,
                                           .nrst = pins->nrst,
                                           .boot0 = pins->boot0,
                                           .utc_s = TEST_NOW_S};
    stand_in_new(&config);
    memset(rig.n_heard, 0, sizeof rig.n_heard);
    rig_start(&rig);
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

static void install_2_0_0(void)
{
    twin_board_open_confirmed(&board);
    rig_publish(&rig, demo_release(1));
    plug_in();
    rig_publish(&rig, demo_release(2));
    const uint64_t before_us = stand_in_now_us();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_CONFIRMED, UPDATE_MAX_S));
    assert_true(twin_board_holds(&board, SLOT_B, demo_release(2)));
    print_message("ticks of %d us: 2.0.0 confirmed after %.1f s of the board's time\n", (int)TICK_US,
                  (double)(stand_in_now_us() - before_us) / 1e6);
}

static void unplug(void)
{
    check_manners();
    twin_board_close(&board);
}

static void a_release_is_installed_and_confirmed(void **state)
{
    (void)state;
    install_2_0_0();
    unplug();
}

static void a_release_is_installed_and_confirmed_and_a_bad_one_is_rolled_back(void **state)
{
    (void)state;
    install_2_0_0();
    rig_publish(&rig, demo_release(3));
    assert_true(rig_wait(&rig, FOTA_GATEWAY_ROLLED_BACK, ROLL_BACK_MAX_S));
    assert_true(twin_board_holds(&board, SLOT_B, demo_release(2)));
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_CONFIRMED], 1);
    unplug();
}

static void make_dead(struct test_release *out)
{
    struct test_spec spec = test_spec(demo_image_key(), demo_channel_key(), 1 << 24, 1);
    for (unsigned slot = 0; slot < 2; slot++) {
        spec.payload_bytes_of[slot] = DEAD_APP_BYTES;
        spec.payload[slot] = small_app_code((enum slot)slot, BOOT_APP_CONFIRMS, &spec.payload_bytes_of[slot]);
    }
    test_release_make(&spec, out);
    free((void *)(uintptr_t)spec.payload[0]);
    free((void *)(uintptr_t)spec.payload[1]);
}

/* An application that runs and has no agent: rungs 1 and 2 are silent, the loader takes the update (rung 3). */
static void a_board_whose_agent_is_dead_is_updated_by_its_loader(void **state)
{
    (void)state;
    static struct test_release dead;
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = true};
    make_dead(&dead);
    twin_board_open_with(&board, &config, &dead);
    twin_set_power(board.twin, true);
    twin_board_run_ms(&board, TWIN_BOARD_SETTLE_MS);
    rig_publish(&rig, demo_release(DEMO_REBUILT));
    plug_in();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_CONFIRMED, UPDATE_MAX_S));
    assert_true(twin_board_holds(&board, SLOT_B, demo_release(DEMO_REBUILT)));
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_LADDER], 2); /* reset, request */
    assert_int_equal(rig.last_reason[FOTA_GATEWAY_LADDER], FOTA_OK);
    assert_int_equal(rig.n_heard[FOTA_GATEWAY_REBUILD], 0);
    unplug();
}

/* Sectors 0 and 1 are blank: only ST's ROM answers. The kit brings root, loader and 1.0.0; then the channel counts again. */
static void a_board_without_root_and_loader_is_rebuilt_through_the_rom(void **state)
{
    (void)state;
    static uint8_t blank[FLASH_LOADER_BASE + FLASH_LOADER_BYTES - FLASH_BOOT_BASE];
    static uint8_t flash[sizeof blank];
    const struct twin_config config = {
        .flash_timing = TWIN_FLASH_TYPICAL, .rom = TWIN_ROM_V9_1, .seed = 1, .strict = false};
    twin_board_open_with(&board, &config, demo_release(1));
    memset(blank, 0xFF, sizeof blank);
    assert_true(twin_flash_store(board.twin, FLASH_BOOT_BASE, blank, sizeof blank));
    twin_set_power(board.twin, true);
    twin_board_run_ms(&board, TWIN_BOARD_SETTLE_MS);
    rig_publish(&rig, demo_release(2));
    plug_in();
    assert_true(rig_wait(&rig, FOTA_GATEWAY_REBUILD, REBUILD_MAX_S));
    assert_int_equal(rig.last_reason[FOTA_GATEWAY_REBUILD], FOTA_OK);
    assert_true(twin_peek(board.twin, FLASH_BOOT_BASE, flash, sizeof flash));
    assert_memory_equal(flash, kit.root, kit.n_root);
    assert_memory_equal(flash + (FLASH_LOADER_BASE - FLASH_BOOT_BASE), kit.loader, kit.n_loader);
    assert_true(twin_board_holds(&board, SLOT_A, demo_release(1)));
    assert_true(rig_wait(&rig, FOTA_GATEWAY_CONFIRMED, REBUILD_MAX_S));
    assert_true(twin_board_holds(&board, SLOT_B, demo_release(2)));
    unplug();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest update[] = {cmocka_unit_test(a_release_is_installed_and_confirmed)};
    const struct CMUnitTest all[] = {
        cmocka_unit_test(a_release_is_installed_and_confirmed_and_a_bad_one_is_rolled_back),
        cmocka_unit_test(a_board_whose_agent_is_dead_is_updated_by_its_loader),
        cmocka_unit_test(a_board_without_root_and_loader_is_rebuilt_through_the_rom),
    };
    return argc > 1 && strcmp(argv[1], "update") == 0 ? cmocka_run_group_tests(update, set_up, tear_down)
                                                      : cmocka_run_group_tests(all, set_up, tear_down);
}
