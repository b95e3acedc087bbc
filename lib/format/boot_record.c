#include "format/boot_record.h"

#include <string.h>

#include "base/bytes.h"

/* Words of the body; docs/spec/journal.md has the table. */
enum {
    W_MAGIC,
    W_SEQ,
    W_STATE,
    W_FLOOR,
    W_DIGESTS,
    W_COUNTERPART = W_DIGESTS + 4,
    W_REJECTED = W_COUNTERPART + 2,
    W_REASON = W_REJECTED + 4 * BOOT_RECORD_REJECTED,
    W_RETRY
};

_Static_assert((int)W_REASON == (int)BOOT_RECORD_FLAGS_WORD, "the journal finds the flags");
_Static_assert(W_RETRY + 1 == BOOT_RECORD_BODY_WORDS, "the words fill the body");

/* Fields are shifted into words and not copied as a struct: the layout in flash must not depend on a
 * compiler, since a root of today reads records that another one wrote. */
void boot_record_store(const struct boot_record *record, uint32_t words[BOOT_RECORD_BODY_WORDS])
{
    words[W_MAGIC] = BOOT_RECORD_MAGIC;
    words[W_SEQ] = record->seq;
    words[W_STATE] = record->active | (uint32_t)record->state[0] << 8 | (uint32_t)record->state[1] << 12 |
                     (uint32_t)record->tries << 16 | (uint32_t)record->starts << 20;
    words[W_FLOOR] = record->security_floor;
    /* Bytes as they are: words are little-endian everywhere. */
    memcpy(&words[W_DIGESTS], record->digest, sizeof record->digest);
    memcpy(&words[W_COUNTERPART], record->counterpart, sizeof record->counterpart);
    memcpy(&words[W_REJECTED], record->rejected, sizeof record->rejected);
    words[W_REASON] =
        record->last_reason | (uint32_t)record->resume_sectors << 16 | (uint32_t)record->flags << 24;
    words[W_RETRY] = record->retry;
}

/* A record is never refused for its meaning (docs/spec/journal.md): its checksums hold, so it was written
 * like this. A state that this code does not know reads as "nothing known". */
static uint8_t state_of(uint32_t value)
{
    value &= 0xF;
    return value > SLOT_STATE_LAST_RESORT ? SLOT_STATE_EMPTY : (uint8_t)value;
}

void boot_record_load(const uint32_t words[BOOT_RECORD_BODY_WORDS], struct boot_record *record)
{
    uint32_t state = words[W_STATE];
    record->seq = words[W_SEQ];
    /* Out of range: no slot is active, and the images decide. */
    record->active = (state & 0xFF) > SLOT_NONE ? SLOT_NONE : (uint8_t)(state & 0xFF);
    record->state[0] = state_of(state >> 8);
    record->state[1] = state_of(state >> 12);
    record->tries = (uint8_t)(state >> 16 & 0xF);
    record->starts = (uint8_t)(state >> 20 & 0x1F);
    record->security_floor = words[W_FLOOR];
    memcpy(record->digest, &words[W_DIGESTS], sizeof record->digest);
    memcpy(record->counterpart, &words[W_COUNTERPART], sizeof record->counterpart);
    memcpy(record->rejected, &words[W_REJECTED], sizeof record->rejected);
    record->last_reason = (uint16_t)words[W_REASON];
    record->resume_sectors = (uint8_t)(words[W_REASON] >> 16);
    record->flags = (uint8_t)(words[W_REASON] >> 24);
    record->retry = words[W_RETRY];
}

bool boot_record_is_rejected(const struct boot_record *record, uint32_t slot, const uint8_t *hash)
{
    for (uint32_t i = 0; i < BOOT_RECORD_REJECTED; i++) {
        const uint8_t *rejected = record->rejected[i][slot];
        if (memcmp(rejected, hash, BOOT_RECORD_DIGEST_BYTES) == 0) {
            return !bytes_all_equal(rejected, BOOT_RECORD_DIGEST_BYTES, 0);
        }
    }
    return false;
}

void boot_record_reject(struct boot_record *record, uint32_t slot)
{
    memmove(record->rejected[1], record->rejected[0], sizeof record->rejected[0]);
    memcpy(record->rejected[0][slot], record->digest[slot], BOOT_RECORD_DIGEST_BYTES);
    memcpy(record->rejected[0][1 - slot], record->counterpart, BOOT_RECORD_DIGEST_BYTES);
}
