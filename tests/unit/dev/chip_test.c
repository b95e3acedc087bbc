/* The bus itself: order of events, decoding, pins, console, what is not there. */
#include "real_bus.h"

struct log {
    struct chip *chip;
    unsigned slot[4];
    unsigned n;
    char text[64];
    uint64_t at_ps[64];
};

static struct log events;

static void note(unsigned which)
{
    events.at_ps[events.n] = chip_now_ps(events.chip);
    events.text[events.n++] = (char)('a' + which);
}

static void fire_a(void *ctx)
{
    (void)ctx;
    note(0);
}

static void fire_b(void *ctx)
{
    (void)ctx;
    note(1);
}

static void fire_again(void *ctx)
{
    (void)ctx;
    note(2);
    if (events.n < 8) {
        chip_event_at(events.chip, events.slot[2], chip_now_ps(events.chip) + 10);
    }
}

static struct chip *make_chip(void)
{
    memset(&events, 0, sizeof events);
    struct chip *chip = real_chip();
    events.chip = chip;
    events.slot[0] = chip_event_add(chip, "a", fire_a, NULL);
    events.slot[1] = chip_event_add(chip, "b", fire_b, NULL);
    events.slot[2] = chip_event_add(chip, "c", fire_again, NULL);
    return chip;
}

static void events_fire_in_order_of_time_then_slot(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    chip_event_at(chip, events.slot[1], 100);
    chip_event_at(chip, events.slot[0], 100);
    chip_event_at(chip, events.slot[2], 85);
    assert_int_equal(chip_next_event_ps(chip), 85);
    assert_true(chip_advance(chip, 106));
    assert_string_equal(events.text, "ccabc"); /* 85 95 100 100 105 */
    assert_int_equal(events.at_ps[2], 100);
    assert_int_equal(chip_now_ps(chip), 106);
    chip_destroy(chip);
}

static void moved_and_cancelled_events_do_not_fire(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    chip_event_at(chip, events.slot[0], 10);
    chip_event_at(chip, events.slot[1], 20);
    chip_event_at(chip, events.slot[0], 30);
    assert_int_equal(chip_next_event_ps(chip), 20);
    chip_event_cancel(chip, events.slot[1]);
    assert_int_equal(chip_next_event_ps(chip), 30);
    assert_true(chip_advance(chip, 1000));
    assert_string_equal(events.text, "a");
    assert_int_equal(chip_next_event_ps(chip), UINT64_MAX);
    chip_destroy(chip);
}

static void an_event_shows_its_own_time_even_if_the_core_ran_past_it(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    chip_event_at(chip, events.slot[0], 10);
    chip_set_now_ps(chip, 13);
    assert_true(chip_advance(chip, 13));
    assert_int_equal(events.at_ps[0], 10);
    assert_int_equal(chip_now_ps(chip), 13);
    chip_destroy(chip);
}

static void unmodelled_peripheral_is_named_and_a_hole_is_a_bus_error(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    uint32_t v = 1;
    assert_true(chip_core_read(chip, 0x40005400, 4, &v));
    assert_int_equal(v, 0);
    real_violated(chip, 0, "I2C1: read of register 0x40005400");
    assert_false(chip_core_write(chip, 0x20020000, 4, 0));
    real_violated(chip, 1, "nothing is");
    chip_destroy(chip);
}

static void core_only_memory_refuses_other_masters(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    static uint8_t ccm[64];
    chip_add_memory(chip,
                    &(struct chip_memory){
                        .name = "CCM", .base = 0x10000000, .bytes = ccm, .n_bytes = 64, .core_only = true});
    uint32_t v;
    assert_true(chip_core_write(chip, 0x10000010, 4, 0x11223344));
    assert_true(chip_core_read(chip, 0x10000011, 2, &v));
    assert_int_equal(v, 0x2233);
    assert_false(chip_bus_read(chip, 0x10000010, 4, &v));
    real_violated(chip, 0, "CCM");
    assert_null(chip_memory_at(chip, 0x1000003E, 4));
    chip_destroy(chip);
}

static char last_port;
static unsigned last_pin;
static bool last_level;
static unsigned pin_changes;

static void on_pin(void *ctx, char port, unsigned pin, bool level)
{
    (void)ctx;
    last_port = port;
    last_pin = pin;
    last_level = level;
    pin_changes++;
}

static void model_wins_over_the_outside_until_it_releases(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    pin_changes = 0;
    chip_on_pin(chip, on_pin, NULL);
    assert_true(chip_pin_level(chip, 'A', 4));
    chip_pin_outside(chip, 'D', 12, true);
    assert_int_equal(pin_changes, 1);
    chip_pin_drive(chip, 'D', 12, false);
    assert_false(last_level);
    chip_pin_outside(chip, 'D', 12, true);
    assert_int_equal(pin_changes, 2);
    chip_pin_release(chip, 'D', 12);
    assert_true(last_level);
    assert_int_equal(last_port, 'D');
    assert_int_equal(last_pin, 12);
    bool level;
    assert_false(chip_pin_driven(chip, 'D', 12, &level));
    chip_destroy(chip);
}

static void console_keeps_the_newest_bytes_in_order(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    for (unsigned i = 0; i < 70000; i++) {
        chip_console_put(chip, (uint8_t)i);
    }
    char text[4];
    assert_int_equal(chip_console_drain(chip, text, 4), 4);
    assert_int_equal((uint8_t)text[0], (70000 - 65536) & 0xFF);
    size_t n = 4;
    size_t got;
    while ((got = chip_console_drain(chip, text, 4)) > 0) {
        n += got;
    }
    assert_int_equal(n, 65536);
    chip_console_type(chip, "hi", 2);
    uint8_t byte;
    assert_true(chip_console_take(chip, &byte));
    assert_int_equal(byte, 'h');
    assert_true(chip_console_take(chip, &byte));
    assert_false(chip_console_take(chip, &byte));
    chip_destroy(chip);
}

static void strict_mode_wants_attention_at_the_first_violation(void **state)
{
    (void)state;
    struct chip *chip = make_chip();
    uint32_t v;
    (void)chip_core_read(chip, 0x40005400, 4, &v);
    assert_false(chip_wants_attention(chip));
    chip_set_strict(chip, true);
    (void)chip_core_read(chip, 0x40005400, 4, &v);
    assert_true(chip_wants_attention(chip));
    assert_true(chip_take_strict_stop(chip));
    assert_false(chip_wants_attention(chip));
    assert_int_equal(chip_violations(chip), 2);
    chip_destroy(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_fire_in_order_of_time_then_slot),
        cmocka_unit_test(moved_and_cancelled_events_do_not_fire),
        cmocka_unit_test(an_event_shows_its_own_time_even_if_the_core_ran_past_it),
        cmocka_unit_test(unmodelled_peripheral_is_named_and_a_hole_is_a_bus_error),
        cmocka_unit_test(core_only_memory_refuses_other_masters),
        cmocka_unit_test(model_wins_over_the_outside_until_it_releases),
        cmocka_unit_test(console_keeps_the_newest_bytes_in_order),
        cmocka_unit_test(strict_mode_wants_attention_at_the_first_violation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
