/**
 * The stand-ins of ESP-IDF from outside: what a test sets and sees. One ESP32 in a process, as on a chip; stand_in_reset is a
 * reset of it, stand_in_new a factory-fresh one.
 *
 * Time is virtual: it moves in waits, delays, transfers and flash work, and with it the board that hangs on the wires. Tasks are
 * threads of which one runs at a time; they change only where one waits, so the same calls give the same run.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "port/link_io.h"

enum {
    STAND_IN_FLASH_BYTES = 0x160000, /* of the staging partition */
    STAND_IN_SECTOR_BYTES = 4096,
    STAND_IN_OTA_BYTES = 0x40000, /* of ota_0 and of ota_1 */
    STAND_IN_APP_BYTES = 20000,   /* of the application that came by cable */
    STAND_IN_LINES = 64,
    STAND_IN_LINE_BYTES = 320
};

/** What the ESP32 has seen; counts since stand_in_new. */
struct stand_in_stats {
    uint64_t flash_ops;    /* writes and erases of the partition, writes of NVS */
    uint64_t flash_erases; /* sectors of the partition */
    uint64_t spi_bytes;
    uint64_t http_body_bytes;
    uint64_t http_blob_bytes; /* of it, of objects below v1/blobs/ */
    uint64_t http_requests;
    uint64_t http_connections;
    uint64_t longest_spin_us; /* the idle task did not run for so long, flash stalls apart */
    uint64_t restarts;        /* calls of esp_restart */
    uint64_t wdt_bites;       /* a watched task, or the idle task, was late for 5 s */
    uint64_t faults;          /* of use: stand_in_fault has the first */
};

/** Settings for the tests. */
struct stand_in_config {
    struct link_io *board; /* on the wires: a twin, or a fake; NULL: nothing answers */
    int nss, nrst, boot0;  /* pins of the ESP32 that go there */
    uint32_t erase_us;     /* of a sector; 0: 45,000 */
    uint32_t stage_bytes;  /* of the partition "fota_stage"; 0: all of it; 1: there is none */
    bool is_stage_encrypted;
    bool is_one_app;           /* there is no ota_1 */
    bool has_no_rollback;      /* neither bootloader nor application knows a trial */
    bool is_nvs_off;           /* nobody called nvs_flash_init */
    uint64_t utc_s;            /* what time() says at the start; it moves with virtual time */
    bool is_network_real;      /* waits for a server take virtual time, too: for tests of slow servers */
    uint32_t http_bytes_s;     /* of the network; 0: 500,000 */
    uint32_t tcp_window_bytes; /* arrive while nobody reads; 0: none */
    uint32_t tls_record_bytes; /* with a window: a record is there as a whole; 0: no TLS */
};

/** A new ESP32: blank flash, time 0. */
void stand_in_new(const struct stand_in_config *config);
/** Reset, or power on again: everything but flash and NVS is gone. Open connections are closed. */
void stand_in_reset(void);
/** A reset by a fault of the software. esp_restart() and the loss of power show in esp_reset_reason() by themselves. */
void stand_in_crash(void);

/**
 * Power fails in the `op`-th write or erase from now on, 1..; what of it happens is drawn from `seed`. From then on every call
 * fails, until stand_in_reset. 0: never.
 */
void stand_in_cut_at(uint64_t op, uint32_t seed);
/** The next call fails as if power were gone, at `point` calls to any stand-in that does I/O from now on; 0: never. */
void stand_in_end_at(uint64_t point);
bool stand_in_is_dead(void);

const struct stand_in_stats *stand_in_stats(void);
/** The first wrong use of the API, "" none. */
const char *stand_in_fault(void);

uint64_t stand_in_now_us(void);
/** Let time pass while every task waits. */
void stand_in_idle_us(uint64_t us);

/** Newest log line that holds this text; NULL: none. */
const char *stand_in_logged(const char *text);

/** Bytes of the staging partition, to look at and to damage. */
uint8_t *stand_in_flash(void);

/** Bytes of ota_0 or ota_1, to look at and to damage. */
uint8_t *stand_in_app(unsigned partition);
/** Which of them the bootloader started last. */
unsigned stand_in_running(void);
/** An application image that this bootloader starts; `number` makes it another one. */
void stand_in_app_make(uint8_t *out, size_t n_bytes, uint8_t number);
/** Where esp_restart() goes when the test itself runs the gateway; NULL: the task that calls it ends. */
void stand_in_restarts_to(jmp_buf *place);
/** What the Arduino core does before setup(): an application on trial is marked valid, unless verifyRollbackLater() says no. */
void stand_in_arduino_starts(void);

#endif
