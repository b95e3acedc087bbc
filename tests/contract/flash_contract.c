#include "flash_contract.h"

#include <stddef.h>
#include <string.h>

enum {
    SAMPLE_WORDS = 16,
    SMALL_SECTOR_WORDS = 4096,
    /* Bounds of port/flash.h, and a twentieth for what surrounds an operation: calls, read-back, a look at
     * the supply. */
    ERASE_MAX_US = 2100000,
    ERASE_SMALL_MAX_US = 525000,
    PROGRAM_MAX_US = 105,
    CALL_MAX_US = 300
};

#define MUST(condition, text)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return text;                                                                                     \
        }                                                                                                    \
    } while (0)

static uint32_t pattern(uint32_t i)
{
    return 0x9E3779B9U * (i + 1);
}

static const char *erase_leaves_every_word_blank(const struct flash_contract_env *env)
{
    uint32_t words[SAMPLE_WORDS] = {0};
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase of an open sector failed");
    MUST(flash_program(env->flash, env->base, words, SAMPLE_WORDS) == FOTA_OK, "program after erase failed");
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "second erase failed");
    for (uint32_t i = 0; i < env->n_words; i++) {
        uint32_t word = 0;
        MUST(flash_read(env->flash, env->base + 4 * i, &word, 1) == FOTA_OK, "read failed");
        MUST(word == UINT32_MAX, "a word is not blank after erase");
    }
    return NULL;
}

static const char *programmed_words_read_back(const struct flash_contract_env *env)
{
    uint32_t words[SAMPLE_WORDS];
    uint32_t back[SAMPLE_WORDS];
    uint32_t addr = env->base + 4 * (env->n_words - SAMPLE_WORDS);
    for (uint32_t i = 0; i < SAMPLE_WORDS; i++) {
        words[i] = pattern(i);
    }
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, addr, words, SAMPLE_WORDS) == FOTA_OK,
         "program up to the end of the sector failed");
    MUST(flash_read(env->flash, addr, back, SAMPLE_WORDS) == FOTA_OK, "read failed");
    MUST(memcmp(words, back, sizeof back) == 0, "words differ after program");
    MUST(flash_read(env->flash, addr - 4, back, 1) == FOTA_OK && back[0] == UINT32_MAX,
         "the word before changed");
    return NULL;
}

static const char *zero_may_go_over_anything(const struct flash_contract_env *env)
{
    uint32_t word = pattern(3);
    uint32_t zero = 0;
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, &word, 1) == FOTA_OK, "program failed");
    MUST(flash_program(env->flash, env->base, &zero, 1) == FOTA_OK, "0 over a used word was refused");
    MUST(flash_program(env->flash, env->base, &zero, 1) == FOTA_OK, "0 over 0 was refused");
    MUST(flash_read(env->flash, env->base, &word, 1) == FOTA_OK && word == 0, "0 does not read back");
    return NULL;
}

static const char *other_values_over_used_words_are_refused(const struct flash_contract_env *env)
{
    uint32_t words[3] = {0x0000FFFF, 0x00000001, UINT32_MAX};
    uint32_t back[3];
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, words, 1) == FOTA_OK, "program failed");
    for (uint32_t i = 1; i < 3; i++) {
        MUST(flash_program(env->flash, env->base, &words[i], 1) == E_FLASH_VERIFY,
             "a used word took another value than 0");
    }
    words[0] = 1;
    MUST(flash_program(env->flash, env->base, words, 3) == E_FLASH_VERIFY,
         "a run over a used word was allowed");
    MUST(flash_read(env->flash, env->base, back, 3) == FOTA_OK, "read failed");
    MUST(back[0] == 0x0000FFFF, "a refused program changed the word");
    MUST(back[1] == UINT32_MAX && back[2] == UINT32_MAX, "words after a refused one were programmed");
    return NULL;
}

static const char *ones_over_blank_words_are_nothing_to_do(const struct flash_contract_env *env)
{
    uint32_t words[3] = {pattern(1), UINT32_MAX, pattern(2)};
    uint32_t back[3];
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, words, 3) == FOTA_OK, "ones among other words were refused");
    MUST(flash_read(env->flash, env->base, back, 3) == FOTA_OK && memcmp(words, back, sizeof back) == 0,
         "words differ after program");
    MUST(flash_program(env->flash, env->base + 4, &words[2], 1) == FOTA_OK,
         "a word that was left blank cannot be programmed later");
    return NULL;
}

static const char *odd_addresses_are_refused(const struct flash_contract_env *env)
{
    uint32_t word = 0;
    MUST(flash_program(env->flash, env->base + 2, &word, 1) == E_FLASH_ALIGN,
         "program at +2 was not E_FLASH_ALIGN");
    MUST(flash_read(env->flash, env->base + 1, &word, 1) == E_FLASH_ALIGN,
         "read at +1 was not E_FLASH_ALIGN");
    MUST(flash_program(env->flash, env->base + 3, &word, 0) == E_FLASH_ALIGN,
         "program of no words at +3 was not E_FLASH_ALIGN");
    MUST(word == 0, "a refused read changed its output");
    return NULL;
}

