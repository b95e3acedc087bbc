/* USART2, register by register (RM0090 30.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/usart.h"
#include "fake_chip.h"

enum {
    USART2 = 0x40004400,
    SR = USART2 + 0x00,
    DR = USART2 + 0x04,
    BRR = USART2 + 0x08,
    CR1 = USART2 + 0x0C,
    CR2 = USART2 + 0x10,
    CR3 = USART2 + 0x14,
    IRQ = 38,
    TXE = 1 << 7,
    TC = 1 << 6,
    RXNE = 1 << 5,
    IDLE = 1 << 4,
    ORE = 1 << 3,
    UE = 1 << 13,
    TE = 1 << 3,
    RE = 1 << 2,
    TXEIE = 1 << 7,
    TCIE = 1 << 6,
    RXNEIE = 1 << 5,
    IDLEIE = 1 << 4
};

/* BRR = 160 at 16 MHz: 100,000 baud, a frame of 10 bits takes 100 us. */
#define FRAME (100 * FAKE_US)

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    usart_attach(c);
    fake_reset(c);
    chip_set_pin_function(c, 'A', 2, true, 7);
    chip_set_pin_function(c, 'A', 3, true, 7);
    fake_write(c, BRR, 160);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    fake_chip_destroy(*state);
    return violations ? -1 : 0;
}

static void start(struct chip *c, uint32_t cr1)
{
    fake_write(c, CR1, cr1 | UE | TE | RE);
    fake_run(c, 2 * FRAME); /* the idle frame after TE */
}

static void reset_values(void **state)
{
    struct chip *c = *state;
    assert_int_equal(fake_read(c, SR), TXE | TC);
    assert_int_equal(fake_read(c, CR1) | fake_read(c, CR2) | fake_read(c, CR3), 0);
}

static void byte_leaves_after_exactly_one_frame_time(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    (void)fake_read(c, SR);
    fake_write(c, DR, 'a');
    assert_int_equal(fake_read(c, SR), TXE); /* already in the shift register; TC fell */
    fake_run(c, FRAME - 1);
    assert_string_equal(fake_printed(c), "");
    fake_run(c, 1);
    assert_string_equal(fake_printed(c), "a");
    assert_int_equal(fake_read(c, SR), TXE | TC);
}

static void second_byte_waits_in_dr(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    (void)fake_read(c, SR);
    fake_write(c, DR, 'a');
    fake_write(c, DR, 'b');
    assert_int_equal(fake_read(c, SR), 0);
    fake_run(c, FRAME);
    assert_int_equal(fake_read(c, SR), TXE);
    fake_run(c, FRAME);
    assert_string_equal(fake_printed(c), "ab");
    assert_int_equal(fake_read(c, SR), TXE | TC);
}

static void two_stop_bits_and_oversampling_by_8_change_the_frame_time(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR2, 2U << 12);
    start(c, 0);
    fake_write(c, DR, 'a');
    fake_run(c, 110 * FAKE_US - 1);
    assert_string_equal(fake_printed(c), "");
    fake_run(c, 1);
    assert_string_equal(fake_printed(c), "a");
    fake_write(c, CR1, 0);
    fake_write(c, CR2, 0);
    fake_write(c, BRR, 20 << 4); /* 20 x 8 = 160 clocks a bit */
    start(c, 1U << 15);
    fake_write(c, DR, 'b');
    fake_run(c, FRAME - 1);
    assert_string_equal(fake_printed(c), "a");
    fake_run(c, 1);
    assert_string_equal(fake_printed(c), "ab");
}

static void te_sends_an_idle_frame_first(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, UE | TE);
    fake_write(c, DR, 'a');
    fake_run(c, 2 * FRAME - 1);
    assert_string_equal(fake_printed(c), "");
    fake_run(c, 1);
    assert_string_equal(fake_printed(c), "a");
}

