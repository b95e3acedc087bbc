/*
 * The program that qemu-riscv32 runs: the suites of the host, each the main() of its source under another name, and
 * how deep each took the gateway's stack.
 *
 * guest                    the short suites, without the tests of the list below
 * guest long               all suites, in full
 * guest suite NAME         one suite, in full
 * guest planted NAME       a test of planted.c
 *
 * Exit 0: tests ran, all of them passed, and the stack kept its bound.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <semihost.h>

#include "guest.h"

/* SUITES, LONG_SUITES and STACK_MAX_BYTES are the build's. */
#define DECLARE(name) int name(void);
SUITES(DECLARE)
LONG_SUITES(DECLARE)
#undef DECLARE

#define SHORT_ROW(name) {#name, name, false},
#define LONG_ROW(name)  {#name, name, true},
static const struct suite {
    const char *name;
    int (*run)(void);
    bool is_long;
} suites[] = {SUITES(SHORT_ROW) LONG_SUITES(LONG_ROW)};

static bool is_in_full;

/* Tests that repeat by the hundred what others show once. */
static struct left_out {
    const char *name;
    bool is_met;
} left_out[] = {{"mutated_statements_never_read_out_of_bounds", false},
                {"stream_check_agrees_with_the_bootloader_whatever_the_pieces", false},
                {"every_flipped_bit_is_refused_by_name", false},
                {"network_alone_never_gives_a_release_up", false},
                {"bit_errors_of_1e_4_and_1e_5_on_both_wires_are_survived", false},
                {"release_that_never_confirms_is_rolled_back_and_not_offered_again", false},
                {"any_save_may_be_cut", false},
                {"installs_begun_in_vain_are_given_up_until_retry_rises", false},
                {"damaged_bytes_are_repeated_until_right", false},
                {"gateway_restarted_in_the_trial_follows_it", false}};

bool rv32_is_left_out(const char *name)
{
    for (size_t i = 0; !is_in_full && i < sizeof left_out / sizeof left_out[0]; i++) {
        if (strcmp(left_out[i].name, name) == 0) {
            left_out[i].is_met = true;
            return true;
        }
    }
    return false;
}

/* @return true if every test of the list is still there */
static bool are_all_met(void)
{
    bool is_good = true;
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        if (!left_out[i].is_met) {
            printf("%s is left to the long run, and no short suite has it: take it off the list\n",
                   left_out[i].name);
            is_good = false;
        }
    }
    return is_good;
}

/* @return true if all is well */
static bool run(const char *name, int (*f)(void), const char *arg)
{
    const struct rv32_counts before = rv32_counts();
    rv32_core_paint();
    const int n_failed = arg ? rv32_planted(arg) : f();
    const struct rv32_counts after = rv32_counts();
    const uint32_t used_bytes = rv32_core_used_bytes();
    printf("%-22s %3u tests %3u failed   stack of the gateway %5" PRIu32 " bytes\n", name,
           after.n_tests - before.n_tests, after.n_failed - before.n_failed, used_bytes);
    if (after.n_tests == before.n_tests) {
        printf("%s: no test ran\n", name);
    }
    if (used_bytes > STACK_MAX_BYTES) {
        printf("%s: the stack of the gateway is over its bound of %d bytes\n", name, STACK_MAX_BYTES);
    }
    return n_failed == 0 && after.n_failed == before.n_failed && after.n_tests != before.n_tests &&
           used_bytes <= STACK_MAX_BYTES;
}

/* What follows `word` in `line`; NULL: it is not there. */
static const char *after(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    return at ? at + strlen(word) : NULL;
}

int main(void)
{
    static char line[512];
    if (sys_semihost_get_cmdline(line, sizeof line) != 0) {
        return 2;
    }
    const char *planted = after(line, " planted ");
    if (planted) {
        return run("planted", NULL, planted) ? 0 : 1;
    }
    const char *wanted = after(line, " suite ");
    is_in_full = wanted || strstr(line, " long");
    bool is_good = true;
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (wanted ? strcmp(wanted, suites[i].name) != 0 : suites[i].is_long && !is_in_full) {
            continue;
        }
        is_good = run(suites[i].name, suites[i].run, NULL) && is_good;
    }
    is_good = (is_in_full || are_all_met()) && is_good;
    const struct rv32_counts all = rv32_counts();
    printf("rv32imc, size_t of %zu bytes: %u tests, %u failed, %u left to the long run\n", sizeof(size_t),
           all.n_tests, all.n_failed, all.n_left);
    return is_good && all.n_tests > 0 ? 0 : 1;
}
