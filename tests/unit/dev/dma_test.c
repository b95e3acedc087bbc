/* DMA1 and DMA2, register by register (RM0090 10.5), and with SPI1 on the wires as the agent uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/dma.h"
#include "dev/spi.h"
#include "fake_chip.h"

enum {
    DMA1 = 0x40026000,
    DMA2 = 0x40026400,
    LISR = 0x00,
    HISR = 0x04,
    LIFCR = 0x08,
    HIFCR = 0x0C,
    CR = 0x00,
    NDTR = 0x04,
    PAR = 0x08,
    M0AR = 0x0C,
    M1AR = 0x10,
    FCR = 0x14,
    EN = 1 << 0,
    TEIE = 1 << 2,
    HTIE = 1 << 3,
    TCIE = 1 << 4,
    PFCTRL = 1 << 5,
    TO_PERIPHERAL = 1 << 6,
    MEM_TO_MEM = 2 << 6,
    CIRC = 1 << 8,
    PINC = 1 << 9,
    MINC = 1 << 10,
    HALF = 1 << 11,
    WORD = 2 << 11,
    PL_HIGH = 2 << 16,
    DBM = 1 << 18,
    CT = 1 << 19,
    CH3 = 3 << 25,
    DMDIS = 1 << 2,
    TEIF = 1 << 3,
    HTIF = 1 << 4,
    TCIF = 1 << 5,
    SPI1 = 0x40013000,
    SPI_DR = SPI1 + 0x0C,
    SPE = 1 << 6,
    RXDMAEN = 1 << 0,
    TXDMAEN = 1 << 1,
    RX_BUFFER = FAKE_SRAM + 0x100,
    TX_BUFFER = FAKE_SRAM + 0x4000,
    IRQ_DMA2_S0 = 56,
    IRQ_DMA2_S3 = 59,
    RX_FLAGS_SHIFT = 0, /* stream 0 */
    TX_FLAGS_SHIFT = 22 /* stream 3 */
};

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    dma_attach(c);
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

static uint32_t stream(uint32_t dma, unsigned n)
{
    return dma + 0x10U + 0x18U * n;
}

static void configure(struct chip *c, uint32_t s, uint32_t par, uint32_t m0ar, uint32_t items)
{
    fake_write(c, s + PAR, par);
    fake_write(c, s + M0AR, m0ar);
    fake_write(c, s + NDTR, items);
}

static uint32_t rx_flags(struct chip *c)
{
    return (fake_read(c, DMA2 + LISR) >> RX_FLAGS_SHIFT) & 0x3D;
}

static uint32_t tx_flags(struct chip *c)
{
    return (fake_read(c, DMA2 + LISR) >> TX_FLAGS_SHIFT) & 0x3D;
}

static void start_spi(struct chip *c, uint32_t cr2)
{
    fake_write(c, SPI1 + 4, cr2);
    fake_write(c, SPI1, SPE);
    chip_pin_outside(c, 'A', 4, false);
}

static void start_rx(struct chip *c, uint32_t items, uint32_t bits)
{
    configure(c, stream(DMA2, 0), SPI_DR, RX_BUFFER, items);
    fake_write(c, stream(DMA2, 0) + CR, CH3 | MINC | bits | EN);
}

static void start_tx(struct chip *c, uint32_t items, uint32_t bits)
{
    configure(c, stream(DMA2, 3), SPI_DR, TX_BUFFER, items);
    fake_write(c, stream(DMA2, 3) + CR, CH3 | MINC | TO_PERIPHERAL | bits | EN);
}

static void send(struct chip *c, unsigned first, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        (void)fake_spi(c, (uint8_t)(first + i));
    }
}