static void interrupts_follow_flags_and_enables(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    assert_false(fake_irq(c, IRQ));
    start(c, TXEIE);
    assert_true(fake_irq(c, IRQ));
    fake_write(c, DR, 'a');
    fake_write(c, DR, 'b');
    assert_false(fake_irq(c, IRQ));
    fake_run(c, FRAME);
    assert_true(fake_irq(c, IRQ));
    fake_write(c, CR1, UE | TE | RE | TCIE);
    fake_write(c, SR, ~(uint32_t)TC);
    assert_false(fake_irq(c, IRQ));
    fake_run(c, FRAME);
    assert_true(fake_irq(c, IRQ));
    fake_write(c, SR, ~(uint32_t)TC);
    assert_false(fake_irq(c, IRQ));
}

static void typed_bytes_arrive_one_per_frame_time(void **state)
{
    struct chip *c = *state;
    start(c, RXNEIE);
    fake_type(c, "xy");
    fake_run(c, FRAME - 1);
    assert_false(fake_irq(c, IRQ));
    fake_run(c, 1);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read_n(c, DR, 1), 'x');
    assert_false(fake_irq(c, IRQ));
    fake_run(c, FRAME);
    assert_int_equal(fake_read(c, SR) & (RXNE | ORE), RXNE);
    assert_int_equal(fake_read(c, DR), 'y');
}

static void unread_byte_overruns_and_the_old_one_stays(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_type(c, "xyz");
    fake_run(c, 3 * FRAME);
    assert_int_equal(fake_read(c, SR) & (RXNE | ORE), RXNE | ORE);
    assert_int_equal(fake_read(c, DR), 'x');
    assert_int_equal(fake_read(c, SR) & (RXNE | ORE), 0);
}

static void overrun_stays_if_sr_was_not_read_before_dr(void **state)
{
    struct chip *c = *state;
    start(c, RXNEIE);
    fake_type(c, "xy");
    fake_run(c, 2 * FRAME);
    (void)fake_read(c, DR);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read(c, SR) & (RXNE | ORE), ORE);
    (void)fake_read(c, DR);
    assert_false(fake_irq(c, IRQ));
}

static void idle_line_is_seen_one_frame_after_the_last_byte(void **state)
{
    struct chip *c = *state;
    start(c, IDLEIE);
    fake_type(c, "x");
    fake_run(c, FRAME);
    assert_false(fake_irq(c, IRQ));
    fake_run(c, FRAME);
    assert_true(fake_irq(c, IRQ));
    assert_int_equal(fake_read(c, SR) & IDLE, IDLE);
    (void)fake_read(c, DR);
    assert_int_equal(fake_read(c, SR) & IDLE, 0);
    fake_run(c, 5 * FRAME);
    assert_int_equal(fake_read(c, SR) & IDLE, 0); /* once */
}

static void receiver_off_or_pin_elsewhere_loses_bytes(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, UE | TE);
    fake_type(c, "x");
    fake_run(c, 10 * FRAME);
    assert_int_equal(fake_read(c, SR) & RXNE, 0);
    start(c, 0);
    chip_set_pin_function(c, 'A', 3, false, 7);
    fake_type(c, "y");
    fake_run(c, 10 * FRAME);
    assert_int_equal(fake_read(c, SR) & RXNE, 0);
}

static void dma_requests_follow_txe_and_rxne(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_write(c, CR3, 1U << 7 | 1U << 6);
    assert_true(fake_dma_request(c, 1, 6, 4));
    assert_false(fake_dma_request(c, 1, 5, 4));
    fake_write_n(c, DR, 1, 'a');
    assert_true(fake_dma_request(c, 1, 6, 4)); /* DR went on to the shift register */
    fake_write_n(c, DR, 1, 'b');
    assert_false(fake_dma_request(c, 1, 6, 4));
    fake_type(c, "x");
    fake_run(c, FRAME);
    assert_true(fake_dma_request(c, 1, 5, 4));
    (void)fake_read_n(c, DR, 1);
    assert_false(fake_dma_request(c, 1, 5, 4));
}

