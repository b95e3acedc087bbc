/**
 * The state of the boot, one journal record's worth: 12 words that every record holds in full
 * (docs/spec/journal.md).
 */
#ifndef FORMAT_BOOT_RECORD_H
#define FORMAT_BOOT_RECORD_H

#include <stdint.h>

#include "base/slot.h"

enum {
    BOOT_RECORD_BODY_WORDS = 16,
    BOOT_RECORD_FORMAT = 2,
    BOOT_RECORD_MAGIC = 0x4A544600 + BOOT_RECORD_FORMAT, /* format, then "FTJ" read as bytes */
    BOOT_RECORD_DIGEST_BYTES = 8,
    BOOT_TRIAL_RUNS = 3,   /* failed runs after which an activated image is rejected */
    BOOT_TRIAL_STARTS = 16 /* starts, failed or ended by the supply, after which it is rejected */
};

/** Bits of boot_record.flags. */
enum boot_record_flag {
    BOOT_FLAG_ABANDONED = 1 << 0,   /* a reception was abandoned in the slot that is EMPTY */
    BOOT_FLAG_KEY_REVOKED = 1 << 1, /* the active key is ended: only the next one counts */
    BOOT_FLAG_LOADER_OPEN = 1 << 2, /* sector 1 is being written: what it holds is not to be trusted */
    BOOT_FLAG_J0_DEAD = 1 << 3,     /* this sector could not be written: it is tried again by an update */
    BOOT_FLAG_J1_DEAD = 1 << 4
};

/**
 * What is known about the slots. A digest is the start of an image's hash (SHA-256 over what is signed, TLV
 * 0x10); it binds a state to content: other content means "nothing known". All 0: unknown.
 */
struct boot_record {
    uint32_t seq;     /* assigned by the journal */
    uint8_t active;   /* enum slot: the confirmed image that boots; SLOT_NONE before the first confirm */
    uint8_t state[2]; /* enum slot_state of A and B */
    uint8_t tries;    /* failed runs left of the slot in SLOT_STATE_TRIAL */
    uint8_t starts;   /* starts left of it */
    uint8_t resume_sectors;  /* sectors of the slot in SLOT_STATE_RECEIVING that are complete in flash */
    uint8_t flags;           /* enum boot_record_flag */
    uint16_t last_reason;    /* enum fota_err: why an image was last refused or rolled back */
    uint32_t security_floor; /* lowest security counter that boots */
    uint8_t digest[2][BOOT_RECORD_DIGEST_BYTES]; /* of the images in A and B */
    uint8_t
        counterpart[BOOT_RECORD_DIGEST_BYTES]; /* of the candidate's release, the image for the other slot */
    uint8_t rejected[2][BOOT_RECORD_DIGEST_BYTES]; /* of the rejected release, its images for A and B */
    uint32_t retry; /* highest retry number of the operator that lifted a rejection here */
};

/** Words as they go to flash, w0 (magic) to w11. */
void boot_record_store(const struct boot_record *record, uint32_t words[BOOT_RECORD_BODY_WORDS]);

/**
 * The inverse. Total: any words give a record whose enums are in range (out of range reads as EMPTY / NONE).
 */
void boot_record_load(const uint32_t words[BOOT_RECORD_BODY_WORDS], struct boot_record *record);

#endif