static void reset_values(void **state)
{
    struct chip *c = *state;
    for (unsigned n = 0; n < 8; n++) {
        assert_int_equal(fake_read(c, stream(DMA1, n) + CR), 0);
        assert_int_equal(fake_read(c, stream(DMA2, n) + NDTR), 0);
        assert_int_equal(fake_read(c, stream(DMA2, n) + FCR), 0x21);
    }
    assert_int_equal(fake_read(c, DMA2 + LISR) | fake_read(c, DMA2 + HISR), 0);
}

static void reception_fills_memory_and_stops(void **state)
{
    struct chip *c = *state;
    start_rx(c, 4, TCIE | HTIE);
    start_spi(c, RXDMAEN);
    send(c, 0x10, 1);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 3);
    assert_int_equal(rx_flags(c), 0);
    send(c, 0x11, 1);
    assert_int_equal(rx_flags(c), HTIF);
    assert_true(fake_irq(c, IRQ_DMA2_S0));
    fake_write(c, DMA2 + LIFCR, HTIF);
    assert_false(fake_irq(c, IRQ_DMA2_S0));
    send(c, 0x12, 2);
    assert_int_equal(rx_flags(c), TCIF);
    assert_true(fake_irq(c, IRQ_DMA2_S0));
    assert_int_equal(fake_read(c, stream(DMA2, 0) + CR) & EN, 0);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 0);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x10\x11\x12\x13", 5);
    send(c, 0x14, 2); /* nobody reads DR any more */
    assert_int_equal(fake_read(c, SPI1 + 8) & 0x41, 0x41);
}

static void circular_reception_wraps_and_flags_both_halves(void **state)
{
    struct chip *c = *state;
    start_rx(c, 8, CIRC);
    start_spi(c, RXDMAEN);
    send(c, 0, 8);
    assert_int_equal(rx_flags(c), HTIF | TCIF);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 8);
    send(c, 8, 3);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 5);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x08\x09\x0A\x03\x04\x05\x06\x07", 9);
}

static void transmission_is_two_bytes_ahead_of_the_wire(void **state)
{
    struct chip *c = *state;
    memcpy(fake_sram(c, TX_BUFFER), "\x01\x02\x03\x04\x05\x06", 6);
    start_spi(c, TXDMAEN | RXDMAEN);
    start_rx(c, 100, 0);
    start_tx(c, 6, 0);
    assert_int_equal(fake_read(c, stream(DMA2, 3) + NDTR), 5); /* one in DR, one more fetched */
    memset(fake_sram(c, TX_BUFFER), 0xEE, 6);
    assert_int_equal(fake_spi(c, 0), 1);
    assert_int_equal(fake_spi(c, 0), 2);
    assert_int_equal(fake_spi(c, 0), 0xEE);
}

static void transmission_ends_and_the_last_byte_repeats(void **state)
{
    struct chip *c = *state;
    memcpy(fake_sram(c, TX_BUFFER), "\x0A\x0B\x0C", 3);
    start_spi(c, TXDMAEN | RXDMAEN);
    start_rx(c, 100, 0);
    start_tx(c, 3, TCIE);
    assert_int_equal(fake_spi(c, 0), 0x0A);
    assert_int_equal(tx_flags(c) & TCIF, 0);
    assert_int_equal(fake_spi(c, 0), 0x0B);
    assert_int_equal(tx_flags(c) & TCIF, TCIF); /* in DR, not yet on the wire */
    assert_true(fake_irq(c, IRQ_DMA2_S3));
    assert_int_equal(fake_spi(c, 0), 0x0C);
    assert_int_equal(fake_spi(c, 0), 0x0C);
}

static void circular_transmission_repeats_its_buffer(void **state)
{
    struct chip *c = *state;
    memcpy(fake_sram(c, TX_BUFFER), "\xA5\x79", 2);
    start_spi(c, TXDMAEN | RXDMAEN);
    start_rx(c, 100, CIRC);
    start_tx(c, 2, CIRC);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fake_spi(c, 0), i % 2 ? 0x79 : 0xA5);
    }
}