static void misuse_is_a_violation(void **state)
{
    struct chip *c = *state;
    fake_write(c, DR, 'a');
    fake_expect_violation(c, "transmitter is off");
    start(c, 0);
    fake_write(c, DR, 'a');
    fake_write(c, DR, 'b');
    fake_write(c, DR, 'c');
    fake_expect_violation(c, "TXE = 0");
    fake_run(c, 2 * FRAME);
    assert_string_equal(fake_printed(c), "ac");
    chip_set_pin_function(c, 'A', 2, true, 1);
    fake_write(c, DR, 'd');
    fake_run(c, FRAME);
    fake_expect_violation(c, "PA2");
    fake_write(c, CR1, UE | TE | RE | 1U << 12);
    fake_expect_violation(c, "9-bit");
    fake_write(c, CR2, 1U << 14);
    fake_expect_violation(c, "LIN");
    fake_write(c, CR3, 1U << 8);
    fake_expect_violation(c, "flow control");
    fake_write(c, CR1, 1U << 14);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, CR1, UE | TE);
    fake_write(c, BRR, 0);
    fake_write(c, DR, 'a');
    fake_expect_violation(c, "no baud rate");
}

static void reset_stops_the_frame_under_way(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_write(c, DR, 'a');
    fake_reset(c);
    fake_run(c, 10 * FRAME);
    assert_string_equal(fake_printed(c), "");
    assert_int_equal(fake_read(c, SR), TXE | TC);
}

static void registers_keep_what_is_written(void **state)
{
    struct chip *c = *state;
    fake_write(c, BRR, 0x1234);
    fake_write(c, CR1, UE | TCIE);
    fake_write(c, CR2, 2U << 12 | 0x20);
    fake_write(c, CR3, 1U << 11 | 1U);
    fake_write(c, USART2 + 0x18, 0x3456);
    assert_int_equal(fake_read(c, BRR), 0x1234);
    assert_int_equal(fake_read(c, CR1), UE | TCIE);
    assert_int_equal(fake_read(c, CR2), 2U << 12 | 0x20);
    assert_int_equal(fake_read(c, CR3), 1U << 11 | 1U);
    assert_int_equal(fake_read_n(c, USART2 + 0x18, 2), 0x3456);
    fake_write(c, BRR, 0x10000);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, CR2, 1U << 15);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, CR3, 1U << 12);
    fake_expect_violation(c, "reserved bits");
    (void)fake_read(c, USART2 + 0x1C);
    fake_expect_violation(c, "no register");
    fake_reset(c);
    assert_int_equal(fake_read(c, BRR) | fake_read(c, CR1) | fake_read(c, CR3), 0);
}

static void fraction_counts_eighths_with_oversampling_by_8(void **state)
{
    struct chip *c = *state;
    fake_write(c, BRR, 19 << 4 | 7); /* 19 x 8 + 7 = 159 clocks a bit */
    start(c, 1U << 15);
    fake_write(c, DR, 'a');
    fake_run(c, 1590 * FAKE_US / 16 - 1);
    assert_string_equal(fake_printed(c), "");
    fake_run(c, 1);
    assert_string_equal(fake_printed(c), "a");
}

static void disabling_the_usart_stops_and_empties_it(void **state)
{
    struct chip *c = *state;
    start(c, TXEIE);
    fake_write(c, CR3, 1U << 7 | 1U << 6);
    fake_write(c, DR, 'a');
    fake_write(c, DR, 'b');
    fake_write(c, CR1, TXEIE | TE | RE);
    assert_false(fake_irq(c, IRQ));
    assert_false(fake_dma_request(c, 1, 6, 4));
    fake_run(c, 5 * FRAME);
    assert_string_equal(fake_printed(c), "");
    assert_int_equal(fake_read(c, SR) & TXE, TXE);
    fake_write(c, CR3, 0);
    start(c, 0);
    fake_write(c, DR, 'c');
    fake_run(c, FRAME);
    assert_string_equal(fake_printed(c), "c");
}

