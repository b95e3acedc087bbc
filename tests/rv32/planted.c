/* Faults that this program must notice, one for each way that it has to notice any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"

enum { DEEP_BYTES = 8192 };

static void a_wrong_number(void **state)
{
    (void)state;
    size_t n_bytes = sizeof(size_t);
    assert_int_equal(n_bytes, 8);
}

/* A word at an odd address: the ESP32's core traps in some memories, the sanitizer in all. */
static void a_word_at_an_odd_address(void **state)
{
    (void)state;
    static uint8_t bytes[8];
    uint32_t *volatile odd = (uint32_t *)(void *)(bytes + 1);
    assert_int_equal(*odd, 0);
}

static void go_deep(void *ctx)
{
    volatile uint8_t deep[DEEP_BYTES];
    for (unsigned i = 0; i < sizeof deep; i++) {
        deep[i] = *(uint8_t *)ctx;
    }
}

static void a_deep_stack(void **state)
{
    (void)state;
    uint8_t number = 1;
    rv32_on_core(go_deep, &number);
}

int rv32_planted(const char *name)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(a_wrong_number),
                                              cmocka_unit_test(a_word_at_an_odd_address),
                                              cmocka_unit_test(a_deep_stack)};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (strcmp(tests[i].name, name) == 0) {
            return rv32_run_tests(&tests[i], 1, NULL, NULL);
        }
    }
    return -1;
}