static void double_buffer_swaps_memories(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    configure(c, s, SPI_DR, RX_BUFFER, 2);
    fake_write(c, s + M1AR, RX_BUFFER + 0x10);
    fake_write(c, s + CR, CH3 | MINC | DBM | EN);
    start_spi(c, RXDMAEN);
    send(c, 1, 2);
    assert_int_equal(fake_read(c, s + CR) & CT, CT);
    fake_write(c, s + M0AR, RX_BUFFER + 0x20); /* the idle one may move */
    send(c, 3, 2);
    assert_int_equal(fake_read(c, s + CR) & CT, 0);
    send(c, 5, 1);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x01\x02", 2);
    assert_memory_equal(fake_sram(c, RX_BUFFER + 0x10), "\x03\x04", 2);
    assert_memory_equal(fake_sram(c, RX_BUFFER + 0x20), "\x05", 2);
    fake_write(c, s + M0AR, RX_BUFFER); /* the busy one may not */
    fake_expect_violation(c, "M0AR written while EN = 1");
    assert_int_equal(fake_read(c, s + CR) & EN, 0);
    assert_int_equal(rx_flags(c) & TEIF, TEIF);
}

static void software_stop_sets_tcif_and_keeps_the_count(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    start_rx(c, 10, 0);
    start_spi(c, RXDMAEN);
    send(c, 0, 3);
    fake_write(c, s + CR, fake_read(c, s + CR) & ~(uint32_t)EN);
    assert_int_equal(fake_read(c, s + NDTR), 7);
    assert_int_equal(rx_flags(c) & TCIF, TCIF);
    fake_write(c, s + CR, fake_read(c, s + CR) | EN);
    fake_expect_violation(c, "event flags");
}

static void enable_reloads_the_last_count(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    start_rx(c, 2, 0);
    start_spi(c, RXDMAEN);
    send(c, 1, 2);
    fake_write(c, DMA2 + LIFCR, 0x3D);
    fake_write(c, s + CR, fake_read(c, s + CR) | EN);
    assert_int_equal(fake_read(c, s + NDTR), 2);
    send(c, 7, 1);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x07\x02", 2);
}

static void standing_request_is_served_when_the_stream_is_enabled(void **state)
{
    struct chip *c = *state;
    start_spi(c, RXDMAEN);
    (void)fake_spi(c, 0x42);
    start_rx(c, 4, 0);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 3);
    assert_int_equal(*fake_sram(c, RX_BUFFER), 0x42);
}

static void wrong_channel_is_deaf(void **state)
{
    struct chip *c = *state;
    configure(c, stream(DMA2, 0), SPI_DR, RX_BUFFER, 4);
    fake_write(c, stream(DMA2, 0) + CR, 2U << 25 | MINC | EN);
    start_spi(c, RXDMAEN);
    (void)fake_spi(c, 0x42);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 4);
}

/* Both receive streams hear SPI1; who is served first reads DR, and the other finds no request. The requests
 * rise together because a third stream switches them on. */
static void race_of_receive_streams(struct chip *c, uint32_t priority_of_stream_2)
{
    uint32_t s7 = stream(DMA2, 7);
    start_spi(c, 0);
    (void)fake_spi(c, 0x42);
    start_rx(c, 4, 0);
    configure(c, stream(DMA2, 2), SPI_DR, RX_BUFFER + 0x10, 4);
    fake_write(c, stream(DMA2, 2) + CR, CH3 | MINC | priority_of_stream_2 | EN);
    fake_write(c, TX_BUFFER, RXDMAEN);
    configure(c, s7, SPI1 + 4, TX_BUFFER, 1);
    fake_write(c, s7 + CR, TO_PERIPHERAL | HALF | EN);
    chip_dma_request(c, 2, 7, 0, true);
}

static void higher_priority_stream_is_served_first(void **state)
{
    struct chip *c = *state;
    race_of_receive_streams(c, PL_HIGH);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 4);
    assert_int_equal(fake_read(c, stream(DMA2, 2) + NDTR), 3);
    assert_int_equal(*fake_sram(c, RX_BUFFER + 0x10), 0x42);
}

