/**
 * ST's ROM loader as a programmer: the last rung of the ladder, when sector 0 itself is gone.
 *
 * What it takes care of (AN4286, AN2606): entry by BOOT0 and NRST with several resets, since some chips need
 * two; x32 programming, which the ROM only does when told the supply; an ACK on MISO that is older than the
 * question; an erase that is acknowledged before it is over; writes that are acknowledged whatever became of
 * them. So nothing counts as written before it was read back, and every byte of an erased sector is read.
 *
 * The supply must be 2.7 V or more (RM0090 3.6.2), as for everything else in this system.
 */
#ifndef LINK_CLIENT_LINK_ROM_H
#define LINK_CLIENT_LINK_ROM_H

#include "link_client/link_client.h"

enum {
    LINK_ROM_ENTRIES = 3,         /* resets into the ROM before it counts as silent */
    LINK_ROM_VERSION_SPI = 0x90,  /* from this version on the ROM has SPI (AN2606) */
    LINK_ROM_SECTOR_ATTEMPTS = 3, /* erases of one sector */
    LINK_ROM_VERIFY_BYTES = 4096  /* written in one go before they are read back */
};

/** What the ROM says about itself and the chip. */
struct link_rom {
    uint8_t version;  /* 0x91 = V9.1, as it stands at 0x1FFF77DE */
    uint8_t protocol; /* 0x11 = V1.1 */
    uint16_t chip_id;
    uint16_t protected_sectors; /* bit n: sector n is write-protected (option bytes) */
    bool is_x32;                /* it took the supply voltage; else it programs bytes */
};

/** Whoever watches a long command; may be NULL. `n_bytes` more bytes are done. */
struct link_rom_watch {
    void (*on_bytes)(void *ctx, uint32_t n_bytes);
    void *ctx;
};

/**
 * Reset into the ROM, get into step, and learn what it is. NRST is pulsed: not while a flash operation may be
 * running (the caller was silent or idle for LINK_CLIENT_ERASE_MAX_MS).
 *
 * Takes:     0.2 s; ≤ 10 s when nothing answers
 * Power cut: as link_client_reset
 * @return FOTA_OK · E_LINK_ROM_SILENT (ROM V3.1 has no SPI; BOOT0, NRST or SPI1 not wired; no power) ·
 *         E_LINK_BOOT0 (one of our loaders answers: BOOT0 does not reach the chip) · E_LINK_CHIP ·
 *         E_LINK_PROTECTED (RDP: the ROM refuses to read) · E_IO
 */
FOTA_MUST_CHECK
enum fota_err link_rom_enter(struct link_client *c, struct link_rom *out);

/** What a range of memory shall hold: `bytes` from its start, FF after them. */
struct link_rom_area {
    uint32_t addr;
    uint32_t span_bytes; /* a multiple of LINK_WRITE_MAX_BYTES */
    const uint8_t *bytes;
    uint32_t n_bytes; /* ≤ span_bytes; 0: blank */
};

/**
 * Make a sector hold `area`, which is all of it: erase, write, read back every byte. The first
 * LINK_WRITE_MAX_BYTES go last, so that a sector of code is either without vectors or complete.
 *
 * Takes:     an erase (1 s typical for 128 KB), 7 s for 128 KB of data at 4 MHz
 * Power cut: the sector is suspect until a later call for it returns FOTA_OK. If it was to hold data it does
 * not look right then: its first bytes are missing.
 * @return FOTA_OK · E_ARG · E_FLASH_VERIFY (after LINK_ROM_SECTOR_ATTEMPTS erases) · E_FLASH_NOT_BLANK (the
 * same, of a blank part: the sector is protected or worn out) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_rom_store(struct link_client *c, uint16_t sector, const struct link_rom_area *area,
                             const struct link_rom_watch *watch);

/**
 * Compare memory with `area`.
 * @return FOTA_OK · E_FLASH_VERIFY · E_FLASH_NOT_BLANK (in what should be FF) · transport errors
 */
FOTA_MUST_CHECK
enum fota_err link_rom_compare(struct link_client *c, const struct link_rom_area *area,
                               const struct link_rom_watch *watch);

#endif
