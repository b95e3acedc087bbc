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
/** @return false: power is gone, now or before */
bool stand_in_alive(void);
/**
 * Counts a write or erase.
 * @return true: power fails in it
 */
bool stand_in_flash_op(void);
uint32_t stand_in_draw(uint32_t below);

/** A task lets the others run until `until_us`, or until it is notified. */
void stand_in_sleep_until(uint64_t until_us);
/* of tasks.c: all but the caller are gone */
void stand_in_reset_tasks(void);
void stand_in_check_watchdogs(void);
void stand_in_reset_wires(void);
void stand_in_reset_http(void);
void stand_in_reset_flash(bool is_new);
void stand_in_reset_ota(bool is_new);
/** Bytes of an application partition; NULL: it is none. */
uint8_t *stand_in_app_memory(const esp_partition_t *partition);

#endif
