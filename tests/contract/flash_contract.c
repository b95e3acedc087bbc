#include "flash_contract.h"

#include <stddef.h>
#include <string.h>

enum { SAMPLE_WORDS = 16 };

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

static const char *other_values_over_used_words_are_reported(const struct flash_contract_env *env)
{
    uint32_t word = 0x0000FFFF;
    uint32_t other = 0xFFFF0001;
    MUST(flash_erase_sector(env->flash, env->sector) == FOTA_OK, "erase failed");
    MUST(flash_program(env->flash, env->base, &word, 1) == FOTA_OK, "program failed");
    enum fota_err err = flash_program(env->flash, env->base, &other, 1);
    MUST(err == E_FLASH_PROGRAM || err == E_FLASH_VERIFY, "bits that cannot be set were reported as written");
    return NULL;
}

static const char *odd_addresses_are_refused(const struct flash_contract_env *env)
{
    uint32_t word = 0;
    MUST(flash_program(env->flash, env->base + 2, &word, 1) == E_FLASH_ALIGN,
         "program at +2 was not E_FLASH_ALIGN");
    MUST(flash_read(env->flash, env->base + 1, &word, 1) == E_FLASH_ALIGN,
         "read at +1 was not E_FLASH_ALIGN");
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

const struct flash_contract_case FLASH_CONTRACT[] = {
    {"erase_leaves_every_word_blank", erase_leaves_every_word_blank},
    {"programmed_words_read_back", programmed_words_read_back},
    {"zero_may_go_over_anything", zero_may_go_over_anything},
    {"other_values_over_used_words_are_reported", other_values_over_used_words_are_reported},
    {"odd_addresses_are_refused", odd_addresses_are_refused},
    {"nothing_outside_the_open_sectors_is_touched", nothing_outside_the_open_sectors_is_touched},
    {"no_words_is_nothing_to_do", no_words_is_nothing_to_do},
    {NULL, NULL},
};
