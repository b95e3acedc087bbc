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

static void open_chip(struct chip *chip)
{
    chip->sectors[0] = (struct flash_fake_sector){.number = 4, .addr = 0x08010000, .n_words = SECTOR_WORDS};
    chip->sectors[1] =
        (struct flash_fake_sector){.number = 5, .addr = 0x08020000, .n_words = SECTOR_WORDS, .is_open = true};
    flash_fake_init(&chip->fake, chip->sectors, N_SECTORS, chip->words, chip->cells);
    chip->env = (struct flash_contract_env){&chip->fake.flash, 5, 0x08020000, SECTOR_WORDS, 4, 0x08010000};
}

static void fake_keeps_the_flash_contract(void **state)
{
    (void)state;
    for (const struct flash_contract_case *c = FLASH_CONTRACT; c->name != NULL; c++) {
        static struct chip chip;
        open_chip(&chip);
        const char *broken = c->run(&chip.env);
        if (broken != NULL) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Planted: a driver like those that return 0 whatever happened. */
static struct flash *lied_about;

static enum fota_err lying_erase(struct flash *flash, uint32_t sector)
{
    (void)flash;
    enum fota_err err = flash_erase_sector(lied_about, sector);
    (void)err;
    return FOTA_OK;
}

static enum fota_err lying_program(struct flash *flash, uint32_t addr, const uint32_t *words,
                                   uint32_t n_words)
{
    (void)flash;
    enum fota_err err = flash_program(lied_about, addr, words, n_words);
    (void)err;
    return FOTA_OK;
}

static enum fota_err honest_read(struct flash *flash, uint32_t addr, uint32_t *words, uint32_t n_words)
{
    (void)flash;
    return flash_read(lied_about, addr, words, n_words);
}

static void contract_notices_a_driver_that_ignores_errors(void **state)
{
    (void)state;
    static const struct flash_ops LYING = {lying_erase, lying_program, honest_read};
    struct flash liar = {&LYING};
    int n_broken = 0;
    for (const struct flash_contract_case *c = FLASH_CONTRACT; c->name != NULL; c++) {
        static struct chip chip;
        open_chip(&chip);
        lied_about = &chip.fake.flash;
        chip.env.flash = &liar;
        n_broken += c->run(&chip.env) != NULL;
    }
    assert_true(n_broken >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_keeps_the_flash_contract),
        cmocka_unit_test(contract_notices_a_driver_that_ignores_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
