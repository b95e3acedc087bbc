/**
 * Boot services: what code in sector 0 does for the running application.
 *
 * A table of functions at a fixed address (FLASH_SERVICES_ADDR). Only sector 0 writes the journal and the
 * slots (journal rule R9), so the application carries no flash driver: it calls these.
 *
 * How to call: from thread mode, never from an interrupt handler, never re-entrantly. While a service works
 * on flash, the chip stalls every fetch from flash (single bank, RM0090 3.6). The service therefore waits in
 * code in RAM and masks, with BASEPRI, the interrupts whose handlers are in flash: those of priority value
 * `basepri >> 4` and above (numerically). Interrupts more urgent than that stay enabled; their vectors, code
 * and data must be in RAM (see agent.h). `basepri` 0 means "mask everything" (PRIMASK).
 *
 * Compatibility: `version` grows when functions are added at the end; a caller checks `magic`, then
 * `n_bytes`.
 */
#ifndef UPDATE_BOOT_SERVICES_H
#define UPDATE_BOOT_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/flash_map.h"
#include "base/slot.h"

enum {
    BOOT_SERVICES_MAGIC = 0x53544F46, /* "FOTS" */
    BOOT_SERVICES_VERSION = 1,
    BOOT_HW_ID_MAX_BYTES = 16
};

/** Facts about the board, fixed layout (shared between separately built images). All integers little-endian.
 */
struct boot_info {
    uint32_t bootloader_version; /* major << 24 | minor << 16 | revision */
    uint8_t running_slot;        /* enum slot */
    uint8_t active_slot;   /* confirmed slot by the journal, enum slot; SLOT_NONE before the first confirm */
    uint8_t slot_state[2]; /* enum slot_state of A and B */
    uint8_t tries_left;    /* trial runs left of the slot in SLOT_STATE_TRIAL, else 0 */
    uint8_t reset_cause;   /* enum reset_cause of this boot */
    uint8_t journal_ok;    /* bit 0: J0 sound, bit 1: J1 sound */
    uint8_t reserved;
    uint32_t security_floor;   /* lowest security counter an update may have */
    uint32_t slot_version[2];  /* major << 24 | minor << 16 | revision of A and B as recorded; 0 unknown */
    uint8_t slot_digest[2][8]; /* start of SHA-256 of the image file (statement, blob name); 0 unknown */
    uint16_t last_reason;      /* enum fota_err: why an image was last refused or rolled back; FOTA_OK none */
    uint16_t session_state;    /* 0 none, 1 receiving, 2 finished */
    uint32_t session_id;       /* id of the open update session, 0 none */
    uint32_t session_flashed;  /* bytes of the session that are in flash and read back */
    char hw_id[BOOT_HW_ID_MAX_BYTES]; /* hardware id, NUL padded */
};

enum { BOOT_INFO_BYTES = 68 };
_Static_assert(sizeof(struct boot_info) == BOOT_INFO_BYTES, "separately built images share this layout");

/** Where an update goes; result of update_begin. */
struct update_target {
    uint32_t session_id;  /* first 4 bytes (big-endian) of the statement's digest for that slot: same release,
                             same id */
    uint32_t slot;        /* enum slot: the inactive one */
    uint32_t base;        /* its bus address */
    uint32_t image_bytes; /* size of the image for that slot, from the statement */
    uint32_t resume_off;  /* bytes in flash and trusted: a multiple of a sector, or image_bytes if all are */
};

/** The table. Function pointers only; fixed 32-bit layout on the target. */
struct boot_services {
    uint32_t magic;   /* BOOT_SERVICES_MAGIC */
    uint16_t version; /* BOOT_SERVICES_VERSION */
    uint16_t n_bytes; /* size of this table in this bootloader */

    /** Fill `out`. Takes ≤ 1 ms (scans the journal). Touches no flash cell. @return FOTA_OK */
    enum fota_err (*info)(struct boot_info *out);