static const char *nothing_outside_the_open_sectors_is_touched(const struct flash_contract_env *env)
{
    uint32_t word = 0;
    uint32_t before = 0;
    uint32_t after = 0;
    MUST(flash_read(env->flash, env->closed_base, &before, 1) == FOTA_OK, "a closed sector cannot be read");
    MUST(flash_erase_sector(env->flash, env->closed_sector) == E_FLASH_RANGE,
         "erase of a closed sector was allowed");
    MUST(flash_erase_sector(env->flash, 12) == E_FLASH_RANGE, "erase of sector 12 was allowed");
    MUST(flash_erase_sector(env->flash, UINT32_MAX) == E_FLASH_RANGE, "erase of sector 2^32-1 was allowed");
    MUST(flash_program(env->flash, env->closed_base, &word, 1) == E_FLASH_RANGE,
         "program of a closed sector was allowed");
    MUST(flash_program(env->flash, 0x20000000, &word, 1) == E_FLASH_RANGE,
         "program outside the flash was allowed");
    MUST(flash_program(env->flash, 0x08100000, &word, 1) == E_FLASH_RANGE,
         "program after the flash was allowed");
    MUST(flash_program(env->flash, env->base, &word, 0x40000001) == E_FLASH_RANGE,
         "program of more words than there are was allowed");
    MUST(flash_program(env->flash, env->base, &word, UINT32_MAX) == E_FLASH_RANGE,
         "program of 2^32-1 words was allowed");
    MUST(flash_read(env->flash, env->closed_base, &after, 1) == FOTA_OK && after == before,
         "a closed sector changed");
    return NULL;
}

static const char *no_words_is_nothing_to_do(const struct flash_contract_env *env)
{
    uint32_t word = 0;
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, &word, 0) == FOTA_OK, "program of 0 words was refused");
    MUST(flash_read(env->flash, env->base, &word, 1) == FOTA_OK && word == UINT32_MAX,
         "program of 0 words wrote");
    return NULL;
}

/* --- the world around it --- */

/* Sector erased, first word programmed with pattern(0). */
static const char *set_up(const struct flash_contract_env *env)
{
    uint32_t word = pattern(0);
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, &word, 1) == FOTA_OK, "program failed");
    return NULL;
}

static const char *first_two_words_are(const struct flash_contract_env *env, uint32_t first, uint32_t second)
{
    uint32_t back[2] = {0};
    MUST(flash_read(env->flash, env->base, back, 2) == FOTA_OK, "read failed");
    MUST(back[0] == first && back[1] == second, "a refused operation changed the flash");
    return NULL;
}

/* Both operations end with `err`, and nothing changes. */
static const char *both_refused(const struct flash_contract_env *env, enum fota_err err)
{
    uint32_t word = pattern(1);
    MUST(flash_erase_sector(env->flash, env->sector) == err, "erase did not end with the documented error");
    MUST(flash_program(env->flash, env->base + 4, &word, 1) == err,
         "program did not end with the documented error");
    return first_two_words_are(env, pattern(0), UINT32_MAX);
}

/* Both operations work as if nothing had been. */
static const char *both_work(const struct flash_contract_env *env)
{
    uint32_t word = pattern(1);
    MUST(flash_program(env->flash, env->base + 4, &word, 1) == FOTA_OK, "the next program failed");
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "the next erase failed");
    return first_two_words_are(env, UINT32_MAX, UINT32_MAX);
}

static const char *
protected_sector_is_refused_and_the_next_operation_works(const struct flash_contract_env *env)
{
    if (!env->world || !env->world->protect) {
        return NULL;
    }
    const char *broken = set_up(env);
    if (!broken) {
        env->world->protect(env, env->sector, true);
        broken = both_refused(env, E_FLASH_PROTECTED);
        env->world->protect(env, env->sector, false);
    }
    return broken ? broken : both_work(env);
}

static const char *low_supply_is_refused_and_the_next_operation_works(const struct flash_contract_env *env)
{
    if (!env->world || !env->world->starve) {
        return NULL;
    }
    const char *broken = set_up(env);
    if (!broken) {
        env->world->starve(env, true);
        broken = both_refused(env, E_FLASH_SUPPLY);
        env->world->starve(env, false);
    }
    return broken ? broken : both_work(env);
}

