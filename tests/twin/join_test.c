/* Two boards on one set of wires: the firmware of one (guest/master.c) starts the ROM loader of the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "twin/join.h"

#define MS(n) ((uint64_t)(n)*1000000U)

enum {
    OUT_DONE = 0x20010000,
    OUT_BYTES = 0x20010004,
    OUT_MISO = 0x20010008,
    MISO_MAX = 128,
    MODE_3 = 3,
    PUSH_PULL = 4
};
enum { DONE_MS = 300, TALK_BYTES = 5 };

struct pair {
    struct twin *master;
    struct twin *slave;
    struct twin_join join;
};

static const struct twin_join_wiring wiring = {.nss = {'A', 4}, .nrst = {'B', 0}, .boot0 = {'B', 1}};

static struct twin *board(uint64_t seed, bool strict)
{
    char why[256] = "";
    struct twin *t = twin_create(&(struct twin_config){.seed = seed, .strict = strict}, why, sizeof why);
    if (!t) {
        fail_msg("%s", why);
    }
    return t;
}

/* The slave has no program and has been in power for a while; the master starts now. */
static struct pair *pair_open(uint32_t command, bool strict)
{
    char why[256] = "";
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->master = board(1, strict);
    p->slave = board(2, strict);
    if (!twin_load_elf(p->master, MASTER_ELF, why, sizeof why)) {
        fail_msg("%s", why);
    }
    assert_true(twin_flash_store(p->master, 0x08010000U, &command, 4));
    assert_true(twin_flash_store(p->slave, 0x08000000U, "\0\200\0\040\011\0\0\010\376\347\376\347", 12));
    twin_set_power(p->slave, true);
    (void)twin_run_until(p->slave, MS(7));
    twin_join(&p->join, p->master, p->slave, &wiring);
    twin_set_power(p->master, true);
    return p;
}

static void pair_close(struct pair *p)
{
    twin_unjoin(&p->join);
    twin_destroy(p->master);
    twin_destroy(p->slave);
    free(p);
}

static uint32_t word(const struct twin *t, uint32_t addr)
{
    uint32_t value = 0;
    assert_true(twin_peek(t, addr, &value, sizeof value));
    return value;
}

static uint32_t miso_of(const struct pair *p, uint8_t miso[MISO_MAX])
{
    const uint32_t n_bytes = word(p->master, OUT_BYTES);
    assert_in_range(n_bytes, 1, MISO_MAX);
    assert_true(twin_peek(p->master, OUT_MISO, miso, n_bytes));
    return n_bytes;
}

static bool has_chip_id(const uint8_t *miso, uint32_t n_bytes)
{
    static const uint8_t id[] = {0x01, 0x04, 0x13};
    for (uint32_t i = 0; i + sizeof id <= n_bytes; i++) {
        if (memcmp(miso + i, id, sizeof id) == 0) {
            return true;
        }
    }
    return false;
}

/* --- promises ---------------------------------------------------------------------------------------- */

static void firmware_of_one_board_talks_to_the_rom_of_the_other(void **state)
{
    (void)state;
    uint8_t miso[MISO_MAX];
    struct pair *p = pair_open(0, true);
    assert_int_equal(twin_join_run_until(&p->join, MS(DONE_MS)), TWIN_STOP_TIME);
    assert_int_equal(word(p->master, OUT_DONE), 1);
    const uint32_t n_bytes = miso_of(p, miso);
    assert_non_null(memchr(miso, 0x79, n_bytes));
    assert_true(has_chip_id(miso, n_bytes));
    assert_int_equal(twin_stats(p->slave)->resets_pin, 1);
    assert_int_equal(twin_stats(p->slave)->spi_bytes, n_bytes);
    assert_int_equal(twin_stats(p->master)->spi_bytes, n_bytes);
    assert_int_equal(twin_now_ns(p->master), MS(DONE_MS));
    assert_int_equal(twin_now_ns(p->slave), MS(DONE_MS) + MS(7)); /* it had 7 ms before the join */
    assert_true(twin_pin_level(p->slave, 'A', 4));
    pair_close(p);
}

/* However the caller cuts the run into pieces. */
static void same_run_is_the_same_to_the_byte_whoever_slices_it(void **state)
{
    (void)state;
    char why[256] = "";
    struct twin_snapshot *master[2], *slave[2];
    for (unsigned i = 0; i < 2; i++) {
        struct pair *p = pair_open(0, true);
        const uint64_t step_us = i ? 333 : 1000U * DONE_MS;
        for (uint64_t us = step_us; us <= 1000U * DONE_MS; us += step_us) {
            assert_int_equal(twin_join_run_until(&p->join, us * 1000U), TWIN_STOP_TIME);
        }
        assert_int_equal(twin_join_run_until(&p->join, MS(DONE_MS)), TWIN_STOP_TIME);
        master[i] = twin_save(p->master);
        slave[i] = twin_save(p->slave);
        pair_close(p);
    }
    if (!twin_snapshot_equal(master[0], master[1], why, sizeof why) ||
        !twin_snapshot_equal(slave[0], slave[1], why, sizeof why)) {
        fail_msg("%s", why);
    }
    for (unsigned i = 0; i < 2; i++) {
        twin_snapshot_free(master[i]);
        twin_snapshot_free(slave[i]);
    }
}

