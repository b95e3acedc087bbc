/* GPIO, register by register (RM0090 8.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/gpio.h"
#include "fake_chip.h"

enum {
    GPIOA = 0x40020000,
    GPIOB = 0x40020400,
    GPIOD = 0x40020C00,
    GPIOI = 0x40022000,
    MODER = 0x00,
    OTYPER = 0x04,
    OSPEEDR = 0x08,
    PUPDR = 0x0C,
    IDR = 0x10,
    ODR = 0x14,
    BSRR = 0x18,
    LCKR = 0x1C,
    AFRL = 0x20,
    AFRH = 0x24
};

static int setup(void **state)
{
    struct chip *c = fake_chip_create();
    gpio_attach(c);
    fake_reset(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    size_t violations = fake_violations(*state);
    fake_chip_destroy(*state);
    return violations ? -1 : 0;
}

static void reset_leaves_the_debug_port_as_alternate_functions(void **state)
{
    struct chip *c = *state;
    unsigned function = 99;
    assert_int_equal(fake_read(c, GPIOA + MODER), 0xA8000000);
    assert_int_equal(fake_read(c, GPIOA + PUPDR), 0x64000000);
    assert_int_equal(fake_read(c, GPIOB + MODER), 0x00000280);
    assert_int_equal(fake_read(c, GPIOB + PUPDR), 0x00000100);
    assert_int_equal(fake_read(c, GPIOD + MODER), 0);
    assert_int_equal(fake_read(c, GPIOI + ODR), 0);
    assert_true(chip_pin_function(c, 'A', 13, &function));
    assert_int_equal(function, 0);
    assert_false(chip_pin_function(c, 'A', 5, &function));
}

static void output_pin_follows_odr_and_bsrr(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + MODER, 1U << 24);
    assert_true(fake_is_driven(c, 'D', 12));
    assert_false(chip_pin_level(c, 'D', 12));
    fake_write(c, GPIOD + BSRR, 1U << 12);
    assert_true(chip_pin_level(c, 'D', 12));
    assert_int_equal(fake_read(c, GPIOD + IDR), 1U << 12);
    fake_write(c, GPIOD + BSRR, 1U << 28);
    assert_false(chip_pin_level(c, 'D', 12));
    fake_write(c, GPIOD + ODR, 0x1000);
    assert_true(chip_pin_level(c, 'D', 12));
    assert_int_equal(fake_read(c, GPIOD + BSRR), 0);
}

static void bsrr_set_wins_over_reset_and_takes_half_words(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + BSRR, 1U << 3 | 1U << 19);
    assert_int_equal(fake_read(c, GPIOD + ODR), 1U << 3);
    fake_write_n(c, GPIOD + BSRR + 2, 2, 1U << 3);
    assert_int_equal(fake_read(c, GPIOD + ODR), 0);
    fake_write_n(c, GPIOD + BSRR + 1, 1, 1U << 4);
    assert_int_equal(fake_read(c, GPIOD + ODR), 1U << 12);
}

static void narrow_write_keeps_the_other_bytes(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + AFRL, 0x12345678);
    fake_write_n(c, GPIOD + AFRL + 2, 1, 0xAB);
    assert_int_equal(fake_read(c, GPIOD + AFRL), 0x12AB5678);
    assert_int_equal(fake_read_n(c, GPIOD + AFRL + 2, 2), 0x12AB);
    assert_int_equal(fake_read_n(c, GPIOD + AFRL + 1, 1), 0x56);
}

static void input_shows_the_outside_and_analog_reads_zero(void **state)
{
    struct chip *c = *state;
    chip_pin_outside(c, 'D', 0, true);
    assert_int_equal(fake_read(c, GPIOD + IDR), 1);
    fake_write(c, GPIOD + MODER, 3);
    assert_int_equal(fake_read(c, GPIOD + IDR), 0);
    fake_write(c, GPIOD + MODER, 1); /* output, ODR = 0: wins over the outside */
    assert_int_equal(fake_read(c, GPIOD + IDR), 0);
    fake_write(c, GPIOD + MODER, 0);
    assert_int_equal(fake_read(c, GPIOD + IDR), 1);
}

static void open_drain_output_lets_go_when_high(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + OTYPER, 1U << 2);
    fake_write(c, GPIOD + ODR, 1U << 2);
    fake_write(c, GPIOD + MODER, 1U << 4);
    assert_false(fake_is_driven(c, 'D', 2));
    fake_write(c, GPIOD + ODR, 0);
    assert_true(fake_is_driven(c, 'D', 2));
    assert_false(chip_pin_level(c, 'D', 2));
    fake_write(c, GPIOD + OTYPER, 0);
    fake_write(c, GPIOD + ODR, 1U << 2);
    assert_true(fake_is_driven(c, 'D', 2));
}

static void alternate_functions_reach_the_chip(void **state)
{
    struct chip *c = *state;
    unsigned function = 0;
    fake_write(c, GPIOA + MODER, 0xA8000000 | 2U << 10);
    fake_write(c, GPIOA + AFRL, 5U << 20);
    assert_true(chip_pin_function(c, 'A', 5, &function));
    assert_int_equal(function, 5);
    fake_write(c, GPIOA + AFRH, 7U << 4);
    (void)chip_pin_function(c, 'A', 9, &function);
    assert_int_equal(function, 7);
    fake_write(c, GPIOA + MODER, 0xA8000000);
    assert_false(chip_pin_function(c, 'A', 5, &function));
}

static void lock(struct chip *c, uint32_t pins)
{
    fake_write(c, GPIOD + LCKR, 0x10000 | pins);
    fake_write(c, GPIOD + LCKR, pins);
    fake_write(c, GPIOD + LCKR, 0x10000 | pins);
}

