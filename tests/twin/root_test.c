/* Root and loader on the twin: when the loader is started and how long it stays, what happens when there is
 * none, and what the root does before it trusts the supply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/flash_map.h"
#include "boot_rig.h"
#include "twin/twin.h"

static uint32_t word_of(const struct twin *t, uint32_t addr)
{
    uint32_t word = 0;
    assert_true(twin_peek(t, addr, &word, sizeof word));
    return word;
}

static void a_board_without_an_image_is_answered_by_its_loader(void **state)
{
    (void)state;
    struct twin *t = make_board(3);
    twin_set_power(t, true);
    printf("no image: the loader answers after %u ms\n", (unsigned)wait_for_loader(t, LOADER_MAX_MS));
    twin_destroy(t);
}

static void without_a_loader_the_root_resets_again_and_again_and_leaves_the_reason_in_ram(void **state)
{
    (void)state;
    struct twin *t = make_board(4);
    erase_loader(t);
    twin_set_power(t, true);
    run_ms(t, 500);
    assert_int_equal(word_of(t, RAM_REASON_ADDR), E_LOADER_INVALID);
    run_ms(t, 10000);
    assert_in_range(twin_stats(t)->resets_software, 8, 11);
    assert_int_equal(word_of(t, RAM_REASON_ADDR), E_LOADER_INVALID);
    twin_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_without_an_image_is_answered_by_its_loader),
        cmocka_unit_test(without_a_loader_the_root_resets_again_and_again_and_leaves_the_reason_in_ram),
    };
    return cmocka_run_group_tests(tests, read_inputs, forget_inputs);
}
