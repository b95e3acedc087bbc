/**
 * Updating the inactive slot, and choosing a slot at boot: what the bootloader's loader and the boot services
 * (boot_services.h) both do. Portable: flash through port/flash.h, slots read through plain pointers.
 *
 * All state is in struct update. On the target it lives in the services' RAM (RAM_SERVICES_BASE) from reset
 * on, so that services continue the bootloader's journal session.
 */
#ifndef UPDATE_UPDATE_H
#define UPDATE_UPDATE_H

#include <stdbool.h>

#include "format/image.h"
#include "journal/journal.h"
#include "slots/slots.h"
#include "update/boot_services.h"

/** Where the loader is, and what protects it. */
struct update_loader {
    const uint8_t *bytes; /* readable at any time; NULL: this board has none */
    uint32_t base;        /* bus address */
    uint32_t sector;
    uint32_t n_bytes;
    const volatile uint32_t *options; /* FLASH_OPTCR (RM0090 3.9.10); NULL: nothing is write-protected */
};

/** What is where; constant for one board. Slots are alike but for their place. */
struct update_config {
    struct flash *flash;
    struct journal_area journal[JOURNAL_AREAS]; /* J0, J1, spare places in slots A and B */
    const uint8_t *slot[2];                     /* the bytes of each slot, readable at any time */
    uint32_t base[2];                           /* bus address of each slot */
    uint32_t first_sector[2];                   /* number of each slot's first sector */
    uint32_t sector_bytes;                      /* all sectors of a slot are of this size */
    uint32_t n_sectors;                         /* sectors of one slot */
    struct update_loader loader;
    uint32_t bootloader_version;     /* major << 24 | minor << 16 | revision */
    const char *hw_id;               /* this board, 1..16 characters */
    const uint8_t *keys[IMAGE_KEYS]; /* release keys: active, next; NULL: none */
    const uint8_t *epoch;            /* OTP_EPOCH_BYTES of one-time memory; NULL: none */
    void (*settle)(void);            /* rule R10: wait until the supply can be relied on; NULL: no wait */
    /* Memory for a hash. In a session it has the first bytes of the slot, as many as were written one after
     * the other and not touched again; it runs as overlapped work of the flash (port/flash.h). */
    struct crypto_sha256 *hash;
};

/** Phase of an update session. */
enum update_session { UPDATE_CLOSED = 0, UPDATE_RECEIVING = 1, UPDATE_FINISHED = 2 };

/** Everything an update knows. Private except `record`, `session*` and `offer`, which callers may read. */
struct update {
    /* As struct boot_view begins: update_tell_view copies it in one piece. */
    struct boot_record record; /* current state */
    struct update_reset reset;
    uint32_t running;          /* enum slot: runs since this boot; SLOT_NONE in the loader */
    uint32_t stay;             /* enum boot_stay: why the loader runs */
    uint32_t session;          /* enum update_session */
    uint32_t session_flashed;  /* bytes from the start that are in flash and read back */
    struct update_offer offer; /* of the session; its first three fields are in the view */
    /* As struct boot_view is no more. */
    struct boot_record draft; /* the next state, on its way to the journal */
    const struct update_config *config;
    struct journal journal;
    uint32_t running_counter; /* security counter of the running image, from its verified bytes */
    uint8_t running_digest[BOOT_RECORD_DIGEST_BYTES];
    bool running_revokes;      /* the running image ends the active key once it is confirmed */
    enum fota_err frozen;      /* E_JOURNAL_FORMAT: nothing is written; FOTA_OK else */
    uint32_t n_erases_allowed; /* see update_allow_erases */
    uint32_t session_clean;    /* mask of sectors of the slot whose every word is known to be erased */
};

/**
 * How many erases may still begin from now on, of slots and journal together; one less with each. update_open sets
 * no bound; a boot service allows 0 or 1. A function that needs one more than it has returns E_UPDATE_BUSY and has
 * lost nothing: called again with more, it goes on.
 * Power cut: nothing is written.
 */
static inline void update_allow_erases(struct update *u, uint32_t n_erases)
{
    u->n_erases_allowed = n_erases;
}

/**
 * Load the journal and repair it. First call after reset. After a loss of power, a repair is preceded by
 * config->settle (rule R10): nothing is written before the supply has held for a while.
 * From then on the record's security floor is at least the epoch in one-time memory. With both journals lost,
 * a slot whose image verifies with the next key and ends the active one ends it again, before anything is
 * chosen.
 *
 * Takes:      ≤ 2 ms, ≤ 3 s with repairs, and the wait
 * Power cut:  as journal_repair
 * @return FOTA_OK (also with a lost journal or one dead mirror: look at `journal`) · E_JOURNAL_FORMAT (a
 * record that this code cannot read: nothing is written or guessed, nothing boots) · flash errors (no mirror
 * works; the state is in `record`, but nothing may be written). An error is also record.last_reason
 */
FOTA_MUST_CHECK
enum fota_err update_open(struct update *u, const struct update_config *config,
                          const struct update_reset *reset);

