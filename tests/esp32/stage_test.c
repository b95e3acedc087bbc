/* The staging partition keeps the contract of port/stage.h, with power that fails in each write and erase; and it says what is
 * wrong with a partition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "idf_stage.h"
#include "stage_contract.h"
#include "stand_in.h"

enum {
    ITEM_BYTES = STAGE_CONTRACT_SHELF_BYTES,
    AREA_BYTES = ITEM_BYTES + IDF_STAGE_HEAD_SECTORS * IDF_STAGE_SECTOR_BYTES
};

static const struct idf_log QUIET;

static void reopen(struct stage_contract_env *env)
{
    struct idf_stage *s = env->ctx;
    stand_in_reset();
    memset(s, 0xA5, sizeof *s);
    assert_int_equal(idf_stage_open(s, "fota_stage", ITEM_BYTES, &QUIET), FOTA_OK);
    env->stage = &s->stage;
}

static void restart(struct stage_contract_env *env)
{
    reopen(env);
}

static void cut_at(struct stage_contract_env *env, uint32_t write, uint32_t seed)
{
    (void)env;
    stand_in_cut_at(write, seed);
}

static bool is_cut(const struct stage_contract_env *env)
{
    (void)env;
    return stand_in_is_dead();
}

static void power_up(struct stage_contract_env *env, uint32_t seed)
{
    (void)seed;
    reopen(env);
}

static const struct stage_contract_world WORLD = {restart, cut_at, is_cut, power_up};

static void the_partition_keeps_the_stage_contract(void **state)
{
    (void)state;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name; c++) {
        static struct idf_stage s;
        struct stage_contract_env env = {.shelf_bytes = ITEM_BYTES, .world = &WORLD, .ctx = &s};
        stand_in_new(&(struct stand_in_config){.stage_bytes = 3 * AREA_BYTES});
        reopen(&env);
        const char *broken = c->run(&env);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

static void a_partition_that_cannot_serve_is_named(void **state)
{
    (void)state;
    struct idf_stage s;
    stand_in_new(&(struct stand_in_config){.stage_bytes = 1});
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), E_NOT_FOUND);
    assert_non_null(stand_in_logged("no data partition fota_stage"));
    stand_in_new(&(struct stand_in_config){.stage_bytes = AREA_BYTES - 4096});
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), E_NO_SPACE);
    assert_non_null(stand_in_logged("enlarge it"));
    stand_in_new(&(struct stand_in_config){.is_stage_encrypted = true});
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), E_UNSUPPORTED);
    assert_non_null(stand_in_logged("is encrypted"));
}

static void a_partition_for_one_image_takes_one_and_keeps_none(void **state)
{
    (void)state;
    struct idf_stage s;
    struct stage_item item = {.total_bytes = 10};
    stand_in_new(&(struct stand_in_config){.stage_bytes = 2 * AREA_BYTES});
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), FOTA_OK);
    assert_int_equal(stage_begin(&s.stage, &item, NULL), FOTA_OK);
    assert_int_equal(stage_append(&s.stage, 0, (const uint8_t *)"0123456789", 10), FOTA_OK);
    assert_int_equal(stage_keep(&s.stage, STAGE_SLOT_A), E_UNSUPPORTED);
    assert_int_equal(stage_look(&s.stage, STAGE_SLOT_A, &item), E_UNSUPPORTED);
    assert_int_equal(stage_look(&s.stage, STAGE_INCOMING, &item), FOTA_OK);
    assert_int_equal(stage_look(&s.stage, STAGE_KIT_ROOT, &item), E_UNSUPPORTED);
}

/* A byte of a sector that has its mark changes in flash: the item ends before it, and goes on from there. */
static void bytes_that_changed_in_flash_are_not_believed(void **state)
{
    (void)state;
    static uint8_t bytes[ITEM_BYTES];
    struct idf_stage s;
    struct stage_item item = {.total_bytes = sizeof bytes};
    memset(bytes, 0x5A, sizeof bytes);
    stand_in_new(&(struct stand_in_config){.stage_bytes = 3 * AREA_BYTES});
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), FOTA_OK);
    assert_int_equal(stage_begin(&s.stage, &item, NULL), FOTA_OK);
    assert_int_equal(stage_append(&s.stage, 0, bytes, 20000), FOTA_OK);
    stand_in_flash()[IDF_STAGE_HEAD_SECTORS * 4096 + 2 * 4096 + 7] ^= 1;
    stand_in_reset();
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), FOTA_OK);
    assert_int_equal(stage_look(&s.stage, STAGE_INCOMING, &item), FOTA_OK);
    assert_int_equal(item.n_bytes, 2 * 4096);
    assert_int_equal(stage_append(&s.stage, 2 * 4096, bytes, 3 * 4096), FOTA_OK);
    stand_in_reset();
    assert_int_equal(idf_stage_open(&s, "fota_stage", ITEM_BYTES, &QUIET), FOTA_OK);
    assert_int_equal(stage_look(&s.stage, STAGE_INCOMING, &item), FOTA_OK);
    assert_int_equal(item.n_bytes, 5 * 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_partition_keeps_the_stage_contract),
        cmocka_unit_test(a_partition_that_cannot_serve_is_named),
        cmocka_unit_test(a_partition_for_one_image_takes_one_and_keeps_none),
        cmocka_unit_test(bytes_that_changed_in_flash_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
