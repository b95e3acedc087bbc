#include "format/boot_record.h"

#include <string.h>

/* Words of the body; docs/spec/journal.md has the table. */
enum {
    W_MAGIC,
    W_SEQ,
    W_STATE,
    W_FLOOR,
    W_DIGESTS,
    W_VERSIONS = W_DIGESTS + 4,
    W_REJECTED = W_VERSIONS + 2,
    W_REASON
};

void boot_record_store(const struct boot_record *record, uint32_t words[BOOT_RECORD_BODY_WORDS])
{
    words[W_MAGIC] = BOOT_RECORD_MAGIC;
    words[W_SEQ] = record->seq;
    words[W_STATE] = record->active | (uint32_t)record->state[0] << 8 | (uint32_t)record->state[1] << 12 |
                     (uint32_t)record->tries << 16;
    words[W_FLOOR] = record->security_floor;
    memcpy(&words[W_DIGESTS], record->digest, sizeof record->digest); /* words are little-endian everywhere */
    words[W_VERSIONS] = record->version[0];
    words[W_VERSIONS + 1] = record->version[1];
    words[W_REJECTED] = record->rejected;
    words[W_REASON] = record->last_reason | (uint32_t)record->resume_sectors << 16;
}

static uint8_t state_of(uint32_t value)
{
    value &= 0xF;
    return value > SLOT_STATE_REJECTED ? SLOT_STATE_EMPTY : (uint8_t)value;
}

void boot_record_load(const uint32_t words[BOOT_RECORD_BODY_WORDS], struct boot_record *record)
{
    uint32_t state = words[W_STATE];
    record->seq = words[W_SEQ];
    record->active = (state & 0xFF) > SLOT_NONE ? SLOT_NONE : (uint8_t)(state & 0xFF);
    record->state[0] = state_of(state >> 8);
    record->state[1] = state_of(state >> 12);
    record->tries = (uint8_t)(state >> 16);
    record->security_floor = words[W_FLOOR];
    memcpy(record->digest, &words[W_DIGESTS], sizeof record->digest);
    record->version[0] = words[W_VERSIONS];
    record->version[1] = words[W_VERSIONS + 1];
    record->rejected = words[W_REJECTED];
    record->last_reason = (uint16_t)words[W_REASON];
    record->resume_sectors = (uint8_t)(words[W_REASON] >> 16);
}
