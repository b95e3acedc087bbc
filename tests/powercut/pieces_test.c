/* The tools of the sweeps are what they pretend to be: the chip keeps the flash contract and has the fault
 * model of the fake flash, going back in time brings everything back, stand-ins for checksum and hash agree
 * with what they stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define crc32_update  fast_crc32_update
#define crc32c_update fast_crc32c_update
#include "crc_fast.c"
#undef crc32_update
#undef crc32c_update

#include "chip.h"
#include "crypto_model.h"
#include "fake/flash_fake.h"
#include "flash_contract.h"

enum { SLOT_SECTOR = 5, SLOT_ADDR = 0x08020000, SLOT_SECTOR_WORDS = 32768, N_OPS = 400, SEEDS = 40 };

uint32_t crc32_update(uint32_t crc, const void *data, size_t n_bytes);
uint32_t crc32c_update(uint32_t crc, const void *data, size_t n_bytes);

static uint32_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*random >> 33);
}

static void chip_keeps_the_flash_contract(void **state)
{
    (void)state;
    for (const struct flash_contract_case *c = FLASH_CONTRACT; c->name; c++) {
        struct chip *chip = chip_new();
        struct flash_contract_env env = {.flash = &chip->flash,
                                         .sector = SLOT_SECTOR,
                                         .base = SLOT_ADDR,
                                         .n_words = SLOT_SECTOR_WORDS,
                                         .closed_sector = 4,
                                         .closed_base = 0x08010000};
        const char *broken = c->run(&env);
        chip_free(chip);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Both models side by side. */
struct pair {
    struct chip *chip;
    struct flash_fake fake;
    struct flash_fake_sector sector;
    uint32_t *words;
    struct flash_cell *cells;
    uint32_t n_suspect_programs;
    bool is_torn; /* the next operation is cut */
    bool is_cut;  /* it was */
    enum flash_cut outcome;
    uint64_t seed;
};

/* The chip calls before an operation; a cut is made here, and what
 * the operation does afterwards is undone. */
static void before_op(void *ctx, const struct chip_event *event)
{
    struct pair *pair = ctx;
    if (pair->is_torn && !pair->is_cut) {
        pair->is_cut = true;
        chip_tear(pair->chip, event, pair->outcome, pair->seed);
    }
}

static void on_broken(void *ctx, const char *check, const char *text)
{
    (void)check;
    (void)text;
    ((struct pair *)ctx)->n_suspect_programs++;
}

static void open_pair(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    pair->chip = chip_new();
    pair->words = malloc(4 * (size_t)SLOT_SECTOR_WORDS);
    pair->cells = malloc(SLOT_SECTOR_WORDS * sizeof *pair->cells);
    assert_true(pair->words && pair->cells);
    pair->sector = (struct flash_fake_sector){SLOT_SECTOR, SLOT_ADDR, SLOT_SECTOR_WORDS, true, false, 0};
    flash_fake_init(&pair->fake, &pair->sector, 1, pair->words, pair->cells);
    pair->chip->observer = (struct chip_observer){before_op, on_broken, pair};
}

static void close_pair(struct pair *pair)
{
    chip_free(pair->chip);
    free(pair->words);
    free(pair->cells);
}

static void assert_alike(const struct pair *pair)
{
    const struct chip *chip = pair->chip;
    uint32_t first = chip->sector[CHIP_SLOT_A].first;
    for (uint32_t w = 0; w < 64; w++) {
        assert_int_equal(chip->words[first + w], pair->words[w]);
        uint32_t kind = chip->kind[first + w] & (CHIP_KIND_SOLID | CHIP_KIND_SUSPECT);
        assert_int_equal(kind, pair->cells[w].kind);
    }
    assert_int_equal(pair->n_suspect_programs, pair->fake.n_suspect_programs);
}

