/* SPI1 as a slave, register by register and byte by byte (RM0090 28). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/spi.h"
#include "fake_chip.h"

enum {
    SPI1 = 0x40013000,
    CR1 = SPI1 + 0x00,
    CR2 = SPI1 + 0x04,
    SR = SPI1 + 0x08,
    DR = SPI1 + 0x0C,
    CPHA = 1 << 0,
    CPOL = 1 << 1,
    MSTR = 1 << 2,
    SPE = 1 << 6,
    LSBFIRST = 1 << 7,
    SSI = 1 << 8,
    SSM = 1 << 9,
    DFF = 1 << 11,
    CRCEN = 1 << 13,
    RXDMAEN = 1 << 0,
    TXDMAEN = 1 << 1,
    FRF = 1 << 4,
    ERRIE = 1 << 5,
    RXNEIE = 1 << 6,
    TXEIE = 1 << 7,
    RXNE = 1 << 0,
    TXE = 1 << 1,
    MODF = 1 << 5,
    OVR = 1 << 6,
    BSY = 1 << 7,
    IRQ = 35
};

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    spi_attach(c);
    fake_reset(c);
    for (unsigned pin = 4; pin <= 7; pin++) {
        chip_set_pin_function(c, 'A', pin, true, 5);
    }
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    fake_chip_destroy(*state);
    return violations ? -1 : 0;
}

static void select_slave(struct chip *c, bool selected)
{
    chip_pin_outside(c, 'A', 4, !selected);
}

static uint32_t status(struct chip *c)
{
    return fake_read(c, SR) & ~(uint32_t)BSY; /* BSY is not to be trusted in a slave */
}

static void start(struct chip *c)
{
    fake_write(c, CR1, SPE);
    select_slave(c, true);
}

static void reset_values(void **state)
{
    struct chip *c = *state;
    assert_int_equal(fake_read(c, CR1), 0);
    assert_int_equal(fake_read(c, CR2), 0);
    assert_int_equal(fake_read(c, SR), TXE);
    assert_int_equal(fake_read(c, SPI1 + 0x10), 7);
    assert_int_equal(fake_read(c, SPI1 + 0x20), 2);
}

static void byte_goes_both_ways(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    assert_int_equal(status(c), 0);
    assert_int_equal(fake_spi(c, 0x5A), 0x79);
    assert_int_equal(status(c), RXNE | TXE);
    assert_int_equal(fake_read_n(c, DR, 1), 0x5A);
    assert_int_equal(status(c), TXE);
}

static void answer_must_be_in_dr_before_the_byte_begins(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x11);
    start(c);
    assert_int_equal(fake_spi_begin(c), 0x11);
    assert_int_equal(status(c), TXE); /* moved on at the first edge */
    fake_write(c, DR, 0x22);          /* too late for this byte, in time for the next */
    fake_run(c, 8 * FAKE_US);
    fake_spi_end(c, 0xAA);
    assert_int_equal(status(c), RXNE);
    (void)fake_read(c, DR);
    assert_int_equal(fake_spi(c, 0), 0x22);
}

static void nothing_new_in_dr_sends_the_last_byte_again(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(fake_spi(c, 0), 0x79);
        (void)fake_read(c, DR);
    }
    fake_write(c, DR, 0x1F);
    assert_int_equal(fake_spi(c, 0), 0x1F);
    (void)fake_read(c, DR);
}

static void dr_written_twice_keeps_the_second_byte(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x11);
    fake_write(c, DR, 0x22);
    start(c);
    assert_int_equal(fake_spi(c, 0), 0x22);
}

static void overrun_keeps_the_old_byte_and_clears_by_dr_then_sr(void **state)
{
    struct chip *c = *state;
    start(c);
    fake_write(c, CR2, ERRIE);
    (void)fake_spi(c, 0x11);
    assert_false(fake_irq(c, IRQ));
    (void)fake_spi(c, 0x22);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(status(c), RXNE | TXE | OVR);
    assert_int_equal(status(c), RXNE | TXE | OVR); /* SR alone clears nothing */
    assert_int_equal(fake_read(c, DR), 0x11);
    (void)fake_spi(c, 0x33); /* received again while OVR stands */
    assert_int_equal(fake_read(c, DR), 0x33);
    assert_int_equal(status(c), TXE | OVR); /* this read clears it */
    assert_int_equal(status(c), TXE);
    assert_false(fake_irq(c, IRQ));
}

