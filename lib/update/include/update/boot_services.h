/**
 * Boot services: what code in sector 0 does for the running application.
 *
 * A table at a fixed address (FLASH_SERVICES_ADDR) with one function in it: what it shall do stands in a
 * struct boot_call. One way in means that the checks before every service exist once. Only sector 0 writes
 * the journal and the slots (journal rule R9), so the application carries no flash driver: it calls this.
 *
 * How to call: from thread mode, never from an interrupt handler, never re-entrantly (E_STATE). A service
 * needs up to 3 KB of the caller's stack (bootloader/budget.json, service_stack_bytes).
 *
 * While a service works on flash, the chip stalls every fetch from flash (single bank, RM0090 3.6). The
 * service therefore waits in code in RAM and masks, with BASEPRI, the interrupts whose handlers are in flash.
 *
 * `options` of a service that may reach flash: bits 0 to 7 are the value for BASEPRI: interrupts of that
 * priority value and above (numerically) wait; those more urgent stay enabled, and their vectors, code and
 * data must be in RAM (agent.h). 0 means "mask everything" (PRIMASK). Bit 31, BOOT_MAY_ERASE, allows one
 * erase of a sector (up to 2 s). A service that needs an erase without that permission, or another one after
 * it, returns E_UPDATE_BUSY and has lost nothing: ask the application again, and call again.
 *
 * Compatibility: `version` changes with any change of the table, of struct boot_call, boot_view or
 * update_offer, or of an operation; a caller checks `magic`, `version` and `n_bytes`, and refuses what it
 * does not know (E_UNSUPPORTED).
 */
#ifndef UPDATE_BOOT_SERVICES_H
#define UPDATE_BOOT_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/flash_map.h"
#include "base/slot.h"
#include "format/boot_record.h"

enum {
    BOOT_SERVICES_MAGIC = 0x53544F46, /* "FOTS" */
    BOOT_SERVICES_VERSION = 2,
    BOOT_HW_ID_MAX_BYTES = 16,
    BOOT_KEY_ID_BYTES = 8 /* start of SHA-256 over a public key as SubjectPublicKeyInfo */
};

/** Bit of `options`: this call may erase one sector. */
#define BOOT_MAY_ERASE 0x80000000U

/** What led to this boot. The root reads it from RCC_CSR and retained RAM, once, and takes it away there. */
struct update_reset {
    uint32_t cause;     /* enum reset_cause */
    bool is_run_failed; /* a watchdog, a fault or another software reset ended a run of an image that was not
                           confirmed; false after the supply, the pin, and runs of anything else */
    uint32_t n_crashes; /* of the confirmed application in a row, this one too */
};

/** What the root alone knows, fixed layout (shared between separately built images). The agent makes
 * struct boot_info of it, of image headers and of option bytes (update/info.h). */
struct boot_view {
    struct boot_record record;
    struct update_reset reset;
    uint32_t running;         /* enum slot */
    uint32_t stay;            /* enum boot_stay */
    uint32_t session;         /* 0 none, 1 receiving, 2 finished; 0: the other session_* say nothing */
    uint32_t session_flashed; /* bytes from its start that are in flash and read back; may be more */
    uint32_t session_id;
    uint32_t session_slot;   /* enum slot */
    uint32_t session_bytes;  /* size of the image that is received */
    uint32_t inactive;       /* enum slot: the one that an update may write; SLOT_NONE while a trial runs */
    uint32_t security_floor; /* lowest security counter an update may have */
    uint32_t journal_ok; /* bit 0: J0 sound, bit 1: J1 sound; bit 4: J0 known dead, bit 5: J1 known dead */
};

enum { BOOT_VIEW_BYTES = 116 };
_Static_assert(sizeof(struct boot_view) == BOOT_VIEW_BYTES, "separately built images share this layout");

/** Facts about the board, as the link tells them to a host. All integers little-endian. A hash is the first 8
 * bytes of an image's hash (TLV 0x10); all 0: unknown. */
struct boot_info {
    uint32_t bootloader_version; /* of the root: major << 24 | minor << 16 | revision */
    uint32_t loader_version;     /* of the image in sector 1, as its header says; 0: none */
    uint8_t running_slot;        /* enum slot; SLOT_NONE in the loader */
    uint8_t active_slot;   /* confirmed slot by the journal, enum slot; SLOT_NONE before the first confirm */
    uint8_t inactive_slot; /* the slot that an update may write; SLOT_NONE while a trial runs */
    uint8_t slot_state[2]; /* enum slot_state of A and B */
    uint8_t tries_left;    /* failed runs left of the slot in SLOT_STATE_TRIAL, else 0 */
    uint8_t starts_left;   /* its starts left */
    uint8_t reset_cause;   /* enum reset_cause of this boot */
    uint8_t journal_ok;    /* bit 0: J0 sound, bit 1: J1 sound; bit 4: J0 known dead, bit 5: J1 known dead */
    uint8_t flags;         /* enum boot_record_flag */
    uint8_t stay;          /* enum boot_stay: why the loader runs */
    uint8_t n_crashes;     /* crashes of the application in a row */
    uint32_t security_floor;     /* lowest security counter an update may have */
    uint32_t slot_version[2];    /* major << 24 | minor << 16 | revision of A and B; 0 unknown */
    uint8_t slot_hash[2][8];     /* of the images in A and B */
    uint8_t rejected_hash[2][8]; /* of the rejected release, its images for A and B */
    uint8_t loader_hash[8];      /* of the image in sector 1; 0: none, or it is being written */
    uint16_t last_reason;        /* enum fota_err: why an image was last refused or rolled back */
    uint16_t session_state;      /* 0 none, 1 receiving, 2 finished */
    uint32_t session_id;         /* id of the open update session, 0 none */
    uint32_t session_flashed;    /* bytes of the session that are in flash and read back */
    uint32_t retry;              /* highest retry number that lifted a rejection here */
    uint32_t option_bytes;       /* FLASH_OPTCR: nWRP bits 16-27, RDP 8-15, BOR level 2-3 (RM0090 3.9.10) */
    char hw_id[BOOT_HW_ID_MAX_BYTES]; /* hardware id, NUL padded */
};