static void equal_priority_goes_to_the_lower_stream(void **state)
{
    struct chip *c = *state;
    race_of_receive_streams(c, 0);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + NDTR), 3);
    assert_int_equal(fake_read(c, stream(DMA2, 2) + NDTR), 4);
}

static void half_words_and_words_move_by_their_size(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 1);
    memcpy(fake_sram(c, TX_BUFFER), "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    configure(c, s, TX_BUFFER, RX_BUFFER, 2);
    fake_write(c, s + CR, MEM_TO_MEM | PINC | MINC | HALF | EN);
    fake_run(c, FAKE_MS);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x11\x22\x33\x44\0", 5);
    fake_write(c, DMA2 + LIFCR, 0x3D << 6);
    configure(c, s, TX_BUFFER, RX_BUFFER, 2);
    fake_write(c, s + CR, MEM_TO_MEM | PINC | MINC | WORD | EN);
    fake_run(c, FAKE_MS);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x11\x22\x33\x44\x55\x66\x77\x88", 9);
}

static void memory_to_memory_copies_in_time(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 7);
    for (unsigned i = 0; i < 1000; i++) {
        fake_sram(c, TX_BUFFER)[i] = (uint8_t)(i * 7U);
    }
    configure(c, s, TX_BUFFER, RX_BUFFER, 1000);
    fake_write(c, s + CR, MEM_TO_MEM | PINC | MINC | TCIE | EN);
    assert_int_equal(fake_read(c, s + NDTR), 1000);
    fake_run(c, 100 * FAKE_US);
    assert_in_range(fake_read(c, s + NDTR), 1, 999);
    fake_run(c, FAKE_MS);
    assert_true(fake_irq(c, 70));
    assert_int_equal(fake_read(c, DMA2 + HISR), (uint32_t)(HTIF | TCIF) << 22);
    assert_memory_equal(fake_sram(c, RX_BUFFER), fake_sram(c, TX_BUFFER), 1000);
    fake_write(c, DMA2 + HIFCR, 0x0F7D0F7D);
    assert_false(fake_irq(c, 70));
}

static void each_stream_has_its_flags_and_interrupt(void **state)
{
    static const unsigned irqs[8] = {56, 57, 58, 59, 60, 68, 69, 70};
    static const unsigned shifts[4] = {0, 6, 16, 22};
    struct chip *c = *state;
    for (unsigned n = 0; n < 8; n++) {
        uint32_t isr = DMA2 + (n < 4 ? LISR : HISR);
        configure(c, stream(DMA2, n), TX_BUFFER, RX_BUFFER, 1);
        fake_write(c, stream(DMA2, n) + CR, MEM_TO_MEM | TCIE | EN);
        fake_run(c, FAKE_MS);
        assert_true(fake_irq(c, irqs[n]));
        assert_int_equal(fake_read(c, isr), (uint32_t)(HTIF | TCIF) << shifts[n % 4]);
        fake_write(c, DMA2 + (n < 4 ? LIFCR : HIFCR), (uint32_t)(HTIF | TCIF) << shifts[n % 4]);
        assert_false(fake_irq(c, irqs[n]));
    }
}

static void ccm_is_out_of_reach(void **state)
{
    struct chip *c = *state;
    configure(c, stream(DMA2, 0), SPI_DR, FAKE_CCM, 4);
    fake_write(c, stream(DMA2, 0) + CR, CH3 | MINC | TEIE | EN);
    start_spi(c, RXDMAEN);
    (void)fake_spi(c, 0x42);
    fake_expect_violation(c, "bus error at memory address 0x10000000");
    assert_int_equal(rx_flags(c), TEIF);
    assert_int_equal(fake_read(c, stream(DMA2, 0) + CR) & EN, 0);
    assert_true(fake_irq(c, IRQ_DMA2_S0));
}