static void no_dma_request_without_its_enable(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_type(c, "x");
    fake_run(c, FRAME);
    assert_false(fake_dma_request(c, 1, 6, 4));
    assert_false(fake_dma_request(c, 1, 5, 4));
}

static void error_interrupt_needs_dma_reception(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_write(c, CR3, 1); /* EIE */
    fake_type(c, "xy");
    fake_run(c, 2 * FRAME);
    assert_false(fake_irq(c, IRQ));
    fake_write(c, CR3, 1U << 6); /* DMAR */
    assert_false(fake_irq(c, IRQ));
    fake_write(c, CR3, 1U << 6 | 1U);
    assert_true(fake_irq(c, IRQ));
}

static void typing_after_a_pause_takes_a_whole_frame_again(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_type(c, "x");
    fake_run(c, 5 * FRAME + FRAME / 2);
    (void)fake_read(c, DR);
    fake_type(c, "y");
    fake_run(c, FRAME - 1);
    assert_int_equal(fake_read(c, SR) & RXNE, 0);
    fake_run(c, 1);
    assert_int_equal(fake_read(c, SR) & RXNE, RXNE);
}

static void tc_falls_only_after_a_read_of_sr_that_saw_it(void **state)
{
    struct chip *c = *state;
    start(c, 0);
    fake_write(c, DR, 'a'); /* no read of SR before */
    assert_int_equal(fake_read(c, SR) & TC, TC);
    fake_run(c, FRAME);
    fake_write(c, DR, 'b'); /* SR was read above */
    assert_int_equal(fake_read(c, SR) & TC, 0);
}

static void transmitter_or_receiver_off_alone_is_off(void **state)
{
    struct chip *c = *state;
    fake_write(c, CR1, UE | RE);
    fake_write(c, DR, 'a');
    fake_expect_violation(c, "transmitter is off");
    fake_write(c, CR1, RE | TE);
    fake_write(c, DR, 'a');
    fake_expect_violation(c, "transmitter is off");
    fake_type(c, "x");
    fake_run(c, 5 * FRAME);
    assert_int_equal(fake_read(c, SR) & (RXNE | IDLE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(byte_leaves_after_exactly_one_frame_time, setup, teardown),
        cmocka_unit_test_setup_teardown(second_byte_waits_in_dr, setup, teardown),
        cmocka_unit_test_setup_teardown(two_stop_bits_and_oversampling_by_8_change_the_frame_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(te_sends_an_idle_frame_first, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupts_follow_flags_and_enables, setup, teardown),
        cmocka_unit_test_setup_teardown(typed_bytes_arrive_one_per_frame_time, setup, teardown),
        cmocka_unit_test_setup_teardown(unread_byte_overruns_and_the_old_one_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(overrun_stays_if_sr_was_not_read_before_dr, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_line_is_seen_one_frame_after_the_last_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(receiver_off_or_pin_elsewhere_loses_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(dma_requests_follow_txe_and_rxne, setup, teardown),
        cmocka_unit_test_setup_teardown(misuse_is_a_violation, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_stops_the_frame_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(fraction_counts_eighths_with_oversampling_by_8, setup, teardown),
        cmocka_unit_test_setup_teardown(disabling_the_usart_stops_and_empties_it, setup, teardown),
        cmocka_unit_test_setup_teardown(no_dma_request_without_its_enable, setup, teardown),
        cmocka_unit_test_setup_teardown(error_interrupt_needs_dma_reception, setup, teardown),
        cmocka_unit_test_setup_teardown(typing_after_a_pause_takes_a_whole_frame_again, setup, teardown),
        cmocka_unit_test_setup_teardown(tc_falls_only_after_a_read_of_sr_that_saw_it, setup, teardown),
        cmocka_unit_test_setup_teardown(transmitter_or_receiver_off_alone_is_off, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
