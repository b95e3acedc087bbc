/**
 * Two boards on one set of wires: the firmware of the master drives SPI1, NSS, NRST and BOOT0 of the slave.
 *
 * Both run in virtual time, in lock-step. The master leads: its byte or its pin is what the slave can notice, so the
 * slave is brought up to that instant before it happens. Nothing but MISO comes back, and MISO is asked for then. So
 * the slave is never ahead of an event, nothing is guessed, and the same calls give the same run to the byte.
 *
 * SCK, MOSI and MISO of the two are tied pin to pin (PA5 to PA7). NSS and NRST have a pull-up, BOOT0 a pull-down: that
 * is what the slave sees while the master is in reset, has no power, or has not set up its pins. The wires are mode 0:
 * a master in another mode is a violation of the slave's board, and the bits are wrong, as on real wires. A master that
 * drives NRST high instead of letting go of it breaks a rule too.
 */
#ifndef TWIN_JOIN_H
#define TWIN_JOIN_H

#include "twin/twin.h"

/** A pin of the master. */
struct twin_join_pin {
    char port;    /* 'A'..'I' */
    unsigned pin; /* 0..15 */
};

/** Which pins of the master go where. */
struct twin_join_wiring {
    struct twin_join_pin nss;   /* a GPIO */
    struct twin_join_pin nrst;  /* a GPIO, open drain */
    struct twin_join_pin boot0; /* a GPIO */
};

/** Public only to be embedded; plain, so that a copy goes with the snapshots of both boards. */
struct twin_join {
    struct twin *master;
    struct twin *slave;
    struct twin_join_wiring wiring;
    uint64_t offset_ps;    /* add it to the master's time for the slave's; modulo 2^64 */
    uint64_t byte_end_ps;  /* slave's time */
    enum twin_stop broken; /* TWIN_STOP_VIOLATION: the slave's firmware broke a rule; else TWIN_STOP_TIME */
    uint8_t mosi;
    bool is_in_byte;
    bool nss, nrst, boot0; /* as the slave has them */
    bool told_mode, told_nrst;
};

/**
 * Wire them up. Either may have run before, in power or not: their clocks need not show the same. From now on
 * only twin_join_run_until runs them. Both must outlive the join, or twin_unjoin comes first.
 */
void twin_join(struct twin_join *join, struct twin *master, struct twin *slave,
               const struct twin_join_wiring *wiring);
/** Cut the wires: the slave's NSS and NRST go high, BOOT0 low. */
void twin_unjoin(struct twin_join *join);

/**
 * Run both until the master's time is `time_ns`. A breakpoint of the slave is ignored.
 * @return as twin_run_until of the master · TWIN_STOP_VIOLATION also for the slave's (strict mode), up to 1 ms after it
 */
enum twin_stop twin_join_run_until(struct twin_join *join, uint64_t time_ns);

#endif
