/*
 * Power of the ESP32 fails in each write and each erase of an update, in NVS and in the staging partition: after
 * the next start it ends as without the cut, and no more was fetched again than a sector.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "idf_stage.h"
#include "rig.h"
#include "target_fake.h"

enum { UPDATE_MAX_S = 300, CUTS_MAX = 400, SEEDS = 1, VERSION_1 = 1 << 24, VERSION_2 = 2 << 24 };

static struct rig rig;
static struct target_fake target;
static struct test_release factory, update;
static struct test_loader loader;

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    test_key_make(&rig.image_key, 1);
    test_key_make(&rig.channel_key, 2);
    struct test_spec spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_1, 1);
    test_release_make(&spec, &factory);
    spec = test_spec(&rig.image_key, &rig.channel_key, VERSION_2, 2);
    test_release_make(&spec, &update);
    const struct test_loader_spec loader_spec = {.key = &rig.image_key, .version = VERSION_1};
    test_loader_make(&loader_spec, &loader);
    rig_set_up(&rig, none);
    rig_publish(&rig, &update);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static void new_board(void)
{
    target_fake_init(&target, rig.image_key.point);
    target_fake_loader(&target, loader.image, loader.n_image);
    target_fake_factory(&target, factory.image[0], factory.n_image[0]);
    stand_in_new(&(struct stand_in_config){.board = &target.io,
                                           .nss = 5,
                                           .nrst = 26,
                                           .boot0 = 25,
                                           .utc_s = TEST_NOW_S,
                                           .http_bytes_s = 1000000});
    memset(rig.n_heard, 0, sizeof rig.n_heard);
}

static bool is_updated(void)
{
    return target.running_version == VERSION_2 && !target.is_trial &&
           memcmp(flash_fake_at(&target.flash, FLASH_SLOT_B_BASE), update.image[1], update.n_image[1]) == 0;
}

/* Steps without a task, so that the power may fail in any of them. @return false: power failed */
static bool run(void)
{
    uint32_t wait_ms = 0;
    const uint64_t until_us = stand_in_now_us() + (uint64_t)UPDATE_MAX_S * 1000000U;
    memset(&rig.gateway, 0xA5, sizeof rig.gateway);
    if (fota_gateway_open(&rig.gateway, &rig.config) != 0) {
        return false;
    }
    fota_gateway_poll_now(&rig.gateway);
    while (!stand_in_is_dead() && !is_updated() && stand_in_now_us() < until_us) {
        assert_int_equal(fota_gateway_step(&rig.gateway, &wait_ms), 0);
        stand_in_idle_us((uint64_t)(wait_ms < 1000 ? wait_ms : 1000) * 1000U);
    }
    /* The confirm is heard and saved, too. */
    for (unsigned i = 0; i < 20 && !stand_in_is_dead() && rig.n_heard[FOTA_GATEWAY_CONFIRMED] == 0; i++) {
        assert_int_equal(fota_gateway_step(&rig.gateway, &wait_ms), 0);
        stand_in_idle_us((uint64_t)(wait_ms < 1000 ? wait_ms : 1000) * 1000U);
    }
    return !stand_in_is_dead();
}

static void a_cut_in_any_write_costs_a_sector_at_most(void **state)
{
    (void)state;
    rig.config.is_watched = false;
    uint64_t worst_bytes = 0;
    unsigned n_cuts = 0;
    bool is_cut = true;
    for (uint64_t op = 1; is_cut && op < CUTS_MAX; op++) {
        new_board();
        stand_in_cut_at(op, (uint32_t)op);
        is_cut = !run();
        if (is_cut) {
            n_cuts++;
            stand_in_reset();
            assert_true(run());
        }
        if (!is_updated() || rig.n_heard[FOTA_GATEWAY_REFUSED] + rig.n_heard[FOTA_GATEWAY_ROLLED_BACK] > 0) {
            fail_msg("cut %u: the board is not updated; last log line: %s", (unsigned)op,
                     stand_in_logged("") ? stand_in_logged("") : "");
        }
        const uint64_t again = stand_in_stats()->http_blob_bytes - update.n_image[1];
        worst_bytes = again > worst_bytes ? again : worst_bytes;
        assert_true(stand_in_stats()->http_blob_bytes >= update.n_image[1]);
    }
    assert_false(is_cut);
    assert_true(n_cuts > 60);
    assert_true(worst_bytes <= IDF_STAGE_SECTOR_BYTES);
    assert_string_equal(stand_in_fault(), "");
    print_message("%u cuts; at most %u bytes were fetched again\n", n_cuts, (unsigned)worst_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_cut_in_any_write_costs_a_sector_at_most)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
