#include "cmocka.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"

static jmp_buf out_of_test;
static struct rv32_counts counts;

struct rv32_counts rv32_counts(void)
{
    return counts;
}

_Noreturn static void leave(const char *file, int line)
{
    printf("\n  %s:%d: failed\n", file, line);
    longjmp(out_of_test, 1);
}

_Noreturn void rv32_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    leave(file, line);
}

void print_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
}

void rv32_true(bool is_true, const char *text, const char *file, int line)
{
    if (!is_true) {
        printf("%s", text);
        leave(file, line);
    }
}

void rv32_equal(uint64_t a, uint64_t b, bool is_wanted, const char *file, int line)
{
    if ((a == b) != is_wanted) {
        printf("%#" PRIx64 " %s %#" PRIx64, a, is_wanted ? "!=" : "==", b);
        leave(file, line);
    }
}

void rv32_in_range(uint64_t value, uint64_t low, uint64_t high, const char *file, int line)
{
    if (value < low || value > high) {
        printf("%" PRIu64 " is not within %" PRIu64 "..%" PRIu64, value, low, high);
        leave(file, line);
    }
}

void rv32_memory(const void *a, const void *b, size_t n_bytes, bool is_wanted, const char *file, int line)
{
    if ((memcmp(a, b, n_bytes) == 0) != is_wanted) {
        printf("%zu bytes are %s", n_bytes, is_wanted ? "not equal" : "equal");
        leave(file, line);
    }
}

void rv32_string(const char *a, const char *b, bool is_wanted, const char *file, int line)
{
    if ((strcmp(a, b) == 0) != is_wanted) {
        printf("\"%s\" %s \"%s\"", a, is_wanted ? "!=" : "==", b);
        leave(file, line);
    }
}

/* @return 1 if it failed */
static int run_test(const struct CMUnitTest *test, void **state)
{
    rv32_core_reset();
    if (setjmp(out_of_test) != 0) {
        printf("  FAILED: %s\n", test->name);
        return 1;
    }
    if (test->setup_func && test->setup_func(state) != 0) {
        rv32_fail(test->name, 0, "the set-up failed");
    }
    test->test_func(state);
    if (test->teardown_func && test->teardown_func(state) != 0) {
        rv32_fail(test->name, 0, "the tear-down failed");
    }
    return 0;
}

int rv32_run_tests(const struct CMUnitTest *tests, size_t n_tests, CMFixtureFunction setup,
                   CMFixtureFunction teardown)
{
    void *state = NULL;
    int n_failed = 0;
    if (setup && setup(&state) != 0) {
        printf("  the set-up of the group failed\n");
        counts.n_failed++;
        return 1;
    }
    for (size_t i = 0; i < n_tests; i++) {
        if (rv32_is_left_out(tests[i].name)) {
            counts.n_left++;
        } else {
            n_failed += run_test(&tests[i], &state);
            counts.n_tests++;
        }
    }
    if (teardown && teardown(&state) != 0) {
        printf("  the tear-down of the group failed\n");
        n_failed++;
    }
    counts.n_failed += (unsigned)n_failed;
    return n_failed;
}