static void nss_high_ignores_the_bus(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    select_slave(c, false);
    assert_int_equal(fake_spi(c, 0x5A), 0xFF);
    assert_int_equal(status(c), 0);
    select_slave(c, true);
    assert_int_equal(fake_spi(c, 0x5A), 0x79);
}

static void software_nss_takes_ssi_instead_of_the_pin(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    fake_write(c, CR1, SPE | SSM);
    assert_int_equal(fake_spi(c, 0x01), 0x79); /* the pin is high */
    assert_int_equal(fake_read(c, DR), 0x01);
    fake_write(c, CR1, SPE | SSM | SSI);
    select_slave(c, true);
    assert_int_equal(fake_spi(c, 0x02), 0xFF);
    assert_int_equal(status(c), TXE);
}

static void disabled_or_unclocked_slave_is_silent(void **state)
{
    struct chip *c = *state;
    select_slave(c, true);
    fake_write(c, DR, 0x79);
    assert_int_equal(fake_spi(c, 0x5A), 0xFF);
    assert_int_equal(status(c), 0);
    start(c);
    fake_set_clocked(c, false);
    assert_int_equal(fake_spi(c, 0x5A), 0xFF);
    fake_set_clocked(c, true);
    assert_int_equal(fake_spi(c, 0x5A), 0x79);
}

static void each_pin_matters(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    chip_set_pin_function(c, 'A', 6, false, 5); /* MISO floats, the byte is received */
    assert_int_equal(fake_spi(c, 0x12), 0xFF);
    assert_int_equal(fake_read(c, DR), 0x12);
    chip_set_pin_function(c, 'A', 6, true, 5);
    chip_set_pin_function(c, 'A', 7, true, 6); /* MOSI not connected */
    (void)fake_spi(c, 0x12);
    assert_int_equal(fake_read(c, DR), 0);
    chip_set_pin_function(c, 'A', 7, true, 5);
    chip_set_pin_function(c, 'A', 5, false, 5); /* no clock */
    (void)fake_spi(c, 0x12);
    assert_int_equal(status(c), TXE);
    chip_set_pin_function(c, 'A', 5, true, 5);
    chip_set_pin_function(c, 'A', 4, false, 5); /* no NSS */
    assert_int_equal(fake_spi(c, 0x12), 0xFF);
}

static void interrupts_follow_flags_and_enables(void **state)
{
    struct chip *c = *state;
    start(c);
    fake_write(c, CR2, TXEIE);
    assert_true(fake_irq(c, IRQ));
    fake_write(c, DR, 1);
    assert_false(fake_irq(c, IRQ));
    fake_write(c, CR2, RXNEIE);
    (void)fake_spi(c, 0);
    assert_true(fake_irq(c, IRQ));
    (void)fake_read(c, DR);
    assert_false(fake_irq(c, IRQ));
}

static void dma_requests_go_to_both_streams_each(void **state)
{
    struct chip *c = *state;
    start(c);
    fake_write(c, CR2, RXDMAEN | TXDMAEN);
    assert_true(fake_dma_request(c, 2, 3, 3));
    assert_true(fake_dma_request(c, 2, 5, 3));
    assert_false(fake_dma_request(c, 2, 0, 3));
    fake_write_n(c, DR, 1, 0x55);
    assert_false(fake_dma_request(c, 2, 3, 3));
    (void)fake_spi(c, 0x12);
    assert_true(fake_dma_request(c, 2, 0, 3));
    assert_true(fake_dma_request(c, 2, 2, 3));
    (void)fake_read_n(c, DR, 1);
    assert_false(fake_dma_request(c, 2, 2, 3));
    fake_write(c, CR2, 0);
    assert_false(fake_dma_request(c, 2, 5, 3));
}

