/**
 * One peripheral on the real bus (twin/bus), without a core: registers by address, time by
 * hand, and what the model complained of.
 */
#ifndef REAL_BUS_H
#define REAL_BUS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/chip.h"

#define REAL_US 1000000ULL
#define REAL_MS 1000000000ULL

static inline struct chip *real_chip(void)
{
    return chip_create(&(struct chip_host){0}, NULL);
}

static inline uint32_t real_read(struct chip *chip, uint32_t addr)
{
    uint32_t value = 0;
    assert_true(chip_core_read(chip, addr, 4, &value));
    return value;
}

/** @return was it no bus error? */
static inline bool real_try(struct chip *chip, uint32_t addr, unsigned n_bytes, uint32_t value)
{
    return chip_core_write(chip, addr, n_bytes, value);
}

static inline void real_write(struct chip *chip, uint32_t addr, uint32_t value)
{
    assert_true(real_try(chip, addr, 4, value));
}

static inline bool real_pass(struct chip *chip, uint64_t ps)
{
    return chip_advance(chip, chip_now_ps(chip) + ps);
}

static inline void real_reset(struct chip *chip, enum chip_reset_cause cause)
{
    chip_reset(chip, cause == CHIP_RESET_POWER ? DEV_RESET_POWER : DEV_RESET_SYSTEM, cause);
}

/** Exactly one more violation than `before`, and its text holds `part`. */
static inline void real_violated(struct chip *chip, uint64_t before, const char *part)
{
    if (chip_violations(chip) == before) {
        fail_msg("no violation; expected one with '%s'", part);
    }
    const struct chip_violation_record *r = chip_violation_at(chip, (size_t)before);
    assert_non_null(r);
    if (!strstr(r->text, part)) {
        fail_msg("violation is '%s'; expected one with '%s'", r->text, part);
    }
    assert_int_equal(chip_violations(chip), before + 1);
}

/** No violation so far. */
static inline void real_clean(struct chip *chip)
{
    if (chip_violations(chip) != 0) {
        fail_msg("unexpected violation: %s", chip_violation_at(chip, 0)->text);
    }
}

#endif
