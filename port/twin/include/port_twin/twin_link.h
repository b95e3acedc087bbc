/**
 * link_io on an in-process twin: SPI, NRST and BOOT0 drive the emulated pins, and time is the twin's virtual
 * time.
 */
#ifndef PORT_TWIN_TWIN_LINK_H
#define PORT_TWIN_TWIN_LINK_H

#include "port/link_io.h"
#include "twin/twin.h"

/** Public only to be embedded; `last_stop` says why the twin stood still when a call returned E_IO. */
struct twin_link {
    struct link_io io;
    struct twin *twin;
    uint32_t clock_hz;
    uint32_t gap_ns;
    enum twin_stop last_stop;
};

/**
 * @param twin  powered or not; must outlive the link
 * Starts at 1 MHz without gaps. A twin that stops for any reason but time (power, lock-up, violation,
 * breakpoint) makes transfers return E_IO; a lock-up does not, because the wires of a dead chip still clock:
 * bytes read as they float.
 */
void twin_link_init(struct twin_link *link, struct twin *twin);

#endif
