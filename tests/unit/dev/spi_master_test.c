/* SPI1 as a master, register by register (RM0090 28), and with DMA2 (RM0090 10). Each promise names its section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/dma.h"
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
    BR_SHIFT = 3,
    SPE = 1 << 6,
    LSBFIRST = 1 << 7,
    SSI = 1 << 8,
    SSM = 1 << 9,
    RXONLY = 1 << 10,
    DFF = 1 << 11,
    RXDMAEN = 1 << 0,
    TXDMAEN = 1 << 1,
    SSOE = 1 << 2,
    ERRIE = 1 << 5,
    RXNEIE = 1 << 6,
    TXEIE = 1 << 7,
    RXNE = 1 << 0,
    TXE = 1 << 1,
    MODF = 1 << 5,
    OVR = 1 << 6,
    BSY = 1 << 7,
    IRQ = 35,
    MASTER = MSTR | SSM | SSI,
    ON = MASTER | SPE
};

enum {
    DMA2 = 0x40026400,
    STREAM_0 = 0x10,
    STREAM_STRIDE = 0x18,
    S_CR = 0x00,
    S_NDTR = 0x04,
    S_PAR = 0x08,
    S_M0AR = 0x0C,
    EN = 1 << 0,
    TO_PERIPHERAL = 1 << 6,
    MINC = 1 << 10,
    CH3 = 3 << 25,
    TCIF = 1 << 5,
    RX_BUFFER = FAKE_SRAM + 0x100,
    TX_BUFFER = FAKE_SRAM + 0x4000
};

/* At BR = 0 and PCLK2 = 16 MHz SCK is 8 MHz. */
#define BYTE_PS FAKE_US
#define PS      1ULL

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    spi_attach(c);
    dma_attach(c);
    fake_reset(c);
    for (unsigned pin = 5; pin <= 7; pin++) {
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

/* --- the byte and its time --------------------------------------------------------------------------- */

/* 28.3.3, 28.3.5: writing DR begins the sequence; RXNE ends it. */
static void byte_goes_out_when_dr_is_written_and_its_answer_is_there_after_eight_clocks(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    assert_int_equal(fake_read(c, SR), TXE);
    fake_write(c, DR, 0x5A);
    assert_int_equal(fake_read(c, SR), TXE | BSY); /* it is in the shift register already */
    assert_int_equal(fake_sent(c)->n_bytes, 1);
    assert_int_equal(fake_sent(c)->mosi[0], 0x5A);
    assert_int_equal(fake_sent(c)->byte_ps, BYTE_PS);
    fake_run(c, BYTE_PS - PS);
    assert_int_equal(fake_read(c, SR), TXE | BSY);
    fake_run(c, PS);
    assert_int_equal(fake_read(c, SR), TXE | RXNE);
    assert_int_equal(fake_read_n(c, DR, 1), 0xA5);
    assert_int_equal(fake_read(c, SR), TXE);
}

/* 28.5.1, BR: fPCLK2 / 2 to fPCLK2 / 256. */
static void each_baud_rate_divides_pclk2(void **state)
{
    struct chip *c = *state;
    for (unsigned br = 0; br < 8; br++) {
        fake_set_clock(c, CHIP_PCLK2, br % 2 ? 84000000 : 16000000);
        uint64_t expected_ps = 8ULL * (2ULL << br) * 1000000000000ULL / (br % 2 ? 84000000 : 16000000);
        fake_write(c, CR1, ON | br << BR_SHIFT);
        fake_write(c, DR, br);
        fake_run(c, expected_ps - PS);
        assert_int_equal(fake_read(c, SR), TXE | BSY);
        fake_run(c, PS);
        assert_int_equal(fake_read(c, SR), TXE | RXNE);
        assert_int_equal(fake_read(c, DR), 0xFF - br);
        fake_write(c, CR1, 0);
    }
}

/* 28.3.7: BSY stays high while bytes follow each other; 28.3.5: TXE when the next may be written. */
static void bytes_follow_each_other_without_a_gap_while_the_buffer_is_filled(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, DR, 1);
    for (unsigned i = 2; i <= 20; i++) {
        fake_write(c, DR, i);
        assert_int_equal(fake_read(c, SR) & (TXE | BSY), BSY);
        fake_run(c, BYTE_PS);
        assert_int_equal(fake_read(c, SR), TXE | RXNE | BSY);
        assert_int_equal(fake_read(c, DR), 0xFF - (i - 1));
    }
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, SR), TXE | RXNE); /* the last one: no erratum of the slave here */
    assert_int_equal(fake_read(c, DR), 0xFF - 20);
    for (unsigned i = 1; i < 20; i++) {
        assert_int_equal(fake_sent(c)->begin_ps[i] - fake_sent(c)->begin_ps[i - 1], BYTE_PS);
    }
    fake_run(c, 100 * FAKE_US);
    assert_int_equal(fake_sent(c)->n_bytes, 20); /* the clock stands still without data */
}