enum { BOOT_INFO_BYTES = 108 };
_Static_assert(sizeof(struct boot_info) == BOOT_INFO_BYTES, "docs/spec/link.md has the layout");

/** Session id of a session without a statement. */
enum { UPDATE_OPEN_SESSION_ID = (int)0xA4286000 };

/** What a signed statement offers for one place of this board, or, of a plain AN4286 host, who has none: its
 * session id, the slot, the slot's size, and 0 (update/offer.h makes both). */
struct update_offer {
    uint32_t session_id;       /* first 4 bytes (big-endian) of the file's digest: same release, same id */
    uint32_t slot;             /* enum slot: the inactive one, or SLOT_LOADER */
    uint32_t image_bytes;      /* the whole file, header and TLVs included */
    uint32_t security_counter; /* of the image */
    uint32_t boot_min;         /* lowest version of the root that may install it */
    uint8_t sha256[32];        /* of the file */
    uint8_t hash[2][32];       /* image hashes of the release's images for A and B; of a loader both alike */
};

/** Where an update goes, as the link tells it to a host. */
struct update_target {
    uint32_t session_id;  /* first 4 bytes (big-endian) of the statement's digest for that slot: same release,
                             same id */
    uint32_t slot;        /* enum slot: the inactive one; SLOT_LOADER for a loader statement */
    uint32_t base;        /* its bus address */
    uint32_t image_bytes; /* size of the image for that slot, from the statement */
    uint32_t resume_off;  /* bytes in flash and trusted: a multiple of a sector, or image_bytes if all are */
};

/**
 * What a service is asked for. Each needs the fields of struct boot_call that are named with it; the others
 * are not looked at. Besides the errors listed, each may return E_STATE (called from within a service) and
 * E_INTERNAL (the state of the services was written over; nothing is done until the next reset).
 */
enum boot_op {
    /** Tell what the root knows. out: struct boot_view. Takes ≤ 0.1 ms. Touches no flash cell.
     * @return FOTA_OK */
    BOOT_OP_INFO = 0,

    /**
     * Confirm the running image: it becomes the active slot. Idempotent, bound to the digest of the image.
     * Takes:      ≤ 10 ms, no erase (journal rule R8).
     * Power cut:  either the trial goes on or the image is confirmed, never both or neither.
     * @return FOTA_OK · E_STATE (the running slot is not known to the journal) · E_JOURNAL_FULL · flash
     * errors
     */
    BOOT_OP_CONFIRM = 1,

    /**
     * Judge a signature over a text with the root's keys: whoever receives a statement reads the text, and
     * asks before anything is erased (update/offer.h).
     * Takes:      ≤ 25 ms + 0.2 us a byte. Touches no flash cell.
     * bytes, n: the text; key_id: which key signed; der, n_der: signature, as in a statement's `sig` line
     * @return FOTA_OK · E_STATEMENT_KEY (none of the root's) · E_STATEMENT_REVOKED (that key was ended) ·
     *         E_STATEMENT_SIGNATURE
     */
    BOOT_OP_CHECK_SIGNATURE = 2,

    /**
     * Open an update session for the inactive slot, or for the loader (offer->slot SLOT_LOADER). Before it,
     * offer_check (update/offer.h) holds the offer against security floor, root and rejections; the root
     * looks at the image itself in BOOT_OP_FINISH and at each boot. Repeating it with the same offer resumes.
     * Takes:      ≤ 10 ms; one erase when the journal needs room (E_UPDATE_BUSY without permission).
     * Power cut:  the inactive slot is not bootable until BOOT_OP_ACTIVATE; the active slot is untouched.
     * bytes: struct update_offer, from a statement whose signature BOOT_OP_CHECK_SIGNATURE accepted; or one
     * with the id UPDATE_OPEN_SESSION_ID: nothing is resumed, and BOOT_OP_FINISH checks the image as at boot,
     * without a digest from outside. out: uint32_t: bytes in flash and trusted, a multiple of a sector, or
     * image_bytes if all are
     * @return FOTA_OK · E_IMAGE_SIZE · E_UPDATE_SESSION · E_UPDATE_BUSY · E_STATE (a trial is running, or
     * another slot is the inactive one) · E_LOADER_PROTECTED · E_LOADER_NOT_NOW · flash errors
     */
    BOOT_OP_BEGIN = 3,

