/*
 * The contract of port/stage.h on files, with power cuts: the calls that change the medium go to a disk that
 * forgets. Of the writes that were not flushed any subset is lost or torn, and of the renames and unlinks the last ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "forgetful_disk.h"
#include "stage_contract.h"

static char folder[64];
static struct stage_file store;

static void open_store(struct stage_contract_env *env)
{
    assert_int_equal(stage_file_open(&store, folder, &FORGETFUL_DISK), FOTA_OK);
    store.item_max_bytes = STAGE_CONTRACT_SHELF_BYTES;
    env->stage = &store.stage;
}

static void restart(struct stage_contract_env *env)
{
    open_store(env);
}

static void cut_at(struct stage_contract_env *env, uint32_t write, uint32_t seed)
{
    (void)env;
    forgetful_disk_cut_at(write, seed);
}

static bool is_cut(const struct stage_contract_env *env)
{
    (void)env;
    return forgetful_disk_is_cut();
}

static void power_up(struct stage_contract_env *env, uint32_t seed)
{
    forgetful_disk_power_up(seed);
    open_store(env);
}

static const struct stage_contract_world WORLD = {restart, cut_at, is_cut, power_up};

static void files_keep_the_stage_contract(void **state)
{
    (void)state;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name; c++) {
        struct stage_contract_env env = {.shelf_bytes = STAGE_CONTRACT_SHELF_BYTES, .world = &WORLD};
        forgetful_disk_init(folder, false);
        open_store(&env);
        const char *broken = c->run(&env);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Planted: a disk whose flush does nothing loses more than the contract allows, and the suite says so. */
static void a_disk_that_does_not_flush_is_noticed(void **state)
{
    (void)state;
    bool is_noticed = false;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name && !is_noticed; c++) {
        struct stage_contract_env env = {.shelf_bytes = STAGE_CONTRACT_SHELF_BYTES, .world = &WORLD};
        forgetful_disk_init(folder, true);
        open_store(&env);
        is_noticed = strcmp(c->name, "power_that_fails_between_calls_costs_little") == 0 && c->run(&env);
    }
    assert_true(is_noticed);
}

static void damage_between_two_runs_is_an_empty_shelf(void **state)
{
    (void)state;
    static const uint8_t byte = 7;
    struct stage_item item = {.total_bytes = 1};
    struct stage_contract_env env = {.world = &WORLD};
    char path[128];
    forgetful_disk_init(folder, false);
    open_store(&env);
    assert_int_equal(stage_begin(env.stage, &item, NULL), FOTA_OK);
    assert_int_equal(stage_append(env.stage, 0, &byte, 1), FOTA_OK);
    assert_int_equal(stage_keep(env.stage, STAGE_SLOT_A), FOTA_OK);
    assert_int_equal(stage_look(env.stage, STAGE_SLOT_A, &item), FOTA_OK);
    (void)snprintf(path, sizeof path, "%s/slot-a", folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(stage_look(env.stage, STAGE_SLOT_A, &item), E_NOT_FOUND);
    assert_int_equal(stage_drop(env.stage, STAGE_SLOT_A), FOTA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_keep_the_stage_contract),
        cmocka_unit_test(a_disk_that_does_not_flush_is_noticed),
        cmocka_unit_test(damage_between_two_runs_is_an_empty_shelf),
    };
    (void)snprintf(folder, sizeof folder, "stage_file_test.XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forgetful_disk_clear();
    return rmdir(folder) == 0 ? failed : 1;
}
