/* RCC, register by register (RM0090 chapter 7). */
#include "real_bus.h"

#include "dev/crc.h"
#include "dev/pwr.h"
#include "dev/rcc.h"
#include "dev/rtc.h"

#define R(off)   (0x40023800U + (off))
#define CR       R(0x00)
#define PLLCFGR  R(0x04)
#define CFGR     R(0x08)
#define AHB1RSTR R(0x10)
#define AHB1ENR  R(0x30)
#define APB1ENR  R(0x40)
#define BDCR     R(0x70)
#define CSR      R(0x74)
#define PWR_CR   0x40007000U
#define CRC_DR   0x40023000U
#define BKP0R    0x40002850U

#define HSION  (1U << 0)
#define HSIRDY (1U << 1)
#define HSEON  (1U << 16)
#define HSERDY (1U << 17)
#define PLLON  (1U << 24)
#define PLLRDY (1U << 25)

/* 8 MHz / 8 * 336 / 2 = 168 MHz, Q = 7 */
#define PLL_168 (8U | 336U << 6 | 0U << 16 | 1U << 22 | 7U << 24)
/* AHB / 1, APB1 / 4, APB2 / 2 */
#define BUSES_168 (5U << 10 | 4U << 13)

static struct chip *make_chip(void)
{
    struct chip *chip = real_chip();
    rcc_attach(chip);
    pwr_attach(chip);
    rtc_attach(chip);
    crc_attach(chip);
    chip_gate(chip, "PWR", 2, 28);
    chip_gate(chip, "CRC", 0, 12);
    real_reset(chip, CHIP_RESET_POWER);
    return chip;
}

static void start_hse(struct chip *chip)
{
    real_write(chip, CR, real_read(chip, CR) | HSEON);
    assert_true(real_pass(chip, RCC_HSE_START_US * REAL_US));
}

static void start_pll(struct chip *chip, uint32_t cfg)
{
    real_write(chip, PLLCFGR, cfg);
    real_write(chip, CR, real_read(chip, CR) | PLLON);
    assert_true(real_pass(chip, RCC_PLL_LOCK_US * REAL_US));
}

static void reset_values_are_the_manuals(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_int_equal(real_read(chip, CR) & 0xFFFF00FFU, 0x83);
    assert_int_equal(real_read(chip, PLLCFGR), 0x24003010U);
    assert_int_equal(real_read(chip, CFGR), 0);
    assert_int_equal(real_read(chip, AHB1ENR), 0x00100000U);
    assert_int_equal(real_read(chip, R(0x50)), 0x7E6791FFU);
    assert_int_equal(real_read(chip, CSR), 0x0E000000U);
    assert_int_equal(chip_clock_hz(chip, CHIP_HCLK), 16000000);
    real_clean(chip);
    chip_destroy(chip);
}

static void oscillators_are_ready_after_their_start_time_only(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, CR, HSION | 0x80 | HSEON);
    assert_true(real_pass(chip, RCC_HSE_START_US * REAL_US - 1));
    assert_false(real_read(chip, CR) & HSERDY);
    assert_true(real_pass(chip, 1));
    assert_true(real_read(chip, CR) & HSERDY);
    real_write(chip, CR, HSION | 0x80);
    assert_false(real_read(chip, CR) & HSERDY);
    real_write(chip, CSR, 1);
    assert_false(real_read(chip, CSR) & 2);
    assert_true(real_pass(chip, RCC_LSI_START_US * REAL_US));
    assert_true(real_read(chip, CSR) & 2);
    real_clean(chip);
    chip_destroy(chip);
}