/* A cut operation on both: the same readings for every outcome that leaves nothing to chance. */
static void cut_both(struct pair *pair, uint64_t *random)
{
    static const enum flash_cut OF_FAKE[] = {FLASH_CUT_BEFORE, FLASH_CUT_OLD, FLASH_CUT_COMPLETE};
    static const enum flash_cut OF_CHIP[] = {FLASH_CUT_BEFORE, FLASH_CUT_OLD, FLASH_CUT_COMPLETE};
    uint32_t how = draw(random) % 3;
    uint32_t addr = SLOT_ADDR + 4 * (draw(random) % 64);
    uint32_t value = draw(random) % 4 == 0 ? 0 : draw(random);
    bool is_erase = draw(random) % 8 == 0;
    size_t mark = chip_mark(pair->chip);
    pair->is_torn = true;
    pair->outcome = OF_CHIP[how];
    pair->is_cut = false;
    flash_fake_cut_at(&pair->fake, 1, OF_FAKE[how]);
    enum fota_err err = is_erase ? flash_erase_sector(&pair->fake.flash, SLOT_SECTOR)
                                 : flash_program(&pair->fake.flash, addr, &value, 1);
    assert_int_not_equal(err, FOTA_OK);
    /* On the chip, the operation goes on after the cut: go back to before it and tear again, without going
     * on. */
    err = is_erase ? flash_erase_sector(&pair->chip->flash, SLOT_SECTOR)
                   : flash_program(&pair->chip->flash, addr, &value, 1);
    (void)err;
    chip_undo(pair->chip, mark);
    if (pair->is_cut) {
        struct chip_event event = {is_erase ? CHIP_ERASE : CHIP_PROGRAM, CHIP_SLOT_A, (addr - SLOT_ADDR) / 4,
                                   value, true};
        chip_tear(pair->chip, &event, pair->outcome, 1);
    }
    pair->is_torn = false;
    flash_fake_power_up(&pair->fake, 1);
    chip_power_up(pair->chip, 1);
}

static void chip_has_the_fault_model_of_the_fake_flash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pair pair;
        uint64_t random = seed;
        open_pair(&pair);
        for (uint32_t i = 0; i < N_OPS; i++) {
            if (draw(&random) % 6 == 0) {
                cut_both(&pair, &random);
            } else if (draw(&random) % 30 == 0) {
                assert_int_equal(flash_erase_sector(&pair.chip->flash, SLOT_SECTOR),
                                 flash_erase_sector(&pair.fake.flash, SLOT_SECTOR));
            } else {
                uint32_t addr = SLOT_ADDR + 4 * (draw(&random) % 64);
                uint32_t value = draw(&random) % 4 == 0 ? 0 : draw(&random);
                enum fota_err err = flash_program(&pair.fake.flash, addr, &value, 1);
                assert_int_equal(flash_program(&pair.chip->flash, addr, &value, 1), err);
            }
            assert_alike(&pair);
        }
        close_pair(&pair);
    }
}

/* One random thing that can happen to the chip. */
static void do_something(struct chip *chip, uint64_t *random)
{
    struct chip_event event = {draw(random) % 8 == 0 ? CHIP_ERASE : CHIP_PROGRAM, draw(random) % CHIP_SECTORS,
                               draw(random) % 4096, draw(random), true};
    uint32_t addr = chip->sector[event.sector].addr + 4 * event.word;
    enum fota_err err = FOTA_OK;
    switch (draw(random) % 4) {
    case 0:
        chip_tear(chip, &event, draw(random) % (event.op == CHIP_ERASE ? FLASH_CUTS : FLASH_CUTS_OF_PROGRAM),
                  *random);
        break;
    case 1:
        chip_power_up(chip, *random);
        break;
    case 2:
        err = draw(random) % 8 == 0 ? flash_erase_sector(&chip->flash, chip->sector[event.sector].number)
                                    : FOTA_OK;
        break;
    default:
        err = flash_program(&chip->flash, addr, &event.value, 1);
    }
    (void)err;
}

static void going_back_in_time_brings_every_cell_back(void **state)
{
    (void)state;
    struct chip *chip = chip_new();
    struct chip *copy = malloc(sizeof *copy);
    assert_non_null(copy);
    uint64_t random = 7;
    for (uint32_t round = 0; round < 30; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            do_something(chip, &random);
        }
        size_t mark = chip_mark(chip);
        uint64_t hash = chip_hash(chip);
        memcpy(copy, chip, sizeof *copy);
        for (uint32_t i = 0; i < 60; i++) {
            do_something(chip, &random);
        }
        assert_true(chip_hash(chip) != hash);
        chip_undo(chip, mark);
        assert_true(chip_hash(chip) == hash);
        assert_memory_equal(chip->words, copy->words, sizeof chip->words);
        assert_memory_equal(chip->kind, copy->kind, sizeof chip->kind);
        for (uint32_t w = 0; w < CHIP_WORDS; w++) {
            bool is_suspect = (chip->kind[w] & CHIP_KIND_SUSPECT) != 0;
            assert_true(!is_suspect || (chip->old[w] == copy->old[w] && chip->target[w] == copy->target[w]));
        }
    }
    free(copy);
    chip_free(chip);
}

