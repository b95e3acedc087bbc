/**
 * Link client: the host's side of AN4286 V1.1 and of our vendor commands, over port/link_io.h.
 *
 * It talks to whatever answers: the agent in the application, the bootloader's loader, or ST's ROM. No heap,
 * no operating system, no clock of its own (time comes from the link_io); one `struct link_client` per
 * target.
 *
 * Trust nothing that arrives. An ACK stands on the wire until another byte replaces it, and ST's ROM repeats
 * its last byte until it loads a new one. So the first poll byte is thrown away, and every sync and erase is
 * cross-checked with Get ID. Vendor replies carry a CRC-32; a damaged one is cured by repeating the command,
 * at most `attempts` times.
 *
 * Results: a target's own reason (E_FLASH_*, E_IMAGE_*, E_STATEMENT_*, E_UPDATE_*, E_SLOT_*) is returned as
 * it came. Transport errors are E_IO, E_TIMEOUT, E_LINK_*; `link_client_is_transport` tells them apart.
 */
#ifndef LINK_CLIENT_LINK_CLIENT_H
#define LINK_CLIENT_LINK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/board_layout.h"
#include "base/err.h"
#include "link/link_codec.h"
#include "port/link_io.h"

/** Longest waits. Flash figures are DS8626's maxima (tables 40, 42) at the slowest parallelism the ROM uses
 * (x8). */
enum {
    LINK_CLIENT_ERASE_MAX_MS = 4000, /* one 128 KB sector */
    LINK_CLIENT_WRITE_MAX_MS = 100,  /* 256 bytes, byte-wise: 25.6 ms, and a margin */
    LINK_CLIENT_COMMAND_MAX_MS =
        4000, /* an agent's core may stall for the erase of a sector before it answers */
    LINK_CLIENT_QUICK_MAX_MS = 250,   /* first try of a command on a loader that answers at once: a frame that
                                         noise   took is not waited for; later tries wait for a stalled core */
    LINK_CLIENT_BEGIN_MAX_MS = 5000,  /* a signature and a journal record, perhaps after an erase */
    LINK_CLIENT_BLOCK_MAX_MS = 9000,  /* at worst two sector erases stand before a block's last byte */
    LINK_CLIENT_FINISH_MAX_MS = 6000, /* rest of the flash work, hash and signature of a whole slot */
    LINK_CLIENT_SYNC_MAX_MS = 1000,   /* one sync attempt */
    LINK_CLIENT_READ_MAX_BYTES = 256,
    LINK_CLIENT_PROTECT_MAX_SECTORS = 12
};

/** Settings; zero fields take the default in brackets. */
struct link_client_config {
    uint32_t clock_hz; /* [8,000,000] SPI clock once vendor commands were found (AN2606: at most 8 MHz) */
    uint32_t safe_clock_hz; /* [1,000,000] SPI clock until then, and for ST's ROM */
    uint32_t safe_gap_us;   /* [15] pause between bytes until then (AN4286 1) */
    uint32_t rom_clock_hz;  /* [4,000,000] SPI clock of a ROM loader that proved itself; after damage the safe
                               one again */
    uint8_t attempts;       /* [8] tries of one command before it is abandoned */
    uint8_t sync_attempts;  /* [5] tries of a sync before E_LINK_NO_LOADER */
    const struct board_layout *board; /* [BOARD_OWN] the target's, until INFO names another that is known */
};

struct link_client_stats {
    uint32_t commands; /* command frames sent */
    uint32_t repeats;  /* commands sent again after damage */
    uint32_t nacks;
    uint32_t timeouts;
    uint32_t damaged; /* replies with a wrong CRC, length or content */
    uint32_t syncs;
    uint64_t bytes; /* bytes clocked */
};

/** Fields are the client's own; read `stats` and `board` only. */
struct link_client {
    struct link_io *io;
    const struct board_layout *board; /* of the target; never NULL */
    struct link_client_config config;
    struct link_client_stats stats;
    bool has_vendor;         /* INFO was answered: fast clock, no gaps */
    bool in_request;         /* the last NACK answered a vendor request, so INFO knows why */
    bool is_rom;             /* link_rom_enter found ST's ROM: pauses for its flash work */
    bool is_rom_fast;        /* and it takes config.rom_clock_hz */
    uint32_t rom_unit_us;    /* flash time of one program unit to wait before a poll */
    uint32_t rom_unit_bytes; /* size of that unit: 1 until the ROM was told the supply, then 4 */
    uint32_t sync_max_ms;    /* longest wait of one sync attempt */
    bool is_first_try;       /* of a command that will be repeated: see LINK_CLIENT_QUICK_MAX_MS */
};