static void registers_are_frozen_while_enabled(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    start_rx(c, 4, 0);
    fake_write(c, s + NDTR, 9);
    fake_expect_violation(c, "NDTR");
    fake_write(c, s + PAR, 0);
    fake_expect_violation(c, "PAR");
    fake_write(c, s + M0AR, 0);
    fake_expect_violation(c, "M0AR");
    fake_write(c, s + FCR, 0x22);
    fake_expect_violation(c, "FCR");
    fake_write(c, s + CR, CH3 | MINC | CIRC | EN);
    fake_expect_violation(c, "changed while EN = 1");
    assert_int_equal(fake_read(c, s + NDTR), 4);
    assert_int_equal(fake_read(c, s + PAR), SPI_DR);
    assert_int_equal(fake_read(c, s + M0AR), RX_BUFFER);
    assert_int_equal(fake_read(c, s + CR), CH3 | MINC | EN);
    fake_write(c, s + CR, CH3 | MINC | TCIE | EN); /* interrupt enables may change */
    assert_int_equal(fake_read(c, s + CR), CH3 | MINC | TCIE | EN);
}

static void expect_refused(struct chip *c, uint32_t s, uint32_t cr, const char *text)
{
    fake_write(c, s + CR, cr | EN);
    fake_expect_violation(c, text);
    assert_int_equal(fake_read(c, s + CR) & EN, 0);
}

static void impossible_set_ups_are_refused(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    expect_refused(c, s, CH3, "NDTR = 0");
    configure(c, s, SPI_DR, RX_BUFFER, 4);
    expect_refused(c, s, 3U << 6, "reserved DIR");
    expect_refused(c, s, 3U << 11, "reserved DIR or PSIZE");
    expect_refused(c, s, MEM_TO_MEM | CIRC, "circular");
    expect_refused(c, s, CH3 | PFCTRL, "flow control");
    fake_write(c, s + FCR, DMDIS);
    expect_refused(c, s, CH3, "FIFO");
    fake_write(c, s + FCR, 0);
    fake_write(c, s + M0AR, RX_BUFFER + 1);
    expect_refused(c, s, CH3 | HALF, "aligned");
    configure(c, stream(DMA1, 0), TX_BUFFER, RX_BUFFER, 4);
    expect_refused(c, stream(DMA1, 0), MEM_TO_MEM, "needs DMA2");
    fake_write(c, s + CR, 1U << 28);
    fake_expect_violation(c, "reserved bits");
    fake_write_n(c, s + CR, 2, 0);
    fake_expect_violation(c, "words only");
    fake_write(c, DMA2 + LISR, 1);
    fake_expect_violation(c, "read-only");
    (void)fake_read(c, DMA2 + 0xD0);
    fake_expect_violation(c, "no register");
}

/* What the agent does: one circular buffer, read up to NDTR in chunks of any size, NSS going up between
 * them. */
static void circular_reception_loses_nothing_in_odd_chunks_with_nss_toggling(void **state)
{
    enum { BUFFER = 61, TOTAL = 20000 };
    struct chip *c = *state;
    uint32_t random = 12345;
    uint8_t expected = 0;
    uint8_t sent = 0;
    unsigned tail = 0;
    print_message("seed %u\n", (unsigned)random);
    start_rx(c, BUFFER, CIRC);
    start_tx(c, 7, CIRC);
    start_spi(c, RXDMAEN | TXDMAEN);
    for (unsigned done = 0; done < TOTAL;) {
        random = random * 1664525U + 1013904223U;
        unsigned n = 1 + (random >> 16) % (BUFFER - 1);
        send(c, sent, n);
        sent = (uint8_t)(sent + n);
        done += n;
        if (random & 0x80) {
            chip_pin_outside(c, 'A', 4, true);
            fake_run(c, (random >> 24) * 1000ULL);
            (void)fake_spi(c, 0xEE); /* not for us */
            chip_pin_outside(c, 'A', 4, false);
        }
        unsigned head = (BUFFER - fake_read(c, stream(DMA2, 0) + NDTR)) % BUFFER;
        while (tail != head) {
            assert_int_equal(fake_sram(c, RX_BUFFER)[tail], expected);
            expected++;
            tail = (tail + 1) % BUFFER;
        }
        assert_int_equal(expected, sent);
    }
    assert_int_equal(fake_read(c, SPI1 + 8) & 0x40, 0); /* no overrun */
}

