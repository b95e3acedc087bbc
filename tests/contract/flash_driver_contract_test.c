/*
 * The contract of port/flash.h on the real driver: guest/guest.c runs in the twin, and may commit no
 * violation. What is about time and interrupts runs at typical and at maximum flash times. Then the same with
 * a bug planted in the driver: a case that planted.json names must notice it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest/guest.h"
#include "twin/twin.h"

enum {
    CASE_MAX_MS = 12000,
    LOW_MV = 2600,
    GOOD_MV = 3300,
    OPTIONS_FACTORY = 0x0FFFAAED,
    TEXT_BYTES = 160,
    LSI_FASTEST_HZ = 47000
};
enum { R_LR = 14, R_PC = 15, CLOSED_BASE = 0x08010000, FLASH_BASE = 0x08000000, SECTOR_0_BYTES = 0x4000 };

/* One run of a guest. */
struct run {
    struct twin *twin;
    char name[TEXT_BYTES];
    char broken[TEXT_BYTES]; /* what the first broken case said */
    char broken_case[TEXT_BYTES];
    unsigned n_cases;
    bool is_timed; /* only the cases that are about time; else the others, and of the large sector few */
    bool is_large;
    size_t n_violations;
    uint8_t sector_0[SECTOR_0_BYTES];
    bool is_over;
};

static void read_text(const struct twin *t, uint32_t addr, char out[TEXT_BYTES])
{
    for (unsigned i = 0; i < TEXT_BYTES; i++) {
        out[i] = '\0';
        if (i + 1 == TEXT_BYTES || !twin_peek(t, addr + i, &out[i], 1) || out[i] == '\0') {
            break;
        }
    }
}

static void note_broken(struct run *r, const char *text)
{
    if (r->broken[0] == '\0') {
        (void)snprintf(r->broken, sizeof r->broken, "%s", text);
        (void)snprintf(r->broken_case, sizeof r->broken_case, "%s", r->name);
    }
}

/* A promise about write protection or wear makes the twin speak up: that is what was asked for. */
static bool is_asked_for(const struct run *r, const char *text)
{
    bool is_protection = strstr(text, "write-protected");
    return is_protection && (strstr(r->name, "protected") || strstr(r->name, "locked"));
}

static void look_at_violations(struct run *r)
{
    struct twin_violation violation;
    size_t n = twin_violation(r->twin, 0, &violation);
    for (; r->n_violations < n; r->n_violations++) {
        (void)twin_violation(r->twin, r->n_violations, &violation);
        if (!is_asked_for(r, violation.text)) {
            note_broken(r, violation.text);
        }
    }
}

static uint32_t protection(uint32_t argument)
{
    return (argument >> 8 & 1) != 0 ? OPTIONS_FACTORY & ~(1U << (16 + (argument & 15))) : OPTIONS_FACTORY;
}

static void end_case(struct run *r, uint32_t text)
{
    char broken[TEXT_BYTES];
    uint8_t now[SECTOR_0_BYTES];
    look_at_violations(r);
    if (twin_stats(r->twin)->resets_iwdg != 0) {
        note_broken(r, "the watchdog has bitten");
    }
    assert_true(twin_peek(r->twin, FLASH_BASE, now, sizeof now));
    if (memcmp(now, r->sector_0, sizeof now) != 0) {
        note_broken(r, "sector 0 changed");
    }
    if (text != 0) {
        read_text(r->twin, text, broken);
        note_broken(r, broken);
    }
    r->n_cases++;
}

/* Waiting is what costs: the core executes the wait. So each
 * promise is asked at the times that matter to it. */
static bool is_wanted(const struct run *r)
{
    bool is_about_time = strstr(r->name, "time") || strstr(r->name, "interrupt");
    bool is_plain = strstr(r->name, "erase_leaves") || strstr(r->name, "programmed_words");
    return r->is_timed ? is_about_time : !r->is_large || is_plain;
}

/* What the guest asks for. @return the answer */
static uint32_t answer(struct run *r, uint32_t what, uint32_t argument)
{
    switch (what) {
    case GUEST_CASE_BEGINS:
        if (twin_stats(r->twin)->resets_iwdg != 0) {
            note_broken(r, "the watchdog has bitten"); /* and the guest begins anew */
        }
        read_text(r->twin, argument, r->name);
        return is_wanted(r);
    case GUEST_CASE_ENDS:
        end_case(r, argument);
        return 0;
    case GUEST_NOW_US:
        return (uint32_t)(twin_now_ns(r->twin) / 1000);
    case GUEST_PROTECT:
        twin_set_options(r->twin, protection(argument));
        return 0;
    case GUEST_STARVE:
        twin_set_supply(r->twin, argument != 0 ? LOW_MV : GOOD_MV);
        return 0;
    case GUEST_WEAR_OUT:
        assert_true(twin_wear_out(r->twin, argument & 15,
                                  (argument >> 8 & 1) != 0 ? TWIN_WEAR_DEAF : TWIN_WEAR_NONE));
        return 0;
    case GUEST_LARGE_SECTOR:
        r->is_large = true;
        return 0;
    case GUEST_ALL_DONE:
        r->is_over = true;
        return 0;
    default:
        note_broken(r, "the guest is gone: fault");
        r->is_over = true;
        return 0;
    }
}