static void flaky_word_reads_differently_and_a_fading_one_later(void **state)
{
    (void)state;
    static const enum flash_cut OUTCOMES[] = {FLASH_CUT_FLAKY, FLASH_CUT_FADES, FLASH_CUT_FADES_LATE};
    static const uint32_t KEEPS[] = {0, 1, 3};
    for (uint32_t i = 0; i < 3; i++) {
        struct chip *chip = chip_new();
        struct chip_event event = {CHIP_PROGRAM, CHIP_J1, 5, 0x12345678, true};
        chip_tear(chip, &event, OUTCOMES[i], 3);
        uint32_t n_kept = 0;
        bool differs = false;
        for (uint32_t boot = 0; boot < 40; boot++) {
            chip_power_up(chip, boot);
            bool is_complete = chip->words[5] == 0x12345678;
            n_kept += !differs && is_complete;
            differs = differs || !is_complete;
        }
        assert_true(differs && n_kept >= KEEPS[i]);
        chip_free(chip);
    }
}

/* Lets the next operation fail. */
struct failing {
    struct chip *chip;
    enum chip_fault fault;
};

static void fail_once(void *ctx, const struct chip_event *event)
{
    struct failing *failing = ctx;
    (void)event;
    chip_fail(failing->chip, failing->fault);
    failing->chip->observer.before_op = NULL;
}

static enum fota_err run_failing(struct chip *chip, enum chip_fault fault, bool is_erase, uint32_t addr)
{
    static const uint32_t WORDS[2] = {0x12345678, 0x9ABCDEF0};
    struct failing failing = {chip, fault};
    chip->observer = (struct chip_observer){fail_once, NULL, &failing};
    enum fota_err err = is_erase ? flash_erase_sector(&chip->flash, SLOT_SECTOR)
                                 : flash_program(&chip->flash, addr, WORDS, 2);
    chip->observer = (struct chip_observer){0};
    return err;
}

static void dip_refuses_one_call_or_all_until_it_is_over_and_changes_nothing(void **state)
{
    (void)state;
    for (enum chip_fault fault = CHIP_DIP; fault <= CHIP_DIP_LONG; fault++) {
        struct chip *chip = chip_new();
        uint64_t hash = chip_hash(chip);
        assert_int_equal(run_failing(chip, fault, false, SLOT_ADDR), E_FLASH_SUPPLY);
        assert_int_equal(run_failing(chip, fault, true, 0), E_FLASH_SUPPLY);
        assert_true(chip_hash(chip) == hash);
        uint32_t word = 1;
        assert_int_equal(flash_program(&chip->flash, SLOT_ADDR, &word, 1),
                         fault == CHIP_DIP ? FOTA_OK : E_FLASH_SUPPLY);
        chip_supply_is_back(chip);
        assert_int_equal(flash_program(&chip->flash, SLOT_ADDR + 4, &word, 1), FOTA_OK);
        chip_free(chip);
    }
}

static void worn_cell_and_worn_sector_refuse_for_good(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 4; how++) {
        bool is_erase = how % 2 != 0;
        bool is_cell = how < 2;
        uint32_t zero = 0;
        struct chip *chip = chip_new();
        size_t mark = chip_mark(chip);
        enum fota_err err =
            run_failing(chip, is_cell ? CHIP_WORN_CELL : CHIP_WORN_SECTOR, is_erase, SLOT_ADDR + 400);
        enum fota_err of_cell = is_erase ? E_FLASH_NOT_BLANK : E_FLASH_VERIFY;
        assert_int_equal(err, is_cell ? of_cell : is_erase ? E_FLASH_ERASE : E_FLASH_PROGRAM);
        assert_int_equal(chip_worn_mask(chip), 1U << CHIP_SLOT_A);
        chip_power_up(chip, 1);
        if (is_erase) {
            assert_int_equal(flash_erase_sector(&chip->flash, SLOT_SECTOR), err);
        } else {
            assert_int_equal(flash_program(&chip->flash, SLOT_ADDR + 400, &zero, 1), err);
        }
        err = flash_program(&chip->flash, SLOT_ADDR + 800, &zero, 1);
        assert_int_equal(err, is_cell ? FOTA_OK : E_FLASH_PROGRAM);
        chip_undo(chip, mark);
        assert_int_equal(chip_worn_mask(chip), 0);
        assert_int_equal(flash_erase_sector(&chip->flash, SLOT_SECTOR), FOTA_OK);
        chip_free(chip);
    }
}