static void registers_keep_what_is_written(void **state)
{
    struct chip *c = *state;
    for (unsigned n = 0; n < 8; n++) {
        uint32_t s = stream(DMA1, n);
        fake_write(c, s + CR, 0x0FEFFFFE);
        fake_write(c, s + NDTR, 0x1234 + n);
        fake_write(c, s + PAR, 0x40000000 + n);
        fake_write(c, s + M0AR, 0x20000000 + n);
        fake_write(c, s + M1AR, 0x20001000 + n);
        fake_write(c, s + FCR, 0x87);
    }
    for (unsigned n = 0; n < 8; n++) {
        uint32_t s = stream(DMA1, n);
        assert_int_equal(fake_read(c, s + CR), 0x0FEFFFFE);
        assert_int_equal(fake_read(c, s + NDTR), 0x1234 + n);
        assert_int_equal(fake_read(c, s + PAR), 0x40000000 + n);
        assert_int_equal(fake_read(c, s + M0AR), 0x20000000 + n);
        assert_int_equal(fake_read(c, s + M1AR), 0x20001000 + n);
        assert_int_equal(fake_read(c, s + FCR), 0xA7);
        assert_int_equal(fake_read_n(c, s + NDTR, 1), 0x34 + n);
    }
    assert_int_equal(fake_read(c, DMA1 + LIFCR) | fake_read(c, DMA1 + HIFCR), 0);
    fake_write(c, DMA1 + LIFCR, 0x2);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, stream(DMA1, 0) + FCR, 0x100);
    fake_expect_violation(c, "reserved bits");
    fake_reset(c);
    assert_int_equal(fake_read(c, stream(DMA1, 3) + CR) | fake_read(c, stream(DMA1, 3) + PAR), 0);
    assert_int_equal(fake_read(c, stream(DMA1, 3) + FCR), 0x21);
}

static void stopped_transmission_starts_over_from_its_base(void **state)
{
    struct chip *c = *state;
    memcpy(fake_sram(c, TX_BUFFER), "\x01\x02\x03\x04", 4);
    start_rx(c, 100, 0);
    start_tx(c, 4, 0);
    fake_write(c, stream(DMA2, 3) + CR, CH3 | MINC | TO_PERIPHERAL);
    assert_int_equal(tx_flags(c), TCIF);
    fake_write(c, DMA2 + LIFCR, 0x3DU << TX_FLAGS_SHIFT);
    memcpy(fake_sram(c, TX_BUFFER), "\x0A\x0B\x0C\x0D", 4);
    fake_write(c, stream(DMA2, 3) + CR, CH3 | MINC | TO_PERIPHERAL | EN);
    start_spi(c, TXDMAEN | RXDMAEN);
    assert_int_equal(fake_spi(c, 0), 0x0A); /* 01, fetched ahead the first time, is gone */
    assert_int_equal(fake_spi(c, 0), 0x0B);
}

