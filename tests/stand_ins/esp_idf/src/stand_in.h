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
    uint64_t http_blob_bytes; /* of it, in replies with 200 or 206, of objects below v1/blobs/ */
    uint64_t http_requests;
    uint64_t http_connections;
    uint64_t wifi_drops;      /* the network was lost */
    uint64_t wifi_connects;   /* calls of esp_wifi_connect */
    uint64_t longest_spin_us; /* the idle task did not run for so long, flash stalls apart */
    uint64_t restarts;        /* calls of esp_restart */
    uint64_t stack_bytes;     /* the most that a task used, in frames of this machine */
    uint64_t wdt_bites;       /* a watched task, or the idle task, was late for 5 s */
    uint64_t page_requests;   /* that a handler of esp_http_server got */
    uint64_t page_connections;
    uint64_t page_head_bytes; /* longest headers of a request to esp_http_server */
    uint64_t page_slow;       /* handlers of it that took more than 1 s */
    uint64_t faults;          /* of use: stand_in_fault has the first */
};

/** Settings for the tests. */
struct stand_in_config {
    struct link_io *board; /* on the wires: a twin, or a fake; NULL: nothing answers */
    int nss, nrst, boot0;  /* pins of the ESP32 that go there */
    uint32_t erase_us;     /* of a sector; 0: 45,000 */
    uint32_t stage_bytes;  /* of the partition "fota_stage"; 0: all of it; 1: there is none */
    bool is_stage_encrypted;
    bool is_one_app;       /* there is no ota_1 */
    bool has_no_rollback;  /* neither bootloader nor application knows a trial */
    bool is_nvs_off;       /* nobody called nvs_flash_init */
    uint64_t utc_s;        /* what time() says at the start; it moves with virtual time; 0: since the reset */
    uint64_t sntp_s;       /* what a time server says at the start; 0: none answers */
    uint32_t random;       /* esp_random draws from it; 0: it says 4 */
    bool is_network_real;  /* waits for a server take virtual time, too: for tests of slow servers */
    uint32_t http_bytes_s; /* of the network; 0: 500,000 */
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

/**
 * The `point`-th call from now on to a stand-in that does I/O, 1.., is not made; of a transfer any part is. The task that makes it
 * ends there: no line of it runs any more, and nothing of the others. In a test without tasks every call fails from then on.
 * Pins keep their levels, and time goes on, until stand_in_reset. 0: never.
 */
void stand_in_end_at(uint64_t point);
/** Calls of that kind since stand_in_new. */
uint64_t stand_in_points(void);
/** Power is gone, or a task was ended. */
bool stand_in_is_dead(void);

/** Flash, NVS, clock and counts of an ESP32, as malloc gives memory for it; NULL: none left. To be freed with free. */
struct stand_in_snapshot *stand_in_save(void);
/** Back to that, and a reset. The board on the wires is as it was then: the caller saw to it. */
void stand_in_restore(const struct stand_in_snapshot *snapshot);

const struct stand_in_stats *stand_in_stats(void);
/** The first wrong use of the API, "" none. */
const char *stand_in_fault(void);

/* --- network ---------------------------------------------------------------------------------------------- */
/* Without esp_wifi_init the network is there from the start. With it, it is there from IP_EVENT_STA_GOT_IP on. */

/** The access point in reach: "home" with "password" on a new ESP32. NULL: none is. A station that is connected stays so. */
void stand_in_wifi_air(const char *ssid, const char *password);
/**
 * The network is lost: a station hears WIFI_EVENT_STA_DISCONNECTED, open connections stay silent for ever.
 *
 * @param reason   of the event: 200 the access point is silent, 8 it went away
 * @param down_us  so long it cannot be had again; then a station that connects has it, and who uses no Wi-Fi has it at once
 */
void stand_in_wifi_drop(uint8_t reason, uint64_t down_us);
/** The same after every `n_bytes` that HTTP received from now on, heads included; 0: no more. */
void stand_in_wifi_drop_every(uint64_t n_bytes, uint64_t down_us);
bool stand_in_network_is_up(void);
/** Password of the ESP32's own access point; NULL: it has none. */
const char *stand_in_wifi_hosts(void);

uint64_t stand_in_now_us(void);
/** Let time pass while every task waits. */
void stand_in_idle_us(uint64_t us);
/** The task of the test waits for so long, or until another one is ended; the others run. */
void stand_in_wait_us(uint64_t us);

/** Newest log line that holds this text; NULL: none. */
const char *stand_in_logged(const char *text);

/** What drives the inputs; NULL: nothing, a pull-up makes them high. Until the next reset. */
void stand_in_input(bool (*level)(int pin, uint64_t since_reset_us));

/** Port of 127.0.0.1 where esp_http_server listens, 0: it does not. */
int stand_in_page_port(void);

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