static const char *what_does_not_read_back_is_reported(const struct flash_contract_env *env)
{
    uint32_t word = pattern(1);
    uint32_t zero = 0;
    if (!env->world || !env->world->wear_out) {
        return NULL;
    }
    const char *broken = set_up(env);
    if (broken) {
        return broken;
    }
    env->world->wear_out(env, env->sector, true);
    enum fota_err program = flash_program(env->flash, env->base + 4, &word, 1);
    enum fota_err tombstone = flash_program(env->flash, env->base, &zero, 1);
    enum fota_err erase = flash_erase_sector(env->flash, env->sector);
    env->world->wear_out(env, env->sector, false);
    MUST(program == E_FLASH_VERIFY, "a program that changed nothing was not E_FLASH_VERIFY");
    MUST(tombstone == E_FLASH_VERIFY, "a 0 that changed nothing was not E_FLASH_VERIFY");
    MUST(erase == E_FLASH_NOT_BLANK, "an erase that changed nothing was not E_FLASH_NOT_BLANK");
    return both_work(env);
}

static const char *flash_is_locked_after_every_call(const struct flash_contract_env *env)
{
    const struct flash_contract_world *world = env->world;
    uint32_t word = 1;
    if (!world || !world->is_locked) {
        return NULL;
    }
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK && world->is_locked(env),
         "open after an erase");
    MUST(flash_program(env->flash, env->base, &word, 1) == FOTA_OK && world->is_locked(env),
         "open after a program");
    word = 2;
    MUST(flash_program(env->flash, env->base, &word, 1) != FOTA_OK && world->is_locked(env),
         "open after a program that failed");
    if (world->protect) {
        world->protect(env, env->sector, true);
        enum fota_err err = flash_erase_sector(env->flash, env->sector);
        bool is_locked = world->is_locked(env);
        world->protect(env, env->sector, false);
        MUST(err == E_FLASH_PROTECTED && is_locked, "open after an erase that failed");
    }
    MUST(flash_read(env->flash, env->base, &word, 1) == FOTA_OK && world->is_locked(env),
         "open after a read");
    return NULL;
}

static const char *calls_end_within_their_time(const struct flash_contract_env *env)
{
    uint32_t words[SAMPLE_WORDS];
    if (!env->world || !env->world->now_us) {
        return NULL;
    }
    for (uint32_t i = 0; i < SAMPLE_WORDS; i++) {
        words[i] = pattern(i);
    }
    uint32_t start_us = env->world->now_us(env);
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    uint32_t erased_us = env->world->now_us(env);
    MUST(flash_program(env->flash, env->base, words, SAMPLE_WORDS) == FOTA_OK, "program failed");
    uint32_t end_us = env->world->now_us(env);
    bool is_small = env->n_words <= SMALL_SECTOR_WORDS;
    MUST(erased_us - start_us <= (is_small ? ERASE_SMALL_MAX_US : ERASE_MAX_US), "the erase took too long");
    MUST(end_us - erased_us <= CALL_MAX_US + SAMPLE_WORDS * PROGRAM_MAX_US, "the program took too long");
    return NULL;
}

static const char *plain_loads_see_what_was_erased_and_programmed(const struct flash_contract_env *env)
{
    uint32_t word = pattern(5);
    if (!env->world || !env->world->load) {
        return NULL;
    }
    const char *broken = set_up(env);
    MUST(broken || env->world->load(env, env->base) == pattern(0),
         "a load after a program sees something else");
    MUST(broken || flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(broken || env->world->load(env, env->base) == UINT32_MAX,
         "a load after an erase sees what was there");
    MUST(broken || flash_program(env->flash, env->base, &word, 1) == FOTA_OK, "program failed");
    MUST(broken || env->world->load(env, env->base) == word, "a load after a program sees something else");
    return broken;
}

const struct flash_contract_case FLASH_CONTRACT[] = {
    {"erase_leaves_every_word_blank", erase_leaves_every_word_blank},
    {"programmed_words_read_back", programmed_words_read_back},
    {"zero_may_go_over_anything", zero_may_go_over_anything},
    {"other_values_over_used_words_are_refused", other_values_over_used_words_are_refused},
    {"ones_over_blank_words_are_nothing_to_do", ones_over_blank_words_are_nothing_to_do},
    {"odd_addresses_are_refused", odd_addresses_are_refused},
    {"nothing_outside_the_open_sectors_is_touched", nothing_outside_the_open_sectors_is_touched},
    {"no_words_is_nothing_to_do", no_words_is_nothing_to_do},
    {"protected_sector_is_refused_and_the_next_operation_works",
     protected_sector_is_refused_and_the_next_operation_works},
    {"low_supply_is_refused_and_the_next_operation_works",
     low_supply_is_refused_and_the_next_operation_works},
    {"what_does_not_read_back_is_reported", what_does_not_read_back_is_reported},
    {"flash_is_locked_after_every_call", flash_is_locked_after_every_call},
    {"calls_end_within_their_time", calls_end_within_their_time},
    {"plain_loads_see_what_was_erased_and_programmed", plain_loads_see_what_was_erased_and_programmed},
    {NULL, NULL},
};
