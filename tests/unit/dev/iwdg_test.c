/* IWDG, register by register (RM0090 chapter 21). */
#include "bench.h"

#include "dev/flash_if.h"
#include "dev/iwdg.h"

#define KR  0x40003000U
#define PR  0x40003004U
#define RLR 0x40003008U
#define SR  0x4000300CU

static struct chip *bench(uint32_t lsi_hz)
{
    static uint8_t array[FLASH_IF_BYTES];
    struct chip *chip = bench_chip();
    chip_set_lsi_hz(chip, lsi_hz);
    (void)flash_if_attach(chip, array, &(struct flash_if_config){0});
    iwdg_attach(chip);
    bench_reset(chip, CHIP_RESET_POWER);
    return chip;
}

/** @return time until the watchdog resets, in us */
static uint64_t bite_us(struct chip *chip)
{
    uint64_t from_ps = chip_now_ps(chip);
    assert_false(bench_pass(chip, 100000 * BENCH_MS));
    enum chip_reset_cause cause;
    assert_true(chip_take_reset(chip, &cause));
    assert_int_equal(cause, CHIP_RESET_IWDG);
    return (chip_now_ps(chip) - from_ps) / BENCH_US;
}

static void default_time_out_is_512_ms_and_follows_lsi(void **state)
{
    (void)state;
    static const struct {
        uint32_t lsi_hz;
        uint64_t us;
    } row[] = {{32000, 512000}, {17000, 963764}, {47000, 348595}};
    for (size_t i = 0; i < 3; i++) {
        struct chip *chip = bench(row[i].lsi_hz);
        bench_write(chip, KR, 0xCCCC);
        assert_int_equal(bite_us(chip), row[i].us);
        bench_clean(chip);
        chip_destroy(chip);
    }
}

static void prescaler_and_reload_give_4_times_2_to_pr_times_rl_plus_1(void **state)
{
    (void)state;
    struct chip *chip = bench(32000);
    bench_write(chip, KR, 0xCCCC);
    bench_write(chip, KR, 0x5555);
    bench_write(chip, PR, 4); /* / 64 */
    bench_write(chip, RLR, 999);
    assert_int_equal(bench_read(chip, SR), 3);
    assert_true(bench_pass(chip, 5 * BENCH_MS / 32)); /* 5 LSI cycles */
    assert_int_equal(bench_read(chip, SR), 0);
    assert_int_equal(bench_read(chip, PR), 4);
    assert_int_equal(bench_read(chip, RLR), 999);
    bench_write(chip, KR, 0xAAAA);
    assert_int_equal(bite_us(chip), 2000000);
    bench_clean(chip);
    chip_destroy(chip);
}

static void reload_in_time_keeps_it_quiet(void **state)
{
    (void)state;
    struct chip *chip = bench(32000);
    bench_write(chip, KR, 0xCCCC);
    for (int i = 0; i < 10; i++) {
        assert_true(bench_pass(chip, 500 * BENCH_MS));
        bench_write(chip, KR, 0xAAAA);
    }
    assert_int_equal(bite_us(chip), 512000);
    chip_destroy(chip);
}

static void update_without_lsi_never_arrives_until_started(void **state)
{
    (void)state;
    struct chip *chip = bench(32000);
    bench_write(chip, KR, 0x5555);
    bench_write(chip, PR, 1);
    assert_true(bench_pass(chip, 1000 * BENCH_MS));
    assert_int_equal(bench_read(chip, SR), 1);
    bench_write(chip, KR, 0xCCCC);
    assert_true(bench_pass(chip, BENCH_MS));
    assert_int_equal(bench_read(chip, SR), 0);
    bench_clean(chip);
    chip_destroy(chip);
}

static void registers_need_the_key_and_a_quiet_sr(void **state)
{
    (void)state;
    struct chip *chip = bench(32000);
    bench_write(chip, PR, 1);
    bench_violated(chip, 0, "without key");
    bench_write(chip, KR, 0x5555);
    bench_write(chip, PR, 1);
    bench_write(chip, PR, 2);
    bench_violated(chip, 1, "under way");
    bench_write(chip, KR, 0x1234);
    bench_violated(chip, 2, "key 0x1234");
    bench_write(chip, RLR, 1); /* the wrong key locked again */
    bench_violated(chip, 3, "without key");
    bench_write(chip, SR, 0);
    bench_violated(chip, 4, "SR");
    chip_destroy(chip);
}

static void started_it_stops_for_reset_only(void **state)
{
    (void)state;
    struct chip *chip = bench(32000);
    bench_write(chip, KR, 0xCCCC);
    bench_write(chip, KR, 0x5555);
    assert_true(bench_pass(chip, 100 * BENCH_MS));
    bench_reset(chip, CHIP_RESET_PIN);
    assert_true(bench_pass(chip, 10000 * BENCH_MS));
    assert_false(chip_lsi_is_on(chip));
    bench_clean(chip);
    chip_destroy(chip);
}

static void option_bit_starts_it_at_reset(void **state)
{
    (void)state;
    static uint8_t array[FLASH_IF_BYTES];
    struct chip *chip = bench_chip();
    struct dev *flash = flash_if_attach(chip, array, &(struct flash_if_config){0});
    iwdg_attach(chip);
    flash_if_set_options(flash, FLASH_IF_OPTCR_FACTORY & ~(1U << 5));
    bench_reset(chip, CHIP_RESET_POWER);
    assert_int_equal(bite_us(chip), 512000);
    chip_destroy(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_time_out_is_512_ms_and_follows_lsi),
        cmocka_unit_test(prescaler_and_reload_give_4_times_2_to_pr_times_rl_plus_1),
        cmocka_unit_test(reload_in_time_keeps_it_quiet),
        cmocka_unit_test(update_without_lsi_never_arrives_until_started),
        cmocka_unit_test(registers_need_the_key_and_a_quiet_sr),
        cmocka_unit_test(started_it_stops_for_reset_only),
        cmocka_unit_test(option_bit_starts_it_at_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