    /**
     * Erase one sector of the session's slot. Nothing is done if this session erased it to its end, or the
     * journal proves that it is erased, and nothing was programmed there since.
     * Takes:      1 s typical, 2 s at most.
     * Power cut:  as flash_erase_sector.
     * number: the sector as in RM0090; it must belong to the inactive slot
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_FLASH_RANGE · flash errors
     */
    BOOT_OP_ERASE = 4,

    /**
     * Program words of the session's slot and read them back.
     * Takes:      16 us typical, 100 us at most per word.
     * Power cut:  as flash_program.
     * number: bus address, multiple of 4, inside the inactive slot; bytes: words, in RAM; n: how many
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_FLASH_RANGE · E_FLASH_ALIGN · flash errors
     */
    BOOT_OP_PROGRAM = 5,

    /**
     * Verify the received image in flash (bytes equal the statement's digest; header, hash and signature as
     * at boot; words that were programmed in order from offset 0 in this session were hashed as they were
     * read back and are not read again) and record it as pending. On failure the slot is to be received again
     * from offset 0.
     * Takes:      ≤ 500 ms, and up to 2 s for each sector after the image that still holds an older one
     *             (erase it before with BOOT_OP_ERASE, when it suits you, or leave it to this).
     * Power cut:  pending or still receiving.
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_UPDATE_INCOMPLETE · E_UPDATE_DIGEST · E_IMAGE_* ·
     *         E_SLOT_REJECTED · E_UPDATE_LOADER_KEY · flash errors
     */
    BOOT_OP_FINISH = 6,

    /**
     * Make the pending image the next trial: 3 runs under the watchdog. The caller then resets the chip.
     * Takes:      ≤ 10 ms.
     * Power cut:  pending or trial.
     * @return FOTA_OK · E_STATE (nothing pending) · flash errors
     */
    BOOT_OP_ACTIVATE = 7,

    /**
     * Close the session; the slot becomes empty.
     * Power cut:  receiving or empty.
     * @return FOTA_OK · flash errors
     */
    BOOT_OP_ABORT = 8,

    /**
     * SHA-256 over bytes that the caller may read. Takes ≤ 250 ms for a whole slot. Touches no flash cell.
     * bytes, n: what; out: 32 bytes.
     * @return FOTA_OK
     */
    BOOT_OP_HASH = 9,

    /**
     * Lift the rejection of a release: the operator wants it tried again. A number that is not higher than
     * the highest seen changes nothing. A rejection protects from loops, not from attackers: no signature.
     * Takes:      ≤ 10 ms; one erase when the journal is full (E_UPDATE_BUSY without permission).
     * Power cut:  lifted or not.
     * number: the operator's
     * @return FOTA_OK · E_UPDATE_BUSY · flash errors
     */
    BOOT_OP_RETRY = 10,

    /**
     * Replace the loader in sector 1 by the image of the open loader session (BOOT_OP_BEGIN with a loader
     * statement), which the caller has received in RAM. Everything is verified before the sector is erased.
     * Takes:      ≤ 400 ms, and one erase of 16 KB: 0.25 s typical, 0.5 s at most.
     * Power cut:  the application still boots; sector 1 holds the old loader, the new one, or none: then the
     *             board takes it again (boot_info.loader_hash is 0).
     * bytes: the whole file, in RAM, multiple of 4, a last word that it does not fill ending in FF; n: bytes,
     * as the statement says
     * @return FOTA_OK · E_UPDATE_NO_SESSION · E_UPDATE_DIGEST · E_UPDATE_BUSY (needs BOOT_MAY_ERASE) ·
     *         E_LOADER_PROTECTED · E_LOADER_NOT_NOW · E_IMAGE_* · flash errors
     */
    BOOT_OP_LOADER_INSTALL = 11
};

/** One call of a service. */
struct boot_call {
    uint32_t op;      /* enum boot_op; any other: E_UNSUPPORTED */
    uint32_t options; /* see the head of this file */
    uint32_t number;
    const void *bytes;
    uint32_t n;
    const uint8_t *key_id; /* BOOT_KEY_ID_BYTES of them */
    const uint8_t *der;
    uint32_t n_der;
    void *out;
};

/** The table: what does not change while this root is there, and the way in. Fixed layout on the target. */
struct boot_services {
    uint32_t magic;                   /* BOOT_SERVICES_MAGIC */
    uint16_t version;                 /* BOOT_SERVICES_VERSION */
    uint16_t n_bytes;                 /* size of this table in this root */
    uint32_t bootloader_version;      /* of the root: major << 24 | minor << 16 | revision */
    char hw_id[BOOT_HW_ID_MAX_BYTES]; /* hardware id of this board, NUL padded */

    /** Carry out a service. How long it takes, what a power cut leaves and what it returns: see enum boot_op. */
    enum fota_err (*call)(const struct boot_call *call);
};

#endif
