/* EXTI, register by register (RM0090 12.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/exti.h"
#include "fake_chip.h"

enum {
    EXTI = 0x40013C00,
    IMR = EXTI + 0x00,
    EMR = EXTI + 0x04,
    RTSR = EXTI + 0x08,
    FTSR = EXTI + 0x0C,
    SWIER = EXTI + 0x10,
    PR = EXTI + 0x14,
    IRQ_EXTI0 = 6,
    IRQ_EXTI4 = 10,
    IRQ_EXTI9_5 = 23,
    IRQ_EXTI15_10 = 40,
    IRQ_PVD = 1,
    IRQ_RTC_WAKEUP = 3
};

struct fixture {
    struct chip *chip;
    struct dev *exti;
};

static struct fixture fixture;

static int setup(void **state)
{
    fixture.chip = fake_chip_create();
    fixture.exti = exti_attach(fixture.chip);
    fake_reset(fixture.chip);
    *state = fixture.chip;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    fake_chip_destroy(*state);
    return violations ? -1 : 0;
}

static void rising_edge_pends_and_interrupts_until_cleared(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 1);
    fake_write(c, IMR, 1);
    chip_pin_outside(c, 'A', 0, true);
    assert_int_equal(fake_read(c, PR), 1);
    assert_true(fake_irq(c, IRQ_EXTI0));
    fake_write(c, PR, 0); /* writing 0 changes nothing */
    assert_true(fake_irq(c, IRQ_EXTI0));
    fake_write(c, PR, 1);
    assert_false(fake_irq(c, IRQ_EXTI0));
    chip_pin_outside(c, 'A', 0, false);
    assert_int_equal(fake_read(c, PR), 0);
}

static void falling_edge_and_both_edges(void **state)
{
    struct chip *c = *state;
    fake_write(c, FTSR, 1U << 4);
    chip_pin_outside(c, 'A', 4, false); /* NSS idles high */
    assert_int_equal(fake_read(c, PR), 1U << 4);
    fake_write(c, PR, 1U << 4);
    chip_pin_outside(c, 'A', 4, true);
    assert_int_equal(fake_read(c, PR), 0);
    fake_write(c, RTSR, 1U << 4);
    chip_pin_outside(c, 'A', 4, false);
    fake_write(c, PR, 1U << 4);
    chip_pin_outside(c, 'A', 4, true);
    assert_int_equal(fake_read(c, PR), 1U << 4);
}

static void masked_line_pends_without_interrupt(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 1);
    chip_pin_outside(c, 'A', 0, true);
    assert_int_equal(fake_read(c, PR), 1);
    assert_false(fake_irq(c, IRQ_EXTI0));
    fake_write(c, IMR, 1);
    assert_true(fake_irq(c, IRQ_EXTI0));
}

static void only_the_selected_port_feeds_a_line(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 1U << 13);
    fake_write(c, IMR, 1U << 13);
    chip_set_exti_port(c, 13, 'C');
    chip_pin_outside(c, 'A', 13, true);
    assert_int_equal(fake_read(c, PR), 0);
    chip_pin_outside(c, 'C', 13, true);
    assert_int_equal(fake_read(c, PR), 1U << 13);
    assert_true(fake_irq(c, IRQ_EXTI15_10));
}

static void shared_interrupts_fall_when_the_last_line_is_cleared(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 3U << 5);
    fake_write(c, IMR, 3U << 5);
    chip_pin_outside(c, 'A', 5, true);
    chip_pin_outside(c, 'A', 6, true);
    fake_write(c, PR, 1U << 5);
    assert_true(fake_irq(c, IRQ_EXTI9_5));
    fake_write(c, PR, 1U << 6);
    assert_false(fake_irq(c, IRQ_EXTI9_5));
}