static void busy_spans_the_byte(void **state)
{
    struct chip *c = *state;
    start(c);
    (void)fake_spi_begin(c);
    assert_int_equal(fake_read(c, SR) & BSY, BSY);
    fake_run(c, 8 * FAKE_US);
    fake_spi_end(c, 0);
    assert_int_equal(fake_read(c, SR) & BSY, 0);
}

static void erratum_busy_stays_after_every_16th_frame(void **state)
{
    struct chip *c = *state;
    unsigned stuck = 0;
    start(c);
    for (unsigned i = 0; i < 64; i++) {
        (void)fake_spi(c, 0);
        (void)fake_read(c, DR);
        stuck += (fake_read(c, SR) & BSY) != 0;
    }
    assert_int_equal(stuck, 4);
    fake_write(c, CR1, 0);
    assert_int_equal(fake_read(c, SR) & BSY, 0);
}

/* 3 bits are lost because the slave woke up inside a byte; every later byte is read and answered shifted. */
static void enabling_inside_a_byte_slips_bits_until_disabled(void **state)
{
    struct chip *c = *state;
    select_slave(c, true);
    (void)fake_spi_begin(c);
    fake_run(c, 3 * FAKE_US);
    fake_write(c, CR1, SPE);
    fake_run(c, 5 * FAKE_US);
    fake_spi_end(c, 0xE5); /* sees 00101 */
    assert_int_equal(status(c), TXE);
    (void)fake_spi(c, 0xC0); /* and 110 of this byte: 00101110 */
    assert_int_equal(fake_read(c, DR), 0x2E);
    (void)fake_spi(c, 0xFF); /* 00000 of the last, 111 of this */
    assert_int_equal(fake_read(c, DR), 0x07);
    fake_write(c, CR1, 0);
    fake_write(c, CR1, SPE);
    (void)fake_spi(c, 0x5A);
    assert_int_equal(fake_read(c, DR), 0x5A);
}

static void slipped_slave_answers_shifted(void **state)
{
    struct chip *c = *state;
    select_slave(c, true);
    (void)fake_spi_begin(c);
    fake_run(c, 6 * FAKE_US);
    fake_write(c, DR, 0x80);
    fake_write(c, CR1, SPE);
    fake_run(c, 2 * FAKE_US);
    fake_spi_end(c, 0); /* two bits of 80 are gone */
    fake_write(c, DR, 0xC0);
    assert_int_equal(fake_spi(c, 0), 0x03); /* 000000 of 80, 11 of C0 */
}

static void nss_rising_inside_a_byte_slips_bits(void **state)
{
    struct chip *c = *state;
    start(c);
    (void)fake_spi_begin(c);
    fake_run(c, 4 * FAKE_US);
    select_slave(c, false);
    fake_run(c, 4 * FAKE_US);
    fake_spi_end(c, 0xA0); /* sees 1010 */
    assert_int_equal(status(c), TXE);
    select_slave(c, true);
    (void)fake_spi(c, 0x5F); /* 0101 */
    assert_int_equal(fake_read(c, DR), 0xA5);
}

static void wrong_clock_mode_reads_garbage_and_says_so_once(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, SPE | CPOL | CPHA);
    select_slave(c, true);
    (void)fake_spi(c, 0x5A);
    assert_int_not_equal(fake_read(c, DR), 0x5A);
    fake_expect_violation(c, "mode 0");
    (void)fake_spi(c, 0x5A);
    (void)fake_read(c, DR);
}

static void lsb_first_reads_mirrored(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x01);
    fake_write(c, CR1, SPE | LSBFIRST);
    select_slave(c, true);
    assert_int_equal(fake_spi(c, 0x05), 0x80);
    assert_int_equal(fake_read(c, DR), 0xA0);
    fake_expect_violation(c, "MSB first");
}