/* 28.3.5: a byte that is in DR when SPE rises. */
static void byte_written_before_spe_goes_out_when_spe_rises(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, MASTER);
    fake_write(c, DR, 0x77);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_sent(c)->n_bytes, 0);
    fake_write(c, CR1, ON);
    assert_int_equal(fake_sent(c)->mosi[0], 0x77);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, DR), 0x88);
}

/* 28.3.5, note: software has to wait for TXE. */
static void dr_written_over_a_waiting_byte_loses_it_and_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, DR, 1);
    fake_write(c, DR, 2);
    fake_write(c, DR, 3);
    fake_expect_violation(c, "byte 0x02 is lost");
    fake_run(c, BYTE_PS);
    (void)fake_read(c, DR);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_sent(c)->n_bytes, 2);
    assert_int_equal(fake_sent(c)->mosi[1], 3);
    (void)fake_read(c, DR);
}

/* 28.3.10: overrun, and how it is cleared. */
static void answer_that_nobody_reads_is_overrun(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR2, ERRIE);
    fake_write(c, CR1, ON);
    fake_write(c, DR, 0x11);
    fake_run(c, BYTE_PS);
    assert_false(fake_irq(c, IRQ));
    fake_write(c, DR, 0x22);
    fake_run(c, BYTE_PS);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read(c, SR), TXE | RXNE | OVR);
    assert_int_equal(fake_read(c, DR), 0xEE); /* the first one */
    assert_int_equal(fake_read(c, SR), TXE | OVR);
    assert_int_equal(fake_read(c, SR), TXE);
    assert_false(fake_irq(c, IRQ));
}

/* 28.3.11 */
static void interrupts_follow_flags_and_enables(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, CR2, RXNEIE);
    fake_write(c, DR, 0);
    assert_false(fake_irq(c, IRQ));
    fake_run(c, BYTE_PS);
    assert_true(fake_irq(c, IRQ));
    (void)fake_read(c, DR);
    assert_false(fake_irq(c, IRQ));
    fake_write(c, CR2, TXEIE);
    assert_true(fake_irq(c, IRQ));
    fake_write(c, DR, 1);
    assert_true(fake_irq(c, IRQ)); /* moved on at once */
    fake_write(c, DR, 2);
    assert_false(fake_irq(c, IRQ));
    fake_run(c, BYTE_PS);
    assert_true(fake_irq(c, IRQ));
    (void)fake_read(c, DR);
    fake_run(c, BYTE_PS);
    (void)fake_read(c, DR);
}

/* --- format and pins --------------------------------------------------------------------------------- */

/* 28.3.1, clock phase and polarity. */
static void clock_mode_is_what_the_wires_see(void **state)
{
    struct chip *c = *state;
    static const uint32_t bits[4] = {0, CPHA, CPOL, CPOL | CPHA};
    for (unsigned mode = 0; mode < 4; mode++) {
        fake_write(c, CR1, ON | bits[mode]);
        fake_write(c, DR, 0x12);
        assert_int_equal(fake_sent(c)->mode, mode);
        assert_int_equal(fake_sent(c)->mosi[mode], 0x12);
        fake_run(c, BYTE_PS);
        assert_int_equal(fake_read(c, DR), 0xED);
        fake_write(c, CR1, 0);
    }
}

