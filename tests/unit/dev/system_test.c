/* The small ones, register by register: PWR, RTC backup registers, SYSCFG, DBGMCU, CRC (RM0090 5, 26, 9, 38,
 * 4). */
#include "real_bus.h"

#include "dev/crc.h"
#include "dev/dbgmcu.h"
#include "dev/pwr.h"
#include "dev/rtc.h"
#include "dev/syscfg.h"

#define PWR_CR  0x40007000U
#define PWR_CSR 0x40007004U
#define RTC     0x40002800U
#define BKP(n)  (RTC + 0x50U + 4U * (n))
#define SYSCFG  0x40013800U
#define DBGMCU  0xE0042000U
#define CRC     0x40023000U

static unsigned alias;
static bool is_revision_a;

static void note_alias(void *ctx, unsigned mem_mode)
{
    (void)ctx;
    alias = mem_mode;
}

static struct chip *make_chip(void)
{
    struct chip *chip = chip_create(&(struct chip_host){.set_alias = note_alias}, NULL);
    pwr_attach(chip);
    rtc_attach(chip);
    syscfg_attach(chip);
    dbgmcu_attach(chip, is_revision_a);
    crc_attach(chip);
    real_reset(chip, CHIP_RESET_POWER);
    return chip;
}

static void pwr_voltage_detector_compares_with_its_thresholds(void **state)
{
    (void)state;
    static const uint16_t falls_mv[8] = {2040, 2190, 2350, 2510, 2660, 2840, 2930, 3030};
    struct chip *chip = make_chip();
    for (uint32_t pls = 0; pls < 8; pls++) {
        real_write(chip, PWR_CR, 0x4000 | pls << 5 | 1U << 4);
        chip_set_vdd_mv(chip, falls_mv[pls]);
        assert_int_equal(real_read(chip, PWR_CSR) & 4, 0);
        chip_set_vdd_mv(chip, falls_mv[pls] - 1U);
        assert_int_equal(real_read(chip, PWR_CSR) & 4, 4);
    }
    real_write(chip, PWR_CR, 0x4000 | 7U << 5);
    assert_int_equal(real_read(chip, PWR_CSR), 0x4000); /* off: no PVDO; the regulator is ready */
    real_clean(chip);
    chip_destroy(chip);
}

static void pwr_stop_and_standby_are_refused(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_int_equal(real_read(chip, PWR_CR), 0x4000);
    real_write(chip, PWR_CR, 0x4002);
    real_violated(chip, 0, "Standby");
    real_write(chip, PWR_CR, 0x4000 | 1U << 15);
    real_violated(chip, 1, "CR");
    real_write(chip, PWR_CSR + 4, 0);
    real_violated(chip, 2, "0x08");
    chip_destroy(chip);
}

static void rtc_backup_registers_need_dbp_and_survive_resets(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, BKP(0), 1);
    real_violated(chip, 0, "DBP=0");
    assert_int_equal(real_read(chip, BKP(0)), 0);
    real_write(chip, PWR_CR, 0x4100);
    for (uint32_t i = 0; i < 20; i++) {
        real_write(chip, BKP(i), 0xA0000000U + i);
    }
    real_reset(chip, CHIP_RESET_SOFTWARE);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(real_read(chip, BKP(i)), 0xA0000000U + i);
    }
    real_reset(chip, CHIP_RESET_POWER);
    assert_int_equal(real_read(chip, BKP(19)), 0);
    assert_int_equal(chip_violations(chip), 1);
    chip_destroy(chip);
}

static void rtc_calendar_is_refused(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    (void)real_read(chip, RTC);
    real_violated(chip, 0, "only the backup registers");
    real_write(chip, BKP(20), 0);
    real_violated(chip, 1, "0xA0");
    chip_destroy(chip);
}

static void syscfg_selects_exti_ports_and_memory_at_0(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_int_equal(chip_exti_port(chip, 5), 'A');
    real_write(chip, SYSCFG + 0x0C, 3U << 4);
    assert_int_equal(chip_exti_port(chip, 5), 'D');
    assert_int_equal(real_read(chip, SYSCFG + 0x0C), 3U << 4);
    real_write(chip, SYSCFG, 3);
    assert_int_equal(alias, 3);
    real_write(chip, SYSCFG, 1);
    assert_int_equal(alias, 1);
    real_clean(chip);
    real_write(chip, SYSCFG + 0x08, 9);
    real_violated(chip, 0, "port number 9");
    real_reset(chip, CHIP_RESET_PIN);
    assert_int_equal(chip_exti_port(chip, 5), 'A');
    chip_destroy(chip);
}

static void dbgmcu_names_the_chip_and_keeps_its_bits_over_reset(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    assert_int_equal(real_read(chip, DBGMCU) & 0xFFF, 0x413);
    real_write(chip, DBGMCU + 4, 7);
    real_reset(chip, CHIP_RESET_PIN);
    assert_int_equal(real_read(chip, DBGMCU + 4), 7);
    real_reset(chip, CHIP_RESET_POWER);
    assert_int_equal(real_read(chip, DBGMCU + 4), 0);
    real_clean(chip);
    real_write(chip, DBGMCU, 0);
    real_violated(chip, 0, "read-only");
    chip_destroy(chip);
}

static void dbgmcu_of_revision_a_has_the_number_of_its_erratum(void **state)
{
    (void)state;
    is_revision_a = true;
    struct chip *chip = make_chip();
    is_revision_a = false;
    assert_int_equal(real_read(chip, DBGMCU), 0x20006411);
    real_clean(chip);
    chip_destroy(chip);
}

/* CRC-32/MPEG-2 of the bytes 12 34 56 78 taken as one word, most significant first: computed with an
 * independent implementation (bit by bit, byte oriented). */
static uint32_t crc_of_bytes(uint32_t word)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (int byte = 3; byte >= 0; byte--) {
        for (int bit = 7; bit >= 0; bit--) {
            uint32_t in = (word >> (8 * byte + bit)) & 1U;
            uint32_t top = crc >> 31;
            crc = (crc << 1) ^ (in ^ top ? 0x04C11DB7U : 0);
        }
    }
    return crc;
}

static void crc_unit_computes_crc_32_over_words(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    real_write(chip, CRC, 0x12345678U);
    assert_int_equal(real_read(chip, CRC), crc_of_bytes(0x12345678U));
    assert_int_equal(real_read(chip, CRC), 0xDF8A8A2BU); /* the value the part itself gives for this word */
    real_write(chip, CRC + 8, 1);
    assert_int_equal(real_read(chip, CRC), 0xFFFFFFFFU);
    real_write(chip, CRC + 4, 0x1FF);
    assert_int_equal(real_read(chip, CRC + 4), 0xFF);
    real_clean(chip);
    assert_true(real_try(chip, CRC, 1, 1));
    real_violated(chip, 0, "words");
    chip_destroy(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pwr_voltage_detector_compares_with_its_thresholds),
        cmocka_unit_test(pwr_stop_and_standby_are_refused),
        cmocka_unit_test(rtc_backup_registers_need_dbp_and_survive_resets),
        cmocka_unit_test(rtc_calendar_is_refused),
        cmocka_unit_test(syscfg_selects_exti_ports_and_memory_at_0),
        cmocka_unit_test(dbgmcu_names_the_chip_and_keeps_its_bits_over_reset),
        cmocka_unit_test(dbgmcu_of_revision_a_has_the_number_of_its_erratum),
        cmocka_unit_test(crc_unit_computes_crc_32_over_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