/** What answers on the wire. */
enum link_peer_kind {
    LINK_PEER_PLAIN,      /* AN4286 without vendor commands: ST's ROM */
    LINK_PEER_BOOTLOADER, /* our bootloader's loader */
    LINK_PEER_AGENT       /* the agent inside the application */
};

struct link_peer {
    enum link_peer_kind kind;
    uint8_t protocol; /* as Get reports it, 0x11 = V1.1 */
    uint16_t chip_id;
    struct link_info info; /* all zero for LINK_PEER_PLAIN */
};

enum link_boot { LINK_BOOT_FLASH, LINK_BOOT_ROM };

/**
 * @param io      open port; must outlive the client
 * @param config  NULL for the defaults
 */
void link_client_init(struct link_client *c, struct link_io *io, const struct link_client_config *config);

/** True if `err` says something about the wire, not about what was asked: worth another try later. */
bool link_client_is_transport(enum fota_err err);

/* --- pins -------------------------------------------------------------------------------------------- */

/**
 * Reset the target and choose what it starts: NSS high, BOOT0 set 1 ms before, NRST low 2 ms, BOOT0 held 10
 * ms (it is sampled 4 clocks after release, RM0090 2.4), for the ROM 150 ms of start-up (AN2606) and BOOT0
 * back to low.
 *
 * Takes:     13 ms, ROM 163 ms. Then sync; the bootloader needs up to 200 ms to start an application.
 * Power cut: a reset in an erase or program leaves that sector or word suspect, as a power cut does.
 * @return FOTA_OK · E_IO
 */
FOTA_MUST_CHECK
enum fota_err link_client_reset(struct link_client *c, enum link_boot boot);

/* --- AN4286 ------------------------------------------------------------------------------------------ */

/**
 * Get into step with the loader, from any state it may be in, and prove it with Get ID.
 *
 * Takes: ≤ sync_attempts × (SYNC_MAX_MS + 0.5 s); about 1 ms when the loader is idle
 * @return FOTA_OK · E_LINK_NO_LOADER · E_LINK_CHIP (a loader of another chip, in the last try too) · E_IO
 */
FOTA_MUST_CHECK
enum fota_err link_client_sync(struct link_client *c);

/**
 * Sync, ask Get, and INFO: Get is the same for every loader of this chip, and ST's ROM refuses INFO. Sets the
 * clock that fits the peer.
 * @return FOTA_OK · E_LINK_NO_LOADER · E_LINK_REPLY · E_LINK_VERSION (our loader, of another vendor version)
 * · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_detect(struct link_client *c, struct link_peer *out);

/**
 * Get: protocol version and supported opcodes.
 * @param opcodes    room for `cap` opcodes
 * @param n_opcodes  how many the loader has (≤ cap)
 * @return FOTA_OK · E_NO_SPACE (more than `cap`) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_get(struct link_client *c, uint8_t *protocol, uint8_t *opcodes, uint8_t cap,
                              uint8_t *n_opcodes);

/**
 * Get Version.
 * @return FOTA_OK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_get_version(struct link_client *c, uint8_t *protocol);

/**
 * Get ID.
 * @param chip_id  0x413 for STM32F407.
 * @return FOTA_OK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_get_id(struct link_client *c, uint16_t *chip_id);

/**
 * Read Memory.
 * @param n_bytes  1..256
 * @return FOTA_OK · E_ARG · E_LINK_NACK (address not allowed, or readout protection) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_read(struct link_client *c, uint32_t addr, uint8_t *bytes, uint32_t n_bytes);

/**
 * Write Memory once. A loader does not report a program error (AN4286 2.7): use link_client_write_checked for
 * flash.
 * @param addr     multiple of 4
 * @param n_bytes  4..256, multiple of 4 (AN2606, STM32F4: otherwise all later writes fail)
 * Power cut:  as flash_program: words before the cut are solid, one word is suspect.
 * @return FOTA_OK · E_ARG · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_write(struct link_client *c, uint32_t addr, const uint8_t *bytes, uint32_t n_bytes);

/**
 * Write and read back; a write whose ACK was lost is not repeated if the bytes stand already.
 * Power cut: as link_client_write.
 * @return FOTA_OK · E_FLASH_VERIFY · as link_client_write
 */
FOTA_MUST_CHECK
enum fota_err link_client_write_checked(struct link_client *c, uint32_t addr, const uint8_t *bytes,
                                        uint32_t n_bytes);