/* 28.5.1, LSBFIRST */
static void lsb_first_turns_the_byte_around_both_ways(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON | LSBFIRST);
    fake_write(c, DR, 0x01);
    assert_int_equal(fake_sent(c)->mosi[0], 0x80);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, DR), 0xFE); /* 0x7F came */
}

/* 8.3.2, DS8626 table 9: without its alternate function a pin is not SPI1's. */
static void each_pin_matters(void **state)
{
    struct chip *c = *state;
    chip_set_pin_function(c, 'A', 6, false, 5); /* MISO is not connected */
    fake_write(c, CR1, ON);
    fake_write(c, DR, 0x12);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, DR), 0);
    fake_write(c, CR1, 0);
    chip_set_pin_function(c, 'A', 6, true, 5);
    chip_set_pin_function(c, 'A', 7, true, 6); /* MOSI neither */
    fake_write(c, CR1, ON);
    fake_write(c, DR, 0x12);
    fake_expect_violation(c, "PA5 or PA7");
    assert_int_equal(fake_sent(c)->mosi[1], 0);
    fake_run(c, BYTE_PS);
    (void)fake_read(c, DR);
    fake_write(c, CR1, 0);
    chip_set_pin_function(c, 'A', 7, true, 5);
    chip_set_pin_function(c, 'A', 5, false, 5); /* no clock: nobody hears, MISO floats */
    fake_write(c, CR1, ON);
    fake_write(c, DR, 0x12);
    fake_expect_violation(c, "PA5 or PA7");
    assert_int_equal(fake_sent(c)->n_bytes, 2);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, DR), 0xFF);
    fake_write(c, DR, 0x12);
    fake_run(c, BYTE_PS);
    (void)fake_read(c, DR); /* and it is said once for each SPE */
}

/* 28.3.3: the clock of a master is its own. */
static void master_hears_no_clock_of_others(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    assert_int_equal(fake_spi(c, 0x5A), 0xFF);
    assert_int_equal(fake_read(c, SR), TXE);
}

/* 28.3.1, slave select management: what a master may not leave to chance, and what is not modelled. */
static void nss_of_a_master_is_ssi_or_a_pin_but_not_an_output(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, MSTR | SPE);
    fake_expect_violation(c, "PA4 is not alternate function 5");
    fake_write(c, CR1, 0);
    fake_write(c, CR2, SSOE);
    fake_write(c, CR1, MSTR | SPE);
    fake_expect_violation(c, "SSOE");
    fake_write(c, CR1, 0);
    fake_write(c, CR2, 0);
    chip_set_pin_function(c, 'A', 4, true, 5); /* and high */
    fake_write(c, CR1, MSTR | SPE);
    assert_int_equal(fake_read(c, CR1), MSTR | SPE);
}

/* --- what ends a byte early -------------------------------------------------------------------------- */

/* 28.3.10: NSS low inside a byte; the byte is lost, SPE and MSTR stay 0 until MODF is cleared. */
static void mode_fault_ends_the_byte_and_keeps_the_master_off(void **state)
{
    struct chip *c = *state;
    chip_set_pin_function(c, 'A', 4, true, 5);
    fake_write(c, CR2, ERRIE);
    fake_write(c, CR1, MSTR | SPE);
    fake_write(c, DR, 1);
    fake_run(c, BYTE_PS / 2);
    chip_pin_outside(c, 'A', 4, false);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read(c, CR1), 0);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_read(c, SR), TXE | MODF); /* no BSY, no answer */
    chip_pin_outside(c, 'A', 4, true);
    fake_write(c, CR1, MSTR | SPE);
    fake_expect_violation(c, "while MODF stands");
    assert_int_equal(fake_read(c, CR1), 0); /* this write cleared MODF, the next one counts */
    assert_int_equal(fake_read(c, SR), TXE);
    fake_write(c, CR1, MSTR | SPE);
    fake_write(c, DR, 2);
    fake_run(c, BYTE_PS);
    assert_int_equal(fake_read(c, DR), 0xFD);
}

