/**
 * What the unit tests use of cmocka, for a machine without an operating system: a failed assertion leaves the
 * test by longjmp, says where, and counts. The sources of the tests are those of the host, unchanged.
 *
 * The names and what they compare are cmocka's: integers as unsigned numbers of 64 bits.
 */
#ifndef CMOCKA_H
#define CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func;
    CMFixtureFunction teardown_func;
};

/* clang-format off */
#define cmocka_unit_test(f) {#f, f, NULL, NULL}
#define cmocka_unit_test_setup(f, setup) {#f, f, setup, NULL}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) {#f, f, setup, teardown}
/* clang-format on */

#define cmocka_run_group_tests(tests, setup, teardown)                                                       \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                            \
    rv32_run_tests(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

#define assert_true(c)             rv32_true(!!(c), #c, __FILE__, __LINE__)
#define assert_false(c)            rv32_true(!(c), "!(" #c ")", __FILE__, __LINE__)
#define assert_non_null(p)         rv32_true(!!(p), #p, __FILE__, __LINE__)
#define assert_null(p)             rv32_true(!(p), "!(" #p ")", __FILE__, __LINE__)
#define assert_int_equal(a, b)     rv32_equal((uint64_t)(a), (uint64_t)(b), true, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) rv32_equal((uint64_t)(a), (uint64_t)(b), false, __FILE__, __LINE__)
#define assert_in_range(v, low, high)                                                                        \
    rv32_in_range((uint64_t)(v), (uint64_t)(low), (uint64_t)(high), __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)     rv32_memory(a, b, n, true, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n) rv32_memory(a, b, n, false, __FILE__, __LINE__)
#define assert_string_equal(a, b)        rv32_string(a, b, true, __FILE__, __LINE__)
#define assert_string_not_equal(a, b)    rv32_string(a, b, false, __FILE__, __LINE__)
#define fail()                           rv32_fail(__FILE__, __LINE__, "fail()")
#define fail_msg(...)                    rv32_fail(__FILE__, __LINE__, __VA_ARGS__)

/** @return how many tests failed */
int rv32_run_tests(const struct CMUnitTest *tests, size_t n_tests, CMFixtureFunction setup,
                   CMFixtureFunction teardown);

void rv32_true(bool is_true, const char *text, const char *file, int line);
void rv32_equal(uint64_t a, uint64_t b, bool is_wanted, const char *file, int line);
void rv32_in_range(uint64_t value, uint64_t low, uint64_t high, const char *file, int line);
void rv32_memory(const void *a, const void *b, size_t n_bytes, bool is_wanted, const char *file, int line);
void rv32_string(const char *a, const char *b, bool is_wanted, const char *file, int line);
_Noreturn void rv32_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
