/* The contract of port/flash.h on the fake, and proof that the contract notices a flash that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/flash_fake.h"
#include "flash_contract.h"

enum { SECTOR_WORDS = 128, N_SECTORS = 2 };

struct chip {
    struct flash_fake fake;
    struct flash_fake_sector sectors[N_SECTORS];
    uint32_t words[N_SECTORS * SECTOR_WORDS];
    struct flash_cell cells[N_SECTORS * SECTOR_WORDS];
    struct flash_contract_env env;
};

static struct flash_fake *fake_of(const struct flash_contract_env *env)
{
    return &((struct chip *)env->ctx)->fake;
}

static void protect(const struct flash_contract_env *env, uint32_t sector, bool on)
{
    fake_of(env)->protected_sectors = on ? 1U << sector : 0;
}

static void starve(const struct flash_contract_env *env, bool on)
{
    fake_of(env)->is_supply_low = on;
}

static void wear_out(const struct flash_contract_env *env, uint32_t sector, bool on)
{
    struct flash_fake *fake = fake_of(env);
    fake->wear = FLASH_WEAR_DEAF;
    for (uint32_t s = 0; s < fake->n_sectors; s++) {
        fake->sectors[s].is_worn = on && fake->sectors[s].number == sector;
    }
}

static uint32_t load(const struct flash_contract_env *env, uint32_t addr)
{
    return *flash_fake_at(fake_of(env), addr);
}

static const struct flash_contract_world WORLD = {protect, starve, wear_out, NULL, NULL, load};

static void open_chip(struct chip *chip)
{
    chip->sectors[0] = (struct flash_fake_sector){.number = 4, .addr = 0x08010000, .n_words = SECTOR_WORDS};
    chip->sectors[1] =
        (struct flash_fake_sector){.number = 5, .addr = 0x08020000, .n_words = SECTOR_WORDS, .is_open = true};
    flash_fake_init(&chip->fake, chip->sectors, N_SECTORS, chip->words, chip->cells);
    chip->env = (struct flash_contract_env){.flash = &chip->fake.flash,
                                            .sector = 5,
                                            .base = 0x08020000,
                                            .n_words = SECTOR_WORDS,
                                            .closed_sector = 4,
                                            .closed_base = 0x08010000,
                                            .world = &WORLD,
                                            .ctx = chip};
}

static void fake_keeps_the_flash_contract(void **state)
{
    (void)state;
    for (const struct flash_contract_case *c = FLASH_CONTRACT; c->name; c++) {
        static struct chip chip;
        open_chip(&chip);
        const char *broken = c->run(&chip.env);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Planted: a flash that is right but in one thing. */
enum lie {
    FORGETS_A_WORD,
    DROPS_THE_LAST,
    REFUSES_ZERO,
    OVERWRITES,
    REFUSES_ONES,
    ROUNDS_DOWN,
    OPENS_ALL,
    WANTS_WORDS,
    UNPROTECTS,
    NEEDS_NO_SUPPLY,
    BELIEVES_ITSELF,
    CACHES,
    LIES
};

struct liar {
    struct flash flash;
    struct chip *chip;
    enum lie lie;
    uint32_t cached;
};

static enum fota_err lying_erase(struct flash *flash, uint32_t sector)
{
    struct liar *liar = (struct liar *)flash;
    struct flash_fake *fake = &liar->chip->fake;
    fake->protected_sectors = liar->lie == UNPROTECTS ? 0 : fake->protected_sectors;
    fake->is_supply_low = fake->is_supply_low && liar->lie != NEEDS_NO_SUPPLY;
    if (liar->lie == OPENS_ALL) {
        fake->sectors[0].is_open = true;
    }
    enum fota_err err = flash_erase_sector(&fake->flash, sector);
    if (liar->lie == FORGETS_A_WORD) {
        fake->words[2 * SECTOR_WORDS - 1] = 0;
    }
    return liar->lie == BELIEVES_ITSELF && err == E_FLASH_NOT_BLANK ? FOTA_OK : err;
}