/* 28.3.10: SSI = 0 is a low NSS; a write to SR is an access to SR as well. */
static void mode_fault_by_ssi_is_cleared_by_a_write_to_sr_and_one_to_cr1(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, MSTR | SSM | SPE);
    assert_int_equal(fake_read(c, CR1), SSM);
    fake_write(c, CR1, SSM | SSI);
    assert_int_equal(fake_read(c, CR1), SSM | SSI);
    fake_write(c, SR, 0);
    fake_write(c, CR1, SSM | SSI);
    assert_int_equal(fake_read(c, SR), TXE);
    fake_write(c, CR1, ON);
    assert_int_equal(fake_read(c, CR1), ON);
}

/* 28.3.8: RXNE, TXE and not BSY come before SPE = 0. */
static void spe_cleared_inside_a_byte_cuts_it_and_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, DR, 0x42);
    fake_run(c, BYTE_PS / 2);
    fake_write(c, CR1, MASTER);
    fake_expect_violation(c, "byte 0x42 is cut");
    assert_int_equal(fake_read(c, SR), TXE);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_read(c, SR), TXE); /* no answer */
}

/* 28.5.1, BR, MSTR, CPOL, CPHA. */
static void set_up_changed_under_a_byte_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, DR, 1);
    fake_write(c, CR1, ON | 3 << BR_SHIFT);
    fake_expect_violation(c, "BR changed");
    fake_run(c, BYTE_PS); /* and this byte keeps its rate */
    assert_int_equal(fake_read(c, DR), 0xFE);
    fake_write(c, CR1, ON); /* between bytes it is fine */
    assert_int_equal(fake_violations(c), 0);
    fake_write(c, CR1, ON | CPOL);
    fake_expect_violation(c, "while SPE = 1");
    fake_write(c, CR1, ON & ~(uint32_t)MSTR);
    fake_expect_violation(c, "while SPE = 1");
}

/* 28.5.1: receive-only, 16-bit frames. */
static void what_is_not_modelled_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON | RXONLY);
    fake_expect_violation(c, "receive-only");
    fake_write(c, CR1, 0);
    fake_write(c, CR1, ON | DFF);
    fake_expect_violation(c, "16-bit");
}

/* 7.3.9: RCC_APB2RSTR, and any reset of the chip. */
static void reset_inside_a_byte_leaves_nothing_of_it(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, ON);
    fake_write(c, DR, 1);
    fake_write(c, DR, 2);
    fake_run(c, BYTE_PS / 2);
    fake_reset(c);
    fake_run(c, 10 * FAKE_US);
    assert_int_equal(fake_read(c, SR), TXE);
    assert_int_equal(fake_read(c, CR1), 0);
    assert_int_equal(fake_sent(c)->n_bytes, 1);
}

/* --- DMA --------------------------------------------------------------------------------------------- */

static uint32_t stream(unsigned n, uint32_t reg)
{
    return DMA2 + STREAM_0 + n * STREAM_STRIDE + reg;
}

static void start_stream(struct chip *c, unsigned n, uint32_t memory, uint32_t n_items, uint32_t cr)
{
    fake_write(c, stream(n, S_PAR), DR);
    fake_write(c, stream(n, S_M0AR), memory);
    fake_write(c, stream(n, S_NDTR), n_items);
    fake_write(c, stream(n, S_CR), cr | CH3 | EN);
}

