/* Torn flash operations: see the axioms in the header. */
#include "dev/flash_faults.h"

#include <string.h>

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

void flash_tear_erase(uint8_t *bytes, size_t n_bytes, enum flash_outcome outcome, uint64_t seed)
{
    switch (choose(outcome, &seed)) {
    case FLASH_OUTCOME_BLANK:
    case FLASH_OUTCOME_COMPLETE:
        memset(bytes, 0xFF, n_bytes);
        break;
    case FLASH_OUTCOME_GARBAGE:
        erase_garbage(bytes, n_bytes, seed);
        break;
    case FLASH_OUTCOME_FRONT:
        memset(bytes, 0xFF, (size_t)(flash_random(&seed) % (n_bytes / 4)) * 4);
        break;
    default:
        break;
    }
}