static bool is_refused(const struct liar *liar, const uint32_t *words, uint32_t n_words)
{
    return (liar->lie == WANTS_WORDS && n_words == 0) ||
           (n_words != 0 && liar->lie == REFUSES_ZERO && words[0] == 0) ||
           (n_words > 1 && liar->lie == REFUSES_ONES && words[1] == UINT32_MAX);
}

static enum fota_err lying_program(struct flash *flash, uint32_t addr, const uint32_t *words,
                                   uint32_t n_words)
{
    struct liar *liar = (struct liar *)flash;
    struct flash_fake *fake = &liar->chip->fake;
    uint32_t *first = flash_fake_at(fake, addr);
    fake->protected_sectors = liar->lie == UNPROTECTS ? 0 : fake->protected_sectors;
    fake->is_supply_low = fake->is_supply_low && liar->lie != NEEDS_NO_SUPPLY;
    if (is_refused(liar, words, n_words)) {
        return E_FLASH_PROGRAM;
    }
    if (liar->lie == OVERWRITES && first && n_words == 1) {
        *first &= words[0];
        return FOTA_OK;
    }
    addr = liar->lie == ROUNDS_DOWN ? addr & ~3U : addr;
    n_words -= liar->lie == DROPS_THE_LAST && n_words > 1;
    enum fota_err err = flash_program(&fake->flash, addr, words, n_words);
    return liar->lie == BELIEVES_ITSELF && err == E_FLASH_VERIFY ? FOTA_OK : err;
}

static enum fota_err honest_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    return flash_read(&((struct liar *)flash)->chip->fake.flash, addr, words, n_words);
}

/* A data cache of one line that nobody empties. */
static uint32_t cached_load(const struct flash_contract_env *env, uint32_t addr)
{
    struct liar *liar = (struct liar *)env->flash;
    if (liar->cached == 0) {
        liar->cached = load(env, addr);
    }
    return liar->cached;
}

static void each_promise_notices_a_flash_that_breaks_it(void **state)
{
    (void)state;
    static const char *const CAUGHT_BY[LIES] = {
        [FORGETS_A_WORD] = "erase_leaves_every_word_blank",
        [DROPS_THE_LAST] = "programmed_words_read_back",
        [REFUSES_ZERO] = "zero_may_go_over_anything",
        [OVERWRITES] = "other_values_over_used_words_are_refused",
        [REFUSES_ONES] = "ones_over_blank_words_are_nothing_to_do",
        [ROUNDS_DOWN] = "odd_addresses_are_refused",
        [OPENS_ALL] = "nothing_outside_the_open_sectors_is_touched",
        [WANTS_WORDS] = "no_words_is_nothing_to_do",
        [UNPROTECTS] = "protected_sector_is_refused_and_the_next_operation_works",
        [NEEDS_NO_SUPPLY] = "low_supply_is_refused_and_the_next_operation_works",
        [BELIEVES_ITSELF] = "what_does_not_read_back_is_reported",
        [CACHES] = "plain_loads_see_what_was_erased_and_programmed"};
    static const struct flash_ops lying_ops = {
        .erase_sector = lying_erase, .program = lying_program, .read = honest_read};
    static const struct flash_contract_world CACHED = {protect, starve, wear_out, NULL, NULL, cached_load};
    for (enum lie lie = FORGETS_A_WORD; lie < LIES; lie++) {
        bool is_caught = false;
        for (const struct flash_contract_case *c = FLASH_CONTRACT; c->name; c++) {
            static struct chip chip;
            struct liar liar = {.flash = {.ops = &lying_ops}, .chip = &chip, .lie = lie};
            open_chip(&chip);
            chip.env.flash = &liar.flash;
            chip.env.world = lie == CACHES ? &CACHED : &WORLD;
            is_caught = is_caught || (strcmp(c->name, CAUGHT_BY[lie]) == 0 && c->run(&chip.env));
        }
        if (!is_caught) {
            fail_msg("%s does not notice", CAUGHT_BY[lie]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_keeps_the_flash_contract),
        cmocka_unit_test(each_promise_notices_a_flash_that_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
