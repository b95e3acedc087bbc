/**
 * Offers: what a release or loader statement says for one board, read from its text.
 *
 * Text is read by whoever receives it, the agent; the root has no parser. It judges signatures
 * (BOOT_OP_CHECK_SIGNATURE), and an image by the image itself. No heap, no state, no flash.
 * **Power cut**: nothing here is kept.
 */
#ifndef UPDATE_OFFER_H
#define UPDATE_OFFER_H

#include "format/statement.h"
#include "update/boot_services.h"

/** Does this text claim to be a loader statement? Then it is for SLOT_LOADER, else for the inactive slot. */
bool offer_is_for_loader(const uint8_t *text, uint32_t n_bytes);

/**
 * Read a statement: signature first, then what it says, then whether it is for this board. Counter, root
 * version and rejections are compared by offer_check.
 *
 * @param verifier  the root's keys
 * @param hw        this board's hardware id, NUL-terminated
 * @param slot      SLOT_A, SLOT_B or SLOT_LOADER
 * @param text      untrusted
 * @param n_bytes  1..STATEMENT_RELEASE_MAX_BYTES
 * @param out       undefined on failure
 * @return FOTA_OK · E_STATEMENT_*
 */
FOTA_MUST_CHECK
enum fota_err offer_read(const struct statement_verifier *verifier, const char *hw, enum slot slot,
                         const uint8_t *text, uint32_t n_bytes, struct update_offer *out);

/** The offer of a host that has no statement: anything that fits the slot and verifies. */
void offer_plain(enum slot slot, uint32_t slot_bytes, struct update_offer *out);

/**
 * May this board take the offer? Asked before anything is erased.
 * @param view  the root's
 * @param bootloader_version  of the root
 * @return FOTA_OK · E_UNSUPPORTED (needs a newer root) · E_STATEMENT_COUNTER · E_SLOT_REJECTED
 */
FOTA_MUST_CHECK
enum fota_err offer_check(const struct update_offer *offer, const struct boot_view *view,
                          uint32_t bootloader_version);

#endif