/**
 * Choose what to run: asks slots_decide and does what it says until it boots or starts the loader.
 *
 * @param request  BOOT_REQUEST_LOADER: the loader, whatever the slots hold; nothing is written.
 * BOOT_REQUEST_TRY: an image of last resort runs now, without the loader before it. Others say nothing here
 * @param out      SLOTS_BOOT (with_watchdog: start the watchdog first) or SLOTS_LOADER (stay: why)
 * @param images   by slot; the caller jumps only if images[out->slot].verdict and update_verify_again are
 * CRYPTO_ACCEPT
 * If the decision is SLOTS_LOADER and the loader does not verify, ask once more with BOOT_REQUEST_TRY: an
 * image that can boot is better than nothing. Also ask with it when a watchdog or a fault ended the loader
 * itself.
 * Takes:      ≤ 0.7 s (two verifications), at most three records, no erase but for a lost or full journal
 * Power cut:  the same choice at the next boot, or one start of the trial less
 * Never fails: if the journal cannot be written, no trial starts, but a confirmed image does.
 */
void update_choose(struct update *u, enum boot_request request, struct slots_decision *out,
                   struct image_result images[2]);

/**
 * Second opinion on the image that update_choose chose, right before the jump. Takes ≤ 20 ms.
 * @param image  images[slot].image
 * @return as image_verify_again
 */
FOTA_MUST_CHECK
enum crypto_verdict update_verify_again(const struct update *u, enum slot slot, const struct image *image);

/**
 * Verify the loader in sector 1 as a slot is verified, but for the security floor, which is not asked. The
 * caller jumps only if out->verdict and update_verify_again(u, SLOT_LOADER, ...) are CRYPTO_ACCEPT. Takes ≤
 * 40 ms.
 * @return FOTA_OK · E_LOADER_INVALID
 */
FOTA_MUST_CHECK
enum fota_err update_verify_loader(struct update *u, struct image_result *out);

/** As BOOT_OP_INFO: what the root knows. Takes ≤ 0.1 ms, touches no flash. */
void update_tell_view(const struct update *u, struct boot_view *out);

/** update_tell_view, boot_info_of_view and update_tell_of_images in one, for who has it all in one place.
 * Takes ≤ 1 ms, touches no flash. */
void update_info(const struct update *u, struct boot_info *out);

/**
 * As BOOT_OP_CHECK_SIGNATURE.
 * Power cut:  nothing is kept.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_check_signature(const struct update *u, const uint8_t key_id[BOOT_KEY_ID_BYTES],
                                     const uint8_t *text, uint32_t n_bytes, const uint8_t *der,
                                     uint32_t n_der_bytes);

/**
 * As BOOT_OP_BEGIN.
 * Power cut:  the slot is not bootable before update_activate; the active slot is untouched.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_begin_offer(struct update *u, const struct update_offer *offer, uint32_t *resume_off);

/**
 * offer_read, offer_check and update_begin_offer in one, for those who have text and keys in one place.
 * Without a statement (n_bytes 0), for plain AN4286 clients: size and digest are not known, so nothing
 * resumes and update_finish goes by the image's own signature.
 * Power cut:  the slot is not bootable before update_activate; the active slot is untouched
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_begin(struct update *u, const uint8_t *statement, uint32_t n_bytes,
                           struct update_target *out);

/**
 * As BOOT_OP_ERASE.
 * Power cut:  as flash_erase_sector; the record no longer counts the sector as received; the sector.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_erase(struct update *u, uint32_t sector);

/**
 * As BOOT_OP_PROGRAM.
 * Power cut:  as flash_program; the record counts whole sectors only.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_program(struct update *u, uint32_t addr, const uint32_t *words, uint32_t n_words);

/**
 * As BOOT_OP_FINISH.
 * Power cut:  pending or still receiving.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_finish(struct update *u);

/**
 * As BOOT_OP_ACTIVATE.
 * Power cut:  pending or trial.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_activate(struct update *u);

/**
 * As BOOT_OP_ABORT.
 * Power cut:  as before or empty.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_abort(struct update *u);

/**
 * As BOOT_OP_CONFIRM.
 * Power cut:  the trial goes on or the image is confirmed.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_confirm(struct update *u);

/**
 * As BOOT_OP_RETRY.
 * Power cut:  lifted or not.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_retry(struct update *u, uint32_t number);

/**
 * As BOOT_OP_LOADER_INSTALL.
 * Power cut:  the old loader, the new one, or none and BOOT_FLAG_LOADER_OPEN.
 * @return see there
 */
FOTA_MUST_CHECK
enum fota_err update_loader_install(struct update *u, const uint32_t *words, uint32_t n_bytes);

/** As BOOT_OP_HASH. */
void update_hash_bytes(const uint8_t *bytes, uint32_t n_bytes, uint8_t sha256[CRYPTO_SHA256_BYTES]);

/**
 * update_hash_bytes of the inactive slot.
 * @return FOTA_OK · E_FLASH_RANGE
 */
FOTA_MUST_CHECK
enum fota_err update_hash(const struct update *u, uint32_t off, uint32_t n_bytes,
                          uint8_t sha256[CRYPTO_SHA256_BYTES]);

/**
 * Slot that an update may write: the one that neither runs nor is active. SLOT_NONE while an image runs that
 * is not confirmed. With nothing confirmed, in the loader: not the slot of a trial or of the last resort;
 * else where something is being received, else A.
 */
enum slot update_inactive_slot(const struct update *u);

#endif