static void master_without_power_leaves_the_slave_running(void **state)
{
    (void)state;
    struct pair *p = pair_open(0, true);
    twin_set_power(p->master, false);
    assert_int_equal(twin_join_run_until(&p->join, MS(50)), TWIN_STOP_POWER);
    assert_int_equal(twin_stats(p->slave)->resets_pin, 0);
    assert_int_equal(twin_now_ns(p->slave), MS(57));
    assert_true(twin_pin_level(p->slave, 'A', 4));
    pair_close(p);
}

/* Its pins fall to their resistors: NSS goes up inside a byte, and a reset that it held ends. */
static void master_that_dies_in_the_talk_lets_go_of_the_wires(void **state)
{
    (void)state;
    struct pair *p = pair_open(0, true);
    while (twin_stats(p->master)->spi_bytes < TALK_BYTES && twin_now_ns(p->master) < MS(DONE_MS)) {
        (void)twin_join_run_until(&p->join, twin_now_ns(p->master) + 1000U);
    }
    const uint64_t before = twin_stats(p->slave)->spi_bytes;
    assert_int_equal(before, TALK_BYTES - 1); /* inside a byte */
    assert_false(twin_pin_level(p->slave, 'A', 4));
    twin_set_power(p->master, false);
    assert_true(twin_pin_level(p->slave, 'A', 4));
    assert_int_equal(twin_join_run_until(&p->join, MS(DONE_MS)), TWIN_STOP_POWER);
    assert_int_equal(twin_stats(p->slave)->spi_bytes, TALK_BYTES);
    twin_set_power(p->master, true); /* and the whole talk again */
    assert_int_equal(twin_join_run_until(&p->join, MS(2 * DONE_MS)), TWIN_STOP_TIME);
    uint8_t miso[MISO_MAX];
    const uint32_t n_bytes = miso_of(p, miso);
    assert_true(has_chip_id(miso, n_bytes));
    pair_close(p);
}

static void master_in_another_mode_reads_nothing_and_breaks_a_rule(void **state)
{
    (void)state;
    uint8_t miso[MISO_MAX];
    struct twin_violation violation;
    struct pair *p = pair_open(MODE_3, false);
    (void)twin_join_run_until(&p->join, MS(DONE_MS));
    const uint32_t n_bytes = miso_of(p, miso);
    assert_false(has_chip_id(miso, n_bytes));
    assert_int_equal(twin_violation(p->slave, 0, &violation), 1);
    assert_non_null(strstr(violation.text, "mode 3"));
    assert_int_equal(twin_violation(p->master, 0, &violation), 0);
    pair_close(p);
}

static void master_that_drives_nrst_high_breaks_a_rule(void **state)
{
    (void)state;
    struct twin_violation violation;
    struct pair *p = pair_open(PUSH_PULL, false);
    (void)twin_join_run_until(&p->join, MS(DONE_MS));
    assert_int_equal(twin_violation(p->master, 0, &violation), 1);
    assert_non_null(strstr(violation.text, "open drain"));
    assert_int_equal(twin_violation(p->slave, 0, &violation), 0);
    pair_close(p);
}

static void violation_of_the_slave_ends_a_strict_run(void **state)
{
    (void)state;
    struct pair *p = pair_open(MODE_3, true);
    assert_int_equal(twin_join_run_until(&p->join, MS(DONE_MS)), TWIN_STOP_VIOLATION);
    assert_true(twin_now_ns(p->master) < MS(DONE_MS));
    pair_close(p);
}

static void pull_and_level_of_a_pin_that_is_none_are_nothing(void **state)
{
    (void)state;
    struct twin *t = board(1, true);
    twin_pull(t, 'J', 0, true);
    twin_pull(t, 'A', 16, true);
    assert_false(twin_pin_level(t, 'J', 0));
    assert_false(twin_pin_level(t, 'A', 16));
    assert_true(twin_pin_level(t, 'A', 4));
    twin_pull(t, 'A', 4, false);
    twin_pull(t, 'C', 3, true);
    assert_false(twin_pin_level(t, 'A', 4));
    assert_true(twin_pin_level(t, 'C', 3));
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_of_one_board_talks_to_the_rom_of_the_other),
        cmocka_unit_test(same_run_is_the_same_to_the_byte_whoever_slices_it),
        cmocka_unit_test(master_without_power_leaves_the_slave_running),
        cmocka_unit_test(master_that_dies_in_the_talk_lets_go_of_the_wires),
        cmocka_unit_test(master_in_another_mode_reads_nothing_and_breaks_a_rule),
        cmocka_unit_test(master_that_drives_nrst_high_breaks_a_rule),
        cmocka_unit_test(violation_of_the_slave_ends_a_strict_run),
        cmocka_unit_test(pull_and_level_of_a_pin_that_is_none_are_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