/**
 * Erase one sector. One per command: with N = 0 both readings of the checksum rule in AN4286 2.8 agree.
 * Some loaders show the ACK before the erase is over; Get ID afterwards proves that it is.
 * Takes:     1 s typical, ERASE_MAX_MS at most
 * Power cut: as flash_erase_sector.
 * @return FOTA_OK · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_erase(struct link_client *c, uint16_t sector);

/**
 * Go. Our loaders start the verified image whatever the address.
 * @return FOTA_OK · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_go(struct link_client *c, uint32_t addr);

/**
 * Protection commands; ours are refused (NACK) by every loader of this project, they exist for the factory
 * and the ROM. The target resets afterwards: sync again.
 * Power cut:  option bytes may be torn (RM0090 3.7); factory only, never in the field.
 * @param sectors  1..12 sector numbers
 * @return FOTA_OK · E_ARG · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_write_protect(struct link_client *c, const uint8_t *sectors, uint32_t n_sectors);

/**
 * Write Unprotect.
 * Power cut:  as link_client_write_protect.
 * @return FOTA_OK · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_write_unprotect(struct link_client *c);

/**
 * Readout Protect, level 1.
 * Power cut:  as link_client_write_protect.
 * @return FOTA_OK · E_LINK_NACK · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_readout_protect(struct link_client *c);

/**
 * Readout Unprotect: ERASES THE WHOLE FLASH.
 * Power cut:  flash is undefined.
 * @return FOTA_OK · E_LINK_NACK · transport
 */
FOTA_MUST_CHECK
enum fota_err link_client_readout_unprotect(struct link_client *c);

/* --- vendor commands --------------------------------------------------------------------------------- */

/**
 * INFO. Takes ≤ COMMAND_MAX_MS.
 * @return FOTA_OK · E_LINK_NO_VENDOR · E_LINK_VERSION · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_info(struct link_client *c, struct link_info *out);

/**
 * BEGIN: open or resume the session of a release, or of a loader (out->slot is SLOT_LOADER then). The target
 * checks the statement before it erases anything.
 * @param statement  release or loader statement
 * @param n_bytes  1..LINK_STATEMENT_MAX_BYTES
 * Power cut:  the inactive slot is not bootable until ACTIVATE, the active slot is untouched.
 * @return FOTA_OK · E_ARG · the target's reason · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_begin(struct link_client *c, const uint8_t *statement, uint32_t n_bytes,
                                struct link_session *out);

/**
 * How long the block at `off` should be for the least time and, after a reset of either side, the least to
 * send again: short where a sector begins, because its erase waits for it, and none across the end of a
 * sector. The target answers the last block of a sector when it is in flash, so what is sent again is never
 * more than one sector.
 * @return 1..block_max_bytes; the rest of the image may be less
 */
uint32_t link_client_block_bytes(const struct link_client *c, uint32_t off, uint32_t block_max_bytes);

/**
 * BLOCK: offer image bytes. If `off` is not what the target wants, it ignores them and `out->accepted_off`
 * says where to go on; that is not an error.
 * @param bytes    the image from `off` on
 * @param n_bytes  1..session's block_max_bytes; a multiple of 4 except in the last block
 * Power cut: bytes below flashed_off are in flash; the session resumes at a sector boundary.
 * @return FOTA_OK · E_ARG · the target's reason (of this or an earlier block) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_block(struct link_client *c, uint32_t session_id, uint32_t off,
                                const uint8_t *bytes, uint32_t n_bytes, struct link_progress *out);

/**
 * HASH: SHA-256 of bytes that this session brought.
 * @return FOTA_OK · the target's reason (E_LINK_ADDRESS: other bytes) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_hash(struct link_client *c, uint32_t off, uint32_t n_bytes, uint8_t sha256[32]);

/**
 * FINISH: the target verifies what is in its flash and marks the slot pending; in a loader session it
 * verifies what it holds in RAM and writes it to sector 1, and nothing is to be activated.
 * Power cut:  pending or still receiving; a loader: the old one, the new one, or none, and then it is offered
 *             again.
 * @return FOTA_OK · the target's reason · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_finish(struct link_client *c, uint32_t session_id, struct link_progress *out);

/**
 * ACTIVATE: the slot becomes a trial, the target resets after its reply. A transport error leaves open
 * whether it did: ask INFO.
 * Power cut:  pending or trial.
 * @return FOTA_OK · the target's reason · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_activate(struct link_client *c, uint32_t session_id, struct link_progress *out);

/**
 * RETRY: the operator wants a rejected release tried again. Only a number above info.retry changes anything.
 * Power cut: the rejection is lifted or not.
 * @return FOTA_OK · the target's reason · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_retry(struct link_client *c, uint32_t number, struct link_progress *out);

/**
 * ABORT: close the session.
 * Power cut:  receiving or empty.
 * @return FOTA_OK · the target's reason · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_client_abort(struct link_client *c, uint32_t session_id, struct link_progress *out);

#endif