static void lock_sequence_freezes_the_configuration_until_reset(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + MODER, 1U << 10);
    lock(c, 1U << 5);
    assert_int_equal(fake_read(c, GPIOD + LCKR), 0x10020);
    fake_write(c, GPIOD + MODER, 2U << 10 | 1U);
    fake_expect_violation(c, "locked pin");
    assert_int_equal(fake_read(c, GPIOD + MODER), 1U << 10 | 1U);
    fake_write(c, GPIOD + AFRL, 0xFFFFFFFF);
    fake_expect_violation(c, "locked pin");
    assert_int_equal(fake_read(c, GPIOD + AFRL), 0xFF0FFFFF);
    fake_write(c, GPIOD + ODR, 1U << 5); /* data is not locked */
    assert_true(chip_pin_level(c, 'D', 5));
    fake_reset(c);
    assert_int_equal(fake_read(c, GPIOD + LCKR), 0);
    fake_write(c, GPIOD + MODER, 2U << 10);
    assert_int_equal(fake_read(c, GPIOD + MODER), 2U << 10);
}

static void wrong_lock_sequence_locks_nothing(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + LCKR, 0x10020);
    fake_write(c, GPIOD + LCKR, 0x00010); /* other pins */
    fake_write(c, GPIOD + LCKR, 0x10020);
    assert_int_equal(fake_read(c, GPIOD + LCKR) & 0x10000, 0);
    fake_write(c, GPIOD + LCKR, 0x00020);
    fake_write(c, GPIOD + LCKR, 0x00020); /* should have been with LCKK */
    fake_write(c, GPIOD + LCKR, 0x10020);
    assert_int_equal(fake_read(c, GPIOD + LCKR) & 0x10000, 0);
    fake_write(c, GPIOD + MODER, 1U << 10);
    assert_int_equal(fake_read(c, GPIOD + MODER), 1U << 10);
}

static void reset_lets_go_of_the_pins(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + MODER, 1);
    fake_write(c, GPIOD + ODR, 1);
    fake_reset(c);
    assert_false(fake_is_driven(c, 'D', 0));
    assert_false(chip_pin_level(c, 'D', 0));
}

static void forbidden_writes_are_violations(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + IDR, 1);
    fake_expect_violation(c, "read-only");
    fake_write(c, GPIOD + ODR, 0x10000);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, GPIOD + OTYPER, 0x10000);
    fake_expect_violation(c, "reserved bits");
    (void)fake_read(c, GPIOD + 0x28);
    fake_expect_violation(c, "no register at offset 0x28");
}

static void registers_keep_what_is_written_and_narrow_writes_keep_the_rest(void **state)
{
    static const struct {
        uint32_t off, mask;
    } regs[] = {{MODER, ~0U},  {OTYPER, 0xFFFF}, {OSPEEDR, ~0U}, {PUPDR, ~0U},
                {ODR, 0xFFFF}, {AFRL, ~0U},      {AFRH, ~0U}};
    struct chip *c = *state;
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        fake_write(c, GPIOD + regs[i].off, 0x12345678 & regs[i].mask);
        assert_int_equal(fake_read(c, GPIOD + regs[i].off), 0x12345678 & regs[i].mask);
        fake_write_n(c, GPIOD + regs[i].off + 1, 1, 0xAB);
        assert_int_equal(fake_read(c, GPIOD + regs[i].off), 0x1234AB78 & regs[i].mask);
    }
    fake_reset(c);
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        assert_int_equal(fake_read(c, GPIOD + regs[i].off), 0);
    }
    assert_int_equal(fake_read(c, GPIOA + OSPEEDR), 0x0C000000);
    assert_int_equal(fake_read(c, GPIOB + OSPEEDR), 0x000000C0);
}

static void pin_is_driven_again_after_it_was_input(void **state)
{
    struct chip *c = *state;
    fake_write(c, GPIOD + MODER, 1);
    fake_write(c, GPIOD + MODER, 0);
    assert_false(fake_is_driven(c, 'D', 0));
    fake_write(c, GPIOD + MODER, 1);
    assert_true(fake_is_driven(c, 'D', 0));
}

static void lock_register_takes_words_only(void **state)
{
    struct chip *c = *state;
    fake_write_n(c, GPIOD + LCKR, 2, 1);
    fake_expect_violation(c, "words only");
    fake_write(c, GPIOD + LCKR, 1U << 17);
    fake_expect_violation(c, "reserved bits");
    fake_write(c, GPIOD + 0x40, 0);
    fake_expect_violation(c, "no register at offset 0x40");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reset_leaves_the_debug_port_as_alternate_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(output_pin_follows_odr_and_bsrr, setup, teardown),
        cmocka_unit_test_setup_teardown(bsrr_set_wins_over_reset_and_takes_half_words, setup, teardown),
        cmocka_unit_test_setup_teardown(narrow_write_keeps_the_other_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(input_shows_the_outside_and_analog_reads_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(open_drain_output_lets_go_when_high, setup, teardown),
        cmocka_unit_test_setup_teardown(alternate_functions_reach_the_chip, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_sequence_freezes_the_configuration_until_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_lock_sequence_locks_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_lets_go_of_the_pins, setup, teardown),
        cmocka_unit_test_setup_teardown(forbidden_writes_are_violations, setup, teardown),
        cmocka_unit_test_setup_teardown(registers_keep_what_is_written_and_narrow_writes_keep_the_rest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(pin_is_driven_again_after_it_was_input, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_register_takes_words_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