static void interrupts_follow_flags_and_enables(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    start_rx(c, 4, CIRC);
    start_spi(c, RXDMAEN);
    send(c, 0, 4);
    assert_int_equal(rx_flags(c), HTIF | TCIF);
    assert_false(fake_irq(c, IRQ_DMA2_S0));
    fake_write(c, s + CR, CH3 | MINC | CIRC | TEIE | EN);
    assert_false(fake_irq(c, IRQ_DMA2_S0));
    fake_write(c, s + CR, CH3 | MINC | CIRC | HTIE | EN); /* also while it runs */
    assert_true(fake_irq(c, IRQ_DMA2_S0));
    fake_write(c, DMA2 + LIFCR, HTIF);
    assert_false(fake_irq(c, IRQ_DMA2_S0));
    fake_write(c, s + CR, CH3 | MINC | CIRC);
    fake_write(c, s + CR, CH3 | MINC | CIRC | TCIE); /* and while it stands */
    assert_true(fake_irq(c, IRQ_DMA2_S0));
    fake_reset(c);
    assert_false(fake_irq(c, IRQ_DMA2_S0));
    assert_int_equal(fake_read(c, DMA2 + LISR), 0);
}

static void bus_errors_stop_the_stream(void **state)
{
    struct chip *c = *state;
    configure(c, stream(DMA2, 1), 0x60000000, RX_BUFFER, 4); /* nothing there */
    fake_write(c, stream(DMA2, 1) + CR, MEM_TO_MEM | PINC | MINC | EN);
    fake_run(c, FAKE_MS);
    fake_expect_violation(c, "source address 0x60000000");
    configure(c, stream(DMA2, 3), 0x60000000, TX_BUFFER, 4);
    fake_write(c, stream(DMA2, 3) + CR, CH3 | TO_PERIPHERAL | MINC | EN);
    start_spi(c, TXDMAEN);
    fake_expect_violation(c, "peripheral address 0x60000000");
    assert_int_equal(tx_flags(c), TEIF);
    assert_int_equal(fake_read(c, stream(DMA2, 3) + CR) & EN, 0);
    configure(c, stream(DMA2, 5), SPI_DR, FAKE_CCM, 4);
    fake_write(c, stream(DMA2, 5) + CR, CH3 | TO_PERIPHERAL | MINC | EN);
    fake_expect_violation(c, "memory address 0x10000000"); /* already when it fetches ahead */
    assert_int_equal(fake_read(c, DMA2 + HISR), (uint32_t)TEIF << 6);
}

static void peripheral_address_steps_with_pinc(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 7);
    memcpy(fake_sram(c, TX_BUFFER), "\x01\x02\x03", 3);
    configure(c, s, RX_BUFFER, TX_BUFFER, 3);
    fake_write(c, s + CR, TO_PERIPHERAL | PINC | MINC | EN);
    chip_dma_request(c, 2, 7, 0, true);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x01\x02\x03", 4);
    fake_write(c, DMA2 + HIFCR, 0x0F7D0F7D);
    fake_write(c, s + CR, MINC | EN); /* and back, without PINC: the same byte thrice */
    assert_memory_equal(fake_sram(c, TX_BUFFER), "\x01\x01\x01", 3);
}

static void reset_stops_a_copy(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 1);
    *fake_sram(c, TX_BUFFER) = 0x55;
    configure(c, s, TX_BUFFER, RX_BUFFER, 4);
    fake_write(c, s + CR, MEM_TO_MEM | EN);
    fake_reset(c);
    fake_run(c, FAKE_MS);
    assert_int_equal(*fake_sram(c, RX_BUFFER), 0);
}

static void memory_size_follows_peripheral_size(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 0);
    configure(c, s, SPI_DR, RX_BUFFER, 4);
    fake_write(c, s + CR, CH3 | MINC | 2U << 13 | EN); /* MSIZE word, PSIZE byte */
    assert_int_equal(fake_read(c, s + CR), CH3 | MINC | EN);
    start_spi(c, RXDMAEN);
    send(c, 0x21, 2);
    assert_memory_equal(fake_sram(c, RX_BUFFER), "\x21\x22\0", 3);
}