    /**
     * Confirm the running image: it becomes the active slot. Idempotent, bound to the digest of the image.
     * Takes:      ≤ 10 ms, no erase (journal rule R8).
     * Power cut:  either the trial goes on or the image is confirmed, never both or neither.
     * @return FOTA_OK · E_STATE (the running slot is not known to the journal) · E_JOURNAL_FULL · flash
     * errors
     */
    enum fota_err (*confirm)(uint32_t basepri);

    /**
     * Open an update session for the inactive slot. The release statement is verified (signature, hardware,
     * security counter, size) before anything is erased. Repeating it with the same statement resumes.
     * Takes:      ≤ 300 ms (one or two signatures) + one journal record; up to 3 s more when the journal is
     * full (once in about 28 updates).
     * Power cut:  the inactive slot is not bootable until update_activate; the active slot is untouched.
     * @param statement  release statement text, docs/spec/statement.md; @param n_bytes 1..1024
     *                   NULL and 0: session of a plain AN4286 host, which has no statement: `image_bytes` is
     * the slot's size, `session_id` is 0xA4286000, nothing is resumed, and update_finish checks the image as
     *                   at boot, without a digest from outside
     * @return FOTA_OK · E_STATEMENT_* · E_SLOT_REJECTED · E_UPDATE_SESSION · E_STATE (a trial is running) ·
     * flash errors
     */
    enum fota_err (*update_begin)(const uint8_t *statement, uint32_t n_bytes, uint32_t basepri,
                                  struct update_target *out);

    /**
     * Erase one sector of the session's slot. Nothing is done if this session erased it to its end, or the
     * journal proves that it is erased, and nothing was programmed there since.
     * Takes:      1 s typical, 2 s at most. Power cut: as flash_erase_sector.
     * @param sector  RM0090 number, must belong to the inactive slot
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_FLASH_RANGE · flash errors
     */
    enum fota_err (*slot_erase)(uint32_t sector, uint32_t basepri);

    /**
     * Program words of the session's slot and read them back.
     * Takes:      16 us typical, 100 us at most per word. Power cut: as flash_program.
     * @param addr  bus address, multiple of 4, inside the inactive slot; @param words  in RAM
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_FLASH_RANGE · E_FLASH_ALIGN · flash errors
     */
    enum fota_err (*slot_program)(uint32_t addr, const uint32_t *words, uint32_t n_words, uint32_t basepri);

    /**
     * Verify the received image in flash (bytes equal the statement's digest; header, hash and signature as
     * at boot; words that were programmed in order from offset 0 in this session were hashed as they were
     * read back and are not read again) and record it as pending. On failure the slot is to be received again
     * from offset 0. Takes:      ≤ 500 ms, and up to 2 s for each sector behind the image that still holds an
     * older one (erase it before with slot_erase, when it suits you, or leave it to this). Power cut: pending
     * or still receiving.
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_UPDATE_INCOMPLETE · E_UPDATE_DIGEST · E_IMAGE_* ·
     *         E_SLOT_REJECTED · flash errors
     */
    enum fota_err (*update_finish)(uint32_t basepri);

    /**
     * Make the pending image the next trial: 3 runs under the watchdog. The caller then resets the chip.
     * Takes:      ≤ 10 ms. Power cut: pending or trial.
     * @return FOTA_OK · E_STATE (nothing pending) · flash errors
     */
    enum fota_err (*update_activate)(uint32_t basepri);

    /** Close the session; the slot becomes empty. Power cut: receiving or empty. @return FOTA_OK · flash
     * errors */
    enum fota_err (*update_abort)(uint32_t basepri);

    /**
     * SHA-256 over bytes of the inactive slot. Takes ≤ 250 ms for a whole slot. Touches no flash cell.
     * @return FOTA_OK · E_FLASH_RANGE
     */
    enum fota_err (*slot_hash)(uint32_t off, uint32_t n_bytes, uint8_t sha256[32]);
};

#endif
