/**
 * The state of the boot, one journal record's worth: 12 words that every record holds in full
 * (docs/spec/journal.md).
 */
#ifndef FORMAT_BOOT_RECORD_H
#define FORMAT_BOOT_RECORD_H

#include <stdint.h>

#include "base/slot.h"

enum {
    BOOT_RECORD_BODY_WORDS = 12,
    BOOT_RECORD_MAGIC = 0x4A544F46, /* "FOTJ" read as bytes; format 1 */
    BOOT_RECORD_DIGEST_BYTES = 8,
    BOOT_TRIAL_RUNS = 3 /* runs an activated image gets to confirm itself */
};

/** What is known about the slots. `digest` binds a state to content: other content means "nothing known". */
struct boot_record {
    uint32_t seq;     /* assigned by the journal */
    uint8_t active;   /* enum slot: the confirmed image that boots; SLOT_NONE before the first confirm */
    uint8_t state[2]; /* enum slot_state of A and B */
    uint8_t tries;    /* runs left of the slot in SLOT_STATE_TRIAL */
    uint8_t resume_sectors;  /* sectors of the slot in SLOT_STATE_RECEIVING that are complete in flash; 1 in
                                SLOT_STATE_EMPTY: a reception was given up there */
    uint16_t last_reason;    /* enum fota_err: why an image was last refused or rolled back */
    uint32_t security_floor; /* lowest security counter that boots */
    uint32_t version[2];     /* major << 24 | minor << 16 | revision */
    uint32_t rejected;       /* first 4 bytes (big-endian) of the digest last rejected; 0 none */
    uint8_t digest[2][BOOT_RECORD_DIGEST_BYTES]; /* first bytes of SHA-256 over the image file; 0 unknown */
};

/** Words as they go to flash, w0 (magic) to w11. */
void boot_record_store(const struct boot_record *record, uint32_t words[BOOT_RECORD_BODY_WORDS]);

/** The inverse. Total: any words give a record whose enums are in range (out of range reads as EMPTY / NONE).
 */
void boot_record_load(const uint32_t words[BOOT_RECORD_BODY_WORDS], struct boot_record *record);

#endif
