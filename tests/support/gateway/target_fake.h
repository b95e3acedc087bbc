/**
 * A target on the host: the real update core and the real link pump over fake flash, behind a byte-accurate
 * SPI slave in virtual time, with noise on the wires. What runs is a script: an application that confirms, or
 * one that hangs until the watchdog bites.
 */
#ifndef TARGET_FAKE_H
#define TARGET_FAKE_H

#include "fake/flash_fake.h"
#include "link/link_pump.h"
#include "port/clock.h"
#include "port/link_io.h"
#include "update/update.h"

enum {
    TARGET_FAKE_SECTORS = 12,
    TARGET_FAKE_WORDS = 0x100000 / 4,
    TARGET_FAKE_BOOT_MS = 150,       /* wires are dead for so long after a reset */
    TARGET_FAKE_CONFIRM_MS = 300,    /* a good application confirms so long after its start */
    TARGET_FAKE_WATCHDOG_MS = 2000,  /* a bad one is reset after so long */
    TARGET_FAKE_OPTIONS = 0x0FFFAAED /* as delivered (RM0090 3.9.10): nothing is write-protected */
};

struct target_fake {
    struct link_io io; /* first member: the wires */
    struct clock clock;
    uint64_t now_ns;
    uint64_t ms_begun_ns; /* when the millisecond began that now_ns lies in: number `ms` */
    uint32_t ms;
    /* wires */
    uint64_t byte_ns;
    uint32_t gap_ns;
    bool is_selected;
    bool is_in_reset;
    /* noise: one damaged byte in `noise_period` on either line, 0 none */
    uint32_t noise_period;
    uint32_t noise_seed;
    uint32_t n_damaged;
    /* the slave's registers */
    uint8_t rx[16384];
    size_t n_rx;
    uint8_t tx[512];
    size_t n_tx, tx_at;
    uint8_t tx_next;
    uint8_t answer, then;
    bool is_answer_turn;
    /* software */
    struct flash_fake flash;
    struct flash_fake_sector sectors[TARGET_FAKE_SECTORS];
    uint32_t words[TARGET_FAKE_WORDS];
    struct flash_cell cells[TARGET_FAKE_WORDS];
    struct update_config config;
    struct crypto_sha256 hash; /* config.hash */
    uint32_t option_bytes;     /* FLASH_OPTCR; bit 17 clear: sector 1 is write-protected */
    bool lends_no_memory;      /* the application has no room for a loader */
    uint32_t loader_bytes;     /* of the open loader session, else 0 */
    uint32_t loader_memory[FLASH_LOADER_BYTES / 4];
    uint32_t n_loader_erases;
    struct update update;
    struct link_pump pump;
    enum slot running;
    bool is_trial;
    uint32_t running_version;
    uint64_t started_ns;
    bool is_deaf_to_finish; /* FINISH fails with E_UPDATE_BUSY */
    bool is_busy;           /* the application allows no restart: ACTIVATE fails with E_UPDATE_BUSY */
    bool damages_flash;     /* FINISH finds other bytes than were sent */
    uint64_t utc_back_s;    /* the gateway's clock shows so much less; at 1970 it has none */
    bool is_dead;           /* no power: nothing answers */
    uint32_t bad_version;   /* this version never confirms */
    uint32_t n_boots;
    uint32_t n_erases;
    uint32_t n_trial_runs;
};

/** Blank board with one release key; not started. */
void target_fake_init(struct target_fake *t, const uint8_t release_point[CRYPTO_POINT_BYTES]);

/** Factory: an image in slot A of a blank board, power on, and a second for the application to confirm. */
void target_fake_factory(struct target_fake *t, const uint8_t *image, uint32_t n_bytes);

/** What sector 1 holds: an image, as the factory programs it. */
void target_fake_loader(struct target_fake *t, const uint8_t *image, uint32_t n_bytes);

/** Reset or power-on: bootloader, then what it chose. */
void target_fake_boot(struct target_fake *t, enum reset_cause cause);

/** Let virtual time pass; the software runs once a millisecond. */
void target_fake_run_ms(struct target_fake *t, uint32_t ms);

#endif
