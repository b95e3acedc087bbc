/** What the stand-ins share. */
#ifndef STAND_IN_PRIV_H
#define STAND_IN_PRIV_H

#include "esp_partition.h"
#include "stand_in.h"

struct stand_in_world {
    struct stand_in_config config;
    struct stand_in_stats stats;
    char fault[256];
    uint64_t own_us;  /* time without a twin */
    uint64_t base_us; /* the twin's time at stand_in_new */
    uint64_t reset_us;
    uint64_t idle_us;   /* when the idle task last ran */
    uint64_t stall_us;  /* flash stalls since then */
    uint64_t stalls_us; /* all of them */
    uint64_t cut_op, end_point, n_points;
    uint32_t random;
    bool is_dead;
    uint64_t clock_us;  /* when SNTP set the clock; 0: it did not */
    uint32_t n_outages; /* of the network */
    char line[STAND_IN_LINES][STAND_IN_LINE_BYTES];
    unsigned n_lines;
};
extern struct stand_in_world stand_in;

/** A wrong use of the API that the original would punish or forgive: told to the test. */
void stand_in_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Time passes while this task computes, or waits busily. */
void stand_in_busy_us(uint64_t us);
/** Time passes while the flash is busy: nothing runs. */
void stand_in_stall_us(uint64_t us);
/** @return false: power is gone, now or before. Does not return to a task that ends here. */
bool stand_in_alive(void);
/** Will stand_in_alive say now that this is the end? Then a transfer may be made in part. */
bool stand_in_ends_here(void);
/**
 * Counts a write or erase.
 * @return true: power fails in it
 */
bool stand_in_flash_op(void);
uint32_t stand_in_draw(uint32_t below);

/** A task lets the others run until `until_us`, or until it is notified. */
void stand_in_sleep_until(uint64_t until_us);
/** The same, until somebody wakes those who wait on `what`. */
void stand_in_wait_on(const void *what, uint64_t until_us);
void stand_in_wake(const void *what);
/**
 * Without power a task stays where it is until the reset; the test's own goes on.
 *
 * @return false: no power
 */
bool stand_in_task_goes_on(void);
/** When a wait of so many ticks ends; portMAX_DELAY: never. */
uint64_t stand_in_ticks_from_now(uint32_t ticks);

/* events.c: an event for the handlers; its data are copied */
void stand_in_post(const char *base, int32_t id, const void *data, size_t n_bytes);
/**
 * Of wifi.c: what is due at this time.
 *
 * @return when the next thing is, UINT64_MAX: never
 */
uint64_t stand_in_wifi_work(void);
/** Something is due earlier than it was. */
void stand_in_wifi_hurry(void);
/* what http.c must know: is there a network; connections that an outage met are silent for ever */
void stand_in_count_received(size_t n_bytes);
/** @return at most `most`: bytes until the network is to be lost */
size_t stand_in_receivable(size_t most);

/* of tasks.c: all but the caller are gone */
void stand_in_reset_tasks(void);
void stand_in_reset_events(void);
void stand_in_reset_wifi(bool is_new);
/** The task that calls ends here, unless it is the test's own. */
void stand_in_stop_here(void);
/* of flash.c */
size_t stand_in_flash_bytes(void);
void stand_in_save_flash(uint8_t *to);
void stand_in_restore_flash(const uint8_t *from);
void stand_in_check_watchdogs(void);
void stand_in_reset_wires(void);
void stand_in_reset_http(void);
void stand_in_reset_page(void);
void stand_in_reset_flash(bool is_new);
void stand_in_reset_ota(bool is_new);
/** Bytes of an application partition; NULL: it is none. */
uint8_t *stand_in_app_memory(const esp_partition_t *partition);

#endif
