/**
 * Bytes of the link <-> structs, for both ends of the wire. No I/O, no state.
 *
 * Loads check lengths and ranges and leave their output untouched on failure; stores cannot fail. The vendor
 * packet `n[2] body[n] crc[4]` is the same in both directions; a reply has LINK_REPLY (3C) in front of it.
 */
#ifndef LINK_LINK_CODEC_H
#define LINK_LINK_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/board_layout.h"
#include "base/err.h"
#include "link/link_proto.h"
#include "update/boot_services.h"

enum {
    LINK_FRAME_BYTES = 3,          /* 5A op ~op */
    LINK_PACKET_OVERHEAD_BYTES = 6 /* n[2] and crc[4] */
};

/** Session block: reply to BEGIN. */
struct link_session {
    enum fota_err reason; /* FOTA_OK, or why nothing was begun; then the rest is 0 */
    uint8_t slot;         /* enum slot; SLOT_LOADER: a loader session */
    uint32_t session_id;
    uint32_t base;            /* bus address of the slot */
    uint32_t image_bytes;     /* size of the image for that slot */
    uint32_t resume_off;      /* where to start: bytes before it are in flash */
    uint32_t block_max_bytes; /* most data bytes in one BLOCK, a multiple of 4 */
};

/** Progress block: reply to BLOCK, FINISH, ACTIVATE, ABORT. */
struct link_progress {
    enum fota_err reason;
    uint32_t accepted_off; /* next offset the slave wants */
    uint32_t flashed_off;  /* bytes that are in flash and were read back */
};

/** Info block: reply to INFO, and what Read Memory finds at LINK_INFO_ADDR. */
struct link_info {
    uint8_t loader; /* enum link_loader */
    uint8_t protocol;
    uint8_t vendor_version;
    uint16_t chip_id;
    enum fota_err last_link_reason; /* why the last NACK */
    struct boot_info boot;
};

/** Name of an opcode as the manual and link_ops.h write it; "unknown" for any other. Never NULL. */
const char *link_op_name(uint8_t op);

/** The three bytes that start a command: 5A op ~op. */
void link_frame_store(uint8_t out[LINK_FRAME_BYTES], uint8_t op);

/** XOR of all bytes; 0 for none. */
uint8_t link_xor(const uint8_t *bytes, size_t n_bytes);

/**
 * Checksum of an AN4286 block: XOR of its bytes, or the complement if it is one byte long (AN4286 2.1).
 *
 * @param n_bytes  1 or more
 */
uint8_t link_checksum(const uint8_t *bytes, size_t n_bytes);

/** Bus address as AN4286 sends it: 4 bytes, MSB first, and their XOR. */
void link_address_store(uint8_t out[5], uint32_t addr);

/**
 * Build the vendor packet n[2] body[n] crc[4] around a body.
 *
 * @param out      room for n_bytes + LINK_PACKET_OVERHEAD_BYTES
 * @param body     may be out + 2 (built in place); NULL with n_bytes 0
 * @param n_bytes  0..LINK_REQUEST_MAX_BYTES
 * @return bytes stored
 */
size_t link_packet_store(uint8_t *out, const uint8_t *body, size_t n_bytes);

/**
 * Check a complete vendor packet (without the 3C of a reply). The body is at packet + 2.
 *
 * @param n_bytes       bytes at `packet`, exactly n + LINK_PACKET_OVERHEAD_BYTES
 * @param n_body_bytes  gets n
 * @return FOTA_OK · E_LINK_LENGTH (n does not fit n_bytes) · E_LINK_CHECKSUM
 */
FOTA_MUST_CHECK
enum fota_err link_packet_check(const uint8_t *packet, size_t n_bytes, size_t *n_body_bytes);

/** Session block as BEGIN answers it. */
void link_session_store(uint8_t out[LINK_SESSION_BLOCK_BYTES], const struct link_session *session);
/** Progress block as BLOCK, FINISH, ACTIVATE and ABORT answer it. */
void link_progress_store(uint8_t out[LINK_PROGRESS_BLOCK_BYTES], const struct link_progress *progress);
/** Info block as INFO answers it. */
void link_info_store(uint8_t out[LINK_INFO_BLOCK_BYTES], const struct link_info *info);

/**
 * @param board  the target's: an image that does not fit its slot cannot be meant
 * @return FOTA_OK · E_LINK_REPLY (length is not LINK_SESSION_BLOCK_BYTES, slot or block size out of range)
 */
FOTA_MUST_CHECK
enum fota_err link_session_load(const uint8_t *bytes, size_t n_bytes, const struct board_layout *board,
                                struct link_session *out);

/** @return FOTA_OK · E_LINK_REPLY (length is not LINK_PROGRESS_BLOCK_BYTES) */
FOTA_MUST_CHECK
enum fota_err link_progress_load(const uint8_t *bytes, size_t n_bytes, struct link_progress *out);

/** @return FOTA_OK · E_LINK_VERSION (an info block of another LINK_VENDOR_VERSION, of any length from 8 on) ·
 * E_LINK_REPLY (length is not LINK_INFO_BLOCK_BYTES, or not an info block) */
FOTA_MUST_CHECK
enum fota_err link_info_load(const uint8_t *bytes, size_t n_bytes, struct link_info *out);

#endif