static void tree_of_168_mhz_gives_every_clock(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    start_hse(chip);
    start_pll(chip, PLL_168);
    assert_true(real_read(chip, CR) & PLLRDY);
    real_write(chip, CFGR, BUSES_168);
    real_write(chip, CFGR, BUSES_168 | 2);
    assert_int_equal(real_read(chip, CFGR), BUSES_168 | 2 | 2 << 2);
    assert_int_equal(chip_clock_hz(chip, CHIP_HCLK), 168000000);
    assert_int_equal(chip_clock_hz(chip, CHIP_PCLK1), 42000000);
    assert_int_equal(chip_clock_hz(chip, CHIP_PCLK2), 84000000);
    assert_int_equal(chip_clock_hz(chip, CHIP_TIMCLK1), 84000000);
    assert_int_equal(chip_clock_hz(chip, CHIP_TIMCLK2), 168000000);
    real_clean(chip);
    real_write(chip, CFGR, 2 | 5U << 10); /* APB2 / 1 */
    real_violated(chip, 0, "PCLK2 at 168000000");
    chip_destroy(chip);
}

static void switch_to_a_clock_not_ready_waits_for_it(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, CR, real_read(chip, CR) | HSEON);
    real_write(chip, CFGR, 1);
    assert_int_equal(real_read(chip, CFGR), 1);
    assert_int_equal(chip_clock_hz(chip, CHIP_HCLK), 16000000);
    assert_true(real_pass(chip, RCC_HSE_START_US * REAL_US));
    assert_int_equal(real_read(chip, CFGR), 1 | 1 << 2);
    assert_int_equal(chip_clock_hz(chip, CHIP_HCLK), 8000000);
    real_clean(chip);
    chip_destroy(chip);
}

static void clock_in_use_cannot_be_stopped(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, CR, 0x80);
    real_violated(chip, 0, "clock in use");
    assert_true(real_read(chip, CR) & HSIRDY);
    chip_destroy(chip);
}

static void pll_outside_its_ranges_is_a_violation(void **state)
{
    (void)state;
    static const struct {
        uint32_t cfg;
        const char *text;
    } row[] = {
        {1U | 336U << 6 | 7U << 24, "M=1"},          {16U | 49U << 6 | 7U << 24, "N=49"},
        {16U | 336U << 6 | 1U << 24, "Q=1"},         {4U | 100U << 6 | 7U << 24, "PLL input 4000000"},
        {16U | 60U << 6 | 7U << 24, "VCO 60000000"}, {PLL_168, "before its source"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct chip *chip = make_chip();
        real_write(chip, PLLCFGR, row[i].cfg);
        real_write(chip, CR, real_read(chip, CR) | PLLON);
        real_violated(chip, 0, row[i].text);
        chip_destroy(chip);
    }
}

static void pllcfgr_is_fixed_while_the_pll_is_on(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    start_hse(chip);
    start_pll(chip, PLL_168);
    real_write(chip, PLLCFGR, PLL_168);
    real_clean(chip);
    real_write(chip, PLLCFGR, PLL_168 + 1);
    real_violated(chip, 0, "PLLCFGR changed");
    assert_int_equal(real_read(chip, PLLCFGR), PLL_168);
    chip_destroy(chip);
}

static void too_fast_for_the_regulator_scale_is_a_violation(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, APB1ENR, 1U << 28);
    real_write(chip, PWR_CR, 0);
    start_hse(chip);
    start_pll(chip, PLL_168);
    real_write(chip, CFGR, BUSES_168);
    real_write(chip, CFGR, BUSES_168 | 2);
    real_violated(chip, 0, "VOS=0");
    chip_destroy(chip);
}

static void unclocked_peripheral_reads_0_and_is_named(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_int_equal(real_read(chip, CRC_DR), 0);
    real_violated(chip, 0, "CRC: access at 0x40023000 without clock, RCC_AHB1ENR bit 12");
    real_write(chip, AHB1ENR, 0x00100000U | 1U << 12);
    assert_int_equal(real_read(chip, CRC_DR), 0xFFFFFFFFU);
    assert_int_equal(chip_violations(chip), 1);
    chip_destroy(chip);
}

static void peripheral_reset_reaches_the_device_and_holds_it(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, AHB1ENR, 0x00100000U | 1U << 12);
    real_write(chip, CRC_DR, 1);
    assert_int_not_equal(real_read(chip, CRC_DR), 0xFFFFFFFFU);
    real_write(chip, AHB1RSTR, 1U << 12);
    real_clean(chip);
    (void)real_read(chip, CRC_DR);
    real_violated(chip, 0, "held in reset");
    real_write(chip, AHB1RSTR, 0);
    assert_int_equal(real_read(chip, CRC_DR), 0xFFFFFFFFU);
    chip_destroy(chip);
}