static void clock_faster_than_half_of_pclk_is_a_violation(void **state)
{
    struct chip *c = *state;
    start(c);
    fake_spi_rate(c, 8000000); /* PCLK2 is 16 MHz */
    (void)fake_spi(c, 0);
    (void)fake_read(c, DR);
    assert_int_equal(fake_violations(c), 0);
    fake_spi_rate(c, 10000000);
    (void)fake_spi(c, 0);
    fake_expect_violation(c, "half of PCLK2");
    fake_set_clock(c, CHIP_PCLK2, 84000000);
    fake_write(c, CR1, 0);
    fake_write(c, CR1, SPE);
    fake_spi_rate(c, 42000000);
    (void)fake_spi(c, 0);
    assert_int_equal(fake_violations(c), 0);
}

static void stale_byte_survives_disabling_and_is_reported(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    fake_write(c, CR1, 0);
    fake_write(c, CR1, SPE);
    fake_expect_violation(c, "0x79 left in the transmit buffer");
    assert_int_equal(fake_spi(c, 0), 0x79);
}

static void overwriting_or_resetting_the_stale_byte_is_clean(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 0x79);
    start(c);
    fake_write(c, CR1, 0);
    fake_write(c, DR, 0xA5);
    fake_write(c, CR1, SPE);
    assert_int_equal(fake_spi(c, 0), 0xA5);
    fake_write(c, DR, 0x79);
    fake_reset(c);
    assert_int_equal(fake_read(c, SR), TXE);
    fake_write(c, CR1, SPE);
    assert_int_not_equal(fake_spi(c, 0), 0x79);
}

static void master_with_nss_low_faults(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR2, ERRIE);
    fake_write(c, CR1, MSTR | SPE);
    assert_int_equal(fake_read(c, SR), TXE);
    select_slave(c, true);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read(c, CR1), 0);
    assert_int_equal(fake_read(c, SR), TXE | MODF);
    fake_write(c, CR1, 0); /* SR read, then CR1 written */
    assert_int_equal(fake_read(c, SR), TXE);
    assert_false(fake_irq(c, IRQ));
}

static void what_is_not_modelled_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, CRCEN);
    fake_expect_violation(c, "CRC");
    fake_write(c, CR1, DFF | SPE);
    fake_expect_violation(c, "16-bit");
    fake_write(c, CR1, SPE);
    fake_expect_violation(c, "while SPE = 1");
    fake_write(c, CR2, FRF);
    fake_expect_violation(c, "TI mode");
    fake_write(c, CR2, 1U << 3);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, SPI1 + 0x1C, 0x800);
    fake_expect_violation(c, "I2S");
    fake_write_n(c, CR1, 1, 0);
    fake_expect_violation(c, "byte access");
    fake_write_n(c, CR1, 2, 0);
    assert_int_equal(fake_read_n(c, CR1, 2), 0);
}

static void registers_keep_what_is_written(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, SSM | SSI | 7U << 3);
    fake_write(c, CR2, ERRIE | 1U << 2);
    fake_write(c, SPI1 + 0x10, 0x1021);
    assert_int_equal(fake_read(c, CR1), SSM | SSI | 7U << 3);
    assert_int_equal(fake_read(c, CR2), ERRIE | 1U << 2);
    assert_int_equal(fake_read(c, SPI1 + 0x10), 0x1021);
    fake_write(c, SPI1 + 0x14, 0);
    fake_expect_violation(c, "CRC register");
    fake_write(c, CR1, 1U << 16);
    fake_expect_violation(c, "reserved bits");
    (void)fake_read(c, SPI1 + 0x24);
    fake_expect_violation(c, "no register");
}

static void disabling_inside_a_byte_drops_its_bits(void **state)
{
    struct chip *c = *state;
    start(c);
    (void)fake_spi_begin(c);
    fake_run(c, 4 * FAKE_US);
    fake_write(c, CR1, 0);
    fake_run(c, 4 * FAKE_US);
    fake_spi_end(c, 0xFF);
    fake_spi_end(c, 0xFF); /* and an end without a beginning is nothing */
    assert_int_equal(status(c), TXE);
    fake_write(c, CR1, SPE);
    fake_write(c, DR, 0x33);
    assert_int_equal(fake_spi(c, 0x5A), 0x33);
    assert_int_equal(fake_read(c, DR), 0x5A);
    fake_spi_end(c, 0xFF);
    assert_int_equal(status(c), TXE);
}