static void request_outlives_a_reset_of_the_dma(void **state)
{
    struct chip *c = *state;
    uint32_t s = stream(DMA2, 7);
    chip_dma_request(c, 2, 7, 0, true);
    fake_reset(c); /* lowers SPI1's lines, not this one's */
    *fake_sram(c, TX_BUFFER) = 0x42;
    configure(c, s, RX_BUFFER, TX_BUFFER, 1);
    fake_write(c, s + CR, TO_PERIPHERAL | EN);
    assert_int_equal(*fake_sram(c, RX_BUFFER), 0x42);
}

/* The driver's way: an endless pattern, data once, the pattern again. One stale byte of the buffer leaves
 * first. */
static void pattern_data_pattern_loses_no_byte_of_the_data(void **state)
{
    enum { DATA = FAKE_SRAM + 0x5000, N = 13 };
    struct chip *c = *state;
    uint8_t heard[64];
    memcpy(fake_sram(c, TX_BUFFER), "\xA5\x79", 2);
    for (unsigned i = 0; i < N; i++) {
        fake_sram(c, DATA)[i] = (uint8_t)(0x10 + i);
    }
    start_spi(c, TXDMAEN | RXDMAEN);
    start_rx(c, 64, CIRC);
    start_tx(c, 2, CIRC);
    for (unsigned before = 0; before < 5; before++) {
        (void)fake_spi(c, 0);
        fake_write(c, stream(DMA2, 3) + CR, CH3 | MINC | TO_PERIPHERAL | CIRC); /* EN = 0 */
        fake_write(c, DMA2 + LIFCR, 0x3DU << TX_FLAGS_SHIFT);
        configure(c, stream(DMA2, 3), SPI_DR, DATA, N);
        fake_write(c, stream(DMA2, 3) + CR, CH3 | MINC | TO_PERIPHERAL | EN);
        for (unsigned i = 0; i < N + 1U; i++) {
            heard[i] = fake_spi(c, 0);
        }
        assert_true(heard[0] == 0xA5 || heard[0] == 0x79);
        assert_memory_equal(&heard[1], fake_sram(c, DATA), N);
        assert_int_equal(tx_flags(c) & TCIF, TCIF);
        fake_write(c, DMA2 + LIFCR, 0x3DU << TX_FLAGS_SHIFT);
        start_tx(c, 2, CIRC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(reception_fills_memory_and_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(circular_reception_wraps_and_flags_both_halves, setup, teardown),
        cmocka_unit_test_setup_teardown(transmission_is_two_bytes_ahead_of_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(transmission_ends_and_the_last_byte_repeats, setup, teardown),
        cmocka_unit_test_setup_teardown(circular_transmission_repeats_its_buffer, setup, teardown),
        cmocka_unit_test_setup_teardown(double_buffer_swaps_memories, setup, teardown),
        cmocka_unit_test_setup_teardown(software_stop_sets_tcif_and_keeps_the_count, setup, teardown),
        cmocka_unit_test_setup_teardown(enable_reloads_the_last_count, setup, teardown),
        cmocka_unit_test_setup_teardown(standing_request_is_served_when_the_stream_is_enabled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_channel_is_deaf, setup, teardown),
        cmocka_unit_test_setup_teardown(higher_priority_stream_is_served_first, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_priority_goes_to_the_lower_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(half_words_and_words_move_by_their_size, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_to_memory_copies_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(each_stream_has_its_flags_and_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(ccm_is_out_of_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_are_frozen_while_enabled, setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_set_ups_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(circular_reception_loses_nothing_in_odd_chunks_with_nss_toggling,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_transmission_starts_over_from_its_base, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupts_follow_flags_and_enables, setup, teardown),
        cmocka_unit_test_setup_teardown(bus_errors_stop_the_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(peripheral_address_steps_with_pinc, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_stops_a_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_size_follows_peripheral_size, setup, teardown),
        cmocka_unit_test_setup_teardown(request_outlives_a_reset_of_the_dma, setup, teardown),
        cmocka_unit_test_setup_teardown(pattern_data_pattern_loses_no_byte_of_the_data, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
