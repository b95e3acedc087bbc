/* Torn flash operations: see the axioms in the header. */
#include "dev/flash_faults.h"

#include <stdbool.h>
#include <string.h>

enum { ROW_BYTES = 512 };

uint64_t flash_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15U;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static enum flash_outcome choose(enum flash_outcome outcome, uint64_t *random)
{
    static const enum flash_outcome choice[] = {FLASH_OUTCOME_BEFORE, FLASH_OUTCOME_BLANK,
                                                FLASH_OUTCOME_GARBAGE, FLASH_OUTCOME_COMPLETE,
                                                FLASH_OUTCOME_FRONT};
    return outcome == FLASH_OUTCOME_BY_SEED ? choice[flash_random(random) % 5] : outcome;
}

void flash_tear_program(uint8_t *cell, const uint8_t *wanted, size_t n_bytes, enum flash_outcome outcome,
                        uint64_t seed)
{
    switch (choose(outcome, &seed)) {
    case FLASH_OUTCOME_GARBAGE:
    case FLASH_OUTCOME_FRONT:
    case FLASH_OUTCOME_ZEROING:
    case FLASH_OUTCOME_ZERO_FRONT:
    case FLASH_OUTCOME_ZERO:
    case FLASH_OUTCOME_RISING:
    case FLASH_OUTCOME_RISEN:
    case FLASH_OUTCOME_BACK:
    case FLASH_OUTCOME_STRIPES:
    case FLASH_OUTCOME_ONE_OLD:
    case FLASH_OUTCOME_ONE_ZERO:
        for (size_t i = 0; i < n_bytes; i++) {
            /* some of the ones that should have fallen still stand */
            uint8_t still = (uint8_t)(cell[i] & (uint8_t)~wanted[i] & (uint8_t)flash_random(&seed));
            cell[i] = (uint8_t)((cell[i] & wanted[i]) | still);
        }
        break;
    case FLASH_OUTCOME_COMPLETE:
        for (size_t i = 0; i < n_bytes; i++) {
            cell[i] &= wanted[i];
        }
        break;
    default:
        break;
    }
}

static void erase_garbage(uint8_t *bytes, size_t n_bytes, uint64_t seed)
{
    for (size_t i = 0; i + 4 <= n_bytes; i += 4) {
        uint64_t r = flash_random(&seed);
        uint32_t noise = (uint32_t)(r >> 32);
        switch (r % 4) {
        case 0:
            break; /* old */
        case 1:
            memset(bytes + i, 0xFF, 4);
            break;
        case 2:
            memset(bytes + i, 0, 4); /* the pre-program phase */
            break;
        default:
            memcpy(bytes + i, &noise, 4);
            break;
        }
    }
}

/* A word of the sector, by seed. */
static size_t some_word(size_t n_bytes, uint64_t *seed)
{
    return (size_t)(flash_random(seed) % (n_bytes / 4)) * 4;
}

/* The cells on their way to zero, or up from it. */
static void erase_bits(uint8_t *bytes, size_t n_bytes, enum flash_outcome outcome, uint64_t seed)
{
    for (size_t i = 0; i < n_bytes; i++) {
        uint64_t r = flash_random(&seed);
        if (outcome == FLASH_OUTCOME_ZEROING) {
            bytes[i] &= (uint8_t)r;
        } else if (outcome == FLASH_OUTCOME_RISING) {
            bytes[i] = (uint8_t)r;
        } else {
            bytes[i] = (uint8_t) ~(r >> 8 & 15 ? 0U : 1U << (r & 7));
        }
    }
}

static void erase_stripes(uint8_t *bytes, size_t n_bytes)
{
    for (size_t off = 0; off + ROW_BYTES <= n_bytes; off += (size_t)2 * ROW_BYTES) {
        memset(bytes + off, 0xFF, ROW_BYTES);
    }
}

static void erase_all_but(uint8_t *bytes, size_t n_bytes, bool is_zero, uint64_t seed)
{
    size_t at = some_word(n_bytes, &seed);
    uint8_t word[4] = {0};
    if (!is_zero) {
        memcpy(word, bytes + at, sizeof word);
    }
    memset(bytes, 0xFF, n_bytes);
    memcpy(bytes + at, word, sizeof word);
}

/* An erase that was cut in a certain phase. */
static void erase_phase(uint8_t *bytes, size_t n_bytes, enum flash_outcome outcome, uint64_t seed)
{
    switch (outcome) {
    case FLASH_OUTCOME_ZERO_FRONT:
        memset(bytes, 0, some_word(n_bytes, &seed));
        break;
    case FLASH_OUTCOME_ZERO:
        memset(bytes, 0, n_bytes);
        break;
    case FLASH_OUTCOME_ZEROING:
    case FLASH_OUTCOME_RISING:
    case FLASH_OUTCOME_RISEN:
        erase_bits(bytes, n_bytes, outcome, seed);
        break;
    case FLASH_OUTCOME_BACK: {
        size_t old = some_word(n_bytes, &seed);
        memset(bytes + old, 0xFF, n_bytes - old);
        break;
    }
    case FLASH_OUTCOME_STRIPES:
        erase_stripes(bytes, n_bytes);
        break;
    default:
        erase_all_but(bytes, n_bytes, outcome == FLASH_OUTCOME_ONE_ZERO, seed);
        break;
    }
}

void flash_tear_erase(uint8_t *bytes, size_t n_bytes, enum flash_outcome outcome, uint64_t seed)
{
    outcome = choose(outcome, &seed);
    switch (outcome) {
    case FLASH_OUTCOME_BLANK:
    case FLASH_OUTCOME_COMPLETE:
        memset(bytes, 0xFF, n_bytes);
        break;
    case FLASH_OUTCOME_GARBAGE:
        erase_garbage(bytes, n_bytes, seed);
        break;
    case FLASH_OUTCOME_FRONT:
        memset(bytes, 0xFF, some_word(n_bytes, &seed));
        break;
    case FLASH_OUTCOME_BY_SEED:
    case FLASH_OUTCOME_BEFORE:
        break;
    default:
        erase_phase(bytes, n_bytes, outcome, seed);
        break;
    }
}