static void dma_moves_both_ways(struct chip *c, unsigned rx, unsigned tx, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        *fake_sram(c, TX_BUFFER + i) = (uint8_t)(i * 7U);
        *fake_sram(c, RX_BUFFER + i) = 0;
    }
    size_t before = fake_sent(c)->n_bytes;
    fake_write(c, CR1, MASTER);
    start_stream(c, rx, RX_BUFFER, n_bytes, MINC);
    start_stream(c, tx, TX_BUFFER, n_bytes, MINC | TO_PERIPHERAL);
    fake_write(c, CR2, RXDMAEN | TXDMAEN);
    fake_write(c, CR1, ON);
    fake_run(c, n_bytes * BYTE_PS - PS);
    assert_int_equal(fake_read(c, stream(rx, S_NDTR)), 1);
    assert_int_equal(fake_read(c, stream(tx, S_NDTR)), 0); /* TX is done two bytes earlier */
    assert_int_equal(fake_read(c, SR) & BSY, BSY);         /* so NSS must wait for BSY or for RX */
    fake_run(c, PS);
    assert_int_equal(fake_read(c, stream(rx, S_CR)) & EN, 0);
    assert_int_equal(fake_read(c, stream(rx, S_NDTR)), 0);
    assert_int_equal(fake_read(c, SR), TXE);
    for (uint32_t i = 0; i < n_bytes; i++) {
        assert_int_equal(fake_sent(c)->mosi[before + i], (uint8_t)(i * 7U));
        assert_int_equal(*fake_sram(c, RX_BUFFER + i), (uint8_t) ~(i * 7U));
    }
    fake_write(c, CR2, 0);
    fake_write(c, CR1, 0);
    fake_write(c, DMA2 + 0x08, 0x0F7D0F7D);
    fake_write(c, DMA2 + 0x0C, 0x0F7D0F7D);
}

/* 28.3.9, table 43: streams 0 or 2 receive, 3 or 5 send, channel 3. */
static void dma_moves_a_block_both_ways_without_a_gap(void **state)
{
    struct chip *c = *state;
    dma_moves_both_ways(c, 0, 3, 100);
    dma_moves_both_ways(c, 2, 5, 100);
    dma_moves_both_ways(c, 2, 3, 2);
}

/* 28.3.9: both requests fall with the enables; a stream that is too late for RXNE is OVR. */
static void dma_that_only_sends_runs_into_overrun(void **state)
{
    struct chip *c = *state;
    *fake_sram(c, TX_BUFFER) = 1;
    *fake_sram(c, TX_BUFFER + 1) = 2;
    *fake_sram(c, TX_BUFFER + 2) = 3;
    start_stream(c, 3, TX_BUFFER, 3, MINC | TO_PERIPHERAL);
    fake_write(c, CR2, TXDMAEN);
    fake_write(c, CR1, ON);
    fake_run(c, 3 * BYTE_PS);
    assert_int_equal(fake_sent(c)->n_bytes, 3);
    assert_int_equal(fake_read(c, SR), TXE | RXNE | OVR);
    assert_int_equal(fake_read(c, DR), 0xFE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(byte_goes_out_when_dr_is_written_and_its_answer_is_there_after_eight_clocks),
        T(each_baud_rate_divides_pclk2),
        T(bytes_follow_each_other_without_a_gap_while_the_buffer_is_filled),
        T(byte_written_before_spe_goes_out_when_spe_rises),
        T(dr_written_over_a_waiting_byte_loses_it_and_is_a_violation),
        T(answer_that_nobody_reads_is_overrun),
        T(interrupts_follow_flags_and_enables),
        T(clock_mode_is_what_the_wires_see),
        T(lsb_first_turns_the_byte_around_both_ways),
        T(each_pin_matters),
        T(master_hears_no_clock_of_others),
        T(nss_of_a_master_is_ssi_or_a_pin_but_not_an_output),
        T(mode_fault_ends_the_byte_and_keeps_the_master_off),
        T(mode_fault_by_ssi_is_cleared_by_a_write_to_sr_and_one_to_cr1),
        T(spe_cleared_inside_a_byte_cuts_it_and_is_a_violation),
        T(set_up_changed_under_a_byte_is_a_violation),
        T(what_is_not_modelled_is_a_violation),
        T(reset_inside_a_byte_leaves_nothing_of_it),
        T(dma_moves_a_block_both_ways_without_a_gap),
        T(dma_that_only_sends_runs_into_overrun),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