static void reset_flags_gather_until_rmvf(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, CSR, 1U << 24);
    assert_int_equal(real_read(chip, CSR), 0);
    real_reset(chip, CHIP_RESET_IWDG);
    assert_int_equal(real_read(chip, CSR), 1U << 29 | 1U << 26);
    real_reset(chip, CHIP_RESET_SOFTWARE);
    assert_int_equal(real_read(chip, CSR), 1U << 29 | 1U << 28 | 1U << 26);
    real_write(chip, CSR, 1U << 24);
    real_reset(chip, CHIP_RESET_PIN);
    assert_int_equal(real_read(chip, CSR), 1U << 26);
    real_reset(chip, CHIP_RESET_BROWN_OUT);
    assert_int_equal(real_read(chip, CSR), 1U << 26 | 1U << 25);
    real_clean(chip);
    chip_destroy(chip);
}

static void backup_domain_needs_dbp_and_survives_reset_but_not_power(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, BDCR, 1U << 15);
    real_violated(chip, 0, "DBP=0");
    real_write(chip, APB1ENR, 1U << 28);
    real_write(chip, PWR_CR, 0x4000 | 1U << 8);
    real_write(chip, BDCR, 1U << 15 | 2U << 8);
    real_write(chip, BKP0R, 0xCAFE);
    real_reset(chip, CHIP_RESET_PIN);
    assert_int_equal(real_read(chip, BDCR), 1U << 15 | 2U << 8);
    assert_int_equal(real_read(chip, BKP0R), 0xCAFE);
    real_reset(chip, CHIP_RESET_POWER);
    assert_int_equal(real_read(chip, BDCR), 0);
    assert_int_equal(real_read(chip, BKP0R), 0);
    assert_int_equal(chip_violations(chip), 1);
    chip_destroy(chip);
}

static void bdrst_clears_the_backup_domain(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, APB1ENR, 1U << 28);
    real_write(chip, PWR_CR, 0x4000 | 1U << 8);
    real_write(chip, BKP0R, 0xCAFE);
    real_write(chip, BDCR, 1U << 16);
    real_write(chip, BDCR, 0);
    assert_int_equal(real_read(chip, BKP0R), 0);
    real_clean(chip);
    chip_destroy(chip);
}

static void reserved_bits_holes_and_narrow_accesses(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_true(real_try(chip, AHB1ENR, 1, 0x0F)); /* byte write: GPIOA..D */
    assert_int_equal(real_read(chip, AHB1ENR), 0x0010000FU);
    real_clean(chip);
    real_write(chip, AHB1ENR, 1U << 9);
    real_violated(chip, 0, "AHB1ENR");
    real_write(chip, R(0x1C), 0);
    real_violated(chip, 1, "offset 0x1C");
    real_write(chip, CFGR, 3);
    real_violated(chip, 2, "SW=11");
    chip_destroy(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_are_the_manuals),
        cmocka_unit_test(oscillators_are_ready_after_their_start_time_only),
        cmocka_unit_test(tree_of_168_mhz_gives_every_clock),
        cmocka_unit_test(switch_to_a_clock_not_ready_waits_for_it),
        cmocka_unit_test(clock_in_use_cannot_be_stopped),
        cmocka_unit_test(pll_outside_its_ranges_is_a_violation),
        cmocka_unit_test(pllcfgr_is_fixed_while_the_pll_is_on),
        cmocka_unit_test(too_fast_for_the_regulator_scale_is_a_violation),
        cmocka_unit_test(unclocked_peripheral_reads_0_and_is_named),
        cmocka_unit_test(peripheral_reset_reaches_the_device_and_holds_it),
        cmocka_unit_test(reset_flags_gather_until_rmvf),
        cmocka_unit_test(backup_domain_needs_dbp_and_survives_reset_but_not_power),
        cmocka_unit_test(bdrst_clears_the_backup_domain),
        cmocka_unit_test(reserved_bits_holes_and_narrow_accesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