/* Run until the guest is done, or gone. */
static void run_guest(struct run *r, const char *name, enum twin_flash_timing timing)
{
    char path[512];
    char why[256] = "";
    const struct twin_config config = {.flash_timing = timing, .lsi_hz = LSI_FASTEST_HZ, .seed = 3};
    const uint32_t word = 0x600DF00D;
    memset(r, 0, sizeof *r);
    r->is_timed = timing != TWIN_FLASH_HASTY;
    (void)snprintf(path, sizeof path, FOTA_FIRMWARE_DIR "/tests/contract/guest/contract_guest%s%s.elf",
                   name[0] != '\0' ? "_" : "", name);
    r->twin = twin_create(&config, why, sizeof why);
    if (!r->twin || !twin_load_elf(r->twin, path, why, sizeof why)) {
        fail_msg("%s: %s (build the firmware first: make fw)", path, why);
    }
    assert_true(twin_flash_store(r->twin, CLOSED_BASE, &word, sizeof word));
    assert_true(twin_peek(r->twin, FLASH_BASE, r->sector_0, sizeof r->sector_0));
    twin_set_breakpoint(r->twin, GUEST_HOST_CALL);
    twin_set_power(r->twin, true);
    while (!r->is_over && r->broken[0] == '\0') {
        uint64_t end_ns = twin_now_ns(r->twin) + (uint64_t)CASE_MAX_MS * 1000000U;
        if (twin_run_until(r->twin, end_ns) != TWIN_STOP_BREAKPOINT) {
            note_broken(r, "the guest is gone: it neither ends its case nor asks");
            break;
        }
        twin_set_reg(r->twin, 0, answer(r, twin_reg(r->twin, 0), twin_reg(r->twin, 1)));
        twin_set_reg(r->twin, R_PC, twin_reg(r->twin, R_LR) & ~1U);
    }
    twin_destroy(r->twin);
}

static void must_keep(enum twin_flash_timing timing, unsigned n_cases)
{
    static struct run r;
    run_guest(&r, "", timing);
    if (r.broken[0] != '\0') {
        fail_msg("%s: %s", r.broken_case, r.broken);
    }
    print_message("%u cases\n", r.n_cases);
    assert_true(r.n_cases >= n_cases);
}

static void driver_keeps_every_promise(void **state)
{
    (void)state;
    must_keep(TWIN_FLASH_HASTY, 19);
}

static void driver_keeps_its_time_and_its_interrupts_at_typical_flash_times(void **state)
{
    (void)state;
    must_keep(TWIN_FLASH_TYPICAL, 5);
}

static void driver_keeps_its_time_and_its_interrupts_at_maximum_flash_times(void **state)
{
    (void)state;
    must_keep(TWIN_FLASH_MAXIMUM, 5);
}

/* The table of planted bugs, as far as it is needed here: "name" and "caught_by", in order. */
static char table[32768];

static void read_table(void)
{
    FILE *f = fopen(FOTA_SOURCE_DIR "/tests/contract/planted.json", "r");
    assert_non_null(f);
    table[fread(table, 1, sizeof table - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
}

/* Text between the next pair of quotes. @return after it */
static const char *quoted(const char *at, char *out, size_t n_bytes)
{
    const char *from = strchr(at, '"');
    const char *to = from ? strchr(from + 1, '"') : NULL;
    if (!to || (size_t)(to - from) > n_bytes) {
        fail_msg("planted.json: not as expected at: %.40s", at);
        return at;
    }
    memcpy(out, from + 1, (size_t)(to - from - 1));
    out[to - from - 1] = '\0';
    return to + 1;
}

/* Is the case, or what it said, among the names in the list that `at` begins? */
static bool is_expected(const char *at, const struct run *r)
{
    const char *end = strchr(at, ']');
    bool is_found = false;
    while ((at = strchr(at, '"')) && at < end) {
        char name[TEXT_BYTES];
        at = quoted(at, name, sizeof name);
        is_found = is_found || strcmp(name, r->broken_case) == 0 || strstr(r->broken, name) == r->broken;
    }
    return is_found;
}

static void contract_notices_every_planted_bug_of_the_driver(void **state)
{
    (void)state;
    static struct run r;
    unsigned n_caught = 0;
    read_table();
    for (const char *at = strstr(table, "\"name\":"); at; at = strstr(at + 1, "\"name\":")) {
        char name[64];
        (void)quoted(at + strlen("\"name\":"), name, sizeof name);
        bool is_timed = strcmp(name, "not_fed") == 0;
        run_guest(&r, name, is_timed ? TWIN_FLASH_MAXIMUM : TWIN_FLASH_HASTY);
        print_message("%-20s %s: %s\n", name, r.broken_case, r.broken[0] != '\0' ? r.broken : "NOT NOTICED");
        const char *expected = strstr(at, "\"caught_by\":");
        assert_non_null(expected);
        if (r.broken[0] == '\0' || !is_expected(expected + strlen("\"caught_by\":"), &r)) {
            fail_msg("%s: not noticed by a case that planted.json names (%s: %s)", name, r.broken_case,
                     r.broken);
        }
        n_caught++;
    }
    print_message("%u planted bugs, each noticed\n", n_caught);
    assert_true(n_caught >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_keeps_every_promise),
        cmocka_unit_test(driver_keeps_its_time_and_its_interrupts_at_typical_flash_times),
        cmocka_unit_test(driver_keeps_its_time_and_its_interrupts_at_maximum_flash_times),
        cmocka_unit_test(contract_notices_every_planted_bug_of_the_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