static void upset_makes_every_other_word_of_the_sector_suspect(void **state)
{
    (void)state;
    struct chip *chip = chip_new();
    size_t mark = chip_mark(chip);
    uint64_t hash = chip_hash(chip);
    struct chip_event event = {CHIP_PROGRAM, CHIP_J1, 5, 0x12345678, true};
    chip_upset(chip, &event, 3);
    assert_int_equal(chip->sector[CHIP_J1].n_suspect, chip->sector[CHIP_J1].n_words - 1);
    assert_true(chip->sector[CHIP_J1].n_flaky > 0 && chip->kind[5] == CHIP_KIND_BLANK);
    assert_int_equal(chip->sector[CHIP_SLOT_A].n_suspect, 0);
    chip_undo(chip, mark);
    assert_true(chip_hash(chip) == hash);
    chip_free(chip);
}

static void checksums_by_tables_agree_with_those_of_the_target(void **state)
{
    (void)state;
    uint8_t bytes[200];
    uint64_t random = 3;
    assert_int_equal(fast_crc32_update(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(fast_crc32c_update(0, "123456789", 9), 0xE3069283);
    for (uint32_t i = 0; i < 2000; i++) {
        size_t n_bytes = draw(&random) % sizeof bytes;
        for (size_t b = 0; b < n_bytes; b++) {
            bytes[b] = (uint8_t)draw(&random);
        }
        assert_int_equal(fast_crc32_update(0, bytes, n_bytes), crc32_update(0, bytes, n_bytes));
        assert_int_equal(fast_crc32c_update(0, bytes, n_bytes), crc32c_update(0, bytes, n_bytes));
    }
}

static void hash_of(const void *bytes, size_t n_bytes, size_t first_part, uint8_t out[CRYPTO_SHA256_BYTES])
{
    struct crypto_sha256 ctx;
    crypto_sha256_init(&ctx);
    crypto_sha256_update(&ctx, bytes, first_part);
    crypto_sha256_update(&ctx, (const uint8_t *)bytes + first_part, n_bytes - first_part);
    crypto_sha256_final(&ctx, out);
}

/* The hash depends on the bytes alone: not on where they are, in how many parts they come, or what was hashed
 * before. */
static void hash_of_the_model_is_a_function_of_the_bytes(void **state)
{
    (void)state;
    struct chip *chip = chip_new();
    const uint8_t *slot = (const uint8_t *)chip_at(chip, SLOT_ADDR);
    uint64_t random = 9;
    uint8_t last[CRYPTO_SHA256_BYTES] = {0};
    crypto_model_use(chip);
    for (uint32_t i = 0; i < 300; i++) {
        enum { MAX_BYTES = 40000 };
        static uint8_t copy[MAX_BYTES];
        uint8_t a[CRYPTO_SHA256_BYTES];
        uint8_t b[CRYPTO_SHA256_BYTES];
        size_t n_bytes = 20000 + draw(&random) % 20000;
        chip_flip(chip, SLOT_ADDR + 4 * (draw(&random) % 4000), draw(&random) | 1);
        memcpy(copy, slot, n_bytes);
        hash_of(slot, n_bytes, 0, a);
        hash_of(copy, n_bytes, draw(&random) % n_bytes, b);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_not_equal(a, last, sizeof a);
        memcpy(last, a, sizeof last);
    }
    crypto_model_use(NULL);
    chip_free(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chip_keeps_the_flash_contract),
        cmocka_unit_test(chip_has_the_fault_model_of_the_fake_flash),
        cmocka_unit_test(going_back_in_time_brings_every_cell_back),
        cmocka_unit_test(flaky_word_reads_differently_and_a_fading_one_later),
        cmocka_unit_test(dip_refuses_one_call_or_all_until_it_is_over_and_changes_nothing),
        cmocka_unit_test(worn_cell_and_worn_sector_refuse_for_good),
        cmocka_unit_test(upset_makes_every_other_word_of_the_sector_suspect),
        cmocka_unit_test(checksums_by_tables_agree_with_those_of_the_target),
        cmocka_unit_test(hash_of_the_model_is_a_function_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