static void no_dma_request_without_its_enable_and_none_after_reset(void **state)
{
    struct chip *c = *state;
    start(c);
    (void)fake_spi(c, 1);
    assert_false(fake_dma_request(c, 2, 0, 3));
    assert_false(fake_dma_request(c, 2, 3, 3));
    fake_write(c, CR2, RXDMAEN | TXDMAEN);
    assert_true(fake_dma_request(c, 2, 0, 3));
    fake_reset(c);
    for (unsigned stream = 0; stream < 8; stream++) {
        assert_false(fake_dma_request(c, 2, stream, 3));
    }
    assert_int_equal(fake_read(c, CR1) | fake_read(c, CR2), 0);
}

static void mode_fault_at_once_if_nss_is_low_unless_it_is_an_output(void **state)
{
    struct chip *c = *state;
    select_slave(c, true);
    fake_write(c, CR2, 1U << 2); /* SSOE */
    fake_write(c, CR1, MSTR | SPE);
    fake_expect_violation(c, "SSOE");
    assert_int_equal(fake_read(c, SR), TXE);
    fake_write(c, CR1, 0);
    fake_write(c, CR2, 0);
    fake_write(c, CR1, MSTR | SPE);
    fake_write(c, CR1, 0); /* SR not read yet: MODF stays */
    assert_int_equal(fake_read(c, SR), TXE | MODF);
    fake_write(c, CR1, 0);
    assert_int_equal(fake_read(c, SR), TXE);
}

static void new_overrun_needs_its_own_clearing(void **state)
{
    struct chip *c = *state;
    start(c);
    (void)fake_spi(c, 1);
    (void)fake_spi(c, 2);
    (void)fake_read(c, DR);
    (void)fake_read(c, SR);
    (void)fake_spi(c, 3);
    (void)fake_spi(c, 4);
    (void)fake_read(c, SR);
    assert_int_equal(status(c), RXNE | TXE | OVR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_goes_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_must_be_in_dr_before_the_byte_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_new_in_dr_sends_the_last_byte_again, setup, teardown),
        cmocka_unit_test_setup_teardown(dr_written_twice_keeps_the_second_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(overrun_keeps_the_old_byte_and_clears_by_dr_then_sr, setup, teardown),
        cmocka_unit_test_setup_teardown(nss_high_ignores_the_bus, setup, teardown),
        cmocka_unit_test_setup_teardown(software_nss_takes_ssi_instead_of_the_pin, setup, teardown),
        cmocka_unit_test_setup_teardown(disabled_or_unclocked_slave_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(each_pin_matters, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupts_follow_flags_and_enables, setup, teardown),
        cmocka_unit_test_setup_teardown(dma_requests_go_to_both_streams_each, setup, teardown),
        cmocka_unit_test_setup_teardown(busy_spans_the_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(erratum_busy_stays_after_every_16th_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(enabling_inside_a_byte_slips_bits_until_disabled, setup, teardown),
        cmocka_unit_test_setup_teardown(slipped_slave_answers_shifted, setup, teardown),
        cmocka_unit_test_setup_teardown(nss_rising_inside_a_byte_slips_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_clock_mode_reads_garbage_and_says_so_once, setup, teardown),
        cmocka_unit_test_setup_teardown(lsb_first_reads_mirrored, setup, teardown),
        cmocka_unit_test_setup_teardown(clock_faster_than_half_of_pclk_is_a_violation, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_byte_survives_disabling_and_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(overwriting_or_resetting_the_stale_byte_is_clean, setup, teardown),
        cmocka_unit_test_setup_teardown(master_with_nss_low_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_modelled_is_a_violation, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(disabling_inside_a_byte_drops_its_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(no_dma_request_without_its_enable_and_none_after_reset, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(mode_fault_at_once_if_nss_is_low_unless_it_is_an_output, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(new_overrun_needs_its_own_clearing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
