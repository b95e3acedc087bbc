/**
 * The wires of a bench: link_io.h in front of those of the board, with one disturbance at a moment that a random number
 * chose, in the middle of a transfer or a pause too, and a clock that may be faster than the link asks for.
 */
#ifndef CLI_HIL_WIRES_H
#define CLI_HIL_WIRES_H

#include "port/link_io.h"
#include "port_linux/linux_relay.h"
#include "twin/twin.h"

/** What switches the supply of the board: its relay, or the twin's; none of both: nothing. */
struct hil_power {
    struct linux_relay *relay;
    struct twin *twin;
    uint32_t off_ms;
};

enum hil_upset { HIL_UPSET_NONE, HIL_UPSET_NRST, HIL_UPSET_POWER };

/** Zero it, then hil_wires_init. */
struct hil_wires {
    struct link_io io; /* first member */
    struct link_io *inner;
    struct hil_power power;
    enum hil_upset upset; /* what happens at upset_us; NONE afterwards */
    uint64_t upset_us;
    unsigned n_upsets; /* that happened */
    bool is_reset;     /* NRST is low just now */
    uint32_t fast_hz;  /* clock in place of each one without gaps; 0: as asked for */
    uint32_t asked_hz; /* by the link, last */
    uint32_t hz, gap_us;
    uint64_t n_bytes; /* clocked */
};

/** @param inner  of the board; outlives the wires */
void hil_wires_init(struct hil_wires *w, struct link_io *inner);

/**
 * From now on this clock in place of each one without gaps; 0: as the link asks. The link sets its clock only when it meets
 * the target, so the clock of now changes too.
 * @return FOTA_OK · as link_io_set_clock
 */
FOTA_MUST_CHECK
enum fota_err hil_wires_hurry(struct hil_wires *w, uint32_t fast_hz);

/** Plan a disturbance `us` from now. */
void hil_wires_plan(struct hil_wires *w, enum hil_upset upset, uint64_t us);

/** Is there anything that switches the supply? */
bool hil_power_exists(const struct hil_power *p);

/** Switch it.
 *  @return FOTA_OK · E_IO */
FOTA_MUST_CHECK
enum fota_err hil_power_set(const struct hil_power *p, bool is_on);

#endif