static void software_event_needs_imr_and_falls_with_pr(void **state)
{
    struct chip *c = *state;
    fake_write(c, SWIER, 1);
    assert_int_equal(fake_read(c, PR), 0);
    fake_write(c, PR, 1);
    fake_write(c, IMR, 1);
    fake_write(c, SWIER, 1);
    assert_int_equal(fake_read(c, PR), 1);
    assert_int_equal(fake_read(c, SWIER), 1);
    assert_true(fake_irq(c, IRQ_EXTI0));
    fake_write(c, PR, 1);
    assert_int_equal(fake_read(c, SWIER), 0);
    assert_false(fake_irq(c, IRQ_EXTI0));
}

static void internal_lines_have_their_own_interrupts(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 1U << 16 | 1U << 22);
    fake_write(c, IMR, 1U << 16 | 1U << 22);
    exti_internal_line(fixture.exti, EXTI_LINE_PVD, true);
    exti_internal_line(fixture.exti, EXTI_LINE_PVD, true); /* no edge */
    assert_true(fake_irq(c, IRQ_PVD));
    exti_internal_line(fixture.exti, EXTI_LINE_RTC_WAKEUP, true);
    assert_true(fake_irq(c, IRQ_RTC_WAKEUP));
    assert_int_equal(fake_read(c, PR), 1U << 16 | 1U << 22);
}

static void reset_forgets_everything(void **state)
{
    struct chip *c = *state;
    fake_write(c, RTSR, 1U << 4);
    fake_write(c, IMR, 1U << 4);
    chip_pin_outside(c, 'A', 4, false);
    chip_pin_outside(c, 'A', 4, true);
    assert_true(fake_irq(c, IRQ_EXTI4));
    fake_reset(c);
    assert_false(fake_irq(c, IRQ_EXTI4));
    assert_int_equal(fake_read(c, IMR) | fake_read(c, RTSR) | fake_read(c, FTSR) | fake_read(c, PR), 0);
}

static void forbidden_writes_are_violations(void **state)
{
    struct chip *c = *state;
    fake_write(c, EMR, 1);
    fake_expect_violation(c, "event mode");
    fake_write(c, IMR, 1U << 23);
    fake_expect_violation(c, "reserved bits");
    assert_int_equal(fake_read(c, IMR), 0);
    fake_write_n(c, IMR, 1, 1);
    fake_expect_violation(c, "words only");
}

static void registers_keep_what_is_written(void **state)
{
    struct chip *c = *state;
    fake_write(c, IMR, 0x123456);
    fake_write(c, RTSR, 0x234561);
    fake_write(c, FTSR, 0x345612);
    assert_int_equal(fake_read(c, IMR), 0x123456);
    assert_int_equal(fake_read(c, RTSR), 0x234561);
    assert_int_equal(fake_read(c, FTSR), 0x345612);
    assert_int_equal(fake_read_n(c, IMR + 1, 1), 0x34);
    (void)fake_read(c, EXTI + 0x18);
    fake_expect_violation(c, "no register");
    fake_write(c, EXTI + 0x18, 0);
    fake_expect_violation(c, "no register");
}

static void internal_line_falls_too_and_pin_lines_are_not_internal(void **state)
{
    struct chip *c = *state;
    fake_write(c, FTSR, 1U << 16);
    fake_write(c, RTSR, 1U << 3);
    exti_internal_line(fixture.exti, EXTI_LINE_PVD, true);
    assert_int_equal(fake_read(c, PR), 0);
    exti_internal_line(fixture.exti, EXTI_LINE_PVD, false);
    assert_int_equal(fake_read(c, PR), 1U << 16);
    exti_internal_line(fixture.exti, (enum exti_line)3, true);
    assert_int_equal(fake_read(c, PR), 1U << 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rising_edge_pends_and_interrupts_until_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(falling_edge_and_both_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(masked_line_pends_without_interrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_selected_port_feeds_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_interrupts_fall_when_the_last_line_is_cleared, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(software_event_needs_imr_and_falls_with_pr, setup, teardown),
        cmocka_unit_test_setup_teardown(internal_lines_have_their_own_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_forgets_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(forbidden_writes_are_violations, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(internal_line_falls_too_and_pin_lines_are_not_internal, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
