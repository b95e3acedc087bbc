/* IWDG, register by register (RM0090 chapter 21). */
#include "real_bus.h"

#include "dev/flash_if.h"
#include "dev/iwdg.h"

#define KR  0x40003000U
#define PR  0x40003004U
#define RLR 0x40003008U
#define SR  0x4000300CU

static struct chip *make_chip(uint32_t lsi_hz)
{
    static uint8_t array[FLASH_IF_BYTES];
    struct chip *chip = real_chip();
    chip_set_lsi_hz(chip, lsi_hz);
    (void)flash_if_attach(chip, array, &(struct flash_if_config){0});
    iwdg_attach(chip);
    real_reset(chip, CHIP_RESET_POWER);
    return chip;
}

/* @return time until the watchdog resets, in us */
static uint64_t bite_us(struct chip *chip)
{
    uint64_t from_ps = chip_now_ps(chip);
    assert_false(real_pass(chip, 100000 * REAL_MS));
    enum chip_reset_cause cause;
    assert_true(chip_take_reset(chip, &cause));
    assert_int_equal(cause, CHIP_RESET_IWDG);
    return (chip_now_ps(chip) - from_ps) / REAL_US;
}

static void default_time_out_is_512_ms_and_follows_lsi(void **state)
{
    (void)state;
    static const struct {
        uint32_t lsi_hz;
        uint64_t us;
    } row[] = {{32000, 512000}, {17000, 963764}, {47000, 348595}};
    for (size_t i = 0; i < 3; i++) {
        struct chip *chip = make_chip(row[i].lsi_hz);
        real_write(chip, KR, 0xCCCC);
        assert_int_equal(bite_us(chip), row[i].us);
        real_clean(chip);
        chip_destroy(chip);
    }
}

static void prescaler_and_reload_give_4_times_2_to_pr_times_rl_plus_1(void **state)
{
    (void)state;
    struct chip *chip = make_chip(32000);
    real_write(chip, KR, 0xCCCC);
    real_write(chip, KR, 0x5555);
    real_write(chip, PR, 4); /* / 64 */
    real_write(chip, RLR, 999);
    assert_int_equal(real_read(chip, SR), 3);
    assert_true(real_pass(chip, 5 * REAL_MS / 32)); /* 5 LSI cycles */
    assert_int_equal(real_read(chip, SR), 0);
    assert_int_equal(real_read(chip, PR), 4);
    assert_int_equal(real_read(chip, RLR), 999);
    real_write(chip, KR, 0xAAAA);
    assert_int_equal(bite_us(chip), 2000000);
    real_clean(chip);
    chip_destroy(chip);
}

static void reload_in_time_keeps_it_quiet(void **state)
{
    (void)state;
    struct chip *chip = make_chip(32000);
    real_write(chip, KR, 0xCCCC);
    for (int i = 0; i < 10; i++) {
        assert_true(real_pass(chip, 500 * REAL_MS));
        real_write(chip, KR, 0xAAAA);
    }
    assert_int_equal(bite_us(chip), 512000);
    chip_destroy(chip);
}

static void update_without_lsi_never_arrives_until_started(void **state)
{
    (void)state;
    struct chip *chip = make_chip(32000);
    real_write(chip, KR, 0x5555);
    real_write(chip, PR, 1);
    assert_true(real_pass(chip, 1000 * REAL_MS));
    assert_int_equal(real_read(chip, SR), 1);
    real_write(chip, KR, 0xCCCC);
    assert_true(real_pass(chip, REAL_MS));
    assert_int_equal(real_read(chip, SR), 0);
    real_clean(chip);
    chip_destroy(chip);
}

static void registers_need_the_key_and_a_quiet_sr(void **state)
{
    (void)state;
    struct chip *chip = make_chip(32000);
    real_write(chip, PR, 1);
    real_violated(chip, 0, "without key");
    real_write(chip, KR, 0x5555);
    real_write(chip, PR, 1);
    real_write(chip, PR, 2);
    real_violated(chip, 1, "under way");
    real_write(chip, KR, 0x1234);
    real_violated(chip, 2, "key 0x1234");
    real_write(chip, RLR, 1); /* the wrong key locked again */
    real_violated(chip, 3, "without key");
    real_write(chip, SR, 0);
    real_violated(chip, 4, "SR");
    chip_destroy(chip);
}

static void started_it_stops_for_reset_only(void **state)
{
    (void)state;
    struct chip *chip = make_chip(32000);
    real_write(chip, KR, 0xCCCC);
    real_write(chip, KR, 0x5555);
    assert_true(real_pass(chip, 100 * REAL_MS));
    real_reset(chip, CHIP_RESET_PIN);
    assert_true(real_pass(chip, 10000 * REAL_MS));
    assert_false(chip_lsi_is_on(chip));
    real_clean(chip);
    chip_destroy(chip);
}

static void option_bit_starts_it_at_reset(void **state)
{
    (void)state;
    static uint8_t array[FLASH_IF_BYTES];
    struct chip *chip = real_chip();
    struct dev *flash = flash_if_attach(chip, array, &(struct flash_if_config){0});
    iwdg_attach(chip);
    flash_if_set_options(flash, FLASH_IF_OPTCR_FACTORY & ~(1U << 5));
    real_reset(chip, CHIP_RESET_POWER);
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
